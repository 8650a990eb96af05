//! A scriptable phone: its own thread, a blocking API with timeouts.
//!
//! ```no_run
//! # use muster_load::phone::*; use std::time::Duration;
//! let anna = Phone::start(PhoneConfig::new("127.0.0.1:5060".parse().unwrap(), "acme.example", "101", "anna", "secret"))?;
//! anna.register(300)?;
//! let call = anna.invite("102")?;
//! call.wait(CallState::Answered, Duration::from_secs(5))?;
//! call.hang_up()?;
//! assert_eq!(anna.faults(), Vec::<String>::new());
//! # Ok::<(), PhoneError>(())
//! ```

mod calls;
mod engine;
mod request;
mod response;
mod subscriptions;
mod wire;

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use muster_sip::Message;
use muster_sip::name::Name;

pub use calls::{CallState, Ending};
pub use subscriptions::Notify;

use crate::digest::Algorithm;
use engine::{Engine, Outcome};
use request::RequestSpec;
use wire::{Receiver, Wire};

/// How often the phone looks after its retransmissions.
const TICK: Duration = Duration::from_millis(20);
/// A final answer to anything but INVITE comes within this, or the phone says so.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Udp,
    Tcp,
}

/// Who the phone is and where its server is.
#[derive(Debug, Clone)]
pub struct PhoneConfig {
    pub server: SocketAddr,
    pub transport: Transport,
    /// The realm or domain: the host part of every address.
    pub domain: String,
    /// The user part of its own address of record.
    pub extension: String,
    pub auth_name: String,
    pub secret: String,
    pub algorithm: Algorithm,
    /// The name it shows in From; the server may put another in its place.
    pub display_name: Option<String>,
    /// Answers incoming calls with 180 by itself.
    pub rings_by_itself: bool,
}

impl PhoneConfig {
    /// A phone over UDP that uses SHA-256 and rings by itself.
    pub fn new(
        server: SocketAddr,
        domain: &str,
        extension: &str,
        auth_name: &str,
        secret: &str,
    ) -> PhoneConfig {
        PhoneConfig {
            server,
            transport: Transport::Udp,
            domain: domain.to_owned(),
            extension: extension.to_owned(),
            auth_name: auth_name.to_owned(),
            secret: secret.to_owned(),
            algorithm: Algorithm::Sha256,
            display_name: None,
            rings_by_itself: true,
        }
    }

    pub fn over(mut self, transport: Transport) -> PhoneConfig {
        self.transport = transport;
        self
    }

    pub fn with(mut self, algorithm: Algorithm) -> PhoneConfig {
        self.algorithm = algorithm;
        self
    }
}

/// What a REGISTER says, where it differs from the phone's own.
#[derive(Debug, Clone, Default)]
pub struct Registration {
    pub expires_s: u32,
    /// Contact values as written; none: a query. Unset: the phone's own contact.
    pub contacts: Option<Vec<String>>,
    /// The user part of To, the address to bind.
    pub to_user: Option<String>,
    /// The user part of From.
    pub from_user: Option<String>,
}

/// Why something did not go as asked.
#[derive(Debug)]
pub enum PhoneError {
    Io(std::io::Error),
    /// Nothing came in time; says what was waited for.
    Timeout(String),
    /// The server's final answer.
    Refused {
        status: u16,
        reason: String,
    },
    /// The call or subscription is in no state for it.
    State(String),
}

