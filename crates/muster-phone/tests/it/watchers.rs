//! Keys of colleagues: SUBSCRIBE to `dialog`, and what NOTIFY tells.

use std::time::Duration;

use muster_domain::dial_plan::{PlanUpdate, Service};
use muster_phone::{CoreConfig, PhoneState};
use muster_sip::{Method, Name};

use crate::phone::{Manners, Phone, Then};
use crate::world::{ACME, ANNA, BERT, CARLA, REALM, World, address, person, user};

/// What a phone was told, in short: `version state [direction:state:remote …] subscription state`.
fn told(phone: &Phone) -> Vec<String> {
    let pick = |text: &str, before: &str, after: &str| {
        let rest = text.split_once(before)?.1;
        Some(rest.split_once(after)?.0.to_owned())
    };
    let short = |(state, body): &(String, String)| {
        let body = body.split_once("<dialog-info").expect("a document").1;
        let version = pick(body, "version=\"", "\"").expect("version");
        let full = pick(body, "state=\"", "\"").expect("state");
        let dialogs: Vec<String> = body
            .split("<dialog id=")
            .skip(1)
            .map(|dialog| {
                let direction = pick(dialog, "direction=\"", "\"").expect("direction");
                let state = pick(dialog, "<state>", "</state>").expect("state");
                let remote = pick(dialog, "<remote>", "</remote>").expect("remote");
                let remote = pick(&remote, "<identity", "</identity>").expect("identity");
                format!("{}:{state}:{}", &direction[..1], remote.split_once('>').expect("uri").1)
            })
            .collect();
        let state = state.split(";expires").next().unwrap_or("");
        format!("{version} {full} [{}] {state}", dialogs.join(" "))
    };
    phone.notified.iter().map(short).collect()
}

fn subscribed(seed: u64) -> (World, String) {
    let mut world = World::ready(seed);
    let subscription = world.act(CARLA, |phone, now| phone.subscribe(now, "102", 600));
    world.run_s(1);
    assert_eq!(world.phones[CARLA].answers.last().map(|a| a.1), Some(200));
    assert_eq!(told(&world.phones[CARLA]), ["0 full [] active"]);
    (world, subscription)
}

#[test]
fn a_watcher_sees_ringing_busy_and_free_with_the_extensions() {
    let (mut world, _) = subscribed(1);
    world.phones[BERT].manners =
        Manners { ring_after: Some(Duration::from_millis(100)), then: Then::Answer(Duration::from_secs(2)) };
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(5);
    world.act(ANNA, |phone, now| phone.hang_up(now, call));
    world.run_s(5);
    assert_eq!(
        told(&world.phones[CARLA]),
        [
            "0 full [] active",
            "1 full [r:early:sip:101@acme.example] active",
            "2 full [r:confirmed:sip:101@acme.example] active",
            "3 full [] active",
        ]
    );
    assert!(world.phones[CARLA].notified[0].1.contains("entity=\"sip:102@acme.example\""));
    assert!(world.phones[CARLA].notified[1].1.contains("display=\"Person 1\""));
    world.assert_over();
}

#[test]
fn a_watcher_of_the_caller_sees_the_other_side_of_it() {
    let mut world = World::ready(2);
    world.act(CARLA, |phone, now| phone.subscribe(now, "101", 600));
    world.run_s(1);
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(2);
    world.act(ANNA, |phone, now| phone.cancel(now, call));
    world.run_s(2);
    assert_eq!(
        told(&world.phones[CARLA]),
        [
            "0 full [] active",
            "1 full [i:trying:sip:102@acme.example] active",
            "2 full [i:early:sip:102@acme.example] active",
            "3 full [] active",
        ]
    );
    let states: Vec<PhoneState> =
        world.presence.iter().filter(|(_, view)| view.user == user(2)).map(|(_, view)| view.state).collect();
    assert_eq!(states, [PhoneState::Idle, PhoneState::Ringing, PhoneState::Idle]);
    world.assert_over();
}

