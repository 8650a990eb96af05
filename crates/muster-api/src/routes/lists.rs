//! Lists that are only read: contacts, extensions, seats, devices, mailboxes, numbers, connections.

use axum::Json;
use axum::extract::{Path, Query};
use muster_app::{Op, Page, Sort, Term};
use muster_domain::field::Entity;
use muster_domain::ids::UserId;
use muster_domain::organization::{Connection, Device, Mailbox, PhoneNumber};
use muster_domain::user::User;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::users::people_query;
use crate::caller::Caller;
use crate::parameters::{AsOf, CountedPaging, Listing, Paging};
use crate::params::{Pairs, Params};
use crate::problem::Problem;
use crate::wire::{self, described, page_of};

described! {
    DeviceBody = wire::schema::<Device>("A desk phone or a softphone.");
    MailboxBody = wire::schema::<Mailbox>("Voicemail; it lives on its own.");
    PhoneNumberBody = wire::schema::<PhoneNumber>("A phone number; one that is owned elsewhere is only recorded.");
    ConnectionBody = wire::schema::<Connection>("How phones are served; a dial plan of its own.");
}

/// How somebody can be reached now.
#[derive(Serialize, ToSchema)]
#[schema(as = Presence)]
pub struct PresenceBody {
    /// `offline`, `available`, `ringing` or `on_call`.
    state: &'static str,
    /// Whether a phone of theirs is registered now.
    registered: bool,
}

/// Somebody in the contact list.
#[derive(Serialize, ToSchema)]
#[schema(as = Contact)]
pub struct ContactBody {
    #[schema(format = Uuid)]
    id: String,
    display_name: String,
    given_name: Option<String>,
    family_name: Option<String>,
    extension: Option<String>,
    email: Option<String>,
    user_type: &'static str,
    /// `enabled` ones can have phones; the others are reached as their settings say.
    service: &'static str,
    title: Option<String>,
    department: Option<String>,
    /// Null in a list as it was at a moment.
    presence: Option<PresenceBody>,
}

/// A number of a dial plan and what it reaches.
#[derive(Serialize, ToSchema)]
#[schema(as = Extension)]
pub struct ExtensionBody {
    extension: String,
    #[schema(format = Uuid)]
    connection: String,
    /// What kind of thing is reached: `user`.
    reaches: &'static str,
    #[schema(format = Uuid)]
    id: String,
    display_name: String,
    service: &'static str,
}

/// A user who counts for billing.
#[derive(Serialize, ToSchema)]
#[schema(as = Seat)]
pub struct SeatBody {
    #[schema(format = Uuid)]
    user: String,
    /// Null once the person has been purged.
    display_name: Option<String>,
    username: Option<String>,
    extension: Option<String>,
    user_type: &'static str,
    /// Since when.
    #[schema(format = DateTime)]
    since: String,
    /// The change that made the user count.
    seq: u64,
}

#[derive(Serialize, ToSchema)]
pub struct SeatsOfType {
    user_type: &'static str,
    seats: u64,
}

/// Who is counted, and why: derived from the change log.
#[derive(Serialize, ToSchema)]
pub struct Seats {
    items: Vec<SeatBody>,
    next_cursor: Option<String>,
    /// All that are counted.
    total: u64,
    by_type: Vec<SeatsOfType>,
}

page_of! {
    Contacts of ContactBody = "A page of the contact list.";
    Extensions of ExtensionBody = "A page of extensions.";
    Devices of DeviceBody = "A page of devices.";
    Mailboxes of MailboxBody = "A page of mailboxes.";
    PhoneNumbers of PhoneNumberBody = "A page of phone numbers.";
    Connections of ConnectionBody = "A page of connections.";
}

/// Show the contact list
///
/// Everybody who is not trashed, activated or not, with presence now.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/contacts", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), Listing, AsOf),
    responses((status = 200, body = Contacts)))]
pub async fn contacts(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Contacts>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let query = params.list::<User>();
    let as_of = params.as_of();
    params.finish()?;
    let scope = caller.as_of(scope, as_of).await?;
    let mut query = people_query(&caller, &scope, query).await?;
    query.filter.retain(|t| t.field != "record");
    query.filter.push(Term { field: "record".into(), op: Op::Eq, value: "live".into() });
    let page = caller.run(move |app| app.contacts(&scope, &query)).await?;
    Ok(Contacts::new(page, |contact| {
        let (user, presence) = (&contact.user, contact.presence);
        let body = ContactBody {
            id: user.id.to_string(),
            display_name: user.display_name.to_string(),
            given_name: user.given_name.as_ref().map(ToString::to_string),
            family_name: user.family_name.as_ref().map(ToString::to_string),
            extension: user.extension.as_ref().map(ToString::to_string),
            email: user.email.as_ref().map(ToString::to_string),
            user_type: user.user_type.word(),
            service: user.service.word(),
            title: user.title.as_ref().map(ToString::to_string),
            department: user.department.as_ref().map(ToString::to_string),
            presence: presence.map(|presence| PresenceBody {
                state: presence.state.word(),
                registered: presence.registered,
            }),
        };
        json!(body)
    }))
}

