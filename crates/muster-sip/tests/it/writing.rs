//! Writing requests and responses.

use crate::corpus::{REGISTER, message};
use bytes::Bytes;
use muster_sip::{LocalVia, Message, Method, Name, Writer};

fn check_top_via(via: &str, expect: &str) {
    let request =
        message(&REGISTER.replace("Via: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bKnashds7;rport", via));
    let source = "192.0.2.4:6000".parse().unwrap();
    let response = Writer::response_to(&request, 200, "OK", Some("t"), source).finish();
    let response = Message::parse(response).unwrap();
    assert_eq!(response.headers(Name::Via).collect::<Vec<_>>().join(" | "), expect);
}

#[test]
fn the_top_via_comes_back_with_what_we_saw() {
    check_top_via(
        "Via: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK1;rport",
        "SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK1;received=192.0.2.4;rport=6000",
    );
    check_top_via("Via: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bK1", "SIP/2.0/UDP 192.0.2.4;branch=z9hG4bK1");
    check_top_via(
        "Via: SIP/2.0/UDP 10.0.0.1;received=1.1.1.1;branch=z9hG4bK1, SIP/2.0/TCP h;x=y\nv: SIP/2.0/UDP g;rport",
        "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;received=192.0.2.4, SIP/2.0/TCP h;x=y | SIP/2.0/UDP g;rport",
    );
}

#[test]
fn a_response_has_the_request_s_identity_and_one_to_tag() {
    let source = "192.0.2.4:5060".parse().unwrap();
    let request = message(REGISTER);
    let with =
        Message::parse(Writer::response_to(&request, 401, "Unauthorized", Some("t1"), source).finish())
            .unwrap();
    assert_eq!(with.to().unwrap().tag(), Some("t1"));
    assert_eq!(with.from().unwrap().tag(), Some("456248"));
    assert_eq!((with.call_id(), with.cseq().unwrap()), (request.call_id(), request.cseq().unwrap()));
    let without =
        Message::parse(Writer::response_to(&request, 100, "Trying", None, source).finish()).unwrap();
    assert_eq!(without.to().unwrap().tag(), None);
    let inside =
        message(&REGISTER.replace("To: \"Ann\" <sip:100@example.org>", "To: <sip:100@example.org>;tag=own"));
    let response = Writer::response_to(&inside, 200, "OK", Some("t1"), source).finish();
    assert_eq!(Message::parse(response).unwrap().header(Name::To), Some("<sip:100@example.org>;tag=own"));
}

#[test]
fn no_value_can_begin_a_header_of_its_own() {
    let via = LocalVia { transport: "UDP", sent_by: "192.0.2.1:5060", branch: "z9hG4bKx" };
    let bytes = Writer::request(&Method::Options, "sip:h")
        .via(&via)
        .header(Name::From, "<sip:a@h>;tag=1\r\nEvil: 1")
        .header_fmt(Name::To, format_args!("<sip:{}>", "b@h>\r\nEvil: 2\r\n\r\n<"))
        .header_named("X-Note", "a\nEvil: 3")
        .finish();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(text.lines().all(|line| !line.starts_with("Evil")), "{text}");
    assert_eq!(text.matches("\r\n\r\n").count(), 1);
}

#[test]
fn a_body_has_its_type_and_length() {
    let via = LocalVia { transport: "TCP", sent_by: "h", branch: "z9hG4bKx" };
    let bytes: Bytes = Writer::request(&Method::Message, "sip:b@h")
        .via(&via)
        .header(Name::From, "<sip:a@h>;tag=1")
        .header(Name::To, "<sip:b@h>")
        .header(Name::CallId, "c")
        .cseq(1, &Method::Message)
        .body("text/plain", b"hello");
    let message = Message::parse(bytes).unwrap();
    assert_eq!((message.content_type(), message.body()), (Some("text/plain"), &b"hello"[..]));
    assert_eq!(message.via().unwrap().unique_branch(), Some("z9hG4bKx"));
    assert!(message.via().unwrap().asks_rport());
}
