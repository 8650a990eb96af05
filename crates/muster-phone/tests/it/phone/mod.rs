//! A small phone: a user agent of its own making, so that the core's mistakes are not shared by it.
//!
//! It checks what it receives as a strict stack would (tags, CSeq, Via) and notes every breach in
//! `complaints`, which a test expects to be empty.

mod client;
mod server;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use muster_sip::{Instant, Message, Method, Name, Rng};

use crate::digest::Challenge;

const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
const LIFE: Duration = Duration::from_secs(32);

pub const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

/// What the phone does when it is called.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    pub ring_after: Option<Duration>,
    pub then: Then,
}

#[derive(Clone, Copy, Debug)]
pub enum Then {
    Answer(Duration),
    Reject(Duration, u16),
    RingOn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallStage {
    Calling,
    Early,
    RingingHere,
    Up,
    Ended,
}

#[derive(Clone, Debug)]
pub struct PhoneCall {
    pub call_id: String,
    pub stage: CallStage,
    pub incoming: bool,
    /// How it ended: "487", "BYE received", "BYE sent" …
    pub ending: Option<String>,
    pub statuses: Vec<u16>,
    pub bodies: Vec<String>,
    pub acked: bool,
    local: String,
    remote: String,
    local_tag: String,
    remote_tag: String,
    target: String,
    local_seq: u32,
    remote_seq: u32,
    invite_seq: u32,
    cancelled: bool,
    invite: Option<Message>,
    invite_branch: String,
}

#[derive(Clone)]
struct Template {
    method: Method,
    uri: String,
    from: String,
    to: String,
    call_id: String,
    headers: Vec<(Name, String)>,
    body: Option<(&'static str, String)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Purpose {
    Plain,
    Invite(usize),
    ReInvite(usize),
    Bye(usize),
    Cancel,
}

struct Client {
    template: Template,
    purpose: Purpose,
    branch: String,
    cseq: u32,
    bytes: Bytes,
    again_at: Option<Instant>,
    interval: Duration,
    gives_up_at: Instant,
    provisional: bool,
    tries: u8,
    done: bool,
    ack: Option<Bytes>,
}

struct Server {
    response: Option<Bytes>,
    again_at: Option<Instant>,
    interval: Duration,
    gives_up_at: Instant,
}

enum Alarm {
    Ring(usize),
    Answer(usize),
    Reject(usize, u16),
}

pub struct Phone {
    pub label: &'static str,
    pub auth_name: String,
    pub secret: String,
    pub domain: String,
    pub addr: SocketAddr,
    pub server: SocketAddr,
    /// The user part of its own address: the extension, or the auth name for phones that know no other.
    pub user_part: String,
    pub algorithm: &'static str,
    pub manners: Manners,
    pub outbox: Vec<Bytes>,
    pub received: Vec<Bytes>,
    pub sent: Vec<Bytes>,
    pub calls: Vec<PhoneCall>,
    /// Final answers to requests outside of calls: method, status, reason.
    pub answers: Vec<(String, u16, String)>,
    pub last_answer: Option<Message>,
    /// Bodies of NOTIFY with their Subscription-State.
    pub notified: Vec<(String, String)>,
    pub notify_status: u16,
    pub complaints: Vec<String>,
    pub silent: bool,
    /// Sends 183 with SDP where others send 180.
    pub early_media: bool,
    /// What its From says, if not its own address.
    pub from: Option<String>,
    /// Sends its INVITEs without SDP.
    pub late_offer: bool,
    pub sdp: String,
    /// The media type of its bodies, where it is not the usual one.
    pub body_type: Option<&'static str>,
    rng: Rng,
    seq: u32,
    /// By realm.
    pub challenges: HashMap<String, Challenge>,
    clients: Vec<Client>,
    servers: HashMap<String, Server>,
    alarms: Vec<(Instant, Alarm)>,
    register_call_id: String,
    subscriptions: HashMap<String, (String, String, String, u32)>,
}

impl Phone {
    pub fn new(label: &'static str, extension: &str, auth_name: &str, addr: SocketAddr, seed: u64) -> Phone {
        let mut rng = Rng::from_u64(seed);
        let register_call_id = rng.call_id().to_string();
        Phone {
            label,
            auth_name: auth_name.into(),
            secret: format!("secret-of-{auth_name}"),
            domain: "acme.example".into(),
            addr,
            server: SocketAddr::from(([127, 0, 0, 1], 5060)),
            user_part: extension.into(),
            algorithm: "SHA-256",
            manners: Manners { ring_after: Some(Duration::from_millis(20)), then: Then::RingOn },
            outbox: Vec::new(),
            received: Vec::new(),
            sent: Vec::new(),
            calls: Vec::new(),
            answers: Vec::new(),
            last_answer: None,
            notified: Vec::new(),
            notify_status: 200,
            complaints: Vec::new(),
            silent: false,
            early_media: false,
            from: None,
            late_offer: false,
            sdp: SDP.into(),
            body_type: None,
            rng,
            seq: 100,
            challenges: HashMap::new(),
            clients: Vec::new(),
            servers: HashMap::new(),
            alarms: Vec::new(),
            register_call_id,
            subscriptions: HashMap::new(),
        }
    }

