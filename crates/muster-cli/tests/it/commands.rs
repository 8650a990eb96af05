//! What the other commands ask for and print.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{Server, answer, muster, muster_with, problem, respond, run};

fn ana() -> Value {
    json!({ "id": "01930000-0000-7000-8000-000000000001", "version": 7, "username": "ana", "extension": "1001",
        "display_name": "Ana Šimić", "service": "enabled", "email": "ana@example.com", "department": "Sales" })
}

fn misaki() -> Value {
    json!({ "id": "01930000-0000-7000-8000-000000000002", "version": 1, "username": "misaki", "extension": "0107",
        "display_name": "山田 美咲", "service": "contact_only", "email": null,
        "department": "A department with a name that is longer than any terminal should have to show" })
}

fn page(items: Value, next: Value) -> Value {
    json!({ "items": items, "next_cursor": next, "total": 2 })
}

#[test]
fn help_is_written_for_an_administrator() {
    let outcome = run(&["--help"], None, "");
    assert_snapshot!("help", outcome.out);
    assert_snapshot!("help_import", run(&["import", "--help"], None, "").out);
    let phones = run(&["user", "phones", "--help"], None, "").out;
    assert!(phones.contains("there before the server was last started, that start"), "{phones}");
}

#[test]
fn people_are_aligned_on_a_terminal_and_cut_to_its_width() {
    let server = Server::start(vec![answer(page(json!([ana(), misaki()]), json!(null)))]);
    assert_snapshot!(muster_with(&server, &["user", "list"], Some(80), "").seen());
}

#[test]
fn people_have_tabs_between_their_cells_elsewhere() {
    let server = Server::start(vec![answer(page(json!([ana()]), json!(null)))]);
    let outcome = muster(&server, &["user", "list"]);
    let want = "EXT\tNAME\tUSERNAME\tSERVICE\tEMAIL\tDEPARTMENT\n1001\tAna Šimić\tana\tenabled\tana@example.com\tSales\n";
    assert_eq!((outcome.out.as_str(), outcome.err.as_str()), (want, ""));
}

#[test]
fn every_list_is_asked_for_as_it_was() {
    for (command, address) in [
        (&["site", "list"][..], "sites"),
        (&["connection", "list"], "connections"),
        (&["device", "list"], "devices"),
        (&["number", "list"], "numbers"),
        (&["group", "list"], "groups"),
        (&["contacts"], "contacts"),
    ] {
        let server = Server::start(vec![answer(page(json!([]), json!(null)))]);
        let outcome = muster(&server, &[command, &["--as-of", "12", "--filter", "name=A"]].concat());
        assert_eq!(outcome.err, "", "{command:?}");
        let lines = server.lines();
        let asked = lines.first().unwrap();
        assert!(
            asked.contains(&format!("/{address}?")) && asked.contains("filter=name%3DA&as_of=12"),
            "{asked}"
        );
    }
}

#[test]
fn all_people_are_read_page_by_page_into_one_document() {
    let script =
        || vec![answer(page(json!([ana()]), json!("next"))), answer(page(json!([misaki()]), json!(null)))];
    let server = Server::start(script());
    let arguments = ["user", "list", "--all", "--filter", "department=Sales & Co", "--sort", "-extension"];
    let outcome = muster(&server, &[&arguments[..], &["--json"]].concat());
    let document: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(document, page(json!([ana(), misaki()]), json!(null)));
    let query = "filter=department%3DSales%20%26%20Co&sort=-extension&total=true";
    let first = format!("GET /api/v1/organizations/example/users?limit=1000&{query}");
    assert_eq!(server.lines(), [first.clone(), format!("{first}&cursor=next")]);

    let server = Server::start(script());
    assert_eq!(muster(&server, &arguments).out.lines().count(), 3);
}

