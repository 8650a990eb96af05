//! Writes requests and responses.

use crate::message::Message;
use crate::method::Method;
use crate::name::Name;
use crate::name_addr::NameAddr;
use crate::token::cut;
use crate::via::Via;
use bytes::Bytes;
use std::fmt::{self, Write as _};
use std::net::SocketAddr;

/// A message being written. Headers come out in the order of the calls; [`Writer::finish`] or
/// [`Writer::body`] ends it with Content-Length.
///
/// A line break in a value becomes a space, so that no value can begin a header.
#[derive(Clone, Debug)]
pub struct Writer {
    out: Vec<u8>,
}

/// The Via that our own requests carry.
#[derive(Clone, Copy, Debug)]
pub struct LocalVia<'a> {
    /// `UDP`, `TCP`, …
    pub transport: &'a str,
    /// Host and port as others reach us.
    pub sent_by: &'a str,
    /// A fresh branch per transaction, from [`crate::Rng::branch`].
    pub branch: &'a str,
}

impl Writer {
    pub fn request(method: &Method, uri: &str) -> Writer {
        let mut writer = Writer { out: Vec::with_capacity(1024) };
        writer.text(method.as_str());
        writer.text(" ");
        writer.clean(uri);
        writer.text(" SIP/2.0\r\n");
        writer
    }

    /// A response without any header. The usual way is [`Writer::response_to`].
    pub fn response(status: u16, reason: &str) -> Writer {
        let mut writer = Writer { out: Vec::with_capacity(768) };
        let _ = write!(Sink(&mut writer), "SIP/2.0 {status} ");
        writer.clean(reason);
        writer.text("\r\n");
        writer
    }

    /// A response with what RFC 3261 §8.2.6.2 asks to be copied: every Via (`received` and `rport`
    /// filled into the top one, RFC 3261 §18.2.1 and RFC 3581 §4), From, To, Call-ID, CSeq; and
    /// Timestamp for a 100. `to_tag` is added when the request's To has no tag; leave it out for
    /// a 100.
    pub fn response_to(
        request: &Message,
        status: u16,
        reason: &str,
        to_tag: Option<&str>,
        source: SocketAddr,
    ) -> Writer {
        let mut writer = Writer::response(status, reason);
        for (index, value) in request.headers(Name::Via).enumerate() {
            match index {
                0 => writer.top_via(value, source),
                _ => writer.header_ref(Name::Via, value),
            }
        }
        for name in [Name::From, Name::To, Name::CallId, Name::CSeq] {
            let Some(value) = request.header(name) else { continue };
            writer.begin(name);
            writer.clean(value);
            if let (Name::To, Some(tag)) = (name, to_tag)
                && !NameAddr::parse(value).is_ok_and(|to| to.tag().is_some())
            {
                writer.text(";tag=");
                writer.clean(tag);
            }
            writer.text("\r\n");
        }
        if status == 100 {
            writer = writer.copy(request, Name::Timestamp);
        }
        writer
    }

    #[must_use]
    pub fn header(mut self, name: Name, value: &str) -> Writer {
        self.header_ref(name, value);
        self
    }

    /// As [`Writer::header`], for loops.
    pub fn header_ref(&mut self, name: Name, value: &str) {
        self.begin(name);
        self.clean(value);
        self.text("\r\n");
    }

    /// A header from parts: `writer.header_fmt(Name::Expires, format_args!("{seconds}"))`.
    #[must_use]
    pub fn header_fmt(mut self, name: Name, value: fmt::Arguments<'_>) -> Writer {
        self.begin(name);
        let _ = Sink(&mut self).write_fmt(value);
        self.text("\r\n");
        self
    }

    /// A header that [`Name`] does not know. `name` must be a token.
    #[must_use]
    pub fn header_named(mut self, name: &str, value: &str) -> Writer {
        self.clean(name);
        self.text(": ");
        self.clean(value);
        self.text("\r\n");
        self
    }

    #[must_use]
    pub fn via(self, via: &LocalVia<'_>) -> Writer {
        let LocalVia { transport, sent_by, branch } = via;
        self.header_fmt(Name::Via, format_args!("SIP/2.0/{transport} {sent_by};branch={branch};rport"))
    }

    /// Copies every line of a header from another message.
    #[must_use]
    pub fn copy(mut self, from: &Message, name: Name) -> Writer {
        for value in from.headers(name) {
            self.header_ref(name, value);
        }
        self
    }

    #[must_use]
    pub fn cseq(self, number: u32, method: &Method) -> Writer {
        self.header_fmt(Name::CSeq, format_args!("{number} {method}"))
    }

    /// Ends the message without a body.
    pub fn finish(mut self) -> Bytes {
        self.text("Content-Length: 0\r\n\r\n");
        self.into_bytes()
    }

    /// Ends the message with a body.
    pub fn body(mut self, content_type: &str, body: &[u8]) -> Bytes {
        self.header_ref(Name::ContentType, content_type);
        self.text("Content-Length: ");
        let _ = write!(Sink(&mut self), "{}", body.len());
        self.text("\r\n\r\n");
        self.out.extend_from_slice(body);
        self.into_bytes()
    }

    /// Without spare room, for transactions keep their last response for half a minute.
    fn into_bytes(self) -> Bytes {
        Bytes::from(self.out.into_boxed_slice())
    }

    fn top_via(&mut self, line: &str, source: SocketAddr) {
        self.begin(Name::Via);
        let top = crate::message::split_values(line).next().unwrap_or("");
        // Without a Via that can be read, the line goes back as it came.
        let Ok(via) = Via::parse(top) else {
            self.clean(line);
            return self.text("\r\n");
        };
        let after = top.as_ptr() as usize - line.as_ptr() as usize + top.len();
        let head = cut(top, b';').map_or(top, |(head, _)| head);
        self.clean(head);
        for (name, value) in via.params.iter() {
            // What the sender claims of its own address is not ours to repeat.
            if name.eq_ignore_ascii_case("received") || name.eq_ignore_ascii_case("rport") {
                continue;
            }
            self.text(";");
            self.clean(name);
            if let Some(value) = value {
                self.text("=");
                self.clean(value);
            }
        }
        if via.asks_rport() || !via.names(source.ip()) {
            let _ = write!(Sink(self), ";received={}", source.ip());
        }
        if via.asks_rport() {
            let _ = write!(Sink(self), ";rport={}", source.port());
        }
        self.clean(&line[after..]);
        self.text("\r\n");
    }

    fn begin(&mut self, name: Name) {
        self.text(name.as_str());
        self.text(": ");
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn clean(&mut self, text: &str) {
        let from = self.out.len();
        self.text(text);
        for byte in &mut self.out[from..] {
            if matches!(*byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
    }
}

/// Formatted text on its way into a value.
struct Sink<'a>(&'a mut Writer);

impl fmt::Write for Sink<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.clean(text);
        Ok(())
    }
}
