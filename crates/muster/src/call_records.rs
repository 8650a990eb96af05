//! Calls that have ended, on their way into the database: gathered on a thread of their own, so that no call waits for
//! it. Each is in `calls.jsonl` as well.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use muster_app::App;
use muster_app::billing::EndedCall;
use muster_domain::types::UnixMillis;
use muster_edge::EdgeEvent;

/// Calls that wait for the database; more than this are left to `calls.jsonl`.
const WAITING_MAX: usize = 100_000;
/// Calls written at once.
const BATCH: usize = 1000;
/// Calls gather this long, so that a busy minute is a few writes.
const GATHER: Duration = Duration::from_millis(500);
/// After a failure the same calls are tried again.
const RETRY: Duration = Duration::from_secs(2);
/// At the end a database that is away is not waited for longer.
const TRIES_AT_END: u32 = 3;

pub struct CallRecords {
    sender: Option<SyncSender<EndedCall>>,
    thread: Option<JoinHandle<()>>,
}

impl CallRecords {
    pub fn start(app: &App) -> Result<CallRecords, String> {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let app = app.clone();
        let thread = std::thread::Builder::new()
            .name("muster-calls".into())
            .spawn(move || write(&app, &receiver))
            .map_err(|e| format!("cannot start the thread of call records: {e}"))?;
        Ok(CallRecords { sender: Some(sender), thread: Some(thread) })
    }

    pub fn send(&self, event: &EdgeEvent) {
        let (Some(call), Some(sender)) = (ended(event), &self.sender) else { return };
        if let Err(TrySendError::Full(_)) = sender.try_send(call) {
            tracing::warn!("too many calls wait for the database: this one is in calls.jsonl only");
        }
    }
}

impl Drop for CallRecords {
    /// Waits until all that was sent is written.
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn ended(event: &EdgeEvent) -> Option<EndedCall> {
    let EdgeEvent::CallEnded { record, started_unix_us, answered_unix_us, ended_unix_us } = event else {
        return None;
    };
    let millis = |us: u64| UnixMillis(i64::try_from(us / 1000).unwrap_or(i64::MAX));
    Some(EndedCall {
        org: record.org,
        caller: Some(record.caller),
        callee: Some(record.callee),
        dialled: record.dialled.to_string(),
        started_at: millis(*started_unix_us),
        answered_at: answered_unix_us.map(millis),
        ended_at: millis(*ended_unix_us),
        ending: format!("{:?}", record.ending),
        status: record.status,
        ringout: None,
    })
}

fn write(app: &App, calls: &Receiver<EndedCall>) {
    let mut open = true;
    while open {
        let mut batch = Vec::new();
        match calls.recv() {
            Ok(call) => batch.push(call),
            Err(_) => return,
        }
        std::thread::sleep(GATHER);
        while batch.len() < BATCH {
            match calls.recv_timeout(Duration::ZERO) {
                Ok(call) => batch.push(call),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    open = false;
                    break;
                }
            }
        }
        write_batch(app, &batch, || !open);
    }
}

fn write_batch(app: &App, batch: &[EndedCall], at_end: impl Fn() -> bool) {
    let mut tries = 0;
    while let Err(error) = app.record_calls(batch) {
        tries += 1;
        if tries == 1 {
            tracing::warn!(%error, "calls cannot be written to the database: tried again");
        }
        if at_end() && tries >= TRIES_AT_END {
            tracing::error!(
                calls = batch.len(),
                "calls are left to calls.jsonl: the database does not take them"
            );
            return;
        }
        std::thread::sleep(RETRY);
    }
}
