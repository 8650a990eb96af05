//! Records whose endpoints are alike: listed, made, shown, changed, removed, all from their table of fields.
//!
//! A kind has its endpoints by one line in [`all`]. A field that names a person takes an extension, a username
//! or an email as well as an id.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::http::header::{ETAG, LOCATION};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use muster_app::{App, AppError, Page, Scope, Stored};
use muster_domain::field::{Entity, EntityKind, FieldDef, Privacy};
use muster_domain::handling::{FaxAccount, Group, Menu, OnCallSchedule, SmsSender};
use muster_domain::ids::OrgId;
use muster_domain::locations::{EmergencyLocation, ShippingAddress};
use muster_domain::organization::{Connection, PhoneNumber, Site};
use muster_domain::ports::PortOrder;
use muster_domain::stock::UnassignedExtension;
use muster_domain::tags::TagDefinition;
use muster_domain::value::{Reason, Value};
use serde_json::{Value as Json_, json};
use utoipa::IntoParams;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{Array, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Paths, Ref, RefOr, Required, Response as Described, Schema};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use super::lists::{entity, page};
use super::users::matching;
use super::{with_header, written};
use crate::body::{Incoming, Object};
use crate::caller::Caller;
use crate::parameters::{AsOf, Listing, Once};
use crate::params::{Pairs, Params};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire::{self, Writing};

/// What the description says of a kind.
pub(super) struct Words {
    /// The name of its schema: `Group`.
    pub schema: &'static str,
    /// `a ring group or queue`.
    pub one: &'static str,
    /// `ring groups and queues`.
    pub many: &'static str,
    /// Whether it is the operator's: then its address names no organization.
    pub operators: bool,
}

pub fn all(router: OpenApiRouter<ApiState>) -> OpenApiRouter<ApiState> {
    let words = |schema, one, many| Words { schema, one, many, operators: false };
    let router = of::<Group>(router, &words("Group", "a group", "groups"));
    let router = of::<Menu>(router, &words("Menu", "a menu", "menus"));
    let router = of::<FaxAccount>(router, &words("FaxAccount", "a fax account", "fax accounts"));
    let router = of::<SmsSender>(router, &words("SmsSender", "an SMS sender", "SMS senders"));
    let router =
        of::<OnCallSchedule>(router, &words("OnCallSchedule", "an on-call schedule", "on-call schedules"));
    let location = words("EmergencyLocation", "an emergency location", "emergency locations");
    let router = of::<EmergencyLocation>(router, &location);
    let router =
        of::<ShippingAddress>(router, &words("ShippingAddress", "a shipping address", "shipping addresses"));
    let router = of::<TagDefinition>(router, &words("Tag", "a tag", "tags"));
    let seat = words("UnassignedExtension", "an unassigned extension", "unassigned extensions");
    let router = of::<UnassignedExtension>(router, &seat);
    // What has been handed in is cancelled, not removed.
    let router = kept::<PortOrder>(router, &words("PortOrder", "a port order", "port orders"));
    // Made and listed by endpoints of their own. A connection is not removed: there is no other yet that its
    // people could go to.
    let site = words("Site", "a site", "sites");
    let router = one_of::<Site>(router, &site, vec![change_schema::<Site>(&site)], true);
    let connection = words("Connection", "a connection", "connections");
    let router =
        one_of::<Connection>(router, &connection, vec![change_schema::<Connection>(&connection)], false);
    // Numbers come with people and from files.
    let number = words("PhoneNumber", "a phone number", "phone numbers");
    one_of::<PhoneNumber>(router, &number, vec![change_schema::<PhoneNumber>(&number)], false)
}

fn of<E: Stored>(router: OpenApiRouter<ApiState>, words: &Words) -> OpenApiRouter<ApiState> {
    one_of::<E>(many_of::<E>(router, words), words, Vec::new(), true)
}

/// As [`of`], of what is not removed.
fn kept<E: Stored>(router: OpenApiRouter<ApiState>, words: &Words) -> OpenApiRouter<ApiState> {
    one_of::<E>(many_of::<E>(router, words), words, Vec::new(), false)
}

