//! People as a file in our own format: read at once, then sent as the client reads.

use std::io::{self, Read};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use muster_app::Scope;
use muster_app::imports::ExportOptions;
use muster_domain::permission::Permission;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::caller::Caller;
use crate::params::{Pairs, Params};
use crate::problem::Problem;
use crate::spool::Spool;
use crate::state::{ApiState, ExportClaim};

/// What waits on the disk for one client.
const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Passwords are not written to the disk in the clear: what waits in memory for one client.
const SECRETS_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes that are sent at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks that wait for a client that reads slowly.
const CHUNKS: usize = 4;
/// A client that takes nothing for this long is given up.
const SLOW_MAX: Duration = Duration::from_secs(60);

/// Export people to a file
///
/// Everybody who is not trashed, in our own format. `with_secrets` adds passwords and PINs in the clear
/// and needs the permission to export secrets. One at a time per organization: 503 while another is being
/// sent.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/export.csv", tag = "files",
    params(("org" = String, Path, description = "Slug or id."),
        ("with_secrets" = Option<bool>, Query, description = "Passwords and PINs too.")),
    responses((status = 200, description = "The file.", content_type = "text/csv", body = String)))]
pub async fn export(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Response, Problem> {
    let mut params = Params::of(Query(pairs));
    let with_secrets = params.flag("with_secrets");
    let permission = if with_secrets { Permission::ExportSecrets } else { Permission::Read };
    let scope = caller.scope(&org, permission).await?;
    params.finish()?;
    let state = caller.state.clone();
    let claim = state.claim_export(scope.org())?;
    let file_name = format!("{}.csv", scope.organization().slug);
    let (reader, length) = read_all(&state, scope, with_secrets).await?;
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_string()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{file_name}\"")),
        // What ends early is seen to.
        (CONTENT_LENGTH, length.to_string()),
    ];
    Ok((headers, body_of(reader, claim)).into_response())
}

/// Everybody, at the speed of the database: whatever the client does, its connection is free after this.
async fn read_all(
    state: &ApiState,
    scope: Scope,
    with_secrets: bool,
) -> Result<(Box<dyn Read + Send>, u64), Problem> {
    let place = state.place_for_export().await?;
    let app = state.app().clone();
    let done = tokio::task::spawn_blocking(move || {
        let mut spool = match with_secrets {
            true => Spool::in_memory(SECRETS_BYTES_MAX),
            false => Spool::in_file(FILE_BYTES_MAX).map_err(|e| Problem::internal(&e))?,
        };
        let result = app.export(&scope, ExportOptions { with_secrets }, &mut spool);
        drop(place);
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

/// Sends what was read. The claim ends with the body, or when the client takes nothing for too long.
fn body_of(mut reader: Box<dyn Read + Send>, claim: ExportClaim) -> Body {
    let (out, chunks) = mpsc::channel::<Result<Bytes, io::Error>>(CHUNKS);
    let (runtime, give_up) = (Handle::current(), claim.ender());
    tokio::task::spawn_blocking(move || {
        loop {
            let mut chunk = Vec::with_capacity(CHUNK_BYTES);
            let item = match reader.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut chunk) {
                Ok(0) => return,
                Ok(_) => Ok(chunk.into()),
                Err(e) => Err(e),
            };
            match runtime.block_on(tokio::time::timeout(SLOW_MAX, out.send(item))) {
                Ok(Ok(())) => {}
                _ => return give_up(),
            }
        }
    });
    let whole = ReceiverStream::new(chunks);
    Body::from_stream(whole.map(move |chunk| {
        let _held = &claim;
        chunk
    }))
}
