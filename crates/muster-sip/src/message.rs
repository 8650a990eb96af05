//! A message: its bytes, a table of header offsets, and typed access on demand.

use crate::message_check::{ParseError, check};
use crate::message_scan::{Line, Slot, scan};
use crate::method::Method;
use crate::name::Name;
use crate::name_addr::NameAddr;
use crate::token::{cut, find_outside_quotes, is_space, number, trim};
use crate::uri::Uri;
use crate::via::Via;
use crate::{Params, limits};
use bytes::Bytes;
use std::fmt;

/// A header's value that cannot be read as what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    #[error("a required header is missing")]
    Missing,
    #[error("not a URI")]
    Uri,
    #[error("not an address")]
    Address,
    #[error("not a Via")]
    Via,
    #[error("not a CSeq")]
    CSeq,
    #[error("not a number, or too large")]
    Number,
    #[error("a Contact of * beside others")]
    Star,
    #[error("too many values")]
    TooMany,
    #[error("not digest credentials or a digest challenge")]
    Digest,
}

/// What the first line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<'a> {
    Request { method: &'a Method, uri: &'a str },
    Response { status: u16, reason: &'a str },
}

/// The values of Contact.
#[derive(Clone, Debug)]
pub enum Contacts<'a> {
    /// `Contact: *`, which removes every binding (RFC 3261 §10.2.2).
    Star,
    /// Empty when the header is absent.
    List(Vec<NameAddr<'a>>),
}

/// A request or a response. Cloning copies the table (a few hundred octets), not the message.
///
/// The head is UTF-8 and without folds: where it came otherwise it was made so once, at parsing
/// (a line that is not UTF-8 is read as Latin-1, which is what old phones send).
#[derive(Clone)]
pub struct Message {
    pub(crate) bytes: Bytes,
    pub(crate) line: Line,
    pub(crate) slots: Vec<Slot>,
    pub(crate) body_at: u32,
}

impl Message {
    /// Reads a datagram, or one message of a stream as [`crate::StreamFramer`] cuts it out, and
    /// checks what every core relies on: start line, length, and that Via, From, To, Call-ID, CSeq
    /// are there once (Via: at least once) and readable.
    ///
    /// # Errors
    /// [`ParseError`] tells the fault, the status to answer, and carries the request if an answer
    /// is possible.
    pub fn parse(bytes: Bytes) -> Result<Message, ParseError> {
        let (message, fault) = scan(bytes)?;
        match fault.map_or_else(|| check(&message), Err) {
            Ok(()) => Ok(message),
            Err(fault) => Err(ParseError::new(fault, message)),
        }
    }

