//! Removing people with a look at what depends on them, erasing them, and the doctor.

use serde_json::{Value, json};

use crate::{Server, Step, answer, muster, muster_asking, problem, respond};

fn ana() -> Value {
    json!({ "id": "u-1", "extension": "1001", "username": "ana", "display_name": "Ana Silva", "version": 3 })
}

fn found() -> Step {
    answer(json!({ "items": [ana()], "next_cursor": null }))
}

fn review() -> Value {
    json!({
        "plan": "0123", "wants_choices": true,
        "people": [{ "id": "u-1", "display_name": "Ana Silva", "username": "ana", "extension": "1001" }],
        "items": [
            { "of": "menu:m-1", "category": "menus", "entity": "menu", "entity_id": "m-1", "field": "entries",
              "name": "the menu Welcome", "how": "leads to them by key 1", "person": "u-1",
              "choices": ["release", "hand_to"], "default": null,
              "why_to_choose": "callers who press the key would reach nobody", "used_by": [], "used_by_more": 0 },
            { "of": "mailbox:b-1", "category": "mailboxes", "entity": "mailbox", "entity_id": "b-1",
              "field": "owner", "name": "the mailbox Ana Silva", "how": "holds their messages", "person": "u-1",
              "choices": ["keep", "hand_to", "release"], "default": "keep", "why_to_choose": null,
              "used_by": ["the group Sales"], "used_by_more": 2 }
        ],
        "effects": [{ "what": "extension", "text": "extension 1001 is free for somebody else", "person": "u-1" }]
    })
}

#[test]
fn what_depends_on_somebody_is_shown_with_what_wants_a_choice() {
    let server = Server::start(vec![found(), answer(review())]);
    let outcome = muster(&server, &["user", "remove", "ana", "--review"]);
    assert_eq!(outcome.status, 0, "{}", outcome.err);
    for line in [
        "the menu Welcome leads to them by key 1 CHOOSE release or hand_to: callers who press the key would reach nobody  (menu:m-1)",
        "the mailbox Ana Silva holds their messages [keep; or hand_to or release]  (mailbox:b-1)",
        "messages for the group Sales and 2 more go there too",
        "extension 1001 is free for somebody else",
    ] {
        assert!(outcome.out.contains(line), "{line}\n{}", outcome.out);
    }
    assert_eq!(server.lines()[1], "GET /api/v1/organizations/example/users/u-1/removal");
}

#[test]
fn choices_are_sent_with_the_plan_that_was_shown_and_the_undo_is_told() {
    let done = respond("200 OK", &[("muster-seq", "9")], &json!({ "job": "j-1", "seq": 9 }).to_string());
    let server = Server::start(vec![found(), answer(review()), done, answer(json!({ "reached": 9 }))]);
    let arguments =
        ["user", "remove", "ana", "--hand-to", "1002", "--hand-to", "devices=1003", "--keep", "mailbox"];
    let outcome = muster(&server, &arguments);
    assert_eq!(outcome.status, 0, "{}", outcome.err);
    assert!(
        outcome.out.contains("Removed 1001 Ana Silva. To take all of it back: muster undo --job j-1"),
        "{}",
        outcome.out
    );
    let sent = server.asked().remove(2).json();
    assert_eq!(
        sent,
        json!({ "plan": "0123", "hand_to": "1002", "choices": [
            { "of": "mailbox", "choice": "keep" }, { "of": "devices", "choice": "hand_to", "to": "1003" }] })
    );
}

#[test]
fn who_is_removed_without_a_choice_that_is_wanted_stays_and_what_to_type_is_said() {
    let refused = json!({ "type": "urn:muster:problem:needs-choice", "status": 409,
        "detail": "menu the menu Welcome depends on Ana Silva: hand it to somebody or release it",
        "errors": [{ "field": "menu", "reason": "the menu Welcome depends on Ana Silva", "mend": "choose" }] });
    let server = Server::start(vec![found(), problem("409 Conflict", refused)]);
    let outcome = muster(&server, &["user", "remove", "ana"]);
    assert_eq!(outcome.status, 1);
    assert!(outcome.err.contains("muster user remove ana --review"), "{}", outcome.err);
    let server = Server::start(vec![found()]);
    let twice = muster(&server, &["user", "remove", "ana", "--hand-to", "1", "--hand-to", "2"]);
    assert_eq!(twice.status, 2, "{}", twice.err);
}

