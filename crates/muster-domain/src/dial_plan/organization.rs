//! The indexes of one organization's people.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use uuid::Uuid;

use super::PersonPlan;
use crate::ids::{OrgId, UserId};

/// The people of one organization, found by user, extension and auth name.
#[derive(Debug, Default)]
pub(super) struct Organization {
    pub seq: u64,
    pub realm: SmolStr,
    people: Vec<Option<PersonPlan>>,
    free: Vec<u32>,
    by_user: FxHashMap<UserId, u32>,
    by_extension: FxHashMap<SmolStr, u32>,
    by_auth_name: FxHashMap<SmolStr, u32>,
}

impl Organization {
    pub fn sized_for(people: usize, seq: u64, realm: SmolStr) -> Self {
        let mut organization = Organization { seq, realm, ..Self::default() };
        organization.people.reserve_exact(people);
        organization.by_user.reserve(people);
        organization.by_extension.reserve(people);
        organization.by_auth_name.reserve(people);
        organization
    }

    pub fn person(&self, user: UserId) -> Option<&PersonPlan> {
        self.at(*self.by_user.get(&user)?)
    }

    pub fn by_extension(&self, extension: &str) -> Option<&PersonPlan> {
        self.at(*self.by_extension.get(extension)?)
    }

    pub fn by_auth_name(&self, auth_name: &str) -> Option<&PersonPlan> {
        self.at(*self.by_auth_name.get(auth_name)?)
    }

    pub fn auth_names(&self) -> impl Iterator<Item = &SmolStr> {
        self.by_auth_name.keys()
    }

    pub fn into_people(self) -> Vec<PersonPlan> {
        self.people.into_iter().flatten().collect()
    }

    /// Inserts or replaces a person; gives who was there if they have changed. Where two claim one
    /// extension or auth name for a moment (an exchange arrives as two updates), the later claim holds.
    pub fn put(
        &mut self,
        org: OrgId,
        person: PersonPlan,
        auth_names: &mut FxHashMap<SmolStr, Holders>,
    ) -> Option<PersonPlan> {
        if self.person(person.user) == Some(&person) {
            return None;
        }
        let old = self.remove(org, person.user, auth_names);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.people.push(None);
            (self.people.len() - 1) as u32
        });
        self.by_user.insert(person.user, slot);
        if let Some(extension) = &person.extension {
            self.by_extension.insert(extension.clone(), slot);
        }
        for credential in &person.credentials {
            if self.by_auth_name.insert(credential.auth_name.clone(), slot).is_none() {
                hold(auth_names, &credential.auth_name, org);
            }
        }
        self.people[slot as usize] = Some(person);
        old
    }

    pub fn remove(
        &mut self,
        org: OrgId,
        user: UserId,
        auth_names: &mut FxHashMap<SmolStr, Holders>,
    ) -> Option<PersonPlan> {
        let slot = self.by_user.remove(&user)?;
        let person = self.people[slot as usize].take()?;
        self.free.push(slot);
        if let Some(extension) = &person.extension
            && self.by_extension.get(extension) == Some(&slot)
        {
            self.by_extension.remove(extension);
        }
        for credential in &person.credentials {
            if self.by_auth_name.get(&credential.auth_name) == Some(&slot) {
                self.by_auth_name.remove(&credential.auth_name);
                release(auth_names, &credential.auth_name, org);
            }
        }
        Some(person)
    }

    fn at(&self, slot: u32) -> Option<&PersonPlan> {
        self.people.get(slot as usize)?.as_ref()
    }
}

/// How many organizations have a name, and the exclusive or of their ids: with one left, that is its id.
#[derive(Debug, Default)]
pub(super) struct Holders {
    count: u32,
    xor: u128,
}

impl Holders {
    /// The organization that alone has the name.
    pub fn only(&self) -> Option<OrgId> {
        (self.count == 1).then(|| OrgId(Uuid::from_u128(self.xor)))
    }
}

fn hold(auth_names: &mut FxHashMap<SmolStr, Holders>, name: &SmolStr, org: OrgId) {
    let holders = auth_names.entry(name.clone()).or_default();
    holders.count += 1;
    holders.xor ^= org.0.as_u128();
}

pub(super) fn release(auth_names: &mut FxHashMap<SmolStr, Holders>, name: &SmolStr, org: OrgId) {
    if let Entry::Occupied(mut entry) = auth_names.entry(name.clone()) {
        entry.get_mut().count -= 1;
        entry.get_mut().xor ^= org.0.as_u128();
        if entry.get().count == 0 {
            entry.remove();
        }
    }
}
