//! The whole installation, encrypted, sent as it is read.

use std::io::{self, Write};

use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use muster_domain::value::Reason;
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::ToSchema;

use crate::body::Incoming;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::sending::{CHUNKS, Chunk, Pace};

/// Bytes that are sent at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// What a backup is encrypted under.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBackup)]
#[allow(dead_code)]
pub struct NewBackupBody {
    /// At least 12 characters. Without it nobody can restore the backup.
    #[schema(min_length = 12, max_length = 1024)]
    passphrase: String,
}

/// Back up the installation
///
/// Every organization, person, secret and line of the change logs as of one moment, with the keys, the owner's
/// token and the records of calls, as one encrypted file for `muster restore`. Nobody's writes are held up. For
/// operators, one at a time; the operator's change log says who made it. Whoever takes less than 8 KiB a second
/// on average is given up. A file without its end is no backup:
/// the connection is broken off where something fails.
#[utoipa::path(post, path = "/api/v1/backup", tag = "system",
    request_body = NewBackupBody,
    responses((status = 200, description = "The file.", content_type = "application/octet-stream", body = Vec<u8>)))]
pub async fn create(caller: Caller, mut incoming: Incoming) -> Result<Response, Problem> {
    let operator = caller.operator_scope().await?;
    let (mut object, _) = incoming.object().await?;
    let passphrase = object.text("passphrase");
    if passphrase.is_none() && !object.has_mistakes() {
        object.wrong(
            "passphrase",
            Reason::new("is missing", "give the passphrase to encrypt the backup under"),
        );
    }
    object.finish()?;
    let passphrase = passphrase.unwrap_or_default();
    let (state, (out, mut chunks)) = (caller.state.clone(), mpsc::channel::<Chunk>(CHUNKS));
    let mut sink =
        Sink { out, chunk: Vec::new(), has_sent: false, pace: Pace::default(), runtime: Handle::current() };
    let making = tokio::task::spawn_blocking(move || {
        let made = state.app().back_up(&operator, &passphrase, state.version(), &mut sink);
        let Err(error) = made else { return Ok(()) };
        if !sink.has_sent {
            return Err(Problem::from(error));
        }
        tracing::warn!(%error, "a backup was broken off");
        sink.break_off();
        Ok(())
    });
    let Some(first) = chunks.recv().await else {
        making.await.unwrap_or_else(|stopped| Err(Problem::internal(&stopped)))?;
        return Err(Problem::internal(&"a backup without a byte"));
    };
    let headers = [
        (CONTENT_TYPE, "application/octet-stream"),
        (CONTENT_DISPOSITION, "attachment; filename=\"muster.backup\""),
    ];
    let whole = tokio_stream::once(first).chain(ReceiverStream::new(chunks));
    Ok((headers, Body::from_stream(whole)).into_response())
}

/// Hands over what is written in chunks, and waits for whoever takes them.
struct Sink {
    out: mpsc::Sender<Chunk>,
    chunk: Vec<u8>,
    has_sent: bool,
    pace: Pace,
    runtime: Handle,
}

impl Sink {
    fn send(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        self.has_sent = true;
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK_BYTES));
        self.runtime.block_on(self.pace.send(&self.out, Ok(chunk.into())))
    }

    /// The client sees that it has not got everything.
    fn break_off(&mut self) {
        let broken = Err(io::Error::other("a backup was broken off"));
        // Who has gone away needs not be told.
        let _ = self.runtime.block_on(self.pace.send(&self.out, broken));
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.len() >= CHUNK_BYTES {
            self.send()?;
        }
        let taken = bytes.len().min(CHUNK_BYTES.saturating_sub(self.chunk.len()).max(1));
        self.chunk.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Called once, at the end.
    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}
