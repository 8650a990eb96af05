//! Dialogs (RFC 3261 §12): what joins the requests of two ends.

use crate::message::{HeaderError, Message};
use crate::method::Method;
use crate::name::Name;
use crate::name_addr::NameAddr;
use crate::token::trim;
use crate::uri::Uri;
use crate::writer::{LocalVia, Writer};
use smol_str::{SmolStr, format_smolstr};

/// Most route entries that a dialog takes over.
const ROUTES: usize = 16;

/// Call-ID and the two tags, as this end sees them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DialogId {
    pub call_id: SmolStr,
    pub local_tag: SmolStr,
    pub remote_tag: SmolStr,
}

impl DialogId {
    /// Of a request that came in: To's tag is ours. Without tags they are empty (RFC 2543 peers
    /// send no From tag).
    pub fn of_request(request: &Message) -> Result<DialogId, HeaderError> {
        let (local_tag, remote_tag) = (tag(request.to()?), tag(request.from()?));
        Ok(DialogId { call_id: SmolStr::new(request.call_id()), local_tag, remote_tag })
    }

    /// Of a response to a request of ours: From's tag is ours.
    pub fn of_response(response: &Message) -> Result<DialogId, HeaderError> {
        let (local_tag, remote_tag) = (tag(response.from()?), tag(response.to()?));
        Ok(DialogId { call_id: SmolStr::new(response.call_id()), local_tag, remote_tag })
    }
}

