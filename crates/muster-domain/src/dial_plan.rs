//! What the phone core knows of people: a snapshot per organization, changed by updates in order.
//!
//! The plan holds what a call, a registration or a watcher needs and nothing else: about 300 bytes
//! a person, indexes included. It is changed by [`DialPlan::apply`] only, which tells its caller who
//! was changed, so that the phone core can end what the change forbids.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::ids::{CredentialId, OrgId, SecretId, UserId};

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

/// One person (or shared phone) as the phone core sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonPlan {
    pub user: UserId,
    /// None: nobody can dial them, and they have no address of record.
    pub extension: Option<SmolStr>,
    pub display_name: SmolStr,
    pub service: Service,
    pub capabilities: Capabilities,
    /// Phones registered at once; the newest beyond it is refused.
    pub max_bindings: u8,
    /// How long their phones ring before the caller hears that nobody answers, in seconds.
    pub call_timeout_s: u16,
    pub credentials: Box<[CredentialPlan]>,
}

impl PersonPlan {
    /// Whether their phones may be registered now.
    pub fn may_register(&self) -> bool {
        self.service == Service::Enabled && self.capabilities.contains(Capabilities::REGISTER)
    }

    pub fn may_place_calls(&self) -> bool {
        self.service == Service::Enabled && self.capabilities.contains(Capabilities::PLACE_CALLS)
    }

    pub fn may_receive_calls(&self) -> bool {
        self.service == Service::Enabled && self.capabilities.contains(Capabilities::RECEIVE_CALLS)
    }

    pub fn credential(&self, auth_name: &str) -> Option<&CredentialPlan> {
        self.credentials.iter().find(|c| c.auth_name == auth_name)
    }

    pub fn credential_by_id(&self, id: CredentialId) -> Option<&CredentialPlan> {
        self.credentials.iter().find(|c| c.id == id)
    }
}

/// A name and what digest needs of its secret. HA1 is a password: it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct CredentialPlan {
    pub id: CredentialId,
    pub auth_name: SmolStr,
    /// Which secret it is: another one has another id.
    pub secret: SecretId,
    pub ha1_md5: [u8; 16],
    pub ha1_sha256: [u8; 32],
}

impl std::fmt::Debug for CredentialPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CredentialPlan")
            .field("id", &self.id)
            .field("auth_name", &self.auth_name)
            .finish_non_exhaustive()
    }
}

/// The service state of a person, as far as phones are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    ContactOnly,
    NotActivated,
    Enabled,
    Disabled,
    Frozen,
}

/// What a person's type lets their phones do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(u8);

impl Capabilities {
    pub const REGISTER: Capabilities = Capabilities(1);
    pub const PLACE_CALLS: Capabilities = Capabilities(2);
    pub const RECEIVE_CALLS: Capabilities = Capabilities(4);
    pub const MESSAGES: Capabilities = Capabilities(8);

    pub const fn none() -> Self {
        Capabilities(0)
    }

    pub const fn all() -> Self {
        Capabilities(15)
    }

    pub const fn with(self, other: Capabilities) -> Self {
        Capabilities(self.0 | other.0)
    }

    pub const fn contains(self, other: Capabilities) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What an update did, for whoever must act on it.
#[derive(Debug, Default)]
pub struct PlanEffect {
    /// How each person who was changed or removed looked before. Who is merely new is not here.
    pub before: Vec<PersonPlan>,
    /// Extensions that somebody answers to since this update.
    pub new_extensions: Vec<SmolStr>,
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
                    organization.put(org, person, &mut self.auth_names, &mut effect);
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
        (holders.count == 1).then(|| OrgId(uuid::Uuid::from_u128(holders.xor)))
    }

    pub fn realm(&self, org: OrgId) -> Option<&SmolStr> {
        self.organizations.get(&org).map(|o| &o.realm)
    }

    /// The newest change of the organization's log that the plan is known to hold.
    pub fn seq(&self, org: OrgId) -> Option<u64> {
        self.organizations.get(&org).map(|o| o.seq)
    }

    pub fn person(&self, org: OrgId, user: UserId) -> Option<&PersonPlan> {
        let organization = self.organizations.get(&org)?;
        organization.at(*organization.by_user.get(&user)?)
    }

    /// Who is reached by dialling `extension`. Usernames are never dialled.
    pub fn person_by_extension(&self, org: OrgId, extension: &str) -> Option<&PersonPlan> {
        let organization = self.organizations.get(&org)?;
        organization.at(*organization.by_extension.get(extension)?)
    }

    pub fn credential(&self, org: OrgId, auth_name: &str) -> Option<(&PersonPlan, &CredentialPlan)> {
        let organization = self.organizations.get(&org)?;
        let person = organization.at(*organization.by_auth_name.get(auth_name)?)?;
        Some((person, person.credential(auth_name)?))
    }

