//! Orders: asked for, confirmed at the price that was seen, cancelled, delivered.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use muster_app::orders::{Confirmed, NewItem, NewOrder, NumberWanted, OrderView, Parcel};
use muster_app::{App, AppError, Done, Scope};
use muster_domain::field::EntityKind;
use muster_domain::ids::{OrderId, OrderItemId};
use muster_domain::orders::{ItemKind, Order, OrderItem};
use muster_domain::types::{AreaCode, Bounded, Country, E164, Name, Text};
use muster_domain::user::UserType;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ObjectBuilder};
use utoipa::openapi::{Ref, RefOr, Schema};
use uuid::Uuid;

use super::lists::{entity, page};
use super::{with_header, written};
use crate::body::{Incoming, Object};
use crate::caller::Caller;
use crate::parameters::{AsOf, Listing, Once};
use crate::params::Pairs;
use crate::problem::Problem;
use crate::wire::{self, described, page_of};

described! {
    OrderListed = wire::schema::<Order>("An order. What it costs now, while it is open, is shown where it is asked for by its id.");
    OrderItemBody = wire::schema::<OrderItem>("A thing of an order.");
}

page_of! {
    Orders of OrderListed = "A page of orders.";
}

/// An order with its things.
pub struct OrderBody;

impl utoipa::PartialSchema for OrderBody {
    fn schema() -> RefOr<Schema> {
        let about = "An order with its things. While it is open, its prices are those of now.";
        let not_sold: ObjectBuilder = ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::new(utoipa::openapi::schema::Type::String));
        wire::schema::<Order>(about)
            .property("items", Array::new(Ref::from_schema_name("OrderItem")))
            .required("items")
            .property("not_sold", Array::new(not_sold))
            .required("not_sold")
            .build()
            .into()
    }
}

impl ToSchema for OrderBody {
    fn name() -> std::borrow::Cow<'static, str> {
        "Order".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push(("OrderItem".into(), <OrderItemBody as utoipa::PartialSchema>::schema()));
    }
}

/// What is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = NewOrder)]
pub struct NewOrderBody {
    /// What it is for.
    note: Option<String>,
    /// Where phones are sent to that name no address of their own: an id or a nickname.
    address: Option<String>,
    #[schema(max_items = 2000)]
    items: Vec<NewItemBody>,
}

/// A thing that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = NewOrderItem)]
pub struct NewItemBody {
    /// `licence`, `number`, `phone` or `extension` (a seat of the pool: a licence and a number).
    #[schema(pattern = "^(licence|number|phone|extension)$")]
    kind: String,
    /// Whom a licence or a seat is for.
    user_type: Option<String>,
    /// How many [1].
    #[schema(minimum = 1, maximum = 10000)]
    quantity: Option<u64>,
    /// Which phone, as `GET /api/v1/phone-models` names it.
    model: Option<String>,
    /// A number of the stock; else any that is free where the next fields say.
    number: Option<String>,
    country: Option<String>,
    /// State or province.
    region: Option<String>,
    area_code: Option<String>,
    /// Whom a number or a phone is for: an id, a username, an extension or an email.
    user: Option<String>,
    /// Where a phone is sent to: an id or a nickname.
    address: Option<String>,
}

/// The price that was seen.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = Confirmation)]
pub struct ConfirmationBody {
    /// `price_digest` of the order as it was shown.
    price_digest: String,
    /// That the charges are accepted: `true`.
    acknowledged: bool,
}

/// Why it is cancelled.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = Cancellation)]
pub struct CancellationBody {
    reason: Option<String>,
}

/// Where some phones are sent to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = OrderAddress)]
pub struct AddressBody {
    /// An id or a nickname.
    address: String,
    /// Ids of phones of the order; all of them where it is empty.
    items: Vec<String>,
}

/// What has been sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = Shipment)]
pub struct ShipmentBody {
    /// Ids of phones of the order; all that are still to be sent where it is empty.
    items: Vec<String>,
    carrier: Option<String>,
    tracking: Option<String>,
}

/// What has come.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = Receipt)]
pub struct ReceiptBody {
    /// Ids of phones of the order; all that are on their way where it is empty.
    items: Vec<String>,
}

fn order_body(view: &OrderView) -> Value {
    let mut body = entity(&view.order);
    body["items"] = view.items.iter().map(entity).collect();
    let why = view.not_sold.iter().map(|error| format!("{} {}: {}", error.field, error.reason, error.mend));
    body["not_sold"] = json!(why.collect::<Vec<_>>());
    body
}

/// List orders
#[utoipa::path(get, path = "/api/v1/organizations/{org}/orders", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), Listing, AsOf),
    responses((status = 200, body = Orders)))]
