//! Checking an organization: that its log is as it was written, that the tables hold what the log says, and
//! that its secrets can be read. Everything is read in pages; nothing is mended.

mod chain;
mod secrets;
mod state;

use std::collections::BTreeMap;

use muster_domain::field::EntityKind;
use muster_domain::ids::{OrgId, SecretId};
use muster_domain::log::Hash;
use uuid::Uuid;

use crate::{Reader, StoreError};

/// What [`Reader::verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Lines looked at.
    pub checked: u64,
    /// Lines whose body was erased; the chain holds over them.
    pub erased: u64,
    /// The first line that is not as it was written, and why.
    pub broken: Option<(u64, String)>,
    /// What the tables hold beside what the log says. Not compared where the log is broken: there is
    /// nothing to go by then.
    pub state: Option<StateCheck>,
    pub secrets: SecretCheck,
}

/// What came of replaying a log and comparing it with the tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateCheck {
    /// Things that are stored as the log says; those that it removed and that are gone are not counted.
    pub alike: u64,
    /// Things of which a part was erased: only what was changed since is compared.
    pub partly_erased: u64,
    /// How many are not what the log says.
    pub differing: u64,
    /// The first of them.
    pub first: Option<Differing>,
    /// Things with erased bodies, and at most `NAMED_MAX` of them by name.
    pub erased_things: u64,
    pub erased: Vec<Erased>,
}

/// A thing that is not what the log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    pub kind: EntityKind,
    pub id: Uuid,
    /// What it is called in the tables, if it is there.
    pub name: Option<String>,
    /// The field that differs, if it is one field.
    pub field: Option<&'static str>,
    /// In words.
    pub why: String,
}

/// A thing of whose changes some bodies were erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    pub kind: EntityKind,
    pub id: Uuid,
    /// How many bodies, and the first change that lost its own.
    pub bodies: u64,
    pub first: u64,
    /// The change that removed the thing; without one, nothing in the log says why they were erased.
    pub removed_by: Option<u64>,
}

/// Whether secrets can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretCheck {
    pub checked: u64,
    pub damaged: u64,
    /// At most `NAMED_MAX` of the damaged ones.
    pub named: Vec<DamagedSecret>,
}

/// A secret that does not decrypt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedSecret {
    pub id: SecretId,
    /// What names it now: kind, id, what it is called, and the field. `None`: only the log does.
    pub holder: Option<(EntityKind, Uuid, String, &'static str)>,
    pub why: String,
}

/// How many are told by name.
pub const NAMED_MAX: usize = 20;

impl Reader {
    /// Reads the whole log of an organization and checks sequence, chain, bodies and head; replays it and
    /// compares the tables with it; tries every secret.
    pub fn verify(&mut self, org: OrgId) -> Result<Verification, StoreError> {
        self.verify_against(org, &BTreeMap::new())
    }

    /// As [`Reader::verify`], and beside it against heads that were written down elsewhere: whoever can
    /// rewrite the database can rewrite a whole chain and its head.
    pub fn verify_against(
        &mut self,
        org: OrgId,
        anchors: &BTreeMap<u64, Hash>,
    ) -> Result<Verification, StoreError> {
        let mut found = Verification::default();
        self.check_chain(org, anchors, &mut found)?;
        if found.broken.is_none() {
            self.check_state(org, &mut found)?;
        }
        found.secrets = self.check_secrets(org)?;
        Ok(found)
    }
}
