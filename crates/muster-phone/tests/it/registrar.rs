//! REGISTER: who may be where.

use std::collections::BTreeSet;

use muster_domain::dial_plan::{PlanUpdate, Service};
use muster_phone::{Command, Input, PhoneState, Reply, ReplyId};
use muster_sip::{Message, Name};

use crate::digest::Challenge;
use crate::world::{ACME, ANNA, BERT, OTHER, REALM, World, address, credential, person, user};

fn last(world: &World, phone: usize) -> (u16, &str) {
    let (_, status, reason) = world.phones[phone].answers.last().expect("an answer");
    (*status, reason)
}

fn register(world: &mut World, phone: usize) -> (u16, String) {
    world.act(phone, |phone, now| phone.register(now, 3600));
    world.run_ms(500);
    let (status, reason) = last(world, phone);
    (status, reason.to_owned())
}

fn contacts(world: &World, phone: usize) -> Vec<String> {
    let answer = world.phones[phone].last_answer.as_ref().expect("an answer");
    answer.headers(Name::Contact).map(str::to_owned).collect()
}

#[test]
fn a_phone_registers_with_either_hash_and_either_name() {
    for algorithm in ["SHA-256", "MD5"] {
        for name in ["101", "anna.a"] {
            let mut world = World::new(1);
            world.phones[ANNA].algorithm = algorithm;
            world.phones[ANNA].user_part = name.into();
            assert_eq!(register(&mut world, ANNA).0, 200, "{algorithm} {name}");
            assert_eq!(contacts(&world, ANNA), [format!("<sip:{name}@10.0.0.1:5060>;expires=3600")]);
            assert!(world.presence.last().is_some_and(|(_, view)| view.registered));
            assert_eq!(world.journal.len(), 1);
        }
    }
}

#[test]
fn an_unknown_name_and_a_wrong_secret_get_the_same_answer() {
    let answer = |auth_name: &str, secret: &str| {
        let mut world = World::new(2);
        world.phones[ANNA].auth_name = auth_name.into();
        world.phones[ANNA].secret = secret.into();
        let (status, reason) = register(&mut world, ANNA);
        assert_eq!(status, 401);
        let received = world.phones[ANNA].received.last().unwrap();
        let text = String::from_utf8_lossy(received).into_owned();
        let lines: Vec<String> = text
            .lines()
            .filter(|line| !line.starts_with("Via:"))
            .map(|line| line.split("tag=s").next().unwrap().split("nonce=").next().unwrap().to_owned())
            .collect();
        (reason, lines)
    };
    assert_eq!(answer("anna.a", "wrong"), answer("nobody", "wrong"));
}

#[test]
fn who_is_not_enabled_hears_why_and_only_with_the_right_secret() {
    for (service, phrase) in [
        (Service::ContactOnly, "Not activated"),
        (Service::NotActivated, "Not activated"),
        (Service::Disabled, "Disabled"),
        (Service::Frozen, "Frozen"),
    ] {
        let mut world = World::new(3);
        let mut anna = person(1, "101", "anna.a", REALM);
        anna.service = service;
        world.change(anna);
        assert_eq!(register(&mut world, ANNA), (403, phrase.to_owned()));
        world.phones[ANNA].secret = "wrong".into();
        assert_eq!(register(&mut world, ANNA).0, 401);
        world.change(person(1, "101", "anna.a", REALM));
        world.phones[ANNA].secret = "secret-of-anna.a".into();
        assert_eq!(register(&mut world, ANNA).0, 200, "activated a moment ago");
    }
}

#[test]
fn a_type_that_cannot_register_is_told_so() {
    let mut world = World::new(4);
    let mut anna = person(1, "101", "anna.a", REALM);
    anna.capabilities.registers = false;
    world.change(anna);
    assert_eq!(register(&mut world, ANNA), (403, "Not allowed for this type of user".to_owned()));
}

