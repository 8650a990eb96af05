//! Calls that have ended, a JSON line each, in `calls.jsonl` of the data folder.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use muster_edge::EdgeEvent;
use serde::Serialize;

pub struct CallLog {
    file: File,
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
        Ok(CallLog { file, failing: false })
    }

    /// Writes the line of a call, at once and whole: kill -9 costs no call that has ended. A disk that
    /// is full is said once; calls go on.
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
        let result = serde_json::to_vec(&line).map_err(io::Error::from).and_then(|mut text| {
            text.push(b'\n');
            self.file.write_all(&text)
        });
        if let Err(error) = &result
            && !self.failing
        {
            tracing::warn!(%error, "call records cannot be written");
        }
        self.failing = result.is_err();
    }
}
