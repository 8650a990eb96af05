//! The phone's state and its transactions (RFC 3261 §17).

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use muster_sip::name::Name;
use muster_sip::{Message, Start};

use super::calls::CallData;
use super::request::RequestSpec;
use super::response::answer_to;
use super::subscriptions::SubscriptionData;
use super::wire::Wire;
use super::{PhoneConfig, PhoneError};
use crate::digest::{Challenge, Identity};

/// RFC 3261 §17.1.1.1.
pub(super) const T1: Duration = Duration::from_millis(500);
pub(super) const T2: Duration = Duration::from_secs(4);
pub(super) const GIVE_UP: Duration = Duration::from_secs(32);
const CHALLENGES_MAX: u8 = 3;

pub(super) struct Engine {
    pub(super) config: PhoneConfig,
    pub(super) wire: Wire,
    pub(super) local: SocketAddr,
    pub(super) ids: Ids,
    pub(super) register_call_id: String,
    pub(super) register_cseq: u32,
    client: HashMap<(String, String), ClientTransaction>,
    pub(super) server: HashMap<(String, String), ServerTransaction>,
    nonce_counts: HashMap<String, u32>,
    /// Final answers that nobody has fetched yet, by ticket.
    pub(super) outcomes: HashMap<u64, Outcome>,
    next_ticket: u64,
    pub(super) calls: Vec<CallData>,
    pub(super) incoming: VecDeque<usize>,
    pub(super) subscriptions: Vec<SubscriptionData>,
    pub(super) faults: Vec<String>,
    pub(super) retransmissions: u64,
}

pub(super) enum Outcome {
    Answered(Message),
    TimedOut,
}

/// What a client transaction is for; the numbers are the call or subscription and the ticket.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Plain(u64),
    Invite(usize),
    Bye(usize, u64),
    Cancel,
    Subscribe(usize, u64),
}

pub(super) struct ClientTransaction {
    pub(super) spec: RequestSpec,
    pub(super) branch: String,
    purpose: Purpose,
    bytes: Vec<u8>,
    to: SocketAddr,
    resend: Resend,
    is_finished: bool,
    /// What answers a final answer that comes again.
    pub(super) ack: Option<Vec<u8>>,
}

pub(super) struct ServerTransaction {
    pub(super) request: Message,
    pub(super) peer: SocketAddr,
    pub(super) response: Option<Vec<u8>>,
    pub(super) status: u16,
    /// A final answer to INVITE goes again until its ACK comes.
    pub(super) resend: Option<Resend>,
    pub(super) call: Option<usize>,
}

pub(super) struct Resend {
    next: Option<Instant>,
    interval: Duration,
    interval_max: Duration,
    deadline: Instant,
}

impl Resend {
    pub(super) fn new(now: Instant, is_reliable: bool, interval_max: Duration) -> Resend {
        Resend { next: (!is_reliable).then(|| now + T1), interval: T1, interval_max, deadline: now + GIVE_UP }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.next.is_some_and(|next| next <= now);
        if is_due {
            self.interval = (self.interval * 2).min(self.interval_max);
            self.next = Some(now + self.interval);
        }
        is_due
    }
}

impl Engine {
    pub(super) fn new(config: PhoneConfig, wire: Wire) -> Result<Engine, PhoneError> {
        let local = wire.local_addr()?;
        let mut ids = Ids::new();
        Ok(Engine {
            register_call_id: ids.call_id(),
            register_cseq: 0,
            config,
            wire,
            local,
            ids,
            client: HashMap::new(),
            server: HashMap::new(),
            nonce_counts: HashMap::new(),
            outcomes: HashMap::new(),
            next_ticket: 1,
            calls: Vec::new(),
            incoming: VecDeque::new(),
            subscriptions: Vec::new(),
            faults: Vec::new(),
            retransmissions: 0,
        })
    }

    pub(super) fn own_address(&self) -> String {
        let PhoneConfig { extension, domain, display_name, .. } = &self.config;
        match display_name {
            Some(name) => format!("\"{name}\" <sip:{extension}@{domain}>"),
            None => format!("<sip:{extension}@{domain}>"),
        }
    }

    pub(super) fn contact_uri(&self) -> String {
        let user = &self.config.auth_name;
        match self.wire.is_reliable() {
            true => format!("sip:{user}@{};transport=tcp", self.local),
            false => format!("sip:{user}@{}", self.local),
        }
    }

