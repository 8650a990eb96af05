//! `muster import` and `muster export`.

use std::io::Write;
use std::path::PathBuf;

use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Server, Step, answer, created, drop_connection, muster, problem, respond};

pub const JOB: &str = "/api/v1/organizations/example/jobs/0192a7c4";

pub fn file(directory: &TempDir, name: &str, content: &str) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::File::create(&path).unwrap().write_all(content.as_bytes()).unwrap();
    path
}

pub fn report() -> Value {
    json!({
        "format": "ringotel", "encoding": "UTF-8", "delimiter": ",", "rows": 60,
        "columns": [
            { "header": "name", "field": "display_name", "why": null },
            { "header": "extension", "field": "extension", "why": null },
            { "header": "Fax no.\u{1b}[31m", "field": null, "why": "no field has this" } ],
        "created": 58, "updated": 1, "unchanged": 0, "rejected": 1, "good_rows": 59, "activated": 45, "contacts": 14,
        "new_sites": ["Leeds"], "nothing_written": false, "problems_left_out": 0,
        "problems": [
            { "line": 9, "row": 7, "column": "extension", "found": "1001x", "reason": "is not an extension",
              "mend": "write digits only, such as 1001", "remark": false },
            { "line": 4, "row": 3, "column": "mobile", "found": "12", "reason": "is too short to be a number",
              "mend": "write it with its country code", "remark": true } ],
        "causes": [
            cause("extension", "is not an extension", "write digits only, such as 1001", json!([[7, "1001x"]]), false),
            cause("mobile", "is too short to be a number", "write it with its country code", json!([[3, "12"]]), true),
        ],
        "counted_before": 3, "counted_after": 48, "newly_counted": 45, "no_longer_counted": 0 })
}

/// Of rows, with what stands in each.
fn cause(column: &str, reason: &str, mend: &str, rows: Value, remark: bool) -> Value {
    let rows = rows.as_array().unwrap();
    json!({ "column": column, "reason": reason, "mend": mend, "option": null, "remark": remark, "rows": rows.len(),
        "first_rows": rows.iter().take(5).map(|r| r[0].clone()).collect::<Vec<_>>(),
        "found": rows.iter().map(|r| json!({ "found": r[1], "rows": 1 })).collect::<Vec<_>>(),
        "correctable": !remark })
}

pub fn job(state: &str, report: Value) -> Value {
    json!({ "id": "0192a7c4", "kind": "import", "state": state, "problem": null, "summary": report,
        "progress": { "rows_total": 60, "rows_judged": 60, "rows_written": 60 } })
}

/// The newest change, then that the phones know it.
pub fn head() -> Step {
    respond(
        "200 OK",
        &[("content-type", "text/event-stream")],
        "event: hello\nid: 61\ndata: {\"seq\":61}\n\n",
    )
}

pub fn reached() -> Step {
    answer(json!({ "seq": 61 }))
}

/// With the directory's random name taken out.
pub fn steady(text: &str, directory: &TempDir) -> String {
    text.replace(&directory.path().display().to_string(), "DIR")
}

#[test]
fn an_import_says_what_was_recognized_taken_and_mended() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "staff.csv", "name,extension\n");
    let server = Server::start(vec![
        created(JOB, job("queued", Value::Null)),
        answer(job("running", Value::Null)),
        answer(job("done", report())),
        head(),
        reached(),
    ]);
    let outcome = muster(
        &server,
        &["import", path.to_str().unwrap(), "--good-rows-only", "--create-sites", "--match", "username"],
    );
    assert_snapshot!(steady(&outcome.seen(), &directory));
    let asked = server.asked();
    let lines: Vec<&str> = asked.iter().map(|request| request.line.as_str()).collect();
    let want = "POST /api/v1/organizations/example/imports?file_name=staff.csv&activate=file&match=username\
                &good_rows_only=true&create_sites=true";
    assert_eq!(lines[0], want);
    assert_eq!(lines[3], "GET /events?organization=example");
    assert_eq!(lines[4], "GET /api/v1/organizations/example/phones?reached=61&timeout_s=30");
    assert_eq!(asked[0].body, b"name,extension\n");
}

#[test]
fn a_database_that_is_away_is_waited_for_because_the_job_goes_on_without_anybody() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "staff.csv", "name,extension\n");
    let unavailable = json!({ "title": "unavailable", "status": 503,
        "detail": "the database is not available; nothing was changed" });
    let server = Server::start(vec![
        created(JOB, job("queued", Value::Null)),
        problem("503 Service Unavailable", unavailable),
        answer(job("done", report())),
        head(),
        reached(),
    ]);
    let outcome = muster(&server, &["import", path.to_str().unwrap()]);
    assert_eq!(outcome.status, 0, "{}", outcome.seen());
    assert!(outcome.err.contains("The job is kept; waiting for the database."), "{}", outcome.seen());
    assert!(!outcome.seen().contains("nothing was changed"), "{}", outcome.seen());
}

