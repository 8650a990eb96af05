//! A file of people is received and becomes a job.

use axum::Json;
use axum::extract::{FromRequest, Multipart, Path, Query};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, LOCATION};
use axum::response::{IntoResponse, Response};
use muster_app::imports::{
    Activate, Correction, Existing, ImportOptions, Inactive, Likeness, Mapping, MatchKey, NewImport,
    Suggestion,
};
use muster_domain::handling::Acknowledged;
use muster_domain::ids::JobId;
use serde::Serialize;
use utoipa::ToSchema;

use super::jobs::{JobBody, job_json};
use super::{with_header, written};
use crate::body::{Incoming, Pace, SILENCE_MAX};
use crate::caller::Caller;
use crate::params::{Pairs, Params};
use crate::problem::{Mistake, Problem};

/// The largest file; what is larger is refused without being read.
const FILE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// What a multipart body may have around the file.
const ENVELOPE_BYTES_MAX: u64 = 64 * 1024;
const MEDIA_TYPES: &str =
    "text/csv, application/octet-stream, or multipart/form-data with one part named file";

/// A form with the file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the description only")]
pub struct ImportForm {
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

/// Import people from a file
///
/// The file becomes a job; its result says what became of each row. All or nothing, unless
/// `good_rows_only`. At most 256 MiB.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/imports", tag = "files",
    params(("org" = String, Path, description = "Slug or id."),
        ("format" = Option<String>, Query, pattern = "^(auto|muster|ringotel|3cx|fusionpbx|freepbx|wazo|webex|mikopbx|ivozprovider|conductor)$", description = "Which system wrote the file; `auto` [default] tells by its columns."),
        ("mapping" = Option<String>, Query, max_length = 32768, description = "What the columns of a file of no known format mean, as `…/imports/mapping` gives it."),
        ("vertical" = Option<bool>, Query, description = "People are columns and their fields are lines: read so whatever the file looks like. Without it that is seen by the names at the beginning of the lines."),
        ("match" = Option<String>, Query, pattern = "^(username|extension|email)$", description = "By what a row is recognized as somebody who is there already."),
        ("existing" = Option<String>, Query, pattern = "^(update|skip|fail)$", description = "What becomes of rows that mean somebody who is there already: `update` what differs [default with `match`], `skip` them, or `fail`: each is an error [default without `match`]. Without `match`, `skip` knows them by username, else by extension."),
        ("inactive" = Option<String>, Query, pattern = "^(contacts|disabled|leave_out)$", description = "What becomes of people whom the file calls inactive, whatever `activate` says of the others: `contacts` [default], `disabled`, or `leave_out`. Not asked where our own format says the state itself."),
        ("corrections" = Option<String>, Query, max_length = 16384, description = "Corrections of cells as JSON, at most 200: `[{\"column\": \"Site\", \"found\": \"Lisbonne\", \"value\": \"Lisbon\"}]`. `found` is compared without regard to case and outer spaces; empty is for empty cells. A `*` at the end of `found` stands for the rest of the cell, alone for every cell, and one at the end of `value` puts the rest back (`0*` and `+44*`); `\\*` is a star. Passwords can only be emptied."),
        ("activate" = Option<String>, Query, pattern = "^(file|all|none)$", description = "Who is activated: as the `file` says, else everyone with a SIP secret [default]; `all`; `none`."),
        ("dry_run" = Option<bool>, Query, description = "Judge only; write nothing."),
        ("good_rows_only" = Option<bool>, Query, description = "Take the rows that are right although others are not."),
        ("site" = Option<String>, Query, description = "The site of rows that name none."),
        ("connection" = Option<String>, Query, description = "The connection of rows that name none."),
        ("allow_shared_emails" = Option<bool>, Query, description = "Two users may have the same email; neither signs in with it."),
        ("acknowledge" = Option<String>, Query, max_length = 100, description = "The words of the warnings that were read, with commas: `hipaa_sms`, `hipaa_voice_mail`. Without them a row that turns on what carries one is an error."),
        ("create_sites" = Option<bool>, Query, description = "Make the sites that the file names and that are not there."),
        ("file_name" = Option<String>, Query, description = "What the file is called."),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Sent again with the same file, the request makes one job.")),
    request_body(content((String = "text/csv"), (Vec<u8> = "application/octet-stream"), (ImportForm = "multipart/form-data"))),
    responses((status = 202, body = JobBody, headers(("Location", description = "The job."),
        ("Muster-Seq" = u64, description = "The newest change of the log.")))))]
