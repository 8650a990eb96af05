//! Going back: shown first, done after a yes.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::server::Step;
use crate::{Server, answer, muster, muster_asking, respond};

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