#[test]
fn a_refused_import_ends_with_1_and_says_that_nothing_was_written() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "staff.csv", "x");
    let mut refused = job("failed", report());
    refused["problem"] = json!("1 of 60 rows are not right; nothing was written");
    refused["summary"]["nothing_written"] = json!(true);
    let server = Server::start(vec![created(JOB, Value::Null), answer(refused)]);
    let outcome = muster(&server, &["import", path.to_str().unwrap()]);
    assert_snapshot!(steady(&outcome.seen(), &directory));
    assert_eq!(server.asked().len(), 2, "no phone is waited for");
}

#[test]
fn a_dry_run_speaks_of_what_would_be() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "staff.csv", "x");
    let mut dry = job("done", report());
    dry["summary"]["nothing_written"] = json!(true);
    let server = Server::start(vec![created(JOB, Value::Null), answer(dry)]);
    let outcome = muster(&server, &["import", path.to_str().unwrap(), "--dry-run"]);
    assert!(outcome.out.contains("People: 58 would be created, 1 would be updated, 1 would be rejected."));
    assert!(outcome.out.contains("This was a dry run: nothing was written."));
    assert!(!outcome.out.contains("muster undo"));
    assert_eq!((outcome.status, server.asked().len()), (0, 2));
}

#[test]
fn an_import_that_enables_nobody_or_makes_secrets_says_how_phones_come_to_register() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "staff.csv", "x");
    let of = |activated: u64, secrets_made: u64| {
        let mut done = job("done", report());
        done["summary"]["activated"] = json!(activated);
        done["summary"]["secrets_made"] = json!(secrets_made);
        let server = Server::start(vec![created(JOB, Value::Null), answer(done), head(), reached()]);
        muster(&server, &["import", path.to_str().unwrap()]).out
    };
    let typed = "--url URL --org example\n";
    let contacts = of(0, 0);
    assert!(contacts.contains(&format!("\n  muster user activate WHO… {typed}")), "{contacts}");
    let file = path.display();
    let everybody = format!("\n  muster import {file} --match extension --activate all {typed}");
    assert!(contacts.contains(&everybody), "{contacts}");
    let made = of(45, 12);
    assert!(made.contains("12 SIP secrets were made") && !made.contains("user activate"), "{made}");
    assert!(made.contains(&format!("\n  muster user credentials WHO --reset {typed}")), "{made}");
    assert!(made.contains(&format!("\n  muster export FILE --with-secrets {typed}")), "{made}");
    let given = of(45, 0);
    assert!(!given.contains("SIP secret") && !given.contains("user activate"), "{given}");
}

#[test]
fn rows_that_were_left_out_are_the_last_that_is_said_and_no_failure() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "staff.csv", "x");
    let mut whole = report();
    whole["rejected"] = json!(0);
    for (report, want) in [(report(), "1 of 60 rows was left out, as --good-rows-only asks.\n"), (whole, "")]
    {
        let server =
            Server::start(vec![created(JOB, Value::Null), answer(job("done", report)), head(), reached()]);
        let outcome = muster(&server, &["import", path.to_str().unwrap(), "--good-rows-only"]);
        assert_eq!((outcome.status, outcome.err.as_str()), (0, want));
    }
}

#[test]
fn a_file_of_a_gigabyte_is_refused_before_anything_is_read_or_sent() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "big.csv", "x");
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 30).unwrap();
    let server = Server::start(vec![]);
    let outcome = muster(&server, &["import", path.to_str().unwrap()]);
    assert_eq!(outcome.status, 1);
    assert!(outcome.err.contains("is larger than 256 MiB"), "{}", outcome.err);
    assert!(server.asked().is_empty());
}

#[test]
fn a_file_that_is_not_there_is_said_by_its_name() {
    let server = Server::start(vec![]);
    let outcome = muster(&server, &["import", "nowhere/staff.csv"]);
    let want = "muster: nowhere/staff.csv cannot be read: no such file or directory. Is the path right?\n";
    assert_eq!((outcome.status, outcome.err.as_str()), (1, want));
}

