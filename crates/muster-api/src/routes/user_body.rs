//! Users as requests write them: every field of the table, and sites and connections by id or name.

use muster_app::users::{NewMailbox, NewUser};
use muster_app::{Allow, App, AppError, Scope};
use muster_domain::field::{Entity, Privacy};
use muster_domain::handling::{Acknowledged, USER_WARNINGS};
use muster_domain::ids::OrgId;
use muster_domain::organization::Organization;
use muster_domain::types::fold;
use muster_domain::user::User;
use muster_domain::value::{Reason, Value};
use serde_json::Value as Json;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use uuid::Uuid;

use super::setup_body;
use crate::body::Object;
use crate::problem::Problem;
use crate::wire::{self, Writing, described};

described! {
    /// A user as it is answered.
    UserBody = wire::schema::<User>("The identity of a person (or of a shared phone, a mailbox, an announcement), and all they carry.");
    /// Somebody who was just added, with the invite that the set-up asked for.
    CreatedUserBody = created_schema();
    /// What adds one.
    NewUserBody = new_schema();
    /// What changes one.
    UserChangeBody = change_schema();
}

pub fn json(user: &User) -> Json {
    Json::Object(wire::of_entity(user))
}

fn text(help: &str, length_min: usize, length_max: usize) -> ObjectBuilder {
    let object = ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).description(Some(help));
    object.min_length(Some(length_min)).max_length(Some(length_max))
}

fn created_schema() -> ObjectBuilder {
    let link = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .description(Some("The link of the invite; shown this once. Null of one that leaves later."));
    wire::schema::<User>("Somebody who was just added.")
        .property("invite", wire::id_schema("The invite that was made, if one was asked for."))
        .property("invite_link", link)
}

fn new_schema() -> ObjectBuilder {
    let object = wire::write_schema::<User>("A new user. What is left out gets its default.", Writing::New)
        .property(
            "mailbox",
            text("`own` [default], `none`, or the id of another mailbox.", 3, 36).examples(["own"]),
        )
        .property(
            "sip_password",
            text(
                "What the first phone registers with; generated when activated without one. Never answered.",
                1,
                128,
            )
            .write_only(true)
            .pattern(Some("^[^\\x00-\\x1f\\x7f-\\x9f]+$")),
        )
        .property(
            "voicemail_pin",
            text("The PIN of their own mailbox. Never answered.", 3, 12)
                .write_only(true)
                .pattern(Some("^[0-9]{3,12}$")),
        )
        .property("activated", wire::flag_schema("Counted and able to register from the start."))
        .property(
            "allow_shared_email",
            wire::flag_schema("Another user may have the same email; neither signs in with it."),
        )
        .property("acknowledge", acknowledge_schema())
        .required("display_name");
    setup_body::with_setup(object)
}

fn change_schema() -> ObjectBuilder {
    wire::write_schema::<User>("Fields to change; null empties one, what is left out stays.", Writing::Change)
        .property(
            "allow_shared_email",
            wire::flag_schema("Another user may have the same email; neither signs in with it."),
        )
        .property("acknowledge", acknowledge_schema())
        .min_properties(Some(0))
}

fn acknowledge_schema() -> ArrayBuilder {
    let words: Vec<&str> = USER_WARNINGS.iter().map(|warning| warning.word).collect();
    let help =
        "The words of the warnings that were read: a switch that carries one is not turned on without.";
    ArrayBuilder::new()
        .items(ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).enum_values(Some(words)))
        .description(Some(help))
}

/// What a request allows beyond the ordinary.
pub fn allow(object: &mut Object) -> Allow {
    let shared_emails = object.flag("allow_shared_email");
    let given = object.take("acknowledge").unwrap_or(Json::Null);
    let words: Vec<&str> = match &given {
        Json::Null => Vec::new(),
        Json::Array(words) => words.iter().map(|word| word.as_str().unwrap_or_default()).collect(),
        other => vec![other.as_str().unwrap_or_default()],
    };
    let acknowledged = Acknowledged::of(words);
    let acknowledged = acknowledged.unwrap_or_else(|reason| {
        object.wrong("acknowledge", reason);
        Acknowledged::default()
    });
    Allow { shared_emails, acknowledged }
}

