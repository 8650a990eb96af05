//! What others ask of the phone, and what it answers.

use muster_sip::{Instant, Message, Method, Name, Writer};

use super::*;

impl Phone {
    pub(super) fn on_request(&mut self, message: &Message, now: Instant) {
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
            Method::Info | Method::Update | Method::Options => {
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

    pub(super) fn reply(&mut self, key: &str, message: &Message, status: u16) {
        let tag = self.rng.tag();
        let bytes = Writer::response_to(message, status, "Whatever", Some(&tag), self.server).finish();
        if let Some(server) = self.servers.get_mut(key) {
            server.response = Some(bytes.clone());
        }
        self.outbox.push(bytes);
    }

    /// The call that a request inside a dialog belongs to; checks what a strict stack checks.
    pub(super) fn dialog_of(&mut self, message: &Message) -> Option<usize> {
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

    pub(super) fn on_invite(&mut self, message: &Message, now: Instant) {
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

    pub(super) fn on_reinvite(&mut self, message: &Message, now: Instant) {
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

    pub(super) fn response(&self, invite: &Message, status: u16, index: usize) -> Writer {
        let tag = self.calls[index].local_tag.clone();
        let phrase = format!("{} says", self.auth_name);
        Writer::response_to(invite, status, &phrase, Some(&tag), self.server)
            .header(Name::Contact, &self.contact())
            .header(Name::UserAgent, &format!("phone of {}", self.auth_name))
    }

    pub(super) fn respond_invite(&mut self, now: Instant, index: usize, bytes: Bytes) {
        let key = self.calls[index].invite_branch.clone();
        if let Some(server) = self.servers.get_mut(&key) {
            server.response = Some(bytes.clone());
            server.again_at = Some(now + T1);
            server.interval = T1;
            server.gives_up_at = now + LIFE;
        }
        self.outbox.push(bytes);
    }

    pub(super) fn on_ack(&mut self, message: &Message) {
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

    pub(super) fn on_cancel(&mut self, message: &Message, key: &str, now: Instant) {
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

    pub(super) fn on_bye(&mut self, message: &Message, key: &str) {
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

    pub(super) fn on_notify(&mut self, message: &Message, key: &str) {
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
}
