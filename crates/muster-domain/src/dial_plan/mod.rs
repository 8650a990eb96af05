//! What the phone core knows of people: a snapshot per organization, changed by updates in order.
//!
//! The plan holds what a call, a registration or a watcher needs and nothing else: about 300 bytes
//! a person, indexes included. It is changed by [`DialPlan::apply`] only, which tells its caller who
//! was changed, so that the phone core can end what the change forbids.

mod organization;
mod person;
#[cfg(test)]
mod tests;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::ids::{OrgId, UserId};
/// The state of a person's service, which their phones depend on.
pub use crate::user::Service;
use organization::{Holders, Organization, release};
pub use person::{CredentialPlan, PersonPlan};

/// The people of all organizations, as the phones need them.
#[derive(Debug, Default)]
pub struct DialPlan {
    organizations: FxHashMap<OrgId, Organization>,
    /// Realms and aliases in lower case. The organization that was there first keeps a domain.
    domains: FxHashMap<SmolStr, OrgId>,
    /// Who uses an auth name, over all organizations, for requests whose domain nobody has.
    auth_names: FxHashMap<SmolStr, Holders>,
}

/// A change of the plan, made from the change log by its follower. An organization begins with its
/// snapshot: until that has come, what else is said of it has no effect.
#[derive(Clone, Debug)]
pub enum PlanUpdate {
    /// A snapshot: replaces all that was known of this organization.
    Organization {
        id: OrgId,
        seq: u64,
        realm: SmolStr,
        aliases: Vec<SmolStr>,
        people: Vec<PersonPlan>,
    },
    /// Somebody new, or the whole of somebody as they are now.
    Person {
        org: OrgId,
        seq: u64,
        person: PersonPlan,
    },
    PersonGone {
        org: OrgId,
        seq: u64,
        user: UserId,
    },
    /// Domain names without the people. A changed realm changes every HA1: send a snapshot for that.
    OrganizationSettings {
        org: OrgId,
        seq: u64,
        realm: SmolStr,
        aliases: Vec<SmolStr>,
    },
    OrganizationGone {
        org: OrgId,
    },
    /// Everything up to `seq` has been sent.
    Reached {
        org: OrgId,
        seq: u64,
    },
}

impl PlanUpdate {
    pub fn org(&self) -> OrgId {
        match self {
            PlanUpdate::Organization { id, .. } => *id,
            PlanUpdate::Person { org, .. }
            | PlanUpdate::PersonGone { org, .. }
            | PlanUpdate::OrganizationSettings { org, .. }
            | PlanUpdate::OrganizationGone { org }
            | PlanUpdate::Reached { org, .. } => *org,
        }
    }
}

/// What an update did, for whoever must act on it.
#[derive(Debug, Default)]
pub struct PlanEffect {
    /// How each person who was changed or removed looked before. Who is merely new is not here.
    pub before: Vec<PersonPlan>,
    /// The organization was loaded or replaced as a whole.
    pub snapshot: bool,
    /// All HA1s are others now, without any secret having been changed.
    pub realm_changed: bool,
    pub organization_gone: bool,
    pub reached: Option<u64>,
}

impl DialPlan {
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies one update. An update older than what is known is without effect, so that a follower
    /// may repeat itself.
    pub fn apply(&mut self, update: PlanUpdate) -> PlanEffect {
        let mut effect = PlanEffect::default();
        match update {
            PlanUpdate::Organization { id, seq, realm, aliases, people } => {
                self.replace_organization(id, seq, realm, aliases, people, &mut effect);
            }
            PlanUpdate::Person { org, seq, person } => {
                if let Some(organization) = self.organizations.get_mut(&org).filter(|o| o.seq <= seq) {
                    effect.before.extend(organization.put(org, person, &mut self.auth_names));
                }
            }
            PlanUpdate::PersonGone { org, seq, user } => {
                if let Some(organization) = self.organizations.get_mut(&org).filter(|o| o.seq <= seq) {
                    effect.before.extend(organization.remove(org, user, &mut self.auth_names));
                }
            }
            PlanUpdate::OrganizationSettings { org, seq, realm, aliases } => {
                if let Some(organization) = self.organizations.get_mut(&org).filter(|o| o.seq <= seq) {
                    effect.realm_changed = organization.realm != realm;
                    organization.realm = realm.clone();
                    self.claim_domains(org, &realm, &aliases);
                }
            }
            PlanUpdate::OrganizationGone { org } => {
                effect.before = self.forget(org);
                effect.organization_gone = true;
            }
            PlanUpdate::Reached { org, seq } => {
                if let Some(organization) = self.organizations.get_mut(&org) {
                    organization.seq = organization.seq.max(seq);
                }
                effect.reached = Some(seq);
            }
        }
        effect
    }

