//! Refusals, lost connections and wrong usage.

use insta::assert_snapshot;
use serde_json::json;

use crate::{Server, Step, answer, drop_connection, muster, muster_with, problem, respond, run};

fn nobody() -> serde_json::Value {
    json!({ "items": [], "next_cursor": null })
}

#[test]
fn what_was_taken_back_already_says_the_command_that_brings_all_of_it_again() {
    let mend = "to have it again, take change 156 back, together with what was made with it";
    let errors = json!([{ "field": "change", "reason": "is taken back", "mend": mend }]);
    let document = json!({ "type": "undone-already", "status": 409, "detail": "already taken back by change 156",
        "errors": errors });
    let server = Server::start(vec![problem("409 Conflict", document)]);
    let outcome = muster(&server, &["undo", "153"]);
    assert!(outcome.err.contains("undo 156 --together"), "{}", outcome.err);
}

#[test]
fn wrong_usage_ends_with_2_and_a_refusal_with_1() {
    assert_eq!(run(&["user", "frobnicate"], None, "").status, 2);
    assert_eq!(run(&["seats", "--url", "nonsense"], None, "").status, 2);
    assert_eq!(run(&["--help"], None, "").status, 0);
    let server =
        Server::start(vec![problem("403 Forbidden", json!({ "detail": "your token lacks a permission" }))]);
    let outcome = muster(&server, &["seats"]);
    assert_eq!((outcome.status, outcome.out.as_str()), (1, ""));
    assert_eq!(outcome.err, "muster: Your token lacks a permission.\n");
}

#[test]
fn every_field_that_is_not_right_is_said_with_its_mend() {
    let body = json!({ "title": "Bad Request", "status": 400, "detail": "2 fields are not right", "errors": [
        { "field": "extension", "reason": "is not an extension", "mend": "write 1 to 15 digits, such as 1001" },
        { "field": "email\u{1b}[2J", "reason": "has no @", "mend": "write it as in ana@example.com" } ] });
    let server = Server::start(vec![problem("400 Bad Request", body)]);
    assert_snapshot!(muster(&server, &["org", "create", "X", "--domain", "x.example"]).seen());
}

#[test]
fn one_mistake_is_one_sentence() {
    let body = json!({ "detail": "extension is not an extension: write digits", "errors": [
        { "field": "extension", "reason": "is not an extension", "mend": "write digits" } ] });
    let server = Server::start(vec![problem("400 Bad Request", body)]);
    assert_eq!(muster(&server, &["seats"]).err, "muster: extension is not an extension: write digits.\n");
}

#[test]
fn with_json_the_servers_refusal_is_the_document() {
    let body = json!({ "status": 404, "detail": "there is no such user" });
    let server = Server::start(vec![problem("404 Not Found", body.clone())]);
    let outcome = muster(&server, &["user", "show", "nobody", "--json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&outcome.out).unwrap(), body);
    assert_eq!((outcome.status, outcome.err.as_str()), (1, "muster: There is no such user.\n"));
}

#[test]
fn a_server_that_is_not_there_is_one_line_with_its_address() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let outcome = run(&["seats", "--org", "x", "--token", "t", "--url", &url], None, "");
    let want = format!(
        "muster: Nothing listens at {url} (from --url). Is the server running (`muster serve`), and is this its HTTP address?\n"
    );
    assert_eq!((outcome.status, outcome.err), (1, want));
}

#[test]
fn a_port_that_takes_connections_and_says_nothing_is_given_up_also_by_writes() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let commands: [&[&str]; 3] = [&["seats"], &["site", "create", "Leeds"], &["changes", "--verify"]];
    for command in commands {
        let given = ["--org", "x", "--token", "t", "--timeout", "1", "--url", &url];
        let outcome = run(&[command, &given].concat(), None, "");
        let want = format!("muster: {url} (from --url) took the connection but did not answer in time.");
        assert!(outcome.err.starts_with(&want), "{command:?}: {}", outcome.err);
        assert_eq!(outcome.status, 1);
    }
}

#[test]
fn an_answer_that_begins_and_does_not_end_is_given_up() {
    let half = respond("200 OK", &[], "{").with_length(100);
    let server = Server::start(vec![Step::Held(Box::new(half))]);
    let outcome = muster(&server, &["seats", "--timeout", "1"]);
    assert!(outcome.err.contains("began an answer and did not end it in time."), "{}", outcome.err);
    assert_eq!(outcome.status, 1);
}

#[test]
fn a_write_may_take_longer_than_a_silent_port_is_given() {
    let late =
        Step::Late(std::time::Duration::from_millis(2500), Box::new(answer(json!({ "name": "Leeds" }))));
    let server = Server::start(vec![late]);
    let outcome = muster(&server, &["site", "create", "Leeds", "--timeout", "2"]);
    assert_eq!((outcome.status, outcome.out.as_str()), (0, "Made the site Leeds.\n"), "{}", outcome.err);
}

