//! Sign-in sheets, to be printed for those without mail.

use axum::extract::Path;
use axum::response::Response;
use muster_app::signing::SheetSecrets;
use muster_domain::value::Reason;
use serde::Deserialize;
use utoipa::ToSchema;

use super::commands::{resolve, users};
use crate::body::Incoming;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::sign_in_pages;

/// Whose sheets, and with which secrets.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = PrintSheets)]
pub struct SheetsBody {
    /// Usernames, extensions, emails or ids.
    #[schema(min_items = 1, max_items = 500)]
    users: Vec<String>,
    /// `none` [default]; `existing`: the ones there are, which needs the permission to export secrets and is logged;
    /// `new`: phones with the old ones drop.
    #[schema(pattern = "^(none|existing|new)$")]
    secrets: Option<String>,
}

/// Print sign-in sheets
///
/// A page for each person: server, domain, extension, auth name, SIP password, and the same as a QR code.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/users/sheets", tag = "signing-in",
    params(("org" = String, Path, description = "Slug or id.")),
    request_body = SheetsBody,
    responses((status = 200, body = String, content_type = "text/html", description = "The sheets.")))]
pub async fn print(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    // A sheet is for handing somebody their credentials, whatever stands on it.
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let named = users(&mut object);
    let secrets = match object.text("secrets").as_deref() {
        None | Some("none") => SheetSecrets::None,
        Some("existing") => SheetSecrets::Existing,
        Some("new") => SheetSecrets::New,
        Some(_) => {
            object.wrong("secrets", Reason::new("is not one of the choices", "write none, existing or new"));
            SheetSecrets::None
        }
    };
    object.finish()?;
    let scope = incoming.once(scope, &bytes)?;
    let ids = resolve(&caller, &scope, named).await?;
    let sheets = caller.run(move |app| app.sheets(&scope, &ids, secrets)).await?;
    Ok(sign_in_pages::sheets(&sheets, caller.state.sip_servers()))
}
