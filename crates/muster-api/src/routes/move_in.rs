//! The move-in report of an import: as JSON, as text and as a page.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse, Response};
use muster_app::imports::{Cause, MoveInReport, Outcome};
use serde::Serialize;
use utoipa::ToSchema;

use super::job_id;
use crate::caller::Caller;
use crate::params::{Pairs, Params};
use crate::problem::{Mistake, Problem};
use crate::{report, wire};

/// What of a file maps, what does not and why, and what is left to be done by hand.
#[derive(Serialize, ToSchema)]
#[schema(as = MoveInReport)]
pub struct ReportBody {
    /// Empty if it was not said.
    file_name: String,
    /// What a person calls the system that wrote the file.
    format: String,
    encoding: String,
    organization: String,
    #[schema(format = DateTime)]
    at: String,
    /// The name of the token that asked for it.
    by: String,
    /// `dry_run`, `done`, `refused` or `undone`.
    outcome: &'static str,
    /// The first change of those that took it back.
    undone_by: Option<u64>,
    rows: u64,
    created: u64,
    updated: u64,
    unchanged: u64,
    /// Right, and left out as was asked.
    skipped: u64,
    rejected: u64,
    activated: u64,
    contacts: u64,
    taken: Vec<TakenBody>,
    not_taken: Vec<LeftBody>,
    /// In the order in which they are best done.
    steps: Vec<StepBody>,
    /// What was read of the file and needs nobody.
    notes: Vec<String>,
    /// Why rows are not taken, each cause once.
    problems: Vec<CauseBody>,
    /// What is said of rows that are taken.
    remarks: Vec<CauseBody>,
    /// Further causes.
    not_listed: u64,
}

/// A column that is taken.
#[derive(Serialize, ToSchema)]
#[schema(as = TakenColumn)]
pub struct TakenBody {
    header: String,
    field: String,
    /// Rows in which it says something.
    rows: u64,
}

/// A column that is not taken.
#[derive(Serialize, ToSchema)]
#[schema(as = LeftColumn)]
pub struct LeftBody {
    header: String,
    why: String,
    /// Rows in which it says something: more than nothing, no or the other system's default.
    rows: u64,
}

/// Something that is left to be done by hand.
#[derive(Serialize, ToSchema)]
#[schema(as = MoveInStep)]
pub struct StepBody {
    what: String,
    /// How it is done; commands stand between backticks.
    how: String,
    /// People, phones or rows that it is about.
    count: u64,
}

/// Rows with the same cause.
#[derive(Serialize, ToSchema)]
#[schema(as = MoveInCause)]
pub struct CauseBody {
    /// None where the whole row is meant.
    column: Option<String>,
    reason: String,
    mend: String,
    rows: u64,
    /// The first few, as the file counts them.
    first_rows: Vec<u64>,
}

impl ReportBody {
    fn of(report: MoveInReport) -> ReportBody {
        let (outcome, undone_by) = match report.outcome {
            Outcome::DryRun => ("dry_run", None),
            Outcome::Done => ("done", None),
            Outcome::Refused => ("refused", None),
            Outcome::Undone(seq) => ("undone", Some(seq)),
        };
        let people = report.people;
        let taken = report.taken.into_iter();
        let left = report.not_taken.into_iter();
        let steps = report.steps.into_iter();
        ReportBody {
            file_name: report.file_name,
            format: report.format,
            encoding: report.encoding,
            organization: report.organization,
            at: wire::time(report.at),
            by: report.by,
            outcome,
            undone_by,
            rows: people.rows,
            created: people.created,
            updated: people.updated,
            unchanged: people.unchanged,
            skipped: people.skipped,
            rejected: people.rejected,
            activated: people.activated,
            contacts: people.contacts,
            taken: taken.map(|c| TakenBody { header: c.header, field: c.field, rows: c.rows }).collect(),
            not_taken: left.map(|c| LeftBody { header: c.header, why: c.why, rows: c.rows }).collect(),
            steps: steps.map(|s| StepBody { what: s.what, how: s.how, count: s.count }).collect(),
            notes: report.notes,
            problems: report.problems.into_iter().map(cause).collect(),
            remarks: report.remarks.into_iter().map(cause).collect(),
            not_listed: report.not_listed,
        }
    }
}

fn cause(cause: Cause) -> CauseBody {
    let Cause { column, reason, mend, rows, first_rows, .. } = cause;
    CauseBody { column, reason, mend, rows, first_rows }
}

#[derive(Clone, Copy, PartialEq)]
enum Rendering {
    Json,
    Text,
    Html,
}

/// Show what an import leaves to do
///
/// Of a dry run, of an import that was done and of one that was refused: what maps, what does not and why,
/// and what is left to be done by hand. As JSON, plain text, or a page to be printed, by `format` or else by
/// `Accept`.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/imports/{job}/report", tag = "files",
    params(("org" = String, Path, description = "Slug or id."), ("job" = uuid::Uuid, Path, description = "The job's id."),
        ("format" = Option<String>, Query, pattern = "^(json|text|html)$", description = "How it is written; else what `Accept` asks for, else JSON.")),
    responses((status = 200, description = "The report.", content(
        (ReportBody = "application/json"), (String = "text/plain"), (String = "text/html")))))]
pub async fn report(
    caller: Caller,
    Path((org, job)): Path<(String, String)>,
    Query(pairs): Pairs,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let asked = params.parsed("format", |word| match word {
        "json" => Ok(Rendering::Json),
        "text" => Ok(Rendering::Text),
        "html" => Ok(Rendering::Html),
        other => Err(Mistake::new(
            "format",
            format!("is not one of json, text, html: {other:.40}"),
            "choose one, or leave it out",
        )),
    });
    params.finish()?;
    let id = job_id(&job)?;
    let report = caller.run(move |app| app.move_in_report(&scope, id)).await?;
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let vary = (VARY, "Accept");
    Ok(match asked.unwrap_or_else(|| accepted(accept)) {
        Rendering::Json => ([vary], Json(ReportBody::of(report))).into_response(),
        Rendering::Text => {
            ([vary, (CONTENT_TYPE, "text/plain; charset=utf-8")], report::text(&report)).into_response()
        }
        Rendering::Html => {
            let headers = [
                vary,
                (CONTENT_TYPE, "text/html; charset=utf-8"),
                (CONTENT_SECURITY_POLICY, report::policy()),
            ];
            (headers, report::html(&report)).into_response()
        }
    })
}

/// The first kind that is asked for and that there is: browsers name what they want first.
fn accepted(accept: &str) -> Rendering {
    let known = |kind: &str| match kind.split(';').next().unwrap_or_default().trim() {
        "text/html" => Some(Rendering::Html),
        "text/plain" => Some(Rendering::Text),
        "application/json" => Some(Rendering::Json),
        _ => None,
    };
    accept.split(',').find_map(known).unwrap_or(Rendering::Json)
}
