//! From bytes to a table of offsets.

use crate::limits;
use crate::message::Message;
use crate::message_check::{Fault, ParseError};
use crate::method::Method;
use crate::name::Name;
use crate::token::{is_space, is_token, is_token_byte, is_uri_text, number};
use bytes::Bytes;

/// Where a header stands. 16 octets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub name: Name,
    pub name_len: u8,
    pub name_at: u32,
    pub value_at: u32,
    pub value_len: u32,
}

/// The first line; texts as (from, to).
#[derive(Clone, Debug)]
pub(crate) enum Line {
    Request { method: Method, uri: (u32, u32) },
    Response { status: u16, reason: (u32, u32) },
}

/// Cuts a message up. A fault beside a message means that the rest could still be read, and an
/// answer is perhaps possible.
pub(crate) fn scan(bytes: Bytes) -> Result<(Message, Option<Fault>), ParseError> {
    if bytes.len() > limits::MESSAGE_BYTES {
        return Err(ParseError::silent(Fault::TooLong));
    }
    let table = Table::of(&bytes);
    let head_end = table.body_at.unwrap_or(bytes.len());
    let head = &bytes[..head_end];
    if !head.is_ascii() && std::str::from_utf8(head).is_err() {
        let bytes = read_as_latin1(&bytes, head_end);
        let table = Table::of(&bytes);
        return finish(bytes, table);
    }
    finish(bytes, table)
}

fn finish(mut bytes: Bytes, mut table: Table) -> Result<(Message, Option<Fault>), ParseError> {
    if table.folded {
        bytes = unfold(&bytes, &mut table.slots);
    }
    let Some((from, to)) = table.start else {
        return Err(ParseError::silent(Fault::Empty));
    };
    let (line, fault) = start_line(&bytes, from, to)?;
    table.fault = fault.or(table.fault);
    let body_at = table.body_at.unwrap_or_else(|| {
        table.fault = table.fault.or(Some(Fault::Truncated));
        bytes.len()
    });
    let mut message = Message { bytes, line, slots: table.slots, body_at: body_at as u32 };
    match body_length(&message) {
        Ok(Some(length)) if length > message.bytes.len() - body_at => {
            table.fault = table.fault.or(Some(Fault::BodyShort));
        }
        // Octets beyond Content-Length are no part of the message (RFC 3261 §18.3).
        Ok(Some(length)) => message.bytes.truncate(body_at + length),
        Ok(None) => {}
        Err(fault) => table.fault = table.fault.or(Some(fault)),
    }
    Ok((message, table.fault))
}

struct Table {
    start: Option<(usize, usize)>,
    slots: Vec<Slot>,
    folded: bool,
    fault: Option<Fault>,
    /// `None` when the empty line is missing.
    body_at: Option<usize>,
}

impl Table {
    fn of(bytes: &[u8]) -> Table {
        let mut table =
            Table { start: None, slots: Vec::with_capacity(20), folded: false, fault: None, body_at: None };
        let mut at = 0;
        while at < bytes.len() {
            let (end, next) = table.line_end(bytes, at);
            if table.start.is_none() {
                // Empty lines before the first one are keep-alives or sloppiness (RFC 3261 §7.5).
                if end > at {
                    table.start = Some((at, end));
                }
            } else if end == at {
                table.body_at = Some(next);
                break;
            } else {
                table.header(bytes, at, end);
            }
            if next > limits::HEAD_BYTES {
                table.fault = Some(Fault::TooLong);
                break;
            }
            at = next;
        }
        table
    }

    /// End of the line's text and begin of the next line. A bare LF ends a line, too; a bare CR
    /// does not and is a fault.
    fn line_end(&mut self, bytes: &[u8], from: usize) -> (usize, usize) {
        let mut at = from;
        while let Some(found) = memchr::memchr2(b'\r', b'\n', &bytes[at..]) {
            let end = at + found;
            if bytes[end] == b'\n' {
                return (end, end + 1);
            }
            if bytes.get(end + 1) == Some(&b'\n') {
                return (end, end + 2);
            }
            self.fault.get_or_insert(Fault::Header);
            at = end + 1;
        }
        (bytes.len(), bytes.len())
    }

    fn header(&mut self, bytes: &[u8], at: usize, end: usize) {
        if is_space(bytes[at]) {
            return self.fold(end);
        }
        if self.slots.len() == limits::HEADERS {
            self.fault.get_or_insert(Fault::TooManyHeaders);
            return;
        }
        let line = &bytes[at..end];
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(0);
        let mut name_len = colon;
        while name_len > 0 && is_space(line[name_len - 1]) {
            name_len -= 1;
        }
        let name = Name::parse(&line[..name_len]);
        // Known names are tokens, so only others need a look at each octet.
        let token = name != Name::Other || line[..name_len].iter().all(|byte| is_token_byte(*byte));
        if name_len == 0 || name_len > limits::HEADER_NAME_BYTES || !token {
            self.fault.get_or_insert(Fault::Header);
            // A fold after a line that is left out must not lengthen the one before it.
            self.slots.push(Slot {
                name: Name::Other,
                name_len: 0,
                name_at: at as u32,
                value_at: at as u32,
                value_len: (end - at) as u32,
            });
            return;
        }
        let mut value_at = colon + 1;
        let mut value_end = line.len();
        while value_at < value_end && is_space(line[value_at]) {
            value_at += 1;
        }
        while value_end > value_at && is_space(line[value_end - 1]) {
            value_end -= 1;
        }
        if value_end - value_at > limits::HEADER_VALUE_BYTES {
            self.fault.get_or_insert(Fault::TooLong);
        }
        self.slots.push(Slot {
            name,
            name_len: name_len as u8,
            name_at: at as u32,
            value_at: (at + value_at) as u32,
            value_len: (value_end - value_at) as u32,
        });
    }

