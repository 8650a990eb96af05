//! Invoices: the next one at any time, those of cycles that are closed, as lists, files and pages to print.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use muster_app::billing::{Bill, NamedLine};
use muster_app::{App, AppError, Scope};
use muster_domain::billing::Invoice;
use muster_domain::billing::charges::{Why, total};
use muster_domain::calendar::Cycle;
use muster_domain::types::Name;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::lists::{entity, page};
use super::{with_header, written};
use crate::body::Incoming;
use crate::caller::Caller;
use crate::parameters::{AsOf, Listing, Once, Paging};
use crate::params::{Pairs, Params};
use crate::problem::Problem;
use crate::report::invoice::{Sheet, csv as as_csv, html as as_html};
use crate::wire::{self, described, page_of};

/// Lines that a preview lists; all of them are in its file.
const LINES_SHOWN_MAX: usize = 1000;

described! {
    InvoiceBody = wire::schema::<Invoice>("What a closed cycle has cost.");
}

page_of! {
    Invoices of InvoiceBody = "A page of invoices.";
}

/// A line of an invoice. Amounts are in minor units of the invoice's currency.
#[derive(Serialize, ToSchema)]
#[schema(as = InvoiceLine)]
pub struct LineBody {
    /// From 1.
    line: u64,
    /// Why: `share_of_days`, `any_moment`, `at_close`, `licence`, `metered`, `number`, `purchase` or `credit`.
    why: &'static str,
    #[schema(format = Uuid)]
    user: Option<String>,
    /// Null where it is for nobody, or once the person has been purged.
    display_name: Option<String>,
    extension: Option<String>,
    /// A user type, a number, a model.
    what: String,
    quantity: u64,
    /// The days that are charged, of those of the cycle; 0 of what is paid once.
    days: u32,
    of_days: u32,
    /// The first day that it is about, and the last.
    from: String,
    to: String,
    /// Answered calls, where they are why.
    calls: u32,
    unit_minor: i64,
    amount_minor: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AmountOf)]
pub struct AmountBody {
    why: &'static str,
    lines: u64,
    amount_minor: i64,
}

/// What a cycle would cost if nothing changed until its end.
#[derive(Serialize, ToSchema)]
#[schema(as = InvoicePreview)]
pub struct PreviewBody {
    /// Such as `2026-11`.
    cycle: String,
    #[schema(format = DateTime)]
    starts_at: String,
    /// The first moment after it.
    #[schema(format = DateTime)]
    ends_at: String,
    currency: String,
    total_minor: i64,
    line_count: u64,
    by_why: Vec<AmountBody>,
    /// The first thousand; the file has all.
    lines: Vec<LineBody>,
}

/// A page of an invoice's lines.
#[derive(Serialize, ToSchema)]
pub struct InvoiceLines {
    items: Vec<LineBody>,
    /// What to send as `cursor` for the next page; null at the end.
    next_cursor: Option<String>,
}

/// A closed invoice, made again from the log.
#[derive(Serialize, ToSchema)]
#[schema(as = InvoiceCheck)]
pub struct CheckBody {
    /// Made again it is the same to the last line.
    same: bool,
    /// The lines that are kept are those that were closed.
    lines_kept: bool,
    total_minor: i64,
    total_again_minor: i64,
    digest: Option<String>,
    digest_again: String,
}

/// Which cycle.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = Closing)]
pub struct ClosingBody {
    /// Year and month, such as `2026-11`; the last one that is over where none is given.
    cycle: Option<String>,
}

fn line_body(named: &NamedLine, cycle: &Cycle) -> LineBody {
    let line = &named.line;
    LineBody {
        line: named.number,
        why: line.why.word(),
        user: line.user.map(|user| user.to_string()),
        display_name: named.person.clone(),
        extension: named.extension.clone(),
        what: line.what.to_string(),
        quantity: line.quantity,
        days: line.days,
        of_days: line.of_days,
        from: cycle.date_of(line.from_day),
        to: cycle.date_of(line.to_day.saturating_sub(1)),
        calls: line.calls,
        unit_minor: line.unit.0,
        amount_minor: line.amount.0,
    }
}

/// List invoices
#[utoipa::path(get, path = "/api/v1/organizations/{org}/invoices", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), Listing, AsOf),
    responses((status = 200, body = Invoices)))]
pub async fn list(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<Invoices>, Problem> {
    Ok(Invoices::new(page::<Invoice>(&caller, &org, Query(pairs)).await?, entity))
}

/// Preview an invoice
///
/// What the cycle that runs now would cost if nothing changed until its end, or another one that is named.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/invoices/preview", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."),
        ("cycle" = Option<String>, Query, description = "Year and month, such as `2026-11`.")),
    responses((status = 200, body = PreviewBody)))]