#[test]
fn a_token_that_the_server_does_not_know_is_named_by_where_it_is_from() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("mine.token");
    std::fs::write(&file, "mst_other").unwrap();
    let file = file.to_str().unwrap();
    let ways: [(&[&str], String); 2] = [
        (&["--token", "x"], "given with --token".to_owned()),
        (&["--token-file", file], format!("in the file {file} (from --token-file)")),
    ];
    for (given, from) in ways {
        let server = Server::start(vec![problem("401 Unauthorized", json!({ "detail": "sign in" }))]);
        let place = ["seats", "--org", "example", "--url", server.url.as_str()];
        let outcome = run(&[&place[..], given].concat(), None, "");
        let want =
            format!("muster: {} (from --url) does not know the token {from}, or no longer. ", server.url);
        assert!(outcome.err.starts_with(&want), "{}", outcome.err);
        assert!(outcome.err.contains("owner.token in its data folder"), "{}", outcome.err);
        assert_eq!(outcome.status, 1);
    }
}

#[test]
fn an_organization_that_is_not_there_is_named_with_where_its_name_is_from() {
    let body = json!({ "detail": "there is no such organization" });
    let server = Server::start(vec![problem("404 Not Found", body)]);
    let outcome = muster(&server, &["seats"]);
    let want = "`example` (from --org) is none that you may see; `muster org list` shows those.";
    assert!(outcome.err.contains(want), "{}", outcome.err);
}

#[test]
fn the_organization_that_an_option_of_the_command_names_is_the_one_that_is_not_there() {
    let server =
        Server::start(vec![problem("404 Not Found", json!({ "detail": "there is no such organization" }))]);
    let outcome = muster(&server, &["token", "create", "--name", "w", "--for-org", "nosuch"]);
    assert!(outcome.err.contains("`nosuch` is none that you may see"), "{}", outcome.err);
}

#[test]
fn an_address_with_a_path_is_said_to_have_one() {
    let body = || {
        problem(
            "404 Not Found",
            json!({ "detail": "there is nothing at this address; /docs says what there is" }),
        )
    };
    for (path, says) in [("/pbx", true), ("", false)] {
        let server = Server::start(vec![body()]);
        let url = format!("{}{path}", server.url);
        let outcome = run(&["seats", "--org", "x", "--token", "t", "--url", &url], None, "");
        let want = format!("{url} (from --url) names more than the server: leave out what follows the port.");
        assert_eq!(outcome.err.contains(&want), says, "{}", outcome.err);
    }
}

#[test]
fn who_has_what_is_taken_is_named() {
    let id = "01930000-0000-7000-8000-000000000001";
    let detail = format!("extension 1001 is taken by the user {id}; choose another");
    let server = Server::start(vec![
        answer(json!({})),
        problem("409 Conflict", json!({ "detail": detail })),
        answer(json!({ "id": id, "extension": "1001", "display_name": "Ana" })),
    ]);
    let outcome = muster(&server, &["user", "add", "extension=1001"]);
    assert!(outcome.err.ends_with("\n  That is 1001 Ana.\n"), "{}", outcome.err);
}

#[test]
fn a_number_that_is_none_says_what_number_is_meant() {
    for command in [&["undo", "x"][..], &["changes", "--since", "-"]] {
        let outcome = run(command, None, "");
        assert!(
            outcome.err.contains("give the number of a change, as `muster changes` shows it"),
            "{}",
            outcome.err
        );
        assert_eq!(outcome.status, 2);
    }
}

#[test]
fn a_job_that_is_not_there_sends_to_the_list_of_jobs() {
    for command in [["job", "show", "x"], ["job", "cancel", "x"]] {
        let server =
            Server::start(vec![problem("404 Not Found", json!({ "detail": "there is no such job" }))]);
        let outcome = muster(&server, &command);
        assert!(outcome.err.contains("`muster job list` shows the jobs"), "{}", outcome.err);
    }
}

#[test]
fn a_write_is_repeated_once_with_its_key_when_the_connection_is_lost() {
    let server = Server::start(vec![drop_connection(), answer(json!({ "name": "Leeds" }))]);
    let outcome = muster(&server, &["site", "create", "Leeds"]);
    assert_eq!((outcome.status, outcome.out.as_str()), (0, "Made the site Leeds.\n"));
    let asked = server.asked();
    let keys: Vec<&str> = asked.iter().map(|request| request.header("idempotency-key")).collect();
    assert_eq!(keys.len(), 2);
    assert!(keys[0] == keys[1] && keys[0].len() == 32, "{keys:?}");
    assert!(asked.iter().all(|request| request.json() == json!({ "name": "Leeds" })));
}

#[test]
fn a_connection_that_is_lost_twice_is_given_up() {
    let server = Server::start(vec![drop_connection(), drop_connection(), answer(json!({}))]);
    let outcome = muster(&server, &["site", "create", "Leeds"]);
    assert_eq!((outcome.status, server.asked().len()), (1, 2));
    assert!(outcome.err.starts_with(&format!("muster: The connection to {}", server.url)), "{}", outcome.err);
    assert_eq!(outcome.err.lines().count(), 1);
}

