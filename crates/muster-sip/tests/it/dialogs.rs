//! Dialogs from both ends.

use crate::corpus::{INVITE, message};
use muster_sip::dialog::{Dialog, DialogError, DialogId};
use muster_sip::{LocalVia, Message, Method, Name, Writer};

const VIA: LocalVia<'static> = LocalVia { transport: "UDP", sent_by: "192.0.2.1:5060", branch: "z9hG4bKnew" };

fn answer(request: &Message, status: u16, tag: &str, contact: &str) -> Message {
    let source = "192.0.2.4:5070".parse().unwrap();
    let writer = Writer::response_to(request, status, "x", Some(tag), source)
        .copy(request, Name::RecordRoute)
        .header(Name::Contact, contact);
    Message::parse(writer.finish()).unwrap()
}

fn routes(message: &Message) -> Vec<&str> {
    message.values(Name::Route).collect()
}

#[test]
fn both_ends_see_one_dialog_and_routes_in_opposite_order() {
    let invite = message(INVITE);
    let response = answer(&invite, 200, "bt", "<sip:101@198.51.100.1>");
    let mut callee = Dialog::uas(&invite, "bt").unwrap();
    let mut caller = Dialog::uac(&invite, &response).unwrap();
    assert!(caller.confirmed);

    let bye = Message::parse(callee.request(&Method::Bye, &VIA).finish()).unwrap();
    assert_eq!(bye.request_uri(), "sip:100@192.0.2.4:5070");
    assert_eq!(routes(&bye), ["<sip:p1.example.org;lr>", "<sip:p2.example.org;lr>"]);
    assert_eq!(bye.header(Name::From), Some("<sip:101@example.org>;tag=bt"));
    assert_eq!(bye.header(Name::To), Some("\"Ann\" <sip:100@example.org>;tag=9fxced76sl"));
    assert_eq!(DialogId::of_request(&bye).unwrap(), caller.id);
    assert_eq!(caller.accept_request(&bye), Ok(()));
    assert_eq!(caller.accept_request(&bye), Err(DialogError::OutOfOrder));

    let info = Message::parse(caller.request(&Method::Info, &VIA).finish()).unwrap();
    assert_eq!(info.cseq().unwrap(), (3, Method::Info));
    assert_eq!(info.request_uri(), "sip:101@198.51.100.1");
    assert_eq!(routes(&info), ["<sip:p2.example.org;lr>", "<sip:p1.example.org;lr>"]);
    assert_eq!(DialogId::of_request(&info).unwrap(), callee.id);
    assert_eq!(callee.accept_request(&info), Ok(()));
    assert_eq!(caller.next_hop(), "sip:p2.example.org;lr");
}

#[test]
fn the_ack_to_a_2xx_has_the_number_of_its_invite() {
    let invite = message(INVITE);
    let mut caller = Dialog::uac(&invite, &answer(&invite, 200, "bt", "<sip:101@198.51.100.1>")).unwrap();
    caller.request(&Method::Info, &VIA);
    let ack = Message::parse(caller.ack(2, &VIA).finish()).unwrap();
    assert_eq!(ack.cseq().unwrap(), (2, Method::Ack));
    let mut callee = Dialog::uas(&invite, "bt").unwrap();
    assert_eq!(callee.accept_request(&ack), Ok(()));
    assert_eq!(callee.remote_seq, Some(2));
}

#[test]
fn an_early_dialog_takes_the_route_and_target_of_its_2xx() {
    let invite = message(INVITE);
    let mut dialog = Dialog::uac(&invite, &answer(&invite, 180, "bt", "<sip:early@198.51.100.1>")).unwrap();
    assert!(!dialog.confirmed);
    let bare =
        message(&INVITE.replace("Record-Route: <sip:p1.example.org;lr>, <sip:p2.example.org;lr>\n", ""));
    dialog.confirm(&answer(&bare, 200, "bt", "<sip:late@198.51.100.1>")).unwrap();
    assert!(dialog.confirmed && dialog.routes.is_empty());
    assert_eq!(dialog.next_hop(), "sip:late@198.51.100.1");
}

#[test]
fn a_strict_router_stands_in_the_request_uri_and_the_target_at_the_end() {
    let invite = message(&INVITE.replace("<sip:p1.example.org;lr>", "<sip:p1.example.org>"));
    let mut dialog = Dialog::uas(&invite, "bt").unwrap();
    let bye = Message::parse(dialog.request(&Method::Bye, &VIA).finish()).unwrap();
    assert_eq!(bye.request_uri(), "sip:p1.example.org");
    assert_eq!(routes(&bye), ["<sip:p2.example.org;lr>", "<sip:100@192.0.2.4:5070>"]);
}

#[test]
fn a_target_refresh_moves_the_target_and_a_broken_one_does_not() {
    let invite = message(INVITE);
    let mut dialog = Dialog::uas(&invite, "bt").unwrap();
    dialog.refresh_target(&message(&INVITE.replace("100@192.0.2.4:5070>", "100@192.0.2.9>"))).unwrap();
    assert_eq!(dialog.remote_target, "sip:100@192.0.2.9");
    assert!(dialog.refresh_target(&message(&INVITE.replace("100@192.0.2.4:5070>", "a@b@c>"))).is_err());
    assert_eq!(dialog.remote_target, "sip:100@192.0.2.9");
}

#[test]
fn what_lacks_a_contact_or_has_too_many_routes_makes_no_dialog() {
    let none = message(&INVITE.replace("Contact: <sip:100@192.0.2.4:5070>\n", ""));
    assert_eq!(Dialog::uas(&none, "t").unwrap_err(), DialogError::NoContact);
    let many = INVITE.replace("<sip:p2.example.org;lr>", &["<sip:p;lr>"; 16].join(","));
    assert_eq!(Dialog::uas(&message(&many), "t").unwrap_err(), DialogError::TooManyRoutes);
}
