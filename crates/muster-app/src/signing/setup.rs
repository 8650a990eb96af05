//! The four ways in which somebody new is set up (`domain.md`, *Setting up a new user*).

use muster_domain::change::Refusal;
use muster_domain::credentials::is_asked;
use muster_domain::signing::Invite;
use muster_domain::user::{Service, SetupWizard, User};
use muster_domain::value::FieldError;

use super::assign::set_up;
use super::credentials::{NewCredentials, Prepared, put_credentials};
use super::invites::{self, Invited, NewInvite};
use crate::apply::Session;
use crate::{App, AppError, Scope};

/// What is done with somebody whose *Activated* switch is on.
#[derive(Clone, Debug)]
pub enum Setup {
    /// Now, or at a time.
    Invite(NewInvite),
    /// Everything is given, and they are enabled.
    Assign { credentials: NewCredentials, wizard: SetupWizard },
    /// They wait for an invite or for credentials.
    ActivateLater,
}

/// A set-up with what takes long done before the transaction.
pub(crate) struct Ready<'a> {
    setup: &'a Setup,
    prepared: Option<Prepared>,
    sip_secret: String,
}

impl Setup {
    pub(crate) fn ready(&self, app: &App) -> Result<Ready<'_>, AppError> {
        let prepared = match self {
            Setup::Assign { credentials, .. } => Some(credentials.prepared(app)?),
            Setup::Invite(_) | Setup::ActivateLater => None,
        };
        Ok(Ready { setup: self, prepared, sip_secret: crate::secrets::generate_sip_secret()? })
    }
}

impl Ready<'_> {
    /// Before the user is written: what they are.
    pub fn before(&self, session: &mut Session<'_>, scope: &Scope, user: &mut User) -> Result<(), AppError> {
        match (self.setup, &self.prepared) {
            (Setup::Assign { wizard, .. }, Some(prepared)) => {
                set_up(session, scope, user, prepared, *wizard, &self.sip_secret, None)
            }
            (Setup::Invite(_), _) => {
                user.service = Service::NotActivated;
                Ok(())
            }
            _ if !is_asked(user.user_type) => Err(asked_for_nothing(user)),
            _ => {
                user.service = Service::NotActivated;
                Ok(())
            }
        }
    }
}

/// After the user is written: what belongs to them.
pub(crate) fn carry_out(
    app: &App,
    session: &mut Session<'_>,
    scope: &Scope,
    user: &User,
    ready: &Ready<'_>,
) -> Result<Option<Invited>, AppError> {
    match (ready.setup, &ready.prepared) {
        (Setup::Assign { .. }, Some(prepared)) => {
            put_credentials(session, user, prepared)?;
            Ok(None)
        }
        (Setup::Invite(new), _) => {
            session.flush()?;
            invites::invite_new(app, session, scope, user, new).map(Some)
        }
        _ => Ok(None),
    }
}

/// Of a type that is enabled with a password, always.
pub(super) fn asked_for_nothing(user: &User) -> AppError {
    Refusal::Invalid(vec![FieldError::new(
        "setup",
        format!("is not for users of the type {}: they have no first sign-in", user.user_type),
        "assign credentials",
    )])
    .into()
}

/// Whether an invite is one that waits for its person.
pub(super) fn is_open(invite: &Invite) -> bool {
    use muster_domain::signing::InviteState::{Scheduled, Sent};
    matches!(invite.state, Scheduled | Sent)
}
