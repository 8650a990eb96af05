//! Calls as the phone sees them: its dialogs (RFC 3261 §12) and who ended them.

use std::net::SocketAddr;

use muster_sip::name::Name;
use muster_sip::{Contacts, Message, Uri};

use super::PhoneError;
use super::engine::{ClientTransaction, Engine, Purpose};
use super::request::RequestSpec;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallState {
    /// The INVITE is out, or has come, and nothing rings.
    Calling,
    Ringing,
    Answered,
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The other side or the server refused our call, with this status.
    Refused(u16),
    /// We refused the call that came.
    Rejected(u16),
    /// The caller gave up before an answer.
    Cancelled,
    HungUp,
    RemoteHungUp,
    /// No answer at all came.
    Lost,
}

impl Ending {
    pub(super) fn into_error(self) -> PhoneError {
        match self {
            Ending::Refused(status) => PhoneError::Refused { status, reason: "call refused".to_owned() },
            other => PhoneError::State(format!("the call has ended: {other:?}")),
        }
    }
}

pub(super) struct CallData {
    pub(super) state: CallState,
    pub(super) ending: Option<Ending>,
    pub(super) history: Vec<CallState>,
    pub(super) last_message: Option<Message>,
    is_ours: bool,
    call_id: String,
    local_tag: String,
    remote_tag: Option<String>,
    /// From or To of ours, without the tag.
    local_uri: String,
    pub(super) remote_uri: String,
    pub(super) remote_sdp: Vec<u8>,
    pub(super) local_cseq: u32,
    remote_cseq: Option<u32>,
    remote_target: String,
    routes: Vec<String>,
    /// Of the INVITE.
    pub(super) branch: String,
    has_provisional: bool,
    cancel_wanted: bool,
    /// Our 200 has its ACK, or we sent ours.
    pub(super) is_confirmed: bool,
}

impl CallData {
    fn enter(&mut self, state: CallState) {
        if self.state != state && self.state != CallState::Ended {
            self.state = state;
            self.history.push(state);
        }
    }

    fn end(&mut self, ending: Ending) {
        self.enter(CallState::Ended);
        self.ending.get_or_insert(ending);
    }
}

impl Engine {
    pub(super) fn start_call(&mut self, extension: &str) -> Result<usize, PhoneError> {
        let index = self.calls.len();
        let uri = format!("sip:{extension}@{}", self.config.domain);
        let mut spec = self.plain_request("INVITE", &uri, &[("Allow", "INVITE, ACK, BYE, CANCEL")], None);
        spec.contacts = vec![format!("<{}>", self.contact_uri())];
        spec.body = Some(("application/sdp".to_owned(), self.sdp().into_bytes()));
        let local_tag = spec.from.rsplit_once(";tag=").map_or("", |(_, tag)| tag).to_owned();
        let call = CallData {
            state: CallState::Calling,
            ending: None,
            history: vec![CallState::Calling],
            last_message: None,
            is_ours: true,
            call_id: spec.call_id.clone(),
            local_tag,
            remote_tag: None,
            local_uri: self.own_address(),
            remote_uri: spec.to.clone(),
            remote_sdp: Vec::new(),
            local_cseq: spec.cseq,
            remote_cseq: None,
            remote_target: uri,
            routes: Vec::new(),
            branch: String::new(),
            has_provisional: false,
            cancel_wanted: false,
            is_confirmed: false,
        };
        self.calls.push(call);
        let branch = self.send_request(spec, Purpose::Invite(index), self.config.server)?;
        self.calls[index].branch = branch;
        Ok(index)
    }

    pub(super) fn on_invite_response(
        &mut self,
        index: usize,
        transaction: &mut ClientTransaction,
        message: &Message,
    ) {
        let status = message.status().unwrap_or(0);
        let call = &mut self.calls[index];
        call.last_message = Some(message.clone());
        if status < 200 {
            call.has_provisional = true;
            if status > 100 {
                call.enter(CallState::Ringing);
            }
            if call.cancel_wanted {
                self.send_cancel(index);
            }
        } else if status < 300 {
            self.on_answered(index, transaction, message);
        } else {
            let was_cancelled = call.cancel_wanted && status == 487;
            call.end(if was_cancelled { Ending::Cancelled } else { Ending::Refused(status) });
        }
    }

