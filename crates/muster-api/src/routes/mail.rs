//! The spool of an organization, and the operator's mail server.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use muster_app::mail::{Mail, MailState, MailStatus, NewMailServer};
use muster_app::signing::Language;
use muster_domain::field::Entity;
use muster_domain::ids::{MailId, OrgId};
use muster_domain::signing::MailServer;
use muster_domain::types::Email;
use muster_domain::value::{Reason, Value};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::lists::entity;
use super::written;
use crate::body::{Incoming, Object};
use crate::caller::Caller;
use crate::parameters::Once;
use crate::params::{Pairs, Params};
use crate::problem::{Mistake, Problem};
use crate::wire::{self, Writing, described};

described! {
    MailServerBody = wire::schema::<MailServer>("The server that mail leaves by.");
    MailServerChangeBody = change_schema();
}

fn change_schema() -> ObjectBuilder {
    let password = ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .description(Some("What to sign in to the server with; an empty one takes it away. Never answered."))
        .max_length(Some(255))
        .write_only(true);
    wire::write_schema::<MailServer>(
        "The server that mail leaves by: what is left out stays.",
        Writing::Change,
    )
    .property("password", password)
}

/// How many mails are in which state.
#[derive(Serialize, ToSchema)]
pub struct MailCountsBody {
    waiting: u64,
    sent: u64,
    /// The server does not want them, or was away for five days.
    given_up: u64,
    /// What they were about is over.
    dropped: u64,
}

/// A mail, without what it says.
#[derive(Serialize, ToSchema)]
pub struct MailBody {
    #[schema(format = Uuid)]
    id: String,
    /// `invite` or `email_changed`.
    kind: String,
    recipient: String,
    #[schema(format = Uuid)]
    user: Option<String>,
    #[schema(format = Uuid)]
    invite: Option<String>,
    /// `waiting`, `sent`, `given_up` or `dropped`.
    state: &'static str,
    #[schema(format = DateTime)]
    created_at: String,
    attempts: u64,
    #[schema(format = DateTime)]
    last_attempt_at: Option<String>,
    /// Of one that waits.
    #[schema(format = DateTime)]
    next_attempt_at: Option<String>,
    #[schema(format = DateTime)]
    sent_at: Option<String>,
    /// What was wrong at the last try, or why it was given up.
    problem: Option<String>,
}

/// The spool of an organization.
#[derive(Serialize, ToSchema)]
pub struct Mails {
    items: Vec<MailBody>,
    /// What to send as `cursor` for the next page; null at the end.
    next_cursor: Option<String>,
    /// Whether mail leaves.
    leaves: bool,
    /// Why nothing leaves.
    problem: Option<String>,
    counts: MailCountsBody,
}

/// A mail with what it says.
#[derive(Serialize, ToSchema)]
pub struct WholeMail {
    mail: MailBody,
    /// Null once it has left.
    subject: Option<String>,
    text: Option<String>,
    html: Option<String>,
}

/// Whether mail leaves this installation.
#[derive(Serialize, ToSchema)]
#[schema(as = MailStatus)]
pub struct MailStatusBody {
    /// Null where there is none.
    #[schema(value_type = Option<MailServerBody>)]
    server: Option<serde_json::Value>,
    leaves: bool,
    /// Why nothing leaves.
    problem: Option<String>,
    counts: MailCountsBody,
}

/// Where a mail is sent as a trial.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = TestMail)]
pub struct TestBody {
    #[schema(format = Email)]
    to: String,
    /// `en` [default] or `de`.
    language: Option<String>,
}

/// What came of the trial.
#[derive(Serialize, ToSchema)]
pub struct TestedMail {
    sent: bool,
    /// What the server, or the way to it, said.
    problem: Option<String>,
}

/// List mail
///
/// Newest first: what waits to leave, has left, or was given up.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/mail", tag = "mail",
    params(("org" = String, Path, description = "Slug or id."),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "How many at most [50]."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
        ("state" = Option<String>, Query, description = "Only those that are `waiting`, `sent`, `given_up` or `dropped`.")),
    responses((status = 200, body = Mails)))]