#[test]
fn who_subscribes_during_a_call_is_told_it_at_once() {
    let mut world = World::ready(3);
    world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(1);
    world.act(CARLA, |phone, now| phone.subscribe(now, "102", 600));
    world.run_s(1);
    assert_eq!(told(&world.phones[CARLA]), ["0 full [r:early:sip:101@acme.example] active"]);
}

#[test]
fn states_that_are_past_are_skipped_and_the_last_one_arrives() {
    let (mut world, _) = subscribed(4);
    world.phones[CARLA].silent = true;
    world.phones[BERT].manners = Manners {
        ring_after: Some(Duration::from_millis(10)),
        then: Then::Answer(Duration::from_millis(200)),
    };
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(2);
    world.act(ANNA, |phone, now| phone.hang_up(now, call));
    world.run_s(2);
    world.phones[CARLA].silent = false;
    world.run_s(10);
    assert_eq!(
        told(&world.phones[CARLA])[1..],
        ["1 full [r:early:sip:101@acme.example] active", "2 full [] active"]
    );
    world.assert_over();
}

#[test]
fn a_subscription_is_refreshed_ends_when_asked_and_ends_by_itself() {
    let (mut world, subscription) = subscribed(5);
    world.run_s(500);
    world.act(CARLA, |phone, now| phone.resubscribe(now, &subscription, 600));
    world.run_s(500);
    assert_eq!(world.core.counters().subscriptions, 1);
    world.act(CARLA, |phone, now| phone.resubscribe(now, &subscription, 0));
    world.run_s(1);
    assert_eq!(
        told(&world.phones[CARLA]),
        ["0 full [] active", "1 full [] active", "2 full [] terminated;reason=timeout"]
    );
    assert_eq!(world.core.counters().subscriptions, 0);
    world.act(CARLA, |phone, now| phone.resubscribe(now, &subscription, 600));
    world.run_s(1);
    assert_eq!(world.phones[CARLA].answers.last().map(|a| a.1), Some(481));

    let (mut world, _) = subscribed(6);
    world.run_s(601);
    assert_eq!(told(&world.phones[CARLA]).last().unwrap(), "1 full [] terminated;reason=timeout");
    world.assert_over();
}

#[test]
fn a_single_question_is_answered_once() {
    let mut world = World::ready(7);
    world.act(CARLA, |phone, now| phone.subscribe(now, "102", 0));
    world.run_s(1);
    assert_eq!(told(&world.phones[CARLA]), ["0 full [] terminated;reason=timeout"]);
    assert_eq!(world.core.counters().subscriptions, 0);
}

#[test]
fn a_watcher_that_knows_nothing_of_it_or_has_vanished_is_forgotten() {
    for (status, silent) in [(481, false), (200, true)] {
        let (mut world, _) = subscribed(8);
        world.phones[CARLA].notify_status = status;
        world.phones[CARLA].silent = silent;
        let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
        world.run_s(1);
        world.act(ANNA, |phone, now| phone.cancel(now, call));
        world.run_s(40);
        assert_eq!(world.core.counters().subscriptions, 0, "{status} {silent}");
        world.assert_over();
    }
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let mut world = World::ready(9);
    let headers = |event: &'static str, accept: &'static str, expires: &'static str| {
        [
            (Name::Contact, "<sip:103@10.0.0.3:5060>"),
            (Name::Event, event),
            (Name::Accept, accept),
            (Name::Expires, expires),
        ]
    };
    for (target, event, accept, expires, status) in [
        ("999", "dialog", "application/dialog-info+xml", "600", 404),
        ("bert.b", "dialog", "application/dialog-info+xml", "600", 404),
        ("102", "weather", "application/dialog-info+xml", "600", 489),
        ("102", "dialog", "text/plain", "600", 406),
        ("102", "dialog", "*/*", "7", 423),
    ] {
        let headers = headers(event, accept, expires);
        world.act(CARLA, |phone, now| phone.plain(now, Method::Subscribe, target, &headers));
        world.run_s(1);
        assert_eq!(
            world.phones[CARLA].answers.last().map(|a| a.1),
            Some(status),
            "{target} {event} {accept}"
        );
    }
    assert_eq!(world.core.counters().subscriptions, 0);
}

