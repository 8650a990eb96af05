//! The program ends while calls are up: nobody is left with a call that nobody holds.

use std::time::Duration;

use muster_phone::{CallEnding, Input};

use crate::phone::{CallStage, Manners, Then};
use crate::world::{ANNA, BERT, CARLA, World};

const ALL: usize = usize::MAX;

fn answering_after(ms: u64) -> Manners {
    Manners { ring_after: Some(Duration::from_millis(20)), then: Then::Answer(Duration::from_millis(ms)) }
}

#[test]
fn a_call_that_is_up_gets_a_bye_on_both_sides_and_one_that_rings_is_refused_and_cancelled() {
    let mut world = World::ready(1);
    world.phones[BERT].manners = answering_after(100);
    let up = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(2);
    world.phones[BERT].manners.then = Then::RingOn;
    let ringing = world.act(CARLA, |phone, now| phone.call(now, "102"));
    world.run_s(1);
    assert_eq!((world.stage(ANNA, up), world.stage(CARLA, ringing)), (CallStage::Up, CallStage::Early));
    assert!(!world.core.is_at_rest());
    world.input(Input::EndCalls { at_most: ALL });
    assert!(!world.core.is_at_rest(), "the phones have not confirmed it");
    world.run_ms(100);
    assert!(world.core.is_at_rest());
    assert_eq!((world.ending(ANNA, up), world.ending(BERT, 0)), ("BYE received", "BYE received"));
    assert_eq!(world.ending(CARLA, ringing), "503");
    assert_eq!(world.stage(BERT, 1), CallStage::Ended);
    let endings: Vec<_> = world.records.iter().map(|record| (record.ending, record.status)).collect();
    assert_eq!(endings, [(CallEnding::ServerStopped, 200), (CallEnding::ServerStopped, 503)]);
    assert_eq!(world.core.counters().bindings, 3, "who is registered stays so");
    assert!(world.journal.iter().all(|record| record.state.is_some()));
    world.assert_over();
}

#[test]
fn a_call_that_begins_while_the_program_ends_is_told_to_try_again() {
    let mut world = World::ready(2);
    world.input(Input::EndCalls { at_most: ALL });
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_ms(100);
    assert_eq!(world.ending(ANNA, call), "503");
    let answer = String::from_utf8_lossy(world.phones[ANNA].received.last().unwrap()).into_owned();
    assert!(answer.contains("Retry-After: 5\r\n"), "{answer}");
    assert!(world.core.is_at_rest());
    world.assert_over();
}

#[test]
fn a_caller_that_owes_its_ack_gets_its_bye_when_the_ack_comes_or_before_we_go() {
    for ack_comes in [true, false] {
        let mut world = World::ready(3);
        world.phones[BERT].manners = answering_after(100);
        let lost = if ack_comes { 1 } else { 20 };
        // Those to the 200; that to the challenge names the domain.
        world.lose = vec![(world.phones[ANNA].addr, "ACK sip:102@127"); lost];
        let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
        world.run_ms(200);
        world.input(Input::EndCalls { at_most: ALL });
        world.run_ms(100);
        assert_eq!(world.ending(BERT, 0), "BYE received", "who answered need not wait");
        assert_eq!(world.stage(ANNA, call), CallStage::Up, "no BYE before the ACK");
        assert!(!world.core.is_at_rest());
        // Our 200 is sent again after half a second, and so is the ACK.
        let in_time = if ack_comes { 700 } else { 1600 };
        world.run_ms(in_time);
        assert_eq!(world.ending(ANNA, call), "BYE received", "{ack_comes}");
        assert!(world.core.is_at_rest());
    }
}

#[test]
fn many_calls_end_in_portions() {
    let mut world = World::ready(4);
    world.phones[BERT].manners = answering_after(10);
    for _ in 0..6 {
        world.act(ANNA, |phone, now| phone.call(now, "102"));
    }
    world.run_s(2);
    for left in [4, 2, 0] {
        world.input(Input::EndCalls { at_most: 2 });
        assert_eq!(world.core.counters().calls, left);
    }
    world.assert_over();
}
