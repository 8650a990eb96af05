//! Phones that come back under another address.

use muster_phone::{Command, Input, Reply, ReplyId};
use muster_sip::{Message, Name};

use crate::world::{ACME, ANNA, REALM, World, address, person};

const LINPHONE: &str = "Linphone/5.2.4 (Debian)";

/// What is registered of Anna, in the order it came.
fn registered(world: &mut World) -> Vec<String> {
    world.input(Input::Command(Command::Registrations {
        id: ReplyId(1),
        org: ACME,
        user: Some(crate::world::user(1)),
    }));
    let Some(Reply::Registrations(rows)) = world.replies.pop() else { panic!("registrations") };
    rows.iter().map(|row| row.contact.to_string()).collect()
}

/// Anna, with so many phones at most, and none yet.
fn world(phones_max: u8) -> World {
    let mut world = World::new(1);
    let mut anna = person(1, "101", "anna.a", REALM);
    anna.max_bindings = phones_max;
    world.change(anna);
    world
}

/// Starts a phone of Anna's (its Call-ID is new), which registers; gives the last answer.
fn boot(world: &mut World, host: u8, port: u16, contact: &str, agent: &str) -> (u16, String) {
    // Whoever was there has gone.
    for (n, phone) in (1..).zip(&mut world.phones).filter(|(_, phone)| phone.addr == address(host, port)) {
        phone.addr = address(200, n);
    }
    let phone = world.add_phone("soft", "101", "anna.a", address(host, port));
    let headers = [(Name::Contact, contact), (Name::Expires, "600"), (Name::UserAgent, agent)];
    world.act(phone, |phone, now| phone.register_as(now, &headers));
    world.run_ms(500);
    let (_, status, reason) = world.phones[phone].answers.last().expect("an answer").clone();
    (status, reason)
}

#[test]
fn a_soft_phone_restarted_on_ten_ports_is_never_locked_out_and_a_second_device_stays() {
    let mut world = world(2);
    assert_eq!(boot(&mut world, 9, 5060, "<sip:101@10.0.0.9:5060>", "Yealink SIP-T54W 96.86").0, 200);
    for port in 40_001..=40_010 {
        let contact = format!("<sip:101@10.0.0.1:{port};transport=udp;rinstance=r{port}>");
        assert_eq!(boot(&mut world, 1, port, &contact, LINPHONE).0, 200, "{port}");
    }
    let left = registered(&mut world);
    assert_eq!(left, ["sip:101@10.0.0.9:5060", "sip:101@10.0.0.1:40010;transport=udp;rinstance=r40010"]);
}

#[test]
fn two_devices_of_one_make_behind_one_nat_both_stay_while_one_of_them_restarts() {
    let mut world = world(2);
    // The NAT's address is the same, those that they call themselves by are not.
    assert_eq!(boot(&mut world, 1, 61_000, "<sip:101@192.168.1.20:5060>", LINPHONE).0, 200);
    for n in 0..10 {
        let contact = format!("<sip:101@192.168.1.21:{}>", 5060 + n);
        assert_eq!(boot(&mut world, 1, 61_001 + n, &contact, LINPHONE).0, 200);
    }
    assert_eq!(registered(&mut world), ["sip:101@192.168.1.20:5060", "sip:101@192.168.1.21:5069"]);
}

#[test]
fn of_alike_phones_the_one_that_was_heard_least_lately_makes_room() {
    let mut world = world(2);
    for port in [5060, 5061] {
        let contact = format!("<sip:101@10.0.0.1:{port}>");
        boot(&mut world, 1, port, &contact, LINPHONE);
        world.run_s(60);
    }
    boot(&mut world, 1, 5060, "<sip:101@10.0.0.1:5060>", LINPHONE);
    boot(&mut world, 1, 5062, "<sip:101@10.0.0.1:5062>", LINPHONE);
    assert_eq!(registered(&mut world), ["sip:101@10.0.0.1:5060", "sip:101@10.0.0.1:5062"]);
}

