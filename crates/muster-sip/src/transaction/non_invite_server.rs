//! The server side of every other method (RFC 3261 §17.2.2).

use super::{Action, Event, PATIENCE, Timer};
use bytes::Bytes;

/// From a request to 32 s after its answer. Holds nothing but the bytes of the last response:
/// 40 octets beside them.
#[derive(Clone, Debug)]
pub struct NonInviteServer {
    state: State,
    last: Option<Bytes>,
    reliable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

impl NonInviteServer {
    pub fn new(reliable: bool) -> NonInviteServer {
        NonInviteServer { state: State::Trying, last: None, reliable }
    }

    /// The request came again.
    pub fn on_request(&mut self, out: &mut Vec<Action>) {
        if matches!(self.state, State::Proceeding | State::Completed) {
            out.extend(self.last.clone().map(Action::Send));
        }
    }

    /// The user's response. What comes after a final one is dropped.
    pub fn respond(&mut self, status: u16, response: Bytes, out: &mut Vec<Action>) {
        if !matches!(self.state, State::Trying | State::Proceeding) {
            return;
        }
        out.push(Action::Send(response.clone()));
        if status < 200 {
            self.state = State::Proceeding;
            self.last = Some(response);
            return;
        }
        // Over a stream nothing is retransmitted: timer J is zero.
        if self.reliable {
            return self.terminate(out);
        }
        self.state = State::Completed;
        self.last = Some(response);
        out.push(Action::SetTimer(Timer::J, PATIENCE));
    }

    pub fn on_timer(&mut self, timer: Timer, out: &mut Vec<Action>) {
        if (timer, self.state) == (Timer::J, State::Completed) {
            self.terminate(out);
        }
    }

    pub fn on_transport_error(&mut self, out: &mut Vec<Action>) {
        if matches!(self.state, State::Proceeding | State::Completed) {
            out.push(Action::ToUser(Event::TransportFailed));
            self.terminate(out);
        }
    }

    fn terminate(&mut self, out: &mut Vec<Action>) {
        self.state = State::Terminated;
        self.last = None;
        out.push(Action::Terminated);
    }
}