pub async fn list(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Mails>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let limit = params.number("limit", 50, 1, 1000) as usize;
    let before = params.cursor(|text| Uuid::parse_str(text).ok().map(MailId));
    let state = params.parsed("state", |text| {
        let wrong = || Mistake::new("state", "is not a state", "write waiting, sent, given_up or dropped");
        MailState::from_word(text).ok_or_else(wrong)
    });
    params.finish()?;
    let (mut mails, status) = caller
        .run(move |app| Ok((app.mails(&scope, before, state, limit + 1)?, app.mail_status(&scope)?)))
        .await?;
    let more = mails.len() > limit;
    mails.truncate(limit);
    let next_cursor = mails.last().filter(|_| more).map(|mail| mail.id.to_string());
    let counts = counts(&status);
    let items = mails.iter().map(body).collect();
    Ok(Json(Mails { items, next_cursor, leaves: status.leaves, problem: status.problem, counts }))
}

fn counts(status: &MailStatus) -> MailCountsBody {
    let counts = status.counts;
    MailCountsBody {
        waiting: counts.waiting,
        sent: counts.sent,
        given_up: counts.given_up,
        dropped: counts.dropped,
    }
}

fn body(mail: &Mail) -> MailBody {
    let waits = mail.state == MailState::Waiting;
    MailBody {
        id: mail.id.to_string(),
        kind: mail.kind.clone(),
        recipient: mail.recipient.clone(),
        user: mail.user.map(|id| id.to_string()),
        invite: mail.invite.map(|id| id.to_string()),
        state: mail.state.word(),
        created_at: wire::time(mail.created_at),
        attempts: mail.attempts,
        last_attempt_at: mail.last_attempt_at.map(wire::time),
        next_attempt_at: waits.then(|| wire::time(mail.next_at)),
        sent_at: mail.sent_at.map(wire::time),
        problem: mail.problem.clone(),
    }
}

/// Read a mail
///
/// What it says may hold a link that signs in: whoever may reset credentials reads it, until it has left.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/mail/{mail}", tag = "mail",
    params(("org" = String, Path, description = "Slug or id."), ("mail" = Uuid, Path, description = "The mail's id.")),
    responses((status = 200, body = WholeMail)))]
pub async fn read(
    caller: Caller,
    Path((org, mail)): Path<(String, String)>,
) -> Result<Json<WholeMail>, Problem> {
    let scope = caller.scope(&org).await?;
    let id = mail_id(&mail)?;
    let found = caller.run(move |app| app.read_mail(&scope, id)).await?;
    let (subject, text, html) = match found.content {
        Some(content) => (Some(content.subject), Some(content.text), Some(content.html)),
        None => (None, None, None),
    };
    Ok(Json(WholeMail { mail: body(&found.mail), subject, text, html }))
}

/// Try a mail again
///
/// One that waits is tried now; one that was given up begins anew.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/mail/{mail}/retry", tag = "mail",
    params(("org" = String, Path, description = "Slug or id."), ("mail" = Uuid, Path, description = "The mail's id.")),
    responses((status = 200, body = MailBody)))]
pub async fn retry(
    caller: Caller,
    Path((org, mail)): Path<(String, String)>,
) -> Result<Json<MailBody>, Problem> {
    let scope = caller.scope(&org).await?;
    let id = mail_id(&mail)?;
    let mail = caller.run(move |app| app.retry_mail(&scope, id)).await?;
    Ok(Json(body(&mail)))
}

fn mail_id(text: &str) -> Result<MailId, Problem> {
    Uuid::parse_str(text).map(MailId).map_err(|_| Problem::not_found("mail"))
}

