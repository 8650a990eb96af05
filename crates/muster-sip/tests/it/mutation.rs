//! Torture messages broken further, from a fixed seed: nothing panics, and what comes out keeps its
//! promises.

use crate::corpus::{INVITE, REGISTER, text, torture};
use bytes::Bytes;
use muster_sip::dialog::Dialog;
use muster_sip::digest::{Challenge, Credentials};
use muster_sip::transaction::Key;
use muster_sip::{Fault, Message, Name, NameAddr, Rng, StreamFramer, Uri, Via};

/// Unless the environment's MUSTER_FUZZ_ROUNDS asks for more.
const ROUNDS: usize = 4_000;

/// Pieces that parsers stumble over.
const PIECES: [&[u8]; 24] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n ",
    b"\r\n\r\n",
    b"\"",
    b"\\",
    b"<",
    b">",
    b",",
    b";",
    b":",
    b"@",
    b"=",
    b"%",
    b"%00",
    b"[",
    b"]",
    b"\0",
    b"\xff",
    b"\xc3\xa4",
    b"SIP/2.0",
    b"Content-Length: 4294967296\r\n",
    b"99999999999999999999",
];

fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..=rng.below(4) {
        let at = rng.below(bytes.len() as u32) as usize;
        let len = (rng.below(20) as usize).min(bytes.len() - at);
        match rng.below(5) {
            0 => bytes[at] = rng.below(256) as u8,
            1 => drop(bytes.drain(at..at + len)),
            2 => {
                let again = bytes[at..at + len].to_vec();
                bytes.splice(at..at, again);
            }
            3 => bytes.truncate(at.max(bytes.len() / 2)),
            _ => {
                let piece = PIECES[rng.below(PIECES.len() as u32) as usize];
                bytes.splice(at..at, piece.iter().copied());
            }
        }
        if bytes.is_empty() {
            bytes.push(b'x');
        }
    }
}

/// Reads everything that can be read of a message.
fn exercise(message: &Message) {
    for (name, value) in message.all() {
        assert!(!value.contains('\n'), "{name}: {value:?}");
        let _ = (
            NameAddr::parse(value),
            Via::parse(value),
            Challenge::parse_all(value),
            Credentials::parse(value),
        );
        let _ = Uri::parse(value).map(|uri| uri.equivalent(&uri));
    }
    for name in Name::ALL {
        message.values(*name).for_each(|value| assert!(!value.is_empty()));
    }
    let _ = (message.contacts().is_ok(), message.expires(), message.event(), message.content_type());
    let _ = (Key::of_request(message), Key::of_response(message), Dialog::uas(message, "t"));
    let _ = (message.from(), message.to(), message.via(), message.cseq(), message.max_forwards());
}

fn judge(bytes: &Bytes) -> bool {
    let source = "192.0.2.1:5060".parse().unwrap();
    match Message::parse(bytes.clone()) {
        Ok(message) => {
            exercise(&message);
            assert!(message.all().all(|(_, value)| !value.contains('\r')));
            // What was mended once needs no mending again.
            let again = Message::parse(message.bytes().clone()).unwrap();
            assert_eq!(again.bytes(), message.bytes());
            assert!(again.all().eq(message.all()));
            true
        }
        Err(error) => {
            if let Some(request) = error.request() {
                exercise(request);
                let answer = error.answer(source, "tag").unwrap();
                let text = String::from_utf8(answer.to_vec()).unwrap();
                assert!(text.starts_with("SIP/2.0 4") || text.starts_with("SIP/2.0 5"));
                assert_eq!(text.matches("\r\n\r\n").count(), 1);
                assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
            }
            error.request().is_some() || !matches!(error.fault, Fault::StartLine | Fault::Empty)
        }
    }
}

#[test]
fn broken_messages_are_judged_without_a_panic_and_most_get_past_the_first_line() {
    let mut seeds: Vec<Bytes> =
        torture("rfc4475").into_iter().chain(torture("rfc5118")).map(|(_, bytes)| bytes).collect();
    seeds.extend([text(REGISTER), text(INVITE)]);
    let asked = std::env::var("MUSTER_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let rounds: usize = asked.unwrap_or(ROUNDS);
    let mut rng = Rng::from_u64(4475);
    let mut past = 0;
    for round in 0..rounds {
        let mut bytes = seeds[round % seeds.len()].to_vec();
        mutate(&mut bytes, &mut rng);
        let bytes = Bytes::from(bytes);
        past += usize::from(judge(&bytes));
        if round % 4 == 0 {
            frame(&bytes, &mut rng);
        }
    }
    println!("{past} of {rounds} got past the first line");
    assert!(past * 100 >= rounds * 80, "{past} of {rounds} got past the first line");
}

/// However a stream is torn, the same frames come out.
fn frame(bytes: &Bytes, rng: &mut Rng) {
    let mut whole = StreamFramer::new();
    whole.push(bytes);
    let expect: Vec<_> = std::iter::from_fn(|| whole.next_frame()).collect();
    let (mut torn, mut found, mut rest) = (StreamFramer::new(), Vec::new(), &bytes[..]);
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(1 + rng.below(60) as usize));
        torn.push(now);
        found.extend(std::iter::from_fn(|| torn.next_frame()));
        rest = later;
    }
    assert_eq!(found, expect);
}
