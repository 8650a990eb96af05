//! An administrator assigns credentials: to somebody new, or later from their page, to one or to many.

use muster_domain::change::Refusal;
use muster_domain::credentials::{is_asked, required_credentials};
use muster_domain::ids::UserId;
use muster_domain::permission::Permission;
use muster_domain::user::{Service, SetupWizard, User};
use zeroize::Zeroizing;

use super::credentials::{NewCredentials, Prepared, put_credentials, sign_in_of};
use super::invites::{end_invites, not_activated_if_never};
use super::password;
use crate::apply::{Allow, Session};
use crate::users::{enable, frozen, live_users};
use crate::{App, AppError, Done, Scope};

/// How many are given credentials in one request: each password takes its time.
const AT_ONCE_MAX: usize = 200;

/// What is assigned.
#[derive(Clone, Debug)]
pub struct Assignment {
    pub credentials: NewCredentials,
    /// A password of their own for everyone, shown once, in the place of a given one.
    pub generate: bool,
    pub wizard: SetupWizard,
}

/// Whose password is which.
pub type Generated = Vec<(UserId, Zeroizing<String>)>;

#[derive(Clone, Debug)]
pub struct Assigned {
    pub done: Done,
    /// Passwords that were generated: shown this once.
    pub generated: Generated,
}

impl App {
    /// All or none: what one of them needs and is not given stops it, with the field that is missing.
    pub fn assign_credentials(
        &self,
        scope: &Scope,
        ids: &[UserId],
        assignment: &Assignment,
    ) -> Result<Assigned, AppError> {
        scope.require(Permission::CredentialsReset)?;
        if ids.is_empty() || ids.len() > AT_ONCE_MAX {
            let reason = format!("are {}, not 1 to {AT_ONCE_MAX}", ids.len());
            return Err(AppError::invalid(
                "users",
                reason,
                format!("name at most {AT_ONCE_MAX} in one request"),
            ));
        }
        let secrets =
            ids.iter().map(|_| crate::secrets::generate_sip_secret()).collect::<Result<Vec<_>, _>>()?;
        let (prepared, mut generated) = self.prepare(ids, assignment)?;
        let done = self.change(scope, Allow::default(), |session| {
            let users = live_users(session, scope, ids)?;
            for ((before, secret), set) in users.iter().zip(&secrets).zip(prepared.iter().cycle()) {
                assign(session, scope, before, set, assignment.wizard, secret)?;
            }
            Ok(ids.first().map_or_else(Default::default, |id| id.0))
        })?;
        if done.replayed {
            generated.clear();
        }
        Ok(Assigned { done, generated })
    }

    /// One for all, or one each where passwords are generated.
    fn prepare(
        &self,
        ids: &[UserId],
        assignment: &Assignment,
    ) -> Result<(Vec<Prepared>, Generated), AppError> {
        if !assignment.generate {
            return Ok((vec![assignment.credentials.prepared(self)?], Vec::new()));
        }
        let (mut prepared, mut generated) = (Vec::with_capacity(ids.len()), Vec::with_capacity(ids.len()));
        for id in ids {
            let password = Zeroizing::new(password::generate()?);
            let credentials =
                NewCredentials { password: Some(password.clone()), ..assignment.credentials.clone() };
            prepared.push(credentials.prepared(self)?);
            generated.push((*id, password));
        }
        Ok((prepared, generated))
    }
}

/// What the table asks for is there afterwards, and the user is what the table says.
fn assign(
    session: &mut Session<'_>,
    scope: &Scope,
    before: &User,
    set: &Prepared,
    wizard: SetupWizard,
    sip_secret: &str,
) -> Result<(), AppError> {
    match before.service {
        Service::Frozen => return Err(frozen()),
        Service::Disabled => {
            let why = "is disabled: activate them first, then assign credentials";
            return Err(Refusal::NotAllowed(format!("{} {why}", crate::names::called(before))).into());
        }
        Service::ContactOnly | Service::NotActivated | Service::Enabled => {}
    }
    let there = sign_in_of(session.tx, before.org, before.id)?;
    let mut after = before.clone();
    set_up(session, scope, &mut after, set, wizard, sip_secret, there.as_ref())?;
    session.update(before, &after)?;
    put_credentials(session, &after, set)?;
    end_invites(session, before.org, &[before.id], "credentials were assigned")?;
    session.tx.end_sessions(before.org, before.id)?;
    Ok(())
}

/// Checks what is given against the table, and makes the user what the table says.
pub(super) fn set_up(
    session: &mut Session<'_>,
    scope: &Scope,
    user: &mut User,
    set: &Prepared,
    wizard: SetupWizard,
    sip_secret: &str,
    there: Option<&muster_domain::signing::SignIn>,
) -> Result<(), AppError> {
    let wizard = if is_asked(user.user_type) { wizard } else { SetupWizard::Completed };
    let required = required_credentials(user.user_type, scope.organization().single_sign_on, wizard);
    let mut errors = set.given().wrong(user);
    errors.extend(set.given().missing(required, there));
    if !errors.is_empty() {
        return Err(Refusal::Invalid(errors).into());
    }
    user.setup_wizard = wizard;
    match required.service {
        Service::Enabled => enable(session, user, sip_secret),
        _ => not_activated_if_never(session, user),
    }
}
