//! Retransmission of a 2xx to INVITE, which is the user's task, not the transaction's.

use super::{Action, Event, PATIENCE, T1, T2, Timer};
use crate::time::Duration;
use bytes::Bytes;

/// A 2xx until its ACK comes (RFC 3261 §13.3.1.4): over every transport, for 64·T1.
#[derive(Clone, Debug)]
pub struct SuccessRetransmission {
    response: Bytes,
    interval: Duration,
    waited: Duration,
    done: bool,
}

impl SuccessRetransmission {
    /// Call it when the 2xx was handed to the transaction, which sends it the first time.
    pub fn start(response: Bytes, out: &mut Vec<Action>) -> SuccessRetransmission {
        out.push(Action::SetTimer(Timer::Success, T1));
        SuccessRetransmission { response, interval: T1, waited: Duration::ZERO, done: false }
    }

    /// For [`Timer::Success`]. [`Event::TimedOut`] means that no ACK came: send BYE.
    pub fn on_timer(&mut self, out: &mut Vec<Action>) {
        if self.done {
            return;
        }
        self.waited += self.interval;
        if self.waited >= PATIENCE {
            self.done = true;
            out.extend([Action::ToUser(Event::TimedOut), Action::Terminated]);
            return;
        }
        self.interval = (self.interval * 2).min(T2).min(PATIENCE - self.waited);
        out.extend([Action::Send(self.response.clone()), Action::SetTimer(Timer::Success, self.interval)]);
    }

    /// The ACK has come.
    pub fn acknowledged(&mut self, out: &mut Vec<Action>) {
        if !std::mem::replace(&mut self.done, true) {
            out.push(Action::Terminated);
        }
    }

    pub fn is_done(&self) -> bool {
        self.done
    }
}