    fn on_answered(&mut self, index: usize, transaction: &mut ClientTransaction, message: &Message) {
        let Some(target) = contact_of(message) else {
            return self.fault("a 2xx to INVITE without a Contact".to_owned());
        };
        let call = &mut self.calls[index];
        call.remote_tag = message.to().ok().and_then(|to| to.tag().map(str::to_owned));
        call.remote_target = target;
        // RFC 3261 §12.1.2: the caller's route set is the Record-Route backwards.
        call.routes = message.values(Name::RecordRoute).map(str::to_owned).collect();
        call.routes.reverse();
        call.remote_sdp = message.body().to_vec();
        call.is_confirmed = true;
        let was_cancelled = call.cancel_wanted;
        call.enter(CallState::Answered);
        let mut spec = self.in_dialog(index, "ACK");
        spec.cseq = transaction.spec.cseq;
        let branch = self.ids.branch();
        let ack = spec.to_bytes(&self.via(&branch));
        let to = self.dialog_address(index);
        let _ = self.wire.send(&ack, to);
        transaction.ack = Some(ack);
        if was_cancelled {
            // The 200 crossed our CANCEL: the call exists, and it is ended as one (§15).
            let _ = self.hang_up(index);
            self.calls[index].ending = Some(Ending::Cancelled);
        }
    }

    pub(super) fn call_lost(&mut self, index: usize) {
        self.calls[index].end(Ending::Lost);
    }

    pub(super) fn cancel(&mut self, index: usize) -> Result<(), PhoneError> {
        let call = &mut self.calls[index];
        if !call.is_ours || !matches!(call.state, CallState::Calling | CallState::Ringing) {
            return Err(PhoneError::State(format!("cannot cancel a call that is {:?}", call.state)));
        }
        call.cancel_wanted = true;
        if call.has_provisional {
            self.send_cancel(index);
        }
        Ok(())
    }

    /// RFC 3261 §9.1: as the INVITE, its branch included.
    fn send_cancel(&mut self, index: usize) {
        let branch = self.calls[index].branch.clone();
        if self.client(&branch, "CANCEL").is_some() {
            return;
        }
        let Some(mut spec) = self.client(&branch, "INVITE").map(|invite| invite.spec.clone()) else {
            return;
        };
        spec.method = "CANCEL".to_owned();
        spec.body = None;
        spec.contacts.clear();
        spec.authorization = None;
        let _ = self.send_with_branch(spec, Purpose::Cancel, self.config.server, branch);
    }

    pub(super) fn hang_up(&mut self, index: usize) -> Result<u64, PhoneError> {
        let state = self.calls[index].state;
        if state != CallState::Answered {
            return Err(PhoneError::State(format!("cannot hang up a call that is {state:?}")));
        }
        self.calls[index].local_cseq += 1;
        let spec = self.in_dialog(index, "BYE");
        let ticket = self.ticket();
        let to = self.dialog_address(index);
        self.send_request(spec, Purpose::Bye(index, ticket), to)?;
        self.calls[index].end(Ending::HungUp);
        Ok(ticket)
    }

    pub(super) fn on_invite(&mut self, key: &(String, String), message: &Message) {
        let has_dialog = message.to().is_ok_and(|to| to.tag().is_some());
        if has_dialog {
            match self.judge_in_dialog(message) {
                Ok(_) => {
                    let sdp = self.sdp();
                    self.respond(key, 200, None, Some(&sdp));
                }
                Err(status) => self.respond(key, status, None, None),
            }
            return;
        }
        let Some(target) = contact_of(message) else {
            self.fault("an INVITE without a Contact".to_owned());
            return self.respond(key, 400, None, None);
        };
        self.check_request_uri(message);
        let index = self.calls.len();
        let remote = message.header(Name::From).unwrap_or("");
        let call = CallData {
            state: CallState::Calling,
            ending: None,
            history: vec![CallState::Calling],
            last_message: Some(message.clone()),
            is_ours: false,
            call_id: message.call_id().to_owned(),
            local_tag: self.ids.tag(),
            remote_tag: message.from().ok().and_then(|from| from.tag().map(str::to_owned)),
            local_uri: message.header(Name::To).unwrap_or("").to_owned(),
            remote_uri: without_tag(remote),
            remote_sdp: message.body().to_vec(),
            local_cseq: 0,
            remote_cseq: message.cseq().ok().map(|(number, _)| number),
            remote_target: target,
            routes: message.values(Name::RecordRoute).map(str::to_owned).collect(),
            branch: key.0.clone(),
            has_provisional: false,
            cancel_wanted: false,
            is_confirmed: false,
        };
        self.calls.push(call);
        self.incoming.push_back(index);
        if let Some(transaction) = self.server.get_mut(key) {
            transaction.call = Some(index);
        }
        match self.config.rings_by_itself {
            true => drop(self.ring(index)),
            false => self.respond(key, 100, None, None),
        }
    }

