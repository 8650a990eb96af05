//! What was imported, and what of it was not taken.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use muster_app::imports::{ImportCounts, ImportView};
use muster_domain::ids::JobId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::exports::{CSV, XLSX, body_of};
use super::job_id;
use super::jobs::state_word;
use crate::caller::Caller;
use crate::parameters::Paging;
use crate::params::{Pairs, Params};
use crate::problem::Problem;
use crate::spool::Spool;
use crate::wire;

/// Rejected rows hold passwords and never touch the disk: what waits in memory for one client.
const REJECTED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// An import of the history.
#[derive(Serialize, ToSchema)]
#[schema(as = Import)]
pub struct ImportBody {
    /// The job's id.
    #[schema(format = Uuid)]
    id: String,
    /// What the file was called; empty if that was not said.
    file_name: String,
    /// The word of the format that was recognized or asked for; null where no row was judged.
    format: Option<String>,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    state: &'static str,
    /// It judged only and wrote nothing.
    dry_run: bool,
    #[schema(format = DateTime)]
    created_at: String,
    /// When it last moved; of one that has ended, when it ended.
    #[schema(format = DateTime)]
    updated_at: String,
    /// The name of the token that asked for it.
    by: String,
    /// What was chosen beside the usual, as parameters of the request: `match=extension`.
    options: Vec<String>,
    rows: Option<u64>,
    created: Option<u64>,
    updated: Option<u64>,
    unchanged: Option<u64>,
    rejected: Option<u64>,
    /// The first change of those that took it back; null while it stands.
    undone_by: Option<u64>,
    /// Whether the file is still kept, and so the rows that were not taken can be had.
    file_kept: bool,
    /// Why it failed.
    problem: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Imports {
    items: Vec<ImportBody>,
    next_cursor: Option<String>,
}

impl ImportBody {
    fn of(view: &ImportView) -> ImportBody {
        let job = &view.job.job;
        let options: Value = serde_json::from_str(&job.options).unwrap_or_default();
        let counts = view.counts.as_ref();
        let count = |of: fn(&ImportCounts) -> u64| counts.map(of);
        ImportBody {
            id: job.id.to_string(),
            file_name: options["file_name"].as_str().unwrap_or_default().to_string(),
            format: counts.map(|counts| counts.format.clone()),
            state: state_word(job.state),
            dry_run: options["dry_run"] == true,
            created_at: wire::time(job.created_at),
            updated_at: wire::time(job.updated_at),
            by: view.by.clone(),
            options: chosen(&options),
            rows: count(|counts| counts.rows),
            created: count(|counts| counts.created),
            updated: count(|counts| counts.updated),
            unchanged: count(|counts| counts.unchanged),
            rejected: count(|counts| counts.rejected),
            undone_by: job.undone_by,
            file_kept: view.file_kept,
            problem: job.problem.clone(),
        }
    }
}

/// What is not as it is without being asked for. A mapping is long, and said to be there only.
fn chosen(options: &Value) -> Vec<String> {
    let of_one = |(name, value): (&String, &Value)| {
        let name = if name == "match_by" { "match" } else { name };
        match value {
            _ if name == "file_name" || name == "dry_run" => None,
            Value::String(text) if name == "activate" && text == "file" => None,
            Value::String(_) if name == "mapping" => Some(name.to_string()),
            Value::String(text) => Some(format!("{name}={text}")),
            Value::Bool(true) => Some(name.to_string()),
            Value::Array(all) => (!all.is_empty()).then(|| format!("{name}={}", all.len())),
            Value::Null | Value::Bool(false) => None,
            other => Some(format!("{name}={other}")),
        }
    };
    options.as_object().into_iter().flatten().filter_map(of_one).collect()
}

/// List imports
///
/// Newest first, dry runs too.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/imports", tag = "files",
    params(("org" = String, Path, description = "Slug or id."), Paging),
    responses((status = 200, body = Imports)))]
pub async fn list(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Imports>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let limit = params.number("limit", 50, 1, 1000) as usize;
    let before = params.cursor(|text| text.parse::<JobId>().ok());
    params.finish()?;
    let mut views = caller.run(move |app| app.imports(&scope, before, limit + 1)).await?;
    let more = views.len() > limit;
    views.truncate(limit);
    let next_cursor = views.last().filter(|_| more).map(|view| view.job.job.id.to_string());
    Ok(Json(Imports { items: views.iter().map(ImportBody::of).collect(), next_cursor }))
}

/// Fetch the rows that were not taken
///
/// As a file in the format, encoding and shape that the rows came in, each cell as it stood: mend it and
/// import it. Also of a dry run and of an import that was refused. It holds secrets and needs the permission
/// to import. 410 when the uploaded file is no longer kept: after a week, of a dry run after an hour.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/imports/{job}/rejected", tag = "files",
    params(("org" = String, Path, description = "Slug or id."), ("job" = uuid::Uuid, Path, description = "The job's id.")),
    responses((status = 200, description = "The file.", content(
        (String = "text/csv"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
pub async fn rejected(
    caller: Caller,
    Path((org, job)): Path<(String, String)>,
    Query(pairs): Pairs,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    Params::of(Query(pairs)).finish()?;
    let id = job_id(&job)?;
    let state = caller.state.clone();
    let claim = state.claim_export(caller.actor.id, scope.org())?;
    // What it is will only be seen when it is read.
    let opening = state.place_to_open(scope.org(), true).await?;
    let place = state.place_for_export().await?;
    let app = state.app().clone();
    let written = tokio::task::spawn_blocking(move || {
        let mut spool = Spool::in_memory(REJECTED_BYTES_MAX);
        let result = app.rejected_rows(&scope, id, &mut spool);
        drop((place, opening));
        if spool.overflowed() {
            return Err(too_much());
        }
        Ok((result?, spool.reader().map_err(|e| Problem::internal(&e))?))
    });
    let (rows, (reader, length)) =
        written.await.unwrap_or_else(|stopped| Err(Problem::internal(&stopped)))?;
    let headers = [
        (CONTENT_TYPE, if rows.is_workbook { XLSX } else { CSV }.to_string()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", rows.file_name)),
        (CONTENT_LENGTH, length.to_string()),
    ];
    Ok((headers, body_of(reader, claim)).into_response())
}

fn too_much() -> Problem {
    let detail = format!(
        "the file would be larger than {} MiB: mend the file that was sent, and import that",
        REJECTED_BYTES_MAX >> 20
    );
    Problem::new(StatusCode::CONFLICT, "not-allowed", detail)
}
