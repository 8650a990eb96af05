//! What an import says of itself. Kept with the job.

use muster_import::{CellError, Column, Taken};
use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::rejected::RowSet;

/// At most this many problems are kept with a job; the rest are counted.
pub const PROBLEMS_MAX: usize = 10_000;
/// Of these so many may be remarks: they must not take the place of what keeps a row out.
const REMARKS_MAX: usize = 2_000;
/// Different causes that are counted.
const CAUSES_MAX: usize = 200;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// The word of the format that was recognized or asked for.
    pub format: String,
    pub encoding: String,
    /// Empty where there is none: in a workbook, and where people are columns.
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
    /// How many of the first phones get a SIP secret that was generated, because there was none.
    #[serde(default)]
    pub secrets_made: u64,
    /// Sites that were made, or would have to be.
    pub new_sites: Vec<String>,
    pub problems: Vec<RowProblem>,
    pub problems_left_out: u64,
    /// How many rows each cause of remarks has, those that were left out too.
    #[serde(default)]
    pub remarks: Vec<RemarkCount>,
    /// How many remarks there are in all.
    #[serde(skip)]
    pub remarks_total: usize,
    /// Which rows were not taken, by their numbers.
    #[serde(default)]
    pub rejected_rows: RowSet,
    /// What is to be known of the people who are taken.
    #[serde(default)]
    pub facts: Facts,
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

/// Rows with the same remark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemarkCount {
    pub column: Option<String>,
    pub reason: String,
    pub rows: u64,
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
        if problem.remark {
            self.count_remark(&problem);
            self.remarks_total += 1;
        }
        let few = !problem.remark || self.remarks_total <= REMARKS_MAX;
        if few && self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        } else {
            self.problems_left_out += 1;
        }
    }
}

impl ImportReport {
    fn count_remark(&mut self, problem: &RowProblem) {
        let same = |count: &RemarkCount| count.column == problem.column && count.reason == problem.reason;
        match self.remarks.iter().position(same) {
            Some(at) => self.remarks[at].rows += 1,
            None if self.remarks.len() < CAUSES_MAX => self.remarks.push(RemarkCount {
                column: problem.column.clone(),
                reason: problem.reason.clone(),
                rows: 1,
            }),
            None => {}
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
