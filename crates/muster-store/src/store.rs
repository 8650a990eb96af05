//! Opening the store, and running closures in it.

use std::sync::Arc;
use std::time::Duration;

use muster_domain::ids::OrgId;

use crate::{KeyRing, Reader, StoreError, Tx};

#[derive(Clone)]
pub struct Config {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    pub keys: KeyRing,
    /// Connections that read at once; 0 means 4.
    pub readers: usize,
    /// Connections that write at once, on PostgreSQL; 0 means 4. SQLite has one.
    pub writers: usize,
}

/// The database. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Store {
    #[allow(dead_code)]
    shared: Arc<()>,
}

/// Called after a commit with each organization whose log grew and the end of its log.
pub type OnCommit = Box<dyn Fn(OrgId, u64) + Send + Sync>;

impl Store {
    /// Opens the database, creates it if it is not there, and brings its tables to this program's version.
    pub fn open(_config: &Config) -> Result<Store, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Runs a write and answers when it is durable. The closure may run again: nothing may be sent from
    /// inside. Its `Err` leaves nothing behind. Blocks.
    pub fn write<T, E: From<StoreError>>(&self, _f: impl FnMut(&mut Tx) -> Result<T, E>) -> Result<T, E> {
        Err(StoreError::Misuse("not yet").into())
    }

    /// Runs a closure on one snapshot. Blocks.
    pub fn read<T, E: From<StoreError>>(&self, _f: impl FnMut(&mut Reader) -> Result<T, E>) -> Result<T, E> {
        Err(StoreError::Misuse("not yet").into())
    }

    /// Calls `f` after every commit of this process that grew a log. `f` must be quick.
    pub fn on_commit(&self, _f: OnCommit) {}

    /// Waits until there have been more than `seen` commits in this process, or the time is over; returns
    /// how many there have been. With several processes on PostgreSQL, look at the heads as well.
    pub fn wait_commit(&self, seen: u64, _timeout: Duration) -> u64 {
        seen
    }
}
