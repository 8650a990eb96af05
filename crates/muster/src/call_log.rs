//! Calls that have ended, a JSON line each, in `calls.jsonl` of the data folder.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use muster_edge::EdgeEvent;
use serde::Serialize;

/// What is not on disk yet is at most this old.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

pub struct CallLog {
    file: BufWriter<File>,
    flushed: Instant,
    failing: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    organization: String,
    caller: String,
    callee: String,
    dialled: &'a str,
    started_unix_us: u64,
    answered_unix_us: Option<u64>,
    ended_unix_us: u64,
    ending: String,
    status: u16,
}

impl CallLog {
    pub fn open(path: &Path) -> io::Result<CallLog> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(CallLog {
            file: BufWriter::with_capacity(64 * 1024, file),
            flushed: Instant::now(),
            failing: false,
        })
    }

    /// Writes the line of a call. A disk that is full is said once; calls go on.
    pub fn write(&mut self, event: &EdgeEvent) {
        let EdgeEvent::CallEnded { record, started_unix_us, answered_unix_us, ended_unix_us } = event else {
            return;
        };
        let line = Line {
            organization: record.org.to_string(),
            caller: record.caller.to_string(),
            callee: record.callee.to_string(),
            dialled: &record.dialled,
            started_unix_us: *started_unix_us,
            answered_unix_us: *answered_unix_us,
            ended_unix_us: *ended_unix_us,
            ending: format!("{:?}", record.ending),
            status: record.status,
        };
        let result = serde_json::to_writer(&mut self.file, &line)
            .map_err(io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"))
            .and_then(|()| self.flush_if_due());
        if let Err(error) = &result
            && !self.failing
        {
            tracing::warn!(%error, "call records cannot be written");
        }
        self.failing = result.is_err();
    }

    fn flush_if_due(&mut self) -> io::Result<()> {
        if self.flushed.elapsed() < FLUSH_EVERY {
            return Ok(());
        }
        self.flushed = Instant::now();
        self.file.flush()
    }
}
