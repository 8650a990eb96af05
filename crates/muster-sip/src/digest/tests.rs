use super::hash::{Parts, response};
use super::*;
use crate::message::Message;
use crate::time::{Duration, Instant};
use bytes::Bytes;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const REALM: &str = "example.org";
const NOW: Instant = Instant(1_000_000);
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

struct Server {
    nonces: Nonces,
    window: NonceWindow,
}

impl Server {
    fn new() -> Server {
        Server { nonces: Nonces::new([7; 32]), window: NonceWindow::new(100) }
    }

    fn challenge(&mut self, algorithm: usize) -> String {
        self.nonces.challenge(NOW, REALM, HOME, false)[algorithm].clone()
    }

    fn verify(&mut self, value: &str, ha1: Option<&Ha1>, now: Instant) -> Verdict {
        let attempt = Attempt { method: "REGISTER", realm: REALM, body: b"", source: HOME };
        let credentials = Credentials::parse(value).unwrap();
        self.nonces.verify(&credentials, &attempt, ha1, &mut self.window, now)
    }
}

fn ann() -> Ha1 {
    Ha1::new("ann", REALM, "secret")
}

fn answer(challenge: &str, ha1: &Ha1, nc: u32) -> String {
    let challenge = Challenge::parse_all(challenge).remove(0);
    challenge.answer("ann", ha1, ("REGISTER", "sip:example.org"), b"", (nc, "c0ffee"))
}

