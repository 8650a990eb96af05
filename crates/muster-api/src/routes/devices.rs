//! Phones that have come get their MAC address and whoever has them.

use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use muster_app::AppError;
use muster_app::devices::Assignment;
use muster_domain::field::EntityKind;
use muster_domain::ids::DeviceId;
use muster_domain::organization::Device;
use muster_domain::types::{Mac, Name};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::lists::{DeviceBody, entity};
use super::written;
use crate::body::Incoming;
use crate::caller::Caller;
use crate::parameters::Once;
use crate::problem::Problem;

/// Which phone it is, and whose. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = Assignment)]
pub struct AssignmentBody {
    mac: Option<String>,
    /// As printed on the device.
    serial: Option<String>,
    /// An id, a username, an extension or an email.
    user: Option<String>,
}

/// Assign a phone
///
/// By its MAC address, once it has come.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/devices/{id}/assign", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), ("id" = Uuid, Path, description = "The device's id."), Once),
    request_body = AssignmentBody,
    responses((status = 200, body = DeviceBody, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn assign(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let (mac, serial) = (object.optional::<Mac>("mac"), object.optional::<Name>("serial"));
    let user = object.text("user");
    object.finish()?;
    let id = Uuid::parse_str(&id).map(DeviceId).map_err(|_| Problem::not_found("device"))?;
    let scope = incoming.once(scope, &bytes)?;
    let assigned = caller.run(move |app| {
        let user = match user.as_deref() {
            None => None,
            Some(who) => {
                Some(app.id_of_name(&scope, EntityKind::User, who).map_err(|error| match error {
                    AppError::NotFound(_) => {
                        AppError::invalid("user", "is nobody here", "give a name that is there, or an id")
                    }
                    other => other,
                })?)
            }
        };
        let done = app.assign_device(&scope, id, &Assignment { mac, serial, user: user.map(Into::into) })?;
        Ok((done, app.record::<Device>(&scope, id.0)?))
    });
    let (done, device) = assigned.await?;
    Ok(written(&done, Json(entity(&device))))
}
