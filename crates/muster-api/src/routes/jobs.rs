//! Long work: how far it is, what came of it, stopping it and taking it back.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use muster_app::jobs::{BULK, IMPORT, JobView};
use muster_app::{JobOutcome, JobState};
use muster_domain::ids::JobId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bulk::{self, BulkJob};
use super::changes::Undone;
use super::import_report::{
    ImportCause, ImportCorrected, ImportCorrection, ImportFieldChange, ImportInactive, ImportNote,
    ImportSeats,
};
use super::{job_id, written};
use crate::body::Incoming;
use crate::caller::Caller;
use crate::parameters::Paging;
use crate::params::{Pairs, Params};
use crate::problem::Problem;
use crate::wire;

/// Long work.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
pub struct JobBody {
    #[schema(format = Uuid)]
    pub id: String,
    /// What is done: `import`, `bulk`, `invite` or `removal`.
    pub kind: String,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    pub state: &'static str,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// The token that asked for it.
    #[schema(format = Uuid)]
    pub created_by: String,
    /// What was chosen about an import.
    pub options: Option<JobOptions>,
    /// Of a bulk change, what it does and what came of it.
    pub bulk: Option<BulkJob>,
    pub rows_total: Option<u64>,
    /// Rows whose effect is there; all at once at the end.
    pub rows_done: u64,
    /// While it runs in this process.
    pub progress: Option<JobProgress>,
    /// Of an import that has ended.
    pub summary: Option<ImportSummary>,
    /// Why it failed.
    pub problem: Option<String>,
    pub cancel_requested: bool,
    /// What keeps a job that has not ended from going on, such as a full disk; it is tried again by itself.
    pub waiting_for: Option<String>,
}

/// Rows of a job that runs.
#[derive(Serialize, ToSchema)]
pub struct JobProgress {
    rows_total: u64,
    rows_judged: u64,
    /// Written, but not there for others yet.
    rows_written: u64,
}

/// What was chosen about an import.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct JobOptions {
    format: Option<String>,
    /// People are columns.
    #[serde(default)]
    vertical: bool,
    /// The sheet of a workbook.
    #[serde(default)]
    sheet: Option<String>,
    /// What the columns mean, as it was sent. Only where one job is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mapping: Option<String>,
    #[serde(default)]
    activate: Option<String>,
    #[serde(default, alias = "match")]
    match_by: Option<String>,
    #[serde(default)]
    existing: Option<String>,
    #[serde(default)]
    inactive: Option<String>,
    #[serde(default)]
    corrections: Vec<ImportCorrection>,
    /// Rows whose people are activated whatever the file says.
    #[serde(default)]
    activate_rows: String,
    /// Rows whose people become contacts.
    #[serde(default)]
    contact_rows: String,
    /// It judges only and writes nothing.
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    good_rows_only: bool,
    #[serde(default)]
    allow_shared_emails: bool,
    /// The words of the warnings that were read.
    #[serde(default)]
    acknowledge: Vec<String>,
    #[serde(default)]
    create_sites: bool,
    site: Option<String>,
    connection: Option<String>,
}

/// What an import says of itself.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ImportSummary {
    format: String,
    /// The same for a person: `3CX`.
    #[serde(default)]
    system: String,
    encoding: String,
    delimiter: String,
    columns: Vec<ImportColumn>,
    /// The sheet of a workbook that was read.
    #[serde(default)]
    sheet: Option<String>,
    /// What is so of the file as a whole, and keeps nobody out: lines and sheets that are not read, the same
    /// file imported before.
    #[serde(default)]
    notes: Vec<ImportNote>,
    rows: u64,
    created: u64,
    updated: u64,
    unchanged: u64,
    rejected: u64,
    /// Rows that are right and left out as was asked: by `existing=skip` or `inactive=leave_out`.
    #[serde(default)]
    skipped: u64,
    /// How many rows are right: as many are taken, or would be with `good_rows_only`.
    #[serde(default)]
    good_rows: u64,
    /// Of the rows that are taken: how many end as counted users.
    activated: u64,
    contacts: u64,
    /// Who is counted for billing in the whole organization before, and after.
    #[serde(default)]
    counted_before: u64,
    #[serde(default)]
    counted_after: u64,
    #[serde(default)]
    newly_counted: u64,
    #[serde(default)]
    no_longer_counted: u64,
    #[serde(default)]
    counted_by_type: Vec<ImportSeats>,
    /// Of people who are there already: what changes by field, those that most people have changed first.
    #[serde(default)]
    changes_by_field: Vec<ImportFieldChange>,
    /// Whom the file calls inactive; null if nobody.
    inactive: Option<ImportInactive>,
    /// What was corrected by rule, with the number of cells.
    #[serde(default)]
    corrections: Vec<ImportCorrected>,
    /// The mapping with the corrections, as TOML: sent as `mapping` with the next file, it makes the same.
    mapping: Option<String>,
    /// How many people got a SIP secret that was generated, because they are activated and had none.
    #[serde(default)]
    secrets_made: u64,
    /// Sites that were made, or would have to be.
    new_sites: Vec<String>,
    /// Only where one job is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<Vec<ImportProblem>>,
    problems_left_out: u64,
    /// All problems by what they have in common, those that were left out too; at most 200, those of most
    /// rows first, errors before remarks.
    #[serde(default)]
    causes: Vec<ImportCause>,
    /// Further causes.
    #[serde(default)]
    causes_left_out: u64,
    /// A dry run, or refused because of problems.
    nothing_written: bool,
}

