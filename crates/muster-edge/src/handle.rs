//! The rest of the program's end of the edge: plan updates in, questions answered.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::Waker;
use muster_domain::dial_plan::PlanUpdate;
use muster_domain::ids::{OrgId, UserId};
use muster_phone::{
    CallId, CallView, Command, Counters as CoreCounters, PresenceView, RegistrationView, Reply, ReplyId,
};
use rustc_hash::FxHashMap;

use crate::clock::Clock;
use crate::counters::{CounterSnapshot, Counters};

/// The core answers in microseconds; a longer wait means that something is badly wrong.
const REPLY_TIME_MAX: Duration = Duration::from_secs(5);

/// A running edge. Clones are the same edge; it shuts down when the last of them is dropped.
#[derive(Clone)]
pub struct EdgeHandle {
    inner: Arc<Inner>,
}

struct Inner {
    inputs: SyncSender<ShardInput>,
    waker: Arc<Waker>,
    board: Arc<Board>,
    thread: Mutex<Option<JoinHandle<()>>>,
    udp: Vec<SocketAddr>,
    tcp: Vec<SocketAddr>,
    clock: Clock,
}

/// What the shard's thread and the handles both see.
pub(crate) struct Board {
    pub(crate) counters: Arc<Counters>,
    /// Set by whoever sends, cleared by the shard before it looks: one wake-up for many inputs.
    pub(crate) is_woken: AtomicBool,
    pub(crate) is_stopped: AtomicBool,
    reached: Mutex<FxHashMap<OrgId, u64>>,
    reached_changed: Condvar,
    replies: Mutex<FxHashMap<u64, SyncSender<Reply>>>,
    next_reply: AtomicU64,
}

/// What comes to a shard from other threads.
pub(crate) enum ShardInput {
    Plan(PlanUpdate),
    Command(Command),
    EndCalls,
    Shutdown,
}

/// Why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeGone {
    /// The edge has been shut down.
    Stopped,
    /// No answer within five seconds.
    TimedOut,
}

impl std::fmt::Display for EdgeGone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            EdgeGone::Stopped => "the phone core has been shut down",
            EdgeGone::TimedOut => "the phone core did not answer in time",
        })
    }
}

impl std::error::Error for EdgeGone {}

impl EdgeHandle {
    pub(crate) fn new(
        inputs: SyncSender<ShardInput>,
        waker: Arc<Waker>,
        board: Arc<Board>,
        thread: JoinHandle<()>,
        addresses: (Vec<SocketAddr>, Vec<SocketAddr>),
        clock: Clock,
    ) -> EdgeHandle {
        let (udp, tcp) = addresses;
        let inner = Inner { inputs, waker, board, thread: Mutex::new(Some(thread)), udp, tcp, clock };
        EdgeHandle { inner: Arc::new(inner) }
    }

    /// Hands the core a change of the dial plan. Blocks while too many are waiting: call it from
    /// a thread that may. An organization's snapshot also brings its registrations back from the
    /// journal.
    pub fn plan(&self, update: PlanUpdate) -> Result<(), EdgeGone> {
        self.inner.send(ShardInput::Plan(update))
    }

