//! The state machines, each against its diagram, and the keys.

use crate::corpus::{INVITE, REGISTER, message};
use bytes::Bytes;
use muster_sip::time::Duration;
use muster_sip::transaction::{
    Action, Event, InviteClient, InviteServer, Key, NonInviteClient, NonInviteServer, SuccessRetransmission,
    Timer,
};
use muster_sip::{Message, Method, Name, Writer};

/// Actions as short words: what was sent by its first word or status, timers with their seconds.
fn words(out: &mut Vec<Action>) -> String {
    let words: Vec<String> = out
        .drain(..)
        .map(|action| match action {
            Action::Send(bytes) => format!("send {}", kind(&bytes)),
            Action::SetTimer(timer, after) => format!("{timer:?} {}", after.as_secs_f64()),
            Action::ToUser(Event::Response(response)) => format!("user {}", response.status().unwrap()),
            Action::ToUser(Event::Ack(_)) => "user ACK".into(),
            Action::ToUser(event) => format!("user {event:?}"),
            Action::Terminated => "end".into(),
        })
        .collect();
    words.join(", ")
}

fn kind(bytes: &Bytes) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut parts = text.split(' ');
    let first = parts.next().unwrap();
    if first == "SIP/2.0" { parts.next().unwrap().into() } else { first.into() }
}

fn response(request: &Message, status: u16) -> Message {
    let source = "192.0.2.4:5060".parse().unwrap();
    Message::parse(Writer::response_to(request, status, "x", Some("t"), source).finish()).unwrap()
}

fn ack() -> Message {
    message(&INVITE.replace("INVITE", "ACK"))
}

#[test]
fn an_invite_refused_over_udp_is_answered_until_the_ack_comes() {
    let (invite, mut out) = (message(INVITE), Vec::new());
    let mut server = InviteServer::new(false);
    server.on_request(&invite, &mut out);
    assert_eq!(words(&mut out), "", "nothing to repeat yet");
    server.respond(180, response(&invite, 180).bytes().clone(), &mut out);
    server.on_request(&invite, &mut out);
    assert_eq!(words(&mut out), "send 180, send 180");
    assert!(server.is_proceeding());
    server.respond(486, response(&invite, 486).bytes().clone(), &mut out);
    assert_eq!(words(&mut out), "send 486, G 0.5, H 32");
    assert!(!server.is_proceeding());
    for expect in ["send 486, G 1", "send 486, G 2", "send 486, G 4", "send 486, G 4"] {
        server.on_timer(Timer::G, &mut out);
        assert_eq!(words(&mut out), expect);
    }
    server.respond(200, response(&invite, 200).bytes().clone(), &mut out);
    assert_eq!(words(&mut out), "", "the first final response stands");
    server.on_request(&ack(), &mut out);
    assert_eq!(words(&mut out), "I 5");
    server.on_request(&ack(), &mut out);
    server.on_request(&invite, &mut out);
    server.on_timer(Timer::G, &mut out);
    server.on_timer(Timer::H, &mut out);
    assert_eq!(words(&mut out), "");
    server.on_timer(Timer::I, &mut out);
    assert_eq!(words(&mut out), "end");
}

#[test]
fn an_invite_refused_over_tcp_is_answered_once() {
    let (invite, mut out) = (message(INVITE), Vec::new());
    let mut server = InviteServer::new(true);
    server.respond(486, response(&invite, 486).bytes().clone(), &mut out);
    assert_eq!(words(&mut out), "send 486, H 32");
    server.on_request(&ack(), &mut out);
    assert_eq!(words(&mut out), "end");
    let mut alone = InviteServer::new(true);
    alone.respond(486, response(&invite, 486).bytes().clone(), &mut out);
    out.clear();
    alone.on_timer(Timer::H, &mut out);
    assert_eq!(words(&mut out), "user TimedOut, end");
}

#[test]
fn an_invite_accepted_absorbs_its_retransmissions_and_passes_acks_on() {
    let (invite, mut out) = (message(INVITE), Vec::new());
    let ok = response(&invite, 200).bytes().clone();
    let mut server = InviteServer::new(false);
    server.respond(200, ok.clone(), &mut out);
    assert_eq!(words(&mut out), "send 200, L 32");
    server.on_request(&invite, &mut out);
    assert_eq!(words(&mut out), "");
    server.respond(200, ok, &mut out);
    server.on_request(&ack(), &mut out);
    server.on_request(&ack(), &mut out);
    assert_eq!(words(&mut out), "send 200, user ACK, user ACK");
    server.on_transport_error(&mut out);
    assert_eq!(words(&mut out), "", "RFC 6026: the ACK may still come");
    server.on_timer(Timer::L, &mut out);
    assert_eq!(words(&mut out), "end");
}

