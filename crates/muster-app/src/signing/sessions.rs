//! Who is signed in: by username or email and a password.
//!
//! A session is a random token of which only the hash is kept. It is over when the password is changed, when the
//! person may not sign in any more, and after two weeks. What cannot be told apart from outside is answered alike:
//! a name that nobody has, a wrong password, somebody who may not sign in.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use muster_domain::capabilities::capabilities;
use muster_domain::change::Refusal;
use muster_domain::claims;
use muster_domain::field::EntityKind;
use muster_domain::ids::{OrgId, UserId};
use muster_domain::organization::{ConnectionKind, Organization};
use muster_domain::permission::Permission;
use muster_domain::signing::SignIn;
use muster_domain::types::{UnixMillis, fold};
use muster_domain::user::{Record, Service, User};
use muster_store::{Failures, Reader, StoredSession, Tx};
use smol_str::SmolStr;
use zeroize::Zeroizing;

use super::credentials::{NewCredentials, put_credentials, sign_in_of};
use super::lock_out::{What, locked_until};
use super::password;
use crate::apply::Allow;
use crate::authorize::token_hash;
use crate::{Actor, App, AppError, Scope};

/// What a session's token begins with.
pub(crate) const PREFIX: &str = "mss_";

const LASTS_MS: i64 = 14 * 24 * 3_600_000;

/// Names that nobody has are remembered, so that they are locked like those that somebody has. So many.
const STRANGERS_MAX: usize = 10_000;

/// A session that was just begun: the only time that its token is seen.
#[derive(Clone)]
pub struct MadeSession {
    pub bearer: Zeroizing<String>,
    pub user: User,
    pub expires_at: UnixMillis,
    /// Nothing but a new password is taken until there is one.
    pub must_change_password: bool,
}

impl MadeSession {
    /// How long it lasts from its beginning, in seconds.
    pub fn lasts_s(&self) -> i64 {
        LASTS_MS / 1000
    }
}

impl std::fmt::Debug for MadeSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MadeSession").field("user", &self.user.id).finish_non_exhaustive()
    }
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub user: User,
    pub organization: Organization,
    pub expires_at: UnixMillis,
    pub must_change_password: bool,
}

/// What somebody says to prove who they are, to whoever helps them.
#[derive(Clone)]
pub enum Identity {
    Pin(Zeroizing<String>),
    Answer(Zeroizing<String>),
}

/// Wrong tries with names that nobody has: in memory, and forgotten when there are too many.
#[derive(Default)]
pub(crate) struct Strangers(Mutex<HashMap<(OrgId, SmolStr), Failures>>);

impl Strangers {
    /// Locked like those that somebody has.
    fn begin_try(&self, org: OrgId, login: &str, now: UnixMillis) -> Result<(), AppError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= STRANGERS_MAX {
            known.clear();
        }
        let failures = known.entry((org, SmolStr::from(fold(login)))).or_default();
        if let Some(until) = locked_until(*failures).filter(|until| *until > now) {
            return Err(AppError::LockedOut { until, now });
        }
        *failures = Failures { count: failures.count + 1, last_at: now };
        Ok(())
    }
}

