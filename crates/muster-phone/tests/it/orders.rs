//! What an administrator orders the core to do.

use muster_phone::{Command, Input, Reply, ReplyId};

use crate::world::{ACME, ANNA, OTHER, World, user};

#[test]
fn a_phone_that_is_signed_off_by_order_is_gone_alone_and_may_come_back() {
    let mut world = World::ready(1);
    let came = world.now;
    world.run_s(60);
    let ask = |world: &mut World, command| {
        world.input(Input::Command(command));
        match world.replies.pop() {
            Some(Reply::Registrations(rows) | Reply::SignedOff(rows)) => rows,
            other => panic!("{other:?}"),
        }
    };
    let (id, all) = (ReplyId(1), Command::Registrations { id: ReplyId(1), org: ACME, user: Some(user(1)) });
    let phones = ask(&mut world, all.clone());
    assert!(phones.len() == 1 && phones[0].since <= came, "{phones:?}");
    let order =
        |org, contact: &str| Command::SignOff { id, org, user: user(1), contact: Some(contact.into()) };
    assert!(ask(&mut world, order(ACME, "sip:101@10.0.0.99")).is_empty());
    assert!(ask(&mut world, order(OTHER, &phones[0].contact)).is_empty());
    let gone = ask(&mut world, order(ACME, &phones[0].contact));
    assert_eq!((gone.len(), ask(&mut world, all.clone()).len()), (1, 0));
    assert!(world.presence.last().is_some_and(|(_, view)| view.user == user(1) && !view.registered));
    assert!(
        world.journal.last().is_some_and(|record| record.state.is_none()),
        "it would be back after a restart"
    );
    let of_bert = Command::Registrations { id, org: ACME, user: Some(user(2)) };
    assert_eq!(ask(&mut world, of_bert).len(), 1);
    world.act(ANNA, |phone, now| phone.register(now, 3600));
    world.run_ms(500);
    assert_eq!(ask(&mut world, Command::SignOff { id, org: ACME, user: user(1), contact: None }).len(), 1);
    assert!(ask(&mut world, all).is_empty());
}
