//! Every way that a call can take, each ending cleanly on both sides.

use std::time::Duration;

use muster_domain::dial_plan::{PlanUpdate, Service};
use muster_phone::{CallEnding, CallId, Command, Input, Reply, ReplyId};

use crate::phone::{CallStage, Manners, Then};
use crate::world::{ACME, ANNA, BERT, CARLA, REALM, World, address, person, user};

const AT_ONCE: Duration = Duration::from_millis(1);

fn ringing(then: Then) -> Manners {
    Manners { ring_after: Some(Duration::from_millis(20)), then }
}

/// Anna and Bert talk.
fn talking(seed: u64) -> (World, usize) {
    let mut world = World::ready(seed);
    world.phones[BERT].manners = ringing(Then::Answer(Duration::from_secs(2)));
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(5);
    assert_eq!((world.stage(ANNA, call), world.stage(BERT, 0)), (CallStage::Up, CallStage::Up));
    (world, call)
}

#[test]
fn the_caller_hears_ringing_then_the_answer_and_hangs_up() {
    let (mut world, call) = talking(1);
    assert_eq!(world.phones[ANNA].calls[call].statuses, [100, 180, 200]);
    assert!(world.phones[BERT].calls[0].acked);
    world.act(ANNA, |phone, now| phone.hang_up(now, call));
    world.assert_over();
    assert_eq!(world.ending(BERT, 0), "BYE received");
    assert_eq!(world.phones[ANNA].calls[call].statuses, [100, 180, 200, 200]);
    let record = &world.records[0];
    assert_eq!((record.caller, record.callee, record.status), (user(1), user(2), 200));
    assert_eq!(record.ending, CallEnding::CallerHungUp);
    assert_eq!(record.dialled, "102");
    assert!(record.answered_at.is_some_and(|at| at > record.started_at && at < record.ended_at));
}

#[test]
fn the_callee_hangs_up() {
    let (mut world, call) = talking(2);
    world.act(BERT, |phone, now| phone.hang_up(now, 0));
    world.assert_over();
    assert_eq!(world.ending(ANNA, call), "BYE received");
    assert_eq!(world.phones[BERT].calls[0].statuses, [200]);
    assert_eq!(world.records[0].ending, CallEnding::CalleeHungUp);
}

#[test]
fn both_hang_up_at_once() {
    let (mut world, call) = talking(3);
    world.act(BERT, |phone, now| phone.hang_up(now, 0));
    world.act(ANNA, |phone, now| phone.hang_up(now, call));
    world.assert_over();
}

#[test]
fn the_caller_gives_up_while_it_rings() {
    let mut world = World::ready(4);
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(3);
    assert_eq!(world.stage(BERT, 0), CallStage::RingingHere);
    world.act(ANNA, |phone, now| phone.cancel(now, call));
    world.assert_over();
    assert_eq!((world.ending(ANNA, call), world.ending(BERT, 0)), ("487", "cancelled"));
    assert_eq!(world.records[0].ending, CallEnding::Cancelled);
}

#[test]
fn the_caller_gives_up_before_the_phone_has_said_anything() {
    let mut world = World::ready(5);
    world.phones[BERT].manners = Manners { ring_after: Some(Duration::from_secs(1)), then: Then::RingOn };
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_ms(200);
    world.act(ANNA, |phone, now| phone.cancel(now, call));
    world.run_ms(300);
    assert_eq!(world.ending(ANNA, call), "487", "the caller need not wait for the phone");
    assert_eq!(world.stage(BERT, 0), CallStage::RingingHere, "no CANCEL before a 1xx (RFC 3261 §9.1)");
    world.assert_over();
    assert_eq!(world.ending(BERT, 0), "cancelled");
}

#[test]
fn the_callee_rejects() {
    for (status, heard) in
        [(486, "486"), (603, "603"), (488, "488"), (404, "480"), (302, "480"), (500, "480")]
    {
        let mut world = World::ready(6);
        world.phones[BERT].manners = ringing(Then::Reject(Duration::from_secs(1), status));
        let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
        world.assert_over();
        assert_eq!(world.ending(ANNA, call), heard, "after {status}");
    }
}

