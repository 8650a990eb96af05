//! The terms that hold for an organization, its licences, and its calls.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use muster_app::CallRow;
use muster_app::billing::{NewLicence, Terms};
use muster_domain::billing::{Licence, Subscription};
use muster_domain::field::Entity;
use muster_domain::ids::{CallId, LicenceId};
use muster_domain::money::Count;
use muster_domain::types::Name;
use muster_domain::user::UserType;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use uuid::Uuid;

use super::lists::{entity, page};
use super::written;
use crate::body::Incoming;
use crate::caller::Caller;
use crate::parameters::{AsOf, Listing, Once, Paging};
use crate::params::{Pairs, Params};
use crate::problem::Problem;
use crate::wire::{self, described, page_of};

described! {
    LicenceBody = wire::schema::<Licence>("Licences that were bought together.");
}

/// Of its own, because it names another schema.
pub struct SubscriptionInForceBody;

impl utoipa::PartialSchema for SubscriptionInForceBody {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        terms_schema().build().into()
    }
}

impl ToSchema for SubscriptionInForceBody {
    fn name() -> std::borrow::Cow<'static, str> {
        "SubscriptionInForce".into()
    }

    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        schemas.push(("LicenceUse".into(), <LicenceUseBody as utoipa::PartialSchema>::schema()));
    }
}

page_of! {
    Licences of LicenceBody = "A page of licences.";
}

fn terms_schema() -> ObjectBuilder {
    let flag = ObjectBuilder::new().schema_type(SchemaType::new(Type::Boolean));
    let about = "The terms that hold for an organization, and how many use what they name.";
    wire::schema::<Subscription>(about)
        .property("is_default", flag.description(Some("Nobody has chosen one: nothing costs anything.")))
        .required("is_default")
        .property(
            "licences",
            utoipa::openapi::schema::Array::new(utoipa::openapi::Ref::from_schema_name("LicenceUse")),
        )
        .required("licences")
}

/// Licences of a type and the people who use them.
#[derive(Serialize, ToSchema)]
#[schema(as = LicenceUse)]
pub struct LicenceUseBody {
    user_type: &'static str,
    held: u64,
    /// Enabled people of the type.
    used: u64,
}

/// Which of the subscriptions on offer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = Choice)]
pub struct ChoiceBody {
    /// Its name or id.
    subscription: String,
}

/// Licences that are given without an order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = NewLicence)]
pub struct NewLicenceBody {
    user_type: String,
    #[schema(minimum = 1)]
    quantity: u64,
}

/// A call that has ended.
#[derive(Serialize, ToSchema)]
#[schema(as = Call)]
pub struct CallBody {
    #[schema(format = Uuid)]
    id: String,
    #[schema(format = Uuid)]
    caller: Option<String>,
    #[schema(format = Uuid)]
    callee: Option<String>,
    dialled: String,
    #[schema(format = DateTime)]
    started_at: String,
    /// Null where nobody answered.
    #[schema(format = DateTime)]
    answered_at: Option<String>,
    #[schema(format = DateTime)]
    ended_at: String,
    /// How it ended, in a word.
    ending: String,
    /// The SIP status that it ended with.
    status: u16,
    /// Made to, or back from, emergency services: never charged.
    for_help: bool,
}

/// A page of calls, newest first.
#[derive(Serialize, ToSchema)]
pub struct Calls {
    items: Vec<CallBody>,
    /// What to send as `cursor` for the next page; null at the end.
    next_cursor: Option<String>,
}

fn terms_body(terms: &Terms) -> Value {
    let mut body = entity(&terms.subscription);
    body["is_default"] = terms.is_default.into();
    let uses = terms.licences.iter().map(|of| LicenceUseBody {
        user_type: of.user_type.word(),
        held: of.held,
        used: of.used,
    });
    body["licences"] = json!(uses.collect::<Vec<_>>());
    body
}

/// Show the subscription in force
///
/// Where nobody has chosen one, it is the default one: every type, at no price.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/subscription", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), AsOf),
    responses((status = 200, body = SubscriptionInForceBody)))]
