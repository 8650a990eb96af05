//! One change for many people: looked at, then carried out as a job.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use muster_app::users::{
    BULK_IDS_MAX, BulkCause, BulkChange, BulkItem, BulkPreview, BulkRefused, BulkReport, BulkService,
    Expected, NewBulk, Whom,
};
use muster_domain::field::EntityKind;
use muster_domain::handling::Acknowledged;
use muster_domain::ids::{JobId, UserId};
use muster_domain::types::{FieldValue, Tag, UnixMillis};
use muster_domain::value::Reason;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::changes::{FieldChangeBody, logged};
use super::commands::deactivation;
use super::jobs::{JobBody, job_json};
use super::user_body::{Places, UserChangeBody, names_places, values};
use super::{with_header, written};
use crate::body::{Incoming, Object};
use crate::caller::Caller;
use crate::parameters::Once;
use crate::problem::{Mistake, Problem};
use crate::wire;

/// Whom to change, and how.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = Bulk)]
pub struct BulkBody {
    /// Those whom this fits, as in lists of users; without those in the trash unless it says something of the
    /// record. Either this or `ids`.
    #[schema(max_length = 8192)]
    filter: Option<String>,
    /// The people with these ids.
    #[schema(min_items = 1, max_items = 20000)]
    ids: Option<Vec<uuid::Uuid>>,
    change: BulkChangeBody,
    /// Only say what would be done; nothing is changed [false].
    dry_run: Option<bool>,
    /// The `plan` of the dry run: it is done if the same people, as they were, are still meant. With a filter
    /// this or `expected_count` must be there.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    plan: Option<String>,
    /// How many people are meant.
    #[schema(minimum = 1)]
    expected_count: Option<u64>,
    /// Whoever cannot be changed so is left out [false: then nobody is changed].
    stepwise: Option<bool>,
    /// The words of the warnings that were read, such as `hipaa_sms`.
    acknowledge: Option<Vec<String>>,
}

/// What becomes of each.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = BulkChange)]
pub struct BulkChangeBody {
    /// Fields, as in a change of one user.
    #[schema(value_type = Option<UserChangeBody>)]
    set: Option<Value>,
    add_tags: Option<Vec<String>>,
    remove_tags: Option<Vec<String>>,
    /// They may register and sign in, and are counted.
    activate: Option<bool>,
    deactivate: Option<BulkDeactivation>,
    /// Into the trash; goes with nothing else.
    remove: Option<bool>,
}

/// What they become: disabled for a reason, contacts without one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
pub struct BulkDeactivation {
    #[schema(min_length = 1, max_length = 255)]
    reason: Option<String>,
    /// More on why; only with a reason.
    #[schema(min_length = 1, max_length = 255)]
    comment: Option<String>,
    /// When the reason is expected to end; only with a reason.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// Why people cannot be changed so.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkCause)]
pub struct BulkCauseBody {
    field: String,
    reason: String,
    mend: String,
    people: u64,
    /// The first few, such as `Ana Silva (extension 1001)`.
    first: Vec<String>,
}

/// What is, or would be, done.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkSummary)]
pub struct BulkSummaryBody {
    /// Who is meant.
    people: u64,
    changed: u64,
    /// They are so already.
    unchanged: u64,
    refused: u64,
    /// Who is counted for billing in the whole organization before, and after.
    counted_before: u64,
    counted_after: u64,
    newly_counted: u64,
    no_longer_counted: u64,
    /// People who get a SIP secret because they are activated and have none.
    secrets_made: u64,
    causes: Vec<BulkCauseBody>,
    causes_left_out: u64,
    /// Of a dry run, and where nobody is changed because somebody is refused.
    nothing_written: bool,
}

/// Somebody who would be changed.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkItem)]
pub struct BulkItemBody {
    #[schema(format = Uuid)]
    id: String,
    /// Such as `Ana Silva (extension 1001)`.
    name: String,
    fields: Vec<FieldChangeBody>,
}

/// Somebody who cannot be changed so.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkRefused)]
pub struct BulkRefusedBody {
    #[schema(format = Uuid)]
    id: String,
    name: String,
    errors: Vec<Mistake>,
}

/// What would be done.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkPreview)]
pub struct BulkPreviewBody {
    /// What to send to have just this done.
    plan: String,
    summary: BulkSummaryBody,
    /// The first ten who would be changed.
    first: Vec<BulkItemBody>,
    /// The first ten who would be refused.
    refused: Vec<BulkRefusedBody>,
}

/// What was asked to become of each.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct BulkChangeShown {
    #[schema(value_type = UserChangeBody)]
    set: Value,
    add_tags: Vec<String>,
    remove_tags: Vec<String>,
    activate: bool,
    deactivate: Option<BulkDeactivationShown>,
    remove: bool,
}

