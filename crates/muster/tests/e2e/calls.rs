//! Calls between phones of imported people, through the real sockets.

use std::time::{Duration, Instant};

use muster_load::phone::{CallState, Ending, Phone};

use crate::server::{Database, Server, data_file};

pub const SOON: Duration = Duration::from_secs(5);

pub struct Office {
    pub server: Server,
    pub ana: Phone,
    pub bruno: Phone,
    pub watcher: Phone,
}

/// Three phones with secrets of their own, registered.
pub fn office(database: Database) -> Office {
    let server = Server::start_on(database);
    server.run(&["import", &data_file("ringotel.csv")]);
    let mut phones = ["1000", "1001", "1002"].map(|extension| {
        let made = server.json(&["user", "credentials", extension, "--reset"]);
        let secret = made["secret"].as_str().unwrap();
        let phone = server.phone(extension, made["auth_name"].as_str().unwrap(), secret);
        phone.register(300).unwrap();
        Some(phone)
    });
    let mut take = |i: usize| phones[i].take().unwrap();
    let (ana, bruno, watcher) = (take(0), take(1), take(2));
    Office { server, ana, bruno, watcher }
}

impl Office {
    fn no_faults(&self) {
        for phone in [&self.ana, &self.bruno, &self.watcher] {
            assert_eq!(phone.faults(), Vec::<String>::new());
        }
    }
}

/// On SQLite, then on PostgreSQL.
fn on_both(play: impl Fn(Office)) {
    for database in Database::BOTH {
        println!("{database:?}");
        play(office(database));
    }
}

#[test]
fn a_watcher_sees_ringing_busy_and_free_and_never_a_username() {
    on_both(|office| {
        let watch = office.watcher.subscribe_dialog("1001", 300).unwrap();
        watch.wait_state(None, SOON).unwrap();
        let call = office.ana.invite("1001").unwrap();
        let incoming = office.bruno.next_call(SOON).unwrap();
        let ringing = watch.wait_state(Some("early"), SOON).unwrap();
        assert!(ringing.body.contains("sip:1001@"), "{}", ringing.body);
        incoming.answer().unwrap();
        call.wait(CallState::Answered, SOON).unwrap();
        watch.wait_state(Some("confirmed"), SOON).unwrap();
        assert!(incoming.remote().contains("sip:1000@"), "{}", incoming.remote());
        let seen = format!("{}{:?}{}", incoming.remote(), incoming.message(), ringing.body);
        assert!(!seen.contains("u000000"), "a username is seen by somebody else: {seen}");
        call.hang_up().unwrap();
        assert_eq!(incoming.wait_ended(SOON).unwrap(), Ending::RemoteHungUp);
        watch.wait_state(None, SOON).unwrap();
        office.no_faults();
    });
}

#[test]
fn deactivating_somebody_ends_their_call_on_both_sides_within_a_second_and_undo_lets_them_back() {
    on_both(|office| {
        let (server, ana, bruno) = (&office.server, &office.ana, &office.bruno);
        let watch = office.watcher.subscribe_dialog("1001", 300).unwrap();
        watch.wait_state(None, SOON).unwrap();
        let call = ana.invite("1001").unwrap();
        let incoming = bruno.next_call(SOON).unwrap();
        incoming.answer().unwrap();
        call.wait(CallState::Answered, SOON).unwrap();
        watch.wait_state(Some("confirmed"), SOON).unwrap();
        let seats = || server.json(&["seats"])["items"].as_array().map(Vec::len).unwrap();
        let before = seats();

        let asked = Instant::now();
        let body = serde_json::json!({ "users": ["1001"] });
        let (status, answer) = server.api("POST", "/users/deactivate", Some(&body));
        assert_eq!(status, 200, "{answer}");
        assert_eq!(call.wait_ended(SOON).unwrap(), Ending::RemoteHungUp);
        assert_eq!(incoming.wait_ended(SOON).unwrap(), Ending::RemoteHungUp);
        watch.wait_state(None, SOON).unwrap();
        assert!(asked.elapsed() < Duration::from_secs(1), "it took {:?}", asked.elapsed());
        assert_eq!(seats(), before - 1);
        let refused = bruno.register(300).unwrap_err().to_string();
        assert!(refused.contains("403"), "{refused}");

        let changes = server.json(&["user", "show", "1001"]);
        let id = changes["id"].as_str().unwrap();
        let (_, history) = server.api("GET", &format!("/users/{id}/history?limit=1"), None);
        let seq = history["items"][0]["seq"].as_u64().unwrap();
        server.run(&["undo", &seq.to_string()]);
        let undone = Instant::now();
        while bruno.register(300).is_err() {
            assert!(undone.elapsed() < Duration::from_secs(1), "undone, and not let in");
        }
        assert_eq!(seats(), before);
        // A phone accepts a BYE only with the right tags and CSeq: both were accepted.
        office.no_faults();
    });
}

#[test]
fn a_call_rings_both_phones_of_a_person_and_one_stops_when_the_other_answers() {
    on_both(|office| {
        let made = office.server.json(&["user", "credentials", "1001", "--device", "kitchen", "--reset"]);
        let kitchen = office.server.phone(
            "1001",
            made["auth_name"].as_str().unwrap(),
            made["secret"].as_str().unwrap(),
        );
        kitchen.register(300).unwrap();
        let call = office.ana.invite("1001").unwrap();
        let (desk_rings, kitchen_rings) =
            (office.bruno.next_call(SOON).unwrap(), kitchen.next_call(SOON).unwrap());
        kitchen_rings.answer().unwrap();
        call.wait(CallState::Answered, SOON).unwrap();
        assert_eq!(desk_rings.wait_ended(SOON).unwrap(), Ending::Cancelled);
        kitchen_rings.hang_up().unwrap();
        assert_eq!(call.wait_ended(SOON).unwrap(), Ending::RemoteHungUp);
        assert_eq!(kitchen.faults(), Vec::<String>::new());
        office.no_faults();
    });
}

#[test]
fn registrations_survive_kill_9_and_a_restart() {
    on_both(|mut office| {
        // The journal is at most a second behind.
        std::thread::sleep(Duration::from_millis(1200));
        office.server.kill();
        let Office { server, ana, bruno, watcher } = office;
        let sip = server.sip;
        let again = server.restart_at(sip);
        let seen = again.json(&["contacts", "--filter", "extension=1001"]);
        assert_eq!(seen["items"][0]["presence"]["state"], "available", "{seen}");
        let call = ana.invite("1001").unwrap();
        let incoming = bruno.next_call(SOON).unwrap();
        incoming.answer().unwrap();
        call.wait(CallState::Answered, SOON).unwrap();
        call.hang_up().unwrap();
        drop((watcher, again));
    });
}
