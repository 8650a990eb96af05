//! Answers, and the addresses of ours that stand in them.

use bytes::Bytes;
use muster_sip::status::reason_phrase;
use muster_sip::{Message, Name, Writer};
use smol_str::{SmolStr, format_smolstr};

use crate::call::message::address_of_record;
use crate::core::Core;
use crate::io::{Flow, Transport};
use crate::keyed_hash::KeyedState;

/// What a phone may ask of us.
pub const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, REGISTER, SUBSCRIBE, NOTIFY";

impl Core {
    /// Answers without keeping anything: the same request gets the same answer again
    /// (RFC 3261 §8.2.7). For an INVITE the ACK is then dropped.
    pub(crate) fn answer(&mut self, request: &Message, status: u16, flow: Flow) {
        self.answer_because(request, status, reason_phrase(status), flow);
    }

    pub(crate) fn answer_because(&mut self, request: &Message, status: u16, reason: &str, flow: Flow) {
        let mut answer = self.answer_with(request, status, reason, flow);
        if matches!(status, 405 | 501) {
            answer = answer.header(Name::Allow, ALLOW);
        }
        self.send_answer(request, flow, answer.finish());
    }

    pub(crate) fn answer_to(&self, request: &Message, status: u16, flow: Flow) -> Writer {
        self.answer_with(request, status, reason_phrase(status), flow)
    }

    pub(crate) fn answer_with(&self, request: &Message, status: u16, reason: &str, flow: Flow) -> Writer {
        let tag = tag_of(self.hash, request);
        Writer::response_to(request, status, reason, Some(&tag), flow.peer)
    }

    pub(crate) fn send_answer(&mut self, request: &Message, flow: Flow, bytes: Bytes) {
        self.send(way_back(request, flow), bytes);
    }

    /// Host and port by which the peer of this flow reaches us.
    pub(crate) fn our_host(&self, flow: Flow) -> SmolStr {
        match &self.config.public_host {
            Some(host) => format_smolstr!("{host}:{}", flow.local.port()),
            None => format_smolstr!("{}", flow.local),
        }
    }

    /// Our Contact value in a dialog over this flow; `user` is what the peer may see of the other side.
    pub(crate) fn our_contact(&self, user: &str, flow: Flow) -> String {
        let transport = if flow.transport == Transport::Tcp { ";transport=tcp" } else { "" };
        let address = address_of_record(user, &self.our_host(flow));
        format!("<{address}{transport}>")
    }
}

/// The same bytes in memory of just their length: a writer's has room to spare, which what is kept
/// for a retransmission should not hold.
pub fn compact(bytes: Bytes) -> Bytes {
    Bytes::copy_from_slice(&bytes)
}

pub fn transport_name(flow: Flow) -> &'static str {
    match flow.transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
    }
}

/// A To tag that depends on the request only, so that an answer given without state is the same
/// each time (RFC 3261 §8.2.7).
pub fn tag_of(hash: KeyedState, request: &Message) -> SmolStr {
    let via = request.via().ok();
    let branch = via.and_then(|via| via.branch()).unwrap_or("");
    let tag = hash.fingerprint(&(branch, request.call_id(), request.header(Name::From)));
    format_smolstr!("s{:016x}", tag as u64)
}

/// Where the answer to a request goes (RFC 3261 §18.2.2, RFC 3581 §4). A sender that does not ask
/// for rport but whose sent-by is not the address it came from is behind a NAT, and only its
/// source port can reach it.
pub fn way_back(request: &Message, flow: Flow) -> Flow {
    if flow.transport != Transport::Udp {
        return flow;
    }
    let Ok(via) = request.via() else { return flow };
    let at_home = via.host.trim_matches(['[', ']']).parse() == Ok(flow.peer.ip());
    match at_home && !via.asks_rport() {
        true => Flow { peer: via.response_address(flow.peer), ..flow },
        false => flow,
    }
}