#[test]
fn a_phone_that_is_not_alike_is_one_too_many() {
    let full = (403, "Too many phones".to_owned());
    let contact = "<sip:101@10.0.0.1:5061>";
    for (what, host, contact, agent) in [
        ("another program", 1, contact, "MicroSIP/3.21.3"),
        ("another address", 4, contact, LINPHONE),
        ("another user part", 1, "<sip:anna.a@10.0.0.1:5061>", LINPHONE),
        ("an instance of its own", 1, "<sip:101@10.0.0.1:5061>;+sip.instance=\"<urn:uuid:7>\"", LINPHONE),
    ] {
        let mut world = world(1);
        assert_eq!(boot(&mut world, 1, 5060, "<sip:101@10.0.0.1:5060>", LINPHONE).0, 200);
        assert_eq!(boot(&mut world, host, 5061, contact, agent), full, "{what}");
        assert_eq!(registered(&mut world), ["sip:101@10.0.0.1:5060"]);
    }
    let mut world = world(1);
    let instance = |n| format!("<sip:101@10.0.0.1:506{n}>;+sip.instance=\"<urn:uuid:{n}>\"");
    assert_eq!(boot(&mut world, 1, 5060, &instance(0), LINPHONE).0, 200);
    assert_eq!(boot(&mut world, 1, 5061, &instance(1), LINPHONE), full, "two instances are two phones");
}

#[test]
fn another_credential_is_another_phone() {
    let mut world = world(1);
    let mut anna = person(1, "101", "anna.a", REALM);
    anna.max_bindings = 1;
    let desk = crate::world::credential(11, "anna.desk", REALM, "secret-of-anna.desk");
    anna.credentials = vec![anna.credentials[0].clone(), desk].into();
    world.change(anna);
    assert_eq!(boot(&mut world, 1, 5060, "<sip:101@10.0.0.1:5060>", LINPHONE).0, 200);
    let phone = world.add_phone("desk", "101", "anna.desk", address(1, 5061));
    let headers = [(Name::Contact, "<sip:101@10.0.0.1:5061>"), (Name::UserAgent, LINPHONE)];
    world.act(phone, |phone, now| phone.register_as(now, &headers));
    world.run_ms(500);
    assert_eq!(world.phones[phone].answers.last().map(|answer| answer.1), Some(403));
}

#[test]
fn the_same_call_id_under_another_address_is_the_same_phone_and_what_it_said_earlier_changes_nothing() {
    let mut world = World::new(3);
    let at = |world: &mut World, port: u16| {
        let contact = format!("<sip:101@10.0.0.1:{port}>");
        world.act(ANNA, |phone, now| phone.register_as(now, &[(Name::Contact, &contact)]));
        world.run_ms(500);
        world.phones[ANNA].answers.last().map(|answer| answer.1)
    };
    for port in [5060, 5070, 5080] {
        assert_eq!(at(&mut world, port), Some(200));
    }
    assert_eq!(registered(&mut world), ["sip:101@10.0.0.1:5080"]);
    assert!(world.presence.iter().all(|(_, view)| view.registered), "she was never away");
    world.phones[ANNA].set_seq(40);
    assert_eq!(at(&mut world, 5090), Some(500), "overtaken by what is known");
    assert_eq!(registered(&mut world), ["sip:101@10.0.0.1:5080"]);
    // Two addresses in one request are both meant.
    let two = "<sip:101@10.0.0.1:5060>, <sip:101@10.0.0.1:5070>";
    world.phones[ANNA].set_seq(400);
    world.act(ANNA, |phone, now| phone.register_as(now, &[(Name::Contact, two)]));
    world.run_ms(500);
    assert_eq!(registered(&mut world), ["sip:101@10.0.0.1:5060", "sip:101@10.0.0.1:5070"]);
}

#[test]
fn one_instance_may_register_by_two_connections_and_replaces_each_by_its_number() {
    let mut world = World::new(4);
    let contact = |port: u16, reg_id: u8| {
        format!("<sip:101@10.0.0.1:{port}>;+sip.instance=\"<urn:uuid:7>\";reg-id={reg_id}")
    };
    for (port, reg_id) in [(5060, 1), (5061, 2), (5070, 1)] {
        assert_eq!(boot(&mut world, 1, port, &contact(port, reg_id), LINPHONE).0, 200);
    }
    assert_eq!(registered(&mut world), ["sip:101@10.0.0.1:5061", "sip:101@10.0.0.1:5070"]);
}

#[test]
fn the_answer_to_who_replaced_itself_names_what_is_registered_now() {
    let mut world = world(1);
    boot(&mut world, 1, 5060, "<sip:101@10.0.0.1:5060>", LINPHONE);
    boot(&mut world, 1, 5061, "<sip:101@10.0.0.1:5061>", LINPHONE);
    let answer = world.phones.last().and_then(|phone| phone.last_answer.clone());
    let answer: Message = answer.unwrap();
    let contacts: Vec<&str> = answer.headers(Name::Contact).collect();
    assert_eq!(contacts, ["<sip:101@10.0.0.1:5061>;expires=600"]);
}
