//! What holds for every write: idempotency, bodies that cannot be read, undo, waiting for the phones.

use std::time::Duration;

use serde_json::json;

use crate::common::run;

#[test]
fn the_same_request_with_the_same_key_has_one_effect() {
    run(async |i| {
        let body = json!({ "display_name": "Ana", "extension": "1001" });
        let send =
            async || i.admin("POST", "/users").header("idempotency-key", "a-1").json(&body).send().await;
        let (first, second) = (send().await.expect(201), send().await.expect(201));
        assert_eq!(first.json(), second.json());
        assert_eq!(first.header("muster-seq"), second.header("muster-seq"));
        assert_eq!(
            (first.header("idempotency-replayed"), second.header("idempotency-replayed")),
            ("", "true")
        );
        let all = i.admin("GET", "/users?total=true").send().await.json();
        assert_eq!(all["total"], 1);
    });
}

#[test]
fn the_same_key_with_another_body_or_address_is_a_conflict() {
    run(async |i| {
        let key = "a-1";
        let body = json!({ "display_name": "Ana", "extension": "1001" });
        i.admin("POST", "/users").header("idempotency-key", key).json(&body).send().await.expect(201);
        let other = json!({ "display_name": "Ana", "extension": "1002" });
        let answer = i.admin("POST", "/users").header("idempotency-key", key).json(&other).send().await;
        answer.problem(409, "idempotency-conflict");
        let elsewhere =
            i.admin("POST", "/sites").header("idempotency-key", key).json(&json!({ "name": "B" }));
        elsewhere.send().await.problem(409, "idempotency-conflict");
        let long = "k".repeat(256);
        let refused = i.admin("POST", "/users").header("idempotency-key", &long).json(&body).send().await;
        assert_eq!(refused.wrong_fields(), ["Idempotency-Key"]);
    });
}

#[test]
fn a_body_that_cannot_be_read_is_told_where() {
    run(async |i| {
        let broken =
            i.admin("POST", "/users").text("application/json", "{\"display_name\": \"A\",\n  }").send().await;
        let problem = broken.problem(400, "unreadable");
        assert!(problem["detail"].as_str().unwrap().contains("line 2, column 3"), "{problem}");
        i.admin("POST", "/users").text("application/json", "[]").send().await.problem(400, "unreadable");
        i.admin("POST", "/users").text("application/json", "").send().await.problem(400, "unreadable");
        i.admin("POST", "/users")
            .text("application/json", &"[".repeat(100_000))
            .send()
            .await
            .problem(400, "unreadable");
        let form = i.admin("POST", "/users").text("application/x-www-form-urlencoded", "a=b").send().await;
        form.problem(415, "unsupported-media-type");
        i.admin("POST", "/users").send().await.problem(400, "unreadable");
    });
}

#[test]
fn a_body_over_a_mebibyte_is_refused_announced_or_not() {
    run(async |i| {
        let large = format!("{{\"display_name\": \"{}\"}}", "a".repeat(1 << 20));
        i.admin("POST", "/users").text("application/json", &large).send().await.problem(413, "too-large");
        let body = axum::body::Body::from(large);
        let unannounced = i.admin("POST", "/users").header("content-type", "application/json").body(body);
        unannounced.send().await.problem(413, "too-large");
    });
}

#[test]
fn what_the_router_refuses_is_a_problem_too() {
    run(async |i| {
        i.call("GET", "/api/v1/nothing").send().await.problem(404, "not-found");
        let answer = i.admin("DELETE", "/users").send().await;
        assert!(answer.header("allow").contains("GET"), "{:?}", answer.headers);
        answer.problem(405, "method-not-allowed");
        i.admin("GET", "/users/not-an-id").send().await.problem(404, "not-found");
        i.admin("GET", "/users?limit=%ff").send().await.problem(400, "invalid");
        i.admin("GET", "/%ff/users").send().await;
        i.admin("POST", "/changes/18446744073709551616/undo").send().await.problem(404, "not-found");
    });
}

#[test]
fn undoing_a_change_is_a_change_of_its_own() {
    run(async |i| {
        let id = i.user("1001", "Ana").await["id"].as_str().unwrap().to_string();
        let activated =
            i.admin("POST", "/users/activate").json(&json!({ "users": ["1001"] })).send().await.expect(200);
        let seq: u64 = activated.header("muster-seq").parse().unwrap();
        let undone = i.admin("POST", &format!("/changes/{seq}/undo")).send().await.expect(200);
        assert_eq!(undone.json()["seq"], seq + 1);
        let user = i.admin("GET", &format!("/users/{id}")).send().await.json();
        assert_eq!(user["service"], "contact_only");
        i.admin("POST", "/changes/9999/undo").send().await.problem(404, "not-found");
        let verified = i.admin("GET", "/changes/verify").send().await.expect(200).json();
        assert_eq!((&verified["intact"], &verified["checked"]), (&json!(true), &json!(seq + 1)));
    });
}

#[test]
fn one_can_wait_until_the_phones_know_a_change() {
    run(async |i| {
        let made = i.admin("POST", "/sites").json(&json!({ "name": "Porto" })).send().await.expect(201);
        let seq: u64 = made.header("muster-seq").parse().unwrap();
        let early = i.admin("GET", &format!("/phones?reached={seq}&timeout_s=0")).send().await;
        early.problem(504, "not-reached");
        let org =
            made.json()["id"].as_str().map(|_| i.app.authenticate(&i.administrator).unwrap().home).unwrap();
        let app = i.app.clone();
        let follows = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            app.phones().set_reached(org, seq);
        });
        let reached = i.admin("GET", &format!("/phones?reached={seq}&timeout_s=10")).send().await.expect(200);
        assert_eq!(reached.json()["seq"], seq);
        follows.await.unwrap();
    });
}