    /// The number before that of the next request outside of calls.
    pub fn set_seq(&mut self, seq: u32) {
        self.seq = seq;
    }

    pub fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.user_part, self.addr)
    }

    fn own(&self) -> String {
        format!("sip:{}@{}", self.user_part, self.domain)
    }

    // What a person does with it.

    pub fn register(&mut self, now: Instant, expires: u32) {
        let contact = self.contact();
        self.register_as(now, &[(Name::Contact, &contact), (Name::Expires, &expires.to_string())]);
    }

    pub fn register_as(&mut self, now: Instant, headers: &[(Name, &str)]) {
        let own = self.own();
        self.register_to(now, &own, headers);
    }

    pub fn register_to(&mut self, now: Instant, aor: &str, headers: &[(Name, &str)]) {
        let template = Template {
            method: Method::Register,
            uri: format!("sip:{}", self.domain),
            from: format!("<{}>;tag={}", self.from.as_deref().unwrap_or(aor), self.rng.tag()),
            to: format!("<{aor}>"),
            call_id: self.register_call_id.clone(),
            headers: headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            body: None,
        };
        self.send(template, Purpose::Plain, now);
    }

    pub fn plain(&mut self, now: Instant, method: Method, target: &str, headers: &[(Name, &str)]) {
        let uri = format!("sip:{target}@{}", self.domain);
        let template = Template {
            method,
            from: format!("<{}>;tag={}", self.own(), self.rng.tag()),
            to: format!("<{uri}>"),
            uri,
            call_id: self.rng.call_id().to_string(),
            headers: headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            body: None,
        };
        self.send(template, Purpose::Plain, now);
    }

    /// Subscribes to the calls of a colleague; gives the Call-ID.
    pub fn subscribe(&mut self, now: Instant, target: &str, expires: u32) -> String {
        let uri = format!("sip:{target}@{}", self.domain);
        let call_id = self.rng.call_id().to_string();
        let tag = self.rng.tag().to_string();
        self.subscriptions.insert(call_id.clone(), (tag.clone(), String::new(), uri.clone(), 0));
        let template = Template {
            method: Method::Subscribe,
            from: format!("<{}>;tag={tag}", self.own()),
            to: format!("<{uri}>"),
            uri,
            call_id: call_id.clone(),
            headers: vec![
                (Name::Contact, self.contact()),
                (Name::Event, "dialog".into()),
                (Name::Accept, "application/dialog-info+xml".into()),
                (Name::Expires, expires.to_string()),
            ],
            body: None,
        };
        self.send(template, Purpose::Plain, now);
        call_id
    }

