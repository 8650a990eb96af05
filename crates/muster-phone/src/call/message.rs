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

/// Some phones write their user's name into the origin line of SDP (RFC 4566 §5.2, `o=<username>`);
/// there a hyphen says that there is none. Everything else is the phones' own matter.
fn without_names<'a>(sdp: &'a [u8], names: &[SmolStr]) -> Cow<'a, [u8]> {
    let start = match sdp.starts_with(b"o=") {
        true => 2,
        false => match sdp.windows(3).position(|window| window == b"\no=") {
            Some(at) => at + 3,
            None => return Cow::Borrowed(sdp),
        },
    };
    let length = sdp[start..].iter().position(|byte| *byte == b' ').unwrap_or(0);
    let origin = &sdp[start..start + length];
    if !names.iter().any(|name| name.as_bytes() == origin) {
        return Cow::Borrowed(sdp);
    }
    Cow::Owned([&sdp[..start], b"-", &sdp[start + length..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_the_origin_line_becomes_a_hyphen_and_nothing_else_changes() {
        let names = [SmolStr::new("anna.a"), SmolStr::new("anna-mobile")];
        let check = |input: &str, expect: &str| {
            assert_eq!(String::from_utf8_lossy(&without_names(input.as_bytes(), &names)), expect);
        };
        check("v=0\r\no=anna.a 1 1 IN IP4 h\r\ns=anna.a\r\n", "v=0\r\no=- 1 1 IN IP4 h\r\ns=anna.a\r\n");
        check("o=anna-mobile 1", "o=- 1");
        check("v=0\no=anna 1", "v=0\no=anna 1");
        check("v=0\r\no=", "v=0\r\no=");
        check("v=0\r\n", "v=0\r\n");
        check("", "");
    }
}
