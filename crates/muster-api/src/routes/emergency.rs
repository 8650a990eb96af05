//! Who has no emergency location where one is wanted.

use axum::Json;
use axum::extract::{Path, Query};
use muster_app::emergency::Affected;
use muster_domain::ids::UserId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::parameters::Paging;
use crate::params::{Pairs, Params};
use crate::problem::Problem;

/// Somebody without an emergency location.
#[derive(Serialize, ToSchema)]
#[schema(as = WithoutEmergencyLocation)]
pub struct AffectedBody {
    #[schema(format = Uuid)]
    user: String,
    display_name: String,
    extension: Option<String>,
    /// The name of the site whose policy holds.
    site: Option<String>,
    /// `warn`, or `require`: then their calls are held back.
    policy: &'static str,
    /// Such as `has none, and Leeds has no default`.
    why: String,
}

/// A page of people without an emergency location.
#[derive(Serialize, ToSchema)]
pub struct WithoutEmergencyLocationPage {
    items: Vec<AffectedBody>,
    /// What to send as `cursor` for the next page, which may be empty; null at the end.
    next_cursor: Option<String>,
}

/// List people without an emergency location
///
/// Enabled people who place calls at sites that warn of it or require one. Where it is required their calls
/// are held back, but for those for help, and nobody reaches them.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/without-emergency-location", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), Paging),
    responses((status = 200, body = WithoutEmergencyLocationPage)))]
pub async fn affected(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<WithoutEmergencyLocationPage>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let limit = params.number("limit", 50, 1, 1000) as usize;
    let after = params.cursor(|text| text.parse::<UserId>().ok());
    params.finish()?;
    let page = caller.run(move |app| app.without_emergency_location(&scope, after, limit)).await?;
    let next_cursor = page.next.map(|id| id.to_string());
    Ok(Json(WithoutEmergencyLocationPage { items: page.people.iter().map(body).collect(), next_cursor }))
}

fn body(affected: &Affected) -> AffectedBody {
    let user = &affected.user;
    AffectedBody {
        user: user.id.to_string(),
        display_name: user.display_name.to_string(),
        extension: user.extension.as_ref().map(ToString::to_string),
        site: affected.site.as_ref().map(|site| site.name.to_string()),
        policy: affected.policy.word(),
        why: affected.why.clone(),
    }
}