pub async fn create(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let options = options(&mut params);
    let file_name = params.text("file_name").unwrap_or_default();
    params.finish()?;
    // Each file is in memory until its job is made.
    let place = caller.state.place_for_upload(scope.org()).await?;
    let bytes = file(&mut incoming).await?;
    let scope = incoming.once(scope, &bytes)?;
    let opening = caller.state.place_to_open(scope.org(), is_packed(&bytes)).await?;
    let started = caller.run(move |app| {
        let done = app.start_import(&scope, &NewImport { file_name: &file_name, bytes: &bytes, options })?;
        drop((place, opening));
        Ok((done, app.job(&scope, JobId(done.id))?))
    });
    let (done, job) = started.await?;
    let response = (StatusCode::ACCEPTED, Json(job_json(&job, true))).into_response();
    let location = format!("/api/v1/organizations/{org}/jobs/{}", done.id);
    Ok(written(&done, with_header(LOCATION, &location, response)))
}

/// A guess at one column of a file.
#[derive(Serialize, ToSchema)]
pub struct ColumnGuess {
    /// As the file writes it.
    column: String,
    /// What it would become: a column of our own format, or nothing.
    target: Option<String>,
    /// `exact` for the field's own name, `alias` for another that it is known by, `alike` for one spelt so.
    likeness: Option<&'static str>,
}

/// What a file of no known format may mean.
#[derive(Serialize, ToSchema)]
pub struct MappingBody {
    columns: Vec<ColumnGuess>,
    /// The guesses as TOML: look at it, change it, and send it as `mapping` with the file.
    mapping: String,
    /// Everything that a column can become.
    targets: Vec<String>,
}

/// Guess at a file's columns
///
/// For a list that no phone system wrote. Nothing is kept of the file. At most 256 MiB.
#[utoipa::path(post, path = "/api/v1/organizations/{org}/imports/mapping", tag = "files",
    params(("org" = String, Path, description = "Slug or id."),
        ("vertical" = Option<bool>, Query, description = "People are columns and their fields are lines.")),
    request_body(content((String = "text/csv"), (Vec<u8> = "application/octet-stream"), (ImportForm = "multipart/form-data"))),
    responses((status = 200, body = MappingBody)))]
pub async fn mapping(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
    mut incoming: Incoming,
) -> Result<Json<MappingBody>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let vertical = params.flag("vertical");
    params.finish()?;
    let place = caller.state.place_for_upload(scope.org()).await?;
    let bytes = file(&mut incoming).await?;
    let opening = caller.state.place_to_open(scope.org(), is_packed(&bytes)).await?;
    let guesses = caller.run(move |app| {
        let guesses = app.suggest_mapping(&scope, &bytes, vertical);
        drop((place, opening));
        guesses
    });
    let guesses = guesses.await?;
    let guess = |s: &Suggestion| ColumnGuess {
        column: s.header.to_string(),
        target: s.target.as_ref().map(|(target, _)| target.to_string()),
        likeness: s.target.as_ref().map(|(_, likeness)| match likeness {
            Likeness::Exact => "exact",
            Likeness::Alias => "alias",
            Likeness::Alike => "alike",
        }),
    };
    Ok(Json(MappingBody {
        columns: guesses.iter().map(guess).collect(),
        mapping: Mapping::of_suggestions(&guesses).to_toml(),
        targets: Mapping::targets().iter().map(|target| target.to_string()).collect(),
    }))
}

/// Whether it is a zip archive, as workbooks are.
fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