#[test]
fn two_writes_have_two_keys() {
    let server = Server::start(vec![answer(json!({})), answer(json!({}))]);
    muster(&server, &["site", "create", "Leeds"]);
    muster(&server, &["site", "create", "Leeds"]);
    let asked = server.asked();
    assert_ne!(asked[0].header("idempotency-key"), asked[1].header("idempotency-key"));
    assert_eq!(asked[0].header("authorization"), "Bearer sesame");
}

#[test]
fn a_server_that_is_busy_is_asked_again_when_it_said() {
    let busy = respond("503 Service Unavailable", &[("retry-after", "0")], "{\"detail\":\"busy\"}");
    let server = Server::start(vec![busy, answer(nobody())]);
    assert_eq!(muster(&server, &["seats"]).status, 0);
}

#[test]
fn something_that_is_not_muster_is_recognized_by_its_answer() {
    let page = respond("404 Not Found", &[("content-type", "text/html")], "<html>");
    let server = Server::start(vec![page]);
    let outcome = muster(&server, &["seats"]);
    let want = format!("That was no answer of Muster: is {} (from --url) the right address?", server.url);
    assert!(outcome.err.contains(&want), "{}", outcome.err);
    assert_eq!(outcome.status, 1);
}

#[test]
fn a_token_that_is_missing_is_asked_for_in_words() {
    let body = json!({ "detail": "sign in with a valid token" });
    let server = Server::start(vec![problem("401 Unauthorized", body)]);
    let outcome = run(&["seats", "--org", "example", "--url", &server.url], None, "");
    assert_eq!(outcome.status, 1);
    assert!(
        outcome.err.contains(" (from --url) wants a token, and none was found: give --token-file FILE"),
        "{}",
        outcome.err
    );
    assert_eq!(server.asked()[0].header("authorization"), "");
}

#[test]
fn a_password_on_the_command_line_is_refused_before_anything_is_sent() {
    let server = Server::start(vec![]);
    let outcome = muster(&server, &["user", "set", "1001", "sip_password=hunter2"]);
    assert_eq!(outcome.status, 2);
    assert!(outcome.err.contains("Write sip_password=- and you are asked for it."), "{}", outcome.err);
    let empty = muster_with(&server, &["user", "set", "1001", "sip_password=-"], None, "\n");
    assert_eq!((empty.status, server.asked().len()), (1, 0));
}

#[test]
fn the_only_organization_is_meant_and_of_several_one_must_be_named() {
    let one = json!({ "items": [{ "slug": "acme" }], "next_cursor": null });
    let server = Server::start(vec![answer(one), answer(nobody())]);
    assert_eq!(run(&["seats", "--token", "t", "--url", &server.url], None, "").status, 0);
    assert!(server.lines()[1].starts_with("GET /api/v1/organizations/acme/seats"));

    let two = json!({ "items": [{ "slug": "acme" }, { "slug": "other" }], "next_cursor": null });
    let server = Server::start(vec![answer(two)]);
    let outcome = run(&["seats", "--token", "t", "--url", &server.url], None, "");
    assert_eq!(outcome.status, 2);
    assert!(outcome.err.contains("acme, other"), "{}", outcome.err);
}

#[test]
fn a_token_file_is_trimmed_and_one_that_is_none_is_said() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("owner.token");
    let with = |server: &Server| {
        let file = path.to_str().unwrap();
        run(&["seats", "--org", "example", "--url", &server.url, "--token-file", file], None, "")
    };
    std::fs::write(&path, "  sesame \n").unwrap();
    let server = Server::start(vec![answer(nobody())]);
    assert_eq!(with(&server).status, 0);
    assert_eq!(server.asked()[0].header("authorization"), "Bearer sesame");
    for content in ["\n".to_owned(), "x".repeat(5000)] {
        std::fs::write(&path, content).unwrap();
        let outcome = with(&server);
        assert!(outcome.err.contains("owner.token (from --token-file) cannot be used"), "{}", outcome.err);
        assert_eq!((outcome.status, server.asked().len()), (1, 0));
    }
}

#[test]
fn a_field_that_is_an_option_is_named_as_it_is_typed() {
    let of = |field: &str, reason: &str| {
        let error = json!({ "field": field, "reason": reason, "mend": "say which" });
        let detail = format!("{field} {reason}; say which");
        problem("400 Bad Request", json!({ "detail": detail, "errors": [error] }))
    };
    let outcome = muster(&Server::start(vec![of("as_of", "is no time")]), &["user", "list", "--as-of", "x"]);
    assert_eq!(outcome.err, "muster: --as-of is no time; say which.\n");
    let outcome = muster(&Server::start(vec![of("to", "is no time")]), &["undo", "--to", "x"]);
    assert_eq!(outcome.err, "muster: --to is no time; say which.\n");
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("staff.csv");
    std::fs::write(&path, "x").unwrap();
    let server = Server::start(vec![of("match", "is needed to update people")]);
    let outcome = muster(&server, &["import", path.to_str().unwrap(), "--existing", "update"]);
    assert_eq!(outcome.err, "muster: --match is needed to update people; say which.\n");
}