    pub(super) fn ring(&mut self, index: usize) -> Result<(), PhoneError> {
        self.answer_invite(index, 180, None)?;
        self.calls[index].enter(CallState::Ringing);
        Ok(())
    }

    pub(super) fn answer(&mut self, index: usize) -> Result<(), PhoneError> {
        let sdp = self.sdp();
        self.answer_invite(index, 200, Some(&sdp))?;
        self.calls[index].enter(CallState::Answered);
        Ok(())
    }

    pub(super) fn reject(&mut self, index: usize, status: u16) -> Result<(), PhoneError> {
        self.answer_invite(index, status, None)?;
        self.calls[index].end(Ending::Rejected(status));
        Ok(())
    }

    fn answer_invite(&mut self, index: usize, status: u16, sdp: Option<&str>) -> Result<(), PhoneError> {
        let call = &self.calls[index];
        if call.is_ours || !matches!(call.state, CallState::Calling | CallState::Ringing) {
            return Err(PhoneError::State(format!("cannot answer a call that is {:?}", call.state)));
        }
        let key = (call.branch.clone(), "INVITE".to_owned());
        let tag = call.local_tag.clone();
        self.respond(&key, status, Some(&tag), sdp);
        Ok(())
    }

    pub(super) fn on_ack(&mut self, message: &Message, branch: &str) {
        // Of a refusal: the INVITE's own branch. Of a 200: a new one, and the dialog tells.
        let key = (branch.to_owned(), "INVITE".to_owned());
        if let Some(transaction) = self.server.get_mut(&key) {
            transaction.resend = None;
            return;
        }
        let number = |message: &Message| message.cseq().map_or(0, |(number, _)| number);
        let acknowledged = self.server.iter_mut().find(|(key, transaction)| {
            key.1 == "INVITE"
                && transaction.request.call_id() == message.call_id()
                && number(&transaction.request) == number(message)
        });
        let resend = acknowledged.map(|(_, transaction)| transaction.resend.take());
        let Some(index) = self.find_dialog(message).filter(|_| resend.is_some()) else {
            return self.fault(format!("an ACK of no dialog of ours, CSeq {}", number(message)));
        };
        self.check_request_uri(message);
        self.calls[index].is_confirmed = true;
    }

    pub(super) fn on_bye(&mut self, key: &(String, String), message: &Message) {
        match self.judge_in_dialog(message) {
            Ok(index) => {
                self.calls[index].end(Ending::RemoteHungUp);
                self.respond(key, 200, None, None);
            }
            Err(status) => self.respond(key, status, None, None),
        }
    }

    /// RFC 3261 §9.2. The CANCEL must be of the INVITE's branch, URI and CSeq number (§9.1).
    pub(super) fn on_cancel(&mut self, key: &(String, String), message: &Message) {
        let invite_key = (key.0.clone(), "INVITE".to_owned());
        let Some(transaction) = self.server.get(&invite_key) else {
            self.fault("a CANCEL of no INVITE".to_owned());
            return self.respond(key, 481, None, None);
        };
        let (invite, call) = (transaction.request.clone(), transaction.call);
        let number = |message: &Message| message.cseq().map_or(0, |(number, _)| number);
        let is_same = invite.request_uri() == message.request_uri()
            && number(&invite) == number(message)
            && invite.header(Name::From) == message.header(Name::From)
            && invite.header(Name::To) == message.header(Name::To)
            && invite.call_id() == message.call_id();
        if !is_same {
            self.fault("a CANCEL that differs from its INVITE".to_owned());
        }
        let tag = call.map(|index| self.calls[index].local_tag.clone());
        self.respond(key, 200, tag.as_deref(), None);
        let Some(index) = call else { return };
        if matches!(self.calls[index].state, CallState::Calling | CallState::Ringing) {
            self.respond(&invite_key, 487, tag.as_deref(), None);
            let call = &mut self.calls[index];
            call.end(Ending::Cancelled);
            call.last_message = Some(message.clone());
        }
    }

