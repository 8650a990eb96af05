//! A file of people becomes people: judged as a whole, then written as a whole.
//!
//! `judge` reads every row and decides what it would do; nothing is written. `run` carries the
//! decisions out in one transaction, together with the job's result, so that a crash in the middle
//! leaves nothing and a crash after it changes nothing.

mod build;
#[cfg(test)]
mod cancelled;
mod causes;
mod context;
mod decision;
mod export;
mod facts;
mod held;
mod history;
mod inputs;
mod judge;
mod keys;
mod known;
mod mailboxes;
mod move_in;
mod numbers;
mod open;
mod options;
mod plan;
mod problem;
mod rejected;
mod remarks;
mod report;
mod rights;
mod row_set;
mod run;

pub use causes::{Cause, FoundCount, ProposedRule};
pub use export::{ExportOptions, Exported};
pub use facts::Facts;
pub use history::{ImportCounts, ImportView};
pub use move_in::{LeftColumn, MoveInReport, Outcome, PeopleCounts, Step, TakenColumn};
pub use muster_import::{Format, LeftOut, Likeness, Mapping, Suggestion};
pub use options::{Activate, Correction, Existing, ImportOptions, Inactive, MatchKey, NewImport};
pub use problem::RowProblem;
pub use rejected::RejectedRows;
pub use remarks::sip_password_remark;
pub use report::{ColumnReport, CorrectionCount, ImportReport, InactiveRows, SeatCount};