#[test]
fn the_examples_of_the_standards_come_out() {
    let check = |user, realm, secret, parts: Parts<'_>, expect: &str| {
        assert_eq!(response(&Ha1::new(user, realm, secret), &parts).as_str(), expect);
    };
    let rfc7616 = |algorithm| Parts {
        algorithm,
        nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        nc: "00000001",
        qop: Some(Qop::Auth),
        qop_text: "auth",
        method: "GET",
        uri: "/dir/index.html",
        body: b"",
    };
    let (realm, secret) = ("http-auth@example.org", "Circle of Life");
    check("Mufasa", realm, secret, rfc7616(Algorithm::Md5), "8ca523f5e9506fed4657c9700eebdbec");
    check(
        "Mufasa",
        realm,
        secret,
        rfc7616(Algorithm::Sha256),
        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    );
    let rfc2617 =
        Parts { nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093", cnonce: "0a4f113b", ..rfc7616(Algorithm::Md5) };
    let expect = "6629fae49393a05397450978507c4ef1";
    check("Mufasa", "testrealm@host.com", "Circle Of Life", rfc2617, expect);
    let rfc2069 = Parts { nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093", qop: None, ..rfc7616(Algorithm::Md5) };
    let expect = "1949323746fe6a43ef61f9606e7febea";
    check("Mufasa", "testrealm@host.com", "CircleOfLife", rfc2069, expect);
}

#[test]
fn the_right_secret_is_let_in_with_either_hash_and_the_wrong_one_is_not() {
    for algorithm in [0, 1] {
        let mut server = Server::new();
        let challenge = server.challenge(algorithm);
        let wrong = answer(&challenge, &Ha1::new("ann", REALM, "Secret"), 1);
        assert_eq!(server.verify(&wrong, Some(&ann()), NOW), Verdict::Wrong);
        let right = answer(&challenge, &ann(), 1);
        assert_eq!(server.verify(&right, None, NOW), Verdict::Wrong, "nobody of that name");
        assert_eq!(server.verify(&right, Some(&ann()), NOW), Verdict::Ok);
        let next = answer(&challenge, &ann(), 2);
        assert_eq!(
            server.verify(&next.replace("ann", "bob"), Some(&ann()), NOW),
            Verdict::Ok,
            "name is the caller's"
        );
    }
}

#[test]
fn a_changed_method_uri_body_realm_or_count_is_wrong() {
    let mut server = Server::new();
    let right = answer(&server.challenge(0), &ann(), 1);
    for (from, to) in
        [("sip:example.org", "sip:example.net"), ("nc=00000001", "nc=00000002"), ("c0ffee", "c0ffef")]
    {
        let changed = right.replace(from, to);
        assert_ne!(changed, right);
        assert_eq!(server.verify(&changed, Some(&ann()), NOW), Verdict::Wrong, "{to}");
    }
    let credentials = Credentials::parse(&right).unwrap();
    let attempt = Attempt { method: "INVITE", realm: REALM, body: b"", source: HOME };
    let ha1 = ann();
    let verdict = server.nonces.verify(&credentials, &attempt, Some(&ha1), &mut server.window, NOW);
    assert_eq!(verdict, Verdict::Wrong);
    let attempt = Attempt { method: "REGISTER", realm: "example.net", body: b"", source: HOME };
    let verdict = server.nonces.verify(&credentials, &attempt, Some(&ha1), &mut server.window, NOW);
    assert_eq!(verdict, Verdict::Wrong);
    assert_eq!(server.verify(&right, Some(&ann()), NOW), Verdict::Ok, "nothing was used up");
}

#[test]
fn an_answer_is_good_once() {
    let mut server = Server::new();
    let challenge = server.challenge(0);
    let one = answer(&challenge, &ann(), 1);
    assert_eq!(server.verify(&one, Some(&ann()), NOW), Verdict::Ok);
    assert_eq!(server.verify(&one, Some(&ann()), NOW), Verdict::Replayed);
    let three = answer(&challenge, &ann(), 3);
    let two = answer(&challenge, &ann(), 2);
    assert_eq!(server.verify(&three, Some(&ann()), NOW), Verdict::Ok);
    assert_eq!(server.verify(&two, Some(&ann()), NOW), Verdict::Ok, "it was overtaken");
    for used in [one, two, three] {
        assert_eq!(server.verify(&used, Some(&ann()), NOW), Verdict::Replayed);
    }
}

#[test]
fn a_nonce_that_is_old_or_not_ours_is_stale_only_for_who_knows_the_secret() {
    let mut server = Server::new();
    let right = answer(&server.challenge(1), &ann(), 1);
    let wrong = answer(&server.challenge(1), &Ha1::new("ann", REALM, "x"), 1);
    let late = NOW + NONCE_LIFE + Duration::from_millis(1);
    assert_eq!(server.verify(&right, Some(&ann()), late), Verdict::Stale);
    assert_eq!(server.verify(&wrong, Some(&ann()), late), Verdict::Wrong);
    assert_eq!(server.verify(&right, Some(&ann()), NOW + NONCE_LIFE), Verdict::Ok);
    let mut other = Server { nonces: Nonces::new([8; 32]), window: NonceWindow::new(100) };
    let foreign = answer(&other.challenge(1), &ann(), 1);
    assert_eq!(server.verify(&foreign, Some(&ann()), NOW), Verdict::Stale);
    let invented = answer("Digest realm=\"example.org\", nonce=\"abc\"", &ann(), 1);
    assert_eq!(server.verify(&invented, Some(&ann()), NOW), Verdict::Stale);
}

#[test]
fn devices_without_qop_are_let_in_once_a_nonce() {
    let mut server = Server::new();
    let challenge = server.challenge(1).replace(", qop=\"auth\"", "");
    let value = answer(&challenge, &ann(), 1);
    assert!(!value.contains("qop") && !value.contains("nc="), "{value}");
    assert_eq!(server.verify(&value, Some(&ann()), NOW), Verdict::Ok);
    assert_eq!(server.verify(&value, Some(&ann()), NOW), Verdict::Replayed);
}

#[test]
fn auth_int_protects_the_body_and_sess_is_understood() {
    let mut server = Server::new();
    for (qop, algorithm) in [("auth-int", "SHA-256"), ("auth", "SHA-256-sess"), ("auth-int", "SHA-256-sess")]
    {
        let challenge = server.challenge(0).replace("qop=\"auth\"", &format!("qop=\"{qop}\""));
        let challenge = challenge.replace("algorithm=SHA-256", &format!("algorithm={algorithm}"));
        let challenge = Challenge::parse_all(&challenge).remove(0);
        let value = challenge.answer("ann", &ann(), ("MESSAGE", "sip:b@example.org"), b"hello", (1, "c"));
        let credentials = Credentials::parse(&value).unwrap();
        let mut judge = |body| {
            let attempt = Attempt { method: "MESSAGE", realm: REALM, body, source: HOME };
            server.nonces.verify(&credentials, &attempt, Some(&ann()), &mut server.window, NOW)
        };
        if qop == "auth-int" {
            assert_eq!(judge(b"hullo"), Verdict::Wrong, "{algorithm}");
        }
        assert_eq!(judge(b"hello"), Verdict::Ok, "{qop} {algorithm}");
    }
}

#[test]
fn every_challenge_has_a_nonce_of_its_own_and_names_both_hashes() {
    let mut server = Server::new();
    let [strong, weak] = server.nonces.challenge(NOW, "a\"b", HOME, true);
    assert!(strong.starts_with("Digest realm=\"a\\\"b\", nonce=\""), "{strong}");
    assert!(strong.ends_with(", algorithm=SHA-256, qop=\"auth\", stale=true"), "{strong}");
    assert!(weak.contains(", algorithm=MD5, "), "{weak}");
    let again = server.nonces.challenge(NOW, "a\"b", HOME, true);
    assert_ne!(again[0], strong, "though not a microsecond has passed");
}

#[test]
fn several_challenges_are_told_apart_in_one_line_or_many() {
    let line = "Basic realm=\"b\", Digest realm=\"r, Digest x=y\", nonce=\"n1\", algorithm=SHA-512-256, qop=\"auth\", \
                Digest realm=\"r\", nonce=\"n2\", algorithm=MD5, qop=\"auth,auth-int\", NTLM";
    let found = Challenge::parse_all(line);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].nonce, found[0].qops), ("n2", [Some(Qop::Auth), Some(Qop::AuthInt)]));
    let text = format!(
        "SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: <sip:a@b>;tag=2\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\nWWW-Authenticate: {line}\r\n\
         WWW-Authenticate: Digest realm=\"r\", nonce=\"n3\", algorithm=SHA-256, qop=\"auth\", opaque=\"o\"\r\n\r\n"
    );
    let message = Message::parse(Bytes::from(text)).unwrap();
    let strongest = Challenge::strongest(&message).unwrap();
    assert_eq!(
        (strongest.nonce, strongest.algorithm, strongest.opaque),
        ("n3", Algorithm::Sha256, Some("o"))
    );
}

