//! What a challenged REGISTER costs in the pure core, without a socket: `register_core PEOPLE ROUNDS`.
//!
//! Prints nanoseconds for the unauthenticated and for the authenticated message. Under callgrind,
//! `--toggle-collect='*Core*handle*'` counts the core's instructions only.

use std::time::{Duration, Instant as SystemInstant};

use bytes::Bytes;
use muster_domain::capabilities::capabilities;
use muster_domain::dial_plan::{CredentialPlan, PersonPlan, PlanUpdate, Service};
use muster_domain::ids::{CredentialId, OrgId, SecretId, UserId};
use muster_domain::organization::ConnectionKind;
use muster_domain::user::UserType;
use muster_load::digest::{Algorithm, Challenge, Identity};
use muster_phone::{Core, CoreConfig, Flow, FlowId, Input, Output, Transport};
use muster_sip::digest::{ha1_md5, ha1_sha256};
use muster_sip::{Instant, Message, Name, Rng};
use uuid::Uuid;

const REALM: &str = "bench.example";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<usize> =
        std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let [people, rounds] = arguments[..] else { return Err("usage: register_core PEOPLE ROUNDS".into()) };
    let mut core = Core::new(CoreConfig::default(), Rng::from_u64(1));
    let mut now = Instant(1_000_000_000);
    core.handle(Input::Plan(plan(people)), now);
    while core.next_output().is_some() {}
    let mut spent = [Duration::ZERO; 2];
    for round in 0..rounds {
        for n in 0..people {
            now += Duration::from_micros(250);
            let cseq = 2 * round + 1;
            let first = exchange(&mut core, request(n, cseq, ""), now, &mut spent[0]);
            let answer = authorization(&first, n).ok_or("no challenge")?;
            let second = exchange(&mut core, request(n, cseq + 1, &answer), now, &mut spent[1]);
            if second.status() != Some(200) {
                return Err(format!("not registered: {second:?}").into());
            }
            core.timers(now);
        }
    }
    let each = |spent: Duration| spent.as_nanos() / (people * rounds) as u128;
    println!("challenge {} ns, registration {} ns", each(spent[0]), each(spent[1]));
    Ok(())
}

fn exchange(core: &mut Core, bytes: Bytes, now: Instant, spent: &mut Duration) -> Message {
    let (peer, local) = (([127, 0, 0, 1], 5062).into(), ([127, 0, 0, 1], 5060).into());
    let flow = Flow { transport: Transport::Udp, peer, id: FlowId::DATAGRAM, local };
    let started = SystemInstant::now();
    core.handle(Input::Message { flow, bytes }, now);
    let mut sent = None;
    while let Some(output) = core.next_output() {
        if let Output::Send { bytes, .. } = output {
            sent = Some(bytes);
        }
    }
    *spent += started.elapsed();
    Message::parse(sent.expect("an answer")).expect("a message")
}

fn request(n: usize, cseq: usize, authorization: &str) -> Bytes {
    let extension = 100_000 + n;
    Bytes::from(format!(
        "REGISTER sip:{REALM} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5062;rport;branch=z9hG4bK{n:x}.{cseq:x}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:{extension}@{REALM}>;tag={n:x}\r\nTo: <sip:{extension}@{REALM}>\r\n\
         Call-ID: {n:x}-0-17f3a\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:user{n}@127.0.0.1:5062>\r\n\
         {authorization}Expires: 3600\r\nUser-Agent: muster-load\r\nContent-Length: 0\r\n\r\n"
    ))
}

fn authorization(challenged: &Message, n: usize) -> Option<String> {
    let mut challenges = challenged.headers(Name::WwwAuthenticate).filter_map(Challenge::parse);
    let challenge = challenges.find(|challenge| challenge.algorithm == Algorithm::Md5)?;
    let (auth_name, secret) = (format!("user{n}"), format!("secret{n}"));
    let who = Identity { auth_name: &auth_name, secret: &secret, algorithm: Algorithm::Md5 };
    let answer = challenge.answer(who, "REGISTER", &format!("sip:{REALM}"), 1, "c0ffee");
    Some(format!("Authorization: {answer}\r\n"))
}

fn plan(people: usize) -> PlanUpdate {
    PlanUpdate::Organization {
        id: OrgId(Uuid::from_u128(1)),
        seq: 1,
        realm: REALM.into(),
        aliases: Vec::new(),
        people: (0..people).map(person).collect(),
    }
}

fn person(n: usize) -> PersonPlan {
    let (auth_name, secret) = (format!("user{n}"), format!("secret{n}"));
    PersonPlan {
        user: UserId(Uuid::from_u128(1 + n as u128)),
        extension: Some((100_000 + n).to_string().into()),
        display_name: format!("Person {n}").into(),
        service: Service::Enabled,
        capabilities: capabilities(UserType::User, ConnectionKind::Builtin),
        max_bindings: 5,
        call_timeout_s: 20,
        held_but_for: None,
        credentials: Box::new([CredentialPlan {
            id: CredentialId(Uuid::from_u128(1 + n as u128)),
            secret: SecretId(Uuid::from_u128(1 + n as u128)),
            auth_name: auth_name.as_str().into(),
            ha1_md5: ha1_md5(&auth_name, REALM, &secret),
            ha1_sha256: ha1_sha256(&auth_name, REALM, &secret),
        }]),
    }
}
