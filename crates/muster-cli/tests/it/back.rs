//! Going back: shown first, done after a yes.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::server::Step;
use crate::{Server, answer, muster, muster_asking, problem, respond, run};

fn review(obstacles: &Value) -> Value {
    let secret = json!([{ "field": "sip_secret", "before": true, "after": true }]);
    let moved = json!([
        { "field": "extension", "before": "1009", "after": "1001" },
        { "field": "title", "before": "Boss", "after": null },
        { "field": "site", "before": "s2", "after": "s1" }
    ]);
    json!({ "done": null, "review": {
        "plan": "0123", "to_seq": 1204, "to_at": "2026-11-22T09:00:00.5Z",
        "people": { "changed": 2, "removed": 1, "brought_back": 0 },
        "things": { "changed": 0, "removed": 1, "brought_back": 0 },
        "newly_counted": 0, "no_longer_counted": 1, "erased": 0,
        "items": [
            { "entity": "user", "name": "Ana Silva (extension 1009)", "what": "set_back", "fields": moved },
            { "entity": "user", "name": "Rui Costa (extension 1002)", "what": "set_back", "fields": secret },
            { "entity": "user", "name": "Eva (extension 1001)", "what": "removed", "fields": [] }
        ],
        "items_left_out": 1,
        "obstacles": obstacles, "obstacles_left_out": 0,
        "notes": [{ "text": "phones that use the secret in between sign in again", "count": 1 }]
    } })
}

fn places() -> [Step; 2] {
    let of = |items: Value| answer(json!({ "items": items, "next_cursor": null }));
    [of(json!([{ "id": "s1", "name": "Main" }, { "id": "s2", "name": "North" }])), of(json!([]))]
}

fn carried_out() -> Vec<Step> {
    let done = json!({ "review": null, "done": { "seq": 1300, "changes": 4, "notes": [] } });
    vec![respond("200 OK", &[("muster-seq", "1300")], &done.to_string()), answer(json!({ "reached": 1300 }))]
}

#[test]
fn going_back_is_shown_and_where_nobody_can_be_asked_it_is_said_how_to_do_it() {
    let [sites, connections] = places();
    let server = Server::start(vec![answer(review(&json!([]))), sites, connections]);
    let outcome = muster(&server, &["undo", "--to", "1204"]);
    assert_snapshot!(outcome.seen());
    assert_eq!(server.lines()[0], "POST /api/v1/organizations/example/restores");
}

#[test]
fn going_back_is_done_after_a_yes_and_not_after_anything_else() {
    let script = |more: Vec<Step>| {
        let [sites, connections] = places();
        let shown = [answer(review(&json!([]))), sites, connections];
        Server::start(shown.into_iter().chain(more).collect())
    };
    let server = script(Vec::new());
    let outcome = muster_asking(&server, &["undo", "--to", "1204"], "\n");
    assert!(outcome.err.ends_with("Do this? [y/N] Nothing was done.\n"), "{}", outcome.err);
    assert_eq!(server.lines().len(), 3);
    for (arguments, typed) in
        [(&["undo", "--to", "1204"][..], "y\n"), (&["undo", "--to", "1204", "--yes"], "")]
    {
        let server = script(carried_out());
        let outcome = muster_asking(&server, arguments, typed);
        assert!(
            outcome.out.contains("Done: 4 changes. To take all of it back: muster undo 1300"),
            "{}",
            outcome.out
        );
        let sent: Value = serde_json::from_slice(&server.asked()[3].body).unwrap();
        assert_eq!(sent, json!({ "what": "people", "to": "1204", "plan": "0123" }));
    }
}

#[test]
fn what_is_in_the_way_is_said_and_nothing_is_asked() {
    let obstacles = json!([{ "field": "extension", "reason": "1001 of Ana Silva is taken by Eva since",
        "mend": "take change 1250 back first, or set by hand what you want to have" }]);
    let [sites, connections] = places();
    let server = Server::start(vec![answer(review(&obstacles)), sites, connections]);
    let outcome = muster_asking(&server, &["undo", "--to", "1204", "--yes"], "");
    assert_eq!(outcome.status, 1);
    let said = "In the way: Extension 1001 of Ana Silva is taken by Eva since. Take change 1250 back first";
    assert!(outcome.err.contains(said), "{}", outcome.err);
    assert_eq!(server.lines().len(), 3);
}

#[test]
fn what_one_change_stands_in_the_way_of_says_so_once() {
    let one = |who: &str| {
        json!({ "field": "extension", "reason": format!("of {who} was changed since"),
            "mend": "take change 168 back first, or set by hand what you want to have" })
    };
    let errors = json!([one("Ana"), one("Rui"), one("Eva")]);
    let refused = json!({ "detail": "three things were changed since", "errors": errors });
    let server = Server::start(vec![problem("409 Conflict", refused)]);
    let outcome = muster(&server, &["undo", "--job", "0192"]);
    assert_eq!(outcome.err.matches("ake change 168 back first").count(), 1, "{}", outcome.err);
    assert!(
        outcome
            .err
            .contains("\n  - extension of Eva was changed since\n  - to mend these 3: take change 168")
    );
    assert!(
        outcome.err.contains("goes with: muster undo 168 --together --url URL --org example"),
        "{}",
        outcome.err
    );

    let [sites, connections] = places();
    let server = Server::start(vec![answer(review(&errors)), sites, connections]);
    let outcome = muster_asking(&server, &["undo", "--job", "0192", "--review"], "");
    assert!(outcome.err.contains("In the way: Extension of Rui was changed since.\n"), "{}", outcome.err);
    assert!(outcome.err.contains("\nFor these 3: Take change 168 back first, or"), "{}", outcome.err);
    assert_eq!(outcome.err.matches("ake change 168 back first").count(), 1, "{}", outcome.err);
}

#[test]
fn an_undo_names_all_its_changes_and_how_it_is_taken_back() {
    let undone = |changes: u64| answer(json!({ "seq": 197, "changes": changes, "notes": [] }));
    let outcome = muster(&Server::start(vec![undone(15)]), &["undo", "--job", "0192"]);
    let want = "Taken back: 15 changes.\nThese are changes 183 to 197 now; to take this back: \
                muster undo 197 --together --url URL --org example\n";
    assert_eq!(outcome.out, want);
    let outcome = muster(&Server::start(vec![undone(1)]), &["undo", "12"]);
    let want = "Taken back: 1 change.\nThis is change 197 now; to take this back: \
                muster undo 197 --url URL --org example\n";
    assert_eq!(outcome.out, want);
}

#[test]
fn an_option_of_undo_that_does_not_hold_is_refused_in_a_sentence() {
    for (typed, want) in [
        (
            &["undo", "12", "--review"][..],
            "muster: --review is not for a single change. Type `muster undo 12`",
        ),
        (&["undo", "12", "--yes"], "muster: --yes is not for a single change. Type `muster undo 12`"),
        (&["undo", "--job", "x", "--together"], "muster: --together is for a single change."),
        (&["undo", "--to", "12", "--review"], "muster: --review is for --job. --to always shows first"),
    ] {
        let outcome = run(&[typed, &["--org", "example", "--token", "t"]].concat(), None, "");
        assert_eq!(outcome.status, 2, "{}", outcome.err);
        assert!(outcome.err.starts_with(want), "{}", outcome.err);
    }
    let help = run(&["undo", "--help"], None, "").out;
    assert!(help.replace("\n", " ").contains("--job act at once; --job with --review asks first"), "{help}");
}
