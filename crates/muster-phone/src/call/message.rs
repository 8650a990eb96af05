//! What passes from one side of a call to the other, and what does not.
//!
//! Nothing is copied but what is listed here. Addresses, contacts, identities, Call-IDs, tags and
//! reason phrases are our own on each side, so that no phone learns more of the other than its
//! extension and name.

use std::borrow::Cow;

use bytes::Bytes;
use muster_domain::dial_plan::PersonPlan;
use muster_sip::name_addr::quote;
use muster_sip::uri::escape_user;
use muster_sip::{Message, Name, Writer};
use smol_str::{SmolStr, format_smolstr};

use crate::call::Party;

/// Headers that describe a body.
const OF_BODY: [Name; 3] = [Name::ContentDisposition, Name::ContentEncoding, Name::ContentLanguage];

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

/// Ends a message with the body of another one, if it has one.
pub fn with_body(mut writer: Writer, from: &Message, sender: &Party) -> Bytes {
    let (Some(content_type), false) = (from.header(Name::ContentType), from.body().is_empty()) else {
        return writer.finish();
    };
    for name in OF_BODY {
        writer = writer.copy(from, name);
    }
    let is_sdp = from.content_type().is_some_and(|kind| kind.eq_ignore_ascii_case("application/sdp"));
    match is_sdp {
        true => writer.body(content_type, &without_names(from.body(), &sender.secret_names)),
        false => writer.body(content_type, from.body()),
    }
}

/// Some phones write their user's name into SDP where it says who made it: the origin (`o=<username>`),
/// the session's name and contacts, the CNAME of a source. There a hyphen takes its place. Everything
/// that media depends on passes as it is, even if it looks like a name.
fn without_names<'a>(sdp: &'a [u8], names: &[SmolStr]) -> Cow<'a, [u8]> {
    let found = |name: &SmolStr| sdp.windows(name.len().max(1)).any(|window| window == name.as_bytes());
    if !names.iter().any(found) {
        return Cow::Borrowed(sdp);
    }
    let mut out = Vec::with_capacity(sdp.len());
    for line in sdp.split_inclusive(|byte| *byte == b'\n') {
        // What may be changed of this line.
        let (from, to) = match line.get(..2) {
            Some(b"o=") => (2, line.iter().position(|byte| *byte == b' ').unwrap_or(2)),
            Some(b"s=" | b"i=" | b"e=") => (2, line.len()),
            _ if line.starts_with(b"a=ssrc:") => {
                let cname = line.windows(6).position(|window| window == b"cname:");
                (cname.map_or(line.len(), |at| at + 6), line.len())
            }
            _ => (line.len(), line.len()),
        };
        out.extend_from_slice(&line[..from]);
        push_without(&line[from..to], names, &mut out);
        out.extend_from_slice(&line[to..]);
    }
    Cow::Owned(out)
}

/// Copies text with each name in it, where it stands alone, replaced by a hyphen.
fn push_without(text: &[u8], names: &[SmolStr], out: &mut Vec<u8>) {
    let in_word =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || *byte >= 0x80;
    let mut at = 0;
    while at < text.len() {
        let begins = at == 0 || !in_word(&text[at - 1]);
        let name = names.iter().find(|name| {
            let rest = text[at..].strip_prefix(name.as_bytes());
            begins && !name.is_empty() && rest.is_some_and(|rest| !rest.first().is_some_and(in_word))
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
        check("v=0\no=anna 1\ns=call of anna.a's", "v=0\no=anna 1\ns=call of -'s");
        check("s=anna.ab xanna.a anna.a.b", "s=anna.ab xanna.a anna.a.b");
        check("o=8000 8000 8000 IN IP4 h", "o=- 8000 8000 IN IP4 h");
        let media = "m=audio 8000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";
        check(media, media);
        check("a=ssrc:8000 cname:sip:anna.a@acme.example\r\n", "a=ssrc:8000 cname:sip:-@acme.example\r\n");
        for nothing in ["v=0\r\no=", "v=0\r\n", "", "o=anna.a"] {
            check(nothing, nothing);
        }
    }
}
