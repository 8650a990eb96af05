//! Phones on TCP: the connection is the way to them, and its end is not the end of anything else.

use std::time::Duration;

use muster_phone::CallEnding;
use muster_sip::Name;

use crate::phone::{CallStage, Manners, Then};
use crate::world::{ANNA, BERT, World, address};

fn connected(seed: u64) -> World {
    let mut world = World::new(seed);
    for phone in [ANNA, BERT] {
        let addr = world.phones[phone].addr;
        world.connect(addr);
    }
    world.phones[BERT].manners =
        Manners { ring_after: Some(Duration::from_millis(20)), then: Then::Answer(Duration::from_secs(1)) };
    world.register_all();
    world
}

#[test]
fn a_call_goes_over_the_connections_that_the_phones_made() {
    let mut world = connected(1);
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(3);
    assert_eq!((world.stage(ANNA, call), world.stage(BERT, 0)), (CallStage::Up, CallStage::Up));
    let invite = world.phones[BERT].received.iter().find(|bytes| bytes.starts_with(b"INVITE")).unwrap();
    let invite = String::from_utf8_lossy(invite);
    assert!(invite.contains("Via: SIP/2.0/TCP "), "{invite}");
    assert!(invite.contains("Contact: <sip:101@127.0.0.1:5060;transport=tcp>"), "{invite}");
    world.act(BERT, |phone, now| phone.hang_up(now, 0));
    assert!(world.opened.is_empty());
    world.assert_over();
}

#[test]
fn after_a_connection_has_closed_a_new_one_is_made_to_the_contact() {
    let mut world = connected(2);
    world.disconnect(address(2, 5060));
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(3);
    assert_eq!(world.opened, [address(2, 5060)]);
    assert_eq!((world.stage(ANNA, call), world.stage(BERT, 0)), (CallStage::Up, CallStage::Up));
    world.disconnect(address(1, 5060));
    world.act(BERT, |phone, now| phone.hang_up(now, 0));
    world.run_s(1);
    assert_eq!(world.ending(ANNA, call), "BYE received");
    world.assert_over();
}

#[test]
fn no_connection_is_made_to_a_contact_that_names_another_host_than_the_phone_came_from() {
    let mut world = connected(4);
    let contact = "<sip:102@10.9.9.9:25;transport=tcp>";
    world.act(BERT, |phone, now| phone.register_as(now, &[(Name::Contact, contact)]));
    world.run_s(1);
    assert_eq!(world.phones[BERT].answers.last().map(|answer| answer.1), Some(200));
    world.disconnect(address(2, 5060));
    world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(3);
    assert!(!world.opened.is_empty());
    assert!(world.opened.iter().all(|addr| addr.ip() == address(2, 0).ip()), "{:?}", world.opened);
}

#[test]
fn a_phone_that_reconnects_goes_on_with_its_call() {
    let mut world = connected(3);
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(3);
    world.disconnect(address(1, 5060));
    world.connect(address(1, 5060));
    world.act(ANNA, |phone, now| phone.info(now, call, "Signal=1"));
    world.run_s(1);
    world.act(BERT, |phone, now| phone.hang_up(now, 0));
    world.run_s(1);
    assert!(world.opened.is_empty(), "its new connection is known from its request");
    assert_eq!(world.ending(ANNA, call), "BYE received");
    world.assert_over();
}

#[test]
fn a_phone_that_no_connection_reaches_fails_at_once_and_the_others_ring_on() {
    for has_another in [false, true] {
        let mut world = connected(5);
        if has_another {
            let kitchen = world.add_phone("kitchen", "102", "bert.b", address(4, 5060));
            world.act(kitchen, |phone, now| phone.register(now, 600));
            world.run_s(1);
        }
        world.disconnect(address(2, 5060));
        world.unreachable.push(address(2, 5060));
        let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
        world.run_ms(100);
        assert_eq!(world.opened, [address(2, 5060)]);
        match has_another {
            true => {
                assert_eq!(world.stage(ANNA, call), CallStage::Early);
                world.act(ANNA, |phone, now| phone.cancel(now, call));
            }
            false => {
                assert_eq!(world.ending(ANNA, call), "480");
                assert_eq!(world.records[0].ending, CallEnding::Unreachable);
            }
        }
        world.assert_over();
    }
}

#[test]
fn a_call_whose_phone_cannot_be_reached_any_more_is_ended_when_it_is_asked_for() {
    let mut world = connected(6);
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(3);
    world.disconnect(address(2, 5060));
    world.unreachable.push(address(2, 5060));
    world.run_s(601);
    assert_eq!(world.ending(ANNA, call), "BYE received");
    assert_eq!(world.records[0].ending, CallEnding::Lost);
}
