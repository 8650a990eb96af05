//! What the edge tells the rest of the program, on a thread of its own.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use muster_domain::ids::OrgId;
use muster_phone::{CallRecord, PresenceView};

use crate::clock::Clock;
use crate::counters::Counters;
use crate::error::EdgeError;

/// Something that others may want to show or keep.
#[derive(Debug, Clone)]
pub enum EdgeEvent {
    /// A call has ended on all sides. Times are microseconds of Unix time; those inside of
    /// `record` are on the core's clock.
    CallEnded {
        record: CallRecord,
        started_unix_us: u64,
        /// None: nobody answered.
        answered_unix_us: Option<u64>,
        ended_unix_us: u64,
    },
    /// What the contact list shows for a person has changed.
    Presence { org: OrgId, view: PresenceView },
}

impl EdgeEvent {
    pub(crate) fn call_ended(record: CallRecord, clock: Clock) -> EdgeEvent {
        EdgeEvent::CallEnded {
            started_unix_us: clock.to_unix_us(record.started_at),
            answered_unix_us: record.answered_at.map(|at| clock.to_unix_us(at)),
            ended_unix_us: clock.to_unix_us(record.ended_at),
            record,
        }
    }
}

/// The shard's end: never blocks, counts what there was no room for.
pub(crate) struct EventSender {
    sender: Option<SyncSender<EdgeEvent>>,
    thread: Option<JoinHandle<()>>,
}

impl EventSender {
    pub(crate) fn start(
        waiting_max: usize,
        callback: impl Fn(EdgeEvent) + Send + 'static,
    ) -> Result<EventSender, EdgeError> {
        let (sender, receiver): (_, Receiver<EdgeEvent>) = sync_channel(waiting_max);
        let thread = std::thread::Builder::new()
            .name("muster-events".to_owned())
            .spawn(move || receiver.into_iter().for_each(callback))
            .map_err(|source| EdgeError::System { what: "the thread of events", source })?;
        Ok(EventSender { sender: Some(sender), thread: Some(thread) })
    }

    pub(crate) fn send(&self, event: EdgeEvent, counters: &Counters) {
        let sent = self.sender.as_ref().is_some_and(|sender| sender.try_send(event).is_ok());
        if !sent {
            counters.events_lost.add(1);
        }
    }
}

impl Drop for EventSender {
    /// Lets the callback see everything that was sent.
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
