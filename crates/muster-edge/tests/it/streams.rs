//! TCP peers that are slow, silent, oversized or gone.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use muster_domain::dial_plan::{PersonPlan, PlanUpdate};
use muster_edge::{EdgeHandle, EdgeLimits};
use muster_load::digest::Algorithm;
use muster_load::phone::{Ending, Transport};

use crate::support::*;

fn connect(edge: &EdgeHandle) -> TcpStream {
    let stream = TcpStream::connect(edge.tcp_addrs()[0]).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream
}

/// Everything the server says until it closes; fails if it does not close.
fn read_to_close(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    match stream.read_to_end(&mut text) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the connection was not closed: {error}"),
    }
    String::from_utf8_lossy(&text).into_owned()
}

const HEAD: &str = "OPTIONS sip:acme.example SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKx\r\n\
     Max-Forwards: 70\r\nFrom: <sip:a@acme.example>;tag=1\r\nTo: <sip:acme.example>\r\nCall-ID: x\r\n\
     CSeq: 1 OPTIONS\r\n";

#[test]
fn a_message_that_takes_too_long_closes_its_connection() {
    let directory = tempfile::tempdir().unwrap();
    let limits = EdgeLimits { message_time_max: Duration::from_millis(300), ..EdgeLimits::default() };
    let edge = start_with(directory.path(), limits);
    let mut stream = connect(&edge);
    let started = Instant::now();
    for byte in HEAD.bytes() {
        if stream.write_all(&[byte]).is_err() || started.elapsed() > Duration::from_secs(4) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(read_to_close(&mut stream), "");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(edge.counters().tcp_closed_by_us, 1);
}

#[test]
fn a_lone_line_end_is_no_message_that_takes_too_long() {
    let directory = tempfile::tempdir().unwrap();
    let limits = EdgeLimits { message_time_max: Duration::from_millis(100), ..EdgeLimits::default() };
    let edge = start_with(directory.path(), limits);
    let mut stream = connect(&edge);
    let message = format!("{HEAD}Content-Length: 0\r\n\r\n");
    stream.write_all(format!("{message}\r\n").as_bytes()).unwrap();
    // Longer than the limit and the sweep that enforces it.
    std::thread::sleep(Duration::from_millis(1300));
    stream.write_all(message.replace("z9hG4bKx", "z9hG4bKy").as_bytes()).unwrap();
    assert_eq!(count_answers(&mut stream, 2), 2);
}

#[test]
fn a_connection_that_never_says_anything_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let limits = EdgeLimits { first_message_time_max: Duration::from_millis(200), ..EdgeLimits::default() };
    let edge = start_with(directory.path(), limits);
    let mut stream = connect(&edge);
    assert_eq!(read_to_close(&mut stream), "");
    assert!(eventually(|| edge.counters().tcp_open == 0));
}

#[test]
fn a_message_that_announces_too_much_is_refused_and_closed() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(directory.path());
    let mut stream = connect(&edge);
    stream.write_all(format!("{HEAD}Content-Length: 10000000\r\n\r\n").as_bytes()).unwrap();
    let said = read_to_close(&mut stream);
    assert!(said.is_empty() || said.starts_with("SIP/2.0 4"), "{said}");
    // A head without an end is cut off too.
    let mut stream = connect(&edge);
    let endless = "X-Filler: x\r\n".repeat(10_000);
    let _ = stream.write_all(format!("{HEAD}{endless}").as_bytes());
    read_to_close(&mut stream);
    assert_eq!(edge.counters().tcp_closed_by_us, 2);
    registered(&edge, 1);
}

