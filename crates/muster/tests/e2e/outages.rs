//! The disk is full, the database is gone: what was acknowledged stays, new writes are refused with 503,
//! reads and phones go on as far as they can, and everything goes on by itself afterwards.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use muster_load::phone::CallState;
use serde_json::{Value, json};

use crate::server::{Server, data_file, root};

const SOON: Duration = Duration::from_secs(5);

/// No file of the process may be written any more, as on a full disk; or again as before.
fn disk_full(server: &Server, full: bool) {
    let limit = if full { "--fsize=0:unlimited" } else { "--fsize=unlimited" };
    let status = Command::new("prlimit").args(["--pid", &server.pid().to_string(), limit]).status();
    assert!(status.unwrap().success(), "prlimit (util-linux) could not set the limit");
}

fn somebody(server: &Server, extension: &str) -> (u16, Value) {
    server.api("POST", "/users", Some(&json!({ "display_name": "Somebody", "extension": extension })))
}

fn is_there(server: &Server, extension: &str) -> bool {
    let (status, list) = server.api("GET", &format!("/users?filter=extension%3D{extension}"), None);
    assert_eq!(status, 200, "{list}\n{}", server.log());
    !list["items"].as_array().unwrap().is_empty()
}

/// A write that is refused for now: 503, with a sentence about why.
fn refused(server: &Server, extension: &str) {
    let (status, problem) = somebody(server, extension);
    assert_eq!(status, 503, "{problem}\n{}", server.log());
    assert!(problem["detail"].as_str().is_some_and(|d| !d.is_empty()), "{problem}");
}

