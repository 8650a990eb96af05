//! People: listed, added, shown, changed, removed, restored.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::header::{ETAG, IF_MATCH, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use muster_app::imports::sip_password_remark;
use muster_app::users::not_trashed;
use muster_app::{AppError, Page, Scope};
use muster_domain::change::Refusal;
use muster_domain::field::EntityKind;
use muster_domain::user::User;

use super::changes::{Changes, change_json};
use super::signing::setup_json;
use super::user_body::{
    CreatedUserBody, NewUserBody, Places, UserBody, UserChangeBody, allow, json, names_places, new_user,
    values,
};
use super::{user_id, with_header, with_remark, written};
use crate::body::{Incoming, Object};
use crate::caller::Caller;
use crate::parameters::{AsOf, Listing, Once};
use crate::params::{Pairs, Params};
use crate::problem::Problem;
use crate::wire::page_of;

page_of! {
    Users of UserBody = "A page of users.";
}

/// List users
///
/// Trashed ones are left out unless the filter asks for a `record`.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/users", tag = "users",
    params(("org" = String, Path, description = "Slug or id."),
        ("who" = Option<String>, Query, description = "The one whom this names: a username, an extension, an email or an id. Nobody is an empty list."),
        Listing, AsOf),
    responses((status = 200, body = Users)))]
pub async fn list(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Users>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let who = params.text("who");
    let mut query = params.list::<User>();
    let as_of = params.as_of();
    params.finish()?;
    let scope = caller.as_of(scope, as_of).await?;
    if let Some(who) = who {
        let found = caller.run(move |app| match app.find_user(&scope, &who) {
            Ok(user) => Ok(vec![user]),
            Err(AppError::NotFound(_)) => Ok(Vec::new()),
            Err(other) => Err(other),
        });
        let items = found.await?;
        let total = query.with_total.then_some(items.len() as u64);
        return Ok(Users::new(Page { items, next: None, total, as_of: None }, json));
    }
    query.filter = not_trashed(query.filter);
    let page = caller.run(move |app| app.users(&scope, &query)).await?;
    Ok(Users::new(page, json))
}

/// Add a user
#[utoipa::path(post, path = "/api/v1/organizations/{org}/users", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), Once),
    request_body = NewUserBody,
    responses((status = 201, body = CreatedUserBody, headers(
        ("Location", description = "Where the user is."), ("ETag", description = "The version."),
        ("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn create(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (object, bytes) = incoming.object().await?;
    let places = places(&caller, &scope, &object).await?;
    let new = new_user(object, &places, scope.organization())?;
    let scope = incoming.once(scope, &bytes)?;
    let (done, invited, user, remark) = caller
        .run(move |app| {
            let (done, invited) = app.add_and_invite(&scope, &new)?;
            let user = app.user(&scope, done.id.into())?;
            let of_password = new.sip_password.and_then(|password| sip_password_remark(&password, &user));
            let by_mail = invited.is_some() && user.email.is_some();
            let of_mail = if by_mail { app.mail_problem()? } else { None };
            Ok((done, invited, user, of_password.map(String::from).or(of_mail)))
        })
        .await?;
    let body = setup_json(json(&user), invited.as_ref());
    let response = with_remark(remark.as_deref(), (StatusCode::CREATED, Json(body)).into_response());
    let location = format!("/api/v1/organizations/{org}/users/{}", user.id);
    Ok(written(&done, with_version(&user, with_header(LOCATION, &location, response))))
}

async fn places(caller: &Caller, scope: &Scope, object: &Object) -> Result<Places, Problem> {
    if !names_places(object) {
        return Ok(Places::default());
    }
    let scope = scope.clone();
    caller.run(move |app| Places::load(app, &scope)).await
}

/// Show a user
#[utoipa::path(get, path = "/api/v1/organizations/{org}/users/{user}", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), ("user" = uuid::Uuid, Path, description = "The user's id."),
        AsOf),
    responses((status = 200, body = UserBody, headers(("ETag", description = "The version."))),
        (status = 410, description = "What they were then has been erased.", body = crate::problem::ProblemBody, content_type = "application/problem+json")))]
pub async fn get(
    caller: Caller,
    Path((org, user)): Path<(String, String)>,
    Query(pairs): Pairs,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let id = user_id(&user)?;
    let mut params = Params::of(Query(pairs));
    let as_of = params.as_of();
    params.finish()?;
    let scope = caller.as_of(scope, as_of).await?;
    let user = caller.run(move |app| app.user(&scope, id)).await?;
    Ok(with_version(&user, Json(json(&user)).into_response()))
}

