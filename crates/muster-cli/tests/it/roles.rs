//! Roles as they are typed and told.

use serde_json::{Value, json};

use crate::{Server, answer, muster, problem};

fn role(name: &str, permissions: &[&str]) -> Value {
    json!({ "id": "01930000-0000-7000-8000-000000000009", "name": name, "built_in": false, "version": 3,
        "copied_from": "user_manager", "description": "Nights", "permissions": permissions,
        "more": ["records.edit"], "less": ["people.remove"], "people": 2, "tokens": 0 })
}

#[test]
fn a_copy_with_more_and_less_is_made_of_what_the_other_has() {
    let server = Server::start(vec![
        answer(role("user_manager", &["people.read", "people.remove"])),
        answer(role("Night desk", &["people.read", "records.edit"])),
    ]);
    let typed = [
        "role",
        "create",
        "Night desk",
        "--copy",
        "user_manager",
        "--without",
        "people.remove",
        "--with",
        "records.edit",
    ];
    let outcome = muster(&server, &typed);
    assert!(
        outcome.out.starts_with("Made the role Night desk as a copy of user_manager."),
        "{}",
        outcome.err
    );
    let asked = server.asked();
    assert!(asked[0].line.ends_with("/roles/user_manager"), "{}", asked[0].line);
    let want = json!({ "name": "Night desk", "copied_from": "user_manager",
        "permissions": ["people.read", "records.edit"] });
    assert_eq!(asked[1].json(), want);
}

#[test]
fn a_role_is_shown_with_its_differences_and_whoever_holds_it() {
    let holders = json!({ "items": [
        { "id": "1", "username": "ana", "display_name": "Ana", "extension": "1001", "sites": null },
        { "id": "2", "username": "eva", "display_name": "Eva", "extension": null, "sites": ["s1"] } ],
        "next_cursor": null });
    let sites = json!({ "items": [{ "id": "s1", "name": "Leeds" }], "next_cursor": null });
    let server =
        Server::start(vec![answer(role("Night desk", &["people.read"])), answer(holders), answer(sites)]);
    let outcome = muster(&server, &["role", "show", "Night desk"]);
    let has = |text: &str| assert!(outcome.out.contains(text), "{text}: {}{}", outcome.out, outcome.err);
    ["records.edit", "people.remove", "Ana (ana)\n", "Eva (eva) for Leeds"].into_iter().for_each(has);
    assert!(server.asked()[0].line.contains("/roles/Night%20desk"));
}

#[test]
fn roles_are_given_by_name_or_filter_and_the_undo_is_named() {
    let done = json!({ "people": 3, "changed": 2, "seq": 41 });
    let server = Server::start(vec![answer(done)]);
    let typed = ["role", "assign", "--filter", "department=Sales", "--add", "user_manager@Leeds"];
    let outcome = muster(&server, &typed);
    assert_eq!(
        outcome.out,
        "2 people were changed. 1 held just that already. `muster undo 41 --together` takes it back.\n"
    );
    let want = json!({ "filter": "department=Sales", "add": ["user_manager@Leeds"] });
    assert_eq!(server.asked()[0].json(), want);
}

#[test]
fn a_role_that_is_held_goes_with_a_replacement_and_says_what_is_missing_without() {
    let missing = problem(
        "400 Bad Request",
        json!({ "detail": "is missing", "errors": [{ "field": "replacement",
        "reason": "is missing: 2 user(s) hold the role", "mend": "name a role that they hold instead" }] }),
    );
    let done = answer(json!({ "people": 2, "tokens": 0, "seq": 9 }));
    let server = Server::start(vec![missing, done]);
    let refused = muster(&server, &["role", "remove", "Night desk"]);
    assert_eq!(refused.status, 1);
    assert!(refused.err.contains("2 user(s) hold the role"), "{}", refused.err);
    let outcome = muster(&server, &["role", "remove", "Night desk", "--replacement", "user"]);
    assert_eq!(
        outcome.out,
        "Removed the role. 2 people hold user instead. `muster undo 9` brings all of it back.\n"
    );
    assert!(server.asked()[1].line.ends_with("replacement=user"));
}