fn many_of<E: Stored>(router: OpenApiRouter<ApiState>, words: &Words) -> OpenApiRouter<ApiState> {
    let (many, _) = addresses::<E>();
    let schemas = schemas::<E>(words);
    let mut paths = Paths::new();
    paths.add_path_operation(&many, vec![HttpMethod::Get], list_operation(words));
    paths.add_path_operation(&many, vec![HttpMethod::Post], create_operation(words));
    let methods: MethodRouter<ApiState> = get(list::<E>).post(create::<E>);
    router.routes((schemas, paths, methods))
}

/// One of a kind: shown, changed, removed.
fn one_of<E: Stored>(
    router: OpenApiRouter<ApiState>,
    words: &Words,
    schemas: Vec<(String, RefOr<Schema>)>,
    removable: bool,
) -> OpenApiRouter<ApiState> {
    let (_, one) = addresses::<E>();
    let mut paths = Paths::new();
    for (method, operation) in one_operations(words) {
        if removable || !matches!(method, HttpMethod::Delete) {
            paths.add_path_operation(&one, vec![method], operation);
        }
    }
    let methods: MethodRouter<ApiState> = get(show::<E>).patch(change::<E>);
    let methods = if removable { methods.delete(remove::<E>) } else { methods };
    router.routes((schemas, paths, methods))
}

/// Where a kind is: all of them, and one.
fn addresses<E: Entity>() -> (String, String) {
    let many = format!("/api/v1/organizations/{{org}}/{}", E::KIND.plural().replace('_', "-"));
    let one = format!("{many}/{{id}}");
    (many, one)
}

