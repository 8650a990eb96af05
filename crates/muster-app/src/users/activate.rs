//! Activating and deactivating, at any time, for one or for many.

use muster_domain::capabilities::capabilities;
use muster_domain::field::Entity;
use muster_domain::ids::UserId;
use muster_domain::organization::ConnectionKind;
use muster_domain::permission::Permission;
use muster_domain::types::{Text, UnixMillis};
use muster_domain::user::{Record, Service, User};
use muster_store::SecretKind;
use uuid::Uuid;

use super::keep_secret;
use crate::apply::{Allow, Session};
use crate::signing::end_invites;
use crate::{App, AppError, Done, Scope};

/// How many are activated or deactivated in one request; more is an import or a bulk job.
pub const USERS_AT_ONCE_MAX: usize = 1000;

#[derive(Clone, Debug)]
pub struct Activated {
    pub done: Done,
    /// For each user who had no SIP secret, the one that was generated: shown this once.
    pub generated: Vec<(UserId, String)>,
}

/// What a deactivated user becomes.
#[derive(Clone, Debug)]
pub enum Deactivation {
    ContactOnly,
    Disabled { reason: Text, comment: Option<Text>, until: Option<UnixMillis> },
}

impl App {
    /// All or none: a user who lacks what activation needs stops it, with the field that is missing.
    pub fn activate_users(&self, scope: &Scope, ids: &[UserId]) -> Result<Activated, AppError> {
        scope.require(Permission::PeopleActivate)?;
        check_count(ids)?;
        let secrets =
            ids.iter().map(|_| crate::secrets::generate_sip_secret()).collect::<Result<Vec<_>, _>>()?;
        let mut generated = Vec::new();
        let done = self.change(scope, Allow::default(), |session| {
            generated.clear();
            for (before, secret) in live_users(session, scope, ids)?.iter().zip(&secrets) {
                let (mut after, needs_secret) = activated(before)?;
                if needs_secret {
                    after.sip_secret =
                        Some(keep_secret(session, scope.org(), SecretKind::SipSecret, secret)?);
                    generated.push((before.id, secret.clone()));
                }
                session.update(before, &after)?;
            }
            end_invites(session, scope.org(), ids, "the person was activated")?;
            Ok(ids.first().map_or(Uuid::nil(), |id| id.0))
        })?;
        if done.replayed {
            generated.clear();
        }
        Ok(Activated { done, generated })
    }

    /// Ends registrations, calls and sessions at once; person, extension, mailbox, numbers and
    /// credentials stay.
    pub fn deactivate_users(
        &self,
        scope: &Scope,
        ids: &[UserId],
        into: &Deactivation,
    ) -> Result<Done, AppError> {
        scope.require(Permission::PeopleActivate)?;
        check_count(ids)?;
        self.change(scope, Allow::default(), |session| {
            for before in live_users(session, scope, ids)? {
                session.update(&before, &deactivated(&before, into)?)?;
            }
            end_invites(session, scope.org(), ids, "the person was deactivated")?;
            Ok(ids.first().map_or(Uuid::nil(), |id| id.0))
        })
    }
}

/// As somebody is once activated; `true` if they need a SIP secret for that and have none.
pub(super) fn activated(before: &User) -> Result<(User, bool), AppError> {
    if before.service == Service::Frozen {
        return Err(frozen());
    }
    let mut after = before.clone();
    after.service = Service::Enabled;
    (after.disabled_reason, after.disabled_comment, after.disabled_until) = (None, None, None);
    let registers = capabilities(before.user_type, ConnectionKind::Builtin).registers;
    Ok((after, registers && before.sip_secret.is_none()))
}

pub(super) fn deactivated(before: &User, into: &Deactivation) -> Result<User, AppError> {
    let mut after = before.clone();
    (after.disabled_reason, after.disabled_comment, after.disabled_until) = (None, None, None);
    match into {
        _ if before.service == Service::Frozen => return Err(frozen()),
        Deactivation::ContactOnly => after.service = Service::ContactOnly,
        Deactivation::Disabled { reason, comment, until } => {
            after.service = Service::Disabled;
            after.disabled_reason = Some(reason.clone());
            after.disabled_comment = comment.clone();
            after.disabled_until = *until;
        }
    }
    Ok(after)
}

/// Makes a user one who may register and sign in; `secret` is kept where there is no SIP secret yet.
pub(crate) fn enable(session: &mut Session<'_>, user: &mut User, secret: &str) -> Result<(), AppError> {
    user.service = Service::Enabled;
    (user.disabled_reason, user.disabled_comment, user.disabled_until) = (None, None, None);
    if muster_domain::capabilities::of(user).registers && user.sip_secret.is_none() {
        user.sip_secret = Some(keep_secret(session, user.org, SecretKind::SipSecret, secret)?);
    }
    Ok(())
}

pub(crate) fn frozen() -> AppError {
    AppError::Refused(muster_domain::change::Refusal::NotAllowed(
        "the user is frozen by the operator; only the operator can change that".into(),
    ))
}

fn check_count(ids: &[UserId]) -> Result<(), AppError> {
    if ids.is_empty() || ids.len() > USERS_AT_ONCE_MAX {
        return Err(AppError::invalid(
            "users",
            format!("are {}, not 1 to {USERS_AT_ONCE_MAX}", ids.len()),
            format!("name between 1 and {USERS_AT_ONCE_MAX} users in one request"),
        ));
    }
    Ok(())
}

/// The users of these ids, in their order; one that is not there or is trashed stops it all.
pub(crate) fn live_users(
    session: &mut Session<'_>,
    scope: &Scope,
    ids: &[UserId],
) -> Result<Vec<User>, AppError> {
    let raw: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let mut users = session.tx.get_many::<User>(scope.org(), &raw)?;
    users.retain(|u| u.record == Record::Live && scope.sees(Permission::PeopleRead, u).is_ok());
    let mut ordered = Vec::with_capacity(raw.len());
    for id in raw {
        let at = users.iter().position(|u| u.id() == id).ok_or(AppError::NotFound("user"))?;
        ordered.push(users.swap_remove(at));
    }
    Ok(ordered)
}
