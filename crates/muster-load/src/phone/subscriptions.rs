//! Subscriptions to the dialogs of others (RFC 6665, RFC 4235).

use std::collections::VecDeque;

use muster_sip::Message;
use muster_sip::name::Name;

use super::PhoneError;
use super::calls::{address_of, contact_of};
use super::engine::{Engine, Purpose};
use super::request::RequestSpec;

/// A NOTIFY that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// The value of Subscription-State.
    pub subscription_state: String,
    /// The dialog-info document.
    pub body: String,
}

impl Notify {
    /// What goes on, as the busiest of the dialogs says: `confirmed` before `early` before
    /// `proceeding` before `trying` before `terminated`. `None`: no dialog at all.
    pub fn dialog_state(&self) -> Option<String> {
        let order = ["confirmed", "early", "proceeding", "trying", "terminated"];
        let states: Vec<&str> = self.elements("state").collect();
        let busiest = order.iter().find(|state| states.contains(state))?;
        Some((*busiest).to_owned())
    }

    /// The text inside of each `<name …>…</name>`.
    pub fn elements<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let open = format!("<{name}");
        let mut rest = self.body.as_str();
        std::iter::from_fn(move || {
            loop {
                let at = rest.find(&open)? + open.len();
                rest = &rest[at..];
                // `<state` must not find `<state-agent`.
                let is_it = rest.starts_with(['>', ' ', '\t', '\r', '\n']);
                let (attributes, inner) = rest.split_once('>')?;
                rest = inner;
                if is_it && !attributes.ends_with('/') {
                    return Some(inner.split_once('<')?.0.trim());
                }
            }
        })
    }

    /// The value of the first attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!(" {name}=\""))?;
        Some(rest.split_once('"')?.0)
    }
}

pub(super) struct SubscriptionData {
    call_id: String,
    local_tag: String,
    remote_tag: Option<String>,
    uri: String,
    remote_target: Option<String>,
    pub(super) local_cseq: u32,
    remote_cseq: Option<u32>,
    version: Option<u32>,
    pub(super) notifies: VecDeque<Notify>,
    is_terminated: bool,
}

impl Engine {
    pub(super) fn start_subscription(
        &mut self,
        extension: &str,
        expires_s: u32,
    ) -> Result<(usize, u64), PhoneError> {
        let uri = format!("sip:{extension}@{}", self.config.domain);
        let spec = self.plain_request("SUBSCRIBE", &uri, &[], None);
        let local_tag = spec.from.rsplit_once(";tag=").map_or("", |(_, tag)| tag).to_owned();
        let index = self.subscriptions.len();
        self.subscriptions.push(SubscriptionData {
            call_id: spec.call_id.clone(),
            local_tag,
            remote_tag: None,
            uri,
            remote_target: None,
            local_cseq: spec.cseq,
            remote_cseq: None,
            version: None,
            notifies: VecDeque::new(),
            is_terminated: false,
        });
        let ticket = self.send_subscribe(index, spec, expires_s)?;
        Ok((index, ticket))
    }

    /// SUBSCRIBE inside of the dialog; 0 ends the subscription.
    pub(super) fn refresh_subscription(&mut self, index: usize, expires_s: u32) -> Result<u64, PhoneError> {
        let uri = self.subscriptions[index].uri.clone();
        let mut spec = self.plain_request("SUBSCRIBE", &uri, &[], None);
        let subscription = &mut self.subscriptions[index];
        subscription.local_cseq += 1;
        spec.cseq = subscription.local_cseq;
        spec.call_id = subscription.call_id.clone();
        let (address, _) = spec.from.split_once(";tag=").unwrap_or((&spec.from, ""));
        spec.from = format!("{address};tag={}", subscription.local_tag);
        if let Some(tag) = &subscription.remote_tag {
            spec.to = format!("{};tag={tag}", spec.to);
        }
        if let Some(target) = &subscription.remote_target {
            spec.uri = target.clone();
        }
        self.send_subscribe(index, spec, expires_s)
    }

    fn send_subscribe(
        &mut self,
        index: usize,
        mut spec: RequestSpec,
        expires_s: u32,
    ) -> Result<u64, PhoneError> {
        spec.contacts = vec![format!("<{}>", self.contact_uri())];
        for (name, value) in [
            ("Event", "dialog".to_owned()),
            ("Accept", "application/dialog-info+xml".to_owned()),
            ("Expires", expires_s.to_string()),
        ] {
            spec.headers.push((name.to_owned(), value));
        }
        let target = self.subscriptions[index].remote_target.as_deref();
        let to = target.and_then(address_of).unwrap_or(self.config.server);
        let ticket = self.ticket();
        self.send_request(spec, Purpose::Subscribe(index, ticket), to)?;
        Ok(ticket)
    }

