//! Reading messages: what phones really send, and limits.

use crate::corpus::{INVITE, REGISTER, message, text};
use bytes::Bytes;
use muster_sip::{Contacts, Fault, HeaderError, Message, Method, Name, Start, limits};

#[test]
fn a_register_is_read() {
    let message = message(REGISTER);
    assert_eq!(message.start(), Start::Request { method: &Method::Register, uri: "sip:example.org" });
    assert_eq!(message.cseq(), Ok((1826, Method::Register)));
    assert_eq!(message.expires(), Some(7200));
    assert_eq!(message.max_forwards(), Some(70));
    let Contacts::List(contacts) = message.contacts().unwrap() else { panic!() };
    assert_eq!(
        (contacts[0].uri, contacts[0].params.get("expires")),
        ("sip:100@192.0.2.4:5060;transport=udp", Some("300"))
    );
    assert_eq!(message.body(), b"");
}

#[test]
fn compact_names_other_cases_and_folds_read_the_same() {
    let message = message(
        "OPTIONS sip:h SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bKa\nT : <sip:a@h>\nfrom\t:\n  <sip:b@h>\n\t;tag=1\nI: x\ncSEQ: 1\n OPTIONS\nl: 0\nSubject: \n\n",
    );
    assert_eq!(message.to().unwrap().uri, "sip:a@h");
    let from = message.from().unwrap();
    assert_eq!((from.uri, from.tag()), ("sip:b@h", Some("1")));
    assert_eq!(message.call_id(), "x");
    assert_eq!(message.header(Name::Subject), Some(""));
    assert_eq!(message.cseq().unwrap().0, 1);
}

#[test]
fn values_are_split_at_commas_outside_of_quotes_and_brackets() {
    let message = message(
        "OPTIONS sip:h SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bKa, SIP/2.0/TCP g\nVia: SIP/2.0/UDP f\nTo: <sip:a@h>\nFrom: <sip:b@h>;tag=1\nCall-ID: x\nCSeq: 1 OPTIONS\nContact: \"a, b\" <sip:c,d@h>;q=1, , <sip:e@h>\nAllow: INVITE,ACK , BYE\n\n",
    );
    assert_eq!(message.values(Name::Via).count(), 3);
    let Contacts::List(contacts) = message.contacts().unwrap() else { panic!() };
    assert_eq!(contacts.iter().map(|contact| contact.uri).collect::<Vec<_>>(), ["sip:c,d@h", "sip:e@h"]);
    assert!(message.lists(Name::Allow, "bye") && !message.lists(Name::Allow, "INFO"));
}

#[test]
fn a_header_that_is_not_utf_8_is_read_as_latin_1_and_no_other_is_lost() {
    let bytes = text(INVITE);
    let at = bytes.windows(3).position(|part| part == b"Ann").unwrap();
    let mut bytes = bytes.to_vec();
    bytes[at + 1] = 0xe4;
    let message = Message::parse(Bytes::from(bytes)).unwrap();
    assert_eq!(message.from().unwrap().display_name(), "Aän");
    assert_eq!(message.call_id(), "3848276298220188511@192.0.2.4");
    assert_eq!(message.body(), b"v=0\r\n");
}

#[test]
fn the_body_ends_where_content_length_says() {
    let check = |length: &str, body: &str, expect: Result<&[u8], Fault>| {
        let lines = INVITE.replace("Content-Length: 5\n", length);
        let bytes = text(&lines.replace("v=0\n", body));
        let found = Message::parse(bytes);
        assert_eq!(found.as_ref().map(Message::body).map_err(|error| error.fault), expect, "{length:?}");
    };
    check("Content-Length: 5\n", "abcdefgh", Ok(b"abcde"));
    check("Content-Length: 5\nl: 5\n", "abcde", Ok(b"abcde"));
    check("", "abcdefgh", Ok(b"abcdefgh"));
    check("Content-Length: 6\n", "abcde", Err(Fault::BodyShort));
    check("Content-Length: 5\nl: 4\n", "abcde", Err(Fault::ContentLength));
    check("Content-Length: 5x\n", "abcde", Err(Fault::ContentLength));
    check("Content-Length: 99999999999999999999999\n", "abcde", Err(Fault::ContentLength));
}

#[test]
fn contacts_are_a_star_alone_or_a_list() {
    let check = |contact: &str| {
        let lines =
            REGISTER.replace("Contact: <sip:100@192.0.2.4:5060;transport=udp>;expires=300\n", contact);
        message(&lines).contacts().map(|contacts| match contacts {
            Contacts::Star => usize::MAX,
            Contacts::List(list) => list.len(),
        })
    };
    assert_eq!(check(""), Ok(0));
    assert_eq!(check("Contact: *\n"), Ok(usize::MAX));
    assert_eq!(check("m: <sip:a@h>,<sip:b@h>\nContact: sip:c@h\n"), Ok(3));
    assert_eq!(check("Contact: *\nContact: <sip:a@h>\n"), Err(HeaderError::Star));
    assert_eq!(check("Contact: <sip:a@h\n"), Err(HeaderError::Address));
    assert_eq!(
        check(&format!("Contact: {}\n", "<sip:a@h>,".repeat(limits::VALUES + 1))),
        Err(HeaderError::TooMany)
    );
}

