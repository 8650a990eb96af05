//! Every writing endpoint of the description is taken back, or named here with the reason why it is not. What
//! the description gains fails until somebody says which.

use serde_json::{Value, json};

use crate::bulk;
use crate::common::{Installation, run};
use crate::imports::{self, Worker};
use crate::records;

/// What is not taken back, and why.
const NOT_TAKEN_BACK: &[(&str, &str)] = &[
    ("POST /organizations", "an organization has people, a bill and a log"),
    ("POST /tokens", "the token was shown: it is revoked, not forgotten"),
    ("DELETE /tokens/{token}", "what was revoked is made anew, never trusted again"),
    ("POST /imports/mapping", "it only guesses and keeps nothing"),
    ("POST /jobs/{job}/cancel", "what was cancelled did nothing; the file is sent again"),
    ("POST /users/{user}/purge", "who is erased is erased for good: that is what was asked for"),
    ("POST /users/sheets", "a sheet with passwords is in somebody's hands"),
    ("POST /users/{user}/identify", "nothing is done but the counting of wrong tries"),
    ("POST /session", "a session is ended, and nothing of the organization changes with it"),
    ("DELETE /session", "who signed out signs in again"),
    ("POST /mail/{mail}/retry", "a mail that has left is not called back"),
    ("PATCH /mail-server", "it is the operator's, and taken back in the operator's own log"),
    ("DELETE /mail-server", "it is the operator's, and taken back in the operator's own log"),
    ("POST /mail-server/test", "a mail that has left is not called back"),
    ("POST /backup", "it changes nothing but when one was last made"),
    ("POST /subscriptions", OFFERED),
    ("PATCH /subscriptions/{id}", OFFERED),
    ("DELETE /subscriptions/{id}", OFFERED),
    ("POST /phone-models", OFFERED),
    ("PATCH /phone-models/{id}", OFFERED),
    ("DELETE /phone-models/{id}", OFFERED),
    ("POST /stock/numbers", OFFERED),
    ("PATCH /stock/numbers/{id}", OFFERED),
    ("DELETE /stock/numbers/{id}", OFFERED),
    ("PUT /subscription", "terms are chosen anew: what they have cost stays known"),
    ("POST /licences", "licences are ended, so that what they have cost stays known"),
    ("POST /licences/{id}/end", "licences that have ended are bought anew"),
    ("POST /invoices", "a cycle that was closed stays closed"),
    ("POST /orders", ORDERED),
    ("POST /orders/{id}/confirm", ORDERED),
    ("POST /orders/{id}/submit", ORDERED),
    ("POST /orders/{id}/cancel", ORDERED),
    ("POST /orders/{id}/address", ORDERED),
    ("POST /orders/{id}/ship", ORDERED),
    ("POST /orders/{id}/receive", ORDERED),
    (
        "POST /port-orders/{id}/activate",
        "a number that was brought in leaves by the next carrier's port order",
    ),
    ("DELETE /users/{user}/registrations", "a phone comes back by itself when it registers next"),
    ("DELETE /users/{user}/registrations/{phone}", "a phone comes back by itself when it registers next"),
];

const OFFERED: &str = "it is the operator's, in a log of their own";
const ORDERED: &str = "an order is cancelled, not undone";

/// All that there is, but for versions and for when it was made: both count on.
async fn state(i: &Installation) -> Value {
    let mut state = serde_json::Map::new();
    let particular = [
        "users",
        "users?filter=record%3Dtrashed",
        "invites",
        "devices",
        "mailboxes",
        "numbers",
        "sites",
        "connections",
        "roles",
    ];
    let alike = records::kinds("1001", "").into_iter().map(|(kind, ..)| kind);
    let nameless = records::nameless().into_iter().map(|(kind, ..)| kind);
    for list in particular.into_iter().chain(alike).chain(nameless) {
        let path = format!("/{list}{}limit=1000", if list.contains('?') { '&' } else { '?' });
        let mut page = i.admin("GET", &path).send().await.expect(200).json();
        for item in page["items"].as_array_mut().unwrap() {
            let item = item.as_object_mut().unwrap();
            item.remove("version");
            item.remove("created_at");
        }
        state.insert(list.to_string(), page["items"].take());
    }
    let mut organization = i.admin("GET", "").send().await.expect(200).json();
    organization.as_object_mut().unwrap().remove("version");
    state.insert("organization".into(), organization);
    Value::Object(state)
}

async fn head(i: &Installation) -> u64 {
    let lines = i.admin("GET", "/changes?limit=1000").send().await.json();
    lines["items"].as_array().unwrap().last().unwrap()["seq"].as_u64().unwrap()
}

const FILE: &str = "display_name,extension,username\nEva,1007,eva\nIda,1008,ida\n";

