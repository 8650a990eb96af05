//! The program ends while people speak.

use std::time::{Duration, Instant};

use muster_load::phone::{CallState, Ending};

use crate::calls::{Office, SOON, office};
use crate::server::{Database, Server, data_file};

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

#[test]
fn a_registration_from_before_a_secret_was_changed_does_not_come_back_from_the_journal() {
    let mut server = Server::start();
    server.run(&["import", &data_file("ringotel.csv")]);
    for extension in ["1000", "1001"] {
        let made = server.json(&["user", "credentials", extension, "--reset"]);
        let phone =
            server.phone(extension, made["auth_name"].as_str().unwrap(), made["secret"].as_str().unwrap());
        phone.register(300).unwrap();
    }
    server.stop();
    let journal = server.data.join("bindings.journal");
    let kept = server.data.join("kept");
    std::fs::copy(&journal, &kept).unwrap();
    let mut server = server.restart();
    let state = |server: &Server, extension: &str| {
        let seen = server.json(&["contacts", "--filter", &format!("extension={extension}")]);
        seen["items"][0]["presence"]["state"].as_str().map(str::to_owned)
    };
    assert_eq!(state(&server, "1000").as_deref(), Some("available"));
    server.run(&["user", "credentials", "1000", "--reset"]);
    server.stop();
    // As if it had been done by somebody else while this program was down.
    std::fs::copy(&kept, &journal).unwrap();
    let server = server.restart();
    assert_eq!(state(&server, "1001").as_deref(), Some("available"));
    assert_ne!(state(&server, "1000").as_deref(), Some("available"));
}
