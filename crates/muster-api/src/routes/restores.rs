//! Going back to how things were: reviewed, then carried out.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use muster_app::restore::{ReviewItem, Reviewed, Shown, Tally, What};
use muster_domain::change::Op;
use muster_domain::value::Reason;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::changes::{FieldChangeBody, Undone, logged};
use super::written;
use crate::body::{Incoming, Object};
use crate::caller::Caller;
use crate::parameters::Once;
use crate::problem::{Mistake, Problem, in_the_way};
use crate::wire;

/// What is told one by one if nobody says.
const SHOWN: u64 = 100;

/// What is to go back, and to when.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = Restore)]
pub struct RestoreBody {
    /// `people` (all users, their devices and mailboxes), `person`, or `job` (all that it did).
    #[schema(pattern = "^(people|person|job)$")]
    what: String,
    /// Of the person or the job.
    #[schema(format = Uuid)]
    id: Option<String>,
    /// A time (RFC 3339), or the number of a change as a text: what was there after it. Not for a job.
    #[schema(pattern = "^([0-9]{1,18}|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}.*)$")]
    to: Option<String>,
    /// Only say what would change [false].
    review: Option<bool>,
    /// The `plan` of the review: it is carried out if that is still what would be done.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    plan: Option<String>,
    /// Of a review: how many things are told one by one [100].
    #[schema(minimum = 0, maximum = 1000)]
    limit: Option<u64>,
    /// Of a review: how many things are left out before those.
    #[schema(minimum = 0)]
    skip: Option<u64>,
}

/// How many would change.
#[derive(Serialize, ToSchema)]
#[schema(as = Tally)]
pub struct TallyBody {
    changed: u64,
    /// They were made since.
    removed: u64,
    /// They were removed since.
    brought_back: u64,
}

/// One thing that would change.
#[derive(Serialize, ToSchema)]
#[schema(as = RestoreItem)]
pub struct RestoreItemBody {
    /// What kind of thing it is.
    entity: &'static str,
    #[schema(format = Uuid)]
    entity_id: String,
    /// Such as `Ana Silva (extension 1001)`.
    name: String,
    /// The user whom it is about.
    #[schema(format = Uuid)]
    person: Option<String>,
    /// `set_back`, `brought_back` or `removed`.
    what: &'static str,
    /// From now to then.
    fields: Vec<FieldChangeBody>,
}

/// What does not quite come back.
#[derive(Serialize, ToSchema)]
pub struct RestoreNote {
    text: String,
    /// Of how many things.
    count: u64,
}

/// What would be done.
#[derive(Serialize, ToSchema)]
pub struct RestoreReview {
    /// What to send to have just this done.
    plan: String,
    /// The change that is gone back to; null for a job.
    to_seq: Option<u64>,
    /// When that was made.
    #[schema(format = DateTime)]
    to_at: Option<String>,
    people: TallyBody,
    /// Their devices and mailboxes, and places that come back with them.
    things: TallyBody,
    /// People who are not counted for billing now and would be.
    newly_counted: u64,
    no_longer_counted: u64,
    /// Things that stay as they are, because what they were has been erased.
    erased: u64,
    items: Vec<RestoreItemBody>,
    /// Things that are not among `items`.
    items_left_out: u64,
    /// While there is something in the way, nothing is done.
    obstacles: Vec<Mistake>,
    obstacles_left_out: u64,
    notes: Vec<RestoreNote>,
}

/// What was or would be done.
#[derive(Serialize, ToSchema)]
pub struct Restored {
    /// Null once it is done.
    review: Option<RestoreReview>,
    /// Null of a review.
    done: Option<Undone>,
}

/// Go back
///
/// To how a person, all people, or what a job did was at a moment. First with `review`, which changes nothing and
/// answers with a `plan`; then with that plan. If something else would be done by then, it is 409
/// `plan-changed`. It is one change set, and itself taken back by the undo of any of its changes.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/restores", tag = "changes",
    params(("org" = String, Path, description = "Slug or id."), Once),
    request_body = RestoreBody,
    responses((status = 200, body = Restored, headers(("Muster-Seq" = u64, description = "The newest change of the log; not of a review.")))))]