#[test]
fn a_change_of_a_person_carries_the_version_that_was_read() {
    let properties =
        json!({ "call_timeout_s": { "type": "integer" }, "title": { "type": ["string", "null"] } });
    let schema = json!({ "paths": { "/api/v1/organizations/{org}/users/{user}": { "patch": {
        "requestBody": { "content": { "application/json": { "schema": { "properties": properties } } } } } } } });
    let written = respond("200 OK", &[("muster-seq", "12")], &ana().to_string());
    let server = Server::start(vec![
        answer(page(json!([ana()]), json!(null))),
        answer(schema),
        written,
        answer(page(json!([]), json!(null))),
        answer(page(json!([]), json!(null))),
        answer(json!({ "seq": 12 })),
    ]);
    let outcome = muster(&server, &["user", "set", "ana@example.com", "call_timeout_s=30", "title="]);
    assert_eq!(outcome.status, 0, "{}", outcome.err);
    let asked = server.asked();
    assert_eq!(asked[0].line, "GET /api/v1/organizations/example/users?who=ana%40example.com");
    assert_eq!(
        asked[2].line,
        "PATCH /api/v1/organizations/example/users/01930000-0000-7000-8000-000000000001"
    );
    assert_eq!(asked[2].header("if-match"), "\"7\"");
    assert_eq!(asked[2].json(), json!({ "call_timeout_s": 30, "title": null }));
    assert_eq!(asked[5].line, "GET /api/v1/organizations/example/phones?reached=12&timeout_s=30");
}

#[test]
fn a_password_is_read_from_the_input_and_sent_as_credentials() {
    let server = Server::start(vec![
        answer(page(json!([ana()]), json!(null))),
        answer(json!({ "secret": "hunter2" })),
        answer(ana()),
        answer(page(json!([{ "id": "s", "name": "Main" }]), json!(null))),
        answer(page(json!([]), json!(null))),
    ]);
    let outcome = muster_with(&server, &["user", "set", "1001", "sip_password=-"], None, "hunter2\n");
    assert_eq!(outcome.status, 0, "{}", outcome.err);
    let asked = server.asked();
    let path = "/api/v1/organizations/example/users/01930000-0000-7000-8000-000000000001";
    assert_eq!(asked[1].line, format!("POST {path}/credentials"));
    assert_eq!(asked[1].json(), json!({ "secret": "hunter2" }));
    assert!(!outcome.out.contains("hunter2") && !outcome.err.contains("hunter2"));
}

#[test]
fn somebody_who_is_not_there_is_said_by_the_name_typed() {
    let server = Server::start(vec![answer(page(json!([]), json!(null)))]);
    let outcome = muster(&server, &["user", "show", "nobody"]);
    assert!(outcome.err.starts_with("muster: `nobody` names nobody here."), "{}", outcome.err);
    assert_eq!(outcome.status, 1);
}

#[test]
fn secrets_that_activation_made_are_shown() {
    let users = json!([
        { "username": "ana", "service": "enabled" },
        { "username": "misaki", "service": "enabled", "generated_sip_secret": "made-once" } ]);
    let server = Server::start(vec![answer(json!({ "users": users, "seq": 5 }))]);
    let outcome = muster(&server, &["user", "activate", "ana", "misaki"]);
    assert_snapshot!(outcome.seen());
    assert_eq!(server.asked()[0].json(), json!({ "users": ["ana", "misaki"] }));
}

#[test]
fn a_name_that_is_nobodys_is_said_as_it_was_typed() {
    let body = json!({ "detail": "users[1] names nobody: give a username", "errors": [
        { "field": "users[1]", "reason": "names nobody", "mend": "give a username" } ] });
    let server = Server::start(vec![problem("400 Bad Request", body)]);
    let outcome = muster(&server, &["user", "activate", "ana", "anna"]);
    assert_eq!(
        (outcome.status, outcome.err.as_str()),
        (1, "muster: `anna` names nobody: give a username.\n")
    );
}

#[test]
fn deactivation_carries_its_reason() {
    let server = Server::start(vec![answer(json!({ "users": [ana()], "seq": 5 }))]);
    let arguments = ["user", "deactivate", "ana", "--reason", "leave", "--until", "2027-01-07T08:00:00Z"];
    assert_eq!(muster(&server, &arguments).status, 0);
    let want = json!({ "users": ["ana"], "reason": "leave", "until": "2027-01-07T08:00:00Z" });
    assert_eq!(server.asked()[0].json(), want);
    assert_eq!(run(&["user", "deactivate", "ana", "--comment", "x"], None, "").status, 2);
}

