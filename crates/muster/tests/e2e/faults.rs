//! What goes wrong around the program, and what it says.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::server::{Database, Server, request};

fn serve(args: &[&str]) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_muster")).arg("serve").args(args).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    String::from_utf8_lossy(&out.stderr).into_owned()
}

#[test]
fn a_port_that_is_taken_is_said_in_one_line_with_the_option_that_moves_us() {
    let server = Server::start_empty();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let (http, sip) = (server.http.to_string(), server.sip.to_string());
    let said = serve(&["--data", &data, "--http", &http, "--sip", "127.0.0.1:0"]);
    assert!(said.contains("is taken by muster (pid") && said.contains("--http"), "{said}");
    let said = serve(&["--data", &data, "--http", "127.0.0.1:0", "--sip", &sip]);
    assert!(said.contains("is taken by muster (pid") && said.contains("--sip"), "{said}");
}

#[test]
fn a_key_file_that_is_gone_is_asked_for_and_no_new_one_takes_its_place() {
    let mut server = Server::start();
    server.stop();
    let (keys, kept) = (server.data.join("muster.keys"), server.data.join("kept"));
    std::fs::rename(&keys, &kept).unwrap();
    let said = serve(&[
        "--data",
        &server.data.display().to_string(),
        "--http",
        "127.0.0.1:0",
        "--sip",
        "127.0.0.1:0",
    ]);
    assert!(said.contains("muster.keys is missing") && !keys.exists(), "{said}");
    std::fs::rename(&kept, &keys).unwrap();
    let server = server.restart();
    assert_eq!(server.json(&["org", "list"])["items"][0]["slug"], "example");
}

#[test]
fn a_log_that_is_shorter_than_what_was_written_down_is_said_to_be_broken() {
    let mut server = Server::start();
    // The heads are written down at most a second or two later.
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(server.json(&["changes", "--verify"])["intact"], true);
    let id = server.json(&["org", "list"])["items"][0]["id"].as_str().unwrap().to_string();
    server.stop();
    let heads = server.data.join("heads.log");
    let text = std::fs::read_to_string(&heads).unwrap();
    let last = text.lines().rfind(|line| line.contains(&id)).unwrap();
    let words: Vec<&str> = last.split(' ').collect();
    let later: u64 = words[2].parse::<u64>().unwrap() + 30;
    std::fs::write(&heads, format!("{text}{} {} {later} {}\n", words[0], words[1], words[3])).unwrap();
    let server = server.restart();
    let broken = server.command(&["changes", "--verify"]);
    assert_eq!(broken.status.code(), Some(1));
    let said =
        String::from_utf8_lossy(&broken.stdout).into_owned() + &String::from_utf8_lossy(&broken.stderr);
    assert!(said.contains("written down"), "{said}");
}

#[test]
fn sigterm_ends_it_within_ten_seconds_and_the_database_is_whole() {
    let mut server = Server::start();
    let asked = Instant::now();
    server.stop();
    assert!(asked.elapsed() < Duration::from_secs(10));
    let server = server.restart();
    assert_eq!(server.json(&["org", "list"])["items"][0]["slug"], "example");
}

#[test]
fn a_token_that_nobody_has_is_refused_and_so_is_none() {
    let server = Server::start();
    let url = format!("http://{}/api/v1/organizations/example/users", server.http);
    for token in ["", "mst_wrong"] {
        let (status, problem) = request("GET", &url, token, None);
        assert_eq!((status, problem["status"].as_u64()), (401, Some(401)), "{problem}");
    }
}

#[test]
fn a_request_repeated_with_its_key_has_one_effect() {
    let server = Server::start();
    let url = format!("http://{}/api/v1/organizations/example/users", server.http);
    let post =
        |name: &str| post_with_key(&server, &url, &json!({ "display_name": name, "extension": "2000" }));
    assert_eq!((post("Ana"), post("Ana"), post("Bruno")), (201, 201, 409));
    assert_eq!(server.json(&["user", "list"])["items"].as_array().map(Vec::len), Some(1));
    let url = format!("http://{}/api/v1/organizations", server.http);
    let post = |domain: &str| post_with_key(&server, &url, &json!({ "name": "Second", "domain": domain }));
    assert_eq!((post("a.example.com"), post("a.example.com"), post("b.example.com")), (201, 201, 409));
    assert_eq!(server.json(&["org", "list"])["items"].as_array().map(Vec::len), Some(2));
}

fn post_with_key(server: &Server, url: &str, body: &serde_json::Value) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = ureq::http::Request::post(url)
        .header("authorization", format!("Bearer {}", server.token))
        .header("content-type", "application/json")
        .header("idempotency-key", "k1")
        .body(body.to_string())
        .unwrap();
    agent.run(request).unwrap().status().as_u16()
}

