//! The description of the API, made from the handlers: OpenAPI 3.1.

use muster_domain::field::{Entity, EntityKind, Key, Privacy};
use muster_domain::for_kind;
use muster_domain::user::User;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, ContactBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr,
};
use utoipa_axum::router::OpenApiRouter;

use crate::problem::{CONTENT, Mistake, ProblemBody};
use crate::state::ApiState;

const ABOUT: &str = "\
Organizations, people and their phones. Sign in with `Authorization: Bearer TOKEN`.

- Lists take `limit`, `cursor`, `filter`, `sort` and `total`, and answer `{items, next_cursor}`.
- A thing's `ETag` is its version; changing one needs `If-Match`.
- A request with an `Idempotency-Key` has one effect, however often it is sent.
- Long work answers 202 with the `Location` of a job.
- Writes answer `Muster-Seq`, the newest change of the organization's log: with `GET …/phones?reached=` \
one can wait until the phones know it.
- Whatever goes wrong is `application/problem+json` and names every field that is not right.
- Times are RFC 3339 in UTC; durations carry their unit in the name.";

/// What may go wrong anywhere: status, name of the component, description.
const PROBLEMS: [(u16, &str, &str); 11] = [
    (400, "Invalid", "Something in the request is not right; `errors` names every field."),
    (401, "NotAuthenticated", "No token, or one that nobody has."),
    (403, "NotPermitted", "The token lacks the permission."),
    (404, "NotFound", "There is no such thing, or it belongs to somebody else."),
    (408, "Timeout", "The body stopped arriving."),
    (
        409,
        "Conflict",
        "It contradicts what is there: taken, in use, changed meanwhile, or the same Idempotency-Key with another request.",
    ),
    (413, "TooLarge", "The body is larger than the limit."),
    (415, "UnsupportedMediaType", "The body's type is not known here."),
    (429, "TooMany", "Too many requests: `Retry-After` says when."),
    (500, "Internal", "Something went wrong inside."),
    (503, "Unavailable", "The database is not available, or too many are waiting: `Retry-After` says when."),
];

/// The router, and its description as JSON.
pub fn described(routes: OpenApiRouter<ApiState>) -> (axum::Router<ApiState>, String) {
    let (router, paths) = OpenApiRouter::with_openapi(base()).merge(routes).split_for_parts();
    let description = complete(paths);
    let json = description.to_pretty_json().unwrap_or_default();
    (router, json)
}

fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Muster")
        .version("1")
        .description(Some(ABOUT))
        .contact(Some(ContactBuilder::new().name(Some("Muster")).build()));
    let tags = [
        ("users", "People: identities, contacts, activation, credentials."),
        ("signing-in", "Invites, credentials, sessions, and what each type of user needs."),
        ("mail", "What leaves by mail, and the server that it leaves by."),
        ("organizations", "Tenants, their sites and connections."),
        ("records", "What people can be depended on by: groups, menus, fax accounts and others, all alike."),
        ("billing", "Subscriptions, licences, orders, invoices, and what there is to have."),
        ("files", "Import and export."),
        ("jobs", "Long work."),
        ("changes", "The change log: what was done, by whom, and taking it back."),
        ("events", "What happens, as it happens."),
        ("roles", "What people and tokens may do: permissions, roles, and who holds them."),
        ("tokens", "What signs in."),
        ("system", "The installation."),
    ];
    let tags = tags.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build());
    let bearer = SecurityScheme::Http(
        HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token: the owner's is in `owner.token`, others are made with it."))
            .build(),
    );
    let mut components = Components::new();
    components.add_security_scheme("bearer", bearer);
    OpenApiBuilder::new()
        .info(info)
        .tags(Some(tags))
        .components(Some(components))
        .security(Some([SecurityRequirement::new("bearer", Vec::<String>::new())]))
        .build()
}

