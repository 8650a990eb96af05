//! What is kept of a person: told to them, and erased for good.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use muster_app::leaving::PersonData;
use muster_app::{AnyEntity, Stored};
use muster_domain::for_kind;
use muster_domain::value::Reason;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::changes::{ChangeBody, change_json};
use super::phones::RegisteredPhoneBody;
use super::user_body::UserBody;
use super::{user_id, written};
use crate::body::Incoming;
use crate::caller::Caller;
use crate::parameters::Once;
use crate::problem::Problem;
use crate::wire;

/// Something that names the person.
#[derive(Serialize, ToSchema)]
pub struct PersonThing {
    /// What kind of thing it is: `mailbox`, `device`, `group` …
    entity: &'static str,
    /// As the list of its kind shows it.
    #[schema(value_type = Object)]
    thing: Map<String, Value>,
}

/// Everything that is kept of a person, but for secrets.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonData)]
pub struct PersonDataBody {
    #[schema(format = DateTime)]
    at: String,
    #[schema(value_type = UserBody)]
    user: Value,
    things: Vec<PersonThing>,
    /// What the change log says of them and of what is theirs alone.
    history: Vec<ChangeBody>,
    /// When a phone of theirs was last seen registered, to the day.
    #[schema(format = DateTime)]
    last_seen: Option<String>,
    /// Their phones that are registered now.
    phones: Vec<RegisteredPhoneBody>,
}

/// How somebody is erased.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = Purge)]
pub struct PurgeBody {
    /// True: nothing brings them back, and who asks knows it.
    irreversible: bool,
    /// Their mailboxes go too, with all messages [false].
    with_mailboxes: Option<bool>,
}

/// What was erased.
#[derive(Serialize, ToSchema)]
#[schema(as = Purged)]
pub struct PurgedBody {
    /// Lines of the change log whose content is gone.
    erased_lines: u64,
    /// The newest change of the log.
    seq: u64,
}

/// Export what is kept of a user
///
/// Everything about one person, also from the trash: their fields, what names them, what the change log says of
/// them. Of secrets only whether there are some.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/users/{user}/data", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), ("user" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = PersonDataBody)))]
pub async fn data(
    caller: Caller,
    Path((org, user)): Path<(String, String)>,
) -> Result<Json<PersonDataBody>, Problem> {
    let scope = caller.scope(&org).await?;
    let id = user_id(&user)?;
    let data = caller.run(move |app| app.person_data(&scope, id)).await?;
    Ok(Json(data_json(data)))
}

/// Erase a user for good
///
/// Only from the trash. The person goes, with their secrets and their private address, and what the change log
/// says of them; its chain still verifies, and billing is as it was. Devices go into stock without credentials. A
/// mailbox keeps its messages under another name, unless `with_mailboxes`. Nothing takes this back.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/users/{user}/purge", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), ("user" = uuid::Uuid, Path, description = "The user's id."), Once),
    request_body = PurgeBody,
    responses((status = 200, body = PurgedBody, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn purge(
    caller: Caller,
    Path((org, user)): Path<(String, String)>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let id = user_id(&user)?;
    let (mut object, bytes) = incoming.object().await?;
    let irreversible = object.flag("irreversible");
    let with_mailboxes = object.flag("with_mailboxes");
    if !irreversible && !object.has_mistakes() {
        // Nobody is told how to erase somebody whom they may not see.
        let (scope, who) = (scope.clone(), id);
        caller.run(move |app| app.user(&scope, who)).await?;
        let mend =
            "send `irreversible: true` if nothing is to bring them back; export what is kept of them before";
        object.wrong("irreversible", Reason::new("is not said", mend));
    }
    object.finish()?;
    let scope = incoming.once(scope, &bytes)?;
    let purged = caller.run(move |app| app.purge_user(&scope, id, with_mailboxes)).await?;
    let body = PurgedBody { erased_lines: purged.bodies, seq: purged.done.seq };
    Ok(written(&purged.done, Json(body).into_response()))
}

fn data_json(data: PersonData) -> PersonDataBody {
    PersonDataBody {
        at: wire::time(data.at),
        user: Value::Object(wire::of_entity(&data.user)),
        things: data.things.into_iter().filter_map(thing).collect(),
        history: data.history.iter().map(change_json).collect(),
        last_seen: data.last_seen.map(wire::time),
        phones: data.phones.iter().map(RegisteredPhoneBody::of).collect(),
    }
}

fn thing(thing: AnyEntity) -> Option<PersonThing> {
    fn members<E: Stored>(thing: AnyEntity) -> Option<Map<String, Value>> {
        E::from_any(thing).map(|thing| wire::of_entity(&thing))
    }
    let kind = thing.kind();
    let members = for_kind!(kind, E => members::<E>(thing))?;
    Some(PersonThing { entity: kind.word(), thing: members })
}