    pub(super) fn via(&self, branch: &str) -> String {
        let transport = if self.wire.is_reliable() { "TCP" } else { "UDP" };
        format!("SIP/2.0/{transport} {};branch={branch};rport", self.local)
    }

    pub(super) fn ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    pub(super) fn send_plain(&mut self, spec: RequestSpec) -> Result<u64, PhoneError> {
        let ticket = self.ticket();
        self.send_request(spec, Purpose::Plain(ticket), self.config.server)?;
        Ok(ticket)
    }

    /// Sends in a new transaction; returns its branch.
    pub(super) fn send_request(
        &mut self,
        spec: RequestSpec,
        purpose: Purpose,
        to: SocketAddr,
    ) -> Result<String, PhoneError> {
        let branch = self.ids.branch();
        self.send_with_branch(spec, purpose, to, branch.clone())?;
        Ok(branch)
    }

    pub(super) fn send_with_branch(
        &mut self,
        spec: RequestSpec,
        purpose: Purpose,
        to: SocketAddr,
        branch: String,
    ) -> Result<(), PhoneError> {
        let bytes = spec.to_bytes(&self.via(&branch));
        self.wire.send(&bytes, to)?;
        let interval_max = if spec.method == "INVITE" { GIVE_UP } else { T2 };
        let resend = Resend::new(Instant::now(), self.wire.is_reliable(), interval_max);
        let key = (branch.clone(), spec.method.clone());
        let transaction =
            ClientTransaction { spec, branch, purpose, bytes, to, resend, is_finished: false, ack: None };
        self.client.insert(key, transaction);
        Ok(())
    }

    pub(super) fn client(&self, branch: &str, method: &str) -> Option<&ClientTransaction> {
        self.client.get(&(branch.to_owned(), method.to_owned()))
    }

    pub(super) fn fault(&mut self, what: String) {
        if self.faults.len() < 1_000 {
            self.faults.push(what);
        }
    }

    pub(super) fn on_bytes(&mut self, bytes: Bytes, peer: SocketAddr) {
        match Message::parse(bytes) {
            Ok(message) if message.is_request() => self.on_request(message, peer),
            Ok(message) => self.on_response(&message),
            Err(error) => self.fault(format!("a message that cannot be read: {error}")),
        }
    }

    fn on_response(&mut self, message: &Message) {
        let Ok((cseq, method)) = message.cseq() else { return };
        let branch = message.via().ok().and_then(|via| via.branch()).unwrap_or("").to_owned();
        let Some(mut transaction) = self.client.remove(&(branch.clone(), method.to_string())) else {
            return self.fault(format!("an answer to nothing: {:?} of {method}", message.start()));
        };
        if let Some(what) = wrong_in_response(&transaction.spec, message, cseq) {
            self.fault(format!("{what}: {:?} of {method}", message.start()));
        } else {
            self.take_response(&mut transaction, message);
        }
        self.client.insert((branch, method.to_string()), transaction);
    }

    fn take_response(&mut self, transaction: &mut ClientTransaction, message: &Message) {
        let status = message.status().unwrap_or(0);
        let is_invite = transaction.spec.method == "INVITE";
        if transaction.is_finished {
            if let Some(ack) = transaction.ack.as_ref().filter(|_| status >= 200) {
                self.retransmissions += 1;
                let _ = self.wire.send(ack, transaction.to);
            }
            return;
        }
        if status < 200 {
            match is_invite {
                true => transaction.resend.next = None,
                false => transaction.resend.interval = T2,
            }
            transaction.resend.deadline = Instant::now() + Duration::from_secs(300);
        } else {
            transaction.is_finished = true;
            transaction.resend.next = None;
            if is_invite && status >= 300 {
                self.acknowledge_refusal(transaction, message);
            }
        }
        if matches!(status, 401 | 407) && self.try_again(transaction, message).is_some() {
            return;
        }
        match transaction.purpose {
            Purpose::Plain(ticket) if status >= 200 => {
                self.outcomes.insert(ticket, Outcome::Answered(message.clone()));
            }
            Purpose::Bye(_, ticket) if status >= 200 => {
                self.outcomes.insert(ticket, Outcome::Answered(message.clone()));
            }
            Purpose::Invite(call) => self.on_invite_response(call, transaction, message),
            Purpose::Subscribe(index, ticket) if status >= 200 => {
                self.on_subscribe_response(index, message);
                self.outcomes.insert(ticket, Outcome::Answered(message.clone()));
            }
            _ => {}
        }
    }

