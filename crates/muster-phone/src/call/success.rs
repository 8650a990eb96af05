//! 2xx and ACK: a phone answers, and both sides learn that the call is up.

use bytes::Bytes;
use muster_sip::dialog::Dialog;
use muster_sip::transaction::{Action, Event, SuccessRetransmission, Timer};
use muster_sip::{Instant, LocalVia, Message, Rng, Writer};
use smol_str::SmolStr;

use crate::call::branch::has_contact;
use crate::call::message::with_body;
use crate::call::{
    ACKS_PER_BRANCH, Branch, Call, CallTimer, Cancel, CancelReason, Leg, Side, Stage, Unacked,
};
use crate::core::{Core, DialogUse, Wake};
use crate::io::CallEnding;
use crate::pool::Key;
use crate::respond::{compact, transport_name};

/// The number of our INVITE to a phone.
const FIRST: u32 = 1;

impl Core {
    /// A 2xx to one of our INVITEs: the first wins the call; any other is ended again
    /// (RFC 3261 §13.2.2.4); one that is repeated gets its ACK again.
    pub(crate) fn on_branch_success(&mut self, key: Key<Branch>, response: &Message, now: Instant) {
        let Some(branch) = self.branches.get(key) else { return };
        let tag = response.to().ok().and_then(|to| to.tag()).unwrap_or("");
        if let Some((_, ack)) = branch.acks.iter().find(|(of, _)| of == tag) {
            let (flow, ack) = (branch.flow, ack.clone());
            return self.send(flow, ack);
        }
        let (call_key, cancelled) = (branch.call, branch.cancel != Cancel::No);
        let client = branch.client.and_then(|client| self.transactions.invite_client(client));
        let Some(Ok(dialog)) = client.map(|client| Dialog::uac(client.request(), response)) else { return };
        let leg = Leg::new(dialog, branch.flow, branch.credential);
        match self.calls.get(call_key) {
            Some(call) if call.stage == Stage::Ringing && !cancelled && has_contact(response) => {
                self.win(call_key, key, leg, response, now);
            }
            // The 2xx came again before the caller's ACK, which carries what ours must carry.
            Some(call) if call.b.as_ref().is_some_and(|b| b.dialog.id == leg.dialog.id) => {}
            _ => self.acknowledge_and_end(key, leg, now),
        }
    }

    fn win(&mut self, call_key: Key<Call>, winner: Key<Branch>, leg: Leg, response: &Message, now: Instant) {
        let Some(call) = self.calls.get_mut(call_key) else { return };
        let (entry, server, offered) = (call.entry, call.invite_server, call.offered);
        let losers: Vec<Key<Branch>> = call.branches.iter().copied().filter(|b| *b != winner).collect();
        let tag = leg.dialog.id.local_tag.clone();
        call.stage = Stage::Answered;
        call.branches = vec![winner];
        call.b = Some(leg);
        self.dialogs.insert(tag, DialogUse::Call(call_key, Side::Callee));
        self.ledger.answered(entry, now);
        self.counters.calls_answered += 1;
        for loser in losers {
            self.cancel_branch(loser, CancelReason::Elsewhere, now);
        }
        let Some(call) = self.calls.get(call_key) else { return };
        let bytes = with_body(self.answer_to_caller(call, 200), response, &call.callee);
        let cseq = call.invite.as_ref().and_then(|invite| invite.cseq().ok()).map_or(0, |(number, _)| number);
        self.respond(server, 200, bytes.clone(), now);
        if let Some(call) = self.calls.get_mut(call_key) {
            call.invite = None;
        }
        self.await_ack(call_key, Side::Caller, cseq, bytes, now);
        if offered {
            self.acknowledge_callee(call_key, None);
        }
        self.timers.set(now + self.config.call_duration_max, Wake::Call(call_key, CallTimer::TooLong));
        self.timers.set(now + self.config.call_check_interval, Wake::Call(call_key, CallTimer::Check));
    }

    /// Sends a 2xx again until that side acknowledges it.
    pub(crate) fn await_ack(&mut self, key: Key<Call>, side: Side, cseq: u32, response: Bytes, now: Instant) {
        let mut actions = Vec::new();
        let success = SuccessRetransmission::start(response, &mut actions);
        if let Some(leg) = self.calls.get_mut(key).and_then(|call| call.leg_mut(side)) {
            leg.unacked = Some(Unacked { cseq, success });
        }
        self.carry_out_success(key, side, actions, now);
    }

    pub(crate) fn on_unacked(&mut self, key: Key<Call>, side: Side, now: Instant) {
        let mut actions = Vec::new();
        if let Some(leg) = self.calls.get_mut(key).and_then(|call| call.leg_mut(side))
            && let Some(unacked) = &mut leg.unacked
        {
            unacked.success.on_timer(&mut actions);
        }
        self.carry_out_success(key, side, actions, now);
    }

