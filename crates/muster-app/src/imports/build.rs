//! One row and whoever is already there become the user that shall be.

use muster_domain::capabilities::capabilities;
use muster_domain::field::{Edit, Entity};
use muster_domain::handling::{self, USER_WARNINGS};
use muster_domain::ids::SecretId;
use muster_domain::numbers;
use muster_domain::organization::ConnectionKind;
use muster_domain::types::{Name, Text};
use muster_domain::user::{Service, User};
use muster_domain::value::{FieldError, Value};
use muster_import::{FileStatus, MailboxWish, PersonRow, Row};
use uuid::Uuid;

use super::context::Context;
use super::options::{Activate, ImportOptions, Inactive};
use crate::apply::no_sms_sender;
use crate::users::{checked_pin, checked_sip_password, name_by_extension};

/// Stands in a user that is only judged for a secret that will be kept when it is written.
pub(super) const SECRET_TO_COME: SecretId = SecretId(Uuid::max());

/// The reason of those who are disabled because they were in the system that they come from.
const DISABLED_BY_FILE: &str = "disabled in the file it came from";

/// The user as the row wants it, as far as it is right, and what is not. Secrets are noted as
/// [`SECRET_TO_COME`].
pub(super) fn build(
    row: &Row,
    context: &mut Context,
    existing: Option<&User>,
    options: &ImportOptions,
) -> (User, Vec<FieldError>) {
    let person = &row.person;
    let mut errors = Vec::new();
    let mut user = existing.cloned().unwrap_or_else(|| {
        let mut user = User::blank(context.org, Uuid::now_v7());
        user.site = context.default_site();
        user.connection = context.default_connection();
        user
    });
    set_values(&mut user, person, existing, &mut errors);
    name_by_extension(&mut user);
    place(&mut user, person, context, existing, &mut errors);
    if let Some(password) = &person.sip_password {
        if checked_sip_password(password.reveal()).is_err() {
            errors.push(FieldError::new("sip_secret", "is longer than 128 characters", "shorten it"));
        }
        user.sip_secret = Some(SECRET_TO_COME);
    }
    if person.on_call_pin.is_some() {
        user.on_call_pin = Some(SECRET_TO_COME);
    }
    if let MailboxWish::Own { pin: Some(pin) } = &person.mailbox
        && checked_pin(pin.reveal()).is_err()
    {
        errors.push(FieldError::new("voicemail_pin", "is not a voicemail PIN", "give 3 to 12 digits"));
    }
    user.service = service(person, existing, options);
    if user.service == Service::NotActivated && existing.is_some_and(|before| before.service != user.service)
    {
        let reason = "has left that state: nobody comes to wait for an activation again";
        errors.push(FieldError::new("service", reason, "write contact_only, or empty the cell"));
    }
    if is_disabled_by_file(person, options) && user.disabled_reason.is_none() {
        user.disabled_reason = Text::parse(DISABLED_BY_FILE).ok();
    }
    if user.service != Service::Disabled {
        (user.disabled_reason, user.disabled_comment, user.disabled_until) = (None, None, None);
    }
    let registers = capabilities(user.user_type, ConnectionKind::Builtin).registers;
    if user.service == Service::Enabled && registers && user.sip_secret.is_none() {
        user.sip_secret = Some(SECRET_TO_COME);
    }
    if let Some(extension) = &user.extension
        && existing.is_none_or(|before| before.extension != user.extension)
    {
        errors.extend(numbers::refusal(extension.as_str(), context.known_site(user.site)));
    }
    super::rights::settle(&mut user, context, existing, &mut errors);
    errors.extend(user.validate());
    let warnings = handling::unacknowledged(existing, &user, options.acknowledged());
    errors.extend(warnings.into_iter().map(with_option));
    if user.sms && !existing.is_some_and(|before| before.sms) && !context.has_sms_sender {
        errors.push(no_sms_sender());
    }
    (user, errors)
}