/// A column of the file and what became of it.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ImportColumn {
    header: String,
    /// The field that it fills; null if it is not taken.
    field: Option<String>,
    /// Why it is not taken.
    why: Option<String>,
}

/// Something about one row of the file.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ImportProblem {
    /// The line of the file on which the row begins, from 1.
    line: u64,
    row: u64,
    /// Of a workbook, and where people are columns: the cell as a spreadsheet names it, such as `C5`; a person's
    /// column, such as `C`, where no single field is meant.
    #[serde(default)]
    cell: Option<String>,
    column: Option<String>,
    found: String,
    reason: String,
    mend: String,
    /// The option of the import that would allow it, such as `create_sites`: another way to mend it.
    #[serde(default)]
    option: Option<String>,
    /// Said, but no reason to refuse the row.
    remark: bool,
}

/// What became of one row.
#[derive(Serialize, ToSchema)]
#[schema(as = JobResult)]
pub struct JobResultBody {
    /// From 1, as the file counts.
    row: u64,
    part: u32,
    /// `created`, `updated`, `unchanged`, `skipped`, `warned` or `refused`.
    outcome: &'static str,
    /// The id of the user, or a text for a person.
    text: String,
}

#[derive(Serialize, ToSchema)]
pub struct Jobs {
    items: Vec<JobBody>,
    next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct JobResults {
    items: Vec<JobResultBody>,
    next_cursor: Option<String>,
}

pub fn state_word(state: JobState) -> &'static str {
    match state {
        JobState::Queued => "queued",
        JobState::Running => "running",
        JobState::Done => "done",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
    }
}

/// A job as it is answered; its problems may be many and are left out of lists.
pub fn job_json(view: &JobView, with_problems: bool) -> JobBody {
    let job = &view.job;
    let is_import = job.kind == IMPORT;
    let mut summary: Option<ImportSummary> =
        job.summary.as_deref().filter(|_| is_import).and_then(|text| serde_json::from_str(text).ok());
    if let Some(summary) = summary.as_mut().filter(|_| !with_problems) {
        summary.problems = None;
    }
    let mut options: Option<JobOptions> =
        is_import.then(|| serde_json::from_str(&job.options).ok()).flatten();
    if let Some(options) = options.as_mut().filter(|_| !with_problems) {
        options.mapping = None;
    }
    let progress = view.progress.as_ref().map(|progress| {
        let (rows_total, rows_judged, rows_written) = progress.rows();
        JobProgress { rows_total, rows_judged, rows_written }
    });
    JobBody {
        id: job.id.to_string(),
        kind: job.kind.clone(),
        state: state_word(job.state),
        created_at: wire::time(job.created_at),
        updated_at: wire::time(job.updated_at),
        created_by: job.actor.to_string(),
        options,
        bulk: if job.kind == BULK { bulk::of_job(&job.options, job.summary.as_deref()) } else { None },
        rows_total: job.rows_total,
        rows_done: job.rows_done,
        progress,
        summary,
        problem: job.problem.clone(),
        cancel_requested: job.cancel_requested,
        waiting_for: view.waiting_for.clone(),
    }
}

/// List jobs
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/jobs", tag = "jobs",
    params(("org" = String, Path, description = "Slug or id."), Paging),
    responses((status = 200, body = Jobs)))]