    pub fn organizations(&self) -> impl Iterator<Item = OrgId> + '_ {
        self.organizations.keys().copied()
    }

    pub fn people(&self, org: OrgId) -> impl Iterator<Item = &PersonPlan> {
        self.organizations.get(&org).into_iter().flat_map(|o| o.people.iter().flatten())
    }

    pub fn people_count(&self, org: OrgId) -> usize {
        self.organizations.get(&org).map_or(0, |o| o.by_user.len())
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
        let mut nobody = PlanEffect::default();
        for person in people {
            organization.put(id, person, &mut self.auth_names, &mut nobody);
        }
        effect.before = before;
        effect.before.retain(|old| {
            let now = organization.by_user.get(&old.user).and_then(|slot| organization.at(*slot));
            now != Some(old)
        });
        if !effect.before.is_empty() {
            effect.new_extensions = nobody.new_extensions;
        }
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
        for auth_name in organization.by_auth_name.keys() {
            release(&mut self.auth_names, auth_name, org);
        }
        organization.people.into_iter().flatten().collect()
    }
}

#[derive(Debug, Default)]
struct Organization {
    seq: u64,
    realm: SmolStr,
    people: Vec<Option<PersonPlan>>,
    free: Vec<u32>,
    by_user: FxHashMap<UserId, u32>,
    by_extension: FxHashMap<SmolStr, u32>,
    by_auth_name: FxHashMap<SmolStr, u32>,
}

impl Organization {
    fn sized_for(people: usize, seq: u64, realm: SmolStr) -> Self {
        let mut organization = Organization { seq, realm, ..Self::default() };
        organization.people.reserve_exact(people);
        organization.by_user.reserve(people);
        organization.by_extension.reserve(people);
        organization.by_auth_name.reserve(people);
        organization
    }

    fn at(&self, slot: u32) -> Option<&PersonPlan> {
        self.people.get(slot as usize)?.as_ref()
    }

    /// Inserts or replaces a person. Where two claim one extension or auth name for a moment (an
    /// exchange arrives as two updates), the later claim holds.
    fn put(
        &mut self,
        org: OrgId,
        person: PersonPlan,
        auth_names: &mut FxHashMap<SmolStr, Holders>,
        effect: &mut PlanEffect,
    ) {
        let old = self.by_user.get(&person.user).and_then(|slot| self.at(*slot));
        if old == Some(&person) {
            return;
        }
        let old = self.remove(org, person.user, auth_names);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.people.push(None);
            (self.people.len() - 1) as u32
        });
        self.by_user.insert(person.user, slot);
        if let Some(extension) = &person.extension {
            self.by_extension.insert(extension.clone(), slot);
            if old.as_ref().is_none_or(|o| o.extension.as_ref() != Some(extension)) {
                effect.new_extensions.push(extension.clone());
            }
        }
        for credential in &person.credentials {
            if self.by_auth_name.insert(credential.auth_name.clone(), slot).is_none() {
                hold(auth_names, &credential.auth_name, org);
            }
        }
        self.people[slot as usize] = Some(person);
        effect.before.extend(old);
    }

    fn remove(
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
}

/// How many organizations have a name, and the exclusive or of their ids: with one left, that is its id.
#[derive(Debug, Default)]
struct Holders {
    count: u32,
    xor: u128,
}

fn hold(auth_names: &mut FxHashMap<SmolStr, Holders>, name: &SmolStr, org: OrgId) {
    let holders = auth_names.entry(name.clone()).or_default();
    holders.count += 1;
    holders.xor ^= org.0.as_u128();
}