/// Adds to every operation what may go wrong with it.
fn complete(mut api: OpenApi) -> OpenApi {
    for (path, item) in &mut api.paths.paths {
        let has_org = path.contains("{org}") || path.contains("{id}") || path == "/events";
        for (method, operation) in operations(item) {
            let public = operation.security.is_some();
            let writes = method != "get";
            for (status, name, _) in PROBLEMS {
                let possible = match status {
                    401 => !public,
                    403 => !public,
                    404 => has_org,
                    408 | 413 | 415 => operation.request_body.is_some(),
                    409 => writes,
                    400 => !public,
                    429 => !public,
                    _ => true,
                };
                let key = status.to_string();
                if possible && !operation.responses.responses.contains_key(&key) {
                    let reference = RefOr::Ref(Ref::from_response_name(name));
                    operation.responses.responses.insert(key, reference);
                }
            }
            name_answers(operation);
            say_what_is_asked(path, method, operation);
            leave_out_null(operation);
            name_fields(path, operation);
            sign_operation(path, method, operation);
        }
    }
    let components = api.components.get_or_insert_default();
    components.schemas.insert("Problem".into(), <ProblemBody as utoipa::PartialSchema>::schema());
    components.schemas.insert("Mistake".into(), <Mistake as utoipa::PartialSchema>::schema());
    for (_, name, description) in PROBLEMS {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new().description(description).content(CONTENT, content).build();
        components.responses.insert(name.into(), response.into());
    }
    api
}

/// The permission that it asks, after what is said of it.
fn say_what_is_asked(path: &str, method: &str, operation: &mut Operation) {
    let Some(said) = crate::asked::asked(&method.to_uppercase(), path).and_then(crate::asked::Asked::said)
    else {
        return;
    };
    let about = operation.description.take().filter(|about| !about.is_empty());
    operation.description = Some(about.map_or(said.clone(), |about| format!("{about}\n\n{said}")));
}

/// Every answer has a description; most need none of their own.
fn name_answers(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if response.description.is_empty() {
            response.description = match status.as_str() {
                "201" => "It was made.".into(),
                "202" => "It was taken on; the job says how far it is.".into(),
                _ => "It was done.".into(),
            };
        }
    }
}

/// A parameter that may be left out is not null in an address.
fn leave_out_null(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        let Some(RefOr::T(Schema::Object(object))) = &mut parameter.schema else { continue };
        if let SchemaType::Array(types) = &object.schema_type
            && let Some(only) = types.iter().find(|t| **t != Type::Null)
        {
            object.schema_type = SchemaType::new(only.clone());
        }
    }
}

/// What lists can be sorted and filtered by, from the tables of fields.
fn name_fields(path: &str, operation: &mut Operation) {
    let (sorted, filtered) = match path.rsplit('/').next().unwrap_or_default() {
        "contacts" => fields_of::<User>(),
        other => match EntityKind::ALL.iter().find(|kind| kind.plural().replace('_', "-") == other) {
            Some(kind) => for_kind!(*kind, E => fields_of::<E>()),
            None => return,
        },
    };
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        match parameter.name.as_str() {
            "sort" => {
                let both = sorted.iter().flat_map(|name| [name.to_string(), format!("-{name}")]);
                let words = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(both));
                parameter.schema = Some(words.build().into());
            }
            "filter" => {
                let fields = filtered.join(", ");
                parameter.description = Some(format!("{} Fields: {fields}.", crate::filter::HELP));
            }
            _ => {}
        }
    }
}

/// Fields to sort by, and fields to filter by.
fn fields_of<E: Entity>() -> (Vec<&'static str>, Vec<std::borrow::Cow<'static, str>>) {
    let shown = E::fields().iter().filter(|f| f.meta.privacy != Privacy::Secret);
    (shown.filter(|f| f.meta.key != Key::None).map(|f| f.name).collect(), muster_domain::filter::names::<E>())
}

/// The handlers' names repeat between modules; an operation's id does not.
fn sign_operation(path: &str, method: &str, operation: &mut Operation) {
    let path = path.trim_start_matches("/api/v1/");
    let path = path.strip_prefix("organizations/{org}/").unwrap_or(path);
    let parts = path.split(['/', '.', '-']).filter(|part| !part.is_empty());
    let words: Vec<&str> = parts.map(|part| part.trim_matches(['{', '}'])).collect();
    let words = words.join("_");
    operation.operation_id = Some(format!("{method}_{words}"));
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("post", &mut item.post),
        ("patch", &mut item.patch),
        ("put", &mut item.put),
        ("delete", &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}