    pub fn start(&self) -> Start<'_> {
        match &self.line {
            Line::Request { method, uri } => Start::Request { method, uri: self.text(uri.0, uri.1) },
            Line::Response { status, reason } => {
                Start::Response { status: *status, reason: self.text(reason.0, reason.1) }
            }
        }
    }

    /// The method of a request.
    pub fn method(&self) -> Option<&Method> {
        match &self.line {
            Line::Request { method, .. } => Some(method),
            Line::Response { .. } => None,
        }
    }

    /// The Request-URI as written; empty for a response.
    pub fn request_uri(&self) -> &str {
        match self.start() {
            Start::Request { uri, .. } => uri,
            Start::Response { .. } => "",
        }
    }

    /// The status of a response.
    pub fn status(&self) -> Option<u16> {
        match &self.line {
            Line::Response { status, .. } => Some(*status),
            Line::Request { .. } => None,
        }
    }

    pub fn is_request(&self) -> bool {
        matches!(self.line, Line::Request { .. })
    }

    /// The whole message. Folded or non-UTF-8 heads appear as they were mended.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The body, as long as Content-Length says.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(self.body_at as usize..).unwrap_or_default()
    }

    /// The body as a slice that shares the message's memory.
    pub fn body_bytes(&self) -> Bytes {
        self.bytes.slice((self.body_at as usize).min(self.bytes.len())..)
    }

    /// The first line of that header, trimmed.
    pub fn header(&self, name: Name) -> Option<&str> {
        self.headers(name).next()
    }

    /// Every line of that header in order, trimmed, commas left alone.
    pub fn headers(&self, name: Name) -> impl Iterator<Item = &str> {
        self.slots.iter().filter(move |slot| slot.name == name).map(|slot| self.value(slot))
    }

    /// The first line of a header by its text, without regard to case: for names that
    /// [`Name`] does not know.
    pub fn header_named(&self, name: &str) -> Option<&str> {
        self.all().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Every header as (name as written, value), in order.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.slots.iter().map(|slot| {
            let name = self.text(slot.name_at, slot.name_at + u32::from(slot.name_len));
            (name, self.value(slot))
        })
    }

    /// The comma-separated values of all lines of that header, in order, quoted strings and `<>`
    /// respected; empty ones are left out. At most [`limits::VALUES`].
    pub fn values(&self, name: Name) -> impl Iterator<Item = &str> {
        self.headers(name).flat_map(split_values).take(limits::VALUES)
    }

    /// The top Via.
    pub fn via(&self) -> Result<Via<'_>, HeaderError> {
        let line = self.header(Name::Via).ok_or(HeaderError::Missing)?;
        Via::parse(split_values(line).next().unwrap_or(""))
    }

    pub fn from(&self) -> Result<NameAddr<'_>, HeaderError> {
        NameAddr::parse(self.header(Name::From).ok_or(HeaderError::Missing)?)
    }

    pub fn to(&self) -> Result<NameAddr<'_>, HeaderError> {
        NameAddr::parse(self.header(Name::To).ok_or(HeaderError::Missing)?)
    }

    /// Empty when it is missing, which [`Message::parse`] does not let pass.
    pub fn call_id(&self) -> &str {
        self.header(Name::CallId).unwrap_or("")
    }

    pub fn cseq(&self) -> Result<(u32, Method), HeaderError> {
        let (number, method) = self.cseq_parts()?;
        Ok((number, Method::parse(method)))
    }

    pub(crate) fn cseq_parts(&self) -> Result<(u32, &str), HeaderError> {
        cseq_parts(self.header(Name::CSeq).ok_or(HeaderError::Missing)?)
    }

    /// # Errors
    /// A value that is no address, `*` beside others, or more than [`limits::VALUES`]: answer 400.
    pub fn contacts(&self) -> Result<Contacts<'_>, HeaderError> {
        let mut list = Vec::new();
        let mut star = false;
        for value in self.headers(Name::Contact).flat_map(split_values) {
            if list.len() == limits::VALUES {
                return Err(HeaderError::TooMany);
            }
            match value {
                "*" => star = true,
                value => list.push(NameAddr::parse(value)?),
            }
        }
        match (star, list.is_empty()) {
            (true, true) => Ok(Contacts::Star),
            (true, false) => Err(HeaderError::Star),
            (false, _) => Ok(Contacts::List(list)),
        }
    }

    /// `None` when absent.
    pub fn max_forwards(&self) -> Option<u8> {
        number(self.header(Name::MaxForwards)?, 255).map(|hops| hops as u8)
    }

    /// The Expires header in seconds; one beyond 2³²−1 is that (RFC 3261 §20.19), one that is no
    /// number counts as absent.
    pub fn expires(&self) -> Option<u32> {
        seconds(self.header(Name::Expires)?)
    }

    /// Type and subtype without parameters, as written.
    pub fn content_type(&self) -> Option<&str> {
        self.header(Name::ContentType).map(|value| trim(cut(value, b';').map_or(value, |(kind, _)| kind)))
    }

    /// The event package and its parameters (RFC 6665 §8.2.1).
    pub fn event(&self) -> Option<(&str, Params<'_>)> {
        let value = self.header(Name::Event)?;
        let (package, params) = cut(value, b';').unwrap_or((value, ""));
        Some((trim(package), Params::new(params)))
    }

    pub fn routes(&self) -> impl Iterator<Item = Result<NameAddr<'_>, HeaderError>> {
        self.values(Name::Route).map(NameAddr::parse)
    }

    pub fn record_routes(&self) -> impl Iterator<Item = Result<NameAddr<'_>, HeaderError>> {
        self.values(Name::RecordRoute).map(NameAddr::parse)
    }

    /// Whether a header that lists tokens (Supported, Require, Allow, …) names this one.
    pub fn lists(&self, name: Name, token: &str) -> bool {
        self.values(name).any(|value| value.eq_ignore_ascii_case(token))
    }

    /// The Request-URI read; for a response [`HeaderError::Missing`].
    pub fn parsed_uri(&self) -> Result<Uri<'_>, HeaderError> {
        match self.start() {
            Start::Request { uri, .. } => Uri::parse(uri),
            Start::Response { .. } => Err(HeaderError::Missing),
        }
    }

    pub(crate) fn value(&self, slot: &Slot) -> &str {
        self.text(slot.value_at, slot.value_at + slot.value_len)
    }

    fn text(&self, from: u32, to: u32) -> &str {
        let bytes = self.bytes.get(from as usize..to as usize).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Debug for Message {
    /// The first line only: a message may carry secrets and what people say to each other.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Message({:?}, {} headers)", self.start(), self.slots.len())
    }
}

/// Number and method of a CSeq.
pub(crate) fn cseq_parts(value: &str) -> Result<(u32, &str), HeaderError> {
    let (digits, method) = value.split_once([' ', '\t']).ok_or(HeaderError::CSeq)?;
    let method = trim(method);
    // RFC 3261 §8.1.1.5: below 2³¹.
    let sequence = number(digits, (1 << 31) - 1).ok_or(HeaderError::CSeq)?;
    match crate::token::is_token(method) {
        true => Ok((sequence as u32, method)),
        false => Err(HeaderError::CSeq),
    }
}

/// Splits at commas outside of quoted strings and `<>`; trimmed, empty ones left out.
pub fn split_values(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        // Most lines have one value, and a quick search settles it.
        let comma = memchr::memchr(b',', text.as_bytes()).and_then(|_| find_outside_quotes(text, b',', true));
        rest = comma.map(|at| &text[at + 1..]);
        Some(trim(comma.map_or(text, |at| &text[..at])))
    })
    .filter(|value| !value.is_empty())
}

/// Seconds as headers give them: overlong numbers are the largest, anything else nothing.
pub fn seconds(value: &str) -> Option<u32> {
    let digits = value.split(|character: char| character == ';' || is_space(character as u8)).next()?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(number(digits, u64::from(u32::MAX)).map_or(u32::MAX, |number| number as u32))
}
