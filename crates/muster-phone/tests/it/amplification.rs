//! What a datagram with a forged sender makes us send to whoever is named as the sender: one answer, never
//! repeated, and not much longer than the question.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::world::{World, address};

/// Payload that we send for each octet that we got. DNS and NTP servers that are used for this give
/// fifty and more.
const FACTOR_MAX: f64 = 5.0;

const VICTIM: (u8, u16) = (66, 5060);

/// The shortest request that is one, in compact form.
fn shortest(method: &str, domain: &str, more: &str) -> Bytes {
    let text = format!(
        "{method} sip:{domain} SIP/2.0\r\nv:SIP/2.0/UDP h;branch=z9hG4bKa\r\nf:<sip:1@{domain}>;tag=1\r\n\
         t:<sip:1@{domain}>\r\ni:1\r\nCSeq:1 {method}\r\n{more}\r\n"
    );
    text.into()
}

/// What goes to the victim for this, over the time of every retransmission there is.
fn answers(world: &mut World, question: Bytes) -> Vec<Bytes> {
    world.strays.clear();
    world.inject(address(VICTIM.0, VICTIM.1), question);
    world.run_s(70);
    let victim = |addr: &SocketAddr| addr.ip() == address(VICTIM.0, 0).ip();
    assert!(world.strays.iter().all(|(addr, _)| victim(addr)), "{:?}", world.strays);
    world.strays.drain(..).map(|(_, bytes)| bytes).collect()
}

fn questions() -> Vec<(String, Bytes)> {
    let mut out = Vec::new();
    for method in ["REGISTER", "INVITE", "SUBSCRIBE", "OPTIONS", "MESSAGE", "BYE", "CANCEL", "ACK", "FROB"] {
        for domain in ["acme.example", "a", "10.0.0.1"] {
            let more = if method == "SUBSCRIBE" { "o:dialog\r\n" } else { "" };
            out.push((format!("{method} {domain}"), shortest(method, domain, more)));
        }
    }
    let guess = "Authorization:Digest username=\"anna.a\",realm=\"acme.example\",nonce=\"n\",uri=\"sip:a\",response=\"r\"\r\n";
    out.push(("a guess".into(), shortest("REGISTER", "acme.example", guess)));
    out.push(("an answer".into(), "SIP/2.0 200 OK\r\nv:SIP/2.0/UDP h;branch=z9hG4bKa\r\n\r\n".into()));
    out.push((
        "a fragment".into(),
        "REGISTER sip:a SIP/2.0\r\nv:SIP/2.0/UDP h;branch=z9hG4bKa\r\n\r\n".into(),
    ));
    out.push(("an unknown extension".into(), shortest("INVITE", "acme.example", "Require:x\r\n")));
    let folder = format!("{}/../muster-sip/tests/it/rfc4475", env!("CARGO_MANIFEST_DIR"));
    for file in std::fs::read_dir(folder).expect("the torture messages") {
        let path = file.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "dat") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            out.push((name, std::fs::read(&path).expect("a message").into()));
        }
    }
    out
}

#[test]
fn a_datagram_from_a_stranger_is_answered_once_and_not_at_length() {
    let mut world = World::ready(1);
    let mut worst = (0.0, String::new());
    for (name, question) in questions() {
        let asked = question.len();
        let answered = answers(&mut world, question);
        assert!(answered.len() <= 1, "{name}: {answered:?}");
        let factor = answered.iter().map(Bytes::len).sum::<usize>() as f64 / asked as f64;
        if factor > worst.0 {
            worst = (factor, format!("{name}: {asked} octets, {answered:?}"));
        }
    }
    println!("the worst: {worst:?}");
    assert!(worst.0 <= FACTOR_MAX, "{worst:?}");
    assert!(worst.0 > 1.0, "nothing was measured: {worst:?}");
}

/// The one thing that we repeat is a refusal of an INVITE until its ACK comes, and that takes a digest,
/// which nobody can make for an address whose challenge they do not see.
#[test]
fn a_refusal_is_repeated_only_to_an_address_that_has_answered_a_challenge() {
    let mut world = World::ready(2);
    let caller = world.add_phone("caller", "101", "anna.a", address(7, 5060));
    world.act(caller, |phone, now| phone.call(now, "999"));
    world.run_s(1);
    let text = world.phones[caller].sent.iter().rev().find(|bytes| bytes.starts_with(b"INVITE")).cloned();
    let text = String::from_utf8_lossy(&text.unwrap()).replace("branch=z9hG4bK", "branch=z9hG4bKx");
    assert!(text.contains("Proxy-Authorization"), "{text}");
    let answered = answers(&mut world, text.into());
    assert_eq!(answered.len(), 1);
    assert!(answered[0].starts_with(b"SIP/2.0 407"), "{answered:?}");
}