#[test]
fn files_that_are_none_are_refused_in_words_and_write_nothing() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let header = "name,extension,password,username,authname,mobile,phone,company,position,department\n";
    for (name, text, said) in [
        ("empty.csv", String::new(), "empty"),
        ("header.csv", header.to_string(), "no rows"),
        ("short.csv", format!("{header}Ana,1000\n"), "row 1"),
        ("twice.csv", format!("{header}Ana,1000,,a,a,,,,,\nBo,1000,,b,b,,,,,\n"), "1000"),
        ("space.csv", format!("{header}Ana,10 00,,a,a,,,,,\n"), "is not an extension"),
    ] {
        let out = server.command(&["import", &file(name, text.as_bytes())]);
        let all = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert_eq!(out.status.code(), Some(1), "{name}: {all}");
        assert!(all.contains(said), "{name}: {all}");
    }
    // A gigabyte that takes no room on the disk: refused by its size alone.
    let large = folder.path().join("large.csv");
    std::fs::File::create(&large).unwrap().set_len(1 << 30).unwrap();
    let asked = Instant::now();
    let out = server.command(&["import", &large.display().to_string()]);
    assert_eq!(out.status.code(), Some(1));
    assert!(asked.elapsed() < Duration::from_secs(5));
    assert_eq!(server.json(&["user", "list"])["items"].as_array().map(Vec::len), Some(0));
}

#[test]
fn the_last_token_of_the_operator_stays_and_a_lost_one_is_made_anew_at_the_start() {
    let mut server = Server::start();
    let url = format!("http://{}/api/v1/organizations/operator/tokens", server.http);
    let (_, tokens) = request("GET", &url, &server.token, None);
    let id = tokens["items"][0]["id"].as_str().unwrap();
    let (status, problem) = request("DELETE", &format!("{url}/{id}"), &server.token, None);
    assert_eq!(status, 409, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("last token of the operator"), "{problem}");
    server.stop();
    std::fs::remove_file(server.data.join("owner.token")).unwrap();
    let server = server.restart();
    assert_eq!(server.json(&["org", "list"])["items"][0]["slug"], "example");
    // With another one there, the first may go.
    let (status, problem) = request(
        "DELETE",
        &format!("{}/{id}", url.replace(&url[7..url.find("/api").unwrap()], &server.http.to_string())),
        &server.token,
        None,
    );
    assert_eq!(status, 204, "{problem}");
}

#[test]
fn what_a_server_makes_its_owner_alone_may_read_wherever_it_lies() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let open = folder.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    let url = format!("sqlite:{}", open.join("muster.db").display());
    let data = folder.path().join("data");
    let server = Server::start_in(&data, Some(&url));
    let files = [&open, &server.data].map(|folder| std::fs::read_dir(folder).unwrap());
    let files: Vec<_> = files.into_iter().flatten().map(|file| file.unwrap()).collect();
    assert!(files.iter().any(|file| file.file_name() == "muster.db"));
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode() & 0o077;
        assert_eq!(mode, 0, "{}", file.path().display());
    }
}

#[test]
fn a_start_that_forgets_the_database_makes_nothing_and_leaves_the_token() {
    let url = Database::Postgres.url();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Server::start_in(&data, url.as_deref());
    let token = server.token.clone();
    server.stop();
    for _ in 0..2 {
        let said =
            serve(&["--data", &data.display().to_string(), "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0"]);
        assert!(said.contains("another one") && said.contains("--database"), "{said}");
    }
    let server = Server::start_in(&data, url.as_deref());
    assert_eq!(server.token, token);
    let (status, _) = request("GET", &format!("http://{}/api/v1/organizations", server.http), &token, None);
    assert_eq!(status, 200);
    // One that was written there by hand is said not to be known, and a new one is made where it is gone.
    let mut server = server;
    server.stop();
    std::fs::write(data.join("owner.token"), "of another installation").unwrap();
    let mut server = Server::start_in(&data, url.as_deref());
    assert!(server.log().contains("does not know the token"), "{}", server.log());
    server.stop();
    std::fs::remove_file(data.join("owner.token")).unwrap();
    let server = Server::start_in(&data, url.as_deref());
    let (status, _) =
        request("GET", &format!("http://{}/api/v1/organizations", server.http), &server.token, None);
    assert_eq!(status, 200);
}

#[test]
fn a_journal_of_registrations_that_is_none_is_put_aside_and_the_phones_register_again() {
    let mut server = Server::start();
    server.stop();
    let journal = server.data.join("bindings.journal");
    std::fs::write(&journal, "\0\0\0\0\0\0\0\0\0\0\0\0 and more that is no journal").unwrap();
    let server = server.restart();
    assert!(server.log().contains("bindings.journal.damaged"), "{}", server.log());
    assert!(server.data.join("bindings.journal.damaged").exists());
}
