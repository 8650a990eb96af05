//! Numbers of the operator's stock, and an organization's pool of unassigned extensions.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use muster_app::stock::{NewStock, PoolCount};
use muster_domain::stock::StockNumber;
use muster_domain::types::{AreaCode, Country, E164, FieldValue, Name};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::lists::entity;
use super::written;
use crate::body::Incoming;
use crate::caller::Caller;
use crate::parameters::{Listing, Once};
use crate::params::{Pairs, Params};
use crate::problem::Problem;
use crate::wire::page_of;

page_of! {
    StockNumbers of StockNumberRef = "A page of numbers of the stock.";
}

/// Named elsewhere with all its fields.
pub struct StockNumberRef;

impl utoipa::PartialSchema for StockNumberRef {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::wire::schema::<StockNumber>("A number of the stock.").build().into()
    }
}

impl ToSchema for StockNumberRef {
    fn name() -> std::borrow::Cow<'static, str> {
        "StockNumber".into()
    }
}

/// Numbers of one place.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = NewStock)]
pub struct NewStockBody {
    /// In international form.
    #[schema(max_items = 5000)]
    numbers: Vec<String>,
    country: String,
    /// State or province.
    region: Option<String>,
    area_code: Option<String>,
}

/// How many were taken in.
#[derive(Serialize, ToSchema)]
#[schema(as = Stocked)]
pub struct StockedBody {
    numbers: u64,
}

/// Seats of the pool of one kind, country and area code.
#[derive(Serialize, ToSchema)]
#[schema(as = PoolCount)]
pub struct PoolCountBody {
    kind: &'static str,
    country: Option<String>,
    area_code: Option<String>,
    free: u64,
    taken: u64,
    /// People who wait for their activation and want one of these.
    needed: u64,
}

#[derive(Serialize, ToSchema)]
pub struct Pool {
    items: Vec<PoolCountBody>,
}

/// List numbers of the stock
///
/// Filtered by country, region and area code. Whoever is not the operator sees those that are free.
#[utoipa::path(get, path = "/api/v1/stock/numbers", tag = "billing",
    params(Listing), responses((status = 200, body = StockNumbers)))]
pub async fn list(caller: Caller, Query(pairs): Pairs) -> Result<Json<StockNumbers>, Problem> {
    let scope = caller.offers_scope().await?;
    let mut params = Params::of(Query(pairs));
    let query = params.list::<StockNumber>();
    params.finish()?;
    let page = caller.run(move |app| app.stock(&scope, &query)).await?;
    Ok(StockNumbers::new(page, entity))
}

/// Add numbers to the stock
///
/// The operator's. One that is there already refuses all.
#[utoipa::path(post, path = "/api/v1/stock/numbers", tag = "billing",
    params(Once), request_body = NewStockBody,
    responses((status = 201, body = StockedBody, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn add(caller: Caller, mut incoming: Incoming) -> Result<Response, Problem> {
    let scope = caller.operator_scope().await?;
    let (mut object, bytes) = incoming.object().await?;
    let texts = object.texts("numbers");
    let mut numbers = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        match <E164 as FieldValue>::parse(text) {
            Ok(number) => numbers.push(number),
            Err(reason) => object.wrong(format!("numbers[{at}]"), reason),
        }
    }
    let country = object.required::<Country>("country");
    let (region, area_code) = (object.optional::<Name>("region"), object.optional::<AreaCode>("area_code"));
    object.finish()?;
    let Some(country) = country else { return Err(Problem::internal(&"fields")) };
    let scope = incoming.once(scope, &bytes)?;
    let count = numbers.len() as u64;
    let new = NewStock { numbers, country, region, area_code };
    let done = caller.run(move |app| app.add_stock(&scope, &new)).await?;
    Ok(written(&done, (StatusCode::CREATED, Json(StockedBody { numbers: count }))))
}

/// Count the pool
///
/// How many unassigned extensions are free, taken and needed, by kind, country and area code.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/unassigned-extensions/counts", tag = "billing",
    params(("org" = String, Path, description = "Slug or id.")), responses((status = 200, body = Pool)))]
pub async fn pool(caller: Caller, Path(org): Path<String>) -> Result<Json<Value>, Problem> {
    let scope = caller.scope(&org).await?;
    let counts = caller.run(move |app| app.pool(&scope)).await?;
    Ok(Json(serde_json::json!(Pool { items: counts.iter().map(pool_body).collect() })))
}

fn pool_body(count: &PoolCount) -> PoolCountBody {
    PoolCountBody {
        kind: count.of.kind.word(),
        country: count.of.country.as_ref().map(ToString::to_string),
        area_code: count.of.area_code.as_ref().map(ToString::to_string),
        free: count.free,
        taken: count.taken,
        needed: count.needed,
    }
}
