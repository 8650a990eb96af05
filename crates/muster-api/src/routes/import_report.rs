//! Parts of what an import says of itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One correction for every cell of a column that says the same.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ImportCorrection {
    /// The column's header in the file.
    column: String,
    /// What stands there, without regard to case and outer spaces; empty for empty cells, `*` for every cell.
    found: String,
    /// What shall stand there.
    value: String,
}

/// A correction and what it did.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ImportCorrected {
    column: String,
    found: String,
    value: String,
    /// Cells that were corrected; 0 if nothing stood there so.
    cells: u64,
}

/// Counted people of one type.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ImportSeats {
    user_type: String,
    before: u64,
    after: u64,
}

/// Rows of people whom the system that wrote the file had switched off.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ImportInactive {
    rows: u64,
    /// `contacts`, `disabled`, `leave_out`, or `enabled` where everybody is activated.
    become_what: String,
    /// Whether `inactive` was given.
    chosen: bool,
}

/// Rows that have the same problem.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ImportCause {
    column: Option<String>,
    /// Without what is so of one row only.
    reason: String,
    mend: String,
    /// The option of the import that would allow it, such as `create_sites`.
    option: Option<String>,
    /// Said, but no reason to refuse the rows.
    remark: bool,
    rows: u64,
    /// The first five.
    first_rows: Vec<u64>,
    /// The ten values that are there most often, each shortened to sixty characters.
    found: Vec<ImportFound>,
    /// Whether a correction of those values would mend it.
    correctable: bool,
}

/// A value and how often it is there.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ImportFound {
    found: String,
    rows: u64,
}
