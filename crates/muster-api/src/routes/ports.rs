//! Port orders, step by step.

use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use muster_app::Scope;
use muster_app::ports::PortNews;
use muster_domain::ids::PortOrderId;
use muster_domain::ports::PortOrder;
use muster_domain::types::{Text, UnixMillis};
use serde::Deserialize;
use utoipa::ToSchema;

use super::lists::entity;
use super::written;
use crate::body::Incoming;
use crate::caller::Caller;
use crate::parameters::Once;
use crate::problem::Problem;

/// Named elsewhere with all its fields.
pub struct PortOrderRef;

impl utoipa::PartialSchema for PortOrderRef {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::wire::schema::<PortOrder>("A port order.").build().into()
    }
}

impl ToSchema for PortOrderRef {
    fn name() -> std::borrow::Cow<'static, str> {
        "PortOrder".into()
    }
}

/// Why the other side refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = PortRejection)]
pub struct RejectionBody {
    reason: String,
}

/// When the other side hands the numbers over.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = PortDate)]
pub struct DateBody {
    #[schema(format = DateTime)]
    due_at: String,
}

/// Hand a port order in again
#[utoipa::path(post, path = "/api/v1/organizations/{org}/port-orders/{id}/submit", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = Uuid, Path, description = "The port order's id."), Once),
    responses((status = 200, body = PortOrderRef, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn submit(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    step(&caller, incoming.once(scope, b"")?, &id, PortNews::Submitted).await
}

/// Say that a port order was rejected
#[utoipa::path(post, path = "/api/v1/organizations/{org}/port-orders/{id}/reject", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = Uuid, Path, description = "The port order's id."), Once),
    request_body = RejectionBody,
    responses((status = 200, body = PortOrderRef, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn reject(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let reason = object.required::<Text>("reason");
    object.finish()?;
    let Some(reason) = reason else { return Err(Problem::internal(&"fields")) };
    step(&caller, incoming.once(scope, &bytes)?, &id, PortNews::Rejected(reason)).await
}

/// Say the day of a port order
///
/// Nothing happens by itself on that day: it is activated once the numbers have come.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/port-orders/{id}/date", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = Uuid, Path, description = "The port order's id."), Once),
    request_body = DateBody,
    responses((status = 200, body = PortOrderRef, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn date(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let due_at = object.required::<UnixMillis>("due_at");
    object.finish()?;
    let Some(due_at) = due_at else { return Err(Problem::internal(&"fields")) };
    step(&caller, incoming.once(scope, &bytes)?, &id, PortNews::Dated(due_at)).await
}

/// Activate a port order
///
/// The numbers work here: the first takes the place of the temporary one, as caller ID too.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/port-orders/{id}/activate", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = Uuid, Path, description = "The port order's id."), Once),
    responses((status = 200, body = PortOrderRef, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn activate(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    step(&caller, incoming.once(scope, b"")?, &id, PortNews::Activated).await
}

/// Cancel a port order
#[utoipa::path(post, path = "/api/v1/organizations/{org}/port-orders/{id}/cancel", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = Uuid, Path, description = "The port order's id."), Once),
    responses((status = 200, body = PortOrderRef, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn cancel(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    step(&caller, incoming.once(scope, b"")?, &id, PortNews::Cancelled).await
}

async fn step(caller: &Caller, scope: Scope, id: &str, news: PortNews) -> Result<Response, Problem> {
    let id = id.parse::<PortOrderId>().map_err(|_| Problem::not_found("port order"))?;
    let run = caller.run(move |app| {
        let done = app.move_port(&scope, id, &news)?;
        Ok((done, app.record::<PortOrder>(&scope, id.0)?))
    });
    let (done, port) = run.await?;
    Ok(written(&done, Json(entity(&port))))
}