#[test]
fn nobody_answers() {
    let mut world = World::ready(7);
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(19);
    assert_eq!(world.stage(ANNA, call), CallStage::Early);
    world.run_s(2);
    assert_eq!((world.ending(ANNA, call), world.ending(BERT, 0)), ("480", "cancelled"));
    world.assert_over();
    assert_eq!(world.records[0].ending, CallEnding::NoAnswer);
}

#[test]
fn a_phone_that_has_vanished_is_no_answer_either() {
    let mut world = World::ready(8);
    world.phones[BERT].silent = true;
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.assert_over();
    assert_eq!(world.ending(ANNA, call), "480");
}

/// The answer and the CANCEL cross at every possible distance.
#[test]
fn an_answer_and_a_cancel_cross_in_both_orders() {
    let mut seen = std::collections::BTreeSet::new();
    for delay_ms in 990..1010 {
        let mut world = World::ready(delay_ms);
        world.phones[BERT].manners = ringing(Then::Answer(Duration::from_millis(1000)));
        let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
        world.run_ms(delay_ms);
        world.act(ANNA, |phone, now| phone.cancel(now, call));
        world.assert_over();
        seen.insert((world.ending(ANNA, call).to_owned(), world.ending(BERT, 0).to_owned()));
    }
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert!(seen.contains(&pair("487", "cancelled")), "{seen:?}");
    assert!(seen.contains(&pair("487", "BYE received")), "the 200 came too late: {seen:?}");
    assert!(seen.contains(&pair("BYE sent", "BYE received")), "the CANCEL came too late: {seen:?}");
}

#[test]
fn a_call_forks_and_one_phone_stops_ringing_when_the_other_answers() {
    let mut world = World::ready(9);
    let second = world.add_phone("bert at home", "102", "bert.b", address(4, 5060));
    world.register_all();
    world.phones[second].manners = ringing(Then::Answer(Duration::from_secs(3)));
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(2);
    assert_eq!(
        (world.stage(BERT, 0), world.stage(second, 0)),
        (CallStage::RingingHere, CallStage::RingingHere)
    );
    world.run_s(3);
    assert_eq!((world.ending(BERT, 0), world.stage(second, 0)), ("cancelled", CallStage::Up));
    let cancel = world.phones[BERT].received.iter().find(|bytes| bytes.starts_with(b"CANCEL")).unwrap();
    assert!(String::from_utf8_lossy(cancel).contains("Call completed elsewhere"));
    assert_eq!(world.phones[ANNA].calls[call].statuses, [100, 180, 200], "one ringing for both");
    world.act(second, |phone, now| phone.hang_up(now, 0));
    world.assert_over();
}

#[test]
fn two_phones_answer_at_once_and_one_of_them_is_told_that_it_is_over() {
    let mut world = World::ready(10);
    let second = world.add_phone("bert at home", "102", "bert.b", address(4, 5060));
    world.register_all();
    for phone in [BERT, second] {
        world.phones[phone].manners = ringing(Then::Answer(Duration::from_secs(1)));
    }
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(3);
    let mut stages = [world.stage(BERT, 0), world.stage(second, 0)];
    stages.sort_by_key(|stage| *stage == CallStage::Ended);
    assert_eq!(stages, [CallStage::Up, CallStage::Ended]);
    assert!(world.phones[BERT].calls[0].acked && world.phones[second].calls[0].acked);
    world.act(ANNA, |phone, now| phone.hang_up(now, call));
    world.assert_over();
}

#[test]
fn one_phone_rejects_and_the_other_rings_on_but_a_decline_is_for_all() {
    for (status, while_ringing, at_end) in [(486, "not ended", "486"), (603, "603", "603")] {
        let mut world = World::ready(11);
        let second = world.add_phone("bert at home", "102", "bert.b", address(4, 5060));
        world.register_all();
        world.phones[second].manners = ringing(Then::Reject(Duration::from_secs(1), status));
        let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
        world.run_s(5);
        assert_eq!(world.ending(ANNA, call), while_ringing);
        world.assert_over();
        assert_eq!((world.ending(ANNA, call), world.ending(BERT, 0)), (at_end, "cancelled"));
    }
}

