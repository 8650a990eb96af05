//! Connections to the API that say nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::server::{Server, request};

/// Leaves room below the server's limit for the test's own requests.
const SILENT: usize = 900;

#[test]
fn connections_that_send_half_a_header_keep_nobody_out_and_are_closed() {
    let server = Server::start();
    let started = Instant::now();
    let mut silent: Vec<TcpStream> = (0..SILENT)
        .map(|_| {
            let mut stream = TcpStream::connect(server.http).unwrap();
            stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: ").unwrap();
            stream
        })
        .collect();
    let opened = Instant::now();
    let url = format!("http://{}/readyz", server.http);
    assert_eq!(request("GET", &url, "", None).0, 200, "while {SILENT} connections say nothing");
    assert!(started.elapsed() < Duration::from_secs(9), "the silent ones may be gone already");

    for (n, stream) in silent.iter_mut().enumerate() {
        let left = Duration::from_secs(13).saturating_sub(opened.elapsed()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left)).unwrap();
        // The end, or a reset: whichever, within the time.
        let mut answer = Vec::new();
        if let Err(e) = stream.read_to_end(&mut answer) {
            let open = matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
            assert!(!open, "connection {n} is still open");
        }
    }
}

#[test]
fn connections_over_the_limit_are_closed_at_once() {
    let server = Server::start();
    let mut refused = 0;
    let mut held = Vec::new();
    for _ in 0..1100 {
        let Ok(mut stream) = TcpStream::connect(server.http) else { continue };
        let _ = stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: ");
        held.push(stream);
    }
    for stream in held.iter_mut().skip(1024) {
        stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let ended = stream.read(&mut [0; 16]);
        let closed = match ended {
            Ok(read) => read == 0,
            Err(e) => e.kind() == std::io::ErrorKind::ConnectionReset,
        };
        refused += usize::from(closed);
    }
    assert!(refused >= 70, "{refused} of 76 connections over the limit were closed");
    drop(held);
    let url = format!("http://{}/readyz", server.http);
    let deadline = Instant::now() + Duration::from_secs(5);
    while request("GET", &url, "", None).0 != 200 {
        assert!(Instant::now() < deadline, "the places are not given back");
    }
}