async fn list<E: Stored>(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Json_>, Problem> {
    let Page { items, next, total, as_of } = page::<E>(&caller, &org, Query(pairs)).await?;
    let mut body = json!({ "items": items.iter().map(entity).collect::<Vec<_>>(), "next_cursor": next });
    if let Some(total) = total {
        body["total"] = total.into();
    }
    if let Some(as_of) = as_of {
        body["as_of"] = json!(wire::AsOfBody::of(as_of));
    }
    Ok(Json(body))
}

async fn create<E: Stored>(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (object, bytes) = incoming.object().await?;
    let values = values::<E>(&caller, &scope, object).await?;
    let scope = incoming.once(scope, &bytes)?;
    let made = caller.run(move |app| {
        let done = app.create_record::<E>(&scope, &values)?;
        Ok((done, app.record::<E>(&scope, done.id)?))
    });
    let (done, record) = made.await?;
    let at = format!("/api/v1/organizations/{org}/{}/{}", E::KIND.plural().replace('_', "-"), record.id());
    let response = (StatusCode::CREATED, Json(entity(&record))).into_response();
    Ok(written(&done, with_version(&record, with_header(LOCATION, &at, response))))
}

async fn show<E: Stored>(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
    Query(pairs): Pairs,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let id = id_of::<E>(&id)?;
    let mut params = Params::of(Query(pairs));
    let as_of = params.as_of();
    params.finish()?;
    let scope = caller.as_of(scope, as_of).await?;
    let record = caller.run(move |app| app.record::<E>(&scope, id)).await?;
    Ok(with_version(&record, Json(entity(&record)).into_response()))
}

async fn change<E: Stored>(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
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
    Path((org, id)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let id = id_of::<E>(&id)?;
    let scope = incoming.once(scope, b"")?;
    let done = caller.run(move |app| app.remove_record::<E>(&scope, id)).await?;
    Ok(written(&done, StatusCode::NO_CONTENT))
}

pub(super) fn with_version<E: Entity>(record: &E, response: Response) -> Response {
    with_header(ETAG, &format!("\"{}\"", record.version()), response)
}

/// An id in an address. One that is not an id names nothing.
pub(super) fn id_of<E: Entity>(text: &str) -> Result<Uuid, Problem> {
    Uuid::parse_str(text).map_err(|_| Problem::not_found(E::KIND.word()))
}

/// The fields that a request names; whoever carries it out refuses those that may not be written.
pub(super) async fn values<E: Stored>(
    caller: &Caller,
    scope: &Scope,
    object: Object,
) -> Result<Vec<(&'static str, Value)>, Problem> {
    let of = scope.clone();
    // Names are looked up, which may wait for the database.
    caller.run(move |app| Ok(read_values::<E>(app, &of, object))).await?
}

pub(super) fn read_values<E: Stored>(
    app: &App,
    scope: &Scope,
    mut object: Object,
) -> Result<Vec<(&'static str, Value)>, Problem> {
    let mut scratch = E::blank(OrgId(Uuid::nil()), Uuid::nil());
    let mut values = Vec::new();
    for field in E::fields().iter().filter(|f| f.meta.privacy != Privacy::Secret) {
        let Some(mut json) = object.take(field.name) else { continue };
        if let Err(reason) = name_ids(app, scope, field, &mut json)? {
            object.wrong(field.name, reason);
            continue;
        }
        let parsed = wire::value_of(field.kind, field.parse, &json);
        match parsed.and_then(|value| (field.set)(&mut scratch, &value).map(|()| (field.get)(&scratch))) {
            Ok(value) => values.push((field.name, value)),
            Err(reason) => object.wrong(field.name, reason),
        }
    }
    object.finish()?;
    Ok(values)
}

/// Puts ids where a field that names people, sites or connections has been given names.
fn name_ids<E: Entity>(
    app: &App,
    scope: &Scope,
    field: &FieldDef<E>,
    json: &mut Json_,
) -> Result<Result<(), Reason>, Problem> {
    let Some(refers) = field.meta.refers else { return Ok(Ok(())) };
    let texts: Vec<&mut String> = match json {
        Json_::String(text) => vec![text],
        Json_::Array(items) => items
            .iter_mut()
            .filter_map(|item| match item {
                Json_::String(text) => Some(text),
                _ => None,
            })
            .collect(),
        _ => return Ok(Ok(())),
    };
    for text in texts {
        // `1=user:1001`: what is named stands after the last colon.
        let (before, name) =
            text.rsplit_once(':').map_or(("", text.as_str()), |(before, name)| (before, name));
        let kind = before.rsplit_once('=').map_or(before, |(_, kind)| kind);
        let kind =
            EntityKind::from_word(kind).or(refers.to.first().copied().filter(|_| refers.to.len() == 1));
        if Uuid::parse_str(name.trim()).is_ok() {
            continue;
        }
        let found = kind.map(|kind| app.id_of_name(scope, kind, name));
        match found {
            Some(Ok(id)) => {
                *text = if before.is_empty() { id.to_string() } else { format!("{before}:{id}") };
            }
            Some(Err(AppError::NotFound(what))) => {
                let shown: String = name.chars().take(60).collect();
                return Ok(Err(Reason::new(
                    format!("names `{shown}`, and there is no such {what}"),
                    "give a name that is there, or an id",
                )));
            }
            Some(Err(other)) => return Err(other.into()),
            // The field itself says what its entries look like.
            None => {}
        }
    }
    Ok(Ok(()))
}

pub(super) fn schemas<E: Entity>(words: &Words) -> Vec<(String, RefOr<Schema>)> {
    let about = format!("{}.", capital(words.one));
    let new = wire::write_schema::<E>(
        &format!("{}, new. What is left out gets its default.", capital(words.one)),
        Writing::New,
    );
    let required =
        E::fields().iter().filter(|f| f.meta.required).fold(new, |schema, field| schema.required(field.name));
    let text_or_null = SchemaType::from_iter([Type::String, Type::Null]);
    let page = ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::Object))
        .description(Some(format!("A page of {}.", words.many)))
        .property("items", Array::new(Ref::from_schema_name(words.schema)))
        .required("items")
        .property(
            "next_cursor",
            ObjectBuilder::new()
                .schema_type(text_or_null)
                .description(Some("What to send as `cursor` for the next page; null at the end.")),
        )
        .required("next_cursor")
        .property(
            "total",
            ObjectBuilder::new()
                .schema_type(SchemaType::new(Type::Integer))
                .description(Some("How many there are in all, if `total=true` was asked for.")),
        )
        .property("as_of", Ref::from_schema_name("AsOf"));
    vec![
        (words.schema.to_string(), wire::schema::<E>(&about).build().into()),
        (format!("New{}", words.schema), required.build().into()),
        change_schema::<E>(words),
        (format!("{}Page", words.schema), page.build().into()),
    ]
}