#[test]
fn an_address_or_contact_of_somebody_else_is_refused() {
    let mut world = World::new(5);
    for aor in ["sip:102@acme.example", "sip:bert.b@acme.example", "sip:101@other.example"] {
        let contact = world.phones[ANNA].contact();
        world.plan(PlanUpdate::Organization {
            id: OTHER,
            seq: 1,
            realm: "other.example".into(),
            aliases: vec![],
            people: vec![],
        });
        world.act(ANNA, |phone, now| phone.register_to(now, aor, &[(Name::Contact, &contact)]));
        world.run_ms(500);
        let status = if aor.ends_with("other.example") { 401 } else { 403 };
        assert_eq!(last(&world, ANNA).0, status, "{aor}");
    }
    for contact in [
        "<sip:102@10.0.0.1>",
        "<sip:bert.b@10.0.0.1>",
        "<sip:x@127.0.0.1:5060>",
        "<sip:x@127.9.9.9>",
        "<sip:x@[::ffff:127.0.0.1]:5060>",
        "<sip:x@[::1]>",
        "<sip:x@0.0.0.0>",
        "<sip:x@LocalHost>",
        "<sip:x@localhost.:5060>",
    ] {
        world.act(ANNA, |phone, now| phone.register_as(now, &[(Name::Contact, contact)]));
        world.run_ms(500);
        assert_eq!(last(&world, ANNA), (403, "Not your contact"), "{contact}");
    }
    for from in ["sip:102@acme.example", "sip:101@other.example"] {
        world.phones[ANNA].from = Some(from.into());
        assert_eq!(register(&mut world, ANNA), (403, "Not your address".to_owned()), "From {from}");
    }
    assert_eq!(world.core.counters().bindings, 0);
}

#[test]
fn contacts_that_no_phone_has_are_bad_requests() {
    let mut world = World::new(6);
    for contact in ["<tel:+15551234>", "<mailto:a@b.c>", "<sip:a@b?x=y>", "*, <sip:a@10.0.0.1>", "*"] {
        world.act(ANNA, |phone, now| phone.register_as(now, &[(Name::Contact, contact)]));
        world.run_ms(500);
        assert_eq!(last(&world, ANNA).0, 400, "{contact}");
    }
    let long = format!("<sip:{}@10.0.0.1>", "a".repeat(600));
    world.act(ANNA, |phone, now| phone.register_as(now, &[(Name::Contact, &long)]));
    world.run_ms(500);
    assert_eq!(last(&world, ANNA), (400, "Contact too long"));
}

#[test]
fn a_query_lists_and_changes_nothing_and_a_star_removes_all() {
    let mut world = World::new(7);
    let two = "<sip:101@10.0.0.1:5060>;q=0.5, <sip:101@10.0.0.1:5070>;expires=120";
    world.act(ANNA, |phone, now| phone.register_as(now, &[(Name::Contact, two), (Name::Expires, "600")]));
    world.run_ms(500);
    world.act(ANNA, |phone, now| phone.register_as(now, &[]));
    world.run_ms(500);
    let listed = ["<sip:101@10.0.0.1:5060>;expires=600;q=0.500", "<sip:101@10.0.0.1:5070>;expires=120"];
    assert_eq!(contacts(&world, ANNA), listed);
    world.act(ANNA, |phone, now| phone.register_as(now, &[(Name::Contact, "*"), (Name::Expires, "0")]));
    world.run_ms(500);
    assert_eq!((last(&world, ANNA).0, contacts(&world, ANNA).len()), (200, 0));
    assert_eq!(world.core.counters().bindings, 0);
    assert!(world.journal.iter().rev().take(2).all(|record| record.state.is_none()));
}

#[test]
fn a_contact_is_removed_by_expires_0_and_refreshed_by_any_form_of_its_uri() {
    let mut world = World::new(8);
    register(&mut world, ANNA);
    let other_form = "<sip:%31%301@10.0.0.1:5060>;expires=60";
    world.act(ANNA, |phone, now| phone.register_as(now, &[(Name::Contact, other_form)]));
    world.run_ms(500);
    assert_eq!(contacts(&world, ANNA), ["<sip:101@10.0.0.1:5060>;expires=60"]);
    world.act(ANNA, |phone, now| phone.register(now, 0));
    world.run_ms(500);
    assert!(contacts(&world, ANNA).is_empty());
    assert!(world.presence.last().is_some_and(|(_, view)| !view.registered));
}