#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct BulkDeactivationShown {
    reason: Option<String>,
    comment: Option<String>,
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// A bulk change that was asked for, and what came of it.
#[derive(Serialize, ToSchema)]
pub struct BulkJob {
    filter: Option<String>,
    /// People who are named by their ids.
    named: Option<u64>,
    change: BulkChangeShown,
    stepwise: bool,
    /// When it has ended.
    summary: Option<BulkSummaryBody>,
}

/// Change many users alike
///
/// First with `dry_run`, which changes nothing and answers with whom it means, who cannot be changed and why,
/// and a `plan`; then with that plan. All or nobody, unless `stepwise`. It is one change set, taken back by the
/// undo of its job. Nobody can be given what is one person's only, such as an extension.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/users/bulk", tag = "users",
    params(("org" = String, Path, description = "Slug or id."), Once),
    request_body = BulkBody,
    responses((status = 200, description = "Of a dry run.", body = BulkPreviewBody),
        (status = 202, body = JobBody, headers(("Location", description = "The job."),
            ("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn change(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object().await?;
    let mut change = object.inner("change");
    let mut set = change.as_mut().and_then(|change| change.inner("set"));
    let places = match set.as_ref().is_some_and(names_places) {
        false => Places::default(),
        true => {
            let scope = scope.clone();
            caller.run(move |app| Places::load(app, &scope)).await?
        }
    };
    let mut asked = BulkChange::default();
    if let Some(mut set) = set.take() {
        asked.set = values(&mut set, &places);
        change.as_mut().iter_mut().for_each(|change| change.absorb("set", set.take_mistakes()));
    }
    match &mut change {
        Some(change) => rest_of(change, &mut asked),
        None => object.wrong("change", Reason::new("is missing", "say what becomes of them")),
    }
    if let Some(mut change) = change {
        object.absorb("change", change.take_mistakes());
    }
    let dry_run = object.flag("dry_run");
    let new = NewBulk {
        whom: whom(&mut object),
        expected: Expected { count: expected_count(&mut object), plan: object.text("plan") },
        change: asked,
        stepwise: object.flag("stepwise"),
        acknowledge: acknowledged(&mut object),
    };
    object.finish()?;
    if dry_run {
        let preview = caller.run(move |app| app.preview_bulk(&scope, &new)).await?;
        return Ok(Json(preview_json(preview)).into_response());
    }
    let scope = incoming.once(scope, &bytes)?;
    let started = caller.run(move |app| {
        let done = app.start_bulk(&scope, &new)?;
        Ok((done, app.job(&scope, JobId(done.id))?))
    });
    let (done, job) = started.await?;
    let response = (StatusCode::ACCEPTED, Json(job_json(&job, true))).into_response();
    let location = format!("/api/v1/organizations/{org}/jobs/{}", done.id);
    Ok(written(&done, with_header(LOCATION, &location, response)))
}

fn rest_of(change: &mut Object, asked: &mut BulkChange) {
    asked.add_tags = tags(change, "add_tags");
    asked.remove_tags = tags(change, "remove_tags");
    let activate = change.flag("activate");
    let deactivate = change.inner("deactivate").map(|mut object| {
        let into = deactivation(&mut object);
        change.absorb("deactivate", object.take_mistakes());
        into
    });
    asked.service = match (activate, deactivate) {
        (true, Some(_)) => {
            change.wrong("activate", Reason::new("stands beside deactivate", "choose one of them"));
            None
        }
        (true, None) => Some(BulkService::Activate),
        (false, into) => into.map(BulkService::Deactivate),
    };
    asked.trash = change.flag("remove");
}

fn tags(change: &mut Object, name: &'static str) -> Vec<Tag> {
    if change.peek(name).is_none_or(Value::is_null) {
        change.take(name);
        return Vec::new();
    }
    let texts = change.texts(name);
    let mut tags = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        match <Tag as FieldValue>::parse(text) {
            Ok(tag) => tags.push(tag),
            Err(reason) => change.wrong(format!("{name}[{at}]"), reason),
        }
    }
    tags
}

fn whom(object: &mut Object) -> Whom {
    let filter = object.text("filter");
    let has_ids = object.peek("ids").is_some_and(|ids| !ids.is_null());
    if !has_ids {
        object.take("ids");
        if filter.is_none() && !object.has_mistakes() {
            object.wrong("filter", Reason::new("is missing", "give a filter, or ids"));
        }
        return Whom::Filter(filter.unwrap_or_default());
    }
    if filter.is_some() {
        object.wrong("ids", Reason::new("stand beside a filter", "give one of the two"));
    }
    let texts = object.texts("ids");
    if texts.len() > BULK_IDS_MAX {
        let reason = format!("have more than {BULK_IDS_MAX} entries");
        object.wrong("ids", Reason::new(reason, "pick the people by a filter"));
        return Whom::Ids(Vec::new());
    }
    let mut ids = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        match text.parse::<UserId>() {
            Ok(id) => ids.push(id),
            Err(_) => object.wrong(format!("ids[{at}]"), Reason::new("is not an id", "give ids of users")),
        }
    }
    Whom::Ids(ids)
}

/// The words of warnings that were read.
fn acknowledged(object: &mut Object) -> Vec<String> {
    if object.peek("acknowledge").is_none_or(Value::is_null) {
        object.take("acknowledge");
        return Vec::new();
    }
    let words = object.texts("acknowledge");
    if let Err(reason) = Acknowledged::of(words.iter().map(String::as_str)) {
        object.wrong("acknowledge", reason);
    }
    words
}

fn expected_count(object: &mut Object) -> Option<u64> {
    let json = object.take("expected_count").filter(|json| !json.is_null())?;
    let count = json.as_u64().filter(|count| *count > 0);
    if count.is_none() {
        object.wrong("expected_count", Reason::new("is not a number of people", "give a number from 1"));
    }
    count
}

fn preview_json(preview: BulkPreview) -> BulkPreviewBody {
    BulkPreviewBody {
        plan: preview.plan,
        summary: summary(preview.report),
        first: preview.first.into_iter().map(item).collect(),
        refused: preview.refused.into_iter().map(refused).collect(),
    }
}

fn item(item: BulkItem) -> BulkItemBody {
    let fields = item.fields.iter().map(|f| FieldChangeBody {
        field: f.field,
        before: logged(EntityKind::User, f.field, &f.before),
        after: logged(EntityKind::User, f.field, &f.after),
    });
    BulkItemBody { id: item.id.to_string(), fields: fields.collect(), name: item.name }
}

fn refused(refused: BulkRefused) -> BulkRefusedBody {
    let errors = refused.errors.into_iter().map(Mistake::from).collect();
    BulkRefusedBody { id: refused.id.to_string(), name: refused.name, errors }
}

fn summary(report: BulkReport) -> BulkSummaryBody {
    let cause = |cause: BulkCause| {
        let BulkCause { field, reason, mend, people, first } = cause;
        BulkCauseBody { field, reason, mend, people, first }
    };
    BulkSummaryBody {
        people: report.people,
        changed: report.changed,
        unchanged: report.unchanged,
        refused: report.refused,
        counted_before: report.counted_before,
        counted_after: report.counted_after,
        newly_counted: report.newly_counted,
        no_longer_counted: report.no_longer_counted,
        secrets_made: report.secrets_made,
        causes: report.causes.into_iter().map(cause).collect(),
        causes_left_out: report.causes_left_out,
        nothing_written: report.nothing_written,
    }
}

/// What a job of this kind says of itself, from what is kept with it.
pub(super) fn of_job(options: &str, report: Option<&str>) -> Option<BulkJob> {
    let options: Value = serde_json::from_str(options).ok()?;
    let report = report.and_then(|text| serde_json::from_str::<BulkReport>(text).ok());
    let mut change: BulkChangeShown = serde_json::from_value(options["change"].clone()).ok()?;
    let until = options["change"]["deactivate"]["until_ms"].as_i64();
    if let (Some(into), Some(until)) = (&mut change.deactivate, until) {
        into.until = Some(wire::time(UnixMillis(until)));
    }
    Some(BulkJob {
        filter: options["filter"].as_str().map(str::to_string),
        named: options["ids"].as_array().map(|ids| ids.len() as u64),
        change,
        stepwise: options["stepwise"] == true,
        summary: report.map(summary),
    })
}
