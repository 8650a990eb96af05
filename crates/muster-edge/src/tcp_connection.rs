//! One TCP connection: bytes in and out, and how long it may take.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use mio::net::TcpStream;
use muster_phone::Flow;
use muster_sip::{Frame, StreamFramer, framer};

use crate::config::EdgeLimits;
use crate::counters::Counters;
use crate::tcp::TcpEvent;

/// What keeping one unsent message costs beside its bytes.
pub(crate) const UNSENT_OVERHEAD: usize = 64;
/// RFC 3261 §17.1.1.2: after 64*T1 a transaction has given up on what is still unsent.
const UNSENT_TIME_MAX: Duration = Duration::from_secs(32);

/// A request line that is longer is not looked at.
const FIRST_LINE_BYTES: usize = 4096;
/// What an HTTP client is told here.
const SIP_PORT: &str =
    "This is the SIP port, where phones register. The API and the page are on the HTTP port (--http).\n";

pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) flow: Flow,
    pub(crate) framer: StreamFramer,
    pub(crate) unsent: VecDeque<Bytes>,
    /// With what keeping them costs.
    pub(crate) unsent_bytes: usize,
    /// It is among those with more to read.
    pub(crate) is_unread: bool,
    /// There is more to read, when it has taken what it is owed.
    pub(crate) is_held: bool,
    pub(crate) is_connecting: bool,
    pub(crate) since: Instant,
    pub(crate) last_heard: Instant,
    /// When the message that is not whole yet began.
    pub(crate) message_since: Option<Instant>,
    pub(crate) heard_whole_message: bool,
    pub(crate) unsent_since: Option<Instant>,
    /// Its stream cannot be cut any further: it is closed when the answer has had its time.
    pub(crate) is_doomed: bool,
}

/// Why a connection ends from our side.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Framing,
    SlowMessage,
    SilentFromStart,
    Idle,
    ReadsNothing,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, flow: Flow, is_connecting: bool, now: Instant) -> Connection {
        Connection {
            stream,
            flow,
            framer: StreamFramer::new(),
            unsent: VecDeque::new(),
            unsent_bytes: 0,
            is_unread: false,
            is_held: false,
            is_connecting,
            since: now,
            last_heard: now,
            message_since: None,
            heard_whole_message: false,
            unsent_since: None,
            is_doomed: false,
        }
    }

    /// Cuts what has come into messages; answers keep-alives.
    pub(crate) fn take_bytes(
        &mut self,
        bytes: &[u8],
        now: Instant,
        counters: &Counters,
        out: &mut Vec<TcpEvent>,
    ) {
        self.framer.push(bytes);
        if !self.heard_whole_message && is_http(self.framer.pending()) {
            return self.refuse_http();
        }
        while let Some(frame) = self.framer.next_frame() {
            self.message_since = None;
            match frame {
                Ok(Frame::Message(bytes)) => {
                    self.heard_whole_message = true;
                    out.push(TcpEvent::Message { flow: self.flow, bytes });
                }
                Ok(Frame::Ping) => self.pong(now, counters),
                Err(error) => {
                    self.is_doomed = true;
                    // The core answers it with 400 where an answer is possible.
                    let flow = self.flow;
                    out.extend(error.head.map(|bytes| TcpEvent::Message { flow, bytes }));
                    return;
                }
            }
        }
        let since = self.message_since.unwrap_or(now);
        self.message_since = self.framer.is_partial().then_some(since);
    }

    /// Somebody took this port for that of the API: they are told, and hear the end at once.
    fn refuse_http(&mut self) {
        let answer = format!(
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{SIP_PORT}",
            SIP_PORT.len()
        );
        // Whoever does not take so little is closed without it.
        let _ = self.write_now(answer.as_bytes());
        let _ = self.stream.shutdown(Shutdown::Write);
        self.is_doomed = true;
    }

    /// RFC 5626 §4.4.1: a double CRLF is answered with a single one.
    fn pong(&mut self, now: Instant, counters: &Counters) {
        counters.keepalives.add(1);
        if self.unsent.is_empty() {
            // A broken connection shows at its next read.
            let sent = self.write_now(framer::PONG).unwrap_or(framer::PONG.len());
            if sent < framer::PONG.len() {
                self.keep_unsent(&framer::PONG[sent..], now);
            }
        }
    }

    /// A copy: the bytes of a message come with room for a longer one.
    pub(crate) fn keep_unsent(&mut self, rest: &[u8], now: Instant) {
        self.unsent_bytes += rest.len() + UNSENT_OVERHEAD;
        self.unsent.push_back(Bytes::copy_from_slice(rest));
        self.unsent_since.get_or_insert(now);
    }

    /// Writes as much as the socket takes; how much that was.
    pub(crate) fn write_now(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut sent = 0;
        while sent < bytes.len() {
            match self.stream.write(&bytes[sent..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => sent += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }

    pub(crate) fn write(&mut self) -> io::Result<()> {
        while let Some(mut first) = self.unsent.pop_front() {
            let length = match self.write_now(&first) {
                Ok(length) => length,
                Err(error) => {
                    self.unsent.push_front(first);
                    return Err(error);
                }
            };
            self.unsent_bytes -= length;
            first.advance(length);
            if !first.is_empty() {
                self.unsent.push_front(first);
                return Ok(());
            }
            self.unsent_bytes -= UNSENT_OVERHEAD;
        }
        self.unsent_since = None;
        Ok(())
    }

    pub(crate) fn overdue(&self, now: Instant, limits: &EdgeLimits) -> Option<Fault> {
        if self.is_doomed {
            return Some(Fault::Framing);
        }
        let for_longer = |since: Instant, limit| now.saturating_duration_since(since) > limit;
        if self.message_since.is_some_and(|since| for_longer(since, limits.message_time_max)) {
            return Some(Fault::SlowMessage);
        }
        if self.unsent_since.is_some_and(|since| for_longer(since, UNSENT_TIME_MAX)) {
            return Some(Fault::ReadsNothing);
        }
        let heard_nothing_whole = !self.heard_whole_message && !self.is_connecting;
        if heard_nothing_whole && for_longer(self.since, limits.first_message_time_max) {
            return Some(Fault::SilentFromStart);
        }
        for_longer(self.last_heard, limits.idle_time_max).then_some(Fault::Idle)
    }
}

/// Whether a stream begins with the request line of HTTP, of whatever version.
fn is_http(bytes: &[u8]) -> bool {
    let Some(end) = bytes.iter().take(FIRST_LINE_BYTES).position(|byte| *byte == b'\n') else { return false };
    let version = bytes[..end].trim_ascii_end().rsplit(|byte| *byte == b' ').next();
    version.is_some_and(|version| version.starts_with(b"HTTP/"))
}