impl fmt::Display for PhoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PhoneError::Io(error) => write!(f, "socket: {error}"),
            PhoneError::Timeout(what) => write!(f, "timed out: {what}"),
            PhoneError::Refused { status, reason } => write!(f, "refused: {status} {reason}"),
            PhoneError::State(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for PhoneError {}

impl From<std::io::Error> for PhoneError {
    fn from(error: std::io::Error) -> PhoneError {
        PhoneError::Io(error)
    }
}

/// A phone. Dropping it closes its socket without a word, as a phone that lost its power does.
pub struct Phone {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    engine: Mutex<Engine>,
    changed: Condvar,
    is_stopped: AtomicBool,
}

impl Phone {
    /// Opens the phone's socket; over TCP it connects. Nothing is sent yet.
    pub fn start(config: PhoneConfig) -> Result<Phone, PhoneError> {
        let (wire, receiver) = Wire::open(config.transport, config.server, TICK)?;
        let engine = Engine::new(config, wire)?;
        let shared = Arc::new(Shared {
            engine: Mutex::new(engine),
            changed: Condvar::new(),
            is_stopped: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("phone".to_owned()).spawn(move || of_thread.run(receiver))?;
        Ok(Phone { shared, thread: Some(thread) })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.shared.lock().local
    }

    /// The contact URI that it registers.
    pub fn contact(&self) -> String {
        self.shared.lock().contact_uri()
    }

    /// Registers its own contact and answers the challenge. Returns the 200.
    pub fn register(&self, expires_s: u32) -> Result<Message, PhoneError> {
        self.register_as(&Registration { expires_s, ..Registration::default() })
    }

    /// Removes its own contact.
    pub fn unregister(&self) -> Result<Message, PhoneError> {
        self.register(0)
    }

    /// A REGISTER with what `registration` says in place of the phone's own.
    pub fn register_as(&self, registration: &Registration) -> Result<Message, PhoneError> {
        let spec = self.shared.lock().register_request(registration);
        self.send(spec)
    }

    /// Any request out of a dialog, challenge answered. Returns the 2xx.
    pub fn request(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: Option<(&str, &[u8])>,
    ) -> Result<Message, PhoneError> {
        let spec = self.shared.lock().plain_request(method, uri, headers, body);
        self.send(spec)
    }

    /// Calls an extension. Returns at once; [`Call::wait`] tells how it goes.
    pub fn invite(&self, extension: &str) -> Result<Call, PhoneError> {
        let index = self.shared.lock().start_call(extension)?;
        Ok(self.call(index))
    }

    /// The next call that comes in.
    pub fn next_call(&self, timeout: Duration) -> Result<Call, PhoneError> {
        let index = self.shared.wait(timeout, "an incoming call", |engine| engine.incoming.pop_front())?;
        Ok(self.call(index))
    }

    /// Watches the dialogs of an extension (RFC 4235). Returns when the subscription is accepted.
    pub fn subscribe_dialog(&self, extension: &str, expires_s: u32) -> Result<Subscription, PhoneError> {
        let (index, ticket) = self.shared.lock().start_subscription(extension, expires_s)?;
        self.wait_for(ticket)?;
        Ok(Subscription { shared: Arc::clone(&self.shared), index })
    }

    /// What the server did against the standard, in the order it did it.
    pub fn faults(&self) -> Vec<String> {
        self.shared.lock().faults.clone()
    }

    /// Requests and answers that had to be sent again so far.
    pub fn retransmissions(&self) -> u64 {
        self.shared.lock().retransmissions
    }

    /// Sends bytes as they are.
    pub fn send_raw(&self, bytes: &[u8]) -> Result<(), PhoneError> {
        let server = self.shared.lock().config.server;
        Ok(self.shared.lock().wire.send(bytes, server)?)
    }

    fn call(&self, index: usize) -> Call {
        Call { shared: Arc::clone(&self.shared), index }
    }

    fn send(&self, spec: RequestSpec) -> Result<Message, PhoneError> {
        let ticket = self.shared.lock().send_plain(spec)?;
        self.wait_for(ticket)
    }

    fn wait_for(&self, ticket: u64) -> Result<Message, PhoneError> {
        wait_for(&self.shared, ticket)
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One end of a call.
pub struct Call {
    shared: Arc<Shared>,
    index: usize,
}

impl Call {
    pub fn state(&self) -> CallState {
        self.shared.lock().calls[self.index].state
    }

    /// How it ended; `None` while it lasts.
    pub fn ending(&self) -> Option<Ending> {
        self.shared.lock().calls[self.index].ending
    }

    /// The states it has been in, the present one last.
    pub fn history(&self) -> Vec<CallState> {
        self.shared.lock().calls[self.index].history.clone()
    }

    /// The INVITE that came, or the last answer to the one sent.
    pub fn message(&self) -> Option<Message> {
        self.shared.lock().calls[self.index].last_message.clone()
    }

    /// The address in From (of an incoming call) or To (of an outgoing one), as the server wrote it.
    pub fn remote(&self) -> String {
        self.shared.lock().calls[self.index].remote_uri.clone()
    }

    /// The body of the other side's offer or answer.
    pub fn remote_sdp(&self) -> Vec<u8> {
        self.shared.lock().calls[self.index].remote_sdp.clone()
    }

    /// Waits until the call is, or has been, in `state`. A call that ended otherwise is an error.
    pub fn wait(&self, state: CallState, timeout: Duration) -> Result<(), PhoneError> {
        let index = self.index;
        let what = format!("{state:?}");
        self.shared.wait(timeout, &what, |engine| {
            let call = &engine.calls[index];
            if call.history.contains(&state) {
                return Some(Ok(()));
            }
            call.ending.map(|ending| Err(ending.into_error()))
        })?
    }

    /// Waits for the end of the call.
    pub fn wait_ended(&self, timeout: Duration) -> Result<Ending, PhoneError> {
        let index = self.index;
        self.shared.wait(timeout, "the end of the call", |engine| engine.calls[index].ending)
    }

    /// 180, where the phone does not ring by itself.
    pub fn ring(&self) -> Result<(), PhoneError> {
        self.shared.lock().ring(self.index)
    }

    /// 200 with an SDP answer.
    pub fn answer(&self) -> Result<(), PhoneError> {
        self.shared.lock().answer(self.index)
    }

    /// A final answer of 3xx to 6xx.
    pub fn reject(&self, status: u16) -> Result<(), PhoneError> {
        self.shared.lock().reject(self.index, status)
    }

    /// CANCEL; before the first answer it waits for one (RFC 3261 §9.1).
    pub fn cancel(&self) -> Result<(), PhoneError> {
        self.shared.lock().cancel(self.index)
    }

    /// BYE, and its answer. After our own 200 it waits for the ACK first (RFC 3261 §15).
    pub fn hang_up(&self) -> Result<(), PhoneError> {
        let index = self.index;
        self.shared.wait(ANSWER_TIME_MAX, "the ACK", |engine| {
            let call = &engine.calls[index];
            (call.is_confirmed || call.state != CallState::Answered).then_some(())
        })?;
        let ticket = self.shared.lock().hang_up(self.index)?;
        wait_for(&self.shared, ticket).map(drop)
    }
}

/// A subscription to the dialogs of an extension.
pub struct Subscription {
    shared: Arc<Shared>,
    index: usize,
}

impl Subscription {
    /// The next NOTIFY that was not taken yet.
    pub fn next(&self, timeout: Duration) -> Result<Notify, PhoneError> {
        let index = self.index;
        self.shared.wait(timeout, "a NOTIFY", |engine| engine.subscriptions[index].notifies.pop_front())
    }

    /// Takes NOTIFYs until one says `state` (as in `<state>confirmed</state>`), or, for `None`,
    /// until one says that nothing goes on.
    pub fn wait_state(&self, state: Option<&str>, timeout: Duration) -> Result<Notify, PhoneError> {
        let deadline = Instant::now() + timeout;
        let mut seen = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(notify) = self.next(left) else {
                let wanted = state.unwrap_or("idle");
                return Err(PhoneError::Timeout(format!("a NOTIFY of {wanted}; came: {seen:?}")));
            };
            let said = notify.dialog_state();
            let is_it = match state {
                Some(state) => said.as_deref() == Some(state),
                None => matches!(said.as_deref(), None | Some("terminated")),
            };
            if is_it {
                return Ok(notify);
            }
            seen.push(said);
        }
    }

    /// Ends the subscription; the last NOTIFY says terminated.
    pub fn unsubscribe(&self) -> Result<(), PhoneError> {
        let ticket = self.shared.lock().refresh_subscription(self.index, 0)?;
        wait_for(&self.shared, ticket).map(drop)
    }
}

fn wait_for(shared: &Shared, ticket: u64) -> Result<Message, PhoneError> {
    let outcome = shared.wait(ANSWER_TIME_MAX, "a final answer", |engine| engine.outcomes.remove(&ticket))?;
    match outcome {
        Outcome::Answered(message) if (200..300).contains(&message.status().unwrap_or(0)) => Ok(message),
        Outcome::Answered(message) => Err(refused(&message)),
        Outcome::TimedOut => Err(PhoneError::Timeout("no final answer came".to_owned())),
    }
}

fn refused(message: &Message) -> PhoneError {
    let reason = match message.start() {
        muster_sip::Start::Response { reason, .. } => reason.to_owned(),
        muster_sip::Start::Request { .. } => String::new(),
    };
    let warning = message.header(Name::Reason).map(|reason| format!(" ({reason})")).unwrap_or_default();
    PhoneError::Refused { status: message.status().unwrap_or(0), reason: reason + &warning }
}

impl Shared {
    fn run(&self, mut receiver: Receiver) {
        while !self.is_stopped.load(Ordering::Acquire) {
            let came = receiver.receive();
            let mut engine = self.lock();
            for (bytes, peer) in came {
                engine.on_bytes(bytes, peer);
            }
            engine.on_tick(Instant::now());
            drop(engine);
            self.changed.notify_all();
        }
    }

    fn wait<T>(
        &self,
        timeout: Duration,
        what: &str,
        mut look: impl FnMut(&mut Engine) -> Option<T>,
    ) -> Result<T, PhoneError> {
        let deadline = Instant::now() + timeout;
        let mut engine = self.lock();
        loop {
            if let Some(found) = look(&mut engine) {
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let faults = &engine.faults;
                return Err(PhoneError::Timeout(format!("waited for {what}; faults so far: {faults:?}")));
            }
            engine = self.changed.wait_timeout(engine, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
