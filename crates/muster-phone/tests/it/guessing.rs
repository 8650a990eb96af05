//! Digests that are wrong, overheard, or made for something else.

use muster_sip::{Message, Method, Name};

use crate::digest::Challenge;
use crate::world::{ANNA, BERT, REALM, World, address, credential, person};

fn register(world: &mut World, phone: usize) -> u16 {
    world.act(phone, |phone, now| phone.register(now, 3600));
    world.run_ms(500);
    world.phones[phone].answers.last().expect("an answer").1
}

/// A REGISTER of Anna's with a header of the test's own.
fn register_with(world: &mut World, host: u8, contact: &str, authorization: &str) -> Message {
    let visitor = world.phones.iter().position(|phone| phone.addr == address(host, 5060));
    let visitor = visitor.unwrap_or_else(|| world.add_phone("visitor", "101", "anna.a", address(host, 5060)));
    let headers = [(Name::Contact, contact), (Name::Authorization, authorization)];
    world.phones[visitor].secret = "a stranger knows none".into();
    let first = world.phones[visitor].received.len();
    world.act(visitor, |phone, now| phone.register_as(now, &headers));
    world.run_ms(500);
    Message::parse(world.phones[visitor].received[first].clone()).expect("an answer")
}

#[test]
fn a_digest_that_was_overheard_is_worth_nothing_at_another_address() {
    let mut world = World::new(1);
    assert_eq!(register(&mut world, ANNA), 200);
    // The next one, which Anna's phone has made and not sent.
    let next = world.phones[ANNA].challenges.get_mut(REALM).unwrap().answer(
        "anna.a",
        "secret-of-anna.a",
        "REGISTER",
        "sip:acme.example",
    );
    let answer = register_with(&mut world, 9, "<sip:x@10.0.0.9>", &next);
    assert_eq!(answer.status(), Some(401));
    let challenge = answer.header(Name::WwwAuthenticate).unwrap();
    assert!(challenge.contains("stale=true"), "a phone that has moved makes a new one: {challenge}");
    assert_eq!(world.core.counters().bindings, 1);
    // At Anna's own address it is good, from another port too.
    world.phones[ANNA].addr = address(1, 40_000);
    let anna = address(1, 40_000);
    let text = String::from_utf8_lossy(world.phones[ANNA].sent.last().unwrap()).into_owned();
    let old = text.lines().find(|line| line.starts_with("Authorization:")).unwrap().to_owned();
    let text = text.replace(&old, &format!("Authorization: {next}")).replace("CSeq: 102", "CSeq: 103");
    world.inject(
        anna,
        text.replace("branch=z9hG4bK", "branch=z9hG4bKx").replace(":5060;branch", ":40000;branch"),
    );
    world.run_ms(100);
    assert!(world.phones[ANNA].received.last().unwrap().starts_with(b"SIP/2.0 200"));
}

#[test]
fn too_many_wrong_passwords_are_refused_without_a_challenge_and_the_right_one_always_passes() {
    let mut world = World::new(2);
    assert_eq!(register(&mut world, ANNA), 200);
    let guesser = world.add_phone("guesser", "101", "anna.a", address(9, 5060));
    let mut statuses = Vec::new();
    for n in 0..14 {
        world.phones[guesser].secret = format!("guess {n}");
        statuses.push(register(&mut world, guesser));
    }
    // This phone answers each challenge with the same wrong password a few times over.
    assert_eq!((statuses[0], statuses[13]), (401, 403));
    assert!(statuses.is_sorted(), "{statuses:?}");
    let answer = world.phones[guesser].last_answer.clone().unwrap();
    assert_eq!(answer.header(Name::WwwAuthenticate), None);
    let counters = world.core.counters();
    assert_eq!(counters.digest_wrong - counters.digest_limited, 10);
    assert_eq!(world.guessers, [address(9, 0).ip()], "said once");
    // Her phone elsewhere knows nothing of it, and neither does a phone with the right password there.
    assert_eq!(register(&mut world, ANNA), 200);
    world.phones[guesser].secret = "secret-of-anna.a".into();
    assert_eq!(register(&mut world, guesser), 200);
    world.phones[guesser].secret = "mistyped".into();
    assert_eq!(register(&mut world, guesser), 401, "who has shown the password may err again");
}

#[test]
fn a_name_that_nobody_has_is_limited_like_one_that_somebody_has() {
    let mut world = World::new(3);
    let statuses_of = |world: &mut World, host: u8, name: &str| -> Vec<u16> {
        let phone = world.add_phone("guesser", "101", name, address(host, 5060));
        world.phones[phone].secret = "wrong".into();
        (0..12).map(|_| register(world, phone)).collect()
    };
    let known = statuses_of(&mut world, 20, "anna.a");
    assert_eq!(statuses_of(&mut world, 21, "nobody"), known);
}

#[test]
fn a_digest_made_for_another_request_is_refused_and_another_name_of_ours_is_the_same() {
    let mut world = World::ready(4);
    let mut carla = person(3, "103", "carla.c", REALM);
    carla.credentials = vec![carla.credentials[0].clone(), credential(33, "spare", REALM, "s")].into();
    world.change(carla);
    let mut call = |uri: &str| {
        let phone = &mut world.phones[BERT];
        phone.answers.clear();
        let challenge = phone.challenges.entry(REALM.to_owned());
        let challenge: &mut Challenge = challenge.or_insert_with(|| unreachable!("registered"));
        let value = challenge.answer("bert.b", "secret-of-bert.b", "SUBSCRIBE", uri);
        let contact = phone.contact();
        let headers = [
            (Name::Contact, contact.as_str()),
            (Name::Event, "dialog"),
            (Name::Expires, "0"),
            (Name::Authorization, &value),
        ];
        world.act(BERT, |phone, now| phone.plain(now, Method::Subscribe, "101", &headers));
        world.run_ms(300);
        world.phones[BERT].answers.last().map(|answer| answer.1)
    };
    for (uri, expect) in [
        ("sip:101@acme.example", 200),
        ("sip:101@old.acme.example:5060;transport=udp", 200),
        ("sip:101@127.0.0.1", 200),
        ("sip:127.0.0.1:5060", 200),
        ("sip:103@acme.example", 400),
        ("sip:101@elsewhere.example", 400),
        ("sip:elsewhere.example", 400),
    ] {
        assert_eq!(call(uri), Some(expect), "{uri}");
    }
    assert_eq!(world.core.counters().digest_misdirected, 3);
}