#[test]
fn too_short_is_423_and_too_long_is_cut() {
    let mut world = World::new(9);
    world.act(ANNA, |phone, now| phone.register(now, 5));
    world.run_ms(500);
    assert_eq!(last(&world, ANNA).0, 423);
    assert_eq!(world.phones[ANNA].last_answer.as_ref().unwrap().header(Name::MinExpires), Some("30"));
    world.act(ANNA, |phone, now| phone.register(now, 4_000_000));
    world.run_ms(500);
    assert_eq!(contacts(&world, ANNA), ["<sip:101@10.0.0.1:5060>;expires=7200"]);
}

#[test]
fn the_newest_phone_beyond_the_number_allowed_is_refused() {
    let mut world = World::new(10);
    let mut anna = person(1, "101", "anna.a", REALM);
    anna.max_bindings = 1;
    world.change(anna);
    let second = world.add_phone("second", "101", "anna.a", address(4, 5060));
    assert_eq!(register(&mut world, ANNA).0, 200);
    assert_eq!(register(&mut world, second), (403, "Too many phones".to_owned()));
    assert_eq!(register(&mut world, ANNA).0, 200, "who is there stays");
    world.act(ANNA, |phone, now| phone.register(now, 0));
    world.run_ms(500);
    assert_eq!(register(&mut world, second).0, 200);
}

#[test]
fn a_phone_that_moved_replaces_itself_by_its_instance() {
    let mut world = World::new(11);
    for port in [5060, 5070] {
        let contact = format!("<sip:101@10.0.0.1:{port}>;+sip.instance=\"<urn:uuid:7>\"");
        world.act(ANNA, |phone, now| phone.register_as(now, &[(Name::Contact, &contact)]));
        world.run_ms(500);
    }
    assert_eq!(contacts(&world, ANNA), ["<sip:101@10.0.0.1:5070>;expires=600"]);
}

#[test]
fn what_a_phone_sent_earlier_does_not_undo_what_it_sent_later() {
    let mut world = World::new(12);
    register(&mut world, ANNA);
    // A request of the same Call-ID and a lower number, with a digest that is right.
    let first = world.phones[ANNA].sent.last().unwrap().clone();
    let text = String::from_utf8_lossy(&first).replace("CSeq: 102", "CSeq: 50");
    let text = text.replace("nc=00000001", "nc=00000002");
    world.inject(address(1, 5060), text.replace("branch=z9hG4bK", "branch=z9hG4bKx"));
    world.run_ms(100);
    let answer = Message::parse(world.phones[ANNA].received.last().unwrap().clone()).unwrap();
    assert_eq!(answer.status(), Some(401), "the count is part of the digest");
    world.act(ANNA, |phone, now| {
        phone.set_seq(40);
        phone.register(now, 3600);
    });
    world.run_ms(500);
    assert_eq!(last(&world, ANNA), (500, "Out of order"));
    assert_eq!(world.core.counters().bindings, 1);
}

