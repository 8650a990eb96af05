//! The client side of INVITE (RFC 3261 §17.1.1, RFC 6026 §7.2).

use super::{Action, Event, PATIENCE, T1, Timer};
use crate::message::Message;
use crate::method::Method;
use crate::name::Name;
use crate::time::Duration;
use crate::writer::Writer;
use bytes::Bytes;

/// From an INVITE that we send to its last response.
#[derive(Clone, Debug)]
pub struct InviteClient {
    state: State,
    request: Message,
    /// The ACK to a response that is no 2xx, for its retransmissions.
    ack: Option<Bytes>,
    interval: Duration,
    reliable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Calling,
    Proceeding,
    Completed,
    /// After a 2xx (RFC 6026): further ones, perhaps of other branches, pass to the user.
    Accepted,
    Terminated,
}

impl InviteClient {
    /// Sends the INVITE.
    pub fn start(request: Message, reliable: bool, out: &mut Vec<Action>) -> InviteClient {
        out.push(Action::Send(request.bytes().clone()));
        out.push(Action::SetTimer(Timer::B, PATIENCE));
        if !reliable {
            out.push(Action::SetTimer(Timer::A, T1));
        }
        InviteClient { state: State::Calling, request, ack: None, interval: T1, reliable }
    }

    /// The INVITE as it was sent.
    pub fn request(&self) -> &Message {
        &self.request
    }

    pub fn on_response(&mut self, response: &Message, out: &mut Vec<Action>) {
        let to_user = || Action::ToUser(Event::Response(response.clone()));
        match (self.state, response.status().unwrap_or(0)) {
            (State::Calling | State::Proceeding, 100..200) => {
                self.state = State::Proceeding;
                out.push(to_user());
            }
            (State::Calling | State::Proceeding, 200..300) => {
                self.state = State::Accepted;
                out.extend([to_user(), Action::SetTimer(Timer::M, PATIENCE)]);
            }
            (State::Accepted, 200..300) => out.push(to_user()),
            (State::Calling | State::Proceeding, 300..700) => {
                let ack = ack_of_failure(&self.request, response);
                out.extend([Action::Send(ack.clone()), to_user()]);
                if self.reliable {
                    return self.terminate(out);
                }
                self.ack = Some(ack);
                self.state = State::Completed;
                out.push(Action::SetTimer(Timer::D, PATIENCE));
            }
            (State::Completed, 300..700) => out.extend(self.ack.clone().map(Action::Send)),
            _ => {}
        }
    }

    pub fn on_timer(&mut self, timer: Timer, out: &mut Vec<Action>) {
        match (timer, self.state) {
            (Timer::A, State::Calling) => {
                self.interval *= 2;
                out.push(Action::Send(self.request.bytes().clone()));
                out.push(Action::SetTimer(Timer::A, self.interval));
            }
            (Timer::B, State::Calling) => {
                out.push(Action::ToUser(Event::TimedOut));
                self.terminate(out);
            }
            (Timer::D, State::Completed) | (Timer::M, State::Accepted) => self.terminate(out),
            _ => {}
        }
    }

    pub fn on_transport_error(&mut self, out: &mut Vec<Action>) {
        if matches!(self.state, State::Calling | State::Proceeding | State::Completed) {
            out.push(Action::ToUser(Event::TransportFailed));
            self.terminate(out);
        }
    }

    /// Whether a CANCEL may be sent now: a provisional response has come, a final one has not
    /// (RFC 3261 §9.1). Before that, wait for the first provisional response.
    pub fn can_cancel(&self) -> bool {
        self.state == State::Proceeding
    }

    /// Whether no final response has come.
    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Calling | State::Proceeding)
    }

    /// The CANCEL for this INVITE, to be run by a [`super::NonInviteClient`] of its own.
    pub fn cancel(&self) -> Bytes {
        self.cancel_writer().finish()
    }

    /// The same, open for further headers, such as Reason (RFC 3326).
    pub fn cancel_writer(&self) -> Writer {
        same_hop(&self.request, &Method::Cancel).copy(&self.request, Name::To)
    }

    /// The user waits no longer: once a provisional response has come, no timer of RFC 3261 ends a
    /// transaction whose final response got lost. After a CANCEL that is due at
    /// [`super::PATIENCE`] (§9.1).
    pub fn abandon(&mut self, out: &mut Vec<Action>) {
        if self.is_pending() {
            self.terminate(out);
        }
    }

    fn terminate(&mut self, out: &mut Vec<Action>) {
        self.state = State::Terminated;
        self.ack = None;
        out.push(Action::Terminated);
    }
}

/// RFC 3261 §17.1.1.3: same Request-URI, top Via, From, Call-ID, sequence number and Route; To of
/// the response.
fn ack_of_failure(request: &Message, response: &Message) -> Bytes {
    same_hop(request, &Method::Ack).copy(response, Name::To).finish()
}

fn same_hop(request: &Message, method: &Method) -> Writer {
    let top_via = request.values(Name::Via).next().unwrap_or("");
    let sequence = request.cseq_parts().map_or(0, |(sequence, _)| sequence);
    Writer::request(method, request.request_uri())
        .header(Name::Via, top_via)
        .copy(request, Name::Route)
        .header(Name::MaxForwards, "70")
        .copy(request, Name::From)
        .copy(request, Name::CallId)
        .cseq(sequence, method)
}
