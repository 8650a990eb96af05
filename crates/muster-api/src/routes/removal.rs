//! Removing people: what depends on them, what becomes of it, and the trash.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use muster_app::leaving::{self, ChoiceOf, Choices, RemovalEffect, RemovalItem, RemovalReview, UserIdText};
use muster_app::{AppError, Scope};
use muster_domain::leaving::Choice;
use muster_domain::types::FieldValue;
use muster_domain::user::User;
use muster_domain::value::Reason;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::commands::{resolve, users};
use super::jobs::{JobBody, job_json};
use super::{user_id, with_header, written};
use crate::body::{Incoming, Object};
use crate::caller::Caller;
use crate::parameters::Once;
use crate::problem::Problem;

/// At most this many choices in one request.
const CHOICES_MAX: usize = 10_000;

/// What is to become of some of what depends on them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = RemovalChoice)]
pub struct ChoiceBody {
    /// All of a kind, such as `mailboxes` or `forwards`, or one thing as the review calls it, `group:ID`.
    of: String,
    /// `hand_to`, `keep` or `release`, as far as the review offers it.
    #[schema(pattern = "^(hand_to|keep|release)$")]
    choice: String,
    /// To whom it is handed, if not to the one who takes over the rest: a username, an extension, an email or an
    /// id.
    to: Option<String>,
}

/// How somebody is removed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = Removal)]
pub struct RemovalBody {
    /// The `plan` of the review: it is carried out if what depends on them is still that.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    plan: String,
    /// Who takes over all that can be handed over and that no choice is about.
    hand_to: Option<String>,
    #[schema(max_items = 10000)]
    choices: Option<Vec<ChoiceBody>>,
}

/// How many people are removed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = Removals)]
pub struct RemovalsBody {
    /// Usernames, extensions, emails or ids.
    #[schema(min_items = 1, max_items = 1000)]
    users: Vec<String>,
    /// Only say what depends on them [false].
    review: Option<bool>,
    /// The `plan` of the review.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    plan: Option<String>,
    /// Who takes over all that can be handed over and that no choice is about.
    hand_to: Option<String>,
    #[schema(max_items = 10000)]
    choices: Option<Vec<ChoiceBody>>,
}

/// Somebody who would go.
#[derive(Serialize, ToSchema)]
pub struct RemovalPerson {
    #[schema(format = Uuid)]
    id: String,
    display_name: String,
    username: String,
    extension: Option<String>,
}

/// One thing that depends on somebody who would go.
#[derive(Serialize, ToSchema)]
#[schema(as = RemovalItem)]
pub struct RemovalItemBody {
    /// What a choice calls it, such as `group:ID`.
    of: String,
    /// What a choice calls all that are alike, such as `groups`.
    category: &'static str,
    /// What kind of thing it is; of a forwarding the one whose calls are forwarded.
    entity: &'static str,
    #[schema(format = Uuid)]
    entity_id: String,
    field: &'static str,
    /// Such as `the group Sales`.
    name: String,
    /// What it is to the person, such as `rings them, with 3 others`.
    how: String,
    #[schema(format = Uuid)]
    person: String,
    /// What can be chosen, the usual first: `hand_to`, `keep`, `release`.
    choices: Vec<&'static str>,
    /// What is done if nobody chooses; it loses nothing. Null: somebody has to choose.
    default: Option<&'static str>,
    why_to_choose: Option<&'static str>,
    /// Of a mailbox: who else leaves messages there, and would lose it if it is released.
    used_by: Vec<String>,
    used_by_more: u64,
}

/// Something that happens whatever is chosen.
#[derive(Serialize, ToSchema)]
#[schema(as = RemovalEffect)]
pub struct RemovalEffectBody {
    /// `extension`, `username`, `phones`, `seat` or `calls`.
    what: &'static str,
    text: String,
    #[schema(format = Uuid)]
    person: String,
}

/// What removing people would mean.
#[derive(Serialize, ToSchema)]
#[schema(as = RemovalReview)]
pub struct RemovalReviewBody {
    /// What to send to have them removed as was reviewed.
    plan: String,
    people: Vec<RemovalPerson>,
    /// Whether nothing is done until somebody has chosen about the items that have no `default`.
    wants_choices: bool,
    /// What depends on them: what wants a choice first.
    items: Vec<RemovalItemBody>,
    effects: Vec<RemovalEffectBody>,
}