/// Sites and connections by their names.
#[derive(Default)]
pub struct Places {
    sites: Vec<(String, Uuid)>,
    connections: Vec<(String, Uuid)>,
}

impl Places {
    pub fn load(app: &App, scope: &Scope) -> Result<Places, AppError> {
        let sites = app.sites(scope)?.iter().map(|s| (fold(s.name.as_str()), s.id.0)).collect();
        let connections = app.connections(scope)?.iter().map(|c| (fold(c.name.as_str()), c.id.0)).collect();
        Ok(Places { sites, connections })
    }

    /// The id that a name or an id stands for.
    fn find(&self, field: &str, text: &str) -> Result<Uuid, Reason> {
        if let Ok(id) = Uuid::parse_str(text.trim()) {
            return Ok(id);
        }
        let places = if field == "site" { &self.sites } else { &self.connections };
        let key = fold(text);
        let found = places.iter().find(|(name, _)| *name == key);
        found.map(|(_, id)| *id).ok_or_else(|| {
            let reason = format!("{} is not a {field} of this organization", shown(text));
            Reason::new(reason, format!("give the name or the id of one of its {field}s"))
        })
    }
}

fn is_place(field: &str) -> bool {
    matches!(field, "site" | "connection")
}

fn shown(text: &str) -> String {
    format!("`{}`", text.chars().take(60).collect::<String>())
}

/// A new user, or every mistake.
pub fn new_user(
    mut object: Object,
    places: &Places,
    organization: &Organization,
) -> Result<NewUser, Problem> {
    let mailbox = object.take("mailbox");
    let mut new = NewUser { values: values(&mut object, places), ..NewUser::default() };
    new.sip_password = object.text("sip_password");
    let pin = object.text("voicemail_pin");
    new.activated = object.flag("activated");
    new.allow = allow(&mut object);
    new.setup = setup_body::setup(&mut object, organization);
    if new.setup.is_some() && new.activated {
        object.wrong("activated", Reason::new("goes without setup", "leave it out: the set-up decides"));
    }
    new.mailbox = match mailbox {
        None => NewMailbox::Own { pin },
        Some(Json::Null) => NewMailbox::None,
        Some(Json::String(word)) if word == "own" => NewMailbox::Own { pin },
        Some(Json::String(word)) if word == "none" => NewMailbox::None,
        Some(Json::String(id)) if Uuid::parse_str(&id).is_ok() => {
            new.values.push(("mailbox", Value::Id(Uuid::parse_str(&id).unwrap_or_default())));
            NewMailbox::None
        }
        Some(_) => {
            object.wrong("mailbox", Reason::new("is not a mailbox", "write own, none, or a mailbox's id"));
            NewMailbox::None
        }
    };
    object.finish()?;
    Ok(new)
}

/// The fields that a request names, whichever may be written; whoever carries it out refuses the others.
pub fn values(object: &mut Object, places: &Places) -> Vec<(&'static str, Value)> {
    let mut scratch = User::blank(OrgId(Uuid::nil()), Uuid::nil());
    let mut values = Vec::new();
    for field in User::fields().iter().filter(|f| f.meta.privacy != Privacy::Secret) {
        let Some(json) = object.take(field.name) else { continue };
        let parsed = match &json {
            Json::String(text) if is_place(field.name) => places.find(field.name, text).map(Value::Id),
            json => wire::value_of(field.kind, field.parse, json),
        };
        match parsed.and_then(|value| (field.set)(&mut scratch, &value).map(|()| value)) {
            Ok(value) => values.push((field.name, value)),
            Err(reason) => object.wrong(field.name, reason),
        }
    }
    values
}

/// Whether the body names a site or connection other than by id.
pub fn names_places(object: &Object) -> bool {
    ["site", "connection"].iter().any(|field| {
        object.peek(field).and_then(Json::as_str).is_some_and(|text| Uuid::parse_str(text.trim()).is_err())
    })
}