#[test]
fn who_is_dialled_decides_what_the_caller_hears() {
    let mut world = World::ready(12);
    let mut contact = person(4, "104", "dora.d", REALM);
    contact.service = Service::ContactOnly;
    world.change(contact);
    world.change(person(5, "105", "emil.e", REALM));
    for (dialled, heard) in
        [("999", "404"), ("bert.b", "404"), ("104", "480"), ("105", "480"), ("101", "480")]
    {
        let call = world.act(ANNA, |phone, now| phone.call(now, dialled));
        world.run_s(1);
        assert_eq!(world.ending(ANNA, call), heard, "dialling {dialled:?}");
    }
    world.assert_over();
}

#[test]
fn a_from_of_somebody_else_is_refused_and_ones_own_name_becomes_the_extension() {
    let mut world = World::ready(13);
    for from in ["sip:103@acme.example", "sip:bert.b@acme.example", "sip:101@elsewhere.example.acme"] {
        let call = world.act(ANNA, |phone, now| phone.call_as(now, "102", from));
        world.run_s(1);
        let heard = if from.contains("101@") { "not ended" } else { "403" };
        assert_eq!(world.ending(ANNA, call), heard, "{from}");
        if heard == "not ended" {
            world.act(ANNA, |phone, now| phone.cancel(now, call));
        }
    }
    let call = world.act(ANNA, |phone, now| phone.call_as(now, "102", "sip:anna.a@acme.example"));
    world.run_s(1);
    let invite = String::from_utf8_lossy(world.phones[BERT].received.last().unwrap()).into_owned();
    assert!(invite.starts_with("INVITE "), "{invite}");
    assert!(invite.contains("From: \"Person 1\" <sip:101@acme.example>"), "{invite}");
    assert!(invite.contains("P-Asserted-Identity: \"Person 1\" <sip:101@acme.example>"), "{invite}");
    for absent in ["999", "phone of", "100rel", "Somebody", "replaces", "timer"] {
        assert!(!invite.contains(absent), "{absent} in {invite}");
    }
    world.act(ANNA, |phone, now| phone.cancel(now, call));
    world.assert_over();
}

#[test]
fn an_invite_without_sdp_gets_the_offer_in_the_answer_and_answers_in_the_ack() {
    let mut world = World::ready(14);
    world.phones[ANNA].late_offer = true;
    world.phones[BERT].manners = ringing(Then::Answer(Duration::from_secs(1)));
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(3);
    assert!(world.phones[ANNA].calls[call].bodies[0].contains("m=audio 4000"));
    assert!(world.phones[BERT].calls[0].bodies[0].contains("m=audio 4000"), "in the ACK");
    world.act(BERT, |phone, now| phone.hang_up(now, 0));
    world.assert_over();
}

#[test]
fn hold_and_resume_pass_between_the_sides_and_so_does_dtmf() {
    let (mut world, call) = talking(15);
    let hold = crate::phone::SDP.replace("m=audio 4000", "m=audio 4002");
    world.act(ANNA, |phone, now| phone.reinvite(now, call, &hold));
    world.run_s(1);
    assert!(world.phones[BERT].calls[0].bodies.last().unwrap().contains("4002"));
    assert_eq!(world.phones[ANNA].calls[call].statuses, [100, 180, 200, 200]);
    world.act(BERT, |phone, now| phone.reinvite(now, 0, &hold.replace("4002", "4004")));
    world.run_s(1);
    assert!(world.phones[ANNA].calls[call].bodies.iter().any(|body| body.contains("4004")));
    world.act(BERT, |phone, now| phone.info(now, 0, "Signal=5"));
    world.run_s(1);
    assert_eq!(world.phones[ANNA].calls[call].bodies.last().unwrap(), "Signal=5");
    assert_eq!(world.phones[BERT].answers.last().map(|a| (a.0.as_str(), a.1)), Some(("INFO", 200)));
    world.act(ANNA, |phone, now| phone.hang_up(now, call));
    world.assert_over();
}