#[test]
fn credentials_are_read_as_phones_write_them() {
    let value = "digest USERNAME=\"a\\\"nn\" ,realm=\"x,y\",nonce=\"n\",uri=\"sip:x;p=1,2\",response=\"AB\",\
                 algorithm=\"MD5\",qop=\"auth\",nc=0000000a,cnonce=\"\",unknown=1";
    let found = Credentials::parse(value).unwrap();
    assert_eq!((found.username.as_ref(), found.realm.as_ref(), found.uri), ("a\"nn", "x,y", "sip:x;p=1,2"));
    assert_eq!((found.nc, found.qop, found.cnonce), (10, Some(Qop::Auth), Some("")));
    let star = "Digest username*=UTF-8''J%C3%A4s, realm=r, nonce=n, uri=u, response=r";
    assert_eq!(Credentials::parse(star).unwrap().username, "Jäs");
    for broken in [
        "Basic YTpi",
        "Digest",
        "Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"u\"",
        "Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"r\", qop=auth",
        "Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"r\", qop=auth, nc=1, cnonce=\"c\"",
        "Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"r\", qop=other, nc=00000001, cnonce=\"c\"",
        "Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"r\", algorithm=SHA-1",
    ] {
        assert!(Credentials::parse(broken).is_err(), "{broken}");
    }
}

#[test]
fn a_full_window_forgets_but_never_lets_a_used_count_pass() {
    let mut window = NonceWindow::new(7);
    let at = |index: u64| Instant(1_000 + index);
    let mut used = Vec::new();
    for index in 0..1_000 {
        // Every third nonce is used late, in an order of its own.
        let nonce = at(if index % 3 == 0 { index / 2 } else { index });
        let first = window.record(nonce, 1, at(1_000));
        if used.contains(&nonce) {
            assert_ne!(first, Use::Fresh, "{index}");
        } else if first == Use::Fresh {
            used.push(nonce);
        }
    }
    assert!(used.len() > 600, "it goes on taking new nonces: {}", used.len());
    for nonce in used {
        assert_ne!(window.record(nonce, 1, at(1_000)), Use::Fresh);
    }
}