#[test]
fn another_organization_cannot_be_watched() {
    let mut world = World::ready(10);
    world.plan(PlanUpdate::Organization {
        id: crate::world::OTHER,
        seq: 1,
        realm: "other.example".into(),
        aliases: vec![],
        people: vec![person(11, "201", "olga", "other.example")],
    });
    let olga = world.add_phone("olga", "201", "olga", address(9, 5060));
    world.phones[olga].domain = "other.example".into();
    world.act(olga, |phone, now| phone.subscribe(now, "102", 600));
    world.run_s(1);
    assert_eq!(world.phones[olga].answers.last().map(|a| a.1), Some(404));
    assert!(told(&world.phones[olga]).is_empty());
}

#[test]
fn a_contact_without_service_can_be_watched_and_one_removed_no_more() {
    let (mut world, _) = subscribed(11);
    let mut bert = person(2, "102", "bert.b", REALM);
    bert.service = Service::ContactOnly;
    world.change(bert);
    world.run_s(1);
    assert_eq!(told(&world.phones[CARLA]).len(), 1, "still an extension");
    world.plan(PlanUpdate::PersonGone { org: ACME, seq: 99, user: user(2) });
    world.run_s(1);
    assert_eq!(told(&world.phones[CARLA]).last().unwrap(), "1 full [] terminated;reason=noresource");
    world.assert_over();
}

#[test]
fn a_watcher_that_is_deactivated_sees_nothing_more() {
    let (mut world, _) = subscribed(12);
    let mut carla = person(3, "103", "carla.c", REALM);
    carla.service = Service::Disabled;
    world.change(carla);
    world.run_s(1);
    assert_eq!(told(&world.phones[CARLA]).last().unwrap(), "1 full [] terminated;reason=rejected");
    assert_eq!(world.core.counters().subscriptions, 0);
    world.assert_over();
}

#[test]
fn the_watcher_sees_free_when_a_deactivation_ends_the_call() {
    let (mut world, _) = subscribed(13);
    world.phones[BERT].manners = Manners { ring_after: None, then: Then::Answer(Duration::from_millis(100)) };
    world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(2);
    let mut bert = person(2, "102", "bert.b", REALM);
    bert.service = Service::ContactOnly;
    world.change(bert);
    world.run_s(1);
    assert_eq!(
        told(&world.phones[CARLA])[1..],
        ["1 full [r:confirmed:sip:101@acme.example] active", "2 full [] active"]
    );
    world.assert_over();
}

#[test]
fn one_person_watches_only_so_many() {
    let config = CoreConfig { subscriptions_per_person_max: 2, ..CoreConfig::default() };
    let mut world = World::with(14, config);
    world.register_all();
    for expect in [200, 200, 503] {
        world.act(CARLA, |phone, now| phone.subscribe(now, "102", 600));
        world.run_s(1);
        assert_eq!(world.phones[CARLA].answers.last().map(|a| a.1), Some(expect));
    }
}

#[test]
fn nobody_refreshes_or_ends_the_subscription_of_another() {
    for expires in [600, 0] {
        // Under the watcher's own address, and under the address that goes with the password.
        for address in ["103", "102"] {
            let (mut world, subscription) = subscribed(20);
            let carla = &mut world.phones[CARLA];
            (carla.auth_name, carla.secret) = ("bert.b".into(), "secret-of-bert.b".into());
            carla.user_part = address.into();
            world.act(CARLA, |phone, now| phone.resubscribe(now, &subscription, expires));
            world.run_s(1);
            assert_eq!(world.phones[CARLA].answers.last().map(|a| a.1), Some(403), "{address} {expires}");
            assert_eq!(told(&world.phones[CARLA]), ["0 full [] active"], "nothing is told");
            world.run_s(590);
            assert_eq!(world.core.counters().subscriptions, 1, "it goes on as it was");
            world.run_s(20);
            assert_eq!(world.core.counters().subscriptions, 0, "and is over when it was to be");
        }
    }
}