async fn import(i: &Installation) -> String {
    let _worker = Worker::start(i);
    let job = imports::import(i, ("acme", &i.administrator), "", FILE).await;
    assert_eq!(job["state"], "done", "{job}");
    job["id"].as_str().unwrap().to_string()
}

/// Waits for a job.
async fn ended(i: &Installation, path: &str) {
    let _worker = Worker::start(i);
    loop {
        let job = i.call("GET", path).by(&i.administrator).send().await.expect(200).json();
        match job["state"].as_str() {
            Some("queued" | "running") => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            state => return assert_eq!(state, Some("done"), "{job}"),
        }
    }
}

/// Does what the endpoint does; `None`: this test does not know it. What is prepared for it is there before
/// the state is read.
async fn prepare(i: &Installation, operation: &str) -> Option<(String, String, Value)> {
    let ana = i.user("1001", "Ana").await["id"].as_str().unwrap().to_string();
    let call = |method: &str, path: String, body: Value| Some((method.to_string(), path, body));
    match operation {
        "POST /users" => call("POST", "/users".into(), json!({ "display_name": "Rui", "extension": "1002" })),
        "PATCH /users/{user}" => {
            call("PATCH", format!("/users/{ana}"), json!({ "extension": "1003", "title": "Boss" }))
        }
        "DELETE /users/{user}" => call("DELETE", format!("/users/{ana}"), Value::Null),
        "POST /users/{user}/restore" => {
            i.admin("DELETE", &format!("/users/{ana}")).send().await.expect(204);
            call("POST", format!("/users/{ana}/restore"), Value::Null)
        }
        "POST /users/{user}/removal" | "POST /removals" => {
            let body = json!({ "name": "Sales", "members": ["1001"] });
            i.admin("POST", "/groups").json(&body).send().await.expect(201);
            let review = i.admin("GET", &format!("/users/{ana}/removal")).send().await.expect(200).json();
            let release = json!([{ "of": "groups", "choice": "release" }]);
            let mut body = json!({ "plan": review["plan"], "choices": release });
            if operation == "POST /removals" {
                body["users"] = json!([ana]);
                return call("POST", "/removals".into(), body);
            }
            call("POST", format!("/users/{ana}/removal"), body)
        }
        "POST /users/bulk" => {
            let change = json!({ "set": { "title": "Boss" }, "activate": true });
            call("POST", "/users/bulk".into(), json!({ "ids": [ana], "change": change }))
        }
        "POST /users/activate" => call("POST", "/users/activate".into(), json!({ "users": ["1001"] })),
        "POST /users/deactivate" => {
            let body = json!({ "users": ["1001"] });
            i.admin("POST", "/users/activate").json(&body).send().await.expect(200);
            call("POST", "/users/deactivate".into(), json!({ "users": ["1001"], "reason": "leave" }))
        }
        "POST /users/invite" => {
            call("POST", "/users/invite".into(), json!({ "users": ["1001"], "by": "link" }))
        }
        "POST /users/withdraw-invites" => {
            let body = json!({ "users": ["1001"], "by": "link" });
            i.admin("POST", "/users/invite").json(&body).send().await.expect(200);
            call("POST", "/users/withdraw-invites".into(), json!({ "users": ["1001"] }))
        }
        "POST /users/assign" => {
            let body = json!({ "users": ["1001"], "password": "quiet blue kettle", "sign_in_pin": "4711",
                "security_question": "First pet", "security_answer": "Bello" });
            call("POST", "/users/assign".into(), body)
        }
        "POST /users/{user}/credentials" => {
            call("POST", format!("/users/{ana}/credentials"), json!({ "device": "kitchen" }))
        }
        "POST /sites" => call("POST", "/sites".into(), json!({ "name": "North" })),
        "POST /roles" => {
            call("POST", "/roles".into(), json!({ "name": "Night desk", "copied_from": "user_manager" }))
        }
        "PATCH /roles/{role}" => {
            crate::roles::own(i, "Night desk", "reader").await;
            call("PATCH", "/roles/Night%20desk".into(), json!({ "permissions": ["people.read"] }))
        }
        "DELETE /roles/{role}" => {
            crate::roles::own(i, "Night desk", "reader").await;
            let body = json!({ "users": ["1001"], "roles": ["Night desk", "user"] });
            i.admin("POST", "/roles/assign").json(&body).send().await.expect(200);
            call("DELETE", "/roles/Night%20desk?replacement=reader".into(), Value::Null)
        }
        "POST /roles/assign" => {
            call("POST", "/roles/assign".into(), json!({ "users": ["1001"], "add": ["reader"] }))
        }
        "POST /imports" => call("IMPORT", String::new(), Value::Null),
        "POST /jobs/{job}/undo" => {
            let job = import(i).await;
            call("POST", format!("/jobs/{job}/undo"), Value::Null)
        }
        "POST /changes/{seq}/undo" => call("POST", format!("/changes/{}/undo", head(i).await), Value::Null),
        "POST /restores" => {
            let then = head(i).await;
            let edit = json!({ "display_name": "Zoe" });
            let path = format!("/users/{ana}");
            i.admin("PATCH", &path).header("if-match", "*").json(&edit).send().await.expect(200);
            i.user("1009", "Mia").await;
            let mut body = json!({ "what": "people", "to": then.to_string(), "review": true });
            let review = i.admin("POST", "/restores").json(&body).send().await.expect(200).json();
            body["plan"] = review["review"]["plan"].clone();
            body.as_object_mut().unwrap().remove("review");
            call("POST", "/restores".into(), body)
        }
        "POST /devices/{id}/assign" => {
            let body = json!({ "device": "kitchen" });
            i.admin("POST", &format!("/users/{ana}/credentials")).json(&body).send().await;
            let devices = i.admin("GET", "/devices").send().await.expect(200).json();
            let id = devices["items"][0]["id"].as_str().unwrap().to_string();
            call("POST", format!("/devices/{id}/assign"), json!({ "mac": "00:15:65:00:00:01" }))
        }
        "POST /port-orders/{id}/submit" => {
            let port = port(i).await;
            let body = json!({ "reason": "wrong account" });
            i.admin("POST", &format!("{port}/reject")).json(&body).send().await.expect(200);
            call("POST", format!("{port}/submit"), Value::Null)
        }
        "POST /port-orders/{id}/reject" => {
            call("POST", format!("{}/reject", port(i).await), json!({ "reason": "wrong account" }))
        }
        "POST /port-orders/{id}/date" => {
            call("POST", format!("{}/date", port(i).await), json!({ "due_at": "2026-12-01T08:00:00Z" }))
        }
        "POST /port-orders/{id}/cancel" => call("POST", format!("{}/cancel", port(i).await), Value::Null),
        _ => record(i, operation).await,
    }
}

