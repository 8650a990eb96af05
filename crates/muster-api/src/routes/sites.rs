//! The places of an organization.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use muster_app::organizations::NewSite;
use muster_domain::organization::Site;
use serde::Deserialize;
use utoipa::ToSchema;

use super::lists::{entity, page};
use super::{with_header, with_seq};
use crate::body::Incoming;
use crate::caller::Caller;
use crate::parameters::{AsOf, Listing, Once};
use crate::params::Pairs;
use crate::problem::Problem;
use crate::wire::{self, described, page_of};

described! {
    SiteBody = wire::schema::<Site>("A place.");
}

page_of! {
    Sites of SiteBody = "A page of sites.";
}

/// A new site.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = NewSite)]
pub struct NewSiteBody {
    /// What it is called; no two sites have the same name.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*\\S[^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    name: String,
    /// Two letters (ISO 3166-1).
    #[schema(pattern = "^[A-Za-z]{2}$")]
    country: Option<String>,
    /// Such as `Europe/Lisbon`.
    #[schema(max_length = 64, pattern = "^(UTC|[A-Za-z0-9_+-]*/[A-Za-z0-9/_+-]*)$")]
    time_zone: Option<String>,
}

/// List sites
#[utoipa::path(get, path = "/api/v1/organizations/{org}/sites", tag = "organizations",
    params(("org" = String, Path, description = "Slug or id."), Listing, AsOf),
    responses((status = 200, body = Sites)))]
pub async fn list(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Sites>, Problem> {
    Ok(Sites::new(page::<Site>(&caller, &org, Query(pairs)).await?, entity))
}

/// Make a site
#[utoipa::path(post, path = "/api/v1/organizations/{org}/sites", tag = "organizations",
    params(("org" = String, Path, description = "Slug or id."), Once),
    request_body = NewSiteBody,
    responses((status = 201, body = SiteBody, headers(("ETag", description = "The version."),
        ("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn create(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let name = object.required("name");
    let (country, time_zone) = (object.optional("country"), object.optional("time_zone"));
    object.finish()?;
    let Some(name) = name else { return Err(Problem::internal(&"fields")) };
    let new = NewSite { name, country, time_zone };
    let scope = incoming.once(scope, &bytes)?;
    let made = caller.run(move |app| Ok((app.create_site(&scope, &new)?, app.head_seq(&scope)?)));
    let (site, seq) = made.await?;
    let response = (StatusCode::CREATED, Json(entity(&site))).into_response();
    Ok(with_seq(seq, with_header(ETAG, &format!("\"{}\"", site.version), response)))
}