    /// Refreshes a subscription, or ends it with `expires` 0.
    pub fn resubscribe(&mut self, now: Instant, call_id: &str, expires: u32) {
        let (tag, remote_tag, target, _) = self.subscriptions[call_id].clone();
        let template = Template {
            method: Method::Subscribe,
            uri: target.clone(),
            from: format!("<{}>;tag={tag}", self.own()),
            to: format!("<{target}>;tag={remote_tag}"),
            call_id: call_id.into(),
            headers: vec![
                (Name::Contact, self.contact()),
                (Name::Event, "dialog".into()),
                (Name::Expires, expires.to_string()),
            ],
            body: None,
        };
        self.send(template, Purpose::Plain, now);
    }

    pub fn call(&mut self, now: Instant, target: &str) -> usize {
        let own = self.own();
        self.call_as(now, target, &own)
    }

    pub fn call_as(&mut self, now: Instant, target: &str, own: &str) -> usize {
        let uri = format!("sip:{target}@{}", self.domain);
        let tag = self.rng.tag().to_string();
        let call_id = self.rng.call_id().to_string();
        let index = self.calls.len();
        let from = format!("\"Somebody\" <{own}>;tag={tag}");
        let template = Template {
            method: Method::Invite,
            uri: uri.clone(),
            from: from.clone(),
            to: format!("<{uri}>"),
            call_id: call_id.clone(),
            headers: vec![
                (Name::Contact, self.contact()),
                (Name::Supported, "replaces, 100rel, timer".into()),
                (Name::UserAgent, format!("phone of {}", self.auth_name)),
                (Name::PAssertedIdentity, "<sip:999@acme.example>".into()),
            ],
            body: (!self.late_offer).then(|| (self.body_type.unwrap_or("application/sdp"), self.sdp.clone())),
        };
        self.calls.push(PhoneCall {
            call_id,
            stage: CallStage::Calling,
            incoming: false,
            ending: None,
            statuses: Vec::new(),
            bodies: Vec::new(),
            acked: false,
            local: from,
            remote: format!("<{uri}>"),
            local_tag: tag,
            remote_tag: String::new(),
            target: uri,
            local_seq: 0,
            remote_seq: 0,
            invite_seq: 0,
            cancelled: false,
            invite: None,
            invite_branch: String::new(),
        });
        self.send(template, Purpose::Invite(index), now);
        index
    }

    /// Gives up a call that it has placed and that is not answered.
    pub fn cancel(&mut self, now: Instant, index: usize) {
        if self.calls[index].stage == CallStage::Up {
            return self.hang_up(now, index);
        }
        self.calls[index].cancelled = true;
        self.cancel_if_possible(now, index);
    }

    pub fn answer(&mut self, now: Instant, index: usize) {
        let call = &mut self.calls[index];
        if call.stage != CallStage::RingingHere {
            return;
        }
        call.stage = CallStage::Up;
        let Some(invite) = call.invite.clone() else { return };
        let response = self.response(&invite, 200, index);
        let bytes = response.body("application/sdp", self.sdp.clone().as_bytes());
        self.respond_invite(now, index, bytes);
    }

    pub fn reject(&mut self, now: Instant, index: usize, status: u16) {
        if self.calls[index].stage != CallStage::RingingHere {
            return;
        }
        let Some(invite) = self.calls[index].invite.clone() else { return };
        self.end(index, format!("{status} sent"));
        let bytes = self.response(&invite, status, index).finish();
        self.respond_invite(now, index, bytes);
    }

    pub fn hang_up(&mut self, now: Instant, index: usize) {
        if self.calls[index].stage != CallStage::Up {
            return;
        }
        self.in_dialog(now, index, Method::Bye, None, Purpose::Bye(index));
        self.end(index, "BYE sent".into());
    }

    pub fn reinvite(&mut self, now: Instant, index: usize, sdp: &str) {
        let body = (!sdp.is_empty()).then(|| (self.body_type.unwrap_or("application/sdp"), sdp.to_owned()));
        self.in_dialog(now, index, Method::Invite, body, Purpose::ReInvite(index));
    }

    pub fn info(&mut self, now: Instant, index: usize, body: &str) {
        let body = Some((self.body_type.unwrap_or("application/dtmf-relay"), body.to_owned()));
        self.in_dialog(now, index, Method::Info, body, Purpose::Plain);
    }

