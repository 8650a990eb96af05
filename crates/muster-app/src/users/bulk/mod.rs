//! One change for many people: picked by a filter or by their ids, looked at first, carried out as one job.
//!
//! Everybody is judged before anybody is changed, by the rules that a change of one person goes by, in the
//! transaction that then writes: all of it is there at the end, or nothing.

mod change;
mod judge;
mod report;
mod run;
mod whom;

pub use change::{BulkChange, BulkService};
pub use report::{BulkCause, BulkItem, BulkPreview, BulkRefused, BulkReport};
pub use whom::{BULK_IDS_MAX, Expected, Whom};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct NewBulk {
    pub whom: Whom,
    pub expected: Expected,
    pub change: BulkChange,
    /// Whoever cannot be changed is left out; otherwise nobody is changed then.
    pub stepwise: bool,
    /// The warnings that were read, by their words.
    pub acknowledge: Vec<String>,
}
