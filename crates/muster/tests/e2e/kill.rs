//! kill -9 in the middle of an import and a stream of changes: what was acknowledged is there, what was
//! not is there whole or not at all.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::server::Server;

/// `MUSTER_KILLS` makes it longer (`make soak`).
fn rounds() -> u64 {
    std::env::var("MUSTER_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(6)
}

/// A file of people whose extensions no other round uses.
fn file(round: u64, rows: u64) -> String {
    let mut text = "name,extension,password,username,authname\n".to_string();
    for i in 0..rows {
        let n = 1_000_000 + round * 10_000 + i;
        text.push_str(&format!("Person {n},{n},secret-{n}-abcdefgh,u{n},u{n}\n"));
    }
    text
}

#[test]
fn kill_9_loses_nothing_that_was_acknowledged_and_leaves_no_half_import() {
    const ROWS: u64 = 2_000;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let database = std::env::var("MUSTER_TEST_KILL_DATABASE").ok();
    let mut server = Server::start_in(&data, database.as_deref());
    server.run(&["org", "create", "Example", "--domain", "voice.example.com"]);
    let acknowledged: Mutex<BTreeSet<String>> = Mutex::default();
    let mut imports_seen_done = 0;
    for round in 0..rounds() {
        let path = folder.path().join(format!("{round}.csv"));
        std::fs::write(&path, file(round, ROWS)).unwrap();
        let path = path.display().to_string();
        let stop = AtomicBool::new(false);
        // The command waits for its server to come back; here nobody waits for the command.
        let mut import = server.spawn(&["import", &path]);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for i in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let extension = (500_000 + round * 10_000 + i).to_string();
                    let body = json!({ "display_name": "Somebody", "extension": extension });
                    if server.api("POST", "/users", Some(&body)).0 == 201 {
                        acknowledged.lock().unwrap().insert(extension);
                    }
                }
            });
            // Every round dies at another moment of the import.
            std::thread::sleep(Duration::from_millis(60 + (round * 137) % 900));
            Server::kill_by_pid(server.pid());
            stop.store(true, Ordering::Relaxed);
        });
        server.kill();
        import.kill().unwrap();
        import.wait().unwrap();
        server = Server::start_in(&data, database.as_deref());
        wait_for_jobs(&server);
        let there = extensions(&server);
        let known = acknowledged.lock().unwrap();
        let lost: Vec<_> = known.iter().filter(|e| !there.contains(*e)).collect();
        assert!(lost.is_empty(), "round {round}: acknowledged and lost: {lost:?}");
        for past in 0..=round {
            let from = 1_000_000 + past * 10_000;
            let imported = (from..from + ROWS).filter(|n| there.contains(&n.to_string())).count() as u64;
            assert!(
                imported == 0 || imported == ROWS,
                "round {round}: {imported} of {ROWS} people of import {past}"
            );
            imports_seen_done += u64::from(past == round && imported == ROWS);
        }
        let verified = server.json(&["changes", "--verify"]);
        assert_eq!(verified["intact"], true, "round {round}: {verified}");
    }
    assert!(!acknowledged.lock().unwrap().is_empty(), "no write was acknowledged: nothing was tried");
    println!(
        "{} rounds, {imports_seen_done} imports done in the end, {} writes acknowledged",
        rounds(),
        acknowledged.lock().unwrap().len()
    );
}

fn extensions(server: &Server) -> BTreeSet<String> {
    let users = server.json(&["user", "list", "--all"]);
    let items = users["items"].as_array().unwrap();
    items.iter().filter_map(|u| u["extension"].as_str().map(str::to_string)).collect()
}

/// Jobs that the kill interrupted are taken up again; the state is judged when they have ended.
fn wait_for_jobs(server: &Server) {
    for _ in 0..600 {
        let (_, jobs) = server.api("GET", "/jobs?limit=100", None);
        let busy = |j: &serde_json::Value| matches!(j["state"].as_str(), Some("queued" | "running"));
        if !jobs["items"].as_array().unwrap().iter().any(busy) {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("a job did not end within 60 s:\n{}", server.log());
}