    pub fn live_calls(&self) -> usize {
        self.calls.iter().filter(|call| call.stage != CallStage::Ended).count()
    }

    fn in_dialog(
        &mut self,
        now: Instant,
        index: usize,
        method: Method,
        body: Option<(&'static str, String)>,
        purpose: Purpose,
    ) {
        let call = &self.calls[index];
        let template = Template {
            method,
            uri: call.target.clone(),
            from: call.local.clone(),
            to: format!("{};tag={}", call.remote, call.remote_tag),
            call_id: call.call_id.clone(),
            headers: vec![(Name::Contact, self.contact())],
            body,
        };
        self.send(template, purpose, now);
    }

    // Time.

    pub fn tick(&mut self, now: Instant) {
        let due: Vec<Alarm> = {
            let (due, later) = std::mem::take(&mut self.alarms).into_iter().partition(|(at, _)| *at <= now);
            self.alarms = later;
            let mut due: Vec<(Instant, Alarm)> = due;
            due.sort_by_key(|(at, _)| *at);
            due.into_iter().map(|(_, alarm)| alarm).collect()
        };
        for alarm in due {
            match alarm {
                Alarm::Ring(call) => self.ring(now, call),
                Alarm::Answer(call) => self.answer(now, call),
                Alarm::Reject(call, status) => self.reject(now, call, status),
            }
        }
        self.retransmit(now);
    }

    fn ring(&mut self, now: Instant, index: usize) {
        if self.calls[index].stage != CallStage::RingingHere {
            return;
        }
        let Some(invite) = self.calls[index].invite.clone() else { return };
        let bytes = match self.early_media {
            true => self.response(&invite, 183, index).body("application/sdp", self.sdp.as_bytes()),
            false => self.response(&invite, 180, index).finish(),
        };
        self.respond_invite(now, index, bytes);
        let key = self.calls[index].invite_branch.clone();
        if let Some(server) = self.servers.get_mut(&key) {
            server.again_at = None;
        }
    }

    fn retransmit(&mut self, now: Instant) {
        let mut lost = Vec::new();
        for client in &mut self.clients {
            if client.gives_up_at <= now && !client.done && !client.provisional {
                client.done = true;
                client.again_at = None;
                lost.push(client.purpose);
            }
            if client.again_at.is_some_and(|at| at <= now) {
                self.outbox.push(client.bytes.clone());
                client.interval = match client.template.method {
                    Method::Invite => client.interval * 2,
                    _ => (client.interval * 2).min(T2),
                };
                client.again_at = Some(now + client.interval);
            }
        }
        for purpose in lost {
            match purpose {
                Purpose::Invite(call) => self.end(call, "nobody there".into()),
                Purpose::Plain => self.answers.push(("timeout".into(), 408, String::new())),
                _ => {}
            }
        }
        // A client's memory of a finished transaction must outlive the server's repetitions.
        self.clients.retain(|client| !client.done || client.gives_up_at + LIFE + LIFE > now);
        let mut unacknowledged = Vec::new();
        for (key, server) in &mut self.servers {
            if server.again_at.is_some() && server.gives_up_at <= now {
                server.again_at = None;
                unacknowledged.push(key.clone());
            } else if server.again_at.is_some_and(|at| at <= now) {
                self.outbox.extend(server.response.clone());
                server.interval = (server.interval * 2).min(T2);
                server.again_at = Some(now + server.interval);
            }
        }
        unacknowledged.sort();
        for key in unacknowledged {
            let up =
                |call: &PhoneCall| call.invite_branch == key && call.stage == CallStage::Up && !call.acked;
            if let Some(index) = self.calls.iter().position(up) {
                self.hang_up(now, index);
            }
        }
    }

    pub fn next_wake(&self) -> Option<Instant> {
        let clients = self.clients.iter().filter(|c| !c.done);
        let clients = clients.flat_map(|c| [c.again_at, (!c.provisional).then_some(c.gives_up_at)]).flatten();
        let servers = self.servers.values().filter_map(|server| server.again_at);
        clients.chain(servers).chain(self.alarms.iter().map(|(at, _)| *at)).min()
    }
}