#[test]
fn erasing_is_asked_about_and_done_after_a_yes() {
    let erased = || answer(json!({ "erased_lines": 7, "seq": 12 }));
    let removed = || vec![found(), answer(ana())];
    let server = Server::start(removed());
    let outcome = muster(&server, &["user", "purge", "ana"]);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome.err.contains("Nothing brings them back") && outcome.err.contains("--yes"),
        "{}",
        outcome.err
    );
    let server = Server::start(removed());
    let outcome = muster_asking(&server, &["user", "purge", "ana"], "n\n");
    assert!(outcome.err.contains("Nothing was done."), "{}", outcome.err);
    for (arguments, typed) in [
        (&["user", "purge", "ana", "--with-mailboxes"][..], "y\n"),
        (&["user", "purge", "ana", "--with-mailboxes", "--yes"], ""),
    ] {
        let server = Server::start(removed().into_iter().chain([erased()]).collect());
        let outcome = muster_asking(&server, arguments, typed);
        assert_eq!(outcome.status, 0, "{}", outcome.err);
        assert!(
            outcome.out.contains("Erased 1001 Ana Silva, and what 7 lines of the log said."),
            "{}",
            outcome.out
        );
        let asked = server.asked();
        assert_eq!(asked[2].line, "POST /api/v1/organizations/example/users/u-1/purge");
        assert_eq!(asked[2].json(), json!({ "irreversible": true, "with_mailboxes": true }));
    }
}

#[test]
fn what_is_kept_of_somebody_is_written_where_nothing_is_yet() {
    let folder = std::env::temp_dir().join(format!("muster-data-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ana.json");
    let path = file.to_str().unwrap();
    let server = Server::start(vec![found(), answer(json!({ "user": ana() }))]);
    let outcome = muster(&server, &["user", "data", "ana", path, "--force"]);
    assert_eq!(outcome.status, 0, "{}", outcome.err);
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(written["user"]["display_name"], "Ana Silva");
    let server = Server::start(vec![found()]);
    let outcome = muster(&server, &["user", "data", "ana", path]);
    assert_eq!(outcome.status, 1);
    assert!(outcome.err.contains("is there already"), "{}", outcome.err);
    std::fs::remove_dir_all(&folder).unwrap();
}

fn diagnosis(findings: &Value) -> Step {
    let count = findings.as_array().unwrap().len();
    answer(json!({ "at": "2026-11-30T08:00:00Z", "watched_since": "2026-10-01T08:00:00Z", "checks": [
        { "check": "unused_seats", "title": "Seats that nobody has used for 30 days", "found": 0, "findings": [] },
        { "check": "forwards_to_nobody", "title": "Calls are forwarded to nobody", "found": count,
          "findings": findings }] }))
}

fn forwards() -> Value {
    let request = json!({ "method": "PATCH", "path": "/users/u-1", "if_match": "\"3\"",
        "body": { "alternate_number": null } });
    json!([{ "entity": "user", "entity_id": "u-1", "name": "Ana Silva (extension 1001)",
        "why": "forwards calls to 7777, which nobody has",
        "mend": { "text": "let their own phones ring", "harmless": true, "request": request } }])
}

#[test]
fn the_doctor_says_what_is_wrong_and_ends_with_1_while_something_is() {
    let server = Server::start(vec![diagnosis(&forwards())]);
    let outcome = muster(&server, &["doctor"]);
    assert_eq!(outcome.status, 1);
    let line = "  Ana Silva (extension 1001) forwards calls to 7777, which nobody has. Mend: let their own phones ring.";
    assert!(outcome.out.contains(line), "{}", outcome.out);
    assert!(!outcome.out.contains("Seats that"), "{}", outcome.out);
    assert_eq!(server.lines(), ["GET /api/v1/organizations/example/doctor?limit=20"]);
    let server = Server::start(vec![diagnosis(&json!([]))]);
    let outcome = muster(&server, &["doctor", "--check", "unused_seats"]);
    assert_eq!((outcome.status, outcome.out.as_str()), (0, "Nothing is wrong.\n"));
}

#[test]
fn the_doctor_mends_what_a_request_mends_after_a_yes() {
    let mut by_hand = forwards();
    by_hand.as_array_mut().unwrap().push(json!({ "entity": "group", "entity_id": "g-1", "name": "the group Sales",
        "why": "has no members", "mend": { "text": "put somebody in", "harmless": false, "request": null } }));
    let server = Server::start(vec![diagnosis(&by_hand)]);
    let outcome = muster(&server, &["doctor", "--fix"]);
    assert_eq!(outcome.status, 1);
    assert!(outcome.err.contains("To mend 1 thing: --yes"), "{}", outcome.err);
    let server = Server::start(vec![diagnosis(&by_hand), answer(ana())]);
    let outcome = muster(&server, &["doctor", "--fix", "--yes"]);
    assert!(outcome.out.contains("Mended Ana Silva (extension 1001)"), "{}", outcome.out);
    let asked = server.asked();
    assert_eq!(asked[1].line, "PATCH /api/v1/organizations/example/users/u-1");
    assert_eq!(asked[1].header("if-match"), "\"3\"");
    assert_eq!(asked[1].json(), json!({ "alternate_number": null }));
}
