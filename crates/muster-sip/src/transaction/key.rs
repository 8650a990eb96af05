//! Which transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3).

use crate::message::Message;
use smol_str::{SmolStr, format_smolstr};

/// Compares equal for all messages of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(SmolStr);

impl Key {
    /// For a request that came in: branch, sent-by and method, ACK counted as INVITE. Without the
    /// magic cookie the comparison of RFC 2543 takes its place.
    pub fn of_request(request: &Message) -> Key {
        let method = request.method().map_or("", |method| method.as_str());
        Key::server(request, if method == "ACK" { "INVITE" } else { method })
    }

    /// The INVITE that a CANCEL (or a PRACK's retransmission logic) is about.
    pub fn of_cancelled(cancel: &Message) -> Key {
        Key::server(cancel, "INVITE")
    }

    /// For a response that came in: branch of its top Via and method of its CSeq.
    pub fn of_response(response: &Message) -> Option<Key> {
        let branch = response.via().ok()?.branch()?;
        let (_, method) = response.cseq_parts().ok()?;
        Some(Key::client(branch, method))
    }

    /// For a request that we send.
    pub fn client(branch: &str, method: &str) -> Key {
        Key(format_smolstr!("{branch} {method}"))
    }

    fn server(request: &Message, method: &str) -> Key {
        let via = request.via().ok();
        if let Some(via) = via
            && let Some(branch) = via.unique_branch()
        {
            return Key::of_branch(branch, via.host, via.port.unwrap_or(5060), method);
        }
        let from_tag = request.from().ok().and_then(|from| from.tag()).unwrap_or("");
        let sequence = request.cseq_parts().map_or(0, |(sequence, _)| sequence);
        let via = request.values(crate::Name::Via).next().unwrap_or("");
        let (uri, call_id) = (request.request_uri(), request.call_id());
        Key(format_smolstr!("{uri} {from_tag} {call_id} {sequence} {via} {method}"))
    }

    /// Hosts are set equal without case; branches are told apart with it, as every element in the
    /// field does. Written on the stack: a key is made of every message, and most are short.
    fn of_branch(branch: &str, host: &str, port: u16, method: &str) -> Key {
        let mut text = [0_u8; 160];
        let digits = [10_000, 1_000, 100, 10, 1].map(|power| b'0' + (port / power % 10) as u8);
        let parts: [&[u8]; 7] =
            [branch.as_bytes(), b" ", host.as_bytes(), b":", &digits, b" ", method.as_bytes()];
        let mut length = 0;
        for part in parts {
            match text.get_mut(length..length + part.len()) {
                Some(place) => place.copy_from_slice(part),
                None => {
                    return Key(format_smolstr!("{branch} {}:{port:05} {method}", host.to_ascii_lowercase()));
                }
            }
            length += part.len();
        }
        text[branch.len()..branch.len() + 1 + host.len()].make_ascii_lowercase();
        Key(SmolStr::new(std::str::from_utf8(&text[..length]).unwrap_or_default()))
    }
}
