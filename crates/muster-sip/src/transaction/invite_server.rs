//! The server side of INVITE (RFC 3261 §17.2.1, RFC 6026 §7.1).

use super::{Action, Event, PATIENCE, T1, T2, T4, Timer};
use crate::message::Message;
use crate::method::Method;
use crate::time::Duration;
use bytes::Bytes;

/// From the INVITE to its ACK.
#[derive(Clone, Debug)]
pub struct InviteServer {
    state: State,
    /// What a retransmitted INVITE is answered with.
    last: Option<Bytes>,
    interval: Duration,
    reliable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Proceeding,
    Completed,
    Confirmed,
    /// After a 2xx (RFC 6026): retransmitted INVITEs end here, ACKs pass to the user.
    Accepted,
    Terminated,
}

impl InviteServer {
    /// For an INVITE that no transaction knows. The user answers 100 at once if it will not have a
    /// final answer within 200 ms.
    pub fn new(reliable: bool) -> InviteServer {
        InviteServer { state: State::Proceeding, last: None, interval: T1, reliable }
    }

    /// A further message with this transaction's key: INVITE again, or ACK.
    pub fn on_request(&mut self, request: &Message, out: &mut Vec<Action>) {
        let ack = request.method() == Some(&Method::Ack);
        match (self.state, ack) {
            (State::Proceeding | State::Completed, false) => {
                out.extend(self.last.clone().map(Action::Send));
            }
            (State::Completed, true) => {
                self.last = None;
                match self.reliable {
                    true => self.terminate(out),
                    false => {
                        self.state = State::Confirmed;
                        out.push(Action::SetTimer(Timer::I, T4));
                    }
                }
            }
            (State::Accepted, true) => out.push(Action::ToUser(Event::Ack(request.clone()))),
            _ => {}
        }
    }

    /// The user's response. One that comes after a final one is not sent, but for a further 2xx.
    pub fn respond(&mut self, status: u16, response: Bytes, out: &mut Vec<Action>) {
        match (self.state, status) {
            (State::Proceeding, 100..200) => {
                self.last = Some(response.clone());
                out.push(Action::Send(response));
            }
            (State::Proceeding, 200..300) => {
                self.state = State::Accepted;
                self.last = None;
                out.extend([Action::Send(response), Action::SetTimer(Timer::L, PATIENCE)]);
            }
            (State::Accepted, 200..300) => out.push(Action::Send(response)),
            (State::Proceeding, _) => {
                self.state = State::Completed;
                self.last = Some(response.clone());
                out.push(Action::Send(response));
                if !self.reliable {
                    out.push(Action::SetTimer(Timer::G, self.interval));
                }
                out.push(Action::SetTimer(Timer::H, PATIENCE));
            }
            _ => {}
        }
    }

    pub fn on_timer(&mut self, timer: Timer, out: &mut Vec<Action>) {
        match (timer, self.state) {
            (Timer::G, State::Completed) => {
                self.interval = (self.interval * 2).min(T2);
                out.extend(self.last.clone().map(Action::Send));
                out.push(Action::SetTimer(Timer::G, self.interval));
            }
            (Timer::H, State::Completed) => {
                out.push(Action::ToUser(Event::TimedOut));
                self.terminate(out);
            }
            (Timer::I, State::Confirmed) | (Timer::L, State::Accepted) => self.terminate(out),
            _ => {}
        }
    }

    /// A response could not be sent.
    pub fn on_transport_error(&mut self, out: &mut Vec<Action>) {
        // In Accepted the ACK may still come (RFC 6026 §8.7 changes §17.2.4 accordingly).
        if matches!(self.state, State::Proceeding | State::Completed) {
            out.push(Action::ToUser(Event::TransportFailed));
            self.terminate(out);
        }
    }

    /// Whether a final response is still possible: what a CANCEL must find (RFC 3261 §9.2).
    pub fn is_proceeding(&self) -> bool {
        self.state == State::Proceeding
    }

    /// Whether a final answer that is no 2xx waits for its ACK.
    pub fn awaits_ack(&self) -> bool {
        self.state == State::Completed
    }

    fn terminate(&mut self, out: &mut Vec<Action>) {
        self.state = State::Terminated;
        self.last = None;
        out.push(Action::Terminated);
    }
}