#[test]
fn nobody_is_removed_if_one_of_the_names_is_wrong() {
    let server = Server::start(vec![
        answer(page(json!([ana()]), json!(null))),
        answer(page(json!([]), json!(null))),
        answer(Value::Null),
    ]);
    assert_eq!(muster(&server, &["user", "remove", "ana", "nobody"]).status, 1);
    assert!(server.lines().iter().all(|line| line.starts_with("GET ")));
}

#[test]
fn credentials_are_what_is_typed_into_a_phone() {
    let credentials = json!({ "servers": [{ "transport": "udp", "host": "127.0.0.1", "port": 5060 }],
        "domain": "phones.example.com", "extension": "1001", "auth_name": "ana", "has_secret": true,
        "devices": [{ "name": "kitchen", "auth_name": "ana-kitchen" }],
        "phones": [{ "user_agent": "Yealink", "transport": "udp", "address": "192.0.2.7:5060" }] });
    let find = || answer(page(json!([ana()]), json!(null)));
    let show = || answer(credentials.clone());
    let made = json!({ "servers": [], "domain": "phones.example.com", "auth_name": "ana", "secret": "made-once",
        "phones": credentials["phones"] });
    let server = Server::start(vec![find(), show(), find(), show(), find(), answer(made)]);
    assert_snapshot!("credentials", muster(&server, &["user", "credentials", "1001"]).seen());
    let outcome = muster(&server, &["user", "credentials", "1001", "--device", "attic"]);
    assert!(outcome.err.contains("is called attic. There is: kitchen."), "{}", outcome.err);
    assert_eq!(outcome.status, 1);
    assert_snapshot!(
        "credentials_reset",
        muster(&server, &["user", "credentials", "1001", "--reset"]).seen()
    );
}

#[test]
fn a_reset_that_is_refused_says_nothing_of_phones_that_drop() {
    let refused =
        problem("403 Forbidden", json!({ "detail": "your token lacks the permission reset_credentials" }));
    let server = Server::start(vec![answer(page(json!([ana()]), json!(null))), refused]);
    let outcome = muster(&server, &["user", "credentials", "1001", "--reset"]);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome.err.starts_with("muster: Your token lacks") && !outcome.err.contains("drop"),
        "{}",
        outcome.err
    );
    assert!(
        server.lines()[1].starts_with("POST "),
        "nothing but the reset itself says whether it is allowed"
    );
}

#[test]
fn a_phone_of_somebody_without_a_secret_or_service_is_told_the_commands_that_let_it_register() {
    let credentials = json!({ "servers": [], "domain": "phones.example.com", "extension": "0107",
        "auth_name": "misaki", "has_secret": false, "devices": [], "phones": [] });
    let server = Server::start(vec![answer(page(json!([misaki()]), json!(null))), answer(credentials)]);
    let outcome = muster(&server, &["user", "credentials", "0107"]);
    assert!(outcome.out.contains("Secret     none yet\n"), "{}", outcome.out);
    let want = "There is no secret yet; this makes one: muster user credentials 0107 --reset --url URL --org example\n\
                No phone of theirs can register before they are activated: muster user activate 0107 --url URL --org example\n";
    assert_eq!(outcome.err, want);
}

#[test]
fn a_tokens_text_stands_alone_on_the_output() {
    let made = json!({ "name": "wallboard", "role": "reader", "token": "mst_abc" });
    let server = Server::start(vec![answer(made)]);
    let outcome =
        muster(&server, &["token", "create", "--name", "wallboard", "--role", "reader", "--for-org", "acme"]);
    assert_eq!(outcome.out, "mst_abc\n");
    let asked = server.asked();
    assert_eq!(asked[0].line, "POST /api/v1/organizations/acme/tokens");
    assert_eq!(asked[0].json(), json!({ "name": "wallboard", "role": "reader" }));
}