pub async fn restore(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let what = what(&mut object);
    let review = object.flag("review");
    let plan = object.take("plan").filter(|plan| !plan.is_null());
    let limit = number(&mut object, "limit", SHOWN, 1000);
    let skip = number(&mut object, "skip", 0, i64::MAX as u64);
    if !review && plan.is_none() && !object.has_mistakes() {
        let mend = "send `review: true` first, look at what would change, and send its `plan`";
        object.wrong("plan", Reason::new("is missing", mend));
    }
    object.finish()?;
    let Some(what) = what else {
        return Err(Problem::mistake("what", "is missing", "say what is to go back"));
    };
    if review {
        let shown = Shown { skip, limit: limit as usize };
        caller.look_back(&scope).await?;
        let reviewed = caller.run(move |app| app.review_restore(&scope, what, shown)).await?;
        let review = Some(review_json(reviewed));
        return Ok(Json(Restored { review, done: None }).into_response());
    }
    let plan = plan.as_ref().and_then(Value::as_str).unwrap_or_default().to_string();
    let scope = incoming.once(scope, &bytes)?;
    let undone = caller.run(move |app| app.restore(&scope, what, &plan)).await?;
    let done = Some(Undone::of(&undone));
    Ok(written(&undone.done, Json(Restored { review: None, done }).into_response()))
}

fn what(object: &mut Object) -> Option<What> {
    let word = object.take("what");
    let id = object.take("id").filter(|id| !id.is_null());
    let to = object.take("to").filter(|to| !to.is_null());
    let id = id.map(|id| id.as_str().and_then(|text| Uuid::parse_str(text).ok()));
    if id == Some(None) {
        object.wrong("id", Reason::new("is not an id", "give the id of the person or the job"));
    }
    let to = to.and_then(|to| {
        let text = to.as_str().map_or_else(|| to.to_string(), str::to_string);
        wire::moment_of(&text).map_err(|reason| object.wrong("to", reason)).ok()
    });
    let wrong = |object: &mut Object, field: &'static str, reason: &str, mend: &str| {
        if !object.has_mistakes() {
            object.wrong(field, Reason::new(reason, mend));
        }
        None
    };
    match (word.as_ref().and_then(Value::as_str), id.flatten(), to) {
        (Some("people"), None, Some(to)) => Some(What::People(to)),
        (Some("person"), Some(id), Some(to)) => Some(What::Person(id.into(), to)),
        (Some("job"), Some(id), None) => Some(What::Job(id.into())),
        (Some("people"), Some(_), _) => {
            wrong(object, "id", "is there, though it is all people", "leave it out")
        }
        (Some("person" | "job"), None, _) => wrong(object, "id", "is missing", "say of whom or of which job"),
        (Some("people" | "person"), _, None) => {
            wrong(object, "to", "is missing", "give a time or the number of a change")
        }
        (Some("job"), _, Some(_)) => {
            wrong(object, "to", "is there, though what a job did goes back to before it", "leave it out")
        }
        _ => wrong(object, "what", "is not something that goes back", "write people, person or job"),
    }
}

fn number(object: &mut Object, name: &'static str, default: u64, greatest: u64) -> u64 {
    let Some(json) = object.take(name).filter(|json| !json.is_null()) else { return default };
    match json.as_u64().filter(|n| *n <= greatest) {
        Some(n) => n,
        None => {
            let reason = format!("is not a whole number from 0 to {greatest}");
            object.wrong(name, Reason::new(reason, "give such a number, or leave it out"));
            default
        }
    }
}

fn review_json(reviewed: Reviewed) -> RestoreReview {
    let Reviewed { review, to } = reviewed;
    let items_left_out = review.all() - review.items.len() as u64;
    let note = |(text, count): (&'static str, u64)| RestoreNote { text: text.to_string(), count };
    RestoreReview {
        plan: review.plan,
        to_seq: to.map(|mark| mark.seq),
        to_at: to.map(|mark| wire::time(mark.at)),
        people: tally(review.people),
        things: tally(review.things),
        newly_counted: review.newly_counted,
        no_longer_counted: review.no_longer_counted,
        erased: review.erased,
        items: review.items.into_iter().map(item).collect(),
        items_left_out,
        obstacles: review.obstacles.into_iter().map(in_the_way).collect(),
        obstacles_left_out: review.obstacles_more,
        notes: review.notes.into_iter().map(note).collect(),
    }
}

fn tally(tally: Tally) -> TallyBody {
    TallyBody { changed: tally.changed, removed: tally.removed, brought_back: tally.brought_back }
}

fn item(item: ReviewItem) -> RestoreItemBody {
    let fields = item.fields.iter().map(|f| FieldChangeBody {
        field: f.field,
        before: logged(item.kind, f.field, &f.before),
        after: logged(item.kind, f.field, &f.after),
    });
    RestoreItemBody {
        entity: item.kind.word(),
        entity_id: item.id.to_string(),
        person: item.person.map(|id| id.to_string()),
        what: match item.op {
            Op::Create => "brought_back",
            Op::Update => "set_back",
            Op::Remove => "removed",
        },
        fields: fields.collect(),
        name: item.name,
    }
}
