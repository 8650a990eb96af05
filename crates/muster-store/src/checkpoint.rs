//! Copying SQLite's write-ahead log into the database file, beside the writer.
//!
//! Done inside a commit, it would make one write of some thousand wait for hundreds of megabytes.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::StoreError;
use crate::sql::sqlite::Connection;

/// Commits that follow each other are copied together.
const DEBOUNCE: Duration = Duration::from_secs(1);

/// The thread that copies; it ends when this is dropped.
pub struct Checkpointer {
    signal: Arc<Signal>,
}

#[derive(Default)]
struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    committed: bool,
    stop: bool,
}

impl Checkpointer {
    pub fn start(path: &Path) -> Result<Checkpointer, StoreError> {
        let conn = Connection::open_writer(path)?;
        let signal = Arc::new(Signal::default());
        let heard = signal.clone();
        std::thread::Builder::new()
            .name("store-checkpoint".into())
            .spawn(move || run(&conn, &heard))
            .map_err(|e| StoreError::Open(format!("cannot start a thread: {e}")))?;
        Ok(Checkpointer { signal })
    }

    /// To be called after each commit.
    pub fn committed(&self) {
        self.signal.set(|state| state.committed = true);
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.signal.set(|state| state.stop = true);
    }
}

impl Signal {
    fn set(&self, f: impl FnOnce(&mut State)) {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Waits for a commit, and then for what follows it closely; false when it is time to stop.
    fn wait(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.committed && !state.stop {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let more = self.changed.wait_timeout_while(state, DEBOUNCE, |state| !state.stop);
        let mut state = more.unwrap_or_else(PoisonError::into_inner).0;
        state.committed = false;
        !state.stop
    }
}

fn run(conn: &Connection, signal: &Signal) {
    while signal.wait() {
        // PASSIVE waits for nobody; what readers still need is copied the next time.
        if let Err(e) = conn.script("PRAGMA wal_checkpoint(PASSIVE)") {
            tracing::warn!(error = %e, "the database's log could not be copied into its file");
        }
    }
}
