//! What passes through a call that is up: re-INVITE (hold, new media), UPDATE and INFO.

use muster_sip::{Instant, LocalVia, Message, Method, Name, Writer, transaction};

use crate::call::message::{is_passable, passable_types, with_body};
use crate::call::{Call, CallTimer, Cancel, Leg, PASSED_MAX, Reinvite, Side, Stage};
use crate::core::{Core, Wake};
use crate::io::{CallEnding, Flow};
use crate::pool::Key;
use crate::respond::{ALLOW, transport_name, way_back};
use crate::transactions::{Transaction, User};

const INFO_PACKAGE: &str = "Info-Package";

impl Core {
    /// A re-INVITE from one side goes to the other, one at a time in a call (RFC 3261 §14).
    pub(crate) fn on_reinvite(
        &mut self,
        key: Key<Call>,
        side: Side,
        request: &Message,
        flow: Flow,
        now: Instant,
    ) {
        let Some(call) = self.calls.get(key) else { return };
        let unacked = |side| call.leg(side).is_some_and(|leg| leg.unacked.is_some());
        if call.reinvite.as_ref().is_some_and(|reinvite| reinvite.from == side) {
            return self.retry_later(request, flow);
        }
        let busy = call.reinvite.is_some() || unacked(side) || unacked(side.other());
        if call.stage != Stage::Up || busy {
            return self.answer(request, 491, flow);
        }
        if !is_passable(request) {
            return self.refuse_body(request, flow);
        }
        let to = side.other();
        let server = self.open_server(request, way_back(request, flow), User::Reinviter(key));
        let trying = Writer::response_to(request, 100, "Trying", None, flow.peer).finish();
        self.respond(server, 100, trying, now);
        let branch = self.rng.branch();
        let Some((writer, to_flow, cseq)) = self.begin_request(key, to, &Method::Invite, &branch) else {
            return;
        };
        let Some(call) = self.calls.get(key) else { return };
        let Ok(invite) = Message::parse(with_body(writer, request, call.party(side))) else {
            let answer = self.answer_to(request, 500, flow).finish();
            return self.respond(server, 500, answer, now);
        };
        let client_key = transaction::Key::client(&branch, "INVITE");
        let client = self.open_invite_client(to_flow, invite, client_key, User::Reinvited(key, to), now);
        if let Some(call) = self.calls.get_mut(key) {
            call.reinvite = Some(Reinvite {
                from: side,
                request: request.clone(),
                server,
                client,
                cseq,
                offered: !request.body().is_empty(),
                accepted: false,
                cancel: Cancel::No,
            });
        }
    }

    /// The other side's answer to a re-INVITE that we passed on; None if it never answered.
    pub(crate) fn on_reinvite_response(
        &mut self,
        key: Key<Call>,
        to: Side,
        client: Key<Transaction>,
        response: Option<&Message>,
        now: Instant,
    ) {
        let status = response.and_then(Message::status).unwrap_or(408);
        let Some(call) = self.calls.get_mut(key) else { return };
        let Some(reinvite) = call.reinvite.as_ref().filter(|reinvite| reinvite.client == client) else {
            return self.repeat_ack(key, to, response);
        };
        match (status, response) {
            (..200, _) => self.cancel_reinvite_if_wanted(key, now),
            (200..300, Some(response)) if !reinvite.accepted => {
                self.on_reinvite_success(key, to, response, now)
            }
            (200..300, _) => {}
            _ => self.on_reinvite_failed(key, status, now),
        }
    }