#[test]
fn a_2xx_is_repeated_for_32_s_or_until_its_ack() {
    let mut out = Vec::new();
    let ok = response(&message(INVITE), 200).bytes().clone();
    let mut repeat = SuccessRetransmission::start(ok.clone(), &mut out);
    let (mut waited, mut sent) = (Duration::ZERO, 0);
    loop {
        let Some(Action::SetTimer(Timer::Success, after)) = out.pop() else { break };
        waited += after;
        out.clear();
        repeat.on_timer(&mut out);
        sent += usize::from(matches!(out.first(), Some(Action::Send(_))));
        if repeat.is_done() {
            break;
        }
    }
    assert_eq!(words(&mut out), "user TimedOut, end");
    assert_eq!((waited, sent), (Duration::from_secs(32), 10));
    let mut repeat = SuccessRetransmission::start(ok, &mut out);
    out.clear();
    repeat.acknowledged(&mut out);
    repeat.acknowledged(&mut out);
    repeat.on_timer(&mut out);
    assert_eq!(words(&mut out), "end");
}

#[test]
fn a_register_over_udp_is_answered_again_for_32_s_with_the_same_octets() {
    let (register, mut out) = (message(REGISTER), Vec::new());
    let mut server = NonInviteServer::new(false);
    server.on_request(&mut out);
    assert_eq!(words(&mut out), "");
    server.respond(200, response(&register, 200).bytes().clone(), &mut out);
    assert_eq!(words(&mut out), "send 200, J 32");
    server.on_request(&mut out);
    server.respond(500, response(&register, 500).bytes().clone(), &mut out);
    assert_eq!(words(&mut out), "send 200");
    server.on_timer(Timer::J, &mut out);
    server.on_request(&mut out);
    assert_eq!(words(&mut out), "end");
    assert!(size_of::<NonInviteServer>() <= 48, "{} octets", size_of::<NonInviteServer>());
    let mut reliable = NonInviteServer::new(true);
    reliable.respond(200, response(&register, 200).bytes().clone(), &mut out);
    assert_eq!(words(&mut out), "send 200, end");
}

#[test]
fn a_request_of_ours_is_repeated_until_a_final_response() {
    let (register, mut out) = (message(REGISTER), Vec::new());
    let mut client = NonInviteClient::start(register.bytes().clone(), false, &mut out);
    assert_eq!(words(&mut out), "send REGISTER, F 32, E 0.5");
    for expect in ["send REGISTER, E 1", "send REGISTER, E 2", "send REGISTER, E 4", "send REGISTER, E 4"] {
        client.on_timer(Timer::E, &mut out);
        assert_eq!(words(&mut out), expect);
    }
    client.on_response(&response(&register, 100), &mut out);
    client.on_timer(Timer::E, &mut out);
    assert_eq!(words(&mut out), "user 100, send REGISTER, E 4");
    client.on_response(&response(&register, 200), &mut out);
    client.on_response(&response(&register, 200), &mut out);
    client.on_timer(Timer::E, &mut out);
    client.on_timer(Timer::F, &mut out);
    assert_eq!(words(&mut out), "user 200, K 5");
    client.on_timer(Timer::K, &mut out);
    assert_eq!(words(&mut out), "end");
}

#[test]
fn a_request_that_nobody_answers_times_out() {
    let mut out = Vec::new();
    let mut client = NonInviteClient::start(message(REGISTER).bytes().clone(), true, &mut out);
    assert_eq!(words(&mut out), "send REGISTER, F 32");
    client.on_timer(Timer::F, &mut out);
    assert_eq!(words(&mut out), "user TimedOut, end");
    let mut client = InviteClient::start(message(INVITE), false, &mut out);
    assert_eq!(words(&mut out), "send INVITE, B 32, A 0.5");
    for expect in ["send INVITE, A 1", "send INVITE, A 2"] {
        client.on_timer(Timer::A, &mut out);
        assert_eq!(words(&mut out), expect);
    }
    client.on_timer(Timer::B, &mut out);
    assert_eq!(words(&mut out), "user TimedOut, end");
}