#[test]
fn a_body_that_is_no_sdp_or_dtmf_does_not_pass() {
    let (mut world, call) = talking(15);
    let seen = world.phones[BERT].received.len();
    world.phones[ANNA].body_type = Some("text/plain");
    world.act(ANNA, |phone, now| phone.info(now, call, "anna.a"));
    world.run_s(1);
    assert_eq!(world.phones[ANNA].answers.last().map(|a| (a.0.as_str(), a.1)), Some(("INFO", 415)));
    let accept =
        world.phones[ANNA].last_answer.as_ref().and_then(|answer| answer.header(muster_sip::Name::Accept));
    assert_eq!(accept, Some("application/dtmf-relay, application/dtmf"));
    world.act(ANNA, |phone, now| phone.reinvite(now, call, "anna.a"));
    world.run_s(1);
    assert_eq!(world.phones[ANNA].calls[call].statuses.last(), Some(&415));
    assert_eq!(world.phones[BERT].received.len(), seen);
    world.act(BERT, |phone, now| phone.hang_up(now, 0));
    world.run_s(40);
    let refused = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(1);
    assert_eq!(world.ending(ANNA, refused), "415");
    assert_eq!(world.phones[BERT].calls.len(), 1);
}

#[test]
fn of_two_reinvites_that_cross_one_waits() {
    let (mut world, call) = talking(16);
    world.act(ANNA, |phone, now| phone.reinvite(now, call, crate::phone::SDP));
    world.act(BERT, |phone, now| phone.reinvite(now, 0, crate::phone::SDP));
    world.run_s(2);
    let last = |phone: usize, call: usize| *world.phones[phone].calls[call].statuses.last().unwrap();
    let mut both = [last(ANNA, call), last(BERT, 0)];
    both.sort_unstable();
    assert_eq!(both, [200, 491]);
    world.act(ANNA, |phone, now| phone.hang_up(now, call));
    world.assert_over();
}

#[test]
fn a_caller_that_never_acknowledges_ends_the_call() {
    let mut world = World::ready(17);
    world.phones[BERT].manners = ringing(Then::Answer(Duration::from_secs(1)));
    world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_ms(900);
    world.phones[ANNA].silent = true;
    world.run_s(20);
    assert_eq!(world.stage(BERT, 0), CallStage::Up);
    world.run_s(20);
    assert_eq!(world.ending(BERT, 0), "BYE received");
    assert_eq!(world.records[0].ending, CallEnding::Lost);
    let byes = world.phones[ANNA].received.iter().filter(|bytes| bytes.starts_with(b"BYE")).count();
    assert!(byes > 1, "the caller gets a BYE, too");
    world.phones[ANNA].calls.clear();
    world.assert_over();
}

#[test]
fn a_person_deactivated_during_a_call_loses_it_on_both_sides_at_once() {
    for deactivated in [1, 2] {
        let (mut world, call) = talking(18);
        let mut plan = match deactivated {
            1 => person(1, "101", "anna.a", REALM),
            _ => person(2, "102", "bert.b", REALM),
        };
        plan.service = Service::ContactOnly;
        world.change(plan);
        world.run_s(1);
        assert_eq!((world.ending(ANNA, call), world.ending(BERT, 0)), ("BYE received", "BYE received"));
        assert_eq!(world.records[0].ending, CallEnding::EndedByUs);
        assert_eq!(world.core.counters().bindings, 2);
        world.assert_over();
    }
}

#[test]
fn a_person_removed_while_it_rings_ends_it_for_both() {
    for removed in [1, 2] {
        let mut world = World::ready(19);
        let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
        world.run_s(2);
        world.plan(PlanUpdate::PersonGone { org: ACME, seq: 99, user: user(removed) });
        world.run_s(1);
        assert_eq!((world.ending(ANNA, call), world.ending(BERT, 0)), ("480", "cancelled"));
        world.assert_over();
    }
}

#[test]
fn an_answer_just_before_the_deactivation_is_acknowledged_and_ended() {
    for after_ms in 0..8 {
        let mut world = World::ready(20);
        world.phones[BERT].manners = Manners { ring_after: None, then: Then::Answer(AT_ONCE) };
        let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
        world.run_ms(2 + after_ms);
        let mut plan = person(2, "102", "bert.b", REALM);
        plan.service = Service::Disabled;
        world.change(plan);
        world.assert_over();
        assert_ne!(world.ending(ANNA, call), "not ended");
    }
}

