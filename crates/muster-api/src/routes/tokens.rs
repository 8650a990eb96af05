//! Bearer tokens: made, listed, taken back.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use muster_app::organizations::NewToken;
use muster_app::{Op, Term};
use muster_domain::ids::TokenId;
use muster_domain::organization::Token;
use muster_domain::roles::READER;
use muster_domain::types::Text;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use uuid::Uuid;

use super::lists::entity;
use super::with_seq;
use crate::body::Incoming;
use crate::caller::Caller;
use crate::parameters::{AsOf, Once};
use crate::params::{Pairs, Params};
use crate::problem::Problem;
use crate::wire::{self, described, page_of};

described! {
    TokenBody = wire::schema::<Token>("A bearer token; its text is kept by nobody but its holder.");
    MadeTokenBody = made_schema();
}

page_of! {
    Tokens of TokenBody = "A page of tokens.";
}

fn made_schema() -> ObjectBuilder {
    let text = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .description(Some("What to send as `Authorization: Bearer`. Shown this once; null if the request was a repeated one."));
    wire::schema::<Token>("A token that was just made.").property("token", text).required("token")
}

/// A new token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = NewToken)]
pub struct NewTokenBody {
    /// What it is for.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*\\S[^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    name: String,
    /// A role: built in, such as `administrator` or `reader` [default], or one of the organization's own; several
    /// with commas between. With `@` and a site, for that site's people only.
    #[schema(min_length = 1, max_length = 255)]
    role: Option<String>,
    /// When it stops working; never without it.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// List tokens
#[utoipa::path(get, path = "/api/v1/organizations/{org}/tokens", tag = "tokens",
    params(("org" = String, Path, description = "Slug or id."),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "How many at most [50]."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before, with the same filter and sort."),
        ("filter" = Option<String>, Query),
        ("total" = Option<bool>, Query, description = "Count all that the filter finds."), AsOf),
    responses((status = 200, body = Tokens)))]
pub async fn list(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Tokens>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let mut query = params.list::<Token>();
    let as_of = params.as_of();
    params.finish()?;
    let scope = caller.as_of(scope, as_of).await?;
    query.filter.push(Term { field: "record".into(), op: Op::Eq, value: "live".into() });
    let page = caller.run(move |app| app.page::<Token>(&scope, &query)).await?;
    Ok(Tokens::new(page, entity))
}

/// Make a token
///
/// Nobody grants more than they hold.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/tokens", tag = "tokens",
    params(("org" = String, Path, description = "Slug or id."), Once),
    request_body = NewTokenBody,
    responses((status = 201, body = MadeTokenBody, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn create(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let name = object.required("name");
    let role = object.optional::<Text>("role").map_or_else(|| READER.to_string(), |role| role.to_string());
    let expires_at = object.optional("expires_at");
    object.finish()?;
    let Some(name) = name else { return Err(Problem::internal(&"fields")) };
    let new = NewToken { name, role, expires_at };
    let scope = incoming.once(scope, &bytes)?;
    let made = caller.run(move |app| Ok((app.create_token(&scope, &new)?, app.head_seq(&scope)?)));
    let (made, seq) = made.await?;
    let mut body = entity(&made.token);
    if let Value::Object(fields) = &mut body {
        fields.insert("token".into(), json!(made.bearer));
    }
    Ok(with_seq(seq, (StatusCode::CREATED, Json(body))))
}

/// Take a token back
///
/// It is refused from here on.
#[utoipa::path(delete, path = "/api/v1/organizations/{org}/tokens/{token}", tag = "tokens",
    params(("org" = String, Path, description = "Slug or id."), ("token" = Uuid, Path, description = "The token's id.")),
    responses((status = 204, description = "Taken back.", headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn revoke(
    caller: Caller,
    Path((org, token)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let id = Uuid::parse_str(&token).map(TokenId).map_err(|_| Problem::not_found("token"))?;
    let scope = incoming.once(scope, b"")?;
    let seq = caller.run(move |app| {
        app.revoke_token(&scope, id)?;
        app.head_seq(&scope)
    });
    Ok(with_seq(seq.await?, StatusCode::NO_CONTENT))
}