pub async fn list(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Jobs>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let limit = params.number("limit", 50, 1, 1000) as usize;
    let before = params.cursor(|text| text.parse::<JobId>().ok());
    params.finish()?;
    let mut views = caller.run(move |app| app.jobs(&scope, before, limit + 1)).await?;
    let more = views.len() > limit;
    views.truncate(limit);
    let next_cursor = views.last().filter(|_| more).map(|view| view.job.id.to_string());
    Ok(Json(Jobs { items: views.iter().map(|view| job_json(view, false)).collect(), next_cursor }))
}

/// Show a job
#[utoipa::path(get, path = "/api/v1/organizations/{org}/jobs/{job}", tag = "jobs",
    params(("org" = String, Path, description = "Slug or id."), ("job" = uuid::Uuid, Path, description = "The job's id.")),
    responses((status = 200, body = JobBody)))]
pub async fn get(caller: Caller, Path((org, job)): Path<(String, String)>) -> Result<Json<JobBody>, Problem> {
    let scope = caller.scope(&org).await?;
    let id = job_id(&job)?;
    let view = caller.run(move |app| app.job(&scope, id)).await?;
    Ok(Json(job_json(&view, true)))
}

/// List what became of each row
#[utoipa::path(get, path = "/api/v1/organizations/{org}/jobs/{job}/results", tag = "jobs",
    params(("org" = String, Path, description = "Slug or id."), ("job" = uuid::Uuid, Path, description = "The job's id."),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "How many at most [100]."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before.")),
    responses((status = 200, body = JobResults)))]
pub async fn results(
    caller: Caller,
    Path((org, job)): Path<(String, String)>,
    Query(pairs): Pairs,
) -> Result<Json<JobResults>, Problem> {
    let scope = caller.scope(&org).await?;
    let id = job_id(&job)?;
    let mut params = Params::of(Query(pairs));
    let limit = params.number("limit", 100, 1, 1000) as usize;
    let after = params.cursor(|text| {
        let (row, part) = text.split_once('.')?;
        Some((row.parse::<u64>().ok()?, part.parse::<u32>().ok()?))
    });
    params.finish()?;
    let found = caller.run(move |app| {
        app.job(&scope, id)?;
        app.job_results(&scope, id, after, limit)
    });
    let found = found.await?;
    let full = found.len() == limit;
    let next_cursor = found.last().filter(|_| full).map(|last| format!("{}.{}", last.row, last.part));
    let items = found.into_iter().map(|r| JobResultBody {
        row: r.row,
        part: r.part,
        outcome: match r.outcome {
            JobOutcome::Created => "created",
            JobOutcome::Updated => "updated",
            JobOutcome::Unchanged => "unchanged",
            JobOutcome::Skipped => "skipped",
            JobOutcome::Warned => "warned",
            JobOutcome::Refused => "refused",
        },
        text: r.text,
    });
    Ok(Json(JobResults { items: items.collect(), next_cursor }))
}

/// Cancel a job
///
/// One that waits is cancelled at once. One that runs stops within about a second, and nothing of it was done
/// then: `cancel_requested` until it has ended, as `cancelled` or, where it was about to end, as `done`.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/jobs/{job}/cancel", tag = "jobs",
    params(("org" = String, Path, description = "Slug or id."), ("job" = uuid::Uuid, Path, description = "The job's id.")),
    responses((status = 200, body = JobBody)))]
pub async fn cancel(
    caller: Caller,
    Path((org, job)): Path<(String, String)>,
) -> Result<Json<JobBody>, Problem> {
    let scope = caller.scope(&org).await?;
    let id = job_id(&job)?;
    let cancelled = caller.run(move |app| {
        app.cancel_job(&scope, id)?;
        app.job(&scope, id)
    });
    Ok(Json(job_json(&cancelled.await?, true)))
}

/// Take back what a job did
#[utoipa::path(post, path = "/api/v1/organizations/{org}/jobs/{job}/undo", tag = "jobs",
    params(("org" = String, Path, description = "Slug or id."), ("job" = uuid::Uuid, Path, description = "The job's id."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Sent again, the request has one effect.")),
    responses((status = 200, body = Undone, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn undo(
    caller: Caller,
    Path((org, job)): Path<(String, String)>,
    incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let id = job_id(&job)?;
    let scope = incoming.once(scope, b"")?;
    let undone = caller.run(move |app| app.undo_job(&scope, id)).await?;
    Ok(written(&undone.done, (StatusCode::OK, Json(Undone::of(&undone))).into_response()))
}
