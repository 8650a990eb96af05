//! Registrations that come back from the journal.

use muster_domain::dial_plan::{PlanUpdate, Service};
use muster_phone::{CoreConfig, Input};

use crate::world::{ACME, ANNA, BERT, REALM, World, credential, person, secret_id, user};

#[test]
fn bindings_come_back_from_the_journal_and_ring_until_the_plan_says_otherwise() {
    let mut before = World::ready(15);
    let journal = before.journal.clone();
    let mut world = World::new(16);
    for record in &journal {
        world.input(Input::Restore(record.clone()));
    }
    assert_eq!(world.core.counters().bindings, 3);
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(2);
    assert_eq!(world.phones[BERT].calls.len(), 1);
    world.act(ANNA, |phone, now| phone.cancel(now, call));
    world.assert_over();

    let mut unplanned = muster_phone::Core::new(CoreConfig::default(), muster_sip::Rng::from_u64(1));
    for record in &journal {
        unplanned.handle(Input::Restore(record.clone()), before.now);
    }
    assert_eq!(unplanned.counters().bindings, 3, "kept while the organization is not loaded");
    let mut bert = person(2, "102", "bert.b", REALM);
    bert.service = Service::Disabled;
    let people = vec![person(1, "101", "anna.a", REALM), bert];
    let update = PlanUpdate::Organization { id: ACME, seq: 1, realm: REALM.into(), aliases: vec![], people };
    unplanned.handle(Input::Plan(update), before.now);
    assert_eq!(unplanned.counters().bindings, 1);
    before.run_ms(1);
}

#[test]
fn a_registration_comes_back_only_if_the_secret_it_was_made_with_is_the_secret_still() {
    let before = World::ready(15);
    let mut anna = person(1, "101", "anna.a", REALM);
    anna.credentials = vec![credential(1, "anna.a", REALM, "another")].into();
    let mut planned_first = World::new(16);
    planned_first.change(anna.clone());
    let mut restored_first = World::new(16);
    for world in [&mut planned_first, &mut restored_first] {
        for record in &before.journal {
            world.input(Input::Restore(record.clone()));
        }
    }
    let people = vec![anna, person(2, "102", "bert.b", REALM), person(3, "103", "carla.c", REALM)];
    let update = PlanUpdate::Organization { id: ACME, seq: 20, realm: REALM.into(), aliases: vec![], people };
    restored_first.plan(update);
    for mut world in [planned_first, restored_first] {
        assert_eq!(world.core.counters().bindings, 2, "the two whose secret is the same");
        let gone = world.journal.last().unwrap();
        assert!(gone.key.user == user(1) && gone.state.is_none(), "nor after the next start: {gone:?}");
        world.act(ANNA, |phone, now| phone.register(now, 3600));
        world.run_ms(500);
        assert_eq!(world.phones[ANNA].answers.last().map(|answer| answer.1), Some(401));
    }
}

#[test]
fn a_secret_written_anew_and_the_same_keeps_its_phones_over_a_restart() {
    let mut world = World::ready(17);
    let mut anna = person(1, "101", "anna.a", REALM);
    anna.credentials[0].secret = secret_id("the same, under another id");
    world.change(anna.clone());
    assert_eq!(world.core.counters().bindings, 3);
    let mut next = World::new(18);
    next.change(anna);
    for record in &world.journal {
        next.input(Input::Restore(record.clone()));
    }
    assert_eq!(next.core.counters().bindings, 3);
}
