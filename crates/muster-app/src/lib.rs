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
pub mod doctor;
pub mod emergency;
mod error;
mod filters;
pub mod followers;
mod history;
pub mod imports;
pub mod jobs;
pub mod leaving;
pub mod mail;
mod names;
mod numbers;
pub mod orders;
pub mod organizations;
pub mod phones;
pub mod ports;
pub mod records;
pub mod restore;
pub mod roles;
mod secrets;
pub mod signing;
pub mod stock;
mod tags;
mod things;
pub mod undo;
pub mod users;
mod verify;

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use muster_domain::ids::ChangeSetId;
use muster_domain::types::UnixMillis;
use muster_store::Store;

pub use apply::{Allow, Done};
pub use authorize::{Actor, Scope};
pub use backup::{BackedUp, Backups, DATA_FILES, DataFile};
pub use error::AppError;
pub use muster_import::FileError;
/// The store's rows that use cases hand out as they are.
pub use muster_store::{
    AnyEntity, AsOf, CallRow, Change, Counts, DamagedSecret, Erased, Filter, Job, JobOutcome, JobResult,
    JobState, Mark, Moment, Op, Page, Query, Sort, StateCheck, StoreError, Stored, Term, UserQuery,
    Verification,
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
    hashing: signing::Hashing,
    strangers: signing::Strangers,
    mail: mail::MailBoard,
    public_url: OnceLock<String>,
    clock_ahead_ms: AtomicI64,
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
            hashing: signing::Hashing::default(),
            strangers: signing::Strangers::default(),
            mail: mail::MailBoard::default(),
            public_url: OnceLock::new(),
            clock_ahead_ms: AtomicI64::new(0),
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

    /// Where people reach this server, without a slash at the end: what the links in mails begin with. Said once.
    pub fn set_public_url(&self, url: &str) {
        let _ = self.0.public_url.set(url.trim_end_matches('/').to_string());
    }

    pub fn public_url(&self) -> &str {
        self.0.public_url.get().map_or("http://127.0.0.1:8080", String::as_str)
    }

    /// Puts the clock of this program forward: for trying what happens later.
    pub fn put_clock_forward(&self, by_ms: i64) {
        self.0.clock_ahead_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    pub(crate) fn hashing(&self) -> &signing::Hashing {
        &self.0.hashing
    }

    pub(crate) fn strangers(&self) -> &signing::Strangers {
        &self.0.strangers
    }

    pub(crate) fn mail_board(&self) -> &mail::MailBoard {
        &self.0.mail
    }

    pub(crate) fn job_board(&self) -> &jobs::JobBoard {
        &self.0.jobs
    }

    pub(crate) fn now(&self) -> UnixMillis {
        let since_1970 =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        UnixMillis(since_1970.as_millis() as i64 + self.0.clock_ahead_ms.load(Ordering::Relaxed))
    }

    /// Sets the clock of this process to a moment, from which it goes on. For tests of what time brings.
    #[doc(hidden)]
    pub fn set_clock(&self, to: UnixMillis) {
        let ahead = to.0 - (self.now().0 - self.0.clock_ahead_ms.load(Ordering::Relaxed));
        self.0.clock_ahead_ms.store(ahead, Ordering::Relaxed);
    }

    pub(crate) fn new_set(&self) -> ChangeSetId {
        ChangeSetId(uuid::Uuid::now_v7())
    }
}