    /// The call of an in-dialog request, or the status to refuse it with: 481 for tags of no
    /// dialog, 500 for a CSeq that is not higher than the last (RFC 3261 §12.2.2).
    pub(super) fn judge_in_dialog(&mut self, message: &Message) -> Result<usize, u16> {
        let method = message.method().map(ToString::to_string).unwrap_or_default();
        let Some(index) = self.find_dialog(message) else {
            self.fault(format!("{method} of no dialog of ours"));
            return Err(481);
        };
        let number = message.cseq().map_or(0, |(number, _)| number);
        let call = &self.calls[index];
        if call.state == CallState::Ended && call.ending != Some(Ending::HungUp) {
            self.fault(format!("{method} in a dialog that has ended"));
            return Err(481);
        }
        if call.remote_cseq.is_some_and(|last| number <= last) {
            self.fault(format!("{method} with an old CSeq {number}"));
            return Err(500);
        }
        self.calls[index].remote_cseq = Some(number);
        self.check_request_uri(message);
        Ok(index)
    }

    fn find_dialog(&self, message: &Message) -> Option<usize> {
        let to = message.to().ok()?;
        let from = message.from().ok()?;
        let (local_tag, remote_tag) = (to.tag()?, from.tag()?);
        self.calls.iter().position(|call| {
            call.call_id == message.call_id()
                && call.local_tag == local_tag
                && call.remote_tag.as_deref() == Some(remote_tag)
        })
    }

    /// A request for this phone names the contact it gave (RFC 3261 §12.2.1.1, §16.6).
    fn check_request_uri(&mut self, message: &Message) {
        let contact = self.contact_uri();
        let is_ours = match (Uri::parse(message.request_uri()), Uri::parse(&contact)) {
            (Ok(asked), Ok(own)) => asked.equivalent(&own),
            _ => false,
        };
        if !is_ours {
            let uri = message.request_uri().to_owned();
            self.fault(format!("a request for {uri}, which is not our contact {contact}"));
        }
    }

    fn in_dialog(&self, index: usize, method: &str) -> RequestSpec {
        let call = &self.calls[index];
        let remote_tag = call.remote_tag.as_deref().unwrap_or("");
        RequestSpec {
            method: method.to_owned(),
            uri: call.remote_target.clone(),
            from: format!("{};tag={}", call.local_uri, call.local_tag),
            to: format!("{};tag={remote_tag}", call.remote_uri),
            call_id: call.call_id.clone(),
            cseq: call.local_cseq.max(1),
            contacts: Vec::new(),
            routes: call.routes.clone(),
            headers: Vec::new(),
            body: None,
            authorization: None,
            challenges_answered: 0,
        }
    }

    /// Where in-dialog requests go: the first route or the remote target, if it is an address;
    /// else the server.
    fn dialog_address(&self, index: usize) -> SocketAddr {
        let call = &self.calls[index];
        let next = call.routes.first().map_or(call.remote_target.as_str(), String::as_str);
        address_of(next).unwrap_or(self.config.server)
    }

    pub(super) fn sdp(&self) -> String {
        let ip = self.local.ip();
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        let port = 20_000 + self.local.port() % 20_000 * 2;
        format!(
            "v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
             a=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
        )
    }
}

pub(super) fn address_of(value: &str) -> Option<SocketAddr> {
    let text = value.split_once('<').map_or(value, |(_, rest)| rest);
    let text = text.split_once('>').map_or(text, |(uri, _)| uri);
    let uri = Uri::parse(text).ok()?;
    Some(SocketAddr::new(uri.ip()?, uri.port.unwrap_or(5060)))
}

pub(super) fn contact_of(message: &Message) -> Option<String> {
    match message.contacts() {
        Ok(Contacts::List(list)) => Some(list.first()?.uri.to_owned()),
        _ => None,
    }
}

fn without_tag(value: &str) -> String {
    value.split_once(";tag=").map_or(value, |(address, _)| address).to_owned()
}
