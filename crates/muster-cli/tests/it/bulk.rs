//! A change of many people: shown first, done after a yes.

use serde_json::{Value, json};

use crate::server::Step;
use crate::{Server, answer, created, muster, muster_asking, respond, run};

fn summary(refused: u64) -> Value {
    let causes = match refused {
        0 => json!([]),
        people => json!([{ "field": "alternate_number", "reason": "is missing for simultaneous",
            "mend": "give an alternate number", "people": people, "first": ["Rui Costa (extension 1002)"] }]),
    };
    json!({ "people": 14, "changed": 12, "unchanged": 2 - refused.min(2), "refused": refused, "counted_before": 40,
        "counted_after": 52, "newly_counted": 12, "no_longer_counted": 0, "secrets_made": 1, "causes": causes,
        "causes_left_out": 0, "nothing_written": true })
}

fn preview(refused: u64) -> Step {
    answer(json!({
        "plan": "0123", "summary": summary(refused), "refused": [],
        "first": [{ "id": "u1", "name": "Ana Silva (extension 1001)", "fields": [
            { "field": "site", "before": "s1", "after": "s2" },
            { "field": "department", "before": null, "after": "Sales" },
        ] }],
    }))
}

fn sites() -> Step {
    let sites = json!([{ "id": "s1", "name": "Main" }, { "id": "s2", "name": "Porto" }]);
    answer(json!({ "items": sites, "next_cursor": null }))
}

const TYPED: [&str; 7] = ["user", "bulk", "--filter", "title~x", "--activate", "--add-tag", "floor:2"];

const SHOWN: &str = "\
14 people meant: 12 would be changed.
  2 people so already
  1 person without a SIP secret: one is made for each
  Counted for billing: 40 -> 52
Ana Silva (extension 1001): site: Main -> Porto, department: nothing -> Sales
… and 11 more
";

#[test]
fn what_would_be_done_is_shown_and_nothing_is_done_without_a_yes() {
    let server = Server::start(vec![preview(0), sites()]);
    let outcome = muster(&server, &[&TYPED[..], &["--dry-run"]].concat());
    assert_eq!((outcome.status, outcome.out.as_str(), outcome.err.as_str()), (0, SHOWN, ""));
    let asked = server.asked();
    assert_eq!(asked[0].line, "POST /api/v1/organizations/example/users/bulk");
    let change = json!({ "activate": true, "add_tags": ["floor:2"] });
    let sent = json!({ "filter": "title~x", "change": change, "stepwise": false, "dry_run": true });
    assert_eq!(asked[0].json(), sent);
    let server = Server::start(vec![preview(0), sites()]);
    let outcome = muster(&server, &TYPED);
    assert_eq!((outcome.status, outcome.err.as_str()), (0, "Nothing was done. To do it, give --yes too.\n"));
    let server = Server::start(vec![preview(0), sites()]);
    let outcome = muster_asking(&server, &TYPED, "no\n");
    assert!(outcome.err.ends_with("Do this? [y/N] Nothing was done.\n"), "{}", outcome.err);
    assert_eq!(server.lines().len(), 2);
}

#[test]
fn after_a_yes_just_that_is_done_as_a_job_and_how_it_is_taken_back_is_told() {
    let job = json!({ "id": "0192", "kind": "bulk", "state": "done", "bulk": { "summary": summary(0) } });
    for (more, typed) in [(&[][..], "y\n"), (&["--yes"], "")] {
        let hello =
            respond("200 OK", &[("content-type", "text/event-stream")], "event: hello\nid: 77\ndata: {}\n\n");
        let server = Server::start(vec![
            preview(0),
            sites(),
            created("/api/v1/organizations/example/jobs/0192", json!({ "id": "0192" })),
            answer(job.clone()),
            hello,
            answer(json!({ "reached": 77 })),
        ]);
        let outcome = muster_asking(&server, &[&TYPED[..], more].concat(), typed);
        assert_eq!(outcome.status, 0, "{}", outcome.err);
        assert!(outcome.out.starts_with(SHOWN), "{}", outcome.out);
        assert!(outcome.out.contains("14 people meant: 12 changed.\n"), "{}", outcome.out);
        assert!(outcome.out.contains("To take all of it back: muster undo --job 0192"), "{}", outcome.out);
        let sent = server.asked()[2].json();
        assert_eq!((&sent["plan"], sent.get("dry_run")), (&json!("0123"), None));
    }
}

#[test]
fn nobody_is_changed_while_somebody_cannot_be() {
    let server = Server::start(vec![preview(1), sites()]);
    let outcome = muster_asking(&server, &[&TYPED[..], &["--yes"]].concat(), "");
    assert_eq!(outcome.status, 1);
    let why = "Cannot: Alternate_number is missing for simultaneous. Give an alternate number.\n  1 person: Rui Costa (extension 1002)\n";
    assert!(outcome.out.contains(why), "{}", outcome.out);
    assert!(
        outcome.err.contains("To leave them out and change the others: --skip-refused"),
        "{}",
        outcome.err
    );
    assert_eq!(server.lines().len(), 2);
}

#[test]
fn what_is_to_change_must_be_said_and_removal_goes_alone() {
    for typed in [
        &["user", "bulk", "--filter", "title~x"][..],
        &["user", "bulk", "--activate"],
        &["user", "bulk", "--filter", "title~x", "--activate", "--deactivate"],
        &["user", "bulk", "--filter", "title~x", "--remove", "--activate"],
        &["user", "bulk", "--filter", "title~x", "--activate", "--reason", "x"],
    ] {
        assert_eq!(run(typed, None, "").status, 2, "{typed:?}");
    }
}