    fn fold(&mut self, end: usize) {
        self.folded = true;
        match self.slots.last_mut() {
            Some(slot) => {
                slot.value_len = end as u32 - slot.value_at;
                if slot.value_len as usize > limits::HEADER_VALUE_BYTES {
                    self.fault.get_or_insert(Fault::TooLong);
                }
            }
            // RFC 3261 §7.3.1 lets headers fold, not the start line.
            None => {
                self.fault.get_or_insert(Fault::StartLine);
            }
        }
    }
}

/// Line breaks inside of values become spaces: the same length, so no offset moves.
fn unfold(bytes: &[u8], slots: &mut [Slot]) -> Bytes {
    let mut copy = bytes.to_vec();
    for slot in slots {
        let value = &mut copy[slot.value_at as usize..(slot.value_at + slot.value_len) as usize];
        for byte in &mut *value {
            if matches!(*byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        let leading = value.iter().take_while(|byte| is_space(**byte)).count();
        let trailing = value[leading..].iter().rev().take_while(|byte| is_space(**byte)).count();
        slot.value_at += leading as u32;
        slot.value_len -= (leading + trailing) as u32;
    }
    Bytes::from(copy)
}

/// Each line of the head that is not UTF-8 is read as Latin-1; body and other lines stay.
fn read_as_latin1(bytes: &[u8], head_end: usize) -> Bytes {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    for line in bytes[..head_end].split_inclusive(|byte| *byte == b'\n') {
        match std::str::from_utf8(line) {
            Ok(_) => out.extend_from_slice(line),
            Err(_) => out.extend(line.iter().map(|byte| *byte as char).collect::<String>().as_bytes()),
        }
    }
    out.extend_from_slice(&bytes[head_end..]);
    Bytes::from(out)
}

fn start_line(bytes: &[u8], from: usize, to: usize) -> Result<(Line, Option<Fault>), ParseError> {
    let silent = || ParseError::silent(Fault::StartLine);
    let text = std::str::from_utf8(&bytes[from..to]).map_err(|_| silent())?;
    if text.get(..4).is_some_and(|protocol| protocol.eq_ignore_ascii_case("SIP/")) {
        return status_line(text, from).map(|line| (line, None)).ok_or_else(silent);
    }
    let (method, rest) = text.split_once(' ').unwrap_or((text, ""));
    if !is_token(method) || method.len() > limits::METHOD_BYTES {
        return Err(silent());
    }
    let uri_at = from + method.len() + 1;
    let (uri, version) = rest.rsplit_once(' ').unwrap_or((rest, ""));
    let fault = if text.len() > limits::START_LINE_BYTES {
        Some(Fault::TooLong)
    } else if uri.is_empty() || !is_uri_text(uri) {
        Some(Fault::StartLine)
    } else if version.eq_ignore_ascii_case("SIP/2.0") {
        None
    } else if is_version(version) {
        Some(Fault::Version)
    } else {
        Some(Fault::StartLine)
    };
    let uri = (uri_at as u32, (uri_at + uri.len()) as u32);
    Ok((Line::Request { method: Method::parse(method), uri }, fault))
}

fn is_version(text: &str) -> bool {
    let numbers = text.get(..4).filter(|protocol| protocol.eq_ignore_ascii_case("SIP/")).map(|_| &text[4..]);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.and_then(|text| text.split_once('.')).is_some_and(|(major, minor)| digits(major) && digits(minor))
}

fn status_line(text: &str, from: usize) -> Option<Line> {
    let rest = text.get(7..).filter(|_| text[..7].eq_ignore_ascii_case("SIP/2.0"))?.strip_prefix(' ')?;
    let (digits, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let status = number(digits, 699).filter(|status| *status >= 100 && digits.len() == 3)?;
    let to = from + text.len();
    Some(Line::Response { status: status as u16, reason: ((to - reason.len()) as u32, to as u32) })
}

/// What Content-Length says, if it is there; twice the same counts as once.
pub(crate) fn body_length(message: &Message) -> Result<Option<usize>, Fault> {
    let mut length = None;
    for value in message.headers(Name::ContentLength) {
        let found = number(value, limits::MESSAGE_BYTES as u64).ok_or(Fault::ContentLength)? as usize;
        if length.is_some_and(|length| length != found) {
            return Err(Fault::ContentLength);
        }
        length = Some(found);
    }
    Ok(length)
}
