//! How somebody is set up, as requests write it: invites and their times, and credentials.

use muster_app::Scope;
use muster_app::signing::{Delivery, NewCredentials, NewInvite, Setup, When, when};
use muster_domain::organization::Organization;
use muster_domain::types::TimeZone;
use muster_domain::user::SetupWizard;
use muster_domain::value::Reason;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use zeroize::Zeroizing;

use crate::body::Object;
use crate::wire;

/// The fields that say how somebody new is set up.
pub fn with_setup(object: ObjectBuilder) -> ObjectBuilder {
    let words = ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .enum_values(Some(["send_invite", "schedule_invite", "assign_credentials", "activate_later"]))
        .description(Some(
            "How they are set up; without it they are a contact, or activated at once with `activated`.",
        ));
    with_credentials(
        object
            .property("setup", words)
            .property("invite_at", text(WHEN, 10, 40))
            .property("invite_zone", text(ZONE, 1, 64))
            .property("invite_by", by()),
    )
}

/// Credentials, never answered.
pub fn with_credentials(object: ObjectBuilder) -> ObjectBuilder {
    let secret = |help: &str, length_min, length_max| text(help, length_min, length_max).write_only(true);
    object
        .property(
            "password",
            secret("With `assign_credentials`: what they sign in with. Never answered.", 8, 512),
        )
        .property("password_temporary", wire::flag_schema("It must be changed at first sign-in [true]."))
        .property(
            "sign_in_pin",
            secret("4 to 10 digits. Never answered.", 4, 10).pattern(Some("^[0-9]{4,10}$")),
        )
        .property("security_question", text("What is asked of somebody who says that it is them.", 1, 255))
        .property("security_answer", secret("Its answer. Never answered.", 2, 255))
        .property(
            "wizard",
            ObjectBuilder::new()
                .schema_type(SchemaType::new(Type::String))
                .enum_values(Some(["not_started", "completed"]))
                .description(Some(
                    "Whether they are through with first sign-in [completed]: decides what must be given.",
                )),
        )
}

pub const WHEN: &str =
    "When the invite leaves: in the zone's own time, such as 2027-03-28T09:30, or with its offset.";
pub const ZONE: &str = "The time zone of `invite_at` [the organization's].";

fn by() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .enum_values(Some(["mail", "link"]))
        .description(Some("`mail` [default], or `link`: it is answered, to be handed over by hand."))
}

fn text(help: &str, length_min: usize, length_max: usize) -> ObjectBuilder {
    let object = ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).description(Some(help));
    object.min_length(Some(length_min)).max_length(Some(length_max))
}

/// The set-up that a body asks for.
pub fn setup(object: &mut Object, organization: &Organization) -> Option<Setup> {
    let word = object.text("setup");
    let (at, by) = (time(object, "invite_at", "invite_zone", organization), delivery(object, "invite_by"));
    let (credentials, wizard) = (credentials(object), wizard(object));
    let setup = match word.as_deref() {
        None => return None,
        Some("send_invite") => Setup::Invite(NewInvite { when: None, by }),
        Some("schedule_invite") => {
            if at.is_none() && !object.has_mistakes() {
                object.wrong("invite_at", Reason::new("is missing", "say when the invite is to leave"));
            }
            if by == Delivery::Link {
                object.wrong("invite_by", no_later_link());
            }
            return Some(Setup::Invite(NewInvite { when: at, by }));
        }
        Some("assign_credentials") => Setup::Assign { credentials, wizard },
        Some("activate_later") => Setup::ActivateLater,
        Some(_) => {
            let mend = "write send_invite, schedule_invite, assign_credentials or activate_later";
            object.wrong("setup", Reason::new("is not a way to set somebody up", mend));
            return None;
        }
    };
    if at.is_some() {
        object.wrong(
            "invite_at",
            Reason::new("goes with schedule_invite", "leave it out, or schedule the invite"),
        );
    }
    Some(setup)
}

fn no_later_link() -> Reason {
    Reason::new("cannot be link of an invite that leaves later", "leave it out: the link comes by mail")
}

/// An invite of people who are there.
pub fn invite(object: &mut Object, scope: &Scope) -> NewInvite {
    let when = time(object, "at", "zone", scope.organization());
    let by = delivery(object, "by");
    if when.is_some() && by == Delivery::Link {
        object.wrong("by", no_later_link());
    }
    NewInvite { when, by }
}

fn delivery(object: &mut Object, name: &'static str) -> Delivery {
    match object.text(name).as_deref() {
        None | Some("mail") => Delivery::Mail,
        Some("link") => Delivery::Link,
        Some(_) => {
            object.wrong(name, Reason::new("is no way for a link", "write mail or link"));
            Delivery::Mail
        }
    }
}

fn time(
    object: &mut Object,
    at: &'static str,
    zone: &'static str,
    organization: &Organization,
) -> Option<When> {
    let (text, given) = (object.text(at), object.optional::<TimeZone>(zone));
    let text = text?;
    let Some(place) = given.or_else(|| organization.time_zone.clone()) else {
        object.wrong(zone, Reason::new("is missing", "name the zone of the time, such as Europe/Lisbon"));
        return None;
    };
    match when(&text, &place) {
        Ok(when) => Some(when),
        Err(reason) => {
            object.wrong(at, reason);
            None
        }
    }
}

pub fn credentials(object: &mut Object) -> NewCredentials {
    let secret = |text: Option<String>| text.map(Zeroizing::new);
    NewCredentials {
        password: secret(object.text("password")),
        temporary: object.optional::<bool>("password_temporary").unwrap_or(true),
        pin: secret(object.text("sign_in_pin")),
        question: object.optional("security_question"),
        answer: secret(object.text("security_answer")),
    }
}

pub fn wizard(object: &mut Object) -> SetupWizard {
    object.optional("wizard").unwrap_or(SetupWizard::Completed)
}