#[test]
fn a_file_is_sent_again_from_its_beginning_when_the_connection_is_lost() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "staff.csv", "name,extension\nAna,1001\n");
    let server = Server::start(vec![
        drop_connection(),
        created(JOB, Value::Null),
        drop_connection(),
        answer(job("done", report())),
        head(),
        reached(),
    ]);
    assert_eq!(muster(&server, &["import", path.to_str().unwrap()]).status, 0);
    let asked = server.asked();
    assert_eq!(asked[0].body, asked[1].body);
    assert_eq!(asked[1].body, b"name,extension\nAna,1001\n");
    assert_eq!(asked[0].header("idempotency-key"), asked[1].header("idempotency-key"));
}

#[test]
fn with_json_an_import_prints_the_ended_job_and_nothing_else() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "staff.csv", "x");
    let ended = job("done", report());
    let server = Server::start(vec![created(JOB, Value::Null), answer(ended.clone()), head(), reached()]);
    let outcome = muster(&server, &["import", path.to_str().unwrap(), "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&outcome.out).unwrap(), ended);
    assert_eq!(outcome.err, "");
}

#[test]
fn an_export_with_secrets_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("people.csv");
    let server = Server::start(vec![respond("200 OK", &[], "username,sip_password\n")]);
    let outcome = muster(&server, &["export", path.to_str().unwrap(), "--with-secrets"]);
    assert_eq!(outcome.status, 0, "{}", outcome.err);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "username,sip_password\n");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(
        outcome.err.contains("an apostrophe before it") && outcome.err.contains("not part of the password")
    );
    assert_eq!(server.lines(), ["GET /api/v1/organizations/example/export.csv?with_secrets=true"]);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left behind");
}

#[test]
fn an_export_replaces_no_file_unless_told_to() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "people.csv", "before");
    let server = Server::start(vec![respond("200 OK", &[], "after")]);
    let outcome = muster(&server, &["export", path.to_str().unwrap()]);
    assert_eq!((outcome.status, std::fs::read_to_string(&path).unwrap().as_str()), (1, "before"));
    let outcome = muster(&server, &["export", path.to_str().unwrap(), "--force"]);
    assert_eq!((outcome.status, std::fs::read_to_string(&path).unwrap().as_str()), (0, "after"));
}

#[test]
fn an_export_that_is_refused_or_breaks_off_leaves_no_file() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("people.csv");
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nhalf";
    let server = Server::start(vec![
        problem("403 Forbidden", json!({ "detail": "your token lacks the permission export_secrets" })),
        Step::Answer(half.to_owned()),
    ]);
    for _ in 0..2 {
        let outcome = muster(&server, &["export", path.to_str().unwrap(), "--with-secrets"]);
        assert_eq!(outcome.status, 1, "{}", outcome.err);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}

#[test]
fn an_option_that_mends_an_error_is_said_as_it_is_typed() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "staff.csv", "x");
    let mut refused = job("failed", report());
    refused["problem"] = json!("2 of 60 rows are not right; nothing was written");
    let problem = |column: Value, reason: &str, option: &str, remark: bool| {
        json!({ "line": 2, "row": 1, "column": column, "found": "", "reason": reason, "mend": "mend it",
            "option": option, "remark": remark })
    };
    refused["summary"]["problems"] = json!([
        problem(json!("email"), "is also in row 3", "allow_shared_emails", false),
        problem(json!("username"), "is taken", "match", false),
        problem(Value::Null, "has 2 cells, and the header has 3", "", false),
        problem(json!("sip_password"), "is shorter than 12 characters", "", true),
    ]);
    let cause = |column: Value, reason: &str, option: &str, remark: bool, rows: u64| {
        json!({ "column": column, "reason": reason, "mend": "mend it", "option": option, "remark": remark,
            "rows": rows, "first_rows": [1], "found": [], "correctable": false })
    };
    refused["summary"]["causes"] = json!([
        cause(json!("email"), "is also in another row", "allow_shared_emails", false, 1),
        cause(json!("username"), "is taken", "match", false, 1),
        cause(Value::Null, "has 2 cells, and the header has 3", "", false, 1),
        cause(json!("sip_password"), "is shorter than 12 characters", "", true, 1200),
    ]);
    let server = Server::start(vec![created(JOB, Value::Null), answer(refused)]);
    let outcome = muster(&server, &["import", path.to_str().unwrap(), "--dry-run"]);
    assert_snapshot!(steady(&outcome.seen(), &directory));
}

#[test]
fn a_file_of_no_known_format_is_refused_with_what_to_type() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "staff.csv", "x");
    let check = |option: &str, typed: &str| {
        let error =
            json!({ "field": "file", "reason": "has other columns", "mend": "do so", "option": option });
        let refused = problem("400 Bad Request", json!({ "detail": "has other columns", "errors": [error] }));
        let outcome = muster(&Server::start(vec![refused]), &["import", path.to_str().unwrap()]);
        assert!(outcome.err.ends_with(&format!("Do so: use {typed}.\n")), "{}", outcome.err);
    };
    check("format=muster", "--format muster");
    check("mapping", "--suggest-mapping and then --map");
    check("format", "--format, or --suggest-mapping and then --map");
}