/// What came of a removal.
#[derive(Serialize, ToSchema)]
#[schema(as = Removed)]
pub struct RemovedBody {
    /// The job by which all of it is taken back.
    #[schema(format = Uuid)]
    job: String,
    /// The newest change of the log.
    seq: u64,
}

/// Review a removal
///
/// Everything that names a person or forwards to them, what can be chosen for each, and what is done if nobody
/// chooses. Nothing is changed.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/users/{user}/removal", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), ("user" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = RemovalReviewBody)))]
pub async fn review(
    caller: Caller,
    Path((org, user)): Path<(String, String)>,
) -> Result<Json<RemovalReviewBody>, Problem> {
    let scope = caller.scope(&org).await?;
    let id = user_id(&user)?;
    let review = caller.run(move |app| app.review_removal(&scope, &[id])).await?;
    Ok(Json(review_json(review)))
}

/// Remove a user as reviewed
///
/// Into the trash, with what was chosen for each thing that depends on them, as one set of changes and one undo.
/// 409 `plan-changed` where what depends on them is not what was reviewed any more, `needs-choice` where
/// somebody has to choose and nobody did.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/users/{user}/removal", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), ("user" = uuid::Uuid, Path, description = "The user's id."), Once),
    request_body = RemovalBody,
    responses((status = 200, body = RemovedBody, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn remove(
    caller: Caller,
    Path((org, user)): Path<(String, String)>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let id = user_id(&user)?;
    let (mut object, bytes) = incoming.object().await?;
    let plan = plan(&mut object);
    let wishes = Wishes::of(&mut object);
    if plan.is_none() && !object.has_mistakes() {
        object.wrong("plan", missing_plan("GET"));
    }
    object.finish()?;
    let scope = incoming.once(scope, &bytes)?;
    let removed = caller.run(move |app| {
        let choices = wishes.named(app, &scope)?;
        app.remove_users(&scope, &[id], &choices, &plan.unwrap_or_default())
    });
    let removed = removed.await?;
    let body = RemovedBody { job: removed.job.to_string(), seq: removed.done.seq };
    Ok(written(&removed.done, Json(body).into_response()))
}

/// Remove many users
///
/// With `review`, says what depends on them, and changes nothing. With the `plan` of that, removes them as one
/// job, which is done whole or fails, and is taken back whole.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/removals", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), Once),
    request_body = RemovalsBody,
    responses((status = 200, description = "The review.", body = RemovalReviewBody),
        (status = 202, body = JobBody, headers(("Location", description = "Where the job is.")))))]
pub async fn remove_many(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let whom = users(&mut object);
    let review = object.flag("review");
    let plan = plan(&mut object);
    let wishes = Wishes::of(&mut object);
    if !review && plan.is_none() && !object.has_mistakes() {
        object.wrong("plan", missing_plan("`review: true`"));
    }
    object.finish()?;
    let ids = resolve(&caller, &scope, whom).await?;
    if review {
        let review = caller.run(move |app| app.review_removal(&scope, &ids)).await?;
        return Ok(Json(review_json(review)).into_response());
    }
    let scope = incoming.once(scope, &bytes)?;
    let started = caller.run(move |app| {
        let choices = wishes.named(app, &scope)?;
        let done = app.start_removal(&scope, &ids, &choices, &plan.unwrap_or_default())?;
        Ok((done, app.job(&scope, done.id.into())?))
    });
    let (done, job) = started.await?;
    let location = format!("/api/v1/organizations/{org}/jobs/{}", job.job.id);
    let answer = (StatusCode::ACCEPTED, Json(job_json(&job, true))).into_response();
    Ok(written(&done, with_header(LOCATION, &location, answer)))
}

fn plan(object: &mut Object) -> Option<String> {
    object.text("plan")
}

fn missing_plan(how: &str) -> Reason {
    let mend = format!("ask for the review first ({how}), look at it, and send its `plan`");
    Reason::new("is missing", mend)
}

/// What was asked for, with people as they were named.
struct Wishes {
    hand_to: Option<String>,
    of: Vec<(String, Choice, Option<String>)>,
}

