//! A server that answers each request with the next line of its script, and keeps what it was asked.
//! Whether it lives it says to everybody, outside the script.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

pub struct Server {
    pub url: String,
    asked: Receiver<Request>,
}

#[derive(Debug)]
pub struct Request {
    /// `GET /path?query`.
    pub line: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

const LIVES: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nok\n";

/// One answer, or none.
pub enum Step {
    Answer(String),
    /// The same after a while.
    Late(Duration, Box<Step>),
    /// The same, and the connection stays open.
    Held(Box<Step>),
    Drop,
}

impl Step {
    /// Promises a body of so many bytes, whatever it has.
    pub fn with_length(self, length: usize) -> Step {
        let Step::Answer(text) = self else { panic!("only an answer has a length") };
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let head = head.split("content-length: ").next().unwrap();
        Step::Answer(format!("{head}content-length: {length}\r\n\r\n{body}"))
    }
}

pub fn answer(body: Value) -> Step {
    respond("200 OK", &[("content-type", "application/json"), ("etag", "\"7\"")], &body.to_string())
}

pub fn created(location: &str, body: Value) -> Step {
    respond(
        "202 Accepted",
        &[("content-type", "application/json"), ("location", location)],
        &body.to_string(),
    )
}

pub fn problem(status: &str, body: Value) -> Step {
    respond(status, &[("content-type", "application/problem+json")], &body.to_string())
}

/// Reads the request and hangs up.
pub fn drop_connection() -> Step {
    Step::Drop
}

pub fn respond(status: &str, headers: &[(&str, &str)], body: &str) -> Step {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    Step::Answer(format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))
}

impl Server {
    pub fn start(script: Vec<Step>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, asked) = channel();
        std::thread::spawn(move || {
            for step in script {
                let (stream, request) = loop {
                    let (stream, _) = listener.accept().unwrap();
                    let request = read(&stream);
                    if request.line != "GET /healthz" {
                        break (stream, request);
                    }
                    (&stream).write_all(LIVES.as_bytes()).unwrap();
                };
                tell.send(request).unwrap();
                respond_to(&stream, step);
            }
        });
        Server { url, asked }
    }

    /// Everything that was asked so far, in order.
    pub fn asked(&self) -> Vec<Request> {
        self.asked.try_iter().collect()
    }

    pub fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|request| request.line).collect()
    }
}

fn respond_to(mut stream: &TcpStream, step: Step) {
    match step {
        Step::Answer(text) => stream.write_all(text.as_bytes()).unwrap(),
        Step::Late(pause, step) => {
            std::thread::sleep(pause);
            respond_to(stream, *step);
        }
        Step::Held(step) => {
            respond_to(stream, *step);
            // Until the client goes.
            let _ = stream.read(&mut [0; 1]);
        }
        Step::Drop => {}
    }
}

fn read(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut text = String::new();
        reader.read_line(&mut text).unwrap();
        text.trim_end().to_owned()
    };
    let first = line();
    let mut headers = Vec::new();
    loop {
        let text = line();
        let Some((name, value)) = text.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    Request { line: first.trim_end_matches(" HTTP/1.1").to_owned(), headers, body }
}