#[test]
fn a_retransmission_is_answered_again_and_a_replay_is_challenged() {
    let mut world = World::new(13);
    register(&mut world, ANNA);
    let request = world.phones[ANNA].sent.last().unwrap().clone();
    let journal = world.journal.len();
    world.inject(address(1, 5060), request.clone());
    world.run_ms(100);
    let answers: Vec<&bytes::Bytes> = world.phones[ANNA].received.iter().rev().take(2).collect();
    assert_eq!(answers[0], answers[1], "the same answer");
    assert_eq!(world.journal.len(), journal, "without a second effect");

    let other_call = String::from_utf8_lossy(&request).replace("Call-ID: ", "Call-ID: x");
    for (host, request) in [(2, request.clone()), (1, other_call.into())] {
        world.inject(address(host, 5060), request);
        world.run_ms(100);
        let phone = usize::from(host) - 1;
        let answer = String::from_utf8_lossy(world.phones[phone].received.last().unwrap()).into_owned();
        assert!(answer.starts_with("SIP/2.0 401 ") && !answer.contains("Contact:"), "{host} {answer}");
    }

    let replayed = String::from_utf8_lossy(&request).replace("branch=z9hG4bK", "branch=z9hG4bKx");
    let stolen = replayed.replace("sip:101@10.0.0.1:5060", "sip:101@10.0.0.9:5060");
    world.inject(address(1, 5060), stolen);
    world.run_ms(100);
    let answer = String::from_utf8_lossy(world.phones[ANNA].received.last().unwrap()).into_owned();
    assert!(answer.starts_with("SIP/2.0 401 ") && answer.contains("stale=true"), "{answer}");
    assert_eq!((world.core.counters().digest_replayed, world.core.counters().bindings), (2, 1));
    world.run_s(40);
    world.inject(address(1, 5060), request);
    world.run_ms(100);
    let answer = world.phones[ANNA].received.last().unwrap();
    assert!(answer.starts_with(b"SIP/2.0 401 "), "the memory of retransmissions has an end");
}

#[test]
fn a_binding_ends_when_its_time_is_up_unless_it_is_refreshed() {
    let mut world = World::new(14);
    world.act(ANNA, |phone, now| phone.register(now, 60));
    world.run_s(50);
    world.act(ANNA, |phone, now| phone.register(now, 60));
    world.run_s(50);
    assert_eq!(world.core.counters().bindings, 1);
    world.run_s(11);
    assert_eq!(world.core.counters().bindings, 0);
    assert!(world.journal.last().unwrap().state.is_none());
    assert!(world.presence.last().is_some_and(|(_, view)| !view.registered));
}

#[test]
fn a_changed_secret_drops_the_phones_that_used_it_and_no_other() {
    let mut world = World::new(17);
    let mut anna = person(1, "101", "anna.a", REALM);
    let desk = credential(11, "anna.desk", REALM, "secret-of-anna.desk");
    anna.credentials = vec![anna.credentials[0].clone(), desk.clone()].into();
    world.change(anna.clone());
    let second = world.add_phone("desk", "101", "anna.desk", address(4, 5060));
    world.register_all();
    assert_eq!(world.core.counters().bindings, 4);
    anna.credentials = vec![anna.credentials[0].clone(), credential(11, "anna.desk", REALM, "new")].into();
    world.change(anna.clone());
    assert_eq!(world.core.counters().bindings, 3);
    assert_eq!(register(&mut world, second).0, 401);
    anna.credentials = vec![desk].into();
    world.change(anna);
    assert_eq!(world.core.counters().bindings, 2, "a credential that is gone");
}

#[test]
fn a_deactivated_person_loses_the_registration_at_once_and_may_come_back() {
    let mut world = World::ready(18);
    let mut anna = person(1, "101", "anna.a", REALM);
    anna.service = Service::ContactOnly;
    world.change(anna);
    assert_eq!(world.core.counters().bindings, 2);
    let (org, view) = world.presence.last().unwrap();
    assert_eq!((*org, view.user, view.registered, view.state), (ACME, user(1), false, PhoneState::Idle));
    assert_eq!(register(&mut world, ANNA).0, 403);
    world.change(person(1, "101", "anna.a", REALM));
    assert_eq!(register(&mut world, ANNA).0, 200);
}

fn add_other(world: &mut World, seq: u64, people: &[(u128, &str, &str)]) {
    let people = people.iter().map(|(n, extension, name)| person(*n, extension, name, "other.example"));
    world.plan(PlanUpdate::Organization {
        id: OTHER,
        seq,
        realm: "other.example".into(),
        aliases: vec![],
        people: people.collect(),
    });
}

#[test]
fn an_unknown_domain_belongs_to_the_only_organization() {
    let mut world = World::new(19);
    world.phones[BERT].domain = "192.0.2.1".into();
    assert_eq!(register(&mut world, BERT).0, 200);
}

