//! The client side of every method but INVITE (RFC 3261 §17.1.2).

use super::{Action, Event, PATIENCE, T1, T2, T4, Timer};
use crate::message::Message;
use crate::time::Duration;
use bytes::Bytes;

/// From a request that we send to its final response.
#[derive(Clone, Debug)]
pub struct NonInviteClient {
    state: State,
    request: Bytes,
    interval: Duration,
    reliable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

impl NonInviteClient {
    /// Sends the request.
    pub fn start(request: Bytes, reliable: bool, out: &mut Vec<Action>) -> NonInviteClient {
        out.push(Action::Send(request.clone()));
        out.push(Action::SetTimer(Timer::F, PATIENCE));
        if !reliable {
            out.push(Action::SetTimer(Timer::E, T1));
        }
        NonInviteClient { state: State::Trying, request, interval: T1, reliable }
    }

    pub fn on_response(&mut self, response: &Message, out: &mut Vec<Action>) {
        if !matches!(self.state, State::Trying | State::Proceeding) {
            return;
        }
        out.push(Action::ToUser(Event::Response(response.clone())));
        if response.status().unwrap_or(0) < 200 {
            self.state = State::Proceeding;
            return;
        }
        self.request = Bytes::new();
        match self.reliable {
            true => self.terminate(out),
            false => {
                self.state = State::Completed;
                out.push(Action::SetTimer(Timer::K, T4));
            }
        }
    }

    pub fn on_timer(&mut self, timer: Timer, out: &mut Vec<Action>) {
        match (timer, self.state) {
            (Timer::E, State::Trying) => {
                self.interval = (self.interval * 2).min(T2);
                self.send_again(out);
            }
            (Timer::E, State::Proceeding) => {
                self.interval = T2;
                self.send_again(out);
            }
            (Timer::F, State::Trying | State::Proceeding) => {
                out.push(Action::ToUser(Event::TimedOut));
                self.terminate(out);
            }
            (Timer::K, State::Completed) => self.terminate(out),
            _ => {}
        }
    }

    pub fn on_transport_error(&mut self, out: &mut Vec<Action>) {
        if matches!(self.state, State::Trying | State::Proceeding) {
            out.push(Action::ToUser(Event::TransportFailed));
            self.terminate(out);
        }
    }

    /// Whether no final response has come.
    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Trying | State::Proceeding)
    }

    fn send_again(&self, out: &mut Vec<Action>) {
        out.push(Action::Send(self.request.clone()));
        out.push(Action::SetTimer(Timer::E, self.interval));
    }

    fn terminate(&mut self, out: &mut Vec<Action>) {
        self.state = State::Terminated;
        self.request = Bytes::new();
        out.push(Action::Terminated);
    }
}
