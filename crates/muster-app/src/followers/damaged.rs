//! Credentials whose secret does not decrypt: who has them, said once each.

use std::collections::{BTreeSet, HashMap};

use muster_domain::ids::{CredentialId, OrgId, UserId};
use muster_store::{DamagedCredential, PlanPerson};

/// So many are logged by name at once; the rest are counted.
const SAID_MAX: usize = 20;

#[derive(Clone, Debug, Default)]
pub(super) struct Damaged {
    of: HashMap<OrgId, HashMap<UserId, Person>>,
    said: BTreeSet<CredentialId>,
}

#[derive(Clone, Debug)]
struct Person {
    name: String,
    credentials: Vec<DamagedCredential>,
}

impl Damaged {
    pub fn note(&mut self, org: OrgId, person: &PlanPerson) {
        if !person.damaged.is_empty() {
            let (name, credentials) = (person.display_name.to_string(), person.damaged.clone());
            self.of.entry(org).or_default().insert(person.user, Person { name, credentials });
        }
    }

    /// Before an organization is read anew.
    pub fn forget(&mut self, org: OrgId) {
        self.of.remove(&org);
    }

    /// Before these are read anew.
    pub fn forget_users(&mut self, org: OrgId, users: &BTreeSet<UserId>) {
        if let Some(of_org) = self.of.get_mut(&org) {
            of_org.retain(|user, _| !users.contains(user));
        }
    }

    pub fn count(&self) -> usize {
        self.of.values().flat_map(HashMap::values).map(|person| person.credentials.len()).sum()
    }

    /// Logs those that were not damaged before.
    pub fn say_new(&mut self) {
        let all = self.of.iter().flat_map(|(org, people)| people.iter().map(move |(user, p)| (org, user, p)));
        let (mut now, mut more) = (BTreeSet::new(), 0_usize);
        let mut said = 0;
        for (org, user, person) in all {
            for credential in &person.credentials {
                now.insert(credential.id);
                if self.said.contains(&credential.id) {
                    continue;
                }
                if said == SAID_MAX {
                    more += 1;
                    continue;
                }
                said += 1;
                let (name, auth_name) = (&person.name, credential.auth_name.as_str());
                tracing::error!(
                    %org, %user, name, auth_name, credential = %credential.id, why = credential.why,
                    "a SIP password cannot be read: this phone cannot register until it gets a new one \
                     (muster user credentials --reset)"
                );
            }
        }
        if more > 0 {
            tracing::error!(more, "further SIP passwords cannot be read");
        }
        self.said = now;
    }
}