fn change_schema<E: Entity>(words: &Words) -> (String, RefOr<Schema>) {
    let about = "Fields to change; null empties one, what is left out stays.";
    (format!("{}Change", words.schema), wire::write_schema::<E>(about, Writing::Change).build().into())
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or(String::new(), |first| first.to_uppercase().collect::<String>() + characters.as_str())
}

fn operation(words: &Words, verb: &str, summary: String) -> OperationBuilder {
    OperationBuilder::new()
        .operation_id(Some(format!("{verb}_{}", words.schema)))
        .tag(if words.operators { "billing" } else { "records" })
        .summary(Some(summary))
        .parameters((!words.operators).then(|| [path_parameter("org", "Slug or id.")]))
}

fn path_parameter(name: &str, about: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(about))
        .schema(Some(ObjectBuilder::new().schema_type(SchemaType::new(Type::String))))
        .build()
}

fn answer(schema: String, about: &str) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
    ResponseBuilder::new().description(about).content("application/json", content)
}

fn header(about: &str) -> utoipa::openapi::header::Header {
    let text = ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
    HeaderBuilder::new().schema(Some(text)).description(Some(about)).build()
}

fn written_answer(words: &Words, about: &str) -> ResponseBuilder {
    answer(words.schema.to_string(), about)
        .header("ETag", header("The version."))
        .header("Muster-Seq", header("The newest change of the log."))
}

fn body(schema: String) -> utoipa::openapi::request_body::RequestBody {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
    RequestBodyBuilder::new().required(Some(Required::True)).content("application/json", content).build()
}

fn with_parameters(mut operation: OperationBuilder, more: Vec<Parameter>) -> OperationBuilder {
    for parameter in more {
        operation = operation.parameter(parameter);
    }
    operation
}

pub(super) fn list_operation(words: &Words) -> Operation {
    let operation = operation(words, "list", format!("List {}", words.many));
    let listing = Listing::into_params(|| None).into_iter().chain(AsOf::into_params(|| None));
    let operation = with_parameters(operation, listing.collect());
    operation.response("200", answer(format!("{}Page", words.schema), "A page.").build()).build()
}

pub(super) fn create_operation(words: &Words) -> Operation {
    let operation = operation(words, "create", format!("Make {}", words.one));
    let made = written_answer(words, "It was made.").header("Location", header("Where it is."));
    with_parameters(operation, Once::into_params(|| None))
        .request_body(Some(body(format!("New{}", words.schema))))
        .response("201", made.build())
        .build()
}

pub(super) fn one_operations(words: &Words) -> Vec<(HttpMethod, Operation)> {
    let of = |verb: &str, summary: String| {
        operation(words, verb, summary).parameter(path_parameter("id", "The id."))
    };
    let show = with_parameters(of("show", format!("Show {}", words.one)), AsOf::into_params(|| None));
    let shown = answer(words.schema.to_string(), "As it is.").header("ETag", header("The version."));
    let if_match = ParameterBuilder::new()
        .name("If-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some("The ETag that was read, such as `\"3\"`."))
        .schema(Some(ObjectBuilder::new().schema_type(SchemaType::new(Type::String))))
        .build();
    let change = with_parameters(
        of("change", format!("Change {}", words.one)).parameter(if_match),
        Once::into_params(|| None),
    )
    .request_body(Some(body(format!("{}Change", words.schema))))
    .response("200", written_answer(words, "It was changed.").build())
    .response("412", problem("It was changed meanwhile."))
    .response("428", problem("If-Match is missing."));
    let gone = ResponseBuilder::new()
        .description("Removed.")
        .header("Muster-Seq", header("The newest change of the log."));
    let remove = with_parameters(of("remove", format!("Remove {}", words.one)), Once::into_params(|| None))
        .description(Some("Refused while something names it."))
        .response("204", gone.build());
    vec![
        (
            HttpMethod::Get,
            show.response("200", shown.build())
                .response("410", problem("What it was then has been erased."))
                .build(),
        ),
        (HttpMethod::Patch, change.build()),
        (HttpMethod::Delete, remove.build()),
    ]
}

fn problem(about: &str) -> Described {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(about).content(crate::problem::CONTENT, content).build()
}