#[test]
fn an_undo_that_is_refused_says_why() {
    let body = json!({ "detail": "department was changed meanwhile",
        "errors": [{ "field": "department", "reason": "was changed meanwhile", "mend": "read it again and decide anew" }] });
    let server = Server::start(vec![problem("409 Conflict", body)]);
    let outcome = muster(&server, &["undo", "12"]);
    let want = "muster: department was changed meanwhile. Read it again and decide anew.\n";
    assert_eq!((outcome.status, outcome.err.as_str()), (1, want));
    assert_eq!(server.lines(), ["POST /api/v1/organizations/example/changes/12/undo"]);
    assert_eq!(run(&["undo"], None, "").status, 2);
    assert_eq!(run(&["undo", "12", "--job", "x"], None, "").status, 2);
}

fn change(seq: u64, kind: &str, fields: Value) -> Value {
    json!({ "seq": seq, "at": "2026-11-21T22:05:32.123Z", "kind": kind, "entity": "user",
        "entity_id": "01930000-0000-7000-8000-000000000001", "actor": "00000000-0000-7000-8000-00000000000a",
        "fields": fields })
}

fn two_changes() -> [Value; 2] {
    let named = json!([{ "field": "display_name", "before": null, "after": "Ana Šimić" }]);
    let moved = json!([
        { "field": "service", "before": "contact_only", "after": "enabled" },
        { "field": "title", "before": "Boss", "after": null } ]);
    [change(41, "user.created", named), change(42, "user.activated", moved)]
}

#[test]
fn changes_are_told_in_words_with_who_did_them() {
    let tokens = json!([{ "id": "00000000-0000-7000-8000-00000000000a", "name": "owner" }]);
    let places = || answer(page(json!([]), json!(null)));
    let server = Server::start(vec![
        respond("200 OK", &[], "event: hello\nid: 42\ndata: {}\n\n"),
        problem("404 Not Found", json!({ "detail": "there is no such organization" })),
        answer(page(tokens, json!(null))),
        places(),
        places(),
        answer(page(json!(two_changes()), json!("42"))),
        answer(page(json!([]), json!(null))),
    ]);
    assert_snapshot!(muster_with(&server, &["changes"], Some(120), "").seen());
    assert_eq!(server.lines()[5], "GET /api/v1/organizations/example/changes?limit=1000&since=22");
}

#[test]
fn followed_changes_are_one_json_line_each_and_a_broken_stream_goes_on_where_it_was() {
    let [first, second] = two_changes();
    let event = |change: &Value| format!("event: change\nid: {}\ndata: {change}\n\n", change["seq"]);
    let server = Server::start(vec![
        respond("200 OK", &[], &event(&first)),
        respond("200 OK", &[], &format!("event: presence\ndata: {{}}\n\n{}", event(&second))),
        problem("401 Unauthorized", json!({ "detail": "sign in" })),
    ]);
    let outcome = muster(&server, &["changes", "--since", "40", "--follow", "--json"]);
    let lines: Vec<Value> =
        outcome.out.lines().take(2).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, two_changes());
    let since = |seq: u64| format!("GET /events?organization=example&since={seq}");
    assert_eq!(server.lines(), [since(40), since(41), since(42)]);
    assert_eq!(outcome.status, 1);
}

