//! The test phone against a server that is scripted line by line: what it must refuse, it refuses.

#![allow(clippy::unwrap_used)]

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use muster_load::phone::{Call, CallState, Ending, Phone, PhoneConfig, PhoneError};

const SOON: Duration = Duration::from_secs(3);

/// A socket that plays the server, and the phone that believes it.
struct Stage {
    server: UdpSocket,
    phone: Phone,
}

impl Stage {
    fn new() -> Stage {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server.set_read_timeout(Some(SOON)).unwrap();
        let addr = server.local_addr().unwrap();
        let mut config = PhoneConfig::new(addr, "acme.example", "101", "anna", "secret");
        config.rings_by_itself = false;
        Stage { phone: Phone::start(config).unwrap(), server }
    }

    fn send(&self, text: &str) {
        self.server.send_to(text.as_bytes(), self.phone.local_addr()).unwrap();
    }

    fn receive(&self) -> String {
        let mut buffer = [0; 4096];
        let (length, _) = self.server.recv_from(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// The next message that begins so.
    fn receive_until(&self, start: &str) -> String {
        loop {
            let text = self.receive();
            if text.starts_with(start) {
                return text;
            }
        }
    }

    fn request(&self, method: &str, branch: &str, cseq: u32, from_tag: &str, to_tag: Option<&str>) -> String {
        let server: SocketAddr = self.server.local_addr().unwrap();
        let contact = self.phone.contact();
        let to_tag = to_tag.map(|tag| format!(";tag={tag}")).unwrap_or_default();
        format!(
            "{method} {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {server};branch=z9hG4bK{branch}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:102@acme.example>;tag={from_tag}\r\n\
             To: <sip:101@acme.example>{to_tag}\r\nCall-ID: call\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:{server}>\r\nContent-Length: 0\r\n\r\n"
        )
    }

    /// A call that came and was answered; with the tag that the phone gave.
    fn answered(&self) -> (Call, String) {
        self.send(&self.request("INVITE", "invite", 7, "theirs", None));
        let call = self.phone.next_call(SOON).unwrap();
        call.ring().unwrap();
        call.answer().unwrap();
        let ok = self.receive_until("SIP/2.0 200");
        let tag = header(&ok, "To").split_once(";tag=").unwrap().1.to_owned();
        self.send(&self.request("ACK", "ack", 7, "theirs", Some(&tag)));
        (call, tag)
    }
}

fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let prefix = format!("{name}: ");
    message.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap()
}

#[test]
fn a_bye_is_refused_with_wrong_tags_or_an_old_cseq_and_accepted_when_right() {
    let stage = Stage::new();
    let (call, tag) = stage.answered();
    for (branch, cseq, from_tag, to_tag, status) in [
        ("1", 8, "theirs", "not-ours", "481"),
        ("2", 8, "not-theirs", tag.as_str(), "481"),
        ("3", 7, "theirs", &tag, "500"),
        ("4", 6, "theirs", &tag, "500"),
    ] {
        stage.send(&stage.request("BYE", branch, cseq, from_tag, Some(to_tag)));
        let answer = stage.receive_until("SIP/2.0 ");
        assert!(answer.starts_with(&format!("SIP/2.0 {status}")), "{branch}: {answer}");
        assert_eq!(call.state(), CallState::Answered);
    }
    assert_eq!(stage.phone.faults().len(), 4, "{:?}", stage.phone.faults());
    stage.send(&stage.request("BYE", "5", 8, "theirs", Some(&tag)));
    assert!(stage.receive().starts_with("SIP/2.0 200"));
    assert_eq!(call.wait_ended(SOON).unwrap(), Ending::RemoteHungUp);
    stage.send(&stage.request("BYE", "6", 9, "theirs", Some(&tag)));
    assert!(stage.receive().starts_with("SIP/2.0 481"));
}

#[test]
fn a_request_for_another_contact_is_a_fault() {
    let stage = Stage::new();
    let (_call, tag) = stage.answered();
    let bye = stage.request("BYE", "1", 8, "theirs", Some(&tag));
    let own = stage.phone.contact();
    stage.send(&bye.replacen(&own, "sip:somebody@192.0.2.1", 1));
    stage.receive();
    let faults = stage.phone.faults();
    assert!(faults[0].contains("sip:somebody@192.0.2.1"), "{faults:?}");
}

#[test]
fn a_200_goes_again_until_its_ack_comes() {
    let stage = Stage::new();
    stage.send(&stage.request("INVITE", "invite", 7, "theirs", None));
    let call = stage.phone.next_call(SOON).unwrap();
    call.answer().unwrap();
    let first = stage.receive_until("SIP/2.0 200");
    assert_eq!(stage.receive_until("SIP/2.0 200"), first);
    let tag = header(&first, "To").split_once(";tag=").unwrap().1.to_owned();
    stage.send(&stage.request("ACK", "ack", 7, "theirs", Some(&tag)));
    stage.server.set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
    let mut buffer = [0; 4096];
    let quiet = stage.server.recv_from(&mut buffer).is_err() || stage.server.recv_from(&mut buffer).is_err();
    assert!(quiet, "it goes on after the ACK");
    assert_eq!(stage.phone.faults(), Vec::<String>::new());
}

#[test]
fn a_cancel_ends_the_call_with_487_and_one_of_no_invite_is_refused() {
    let stage = Stage::new();
    stage.send(&stage.request("CANCEL", "none", 7, "theirs", None));
    assert!(stage.receive().starts_with("SIP/2.0 481"));
    stage.send(&stage.request("INVITE", "invite", 7, "theirs", None));
    let call = stage.phone.next_call(SOON).unwrap();
    call.ring().unwrap();
    stage.receive_until("SIP/2.0 180");
    stage.send(&stage.request("CANCEL", "invite", 7, "theirs", None));
    let mut starts = [stage.receive(), stage.receive()].map(|text| text[..11].to_owned());
    starts.sort();
    assert_eq!(starts, ["SIP/2.0 200", "SIP/2.0 487"]);
    assert_eq!(call.wait_ended(SOON).unwrap(), Ending::Cancelled);
    assert_eq!(stage.phone.faults().len(), 1);
}

#[test]
fn an_answer_to_nothing_is_a_fault_and_a_refusal_is_acknowledged() {
    let stage = Stage::new();
    let call = stage.phone.invite("102").unwrap();
    let invite = stage.receive_until("INVITE");
    let answer = |status: &str, call_id: &str| {
        let (via, from) = (header(&invite, "Via"), header(&invite, "From"));
        let (to, cseq) = (header(&invite, "To"), header(&invite, "CSeq"));
        format!(
            "SIP/2.0 {status}\r\nVia: {via}\r\nFrom: {from}\r\nTo: {to};tag=t\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq}\r\nContent-Length: 0\r\n\r\n"
        )
    };
    stage.send(&answer("486 Busy Here", "another"));
    stage.send(&answer("486 Busy Here", header(&invite, "Call-ID")));
    let ack = stage.receive_until("ACK");
    assert_eq!(header(&ack, "Via"), header(&invite, "Via"));
    assert!(header(&ack, "To").ends_with(";tag=t"));
    assert!(matches!(call.wait(CallState::Answered, SOON), Err(PhoneError::Refused { status: 486, .. })));
    let faults = stage.phone.faults();
    assert!(faults.len() == 1 && faults[0].contains("another Call-ID"), "{faults:?}");
}

#[test]
fn a_silent_server_gets_the_request_again_and_the_caller_a_timeout() {
    let stage = Stage::new();
    let call = stage.phone.invite("102").unwrap();
    let first = stage.receive();
    assert_eq!(stage.receive(), first);
    assert!(stage.phone.retransmissions() >= 1);
    let waited = call.wait(CallState::Ringing, Duration::from_millis(50));
    assert!(matches!(waited, Err(PhoneError::Timeout(_))));
}
