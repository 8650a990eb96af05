//! What the operator offers: subscriptions and phone models, and the numbers of the stock one by one. Everybody who has
//! signed in may look at them; the operator alone writes.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use muster_app::{Page, Stored};
use muster_domain::billing::Subscription;
use muster_domain::stock::{PhoneModel, StockNumber};
use serde_json::{Value, json};
use utoipa::openapi::Paths;
use utoipa::openapi::path::HttpMethod;
use utoipa_axum::router::OpenApiRouter;

use super::lists::entity;
use super::records::{
    Words, create_operation, id_of, list_operation, one_operations, schemas, values, with_version,
};
use super::users::matching;
use super::{with_header, written};
use crate::body::Incoming;
use crate::caller::Caller;
use crate::params::{Pairs, Params};
use crate::problem::Problem;
use crate::state::ApiState;

pub fn all(router: OpenApiRouter<ApiState>) -> OpenApiRouter<ApiState> {
    let words = |schema, one, many| Words { schema, one, many, operators: true };
    let subscription =
        words("Subscription", "a subscription that is on offer", "subscriptions that are on offer");
    let router = of::<Subscription>(router, &subscription);
    let router = of::<PhoneModel>(router, &words("PhoneModel", "a model of phone", "models of phones"));
    // Listed and added by endpoints of their own.
    let mut kept =
        schemas::<StockNumber>(&words("StockNumber", "a number of the stock", "numbers of the stock"));
    kept.retain(|(name, _)| name == "StockNumber" || name == "StockNumberChange");
    one_of::<StockNumber>(
        router,
        &words("StockNumber", "a number of the stock", "numbers of the stock"),
        kept,
        "/api/v1/stock/numbers",
    )
}

fn of<E: Stored>(router: OpenApiRouter<ApiState>, words: &Words) -> OpenApiRouter<ApiState> {
    let many = format!("/api/v1/{}", E::KIND.plural().replace('_', "-"));
    let mut paths = Paths::new();
    paths.add_path_operation(&many, vec![HttpMethod::Get], list_operation(words));
    paths.add_path_operation(&many, vec![HttpMethod::Post], create_operation(words));
    let methods: MethodRouter<ApiState> = get(list::<E>).post(create::<E>);
    one_of::<E>(router.routes((schemas::<E>(words), paths, methods)), words, Vec::new(), &many)
}

type Schemas = Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>;

fn one_of<E: Stored>(
    router: OpenApiRouter<ApiState>,
    words: &Words,
    schemas: Schemas,
    many: &str,
) -> OpenApiRouter<ApiState> {
    let one = format!("{many}/{{id}}");
    let mut paths = Paths::new();
    for (method, operation) in one_operations(words) {
        paths.add_path_operation(&one, vec![method], operation);
    }
    let methods: MethodRouter<ApiState> = get(show::<E>).patch(change::<E>).delete(remove::<E>);
    router.routes((schemas, paths, methods))
}

async fn list<E: Stored>(caller: Caller, Query(pairs): Pairs) -> Result<Json<Value>, Problem> {
    let scope = caller.offers_scope().await?;
    let mut params = Params::of(Query(pairs));
    let query = params.list::<E>();
    let as_of = params.as_of();
    params.finish()?;
    let scope = caller.as_of(scope, as_of).await?;
    let Page { items, next, total, as_of } = caller.run(move |app| app.page::<E>(&scope, &query)).await?;
    let mut body = json!({ "items": items.iter().map(entity).collect::<Vec<_>>(), "next_cursor": next });
    if let Some(total) = total {
        body["total"] = total.into();
    }
    if let Some(as_of) = as_of {
        body["as_of"] = json!(crate::wire::AsOfBody::of(as_of));
    }
    Ok(Json(body))
}

async fn create<E: Stored>(caller: Caller, mut incoming: Incoming) -> Result<Response, Problem> {
    let scope = caller.operator_scope().await?;
    let (object, bytes) = incoming.object().await?;
    let values = values::<E>(&caller, &scope, object).await?;
    let scope = incoming.once(scope, &bytes)?;
    let made = caller.run(move |app| {
        let done = app.create_record::<E>(&scope, &values)?;
        Ok((done, app.record::<E>(&scope, done.id)?))
    });
    let (done, record) = made.await?;
    let at = format!("/api/v1/{}/{}", E::KIND.plural().replace('_', "-"), record.id());
    let response = (StatusCode::CREATED, Json(entity(&record))).into_response();
    Ok(written(&done, with_version(&record, with_header(LOCATION, &at, response))))
}

async fn show<E: Stored>(
    caller: Caller,
    Path(id): Path<String>,
    Query(pairs): Pairs,
) -> Result<Response, Problem> {
    let scope = caller.offers_scope().await?;
    let id = id_of::<E>(&id)?;
    let mut params = Params::of(Query(pairs));
    let as_of = params.as_of();
    params.finish()?;
    let scope = caller.as_of(scope, as_of).await?;
    let record = caller.run(move |app| app.offered::<E>(&scope, id)).await?;
    Ok(with_version(&record, Json(entity(&record)).into_response()))
}

async fn change<E: Stored>(
    caller: Caller,
    Path(id): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.operator_scope().await?;
    let id = id_of::<E>(&id)?;
    let of = scope.clone();
    let current = caller.run(move |app| app.record::<E>(&of, id)).await?;
    let version = matching(&incoming.headers, current.version())?;
    let (object, bytes) = incoming.object().await?;
    let values = values::<E>(&caller, &scope, object).await?;
    let scope = incoming.once(scope, &bytes)?;
    let changed = caller.run(move |app| {
        let done = app.edit_record::<E>(&scope, id, version, &values)?;
        Ok((done, app.record::<E>(&scope, id)?))
    });
    let (done, record) = changed.await?;
    Ok(written(&done, with_version(&record, Json(entity(&record)).into_response())))
}

async fn remove<E: Stored>(
    caller: Caller,
    Path(id): Path<String>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.operator_scope().await?;
    let id = id_of::<E>(&id)?;
    let scope = incoming.once(scope, b"")?;
    let done = caller.run(move |app| app.remove_record::<E>(&scope, id)).await?;
    Ok(written(&done, StatusCode::NO_CONTENT))
}
