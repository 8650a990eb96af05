//! Cuts a byte stream (TCP, TLS) into messages.

use crate::limits;
use crate::name::Name;
use crate::token::number;
use bytes::{Buf, Bytes, BytesMut};

/// What a stream carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One message, head and body exactly, for [`crate::Message::parse`].
    Message(Bytes),
    /// A double CRLF between messages: the peer asks whether we live; answer [`PONG`]
    /// (RFC 5626 §3.5.1).
    Ping,
}

/// The answer to [`Frame::Ping`]. One that we receive is skipped in silence.
pub const PONG: &[u8] = b"\r\n";

/// The stream cannot be cut any further: answer if `head` is there, then close the connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct FrameError {
    pub fault: FrameFault,
    /// The head that could not be framed; [`crate::Message::parse`] makes an error that can be
    /// answered out of it, or a message to which 400 is the answer.
    pub head: Option<Bytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    #[error("head longer than the limit")]
    HeadTooLong,
    #[error("body longer than the limit")]
    BodyTooLong,
    #[error("Content-Length malformed or contradictory")]
    ContentLength,
}

/// Bytes in, messages out. Holds at most one incomplete message of [`limits::MESSAGE_BYTES`], and
/// what one [`StreamFramer::push`] brought beyond it.
#[derive(Debug, Default)]
pub struct StreamFramer {
    buffer: BytesMut,
    /// Where the search for the end of the head goes on.
    searched: usize,
    /// Octets of the message at the front, once its head is complete.
    wanted: Option<usize>,
    failed: bool,
}

impl StreamFramer {
    pub fn new() -> StreamFramer {
        StreamFramer::default()
    }

    /// Takes what was read from the socket. Call [`StreamFramer::next_frame`] until it has nothing.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.failed {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Whether a message has begun that is not complete: for a limit on how long that may last.
    /// A line end alone is none: it may be the answer to a ping.
    pub fn is_partial(&self) -> bool {
        !b"\r\n\r\n".starts_with(&self.buffer)
    }

    /// What has come of the message that is not complete, from its first octet.
    pub fn pending(&self) -> &[u8] {
        &self.buffer
    }

    /// The next thing on the stream; `None` when more bytes are needed, and after an error.
    pub fn next_frame(&mut self) -> Option<Result<Frame, FrameError>> {
        if self.failed {
            return None;
        }
        if self.wanted.is_none() {
            if let Some(ping) = self.skip_line_ends() {
                return Some(Ok(ping));
            }
            match self.measure() {
                Ok(wanted) => self.wanted = Some(wanted?),
                Err(error) => {
                    self.failed = true;
                    self.buffer.clear();
                    return Some(Err(error));
                }
            }
        }
        let wanted = self.wanted.filter(|wanted| self.buffer.len() >= *wanted)?;
        self.wanted = None;
        self.searched = 0;
        Some(Ok(Frame::Message(self.buffer.split_to(wanted).freeze())))
    }

    /// Line ends between messages: four octets are a ping, two are the answer to one.
    fn skip_line_ends(&mut self) -> Option<Frame> {
        if self.searched > 0 {
            return None;
        }
        loop {
            if self.buffer.starts_with(b"\r\n\r\n") {
                self.buffer.advance(4);
                return Some(Frame::Ping);
            }
            // A CRLF at the end may be the first half of a ping: it stays until more is known.
            if b"\r\n\r\n".starts_with(&self.buffer) {
                return None;
            }
            match self.buffer[..] {
                [b'\r', b'\n', ..] => self.buffer.advance(2),
                [b'\n', ..] => self.buffer.advance(1),
                _ => return None,
            }
        }
    }

    /// Octets of the message at the front; `None` while its head is incomplete.
    fn measure(&mut self) -> Result<Option<usize>, FrameError> {
        let fail = |fault, head| Err(FrameError { fault, head });
        let Some(head) = head_end(&self.buffer, self.searched) else {
            if self.buffer.len() > limits::HEAD_BYTES {
                return fail(FrameFault::HeadTooLong, None);
            }
            // An empty line may straddle the border of two reads: its first octets are searched again.
            self.searched = self.buffer.len().saturating_sub(3);
            return Ok(None);
        };
        if head > limits::HEAD_BYTES {
            return fail(FrameFault::HeadTooLong, None);
        }
        let Ok(length) = content_length(&self.buffer[..head]) else {
            return fail(FrameFault::ContentLength, Some(Bytes::copy_from_slice(&self.buffer[..head])));
        };
        if head + length > limits::MESSAGE_BYTES {
            return fail(FrameFault::BodyTooLong, Some(Bytes::copy_from_slice(&self.buffer[..head])));
        }
        Ok(Some(head + length))
    }
}