/// One end of a dialog.
#[derive(Clone, Debug)]
pub struct Dialog {
    pub id: DialogId,
    /// Our address as From or To carried it, without its tag.
    pub local: SmolStr,
    /// Theirs.
    pub remote: SmolStr,
    /// Where requests go: the peer's Contact.
    pub remote_target: SmolStr,
    /// Route values in the order in which they are sent.
    pub routes: Vec<SmolStr>,
    /// Number of the last request that we sent.
    pub local_seq: u32,
    /// Number of the last request that they sent; `None` before the first.
    pub remote_seq: Option<u32>,
    /// Not before a 2xx.
    pub confirmed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialogError {
    #[error("header that a dialog needs: {0}")]
    Header(#[from] HeaderError),
    #[error("no Contact to send requests to")]
    NoContact,
    #[error("route set too long")]
    TooManyRoutes,
    /// Answer 500 (RFC 3261 §12.2.2).
    #[error("sequence number lower than the one before")]
    OutOfOrder,
}

impl Dialog {
    /// The end that answers (RFC 3261 §12.1.1). `local_tag` is the tag of our response.
    pub fn uas(request: &Message, local_tag: &str) -> Result<Dialog, DialogError> {
        let (from, to) = (request.from()?, request.to()?);
        let (remote_seq, _) = request.cseq_parts()?;
        let id = DialogId {
            call_id: SmolStr::new(request.call_id()),
            local_tag: SmolStr::new(local_tag),
            remote_tag: tag(from),
        };
        Ok(Dialog {
            id,
            local: without_tag(to),
            remote: without_tag(from),
            remote_target: target(request)?.ok_or(DialogError::NoContact)?,
            routes: route_set(request, false)?,
            local_seq: 0,
            remote_seq: Some(remote_seq),
            confirmed: false,
        })
    }

    /// The end that asked (RFC 3261 §12.1.2): from our request and a response to it with a To tag.
    pub fn uac(request: &Message, response: &Message) -> Result<Dialog, DialogError> {
        let (local_seq, _) = request.cseq_parts()?;
        let contact = target(response)?.unwrap_or_else(|| SmolStr::new(request.request_uri()));
        Ok(Dialog {
            id: DialogId::of_response(response)?,
            local: without_tag(request.from()?),
            remote: without_tag(request.to()?),
            remote_target: contact,
            routes: route_set(response, true)?,
            local_seq,
            remote_seq: None,
            confirmed: response.status().is_some_and(|status| status >= 200),
        })
    }

    /// A 2xx for a dialog that was early: its route set and target replace the early ones
    /// (RFC 3261 §13.2.2.4).
    pub fn confirm(&mut self, response: &Message) -> Result<(), DialogError> {
        if !self.confirmed {
            self.routes = route_set(response, true)?;
            self.confirmed = true;
        }
        self.refresh_target(response)
    }

    /// A request of the peer within the dialog: checks and takes over its sequence number.
    /// ACK and CANCEL carry the number of their INVITE and are always in order.
    pub fn accept_request(&mut self, request: &Message) -> Result<(), DialogError> {
        let (sequence, _) = request.cseq_parts()?;
        if matches!(request.method(), Some(Method::Ack | Method::Cancel)) {
            return Ok(());
        }
        if self.remote_seq.is_some_and(|last| sequence <= last) {
            return Err(DialogError::OutOfOrder);
        }
        self.remote_seq = Some(sequence);
        Ok(())
    }

    /// The Contact of a target refresh: re-INVITE, UPDATE, SUBSCRIBE, NOTIFY or a 2xx to one
    /// (RFC 3261 §12.2). Without Contact nothing changes.
    pub fn refresh_target(&mut self, message: &Message) -> Result<(), DialogError> {
        if let Some(target) = target(message)? {
            self.remote_target = target;
        }
        Ok(())
    }

    /// Begins the next request of ours (RFC 3261 §12.2.1.1). The caller adds Contact and body.
    pub fn request(&mut self, method: &Method, via: &LocalVia<'_>) -> Writer {
        self.local_seq = self.local_seq.saturating_add(1);
        self.write(method, self.local_seq, via)
    }

    /// Begins the ACK to a 2xx: the number of the INVITE, a branch of its own (RFC 3261 §13.2.2.4).
    pub fn ack(&self, invite_seq: u32, via: &LocalVia<'_>) -> Writer {
        self.write(&Method::Ack, invite_seq, via)
    }

    /// Where the next request of ours goes: the first route, or else the target.
    pub fn next_hop(&self) -> &str {
        match self.routes.first() {
            Some(route) => NameAddr::parse(route).map_or(self.remote_target.as_str(), |route| route.uri),
            None => &self.remote_target,
        }
    }

    fn write(&self, method: &Method, sequence: u32, via: &LocalVia<'_>) -> Writer {
        let strict = self.routes.first().filter(|route| !is_loose(route));
        let uri = match strict {
            Some(route) => NameAddr::parse(route).map_or("", |route| route.uri),
            None => &self.remote_target,
        };
        let mut writer = Writer::request(method, uri).via(via).header(Name::MaxForwards, "70");
        for route in self.routes.iter().skip(usize::from(strict.is_some())) {
            writer.header_ref(Name::Route, route);
        }
        if strict.is_some() {
            writer.header_ref(Name::Route, &format_smolstr!("<{}>", self.remote_target));
        }
        let with_tag = |address: &str, tag: &str| match tag {
            "" => SmolStr::new(address),
            tag => format_smolstr!("{address};tag={tag}"),
        };
        writer
            .header(Name::From, &with_tag(&self.local, &self.id.local_tag))
            .header(Name::To, &with_tag(&self.remote, &self.id.remote_tag))
            .header(Name::CallId, &self.id.call_id)
            .cseq(sequence, method)
    }
}

fn tag(address: NameAddr<'_>) -> SmolStr {
    SmolStr::new(address.tag().unwrap_or(""))
}

/// The address as it was written, its other parameters kept.
fn without_tag(address: NameAddr<'_>) -> SmolStr {
    let mut text = match address.display {
        "" => format!("<{}>", address.uri),
        display => format!("{display} <{}>", address.uri),
    };
    for (name, value) in address.params.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("tag")) {
        text.push(';');
        text.push_str(trim(name));
        if let Some(value) = value {
            text.push('=');
            text.push_str(value);
        }
    }
    SmolStr::from(text)
}

fn target(message: &Message) -> Result<Option<SmolStr>, DialogError> {
    let Some(value) = message.values(Name::Contact).next().filter(|value| *value != "*") else {
        return Ok(None);
    };
    let contact = NameAddr::parse(value)?;
    contact.parsed_uri()?;
    Ok(Some(SmolStr::new(contact.uri)))
}

fn route_set(message: &Message, reversed: bool) -> Result<Vec<SmolStr>, DialogError> {
    let mut routes = Vec::new();
    for value in message.values(Name::RecordRoute) {
        NameAddr::parse(value)?;
        if routes.len() == ROUTES {
            return Err(DialogError::TooManyRoutes);
        }
        routes.push(SmolStr::new(value));
    }
    if reversed {
        routes.reverse();
    }
    Ok(routes)
}

fn is_loose(route: &str) -> bool {
    let uri = NameAddr::parse(route).map(|route| route.uri);
    uri.is_ok_and(|uri| Uri::parse(uri).is_ok_and(|uri| uri.params.has("lr")))
}