#[test]
fn an_invite_of_ours_that_is_refused_sends_an_ack_each_time() {
    let (invite, mut out) = (message(&INVITE.replace("Record-Route", "Route")), Vec::new());
    let mut client = InviteClient::start(invite.clone(), false, &mut out);
    out.clear();
    assert!(!client.can_cancel() && client.is_pending());
    client.on_response(&response(&invite, 180), &mut out);
    client.on_timer(Timer::A, &mut out);
    client.on_timer(Timer::B, &mut out);
    assert_eq!(words(&mut out), "user 180");
    assert!(client.can_cancel());
    client.on_response(&response(&invite, 486), &mut out);
    let Some(Action::Send(ack)) = out.first().cloned() else { panic!() };
    assert_eq!(words(&mut out), "send ACK, user 486, D 32");
    client.on_response(&response(&invite, 486), &mut out);
    client.on_response(&response(&invite, 200), &mut out);
    assert_eq!(words(&mut out), "send ACK");
    client.on_timer(Timer::D, &mut out);
    assert_eq!(words(&mut out), "end");
    let ack = Message::parse(ack).unwrap();
    assert_eq!(ack.to().unwrap().tag(), Some("t"));
    assert_eq!(ack.cseq().unwrap(), (2, Method::Ack));
    assert_eq!(
        (ack.header(Name::Via), ack.header(Name::Route)),
        (invite.header(Name::Via), invite.header(Name::Route))
    );
    let cancel = Message::parse(client.cancel()).unwrap();
    assert_eq!(cancel.to().unwrap().tag(), None);
    assert_eq!(cancel.cseq().unwrap(), (2, Method::Cancel));
    assert_eq!(cancel.request_uri(), invite.request_uri());
}

#[test]
fn an_invite_of_ours_that_is_accepted_passes_every_2xx_on() {
    let (invite, mut out) = (message(INVITE), Vec::new());
    let mut client = InviteClient::start(invite.clone(), true, &mut out);
    assert_eq!(words(&mut out), "send INVITE, B 32");
    for _ in 0..2 {
        client.on_response(&response(&invite, 200), &mut out);
    }
    client.on_response(&response(&invite, 486), &mut out);
    client.on_transport_error(&mut out);
    assert_eq!(words(&mut out), "user 200, M 32, user 200");
    client.on_timer(Timer::M, &mut out);
    assert_eq!(words(&mut out), "end");
}

#[test]
fn messages_of_one_transaction_have_one_key() {
    let invite = message(INVITE);
    let key = Key::of_request(&invite);
    assert_eq!(Key::of_request(&ack()), key);
    let cancel = message(&INVITE.replace("INVITE", "CANCEL"));
    assert_eq!(Key::of_cancelled(&cancel), key);
    for other in [
        cancel,
        message(&INVITE.replace("z9hG4bK74bf9", "z9hG4bK74bf8")),
        message(&INVITE.replace("UDP 192.0.2.4:5070", "UDP 192.0.2.4:5071")),
        message(&INVITE.replace("UDP 192.0.2.4:5070", "UDP 192.0.2.5:5070")),
    ] {
        assert_ne!(Key::of_request(&other), key, "{:?}", other.header(Name::Via));
    }
    assert_eq!(
        Key::of_request(&message(&INVITE.replace("z9hG4bK", "Z9HG4BK"))),
        Key::of_request(&message(&INVITE.replace("z9hG4bK", "Z9HG4BK")))
    );
    assert_eq!(Key::of_response(&response(&invite, 180)), Some(Key::client("z9hG4bK74bf9", "INVITE")));
    assert_ne!(
        Key::of_response(&response(&message(REGISTER), 200)),
        Some(Key::client("z9hG4bK74bf9", "INVITE"))
    );
}

#[test]
fn without_the_magic_cookie_the_old_comparison_holds() {
    let old = INVITE.replace("z9hG4bK74bf9", "1");
    let key = Key::of_request(&message(&old));
    let ack =
        old.replace("INVITE", "ACK").replace("To: <sip:101@example.org>", "To: <sip:101@example.org>;tag=t");
    assert_eq!(Key::of_request(&message(&ack)), key);
    for (from, to) in [
        ("CSeq: 2", "CSeq: 3"),
        ("9fxced76sl", "x"),
        ("INVITE sip:101", "INVITE sip:102"),
        ("Call-ID: 3", "Call-ID: 4"),
    ] {
        assert_ne!(Key::of_request(&message(&old.replace(from, to))), key, "{to}");
    }
}