    fn carry_out_success(&mut self, key: Key<Call>, side: Side, actions: Vec<Action>, now: Instant) {
        for action in actions {
            match action {
                Action::Send(bytes) => {
                    let Some(flow) = self.calls.get(key).and_then(|call| call.leg(side)).map(|leg| leg.flow)
                    else {
                        return;
                    };
                    self.counters.retransmissions_sent += 1;
                    self.send(flow, bytes);
                }
                Action::SetTimer(Timer::Success, after) => {
                    self.timers.set(now + after, Wake::Call(key, CallTimer::Unacked(side)));
                }
                Action::ToUser(Event::TimedOut) => self.on_never_acked(key, side, now),
                Action::SetTimer(..) | Action::ToUser(_) | Action::Terminated => {}
            }
        }
    }

    /// RFC 3261 §13.3.1.4: without an ACK the dialog stands, but the session is ended.
    fn on_never_acked(&mut self, key: Key<Call>, side: Side, now: Instant) {
        if let Some(leg) = self.calls.get_mut(key).and_then(|call| call.leg_mut(side)) {
            leg.unacked = None;
        }
        self.end_call(key, CallEnding::Lost, None, now);
    }

    /// An ACK to a 2xx of ours. It is never answered; one that belongs to nothing is dropped.
    pub(crate) fn on_ack(&mut self, ack: &Message, now: Instant) {
        let tag = ack.to().ok().and_then(|to| to.tag()).unwrap_or("");
        let Some(DialogUse::Call(key, side)) = self.dialogs.get(tag).copied() else { return };
        let Some(call) = self.calls.get_mut(key) else { return };
        let (stage, offered) = (call.stage, call.offered);
        let Some(leg) = call.leg_mut(side).filter(|leg| leg.owns(ack)) else { return };
        let number = ack.cseq().map_or(0, |(number, _)| number);
        if leg.unacked.as_ref().is_none_or(|unacked| unacked.cseq != number) {
            return;
        }
        leg.unacked = None;
        match stage {
            Stage::Answered if side == Side::Caller => {
                call.stage = Stage::Up;
                if !offered {
                    self.acknowledge_callee(key, Some(ack));
                }
            }
            Stage::Closing => self.end_call(key, CallEnding::EndedByUs, None, now),
            _ => self.on_reinvite_acked(key, side, ack),
        }
    }

    /// Our ACK to the phone that answered; with the caller's SDP where the answer had the offer.
    pub(crate) fn acknowledge_callee(&mut self, key: Key<Call>, ack: Option<&Message>) {
        let Some(bytes) = self.acknowledge(key, Side::Callee, FIRST, ack) else { return };
        let Some(call) = self.calls.get(key) else { return };
        let tag = call.b.as_ref().map(|leg| leg.dialog.id.remote_tag.clone()).unwrap_or_default();
        if let Some(branch) = call.branches.first().and_then(|winner| self.branches.get_mut(*winner)) {
            branch.acks.push((tag, compact(bytes)));
        }
    }

    /// Our ACK to the 2xx to an INVITE of ours to `side`, with the body of the other side's ACK.
    pub(crate) fn acknowledge(
        &mut self,
        key: Key<Call>,
        side: Side,
        cseq: u32,
        ack: Option<&Message>,
    ) -> Option<Bytes> {
        let call = self.calls.get(key)?;
        let leg = call.leg(side)?;
        let flow = self.live_flow(leg.flow, &leg.dialog.remote_target);
        let writer = ack_writer(leg, cseq, &self.our_host(flow), &mut self.rng);
        let bytes = match ack {
            Some(ack) => with_body(writer, ack, call.party(side.other())),
            None => writer.finish(),
        };
        if let Some(leg) = self.calls.get_mut(key).and_then(|call| call.leg_mut(side)) {
            leg.last_ack = Some((cseq, bytes.clone()));
        }
        self.send(flow, bytes.clone());
        Some(bytes)
    }

    /// A phone answered that nobody waits for any more: it gets its ACK and BYE.
    fn acknowledge_and_end(&mut self, key: Key<Branch>, mut leg: Leg, now: Instant) {
        let sent_by = self.our_host(leg.flow);
        let bytes = compact(ack_writer(&leg, FIRST, &sent_by, &mut self.rng).finish());
        let Some(branch) = self.branches.get_mut(key).filter(|b| b.acks.len() < ACKS_PER_BRANCH) else {
            return;
        };
        branch.acks.push((leg.dialog.id.remote_tag.clone(), bytes.clone()));
        self.send(leg.flow, bytes);
        self.send_bye(&mut leg, now);
    }

    /// Forgets a call, except for what its transactions hold.
    pub(crate) fn forget_call(&mut self, key: Key<Call>) {
        let Some(call) = self.calls.remove(key) else { return };
        self.dialogs.remove(&call.a.dialog.id.local_tag);
        if let Some(b) = &call.b {
            self.dialogs.remove(&b.dialog.id.local_tag);
        }
    }
}

fn ack_writer(leg: &Leg, cseq: u32, sent_by: &SmolStr, rng: &mut Rng) -> Writer {
    let branch = rng.branch();
    let via = LocalVia { transport: transport_name(leg.flow), sent_by, branch: &branch };
    leg.dialog.ack(cseq, &via)
}
