//! Parts of what an import says of itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One correction for every cell of a column that says the same.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ImportCorrection {
    /// The column's header in the file.
    column: String,
    /// What stands there, without regard to case and outer spaces; empty for empty cells. A `*` at the end stands
    /// for the rest of the cell, alone for every cell; `\*` is a star.
    found: String,
    /// What shall stand there; a `*` at the end puts the rest back.
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
    /// `inactive` was `ask`, and nothing was written for it.
    #[serde(default)]
    must_choose: bool,
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
    /// Corrections that make numbers international which are written as they are dialled at home.
    #[serde(default)]
    rules: Vec<ImportRule>,
    /// Rows with such a number for which none is proposed: neither their site nor the organization has a country
    /// whose code is known.
    #[serde(default)]
    rows_of_no_country: u64,
}

/// A correction, and how many rows of the cause it would mend.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ImportRule {
    /// With a `*` at its end for the rest of the cell.
    found: String,
    value: String,
    rows: u64,
    /// Further cells of the column that it would change, because they begin so too, and that are no numbers.
    #[serde(default)]
    others: u64,
}

/// Something to be known of the file or of the import as a whole, which keeps nobody out.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ImportNote {
    /// A sentence without its full stop.
    text: String,
    /// What to do if that was not meant; empty where there is nothing.
    mend: String,
    /// The option of the import that does it, such as `sheet`.
    option: Option<String>,
}

/// What an import does to one field of people who are there already.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ImportFieldChange {
    /// As in `columns`; `mailbox` and `devices` for what is theirs.
    field: String,
    /// People who have another value then.
    people: u64,
    /// Of these, people who have none any more.
    emptied: u64,
}

/// A value and how often it is there.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ImportFound {
    found: String,
    rows: u64,
}
