//! People as a file in our own format, streamed while it is written.

use std::io::{self, Write};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use muster_app::imports::ExportOptions;
use muster_domain::permission::Permission;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::caller::Caller;
use crate::params::{Pairs, Params};
use crate::problem::Problem;

/// Bytes that are gathered before they are sent.
const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks that wait for a client that reads slowly.
const CHUNKS: usize = 4;
/// A client that takes nothing for this long is given up: it holds a snapshot of the database.
const SLOW_MAX: Duration = Duration::from_secs(60);

/// Export people to a file
///
/// Everybody who is not trashed, in our own format. `with_secrets` adds passwords and PINs in the clear
/// and needs the permission to export secrets.
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
    let place = caller.state.place_for_export().await?;
    let name = format!("{}.csv", scope.organization().slug);
    let (out, mut chunks) = mpsc::channel::<Result<Bytes, io::Error>>(CHUNKS);
    let app = caller.state.app().clone();
    let failed = out.clone();
    let writing = tokio::task::spawn_blocking(move || {
        let sink = Sink { out, buffer: Vec::with_capacity(CHUNK_BYTES), runtime: Handle::current() };
        let result = app.export(&scope, ExportOptions { with_secrets }, sink);
        drop(place);
        if result.is_err() {
            // What was sent so far must not look whole: the connection is cut.
            let _ = failed.try_send(Err(io::Error::other("the export failed")));
        }
        result
    });
    // An export that fails before its first bytes is a problem like any other.
    let first = match chunks.recv().await {
        Some(Ok(first)) => first,
        _ => {
            return match writing.await {
                Ok(Ok(_)) => Ok(Body::empty().into_response()),
                Ok(Err(error)) => Err(error.into()),
                Err(stopped) => Err(Problem::internal(&stopped)),
            };
        }
    };
    let rest = ReceiverStream::new(chunks);
    let body = Body::from_stream(tokio_stream::once(Ok(first)).chain(rest));
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [(CONTENT_TYPE, "text/csv; charset=utf-8".to_string()), (CONTENT_DISPOSITION, disposition)];
    Ok((headers, body).into_response())
}

/// Sends what is written, in chunks, waiting for the client.
struct Sink {
    out: mpsc::Sender<Result<Bytes, io::Error>>,
    buffer: Vec<u8>,
    runtime: Handle,
}

impl Sink {
    fn send(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK_BYTES));
        let sent = self.runtime.block_on(tokio::time::timeout(SLOW_MAX, self.out.send(Ok(chunk.into()))));
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone")),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK_BYTES {
            self.send()?;
        }
        Ok(bytes.len())
    }

    /// The writer flushes when it is done; whatever is left goes out.
    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.send();
    }
}