pub async fn list(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Orders>, Problem> {
    Ok(Orders::new(page::<Order>(&caller, &org, Query(pairs)).await?, entity))
}

/// An item as it was sent: names are looked up after everything has been read.
struct ItemSent {
    item: Option<NewItem>,
    user: Option<String>,
    address: Option<String>,
}

fn read_item(object: &mut Object) -> ItemSent {
    let kind = object.required::<ItemKind>("kind");
    let user_type = object.optional::<UserType>("user_type");
    let quantity = object.optional::<Bounded<1, 10000>>("quantity");
    let model = object.optional::<Name>("model");
    let number = NumberWanted {
        number: object.optional::<E164>("number"),
        country: object.optional::<Country>("country"),
        region: object.optional::<Name>("region"),
        area_code: object.optional::<AreaCode>("area_code"),
    };
    let item = kind.map(|kind| NewItem {
        kind,
        user_type,
        quantity: quantity.map_or(1, |quantity| quantity.0),
        model,
        number,
        user: None,
        address: None,
    });
    ItemSent { item, user: object.text("user"), address: object.text("address") }
}

/// The id of what a text names, or a mistake of that field.
fn named(
    app: &App,
    scope: &Scope,
    kind: EntityKind,
    field: &'static str,
    text: Option<&str>,
) -> Result<Option<Uuid>, AppError> {
    let Some(text) = text else { return Ok(None) };
    if let Ok(id) = Uuid::parse_str(text.trim()) {
        return Ok(Some(id));
    }
    match app.id_of_name(scope, kind, text) {
        Ok(id) => Ok(Some(id)),
        Err(AppError::NotFound(what)) => {
            let shown: String = text.chars().take(60).collect();
            let reason = format!("names `{shown}`, and there is no such {what}");
            Err(AppError::invalid(field, reason, "give a name that is there, or an id"))
        }
        Err(other) => Err(other),
    }
}

/// Order something
///
/// The order is priced, and the numbers that it wants are held for it. Nothing is bought before it is confirmed.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/orders", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), Once),
    request_body = NewOrderBody,
    responses((status = 201, body = OrderBody, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn create(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let note = object.optional::<Text>("note");
    let address = object.text("address");
    let sent = object.each("items", read_item);
    object.finish()?;
    let scope = incoming.once(scope, &bytes)?;
    let made = caller.run(move |app| {
        let address_of = |text: Option<&str>| {
            Ok::<_, AppError>(
                named(app, &scope, EntityKind::ShippingAddress, "address", text)?.map(Into::into),
            )
        };
        let mut new = NewOrder { note, items: Vec::new(), address: address_of(address.as_deref())? };
        for ItemSent { item, user, address } in &sent {
            let Some(item) = item.clone() else { continue };
            let user = named(app, &scope, EntityKind::User, "user", user.as_deref())?.map(Into::into);
            new.items.push(NewItem { user, address: address_of(address.as_deref())?, ..item });
        }
        let done = app.create_order(&scope, &new)?;
        Ok((done, app.order(&scope, OrderId(done.id))?))
    });
    let (done, view) = made.await?;
    let at = format!("/api/v1/organizations/{org}/orders/{}", view.order.id);
    let response = (StatusCode::CREATED, Json(order_body(&view))).into_response();
    Ok(written(&done, with_header(LOCATION, &at, response)))
}

fn order_id(text: &str) -> Result<OrderId, Problem> {
    text.parse().map_err(|_| Problem::not_found("order"))
}

/// Show an order
///
/// While it is open, with the prices of now and the digest that a confirmation names.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/orders/{id}", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = Uuid, Path, description = "The order's id.")),
    responses((status = 200, body = OrderBody)))]
pub async fn show(caller: Caller, Path((org, id)): Path<(String, String)>) -> Result<Json<Value>, Problem> {
    let scope = caller.scope(&org).await?;
    let id = order_id(&id)?;
    let view = caller.run(move |app| app.order(&scope, id)).await?;
    Ok(Json(order_body(&view)))
}

/// Confirm an order
///
/// Buys it, once, at the price that was seen: 409 where it costs something else now. Whoever may order and not buy
/// leaves it awaiting approval (202).
#[utoipa::path(post, path = "/api/v1/organizations/{org}/orders/{id}/confirm", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = Uuid, Path, description = "The order's id."), Once),
    request_body = ConfirmationBody,
    responses((status = 200, body = OrderBody, headers(("Muster-Seq" = u64, description = "The newest change of the log."))),
        (status = 202, description = "It awaits approval.", body = OrderBody)))]
pub async fn confirm(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    confirmed(caller, &org, &id, incoming, App::confirm_order).await
}

/// Submit an order for approval
///
/// As confirming it, by somebody who leaves the buying to others.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/orders/{id}/submit", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = Uuid, Path, description = "The order's id."), Once),
    request_body = ConfirmationBody,
    responses((status = 200, body = OrderBody), (status = 202, description = "It awaits approval.", body = OrderBody)))]