impl App {
    /// `organization`: its slug, id, SIP domain or one of its aliases. With `new` the password is changed, which a
    /// temporary one has to be; other sessions end then.
    pub fn sign_in(
        &self,
        organization: &str,
        login: &str,
        password: &str,
        new: Option<&str>,
    ) -> Result<MadeSession, AppError> {
        let now = self.now();
        let organization = self.organization_of(organization)?.ok_or(AppError::NotAuthenticated);
        let organization = match organization {
            Ok(organization) => organization,
            Err(refused) => {
                self.hashing().matches(password, None)?;
                return Err(refused);
            }
        };
        let org = organization.id;
        let (found, stored) = self.store().read(|r| {
            let Some(user) = who_signs_in(r, org, login)? else { return Ok((None, None)) };
            let Some(sign_in) = sign_in_of(r, org, user.id)? else { return Ok((Some((user, None)), None)) };
            let stored = match sign_in.password {
                Some(id) => r.secret(org, id)?,
                None => None,
            };
            Ok::<_, AppError>((Some((user, Some(sign_in))), stored))
        })?;
        match &found {
            Some((user, _)) => self.begin_try(org, user.id, What::Password)?,
            None => self.strangers().begin_try(org, login, now)?,
        }
        let right = self.hashing().matches(password, stored.as_ref().map(|hash| hash.as_str()))?;
        let (Some((user, Some(sign_in))), true) = (found, right) else {
            return Err(AppError::NotAuthenticated);
        };
        self.right_try(org, user.id, What::Password)?;
        if !may_sign_in(&user) {
            return Err(AppError::MayNotSignIn);
        }
        let bearer = crate::secrets::generate_session()?;
        match new {
            Some(new) => self.change_password(&user, password, new, &bearer),
            None => self.store().write(|tx| begin_session(tx, &user, &sign_in, &bearer, now)),
        }
    }

    /// Ends the session of a token; whether there was one is not said.
    pub fn sign_out(&self, bearer: &str) -> Result<(), AppError> {
        self.store().write(|tx| tx.end_session(&token_hash(bearer)).map_err(AppError::from))?;
        Ok(())
    }

    /// Who is signed in with a token.
    pub fn signed_in(&self, bearer: &str) -> Result<SignedIn, AppError> {
        let (hash, now) = (token_hash(bearer), self.now());
        if !bearer.starts_with(PREFIX) {
            return Err(AppError::NotAuthenticated);
        }
        let found = self.store().read(|r| session(r, &hash, now))?;
        found.ok_or(AppError::NotAuthenticated)
    }

    /// The same as an actor, who may do what their roles say: somebody whose password is theirs.
    pub(crate) fn session_actor(&self, bearer: &str) -> Result<Actor, AppError> {
        let signed_in = self.signed_in(bearer)?;
        if signed_in.must_change_password {
            return Err(AppError::PasswordChangeNeeded);
        }
        let user = signed_in.user;
        let grants = self.grants_of_roles(user.org, &user.roles)?;
        Ok(Actor { id: user.id.0, home: user.org, grants })
    }

    /// Other sessions end.
    fn change_password(
        &self,
        user: &User,
        old: &str,
        new: &str,
        bearer: &str,
    ) -> Result<MadeSession, AppError> {
        if old == new {
            return Err(AppError::invalid("new_password", "is the old one", "choose another"));
        }
        if let Some(wrong) = password::wrong("new_password", new, user) {
            return Err(Refusal::Invalid(vec![wrong]).into());
        }
        let given =
            NewCredentials { password: Some(Zeroizing::new(new.into())), ..NewCredentials::default() };
        let prepared = given.prepared(self)?;
        let (org, now) = (user.org, self.now());
        let scope = self.own_scope(org, user.id.0)?;
        let mut made = None;
        self.change(&scope, Allow::default(), |session| {
            let sign_in = put_credentials(session, user, &prepared)?;
            session.tx.end_sessions(org, user.id)?;
            made = Some(begin_session(session.tx, user, &sign_in, bearer, now)?);
            Ok(user.id.0)
        })?;
        made.ok_or(AppError::NotAuthenticated)
    }

