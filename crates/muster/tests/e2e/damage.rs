//! Damage behind the program's back: it is named, and stops nobody but whom it hits.

use muster_load::phone::{Phone, PhoneConfig};
use muster_store::{Config, KeyRing, Store};
use serde_json::{Value, json};

use crate::server::{ORG, Server, request};

/// Runs SQL on the database of a server that has been stopped.
fn spoil(server: &Server, sql: &str) {
    let keys = KeyRing::load_or_create(&server.data.join("muster.keys")).unwrap();
    let url = format!("sqlite:{}", server.data.join("muster.db").display());
    Store::open(&Config { url, keys, readers: 1, writers: 1 }).unwrap().raw(sql).unwrap();
}

fn verified(server: &Server) -> (Option<i32>, String) {
    let out = server.command(&["changes", "--verify"]);
    (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Three people with phones; extension and secret of each.
fn three_people(server: &Server) -> Vec<(String, String)> {
    ["1001", "1002", "1003"].map(|extension| activated(server, ORG, extension)).into()
}

fn activated(server: &Server, org: &str, extension: &str) -> (String, String) {
    let post = |path: &str, body: &Value, expected: u16| {
        let url = format!("http://{}/api/v1/organizations/{org}{path}", server.http);
        let (status, answer) = request("POST", &url, &server.token, Some(body));
        assert_eq!(status, expected, "{path}: {answer}");
        answer
    };
    let person = json!({ "display_name": format!("Person {extension}"), "extension": extension });
    let id = post("/users", &person, 201)["id"].as_str().unwrap().to_string();
    let secret = format!("secret-of-{extension}-long-enough");
    post(&format!("/users/{id}/credentials"), &json!({ "secret": secret }), 200);
    post("/users/activate", &json!({ "users": [extension] }), 200);
    (extension.to_string(), secret)
}

#[test]
fn one_damaged_password_stops_neither_the_start_nor_anybody_elses_phone() {
    let mut server = Server::start();
    let people = three_people(&server);
    server.stop();
    spoil(
        &server,
        "UPDATE secrets SET ciphertext = (SELECT ciphertext FROM secrets WHERE id = \
         (SELECT sip_secret FROM users WHERE extension = '1001')) \
         WHERE id = (SELECT sip_secret FROM users WHERE extension = '1002')",
    );
    let server = server.restart();
    for (extension, secret) in &people {
        let registered = server.phone(extension, extension, secret).register(300).is_ok();
        assert_eq!(registered, extension != "1002", "{extension}");
    }
    let log = server.log();
    assert!(log.contains("Person 1002") && !log.contains("secret-of"), "{log}");
    let (_, metrics) = request("GET", &format!("http://{}/metrics", server.http), "", None);
    assert!(metrics.as_str().unwrap().contains("muster_credentials_unreadable 1\n"), "{metrics}");
    let (code, said) = verified(&server);
    assert_eq!(code, Some(1));
    assert!(said.contains("The sip_secret of user Person 1002, "), "{said}");
    // A new password mends it.
    server.run(&["user", "credentials", "1002", "--reset"]);
    let url = format!("http://{}/metrics", server.http);
    let mended = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        request("GET", &url, "", None).1.as_str().unwrap().contains("muster_credentials_unreadable 0\n")
    });
    assert!(mended, "the new password is counted as unreadable");
}

#[test]
fn an_organization_with_a_row_that_cannot_be_read_leaves_the_others_their_phones() {
    let mut server = Server::start();
    three_people(&server);
    server.run(&["org", "create", "Other", "--domain", "other.example.com"]);
    let (extension, secret) = activated(&server, "other", "2001");
    server.stop();
    spoil(&server, "UPDATE users SET user_type = 'nobody' WHERE extension = '1002'");
    let server = server.restart();
    let config = PhoneConfig::new(server.sip, "other.example.com", &extension, &extension, &secret);
    Phone::start(config).unwrap().register(300).unwrap();
    assert!(server.log().contains("an organization cannot be read"), "{}", server.log());
    let (code, said) = verified(&server);
    assert_eq!(code, Some(1));
    assert!(said.contains("user Person 1002, ") && said.contains("its row cannot be read"), "{said}");
}

#[test]
fn a_row_changed_behind_the_log_and_a_body_of_a_wrong_type_are_named() {
    let mut server = Server::start();
    three_people(&server);
    server.stop();
    spoil(&server, "UPDATE users SET department = 'Board' WHERE extension = '1003'");
    let mut server = server.restart();
    let (code, said) = verified(&server);
    assert_eq!(code, Some(1));
    assert!(said.contains("user Person 1003, ") && said.contains("its department is not what"), "{said}");
    server.stop();
    spoil(&server, "UPDATE change_bodies SET body = 'a text' WHERE seq = 4");
    let server = server.restart();
    let (code, said) = verified(&server);
    assert_eq!(code, Some(1));
    assert!(said.contains("altered or damaged at change 4: it is damaged"), "{said}");
}

#[test]
fn heads_that_are_missing_or_cut_short_are_noticed() {
    let server = Server::start();
    let heads = server.data.join("heads.log");
    let id = server.json(&["org", "list"])["items"][0]["id"].as_str().unwrap().to_string();
    let mut whole = String::new();
    // They are written down at most a second or two later.
    for _ in 0..100 {
        let found = server.json(&["changes", "--verify"]);
        whole = std::fs::read_to_string(&heads).unwrap_or_default();
        if found["heads"]["state"] == "compared" {
            assert_eq!(found["intact"], true, "{found}");
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    std::fs::remove_file(&heads).unwrap();
    let (code, said) = verified(&server);
    assert_eq!(code, Some(1));
    assert!(said.contains("heads.log is not there") && said.contains("nothing to compare with"), "{said}");
    let others: Vec<&str> = whole.lines().filter(|line| !line.contains(&id)).collect();
    std::fs::write(&heads, others.join("\n") + "\n").unwrap();
    let (code, said) = verified(&server);
    assert_eq!(code, Some(1));
    assert!(said.contains("ends at change 0"), "{said}");
    std::fs::write(&heads, whole).unwrap();
    assert_eq!(verified(&server).0, Some(0));
}