/// A warning is acknowledged for all rows at once.
fn with_option(error: FieldError) -> FieldError {
    let warning = USER_WARNINGS.iter().find(|warning| warning.field == error.field);
    FieldError { option: warning.map(|warning| warning.option), ..error }
}

fn set_values(user: &mut User, person: &PersonRow, existing: Option<&User>, errors: &mut Vec<FieldError>) {
    for (name, value) in &person.values {
        let Some(field) = User::field(name) else { continue };
        if matches!(
            *name,
            "service" | "site" | "connection" | "sip_secret" | "on_call_pin" | "mailbox" | "record"
        ) || (existing.is_some() && person.defaulted.contains(name))
        {
            continue;
        }
        let fixed = existing.is_some() && field.meta.edit == Edit::AtCreation && (field.get)(user) != *value;
        if fixed {
            errors.push(FieldError::new(field.name, "cannot be changed any more", "leave it as it is"));
        } else if let Err(reason) = (field.set)(user, value) {
            errors.push(field.error(reason));
        }
    }
    if let Some(before) = existing
        && person.defaulted.contains(&"display_name")
        && before.display_name.as_str() == joined_name(before)
        && let Ok(name) = Name::parse(&joined_name(user))
    {
        // A name that is made of its parts follows them; one that was chosen stays.
        user.display_name = name;
    }
}

fn joined_name(user: &User) -> String {
    let parts = [&user.given_name, &user.family_name];
    parts.into_iter().flatten().map(Name::as_str).collect::<Vec<_>>().join(" ")
}

fn place(
    user: &mut User,
    person: &PersonRow,
    context: &mut Context,
    existing: Option<&User>,
    errors: &mut Vec<FieldError>,
) {
    if let Some(name) = &person.site_name {
        match context.site(name) {
            Some(id) => user.site = Some(id),
            None => errors.push(
                FieldError::new("site", "is not a site of this organization", "make the site first")
                    .or("create_sites"),
            ),
        }
    }
    if let Some(name) = &person.connection_name {
        match context.connection(name) {
            Some(id) if existing.is_none_or(|e| e.connection == Some(id)) => user.connection = Some(id),
            Some(_) => {
                errors.push(FieldError::new("connection", "cannot be changed any more", "leave it as it is"))
            }
            None => errors.push(FieldError::new(
                "connection",
                "is not a connection of this organization",
                context.connection_choices(),
            )),
        }
    }
}

fn is_disabled_by_file(person: &PersonRow, options: &ImportOptions) -> bool {
    person.status == Some(FileStatus::Inactive) && options.inactive == Some(Inactive::Disabled)
}

/// What the user's state shall be. What was chosen for those who are inactive in the file goes before what
/// was chosen for everybody.
fn service(person: &PersonRow, existing: Option<&User>, options: &ImportOptions) -> Service {
    let was = existing.map(|u| u.service);
    if was == Some(Service::Frozen) {
        // Only the operator thaws.
        return Service::Frozen;
    }
    if person.status == Some(FileStatus::Inactive) {
        match options.inactive {
            Some(Inactive::Disabled) => return Service::Disabled,
            Some(Inactive::Contacts) => return Service::ContactOnly,
            Some(Inactive::LeaveOut) | None => {}
        }
    }
    match options.activate {
        Activate::All => Service::Enabled,
        Activate::None => Service::ContactOnly,
        Activate::File => {
            let own_word = person.value("service").and_then(Value::as_text);
            let own =
                Service::ALL.iter().copied().find(|s| Some(s.word()) == own_word && *s != Service::Frozen);
            own.unwrap_or(match (person.status, was) {
                (Some(FileStatus::Active), _) => Service::Enabled,
                (Some(FileStatus::Inactive), _) => Service::ContactOnly,
                (None, Some(was)) => was,
                (None, None) if person.sip_password.is_some() => Service::Enabled,
                (None, None) => Service::ContactOnly,
            })
        }
    }
}