    /// RFC 3261 §17.1.1.3: the ACK of a refusal has the INVITE's branch and the answer's To.
    fn acknowledge_refusal(&mut self, transaction: &mut ClientTransaction, message: &Message) {
        let mut spec = transaction.spec.clone();
        spec.method = "ACK".to_owned();
        spec.to = message.header(Name::To).unwrap_or("").to_owned();
        spec.body = None;
        spec.contacts.clear();
        spec.authorization = None;
        let ack = spec.to_bytes(&self.via(&transaction.branch));
        let _ = self.wire.send(&ack, transaction.to);
        transaction.ack = Some(ack);
    }

    /// Answers a challenge with a new request; `None` if there is nothing to answer it with.
    fn try_again(&mut self, transaction: &ClientTransaction, message: &Message) -> Option<()> {
        let mut spec = transaction.spec.clone();
        let (challenge_in, answer_in) = match message.status() {
            Some(401) => (Name::WwwAuthenticate, "Authorization"),
            _ => (Name::ProxyAuthenticate, "Proxy-Authorization"),
        };
        let wanted = self.config.algorithm;
        let challenge = message
            .headers(challenge_in)
            .filter_map(Challenge::parse)
            .find(|challenge| challenge.algorithm == wanted)?;
        let may_answer = spec.challenges_answered == 0 || challenge.stale;
        if !may_answer || spec.challenges_answered >= CHALLENGES_MAX {
            return None;
        }
        let count = self.nonce_counts.entry(challenge.nonce.clone()).or_default();
        *count += 1;
        let who =
            Identity { auth_name: &self.config.auth_name, secret: &self.config.secret, algorithm: wanted };
        let cnonce = self.ids.tag();
        let answer = challenge.answer(who, &spec.method, &spec.uri, *count, &cnonce);
        spec.authorization = Some((answer_in, answer));
        spec.challenges_answered += 1;
        spec.cseq += 1;
        match transaction.purpose {
            Purpose::Plain(_) if spec.method == "REGISTER" => self.register_cseq = spec.cseq,
            Purpose::Invite(call) => self.calls[call].local_cseq = spec.cseq,
            Purpose::Bye(call, _) => self.calls[call].local_cseq = spec.cseq,
            Purpose::Subscribe(index, _) => self.subscriptions[index].local_cseq = spec.cseq,
            _ => {}
        }
        let branch = self.send_request(spec, transaction.purpose, transaction.to).ok()?;
        if let Purpose::Invite(call) = transaction.purpose {
            self.calls[call].branch = branch;
        }
        Some(())
    }

    fn on_request(&mut self, message: Message, peer: SocketAddr) {
        let Start::Request { method, .. } = message.start() else { return };
        let method = method.to_string();
        let Some(branch) = message.via().ok().and_then(|via| via.unique_branch().map(str::to_owned)) else {
            return self.fault(format!("{method} without an RFC 3261 branch"));
        };
        if message.max_forwards().is_none() {
            self.fault(format!("{method} without Max-Forwards"));
        }
        if method == "ACK" {
            return self.on_ack(&message, &branch);
        }
        let key = (branch, method.clone());
        if let Some(known) = self.server.get(&key) {
            if let Some(response) = &known.response {
                self.retransmissions += 1;
                let _ = self.wire.send(response, known.peer);
            }
            return;
        }
        let transaction = ServerTransaction {
            request: message.clone(),
            peer,
            response: None,
            status: 0,
            resend: None,
            call: None,
        };
        self.server.insert(key.clone(), transaction);
        match method.as_str() {
            "INVITE" => self.on_invite(&key, &message),
            "BYE" => self.on_bye(&key, &message),
            "CANCEL" => self.on_cancel(&key, &message),
            "NOTIFY" => self.on_notify(&key, &message),
            "UPDATE" | "INFO" => {
                let status = self.judge_in_dialog(&message).map_or_else(|status| status, |_| 200);
                self.respond(&key, status, None, None);
            }
            "OPTIONS" | "MESSAGE" => self.respond(&key, 200, None, None),
            _ => self.respond(&key, 405, None, None),
        }
    }

