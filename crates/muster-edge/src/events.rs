//! What the edge tells the rest of the program, on a thread of its own.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

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

/// Events gather this long before the callback's thread is given them. Waking it for each would
/// cost the shard more than the registration that made it.
const GATHER: Duration = Duration::from_millis(20);

/// The shard's end: never blocks, counts what there was no room for.
pub(crate) struct EventSender {
    queue: Arc<Queue>,
    waiting_max: usize,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    has_some: Condvar,
}

#[derive(Default)]
struct Waiting {
    events: Vec<EdgeEvent>,
    is_closed: bool,
}

impl EventSender {
    pub(crate) fn start(
        waiting_max: usize,
        callback: impl Fn(EdgeEvent) + Send + 'static,
    ) -> Result<EventSender, EdgeError> {
        let queue = Arc::new(Queue::default());
        let of_thread = Arc::clone(&queue);
        let thread = std::thread::Builder::new()
            .name("muster-events".to_owned())
            .spawn(move || of_thread.deliver(callback))
            .map_err(|source| EdgeError::System { what: "the thread of events", source })?;
        Ok(EventSender { queue, waiting_max, thread: Some(thread) })
    }

    pub(crate) fn send(&self, event: EdgeEvent, counters: &Counters) {
        let mut waiting = self.queue.lock();
        if waiting.events.len() >= self.waiting_max {
            counters.events_lost.add(1);
            return;
        }
        let was_empty = waiting.events.is_empty();
        waiting.events.push(event);
        drop(waiting);
        if was_empty {
            self.queue.has_some.notify_one();
        }
    }
}

impl Drop for EventSender {
    /// Lets the callback see everything that was sent.
    fn drop(&mut self) {
        self.queue.lock().is_closed = true;
        self.queue.has_some.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Queue {
    fn deliver(&self, callback: impl Fn(EdgeEvent)) {
        loop {
            let (events, is_closed) = self.take();
            events.into_iter().for_each(&callback);
            if is_closed {
                return;
            }
            std::thread::sleep(GATHER);
        }
    }

    /// Waits for events or the end; takes all there are.
    fn take(&self) -> (Vec<EdgeEvent>, bool) {
        let is_idle = |waiting: &mut Waiting| waiting.events.is_empty() && !waiting.is_closed;
        let waited = self.has_some.wait_while(self.lock(), is_idle);
        let mut waiting = waited.unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut waiting.events), waiting.is_closed)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_domain::ids::UserId;
    use muster_phone::PhoneState;
    use std::sync::mpsc::channel;
    use uuid::Uuid;

    fn presence(n: u128) -> EdgeEvent {
        let user = UserId(Uuid::from_u128(n));
        let view = PresenceView { user, registered: true, state: PhoneState::Idle };
        EdgeEvent::Presence { org: OrgId(Uuid::from_u128(1)), view }
    }

    #[test]
    fn events_arrive_in_order_and_none_is_lost_at_the_end() {
        let counters = Counters::new();
        let (sender, receiver) = channel();
        let events = EventSender::start(1000, move |event| sender.send(event).unwrap()).unwrap();
        for n in 0..500 {
            events.send(presence(n), &counters);
        }
        drop(events);
        let seen: Vec<u128> = receiver
            .into_iter()
            .map(|event| match event {
                EdgeEvent::Presence { view, .. } => view.user.0.as_u128(),
                EdgeEvent::CallEnded { .. } => unreachable!("none was sent"),
            })
            .collect();
        assert_eq!(seen, (0..500).collect::<Vec<_>>());
        assert_eq!(counters.events_lost.get(), 0);
    }

    #[test]
    fn a_callback_that_blocks_costs_events_and_not_the_sender() {
        let counters = Counters::new();
        let (release, blocked) = channel::<()>();
        let blocked = Mutex::new(blocked);
        let events = EventSender::start(10, move |_| {
            let _ = blocked.lock().unwrap().recv();
        })
        .unwrap();
        for n in 0..100 {
            events.send(presence(n), &counters);
        }
        // At most ten wait, and those that the callback's thread had taken before it blocked.
        assert!(counters.events_lost.get() >= 80, "{}", counters.events_lost.get());
        drop(release);
    }
}
