//! Connections that are handed out one at a time, opened when they are first needed.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::StoreError;
use crate::sql::Conn;

/// How long somebody waits for a connection before being told to come back.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How many may wait.
const WAITING_MAX: usize = 1024;

type Open = Box<dyn Fn() -> Result<Conn, StoreError> + Send + Sync>;

pub struct Pool {
    open: Open,
    connections_max: usize,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Conn>,
    opened: usize,
    waiting: usize,
}

impl Pool {
    pub fn new(connections_max: usize, open: Open) -> Pool {
        Pool { open, connections_max, state: Mutex::default(), returned: Condvar::new() }
    }

    pub fn get(&self) -> Result<Lease<'_>, StoreError> {
        let deadline = Instant::now() + WAIT_MAX;
        let mut state = self.lock();
        if state.waiting >= WAITING_MAX {
            return Err(StoreError::Busy);
        }
        state.waiting += 1;
        loop {
            if let Some(conn) = state.idle.pop() {
                state.waiting -= 1;
                return Ok(Lease { pool: self, conn: Some(conn) });
            }
            if state.opened < self.connections_max {
                state.opened += 1;
                state.waiting -= 1;
                drop(state);
                return self.open_one();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.waiting -= 1;
                return Err(StoreError::Busy);
            }
            state = self.returned.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn open_one(&self) -> Result<Lease<'_>, StoreError> {
        match (self.open)() {
            Ok(conn) => Ok(Lease { pool: self, conn: Some(conn) }),
            Err(e) => {
                self.forget_one();
                Err(e)
            }
        }
    }

    fn forget_one(&self) {
        self.lock().opened -= 1;
        self.returned.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is somebody's for a while. Dropped without [`Lease::give_back`], it is closed: its
/// transaction is in a state nobody knows.
pub struct Lease<'p> {
    pool: &'p Pool,
    conn: Option<Conn>,
}

impl Lease<'_> {
    /// The connection, to be put back with [`Lease::give_back`].
    pub fn take(&mut self) -> Result<Conn, StoreError> {
        self.conn.take().ok_or(StoreError::Misuse("a connection was taken twice"))
    }

    /// For the next one, outside any transaction. A broken connection is closed instead.
    pub fn give_back(self, conn: Conn) {
        if conn.broken() {
            return;
        }
        self.pool.lock().idle.push(conn);
        self.pool.returned.notify_one();
        std::mem::forget(self);
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.pool.forget_one();
    }
}
