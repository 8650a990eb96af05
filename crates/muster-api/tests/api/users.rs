//! People, from being added to being restored.

use serde_json::{Value, json};

use crate::common::run;

#[test]
fn a_user_is_added_with_defaults_and_shown_without_secrets() {
    run(async |i| {
        let body = json!({
            "display_name": "Ana Pereira", "extension": "1001", "email": "ana@acme.example",
            "sip_password": "very-secret-1", "voicemail_pin": "4321", "site": "main", "connection": "built-in",
            "tags": ["floor:2"], "call_timeout_s": 30, "press_1_to_accept": false,
        });
        let answer = i.admin("POST", "/users").json(&body).send().await.expect(201);
        let user = answer.json();
        assert_eq!(user["username"], "1001");
        assert_eq!(user["service"], "contact_only");
        assert_eq!(user["call_timeout_s"], 30);
        assert_eq!(user["has_sip_secret"], true);
        assert_eq!(user["version"], 1);
        assert!(user["created_at"].as_str().unwrap().ends_with('Z'), "{user}");
        assert_eq!(answer.header("etag"), "\"1\"");
        assert!(answer.header("muster-seq").parse::<u64>().unwrap() > 0);
        let location = answer.header("location").to_string();
        let shown = i.call("GET", &location).by(&i.reader).send().await.expect(200);
        assert_eq!(shown.json(), user);
        for secret in ["very-secret-1", "4321"] {
            assert!(!shown.text.contains(secret), "{}", shown.text);
        }
        let changes = i.admin("GET", "/changes?limit=1000").send().await.expect(200);
        for secret in ["very-secret-1", "4321"] {
            assert!(!changes.text.contains(secret), "{}", changes.text);
        }
    });
}

#[test]
fn every_wrong_field_is_said_at_once() {
    run(async |i| {
        let body = json!({
            "extension": 1001, "email": "nobody", "call_timeout_s": "20", "sms": "yes", "tags": "floor:2",
            "site": "Nowhere", "country_code": "PT", "user_type": "admin", "sip_secret": "x",
        });
        let wrong = i.admin("POST", "/users").json(&body).send().await.wrong_fields();
        let expected = [
            "call_timeout_s",
            "country_code",
            "email",
            "extension",
            "sip_secret",
            "site",
            "sms",
            "tags",
            "user_type",
        ];
        assert_eq!(wrong, expected);
        let missing = i.admin("POST", "/users").json(&json!({})).send().await.wrong_fields();
        assert!(missing.contains(&"display_name".to_string()), "{missing:?}");
    });
}

#[test]
fn a_field_that_is_not_there_is_named_with_what_may_have_been_meant() {
    run(async |i| {
        let answer =
            i.admin("POST", "/users").json(&json!({ "display_name": "A", "extention": "1" })).send().await;
        let body = answer.problem(400, "invalid");
        assert_eq!(body["errors"][0]["field"], "extention");
        assert!(body["errors"][0]["mend"].as_str().unwrap().contains("extension"), "{body}");
    });
}

#[test]
fn an_extension_that_is_taken_is_a_conflict_that_names_the_field() {
    run(async |i| {
        i.user("1001", "Ana").await;
        let body = json!({ "display_name": "Bo", "extension": "1001", "username": "bo" });
        let problem = i.admin("POST", "/users").json(&body).send().await.problem(409, "taken");
        assert_eq!(problem["errors"][0]["field"], "extension", "{problem}");
    });
}

#[test]
fn a_change_needs_the_version_that_was_read() {
    run(async |i| {
        let user = i.user("1001", "Ana").await;
        let path = format!("/users/{}", user["id"].as_str().unwrap());
        let change = json!({ "title": "Lead", "department": "Sales" });
        let none = i.admin("PATCH", &path).json(&change).send().await;
        assert_eq!(none.header("etag"), "\"1\"");
        assert_eq!(none.problem(428, "precondition-required")["current_version"], 1);
        let changed =
            i.admin("PATCH", &path).header("if-match", "\"1\"").json(&change).send().await.expect(200);
        assert_eq!(changed.header("etag"), "\"2\"");
        assert_eq!(changed.json()["title"], "Lead");
        let emptied = json!({ "title": null });
        let stale = i.admin("PATCH", &path).header("if-match", "\"1\"").json(&emptied).send().await;
        assert_eq!(stale.problem(412, "stale")["current_version"], 2);
        let weak = i.admin("PATCH", &path).header("if-match", "W/\"2\"").json(&emptied).send().await;
        weak.problem(412, "stale");
        let malformed = i.admin("PATCH", &path).header("if-match", "2").json(&emptied).send().await;
        assert_eq!(malformed.wrong_fields(), ["If-Match"]);
        let any = i.admin("PATCH", &path).header("if-match", "*").json(&emptied).send().await.expect(200);
        assert_eq!(any.json()["title"], Value::Null);
        assert_eq!(any.json()["department"], "Sales");
        let same =
            i.admin("PATCH", &path).header("if-match", "\"3\"").json(&emptied).send().await.expect(200);
        assert_eq!(same.header("etag"), "\"3\"", "nothing changed");
    });
}

#[test]
fn what_is_fixed_for_life_or_has_a_command_of_its_own_is_not_patched() {
    run(async |i| {
        let user = i.user("1001", "Ana").await;
        let path = format!("/users/{}", user["id"].as_str().unwrap());
        let body = json!({ "username": "other", "service": "enabled", "record": "trashed" });
        let wrong =
            i.admin("PATCH", &path).header("if-match", "\"1\"").json(&body).send().await.wrong_fields();
        assert_eq!(wrong, ["record", "service", "username"]);
    });
}