#[test]
fn a_workbook_is_not_said_to_be_separated_by_anything() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "staff.xlsx", "x");
    let mut dry = job("done", report());
    (dry["summary"]["encoding"], dry["summary"]["delimiter"]) = (json!("XLSX"), json!(""));
    dry["summary"]["nothing_written"] = json!(true);
    let server = Server::start(vec![created(JOB, Value::Null), answer(dry)]);
    let outcome = muster(&server, &["import", path.to_str().unwrap(), "--dry-run"]);
    assert!(outcome.out.contains("staff.xlsx: format ringotel, XLSX, 60 rows.\n"), "{}", outcome.out);
}

#[test]
fn what_is_chosen_of_people_who_are_there_inactive_or_misspelt_goes_with_the_file_and_is_saved() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "staff.csv", "x");
    let saved = directory.path().join("fixes.toml");
    let mut dry = job("done", report());
    dry["summary"]["nothing_written"] = json!(true);
    dry["summary"]["skipped"] = json!(3);
    dry["summary"]["system"] = json!("3CX");
    dry["summary"]["inactive"] = json!({ "rows": 12, "become_what": "contacts", "chosen": false });
    dry["summary"]["mapping"] = json!("[values.\"Site\"]\n");
    dry["summary"]["counted_by_type"] = json!([{ "user_type": "user", "before": 2, "after": 47 }, { "user_type": "limited", "before": 1, "after": 1 }]);
    dry["summary"]["corrections"] = json!([
        { "column": "Site", "found": "Lisbonne", "value": "Lisbon", "cells": 12 },
        { "column": "Site", "found": "", "value": "Main", "cells": 0 } ]);
    let server = Server::start(vec![created(JOB, Value::Null), answer(dry)]);
    let options = [
        "--existing",
        "skip",
        "--inactive",
        "leave-out",
        "--fix",
        "Site:Lisbonne=Lisbon",
        "--fix",
        "Site:=Main",
    ];
    let mut typed =
        vec!["import", path.to_str().unwrap(), "--dry-run", "--save-map", saved.to_str().unwrap()];
    typed.extend(options);
    let outcome = muster(&server, &typed);
    assert_snapshot!(steady(&outcome.seen(), &directory));
    let asked = server.asked();
    assert!(
        asked[0].line.contains("&existing=skip&inactive=leave_out&corrections=%5B%7B%22column%22"),
        "{}",
        asked[0].line
    );
    assert_eq!(std::fs::read_to_string(&saved).unwrap(), "[values.\"Site\"]\n");
    let outcome =
        muster(&Server::start(vec![]), &["import", path.to_str().unwrap(), "--fix", "Lisbonne=Lisbon"]);
    assert_eq!(outcome.status, 2);
    assert!(outcome.err.contains("COLUMN:FOUND=VALUE"), "{}", outcome.err);
}

#[test]
fn rows_with_one_cause_are_told_together_with_what_is_their_own_and_how_to_correct_them() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "staff.csv", "x");
    let mut refused = job("failed", report());
    refused["problem"] = json!("40 of 60 rows are not right; nothing was written");
    refused["summary"]["problems"] = json!([
        { "line": 3, "row": 2, "column": "Ext", "found": "1001", "reason": "is Ana Silva's (extension 1001)",
          "mend": "choose another", "option": "match", "remark": false },
        { "line": 9, "row": 8, "column": "My Site", "found": "Lisbonne", "reason": "is not a site",
          "mend": "make the site first", "option": "create_sites", "remark": false } ]);
    refused["summary"]["causes"] = json!([
        { "column": "My Site", "reason": "is not a site", "mend": "make the site first", "option": "create_sites",
          "remark": false, "rows": 39, "first_rows": [8, 9, 10, 11, 12], "correctable": true,
          "found": [{ "found": "Lisbonne", "rows": 30 }, { "found": "O'Porto", "rows": 9 }] },
        { "column": "Ext", "reason": "is somebody's who is already there", "mend": "choose another",
          "option": "match", "remark": false, "rows": 1, "first_rows": [2], "correctable": false,
          "found": [{ "found": "1001", "rows": 1 }] } ]);
    refused["summary"]["causes_left_out"] = json!(2);
    let server = Server::start(vec![created(JOB, Value::Null), answer(refused)]);
    let outcome = muster(&server, &["import", path.to_str().unwrap(), "--every-row"]);
    assert_snapshot!(steady(&outcome.seen(), &directory));
}
