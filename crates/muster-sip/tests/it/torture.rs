//! RFC 4475 and RFC 5118, each message with what its section asks of a parser.

use crate::corpus::{torture, torture_message};
use muster_sip::{Contacts, Fault, Message, Name, Scheme, Start};
use std::net::SocketAddr;

#[derive(Debug, PartialEq)]
enum Expect {
    /// Read without fault; what more there is to say follows in tests of their own.
    Good,
    /// Refused with this status.
    Answer(u16),
    /// Refused without an answer, because it is a response or no request at all.
    Drop,
}

use Expect::{Answer, Drop, Good};

const RFC4475: [(&str, Expect); 50] = [
    ("badaspec", Answer(400)),
    ("badbranch", Good),
    ("baddate", Good),
    // The archive's copy also lacks the empty line; the fault of its section is tried below.
    ("baddn", Answer(400)),
    ("badinv01", Answer(400)),
    ("badvers", Answer(505)),
    ("bcast", Good),
    ("bext01", Good),
    ("bigcode", Drop),
    ("clerr", Answer(400)),
    ("cparam01", Good),
    ("cparam02", Good),
    ("dblreq", Good),
    ("esc01", Good),
    ("esc02", Good),
    ("escnull", Good),
    ("escruri", Answer(400)),
    ("insuf", Answer(400)),
    ("intmeth", Good),
    ("inv2543", Good),
    ("invut", Good),
    ("longreq", Good),
    ("ltgtruri", Answer(400)),
    ("lwsdisp", Good),
    ("lwsruri", Answer(400)),
    ("lwsstart", Answer(400)),
    ("mcl01", Answer(400)),
    ("mismatch01", Answer(400)),
    ("mismatch02", Answer(400)),
    ("mpart01", Good),
    ("multi01", Answer(400)),
    ("ncl", Answer(400)),
    ("noreason", Good),
    ("novelsc", Good),
    ("quotbal", Answer(400)),
    ("regaut01", Good),
    ("regbadct", Good),
    ("regescrt", Good),
    ("scalar02", Answer(400)),
    ("scalarlg", Drop),
    ("sdp01", Good),
    ("semiuri", Good),
    // In the archive without a section; it has no version, no Via and a line without a colon.
    ("test", Drop),
    ("transports", Good),
    ("trws", Answer(400)),
    ("unkscm", Good),
    ("unksm2", Good),
    ("unreason", Good),
    ("wsinv", Good),
    ("zeromf", Good),
];

fn source() -> SocketAddr {
    "192.0.2.77:5099".parse().unwrap()
}

fn good(name: &str) -> Message {
    Message::parse(torture_message(name)).unwrap()
}

fn fault(name: &str) -> Fault {
    Message::parse(torture_message(name)).unwrap_err().fault
}

fn outcome(bytes: bytes::Bytes) -> Expect {
    match Message::parse(bytes) {
        Ok(_) => Good,
        Err(error) => match error.answer(source(), "tag1") {
            Some(answer) => {
                let start = format!("SIP/2.0 {} ", error.status());
                assert!(answer.starts_with(start.as_bytes()));
                Answer(error.status())
            }
            None => Drop,
        },
    }
}

#[test]
fn every_message_of_rfc_4475_is_read_or_refused_as_its_section_says() {
    let messages = torture("rfc4475");
    assert_eq!(messages.len(), RFC4475.len());
    for ((name, bytes), (expected_name, expect)) in messages.into_iter().zip(RFC4475) {
        assert_eq!(name, expected_name);
        assert_eq!(outcome(bytes), expect, "{name}");
    }
}

#[test]
fn every_message_of_rfc_5118_is_read_or_refused_as_its_section_says() {
    let messages = torture("rfc5118");
    assert_eq!(messages.len(), 12);
    for (name, bytes) in messages {
        let expect = if name == "ipv6-bad" { Answer(400) } else { Good };
        assert_eq!(outcome(bytes), expect, "{name}");
    }
}

#[test]
fn faults_are_named_for_what_they_are() {
    for (name, expect) in [
        ("badinv01", Fault::Malformed(Name::Via)),
        ("badvers", Fault::Version),
        ("bigcode", Fault::StartLine),
        ("clerr", Fault::BodyShort),
        ("escruri", Fault::RequestUri),
        ("insuf", Fault::Missing(Name::From)),
        ("mcl01", Fault::ContentLength),
        ("mismatch01", Fault::CSeqMethod),
        ("multi01", Fault::Repeated(Name::CSeq)),
        ("ncl", Fault::ContentLength),
        ("quotbal", Fault::Malformed(Name::To)),
        ("scalar02", Fault::Malformed(Name::MaxForwards)),
        ("trws", Fault::StartLine),
    ] {
        assert_eq!(fault(name), expect, "{name}");
    }
}

