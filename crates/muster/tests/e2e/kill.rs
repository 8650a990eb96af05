//! kill -9 in the middle of an import, of its undo and of going back to a moment, and of a stream of changes:
//! what was acknowledged is there, what was not is there whole or not at all.

use std::collections::BTreeSet;
use std::process::Child;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::server::{Database, Server};

/// Those in the files, and those whom somebody writes one by one meanwhile: ten thousand of each a round.
const IN_FILES: u64 = 10_000_000;
const WRITTEN: u64 = 50_000_000;

/// `MUSTER_KILLS` makes it longer.
fn rounds(database: Database) -> u64 {
    let asked = std::env::var("MUSTER_KILLS").ok().and_then(|n| n.parse().ok());
    asked.unwrap_or(match database {
        Database::Sqlite => 6,
        Database::Postgres => 3,
    })
}

/// A file of people whose extensions no other of a thousand rounds uses.
fn file(round: u64, rows: u64) -> String {
    let mut text = "name,extension,password,username,authname\n".to_string();
    for i in 0..rows {
        let n = IN_FILES + round * 10_000 + i;
        text.push_str(&format!("Person {n},{n},secret-{n}-abcdefgh,u{n},u{n}\n"));
    }
    text
}

/// What a round is killed in; they take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    Import,
    /// The undo of an import that was done.
    Undo,
    /// All people going back to before an import; nobody else writes meanwhile.
    Restore,
}

impl Killed {
    fn of(round: u64) -> Killed {
        [Killed::Import, Killed::Undo, Killed::Restore][(round % 3) as usize]
    }

    /// Begins what is to be killed: a command that nobody waits for.
    fn begin(self, server: &Server, path: &str) -> Child {
        if self == Killed::Import {
            return server.spawn(&["import", path]);
        }
        let before = head(server);
        server.run(&["import", path]);
        let (_, jobs) = server.api("GET", "/jobs?limit=1", None);
        match self {
            Killed::Undo => server.spawn(&["undo", "--job", jobs["items"][0]["id"].as_str().unwrap()]),
            _ => server.spawn(&["undo", "--to", &before.to_string(), "--yes"]),
        }
    }
}

#[test]
fn kill_9_loses_nothing_that_was_acknowledged_and_leaves_no_half_import() {
    kill_again_and_again(Database::Sqlite);
}

#[test]
fn kill_9_on_postgresql_loses_nothing_that_was_acknowledged_and_leaves_no_half_import() {
    kill_again_and_again(Database::Postgres);
}

fn kill_again_and_again(database: Database) {
    const ROWS: u64 = 2_000;
    let rounds = rounds(database);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let database = database.url();
    let mut server = Server::start_in(&data, database.as_deref());
    server.run(&["org", "create", "Example", "--domain", "voice.example.com"]);
    let acknowledged: Mutex<BTreeSet<String>> = Mutex::default();
    let (mut imports, mut writes, mut everybody) = (Vec::new(), 0, BTreeSet::new());
    let mut ends: Vec<(Killed, bool)> = Vec::new();
    for round in 0..rounds {
        let path = folder.path().join(format!("{round}.csv"));
        std::fs::write(&path, file(round, ROWS)).unwrap();
        let path = path.display().to_string();
        let stop = AtomicBool::new(false);
        // The command waits for its server to come back; here nobody waits for the command.
        let killed = Killed::of(round);
        let mut command = killed.begin(&server, &path);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for i in 0.. {
                    if killed == Killed::Restore || stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let extension = (WRITTEN + round * 10_000 + i).to_string();
                    let body = json!({ "display_name": "Somebody", "extension": extension });
                    if server.api("POST", "/users", Some(&body)).0 == 201 {
                        acknowledged.lock().unwrap().insert(extension);
                    }
                }
            });
            // Every round dies at another moment of what it does.
            std::thread::sleep(Duration::from_millis(60 + (round * 137) % 900));
            Server::kill_by_pid(server.pid());
            stop.store(true, Ordering::Relaxed);
        });
        server.kill();
        command.kill().unwrap();
        command.wait().unwrap();
        server = Server::start_in(&data, database.as_deref());
        wait_for_jobs(&server);
        let there = extensions(&server, &format!("extension^{}", WRITTEN / 10_000 + round));
        let lost = |known: &BTreeSet<String>| known.difference(&there).cloned().collect::<Vec<_>>();
        let known = std::mem::take(&mut *acknowledged.lock().unwrap());
        assert_eq!(lost(&known), Vec::<String>::new(), "round {round}: acknowledged and lost");
        writes += known.len();
        everybody.extend(known);
        let imported = extensions(&server, &format!("extension^{}", IN_FILES / 10_000 + round)).len() as u64;
        assert!(
            imported == 0 || imported == ROWS,
            "round {round}, killed in {killed:?}: {imported} of {ROWS} people of its import"
        );
        imports.push(imported);
        ends.push((killed, imported > 0));
        let verified = server.json(&["changes", "--verify"]);
        assert_eq!(verified["intact"], true, "round {round}: {verified}");
    }
    let there = extensions(&server, "");
    assert!(writes > 0, "no write was acknowledged: nothing was tried");
    assert!(everybody.is_subset(&there), "what a later round lost of an earlier one");
    assert_eq!(there.len() as u64, everybody_and(&there, &everybody) + imports.iter().sum::<u64>());
    for killed in [Killed::Import, Killed::Undo, Killed::Restore] {
        let of = || ends.iter().filter(|(of, _)| *of == killed);
        let (rounds, whole) = (of().count(), of().filter(|(_, there)| *there).count());
        println!("killed in {killed:?}: {rounds} rounds, {whole} with the import there in the end");
    }
    println!("{rounds} rounds, {writes} writes acknowledged");
}

/// Those whose write was acknowledged, and those whose write was done while its answer was cut off.
fn everybody_and(there: &BTreeSet<String>, everybody: &BTreeSet<String>) -> u64 {
    let written = |e: &str| e.parse::<u64>().is_ok_and(|n| n >= WRITTEN);
    let unanswered = there.iter().filter(|e| written(e) && !everybody.contains(*e)).count();
    (everybody.len() + unanswered) as u64
}

fn head(server: &Server) -> u64 {
    let mut since = 0;
    loop {
        let (_, page) = server.api("GET", &format!("/changes?since={since}&limit=1000"), None);
        let Some(last) = page["items"].as_array().unwrap().last() else { return since };
        since = last["seq"].as_u64().unwrap();
    }
}

fn extensions(server: &Server, filter: &str) -> BTreeSet<String> {
    let all = ["user", "list", "--all", "--filter", filter];
    let users = server.json(if filter.is_empty() { &all[..3] } else { &all });
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