#[test]
fn a_call_is_ended_by_order_and_when_it_is_too_long() {
    let (mut world, call) = talking(21);
    world.input(Input::Command(Command::Calls { id: ReplyId(1), org: ACME }));
    let Some(Reply::Calls(calls)) = world.replies.pop() else { panic!("calls") };
    assert_eq!((calls.len(), calls[0].caller, calls[0].callee), (1, user(1), user(2)));
    let order = |call| Command::EndCall { id: ReplyId(2), org: ACME, call };
    world.input(Input::Command(order(CallId(77))));
    assert!(matches!(world.replies.pop(), Some(Reply::CallEnded(false))));
    world.input(Input::Command(order(calls[0].call)));
    assert!(matches!(world.replies.pop(), Some(Reply::CallEnded(true))));
    world.run_s(1);
    assert_eq!(world.ending(ANNA, call), "BYE received");
    world.assert_over();

    let (mut world, call) = talking(22);
    for phone in [ANNA, BERT, CARLA] {
        world.act(phone, |phone, now| phone.register(now, 7200));
    }
    world.run_s(12 * 3600 + 10);
    assert_eq!((world.ending(ANNA, call), world.ending(BERT, 0)), ("BYE received", "BYE received"));
    assert_eq!(world.records[0].ending, CallEnding::TooLong);
    world.assert_over();
}

#[test]
fn requests_with_wrong_tags_belong_to_no_call() {
    let (mut world, call) = talking(23);
    let theirs = world.phones[ANNA].calls[call].clone();
    world.phones[ANNA].calls[call].call_id = "another".into();
    world.act(ANNA, |phone, now| phone.hang_up(now, call));
    world.run_s(1);
    assert_eq!(world.phones[ANNA].calls[call].statuses.last(), Some(&481));
    assert_eq!(world.stage(BERT, 0), CallStage::Up);
    world.phones[ANNA].calls[call] = theirs;
    world.act(BERT, |phone, now| phone.hang_up(now, 0));
    world.assert_over();
}

#[test]
fn too_many_calls_are_refused_with_503() {
    let config = muster_phone::CoreConfig { calls_per_person_max: 2, ..Default::default() };
    let mut world = World::with(24, config);
    world.register_all();
    let calls: Vec<usize> = (0..3).map(|_| world.act(ANNA, |phone, now| phone.call(now, "102"))).collect();
    world.run_s(1);
    assert_eq!(world.ending(ANNA, calls[2]), "503");
    assert_eq!(world.core.counters().calls, 2);
    world.assert_over();
}

#[test]
fn phones_of_two_people_may_share_an_address_and_call_each_other() {
    let mut world = World::ready(25);
    let mut line = world.journal.iter().find(|record| record.key.user == user(2)).unwrap().clone();
    line.key.contact = "sip:line2@10.0.0.1:5060".into();
    line.state.as_mut().unwrap().flow.peer = address(1, 5060);
    world.input(Input::Restore(line));
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(1);
    assert!(world.phones[ANNA].calls[1].incoming, "the other line of the same device rings");
    world.act(ANNA, |phone, now| phone.cancel(now, call));
    world.assert_over();
}

#[test]
fn somebody_without_an_extension_calls_under_the_name_alone() {
    let mut world = World::ready(26);
    let mut anna = person(1, "101", "anna.a", REALM);
    anna.extension = None;
    world.change(anna);
    let call = world.act(ANNA, |phone, now| phone.call_as(now, "102", "sip:anna.a@acme.example"));
    world.run_s(1);
    let invite = String::from_utf8_lossy(world.phones[BERT].received.last().unwrap()).into_owned();
    assert!(invite.contains("From: \"Person 1\" <sip:acme.example>;tag="), "{invite}");
    assert!(invite.contains("Contact: <sip:127.0.0.1:5060>"), "{invite}");
    world.act(ANNA, |phone, now| phone.cancel(now, call));
    world.assert_over();
}

