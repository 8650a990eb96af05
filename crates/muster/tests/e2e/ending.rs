//! The program ends while people speak.

use std::time::{Duration, Instant};

use muster_load::phone::{CallState, Ending};

use crate::calls::{Office, SOON, office};
use crate::server::Database;

#[test]
fn sigterm_ends_every_call_on_both_sides_writes_its_record_and_leaves_the_registrations() {
    let Office { mut server, ana, bruno, watcher } = office(Database::Sqlite);
    let call = ana.invite("1001").unwrap();
    let incoming = bruno.next_call(SOON).unwrap();
    incoming.answer().unwrap();
    call.wait(CallState::Answered, SOON).unwrap();
    let second = watcher.invite("1001").unwrap();
    let ringing = bruno.next_call(SOON).unwrap();
    second.wait(CallState::Ringing, SOON).unwrap();

    let asked = Instant::now();
    server.stop();
    assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?}", asked.elapsed());
    for (side, expect) in [
        (&call, Ending::RemoteHungUp),
        (&incoming, Ending::RemoteHungUp),
        (&second, Ending::Refused(503)),
        (&ringing, Ending::Cancelled),
    ] {
        assert_eq!(side.ending(), Some(expect), "when the program is gone, nobody is in a call");
    }
    for phone in [&ana, &bruno, &watcher] {
        assert_eq!(phone.faults(), Vec::<String>::new());
    }
    let log = std::fs::read_to_string(server.data.join("calls.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let endings: Vec<_> =
        lines.iter().map(|line| (line["ending"].as_str(), line["status"].as_u64())).collect();
    assert_eq!(endings.len(), 2, "{log}");
    assert!(endings.contains(&(Some("ServerStopped"), Some(200))), "{log}");
    assert!(endings.contains(&(Some("ServerStopped"), Some(503))), "{log}");

    let sip = server.sip;
    let again = server.restart_at(sip);
    let call = ana.invite("1001").unwrap();
    bruno.next_call(SOON).unwrap().answer().unwrap();
    call.wait(CallState::Answered, SOON).unwrap();
    call.hang_up().unwrap();
    drop(again);
}
