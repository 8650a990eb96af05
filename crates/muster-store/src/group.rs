//! SQLite's one writer: many writes, one flush.
//!
//! Whoever writes takes the connection in turn and runs its closure under a savepoint, on its own thread.
//! While others wait, the transaction stays open and the connection goes on to the next; the last of a
//! group commits, and everybody in it is answered then. What one of them read, the ones before it wrote,
//! so they stand and fall together.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::sql::Conn;
use crate::{StoreError, Tx};

/// Writes that wait for the connection; more are turned away.
const WAITING_MAX: u64 = 1024;
/// Writes that one flush answers.
const MEMBERS_MAX: usize = 128;

pub struct GroupWriter {
    state: Mutex<State>,
    turn: Condvar,
}

struct State {
    /// The connection, while nobody has it.
    tx: Option<Tx>,
    /// Turns are taken in order of arrival.
    next_ticket: u64,
    serving: u64,
    /// The open transaction, if there is one.
    group: Option<Arc<Group>>,
    members: usize,
}

#[derive(Default)]
struct Group {
    outcome: Mutex<Option<Result<(), StoreError>>>,
    done: Condvar,
}

impl GroupWriter {
    /// `tx` is a transaction object outside any transaction.
    pub fn new(tx: Tx) -> GroupWriter {
        let state = State { tx: Some(tx), next_ticket: 0, serving: 0, group: None, members: 0 };
        GroupWriter { state: Mutex::new(state), turn: Condvar::new() }
    }

    pub fn write<T, E: From<StoreError>>(
        &self,
        f: &mut dyn FnMut(&mut Tx) -> Result<T, E>,
        committed: &dyn Fn(Vec<crate::OrgHead>),
    ) -> Result<T, E> {
        let (mut tx, group) = self.take_turn()?;
        let result = catch_unwind(AssertUnwindSafe(|| in_savepoint(&mut tx, f)));
        if !matches!(result, Ok(Ok(_))) {
            undo_savepoint(&mut tx);
        }
        let outcome = self.leave(tx, &group, committed);
        match (result, outcome) {
            (Err(panic), _) => resume_unwind(panic),
            // What the closure saw, and refused by, may be gone with the group.
            (Ok(_), Err(e)) => Err(e.into()),
            (Ok(result), Ok(())) => result,
        }
    }

    /// Runs something on the writer's connection outside any transaction.
    pub fn idle<T>(&self, f: impl FnOnce(&mut Conn) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut state = self.lock();
        loop {
            if state.group.is_none()
                && let Some(tx) = &mut state.tx
            {
                return f(&mut tx.conn);
            }
            state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn take_turn(&self) -> Result<(Tx, Arc<Group>), StoreError> {
        let mut state = self.lock();
        if state.next_ticket - state.serving >= WAITING_MAX {
            return Err(StoreError::Busy);
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        let mut tx = loop {
            if state.serving == ticket
                && let Some(tx) = state.tx.take()
            {
                break tx;
            }
            state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        state.serving += 1;
        if let Some(group) = state.group.clone() {
            state.members += 1;
            return Ok((tx, group));
        }
        if let Err(e) = tx.begin() {
            state.tx = Some(tx);
            self.turn.notify_all();
            return Err(e);
        }
        let group = Arc::new(Group::default());
        state.group = Some(group.clone());
        state.members = 1;
        Ok((tx, group))
    }

    /// Hands the open transaction to the next one who waits, or ends it. Returns when it has ended.
    fn leave(
        &self,
        mut tx: Tx,
        group: &Arc<Group>,
        committed: &dyn Fn(Vec<crate::OrgHead>),
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        let lost = is_lost(&tx);
        let others_wait = state.next_ticket > state.serving;
        if !lost && others_wait && state.members < MEMBERS_MAX {
            state.tx = Some(tx);
            drop(state);
            self.turn.notify_all();
            return group.wait();
        }
        state.group = None;
        drop(state);
        let outcome = if lost {
            Err(StoreError::unavailable("the database could not write, and took the transaction back"))
        } else {
            tx.commit()
        };
        if outcome.is_err() && !is_lost(&tx) {
            // The group's failure is what everybody is told.
            let _ = tx.rollback();
        }
        let grown = tx.take_grown();
        self.lock().tx = Some(tx);
        self.turn.notify_all();
        if outcome.is_ok() {
            committed(grown);
        }
        group.finish(outcome.clone());
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
    fn finish(&self, outcome: Result<(), StoreError>) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        self.done.notify_all();
    }

    fn wait(&self) -> Result<(), StoreError> {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(outcome) = &*outcome {
                return outcome.clone();
            }
            outcome = self.done.wait(outcome).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn in_savepoint<T, E: From<StoreError>>(
    tx: &mut Tx,
    f: &mut dyn FnMut(&mut Tx) -> Result<T, E>,
) -> Result<T, E> {
    tx.start_closure();
    tx.conn.script("SAVEPOINT one")?;
    let value = f(tx)?;
    tx.check_closure()?;
    let Conn::Sqlite(conn) = &tx.conn else { return Ok(value) };
    if conn.references_dangle() {
        return Err(StoreError::Reference.into());
    }
    tx.conn.script("RELEASE one")?;
    tx.keep_grown();
    Ok(value)
}

fn undo_savepoint(tx: &mut Tx) {
    // Fails only where SQLite has rolled everything back already, which `leave` sees.
    if let Err(e) = tx.conn.script("ROLLBACK TO one; RELEASE one") {
        tracing::debug!(error = %e, "a savepoint was gone");
    }
}

fn is_lost(tx: &Tx) -> bool {
    matches!(&tx.conn, Conn::Sqlite(conn) if conn.is_autocommit())
}
