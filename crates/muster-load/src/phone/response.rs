//! Answers as the phone writes them.

use std::fmt::Write;

use muster_sip::Message;
use muster_sip::name::Name;
use muster_sip::status::reason_phrase;

/// An answer to `request` (RFC 3261 §8.2.6): Via, From, To, Call-ID and CSeq copied, the tag added
/// to a To that has none, Record-Route copied where a dialog may come of it (§12.1.1).
pub(super) fn answer_to(
    request: &Message,
    status: u16,
    to_tag: Option<&str>,
    contact: Option<&str>,
    sdp: Option<&str>,
) -> Vec<u8> {
    let mut out = String::with_capacity(1024);
    let _ = write!(out, "SIP/2.0 {status} {}\r\n", reason_phrase(status));
    for via in request.headers(Name::Via) {
        let _ = write!(out, "Via: {via}\r\n");
    }
    for route in request.headers(Name::RecordRoute) {
        let _ = write!(out, "Record-Route: {route}\r\n");
    }
    for name in [Name::From, Name::CallId, Name::CSeq] {
        let _ = write!(out, "{}: {}\r\n", name.as_str(), request.header(name).unwrap_or(""));
    }
    let has_tag = request.to().is_ok_and(|to| to.tag().is_some());
    let tag = to_tag.filter(|_| !has_tag && status > 100);
    let tag = tag.map(|tag| format!(";tag={tag}")).unwrap_or_default();
    let _ = write!(out, "To: {}{tag}\r\n", request.header(Name::To).unwrap_or(""));
    if let Some(contact) = contact {
        let _ = write!(out, "Contact: <{contact}>\r\n");
    }
    let body = sdp.unwrap_or("");
    if sdp.is_some() {
        out.push_str("Content-Type: application/sdp\r\n");
    }
    let _ = write!(out, "Content-Length: {}\r\n\r\n{body}", body.len());
    out.into_bytes()
}