#[test]
fn a_log_that_was_altered_ends_with_1() {
    let broken = json!({ "intact": false, "checked": 41, "erased": 1, "broken_at": 42, "why": "the body is another",
        "problems": ["The log was altered or damaged at change 42: the body is another."], "state": null,
        "heads": { "state": "not_kept" } });
    let erasures = json!([
        { "entity": "user", "entity_id": "u-1", "bodies": 2, "first": 7, "removed_by": 90 },
        { "entity": "user", "entity_id": "u-2", "bodies": 1, "first": 8, "removed_by": null },
    ]);
    let state = json!({ "alike": 1100, "erased_things": 2, "erasures": erasures, "first": null });
    let whole = json!({ "intact": true, "checked": 1200, "erased": 3, "problems": [], "state": state,
        "heads": { "state": "compared", "count": 12, "first": 3, "last": 1198 } });
    let server = Server::start(vec![answer(broken), answer(whole)]);
    let outcome = muster(&server, &["changes", "--verify"]);
    assert_eq!(outcome.status, 1);
    let said = "The log was altered or damaged at change 42: the body is another.\nChanges checked: 41.\n";
    assert_eq!(outcome.out, said);
    let outcome = muster(&server, &["changes", "--verify"]);
    let said = "The log is intact: 1,200 changes checked.\n\
        Replayed: 1,100 things are in the database as the log says.\n\
        Erased: what 3 changes of 2 things held; that cannot be replayed.\n\
        \u{20} user u-1: 2 changes from change 7 on; change 90 removed it.\n\
        \u{20} user u-2: 1 change from change 8 on; no change says why.\n\
        Compared with 12 heads in heads.log, of changes 3 to 1198.\n";
    assert_eq!((outcome.status, outcome.out.as_str()), (0, said));
}

#[test]
fn somebody_removed_is_found_again_by_name_and_two_of_one_name_are_told_apart() {
    let removed = || answer(page(json!([ana()]), json!(null)));
    let server = Server::start(vec![removed(), answer(ana())]);
    let outcome = muster(&server, &["user", "restore", "ana"]);
    assert_eq!((outcome.status, outcome.out.as_str()), (0, "1001 Ana Šimić is back.\n"));
    let want = "GET /api/v1/organizations/example/users?filter=record%3Dtrashed%20and%20username%3D%22ana%22";
    assert_eq!(server.lines()[0], want);

    let server = Server::start(vec![answer(page(json!([ana(), misaki()]), json!(null)))]);
    let outcome = muster(&server, &["user", "restore", "ana"]);
    assert_eq!(outcome.status, 1);
    assert!(outcome.err.contains("000000000002  0107 山田 美咲"), "{}", outcome.err);
}

#[test]
fn a_command_that_is_told_reaches_the_same_server_and_organization() {
    let server =
        Server::start(vec![answer(page(json!([ana()]), json!(null))), respond("204 No Content", &[], "")]);
    let outcome = muster(&server, &["user", "remove", "ana"]);
    let id = "01930000-0000-7000-8000-000000000001";
    let want = format!(
        "Removed 1001 Ana Šimić. To bring them back: muster user restore {id} --url URL --org example\n"
    );
    assert_eq!(outcome.out, want, "{}", outcome.err);
    assert!(!outcome.out.contains("sesame"), "a token that was typed is not repeated");
}

fn phone(id: &str, agent: &str, address: &str) -> Value {
    json!({ "id": id, "user": "01930000-0000-7000-8000-000000000001", "user_agent": agent, "transport": "udp",
        "address": address, "contact": "sip:1001@192.0.2.7:5060", "since": "2026-11-21T22:05:32Z",
        "expires_at": "2026-11-21T23:05:32Z" })
}

#[test]
fn the_phones_of_a_person_are_listed_with_their_numbers() {
    let phones = json!([phone("0a", "Yealink T54W", "192.0.2.7:5060"), phone("0b", "", "192.0.2.8:5060")]);
    let server =
        Server::start(vec![answer(page(json!([ana()]), json!(null))), answer(page(phones, json!(null)))]);
    assert_snapshot!(muster(&server, &["user", "phones", "1001"]).seen());
}

