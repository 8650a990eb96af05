//! The change log: read, verified, taken back.

use axum::Json;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Response};
use muster_app::Change;
use muster_domain::change::FieldChange;
use muster_domain::field::EntityKind;
use muster_domain::for_kind;
use muster_domain::value::Value;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::written;
use crate::body::Incoming;
use crate::caller::Caller;
use crate::params::{Pairs, Params};
use crate::problem::Problem;
use crate::wire;

/// One field before and after. Of a secret only whether there was one.
#[derive(Serialize, ToSchema)]
#[schema(as = FieldChange)]
pub struct FieldChangeBody {
    pub field: &'static str,
    /// As in the thing itself.
    pub before: serde_json::Value,
    pub after: serde_json::Value,
}

/// One line of the change log.
#[derive(Serialize, ToSchema)]
#[schema(as = Change)]
pub struct ChangeBody {
    /// From 1, without a gap.
    seq: u64,
    #[schema(format = DateTime)]
    at: String,
    /// For example `user.activated`.
    kind: String,
    /// What kind of thing changed.
    entity: &'static str,
    #[schema(format = Uuid)]
    entity_id: String,
    /// The token that did it; nil for the system itself.
    #[schema(format = Uuid)]
    actor: String,
    /// Changes of one set were made together.
    #[schema(format = Uuid)]
    set: String,
    /// Whether the user counts as a seat from here on; null if that was not touched.
    counted: Option<bool>,
    /// This line and all before it, hexadecimal.
    hash: String,
    /// Null once it was erased.
    fields: Option<Vec<FieldChangeBody>>,
}

#[derive(Serialize, ToSchema)]
pub struct Changes {
    pub items: Vec<ChangeBody>,
    /// What to send as `since` for what comes next; null if there was nothing.
    pub next_cursor: Option<String>,
}

/// How much is taken back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = Undo)]
pub struct UndoBody {
    /// Everything that was done in the same request, about whomever [false].
    together: Option<bool>,
}

/// What was taken back.
#[derive(Serialize, ToSchema)]
pub struct Undone {
    /// The newest change of the log.
    seq: u64,
    /// How many changes were taken back.
    changes: u64,
    /// What does not quite come back, in words.
    notes: Vec<String>,
}

impl Undone {
    pub fn of(undone: &muster_app::undo::Undone) -> Undone {
        Undone { seq: undone.done.seq, changes: undone.changes, notes: undone.notes.clone() }
    }
}

pub fn change_json(change: &Change) -> ChangeBody {
    let envelope = &change.envelope;
    let field = |f: &FieldChange| FieldChangeBody {
        field: f.field,
        before: logged(envelope.entity, f.field, &f.before),
        after: logged(envelope.entity, f.field, &f.after),
    };
    ChangeBody {
        seq: envelope.seq,
        at: wire::time(envelope.at),
        kind: envelope.kind.clone(),
        entity: envelope.entity.word(),
        entity_id: envelope.entity_id.to_string(),
        actor: envelope.actor.to_string(),
        set: envelope.set.to_string(),
        counted: envelope.facts.counted,
        hash: envelope.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        fields: change.body.as_ref().map(|body| body.fields.iter().map(field).collect()),
    }
}

pub fn logged(kind: EntityKind, field: &str, value: &Value) -> serde_json::Value {
    for_kind!(kind, E => wire::of_logged::<E>(field, value))
}

/// List changes
///
/// After `since`, oldest first.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/changes", tag = "changes",
    params(("org" = String, Path, description = "Slug or id."),
        ("since" = Option<u64>, Query, description = "The last change that is known [0]."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before; the same as `since`."),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "How many at most [100].")),
    responses((status = 200, body = Changes)))]
pub async fn list(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Changes>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let limit = params.number("limit", 100, 1, 1000) as usize;
    let since = params.number("since", 0, 0, i64::MAX as u64);
    let cursor = params.cursor(|text| text.parse::<u64>().ok().filter(|n| *n <= i64::MAX as u64));
    params.finish()?;
    let since = cursor.unwrap_or(since);
    let lines = caller.run(move |app| app.changes(&scope, since, limit)).await?;
    let next_cursor = lines.last().map(|last| last.envelope.seq.to_string());
    Ok(Json(Changes { items: lines.iter().map(change_json).collect(), next_cursor }))
}

/// Take a change back
///
/// Together with what was done in the same request about the same person; with `together`, everything that was
/// done in that request. Going back to a moment is always taken back whole. It is a change of its own, and is
/// refused where a field was changed again meanwhile.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/changes/{seq}/undo", tag = "changes",
    params(("org" = String, Path, description = "Slug or id."), ("seq" = u64, Path, description = "The change."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Sent again, the request has one effect.")),
    request_body = Option<UndoBody>,
    responses((status = 200, body = Undone, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn undo(
    caller: Caller,
    Path((org, seq)): Path<(String, String)>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object_or_nothing().await?;
    let together = object.flag("together");
    object.finish()?;
    let seq = seq.parse::<u64>().ok().filter(|n| (1..=i64::MAX as u64).contains(n));
    let seq = seq.ok_or_else(|| Problem::not_found("change"))?;
    let scope = incoming.once(scope, &bytes)?;
    let undone = caller.run(move |app| app.undo(&scope, seq, together)).await?;
    Ok(written(&undone.done, Json(Undone::of(&undone)).into_response()))
}