#[test]
fn a_message_in_pieces_and_two_in_one_are_both_answered() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(directory.path());
    let mut stream = connect(&edge);
    let message = format!("{HEAD}Content-Length: 0\r\n\r\n");
    let (first, second) = message.as_bytes().split_at(100);
    stream.write_all(first).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    stream.write_all(second).unwrap();
    assert_eq!(count_answers(&mut stream, 1), 1);
    let other = message.replace("z9hG4bKx", "z9hG4bKy").replace("Call-ID: x", "Call-ID: y");
    let third = message.replace("z9hG4bKx", "z9hG4bKz").replace("Call-ID: x", "Call-ID: z");
    stream.write_all(format!("\r\n{other}{third}").as_bytes()).unwrap();
    assert_eq!(count_answers(&mut stream, 2), 2);
}

/// Reads until `wanted` answers have come; how many did.
fn count_answers(stream: &mut TcpStream, wanted: usize) -> usize {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while text.matches("SIP/2.0 200").count() < wanted {
        match stream.read(&mut buffer) {
            Ok(length) if length > 0 => text.push_str(&String::from_utf8_lossy(&buffer[..length])),
            _ => break,
        }
    }
    text.matches("SIP/2.0 200").count()
}

#[test]
fn a_ping_is_answered_with_a_pong() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(directory.path());
    let mut stream = connect(&edge);
    stream.write_all(b"\r\n\r\n").unwrap();
    let mut pong = [0; 2];
    stream.read_exact(&mut pong).unwrap();
    assert_eq!(&pong, b"\r\n");
}

#[test]
fn a_peer_that_asks_and_never_reads_is_closed_and_takes_no_memory() {
    let directory = tempfile::tempdir().unwrap();
    let limits = EdgeLimits { unsent_bytes_max: 20_000, ..EdgeLimits::default() };
    let edge = start_with(directory.path(), limits);
    let mut stream = connect(&edge);
    socket2::SockRef::from(&stream).set_recv_buffer_size(4096).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    // Distinct requests, each of which is answered: far more than the kernel's buffers hold.
    let was_closed = (0..60_000).any(|n| {
        let message = HEAD.replace("z9hG4bKx", &format!("z9hG4bK{n}"));
        stream.write_all(format!("{message}Content-Length: 0\r\n\r\n").as_bytes()).is_err()
    });
    assert!(was_closed);
    assert!(eventually(|| edge.counters().tcp_closed_by_us == 1));
    registered(&edge, 1);
}

#[test]
fn one_address_gets_its_share_of_connections_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let limits = EdgeLimits { connections_per_address_max: 3, ..EdgeLimits::default() };
    let edge = start_with(directory.path(), limits);
    let kept: Vec<TcpStream> = (0..3).map(|_| connect(&edge)).collect();
    assert!(eventually(|| edge.counters().tcp_open == 3));
    assert_eq!(read_to_close(&mut connect(&edge)), "");
    drop(kept);
    assert!(eventually(|| edge.counters().tcp_open == 0));
    let phone = phone(&edge, 1, Transport::Tcp, Algorithm::Sha256);
    phone.register(600).unwrap();
}

#[test]
fn a_phone_whose_connection_ended_is_not_reachable_any_more() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(directory.path());
    let over_tcp = phone(&edge, 1, Transport::Tcp, Algorithm::Sha256);
    over_tcp.register(600).unwrap();
    let caller = registered(&edge, 2);
    drop(over_tcp);
    assert!(eventually(|| edge.counters().tcp_open == 0));
    // The core keeps the binding until it expires, as the phone may come back; a call to it is
    // tried at the contact's own address, and ends when the phone has been rung long enough.
    assert_eq!(who_is_registered(&edge), [1, 2]);
    let impatient = PersonPlan { call_timeout_s: 2, ..person(1) };
    edge.plan(PlanUpdate::Person { org: ORG, seq: 2, person: impatient }).unwrap();
    let call = caller.invite("101").unwrap();
    let ending = call.wait_ended(Duration::from_secs(6)).unwrap();
    assert!(matches!(ending, Ending::Refused(_)), "{ending:?}");
    assert_eq!(caller.faults(), Vec::<String>::new());
}