    pub(super) fn on_subscribe_response(&mut self, index: usize, message: &Message) {
        if !(200..300).contains(&message.status().unwrap_or(0)) {
            return;
        }
        if message.header(Name::Expires).is_none() {
            self.fault("a 2xx to SUBSCRIBE without Expires".to_owned());
        }
        let tag = message.to().ok().and_then(|to| to.tag().map(str::to_owned));
        let target = contact_of(message);
        if target.is_none() {
            self.fault("a 2xx to SUBSCRIBE without a Contact".to_owned());
        }
        let subscription = &mut self.subscriptions[index];
        if target.is_some() {
            subscription.remote_target = target;
        }
        if subscription.remote_tag.is_some() && subscription.remote_tag != tag {
            self.fault("a 2xx to SUBSCRIBE with another To tag than the NOTIFY before".to_owned());
        } else {
            subscription.remote_tag = tag;
        }
    }

    pub(super) fn on_notify(&mut self, key: &(String, String), message: &Message) {
        let status = match self.judge_notify(message) {
            Ok(index) => {
                self.take_notify(index, message);
                200
            }
            Err((status, what)) => {
                self.fault(format!("a NOTIFY {what}"));
                status
            }
        };
        self.respond(key, status, None, None);
    }

    fn judge_notify(&mut self, message: &Message) -> Result<usize, (u16, String)> {
        let tags = (message.to().ok(), message.from().ok());
        let (Some(local_tag), Some(remote_tag)) =
            (tags.0.and_then(|to| to.tag()), tags.1.and_then(|from| from.tag()))
        else {
            return Err((481, "without tags".to_owned()));
        };
        let index = self.subscriptions.iter().position(|subscription| {
            subscription.call_id == message.call_id()
                && subscription.local_tag == local_tag
                && subscription.remote_tag.as_deref().is_none_or(|known| known == remote_tag)
        });
        let index = index.ok_or((481, "of no subscription".to_owned()))?;
        let subscription = &mut self.subscriptions[index];
        let number = message.cseq().map_or(0, |(number, _)| number);
        if subscription.remote_cseq.is_some_and(|last| number <= last) {
            return Err((500, format!("with an old CSeq {number}")));
        }
        if subscription.is_terminated {
            return Err((481, "after the last".to_owned()));
        }
        if message.event().is_none_or(|(package, _)| package != "dialog") {
            return Err((489, "of another event".to_owned()));
        }
        if message.header(Name::SubscriptionState).is_none() {
            return Err((400, "without Subscription-State".to_owned()));
        }
        subscription.remote_cseq = Some(number);
        subscription.remote_tag = Some(remote_tag.to_owned());
        Ok(index)
    }

    fn take_notify(&mut self, index: usize, message: &Message) {
        let notify = Notify {
            subscription_state: message.header(Name::SubscriptionState).unwrap_or("").to_owned(),
            body: String::from_utf8_lossy(message.body()).into_owned(),
        };
        let version = notify.attribute("version").and_then(|text| text.parse::<u32>().ok());
        let subscription = &mut self.subscriptions[index];
        let expected = subscription.version.map(|last| last + 1);
        subscription.is_terminated = notify.subscription_state.starts_with("terminated");
        if version.is_some() {
            subscription.version = version;
        }
        let has_target = contact_of(message);
        if has_target.is_some() {
            subscription.remote_target = has_target;
        }
        subscription.notifies.push_back(notify);
        // RFC 4235 §4.1: the version goes up by exactly one.
        if let (Some(expected), Some(version)) = (expected, version)
            && expected != version
        {
            self.fault(format!("a dialog-info of version {version} where {expected} was due"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notify(body: &str) -> Notify {
        Notify { subscription_state: "active".to_owned(), body: body.to_owned() }
    }

    #[test]
    fn the_busiest_dialog_tells_the_state() {
        let none = notify("<dialog-info version=\"0\" state=\"full\" entity=\"sip:a@b\"/>");
        assert_eq!(none.dialog_state(), None);
        let two = notify(
            "<dialog-info version=\"3\" state=\"full\">\n <dialog id=\"a\"><state event=\"x\">terminated</state>\
             </dialog><dialog id=\"b\"><state> early </state></dialog></dialog-info>",
        );
        assert_eq!(two.dialog_state().as_deref(), Some("early"));
        assert_eq!(two.attribute("version"), Some("3"));
    }
}