fn release(auth_names: &mut FxHashMap<SmolStr, Holders>, name: &SmolStr, org: OrgId) {
    if let Entry::Occupied(mut entry) = auth_names.entry(name.clone()) {
        entry.get_mut().count -= 1;
        entry.get_mut().xor ^= org.0.as_u128();
        if entry.get().count == 0 {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn org(n: u128) -> OrgId {
        OrgId(Uuid::from_u128(n))
    }

    fn person(n: u128, extension: &str, auth_name: &str) -> PersonPlan {
        PersonPlan {
            user: UserId(Uuid::from_u128(n)),
            extension: Some(extension.into()),
            display_name: format!("Person {n}").into(),
            service: Service::Enabled,
            capabilities: Capabilities::all(),
            max_bindings: 5,
            call_timeout_s: 20,
            credentials: Box::new([CredentialPlan {
                id: CredentialId(Uuid::from_u128(n)),
                auth_name: auth_name.into(),
                secret: SecretId(Uuid::from_u128(n)),
                ha1_md5: [1; 16],
                ha1_sha256: [2; 32],
            }]),
        }
    }

    fn snapshot(n: u128, realm: &str, people: Vec<PersonPlan>) -> PlanUpdate {
        PlanUpdate::Organization {
            id: org(n),
            seq: 10,
            realm: realm.into(),
            aliases: vec!["OLD.example".into()],
            people,
        }
    }

    fn plan() -> DialPlan {
        let mut plan = DialPlan::new();
        plan.apply(snapshot(1, "Acme.example", vec![person(1, "101", "anna"), person(2, "102", "bert")]));
        plan
    }

    #[test]
    fn a_domain_is_found_in_any_case_and_by_alias() {
        let plan = plan();
        for domain in ["acme.example", "ACME.example", "acme.example.", "old.EXAMPLE"] {
            assert_eq!(plan.organization_by_domain(domain), Some(org(1)), "{domain}");
        }
        assert_eq!(plan.organization_by_domain("acme"), None);
        assert_eq!(plan.realm(org(1)).map(SmolStr::as_str), Some("Acme.example"));
    }

    #[test]
    fn people_are_dialled_by_extension_and_authenticate_by_name() {
        let plan = plan();
        assert_eq!(plan.person_by_extension(org(1), "101").map(|p| p.user), Some(UserId(Uuid::from_u128(1))));
        assert!(plan.person_by_extension(org(1), "anna").is_none());
        assert!(plan.credential(org(1), "101").is_none());
        assert_eq!(plan.credential(org(1), "bert").map(|(p, _)| p.extension.as_deref()), Some(Some("102")));
        assert!(plan.credential(org(2), "bert").is_none());
    }

    #[test]
    fn a_name_finds_its_organization_only_while_one_has_it() {
        let mut plan = plan();
        assert_eq!(plan.organization_by_auth_name("anna"), Some(org(1)));
        plan.apply(snapshot(2, "b.example", vec![person(9, "101", "anna")]));
        assert_eq!(plan.organization_by_auth_name("anna"), None);
        plan.apply(PlanUpdate::OrganizationGone { org: org(1) });
        assert_eq!(plan.organization_by_auth_name("anna"), Some(org(2)));
        assert_eq!(plan.organization_by_auth_name("bert"), None);
        assert_eq!(plan.organization_by_domain("acme.example"), None);
    }

    #[test]
    fn two_people_exchange_their_extensions_in_two_updates() {
        let mut plan = plan();
        plan.apply(PlanUpdate::Person { org: org(1), seq: 11, person: person(1, "102", "anna") });
        plan.apply(PlanUpdate::Person { org: org(1), seq: 12, person: person(2, "101", "bert") });
        let user = |extension| plan.person_by_extension(org(1), extension).map(|p| p.user.0.as_u128());
        assert_eq!((user("101"), user("102")), (Some(2), Some(1)));
    }

    #[test]
    fn a_snapshot_names_only_who_differs() {
        let mut plan = plan();
        let mut changed = person(2, "102", "bert");
        changed.service = Service::Disabled;
        let effect = plan.apply(PlanUpdate::Organization {
            id: org(1),
            seq: 11,
            realm: "Acme.example".into(),
            aliases: vec![],
            people: vec![person(1, "101", "anna"), changed],
        });
        assert_eq!(effect.before, vec![person(2, "102", "bert")]);
        assert!(effect.snapshot && !effect.realm_changed);
        assert_eq!(effect.reached, Some(11));
    }

    #[test]
    fn an_update_older_than_the_plan_changes_nothing() {
        let mut plan = plan();
        let effect = plan.apply(PlanUpdate::PersonGone { org: org(1), seq: 9, user: person(1, "", "").user });
        assert!(effect.before.is_empty());
        assert!(plan.person_by_extension(org(1), "101").is_some());
        plan.apply(snapshot(1, "acme.example", vec![]));
        assert_eq!(plan.people_count(org(1)), 0, "a snapshot of the same seq replaces");
    }

    #[test]
    fn who_is_removed_leaves_nothing_behind() {
        let mut plan = plan();
        let effect =
            plan.apply(PlanUpdate::PersonGone { org: org(1), seq: 11, user: person(1, "", "").user });
        assert_eq!(effect.before.len(), 1);
        assert!(plan.person_by_extension(org(1), "101").is_none());
        assert!(plan.credential(org(1), "anna").is_none());
        assert_eq!(plan.organization_by_auth_name("anna"), None);
        plan.apply(PlanUpdate::Person { org: org(1), seq: 12, person: person(3, "101", "anna") });
        assert_eq!(plan.people(org(1)).count(), 2);
    }

    #[test]
    fn hashes_of_secrets_are_not_printed() {
        let text = format!("{:?}", person(1, "101", "anna"));
        assert!(!text.contains("ha1") && text.contains("anna"), "{text}");
    }
}