/// Done by itself within half a minute of the fault's end.
fn goes_on(server: &Server, extension: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while somebody(server, extension).0 != 201 {
        assert!(Instant::now() < deadline, "still refused:\n{}", server.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Two phones of the imported people, registered.
fn phones(server: &Server) -> [muster_load::phone::Phone; 2] {
    server.run(&["import", &data_file("ringotel.csv")]);
    ["1000", "1001"].map(|extension| {
        let made = server.json(&["user", "credentials", extension, "--reset"]);
        let phone =
            server.phone(extension, made["auth_name"].as_str().unwrap(), made["secret"].as_str().unwrap());
        phone.register(300).unwrap();
        phone
    })
}

fn they_call_each_other([ana, bruno]: &[muster_load::phone::Phone; 2]) {
    let call = ana.invite("1001").unwrap();
    let incoming = bruno.next_call(SOON).unwrap();
    incoming.answer().unwrap();
    call.wait(CallState::Answered, SOON).unwrap();
    call.hang_up().unwrap();
    incoming.wait_ended(SOON).unwrap();
}

#[test]
fn on_a_full_disk_writes_are_refused_phones_and_reads_go_on_and_nothing_acknowledged_is_lost() {
    let mut server = Server::start();
    let phones = phones(&server);
    assert_eq!(somebody(&server, "2000").0, 201);
    disk_full(&server, true);
    refused(&server, "2001");
    refused(&server, "2002");
    assert!(is_there(&server, "2000") && !is_there(&server, "2001"));
    // A registration is kept in memory; the file of them is caught up with later.
    phones[0].register(300).unwrap();
    they_call_each_other(&phones);
    disk_full(&server, false);
    goes_on(&server, "2003");
    // A disk that failed is asked again once a second.
    std::thread::sleep(Duration::from_millis(2500));
    let sip = server.sip;
    server.kill();
    let server = server.restart_at(sip);
    for (extension, there) in [("2000", true), ("2001", false), ("2002", false), ("2003", true)] {
        assert_eq!(is_there(&server, extension), there, "{extension}");
    }
    assert_eq!(server.json(&["changes", "--verify"])["intact"], true);
    they_call_each_other(&phones);
}

#[test]
fn an_import_on_a_full_disk_leaves_nothing_half_done_and_goes_through_once_there_is_room() {
    let server = Server::start();
    disk_full(&server, true);
    let out = server.command(&["import", &data_file("ringotel.csv")]);
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert_eq!(server.json(&["user", "list"])["items"].as_array().map(Vec::len), Some(0), "{said}");
    disk_full(&server, false);
    goes_on(&server, "2000");
    server.run(&["import", &data_file("ringotel.csv")]);
    assert_eq!(server.json(&["user", "list", "--all"])["items"].as_array().map(Vec::len), Some(61));
}

/// No file of the process may grow beyond this.
fn disk_fills_at(server: &Server, bytes: u64) {
    let limit = format!("--fsize={bytes}:unlimited");
    let status = Command::new("prlimit").args(["--pid", &server.pid().to_string(), &limit]).status();
    assert!(status.unwrap().success(), "prlimit (util-linux) could not set the limit");
}

#[test]
fn a_disk_that_fills_in_the_middle_of_an_import_leaves_all_of_it_or_nothing() {
    const PEOPLE: usize = 3_000;
    const MIB: u64 = 1024 * 1024;
    let rows = (0..PEOPLE).map(|n| format!("Ana Silva,{},secret-{n}-long-enough\n", 10_000 + n));
    let csv: String = std::iter::once("name,extension,password\n".to_string()).chain(rows).collect();
    // The first has no room for the upload, the last for all but the end of what the import writes.
    for room_mib in [0, 2, 5] {
        let server = Server::start();
        let file = server.file("many.csv").display().to_string();
        std::fs::write(&file, &csv).unwrap();
        let largest = std::fs::metadata(server.file("data/muster.db-wal")).unwrap().len();
        disk_fills_at(&server, largest + room_mib * MIB);
        let mut import = server.spawn(&["import", &file]);
        let deadline = Instant::now() + Duration::from_secs(5);
        while import.try_wait().unwrap().is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        disk_full(&server, false);
        import.wait().unwrap();
        let said = format!("with {room_mib} MiB of room");
        goes_on(&server, "2000");
        let jobs = server.json(&["job", "list"]);
        let state = jobs["items"][0]["id"].as_str().map(|job| {
            let out = server.command(&["job", "show", job, "--follow", "--json"]);
            serde_json::from_slice::<Value>(&out.stdout).unwrap()["state"].as_str().unwrap().to_string()
        });
        let there = server.json(&["user", "list", "--all"])["items"].as_array().map(Vec::len).unwrap() - 1;
        let expected = if state.as_deref() == Some("done") { PEOPLE } else { 0 };
        assert_eq!(there, expected, "{said}: {state:?}\n{}", server.log());
        assert_eq!(server.json(&["changes", "--verify"])["intact"], true, "{said}");
        if there == 0 {
            server.run(&["import", &file]);
        }
    }
}

/// A PostgreSQL that a test may stop.
pub struct Postgres {
    pub url: String,
    folder: String,
}

impl Postgres {
    pub fn start() -> Postgres {
        let out = Command::new(root().join("scripts/test-postgres.sh")).arg("start").output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
        let mut lines = text.lines();
        let url = lines.next().unwrap().to_string();
        let folder = lines.find_map(|l| l.strip_prefix("directory ")).unwrap().to_string();
        Postgres { url, folder }
    }

    fn port(&self) -> u16 {
        let (_, rest) = self.url.rsplit_once(':').unwrap();
        rest.split('/').next().unwrap().parse().unwrap()
    }

    /// Stopped in the middle, or started again where it was.
    pub fn control(&self, what: &str) {
        let done = Command::new(root().join("scripts/test-postgres.sh")).args([what, &self.folder]).status();
        assert!(done.unwrap().success(), "{what}");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if TcpStream::connect(("127.0.0.1", self.port())).is_err() {
            self.control("resume");
        }
        self.control("stop");
    }
}

#[test]
fn while_postgresql_is_gone_writes_are_refused_and_phones_go_on_and_its_return_needs_nobody() {
    let postgres = Postgres::start();
    let server = Server::start_at(Some(&postgres.url));
    let phones = phones(&server);
    assert_eq!(somebody(&server, "2000").0, 201);
    postgres.control("pause");
    refused(&server, "2001");
    phones[0].register(300).unwrap();
    they_call_each_other(&phones);
    postgres.control("resume");
    goes_on(&server, "2002");
    assert!(is_there(&server, "2000"));
    assert!(!is_there(&server, "2001"));
    // What follows the log has found its way back too: who is deactivated now is out now.
    server.run(&["user", "deactivate", "1001"]);
    let deadline = Instant::now() + SOON;
    while phones[1].register(300).is_ok() {
        assert!(Instant::now() < deadline, "deactivated, and still let in");
    }
    assert_eq!(server.json(&["changes", "--verify"])["intact"], true);
}
