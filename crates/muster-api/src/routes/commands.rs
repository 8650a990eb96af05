//! Activating and deactivating, for one or for many.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use muster_app::users::Deactivation;
use muster_app::{App, AppError, Scope};
use muster_domain::ids::UserId;
use muster_domain::types::Text;
use muster_domain::user::User;
use muster_domain::value::Reason;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::written;
use crate::body::{Incoming, Object};
use crate::caller::Caller;
use crate::parameters::Once;
use crate::problem::{Mistake, Problem};

/// How many are named in one request at most.
const USERS_MAX: usize = 1000;

/// Whom to activate.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = Activate)]
pub struct ActivateBody {
    /// Usernames, extensions, emails or ids.
    #[schema(min_items = 1, max_items = 1000)]
    users: Vec<String>,
}

/// Whom to deactivate, and into what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = Deactivate)]
pub struct DeactivateBody {
    /// Usernames, extensions, emails or ids.
    #[schema(min_items = 1, max_items = 1000)]
    users: Vec<String>,
    /// Disables them for this reason; without one they become contacts.
    #[schema(
        min_length = 1,
        max_length = 255,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*\\S[^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    reason: Option<String>,
    /// More on why; only with a reason.
    #[schema(
        min_length = 1,
        max_length = 255,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*\\S[^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    comment: Option<String>,
    /// When the reason is expected to end; only with a reason.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// Somebody who was activated or deactivated.
#[derive(Serialize, ToSchema)]
pub struct CommandedUser {
    #[schema(format = Uuid)]
    id: String,
    username: String,
    extension: Option<String>,
    display_name: String,
    service: &'static str,
    /// False of somebody who was so before.
    changed: bool,
    /// The SIP secret that was generated because there was none: shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    generated_sip_secret: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Commanded {
    users: Vec<CommandedUser>,
    /// The newest change of the log.
    seq: u64,
}

/// Activate users
///
/// All or none. They may register and sign in, and are counted.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/users/activate", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), Once),
    request_body = ActivateBody,
    responses((status = 200, body = Commanded, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn activate(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let (scope, ids, ()) = read(&caller, &org, &mut incoming, |_| ()).await?;
    let (done, users) = caller
        .run(move |app| {
            let before = versions(app, &scope, &ids)?;
            let activated = app.activate_users(&scope, &ids)?;
            let mut users = shown(app, &scope, &ids, &before)?;
            for (user, id) in users.iter_mut().zip(&ids) {
                let generated = activated.generated.iter().find(|(of, _)| of == id);
                user.generated_sip_secret = generated.map(|(_, secret)| secret.clone());
            }
            Ok((activated.done, users))
        })
        .await?;
    Ok(written(&done, Json(Commanded { users, seq: done.seq }).into_response()))
}

/// Deactivate users
///
/// All or none. Registrations, calls and sessions end at once; person, extension, mailbox, numbers and
/// credentials stay.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/users/deactivate", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), Once),
    request_body = DeactivateBody,
    responses((status = 200, body = Commanded, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn deactivate(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let (scope, ids, into) = read(&caller, &org, &mut incoming, deactivation).await?;
    let deactivated = caller.run(move |app| {
        let before = versions(app, &scope, &ids)?;
        let done = app.deactivate_users(&scope, &ids, &into)?;
        Ok((done, shown(app, &scope, &ids, &before)?))
    });
    let (done, users) = deactivated.await?;
    Ok(written(&done, Json(Commanded { users, seq: done.seq }).into_response()))
}

fn deactivation(object: &mut Object) -> Deactivation {
    let reason = object.optional::<Text>("reason");
    let (comment, until) = (object.optional::<Text>("comment"), object.optional("until"));
    if reason.is_none() && (comment.is_some() || until.is_some()) {
        object.wrong("reason", Reason::new("is missing", "give a reason, or leave comment and until out"));
    }
    match reason {
        Some(reason) => Deactivation::Disabled { reason, comment, until },
        None => Deactivation::ContactOnly,
    }
}

/// What every command on many people begins with: who may, whom it is about, and what else `rest` takes
/// from the body.
async fn read<T>(
    caller: &Caller,
    org: &str,
    incoming: &mut Incoming,
    rest: impl FnOnce(&mut Object) -> T,
) -> Result<(Scope, Vec<UserId>, T), Problem> {
    let scope = caller.scope(org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let users = users(&mut object);
    let rest = rest(&mut object);
    object.finish()?;
    let scope = incoming.once(scope, &bytes)?;
    let ids = resolve(caller, &scope, users).await?;
    Ok((scope, ids, rest))
}

pub(super) fn users(object: &mut Object) -> Vec<String> {
    let users = object.texts("users");
    if users.is_empty() && !object.has_mistakes() {
        object.wrong("users", Reason::new("is empty", "name somebody"));
    }
    if users.len() > USERS_MAX {
        object.wrong(
            "users",
            Reason::new(format!("has more than {USERS_MAX} entries"), "send several requests"),
        );
    }
    users
}

/// The ids that these name, each once; everyone who cannot be found is said.
pub(super) async fn resolve(
    caller: &Caller,
    scope: &Scope,
    users: Vec<String>,
) -> Result<Vec<UserId>, Problem> {
    let scope = scope.clone();
    let (ids, mistakes) = caller
        .run(move |app| {
            let (mut ids, mut mistakes) = (Vec::with_capacity(users.len()), Vec::new());
            for (at, who) in users.iter().enumerate() {
                let field = format!("users[{at}]");
                match app.find_user(&scope, who) {
                    Ok(user) if ids.contains(&user.id) => {}
                    Ok(user) => ids.push(user.id),
                    Err(AppError::NotFound(_)) => mistakes.push(Mistake::new(
                        field,
                        "names nobody",
                        "give a username, an extension, an email or an id",
                    )),
                    Err(AppError::Refused(muster_domain::change::Refusal::Invalid(errors))) => {
                        mistakes.extend(
                            errors.into_iter().map(|e| Mistake::new(field.clone(), e.reason, e.mend)),
                        );
                    }
                    Err(other) => return Err(other),
                }
            }
            Ok((ids, mistakes))
        })
        .await?;
    if mistakes.is_empty() { Ok(ids) } else { Err(Problem::invalid(mistakes)) }
}

fn shown(app: &App, scope: &Scope, ids: &[UserId], before: &[u64]) -> Result<Vec<CommandedUser>, AppError> {
    let user = |(at, id): (usize, &UserId)| {
        app.user(scope, *id).map(|user| commanded(&user, before.get(at).copied()))
    };
    ids.iter().enumerate().map(user).collect()
}

/// In the order of the ids; to be compared with afterwards.
fn versions(app: &App, scope: &Scope, ids: &[UserId]) -> Result<Vec<u64>, AppError> {
    ids.iter().map(|id| app.user(scope, *id).map(|user| user.version)).collect()
}

fn commanded(user: &User, before: Option<u64>) -> CommandedUser {
    CommandedUser {
        id: user.id.to_string(),
        username: user.username.to_string(),
        extension: user.extension.as_ref().map(ToString::to_string),
        display_name: user.display_name.to_string(),
        service: user.service.word(),
        changed: before != Some(user.version),
        generated_sip_secret: None,
    }
}
