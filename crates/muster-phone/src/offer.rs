//! Which digest algorithms a request is offered, and in what order.
//!
//! RFC 8760 §2.3 lets a server offer several challenges, the strongest first, and has a client take the
//! first that it knows. Some widely used clients do not get that far, so the order depends on who asks.
//! Whatever was offered, both algorithms are accepted.

use muster_sip::Message;
use muster_sip::Name;
use muster_sip::digest::{Algorithm, Credentials};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    Sha256ThenMd5,
    /// For those who read the first challenge only and know but MD5.
    Md5ThenSha256,
    /// For those who give up when any challenge names an algorithm that they lack.
    Md5,
}

/// The offer for whoever sent this request. `credentials`: what the request carries.
pub fn offer_for(request: &Message, credentials: &[Credentials<'_>]) -> Offer {
    let speaks_sha256 =
        |c: &Credentials<'_>| matches!(c.algorithm, Algorithm::Sha256 | Algorithm::Sha256Sess);
    if credentials.iter().any(speaks_sha256) {
        return Offer::Sha256ThenMd5;
    }
    let Some(agent) = request.header(Name::UserAgent) else {
        // Small devices and scripts that do not name themselves.
        return Offer::Md5ThenSha256;
    };
    let is = |prefix: &str| agent.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    if is("baresip v0.") || is("baresip v1.") {
        // "Function not implemented" on any SHA-256 challenge (measured with 1.0.0).
        Offer::Md5
    } else if is("sipp") {
        // "authentication must use MD5" when SHA-256 stands first (measured with 3.6.1).
        Offer::Md5ThenSha256
    } else {
        Offer::Sha256ThenMd5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &str, expect: Offer) {
        let text = format!(
            "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1\r\n\
             From: <sip:1@example.com>;tag=1\r\nTo: <sip:1@example.com>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n\
             Max-Forwards: 70\r\n{lines}Content-Length: 0\r\n\r\n"
        );
        let request = Message::parse(text.into()).unwrap();
        let values: Vec<&str> = request.headers(Name::Authorization).collect();
        let credentials: Vec<Credentials<'_>> =
            values.iter().filter_map(|v| Credentials::parse(v).ok()).collect();
        assert_eq!(offer_for(&request, &credentials), expect, "{lines}");
    }

    #[test]
    fn the_strongest_comes_first_but_for_those_who_cannot_read_on() {
        check("User-Agent: Yealink SIP-T54W 96.86\r\n", Offer::Sha256ThenMd5);
        check("User-Agent: baresip v3.15.0 (x86_64/Linux)\r\n", Offer::Sha256ThenMd5);
        check("User-Agent: baresip v1.0.0 (x86_64/linux)\r\n", Offer::Md5);
        check("User-Agent: sipp\r\n", Offer::Md5ThenSha256);
        check("", Offer::Md5ThenSha256);
    }

    #[test]
    fn whoever_has_shown_sha_256_is_offered_it_first_again() {
        let credentials = "Authorization: Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:r\", \
             response=\"0000000000000000000000000000000000000000000000000000000000000000\", algorithm=SHA-256\r\n";
        check(credentials, Offer::Sha256ThenMd5);
    }
}
