//! A fast stream of exactly what the phone core knows of people.

use muster_domain::ids::{ConnectionId, CredentialId, OrgId, UserId};
use muster_domain::user::{Service, UserType};
use smol_str::SmolStr;
use zeroize::Zeroizing;

use crate::{Reader, StoreError};

/// A live user with the names and secrets that their phones register with.
#[derive(Clone, Debug)]
pub struct PlanPerson {
    pub user: UserId,
    pub user_type: UserType,
    pub connection: Option<ConnectionId>,
    pub extension: Option<SmolStr>,
    pub display_name: SmolStr,
    pub service: Service,
    pub max_bindings: u16,
    pub call_timeout_s: u16,
    /// The user's own first, then those of their devices. A user's has the user's id, a device's the device's.
    pub credentials: Vec<PlanCredential>,
}

#[derive(Clone)]
pub struct PlanCredential {
    pub id: CredentialId,
    /// As written; compare folded.
    pub auth_name: SmolStr,
    pub secret: Zeroizing<String>,
}

impl std::fmt::Debug for PlanCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlanCredential").field("auth_name", &self.auth_name).finish_non_exhaustive()
    }
}

impl Reader {
    /// Every live user of an organization, in order of their ids. `f` must not call the store.
    pub fn plan_people(
        &mut self,
        _org: OrgId,
        _f: impl FnMut(PlanPerson) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// The same for some; who is trashed or not there is left out.
    pub fn plan_people_of(&mut self, _org: OrgId, _users: &[UserId]) -> Result<Vec<PlanPerson>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }
}
