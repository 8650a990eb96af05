//! Calls of somebody who needs an emergency location and has none.

use std::sync::Arc;

use crate::world::{ANNA, BERT, REALM, World, person};

/// Anna's calls are held back, but for those for help.
fn held() -> World {
    let mut world = World::ready(31);
    let mut anna = person(1, "101", "anna.a", REALM);
    anna.held_but_for = Some(Arc::from(["911".into(), "112".into()]));
    world.change(anna);
    world
}

#[test]
fn calls_wait_for_an_emergency_location_and_the_caller_hears_why() {
    let mut world = held();
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(1);
    assert_eq!(world.ending(ANNA, call), "403");
    assert_eq!(world.phones[BERT].live_calls(), 0);
    // Nor is she reached: whoever calls her hears that it is not for want of a phone.
    let call = world.act(BERT, |phone, now| phone.call(now, "101"));
    world.run_s(1);
    assert_eq!(world.ending(BERT, call), "480");
    world.assert_over();
}

#[test]
fn calls_for_help_are_never_held_back_with_or_without_an_outside_line() {
    let mut world = held();
    for dialled in ["911", "112", "9911"] {
        let call = world.act(ANNA, |phone, now| phone.call(now, dialled));
        world.run_s(1);
        // It gets as far as any call can that nobody here answers.
        assert_eq!(world.ending(ANNA, call), "404", "{dialled}");
    }
    world.assert_over();
}

#[test]
fn once_there_is_a_location_calls_go_on_at_once_and_a_call_that_is_up_is_not_ended_by_losing_it() {
    let mut world = held();
    world.change(person(1, "101", "anna.a", REALM));
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(1);
    world.act(BERT, |phone, now| phone.answer(now, 0));
    world.run_s(1);
    let mut anna = person(1, "101", "anna.a", REALM);
    anna.held_but_for = Some(Arc::from(["911".into()]));
    world.change(anna);
    world.run_s(5);
    assert_eq!(world.phones[ANNA].live_calls(), 1);
    world.act(ANNA, |phone, now| phone.hang_up(now, call));
    world.assert_over();
}
