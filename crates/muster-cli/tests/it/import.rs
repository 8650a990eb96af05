//! `muster import` and `muster export`.

use std::io::Write;
use std::path::PathBuf;

use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Server, Step, answer, created, drop_connection, muster, problem, respond};

const JOB: &str = "/api/v1/organizations/example/jobs/0192a7c4";

fn file(directory: &TempDir, name: &str, content: &str) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::File::create(&path).unwrap().write_all(content.as_bytes()).unwrap();
    path
}

fn report() -> Value {
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
              "mend": "write it with its country code", "remark": true } ] })
}

fn job(state: &str, report: Value) -> Value {
    json!({ "id": "0192a7c4", "kind": "import", "state": state, "problem": null, "summary": report,
        "progress": { "rows_total": 60, "rows_judged": 60, "rows_written": 60 } })
}

/// The newest change, then that the phones know it.
fn head() -> Step {
    respond(
        "200 OK",
        &[("content-type", "text/event-stream")],
        "event: hello\nid: 61\ndata: {\"seq\":61}\n\n",
    )
}

fn reached() -> Step {
    answer(json!({ "seq": 61 }))
}

/// With the directory's random name taken out.
fn steady(text: &str, directory: &TempDir) -> String {
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
    let everybody = format!("\n  muster import FILE --match extension --activate all {typed}");
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
    refused["summary"]["remarks"] =
        json!([{ "column": "sip_password", "reason": "is shorter than 12 characters", "rows": 1200 }]);
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
