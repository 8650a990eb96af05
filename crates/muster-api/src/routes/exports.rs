//! People as a file in our own format: read at once, then sent as the client reads.

use std::io::{self, Read};

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use muster_app::Scope;
use muster_app::imports::{ExportOptions, Format};
use muster_domain::permission::Permission;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::parameters::AsOf;
use crate::params::{Pairs, Params};
use crate::problem::{Mistake, Problem};
use crate::sending::{CHUNKS, Chunk, Pace};
use crate::spool::Spool;
use crate::state::ExportClaim;

pub(super) const CSV: &str = "text/csv; charset=utf-8";
pub(super) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// What waits on the disk for one client.
const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Passwords are not written to the disk in the clear: what waits in memory for one client.
const SECRETS_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes that are sent at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Export people to a file
///
/// Everybody who is not trashed, in our own format or as another system takes them in. `with_secrets` adds passwords and PINs in the clear
/// and needs the permission to export secrets. One at a time per token: 503 while another is being
/// sent. Whoever takes less than 8 KiB a second is given up after a minute.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/export.csv", tag = "files",
    params(("org" = String, Path, description = "Slug or id."),
        ("format" = Option<String>, Query, pattern = "^(muster|ringotel|3cx|fusionpbx|freepbx|wazo|webex|mikopbx|ivozprovider|conductor)$", description = "Which system is to take the file in; `muster` [default] holds everything."),
        ("with_secrets" = Option<bool>, Query, description = "Passwords and PINs too."),
        AsOf),
    responses((status = 200, description = "The file.", content_type = "text/csv", body = String)))]
pub async fn export(caller: Caller, path: Path<String>, pairs: Pairs) -> Result<Response, Problem> {
    send(caller, path, pairs, false).await
}

/// Export people to an Excel workbook
///
/// As the CSV file of our own format. Every cell is text: leading zeros live, and nothing is a formula.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/export.xlsx", tag = "files",
    params(("org" = String, Path, description = "Slug or id."),
        ("with_secrets" = Option<bool>, Query, description = "Passwords and PINs too."),
        AsOf),
    responses((status = 200, description = "The file.", content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", body = Vec<u8>)))]
pub async fn workbook(caller: Caller, path: Path<String>, pairs: Pairs) -> Result<Response, Problem> {
    send(caller, path, pairs, true).await
}

async fn send(
    caller: Caller,
    Path(org): Path<String>,
    pairs: Pairs,
    workbook: bool,
) -> Result<Response, Problem> {
    let mut params = Params::of(pairs);
    let options = ExportOptions { workbook, ..options(&mut params, !workbook) };
    let scope = caller.scope(&org).await?;
    if options.with_secrets {
        caller.scope_for(&org, Permission::SecretsExport).await?;
    }
    let as_of = params.as_of();
    params.finish()?;
    let scope = caller.as_of(scope, as_of).await?;
    let state = caller.state.clone();
    let claim = state.claim_export(caller.actor.id, scope.org())?;
    let slug = &scope.organization().slug;
    let file_name = match options.format {
        _ if workbook => format!("{slug}.xlsx"),
        Format::Muster => format!("{slug}.csv"),
        other => format!("{slug}-{}.csv", other.word()),
    };
    let (reader, length) = read_all(&caller, scope, options).await?;
    let headers = [
        (CONTENT_TYPE, if workbook { XLSX } else { CSV }.to_string()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{file_name}\"")),
        // What ends early is seen to.
        (CONTENT_LENGTH, length.to_string()),
    ];
    Ok((headers, body_of(reader, claim)).into_response())
}

/// Something that a file has no room for.
#[derive(Serialize, ToSchema)]
pub struct LeftOutBody {
    /// A field by its label, or a thing such as `Devices`.
    what: String,
    people: u64,
    /// The usernames of the first few.
    first: Vec<String>,
}

/// What an export would leave out.
#[derive(Serialize, ToSchema)]
pub struct ExportReport {
    people: u64,
    left_out: Vec<LeftOutBody>,
    /// How many people's password or PIN would be in the file of another system.
    people_with_secrets: u64,
}

/// Say what an export would leave out
///
/// What the other system's file has no room for, and of how many people. Nothing is written.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/export/report", tag = "files",
    params(("org" = String, Path, description = "Slug or id."),
        ("format" = Option<String>, Query, pattern = "^(muster|ringotel|3cx|fusionpbx|freepbx|wazo|webex|mikopbx|ivozprovider|conductor)$", description = "Which system is to take the file in; `muster` [default] leaves nothing out."),
        ("with_secrets" = Option<bool>, Query, description = "As if passwords and PINs were in the file."),
        AsOf),
    responses((status = 200, body = ExportReport)))]
