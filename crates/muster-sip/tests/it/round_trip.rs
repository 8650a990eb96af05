//! What is written is read back.

use muster_sip::name_addr::quote;
use muster_sip::uri::escape_user;
use muster_sip::{Frame, LocalVia, Message, Method, Name, NameAddr, StreamFramer, Writer};
use proptest::prelude::*;

prop_compose! {
    fn request()(
        method in "[A-Z]{1,12}",
        user in "\\PC{1,12}",
        display in "\\PC{0,20}",
        tag in "[a-z0-9]{1,16}",
        call_id in "[a-zA-Z0-9@.-]{1,40}",
        sequence in 0_u32..1 << 31,
        extra in prop::collection::vec(("X-[a-zA-Z]{1,20}", "\\PC{0,60}"), 0..20),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) -> (Vec<String>, u32, Vec<(String, String)>, Vec<u8>) {
        (vec![method, user, display, tag, call_id], sequence, extra, body)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_request_that_is_written_is_read_back((texts, sequence, extra, body) in request()) {
        let [method, user, display, tag, call_id] = &texts[..] else { unreachable!() };
        let method = Method::parse(method);
        let uri = format!("sip:{}@example.org", escape_user(user));
        let via = LocalVia { transport: "TCP", sent_by: "192.0.2.1:5060", branch: "z9hG4bKx" };
        let mut writer = Writer::request(&method, &uri)
            .via(&via)
            .header_fmt(Name::From, format_args!("{} <{uri}>;tag={tag}", quote(display)))
            .header_fmt(Name::To, format_args!("<{uri}>"))
            .header(Name::CallId, call_id)
            .cseq(sequence, &method);
        for (name, value) in &extra {
            writer = writer.header_named(name, value);
        }
        let bytes = writer.body("application/octet-stream", &body);

        let mut framer = StreamFramer::new();
        framer.push(&bytes);
        framer.push(&bytes);
        prop_assert_eq!(framer.next_frame(), Some(Ok(Frame::Message(bytes.clone()))));
        prop_assert_eq!(framer.next_frame(), Some(Ok(Frame::Message(bytes.clone()))));

        let message = Message::parse(bytes).unwrap();
        prop_assert_eq!(message.cseq().unwrap(), (sequence, method));
        prop_assert_eq!(message.request_uri(), &uri);
        let from = message.from().unwrap();
        prop_assert_eq!(from.display_name(), display.as_str());
        prop_assert_eq!(from.tag(), Some(tag.as_str()));
        let parsed = from.parsed_uri().unwrap();
        prop_assert_eq!(parsed.user_unescaped().unwrap(), user.as_str());
        prop_assert_eq!(message.call_id(), call_id);
        prop_assert_eq!(message.body(), &body[..]);
        let found: Vec<_> = message.all().filter(|(name, _)| name.starts_with("X-")).collect();
        prop_assert_eq!(found.len(), extra.len());
        for ((name, value), (found_name, found_value)) in extra.iter().zip(found) {
            prop_assert_eq!(name, found_name);
            prop_assert_eq!(value.trim_matches([' ', '\t']), found_value);
        }
    }

    #[test]
    fn any_text_is_read_or_refused_but_never_a_panic(text in "\\PC*", bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = NameAddr::parse(&text).map(|address| (address.display_name().len(), address.parsed_uri().is_ok()));
        let _ = muster_sip::Uri::parse(&text).map(|uri| uri.equivalent(&uri));
        let _ = muster_sip::Via::parse(&text);
        let _ = muster_sip::digest::Credentials::parse(&text);
        let _ = muster_sip::digest::Challenge::parse_all(&text);
        let _ = Message::parse(bytes.into());
    }
}