async fn port(i: &Installation) -> String {
    let made = records::made(i, "port-orders", &json!({ "numbers": ["+351210000001"] })).await;
    format!("/port-orders/{}", made["id"].as_str().unwrap())
}

/// What is alike for all records.
async fn record(i: &Installation, operation: &str) -> Option<(String, String, Value)> {
    let (method, path) = operation.split_once(' ')?;
    if path == "/organizations/{org}" || path.is_empty() {
        return Some((method.into(), String::new(), json!({ "emergency_policy": "warn" })));
    }
    let number = records::number(i).await;
    if method == "POST" {
        let (kind, one, _) = records::of_address(path, "1001", &number)?;
        return Some((method.into(), format!("/{kind}"), one));
    }
    let (at, change) = records::one(i, path, &number).await?;
    Some((method.into(), at, if method == "DELETE" { Value::Null } else { change }))
}

#[test]
fn every_endpoint_that_writes_is_taken_back_or_named_with_its_reason() {
    let mut operations: Vec<String> = Vec::new();
    run(async |i| {
        let description = i.call("GET", "/openapi.json").send().await.expect(200).json();
        for (path, item) in description["paths"].as_object().unwrap() {
            for method in ["post", "patch", "put", "delete"].iter().filter(|m| item.get(**m).is_some()) {
                let path = path.trim_start_matches("/api/v1");
                let path = path.strip_prefix("/organizations/{org}").unwrap_or(path);
                operations.push(format!("{} {path}", method.to_uppercase()));
            }
        }
    });
    assert!(operations.len() > 15, "{operations:?}");
    for (named, reason) in NOT_TAKEN_BACK {
        assert!(operations.iter().any(|operation| operation == named), "there is no {named} any more");
        assert!(!reason.is_empty(), "{named}");
    }
    operations.retain(|operation| !NOT_TAKEN_BACK.iter().any(|(named, _)| named == operation));
    for operation in &operations {
        run(async |i| {
            let Some((method, path, body)) = prepare(i, operation).await else {
                panic!("{operation} writes: take it back here, or say why it is not taken back");
            };
            let before = state(i).await;
            if method == "IMPORT" {
                import(i).await;
            } else {
                let call = i.admin(&method, &path).header("if-match", "*");
                let call = if body.is_null() { call } else { call.json(&body) };
                let answer = call.send().await;
                if answer.status == 202 {
                    let _worker = Worker::start(i);
                    bulk::ended(i, answer.header("location")).await;
                }
                assert!(answer.status.is_success(), "{operation}: {}", answer.text);
                if answer.status.as_u16() == 202 {
                    ended(i, answer.header("location")).await;
                }
            }
            assert_ne!(state(i).await, before, "{operation} did nothing");
            let undo = format!("/changes/{}/undo", head(i).await);
            i.admin("POST", &undo).json(&json!({ "together": true })).send().await.expect(200);
            assert_eq!(state(i).await, before, "{operation} taken back");
        });
    }
}
