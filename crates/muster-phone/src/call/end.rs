//! How calls end: CANCEL, BYE from either side, time, or because we say so.

use bytes::Bytes;
use muster_sip::{Instant, LocalVia, Message, Method, Name, transaction};

use crate::call::{Call, CallTimer, Cancel, CancelReason, Leg, Side, Stage};
use crate::core::Core;
use crate::io::{CallEnding, Flow, Output};
use crate::pool::Key;
use crate::respond::{transport_name, way_back};
use crate::transactions::{Transaction, User};

/// What a phone makes of it: no missed call (RFC 3326).
const ELSEWHERE: &str = "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";
const END_OF_HEAD: &[u8] = b"Content-Length: 0\r\n\r\n";

impl Core {
    /// CANCEL (RFC 3261 §9.2): has an effect only while its INVITE has no final answer.
    pub(crate) fn on_cancel(&mut self, request: &Message, flow: Flow, now: Instant) {
        let invite = self.transactions.server(&transaction::Key::of_cancelled(request));
        let Some(user) = invite.and_then(|slot| self.transactions.get(slot)).map(|t| t.user.clone()) else {
            return self.answer(request, 481, flow);
        };
        self.answer(request, 200, flow);
        match user {
            User::Caller(call) if self.calls.get(call).is_some_and(|call| call.stage == Stage::Ringing) => {
                self.refuse_call(call, 487, CallEnding::Cancelled, now);
            }
            User::Reinviter(call) => self.cancel_reinvite(call, now),
            _ => {}
        }
    }

    pub(crate) fn on_bye(&mut self, key: Key<Call>, side: Side, request: &Message, flow: Flow, now: Instant) {
        let server = self.open_server(request, way_back(request, flow), User::Nobody);
        let answer = self.answer_to(request, 200, flow).finish();
        self.respond(server, 200, answer, now);
        let Some(call) = self.calls.get(key) else { return };
        match (call.stage, side) {
            // RFC 3261 §15: a caller may end an early dialog with BYE.
            (Stage::Ringing, _) => self.refuse_call(key, 487, CallEnding::Cancelled, now),
            (_, Side::Caller) => self.end_call(key, CallEnding::CallerHungUp, Some(side), now),
            (_, Side::Callee) => self.end_call(key, CallEnding::CalleeHungUp, Some(side), now),
        }
    }

    /// Ends a call, answered or not, because we say so.
    pub(crate) fn stop_call(&mut self, key: Key<Call>, ending: CallEnding, now: Instant) {
        match self.calls.get(key).map(|call| call.stage) {
            Some(Stage::Ringing) => {
                let status = if ending == CallEnding::ServerStopped { 503 } else { 480 };
                self.refuse_call(key, status, ending, now);
            }
            Some(_) => self.end_call(key, ending, None, now),
            None => {}
        }
    }

    /// Ends an answered call. `by` is the side that has said BYE itself.
    pub(crate) fn end_call(&mut self, key: Key<Call>, ending: CallEnding, by: Option<Side>, now: Instant) {
        let Some(call) = self.calls.get(key).filter(|call| call.stage != Stage::Ringing) else { return };
        let unacknowledged = call.b.as_ref().is_some_and(|leg| leg.last_ack.is_none());
        if unacknowledged {
            self.acknowledge_callee(key, None);
        }
        self.drop_reinvite(key, now);
        self.close_ledger(key, ending, 200, now);
        let Some(call) = self.calls.get_mut(key) else { return };
        if let Some(mut leg) = call.b.take() {
            self.dialogs.remove(&leg.dialog.id.local_tag);
            if by != Some(Side::Callee) {
                self.send_bye(&mut leg, now);
            }
        }
        let Some(call) = self.calls.get_mut(key) else { return };
        // RFC 3261 §15: no BYE to the caller before its ACK, or before we have given up waiting.
        let owes_ack = call.stage == Stage::Answered && call.a.unacked.is_some();
        if owes_ack && by != Some(Side::Caller) {
            call.stage = Stage::Closing;
            if self.is_ending {
                self.wait_for_last_ack(key, now);
            }
            return;
        }
        if by != Some(Side::Caller)
            && let Some(mut call) = self.calls.remove(key)
        {
            self.dialogs.remove(&call.a.dialog.id.local_tag);
            return self.send_bye(&mut call.a, now);
        }
        self.forget_call(key);
    }

    pub(crate) fn close_ledger(&mut self, key: Key<Call>, ending: CallEnding, status: u16, now: Instant) {
        let Some(entry) = self.calls.get(key).map(|call| call.entry) else { return };
        if let Some(record) = self.ledger.end(entry, ending, status, now) {
            self.put(Output::CallRecord(record));
        }
    }

    pub(crate) fn on_call_timer(&mut self, key: Key<Call>, timer: CallTimer, now: Instant) {
        let Some(call) = self.calls.get(key) else { return };
        match (timer, call.stage) {
            (CallTimer::NoAnswer, Stage::Ringing) => {
                let status = call.failure.unwrap_or(480);
                self.refuse_call(key, status, CallEnding::NoAnswer, now);
            }
            (CallTimer::TooLong, Stage::Answered | Stage::Up) => {
                self.end_call(key, CallEnding::TooLong, None, now);
            }
            (CallTimer::Check, Stage::Answered | Stage::Up) => self.check_call(key, now),
            // Ending it once more sends the BYE that was held back.
            (CallTimer::LastAck, Stage::Closing) => self.end_call(key, CallEnding::ServerStopped, None, now),
            (CallTimer::Unacked(side), _) => self.on_unacked(key, side, now),
            _ => {}
        }
    }

