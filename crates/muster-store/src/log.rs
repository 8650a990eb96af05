//! The change log: reading, verifying, erasing, and what is derived from it.

use muster_domain::change::EntityChange;
use muster_domain::field::EntityKind;
use muster_domain::ids::{ChangeSetId, OrgId};
use muster_domain::log::Envelope;
use muster_domain::user::UserType;
use uuid::Uuid;

use crate::{Reader, StoreError, Tx};

/// One line of the log. The body is `None` when it was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub envelope: Envelope,
    pub body: Option<EntityChange>,
}

/// A line with its body as it was written: what the chain vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawChange {
    pub envelope: Envelope,
    pub body: Option<RawBody>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawBody {
    pub salt: [u8; 16],
    /// Versioned JSON: `{"v":1,"op":"update","version":3,"fields":{"name":[before,after]}}`.
    pub json: Vec<u8>,
}

/// Which lines of the log. The default is all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    pub set: Option<ChangeSetId>,
    pub entity: Option<(EntityKind, Uuid)>,
}

/// What [`Reader::verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Lines looked at.
    pub checked: u64,
    /// Lines whose body was erased; the chain holds over them.
    pub erased: u64,
    /// The first line that is not as it was written, and why.
    pub broken: Option<(u64, &'static str)>,
}

/// Counted users, from the facts of the log only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seats {
    pub total: u64,
    pub by_type: Vec<(UserType, u64)>,
}

impl Reader {
    /// Lines after `since`, oldest first; at most 1,000 at once.
    pub fn changes(
        &mut self,
        _org: OrgId,
        _since: u64,
        _limit: usize,
        _filter: &ChangeFilter,
    ) -> Result<Vec<Change>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// As [`Reader::changes`], newest first, before `before` (`None`: from the end).
    pub fn changes_back(
        &mut self,
        _org: OrgId,
        _before: Option<u64>,
        _limit: usize,
        _filter: &ChangeFilter,
    ) -> Result<Vec<Change>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    pub fn raw_changes(
        &mut self,
        _org: OrgId,
        _since: u64,
        _limit: usize,
    ) -> Result<Vec<RawChange>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Reads the whole log of an organization and checks sequence, chain, bodies and head.
    pub fn verify(&mut self, _org: OrgId) -> Result<Verification, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    pub fn seats(&mut self, _org: OrgId) -> Result<Seats, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }
}

impl Tx {
    /// Erases the bodies, and their salts, of everything the log says of one thing. Returns how many.
    pub fn erase_bodies(&mut self, _org: OrgId, _kind: EntityKind, _id: Uuid) -> Result<u64, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }
}
