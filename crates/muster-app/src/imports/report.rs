//! What an import says of itself. Kept with the job.

use std::collections::BTreeMap;

use muster_domain::national::National;
use muster_domain::user::UserType;
use muster_import::{Column, FileNote, Taken};
use muster_store::Seats;
use serde::{Deserialize, Serialize};

use super::causes::{Cause, Tally};
use super::facts::Facts;
use super::field_changes::{FieldChange, FieldChanges};
use super::problem::RowProblem;
use super::row_set::RowSet;

/// At most this many problems are kept with a job; the rest are counted.
pub const PROBLEMS_MAX: usize = 10_000;
/// Of these so many may be remarks: they must not take the place of what keeps a row out.
const REMARKS_MAX: usize = 2_000;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// The word of the format that was recognized or asked for.
    pub format: String,
    /// The same for a person: `3CX`.
    #[serde(default)]
    pub system: String,
    pub encoding: String,
    /// Empty where there is none: in a workbook, and where people are columns.
    pub delimiter: String,
    pub columns: Vec<ColumnReport>,
    /// The sheet of a workbook that was read.
    #[serde(default)]
    pub sheet: Option<String>,
    /// What is so of the file as a whole, and keeps nobody out.
    #[serde(default)]
    pub notes: Vec<Note>,
    pub rows: u64,
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub rejected: u64,
    /// Rows that are right and left out, as was asked: they mean somebody who is already there, or somebody
    /// who is not active.
    #[serde(default)]
    pub skipped: u64,
    /// How many rows are right: as many are taken, or would be with `good_rows_only`.
    #[serde(default)]
    pub good_rows: u64,
    /// Of the rows that are taken: how many end as counted users.
    pub activated: u64,
    pub contacts: u64,
    /// People who are counted for billing before and after: of all the organization, not of the file alone.
    #[serde(default)]
    pub counted_before: u64,
    #[serde(default)]
    pub counted_after: u64,
    #[serde(default)]
    pub newly_counted: u64,
    #[serde(default)]
    pub no_longer_counted: u64,
    /// The same by user type.
    #[serde(default)]
    pub counted_by_type: Vec<SeatCount>,
    /// Of the rows that mean somebody who is there already: what changes, by field.
    #[serde(default)]
    pub changes_by_field: Vec<FieldChange>,
    #[serde(skip)]
    pub(super) fields: FieldChanges,
    /// Rows of people whom the file calls inactive; absent if there are none.
    #[serde(default)]
    pub inactive: Option<InactiveRows>,
    /// What was corrected by rule.
    #[serde(default)]
    pub corrections: Vec<CorrectionCount>,
    /// The mapping that was used, with the corrections: to be saved and used again.
    #[serde(default)]
    pub mapping: Option<String>,
    /// How many of the first phones get a SIP secret that was generated, because there was none.
    #[serde(default)]
    pub secrets_made: u64,
    /// Sites that were made, or would have to be.
    pub new_sites: Vec<String>,
    pub problems: Vec<RowProblem>,
    pub problems_left_out: u64,
    /// All problems by what they have in common, those that were left out too.
    #[serde(default)]
    pub causes: Vec<Cause>,
    /// Further causes.
    #[serde(default)]
    pub causes_left_out: u64,
    #[serde(skip)]
    pub(super) tally: Tally,
    /// Of the rows that are taken: who is counted newly and who no longer, while they are judged.
    #[serde(skip)]
    pub(super) seats: BTreeMap<UserType, (u64, u64)>,
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

/// Something to be known of the file, or of the import as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// A sentence without its full stop.
    pub text: String,
    /// What to do if that was not meant; empty where there is nothing.
    pub mend: String,
    /// The option of the import that does it.
    pub option: Option<String>,
}

impl From<&FileNote> for Note {
    fn from(note: &FileNote) -> Note {
        Note { text: note.text.clone(), mend: note.mend.clone(), option: note.option.map(str::to_string) }
    }
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

/// Counted people of one user type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatCount {
    pub user_type: String,
    pub before: u64,
    pub after: u64,
}

/// Rows of people whom the system that wrote the file had switched off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InactiveRows {
    pub rows: u64,
    /// What they become: `contacts`, `disabled`, `leave_out` or, where everybody is activated, `enabled`.
    pub become_what: String,
    /// Whether that was chosen.
    pub chosen: bool,
    /// Nothing was written, because it shall be chosen first.
    #[serde(default)]
    pub must_choose: bool,
}

/// A correction and how many cells it was made in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectionCount {
    pub column: String,
    pub found: String,
    pub value: String,
    pub cells: u64,
}

impl ImportReport {
    /// Notes a cell of a column of numbers of which no number can be made.
    pub(super) fn no_number(&mut self, problem: &RowProblem) {
        self.tally.add_other(problem);
    }

    /// Notes a problem, with what its cell would be as a number that is dialled at home.
    pub fn problem(&mut self, problem: RowProblem, national: &National) {
        self.tally.add(&problem, national);
        if problem.remark {
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
    /// A taken row's person, counted before the import and after it.
    pub(super) fn count_seat(&mut self, user_type: UserType, was: bool, is: bool) {
        let (new, gone) = self.seats.entry(user_type).or_default();
        match (was, is) {
            (false, true) => *new += 1,
            (true, false) => *gone += 1,
            _ => {}
        }
    }

    /// All rows are judged: `seats` are those of the organization before.
    pub(super) fn settle(&mut self, seats: &Seats) {
        self.changes_by_field = std::mem::take(&mut self.fields).settle();
        (self.causes, self.causes_left_out) = std::mem::take(&mut self.tally).settle();
        let changed = std::mem::take(&mut self.seats);
        let mut by_type: BTreeMap<UserType, (u64, u64)> =
            seats.by_type.iter().map(|(user_type, before)| (*user_type, (*before, *before))).collect();
        for (user_type, (new, gone)) in changed {
            self.newly_counted += new;
            self.no_longer_counted += gone;
            let (_, after) = by_type.entry(user_type).or_default();
            *after = (*after + new).saturating_sub(gone);
        }
        by_type.retain(|_, counts| *counts != (0, 0));
        self.counted_before = seats.total;
        self.counted_after = (seats.total + self.newly_counted).saturating_sub(self.no_longer_counted);
        let one = |(user_type, (before, after)): (UserType, (u64, u64))| SeatCount {
            user_type: user_type.word().to_string(),
            before,
            after,
        };
        self.counted_by_type = by_type.into_iter().map(one).collect();
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