#[test]
fn the_short_tortuous_invite_keeps_all_that_is_in_it() {
    let message = good("wsinv");
    let Start::Request { method, uri } = message.start() else { panic!() };
    assert_eq!((method.as_str(), uri), ("INVITE", "sip:vivekg@chair-dnrc.example.com;unknownparam"));
    let to = message.to().unwrap();
    assert_eq!((to.uri, to.tag()), ("sip:vivekg@chair-dnrc.example.com", Some("1918181833n")));
    let from = message.from().unwrap();
    assert_eq!(from.display_name(), "J Rosenberg \\\"");
    assert_eq!(from.tag(), Some("98asjd8"));
    assert_eq!(message.max_forwards(), Some(68));
    assert_eq!(message.call_id(), "wsinv.ndaksdj@192.0.2.1");
    assert_eq!(message.cseq().unwrap().0, 9);
    assert_eq!(message.values(Name::Via).count(), 3);
    assert_eq!(message.via().unwrap().branch(), Some("390skdjuw"));
    assert_eq!(message.header(Name::Subject), Some(""));
    assert_eq!(
        message.header_named("NewFangledHeader").map(|value| value.contains("newfangled value")),
        Some(true)
    );
    assert_eq!(message.header_named("unknownheaderwithunusualvalue"), Some(";;,,;;,;"));
    assert_eq!(message.content_type(), Some("application/sdp"));
    assert_eq!(message.routes().count(), 1);
    let Contacts::List(contacts) = message.contacts().unwrap() else { panic!() };
    assert_eq!(contacts[0].display_name(), "Quoted string \"\"");
    assert_eq!(contacts[0].params.get("newparam"), Some("newvalue"));
    assert!(contacts[0].params.has("secondparam"));
    assert_eq!(contacts[0].params.get("q"), Some("0.33"));
    assert_eq!(message.body().len(), 150);
}

#[test]
fn a_wide_range_of_characters_is_kept() {
    let message = good("intmeth");
    let method = "!interesting-Method0123456789_*+`.%indeed'~";
    assert_eq!(message.method().unwrap().as_str(), method);
    assert_eq!(message.cseq().unwrap().1.as_str(), method);
    let uri = message.parsed_uri().unwrap();
    assert_eq!(uri.user, Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
    assert_eq!(uri.password, Some("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"));
    assert_eq!(message.to().unwrap().display_name(), "BEL:\u{7} NUL:\0 DEL:\u{7f}");
    assert!(message.from().unwrap().display.contains("token1~` token2'+_ token3*%!.-"));
    let response = good("unreason");
    let Start::Response { reason, .. } = response.start() else { panic!() };
    assert!(reason.starts_with("= 2**3 * 5**2 но сто"), "{reason}");
    assert_eq!(good("noreason").start(), Start::Response { status: 100, reason: "" });
}

#[test]
fn escapes_are_resolved_where_they_are_asked_for_and_only_there() {
    let message = good("esc01");
    let uri = message.parsed_uri().unwrap();
    assert_eq!(uri.user, Some("sips%3Auser%40example.com"));
    assert_eq!(uri.user_unescaped().unwrap(), "sips:user@example.com");
    let method = good("esc02");
    assert_eq!(method.method().unwrap().as_str(), "RE%47IST%45R");
    let null = good("escnull");
    let Contacts::List(contacts) = null.contacts().unwrap() else { panic!() };
    assert_eq!(contacts[0].parsed_uri().unwrap().user_unescaped().unwrap(), "\0");
    assert_eq!(contacts[1].parsed_uri().unwrap().user_unescaped().unwrap(), "\0\0");
    let semi = good("semiuri");
    assert_eq!(semi.parsed_uri().unwrap().user, Some("user;par=u%40example.net"));
    assert_eq!(semi.parsed_uri().unwrap().host, "example.com");
}

#[test]
fn what_a_core_must_judge_is_told_to_it() {
    assert_eq!(good("unkscm").parsed_uri().unwrap().scheme, Scheme::Other);
    assert_eq!(good("novelsc").parsed_uri().unwrap().scheme, Scheme::Other);
    assert_eq!(good("zeromf").max_forwards(), Some(0));
    assert_eq!(good("badbranch").via().unwrap().unique_branch(), None);
    assert!(good("bext01").lists(Name::Require, "nothingSupportsThis"));
    assert!(good("regbadct").contacts().is_err(), "a URI with ? stands outside of <>");
    assert_eq!(good("dblreq").body(), b"");
    assert!(good("transports").values(Name::Via).all(|via| muster_sip::Via::parse(via).is_ok()));
    let contacts = |name: &str| match good(name).contacts().unwrap() {
        Contacts::List(list) => list.len(),
        Contacts::Star => 0,
    };
    assert_eq!((contacts("cparam01"), contacts("cparam02"), contacts("regescrt")), (1, 1, 1));
    let inside = good("cparam02");
    let Contacts::List(list) = inside.contacts().unwrap() else { panic!() };
    assert!(list[0].parsed_uri().unwrap().params.has("unknownparam") && !list[0].params.has("unknownparam"));
}

#[test]
fn a_comma_in_a_bare_display_name_is_refused_though_the_message_ends_well() {
    let mut bytes = torture_message("baddn").to_vec();
    assert_eq!(fault("baddn"), Fault::Truncated);
    while bytes.ends_with(b"\r\n") {
        bytes.truncate(bytes.len() - 2);
    }
    bytes.extend_from_slice(b"\r\n\r\n");
    let error = Message::parse(bytes.into()).unwrap_err();
    assert_eq!((error.fault, error.status()), (Fault::Malformed(Name::From), 400));
}

#[test]
fn ipv6_addresses_are_read_with_brackets_and_ports() {
    let all = torture("rfc5118");
    let get =
        |name: &str| Message::parse(all.iter().find(|(found, _)| found == name).unwrap().1.clone()).unwrap();
    let (ambiguous, clear) = (get("port-ambiguous"), get("port-unambiguous"));
    let (ambiguous, clear) = (ambiguous.parsed_uri().unwrap(), clear.parsed_uri().unwrap());
    assert_eq!((ambiguous.host, ambiguous.port), ("[2001:db8::10:5070]", None));
    assert_eq!((clear.host, clear.port), ("[2001:db8::10]", Some(5070)));
    for name in ["via-received-param-no-delim", "via-received-param-with-delim"] {
        let message = get(name);
        let expect: std::net::IpAddr = "2001:db8::9:255".parse().unwrap();
        assert_eq!(message.via().unwrap().received(), Some(expect), "{name}");
    }
}
