//! PostgreSQL goes away in the middle of an import, and just at its commit: it is done once in the end, and
//! whoever waits for it is told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::outages::Postgres;
use crate::server::{DOMAIN, Database, Server, data_file};

const OFF: u8 = 0;
/// The commit does not reach the database.
const BEFORE: u8 = 1;
/// It does, and its answer does not come back.
const AFTER: u8 = 2;

/// Larger transactions than this are an import's.
const LARGE_BYTES: usize = 15_000;

/// Stands between the program and its database, and cuts the connection at the commit of a large transaction,
/// once each time that it is armed.
struct Cutter {
    addr: SocketAddr,
    mode: Arc<AtomicU8>,
    cuts: Arc<AtomicU64>,
}

impl Cutter {
    fn before(database: SocketAddr) -> Cutter {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (mode, cuts) = (Arc::new(AtomicU8::new(OFF)), Arc::new(AtomicU64::new(0)));
        let shared = (mode.clone(), cuts.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(database) else { continue };
                let (back_from, back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let shared = shared.clone();
                std::thread::spawn(move || forward(back_from, back_to));
                std::thread::spawn(move || forward_and_cut(client, server, &shared.0, &shared.1));
            }
        });
        Cutter { addr, mode, cuts }
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(std::net::Shutdown::Both);
}

fn forward_and_cut(mut client: TcpStream, mut server: TcpStream, mode: &AtomicU8, cuts: &AtomicU64) {
    let (mut chunk, mut since_commit) = (vec![0; 64 * 1024], 0);
    while let Ok(n @ 1..) = client.read(&mut chunk) {
        since_commit += n;
        let commits = chunk[..n].ends_with(b"COMMIT\0");
        if commits && since_commit > LARGE_BYTES {
            match mode.swap(OFF, Ordering::SeqCst) {
                OFF => {}
                how => {
                    cuts.fetch_add(1, Ordering::SeqCst);
                    // Nobody hears the answer from here on.
                    let _ = client.shutdown(std::net::Shutdown::Both);
                    if how == AFTER {
                        let _ = server.write_all(&chunk[..n]);
                        std::thread::sleep(Duration::from_millis(300));
                    }
                    let _ = server.shutdown(std::net::Shutdown::Both);
                    return;
                }
            }
        }
        if commits {
            since_commit = 0;
        }
        if server.write_all(&chunk[..n]).is_err() {
            return;
        }
    }
    let _ = server.shutdown(std::net::Shutdown::Both);
}

#[test]
fn an_import_whose_commit_is_cut_off_is_done_once_whether_it_had_arrived_or_not() {
    for how in [BEFORE, AFTER] {
        let url = Database::Postgres.url().unwrap();
        let (head, rest) = url.split_once('@').unwrap();
        let (address, tail) = rest.split_once('/').unwrap();
        let cutter = Cutter::before(address.parse().unwrap());
        let server = Server::start_at(Some(&format!("{head}@{}/{tail}", cutter.addr)));
        cutter.mode.store(how, Ordering::SeqCst);
        server.run(&["import", &data_file("ringotel.csv"), "--good-rows-only"]);
        assert!(cutter.cuts.load(Ordering::SeqCst) > 0, "nothing was cut: the test tries nothing");
        done_once(&server, 60);
    }
}

/// So many people, one import, and a log that is whole.
fn done_once(server: &Server, people: usize) {
    let jobs = server.json(&["job", "list"]);
    assert_eq!(jobs["items"].as_array().map(Vec::len), Some(1), "{jobs}");
    assert_eq!(
        (&jobs["items"][0]["state"], &jobs["items"][0]["problem"]),
        (&json!("done"), &json!(null)),
        "{jobs}"
    );
    let users = server.json(&["user", "list", "--all"]);
    assert_eq!(users["items"].as_array().map(Vec::len), Some(people));
    let verified = server.json(&["changes", "--verify"]);
    assert_eq!(verified["intact"], true, "{verified}");
}

/// Waits until an import that nobody follows has ended.
fn wait_for_the_job(server: &Server) {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let (status, jobs) = server.api("GET", "/jobs?limit=1", None);
        // The command may have been killed before it had sent its file: then there is none.
        let state = jobs["items"][0]["state"].as_str().unwrap_or_default();
        if status == 200 && !matches!(state, "queued" | "running") {
            return;
        }
        assert!(Instant::now() < deadline, "{jobs}\n{}", server.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn people(rows: u64) -> String {
    let mut text = "name,extension,password,username,authname\n".to_string();
    for n in 1_000_000..1_000_000 + rows {
        text.push_str(&format!("Person {n},{n},secret-{n}-abcdefgh,u{n},u{n}\n"));
    }
    text
}

#[test]
fn an_import_whose_connections_are_ended_in_the_middle_is_done_once_in_the_end() {
    let url = Database::Postgres.url().unwrap();
    let server = Server::start_at(Some(&url));
    let file = server.file("people.csv");
    std::fs::write(&file, people(3000)).unwrap();
    let mut import = server.spawn(&["import", &file.display().to_string()]);
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let mut ended = 0;
    while import.try_wait().unwrap().is_none() && ended < 6 {
        std::thread::sleep(Duration::from_millis(250 + 90 * ended));
        assert!(Command::new("psql").args([&url, "-qAtc", end]).output().unwrap().status.success());
        ended += 1;
    }
    import.wait().unwrap();
    wait_for_the_job(&server);
    done_once(&server, 3000);
}

/// `MUSTER_KILLS` makes it longer.
fn rounds() -> u64 {
    std::env::var("MUSTER_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(3)
}

#[test]
fn kill_9_of_postgresql_itself_loses_nothing_that_was_acknowledged_and_leaves_no_half_import() {
    let postgres = Postgres::start();
    let mut everybody: Vec<String> = Vec::new();
    let server = Server::start_at(Some(&postgres.url));
    assert_eq!(server.json(&["org", "list"])["items"][0]["domain"], DOMAIN);
    for round in 0..rounds() {
        let file = server.file(&format!("{round}.csv"));
        let text = people(1500)
            .replace("1000", &format!("{}", 2000 + round))
            .replace("1001", &format!("{}", 5000 + round));
        std::fs::write(&file, text).unwrap();
        let mut import = server.spawn(&["import", &file.display().to_string()]);
        let deadline = Instant::now() + Duration::from_millis(100 + (round * 271) % 1200);
        for n in 0.. {
            if Instant::now() > deadline {
                break;
            }
            let extension = (500_000 + round * 10_000 + n).to_string();
            let body = json!({ "display_name": "Somebody", "extension": extension });
            if server.api("POST", "/users", Some(&body)).0 == 201 {
                everybody.push(extension);
            }
        }
        postgres.control("crash");
        postgres.control("resume");
        import.kill().unwrap();
        import.wait().unwrap();
        wait_for_the_job(&server);
        let users = server.json(&["user", "list", "--all"]);
        let there: Vec<&str> =
            users["items"].as_array().unwrap().iter().filter_map(|u| u["extension"].as_str()).collect();
        let lost: Vec<&String> = everybody.iter().filter(|e| !there.contains(&e.as_str())).collect();
        assert!(lost.is_empty(), "round {round}: acknowledged and lost: {lost:?}");
        let imported = there.iter().filter(|e| e.len() == 7).count();
        assert_eq!(imported % 1500, 0, "round {round}: half an import is there");
        let verified = server.json(&["changes", "--verify"]);
        assert_eq!(verified["intact"], true, "round {round}: {verified}");
    }
    println!("{} kills, {} writes acknowledged", rounds(), everybody.len());
}
