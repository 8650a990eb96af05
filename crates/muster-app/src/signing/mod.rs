//! Signing in: credentials that are assigned, invites that are accepted, and who is signed in.

mod accept;
mod assign;
mod credentials;
mod invites;
mod lock_out;
mod many;
mod password;
mod schedule;
mod sessions;
mod setup;
mod sheet;

pub use muster_mail::Language;

pub use accept::{Acceptance, Accepted, LinkRefusal, NewPlace, Place, WantedLocation, Welcome};
pub use assign::{Assigned, Assignment};
pub use credentials::NewCredentials;
pub use invites::{Delivery, INVITE_JOB, INVITED_AT_ONCE_MAX, InviteView, Invited, NewInvite};
pub use password::Hashing;
pub use schedule::{When, when};
pub use sessions::{Identity, MadeSession, SignedIn};
pub(crate) use sessions::{PREFIX as SESSION_PREFIX, Strangers};
pub use setup::Setup;
pub use sheet::{Sheet, SheetSecrets};

pub(crate) use credentials::sign_in_of;
pub(crate) use invites::{end_invites, language_of, send_scheduled};
pub(crate) use setup::{Ready, carry_out};

use muster_domain::grants::Grants;
use muster_domain::ids::OrgId;
use uuid::Uuid;

use crate::{App, AppError, Scope};

impl App {
    /// What the system does by itself, or a person does for themselves: `actor` is their id, or nil. Whatever that is
    /// has been asked for already.
    pub(crate) fn own_scope(&self, org: OrgId, actor: Uuid) -> Result<Scope, AppError> {
        let found = self.store().read(|r| r.organization(org).map_err(AppError::from))?;
        let organization = found.ok_or(AppError::NotFound("organization"))?;
        Ok(Scope { organization, actor, grants: Grants::all(), once: None, past: None })
    }
}
