//! What is wrong with a message, and whether its sender can be told.

use crate::message::{Message, Start, cseq_parts, split_values};
use crate::method::Method;
use crate::name::Name;
use crate::name_addr::NameAddr;
use crate::token::number;
use crate::uri::{Scheme, Uri};
use crate::via::Via;
use crate::writer::Writer;
use bytes::Bytes;
use std::net::SocketAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("nothing but empty lines")]
    Empty,
    #[error("a length or count beyond the limit")]
    TooLong,
    #[error("too many headers")]
    TooManyHeaders,
    #[error("malformed start line")]
    StartLine,
    #[error("protocol version that is not SIP/2.0")]
    Version,
    #[error("malformed header line")]
    Header,
    #[error("headers do not end")]
    Truncated,
    #[error("malformed Content-Length")]
    ContentLength,
    #[error("body shorter than Content-Length")]
    BodyShort,
    #[error("required header missing: {}", .0.as_str())]
    Missing(Name),
    #[error("header given more than once: {}", .0.as_str())]
    Repeated(Name),
    #[error("malformed {}", .0.as_str())]
    Malformed(Name),
    #[error("method of CSeq differs from the request's")]
    CSeqMethod,
    #[error("malformed Request-URI")]
    RequestUri,
}

/// A message that was not accepted.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{fault}")]
pub struct ParseError {
    pub fault: Fault,
    request: Option<Box<Message>>,
}

impl ParseError {
    pub(crate) fn silent(fault: Fault) -> ParseError {
        ParseError { fault, request: None }
    }

    /// An answer is possible to a request that is not ACK (RFC 3261 §17.1.1.3) and has a Via.
    pub(crate) fn new(fault: Fault, message: Message) -> ParseError {
        let answerable = message.method().is_some_and(|method| *method != Method::Ack)
            && message.header(Name::Via).is_some_and(|via| !via.is_empty());
        ParseError { fault, request: answerable.then(|| Box::new(message)) }
    }

    /// What could be read of the request, if it can be answered.
    pub fn request(&self) -> Option<&Message> {
        self.request.as_deref()
    }

    /// The status of the answer.
    pub fn status(&self) -> u16 {
        match self.fault {
            Fault::Version => 505,
            Fault::TooLong | Fault::TooManyHeaders => 513,
            _ => 400,
        }
    }

    /// A whole answer that names the fault, if one can be given. `to_tag` is a fresh tag.
    pub fn answer(&self, source: SocketAddr, to_tag: &str) -> Option<Bytes> {
        let request = self.request()?;
        let reason = match self.status() {
            400 => format!("Bad Request: {}", self.fault),
            status => crate::status::reason_phrase(status).to_owned(),
        };
        Some(Writer::response_to(request, self.status(), &reason, Some(to_tag), source).finish())
    }
}

/// The rules that every core relies on (RFC 3261 §8.1.1, RFC 4475 §3.1.2 and §3.3).
pub(crate) fn check(message: &Message) -> Result<(), Fault> {
    let [via, from, to, call_id, cseq, max_forwards] = once_each(message)?;
    let required = |value: Option<_>, name| value.ok_or(Fault::Missing(name));
    let (via, from) = (required(via, Name::Via)?, required(from, Name::From)?);
    let (to, call_id) = (required(to, Name::To)?, required(call_id, Name::CallId)?);
    let cseq = required(cseq, Name::CSeq)?;
    let sane = [
        (Name::Via, Via::parse(split_values(via).next().unwrap_or("")).is_ok()),
        (Name::From, is_address(from)),
        (Name::To, is_address(to)),
        (Name::CallId, !call_id.is_empty()),
        (Name::MaxForwards, max_forwards.is_none_or(|hops| number(hops, 255).is_some())),
    ];
    if let Some((name, _)) = sane.into_iter().find(|(_, sane)| !sane) {
        return Err(Fault::Malformed(name));
    }
    let (_, cseq_method) = cseq_parts(cseq).map_err(|_| Fault::Malformed(Name::CSeq))?;
    let Start::Request { method, uri } = message.start() else { return Ok(()) };
    if method.as_str() != cseq_method {
        return Err(Fault::CSeqMethod);
    }
    let uri = Uri::parse(uri).map_err(|_| Fault::RequestUri)?;
    // RFC 3261 §19.1.1: a Request-URI carries no headers.
    match (uri.scheme, uri.headers) {
        (Scheme::Sip | Scheme::Sips, Some(_)) => Err(Fault::RequestUri),
        _ => Ok(()),
    }
}

/// The first line of Via, From, To, Call-ID, CSeq and Max-Forwards in one pass; none but Via may
/// have a second.
fn once_each(message: &Message) -> Result<[Option<&str>; 6], Fault> {
    let mut found = [None; 6];
    for slot in &message.slots {
        let index = match slot.name {
            Name::Via => 0,
            Name::From => 1,
            Name::To => 2,
            Name::CallId => 3,
            Name::CSeq => 4,
            Name::MaxForwards => 5,
            _ => continue,
        };
        match found[index] {
            None => found[index] = Some(message.value(slot)),
            Some(_) if slot.name == Name::Via => {}
            Some(_) => return Err(Fault::Repeated(slot.name)),
        }
    }
    Ok(found)
}

fn is_address(value: &str) -> bool {
    NameAddr::parse(value).is_ok_and(|address| address.parsed_uri().is_ok())
}
