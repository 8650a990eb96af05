//! Imports beside each other, imports that are stopped, and what is left to mend.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::{Database, Server};

/// As many people as a test build writes in some seconds: somebody has the time to stop it.
const MANY: u32 = 40_000;

/// A file of people with these extensions.
fn file_of(server: &Server, name: &str, extensions: std::ops::Range<u32>) -> String {
    let mut text = String::from("name,extension,password\n");
    for extension in extensions {
        let _ = writeln!(text, "Person {extension},{extension},secret of {extension} here");
    }
    let path = server.file(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn extensions(server: &Server, first: &str) -> BTreeSet<String> {
    let filter = format!("/users?limit=1000&filter=extension%5E{first}");
    let (status, list) = server.api("GET", &filter, None);
    assert_eq!(status, 200, "{list}");
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| item["extension"].as_str().unwrap().to_string()).collect()
}

fn people(server: &Server) -> u64 {
    let (_, list) = server.api("GET", "/users?limit=1&total=true", None);
    list["total"].as_u64().unwrap()
}

fn newest_change(server: &Server) -> u64 {
    let text = server.run(&["changes", "--verify", "--json"]);
    let verified: Value = serde_json::from_str(&text).unwrap();
    verified["checked"].as_u64().unwrap()
}

/// The newest job, once this number of its progress is above nought.
fn running(server: &Server, what: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(120);
    while Instant::now() < deadline {
        let (_, jobs) = server.api("GET", "/jobs?limit=1", None);
        let job = &jobs["items"][0];
        assert_ne!(job["state"], "done", "it ended before anybody could stop it");
        if job["progress"][what].as_u64().is_some_and(|rows| rows > 0) {
            return job["id"].as_str().unwrap().to_string();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("the import does not come to {what}");
}

fn stop_while(server: &Server, what: &str, file: &str) {
    let (before, head) = (people(server), newest_change(server));
    let mut import = server.spawn(&["import", file]);
    let job = running(server, what);
    let said = server.run(&["job", "cancel", &job]);
    assert_eq!(said.trim(), "Cancelled: nothing of it was done.", "{what}");
    assert_eq!(import.wait().unwrap().code(), Some(1), "who waited for it is told");
    let (_, job) = server.api("GET", &format!("/jobs/{job}"), None);
    assert_eq!(job["state"], "cancelled", "{job}");
    assert_eq!(job["problem"], "cancelled while it ran; nothing of it was done");
    assert_eq!((people(server), newest_change(server)), (before, head), "{what}");
}

#[test]
fn an_import_is_stopped_while_it_judges_and_while_it_writes_and_nothing_of_it_is_there() {
    for database in Database::BOTH {
        let server = Server::start_on(database);
        let file = file_of(&server, "many.csv", 100_000..100_000 + MANY);
        stop_while(&server, "rows_judged", &file);
        stop_while(&server, "rows_written", &file);
        let few = file_of(&server, "few.csv", 2000..2010);
        server.run(&["import", &few]);
        assert_eq!(extensions(&server, "20").len(), 10, "the next import goes through");
    }
}

#[test]
fn an_import_is_stopped_by_its_row_where_another_process_was_asked() {
    let url = Database::Postgres.url().unwrap();
    let server = Server::start_at(Some(&url));
    let file = file_of(&server, "many.csv", 100_000..100_000 + MANY);
    let mut import = server.spawn(&["import", &file]);
    let job = running(&server, "rows_judged");
    // As another server of the same database does.
    let asked = Command::new("psql").args([&url, "-qc", "UPDATE jobs SET cancel_requested = TRUE"]).status();
    assert!(asked.unwrap().success());
    assert_eq!(import.wait().unwrap().code(), Some(1));
    let (_, job) = server.api("GET", &format!("/jobs/{job}"), None);
    assert_eq!((&job["state"], people(&server)), (&"cancelled".into(), 0), "{job}");
}

#[test]
fn two_files_at_once_are_each_taken_whole_and_of_two_that_clash_one_is() {
    for database in Database::BOTH {
        let server = Server::start_on(database);
        let apart = [file_of(&server, "a.csv", 1000..1400), file_of(&server, "b.csv", 2000..2400)];
        let done = both_at_once(&server, &apart);
        assert!(done.iter().all(|(status, _)| *status == 0), "{done:?}");
        assert_eq!((extensions(&server, "1").len(), extensions(&server, "2").len()), (400, 400));
        // One person is in both.
        let clash = [file_of(&server, "c.csv", 3000..3400), file_of(&server, "d.csv", 3399..3800)];
        let done = both_at_once(&server, &clash);
        let refused: Vec<&String> = done.iter().filter(|(status, _)| *status != 0).map(|(_, s)| s).collect();
        assert_eq!(refused.len(), 1, "{done:?}");
        assert!(refused[0].contains("1 of 40"), "{refused:?}");
        assert!(refused[0].contains("extension is somebody's who is already there (1 row)"), "{refused:?}");
        let there = extensions(&server, "3").len();
        assert!(there == 400 || there == 401, "{there}");
        server.run(&["changes", "--verify"]);
    }
}

fn both_at_once(server: &Server, files: &[String; 2]) -> Vec<(i32, String)> {
    std::thread::scope(|scope| {
        let import = |file: &str| {
            let out = server.command(&["import", file]);
            (out.status.code().unwrap(), String::from_utf8_lossy(&out.stdout).into_owned())
        };
        let threads: Vec<_> = files.iter().map(|file| scope.spawn(move || import(file))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn the_same_file_twice_is_refused_with_the_way_out_and_changes_nothing_with_it() {
    let server = Server::start();
    let file = file_of(&server, "staff.csv", 1000..1010);
    server.run(&["import", &file]);
    let out = server.command(&["import", &file]);
    let said = String::from_utf8_lossy(&out.stdout);
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("10 of 10 rows are not right; nothing was written"), "{said}");
    assert!(said.contains("is somebody's who is already there (10 rows)"), "{said}");
    assert!(said.contains("--match"), "{said}");
    let said = server.run(&["import", &file, "--match", "extension"]);
    assert!(said.contains("10 unchanged"), "{said}");
}

#[test]
fn rows_that_were_not_taken_are_written_to_a_file_mended_and_imported() {
    let server = Server::start();
    let path = server.file("staff.csv");
    std::fs::write(&path, "name;extension;password\r\nAna;0100;p\r\nBo;12x4;q\r\nCy;0102;r\r\n").unwrap();
    let file = path.display().to_string();
    server.run(&["import", &file, "--good-rows-only"]);
    let history = server.json(&["import-history"]);
    let import = &history["items"][0];
    assert_eq!((&import["file_name"], &import["rejected"]), (&"staff.csv".into(), &1.into()), "{import}");
    let id = import["id"].as_str().unwrap();
    let rejected = server.file("mend.csv");
    let out = rejected.display().to_string();
    let said = server.run(&["job", "rejected", id, &out]);
    assert!(said.contains("1 row that was not taken"), "{said}");
    assert!(said.contains(&format!("import {out}")), "{said}");
    let text = std::fs::read_to_string(&rejected).unwrap();
    assert_eq!(text, "name;extension;password\r\nBo;12x4;q\r\n");
    assert_eq!(std::fs::metadata(&rejected).unwrap().permissions().mode() & 0o777, 0o600);
    let again = server.command(&["job", "rejected", id, &out]);
    assert_eq!(again.status.code(), Some(1), "what is there is not replaced");
    std::fs::write(&rejected, text.replace("12x4", "0101")).unwrap();
    server.run(&["import", &out]);
    assert_eq!(extensions(&server, "01"), ["0100", "0101", "0102"].map(String::from).into());
    let said = server.run(&["import-history"]);
    assert!(said.contains("mend.csv") && said.contains("staff.csv"), "{said}");
}