pub async fn preview(
    caller: Caller,
    Path(org): Path<String>,
    pairs: Pairs,
) -> Result<Json<PreviewBody>, Problem> {
    let (scope, cycle) = asked(&caller, &org, pairs).await?;
    let previewed = caller.run(move |app| {
        let bill = app.preview_invoice(&scope, cycle.as_deref())?;
        let first = &bill.lines[..bill.lines.len().min(LINES_SHOWN_MAX)];
        Ok((app.named_lines(&scope, first)?, bill))
    });
    let (named, bill) = previewed.await?;
    Ok(Json(preview_body(&bill, &named)))
}

fn preview_body(bill: &Bill, named: &[NamedLine]) -> PreviewBody {
    let by_why = Why::ALL.iter().filter_map(|why| {
        let lines: Vec<_> = bill.lines.iter().filter(|line| line.why == *why).cloned().collect();
        (!lines.is_empty()).then(|| AmountBody {
            why: why.word(),
            lines: lines.len() as u64,
            amount_minor: total(&lines).0,
        })
    });
    PreviewBody {
        cycle: bill.cycle.name(),
        starts_at: wire::time(bill.cycle.starts_at()),
        ends_at: wire::time(bill.cycle.ends_at()),
        currency: bill.currency.to_string(),
        total_minor: bill.total.0,
        line_count: bill.lines.len() as u64,
        by_why: by_why.collect(),
        lines: named.iter().map(|line| line_body(line, &bill.cycle)).collect(),
    }
}

/// Preview an invoice as a CSV file
#[utoipa::path(get, path = "/api/v1/organizations/{org}/invoices/preview.csv", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."),
        ("cycle" = Option<String>, Query, description = "Year and month, such as `2026-11`.")),
    responses((status = 200, description = "The file.", content_type = "text/csv", body = String)))]
pub async fn preview_csv(caller: Caller, Path(org): Path<String>, pairs: Pairs) -> Result<Response, Problem> {
    let (scope, cycle) = asked(&caller, &org, pairs).await?;
    let sheet = caller.run(move |app| preview_sheet(app, &scope, cycle.as_deref())).await?;
    Ok(csv_response(&sheet))
}

/// Preview an invoice as a page to print
#[utoipa::path(get, path = "/api/v1/organizations/{org}/invoices/preview.html", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."),
        ("cycle" = Option<String>, Query, description = "Year and month, such as `2026-11`.")),
    responses((status = 200, description = "The page.", content_type = "text/html", body = String)))]
pub async fn preview_html(
    caller: Caller,
    Path(org): Path<String>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let (scope, cycle) = asked(&caller, &org, pairs).await?;
    let sheet = caller.run(move |app| preview_sheet(app, &scope, cycle.as_deref())).await?;
    Ok(html_response(&sheet))
}

async fn asked(caller: &Caller, org: &str, pairs: Pairs) -> Result<(Scope, Option<String>), Problem> {
    let scope = caller.scope(org).await?;
    let mut params = Params::of(pairs);
    let cycle = params.text("cycle").filter(|cycle| !cycle.is_empty());
    params.finish()?;
    Ok((scope, cycle))
}

fn preview_sheet(app: &App, scope: &Scope, cycle: Option<&str>) -> Result<Sheet, AppError> {
    let bill = app.preview_invoice(scope, cycle)?;
    Ok(Sheet {
        organization: scope.organization().name.to_string(),
        is_closed: false,
        currency: bill.currency.to_string(),
        total: bill.total,
        lines: app.named_lines(scope, &bill.lines)?,
        cycle: bill.cycle,
    })
}

fn closed_sheet(app: &App, scope: &Scope, which: &str) -> Result<Sheet, AppError> {
    let invoice = app.invoice(scope, which)?;
    Ok(Sheet {
        organization: scope.organization().name.to_string(),
        is_closed: true,
        currency: invoice.currency.to_string(),
        total: invoice.total_minor,
        lines: app.invoice_lines(scope, invoice.id, 0, usize::MAX >> 1)?,
        cycle: cycle_of(scope, &invoice)?,
    })
}

fn cycle_of(scope: &Scope, invoice: &Invoice) -> Result<Cycle, AppError> {
    Cycle::named(invoice.cycle.as_str(), scope.organization().time_zone.as_ref())
        .map_err(|reason| AppError::invalid("cycle", reason.reason, reason.mend))
}

