//! The INVITEs to the callee's phones: their answers, and which of them the caller hears.

use muster_sip::{Contacts, Instant, Message, Name, Writer};

use crate::call::message::with_body;
use crate::call::stop::RETRY_AFTER_S;
use crate::call::{Branch, CANCEL_PATIENCE, Call, Cancel, CancelReason, Stage};
use crate::core::{Core, Wake};
use crate::io::CallEnding;
use crate::pool::Key;
use crate::respond::ALLOW;

impl Core {
    pub(crate) fn on_branch_response(&mut self, key: Key<Branch>, response: &Message, now: Instant) {
        match response.status().unwrap_or(0) {
            0..=199 => {
                self.cancel_branch_if_wanted(key, now);
                self.on_branch_progress(key, response, now);
            }
            200..=299 => self.on_branch_success(key, response, now),
            status => self.on_branch_failed(key, status, now),
        }
    }

    /// 1xx: relayed to the caller within the one early dialog that it sees.
    fn on_branch_progress(&mut self, key: Key<Branch>, response: &Message, now: Instant) {
        let status = response.status().unwrap_or(0);
        let Some(branch) = self.branches.get_mut(key) else { return };
        if !matches!(status, 180 | 182 | 183) || branch.cancel != Cancel::No {
            return;
        }
        branch.early = true;
        let call_key = branch.call;
        let Some(call) = self.calls.get_mut(call_key).filter(|call| call.stage == Stage::Ringing) else {
            return;
        };
        let has_media = !response.body().is_empty();
        // Media of a second phone would contradict that of the first within one dialog.
        let media = has_media && call.early_media.is_none_or(|first| first == key);
        if media {
            call.early_media = Some(key);
        }
        let status = if status == 183 && !media { 180 } else { status };
        if !media && std::mem::replace(&mut call.relayed_180, true) {
            return;
        }
        self.ledger.ringing(call.entry);
        let Some(call) = self.calls.get(call_key) else { return };
        let answer = self.answer_to_caller(call, status);
        let bytes = match media {
            true => with_body(answer, response, &call.callee),
            false => answer.finish(),
        };
        let server = call.invite_server;
        self.respond(server, status, bytes, now);
    }

    /// A phone refused, did not answer or cannot be reached.
    pub(crate) fn on_branch_failed(&mut self, key: Key<Branch>, status: u16, now: Instant) {
        let Some(branch) = self.branches.get(key) else { return };
        let call_key = branch.call;
        let Some(call) = self.calls.get_mut(call_key) else { return };
        call.branches.retain(|branch| *branch != key);
        if call.stage != Stage::Ringing || branch.cancel != Cancel::No {
            return;
        }
        let status = for_caller(status);
        call.failure = Some(call.failure.map_or(status, |known| better(known, status)));
        // RFC 3261 §16.7 step 5: one person says no for all of their phones.
        let final_for_all = status >= 600;
        if call.branches.is_empty() || final_for_all {
            let status = call.failure.unwrap_or(480);
            let ending = if status == 480 { CallEnding::Unreachable } else { CallEnding::Rejected };
            self.refuse_call(call_key, status, ending, now);
        }
    }

    /// The transaction of a branch is over; what it still had to repeat is forgotten with it.
    pub(crate) fn on_branch_over(&mut self, key: Key<Branch>) {
        self.branches.remove(key);
    }

    /// Gives up on a phone: at once if it has said anything, else as soon as it does.
    pub(crate) fn cancel_branch(&mut self, key: Key<Branch>, reason: CancelReason, now: Instant) {
        let Some(branch) = self.branches.get_mut(key) else { return };
        if branch.cancel == Cancel::No {
            branch.cancel = Cancel::Wanted(reason);
            self.cancel_branch_if_wanted(key, now);
        }
    }

