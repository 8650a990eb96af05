//! Which subject a message belongs to.

use bytes::Bytes;
use muster_sip::transaction;
use muster_sip::uri::Scheme;
use muster_sip::{Instant, Message, Method, Name, Uri, Writer};

use crate::core::{Core, DialogUse};
use crate::io::Flow;
use crate::respond::{ALLOW, tag_of};

impl Core {
    pub(crate) fn on_bytes(&mut self, flow: Flow, bytes: Bytes, now: Instant) {
        match Message::parse(bytes) {
            Ok(message) if message.is_request() => self.on_request(&message, flow, now),
            Ok(message) => self.on_response(&message, flow, now),
            Err(error) => {
                self.counters.malformed += 1;
                let tag = error.request().map(|request| tag_of(self.hash, request));
                match (error.request(), error.answer(flow.peer, &tag.unwrap_or_default())) {
                    (Some(request), Some(answer)) => {
                        let back = crate::respond::way_back(request, flow);
                        self.send(back, answer);
                    }
                    _ => self.counters.dropped += 1,
                }
            }
        }
    }

    fn on_request(&mut self, request: &Message, flow: Flow, now: Instant) {
        let Some(method) = request.method() else { return };
        self.tally.received(method);
        let key = transaction::Key::of_request(request);
        if let Some(known) = self.transactions.server(&key) {
            self.counters.retransmissions_received += u64::from(*method != Method::Ack);
            return self.on_known_request(known, request, now);
        }
        match method {
            // An ACK to a 2xx is a transaction of its own, and is never answered.
            Method::Ack => return self.on_ack(request, now),
            Method::Cancel => return self.on_cancel(request, flow, now),
            _ => {}
        }
        if self.transactions.len() >= self.config.transactions_max {
            self.counters.limited += 1;
            let busy = self.answer_to(request, 503, flow).header(Name::RetryAfter, "5");
            return self.send_answer(request, flow, busy.finish());
        }
        if self.is_looped(request) {
            return self.answer(request, 482, flow);
        }
        if request.to().is_ok_and(|to| to.tag().is_some()) && *method != Method::Register {
            return self.on_request_in_dialog(request, flow, now);
        }
        if !is_sip(request.request_uri()) {
            return self.answer(request, 416, flow);
        }
        match method {
            Method::Register => self.on_register(request, &key, flow, now),
            Method::Invite => self.on_invite(request, flow, now),
            Method::Subscribe => self.on_subscribe(request, flow, now),
            Method::Options => self.on_options(request, flow),
            // These mean something inside of a dialog only.
            Method::Bye | Method::Update | Method::Info | Method::Prack | Method::Notify => {
                self.answer(request, 481, flow);
            }
            Method::Message | Method::Refer | Method::Publish => self.answer(request, 405, flow),
            _ => self.answer(request, 501, flow),
        }
    }

    fn on_request_in_dialog(&mut self, request: &Message, flow: Flow, now: Instant) {
        let tag = request.to().ok().and_then(|to| to.tag()).unwrap_or("");
        match self.dialogs.get(tag).copied() {
            Some(DialogUse::Call(call, side)) => self.on_request_in_call(call, side, request, flow, now),
            Some(DialogUse::Subscription(key)) => self.on_request_in_subscription(key, request, flow, now),
            // RFC 3261 §12.2.2; OPTIONS says what we can do in any case.
            None if request.method() == Some(&Method::Options) => self.on_options(request, flow),
            None => self.answer(request, 481, flow),
        }
    }

    /// RFC 3261 §11.2.
    pub(crate) fn on_options(&mut self, request: &Message, flow: Flow) {
        let answer = self.answer_to(request, 200, flow);
        let answer = answer
            .header(Name::Allow, ALLOW)
            .header(Name::AllowEvents, "dialog")
            .header(Name::Accept, "application/sdp");
        self.send_answer(request, flow, answer.finish());
    }

    /// RFC 3261 §16.3: a Via of our own shows that a proxy behind a phone sent the request back.
    fn is_looped(&self, request: &Message) -> bool {
        request.values(Name::Via).skip(1).any(|via| {
            let branch = muster_sip::Via::parse(via).ok().and_then(|via| via.unique_branch());
            let ours = |branch: &str| {
                let method = request.method().map_or("", Method::as_str);
                self.transactions.client(&transaction::Key::client(branch, method)).is_some()
            };
            branch.is_some_and(ours)
        })
    }

    /// Refuses what demands an extension that we do not know (RFC 3261 §8.2.2.3); gives whether it did.
    pub(crate) fn refused_for_extensions(&mut self, request: &Message, flow: Flow) -> bool {
        let mut demanded = request.values(Name::Require).chain(request.values(Name::ProxyRequire)).peekable();
        if demanded.peek().is_none() {
            return false;
        }
        let list = demanded.collect::<Vec<_>>().join(", ");
        let answer: Writer = self.answer_to(request, 420, flow).header(Name::Unsupported, &list);
        self.send_answer(request, flow, answer.finish());
        true
    }
}

fn is_sip(uri: &str) -> bool {
    Uri::parse(uri).is_ok_and(|uri| matches!(uri.scheme, Scheme::Sip | Scheme::Sips | Scheme::Tel))
}
