//! The change log: one gapless, hash-chained sequence per organization.
//!
//! Each change is an envelope, which is chained and kept for good, and a body, which holds what is
//! personal and can be erased together with its salt; the envelope only knows `H(salt ‖ body)`.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::change::{EntityChange, Op};
use crate::field::EntityKind;
use crate::ids::{ChangeSetId, OrgId};
use crate::types::UnixMillis;
use crate::user::{Record, Service, User, UserType};

pub type Hash = [u8; 32];

/// The hash that the first change of an organization follows.
pub const GENESIS: Hash = [0; 32];

/// What billing needs of a change; free of personal data, so it is never erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Facts {
    /// Whether the user counts as a seat from here on; `None` if the change does not touch that.
    pub counted: Option<bool>,
    pub user_type: Option<UserType>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub org: OrgId,
    /// From 1, without a gap.
    pub seq: u64,
    pub at: UnixMillis,
    /// For example `user.activated`.
    pub kind: String,
    pub entity: EntityKind,
    pub entity_id: Uuid,
    /// The token that did it; nil for the system itself.
    pub actor: Uuid,
    /// Changes that were made together, and can be undone together.
    pub set: ChangeSetId,
    pub facts: Facts,
    /// `H(salt ‖ body)`.
    pub body_hash: Hash,
    /// [`chain_hash`] of this envelope and the hash before it.
    pub hash: Hash,
}

/// `H(salt ‖ body)`.
pub fn body_hash(salt: &[u8; 16], body: &[u8]) -> Hash {
    Sha256::new().chain_update(salt).chain_update(body).finalize().into()
}

/// The hash of an envelope in its place: over the hash before it and every field of its own, each with
/// its length, so that no two envelopes have the same bytes.
pub fn chain_hash(before: &Hash, e: &Envelope) -> Hash {
    let mut h = Sha256::new();
    h.update(b"muster-change-1");
    h.update(before);
    h.update(e.org.0.as_bytes());
    h.update(e.seq.to_be_bytes());
    h.update(e.at.0.to_be_bytes());
    for text in [e.kind.as_str(), e.entity.word()] {
        h.update((text.len() as u32).to_be_bytes());
        h.update(text);
    }
    h.update(e.entity_id.as_bytes());
    h.update(e.actor.as_bytes());
    h.update(e.set.0.as_bytes());
    h.update([match e.facts.counted {
        None => 0,
        Some(false) => 1,
        Some(true) => 2,
    }]);
    h.update([e.facts.user_type.map_or(0, |t| t as u8 + 1)]);
    h.update(e.body_hash);
    h.finalize().into()
}

/// Whether a user is counted as a seat (billing model `per_activated_user`).
pub fn counts(user: &User) -> bool {
    user.record == Record::Live
        && user.service == Service::Enabled
        && crate::capabilities::of_type(user.user_type).licensed
}

/// The facts of a user's change: what the seat count and the bill are derived from.
pub fn user_facts(before: Option<&User>, after: Option<&User>, change: &EntityChange) -> Facts {
    let (was, is) = (before.is_some_and(counts), after.is_some_and(counts));
    let other_type = change.fields.iter().any(|field| field.field == "user_type");
    let touched = change.op != Op::Update || was != is || other_type;
    Facts {
        counted: touched.then_some(is),
        user_type: after.or(before).filter(|_| touched).map(|u| u.user_type),
    }
}