#[test]
fn a_phone_that_lost_its_power_during_a_call_does_not_stay_busy() {
    let (mut world, call) = talking(27);
    world.run_s(1900);
    assert_eq!((world.stage(ANNA, call), world.stage(BERT, 0)), (CallStage::Up, CallStage::Up));
    world.phones[BERT].silent = true;
    world.run_s(700);
    assert_eq!(world.ending(ANNA, call), "BYE received");
    assert_eq!(world.records[0].ending, CallEnding::Lost);
    world.phones[BERT].calls.clear();
    world.assert_over();
}

#[test]
fn a_lost_ack_is_sent_again_when_the_answer_is_repeated() {
    let mut world = World::ready(28);
    world.phones[BERT].manners = ringing(Then::Answer(Duration::from_secs(1)));
    world.lose.push((address(2, 5060), "ACK"));
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_ms(1300);
    assert!(world.lose.is_empty() && !world.phones[BERT].calls[0].acked);
    world.run_s(1);
    assert!(world.phones[BERT].calls[0].acked);
    world.phones[BERT].calls[0].acked = false;
    world.lose.push((address(2, 5060), "ACK"));
    world.act(ANNA, |phone, now| phone.reinvite(now, call, crate::phone::SDP));
    world.run_ms(200);
    assert!(world.lose.is_empty() && !world.phones[BERT].calls[0].acked);
    world.run_s(1);
    assert!(world.phones[BERT].calls[0].acked, "also that of a re-INVITE");
    world.act(ANNA, |phone, now| phone.hang_up(now, call));
    world.assert_over();
}

#[test]
fn the_caller_gets_no_bye_before_it_has_acknowledged() {
    let mut world = World::ready(29);
    world.phones[BERT].manners = ringing(Then::Answer(Duration::from_secs(1)));
    world.lose.push((address(1, 5060), "ACK sip:102@127"));
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_ms(1200);
    assert!(world.lose.is_empty());
    world.act(BERT, |phone, now| phone.hang_up(now, 0));
    world.run_ms(200);
    assert_eq!(world.phones[BERT].calls[0].statuses, [200], "the callee need not wait");
    assert_eq!(world.stage(ANNA, call), CallStage::Up, "RFC 3261 §15");
    assert_eq!(world.core.counters().calls, 0, "for everybody else it is over");
    world.run_s(1);
    assert_eq!(world.ending(ANNA, call), "BYE received");
    world.assert_over();
}

#[test]
fn a_reinvite_without_sdp_takes_the_offer_from_the_answer_and_answers_in_the_ack() {
    let (mut world, call) = talking(30);
    world.phones[BERT].calls[0].acked = false;
    world.phones[BERT].calls[0].bodies.clear();
    world.act(ANNA, |phone, now| phone.reinvite(now, call, ""));
    world.run_s(1);
    assert_eq!(world.phones[BERT].calls[0].bodies.len(), 1, "in the ACK, not in the re-INVITE");
    assert!(world.phones[BERT].calls[0].acked);
    world.act(BERT, |phone, now| phone.hang_up(now, 0));
    world.assert_over();
}

#[test]
fn the_caller_hears_the_early_media_of_one_phone_only() {
    let mut world = World::ready(31);
    let second = world.add_phone("bert at home", "102", "bert.b", address(4, 5060));
    world.register_all();
    for (phone, port) in [(BERT, "4010"), (second, "4020")] {
        world.phones[phone].early_media = true;
        world.phones[phone].sdp = crate::phone::SDP.replace("4000", port);
    }
    world.phones[second].manners.ring_after = Some(Duration::from_secs(1));
    let call = world.act(ANNA, |phone, now| phone.call(now, "102"));
    world.run_s(3);
    let heard = &world.phones[ANNA].calls[call];
    assert_eq!((heard.bodies.len(), heard.statuses.as_slice()), (1, [100, 183, 180].as_slice()));
    assert!(heard.bodies[0].contains("4010"));
    world.act(ANNA, |phone, now| phone.cancel(now, call));
    world.assert_over();
}
