//! What is wrong with a message, and whether its sender can be told.

use crate::message::{HeaderError, Message, Start};
use crate::method::Method;
use crate::name::Name;
use crate::name_addr::NameAddr;
use crate::token::number;
use crate::uri::{Scheme, Uri};
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
    for name in [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq, Name::MaxForwards] {
        let mut lines = message.headers(name);
        match (lines.next(), name) {
            (None, Name::MaxForwards) => {}
            (None, name) => return Err(Fault::Missing(name)),
            (Some(""), name) => return Err(Fault::Malformed(name)),
            (Some(value), Name::MaxForwards) if number(value, 255).is_none() => {
                return Err(Fault::Malformed(name));
            }
            _ => {}
        }
        if name != Name::Via && lines.next().is_some() {
            return Err(Fault::Repeated(name));
        }
    }
    message.via().map_err(|_| Fault::Malformed(Name::Via))?;
    let address = |address: Result<NameAddr<'_>, HeaderError>, name| match address {
        Ok(address) if address.parsed_uri().is_ok() => Ok(()),
        _ => Err(Fault::Malformed(name)),
    };
    address(message.from(), Name::From)?;
    address(message.to(), Name::To)?;
    let (_, cseq_method) = message.cseq_parts().map_err(|_| Fault::Malformed(Name::CSeq))?;
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