    pub(crate) fn send_bye(&mut self, leg: &mut Leg, now: Instant) {
        let flow = self.live_flow(leg.flow, &leg.dialog.remote_target);
        let (branch, sent_by) = (self.rng.branch(), self.our_host(flow));
        let via = LocalVia { transport: transport_name(flow), sent_by: &sent_by, branch: &branch };
        let bytes = leg.dialog.request(&Method::Bye, &via).finish();
        self.open_client(flow, bytes, transaction::Key::client(&branch, "BYE"), User::Nobody, now);
    }

    /// Cancels an INVITE of ours, if that is possible now; gives whether it was.
    pub(crate) fn send_cancel(
        &mut self,
        invite: Key<Transaction>,
        reason: CancelReason,
        now: Instant,
    ) -> bool {
        let Some(machine) = self.transactions.invite_client(invite).filter(|m| m.can_cancel()) else {
            return false;
        };
        let Some(flow) = self.transactions.get(invite).map(|transaction| transaction.flow) else {
            return false;
        };
        let branch = machine.request().via().ok().and_then(|via| via.branch());
        let key = transaction::Key::client(branch.unwrap_or(""), "CANCEL");
        let mut cancel = machine.cancel();
        if reason == CancelReason::Elsewhere
            && let Some(head) = cancel.strip_suffix(END_OF_HEAD)
        {
            cancel = Bytes::from([head, ELSEWHERE.as_bytes(), END_OF_HEAD].concat());
        }
        self.open_client(flow, cancel, key, User::Nobody, now);
        true
    }

    fn cancel_reinvite(&mut self, key: Key<Call>, now: Instant) {
        let Some(reinvite) = self.calls.get_mut(key).and_then(|call| call.reinvite.as_mut()) else { return };
        if reinvite.cancel == Cancel::No {
            reinvite.cancel = Cancel::Wanted(CancelReason::GivenUp);
            self.cancel_reinvite_if_wanted(key, now);
        }
    }

    pub(crate) fn cancel_reinvite_if_wanted(&mut self, key: Key<Call>, now: Instant) {
        let Some(reinvite) = self.calls.get(key).and_then(|call| call.reinvite.as_ref()) else { return };
        let (Cancel::Wanted(reason), client) = (reinvite.cancel, reinvite.client) else { return };
        if self.send_cancel(client, reason, now)
            && let Some(reinvite) = self.calls.get_mut(key).and_then(|call| call.reinvite.as_mut())
        {
            reinvite.cancel = Cancel::Sent;
        }
    }

    /// A call ends while a re-INVITE is under way: its sender gets an answer, ours is forgotten.
    fn drop_reinvite(&mut self, key: Key<Call>, now: Instant) {
        let Some(reinvite) = self.calls.get_mut(key).and_then(|call| call.reinvite.take()) else { return };
        self.abandon(reinvite.client);
        if !reinvite.accepted {
            let Some(source) = self.transactions.get(reinvite.server).map(|t| t.flow) else { return };
            let answer = self.answer_to(&reinvite.request, 487, source).finish();
            self.respond(reinvite.server, 487, answer, now);
        }
    }

    /// A request inside a call's dialog.
    pub(crate) fn on_request_in_call(
        &mut self,
        key: Key<Call>,
        side: Side,
        request: &Message,
        flow: Flow,
        now: Instant,
    ) {
        let Some(leg) = self.calls.get_mut(key).and_then(|call| call.leg_mut(side)) else {
            return self.answer(request, 481, flow);
        };
        if !leg.owns(request) {
            return self.answer(request, 481, flow);
        }
        if leg.dialog.accept_request(request).is_err() {
            return self.answer_because(request, 500, "Out of order", flow);
        }
        if matches!(request.method(), Some(Method::Invite | Method::Update))
            && leg.dialog.refresh_target(request).is_err()
        {
            return self.answer_because(request, 400, "Bad Contact", flow);
        }
        leg.heard_on(flow);
        match request.method() {
            Some(Method::Bye) => self.on_bye(key, side, request, flow, now),
            Some(Method::Invite) => self.on_reinvite(key, side, request, flow, now),
            Some(Method::Update | Method::Info) => self.pass_on(key, side, request, flow, now),
            Some(Method::Options) => self.on_options(request, flow),
            Some(Method::Prack) => self.answer(request, 481, flow),
            _ => self.answer(request, 405, flow),
        }
    }

    /// The calls that a person takes part in.
    pub(crate) fn calls_of(&self, person: crate::location::PersonKey) -> Vec<Key<Call>> {
        let entries: Vec<_> = self.ledger.of(person).map(|(key, _)| key).collect();
        entries.iter().filter_map(|entry| self.ledger.call_of(*entry)).collect()
    }

    /// Asks a request that needs the answering side's tag again later.
    pub(crate) fn retry_later(&mut self, request: &Message, flow: Flow) {
        let seconds = self.rng.below(10);
        let answer = self.answer_to(request, 500, flow);
        let answer = answer.header_fmt(Name::RetryAfter, format_args!("{seconds}"));
        self.send_answer(request, flow, answer.finish());
    }
}
