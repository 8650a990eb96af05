//! The end of all calls, because the program ends: nobody is left with a call that nobody holds.

use core::time::Duration;

use muster_sip::{Instant, Message, Name};

use crate::call::{Call, CallTimer, Stage};
use crate::core::{Core, Wake};
use crate::io::{CallEnding, Flow};
use crate::pool::Key;

/// How long a caller's ACK is waited for, which must come before our BYE (RFC 3261 §15). When we are
/// about to go, a BYE too early is better than none.
const ACK_PATIENCE: Duration = Duration::from_millis(1500);

/// When phones may try again, in seconds: about what a restart takes.
pub(super) const RETRY_AFTER_S: &str = "5";

impl Core {
    /// Takes no new call from now on, and ends up to `at_most` of those that there are.
    pub(crate) fn end_calls(&mut self, at_most: usize, now: Instant) {
        if !std::mem::replace(&mut self.is_ending, true) {
            let closing = self.calls.iter().filter(|(_, call)| call.stage == Stage::Closing);
            let keys: Vec<_> = closing.map(|(key, _)| key).collect();
            for key in keys {
                self.wait_for_last_ack(key, now);
            }
        }
        let living = self.calls.iter().filter(|(_, call)| call.stage != Stage::Closing);
        let keys: Vec<_> = living.take(at_most).map(|(key, _)| key).collect();
        for key in keys {
            self.stop_call(key, CallEnding::ServerStopped, now);
        }
    }

    /// Ends a call whose caller owes its ACK, if that does not come in time.
    pub(crate) fn wait_for_last_ack(&mut self, key: Key<Call>, now: Instant) {
        self.timers.set(now + ACK_PATIENCE, Wake::Call(key, CallTimer::LastAck));
    }

    /// Whether every phone has confirmed the end of its calls: nothing would be said any more to
    /// phones in calls if the program ended now.
    pub fn is_at_rest(&self) -> bool {
        self.calls.len() == 0 && !self.transactions.are_phones_awaited()
    }

    pub(crate) fn refuse_while_ending(&mut self, invite: &Message, flow: Flow) {
        let answer = self.answer_to(invite, 503, flow).header(Name::RetryAfter, RETRY_AFTER_S);
        self.send_answer(invite, flow, answer.finish());
    }
}
