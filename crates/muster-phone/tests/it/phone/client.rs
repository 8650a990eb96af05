//! What the phone asks of others: its requests, their repetition, and the answers.

use muster_sip::{Instant, LocalVia, Message, Method, Name, Start, Writer};

use super::*;

impl Phone {
    pub(super) fn send(&mut self, template: Template, purpose: Purpose, now: Instant) {
        self.send_again(template, purpose, now, None, 0);
    }

    pub(super) fn next_seq(&mut self, purpose: Purpose, template: &Template) -> u32 {
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

    pub(super) fn send_again(
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

    pub(super) fn write(
        &self,
        template: &Template,
        branch: &str,
        cseq: u32,
        auth: Option<(Name, String)>,
    ) -> Bytes {
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

    pub(super) fn on_response(&mut self, message: &Message, status: u16, now: Instant) {
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

    pub(super) fn authenticate(&mut self, at: usize, message: &Message, now: Instant) {
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

    pub(super) fn on_provisional(&mut self, call: usize, message: &Message, status: u16, now: Instant) {
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

    pub(super) fn note_body(&mut self, call: usize, message: &Message) {
        if !message.body().is_empty() {
            self.calls[call].bodies.push(String::from_utf8_lossy(message.body()).into_owned());
        }
    }

    pub(super) fn on_invite_final(&mut self, call: usize, message: &Message, status: u16, now: Instant) {
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
    pub(super) fn ack(&mut self, at: usize, message: &Message, status: u16, purpose: Purpose, again: bool) {
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

    pub(super) fn cancel_if_possible(&mut self, now: Instant, index: usize) {
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

    pub(super) fn end(&mut self, index: usize, how: String) {
        let call = &mut self.calls[index];
        if call.stage != CallStage::Ended {
            call.stage = CallStage::Ended;
            call.ending = Some(how);
        }
    }
}
