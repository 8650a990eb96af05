//! What `muster import` tells and asks beside the rows: of the file as a whole, and of disabled people.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::import::{JOB, file, head, job, reached, report, steady};
use crate::{Server, answer, created, muster, muster_asking, problem};

/// Three people are disabled in the file, and nobody has said what shall become of them.
fn to_be_chosen() -> Value {
    let mut asked = job("failed", report());
    asked["problem"] = json!("what becomes of them is to be chosen; nothing was written");
    asked["summary"]["system"] = json!("3CX");
    asked["summary"]["inactive"] =
        json!({ "rows": 3, "become_what": "contacts", "chosen": false, "must_choose": true });
    asked
}

#[test]
fn on_a_terminal_it_is_asked_once_what_becomes_of_disabled_people_before_anything_is_written() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "staff.csv", "name,extension\n");
    let mut done = job("done", report());
    done["summary"]["inactive"] = json!({ "rows": 3, "become_what": "disabled", "chosen": true });
    let answers = || {
        vec![
            created(JOB, job("queued", Value::Null)),
            answer(to_be_chosen()),
            created(JOB, job("queued", Value::Null)),
            answer(done.clone()),
            head(),
            reached(),
        ]
    };
    let server = Server::start(answers());
    let outcome = muster_asking(&server, &["import", path.to_str().unwrap()], "2\n");
    assert_eq!(outcome.status, 0, "{}", outcome.seen());
    assert!(
        outcome.err.contains("3 people are disabled in 3CX. What shall become of them here?"),
        "{}",
        outcome.err
    );
    let asked = server.asked();
    assert!(asked[0].line.ends_with("&inactive=ask"), "{}", asked[0].line);
    assert!(asked[2].line.ends_with("&inactive=disabled"), "{}", asked[2].line);
    assert_eq!(asked[2].body, b"name,extension\n", "the whole file again");
    // No answer writes nothing.
    let server = Server::start(answers().into_iter().take(2).collect());
    let outcome = muster_asking(&server, &["import", path.to_str().unwrap()], "\n");
    assert_eq!(outcome.status, 1);
    assert!(outcome.err.contains("Nothing was written."), "{}", outcome.err);
    // Whoever has chosen, or only looks, is not asked.
    for option in [&["--inactive", "contacts"][..], &["--dry-run"]] {
        let server = Server::start(vec![created(JOB, Value::Null), answer(done.clone()), head(), reached()]);
        let typed = [&["import", path.to_str().unwrap()], option].concat();
        muster_asking(&server, &typed, "");
        assert!(!server.asked()[0].line.contains("=ask"), "{option:?}");
    }
}

#[test]
fn without_a_terminal_it_is_said_after_the_import_too_what_became_of_disabled_people_and_how_to_choose() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "staff.csv", "x");
    let mut done = job("done", report());
    done["summary"]["system"] = json!("3CX");
    done["summary"]["inactive"] = json!({ "rows": 3, "become_what": "contacts", "chosen": false });
    let server = Server::start(vec![created(JOB, Value::Null), answer(done), head(), reached()]);
    let outcome = muster(&server, &["import", path.to_str().unwrap()]);
    assert!(
        outcome.out.contains(
            "3 people are disabled in 3CX and became contacts. To choose otherwise, take it back and import with \
             --inactive contacts, disabled or leave-out."
        ),
        "{}",
        outcome.out
    );
    assert!(!server.asked()[0].line.contains("inactive"), "{}", server.asked()[0].line);
}

#[test]
fn what_is_so_of_the_file_or_of_all_who_are_changed_is_said_with_what_to_do() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "staff.xlsx", "x");
    let mut done = job("done", report());
    let summary = &mut done["summary"];
    (summary["sheet"], summary["rejected"], summary["delimiter"]) = (json!("Staff"), json!(0), json!(""));
    summary["notes"] = json!([
        { "text": "the sheet `Staff` is read; not read is `Leavers` (2 rows)",
          "mend": "name another sheet to read that", "option": "sheet" },
        { "text": "this same file was imported at 2026-07-01T09:00:00Z already, as job 12",
          "mend": "mend the file", "option": "match" } ]);
    summary["changes_by_field"] = json!([
        { "field": "email", "people": 1200, "emptied": 2 }, { "field": "department", "people": 4, "emptied": 4 } ]);
    let server = Server::start(vec![created(JOB, Value::Null), answer(done), head(), reached()]);
    let out = muster(&server, &["import", path.to_str().unwrap(), "--sheet", "Staff"]).out;
    assert!(server.asked()[0].line.ends_with("&sheet=Staff"), "{}", server.asked()[0].line);
    for said in [
        "UTF-8, sheet `Staff`, 60 rows.\nNote: The sheet `Staff` is read; not read is `Leavers` (2 rows).\n  \
         Name another sheet to read that: use --sheet NAME.\n",
        "Note: This same file was imported at 2026-07-01T09:00:00Z already, as job 12.\n  Mend the file, or use \
         --match username (or extension, or email) to update them, or --existing skip.\n",
        "People changed by field: email 1,200 (2 emptied), department 4 (all emptied).\n",
        "To take it back: muster undo --job 0192a7c4 --url URL --org example\nTo read what is left to be done: muster \
         job report 0192a7c4 --url URL --org example\n",
    ] {
        assert!(out.contains(said), "{said}\n{out}");
    }
}

#[test]
fn a_file_in_which_no_line_is_a_header_is_named() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "staff.csv", "x");
    let refused = json!({ "title": "invalid", "status": 400, "detail": "file has no line that looks like column names",
        "errors": [{ "field": "file", "reason": "has no line that looks like column names", "mend": "write one" }] });
    let server = Server::start(vec![problem("400 Bad Request", refused)]);
    let outcome = muster(&server, &["import", path.to_str().unwrap(), "--suggest-mapping"]);
    let said = steady(&outcome.err, &directory);
    assert!(said.contains("DIR/staff.csv has no line that looks like column names. Write one."), "{said}");
    let refused = json!({ "type": "urn:muster:problem:file", "title": "file", "status": 400,
        "detail": "the header is separated by commas and the rows by semicolons",
        "errors": [{ "field": "file", "reason": "the header is separated by commas and the rows by semicolons",
            "mend": "use one of them" }] });
    let server = Server::start(vec![problem("400 Bad Request", refused)]);
    let outcome = muster(&server, &["import", path.to_str().unwrap()]);
    let said = steady(&outcome.err, &directory);
    let want = "DIR/staff.csv cannot be read: the header is separated by commas and the rows by semicolons. Use one of \
                them.\n";
    assert!(said.ends_with(want), "{said}");
}