#[test]
fn with_an_unknown_domain_a_name_that_one_organization_has_registers_and_no_other_can_be_told_from_it() {
    let mut world = World::new(19);
    add_other(&mut world, 1, &[(11, "101", "anna.a"), (12, "102", "xaver")]);
    // A phone that says its auth name is let in by whoever alone has it.
    let xaver = world.add_phone("xaver", "xaver", "xaver", address(50, 5060));
    world.phones[xaver].domain = "192.0.2.1".into();
    assert_eq!(register(&mut world, xaver).0, 200);
    let mut realms_of = |host: u8, name: &str| -> Vec<String> {
        let phone = world.add_phone("visitor", name, name, address(host, 5060));
        world.phones[phone].domain = "192.0.2.1".into();
        world.phones[phone].secret = "a stranger knows none".into();
        assert_eq!(register(&mut world, phone).0, 401);
        let answer = world.phones[phone].last_answer.as_ref().unwrap();
        answer.headers(Name::WwwAuthenticate).map(|line| Challenge::parse(line).realm).collect()
    };
    // Of both, of one, of nobody: each is challenged by one of the organizations, always the same.
    for (host, name) in (5..).zip(["anna.a", "xaver", "bert.b", "nobody"]) {
        let (realms, again) = (realms_of(host, name), realms_of(host + 10, name));
        assert!(realms.iter().all(|r| r == REALM || r == "other.example"), "{name}: {realms:?}");
        assert_eq!(realms, again, "{name}");
    }
    let heard: BTreeSet<Vec<String>> = (0..40).map(|n| realms_of(100 + n, &format!("nobody{n}"))).collect();
    assert_eq!(heard.len(), 2, "names that nobody has are challenged by either: {heard:?}");
}

#[test]
fn with_an_unknown_domain_credentials_for_a_realm_are_judged_there_whoever_else_has_the_name() {
    let mut world = World::new(19);
    add_other(&mut world, 1, &[(12, "102", "xaver")]);
    let register_ahead = |world: &mut World| {
        let bert = &mut world.phones[BERT];
        let (uri, contact) = (format!("sip:{}", bert.domain), bert.contact());
        let challenge = bert.challenges.get_mut(REALM).unwrap();
        let authorization = challenge.answer("bert.b", "secret-of-bert.b", "REGISTER", &uri);
        let headers = [(Name::Contact, contact.as_str()), (Name::Authorization, authorization.as_str())];
        world.act(BERT, |phone, now| phone.register_as(now, &headers));
        world.run_ms(500);
        last(world, BERT).0
    };
    // The phone learns the realm from a request for the domain, and is then sent elsewhere.
    assert_eq!(register(&mut world, BERT).0, 200);
    world.phones[BERT].domain = "192.0.2.1".into();
    assert_eq!(register_ahead(&mut world), 200);
    add_other(&mut world, 2, &[(12, "102", "xaver"), (13, "103", "bert.b")]);
    assert_eq!(register_ahead(&mut world), 200, "another organization has that name now");
    world.input(Input::Command(Command::Registrations { id: ReplyId(1), org: OTHER, user: None }));
    let Some(Reply::Registrations(rows)) = world.replies.pop() else { panic!("registrations") };
    assert_eq!(rows.len(), 0);
}

#[test]
fn two_organizations_with_the_same_names_stay_apart() {
    let mut world = World::ready(20);
    world.plan(PlanUpdate::Organization {
        id: OTHER,
        seq: 1,
        realm: "other.example".into(),
        aliases: vec![],
        people: vec![person(11, "101", "anna.a", "other.example")],
    });
    let stranger = world.add_phone("stranger", "101", "anna.a", address(9, 5060));
    world.phones[stranger].domain = "other.example".into();
    assert_eq!(register(&mut world, stranger).0, 200);
    let call = world.act(stranger, |phone, now| phone.call(now, "102"));
    world.run_s(1);
    assert_eq!(world.ending(stranger, call), "404", "nobody of that extension over there");
    world.phones[stranger].domain = "acme.example".into();
    assert_eq!(register(&mut world, stranger).0, 200, "the same name and secret are another's account here");
    assert_eq!(world.core.counters().bindings, 5);
}

