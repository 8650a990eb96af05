//! Use cases: authorize, load, decide, save and log. One file a verb.
//!
//! An [`App`] is what the API and the program hold. Its methods block (they talk to the database), so
//! they are called from threads that may. Nothing here knows HTTP, SQL or SIP messages; what follows
//! the change log ([`followers`]) is told through the values it hands out.

mod apply;
mod authorize;
mod backup;
pub mod billing;
pub mod devices;
pub mod emergency;
mod error;
pub mod followers;
mod history;
pub mod imports;
pub mod jobs;
mod names;
mod numbers;
pub mod orders;
pub mod organizations;
pub mod phones;
pub mod ports;
pub mod records;
pub mod restore;
mod secrets;
pub mod stock;
mod things;
pub mod undo;
pub mod users;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use muster_domain::ids::ChangeSetId;
use muster_domain::types::UnixMillis;
use muster_store::Store;

pub use apply::Done;
pub use authorize::{Actor, Scope};
pub use backup::{BackedUp, Backups, DATA_FILES, DataFile};
pub use error::AppError;
pub use muster_import::FileError;
/// The store's rows that use cases hand out as they are.
pub use muster_store::{
    AsOf, CallRow, Change, Counts, DamagedSecret, Erased, Job, JobOutcome, JobResult, JobState, Mark, Moment,
    Op, Page, Query, Sort, StateCheck, StoreError, Stored, Term, UserQuery, Verification,
};
pub use things::InstallationTotals;
pub use verify::{HeadsCheck, Verified};

/// The slug of the organization that holds what operators do. It has no phones and is not listed.
pub const OPERATOR_SLUG: &str = "operator";

/// The use cases over one store.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    store: Store,
    phones: phones::Phones,
    jobs: jobs::JobBoard,
    data: Option<PathBuf>,
    backups: Backups,
    /// How far the clock of tests is ahead.
    ahead_ms: AtomicI64,
}

impl App {
    pub fn new(store: Store) -> App {
        App::in_folder(store, None)
    }

    /// With the data folder: verifying a log compares it with the file there that [`followers::anchor`]
    /// writes, and a backup takes the files that belong to the installation.
    pub fn in_folder(store: Store, data: Option<PathBuf>) -> App {
        let (phones, jobs) = (phones::Phones::default(), jobs::JobBoard::default());
        App(Arc::new(Inner {
            store,
            phones,
            jobs,
            data,
            backups: Backups::default(),
            ahead_ms: AtomicI64::new(0),
        }))
    }

    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn data(&self) -> Option<&std::path::Path> {
        self.0.data.as_deref()
    }

    /// What backups this process has made.
    pub fn backups(&self) -> &Backups {
        &self.0.backups
    }

    /// What the phone core last said about people: presence, registrations, how far it has followed.
    pub fn phones(&self) -> &phones::Phones {
        &self.0.phones
    }

    pub(crate) fn job_board(&self) -> &jobs::JobBoard {
        &self.0.jobs
    }

    pub(crate) fn now(&self) -> UnixMillis {
        let since_1970 =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixMillis(since_1970.as_millis() as i64 + self.0.ahead_ms.load(Ordering::Relaxed))
    }

    /// Sets the clock of this process to a moment, from which it goes on. For tests of what time brings.
    #[doc(hidden)]
    pub fn set_clock(&self, to: UnixMillis) {
        let ahead = to.0 - (self.now().0 - self.0.ahead_ms.load(Ordering::Relaxed));
        self.0.ahead_ms.store(ahead, Ordering::Relaxed);
    }

    pub(crate) fn new_set(&self) -> ChangeSetId {
        ChangeSetId(uuid::Uuid::now_v7())
    }
}