impl Wishes {
    fn of(object: &mut Object) -> Wishes {
        let hand_to = object.text("hand_to");
        let mut of = Vec::new();
        match object.take("choices") {
            None | Some(Value::Null) => {}
            Some(Value::Array(entries)) if entries.len() <= CHOICES_MAX => {
                for (at, entry) in entries.iter().enumerate() {
                    match choice(entry) {
                        Ok(choice) => of.push(choice),
                        Err(reason) => object.wrong(format!("choices[{at}]"), reason),
                    }
                }
            }
            Some(_) => object.wrong(
                "choices",
                Reason::new(
                    format!("is not a list of at most {CHOICES_MAX} choices"),
                    "write [{\"of\": \"mailboxes\", \"choice\": \"keep\"}, …]",
                ),
            ),
        }
        Wishes { hand_to, of }
    }

    /// With ids in the place of names.
    fn named(&self, app: &muster_app::App, scope: &Scope) -> Result<Choices, AppError> {
        let hand_to = self.hand_to.as_deref().map(|who| taker(app, scope, "hand_to", who)).transpose()?;
        let of = self.of.iter().map(|(what, choice, to)| {
            let to = to.as_deref().map(|who| taker(app, scope, "choices", who)).transpose()?;
            Ok(ChoiceOf { what: what.clone(), choice: *choice, to })
        });
        Ok(Choices { hand_to, of: of.collect::<Result<_, AppError>>()? })
    }
}

fn choice(entry: &Value) -> Result<(String, Choice, Option<String>), Reason> {
    let shape = "write {\"of\": \"group:ID\", \"choice\": \"hand_to\", \"to\": \"1002\"}";
    let Value::Object(entry) = entry else { return Err(Reason::new("is not a choice", shape)) };
    if let Some(unknown) = entry.keys().find(|key| !matches!(key.as_str(), "of" | "choice" | "to")) {
        let shown: String = unknown.chars().take(60).collect();
        return Err(Reason::new(format!("has {shown}, which no choice has"), shape));
    }
    let text = |name: &str| match entry.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Reason::new(format!("has a {name} that is not a text"), shape)),
    };
    let (of, to) = (text("of")?, text("to")?);
    let of = of.ok_or_else(|| Reason::new("does not say what it is about", shape))?;
    if !leaving::is_choosable(&of) {
        let shown: String = of.chars().take(60).collect();
        let mend = "write a kind, such as mailboxes, or what the review calls it";
        return Err(Reason::new(format!("is about {shown}, which depends on nobody"), mend));
    }
    let choice = Choice::parse(&text("choice")?.unwrap_or_default())?;
    Ok((of, choice, to))
}

fn taker(
    app: &muster_app::App,
    scope: &Scope,
    field: &'static str,
    who: &str,
) -> Result<UserIdText, AppError> {
    match app.find_user(scope, who) {
        Ok(user) => Ok(UserIdText(user.id)),
        Err(AppError::NotFound(_)) => {
            let shown: String = who.chars().take(60).collect();
            let mend = "name somebody who is there, by username, extension, email or id";
            Err(AppError::invalid(field, format!("`{shown}` is nobody of this organization"), mend))
        }
        Err(other) => Err(other),
    }
}

fn review_json(review: RemovalReview) -> RemovalReviewBody {
    RemovalReviewBody {
        wants_choices: review.wants_choices(),
        plan: review.plan,
        people: review.people.iter().map(person).collect(),
        items: review.items.into_iter().map(item).collect(),
        effects: review.effects.into_iter().map(effect).collect(),
    }
}

fn person(user: &User) -> RemovalPerson {
    RemovalPerson {
        id: user.id.to_string(),
        display_name: user.display_name.to_string(),
        username: user.username.to_string(),
        extension: user.extension.as_ref().map(ToString::to_string),
    }
}

fn item(item: RemovalItem) -> RemovalItemBody {
    RemovalItemBody {
        of: item.what,
        category: item.category,
        entity: item.kind.word(),
        entity_id: item.id.to_string(),
        field: item.field,
        name: item.name,
        how: item.how,
        person: item.person.to_string(),
        choices: item.choices.iter().map(|choice| choice.word()).collect(),
        default: item.default.map(|choice| choice.word()),
        why_to_choose: item.why_to_choose,
        used_by: item.used_by,
        used_by_more: item.used_by_more,
    }
}

fn effect(effect: RemovalEffect) -> RemovalEffectBody {
    RemovalEffectBody { what: effect.what, text: effect.text, person: effect.person.to_string() }
}