    /// Answers a server transaction. `to_tag` is added to a To without one; without it a fresh one.
    pub(super) fn respond(
        &mut self,
        key: &(String, String),
        status: u16,
        to_tag: Option<&str>,
        sdp: Option<&str>,
    ) {
        let fresh = self.ids.tag();
        let contact = self.contact_uri();
        let is_reliable = self.wire.is_reliable();
        let Some(transaction) = self.server.get_mut(key) else { return };
        let makes_dialog = key.1 == "INVITE" && (101..300).contains(&status);
        let contact = makes_dialog.then_some(contact.as_str());
        let tag = to_tag.unwrap_or(&fresh);
        let bytes = answer_to(&transaction.request, status, Some(tag), contact, sdp);
        let _ = self.wire.send(&bytes, transaction.peer);
        transaction.response = Some(bytes);
        transaction.status = status;
        if key.1 == "INVITE" && status >= 200 {
            // A 200 goes again over TCP too (RFC 3261 §13.3.1.4): the ACK comes from end to end.
            let goes_once = is_reliable && status >= 300;
            transaction.resend = Some(Resend::new(Instant::now(), goes_once, T2));
        }
    }

    pub(super) fn on_tick(&mut self, now: Instant) {
        let mut given_up = Vec::new();
        for (key, transaction) in &mut self.client {
            if transaction.is_finished {
                continue;
            }
            if transaction.resend.deadline <= now {
                given_up.push((key.clone(), transaction.purpose));
            } else if transaction.resend.is_due(now) {
                self.retransmissions += 1;
                let _ = self.wire.send(&transaction.bytes, transaction.to);
            }
        }
        for (key, purpose) in given_up {
            self.client.remove(&key);
            self.give_up(purpose);
        }
        let mut unacknowledged = Vec::new();
        for (key, transaction) in &mut self.server {
            let Some(resend) = &mut transaction.resend else { continue };
            if resend.deadline <= now {
                transaction.resend = None;
                unacknowledged.push(format!("no ACK for our {} to {}", transaction.status, key.1));
            } else if resend.is_due(now)
                && let Some(response) = &transaction.response
            {
                self.retransmissions += 1;
                let _ = self.wire.send(response, transaction.peer);
            }
        }
        self.faults.extend(unacknowledged);
    }

    fn give_up(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Plain(ticket) | Purpose::Bye(_, ticket) | Purpose::Subscribe(_, ticket) => {
                self.outcomes.insert(ticket, Outcome::TimedOut);
            }
            Purpose::Invite(call) => self.call_lost(call),
            Purpose::Cancel => {}
        }
    }
}

/// What a real stack would throw an answer away for.
fn wrong_in_response(spec: &RequestSpec, message: &Message, cseq: u32) -> Option<&'static str> {
    let tag_of = |value: &str| {
        let parsed = muster_sip::NameAddr::parse(value).ok()?;
        Some(parsed.tag()?.to_owned())
    };
    let from_tag = message.from().ok().and_then(|from| from.tag().map(str::to_owned));
    let has_to_tag = message.to().is_ok_and(|to| to.tag().is_some());
    match message.status().unwrap_or(0) {
        _ if message.values(Name::Via).count() != 1 => Some("an answer with a Via too many"),
        _ if cseq != spec.cseq => Some("an answer with another CSeq"),
        _ if message.call_id() != spec.call_id => Some("an answer with another Call-ID"),
        _ if from_tag != tag_of(&spec.from) => Some("an answer with another From tag"),
        101.. if !has_to_tag => Some("an answer without a To tag"),
        _ => None,
    }
}

/// Unique texts: a counter under a random key.
pub(super) struct Ids {
    key: RandomState,
    next: u64,
}

impl Ids {
    fn new() -> Ids {
        Ids { key: RandomState::new(), next: 0 }
    }

    pub(super) fn tag(&mut self) -> String {
        self.next += 1;
        format!("{:016x}", self.key.hash_one(self.next))
    }

    pub(super) fn branch(&mut self) -> String {
        format!("z9hG4bK{}", self.tag())
    }

    pub(super) fn call_id(&mut self) -> String {
        format!("{}@test-phone", self.tag())
    }
}