    /// Whether the core follows the organization up to change `seq`, waiting up to `timeout`.
    pub fn wait_reached(&self, org: OrgId, seq: u64, timeout: Duration) -> bool {
        let board = &self.inner.board;
        let deadline = Instant::now() + timeout;
        let mut reached = lock(&board.reached);
        loop {
            if reached.get(&org).is_some_and(|known| *known >= seq) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || board.is_stopped.load(Ordering::Acquire) {
                return false;
            }
            let waited = board.reached_changed.wait_timeout(reached, left);
            reached = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The newest change of the organization that the core is known to follow.
    pub fn reached(&self, org: OrgId) -> Option<u64> {
        lock(&self.inner.board.reached).get(&org).copied()
    }

    /// Registered contacts of an organization, or of one of its people.
    pub fn registrations(&self, org: OrgId, user: Option<UserId>) -> Result<Vec<RegistrationView>, EdgeGone> {
        match self.ask(|id| Command::Registrations { id, org, user })? {
            Reply::Registrations(registrations) => Ok(registrations),
            _ => Err(EdgeGone::TimedOut),
        }
    }

    /// Ends the registration of one contact of a person, or of all; says which those were.
    pub fn sign_off(
        &self,
        org: OrgId,
        user: UserId,
        contact: Option<Box<str>>,
    ) -> Result<Vec<RegistrationView>, EdgeGone> {
        match self.ask(|id| Command::SignOff { id, org, user, contact })? {
            Reply::SignedOff(gone) => Ok(gone),
            _ => Err(EdgeGone::TimedOut),
        }
    }

    /// Calls of an organization that have not ended.
    pub fn calls(&self, org: OrgId) -> Result<Vec<CallView>, EdgeGone> {
        match self.ask(|id| Command::Calls { id, org })? {
            Reply::Calls(calls) => Ok(calls),
            _ => Err(EdgeGone::TimedOut),
        }
    }

    /// Everybody of an organization who is registered or in a call.
    pub fn presence(&self, org: OrgId) -> Result<Vec<PresenceView>, EdgeGone> {
        match self.ask(|id| Command::Presence { id, org })? {
            Reply::Presence(presence) => Ok(presence),
            _ => Err(EdgeGone::TimedOut),
        }
    }

    /// Ends a call; says whether there was one of this id in the organization.
    pub fn end_call(&self, org: OrgId, call: CallId) -> Result<bool, EdgeGone> {
        match self.ask(|id| Command::EndCall { id, org, call })? {
            Reply::CallEnded(was_there) => Ok(was_there),
            _ => Err(EdgeGone::TimedOut),
        }
    }

    /// What the core has counted: digests, calls, sizes of its tables.
    pub fn core_counters(&self) -> Result<CoreCounters, EdgeGone> {
        match self.ask(|id| Command::Counters { id })? {
            Reply::Counters(counters) => Ok(*counters),
            _ => Err(EdgeGone::TimedOut),
        }
    }

    /// What the edge has counted: messages, connections, the journal. Never blocks.
    pub fn counters(&self) -> CounterSnapshot {
        self.inner.board.counters.snapshot()
    }

    /// The UDP addresses as bound, in the order of the configuration, with their real ports.
    pub fn udp_addrs(&self) -> &[SocketAddr] {
        &self.inner.udp
    }

    /// The TCP addresses as bound, in the order of the configuration, with their real ports.
    pub fn tcp_addrs(&self) -> &[SocketAddr] {
        &self.inner.tcp
    }

    /// Microseconds of Unix time of a moment that the core told.
    pub fn unix_us(&self, moment: muster_sip::time::Instant) -> u64 {
        self.inner.clock.to_unix_us(moment)
    }

    /// Ends every call with what SIP has for it (BYE, CANCEL, 503), as the program is about to end:
    /// new ones are refused from now on. Does not wait for it; [`EdgeHandle::shutdown`] does.
    pub fn end_calls(&self) {
        // An edge that is gone has no calls.
        let _ = self.inner.send(ShardInput::EndCalls);
    }

    /// Ends every call, and waits up to two seconds from the first word of it until the phones have
    /// confirmed that; then flushes the journal, registrations as they are, and delivers the last
    /// events. Blocks until all is done; further calls, of any clone, do nothing.
    pub fn shutdown(&self) {
        self.inner.shutdown();
    }

    fn ask(&self, command: impl FnOnce(ReplyId) -> Command) -> Result<Reply, EdgeGone> {
        let board = &self.inner.board;
        let id = board.next_reply.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = sync_channel(1);
        lock(&board.replies).insert(id, sender);
        let sent = self.inner.send(ShardInput::Command(command(ReplyId(id))));
        let reply = sent.and_then(|()| receiver.recv_timeout(REPLY_TIME_MAX).map_err(|_| board.why_silent()));
        lock(&board.replies).remove(&id);
        reply
    }
}

impl Inner {
    fn send(&self, input: ShardInput) -> Result<(), EdgeGone> {
        if self.board.is_stopped.load(Ordering::Acquire) {
            return Err(EdgeGone::Stopped);
        }
        self.inputs.send(input).map_err(|_| EdgeGone::Stopped)?;
        self.wake();
        Ok(())
    }

    fn wake(&self) {
        if !self.board.is_woken.swap(true, Ordering::AcqRel) {
            // It fails only if the poller is gone, and then nobody is there to be woken.
            let _ = self.waker.wake();
        }
    }

    fn shutdown(&self) {
        let Some(thread) = lock(&self.thread).take() else {
            return;
        };
        let _ = self.send(ShardInput::Shutdown);
        let _ = thread.join();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl Board {
    pub(crate) fn new() -> Board {
        Board {
            counters: Arc::new(Counters::new()),
            is_woken: AtomicBool::new(false),
            is_stopped: AtomicBool::new(false),
            reached: Mutex::default(),
            reached_changed: Condvar::new(),
            replies: Mutex::default(),
            next_reply: AtomicU64::new(1),
        }
    }

    pub(crate) fn plan_reached(&self, org: OrgId, seq: u64) {
        let mut reached = lock(&self.reached);
        let known = reached.entry(org).or_default();
        *known = seq.max(*known);
        self.reached_changed.notify_all();
    }

    /// An organization that went and came back begins its sequence anew.
    pub(crate) fn forget(&self, org: OrgId) {
        lock(&self.reached).remove(&org);
    }

    pub(crate) fn reply(&self, id: ReplyId, reply: Reply) {
        let waiting = lock(&self.replies).remove(&id.0);
        if let Some(sender) = waiting {
            // Whoever asked may have stopped waiting.
            let _ = sender.try_send(reply);
        }
    }

    /// No more answers: whoever waits for one is told at once.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        lock(&self.replies).clear();
        let _reached = lock(&self.reached);
        self.reached_changed.notify_all();
    }

    fn why_silent(&self) -> EdgeGone {
        match self.is_stopped.load(Ordering::Acquire) {
            true => EdgeGone::Stopped,
            false => EdgeGone::TimedOut,
        }
    }
}

/// A panic elsewhere leaves these maps whole, so poisoning says nothing here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
