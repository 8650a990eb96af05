//! Phones and datagrams.

use std::net::UdpSocket;
use std::time::Duration;

use muster_edge::{EdgeConfig, EdgeError, EdgeGone};
use muster_load::digest::Algorithm;
use muster_load::phone::{CallState, Ending, PhoneError, Transport};

use crate::support::*;

const SOON: Duration = Duration::from_secs(5);

#[test]
fn phones_register_over_udp_and_tcp_with_either_digest() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(directory.path());
    let mut n = 0;
    let mut phones = Vec::new();
    for transport in [Transport::Udp, Transport::Tcp] {
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            n += 1;
            let phone = phone(&edge, n, transport, algorithm);
            phone.register(600).unwrap();
            assert_eq!(phone.faults(), Vec::<String>::new());
            phones.push(phone);
        }
    }
    assert_eq!(who_is_registered(&edge), [1, 2, 3, 4]);
    phones[0].unregister().unwrap();
    phones[2].unregister().unwrap();
    assert_eq!(who_is_registered(&edge), [2, 4]);
    let counters = edge.counters();
    assert_eq!(counters.received("REGISTER"), 12);
    assert_eq!((counters.answered(401), counters.answered(200)), (6, 6));
    assert_eq!(counters.tcp_open, 2);
}

#[test]
fn a_wrong_secret_registers_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(directory.path());
    let server = edge.udp_addrs()[0];
    let config = muster_load::phone::PhoneConfig::new(server, REALM, "101", "user1", "wrong");
    let phone = muster_load::phone::Phone::start(config).unwrap();
    assert!(matches!(phone.register(600), Err(PhoneError::Refused { .. })));
    assert!(who_is_registered(&edge).is_empty());
}

#[test]
fn ipv6_phones_register_too() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = EdgeConfig::new(directory.path());
    config.udp = vec!["[::1]:0".parse().unwrap()];
    let edge = muster_edge::start(config, |_| {}).unwrap();
    edge.plan(snapshot(2)).unwrap();
    registered(&edge, 1);
    assert_eq!(who_is_registered(&edge), [1]);
}

#[test]
fn a_wildcard_socket_answers_from_the_address_that_was_called() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = EdgeConfig::new(directory.path());
    config.udp = vec!["0.0.0.0:0".parse().unwrap()];
    let edge = muster_edge::start(config, |_| {}).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    // A connected socket hears this one address only.
    socket.connect(("127.0.0.9", edge.udp_addrs()[0].port())).unwrap();
    socket.send(options(&socket).as_bytes()).unwrap();
    let mut buffer = [0; 2048];
    let length = socket.recv(&mut buffer).unwrap();
    assert!(buffer[..length].starts_with(b"SIP/2.0 "));
}

#[test]
fn after_a_thousand_garbage_datagrams_a_good_request_is_answered() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(directory.path());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(edge.udp_addrs()[0]).unwrap();
    let mut seed = 1_u64;
    for _ in 0..1000 {
        // An xorshift: reproducible noise of every length.
        let mut noise = Vec::new();
        for _ in 0..1 + seed % 700 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            noise.push(seed as u8 | 1);
        }
        socket.send(&noise).unwrap();
    }
    let huge = vec![b'x'; 65_000];
    socket.send(&huge).unwrap();
    registered(&edge, 1);
    let counters = edge.counters();
    assert!(counters.malformed > 900, "{counters:?}");
    assert_eq!(counters.panics, 0);
}

#[test]
fn line_ends_that_keep_a_nat_open_are_no_messages() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(directory.path());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for keepalive in [&b"\r\n\r\n"[..], b"\0\0\0\0", b""] {
        socket.send_to(keepalive, edge.udp_addrs()[0]).unwrap();
    }
    assert!(eventually(|| edge.counters().keepalives == 3));
    assert_eq!(edge.counters().malformed, 0);
}

#[test]
fn a_taken_port_is_named_with_its_owner() {
    let directory = tempfile::tempdir().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut of_udp = EdgeConfig::new(directory.path());
    of_udp.udp = vec![udp.local_addr().unwrap()];
    let mut of_tcp = EdgeConfig::new(directory.path());
    of_tcp.tcp = vec![tcp.local_addr().unwrap()];
    for (config, port) in [(of_udp, udp.local_addr()), (of_tcp, tcp.local_addr())] {
        let error = muster_edge::start(config, |_| {}).err().unwrap();
        assert!(matches!(error, EdgeError::PortTaken { by: Some(_), .. }));
        let text = error.to_string();
        let expect = [port.unwrap().to_string(), format!("(pid {})", std::process::id())];
        assert!(expect.iter().all(|part| text.contains(part)), "{text}");
    }
}

#[test]
fn after_shutdown_nothing_is_taken_and_nobody_waits() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(directory.path());
    let waiting = edge.clone();
    let thread = std::thread::spawn(move || waiting.wait_reached(ORG, 99, Duration::from_secs(60)));
    edge.shutdown();
    edge.shutdown();
    assert!(!thread.join().unwrap());
    assert_eq!(edge.plan(snapshot(1)), Err(EdgeGone::Stopped));
    assert_eq!(edge.calls(ORG).err(), Some(EdgeGone::Stopped));
}

#[test]
fn phones_call_each_other_and_a_third_watches() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(directory.path());
    let [anna, bert, watcher] = [1, 2, 3].map(|n| registered(&edge, n));
    let watch = watcher.subscribe_dialog("102", 600).unwrap();
    let call = anna.invite("102").unwrap();
    let incoming = bert.next_call(SOON).unwrap();
    assert!(incoming.remote().contains("101"), "{}", incoming.remote());
    call.wait(CallState::Ringing, SOON).unwrap();
    watch.wait_state(Some("early"), SOON).unwrap();
    incoming.answer().unwrap();
    call.wait(CallState::Answered, SOON).unwrap();
    watch.wait_state(Some("confirmed"), SOON).unwrap();
    call.hang_up().unwrap();
    assert_eq!(incoming.wait_ended(SOON).unwrap(), Ending::RemoteHungUp);
    watch.wait_state(None, SOON).unwrap();
    for phone in [anna, bert, watcher] {
        assert_eq!(phone.faults(), Vec::<String>::new());
    }
}

fn options(socket: &UdpSocket) -> String {
    let local = socket.local_addr().unwrap();
    format!(
        "OPTIONS sip:{REALM} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK1;rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:a@{REALM}>;tag=1\r\nTo: <sip:{REALM}>\r\nCall-ID: 1\r\n\
         CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}