#[test]
fn numbers_that_are_too_large_are_clipped_where_that_is_harmless_and_refused_elsewhere() {
    let expires =
        |value: &str| message(&REGISTER.replace("Expires: 7200", &format!("Expires: {value}"))).expires();
    assert_eq!(expires("4294967296"), Some(u32::MAX));
    assert_eq!(expires("1000000000000000000000000000"), Some(u32::MAX));
    assert_eq!(expires("60 "), Some(60));
    assert_eq!(expires("-1"), None);
    assert_eq!(expires(""), None);
    let fault = |from: &str, to: &str| Message::parse(text(&REGISTER.replace(from, to))).unwrap_err().fault;
    assert_eq!(fault("CSeq: 1826", "CSeq: 2147483648"), Fault::Malformed(Name::CSeq));
    assert_eq!(fault("Max-Forwards: 70", "Max-Forwards: 256"), Fault::Malformed(Name::MaxForwards));
}

#[test]
fn lengths_and_counts_have_limits() {
    let with = |extra: &str| {
        Message::parse(text(&REGISTER.replace("Expires:", &format!("{extra}Expires:"))))
            .map_err(|error| error.fault)
            .map(|_| ())
    };
    assert_eq!(with(&"X: y\n".repeat(limits::HEADERS - 11)), Ok(()));
    assert_eq!(with(&"X: y\n".repeat(limits::HEADERS)), Err(Fault::TooManyHeaders));
    assert_eq!(with(&format!("X: {}\n", "y".repeat(limits::HEADER_VALUE_BYTES))), Ok(()));
    assert_eq!(with(&format!("X: {}\n", "y".repeat(limits::HEADER_VALUE_BYTES + 1))), Err(Fault::TooLong));
    assert_eq!(with(&format!("X: y\n{}", " y\n".repeat(limits::HEADER_VALUE_BYTES))), Err(Fault::TooLong));
    assert_eq!(with(&format!("{}: y\n", "X".repeat(limits::HEADER_NAME_BYTES + 1))), Err(Fault::Header));
    assert_eq!(with(&format!("X: {}\n", "y".repeat(8_000)).repeat(5)), Err(Fault::TooLong));
    let long =
        REGISTER.replacen("sip:example.org", &format!("sip:{}", "a".repeat(limits::START_LINE_BYTES)), 1);
    assert_eq!(Message::parse(text(&long)).unwrap_err().fault, Fault::TooLong);
    let whole = Message::parse(Bytes::from(vec![b'a'; limits::MESSAGE_BYTES + 1])).unwrap_err();
    assert!(whole.fault == Fault::TooLong && whole.request().is_none());
}

#[test]
fn what_has_nothing_to_answer_to_is_dropped() {
    let source = "192.0.2.1:5060".parse().unwrap();
    for (lines, fault) in [
        ("", Fault::Empty),
        ("\n\n", Fault::Empty),
        ("\u{0}\u{0}\u{0}\u{0}", Fault::StartLine),
        ("GET / HTTP/1.1\nHost: h\n\n", Fault::StartLine),
        (&REGISTER.replace("REGISTER", "ACK").replace("CSeq: 1826", "CSeq: x"), Fault::Malformed(Name::CSeq)),
        (&REGISTER.replace("Via", "Xia"), Fault::Missing(Name::Via)),
        ("SIP/2.0 99 x\n\n", Fault::StartLine),
        ("SIP/2.0 200 OK\n\n", Fault::Missing(Name::Via)),
    ] {
        let error = Message::parse(text(lines)).unwrap_err();
        assert_eq!(error.fault, fault, "{lines:?}");
        assert_eq!(error.answer(source, "t"), None, "{lines:?}");
    }
}

#[test]
fn lines_without_a_colon_and_bare_carriage_returns_are_faults_that_can_be_answered() {
    for line in ["no colon here\n", ": no name\n", "na me: x\n", "X: a\rVia: b\n"] {
        let error =
            Message::parse(text(&REGISTER.replace("Expires:", &format!("{line}Expires:")))).unwrap_err();
        assert_eq!(error.fault, Fault::Header, "{line:?}");
        assert!(error.request().is_some());
    }
}

#[test]
fn bare_line_feeds_and_leading_empty_lines_are_let_pass() {
    assert!(Message::parse(Bytes::from_static(REGISTER.as_bytes())).is_ok());
    assert!(Message::parse(text(&format!("\n\n{REGISTER}"))).is_ok());
}