/// Change a user
///
/// Only what the body names is changed. `If-Match` says which version it was read at: another one is 412,
/// none is 428, `*` takes any.
#[utoipa::path(patch, path = "/api/v1/organizations/{org}/users/{user}", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), ("user" = uuid::Uuid, Path, description = "The user's id."),
        ("If-Match" = String, Header, description = "The ETag that was read, such as `\"3\"`."),
        Once),
    request_body = UserChangeBody,
    responses((status = 200, body = UserBody, headers(("ETag", description = "The new version."),
            ("Muster-Seq" = u64, description = "The newest change of the log."))),
        (status = 412, description = "It was changed meanwhile.", body = crate::problem::ProblemBody, content_type = "application/problem+json"),
        (status = 428, description = "If-Match is missing.", body = crate::problem::ProblemBody, content_type = "application/problem+json")))]
pub async fn change(
    caller: Caller,
    Path((org, user)): Path<(String, String)>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let id = user_id(&user)?;
    let (of, by) = (scope.clone(), id);
    let current = caller.run(move |app| app.user(&of, by)).await?;
    let version = matching(&incoming.headers, current.version)?;
    let (mut object, bytes) = incoming.object().await?;
    let places = places(&caller, &scope, &object).await?;
    let values = values(&mut object, &places);
    let allow = allow(&mut object);
    object.finish()?;
    let scope = incoming.once(scope, &bytes)?;
    let (done, user) = caller
        .run(move |app| {
            let done = app.edit_user(&scope, id, version, &values, allow)?;
            Ok((done, app.user(&scope, id)?))
        })
        .await?;
    Ok(written(&done, with_version(&user, Json(json(&user)).into_response())))
}

/// The version that `If-Match` asks for; `None` for any.
pub(super) fn matching(headers: &HeaderMap, current: u64) -> Result<Option<u64>, Problem> {
    match if_match(headers)? {
        None => Err(Problem::precondition_required(current)),
        Some(Match::Any) => Ok(None),
        Some(Match::Version(version)) => Ok(Some(version)),
        Some(Match::Other) => Err(Problem::stale(current)),
    }
}

enum Match {
    Any,
    Version(u64),
    /// A tag that is none of ours: it matches nothing (RFC 9110 §13.1.1).
    Other,
}

fn if_match(headers: &HeaderMap) -> Result<Option<Match>, Problem> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(Some(Match::Any));
    }
    let inner = text.strip_prefix("W/").unwrap_or(text).strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let Some(inner) = inner else {
        return Err(Problem::mistake("If-Match", "is not an ETag", "send it as it was read, such as \"3\""));
    };
    // A weak tag never matches in If-Match.
    let version = inner.parse().ok().filter(|_| !text.starts_with("W/"));
    Ok(Some(version.map_or(Match::Other, Match::Version)))
}

fn with_version(user: &User, response: Response) -> Response {
    with_header(ETAG, &format!("\"{}\"", user.version), response)
}

/// Remove a user
///
/// Into the trash: phones drop, the extension and username are free again, and everything can be restored. What
/// depends on them keeps what is theirs and lets go of the rest; where that would leave calls or faxes to nobody
/// it is 409 `needs-choice`: review the removal and choose.
#[utoipa::path(delete, path = "/api/v1/organizations/{org}/users/{user}", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), ("user" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 204, description = "Removed.", headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn remove(
    caller: Caller,
    Path((org, user)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let id = user_id(&user)?;
    let scope = incoming.once(scope, b"")?;
    let done = caller.run(move |app| app.trash_users(&scope, &[id])).await?;
    Ok(written(&done, StatusCode::NO_CONTENT))
}

/// Restore a user from the trash
#[utoipa::path(post, path = "/api/v1/organizations/{org}/users/{user}/restore", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), ("user" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = UserBody, headers(("ETag", description = "The new version."),
        ("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn restore(
    caller: Caller,
    Path((org, user)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let id = user_id(&user)?;
    let scope = incoming.once(scope, b"")?;
    let restored = caller.run(move |app| {
        let done = app.restore_user(&scope, id)?;
        Ok((done, app.user(&scope, id)?))
    });
    let (done, user) = restored.await?;
    Ok(written(&done, with_version(&user, Json(json(&user)).into_response())))
}

/// What happened to a user
///
/// The lines of the change log about them, newest first.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/users/{user}/history", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), ("user" = uuid::Uuid, Path, description = "The user's id."),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "How many at most [100].")),
    responses((status = 200, body = Changes)))]
pub async fn history(
    caller: Caller,
    Path((org, user)): Path<(String, String)>,
    Query(pairs): Pairs,
) -> Result<Json<Changes>, Problem> {
    let scope = caller.scope(&org).await?;
    let id = user_id(&user)?;
    let mut params = Params::of(Query(pairs));
    let limit = params.number("limit", 100, 1, 1000) as usize;
    params.finish()?;
    let lines = caller.run(move |app| app.history(&scope, EntityKind::User, id.0, limit)).await?;
    if lines.is_empty() {
        return Err(AppError::Refused(Refusal::NotFound { kind: EntityKind::User }).into());
    }
    Ok(Json(Changes { items: lines.iter().map(change_json).collect(), next_cursor: None }))
}