/// Behind the empty line that ends the head. Lines end as the parser lets them end: CRLF or LF.
fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(found) = memchr::memchr(b'\n', bytes.get(at..)?) {
        let next = at + found + 1;
        match bytes.get(next..) {
            Some([b'\n', ..]) => return Some(next + 1),
            Some([b'\r', b'\n', ..]) => return Some(next + 2),
            _ => at = next,
        }
    }
    None
}

/// What the head says of its body's length; 0 when it says nothing, as RFC 3261 §20.14 demands the
/// header on streams and there is nothing else to go by.
fn content_length(head: &[u8]) -> Result<usize, ()> {
    let mut length = None;
    for line in head.split(|byte| *byte == b'\n').skip(1) {
        // Only these begin the long and the compact name; a fold begins with a space.
        if !matches!(line.first(), Some(b'c' | b'C' | b'l' | b'L')) {
            continue;
        }
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        if Name::parse(line[..colon].trim_ascii()) != Name::ContentLength {
            continue;
        }
        let text = std::str::from_utf8(line[colon + 1..].trim_ascii()).map_err(|_| ())?;
        let found = number(text, 1 << 40).ok_or(())? as usize;
        if length.is_some_and(|length| length != found) {
            return Err(());
        }
        length = Some(found);
    }
    Ok(length.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "OPTIONS sip:a SIP/2.0\r\nl: 4\r\n\r\n";

    fn frames(framer: &mut StreamFramer) -> Vec<Result<Frame, FrameFault>> {
        std::iter::from_fn(|| framer.next_frame()).map(|frame| frame.map_err(|error| error.fault)).collect()
    }

    fn check(input: &[u8], expect: &[Result<Frame, FrameFault>]) {
        let mut whole = StreamFramer::new();
        whole.push(input);
        assert_eq!(frames(&mut whole), expect);
        let mut bytewise = StreamFramer::new();
        let mut found = Vec::new();
        for byte in input {
            bytewise.push(&[*byte]);
            found.extend(frames(&mut bytewise));
        }
        assert_eq!(found, expect, "octet by octet");
    }

    fn message(text: &str) -> Result<Frame, FrameFault> {
        Ok(Frame::Message(Bytes::copy_from_slice(text.as_bytes())))
    }

    #[test]
    fn messages_are_cut_at_content_length_however_they_arrive() {
        let one = format!("{HEAD}abcd");
        let two = "BYE sip:b SIP/2.0\r\nX: y\r\n\r\n";
        check(format!("{one}{two}{one}").as_bytes(), &[message(&one), message(two), message(&one)]);
    }

    #[test]
    fn pings_between_messages_are_told_and_pongs_skipped() {
        let one = format!("{HEAD}abcd");
        check(
            format!("\r\n\r\n{one}\r\n{one}\r\n\r\n").as_bytes(),
            &[Ok(Frame::Ping), message(&one), message(&one), Ok(Frame::Ping)],
        );
    }

    #[test]
    fn a_pong_begins_no_message() {
        let mut framer = StreamFramer::new();
        framer.push(PONG);
        assert!(framer.next_frame().is_none() && !framer.is_partial());
        framer.push(b"B");
        assert!(framer.next_frame().is_none() && framer.is_partial());
    }

    #[test]
    fn a_negative_or_contradictory_length_ends_the_stream() {
        let error = [Err(FrameFault::ContentLength)];
        check(b"BYE sip:b SIP/2.0\r\nContent-Length: -9\r\n\r\n", &error);
        check(b"BYE sip:b SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n", &error);
        check(
            b"BYE sip:b SIP/2.0\r\nl: 1\r\nl: 1\r\n\r\nx",
            &[message("BYE sip:b SIP/2.0\r\nl: 1\r\nl: 1\r\n\r\nx")],
        );
    }

    #[test]
    fn what_exceeds_the_limits_is_refused_before_it_is_read() {
        check(b"BYE sip:b SIP/2.0\r\nl: 65535\r\n\r\n", &[Err(FrameFault::BodyTooLong)]);
        let mut framer = StreamFramer::new();
        framer.push(&vec![b'a'; limits::HEAD_BYTES + 1]);
        assert_eq!(frames(&mut framer), [Err(FrameFault::HeadTooLong)]);
        framer.push(b"more");
        assert!(!framer.is_partial(), "nothing is kept after an error");
    }
}