pub async fn show(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Value>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let as_of = params.as_of();
    params.finish()?;
    let scope = caller.as_of(scope, as_of).await?;
    let terms = caller.run(move |app| app.subscription(&scope)).await?;
    Ok(Json(terms_body(&terms)))
}

/// Choose a subscription
///
/// The operator's. The terms are copied: they hold from now on, and what the offer is changed to later holds once it is
/// chosen again.
#[utoipa::path(put, path = "/api/v1/organizations/{org}/subscription", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), Once),
    request_body = ChoiceBody,
    responses((status = 200, body = SubscriptionInForceBody, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn choose(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let offer = object.required::<Name>("subscription");
    object.finish()?;
    let Some(offer) = offer else { return Err(Problem::internal(&"fields")) };
    let scope = incoming.once(scope, &bytes)?;
    let chosen = caller.run(move |app| {
        let done = app.choose_subscription(&scope, offer.as_str())?;
        Ok((done, app.subscription(&scope)?))
    });
    let (done, terms) = chosen.await?;
    Ok(written(&done, Json(terms_body(&terms)).into_response()))
}

/// List licences
#[utoipa::path(get, path = "/api/v1/organizations/{org}/licences", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), Listing, AsOf),
    responses((status = 200, body = Licences)))]
pub async fn licences(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Licences>, Problem> {
    Ok(Licences::new(page::<Licence>(&caller, &org, Query(pairs)).await?, entity))
}

/// Give licences
///
/// The operator's: without an order. They are charged from today on.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/licences", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), Once),
    request_body = NewLicenceBody,
    responses((status = 201, body = LicenceBody, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn give(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let user_type = object.required::<UserType>("user_type");
    let quantity = object.required::<Count>("quantity");
    object.finish()?;
    let (Some(user_type), Some(quantity)) = (user_type, quantity) else {
        return Err(Problem::internal(&"fields"));
    };
    let scope = incoming.once(scope, &bytes)?;
    let given = caller.run(move |app| {
        let done = app.give_licence(&scope, &NewLicence { user_type, quantity })?;
        Ok((done, app.record::<Licence>(&scope, done.id)?))
    });
    let (done, licence) = given.await?;
    Ok(written(&done, (StatusCode::CREATED, Json(entity(&licence)))))
}

/// End licences
///
/// Today is the last day that they are charged. Refused while people use them.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/licences/{id}/end", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = Uuid, Path, description = "The licence's id."), Once),
    responses((status = 200, body = LicenceBody, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn end(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let id = Uuid::parse_str(&id).map(LicenceId).map_err(|_| Problem::not_found(Licence::KIND.word()))?;
    let scope = incoming.once(scope, b"")?;
    let ended = caller.run(move |app| {
        let done = app.end_licence(&scope, id)?;
        Ok((done, app.record::<Licence>(&scope, done.id)?))
    });
    let (done, licence) = ended.await?;
    Ok(written(&done, Json(entity(&licence))))
}

/// List calls
///
/// Those that have ended, newest first: what metered people are charged by.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/calls", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), Paging),
    responses((status = 200, body = Calls)))]
pub async fn calls(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Calls>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let limit = params.number("limit", 50, 1, 1000) as usize;
    let before = params.cursor(|text| text.parse::<CallId>().ok());
    params.finish()?;
    let calls = caller.run(move |app| app.calls(&scope, before, limit)).await?;
    let next_cursor = calls.last().filter(|_| calls.len() == limit).map(|last| last.id.to_string());
    Ok(Json(Calls { items: calls.iter().map(call_body).collect(), next_cursor }))
}

fn call_body(call: &CallRow) -> CallBody {
    CallBody {
        id: call.id.to_string(),
        caller: call.caller.map(|user| user.to_string()),
        callee: call.callee.map(|user| user.to_string()),
        dialled: call.dialled.clone(),
        started_at: wire::time(call.started_at),
        answered_at: call.answered_at.map(wire::time),
        ended_at: wire::time(call.ended_at),
        ending: call.ending.clone(),
        status: call.status,
        for_help: call.for_help,
    }
}
