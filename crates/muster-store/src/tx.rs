//! Writing: one transaction, in which state and change log move together.

use std::ops::{Deref, DerefMut, RangeInclusive};

use muster_domain::change::{EntityChange, Origin};
use muster_domain::claims::Claim;
use muster_domain::ids::{ChangeSetId, OrgId};
use muster_domain::log::{Facts, GENESIS};
use muster_domain::types::UnixMillis;
use uuid::Uuid;

use crate::reader::head_from;
use crate::sql::{Conn, Param};
use crate::{AnyEntity, OrgHead, Reader, StoreError};

/// One change as [`Tx::record`] takes it: what changes, and the thing before and after.
/// `after` is stored as it is, except that a creation's `created_at` is the time of the change.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub change: EntityChange,
    pub before: Option<AnyEntity>,
    pub after: Option<AnyEntity>,
    pub facts: Facts,
}

/// Rows given to the database at once. More would run into PostgreSQL's and SQLite's limits of bound
/// values, and gains nothing.
pub(crate) const BATCH: usize = 500;

/// After so many changes in one write, PostgreSQL looks at tables that were empty before it.
const ANALYZE_AT: [u64; 2] = [1_000, 20_000];

/// A write. It can be run again, so nothing may be sent from inside.
pub struct Tx {
    reader: Reader,
    /// What this closure failed at. If it goes on nevertheless, it must not be committed: half of a batch
    /// may have been written.
    poisoned: Option<StoreError>,
    /// Logs that this closure made longer, and those of the closures before it in the same transaction.
    growing: Vec<OrgHead>,
    grown: Vec<OrgHead>,
    recorded: u64,
}

impl Deref for Tx {
    type Target = Reader;
    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Reader {
        &mut self.reader
    }
}

impl Tx {
    /// The first thing in every write. [`StoreError::NoOrganization`] if it is not there.
    pub fn lock_org(&mut self, org: OrgId) -> Result<OrgHead, StoreError> {
        let sql = "SELECT org_id, head_seq, head_hash FROM organizations \
                   WHERE org_id = ?1 AND id = ?1 {FOR_UPDATE}";
        let head = self.conn.first(sql, &[Param::Id(org.0)], head_from)?;
        head.ok_or(StoreError::NoOrganization(org))
    }

    /// The head of an organization that this write creates: the first change recorded must be its creation.
    pub fn new_org(&mut self, org: OrgId) -> Result<OrgHead, StoreError> {
        if self.head(org)?.is_some() {
            return Err(StoreError::Misuse("the organization is there already"));
        }
        Ok(OrgHead { org, head_seq: 0, head_hash: GENESIS })
    }

    /// The one way to change state: rows, claims, envelopes, bodies and the head, together. Returns the
    /// sequence numbers given. Any number at once; call it every few thousand changes to keep memory low.
    ///
    /// [`StoreError::Taken`] if a claim is held by another; [`StoreError::Conflict`] if the row is not at
    /// the version that `before` has; [`StoreError::Duplicate`] if it is there already. What is removed
    /// and referred to, or refers to what is not there, fails at the latest when the write ends.
    pub fn record(
        &mut self,
        head: &mut OrgHead,
        at: UnixMillis,
        actor: Uuid,
        set: ChangeSetId,
        changes: &[Recorded],
    ) -> Result<RangeInclusive<u64>, StoreError> {
        self.record_as(Origin::Ordinary, head, at, actor, set, changes)
    }

    /// As [`Tx::record`], for changes whose kind in the log says where they come from.
    pub fn record_as(
        &mut self,
        origin: Origin,
        head: &mut OrgHead,
        at: UnixMillis,
        actor: Uuid,
        set: ChangeSetId,
        changes: &[Recorded],
    ) -> Result<RangeInclusive<u64>, StoreError> {
        let first = head.head_seq + 1;
        let stamp = Stamp { at, actor, set, origin };
        let result = crate::record::record(&mut self.reader.conn, head, &stamp, changes);
        self.poison_on(result)?;
        let before = self.recorded;
        self.recorded += changes.len() as u64;
        if ANALYZE_AT.iter().any(|at| before < *at && *at <= self.recorded)
            && let Conn::Postgres(conn) = &mut self.reader.conn
        {
            let result = conn.analyze_if_new();
            self.poison_on(result)?;
        }
        self.growing.retain(|other| other.org != head.org);
        self.growing.push(head.clone());
        Ok(first..=head.head_seq)
    }

    /// Gives up claims that changes which this write goes on to record give up: of many changes that come
    /// in several calls, a later one may free what an earlier one takes.
    pub fn release_claims(&mut self, head: &OrgHead, claims: &[(Claim, Uuid)]) -> Result<(), StoreError> {
        let result = crate::record::release(&mut self.reader.conn, head, claims);
        self.poison_on(result)
    }

    pub(crate) fn new(reader: Reader) -> Tx {
        Tx { reader, poisoned: None, growing: Vec::new(), grown: Vec::new(), recorded: 0 }
    }

    pub(crate) fn into_conn(self) -> Conn {
        self.reader.into_conn()
    }

    pub(crate) fn begin(&mut self) -> Result<(), StoreError> {
        self.grown.clear();
        self.recorded = 0;
        let begin = self.conn.dialect().begin_write();
        self.conn.script(begin)
    }

    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        self.local.clear();
        self.conn.script("COMMIT")
    }

    pub(crate) fn rollback(&mut self) -> Result<(), StoreError> {
        self.local.clear();
        self.conn.script("ROLLBACK")
    }

    pub(crate) fn start_closure(&mut self) {
        self.poisoned = None;
        self.growing.clear();
        // Keys that the closure before this one made may have been rolled back with it.
        self.local.clear();
    }

    /// Refuses the end of a closure that went on after a failure.
    pub(crate) fn check_closure(&mut self) -> Result<(), StoreError> {
        self.poisoned.take().map_or(Ok(()), Err)
    }

    pub(crate) fn keep_grown(&mut self) {
        let growing = std::mem::take(&mut self.growing);
        self.grown.retain(|old| !growing.iter().any(|new| new.org == old.org));
        self.grown.extend(growing);
    }

    pub(crate) fn take_grown(&mut self) -> Vec<OrgHead> {
        std::mem::take(&mut self.grown)
    }

    pub(crate) fn recorded(&self) -> u64 {
        self.recorded
    }

    pub(crate) fn take_retry(&mut self) -> bool {
        match &mut self.conn {
            Conn::Sqlite(_) => false,
            Conn::Postgres(conn) => conn.take_retry(),
        }
    }

    pub(crate) fn poison_on<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(e) = &result {
            self.poisoned.get_or_insert_with(|| e.clone());
        }
        result
    }

    /// A statement that changes something outside of the change log.
    pub(crate) fn change(&mut self, sql: &str, params: &[Param]) -> Result<u64, StoreError> {
        let result = self.conn.execute(sql, params);
        self.poison_on(result)
    }
}

/// When, by whom and as part of what.
pub(crate) struct Stamp {
    pub at: UnixMillis,
    pub actor: Uuid,
    pub set: ChangeSetId,
    pub origin: Origin,
}