pub async fn report(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<ExportReport>, Problem> {
    let mut params = Params::of(Query(pairs));
    let options = options(&mut params, true);
    let scope = caller.scope(&org).await?;
    if options.with_secrets {
        caller.scope_for(&org, Permission::SecretsExport).await?;
    }
    let as_of = params.as_of();
    params.finish()?;
    let scope = caller.as_of(scope, as_of).await?;
    let state = caller.state.clone();
    let _claim = state.claim_export(caller.actor.id, scope.org())?;
    let exported = caller.run(move |app| app.export(&scope, options, io::sink())).await?;
    let left_out = exported.left_out.into_iter().map(|(what, left)| LeftOutBody {
        what,
        people: left.people,
        first: left.first.iter().map(|username| username.to_string()).collect(),
    });
    let (people, people_with_secrets) = (exported.people, exported.people_with_secrets);
    Ok(Json(ExportReport { people, left_out: left_out.collect(), people_with_secrets }))
}

/// A workbook is always in our own format.
fn options(params: &mut Params, has_format: bool) -> ExportOptions {
    let with_secrets = params.flag("with_secrets");
    if !has_format {
        return ExportOptions { with_secrets, ..ExportOptions::default() };
    }
    let format = params.parsed("format", |word| {
        Format::from_word(word).ok_or_else(|| {
            let known: Vec<&str> = Format::ALL.iter().map(|format| format.word()).collect();
            let reason = format!("is not a format that can be written: {word:.40}");
            Mistake::new("format", reason, format!("use one of {}", known.join(", ")))
        })
    });
    ExportOptions { with_secrets, format: format.unwrap_or(Format::Muster), workbook: false }
}

/// Everybody, at the speed of the database: whatever the client does, its connection is free after this.
async fn read_all(
    caller: &Caller,
    scope: Scope,
    options: ExportOptions,
) -> Result<(Box<dyn Read + Send>, u64), Problem> {
    let (past, place) = (caller.past(), caller.state.place_for_export().await?);
    let app = caller.state.app().clone();
    let done = tokio::task::spawn_blocking(move || {
        let with_secrets = options.with_secrets;
        let mut spool = match with_secrets {
            true => Spool::in_memory(SECRETS_BYTES_MAX),
            false => Spool::in_file(FILE_BYTES_MAX).map_err(|e| Problem::internal(&e))?,
        };
        if with_secrets {
            app.note_export_of_secrets(&scope)?;
        }
        let result = app.export(&scope, options, &mut spool);
        drop((place, past));
        if spool.overflowed() {
            return Err(too_much(with_secrets));
        }
        result?;
        spool.reader().map_err(|e| Problem::internal(&e))
    });
    done.await.unwrap_or_else(|stopped| Err(Problem::internal(&stopped)))
}

fn too_much(with_secrets: bool) -> Problem {
    let detail = match with_secrets {
        true => format!(
            "the file with passwords would be larger than {} MiB: export without them, and ask for the credentials of people one by one",
            SECRETS_BYTES_MAX >> 20
        ),
        false => {
            format!("the file would be larger than {} MiB: read the list page by page", FILE_BYTES_MAX >> 20)
        }
    };
    Problem::new(StatusCode::CONFLICT, "not-allowed", detail)
}

/// Sends what was read. The claim ends with the body, or when the client takes too little.
pub(super) fn body_of(mut reader: Box<dyn Read + Send>, claim: ExportClaim) -> Body {
    let (out, chunks) = mpsc::channel::<Chunk>(CHUNKS);
    let (runtime, give_up) = (Handle::current(), claim.ender());
    tokio::task::spawn_blocking(move || {
        let mut pace = Pace::default();
        loop {
            let mut chunk = Vec::with_capacity(CHUNK_BYTES);
            let item = match reader.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut chunk) {
                Ok(0) => return,
                Ok(_) => Ok(chunk.into()),
                Err(e) => Err(e),
            };
            if runtime.block_on(pace.send(&out, item)).is_err() {
                return give_up();
            }
        }
    });
    let whole = ReceiverStream::new(chunks);
    Body::from_stream(whole.map(move |chunk| {
        let _held = &claim;
        chunk
    }))
}