fn options(params: &mut Params) -> ImportOptions {
    let word = |name: &'static str, known: &'static str| {
        move |text: &str| {
            Mistake::new(name, format!("is not one of {known}: {text:.40}"), "choose one, or leave it out")
        }
    };
    ImportOptions {
        format: params.text("format"),
        mapping: params.text("mapping"),
        vertical: params.flag("vertical"),
        activate: params
            .parsed("activate", |text| match text {
                "file" => Ok(Activate::File),
                "all" => Ok(Activate::All),
                "none" => Ok(Activate::None),
                other => Err(word("activate", "file, all, none")(other)),
            })
            .unwrap_or_default(),
        match_by: params.parsed("match", |text| match text {
            "username" => Ok(MatchKey::Username),
            "extension" => Ok(MatchKey::Extension),
            "email" => Ok(MatchKey::Email),
            other => Err(word("match", "username, extension, email")(other)),
        }),
        existing: params.parsed("existing", |text| match text {
            "update" => Ok(Existing::Update),
            "skip" => Ok(Existing::Skip),
            "fail" => Ok(Existing::Fail),
            other => Err(word("existing", "update, skip, fail")(other)),
        }),
        inactive: params.parsed("inactive", |text| match text {
            "contacts" => Ok(Inactive::Contacts),
            "disabled" => Ok(Inactive::Disabled),
            "leave_out" => Ok(Inactive::LeaveOut),
            other => Err(word("inactive", "contacts, disabled, leave_out")(other)),
        }),
        corrections: params.parsed("corrections", corrections).unwrap_or_default(),
        dry_run: params.flag("dry_run"),
        good_rows_only: params.flag("good_rows_only"),
        allow_shared_emails: params.flag("allow_shared_emails"),
        acknowledge: params.parsed("acknowledge", acknowledge).unwrap_or_default(),
        create_sites: params.flag("create_sites"),
        site: params.text("site"),
        connection: params.text("connection"),
    }
}

fn acknowledge(text: &str) -> Result<Vec<String>, Mistake> {
    let words = || text.split(',').map(str::trim).filter(|word| !word.is_empty());
    Acknowledged::of(words()).map_err(|r| Mistake::new("acknowledge", r.reason, r.mend))?;
    Ok(words().map(str::to_string).collect())
}

const CORRECTIONS_BYTES_MAX: usize = 16 * 1024;

fn corrections(text: &str) -> Result<Vec<Correction>, Mistake> {
    let wrong = |reason: String| {
        let mend = r#"write [{"column": "Site", "found": "Lisbonne", "value": "Lisbon"}]"#;
        Mistake::new("corrections", reason, mend)
    };
    if text.len() > CORRECTIONS_BYTES_MAX {
        return Err(wrong(format!("is longer than {CORRECTIONS_BYTES_MAX} bytes")));
    }
    serde_json::from_str(text).map_err(|e| wrong(format!("is no list of corrections in JSON: {e}")))
}

async fn file(incoming: &mut Incoming) -> Result<Vec<u8>, Problem> {
    match incoming.media_type().as_str() {
        "text/csv" | "text/plain" | "application/octet-stream" => incoming.bytes(FILE_BYTES_MAX).await,
        "multipart/form-data" => file_of_form(incoming).await,
        _ => Err(Problem::unsupported(MEDIA_TYPES)),
    }
}

/// The part named `file`.
async fn file_of_form(incoming: &mut Incoming) -> Result<Vec<u8>, Problem> {
    let announced = incoming.headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > FILE_BYTES_MAX as u64 + ENVELOPE_BYTES_MAX) {
        return Err(Problem::too_large(FILE_BYTES_MAX));
    }
    let broken = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "unreadable", detail);
    let mut form = Multipart::from_request(incoming.take_request(), &())
        .await
        .map_err(|e| broken(format!("the form cannot be read: {e}")))?;
    let missing = || Problem::mistake("file", "is missing", "send the file as the form's part named file");
    let mut part = form
        .next_field()
        .await
        .map_err(|e| broken(format!("the form cannot be read: {e}")))?
        .ok_or_else(missing)?;
    if part.name() != Some("file") {
        return Err(missing());
    }
    let mut bytes = Vec::with_capacity(announced.unwrap_or(0) as usize);
    let pace = Pace::begins();
    loop {
        let Ok(chunk) = tokio::time::timeout(SILENCE_MAX, part.chunk()).await else {
            return Err(Problem::silence());
        };
        let chunk = chunk.map_err(|e| broken(format!("the file ended too early: {e}")))?;
        let Some(chunk) = chunk else { return Ok(bytes) };
        if bytes.len() + chunk.len() > FILE_BYTES_MAX {
            return Err(Problem::too_large(FILE_BYTES_MAX));
        }
        bytes.extend_from_slice(&chunk);
        pace.keep(bytes.len())?;
    }
}
