//! `user.created`: one person, with what belongs to them.

use muster_domain::capabilities::capabilities;
use muster_domain::field::{Edit, Entity};
use muster_domain::organization::{ConnectionKind, Mailbox, Site};
use muster_domain::permission::Permission;
use muster_domain::types::Username;
use muster_domain::user::{Service, User};
use muster_domain::value::{FieldError, Value};
use muster_store::SecretKind;
use uuid::Uuid;

use super::{keep_secret, set_fields};
use crate::apply::{Allow, Session};
use crate::signing::{Invited, Ready, Setup, carry_out};
use crate::{App, AppError, Done, Scope};

/// A person to be added. What is left out gets the default that `domain.md` names.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    pub values: Vec<(&'static str, Value)>,
    pub sip_password: Option<String>,
    pub mailbox: NewMailbox,
    /// Counted and able to register from the start. A SIP secret is generated if none is given.
    pub activated: bool,
    pub allow: Allow,
    /// How they are set up; `None` is a contact, or somebody activated.
    pub setup: Option<Setup>,
}

/// The mailbox of somebody new: their own, unless their type has none or it is not wanted.
#[derive(Clone, Debug)]
pub enum NewMailbox {
    None,
    Own { pin: Option<String> },
}

impl Default for NewMailbox {
    fn default() -> Self {
        NewMailbox::Own { pin: None }
    }
}

impl App {
    pub fn add_user(&self, scope: &Scope, new: &NewUser) -> Result<Done, AppError> {
        self.add_and_invite(scope, new).map(|(done, _)| done)
    }

    /// As [`App::add_user`], with the invite that the set-up asked for.
    pub fn add_and_invite(&self, scope: &Scope, new: &NewUser) -> Result<(Done, Option<Invited>), AppError> {
        scope.require(Permission::PeopleCreate)?;
        let ready = new.setup.as_ref().map(|setup| setup.ready(self)).transpose()?;
        let mut invited = None;
        let done = self.change(scope, new.allow, |session| {
            let user = add(session, scope, new, ready.as_ref())?;
            invited = match &ready {
                Some(ready) => carry_out(self, session, scope, &user, ready)?,
                None => None,
            };
            Ok(user.id.0)
        })?;
        Ok((done, invited.filter(|_| !done.replayed)))
    }
}

fn add(
    session: &mut Session<'_>,
    scope: &Scope,
    new: &NewUser,
    ready: Option<&Ready<'_>>,
) -> Result<User, AppError> {
    let org = scope.org();
    let mut user = User::blank(org, Uuid::now_v7());
    // Of somebody who adds people to some sites, the first of these.
    let own = scope.sites(Permission::PeopleCreate);
    let is_own = |site: &&Site| own.as_ref().is_none_or(|own| own.contains(&site.id));
    user.site = session.sites()?.iter().find(is_own).map(|s| s.id);
    user.connection = session.connections()?.first().map(|c| c.id);
    set_fields(&mut user, &new.values, |edit| edit != Edit::ByCommand)?;
    session.settle_roles(&mut user.roles, &User::blank(org, Uuid::nil()).roles)?;
    name_by_extension(&mut user);
    crate::emergency::check_of_user(session.tx, &user)?;
    if let Some(password) = &new.sip_password {
        user.sip_secret =
            Some(keep_secret(session, org, SecretKind::SipSecret, checked_sip_password(password)?)?);
    }
    if new.activated {
        let generated = crate::secrets::generate_sip_secret()?;
        if user.sip_secret.is_none() {
            user.sip_secret = Some(keep_secret(session, org, SecretKind::SipSecret, &generated)?);
        }
        user.service = Service::Enabled;
    }
    if let Some(ready) = ready {
        ready.before(session, scope, &mut user)?;
    }
    let mailbox = own_mailbox(session, &user, &new.mailbox)?;
    user.mailbox = mailbox.as_ref().map(|m| m.id).or(user.mailbox);
    session.create(&user)?;
    if let Some(mailbox) = mailbox {
        session.create(&mailbox)?;
    }
    Ok(user)
}

/// Username [the extension, if none is given] (`domain.md`, *What a user carries*).
pub(crate) fn name_by_extension(user: &mut User) {
    let unnamed = user.username.as_str().is_empty();
    if let Some(extension) = user.extension.as_ref().filter(|_| unnamed) {
        user.username = Username::parse(extension.as_str()).unwrap_or_default();
    }
}

/// A SIP password as phones can hold it: 1 to 128 visible characters.
pub(crate) fn checked_sip_password(password: &str) -> Result<&str, AppError> {
    if password.is_empty() || password.len() > 128 || password.chars().any(char::is_control) {
        return Err(AppError::invalid(
            "sip_password",
            "is not a SIP password",
            "give 1 to 128 visible characters, or leave it out to have one generated",
        ));
    }
    Ok(password)
}

fn own_mailbox(
    session: &mut Session<'_>,
    user: &User,
    new: &NewMailbox,
) -> Result<Option<Mailbox>, AppError> {
    let NewMailbox::Own { pin } = new else { return Ok(None) };
    if user.mailbox.is_some() || !capabilities(user.user_type, ConnectionKind::Builtin).mailbox {
        return Ok(None);
    }
    let mut mailbox = blank_mailbox(user);
    if let Some(pin) = pin {
        let pin = checked_pin(pin)?;
        mailbox.voicemail_pin = Some(keep_secret(session, user.org, SecretKind::VoicemailPin, pin)?);
    }
    Ok(Some(mailbox))
}

/// A mailbox of the user's own, without a PIN.
pub(crate) fn blank_mailbox(user: &User) -> Mailbox {
    let mut mailbox = Mailbox::blank(user.org, Uuid::now_v7());
    mailbox.owner = Some(user.id);
    mailbox.name = user.display_name.clone();
    mailbox.email = user.email.clone();
    mailbox
}

/// A voicemail PIN: 3 to 12 digits.
pub(crate) fn checked_pin(pin: &str) -> Result<&str, AppError> {
    if !(3..=12).contains(&pin.len()) || !pin.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AppError::invalid("voicemail_pin", "is not a voicemail PIN", "give 3 to 12 digits"));
    }
    Ok(pin)
}

/// The value of a field of a user as a request gives it, or why not.
pub fn parse_field(name: &str, text: &str) -> Result<(&'static str, Value), FieldError> {
    let unknown = || FieldError::new("field", format!("{name} is not a field of a user"), "see /docs");
    let field = User::field(name).ok_or_else(unknown)?;
    (field.parse)(text).map(|value| (field.name, value)).map_err(|reason| field.error(reason))
}