/// List extensions
///
/// In order; so far they reach users only.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/extensions", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), CountedPaging, AsOf),
    responses((status = 200, body = Extensions)))]
pub async fn extensions(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Extensions>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let query = muster_app::Query {
        // Every extension begins with nothing; who has none is left out.
        filter: vec![
            Term { field: "extension".into(), op: Op::Prefix, value: String::new() },
            Term { field: "record".into(), op: Op::Eq, value: "live".into() },
        ],
        sort: Some(Sort { field: "extension".into(), descending: false }),
        cursor: params.text("cursor").filter(|c| !c.is_empty()),
        limit: params.number("limit", 50, 1, 1000) as usize,
        with_total: params.flag("total"),
    };
    let as_of = params.as_of();
    params.finish()?;
    let scope = caller.as_of(scope, as_of).await?;
    let page = caller.run(move |app| app.users(&scope, &query)).await?;
    Ok(Extensions::new(page, |user| {
        let body = ExtensionBody {
            extension: user.extension.as_ref().map(ToString::to_string).unwrap_or_default(),
            connection: user.connection.map(|c| c.to_string()).unwrap_or_default(),
            reaches: "user",
            id: user.id.to_string(),
            display_name: user.display_name.to_string(),
            service: user.service.word(),
        };
        json!(body)
    }))
}

/// List the seats that count
#[utoipa::path(get, path = "/api/v1/organizations/{org}/seats", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), Paging, AsOf),
    responses((status = 200, body = Seats)))]
pub async fn seats(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Seats>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let limit = params.number("limit", 50, 1, 1000) as usize;
    let after = params.cursor(|text| text.parse::<UserId>().ok());
    let as_of = params.as_of();
    params.finish()?;
    let scope = caller.as_of(scope, as_of).await?;
    let page = caller.run(move |app| app.seats(&scope, after, limit)).await?;
    let by_type =
        page.all.by_type.iter().map(|(of, seats)| SeatsOfType { user_type: of.word(), seats: *seats });
    let items: Vec<SeatBody> = page.seats.iter().map(seat).collect();
    let full = items.len() == limit;
    let next_cursor = items.last().filter(|_| full).map(|last| last.user.clone());
    Ok(Json(Seats { items, next_cursor, total: page.all.total, by_type: by_type.collect() }))
}

fn seat(seat: &muster_app::users::Seat) -> SeatBody {
    let user = seat.name.as_ref();
    SeatBody {
        user: seat.user.to_string(),
        display_name: user.map(|u| u.display_name.to_string()),
        username: user.map(|u| u.username.to_string()),
        extension: user.and_then(|u| u.extension.as_ref()).map(ToString::to_string),
        user_type: seat.user_type.word(),
        since: wire::time(seat.since),
        seq: seat.seq,
    }
}

/// A page of one kind of thing, as the address asks for it.
pub(super) async fn page<E: Entity>(caller: &Caller, org: &str, pairs: Pairs) -> Result<Page<E>, Problem> {
    let scope = caller.scope(org).await?;
    let mut params = Params::of(pairs);
    let query = params.list::<E>();
    let as_of = params.as_of();
    params.finish()?;
    let scope = caller.as_of(scope, as_of).await?;
    caller.run(move |app| app.page::<E>(&scope, &query)).await
}

pub(super) fn entity<E: Entity>(entity: &E) -> Value {
    Value::Object(wire::of_entity(entity))
}

/// List devices
#[utoipa::path(get, path = "/api/v1/organizations/{org}/devices", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), Listing, AsOf),
    responses((status = 200, body = Devices)))]
pub async fn devices(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Devices>, Problem> {
    Ok(Devices::new(page::<Device>(&caller, &org, Query(pairs)).await?, entity))
}

/// List mailboxes
#[utoipa::path(get, path = "/api/v1/organizations/{org}/mailboxes", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), Listing, AsOf),
    responses((status = 200, body = Mailboxes)))]
pub async fn mailboxes(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Mailboxes>, Problem> {
    Ok(Mailboxes::new(page::<Mailbox>(&caller, &org, Query(pairs)).await?, entity))
}

/// List phone numbers
#[utoipa::path(get, path = "/api/v1/organizations/{org}/numbers", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), Listing, AsOf),
    responses((status = 200, body = PhoneNumbers)))]
pub async fn numbers(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<PhoneNumbers>, Problem> {
    Ok(PhoneNumbers::new(page::<PhoneNumber>(&caller, &org, Query(pairs)).await?, entity))
}

/// List connections
#[utoipa::path(get, path = "/api/v1/organizations/{org}/connections", tag = "organizations",
    params(("org" = String, Path, description = "Slug or id."), Listing, AsOf),
    responses((status = 200, body = Connections)))]
pub async fn connections(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Connections>, Problem> {
    Ok(Connections::new(page::<Connection>(&caller, &org, Query(pairs)).await?, entity))
}
