//! Reading: one snapshot for as long as the closure runs.

use muster_domain::field::{Entity, EntityKind};
use muster_domain::ids::{OrgId, SecretId, UserId};
use muster_domain::log::Hash;
use muster_domain::organization::{Organization, Token};
use muster_domain::types::UnixMillis;
use muster_domain::user::Service;
use muster_domain::value::Value;
use smol_str::SmolStr;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::StoreError;

/// The end of an organization's change log. Having one from [`crate::Tx::lock_org`] is holding the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgHead {
    pub org: OrgId,
    pub head_seq: u64,
    pub head_hash: Hash,
}

/// An organization that has changes a follower has not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowerHead {
    pub org: OrgId,
    pub head_seq: u64,
    /// The last change that the follower has done with.
    pub position: u64,
}

/// The answer given to an idempotency key before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub request_hash: Hash,
    pub response: Vec<u8>,
    pub at: UnixMillis,
}

/// How many of what an organization has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Live users; trashed ones are counted apart.
    pub users: u64,
    pub users_trashed: u64,
    /// Live users by state; states that nobody is in are left out.
    pub by_service: Vec<(Service, u64)>,
    pub sites: u64,
    pub connections: u64,
    pub devices: u64,
    pub mailboxes: u64,
    pub tokens: u64,
}

/// A snapshot of the database. Everything it offers is offered inside a write too.
pub struct Reader {}

impl Reader {
    /// In order of creation.
    pub fn organizations(&mut self) -> Result<Vec<Organization>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    pub fn organization(&mut self, _org: OrgId) -> Result<Option<Organization>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    pub fn organization_by_slug(&mut self, _slug: &str) -> Result<Option<Organization>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// A token, and the organization it belongs to, by the hash in its row. Trashed and expired ones too:
    /// what they may do is not decided here.
    pub fn token_by_hash(&mut self, _hash: &str) -> Result<Option<(Token, Organization)>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    pub fn head(&mut self, _org: OrgId) -> Result<Option<OrgHead>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    pub fn heads(&mut self) -> Result<Vec<OrgHead>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    pub fn get<E: Entity>(&mut self, _org: OrgId, _id: Uuid) -> Result<Option<E>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Those of the ids that are there, in no promised order.
    pub fn get_many<E: Entity>(&mut self, _org: OrgId, _ids: &[Uuid]) -> Result<Vec<E>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// All of a small kind (sites, connections, tokens), in order of their ids.
    pub fn all<E: Entity>(&mut self, _org: OrgId) -> Result<Vec<E>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// All of a large kind, in order of their ids, at most `batch` in memory at once.
    pub fn for_each<E: Entity, Er: From<StoreError>>(
        &mut self,
        _org: OrgId,
        _batch: usize,
        _f: impl FnMut(Vec<E>) -> Result<(), Er>,
    ) -> Result<(), Er> {
        Err(StoreError::Misuse("not yet").into())
    }

    /// What refers to one of `ids` by its field `field`: the devices of some users.
    pub fn referring<E: Entity>(
        &mut self,
        _org: OrgId,
        _field: &'static str,
        _ids: &[Uuid],
    ) -> Result<Vec<E>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// How many have exactly this in a field: the users of a site.
    pub fn count_with<E: Entity>(
        &mut self,
        _org: OrgId,
        _field: &'static str,
        _value: &Value,
    ) -> Result<u64, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    pub fn counts(&mut self, _org: OrgId) -> Result<Counts, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Which of the keys are claimed in a space, and by whom.
    pub fn claimed(
        &mut self,
        _org: OrgId,
        _space: &str,
        _keys: &[SmolStr],
    ) -> Result<Vec<(SmolStr, EntityKind, Uuid)>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Live users who have one of these (folded) emails.
    pub fn emails(&mut self, _org: OrgId, _folded: &[SmolStr]) -> Result<Vec<(SmolStr, UserId)>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// The plaintext of a readable secret; `None` if there is no such secret.
    pub fn secret(&mut self, _org: OrgId, _id: SecretId) -> Result<Option<Zeroizing<String>>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Many at once, in no promised order; those that are not there are left out.
    pub fn secrets_of(
        &mut self,
        _org: OrgId,
        _ids: &[SecretId],
    ) -> Result<Vec<(SecretId, Zeroizing<String>)>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Whether a secret of any kind is this text, compared in constant time.
    pub fn secret_matches(
        &mut self,
        _org: OrgId,
        _id: SecretId,
        _candidate: &str,
    ) -> Result<bool, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// What was answered to this key of this actor less than 24 hours before `now`.
    pub fn recall(
        &mut self,
        _org: OrgId,
        _actor: Uuid,
        _key: &str,
        _now: UnixMillis,
    ) -> Result<Option<Remembered>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// The last change that a follower has done with; 0 before the first.
    pub fn position(&mut self, _follower: &str, _org: OrgId) -> Result<u64, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Organizations with changes that the follower has not done with and that are not parked for it.
    pub fn heads_since(&mut self, _follower: &str, _limit: usize) -> Result<Vec<FollowerHead>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// What is parked for a follower, and why.
    pub fn parked(&mut self, _follower: &str) -> Result<Vec<(OrgId, String)>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }
}