    fn cancel_branch_if_wanted(&mut self, key: Key<Branch>, now: Instant) {
        let Some(branch) = self.branches.get(key) else { return };
        let (Cancel::Wanted(reason), Some(client)) = (branch.cancel, branch.client) else { return };
        if self.send_cancel(client, reason, now) {
            if let Some(branch) = self.branches.get_mut(key) {
                branch.cancel = Cancel::Sent;
            }
            self.timers.set(now + CANCEL_PATIENCE, Wake::Cancelled(key));
        }
    }

    /// No final answer to a cancelled INVITE in 64·T1 (RFC 3261 §9.1): it is forgotten.
    pub(crate) fn on_cancel_unanswered(&mut self, key: Key<Branch>) {
        let Some(client) = self.branches.get(key).and_then(|branch| branch.client) else { return };
        if self.abandon(client) {
            self.on_branch_over(key);
        }
    }

    /// An answer to the caller's INVITE, with what those that make a dialog need (RFC 3261 §12.1.1).
    pub(crate) fn answer_to_caller(&self, call: &Call, status: u16) -> Writer {
        let reason = muster_sip::status::reason_phrase(status);
        let tag = &call.a.dialog.id.local_tag;
        let source =
            self.transactions.get(call.invite_server).map_or(call.a.flow.peer, |server| server.flow.peer);
        let Some(invite) = &call.invite else { return Writer::response(status, reason) };
        let mut answer = Writer::response_to(invite, status, reason, Some(tag), source);
        if status > 100 && status < 300 {
            answer = answer
                .copy(invite, Name::RecordRoute)
                .header(Name::Contact, &self.our_contact(&call.callee.extension, call.a.flow))
                .header(Name::Allow, ALLOW)
                .header(Name::PAssertedIdentity, &call.callee.address);
        }
        answer
    }

    /// Ends a call that no phone has answered; the caller hears why.
    pub(crate) fn refuse_call(&mut self, key: Key<Call>, status: u16, ending: CallEnding, now: Instant) {
        let Some(call) = self.calls.get(key) else { return };
        let mut answer = self.answer_to_caller(call, status);
        if status == 503 {
            answer = answer.header(Name::RetryAfter, RETRY_AFTER_S);
        }
        let bytes = answer.finish();
        let (server, branches) = (call.invite_server, call.branches.clone());
        self.respond(server, status, bytes, now);
        for branch in branches {
            self.cancel_branch(branch, CancelReason::GivenUp, now);
        }
        self.close_ledger(key, ending, status, now);
        self.forget_call(key);
    }
}

/// A Contact that a dialog can use.
pub(super) fn has_contact(message: &Message) -> bool {
    matches!(message.contacts(), Ok(Contacts::List(list)) if !list.is_empty())
}

/// What the caller may make of a phone's refusal. A challenge, a redirection, or a complaint about
/// our own request is not the caller's business: the phone cannot be reached now.
fn for_caller(status: u16) -> u16 {
    match status {
        415 | 486 | 488 | 600 | 603 | 606 => status,
        600.. => 603,
        _ => 480,
    }
}

/// RFC 3261 §16.7 step 6, with what tells the caller most first: a refusal for all, then busy, then
/// a media mismatch, then that nobody could be reached.
fn better(one: u16, other: u16) -> u16 {
    let rank = |status: u16| match status {
        600.. => 0,
        486 => 1,
        480 => 3,
        _ => 2,
    };
    if rank(other) < rank(one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_hears_the_answer_that_tells_most() {
        let best = |statuses: &[u16]| {
            let mapped = statuses.iter().copied().map(for_caller);
            mapped.reduce(better)
        };
        assert_eq!(best(&[480, 486, 488]), Some(486));
        assert_eq!(best(&[486, 603]), Some(603));
        assert_eq!(best(&[401, 302, 500, 404, 408]), Some(480));
        assert_eq!(best(&[503, 488]), Some(488));
        assert_eq!(best(&[607]), Some(603));
    }
}