#[test]
fn users_are_activated_and_deactivated_by_any_name_and_all_or_none() {
    run(async |i| {
        let ana = i.user("1001", "Ana").await;
        i.user("1002", "Bo").await;
        let both = json!({ "users": ["1001", "1002", "1001"] });
        let done = i.admin("POST", "/users/activate").json(&both).send().await.expect(200);
        let users = done.json()["users"].as_array().unwrap().clone();
        assert_eq!(users.len(), 2);
        assert!(users.iter().all(|u| u["service"] == "enabled"), "{users:?}");
        assert!(users.iter().all(|u| u["generated_sip_secret"].as_str().unwrap().len() >= 22), "{users:?}");
        let again = i.admin("POST", "/users/activate").json(&both).send().await.expect(200).json();
        assert!(again["users"][0].get("generated_sip_secret").is_none(), "shown once: {again}");

        let strangers = json!({ "users": ["1001", "nobody", "1003"] });
        let wrong = i.admin("POST", "/users/deactivate").json(&strangers).send().await.wrong_fields();
        assert_eq!(wrong, ["users[1]", "users[2]"]);
        let still = i.admin("GET", &format!("/users/{}", ana["id"].as_str().unwrap())).send().await.json();
        assert_eq!(still["service"], "enabled");

        let why = json!({ "users": [ana["id"]], "reason": "On leave", "until": "2031-01-31T09:30:00Z" });
        i.admin("POST", "/users/deactivate").json(&why).send().await.expect(200);
        let now = i.admin("GET", &format!("/users/{}", ana["id"].as_str().unwrap())).send().await.json();
        assert_eq!(
            (&now["service"], &now["disabled_until"]),
            (&json!("disabled"), &json!("2031-01-31T09:30:00Z"))
        );
        let seats = i.admin("GET", "/seats").send().await.expect(200).json();
        assert_eq!((&seats["total"], &seats["by_type"][0]["seats"]), (&json!(1), &json!(1)));
        assert_eq!(seats["items"][0]["display_name"], "Bo");
    });
}

#[test]
fn credentials_are_shown_without_the_secret_and_a_new_one_once() {
    run(async |i| {
        let id = i.user("1001", "Ana").await["id"].as_str().unwrap().to_string();
        let path = format!("/users/{id}/credentials");
        let before = i.admin("GET", &path).send().await.expect(200).json();
        assert_eq!(before["has_secret"], false);
        assert_eq!(before["domain"], "acme.example");
        assert_eq!(before["servers"][0]["port"], 5060);
        let made = i.admin("POST", &path).header("idempotency-key", "k1").send().await.expect(200);
        let secret = made.json()["secret"].as_str().unwrap().to_string();
        assert!(secret.len() >= 22);
        let again = i.admin("POST", &path).header("idempotency-key", "k1").send().await.expect(200);
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.json()["secret"], Value::Null);
        let after = i.admin("GET", &path).send().await.expect(200);
        assert!(!after.text.contains(&secret));
        assert_eq!(after.json()["has_secret"], true);
        let device =
            i.admin("POST", &path).json(&json!({ "device": "kitchen" })).send().await.expect(200).json();
        assert_eq!(device["auth_name"], "1001-kitchen");
        let given =
            i.admin("POST", &path).json(&json!({ "secret": "chosen-by-us" })).send().await.expect(200);
        assert_eq!(given.json()["secret"], "chosen-by-us");
    });
}

#[test]
fn a_removed_user_is_restored_with_a_history() {
    run(async |i| {
        let id = i.user("1001", "Ana").await["id"].as_str().unwrap().to_string();
        i.admin("DELETE", &format!("/users/{id}")).send().await.expect(204);
        i.admin("DELETE", &format!("/users/{id}")).send().await.problem(404, "not-found");
        let list = i.admin("GET", "/users").send().await.json();
        assert_eq!(list["items"], json!([]));
        let trashed = i.admin("GET", "/users?filter=record%3Dtrashed").send().await.json();
        assert_eq!(trashed["items"][0]["id"], id.as_str());
        let restored = i.admin("POST", &format!("/users/{id}/restore")).send().await.expect(200);
        assert_eq!(restored.json()["record"], "live");
        let history = i.admin("GET", &format!("/users/{id}/history")).send().await.expect(200).json();
        let kinds: Vec<&str> =
            history["items"].as_array().unwrap().iter().map(|c| c["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["user.restored", "user.trashed", "user.created"]);
    });
}

#[test]
fn who_finds_one_person_by_any_of_their_names() {
    run(async |i| {
        let body = json!({ "display_name": "Ana", "extension": "1001", "username": "ana.p", "email": "Ana@acme.example" });
        let id = i.admin("POST", "/users").json(&body).send().await.expect(201).json()["id"].clone();
        for who in ["1001", "ana.p", "ANA.P", "ana@acme.example", id.as_str().unwrap()] {
            let found =
                i.admin("GET", &format!("/users?who={who}&total=true")).send().await.expect(200).json();
            assert_eq!((&found["items"][0]["id"], &found["total"]), (&id, &json!(1)), "{who}");
        }
        let nobody = i.admin("GET", "/users?who=1002").send().await.expect(200).json();
        assert_eq!(nobody["items"], json!([]));
    });
}
