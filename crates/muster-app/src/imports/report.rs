//! What an import says of itself. Kept with the job.

use muster_import::{CellError, Column, Taken};
use serde::{Deserialize, Serialize};

/// At most this many problems are kept with a job; the rest are counted.
pub const PROBLEMS_MAX: usize = 10_000;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// The word of the format that was recognized or asked for.
    pub format: String,
    pub encoding: String,
    pub delimiter: String,
    pub columns: Vec<ColumnReport>,
    pub rows: u64,
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub rejected: u64,
    /// How many rows are right: as many are taken, or would be with `good_rows_only`.
    #[serde(default)]
    pub good_rows: u64,
    /// Of the rows that are taken: how many end as counted users.
    pub activated: u64,
    pub contacts: u64,
    /// Sites that were made, or would have to be.
    pub new_sites: Vec<String>,
    pub problems: Vec<RowProblem>,
    pub problems_left_out: u64,
    /// True if nothing was written: a dry run, or refused because of problems.
    pub nothing_written: bool,
}

/// A column and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnReport {
    pub header: String,
    /// The field it fills; `None` if it is not taken.
    pub field: Option<String>,
    /// Why it is not taken.
    pub why: Option<String>,
}

/// Something about one row: an error that keeps it out, or a remark that does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowProblem {
    /// The line of the file on which the row begins, from 1.
    pub line: u64,
    pub row: u64,
    pub column: Option<String>,
    pub found: String,
    pub reason: String,
    pub mend: String,
    /// The option of the import that would allow it: another way to mend it.
    #[serde(default)]
    pub option: Option<String>,
    /// A remark: said, but no reason to refuse the row.
    pub remark: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOutcome {
    Created,
    Updated,
    Unchanged,
    Rejected,
}

impl RowOutcome {
    pub fn word(self) -> &'static str {
        match self {
            RowOutcome::Created => "created",
            RowOutcome::Updated => "updated",
            RowOutcome::Unchanged => "unchanged",
            RowOutcome::Rejected => "rejected",
        }
    }
}

impl ImportReport {
    pub fn problem(&mut self, problem: RowProblem) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        } else {
            self.problems_left_out += 1;
        }
    }
}

impl From<CellError> for RowProblem {
    fn from(e: CellError) -> RowProblem {
        RowProblem {
            line: e.line,
            row: e.row,
            column: e.column.map(|c| c.to_string()),
            found: e.found,
            reason: e.reason,
            mend: e.mend,
            option: None,
            remark: false,
        }
    }
}

impl From<&Column> for ColumnReport {
    fn from(column: &Column) -> ColumnReport {
        let (field, why) = match column.taken {
            Taken::Field(name) => (Some(name.to_string()), None),
            Taken::Mailbox => (Some("mailbox".to_string()), None),
            Taken::Device(part) => (Some(part.to_string()), None),
            Taken::Status => (Some("service".to_string()), None),
            Taken::Ignored { why } => (None, Some(why.to_string())),
        };
        ColumnReport { header: column.header.to_string(), field, why }
    }
}
