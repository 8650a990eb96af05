//! Messages that the tests share.

use bytes::Bytes;
use muster_sip::Message;
use std::path::Path;

/// The torture messages of one RFC as (name, octets), sorted by name.
pub fn torture(rfc: &str) -> Vec<(String, Bytes)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(rfc);
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, Bytes::from(std::fs::read(path).unwrap()))
        })
        .collect();
    found.sort();
    found
}

pub fn torture_message(name: &str) -> Bytes {
    torture("rfc4475").into_iter().find(|(found, _)| found == name).unwrap().1
}

/// Lines ended with LF become a message.
pub fn text(lines: &str) -> Bytes {
    Bytes::from(lines.replace('\n', "\r\n"))
}

pub fn message(lines: &str) -> Message {
    Message::parse(text(lines)).unwrap()
}

pub const REGISTER: &str = "REGISTER sip:example.org SIP/2.0
Via: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bKnashds7;rport
Max-Forwards: 70
To: \"Ann\" <sip:100@example.org>
From: \"Ann\" <sip:100@example.org>;tag=456248
Call-ID: 843817637684230@998sdasdh09
CSeq: 1826 REGISTER
Contact: <sip:100@192.0.2.4:5060;transport=udp>;expires=300
Authorization: Digest username=\"ann\", realm=\"example.org\", nonce=\"0000\", uri=\"sip:example.org\", \
response=\"7587245234b3434cc3412213e5f113a5\", algorithm=MD5, cnonce=\"0a4f113b\", qop=auth, nc=00000001
Expires: 7200
User-Agent: phone/1.0
Content-Length: 0

";

pub const INVITE: &str = "INVITE sip:101@example.org SIP/2.0
Via: SIP/2.0/UDP 192.0.2.4:5070;branch=z9hG4bK74bf9;rport
Max-Forwards: 70
Record-Route: <sip:p1.example.org;lr>, <sip:p2.example.org;lr>
From: \"Ann\" <sip:100@example.org>;tag=9fxced76sl
To: <sip:101@example.org>
Call-ID: 3848276298220188511@192.0.2.4
CSeq: 2 INVITE
Contact: <sip:100@192.0.2.4:5070>
Content-Type: application/sdp
Content-Length: 5

v=0
";
