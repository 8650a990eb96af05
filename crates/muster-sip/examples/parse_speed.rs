//! Prints nanoseconds a message for what a core does with a REGISTER and an INVITE.
//!
//! `cargo run --release -p muster-sip --example parse_speed`

use bytes::Bytes;
use muster_sip::digest::{Attempt, Challenge, Credentials, Ha1, NonceWindow, Nonces, Verdict};
use muster_sip::transaction::Key;
use muster_sip::{Instant, Message, Writer};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant as Clock;

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 4));

const REGISTER: &str = "REGISTER sip:example.org SIP/2.0\r
Via: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bKnashds7;rport\r
Max-Forwards: 70\r
To: \"Ann\" <sip:100@example.org>\r
From: \"Ann\" <sip:100@example.org>;tag=456248\r
Call-ID: 843817637684230@998sdasdh09\r
CSeq: 1826 REGISTER\r
Contact: <sip:100@192.0.2.4:5060;transport=udp>;expires=300\r
Authorization: Digest username=\"ann\", realm=\"example.org\", nonce=\"000000000000000000000000000000000000000000000000\", \
uri=\"sip:example.org\", response=\"7587245234b3434cc3412213e5f113a5\", algorithm=MD5, cnonce=\"0a4f113b\", qop=auth, nc=00000001\r
Expires: 7200\r
Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE\r
User-Agent: phone/1.0\r
Content-Length: 0\r
\r
";

const INVITE: &str = "INVITE sip:101@example.org SIP/2.0\r
Via: SIP/2.0/UDP 192.0.2.4:5070;branch=z9hG4bK74bf9;rport\r
Max-Forwards: 70\r
From: \"Ann\" <sip:100@example.org>;tag=9fxced76sl\r
To: <sip:101@example.org>\r
Call-ID: 3848276298220188511@192.0.2.4\r
CSeq: 2 INVITE\r
Contact: <sip:100@192.0.2.4:5070;transport=udp>\r
Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE\r
Supported: timer, replaces, 100rel\r
Session-Expires: 1800\r
User-Agent: phone/1.0\r
Content-Type: application/sdp\r
Content-Length: 151\r
\r
v=0\r
o=- 13760799956958020 13760799956958020 IN IP4 192.0.2.4\r
s=-\r
c=IN IP4 192.0.2.4\r
t=0 0\r
m=audio 49170 RTP/AVP 9 0 8 101\r
a=rtpmap:101 telephone-event/8000\r
";

fn main() {
    for (name, text) in [("REGISTER", REGISTER), ("INVITE", INVITE)] {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let message = match Message::parse(bytes.clone()) {
            Ok(message) => message,
            Err(error) => return println!("{name}: {error}"),
        };
        time(&format!("{name} parse and check, {} octets", bytes.len()), || {
            black_box(Message::parse(bytes.clone()).is_ok());
        });
        time(&format!("{name} key of its transaction"), || {
            black_box(Key::of_request(&message));
        });
        let source = ([192, 0, 2, 4], 5060).into();
        time(&format!("{name} response written"), || {
            black_box(Writer::response_to(&message, 200, "OK", Some("tag"), source).finish());
        });
    }
    digest();
}

fn digest() {
    let (mut nonces, mut window) = (Nonces::new([1; 32]), NonceWindow::new(65_536));
    let ha1 = Ha1::new("ann", "example.org", "secret");
    time("two challenges written", || {
        black_box(nonces.challenge(Instant(1), "example.org", HOME, false));
    });
    for (index, name) in ["SHA-256", "MD5"].into_iter().enumerate() {
        let line = &nonces.challenge(Instant(1), "example.org", HOME, false)[index];
        let Some(challenge) = Challenge::parse_all(line).pop() else { continue };
        let value = challenge.answer("ann", &ha1, ("REGISTER", "sip:example.org"), b"", (1, "c"));
        let attempt = Attempt { method: "REGISTER", realm: "example.org", body: b"", source: HOME };
        time(&format!("credentials read and judged, {name}"), || {
            let Ok(credentials) = Credentials::parse(black_box(&value)) else { return };
            let verdict = nonces.verify(&credentials, &attempt, Some(&ha1), &mut window, Instant(2));
            assert_ne!(verdict, Verdict::Wrong);
        });
    }
}

/// The best of seven rounds.
fn time(what: &str, mut work: impl FnMut()) {
    const CALLS: u32 = 100_000;
    let best = (0..7).map(|_| {
        let start = Clock::now();
        (0..CALLS).for_each(|_| work());
        start.elapsed().as_nanos() / u128::from(CALLS)
    });
    println!("{:>6} ns  {what}", best.min().unwrap_or(0));
}