#[test]
fn a_phone_behind_a_nat_rings_where_it_registered_from() {
    let mut world = World::new(21);
    let contact = "<sip:102@192.168.1.77:5060>";
    world.act(BERT, |phone, now| phone.register_as(now, &[(Name::Contact, contact)]));
    world.act(ANNA, |phone, now| phone.register(now, 600));
    world.run_s(1);
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(1);
    assert_eq!(world.phones[BERT].calls.len(), 1);
    let invite = world.phones[BERT].received.last().unwrap();
    assert!(invite.starts_with(b"INVITE sip:102@192.168.1.77:5060 SIP/2.0\r\n"));
    world.act(ANNA, |phone, now| phone.cancel(now, call));
    world.run_s(5);
}

#[test]
fn what_cannot_be_read_is_answered_400_or_dropped_and_counted() {
    let mut world = World::new(22);
    let from = address(1, 5060);
    let bad = "REGISTER sip:acme.example SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\n\
               From: <sip:101@acme.example>;tag=1\r\nTo: <sip:101@acme.example>\r\nCall-ID: 1\r\nCSeq: x REGISTER\r\n\r\n";
    world.inject(from, bad);
    for junk in ["", "\r\n\r\n", "hello", "SIP/2.0 200 OK\r\n\r\n", "\0\0\0\0"] {
        world.inject(from, junk);
    }
    world.run_ms(100);
    assert_eq!(world.phones[ANNA].received.len(), 1);
    assert!(world.phones[ANNA].received[0].starts_with(b"SIP/2.0 400 "));
    assert!(world.core.counters().malformed >= 3, "{:?}", world.core.counters());
}

#[test]
fn requests_that_we_have_no_use_for_are_refused_by_name() {
    let mut world = World::ready(23);
    use muster_sip::Method;
    for (method, status) in [
        (Method::Options, 200),
        (Method::Message, 405),
        (Method::Refer, 405),
        (Method::Publish, 405),
        (Method::Bye, 481),
        (Method::Info, 481),
        (Method::Notify, 481),
        (Method::Other("DANCE".into()), 501),
    ] {
        let contact = world.phones[ANNA].contact();
        world.act(ANNA, |phone, now| phone.plain(now, method.clone(), "102", &[(Name::Contact, &contact)]));
        world.run_s(1);
        assert_eq!(last(&world, ANNA).0, status, "{method}");
        let allow = world.phones[ANNA].last_answer.as_ref().unwrap().header(Name::Allow);
        assert_eq!(allow.is_some(), matches!(status, 200 | 405 | 501), "{method}");
    }
    let required = [(Name::Contact, "<sip:101@10.0.0.1>"), (Name::Require, "100rel, frobnicate")];
    world.act(ANNA, |phone, now| phone.register_as(now, &required));
    world.run_s(1);
    assert_eq!(last(&world, ANNA).0, 420);
    let unsupported = world.phones[ANNA].last_answer.as_ref().unwrap().header(Name::Unsupported);
    assert_eq!(unsupported, Some("100rel, frobnicate"));
}

#[test]
fn the_plan_is_reached_when_its_updates_are_in_force() {
    let mut world = World::new(24);
    world.plan(PlanUpdate::Reached { org: ACME, seq: 42 });
    assert_eq!(world.reached, [(ACME, 10), (ACME, 42)]);
}

#[test]
fn timers_of_what_has_gone_do_not_pile_up() {
    let mut world = World::ready(25);
    let bound = world.journal[0].clone();
    let gone = muster_phone::BindingRecord { state: None, ..bound.clone() };
    for _ in 0..20_000 {
        world.input(Input::Restore(bound.clone()));
        world.input(Input::Restore(gone.clone()));
    }
    assert!(world.core.counters().timers > 20_000);
    world.act(BERT, |phone, now| phone.register(now, 60));
    world.run_s(60);
    assert!(world.core.counters().timers < 5_000, "{}", world.core.counters().timers);
}