/// Show the mail server, and whether mail leaves
#[utoipa::path(get, path = "/api/v1/mail-server", tag = "mail", responses((status = 200, body = MailStatusBody)))]
pub async fn status(caller: Caller) -> Result<Json<MailStatusBody>, Problem> {
    let operator = caller.operator_scope().await?;
    let (server, status) = caller
        .run(move |app| Ok((app.mail_server(&operator)?, app.installation_mail_status(&operator)?)))
        .await?;
    Ok(Json(status_body(server.as_ref(), status)))
}

fn status_body(server: Option<&MailServer>, status: MailStatus) -> MailStatusBody {
    let counts = counts(&status);
    MailStatusBody { server: server.map(entity), leaves: status.leaves, problem: status.problem, counts }
}

/// Set the mail server
///
/// One for the installation. What is left out stays as it is.
#[utoipa::path(patch, path = "/api/v1/mail-server", tag = "mail", params(Once),
    request_body = MailServerChangeBody,
    responses((status = 200, body = MailStatusBody, headers(("Muster-Seq" = u64, description = "The newest change of the operator's log.")))))]
pub async fn set(caller: Caller, mut incoming: Incoming) -> Result<Response, Problem> {
    let operator = caller.operator_scope().await?;
    let (mut object, bytes) = incoming.object().await?;
    let new = new_server(&mut object);
    object.finish()?;
    let operator = incoming.once(operator, &bytes)?;
    let (done, server, status) = caller
        .run(move |app| {
            let done = app.set_mail_server(&operator, &new)?;
            Ok((done, app.mail_server(&operator)?, app.installation_mail_status(&operator)?))
        })
        .await?;
    Ok(written(&done, Json(status_body(server.as_ref(), status)).into_response()))
}

fn new_server(object: &mut Object) -> NewMailServer {
    let mut scratch = MailServer::blank(OrgId(Uuid::nil()), Uuid::nil());
    let mut values: Vec<(&'static str, Value)> = Vec::new();
    for field in MailServer::fields().iter().filter(|field| field.name != "password") {
        let Some(json) = object.take(field.name) else { continue };
        let parsed = wire::value_of(field.kind, field.parse, &json);
        match parsed.and_then(|value| (field.set)(&mut scratch, &value).map(|()| value)) {
            Ok(value) => values.push((field.name, value)),
            Err(reason) => object.wrong(field.name, reason),
        }
    }
    let password = object.text("password").map(Zeroizing::new);
    NewMailServer { values, password }
}

/// Take the mail server away
///
/// Mail waits from here on.
#[utoipa::path(delete, path = "/api/v1/mail-server", tag = "mail",
    responses((status = 204, description = "Taken away.", headers(("Muster-Seq" = u64, description = "The newest change of the operator's log.")))))]
pub async fn remove(caller: Caller) -> Result<Response, Problem> {
    let operator = caller.operator_scope().await?;
    let done = caller.run(move |app| app.remove_mail_server(&operator)).await?;
    Ok(written(&done, StatusCode::NO_CONTENT))
}

/// Try the mail server
///
/// Hands a mail over at once and says what came of it; nothing is put into the spool.
#[utoipa::path(post, path = "/api/v1/mail-server/test", tag = "mail",
    request_body = TestBody, responses((status = 200, body = TestedMail)))]
pub async fn test(caller: Caller, mut incoming: Incoming) -> Result<Json<TestedMail>, Problem> {
    let operator = caller.operator_scope().await?;
    let (mut object, _) = incoming.object().await?;
    let to = object.required::<Email>("to");
    let language = object.text("language");
    let known = language.as_deref().map(Language::of);
    if known == Some(None) {
        object.wrong("language", Reason::new("is not one that mail is written in", "write en or de"));
    }
    object.finish()?;
    let Some(to) = to else { return Err(Problem::internal(&"fields")) };
    let language = known.flatten().unwrap_or_default();
    let tried = caller.run(move |app| app.try_mail(&operator, &to, language)).await?;
    Ok(Json(TestedMail { sent: tried.sent, problem: tried.problem }))
}