#[test]
fn a_phone_is_signed_off_by_its_number_and_one_that_is_not_clear_by_none() {
    let person = || answer(page(json!([ana()]), json!(null)));
    let two = || json!([phone("0a", "Yealink", "192.0.2.7:5060"), phone("0b", "Snom", "192.0.2.8:5060")]);
    let path = "/api/v1/organizations/example/users/01930000-0000-7000-8000-000000000001/registrations";
    let gone = json!({ "phones": [phone("0b", "Snom", "192.0.2.8:5060")] });

    let server = Server::start(vec![person(), answer(page(two(), json!(null))), answer(gone.clone())]);
    let outcome = muster(&server, &["user", "phones", "1001", "--drop", "2"]);
    assert_eq!(outcome.out, "Signed off: Snom at 192.0.2.8:5060.\n", "{}", outcome.err);
    assert_eq!(server.lines()[2], format!("DELETE {path}/0b"));

    let server = Server::start(vec![person(), answer(gone)]);
    assert_eq!(muster(&server, &["user", "phones", "1001", "--drop", "all"]).status, 0);
    assert_eq!(server.lines()[1], format!("DELETE {path}"));

    for (given, says) in
        [(&["--drop"][..], "Say which with --drop N"), (&["--drop", "3"], "no phone number 3")]
    {
        let server = Server::start(vec![person(), answer(page(two(), json!(null)))]);
        let outcome = muster(&server, &[&["user", "phones", "1001"], given].concat());
        assert!(outcome.status == 1 && outcome.err.contains(says), "{}", outcome.err);
        assert_eq!(server.lines().len(), 2);
    }
    assert_eq!(run(&["user", "phones", "1001", "--drop", "none"], None, "").status, 2);
}

#[test]
fn a_token_is_revoked_by_its_name_and_not_if_several_have_it() {
    let token = |id: &str, name: &str| json!({ "id": id, "name": name, "role": "reader" });
    let tokens = |items: Value| answer(page(items, json!(null)));
    let server = Server::start(vec![
        tokens(json!([token("t1", "wallboard"), token("t2", "owner")])),
        respond("204 No Content", &[], ""),
    ]);
    let outcome = muster(&server, &["token", "revoke", "Wallboard"]);
    assert_eq!(
        outcome.out, "Revoked the token wallboard (reader): it is refused from now on.\n",
        "{}",
        outcome.err
    );
    assert_eq!(server.lines()[1], "DELETE /api/v1/organizations/example/tokens/t1");

    let server = Server::start(vec![tokens(json!([token("t1", "wallboard"), token("t2", "wallboard")]))]);
    let outcome = muster(&server, &["token", "revoke", "wallboard"]);
    assert!(outcome.status == 1 && outcome.err.contains("t1, t2"), "{}", outcome.err);
    let server = Server::start(vec![tokens(json!([]))]);
    let outcome = muster(&server, &["token", "revoke", "wallboard"]);
    assert!(outcome.err.contains("`muster token list` shows"), "{}", outcome.err);
}

#[test]
fn connections_are_shown_by_name_and_tokens_and_devices_listed() {
    let items = |item: Value| answer(page(json!([item]), json!(null)));
    let connection = json!({ "id": "c1", "name": "Built-in", "kind": "builtin" });
    let server = Server::start(vec![items(connection)]);
    assert_eq!(
        muster(&server, &["connection", "show", "built-in"]).out,
        "id    c1\nkind  builtin\nname  Built-in\n"
    );
    let token = json!({ "id": "t1", "name": "wallboard", "role": "reader", "created_at": "2026-11-21T22:05:32Z",
        "expires_at": null });
    let server = Server::start(vec![items(token)]);
    let want =
        "NAME\tROLE\tMADE (UTC)\tEXPIRES (UTC)\tID\nwallboard\treader\t2026-11-21 22:05:32\tnever\tt1\n";
    assert_eq!(muster(&server, &["token", "list"]).out, want);
    let server =
        Server::start(vec![items(json!({ "id": "d1", "name": "kitchen", "auth_name": "ana-kitchen" }))]);
    assert!(muster(&server, &["device", "list"]).out.contains("kitchen\t"));
}

#[test]
fn seats_end_with_their_total_also_where_a_program_reads_on() {
    let seats = json!({ "items": [{ "extension": "1001", "display_name": "Ana", "user_type": "user" }],
        "next_cursor": null, "total": 1, "by_type": [{ "user_type": "user", "seats": 1 }] });
    let server = Server::start(vec![answer(seats)]);
    let outcome = muster(&server, &["seats"]);
    assert_eq!((outcome.out.lines().count(), outcome.err.as_str()), (2, "Total: 1 counted seat (user 1).\n"));
}
