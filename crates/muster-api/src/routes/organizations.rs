//! Organizations: seen by whoever belongs to one, made by operators.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::http::header::{ETAG, LOCATION};
use axum::response::{IntoResponse, Response};
use axum::{Json, body::Body};
use muster_app::Page;
use muster_app::organizations::NewOrganization;
use muster_domain::field::Entity;
use muster_domain::organization::Organization;
use muster_domain::permission::Permission;
use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

use super::records::read_values;
use super::users::matching;
use super::{with_header, with_seq, written};
use crate::body::Incoming;
use crate::caller::Caller;
use crate::parameters::{CountedPaging, Once};
use crate::params::{Pairs, Params};
use crate::problem::Problem;
use crate::wire::{self, Writing, described, page_of};

described! {
    /// An organization as it is answered.
    OrganizationBody = wire::schema::<Organization>("A tenant: a company with its own dial plan and SIP domain.");
    /// What makes one.
    NewOrganizationBody = new_schema();
    /// What changes one.
    OrganizationChangeBody = wire::write_schema::<Organization>(
        "Fields to change; null empties one, what is left out stays.", Writing::Change);
}

page_of! {
    Organizations of OrganizationBody = "A page of organizations.";
}

fn new_schema() -> ObjectBuilder {
    let all = wire::write_schema::<Organization>("A new organization.", Writing::New);
    let mut object = all.required("name").required("domain").build();
    // Set once there is something to set it for.
    for later in
        ["emergency_policy", "trash_retention_days", "require_unique_emails", "invite_days", "single_sign_on"]
    {
        object.properties.shift_remove(later);
    }
    let slug = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .pattern(Some("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))
        .description(Some("Names the organization in addresses; made from the name without one."));
    ObjectBuilder::from(object).property("slug", slug)
}

pub(super) fn json(organization: &Organization) -> Value {
    Value::Object(wire::of_entity(organization))
}

/// List organizations
///
/// All of them for an operator, their own for everybody else.
#[utoipa::path(get, path = "/api/v1/organizations", tag = "organizations",
    params(CountedPaging),
    responses((status = 200, body = Organizations)))]
pub async fn list(caller: Caller, Query(pairs): Pairs) -> Result<Json<Organizations>, Problem> {
    let mut params = Params::of(Query(pairs));
    let limit = params.number("limit", 50, 1, 1000) as usize;
    let total = params.flag("total");
    let after = params.cursor(|text| text.parse::<uuid::Uuid>().ok());
    params.finish()?;
    let actor = caller.actor.clone();
    let mut all = caller.run(move |app| app.organizations(&actor)).await?;
    all.sort_unstable_by_key(Entity::id);
    let count = all.len() as u64;
    all.retain(|o| after.is_none_or(|after| o.id() > after));
    let more = all.len() > limit;
    all.truncate(limit);
    let next = all.last().filter(|_| more).map(|o| o.id.to_string());
    Ok(Organizations::new(Page { items: all, next, total: total.then_some(count), as_of: None }, json))
}

/// Make an organization
///
/// With its site *Main* and its connection *Built-in*. For operators.
#[utoipa::path(post, path = "/api/v1/organizations", tag = "organizations",
    request_body = NewOrganizationBody,
    responses((status = 201, body = OrganizationBody, headers(
        ("Location", description = "Where it is."), ("ETag", description = "Its version."),
        ("Muster-Seq" = u64, description = "The newest change of its log.")))))]
pub async fn create(caller: Caller, mut incoming: Incoming) -> Result<Response<Body>, Problem> {
    let operator = caller.operator_scope().await?;
    let (mut object, bytes) = incoming.object().await?;
    let operator = incoming.once(operator, &bytes)?;
    let name = object.required("name");
    let domain = object.required("domain");
    let slug = object.optional("slug");
    let domain_aliases = object.optional("domain_aliases").unwrap_or_default();
    let country = object.optional("country");
    let time_zone = object.optional("time_zone");
    object.finish()?;
    let (Some(name), Some(domain)) = (name, domain) else { return Err(Problem::internal(&"fields")) };
    let new = NewOrganization { name, slug, domain, domain_aliases, country, time_zone };
    let made = caller.run(move |app| app.create_organization(&operator, &new)).await?;
    // It was made by one transaction: nobody else has changed it yet.
    let scope = caller.scope_for(&made.id.to_string(), Permission::OrganizationRead).await?;
    let seq = caller.run(move |app| app.head_seq(&scope)).await?;
    let response = (StatusCode::CREATED, Json(json(&made))).into_response();
    let response = with_header(LOCATION, &format!("/api/v1/organizations/{}", made.slug), response);
    Ok(with_seq(seq, with_header(ETAG, &format!("\"{}\"", made.version), response)))
}

/// Show an organization
#[utoipa::path(get, path = "/api/v1/organizations/{org}", tag = "organizations",
    params(("org" = String, Path, description = "Slug or id.")),
    responses((status = 200, body = OrganizationBody, headers(("ETag", description = "Its version.")))))]
pub async fn get(caller: Caller, Path(org): Path<String>) -> Result<Response<Body>, Problem> {
    let scope = caller.scope(&org).await?;
    let organization = scope.organization();
    let response = Json(json(organization)).into_response();
    Ok(with_header(ETAG, &format!("\"{}\"", organization.version), response))
}

/// Change an organization
///
/// Only what the body names is changed. With another SIP domain all phones sign in anew.
#[utoipa::path(patch, path = "/api/v1/organizations/{org}", tag = "organizations",
    params(("org" = String, Path, description = "Slug or id."),
        ("If-Match" = String, Header, description = "The ETag that was read, such as `\"3\"`."), Once),
    request_body = OrganizationChangeBody,
    responses((status = 200, body = OrganizationBody, headers(("ETag", description = "The new version."),
            ("Muster-Seq" = u64, description = "The newest change of its log."))),
        (status = 412, description = "It was changed meanwhile.", body = crate::problem::ProblemBody, content_type = "application/problem+json"),
        (status = 428, description = "If-Match is missing.", body = crate::problem::ProblemBody, content_type = "application/problem+json")))]
pub async fn change(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response<Body>, Problem> {
    let scope = caller.scope(&org).await?;
    let version = matching(&incoming.headers, scope.organization().version)?;
    let (object, bytes) = incoming.object().await?;
    let of = scope.clone();
    let values = caller.run(move |app| Ok(read_values::<Organization>(app, &of, object))).await??;
    let scope = incoming.once(scope, &bytes)?;
    let changed = caller.run(move |app| {
        let done = app.edit_organization(&scope, version, &values)?;
        Ok((done, app.record::<Organization>(&scope, done.id)?))
    });
    let (done, organization) = changed.await?;
    let response = Json(json(&organization)).into_response();
    Ok(written(&done, with_header(ETAG, &format!("\"{}\"", organization.version), response)))
}
