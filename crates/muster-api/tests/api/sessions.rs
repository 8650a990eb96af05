//! Signing in: temporary passwords, lock-out, cookies, and what ends a session.

use serde_json::{Value, json};

use crate::common::{Answer, Installation, run};

pub const PASSWORD: &str = "quiet blue kettle";

pub async fn sign_in(i: &Installation, login: &str, password: &str) -> Answer {
    let body = json!({ "organization": "acme", "login": login, "password": password });
    i.call("POST", "/api/v1/session").json(&body).send().await
}

/// Somebody enabled who signs in with [`PASSWORD`].
pub async fn enabled(i: &Installation, extension: &str, more: &Value) -> Value {
    let mut body = json!({ "display_name": "Ana", "extension": extension, "setup": "assign_credentials",
        "password": PASSWORD, "password_temporary": false, "sign_in_pin": "4711",
        "security_question": "First pet", "security_answer": " Bello  the Dog" });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    i.admin("POST", "/users").json(&body).send().await.expect(201).json()
}

#[test]
fn a_temporary_password_lets_in_only_to_be_changed() {
    run(async |i| {
        i.user("1001", "Ana").await;
        let body = json!({ "users": ["1001"], "generate_password": true, "sign_in_pin": "4711",
            "security_question": "First pet", "security_answer": "Bello" });
        let made = i.admin("POST", "/users/assign").json(&body).send().await.expect(200).json();
        let given = made["users"][0]["generated_password"].as_str().unwrap().to_string();
        let session = sign_in(i, "1001", &given).await.expect(201).json();
        assert_eq!(session["must_change_password"], true);
        let token = session["token"].as_str().unwrap();
        let path = "/api/v1/organizations/acme/users";
        i.call("GET", path).by(token).send().await.problem(403, "password-change-needed");
        let mut change = json!({ "organization": "acme.example", "login": "1001", "password": given, "new_password": given });
        i.call("POST", "/api/v1/session").json(&change).send().await.problem(400, "invalid");
        change["new_password"] = json!("12345678");
        i.call("POST", "/api/v1/session").json(&change).send().await.problem(400, "invalid");
        change["new_password"] = json!(PASSWORD);
        let changed = i.call("POST", "/api/v1/session").json(&change).send().await.expect(201).json();
        assert_eq!(changed["must_change_password"], false);
        i.call("GET", "/api/v1/session").by(token).send().await.problem(401, "not-authenticated");
        sign_in(i, "1001", &given).await.problem(401, "not-authenticated");
        let token = changed["token"].as_str().unwrap();
        i.call("DELETE", "/api/v1/session").by(token).send().await.expect(204);
        i.call("GET", "/api/v1/session").by(token).send().await.problem(401, "not-authenticated");
    });
}

#[test]
fn wrong_passwords_lock_for_a_while_whether_the_name_is_somebodys_or_not() {
    run(async |i| {
        enabled(i, "1001", &json!({})).await;
        for login in ["1001", "nobody"] {
            for _ in 0..5 {
                let wrong = sign_in(i, login, "wrong password").await.problem(401, "not-authenticated");
                assert_eq!(wrong["detail"], "the name or the password is not right");
            }
            let locked = sign_in(i, login, PASSWORD).await;
            assert_eq!(locked.header("retry-after"), "30", "{login}");
            locked.problem(429, "locked");
        }
        i.app.put_clock_forward(31_000);
        sign_in(i, "1001", PASSWORD).await.expect(201);
        // What was right clears what was wrong.
        sign_in(i, "1001", "wrong password").await.problem(401, "not-authenticated");
        sign_in(i, "1001", PASSWORD).await.expect(201);
    });
}

#[test]
fn a_pin_and_an_answer_tell_who_somebody_is_and_lock_apart() {
    run(async |i| {
        let id = enabled(i, "1001", &json!({})).await["id"].as_str().unwrap().to_string();
        let path = format!("/users/{id}/identify");
        let ask =
            async |name: &str, said: &str| i.admin("POST", &path).json(&json!({ name: said })).send().await;
        assert_eq!(ask("sign_in_pin", "4711").await.expect(200).json()["right"], true);
        assert_eq!(ask("security_answer", "bello THE dog").await.expect(200).json()["right"], true);
        for _ in 0..5 {
            assert_eq!(ask("sign_in_pin", "0815").await.expect(200).json()["right"], false);
        }
        ask("sign_in_pin", "4711").await.problem(429, "locked");
        assert_eq!(ask("security_answer", "Bello the dog").await.expect(200).json()["right"], true);
        let both = json!({ "sign_in_pin": "4711", "security_answer": "x" });
        assert_eq!(i.admin("POST", &path).json(&both).send().await.wrong_fields(), ["sign_in_pin"]);
        let kept = i.admin("GET", "/changes?limit=100").send().await.expect(200).text;
        assert!(
            !kept.contains("4711") && !kept.contains(PASSWORD) && !kept.to_lowercase().contains("bello"),
            "{kept}"
        );
    });
}

