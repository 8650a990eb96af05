//! Messages of the generator, written into a buffer that is used again.

use std::io::Write;

use super::scan::Scan;

/// What a request of a simulated phone is made of.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) uri: &'a [u8],
    /// Host and port of the generator's socket.
    pub(super) local: &'a str,
    pub(super) branch: &'a str,
    /// The phone's own address and tag.
    pub(super) from: &'a str,
    pub(super) to: &'a [u8],
    pub(super) call_id: &'a str,
    pub(super) cseq: u32,
    /// The user part of Contact; none: no Contact.
    pub(super) contact_user: Option<&'a str>,
    /// Route values, first first.
    pub(super) routes: &'a [Vec<u8>],
    /// Whole header lines with their ends.
    pub(super) extra: &'a str,
    pub(super) sdp: Option<&'a str>,
}

impl Request<'_> {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.clear();
        let Request { method, local, branch, from, call_id, cseq, .. } = self;
        out.extend_from_slice(method.as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.uri);
        let _ = write!(
            out,
            " SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch={branch}\r\nMax-Forwards: 70\r\n\
             From: {from}\r\nTo: "
        );
        out.extend_from_slice(self.to);
        let _ = write!(out, "\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n");
        for route in self.routes {
            out.extend_from_slice(b"Route: ");
            out.extend_from_slice(route);
            out.extend_from_slice(b"\r\n");
        }
        if let Some(user) = self.contact_user {
            let _ = write!(out, "Contact: <sip:{user}@{local}>\r\n");
        }
        out.extend_from_slice(self.extra.as_bytes());
        out.extend_from_slice(b"User-Agent: muster-load\r\n");
        end(self.sdp, out);
    }
}

/// A response to what `scan` is of, with Record-Route copied and `tag` added to To.
pub(super) fn response(
    scan: &Scan<'_>,
    status_line: &str,
    tag: &str,
    contact: Option<&str>,
    sdp: Option<&str>,
    out: &mut Vec<u8>,
) {
    out.clear();
    let _ = write!(out, "SIP/2.0 {status_line}\r\n");
    let several = [(&b"Via: "[..], &scan.vias), (b"Record-Route: ", &scan.record_routes)];
    for (name, values) in several {
        for value in values.iter().filter(|value| !value.is_empty()) {
            line(name, value, out);
        }
    }
    line(b"From: ", scan.from, out);
    out.extend_from_slice(b"To: ");
    out.extend_from_slice(scan.to);
    if !tag.is_empty() && find(scan.to, b";tag=").is_none() {
        let _ = write!(out, ";tag={tag}");
    }
    out.extend_from_slice(b"\r\n");
    line(b"Call-ID: ", scan.call_id, out);
    line(b"CSeq: ", scan.cseq, out);
    if let Some(contact) = contact {
        let _ = write!(out, "Contact: <{contact}>\r\n");
    }
    end(sdp, out);
}

fn line(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn end(sdp: Option<&str>, out: &mut Vec<u8>) {
    match sdp {
        Some(sdp) => {
            let _ =
                write!(out, "Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
        }
        None => out.extend_from_slice(b"Content-Length: 0\r\n\r\n"),
    }
}

/// Where `needle` begins in `text`.
pub(super) fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len()).position(|window| window == needle)
}