/// Close a cycle
///
/// The operator's. What a cycle that is over has cost is frozen; closed once, however often it is asked.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/invoices", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), Once),
    request_body = ClosingBody,
    responses((status = 201, body = InvoiceBody, headers(("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn close(
    caller: Caller,
    Path(org): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let (mut object, bytes) = incoming.object_or_nothing().await?;
    let cycle = object.optional::<Name>("cycle");
    object.finish()?;
    let scope = incoming.once(scope, &bytes)?;
    let closed = caller.run(move |app| app.close_invoice(&scope, cycle.as_ref().map(Name::as_str))).await?;
    let at = format!("/api/v1/organizations/{org}/invoices/{}", closed.invoice.id);
    let response = (StatusCode::CREATED, Json(entity(&closed.invoice))).into_response();
    Ok(written(&closed.done, with_header(axum::http::header::LOCATION, &at, response)))
}

/// Show an invoice
///
/// By its id or its cycle.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/invoices/{id}", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = String, Path, description = "Its id, or its cycle.")),
    responses((status = 200, body = InvoiceBody)))]
pub async fn show(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
) -> Result<Json<serde_json::Value>, Problem> {
    let scope = caller.scope(&org).await?;
    let invoice = caller.run(move |app| app.invoice(&scope, &id)).await?;
    Ok(Json(entity(&invoice)))
}

/// List the lines of an invoice
#[utoipa::path(get, path = "/api/v1/organizations/{org}/invoices/{id}/lines", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = String, Path, description = "Its id, or its cycle."), Paging),
    responses((status = 200, body = InvoiceLines)))]
pub async fn lines(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
    Query(pairs): Pairs,
) -> Result<Json<InvoiceLines>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let limit = params.number("limit", 50, 1, 1000) as usize;
    let after = params.cursor(|text| text.parse::<u64>().ok()).unwrap_or(0);
    params.finish()?;
    let read = caller.run(move |app| {
        let invoice = app.invoice(&scope, &id)?;
        Ok((app.invoice_lines(&scope, invoice.id, after, limit)?, cycle_of(&scope, &invoice)?))
    });
    let (lines, cycle) = read.await?;
    let next_cursor = lines.last().filter(|_| lines.len() == limit).map(|last| last.number.to_string());
    Ok(Json(InvoiceLines { items: lines.iter().map(|line| line_body(line, &cycle)).collect(), next_cursor }))
}

/// Get an invoice as a CSV file
#[utoipa::path(get, path = "/api/v1/organizations/{org}/invoices/{id}/invoice.csv", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = String, Path, description = "Its id, or its cycle.")),
    responses((status = 200, description = "The file.", content_type = "text/csv", body = String)))]
pub async fn csv(caller: Caller, Path((org, id)): Path<(String, String)>) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let sheet = caller.run(move |app| closed_sheet(app, &scope, &id)).await?;
    Ok(csv_response(&sheet))
}

/// Get an invoice as a page to print
#[utoipa::path(get, path = "/api/v1/organizations/{org}/invoices/{id}/invoice.html", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = String, Path, description = "Its id, or its cycle.")),
    responses((status = 200, description = "The page.", content_type = "text/html", body = String)))]
pub async fn html(caller: Caller, Path((org, id)): Path<(String, String)>) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let sheet = caller.run(move |app| closed_sheet(app, &scope, &id)).await?;
    Ok(html_response(&sheet))
}

/// Make an invoice again
///
/// From the log as it was when the cycle was closed and the calls that were known then; nothing is written.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/invoices/{id}/check", tag = "billing",
    params(("org" = String, Path, description = "Slug or id."), ("id" = String, Path, description = "Its id, or its cycle.")),
    responses((status = 200, body = CheckBody)))]
pub async fn check(
    caller: Caller,
    Path((org, id)): Path<(String, String)>,
) -> Result<Json<CheckBody>, Problem> {
    let scope = caller.scope(&org).await?;
    caller.look_back(&scope).await?;
    let check = caller.run(move |app| app.check_invoice(&scope, &id)).await?;
    Ok(Json(CheckBody {
        same: check.is_same(),
        lines_kept: check.lines_are_kept,
        total_minor: check.invoice.total_minor.0,
        total_again_minor: check.total.0,
        digest: check.invoice.digest.as_ref().map(ToString::to_string),
        digest_again: check.digest,
    }))
}

fn csv_response(sheet: &Sheet) -> Response {
    let name = format!("attachment; filename=\"invoice-{}.csv\"", sheet.cycle.name());
    let response = ([(CONTENT_TYPE, super::exports::CSV)], as_csv(sheet)).into_response();
    with_header(CONTENT_DISPOSITION, &name, response)
}

fn html_response(sheet: &Sheet) -> Response {
    let response = ([(CONTENT_TYPE, "text/html; charset=utf-8")], as_html(sheet)).into_response();
    with_header(CONTENT_SECURITY_POLICY, crate::report::policy(), response)
}
