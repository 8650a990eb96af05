//! A small phone: a user agent of its own making, so that the core's mistakes are not shared by it.
//!
//! It checks what it receives as a strict stack would (tags, CSeq, Via) and notes every breach in
//! `complaints`, which a test expects to be empty.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use muster_sip::{Instant, LocalVia, Message, Method, Name, Rng, Start, Writer};

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
    /// Sends its INVITEs without SDP.
    pub late_offer: bool,
    pub sdp: String,
    rng: Rng,
    seq: u32,
    challenges: HashMap<String, Challenge>,
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
            server: "127.0.0.1:5060".parse().unwrap(),
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
            late_offer: false,
            sdp: SDP.into(),
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
            from: format!("<{aor}>;tag={}", self.rng.tag()),
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
            body: (!self.late_offer).then(|| ("application/sdp", self.sdp.clone())),
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
        let body = Some(("application/sdp", sdp.to_owned()));
        self.in_dialog(now, index, Method::Invite, body, Purpose::ReInvite(index));
    }

    pub fn info(&mut self, now: Instant, index: usize, body: &str) {
        let body = Some(("application/dtmf-relay", body.to_owned()));
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

    // Requests and their answers.

    fn send(&mut self, template: Template, purpose: Purpose, now: Instant) {
        self.send_again(template, purpose, now, None, 0);
    }

    fn next_seq(&mut self, purpose: Purpose, template: &Template) -> u32 {
        match purpose {
            Purpose::Invite(call) | Purpose::ReInvite(call) | Purpose::Bye(call) => {
                self.calls[call].local_seq += 1;
                if matches!(purpose, Purpose::Invite(_)) {
                    self.calls[call].invite_seq = self.calls[call].local_seq;
                }
                self.calls[call].local_seq
            }
            _ => match self.calls.iter_mut().find(|call| call.call_id == template.call_id) {
                Some(call) => {
                    call.local_seq += 1;
                    call.local_seq
                }
                None => {
                    self.seq += 1;
                    self.seq
                }
            },
        }
    }

    fn send_again(
        &mut self,
        template: Template,
        purpose: Purpose,
        now: Instant,
        auth: Option<(Name, String)>,
        tries: u8,
    ) {
        let cseq = self.next_seq(purpose, &template);
        let branch = self.rng.branch().to_string();
        let bytes = self.write(&template, &branch, cseq, auth);
        if let Purpose::Invite(call) = purpose {
            self.calls[call].invite_branch = branch.clone();
        }
        self.outbox.push(bytes.clone());
        self.clients.push(Client {
            template,
            purpose,
            branch,
            cseq,
            bytes,
            again_at: Some(now + T1),
            interval: T1,
            gives_up_at: now + LIFE,
            provisional: false,
            tries,
            done: false,
            ack: None,
        });
    }

    fn write(&self, template: &Template, branch: &str, cseq: u32, auth: Option<(Name, String)>) -> Bytes {
        let sent_by = self.addr.to_string();
        let mut writer = Writer::request(&template.method, &template.uri)
            .via(&LocalVia { transport: "UDP", sent_by: &sent_by, branch })
            .header(Name::MaxForwards, "70")
            .header(Name::From, &template.from)
            .header(Name::To, &template.to)
            .header(Name::CallId, &template.call_id)
            .cseq(cseq, &template.method);
        for (name, value) in &template.headers {
            writer = writer.header(*name, value);
        }
        if let Some((name, value)) = auth {
            writer = writer.header(name, &value);
        }
        match &template.body {
            Some((kind, body)) => writer.body(kind, body.as_bytes()),
            None => writer.finish(),
        }
    }

    pub fn receive(&mut self, bytes: Bytes, now: Instant) {
        self.received.push(bytes.clone());
        if self.silent {
            return;
        }
        let message = match Message::parse(bytes.clone()) {
            Ok(message) => message,
            Err(error) => return self.complaints.push(format!("unreadable: {error}: {bytes:?}")),
        };
        match message.start() {
            Start::Response { status, .. } => self.on_response(&message, status, now),
            Start::Request { .. } => self.on_request(&message, now),
        }
    }

    fn on_response(&mut self, message: &Message, status: u16, now: Instant) {
        let via = message.via().expect("checked by parse");
        let branch = via.branch().unwrap_or("").to_owned();
        let (cseq, method) = message.cseq().expect("checked by parse");
        let found = self.clients.iter().position(|c| c.branch == branch && c.template.method == method);
        let Some(at) = found else {
            return self.complaints.push(format!("{status} to nothing that was sent ({method})"));
        };
        if self.clients[at].cseq != cseq || self.clients[at].template.call_id != message.call_id() {
            self.complaints.push(format!("{status} with another CSeq or Call-ID"));
        }
        let purpose = self.clients[at].purpose;
        if status < 200 {
            self.clients[at].provisional = true;
            if method == Method::Invite {
                self.clients[at].again_at = None;
            }
            if let Purpose::Invite(call) = purpose {
                self.on_provisional(call, message, status, now);
            }
            return;
        }
        let again = std::mem::replace(&mut self.clients[at].done, true);
        self.clients[at].again_at = None;
        if method == Method::Invite {
            self.ack(at, message, status, purpose, again);
        }
        if again {
            return;
        }
        if matches!(status, 401 | 407) && self.clients[at].tries < 3 {
            return self.authenticate(at, message, now);
        }
        match purpose {
            Purpose::Invite(call) => self.on_invite_final(call, message, status, now),
            Purpose::ReInvite(call) => {
                self.calls[call].statuses.push(status);
                self.note_body(call, message);
            }
            Purpose::Bye(call) => self.calls[call].statuses.push(status),
            Purpose::Cancel => {}
            Purpose::Plain => {
                let reason = match message.start() {
                    Start::Response { reason, .. } => reason.to_owned(),
                    Start::Request { .. } => String::new(),
                };
                if method == Method::Subscribe
                    && let Some(subscription) = self.subscriptions.get_mut(message.call_id())
                {
                    subscription.1 = message.to().ok().and_then(|to| to.tag()).unwrap_or("").to_owned();
                }
                self.answers.push((method.to_string(), status, reason));
                self.last_answer = Some(message.clone());
            }
        }
    }

    fn authenticate(&mut self, at: usize, message: &Message, now: Instant) {
        let (ask, give) = match message.status() {
            Some(401) => (Name::WwwAuthenticate, Name::Authorization),
            _ => (Name::ProxyAuthenticate, Name::ProxyAuthorization),
        };
        let offers: Vec<Challenge> = message.headers(ask).map(Challenge::parse).collect();
        let wanted = offers.iter().find(|offer| offer.algorithm == self.algorithm).or(offers.first());
        let Some(mut challenge) = wanted.cloned() else {
            return self.complaints.push("a challenge without one".into());
        };
        let client = &self.clients[at];
        let (template, purpose, tries) = (client.template.clone(), client.purpose, client.tries + 1);
        if let Purpose::Invite(call) = purpose
            && self.calls[call].cancelled
        {
            return self.end(call, "cancelled before it began".into());
        }
        let value = challenge.answer(&self.auth_name, &self.secret, template.method.as_str(), &template.uri);
        self.challenges.insert(challenge.realm.clone(), challenge);
        self.send_again(template, purpose, now, Some((give, value)), tries);
    }

    fn on_provisional(&mut self, call: usize, message: &Message, status: u16, now: Instant) {
        if self.calls[call].stage == CallStage::Calling && status > 100 {
            self.calls[call].stage = CallStage::Early;
        }
        if status > 100 {
            let tag = message.to().ok().and_then(|to| to.tag()).unwrap_or("").to_owned();
            if !self.calls[call].remote_tag.is_empty() && self.calls[call].remote_tag != tag {
                self.complaints.push("a second To tag".into());
            }
            self.calls[call].remote_tag = tag;
        }
        if self.calls[call].statuses.last() != Some(&status) {
            self.calls[call].statuses.push(status);
        }
        self.note_body(call, message);
        self.cancel_if_possible(now, call);
    }

    fn note_body(&mut self, call: usize, message: &Message) {
        if !message.body().is_empty() {
            self.calls[call].bodies.push(String::from_utf8_lossy(message.body()).into_owned());
        }
    }

    fn on_invite_final(&mut self, call: usize, message: &Message, status: u16, now: Instant) {
        self.calls[call].statuses.push(status);
        if status >= 300 {
            return self.end(call, status.to_string());
        }
        self.note_body(call, message);
        self.calls[call].stage = CallStage::Up;
        self.calls[call].acked = true;
        if self.calls[call].cancelled {
            // RFC 3261 §9.1: the answer was quicker than the CANCEL.
            self.hang_up(now, call);
        }
    }

    /// Acknowledges a final answer to INVITE, and each repetition of it.
    fn ack(&mut self, at: usize, message: &Message, status: u16, purpose: Purpose, again: bool) {
        if again && let Some(ack) = self.clients[at].ack.clone() {
            return self.outbox.push(ack);
        }
        let client = &self.clients[at];
        let (template, cseq) = (client.template.clone(), client.cseq);
        let to = message.header(Name::To).unwrap_or("").to_owned();
        let (uri, branch) = match status {
            200..300 => {
                let target = message.contacts().ok().and_then(|contacts| match contacts {
                    muster_sip::Contacts::List(list) => list.first().map(|contact| contact.uri.to_owned()),
                    muster_sip::Contacts::Star => None,
                });
                let Some(target) = target else {
                    return self.complaints.push("a 2xx without Contact".into());
                };
                if let Purpose::Invite(call) | Purpose::ReInvite(call) = purpose {
                    self.calls[call].target = target.clone();
                    let tag = message.to().ok().and_then(|to| to.tag()).unwrap_or("").to_owned();
                    let known = &mut self.calls[call].remote_tag;
                    if !known.is_empty() && *known != tag {
                        self.complaints.push("the 2xx has another To tag".into());
                    }
                    self.calls[call].remote_tag = tag;
                }
                (target, self.rng.branch().to_string())
            }
            _ => (template.uri.clone(), self.clients[at].branch.clone()),
        };
        let sent_by = self.addr.to_string();
        let writer = Writer::request(&Method::Ack, &uri)
            .via(&LocalVia { transport: "UDP", sent_by: &sent_by, branch: &branch })
            .header(Name::MaxForwards, "70")
            .header(Name::From, &template.from)
            .header(Name::To, &to)
            .header(Name::CallId, &template.call_id)
            .cseq(cseq, &Method::Ack);
        let late = status < 300 && template.body.is_none();
        let bytes = match late {
            true => writer.body("application/sdp", self.sdp.as_bytes()),
            false => writer.finish(),
        };
        self.clients[at].ack = Some(bytes.clone());
        self.outbox.push(bytes);
    }

    fn cancel_if_possible(&mut self, now: Instant, index: usize) {
        let call = &self.calls[index];
        if !call.cancelled || call.stage == CallStage::Ended {
            return;
        }
        let branch = call.invite_branch.clone();
        let sent = self.clients.iter().any(|c| c.branch == branch && c.purpose == Purpose::Cancel);
        let invite = self.clients.iter().find(|c| c.branch == branch && c.template.method == Method::Invite);
        let Some(invite) = invite.filter(|client| client.provisional && !client.done && !sent) else {
            return;
        };
        let template =
            Template { method: Method::Cancel, headers: Vec::new(), body: None, ..invite.template.clone() };
        let cseq = invite.cseq;
        let bytes = self.write(&template, &branch, cseq, None);
        self.outbox.push(bytes.clone());
        self.clients.push(Client {
            template,
            purpose: Purpose::Cancel,
            branch,
            cseq,
            bytes,
            again_at: Some(now + T1),
            interval: T1,
            gives_up_at: now + LIFE,
            provisional: false,
            tries: 9,
            done: false,
            ack: None,
        });
    }

    fn end(&mut self, index: usize, how: String) {
        let call = &mut self.calls[index];
        if call.stage != CallStage::Ended {
            call.stage = CallStage::Ended;
            call.ending = Some(how);
        }
    }

    // What others ask of it.

    fn on_request(&mut self, message: &Message, now: Instant) {
        let via = message.via().expect("checked by parse");
        let method = message.method().expect("a request").clone();
        let key = format!("{}{}", via.branch().unwrap_or(""), method);
        if method == Method::Ack {
            return self.on_ack(message);
        }
        if let Some(server) = self.servers.get(&key) {
            if let Some(response) = &server.response {
                self.outbox.push(response.clone());
            }
            return;
        }
        let gives_up_at = now + LIFE;
        let server = Server { response: None, again_at: None, interval: T1, gives_up_at };
        self.servers.insert(key.clone(), server);
        match method {
            Method::Invite => self.on_invite(message, now),
            Method::Cancel => self.on_cancel(message, &key, now),
            Method::Bye => self.on_bye(message, &key),
            Method::Notify => self.on_notify(message, &key),
            Method::Info | Method::Update => {
                let status = match self.dialog_of(message) {
                    Some(call) => {
                        self.note_body(call, message);
                        200
                    }
                    None => 481,
                };
                self.reply(&key, message, status);
            }
            _ => self.reply(&key, message, 501),
        }
    }

    fn reply(&mut self, key: &str, message: &Message, status: u16) {
        let tag = self.rng.tag();
        let bytes = Writer::response_to(message, status, "Whatever", Some(&tag), self.server).finish();
        if let Some(server) = self.servers.get_mut(key) {
            server.response = Some(bytes.clone());
        }
        self.outbox.push(bytes);
    }

    /// The call that a request inside a dialog belongs to; checks what a strict stack checks.
    fn dialog_of(&mut self, message: &Message) -> Option<usize> {
        let to_tag = message.to().ok()?.tag().unwrap_or("").to_owned();
        let from_tag = message.from().ok()?.tag().unwrap_or("").to_owned();
        let (cseq, method) = message.cseq().ok()?;
        let at = self.calls.iter().position(|call| {
            call.call_id == message.call_id() && call.local_tag == to_tag && call.remote_tag == from_tag
        })?;
        let own = format!("sip:{}@{}", self.user_part, self.addr);
        if message.request_uri() != own {
            self.complaints.push(format!("{method} to {} instead of {own}", message.request_uri()));
        }
        let call = &mut self.calls[at];
        if cseq <= call.remote_seq {
            return None;
        }
        call.remote_seq = cseq;
        Some(at)
    }

    fn on_invite(&mut self, message: &Message, now: Instant) {
        if message.to().is_ok_and(|to| to.tag().is_some()) {
            return self.on_reinvite(message, now);
        }
        let from = message.from().expect("checked by parse");
        let target = match message.contacts() {
            Ok(muster_sip::Contacts::List(list)) if list.len() == 1 => list[0].uri.to_owned(),
            _ => return self.complaints.push("an INVITE without one Contact".into()),
        };
        let via = message.via().expect("checked by parse");
        let index = self.calls.len();
        let tag = self.rng.tag().to_string();
        self.calls.push(PhoneCall {
            call_id: message.call_id().to_owned(),
            stage: CallStage::RingingHere,
            incoming: true,
            ending: None,
            statuses: Vec::new(),
            bodies: Vec::new(),
            acked: false,
            local: format!("{};tag={tag}", message.header(Name::To).unwrap_or("")),
            remote: format!("<{}>", from.uri),
            local_tag: tag,
            remote_tag: from.tag().unwrap_or("").to_owned(),
            target,
            local_seq: 0,
            remote_seq: message.cseq().expect("checked by parse").0,
            invite_seq: 0,
            cancelled: false,
            invite: Some(message.clone()),
            invite_branch: format!("{}INVITE", via.branch().unwrap_or("")),
        });
        self.note_body(index, message);
        if let Some(after) = self.manners.ring_after {
            self.alarms.push((now + after, Alarm::Ring(index)));
        }
        match self.manners.then {
            Then::Answer(after) => self.alarms.push((now + after, Alarm::Answer(index))),
            Then::Reject(after, status) => self.alarms.push((now + after, Alarm::Reject(index, status))),
            Then::RingOn => {}
        }
    }

    fn on_reinvite(&mut self, message: &Message, now: Instant) {
        let via = message.via().expect("checked by parse");
        let key = format!("{}INVITE", via.branch().unwrap_or(""));
        let Some(index) = self.dialog_of(message) else { return self.reply(&key, message, 481) };
        self.note_body(index, message);
        let own = message.to().ok().and_then(|to| to.tag()).unwrap_or("").to_owned();
        let bytes = Writer::response_to(message, 200, "OK", Some(&own), self.server)
            .header(Name::Contact, &self.contact())
            .body("application/sdp", self.sdp.as_bytes());
        self.calls[index].invite_branch = key;
        self.respond_invite(now, index, bytes);
    }

    fn response(&self, invite: &Message, status: u16, index: usize) -> Writer {
        let tag = self.calls[index].local_tag.clone();
        let phrase = format!("{} says", self.auth_name);
        Writer::response_to(invite, status, &phrase, Some(&tag), self.server)
            .header(Name::Contact, &self.contact())
            .header(Name::UserAgent, &format!("phone of {}", self.auth_name))
    }

    fn respond_invite(&mut self, now: Instant, index: usize, bytes: Bytes) {
        let key = self.calls[index].invite_branch.clone();
        if let Some(server) = self.servers.get_mut(&key) {
            server.response = Some(bytes.clone());
            server.again_at = Some(now + T1);
            server.interval = T1;
            server.gives_up_at = now + LIFE;
        }
        self.outbox.push(bytes);
    }

    fn on_ack(&mut self, message: &Message) {
        let to_tag = message.to().ok().and_then(|to| to.tag()).unwrap_or("").to_owned();
        let (cseq, _) = message.cseq().expect("checked by parse");
        let found = self
            .calls
            .iter()
            .position(|call| call.call_id == message.call_id() && call.local_tag == to_tag && call.incoming);
        let found = found.or_else(|| {
            self.calls.iter().position(|call| call.call_id == message.call_id() && call.local_tag == to_tag)
        });
        let Some(at) = found else {
            return self.complaints.push("an ACK for no call".into());
        };
        if cseq > self.calls[at].remote_seq {
            self.complaints.push("an ACK of a CSeq that was not sent".into());
        }
        if !self.calls[at].acked {
            self.note_body(at, message);
        }
        self.calls[at].acked = true;
        let key = self.calls[at].invite_branch.clone();
        if let Some(server) = self.servers.get_mut(&key) {
            server.again_at = None;
        }
    }

    fn on_cancel(&mut self, message: &Message, key: &str, now: Instant) {
        let branch = message.via().ok().and_then(|via| via.branch()).unwrap_or("").to_owned();
        let invite = format!("{branch}INVITE");
        let found = self.calls.iter().position(|call| call.invite_branch == invite && call.incoming);
        let Some(index) = found else { return self.reply(key, message, 481) };
        self.reply(key, message, 200);
        if self.calls[index].stage == CallStage::RingingHere {
            let Some(invite) = self.calls[index].invite.clone() else { return };
            self.end(index, "cancelled".into());
            let bytes = self.response(&invite, 487, index).finish();
            self.respond_invite(now, index, bytes);
        }
    }

    fn on_bye(&mut self, message: &Message, key: &str) {
        let status = match self.dialog_of(message) {
            Some(call) => {
                let stage = self.calls[call].stage;
                if stage == CallStage::RingingHere {
                    self.complaints.push("BYE instead of CANCEL".into());
                }
                self.end(call, "BYE received".into());
                // The 2xx is not sent again: whoever says BYE has had it.
                let invite = self.calls[call].invite_branch.clone();
                if let Some(server) = self.servers.get_mut(&invite) {
                    server.again_at = None;
                }
                200
            }
            None => 481,
        };
        self.reply(key, message, status);
    }

    fn on_notify(&mut self, message: &Message, key: &str) {
        let tags = (
            message.to().ok().and_then(|to| to.tag()).unwrap_or("").to_owned(),
            message.from().ok().and_then(|from| from.tag()).unwrap_or("").to_owned(),
        );
        let Some(subscription) = self.subscriptions.get_mut(message.call_id()) else {
            return self.reply(key, message, 481);
        };
        let (cseq, _) = message.cseq().expect("checked by parse");
        if subscription.0 != tags.0 || !(subscription.1.is_empty() || subscription.1 == tags.1) {
            self.complaints.push("a NOTIFY with wrong tags".into());
        }
        subscription.1 = tags.1;
        let newer = cseq > subscription.3;
        subscription.3 = subscription.3.max(cseq);
        if newer {
            let state = message.header(Name::SubscriptionState).unwrap_or("").to_owned();
            self.notified.push((state, String::from_utf8_lossy(message.body()).into_owned()));
        }
        let status = if newer { self.notify_status } else { 500 };
        self.reply(key, message, status);
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
        let bytes = self.response(&invite, 180, index).finish();
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
