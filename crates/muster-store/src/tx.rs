//! Writing: one transaction, in which state and change log move together.

use std::ops::{Deref, DerefMut, RangeInclusive};

use muster_domain::change::EntityChange;
use muster_domain::ids::{ChangeSetId, OrgId, SecretId};
use muster_domain::log::{Facts, Hash};
use muster_domain::types::UnixMillis;
use uuid::Uuid;

use crate::{AnyEntity, OrgHead, Reader, SecretKind, StoreError};

/// One change as [`Tx::record`] takes it: what changes, and the thing before and after.
/// `after` is stored as it is, except that a creation's `created_at` is the time of the change.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub change: EntityChange,
    pub before: Option<AnyEntity>,
    pub after: Option<AnyEntity>,
    pub facts: Facts,
}

/// A write. It can be run again, so nothing may be sent from inside.
pub struct Tx {
    reader: Reader,
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
    pub fn lock_org(&mut self, _org: OrgId) -> Result<OrgHead, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// The head of an organization that this write creates: the first change recorded must be its creation.
    pub fn new_org(&mut self, _org: OrgId) -> Result<OrgHead, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// The one way to change state: rows, claims, envelopes, bodies and the head, together. Returns the
    /// sequence numbers given. Any number at once; call it every few thousand changes to keep memory low.
    ///
    /// [`StoreError::Taken`] if a claim is held by another; [`StoreError::Conflict`] if the row is not at
    /// the version that `before` has (or is there already).
    pub fn record(
        &mut self,
        _head: &mut OrgHead,
        _at: UnixMillis,
        _actor: Uuid,
        _set: ChangeSetId,
        _changes: &[Recorded],
    ) -> Result<RangeInclusive<u64>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Keeps a new secret. An id is never used twice: changing a secret makes a new one.
    pub fn put_secret(
        &mut self,
        _org: OrgId,
        _id: SecretId,
        _kind: SecretKind,
        _plaintext: &str,
    ) -> Result<(), StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Many at once.
    pub fn put_secrets(
        &mut self,
        _org: OrgId,
        _secrets: &[(SecretId, SecretKind, &str)],
    ) -> Result<(), StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// New secrets are encrypted with a new key from here on; old ones stay readable.
    pub fn rotate_key(&mut self, _org: OrgId) -> Result<(), StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Keeps an answer for 24 hours, in the same transaction as what it answers for.
    pub fn remember(
        &mut self,
        _org: OrgId,
        _actor: Uuid,
        _key: &str,
        _request_hash: &Hash,
        _response: &[u8],
        _now: UnixMillis,
    ) -> Result<(), StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Moves a follower's position; never back.
    pub fn advance(&mut self, _follower: &str, _org: OrgId, _seq: u64) -> Result<(), StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Stops a follower for one organization only.
    pub fn park(&mut self, _follower: &str, _org: OrgId, _why: &str) -> Result<(), StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    pub fn unpark(&mut self, _follower: &str, _org: OrgId) -> Result<(), StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Takes or renews a lease; false if another has it and it has not ended at `now`.
    pub fn lease(
        &mut self,
        _name: &str,
        _holder: &str,
        _now: UnixMillis,
        _until: UnixMillis,
    ) -> Result<bool, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Gives a lease back; without effect if another has it.
    pub fn release(&mut self, _name: &str, _holder: &str) -> Result<(), StoreError> {
        Err(StoreError::Misuse("not yet"))
    }
}
