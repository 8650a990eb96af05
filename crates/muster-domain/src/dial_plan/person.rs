//! One person, and what their phones authenticate with.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::capabilities::Capabilities;
use crate::ids::{CredentialId, SecretId, UserId};
use crate::user::Service;

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
    /// Their calls are held back because they need an emergency location and have none: only these numbers
    /// pass. Shared by all of a site.
    pub held_but_for: Option<Arc<[SmolStr]>>,
}

impl PersonPlan {
    /// Whether what they dial waits for an emergency location. Calls for help never do.
    pub fn holds_back(&self, dialled: &str) -> bool {
        self.held_but_for.as_ref().is_some_and(|numbers| !crate::emergency::is_for_help(dialled, numbers))
    }

    /// Whether their phones may be registered now.
    pub fn may_register(&self) -> bool {
        self.service == Service::Enabled && self.capabilities.registers
    }

    pub fn may_place_calls(&self) -> bool {
        self.service == Service::Enabled && self.capabilities.places_calls
    }

    pub fn may_receive_calls(&self) -> bool {
        self.service == Service::Enabled && self.capabilities.receives_calls
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
