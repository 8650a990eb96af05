//! The next extension that nobody has.

use axum::Json;
use axum::extract::{Path, Query};
use muster_domain::types::ExtensionNumber;
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::params::{Pairs, Params};
use crate::problem::{Mistake, Problem};

/// Where looking begins if nobody says.
const FIRST: &str = "1001";

#[derive(Serialize, ToSchema)]
#[schema(as = FreeExtension)]
pub struct FreeExtensionBody {
    extension: String,
    /// Whose dial plan it is free in.
    #[schema(format = Uuid)]
    connection: String,
}

/// Show the next free extension
///
/// The first from `from` on, with as many digits, that reaches nothing and may be somebody's: no emergency number.
/// It is not reserved.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/extensions/next-free", tag = "users",
    params(("org" = String, Path, description = "Slug or id."),
        ("connection" = Option<String>, Query, description = "Whose dial plan: a name or an id [the first connection]."),
        ("from" = Option<String>, Query, pattern = "^[0-9]{1,15}$", description = "Where to begin [1001].")),
    responses((status = 200, body = FreeExtensionBody)))]
pub async fn next_free(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<FreeExtensionBody>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let connection = params.text("connection").filter(|name| !name.is_empty());
    let from = params.parsed("from", extension);
    params.finish()?;
    let from = from.map_or_else(|| extension(FIRST), Ok);
    let from = from.map_err(|wrong| Problem::invalid(vec![wrong]))?;
    let found = caller.run(move |app| app.next_free_extension(&scope, connection.as_deref(), &from)).await?;
    let (extension, connection) = (found.extension.to_string(), found.connection.to_string());
    Ok(Json(FreeExtensionBody { extension, connection }))
}

fn extension(text: &str) -> Result<ExtensionNumber, Mistake> {
    ExtensionNumber::parse(text).map_err(|reason| Mistake::new("from", reason.reason, reason.mend))
}
