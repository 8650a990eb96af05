//! One thread, one core: takes what has happened to the core and does what the core says.
//!
//! There is one shard now. Nothing in it is shared but the [`Board`], so that several, each with
//! its own organizations, need a way to choose and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant as SystemInstant};

use bytes::Bytes;
use mio::{Events, Poll, Token};
use muster_domain::dial_plan::PlanUpdate;
use muster_phone::{Core, Flow, FlowId, Input, Output, Transport};

use crate::clock::Clock;
use crate::counters::Counters;
use crate::events::{EdgeEvent, EventSender};
use crate::handle::{Board, ShardInput};
use crate::journal::{Encoder, Journal, Restorable};
use crate::mmsg::{BATCH, ReceiveBatch};
use crate::panic_guard;
use crate::rate_limit::RateLimit;
use crate::tcp::{TcpEndpoint, TcpEvent};
use crate::udp::UdpEndpoint;

pub(crate) const WAKER_TOKEN: Token = Token(0);
pub(crate) const FIRST_UDP_TOKEN: usize = 1;

const EVENTS_PER_POLL: usize = 1_024;
/// Batches from one socket before the others have their turn.
const BATCHES_PER_TURN: usize = 8;
const INPUTS_PER_TURN: usize = 64;
/// What the core answers is kept until it is drained.
const STREAM_EVENTS_BETWEEN_DRAINS: usize = 64;
const RESTORES_BETWEEN_DRAINS: usize = 256;
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Timers that panicked are not asked again at once: they would again.
const AFTER_PANIC: Duration = Duration::from_millis(20);
const LOG_EVERY: Duration = Duration::from_secs(10);
/// A line for each address, unless there are many of them at once.
const GUESS_LOG_EVERY: Duration = Duration::from_millis(100);
/// How long phones have to confirm that their calls are over, when the program ends.
const GOODBYE_TIME_MAX: Duration = Duration::from_secs(2);
const GOODBYE_EVERY: Duration = Duration::from_millis(20);
/// Each makes two messages, and a socket's queue must hold them.
const GOODBYES_PER_TURN: usize = 1_024;

pub(crate) struct Shard {
    pub(crate) core: Core,
    pub(crate) poll: Poll,
    pub(crate) udp: Vec<UdpEndpoint>,
    pub(crate) tcp: TcpEndpoint,
    pub(crate) inputs: Receiver<ShardInput>,
    pub(crate) board: Arc<Board>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) journal: Journal,
    pub(crate) restorable: Restorable,
    pub(crate) events: EventSender,
    pub(crate) clock: Clock,
    pub(crate) state: TurnState,
}

/// What a shard keeps from turn to turn for itself.
pub(crate) struct TurnState {
    batch: ReceiveBatch,
    encoder: Encoder,
    tcp_events: Vec<TcpEvent>,
    next_sweep: SystemInstant,
    timers_not_before: Option<SystemInstant>,
    has_more_inputs: bool,
    goodbye: Option<Goodbye>,
    malformed_log: RateLimit,
    guess_log: RateLimit,
    panic_log: RateLimit,
}

impl TurnState {
    pub(crate) fn new() -> TurnState {
        TurnState {
            batch: ReceiveBatch::new(),
            encoder: Encoder::default(),
            tcp_events: Vec::new(),
            next_sweep: SystemInstant::now() + SWEEP_EVERY,
            timers_not_before: None,
            has_more_inputs: false,
            goodbye: None,
            malformed_log: RateLimit::new(LOG_EVERY),
            guess_log: RateLimit::new(GUESS_LOG_EVERY),
            panic_log: RateLimit::new(LOG_EVERY),
        }
    }
}

/// The calls are being ended.
#[derive(Clone, Copy)]
struct Goodbye {
    until: SystemInstant,
    /// And the thread with them; before that, new phones may register still.
    is_last: bool,
}