    /// Whether somebody knows their sign-in PIN or the answer to their question. Wrong ones lock.
    pub fn identify(&self, scope: &Scope, id: UserId, said: &Identity) -> Result<bool, AppError> {
        scope.require(Permission::PeopleEdit)?;
        let org = scope.org();
        let user = self.user(scope, id)?;
        scope.sees(Permission::PeopleEdit, &user)?;
        if user.record != Record::Live {
            return Err(AppError::NotFound("user"));
        }
        let sign_in = self.store().read(|r| sign_in_of(r, org, id))?;
        let (what, kept, text) = match said {
            Identity::Pin(pin) => (What::Pin, sign_in.and_then(|s| s.sign_in_pin), pin.clone()),
            Identity::Answer(answer) => {
                let folded = muster_domain::credentials::folded_answer(answer);
                (What::Answer, sign_in.and_then(|s| s.security_answer), Zeroizing::new(folded))
            }
        };
        let Some(kept) = kept else {
            let why = format!("{} has none", crate::names::called(&user));
            return Err(Refusal::NotAllowed(why).into());
        };
        self.begin_try(org, id, what)?;
        let right = self.store().read(|r| r.secret_matches(org, kept, &text).map_err(AppError::from))?;
        if right {
            self.right_try(org, id, what)?;
        }
        Ok(right)
    }

    fn organization_of(&self, named: &str) -> Result<Option<Organization>, AppError> {
        let named = named.trim();
        self.store().read(|r| {
            if let Ok(id) = named.parse::<OrgId>() {
                return Ok(r.organization(id)?);
            }
            if let Some(found) = r.organization_by_slug(named)? {
                return Ok(Some(found));
            }
            let domain = named.trim_end_matches('.').to_ascii_lowercase();
            let is = |o: &Organization| {
                o.domain.as_str() == domain || o.domain_aliases.iter().any(|alias| alias.as_str() == domain)
            };
            Ok(r.organizations()?.into_iter().find(is))
        })
    }
}

/// The one whom a login names: a username, or an email that nobody else has.
fn who_signs_in(r: &mut Reader, org: OrgId, login: &str) -> Result<Option<User>, AppError> {
    let key = SmolStr::from(fold(login.trim()));
    let keys = std::slice::from_ref(&key);
    let mut ids: Vec<uuid::Uuid> = Vec::new();
    for (_, kind, holder) in r.claimed(org, claims::AUTH_SPACE, keys)? {
        if kind == EntityKind::User {
            ids.push(holder);
        }
    }
    if ids.is_empty() {
        let by_email = r.emails(org, keys)?;
        if let [(_, only)] = by_email.as_slice() {
            ids.push(only.0);
        }
    }
    let mut users = r.get_many::<User>(org, &ids)?;
    users.retain(|user| user.record == Record::Live);
    Ok(users.pop())
}

fn may_sign_in(user: &User) -> bool {
    let can = capabilities(user.user_type, ConnectionKind::Builtin).signs_in;
    can && user.record == Record::Live && user.service == Service::Enabled
}

pub(super) fn begin_session(
    tx: &mut Tx,
    user: &User,
    sign_in: &SignIn,
    bearer: &str,
    now: UnixMillis,
) -> Result<MadeSession, AppError> {
    let expires_at = UnixMillis(now.0 + LASTS_MS);
    let session = StoredSession {
        org: user.org,
        user: user.id,
        password: sign_in.password,
        created_at: now,
        expires_at,
    };
    tx.put_session(&token_hash(bearer), &session)?;
    Ok(MadeSession {
        bearer: Zeroizing::new(bearer.to_string()),
        user: user.clone(),
        expires_at,
        must_change_password: sign_in.password_temporary,
    })
}

fn session(r: &mut Reader, hash: &str, now: UnixMillis) -> Result<Option<SignedIn>, AppError> {
    let Some(stored) = r.session_by_hash(hash)?.filter(|session| session.expires_at > now) else {
        return Ok(None);
    };
    let user = r.get::<User>(stored.org, stored.user.0)?.filter(may_sign_in);
    let (Some(user), Some(organization)) = (user, r.organization(stored.org)?) else { return Ok(None) };
    let sign_in = sign_in_of(r, stored.org, stored.user)?.filter(|s| s.password == stored.password);
    Ok(sign_in.map(|sign_in| SignedIn {
        user,
        organization,
        expires_at: stored.expires_at,
        must_change_password: sign_in.password_temporary,
    }))
}
