//! A file to be filled in.

use axum::extract::Path;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use muster_app::imports::{template_csv, template_workbook};

use super::exports::{CSV, XLSX};
use crate::caller::Caller;
use crate::problem::Problem;

/// Get a CSV file to be filled in
///
/// Every column of our own format, with what it is and an example in the lines above the header, which an import
/// passes over. People go below; columns that are not needed are taken out.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/imports/template.csv", tag = "files",
    params(("org" = String, Path, description = "Slug or id.")),
    responses((status = 200, description = "The file.", content_type = "text/csv", body = String)))]
pub async fn csv(caller: Caller, Path(org): Path<String>) -> Result<Response, Problem> {
    caller.scope(&org).await?;
    let bytes = template_csv().map_err(|e| Problem::internal(&e))?;
    Ok(file(CSV, "csv", bytes))
}

/// Get an Excel workbook to be filled in
///
/// As the CSV file; every column is text, so that leading zeros stay.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/imports/template.xlsx", tag = "files",
    params(("org" = String, Path, description = "Slug or id.")),
    responses((status = 200, description = "The file.", content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", body = Vec<u8>)))]
pub async fn workbook(caller: Caller, Path(org): Path<String>) -> Result<Response, Problem> {
    caller.scope(&org).await?;
    let bytes = template_workbook().map_err(|e| Problem::internal(&e))?;
    Ok(file(XLSX, "xlsx", bytes))
}

fn file(kind: &'static str, ending: &str, bytes: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"people-template.{ending}\"");
    ([(CONTENT_TYPE, kind.to_string()), (CONTENT_DISPOSITION, disposition)], bytes).into_response()
}
