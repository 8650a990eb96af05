//! TCP peers that are slow, silent, oversized or gone.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

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
    let mut answers = 0;
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    while answers < wanted {
        match stream.read(&mut buffer) {
            Ok(length) if length > 0 => text.extend_from_slice(&buffer[..length]),
            _ => break,
        }
        while let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") {
            answers += usize::from(text.starts_with(b"SIP/2.0 200"));
            text.drain(..end + 4);
        }
    }
    answers
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

fn options(n: usize) -> String {
    format!("{}Content-Length: 0\r\n\r\n", HEAD.replace("z9hG4bKx", &format!("z9hG4bK{n}")))
}

/// Asks and reads nothing until the server takes no more; how many questions went out whole.
fn ask_until_it_waits(stream: &mut TcpStream) -> usize {
    socket2::SockRef::from(&*stream).set_recv_buffer_size(4096).unwrap();
    socket2::SockRef::from(&*stream).set_send_buffer_size(4096).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    (0..200_000).take_while(|n| stream.write_all(options(*n).as_bytes()).is_ok()).count()
}

#[test]
fn a_peer_that_asks_and_does_not_read_has_to_wait_and_gets_every_answer_when_it_does() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(directory.path());
    let mut stream = connect(&edge);
    let asked = ask_until_it_waits(&mut stream);
    assert!((100..200_000).contains(&asked), "{asked}");
    assert_eq!(edge.counters().tcp_closed_by_us, 0);
    let taken = edge.counters().received("OPTIONS");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(edge.counters().received("OPTIONS"), taken, "nothing is read for who does not read");
    assert_eq!(count_answers(&mut stream, asked), asked);
    registered(&edge, 1);
}

#[test]
fn a_peer_that_is_owed_more_than_its_share_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let limits = EdgeLimits { unsent_bytes_max: 2_000, ..EdgeLimits::default() };
    let edge = start_with(directory.path(), limits);
    ask_until_it_waits(&mut connect(&edge));
    assert!(eventually(|| edge.counters().tcp_closed_by_us == 1));
    registered(&edge, 1);
}

#[test]
fn peers_that_do_not_read_take_no_more_together_than_all_may() {
    let directory = tempfile::tempdir().unwrap();
    let limits = EdgeLimits { unsent_bytes_of_all_max: 2_000, ..EdgeLimits::default() };
    let edge = start_with(directory.path(), limits);
    let mut peers: Vec<TcpStream> = (0..3).map(|_| connect(&edge)).collect();
    for peer in &mut peers {
        ask_until_it_waits(peer);
    }
    assert!(eventually(|| edge.counters().tcp_closed_by_us >= 2));
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
    // tried at the contact's own address, where nobody listens, and fails long before the twenty
    // seconds that the phone would ring.
    assert_eq!(who_is_registered(&edge), [1, 2]);
    let call = caller.invite("101").unwrap();
    assert_eq!(call.wait_ended(Duration::from_secs(5)).unwrap(), Ending::Refused(480));
    assert_eq!(caller.faults(), Vec::<String>::new());
}

#[test]
fn an_http_client_is_told_that_this_is_the_sip_port_and_hears_the_end_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(directory.path());
    for request in
        ["GET / HTTP/1.1\r\nHost: ", "POST /api/v1 HTTP/1.0\nContent-Length: 9\n\n{", "PRI * HTTP/2.0\r\n"]
    {
        let mut stream = connect(&edge);
        // In two pieces, of which the first is not a whole line.
        let (first, rest) = request.as_bytes().split_at(5);
        stream.write_all(first).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        stream.write_all(rest).unwrap();
        let said = read_to_close(&mut stream);
        assert!(
            said.starts_with("HTTP/1.1 400 ") && said.contains("This is the SIP port"),
            "{request}: {said}"
        );
    }
    let mut stream = connect(&edge);
    let named_so = HEAD.replace("sip:acme.example SIP", "sip:HTTP/1.1@acme.example SIP");
    stream.write_all(format!("{named_so}Content-Length: 0\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(count_answers(&mut stream, 1), 1);
}
