//! The phones: which are registered, and how far they have followed the change log.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use muster_app::Scope;
use muster_app::phones::RegisteredPhone;
use muster_domain::ids::UserId;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::user_id;
use crate::caller::Caller;
use crate::parameters::Paging;
use crate::params::{Pairs, Params};
use crate::problem::Problem;
use crate::wire;

/// Between two looks; a thread for each one that waits would be dearer.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How far the phones are.
#[derive(Serialize, ToSchema)]
pub struct Reached {
    /// The newest change that the phones know.
    seq: u64,
}

/// Wait until the phones know a change
///
/// Answers as soon as the phone core has followed the log to `reached`: from then on whom it activated can
/// register. 504 if it has not in time.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/phones", tag = "changes",
    params(("org" = String, Path, description = "Slug or id."),
        ("reached" = Option<u64>, Query, description = "The change, as `Muster-Seq` said it [0: answer at once]."),
        ("timeout_s" = Option<u64>, Query, minimum = 0, maximum = 60, description = "How long to wait [10].")),
    responses((status = 200, body = Reached),
        (status = 504, description = "Not in time.", body = crate::problem::ProblemBody, content_type = "application/problem+json")))]
pub async fn reached(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Reached>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let wanted = params.number("reached", 0, 0, i64::MAX as u64);
    let wait = Duration::from_secs(params.number("timeout_s", 10, 0, 60));
    params.finish()?;
    let deadline = Instant::now() + wait;
    loop {
        let seq = caller.state.app().phones().reached(scope.org());
        if seq >= wanted {
            return Ok(Json(Reached { seq }));
        }
        if Instant::now() >= deadline {
            let detail = format!("the phones are at change {seq}, not yet at {wanted}");
            return Err(
                Problem::new(StatusCode::GATEWAY_TIMEOUT, "not-reached", detail).header(RETRY_AFTER, "1")
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A phone that is registered now.
#[derive(Serialize, ToSchema)]
#[schema(as = RegisteredPhone)]
pub struct RegisteredPhoneBody {
    /// Names it among the person's phones, as long as it is registered.
    id: String,
    #[schema(format = Uuid)]
    user: String,
    /// Where it wants to be reached: scheme, user, host and port of its contact.
    contact: String,
    /// What the phone calls itself, if it does.
    user_agent: Option<String>,
    /// `udp` or `tcp`.
    transport: &'static str,
    /// Where it registered from: address and port.
    address: String,
    /// When it came; of a phone that was there before the server was restarted, when that was.
    #[schema(format = DateTime)]
    since: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

impl RegisteredPhoneBody {
    pub fn of(phone: &RegisteredPhone) -> RegisteredPhoneBody {
        RegisteredPhoneBody {
            id: format!("{:016x}", phone.id),
            user: phone.user.to_string(),
            contact: phone.contact.clone(),
            user_agent: phone.user_agent.clone(),
            transport: phone.transport,
            address: phone.address.to_string(),
            since: wire::time(phone.since),
            expires_at: wire::time(phone.expires_at),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Registrations {
    items: Vec<RegisteredPhoneBody>,
    next_cursor: Option<String>,
    total: u64,
}

/// List the phones that are registered
///
/// In order of their people. They come and go: a page is of the moment.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/registrations", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), Paging),
    responses((status = 200, body = Registrations)))]
pub async fn registrations(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Registrations>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let limit = params.number("limit", 50, 1, 1000) as usize;
    let after = params.cursor(|text| text.parse::<u32>().ok());
    params.finish()?;
    let mut phones = caller.run(move |app| app.all_registered_phones(&scope)).await?;
    phones.sort_unstable_by_key(|p| (p.user, p.address));
    let (total, after) = (phones.len(), after.unwrap_or(0) as usize);
    let items: Vec<_> = phones.iter().skip(after).take(limit).map(RegisteredPhoneBody::of).collect();
    let end = after.saturating_add(items.len());
    let next_cursor = (end < total && !items.is_empty()).then(|| end.to_string());
    Ok(Json(Registrations { items, next_cursor, total: total as u64 }))
}

/// The phones that were signed off.
#[derive(Serialize, ToSchema)]
pub struct SignedOff {
    phones: Vec<RegisteredPhoneBody>,
}

/// List the phones of a user that are registered
///
/// In the order they came.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/users/{user}/registrations", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), ("user" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = Registrations)))]
pub async fn of_user(
    caller: Caller,
    Path((org, user)): Path<(String, String)>,
) -> Result<Json<Registrations>, Problem> {
    let scope = caller.scope(&org).await?;
    let id = user_id(&user)?;
    let phones = caller.run(move |app| app.registered_phones(&scope, id)).await?;
    let items: Vec<_> = phones.iter().map(RegisteredPhoneBody::of).collect();
    Ok(Json(Registrations { total: items.len() as u64, items, next_cursor: None }))
}

/// Sign off all phones of a user
///
/// They drop now, and come back when they register next; a new secret keeps them out.
#[utoipa::path(delete, path = "/api/v1/organizations/{org}/users/{user}/registrations", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), ("user" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = SignedOff)))]
pub async fn sign_off_all(
    caller: Caller,
    Path((org, user)): Path<(String, String)>,
) -> Result<Json<SignedOff>, Problem> {
    let scope = caller.scope(&org).await?;
    signed_off(&caller, scope, user_id(&user)?, None).await
}

/// Sign off one phone of a user
///
/// It drops now, and comes back when it registers next; a new secret keeps it out.
#[utoipa::path(delete, path = "/api/v1/organizations/{org}/users/{user}/registrations/{phone}", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), ("user" = uuid::Uuid, Path, description = "The user's id."),
        ("phone" = String, Path, description = "The `id` of the registration.")),
    responses((status = 200, body = SignedOff)))]
pub async fn sign_off(
    caller: Caller,
    Path((org, user, phone)): Path<(String, String, String)>,
) -> Result<Json<SignedOff>, Problem> {
    let scope = caller.scope(&org).await?;
    let id = user_id(&user)?;
    let phone = u64::from_str_radix(&phone, 16).map_err(|_| Problem::not_found("registered phone"))?;
    signed_off(&caller, scope, id, Some(phone)).await
}

async fn signed_off(
    caller: &Caller,
    scope: Scope,
    id: UserId,
    phone: Option<u64>,
) -> Result<Json<SignedOff>, Problem> {
    let gone = caller.run(move |app| app.sign_off_phones(&scope, id, phone)).await?;
    Ok(Json(SignedOff { phones: gone.iter().map(RegisteredPhoneBody::of).collect() }))
}