#[test]
fn a_session_is_over_when_its_person_may_not_sign_in_any_more() {
    run(async |i| {
        // The last administrator stays one.
        enabled(i, "1009", &json!({ "roles": ["administrator"] })).await;
        let id = enabled(i, "1001", &json!({ "roles": ["administrator"] })).await["id"]
            .as_str()
            .unwrap()
            .to_string();
        let token =
            sign_in(i, "1001", PASSWORD).await.expect(201).json()["token"].as_str().unwrap().to_string();
        let list = "/api/v1/organizations/acme/users";
        i.call("GET", list).by(&token).send().await.expect(200);
        i.call("GET", "/api/v1/organizations/other/users").by(&token).send().await.problem(404, "not-found");
        // What they do stands under their name.
        let body = json!({ "display_name": "New" , "extension": "1002" });
        i.call("POST", list).by(&token).json(&body).send().await.expect(201);
        let newest = i.admin("GET", "/changes?limit=1000").send().await.json();
        let last = newest["items"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["actor"], json!(id), "{last}");
        i.admin("POST", "/users/deactivate").json(&json!({ "users": ["1001"] })).send().await.expect(200);
        i.call("GET", list).by(&token).send().await.problem(401, "not-authenticated");
        sign_in(i, "1001", PASSWORD).await.problem(403, "may-not-sign-in");
    });
}

#[test]
fn a_person_without_a_role_for_it_sees_nothing_of_the_organization() {
    run(async |i| {
        enabled(i, "1001", &json!({})).await;
        let token =
            sign_in(i, "1001", PASSWORD).await.expect(201).json()["token"].as_str().unwrap().to_string();
        i.call("GET", "/api/v1/organizations/acme/users")
            .by(&token)
            .send()
            .await
            .problem(403, "not-permitted");
        i.call("GET", "/api/v1/session").by(&token).send().await.expect(200);
    });
}

#[test]
fn a_cookie_writes_only_from_our_own_pages() {
    run(async |i| {
        enabled(i, "1001", &json!({ "roles": ["administrator"] })).await;
        let answer = sign_in(i, "1001", PASSWORD).await.expect(201);
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_string();
        let body = json!({ "display_name": "New" , "extension": "1002" });
        let call =
            || i.call("POST", "/api/v1/organizations/acme/users").header("cookie", &cookie).json(&body);
        call().send().await.problem(403, "other-origin");
        call().header("sec-fetch-site", "cross-site").send().await.problem(403, "other-origin");
        let from = |origin: &str| call().header("host", "muster.example").header("origin", origin);
        from("https://evil.example").send().await.problem(403, "other-origin");
        from("https://muster.example").send().await.expect(201);
        i.call("GET", "/api/v1/organizations/acme/users").header("cookie", &cookie).send().await.expect(200);
    });
}

#[test]
fn types_that_do_not_sign_in_are_given_a_password_and_let_in_nowhere() {
    run(async |i| {
        let lobby = json!({ "display_name": "Lobby", "extension": "1001", "user_type": "limited",
            "setup": "assign_credentials", "password": PASSWORD });
        i.admin("POST", "/users").json(&lobby).send().await.expect(201);
        sign_in(i, "1001", PASSWORD).await.problem(403, "may-not-sign-in");
        for setup in ["send_invite", "activate_later"] {
            let mut body = lobby.clone();
            body["setup"] = json!(setup);
            (body["extension"], body["email"]) = (json!("1002"), json!("lobby@acme.example"));
            assert_eq!(
                i.admin("POST", "/users").json(&body).send().await.wrong_fields(),
                ["setup"],
                "{setup}"
            );
        }
    });
}

#[test]
fn a_shared_email_neither_invites_nor_signs_in() {
    run(async |i| {
        let body = json!({ "require_unique_emails": false });
        let path = "/api/v1/organizations/acme";
        i.call("PATCH", path)
            .by(&i.administrator)
            .header("if-match", "*")
            .json(&body)
            .send()
            .await
            .expect(200);
        let email = json!({ "email": "both@acme.example" });
        enabled(i, "1001", &email).await;
        sign_in(i, "both@acme.example", PASSWORD).await.expect(201);
        enabled(i, "1002", &email).await;
        sign_in(i, "both@acme.example", PASSWORD).await.problem(401, "not-authenticated");
        sign_in(i, "1001", PASSWORD).await.expect(201);
    });
}
