//! What passes from one side of a call to the other, and what does not.
//!
//! Nothing is copied but what is listed here. Addresses, contacts, identities, Call-IDs, tags and
//! reason phrases are our own on each side, so that no phone learns more of the other than its
//! extension and name.

use bytes::Bytes;
use muster_domain::dial_plan::PersonPlan;
use muster_sip::name_addr::quote;
use muster_sip::uri::escape_user;
use muster_sip::{Message, Method, Name, Writer};
use smol_str::{SmolStr, format_smolstr};

use crate::call::Party;

/// Headers that describe a body.
const OF_BODY: [Name; 2] = [Name::ContentDisposition, Name::ContentLanguage];

/// What a call's bodies may be: others could carry anything past us.
pub const SDP: &str = "application/sdp";
const DTMF: [&str; 2] = ["application/dtmf-relay", "application/dtmf"];

/// A party of a call as the dial plan has it.
pub fn party(person: &PersonPlan, realm: &str) -> Party {
    let extension = person.extension.clone().unwrap_or_default();
    let uri = address_of_record(&extension, realm);
    let address = match person.display_name.as_str() {
        "" => format_smolstr!("<{uri}>"),
        name => format_smolstr!("{} <{uri}>", quote(name)),
    };
    let names = person.credentials.iter().map(|credential| credential.auth_name.clone());
    let secret_names = names.filter(|name| *name != extension).collect();
    Party { user: person.user, extension, address, secret_names }
}

/// What others may dial; the bare domain for somebody who has no extension.
pub fn address_of_record(extension: &str, realm: &str) -> SmolStr {
    match extension {
        "" => format_smolstr!("sip:{realm}"),
        extension => format_smolstr!("sip:{}@{realm}", escape_user(extension)),
    }
}

/// Whether the other side may be given this message's body: it has none, or one that we can read.
/// INFO carries key presses, everything else descriptions of media.
pub fn is_passable(message: &Message) -> bool {
    if message.body().is_empty() {
        return true;
    }
    let is = |kind: &&str| message.content_type().is_some_and(|found| found.eq_ignore_ascii_case(kind));
    let plain = message
        .header(Name::ContentEncoding)
        .is_none_or(|encoding| encoding.trim().eq_ignore_ascii_case("identity"));
    let of_info = message.cseq().is_ok_and(|(_, method)| method == Method::Info);
    plain && if of_info { DTMF.iter().any(is) } else { is(&SDP) }
}

/// The value of Accept in a 415 to a request whose body does not pass.
pub fn passable_types(request: &Message) -> String {
    match request.method() {
        Some(Method::Info) => DTMF.join(", "),
        _ => SDP.to_owned(),
    }
}

/// Ends a message with the body of another one, if it has one that may pass.
pub fn with_body(mut writer: Writer, from: &Message, sender: &Party) -> Bytes {
    let content_type = from.header(Name::ContentType).filter(|_| is_passable(from));
    let (Some(content_type), false) = (content_type, from.body().is_empty()) else {
        return writer.finish();
    };
    for name in OF_BODY {
        writer = writer.copy(from, name);
    }
    let is_sdp = from.content_type().is_some_and(|kind| kind.eq_ignore_ascii_case(SDP));
    match is_sdp {
        true => writer.body(content_type, &without_names(from.body(), &sender.secret_names)),
        false => writer.body(content_type, from.body()),
    }
}

/// Some phones write their user's name into SDP where it says who made it. The origin's username
/// and the session's name become a hyphen, what else is there for people to read (information,
/// address of a page, mail, telephone number) is left out; media does not depend on it. Where media
/// does depend on an identifier (CNAME and stream ids of a source), only the name in it goes.
/// Everything else passes as it is, even if it looks like a name.
fn without_names(sdp: &[u8], names: &[SmolStr]) -> Vec<u8> {
    let mut out = Vec::with_capacity(sdp.len());
    for line in sdp.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii_end();
        let end = &line[text.len()..];
        let kind = text.first().filter(|_| text.get(1) == Some(&b'=')).map(u8::to_ascii_lowercase);
        match kind {
            Some(b'u' | b'p' | b'e' | b'i') => continue,
            Some(b's') => out.extend_from_slice(b"s=-"),
            Some(b'o') => {
                out.extend_from_slice(b"o=-");
                let user = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
                out.extend_from_slice(&text[user..]);
            }
            Some(b'a') => {
                let from = identifier_at(text).unwrap_or(text.len());
                out.extend_from_slice(&text[..from]);
                push_without(&text[from..], names, &mut out);
            }
            _ => out.extend_from_slice(text),
        }
        out.extend_from_slice(end);
    }
    out
}

/// Where the identifier begins in an attribute that names its sender (RFC 5576 §4.1, RFC 8830 §2).
fn identifier_at(line: &[u8]) -> Option<usize> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let is = |name: &str| line[2..colon].eq_ignore_ascii_case(name.as_bytes());
    if ["msid", "msid-semantic", "cname"].into_iter().any(is) {
        return Some(colon + 1);
    }
    // The source's number stands first.
    is("ssrc").then(|| line.iter().position(|byte| *byte == b' ')).flatten()
}

/// Copies text with each name in it, where it stands alone, replaced by a hyphen; letter case does
/// not matter.
fn push_without(text: &[u8], names: &[SmolStr], out: &mut Vec<u8>) {
    let in_word =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || *byte >= 0x80;
    let mut at = 0;
    while at < text.len() {
        let begins = at == 0 || !in_word(&text[at - 1]);
        let name = names.iter().find(|name| {
            let same =
                text[at..].get(..name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name.as_bytes()));
            begins && !name.is_empty() && same && !text.get(at + name.len()).is_some_and(in_word)
        });
        match name {
            Some(name) => {
                out.push(b'-');
                at += name.len();
            }
            None => {
                out.push(text[at]);
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_hyphen_where_it_names_somebody_and_stays_where_media_needs_it() {
        let names = [SmolStr::new("anna.a"), SmolStr::new("8000")];
        let check = |input: &str, expect: &str| {
            assert_eq!(String::from_utf8_lossy(&without_names(input.as_bytes(), &names)), expect);
        };
        check("v=0\r\no=anna.a 1 1 IN IP4 h\r\ns=anna.a\r\n", "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\n");
        check("v=0\no=anna 1\ns=call of anna.a's", "v=0\no=- 1\ns=-");
        check("O=ANNA.A 1 1 IN IP4 h\r\nS=x\r\n", "o=- 1 1 IN IP4 h\r\ns=-\r\n");
        check("v=0\r\nu=http://h/anna.a\r\ne=a@h\r\np=1\r\ni=x\r\nt=0 0\r\n", "v=0\r\nt=0 0\r\n");
        check("a=msid:Anna.A track\r\na=CNAME:ANNA.A@h\r\n", "a=msid:- track\r\na=CNAME:-@h\r\n");
        check("a=msid:anna.ab xanna.a anna.a.b", "a=msid:anna.ab xanna.a anna.a.b");
        check("a=ssrc:1 msid:anna.a anna.a0", "a=ssrc:1 msid:- anna.a0");
        check("o=8000 8000 8000 IN IP4 h", "o=- 8000 8000 IN IP4 h");
        let media = "m=audio 8000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";
        check(media, media);
        check("a=ssrc:8000 cname:sip:anna.a@acme.example\r\n", "a=ssrc:8000 cname:sip:-@acme.example\r\n");
        for nothing in ["v=0\r\n", "", "a=", "a", "=", "a=sendrecv\r\n\r\n"] {
            check(nothing, nothing);
        }
        check("o=anna.a", "o=-");
    }
}