#[test]
fn a_window_takes_counts_out_of_order_and_none_from_far_behind() {
    let mut window = NonceWindow::new(7);
    let mut check = |nc, expect| assert_eq!(window.record(Instant(5), nc, Instant(5)), expect, "{nc}");
    check(40, Use::Fresh);
    check(9, Use::Fresh);
    check(9, Use::Repeated);
    check(8, Use::Repeated);
    check(41, Use::Fresh);
    check(40, Use::Repeated);
    check(u32::MAX, Use::Fresh);
    check(41, Use::Repeated);
    check(u32::MAX - 31, Use::Fresh);
    check(u32::MAX, Use::Repeated);
}

#[test]
fn a_nonce_is_good_for_the_address_that_it_was_given_to() {
    let mut server = Server::new();
    let judge = |server: &mut Server, nc, source| {
        let right = answer(&server.challenge(0), &ann(), nc);
        let credentials = Credentials::parse(&right).unwrap();
        let attempt = Attempt { method: "REGISTER", realm: REALM, body: b"", source };
        server.nonces.verify(&credentials, &attempt, Some(&ann()), &mut server.window, NOW)
    };
    let other = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    assert_eq!(judge(&mut server, 1, other), Verdict::Stale);
    let mapped = IpAddr::V6(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped());
    assert_eq!(judge(&mut server, 1, mapped), Verdict::Ok, "the same address, written as IPv6");
    assert_eq!(judge(&mut server, 1, IpAddr::V6(Ipv6Addr::LOCALHOST)), Verdict::Stale);
}

#[test]
fn credentials_belong_to_one_user_and_host() {
    let check = |digest_uri: &str, request_uri: &str, expect| {
        let value = format!("Digest username=a, realm=r, nonce=n, uri=\"{digest_uri}\", response=r");
        let uri = crate::Uri::parse(request_uri).unwrap();
        let is_ours = |uri: &crate::Uri<'_>| ["example.org", "192.0.2.1"].contains(&uri.host);
        let found = Credentials::parse(&value).unwrap().is_for(&uri, is_ours);
        assert_eq!(found, expect, "{digest_uri} {request_uri}");
    };
    check("sip:example.org", "sip:EXAMPLE.org:5060;transport=tcp", true);
    check("sip:101@example.org;user=phone", "sip:%3101@example.org", true);
    check("sips:101@example.org", "sip:101@example.org", true);
    check("sip:101@example.org", "sip:102@example.org", false);
    check("sip:101@example.org", "sip:101@example.net", false);
    check("tel:+15551234", "tel:+15551234", true);
    check("tel:+15551234", "tel:+15559999", false);
    // As SIPp has it; and the domain where a proxy before us wrote our address.
    check("sip:192.0.2.1:5060", "sip:101@example.org", true);
    check("sip:example.org", "sip:192.0.2.1", true);
    check("sip:101@example.org", "sip:192.0.2.1", true);
    check("sip:192.0.2.9:5060", "sip:101@example.org", false);
    check("/dir/index.html", "sip:101@example.org", false);
}

#[test]
fn a_message_s_credentials_are_chosen_by_realm() {
    let text = crate::Writer::request(&crate::Method::Options, "sip:h")
        .header(crate::Name::Via, "SIP/2.0/UDP h;branch=z9hG4bK1")
        .header(crate::Name::From, "<sip:a@h>;tag=1")
        .header(crate::Name::To, "<sip:b@h>")
        .header(crate::Name::CallId, "c")
        .header(crate::Name::CSeq, "1 OPTIONS")
        .header(crate::Name::Authorization, "Basic YTpi")
        .header(crate::Name::Authorization, "Digest username=a, realm=one, nonce=n, uri=u, response=r")
        .header(crate::Name::Authorization, "Digest username=b, realm=two, nonce=n, uri=u, response=r")
        .finish();
    let message = Message::parse(text).unwrap();
    let of = |realm| Credentials::of(&message, crate::Name::Authorization, realm);
    assert_eq!(of("two").unwrap().unwrap().username, "b");
    assert!(of("three").unwrap().is_err(), "one of them could not be read");
    assert!(Credentials::of(&message, crate::Name::ProxyAuthorization, "two").is_none());
}