/// Tells whoever waits that nothing will come any more, also if the thread dies.
struct StopOnDrop(Arc<Board>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Shard {
    /// Runs until shut down and the calls are over. Then the journal is flushed.
    pub(crate) fn run(mut self) {
        let _stop = StopOnDrop(Arc::clone(&self.board));
        panic_guard::watch_this_thread();
        let mut events = Events::with_capacity(EVENTS_PER_POLL);
        loop {
            let wait = self.wait(SystemInstant::now());
            if let Err(error) = self.poll.poll(&mut events, wait)
                && error.kind() != std::io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "the poller failed; the phone core stops");
                break;
            }
            for event in &events {
                self.on_event(event);
            }
            self.take_inputs();
            self.take_datagrams();
            self.take_streams();
            self.on_time();
            if self.has_said_goodbye(SystemInstant::now()) {
                break;
            }
        }
        self.journal.close();
    }

    /// How long to sleep: until the next timer, not at all if something is left to do.
    fn wait(&self, now: SystemInstant) -> Option<Duration> {
        let is_busy = self.state.has_more_inputs
            || self.tcp.has_more()
            || !self.state.tcp_events.is_empty()
            || self.udp.iter().any(UdpEndpoint::is_readable);
        if is_busy {
            return Some(Duration::ZERO);
        }
        let timers = self.core.next_wake().map(|due| {
            let due = self.clock.to_system(due);
            self.state.timers_not_before.map_or(due, |earliest| due.max(earliest))
        });
        let goodbye = self.state.goodbye.as_ref().map(|_| now + GOODBYE_EVERY);
        [timers, self.journal.next_wake(), Some(self.state.next_sweep), goodbye]
            .into_iter()
            .flatten()
            .min()
            .map(|due| due.saturating_duration_since(now))
    }

    fn on_event(&mut self, event: &mio::event::Event) {
        let token = event.token();
        if token == WAKER_TOKEN {
            return; // inputs are looked at in every turn
        }
        match self.udp.get_mut(token.0 - FIRST_UDP_TOKEN) {
            Some(endpoint) => endpoint.on_event(event.is_readable() || event.is_error(), event.is_writable()),
            None => self.tcp.on_event(event, &self.counters, &mut self.state.tcp_events),
        }
    }

    fn take_inputs(&mut self) {
        // Cleared before looking: an input that comes after the last look wakes the poller.
        self.board.is_woken.store(false, Ordering::Release);
        std::sync::atomic::fence(Ordering::SeqCst);
        self.state.has_more_inputs = false;
        for _ in 0..INPUTS_PER_TURN {
            match self.inputs.try_recv() {
                Ok(ShardInput::Plan(update)) => self.take_plan(update),
                Ok(ShardInput::Command(command)) => {
                    self.core_handle(Input::Command(command), SystemInstant::now());
                    self.drain();
                }
                Ok(ShardInput::EndCalls) => self.begin_goodbye(false),
                Ok(ShardInput::Shutdown) | Err(TryRecvError::Disconnected) => {
                    return self.begin_goodbye(true);
                }
                Err(TryRecvError::Empty) => return,
            }
        }
        self.state.has_more_inputs = true;
    }

    fn begin_goodbye(&mut self, is_last: bool) {
        let until = SystemInstant::now() + GOODBYE_TIME_MAX;
        let goodbye = self.state.goodbye.get_or_insert(Goodbye { until, is_last });
        goodbye.is_last |= is_last;
    }

    /// Ends some calls, if they are to be ended; whether all are over and the thread is to end.
    fn has_said_goodbye(&mut self, now: SystemInstant) -> bool {
        let Some(Goodbye { until, is_last }) = self.state.goodbye else { return false };
        self.core_handle(Input::EndCalls { at_most: GOODBYES_PER_TURN }, now);
        self.drain();
        if !is_last {
            return false;
        }
        let is_at_rest = self.core.is_at_rest();
        if !is_at_rest && now >= until {
            tracing::warn!("some phones have not confirmed the end of their calls in time");
        }
        is_at_rest || now >= until
    }

    /// With an organization's snapshot come its bindings from the journal: only now is it known
    /// whose they are and whether they may still be.
    fn take_plan(&mut self, update: PlanUpdate) {
        let restored = match &update {
            PlanUpdate::Organization { id, .. } => self.restorable.remove(id),
            PlanUpdate::OrganizationGone { org } => {
                self.board.forget(*org);
                None
            }
            _ => None,
        };
        self.core_handle(Input::Plan(update), SystemInstant::now());
        let records = restored.into_iter().flat_map(|of_org| of_org.into_values());
        for (index, record) in records.enumerate() {
            self.core_handle(Input::Restore(record), SystemInstant::now());
            if index % RESTORES_BETWEEN_DRAINS == 0 {
                self.drain();
            }
        }
        self.drain();
    }

    fn take_datagrams(&mut self) {
        for index in 0..self.udp.len() {
            for _ in 0..BATCHES_PER_TURN {
                let has_more =
                    self.udp[index].is_readable() && self.udp[index].receive(&mut self.state.batch);
                if !has_more {
                    break;
                }
                self.take_batch(index);
                self.drain();
            }
        }
    }

    fn take_batch(&mut self, index: usize) {
        let now = SystemInstant::now();
        for slot in 0..BATCH {
            let Some(incoming) = self.state.batch.get(slot) else {
                break;
            };
            // Phones keep their NAT's mapping open with line ends, zeroes or nothing at all.
            if incoming.bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
                self.counters.keepalives.add(1);
                continue;
            }
            let flow = Flow {
                transport: Transport::Udp,
                peer: incoming.peer,
                id: FlowId::DATAGRAM,
                local: self.udp[index].local_for(incoming.to),
            };
            let bytes = Bytes::copy_from_slice(incoming.bytes);
            self.take_message(flow, bytes, now);
        }
    }

    fn take_streams(&mut self) {
        let now = SystemInstant::now();
        let mut came = std::mem::take(&mut self.state.tcp_events);
        self.tcp.turn(self.poll.registry(), now, &self.counters, &mut came);
        for (index, event) in came.drain(..).enumerate() {
            match event {
                TcpEvent::Message { flow, bytes } => self.take_message(flow, bytes, now),
                TcpEvent::Closed(id) => self.core_handle(Input::FlowClosed(id), now),
                TcpEvent::Unsent(bytes) => self.core_handle(Input::Unsent { bytes }, now),
            }
            if index % STREAM_EVENTS_BETWEEN_DRAINS == 0 {
                self.drain();
            }
        }
        // Draining may have closed connections.
        came.append(&mut self.state.tcp_events);
        self.state.tcp_events = came;
        self.drain();
    }

    fn take_message(&mut self, flow: Flow, bytes: Bytes, now: SystemInstant) {
        if !self.counters.count_received(&bytes) {
            self.counters.malformed.add(1);
            if let Some(left_out) = self.state.malformed_log.admit(now) {
                tracing::warn!(
                    peer = %flow.peer, length = bytes.len(), left_out,
                    "received something that is no SIP message"
                );
            }
        }
        self.core_handle(Input::Message { flow, bytes }, now);
    }

    fn on_time(&mut self) {
        let now = SystemInstant::now();
        let is_due = self.core.next_wake().is_some_and(|due| due <= self.clock.at(now));
        if is_due && self.state.timers_not_before.is_none_or(|earliest| earliest <= now) {
            self.state.timers_not_before = None;
            let at = self.clock.at(now);
            if !self.guarded(now, |core| core.timers(at)) {
                self.state.timers_not_before = Some(now + AFTER_PANIC);
            }
        }
        if self.state.next_sweep <= now {
            self.state.next_sweep = now + SWEEP_EVERY;
            self.tcp.sweep(now, &self.counters, &mut self.state.tcp_events);
        }
        self.journal.turn(now);
        self.drain();
    }

    fn core_handle(&mut self, input: Input, now: SystemInstant) {
        let at = self.clock.at(now);
        if !self.guarded(now, |core| core.handle(input, at)) {
            self.counters.dropped_received.add(1);
        }
    }

    /// Runs the core; a panic in it costs one message, not all calls. `false`: it panicked.
    fn guarded(&mut self, now: SystemInstant, run: impl FnOnce(&mut Core)) -> bool {
        let core = &mut self.core;
        let result = catch_unwind(AssertUnwindSafe(|| run(core)));
        if result.is_err() {
            self.counters.panics.add(1);
            if let Some(left_out) = self.state.panic_log.admit(now) {
                let what = panic_guard::last_panic();
                tracing::error!(what, left_out, "the phone core panicked; the message was dropped");
            }
        }
        result.is_ok()
    }

    /// Does what the core says until it says nothing more, then sends.
    fn drain(&mut self) {
        let now = SystemInstant::now();
        while let Some(output) = self.core.next_output() {
            self.perform(output, now);
        }
        for endpoint in &mut self.udp {
            endpoint.flush(&self.counters);
        }
    }

    fn perform(&mut self, output: Output, now: SystemInstant) {
        let counters = &self.counters;
        match output {
            Output::Send { flow, bytes } => self.send(flow, bytes, now),
            Output::OpenAndSend { transport: Transport::Udp, addr, bytes } => {
                let suited = self.udp.iter_mut().filter(|endpoint| endpoint.suits(addr).is_some());
                match suited.max_by_key(|endpoint| endpoint.suits(addr)) {
                    Some(endpoint) => endpoint.queue(bytes, addr, None, counters),
                    None => counters.dropped_sent.add(1),
                }
            }
            Output::OpenAndSend { transport: Transport::Tcp, addr, bytes } => {
                let out = &mut self.state.tcp_events;
                self.tcp.open_and_send(self.poll.registry(), addr, bytes, now, counters, out);
            }
            Output::Journal(record) => {
                let clock = self.clock;
                let entry = self.state.encoder.encode(&record, |at| clock.to_unix_us(at));
                self.journal.append(entry, now);
            }
            Output::CallRecord(record) => {
                let event = EdgeEvent::call_ended(record, self.clock);
                self.events.send(event, counters);
            }
            Output::Presence { org, view } => {
                self.events.send(EdgeEvent::Presence { org, view }, counters);
            }
            Output::TooManyGuesses { from } => {
                if let Some(left_out) = self.state.guess_log.admit(now) {
                    tracing::warn!(%from, left_out, "somebody there tries wrong passwords over and over");
                }
            }
            Output::PlanReached { org, seq } => self.board.plan_reached(org, seq),
            Output::Reply { id, reply } => self.board.reply(id, reply),
        }
    }

    fn send(&mut self, flow: Flow, bytes: Bytes, now: SystemInstant) {
        let counters = &self.counters;
        let out = &mut self.state.tcp_events;
        match flow.transport {
            Transport::Tcp => {
                if !self.tcp.send(flow.id, bytes, now, counters, out) {
                    // A binding from before a restart: the core has not heard that it ended.
                    out.push(TcpEvent::Closed(flow.id));
                }
            }
            Transport::Udp => {
                let endpoint = self.udp.iter_mut().find(|endpoint| endpoint.serves(flow.local));
                match endpoint {
                    Some(endpoint) => {
                        endpoint.queue(bytes, flow.peer, Some(flow.local.ip()), counters);
                    }
                    None => self.send_anyhow(flow, bytes),
                }
            }
        }
    }

    /// A binding of an earlier run may name an address that we listen on no more.
    fn send_anyhow(&mut self, flow: Flow, bytes: Bytes) {
        let suited = self.udp.iter_mut().find(|endpoint| endpoint.suits(flow.peer).is_some());
        match suited {
            Some(endpoint) => endpoint.queue(bytes, flow.peer, None, &self.counters),
            None => self.counters.dropped_sent.add(1),
        }
    }
}
