//! Every endpoint of the description is tried by nobody, by somebody who may only read, and by another
//! organization's administrator. What the description gains is tried too, without anybody writing it here.

use serde_json::Value;

use crate::common::{Installation, run};

const METHODS: [&str; 5] = ["get", "post", "patch", "put", "delete"];
/// What needs no token, on purpose.
const PUBLIC: [&str; 4] = ["/api/v1/status", "/healthz", "/readyz", "/metrics"];
/// Signing in needs no token, and out any that is a session.
const SIGNING: &str = "/api/v1/session";
/// What a reader may not read.
const NOT_FOR_READERS: [&str; 8] = [
    "/api/v1/organizations/{org}/users/{user}/data",
    "/api/v1/organizations/{org}/tokens",
    "/api/v1/organizations/{org}/imports/{job}/rejected",
    "/api/v1/organizations/{org}/export.csv",
    "/api/v1/organizations/{org}/export.xlsx",
    "/api/v1/organizations/{org}/export/report",
    "/api/v1/organizations/{org}/mail/{mail}",
    "/api/v1/mail-server",
];

async fn operations(installation: &Installation) -> Vec<(String, String, Value)> {
    let description = installation.call("GET", "/openapi.json").send().await.expect(200).json();
    let mut operations = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for method in METHODS.iter().filter(|m| item.get(**m).is_some()) {
            let method_word = method.to_uppercase();
            if path != SIGNING || *method == "get" {
                operations.push((method_word, path.clone(), item[*method].clone()));
            }
        }
    }
    assert!(operations.len() > 30, "{}", operations.len());
    operations
}

/// The path with something in every place: the organization given, ids that are well formed.
fn filled(path: &str, org: &str) -> String {
    let path = path.replace("{org}", org).replace("{seq}", "1");
    let id = "01900000-0000-7000-8000-000000000001";
    let path = path
        .replace("{user}", id)
        .replace("{job}", id)
        .replace("{id}", id)
        .replace("{mail}", id)
        .replace("{token}", id)
        .replace("{role}", "reader")
        .replace("{phone}", "0a");
    assert!(!path.contains('{'), "{path} has a place that this test does not know");
    path
}

#[test]
fn without_a_token_everything_but_the_public_is_refused_with_a_challenge() {
    run(async |i| {
        for (method, path, _) in operations(i).await {
            let answer = i.call(&method, &filled(&path, "acme")).send().await;
            if PUBLIC.contains(&path.as_str()) {
                assert_eq!(answer.status, 200, "{method} {path}");
                continue;
            }
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{method} {path}");
            answer.problem(401, "not-authenticated");
        }
    });
}

#[test]
fn a_wrong_token_a_revoked_one_and_one_in_the_address_are_nobodys() {
    run(async |i| {
        let path = "/api/v1/organizations/acme/users";
        let revoked = i.token("acme", "reader").await;
        let tokens = i.admin("GET", "/tokens?limit=100").send().await.json();
        let newest = tokens["items"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_string();
        i.admin("DELETE", &format!("/tokens/{newest}")).send().await.expect(204);
        for token in ["x", &"m".repeat(10_000), &revoked] {
            i.call("GET", path).by(token).send().await.problem(401, "not-authenticated");
        }
        let with_token = format!("{path}?token={}", i.reader);
        i.call("GET", &with_token).send().await.problem(401, "not-authenticated");
        let basic = i.call("GET", path).header("authorization", "Basic bXN0Og==");
        basic.send().await.problem(401, "not-authenticated");
        i.call("GET", path)
            .header("authorization", &format!("bearer  {}", i.reader))
            .send()
            .await
            .expect(200);
    });
}

#[test]
fn a_reader_reads_and_every_write_is_forbidden_before_the_body_is_looked_at() {
    run(async |i| {
        for (method, path, operation) in operations(i).await {
            if PUBLIC.contains(&path.as_str()) || path == "/events" {
                continue;
            }
            let call = i.call(&method, &filled(&path, "acme")).by(&i.reader);
            let answer = call.text("application/json", "{not json").send().await;
            let forbidden = method != "GET" || NOT_FOR_READERS.contains(&path.as_str());
            if forbidden {
                answer.problem(403, "not-permitted");
            } else {
                let status = answer.status.as_u16().to_string();
                assert!(
                    matches!(status.as_str(), "200" | "404"),
                    "{method} {path}: {status} {}",
                    answer.text
                );
                assert!(
                    operation["responses"].get(&status).is_some(),
                    "{method} {path}: {status} not described"
                );
            }
        }
        let secrets = i.call("GET", "/api/v1/organizations/acme/export.csv?with_secrets=true").by(&i.reader);
        secrets.send().await.problem(403, "not-permitted");
    });
}

#[test]
fn another_organizations_administrator_finds_nothing_whether_it_is_there_or_not() {
    run(async |i| {
        for (method, path, _) in operations(i).await {
            let ask = async |org: &str| {
                let path = if path == "/events" {
                    format!("/events?organization={org}")
                } else {
                    filled(&path, org)
                };
                i.call(&method, &path).by(&i.stranger).send().await
            };
            if !path.contains("{org}") && path != "/events" {
                continue;
            }
            let (there, not_there) = (ask("acme").await, ask("nowhere").await);
            assert_eq!(there.text, not_there.text, "{method} {path}");
            there.problem(404, "not-found");
            ask("operator").await.problem(404, "not-found");
        }
        let own = i.call("GET", "/api/v1/organizations").by(&i.stranger).send().await.json();
        assert_eq!(own["items"].as_array().unwrap().len(), 1, "{own}");
        let body = serde_json::json!({ "name": "Mine", "domain": "mine.example" });
        let made = i.call("POST", "/api/v1/organizations").by(&i.stranger).json(&body).send().await;
        made.problem(403, "not-permitted");
    });
}

#[test]
fn a_users_id_of_another_organization_is_not_found() {
    run(async |i| {
        let id = i.user("1001", "Ana").await["id"].as_str().unwrap().to_string();
        for (method, tail) in [
            ("GET", ""),
            ("DELETE", ""),
            ("GET", "/credentials"),
            ("POST", "/credentials"),
            ("GET", "/history"),
        ] {
            let path = format!("/api/v1/organizations/other/users/{id}{tail}");
            i.call(method, &path).by(&i.stranger).send().await.problem(404, "not-found");
        }
        i.admin("GET", &format!("/users/{id}")).send().await.expect(200);
    });
}

#[test]
fn an_administrator_makes_no_operator() {
    run(async |i| {
        let body = serde_json::json!({ "name": "Root", "role": "operator" });
        i.admin("POST", "/tokens").json(&body).send().await.problem(403, "not-permitted");
    });
}
