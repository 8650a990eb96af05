//! What a phone needs in order to register, and making a new secret.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use muster_app::imports::sip_password_remark;
use muster_domain::types::Name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::phones::RegisteredPhoneBody;
use super::{user_id, with_remark, written};
use crate::body::Incoming;
use crate::caller::Caller;
use crate::parameters::Once;
use crate::problem::Problem;
use crate::state::SipServer;

/// A device with credentials of its own.
#[derive(Serialize, ToSchema)]
pub struct DeviceCredentials {
    #[schema(format = Uuid)]
    id: String,
    name: String,
    auth_name: String,
}

/// Servers and names; never the secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Credentials)]
pub struct CredentialsBody {
    /// Where to register.
    servers: Vec<SipServer>,
    /// The SIP domain: the right side of every address, and the realm.
    domain: String,
    /// The left side of the person's address.
    extension: Option<String>,
    /// What the first phone authenticates as.
    auth_name: String,
    /// Whether there is a secret for the first phone.
    has_secret: bool,
    devices: Vec<DeviceCredentials>,
    /// What is registered now.
    phones: Vec<RegisteredPhoneBody>,
}

/// A new secret.
#[derive(Serialize, ToSchema)]
pub struct NewSecret {
    servers: Vec<SipServer>,
    domain: String,
    auth_name: String,
    /// Shown this once; null if the request was a repeated one.
    secret: Option<String>,
    /// The person's phones as they were registered before: those with the old secret drop now.
    phones: Vec<RegisteredPhoneBody>,
    /// The newest change of the log.
    seq: u64,
}

/// Which secret to make anew.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = Reset)]
pub struct ResetBody {
    /// The device whose own credentials are meant, made if it is not there; without one the person's first phone.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*\\S[^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    device: Option<String>,
    /// A secret of one's own; one is generated without it.
    #[schema(min_length = 1, max_length = 128, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    secret: Option<String>,
}

/// Show how a user's phones register
#[utoipa::path(get, path = "/api/v1/organizations/{org}/users/{user}/credentials", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), ("user" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = CredentialsBody)))]
pub async fn get(
    caller: Caller,
    Path((org, user)): Path<(String, String)>,
) -> Result<Json<CredentialsBody>, Problem> {
    let scope = caller.scope(&org).await?;
    let id = user_id(&user)?;
    let found = caller.run(move |app| {
        let phones = app.phones().registered(scope.org(), Some(id));
        Ok((app.credentials(&scope, id)?, phones))
    });
    let (found, phones) = found.await?;
    let devices = found.devices.iter().map(|d| DeviceCredentials {
        id: d.id.to_string(),
        name: d.name.to_string(),
        auth_name: d.auth_name.as_ref().map(ToString::to_string).unwrap_or_default(),
    });
    Ok(Json(CredentialsBody {
        servers: caller.state.sip_servers().to_vec(),
        devices: devices.collect(),
        domain: found.domain,
        extension: found.extension,
        auth_name: found.auth_name,
        has_secret: found.has_secret,
        phones: phones.iter().map(RegisteredPhoneBody::of).collect(),
    }))
}

/// Make a new SIP secret
///
/// Phones that registered with the old one drop. The new one is shown this once.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/users/{user}/credentials", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), ("user" = uuid::Uuid, Path, description = "The user's id."), Once),
    request_body(content = Option<ResetBody>),
    responses((status = 200, body = NewSecret, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn reset(
    caller: Caller,
    Path((org, user)): Path<(String, String)>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let id = user_id(&user)?;
    let (mut object, bytes) = incoming.object_or_nothing().await?;
    let device = object.optional::<Name>("device");
    let given = object.text("secret");
    object.finish()?;
    let scope = incoming.once(scope, &bytes)?;
    let domain = scope.organization().domain.to_string();
    let (made, remark) = caller
        .run(move |app| {
            let made = app.reset_credentials(&scope, id, device.as_ref(), given.as_deref())?;
            let user = app.user(&scope, id)?;
            Ok((made, given.and_then(|secret| sip_password_remark(&secret, &user))))
        })
        .await?;
    let body = NewSecret {
        servers: caller.state.sip_servers().to_vec(),
        domain,
        auth_name: made.auth_name,
        secret: made.secret,
        phones: made.phones.iter().map(RegisteredPhoneBody::of).collect(),
        seq: made.done.seq,
    };
    Ok(written(&made.done, with_remark(remark, Json(body).into_response())))
}