    fn on_reinvite_success(&mut self, key: Key<Call>, to: Side, response: &Message, now: Instant) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let Some(reinvite) = &mut call.reinvite else { return };
        reinvite.accepted = true;
        let (server, offered, cseq) = (reinvite.server, reinvite.offered, reinvite.cseq);
        if let Some(leg) = call.leg_mut(to) {
            // A Contact that cannot be read changes nothing.
            let _ = leg.dialog.refresh_target(response);
        }
        let Some(call) = self.calls.get(key) else { return };
        let Some(request) = call.reinvite.as_ref().map(|reinvite| &reinvite.request) else { return };
        let number = request.cseq().map_or(0, |(number, _)| number);
        let Some(answer) = self.answer_within(call, to.other(), request, server, 200) else { return };
        let bytes = with_body(answer, response, call.party(to));
        self.respond(server, 200, bytes.clone(), now);
        self.await_ack(key, to.other(), number, bytes, now);
        if offered {
            self.acknowledge(key, to, cseq, None);
            if let Some(call) = self.calls.get_mut(key) {
                call.reinvite = None;
            }
        }
    }

    fn on_reinvite_failed(&mut self, key: Key<Call>, status: u16, now: Instant) {
        let Some(reinvite) = self.calls.get_mut(key).and_then(|call| call.reinvite.take()) else { return };
        let Some(call) = self.calls.get(key) else { return };
        let passed = passed_status(status);
        if let Some(answer) =
            self.answer_within(call, reinvite.from, &reinvite.request, reinvite.server, passed)
        {
            self.respond(reinvite.server, passed, answer.finish(), now);
        }
        self.end_if_dead(key, status, now);
    }

    /// The ACK to a 2xx of ours has come; if it carries the SDP answer, the other side waits for it.
    pub(crate) fn on_reinvite_acked(&mut self, key: Key<Call>, side: Side, ack: &Message) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let waits = call.reinvite.as_ref().is_some_and(|r| r.from == side && r.accepted);
        if waits && let Some(reinvite) = call.reinvite.take() {
            self.acknowledge(key, side.other(), reinvite.cseq, Some(ack));
        }
    }

    /// A 2xx that was repeated because our ACK was lost.
    fn repeat_ack(&mut self, key: Key<Call>, to: Side, response: Option<&Message>) {
        let Some((number, _)) = response.and_then(|response| response.cseq().ok()) else { return };
        let Some(leg) = self.calls.get(key).and_then(|call| call.leg(to)) else { return };
        if let Some((_, ack)) = leg.last_ack.as_ref().filter(|(of, _)| *of == number) {
            let (flow, ack) = (leg.flow, ack.clone());
            self.send(flow, ack);
        }
    }

    /// RFC 3261 §21.4.13.
    fn refuse_body(&mut self, request: &Message, flow: Flow) {
        let answer = self.answer_to(request, 415, flow).header(Name::Accept, &passable_types(request));
        self.send_answer(request, flow, answer.finish());
    }

    /// UPDATE and INFO: the question and its answer pass, each with its body.
    pub(crate) fn pass_on(
        &mut self,
        key: Key<Call>,
        side: Side,
        request: &Message,
        flow: Flow,
        now: Instant,
    ) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let method = request.method().cloned().unwrap_or(Method::Info);
        if !is_passable(request) {
            return self.refuse_body(request, flow);
        }
        match call.stage {
            Stage::Ringing => return self.answer(request, 491, flow),
            Stage::Closing => return self.answer(request, 481, flow),
            _ if call.passed >= PASSED_MAX => return self.retry_later(request, flow),
            Stage::Answered | Stage::Up => call.passed += 1,
        }
        let (to, branch) = (side.other(), self.rng.branch());
        let server = self.open_server(request, way_back(request, flow), User::Nobody);
        let Some((mut writer, to_flow, _)) = self.begin_request(key, to, &method, &branch) else { return };
        let Some(call) = self.calls.get(key) else { return };
        if let Some(package) = request.header_named(INFO_PACKAGE) {
            writer = writer.header_named(INFO_PACKAGE, package);
        }
        let bytes = with_body(writer, request, call.party(side));
        let client = transaction::Key::client(&branch, method.as_str());
        let user = User::Passed { call: key, to, server, request: Box::new(request.clone()) };
        self.open_client(to_flow, bytes, client, user, now);
    }

    pub(crate) fn on_passed_response(
        &mut self,
        key: Key<Call>,
        to: Side,
        server: Key<Transaction>,
        request: &Message,
        response: Option<&Message>,
        now: Instant,
    ) {
        let status = response.and_then(Message::status).unwrap_or(408);
        if status < 200 {
            return;
        }
        let Some(source) = self.transactions.get(server).map(|transaction| transaction.flow) else { return };
        let Some(call) = self.calls.get_mut(key) else {
            let answer = self.answer_to(request, 481, source).finish();
            return self.respond(server, 481, answer, now);
        };
        call.passed = call.passed.saturating_sub(1);
        let Some(call) = self.calls.get(key) else { return };
        let passed = passed_status(status);
        let Some(answer) = self.answer_within(call, to.other(), request, server, passed) else { return };
        let bytes = match response {
            Some(response) => with_body(answer, response, call.party(to)),
            None => answer.finish(),
        };
        self.respond(server, passed, bytes, now);
        self.end_if_dead(key, status, now);
    }

    /// Asks both sides whether they still know of the call. Whatever they answer but 481 means yes;
    /// the answer of OPTIONS itself is of no interest.
    pub(crate) fn check_call(&mut self, key: Key<Call>, now: Instant) {
        self.timers.set(now + self.config.call_check_interval, Wake::Call(key, CallTimer::Check));
        for side in [Side::Caller, Side::Callee] {
            let branch = self.rng.branch();
            let Some((writer, flow, _)) = self.begin_request(key, side, &Method::Options, &branch) else {
                return;
            };
            let client = transaction::Key::client(&branch, "OPTIONS");
            self.open_client(flow, writer.finish(), client, User::Checked(key), now);
        }
    }

    pub(crate) fn on_check_response(&mut self, key: Key<Call>, status: u16, now: Instant) {
        self.end_if_dead(key, status, now);
    }

    /// RFC 3261 §12.2.1.2: the other end knows nothing of the dialog, or is not there.
    fn end_if_dead(&mut self, key: Key<Call>, status: u16, now: Instant) {
        if matches!(status, 408 | 481) {
            self.end_call(key, CallEnding::Lost, None, now);
        }
    }

    /// Begins a request of ours to one side, with our Contact for it.
    fn begin_request(
        &mut self,
        key: Key<Call>,
        to: Side,
        method: &Method,
        branch: &str,
    ) -> Option<(Writer, Flow, u32)> {
        let call = self.calls.get(key)?;
        let Leg { flow, dialog, .. } = call.leg(to)?;
        let flow = self.live_flow(*flow, &dialog.remote_target);
        let (sent_by, contact) =
            (self.our_host(flow), self.our_contact(&call.party(to.other()).extension, flow));
        let via = LocalVia { transport: transport_name(flow), sent_by: &sent_by, branch };
        let leg = self.calls.get_mut(key)?.leg_mut(to)?;
        let mut writer = leg.dialog.request(method, &via);
        if matches!(method, Method::Invite | Method::Update) {
            writer = writer.header(Name::Contact, &contact).header(Name::Allow, ALLOW);
        }
        Some((writer, flow, leg.dialog.local_seq))
    }

    /// An answer to a request of one side, inside the dialog with it.
    fn answer_within(
        &self,
        call: &Call,
        side: Side,
        request: &Message,
        server: Key<Transaction>,
        status: u16,
    ) -> Option<Writer> {
        let flow = self.transactions.get(server)?.flow;
        let leg = call.leg(side)?;
        let reason = muster_sip::status::reason_phrase(status);
        let tag = &leg.dialog.id.local_tag;
        let mut answer = Writer::response_to(request, status, reason, Some(tag), flow.peer);
        if status < 300 && matches!(request.method(), Some(Method::Invite | Method::Update)) {
            let contact = self.our_contact(&call.party(side.other()).extension, leg.flow);
            answer = answer.header(Name::Contact, &contact).header(Name::Allow, ALLOW);
        }
        Some(answer)
    }
}

/// A challenge is for us, and we have no answer to it.
fn passed_status(status: u16) -> u16 {
    match status {
        300..=399 | 401 | 407 => 488,
        status => status,
    }
}