pub async fn submit(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    confirmed(caller, &org, &id, incoming, App::submit_order).await
}

async fn confirmed(
    caller: Caller,
    org: &str,
    id: &str,
    mut incoming: Incoming,
    verb: fn(&App, &Scope, OrderId, &str) -> Result<Confirmed, AppError>,
) -> Result<Response, Problem> {
    let scope = caller.scope(org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let digest = object.required::<Text>("price_digest");
    let acknowledged = object.required::<bool>("acknowledged");
    if acknowledged == Some(false) {
        let mend = "look at the charges, and send true";
        object.wrong("acknowledged", muster_domain::value::Reason::new("is false", mend));
    }
    object.finish()?;
    let Some(digest) = digest else { return Err(Problem::internal(&"fields")) };
    let id = order_id(id)?;
    let scope = incoming.once(scope, &bytes)?;
    let run = caller.run(move |app| {
        let confirmed = verb(app, &scope, id, digest.as_str())?;
        Ok((app.order(&scope, id)?, confirmed))
    });
    let (view, confirmed) = run.await?;
    let status = if confirmed.is_bought { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(written(&confirmed.done, (status, Json(order_body(&view)))))
}

/// Cancel an order
///
/// What it held is given back; one that was bought, as long as nothing of it has been sent.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/orders/{id}/cancel", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = Uuid, Path, description = "The order's id."), Once),
    request_body = CancellationBody,
    responses((status = 200, body = OrderBody, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn cancel(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object_or_nothing().await?;
    let reason = object.optional::<Text>("reason");
    object.finish()?;
    let scope = incoming.once(scope, &bytes)?;
    then_show(&caller, scope, &id, move |app, scope, id| app.cancel_order(scope, id, reason.as_ref())).await
}

/// Send phones of an order to another address
///
/// While it is not confirmed; its price may change by that.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/orders/{id}/address", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = Uuid, Path, description = "The order's id."), Once),
    request_body = AddressBody,
    responses((status = 200, body = OrderBody, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn address(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let address = object.required::<Name>("address");
    let things = read_things(&mut object);
    object.finish()?;
    let Some(address) = address else { return Err(Problem::internal(&"fields")) };
    let scope = incoming.once(scope, &bytes)?;
    let verb = move |app: &App, scope: &Scope, id| {
        let address = named(app, scope, EntityKind::ShippingAddress, "address", Some(address.as_str()))?;
        app.address_order(scope, id, &things, address.unwrap_or_default().into())
    };
    then_show(&caller, scope, &id, verb).await
}

/// Ship phones of an order
///
/// The operator's.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/orders/{id}/ship", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = Uuid, Path, description = "The order's id."), Once),
    request_body = ShipmentBody,
    responses((status = 200, body = OrderBody, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn ship(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let things = read_things(&mut object);
    let (carrier, tracking) = (object.optional::<Name>("carrier"), object.optional::<Name>("tracking"));
    object.finish()?;
    let parcel = Parcel { carrier, tracking };
    let scope = incoming.once(scope, &bytes)?;
    then_show(&caller, scope, &id, move |app, scope, id| app.ship_order(scope, id, &things, &parcel)).await
}

/// Receive phones of an order
#[utoipa::path(post, path = "/api/v1/organizations/{org}/orders/{id}/receive", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = Uuid, Path, description = "The order's id."), Once),
    request_body = ReceiptBody,
    responses((status = 200, body = OrderBody, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn receive(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let things = read_things(&mut object);
    object.finish()?;
    let scope = incoming.once(scope, &bytes)?;
    then_show(&caller, scope, &id, move |app, scope, id| app.receive_order(scope, id, &things)).await
}

/// Ids of things of the order.
fn read_things(object: &mut Object) -> Vec<OrderItemId> {
    let mut things = Vec::new();
    for (at, text) in object.texts("items").iter().enumerate() {
        match text.parse() {
            Ok(id) => things.push(id),
            Err(_) => {
                let reason =
                    muster_domain::value::Reason::new("is not an id", "write the id as the order shows it");
                object.wrong(format!("items[{at}]"), reason);
            }
        }
    }
    things
}

async fn then_show(
    caller: &Caller,
    scope: Scope,
    id: &str,
    verb: impl FnOnce(&App, &Scope, OrderId) -> Result<Done, AppError> + Send + 'static,
) -> Result<Response, Problem> {
    let id = order_id(id)?;
    let run = caller.run(move |app| {
        let done = verb(app, &scope, id)?;
        Ok((done, app.order(&scope, id)?))
    });
    let (done, view) = run.await?;
    Ok(written(&done, Json(order_body(&view))))
}
