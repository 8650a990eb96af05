//! URIs, addresses and Via values.

use muster_sip::name_addr::quote;
use muster_sip::uri::{escape_user, unescape};
use muster_sip::{NameAddr, Scheme, Uri, Via};

#[test]
fn uris_come_apart_into_their_parts() {
    let check = |text, scheme, user: Option<&str>, host, port| {
        let uri = Uri::parse(text).unwrap();
        assert_eq!((uri.scheme, uri.user, uri.host, uri.port), (scheme, user, host, port), "{text}");
    };
    check("sip:100@example.org", Scheme::Sip, Some("100"), "example.org", None);
    check("SIPS:100:pw@example.org:5061;lr?a=b", Scheme::Sips, Some("100"), "example.org", Some(5061));
    check("sip:[2001:db8::1]:5070;transport=tcp", Scheme::Sip, None, "[2001:db8::1]", Some(5070));
    check("sip:a?b;c@h", Scheme::Sip, Some("a?b;c"), "h", None);
    check("tel:+15551234;phone-context=x", Scheme::Tel, Some("+15551234"), "", None);
    check("urn:service:sos", Scheme::Other, None, "", None);
    let uri = Uri::parse("sip:a@h;lr;maddr=1.2.3.4;x=%41").unwrap();
    assert!(uri.params.has("LR") && !uri.params.has("l"));
    assert_eq!(uri.params.get("maddr"), Some("1.2.3.4"));
    assert_eq!(uri.params.get_unescaped("x").unwrap(), "A");
}

#[test]
fn what_is_no_uri_is_refused() {
    for text in [
        "",
        "sip",
        "sip:",
        "sip:@h",
        "sip:a@",
        "sip:a@b@c",
        "sip:h:",
        "sip:h:99999",
        "sip:h:5x",
        "sip:[::1",
        "sip:2001:db8::10",
        "sip:a b@h",
        "sip:<h>",
        "1sip:h",
        "sip:h\r\n",
        "sip:ä@hö",
    ] {
        assert!(Uri::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn uris_are_equal_as_rfc_3261_section_19_1_4_has_it() {
    let check = |one, other, expect| {
        let (one, other) = (Uri::parse(one).unwrap(), Uri::parse(other).unwrap());
        assert_eq!(one.equivalent(&other), expect, "{one} {other}");
        assert_eq!(other.equivalent(&one), expect, "{other} {one}");
    };
    check("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true);
    check("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true);
    check("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", true);
    check(
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        true,
    );
    check(
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        true,
    );
    check("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false);
    check("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false);
    check("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false);
    check("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false);
    check("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false);
    check("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false);
    check("sip:a@h", "sips:a@h", false);
}

#[test]
fn addresses_are_read_in_every_form() {
    let check = |value, display: &str, uri, tag: Option<&str>| {
        let address = NameAddr::parse(value).unwrap();
        assert_eq!(
            (address.display_name().as_ref(), address.uri, address.tag()),
            (display, uri, tag),
            "{value}"
        );
    };
    check("sip:a@h;tag=1", "", "sip:a@h", Some("1"));
    check("<sip:a@h;tag=2>;tag=1", "", "sip:a@h;tag=2", Some("1"));
    check("\"A, \\\"B\\\" <x>\" <sip:a@h>  ; Tag = 7", "A, \"B\" <x>", "sip:a@h", Some("7"));
    check("Müller (Büro) <sip:a@h>", "Müller (Büro)", "sip:a@h", None);
    check("Ann<sip:a@h>;x=\"a;tag=no\";tag=y", "Ann", "sip:a@h", Some("y"));
    for broken in [
        "",
        "<>",
        "\"Ann <sip:a@h>",
        "Bell, Ann <sip:a@h>",
        "<sip:a@h",
        "<sip:a@h>x",
        "< sip:a@h >",
        "\"A\" sip:a@h",
        "sip:a@h?x=y",
        "<sip:a@h>;;",
        "<sip:a@h>;=x",
        "<sip:a@h>;x=\"y",
        "\"\\",
    ] {
        assert!(NameAddr::parse(broken).is_err(), "{broken:?}");
    }
}

#[test]
fn via_values_are_read_and_answered_where_rfc_3581_says() {
    let via =
        Via::parse("SIP / 2.0 / UDP  h.example.org : 4000 ;ttl=16;rport; branch=z9hG4bK1;received=192.0.2.9")
            .unwrap();
    assert_eq!((via.transport, via.host, via.port), ("UDP", "h.example.org", Some(4000)));
    assert_eq!(via.unique_branch(), Some("z9hG4bK1"));
    assert_eq!(via.received(), "192.0.2.9".parse().ok());
    assert_eq!((via.asks_rport(), via.rport()), (true, None));
    let source = "198.51.100.1:33333".parse().unwrap();
    assert_eq!(via.response_address(source), source);
    let check = |value, expect: &str| {
        let address = Via::parse(value).unwrap().response_address(source);
        assert_eq!(address, expect.parse().unwrap(), "{value}");
    };
    check("SIP/2.0/UDP 10.0.0.1", "198.51.100.1:5060");
    check("SIP/2.0/UDP 10.0.0.1:5070;branch=x", "198.51.100.1:5070");
    for broken in [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0 UDP h",
        "SIP/3.0/UDP h",
        "SIP/2.0/UDP h;;x",
        "SIP/2.0/UDP h:x",
        "SIP/2.0/UDP a b",
    ] {
        assert!(Via::parse(broken).is_err(), "{broken:?}");
    }
    assert!(Via::parse("SIP/2.0/UDP h;branch=z9hG4bK1;").is_ok(), "some phones end it with ;");
}

#[test]
fn escaping_and_quoting_are_undone_by_their_counterparts() {
    for text in ["100", "a b@c;d?e", "50%", "jörg", "\"\\ <>", ""] {
        assert_eq!(unescape(&escape_user(text)), text);
        assert_eq!(muster_sip::name_addr::unquote(&quote(text)), text);
    }
    assert_eq!(escape_user("a@b c"), "a%40b%20c");
    assert_eq!(quote("a\r\nVia: x"), "\"a  Via: x\"");
    assert_eq!(unescape("%zz%4"), "%zz%4");
    assert_eq!(unescape("%ff"), "%ff", "what would not be UTF-8 stays escaped");
}