    /// The organization whose realm or alias this is; case does not matter.
    pub fn organization_by_domain(&self, domain: &str) -> Option<OrgId> {
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        if domain.bytes().any(|b| b.is_ascii_uppercase()) {
            self.domains.get(domain.to_ascii_lowercase().as_str()).copied()
        } else {
            self.domains.get(domain).copied()
        }
    }

    /// The organization that has this auth name, if exactly one has it.
    pub fn organization_by_auth_name(&self, auth_name: &str) -> Option<OrgId> {
        let holders = self.auth_names.get(auth_name)?;
        holders.only()
    }

    pub fn realm(&self, org: OrgId) -> Option<&SmolStr> {
        self.organizations.get(&org).map(|o| &o.realm)
    }

    /// The newest change of the organization's log that the plan is known to hold.
    pub fn seq(&self, org: OrgId) -> Option<u64> {
        self.organizations.get(&org).map(|o| o.seq)
    }

    pub fn person(&self, org: OrgId, user: UserId) -> Option<&PersonPlan> {
        self.organizations.get(&org)?.person(user)
    }

    /// Who is reached by dialling `extension`. Usernames are never dialled.
    pub fn person_by_extension(&self, org: OrgId, extension: &str) -> Option<&PersonPlan> {
        self.organizations.get(&org)?.by_extension(extension)
    }

    pub fn credential(&self, org: OrgId, auth_name: &str) -> Option<(&PersonPlan, &CredentialPlan)> {
        let person = self.organizations.get(&org)?.by_auth_name(auth_name)?;
        Some((person, person.credential(auth_name)?))
    }

    pub fn organizations(&self) -> impl Iterator<Item = OrgId> + '_ {
        self.organizations.keys().copied()
    }

    fn replace_organization(
        &mut self,
        id: OrgId,
        seq: u64,
        realm: SmolStr,
        aliases: Vec<SmolStr>,
        people: Vec<PersonPlan>,
        effect: &mut PlanEffect,
    ) {
        if self.organizations.get(&id).is_some_and(|known| known.seq > seq) {
            return;
        }
        effect.snapshot = true;
        effect.reached = Some(seq);
        let known = self.organizations.get(&id).map(|o| o.realm.clone());
        effect.realm_changed = known.is_some_and(|r| r != realm);
        let before = self.forget(id);
        self.claim_domains(id, &realm, &aliases);
        let mut organization = Organization::sized_for(people.len(), seq, realm);
        for person in people {
            organization.put(id, person, &mut self.auth_names);
        }
        effect.before = before;
        effect.before.retain(|old| organization.person(old.user) != Some(old));
        self.organizations.insert(id, organization);
    }

    fn claim_domains(&mut self, org: OrgId, realm: &str, aliases: &[SmolStr]) {
        self.domains.retain(|_, owner| *owner != org);
        for domain in std::iter::once(realm).chain(aliases.iter().map(SmolStr::as_str)) {
            let key = SmolStr::from(domain.strip_suffix('.').unwrap_or(domain).to_ascii_lowercase());
            self.domains.entry(key).or_insert(org);
        }
    }

    fn forget(&mut self, org: OrgId) -> Vec<PersonPlan> {
        self.domains.retain(|_, owner| *owner != org);
        let Some(organization) = self.organizations.remove(&org) else { return Vec::new() };
        for auth_name in organization.auth_names() {
            release(&mut self.auth_names, auth_name, org);
        }
        organization.into_people()
    }
}
