//! Invites and their links, credentials that are assigned, sessions, sheets, and the spool.

use std::sync::atomic::AtomicBool;

use muster_app::mail::MailWorker;
use serde_json::{Value, json};

use crate::common::{Answer, Call, Installation, run};
use crate::imports::Worker;
use crate::sessions::{PASSWORD, enabled, sign_in};

const DAY_MS: i64 = 24 * 3_600_000;

/// Somebody new who is invited by a link; their id and the link's path.
async fn invited(i: &Installation, extension: &str) -> (String, String) {
    let body = json!({ "display_name": "Ana Silva", "extension": extension, "username": format!("ana{extension}"),
        "email": format!("ana{extension}@acme.example"), "setup": "send_invite" });
    let made = i.admin("POST", "/users").json(&body).send().await.expect(201).json();
    (made["id"].as_str().unwrap().to_string(), path_of(&made["invite_link"]))
}

fn path_of(link: &Value) -> String {
    let link = link.as_str().unwrap_or_else(|| panic!("no link: {link}"));
    link.strip_prefix("http://127.0.0.1:8080").unwrap().to_string()
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    let byte = |byte: u8| match byte {
        b if b.is_ascii_alphanumeric() => (b as char).to_string(),
        b => format!("%{b:02X}"),
    };
    let text = |text: &str| text.bytes().map(byte).collect::<String>();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
    pairs.join("&")
}

fn form<'a>(i: &'a Installation, path: &str, pairs: &[(&str, &str)]) -> Call<'a> {
    i.call("POST", path).text("application/x-www-form-urlencoded", &encoded(pairs))
}

const FILLED: [(&str, &str); 6] = [
    ("password", PASSWORD),
    ("password_again", PASSWORD),
    ("sign_in_pin", "4711"),
    ("sign_in_pin_again", "4711"),
    ("security_question", "First pet"),
    ("security_answer", "Bello"),
];

async fn accept(i: &Installation, path: &str) -> Answer {
    form(i, path, &FILLED).send().await
}

async fn state_of(i: &Installation, id: &str) -> (String, String) {
    let user = i.admin("GET", &format!("/users/{id}")).send().await.expect(200).json();
    let invites = i.admin("GET", &format!("/users/{id}/invites")).send().await.expect(200).json();
    (user["service"].as_str().unwrap().into(), invites["state"].as_str().unwrap().into())
}

#[test]
fn an_accepted_invite_enables_signs_in_and_shows_what_the_phone_needs() {
    run(async |i| {
        let (id, path) = invited(i, "1001").await;
        assert_eq!(state_of(i, &id).await, ("not_activated".into(), "sent".into()));
        let page = i.call("GET", &path).send().await.expect(200);
        assert!(
            page.text.contains("Ana Silva") && page.text.contains("name=\"sign_in_pin\""),
            "{}",
            page.text
        );
        let done = accept(i, &path).await.expect(200);
        for part in ["ana1001", "acme.example", "1001", "<svg", "127.0.0.1:5060 (udp)"] {
            assert!(done.text.contains(part), "{part} is missing in {}", done.text);
        }
        assert_eq!(state_of(i, &id).await, ("enabled".into(), "accepted".into()));
        let user = i.admin("GET", &format!("/users/{id}")).send().await.json();
        assert_eq!((&user["setup_wizard"], &user["has_sip_secret"]), (&json!("completed"), &json!(true)));

        let cookie = done.header("set-cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap();
        let who = i.call("GET", "/api/v1/session").header("cookie", cookie).send().await.expect(200).json();
        assert_eq!(who["user"]["username"], "ana1001");
        sign_in(i, "ana1001", PASSWORD).await.expect(201);
        sign_in(i, "Ana1001@acme.example", PASSWORD).await.expect(201);
        let verified = i.admin("GET", "/changes/verify").send().await.expect(200).json();
        assert_eq!(verified["intact"], json!(true), "{verified}");
    });
}

#[test]
fn a_link_works_once_until_it_expires_and_only_as_it_was_made() {
    run(async |i| {
        let (_, used) = invited(i, "1001").await;
        accept(i, &used).await.expect(200);
        for again in [accept(i, &used).await, i.call("GET", &used).send().await] {
            assert!(again.expect(410).text.contains("has been used"));
        }
        let (id, path) = invited(i, "1002").await;
        let mut altered = path.clone();
        let last = if altered.pop() == Some('A') { 'B' } else { 'A' };
        altered.push(last);
        // One of another organization's ids in the place of ours is nobody's.
        for wrong in [altered.as_str(), "/invite/x", &path[..path.len() - 8], &format!("{path}AAAA")] {
            let refused = accept(i, wrong).await.expect(404);
            assert!(refused.text.contains("not one of ours"), "{}", refused.text);
        }
        assert_eq!(state_of(i, &id).await, ("not_activated".into(), "sent".into()));
        i.app.put_clock_forward(7 * DAY_MS - 60_000);
        i.call("GET", &path).send().await.expect(200);
        i.app.put_clock_forward(60_000);
        assert!(accept(i, &path).await.expect(410).text.contains("expired"));
        assert_eq!(state_of(i, &id).await, ("not_activated".into(), "expired".into()));
    });
}

#[test]
fn a_new_invite_ends_the_old_and_so_do_assigning_removing_and_withdrawing() {
    run(async |i| {
        let (id, first) = invited(i, "1001").await;
        let body = json!({ "users": [id] });
        let again = i.admin("POST", "/users/invite").json(&body).send().await.expect(200).json();
        let second = path_of(&again["users"][0]["link"]);
        assert!(accept(i, &first).await.expect(410).text.contains("replaced"));
        i.call("GET", &second).send().await.expect(200);
        i.admin("POST", "/users/withdraw-invites").json(&body).send().await.expect(204);
        accept(i, &second).await.expect(410);
        i.admin("POST", "/users/withdraw-invites").json(&body).send().await.problem(409, "not-allowed");

        let assigned = json!({ "users": [id], "password": PASSWORD, "sign_in_pin": "4711",
            "security_question": "First pet", "security_answer": "Bello" });
        for (extension, end) in [("1002", "assign"), ("1003", "activate"), ("1004", "trash")] {
            let (id, path) = invited(i, extension).await;
            let mut body = assigned.clone();
            body["users"] = json!([id]);
            match end {
                "assign" => i.admin("POST", "/users/assign").json(&body).send().await.expect(200),
                "activate" => i
                    .admin("POST", "/users/activate")
                    .json(&json!({ "users": [id] }))
                    .send()
                    .await
                    .expect(200),
                _ => i.admin("DELETE", &format!("/users/{id}")).send().await.expect(204),
            };
            accept(i, &path).await.expect(410);
        }
    });
}

#[test]
fn what_is_wrong_in_the_form_is_said_beside_its_field_and_nothing_is_done() {
    run(async |i| {
        let (id, path) = invited(i, "1001").await;
        let mut wrong = FILLED;
        wrong[0].1 = "short";
        wrong[1].1 = "short";
        wrong[2].1 = "1234";
        wrong[3].1 = "1234";
        let said = form(i, &path, &wrong).send().await.expect(400);
        assert!(
            said.text.contains("shorter than 8 characters") && said.text.contains("everybody tries first"),
            "{}",
            said.text
        );
        assert!(said.text.contains("value=\"First pet\"") && !said.text.contains("short\""), "{}", said.text);
        let mut unlike = FILLED;
        unlike[1].1 = "another one here";
        assert!(form(i, &path, &unlike).send().await.expect(400).text.contains("not the same"));
        assert!(form(i, &path, &FILLED[..4]).send().await.expect(400).text.contains("Security question"));
        i.call("POST", &path)
            .text("text/plain", &encoded(&FILLED))
            .send()
            .await
            .problem(415, "unsupported-media-type");
        assert_eq!(state_of(i, &id).await, ("not_activated".into(), "sent".into()));
        let german = i.call("GET", &path).header("accept-language", "de-AT, en").send().await.expect(200);
        assert!(german.text.contains("lang=\"de\"") && german.text.contains("Passwort"), "{}", german.text);
        for forbidden in ["<script", "<style", " style=", "http://", "onclick"] {
            assert!(!german.text.contains(forbidden), "{forbidden}");
        }
        assert!(german.header("content-security-policy").contains("form-action 'self'"));
    });
}

#[test]
fn a_scheduled_invite_leaves_when_its_time_has_come_and_not_before() {
    run(async |i| {
        let body = json!({ "display_name": "Ana", "extension": "1001", "email": "ana@acme.example",
            "setup": "schedule_invite", "invite_zone": "Europe/Lisbon" });
        let with = |at: &str| {
            let mut body = body.clone();
            body["invite_at"] = json!(at);
            body
        };
        for (at, part) in [
            ("2099-03-29T01:30", "does not exist in Europe/Lisbon"),
            ("2099-10-25T01:30", "exists twice"),
            ("2020-01-01T09:00", "has passed"),
            ("soon", "is not a time"),
        ] {
            let refused = i.admin("POST", "/users").json(&with(at)).send().await;
            assert!(refused.text.contains(part), "{at}: {}", refused.text);
            assert_eq!(refused.wrong_fields(), ["invite_at"], "{at}");
        }
        let now: jiff::Timestamp = jiff::Timestamp::now();
        let at =
            now.checked_add(jiff::Span::new().hours(48)).unwrap().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let made = i.admin("POST", "/users").json(&with(&at)).send().await.expect(201).json();
        let id = made["id"].as_str().unwrap();
        assert_eq!((&made["invite_link"], state_of(i, id).await.1), (&Value::Null, "scheduled".to_string()));
        let worker = MailWorker::new(i.app.clone(), "test".into());
        let stop = AtomicBool::new(false);
        i.app.put_clock_forward(2 * DAY_MS - 60_000);
        worker.step(&stop).unwrap();
        assert_eq!(state_of(i, id).await.1, "scheduled");
        i.app.put_clock_forward(120_000);
        worker.step(&stop).unwrap();
        assert_eq!(state_of(i, id).await.1, "sent");
        let mail = i.admin("GET", "/mail").send().await.expect(200).json();
        assert_eq!((&mail["leaves"], mail["items"].as_array().unwrap().len()), (&json!(false), 1), "{mail}");
        let whole = format!("/mail/{}", mail["items"][0]["id"].as_str().unwrap());
        let read = i.admin("GET", &whole).send().await.expect(200).json();
        let text = read["text"].as_str().unwrap();
        let link = text.lines().find(|line| line.starts_with("http://127.0.0.1:8080/invite/")).unwrap();
        accept(i, &path_of(&json!(link))).await.expect(200);
        i.call("GET", &format!("/api/v1/organizations/acme{whole}"))
            .by(&i.reader)
            .send()
            .await
            .problem(403, "not-permitted");
    });
}

#[test]
fn contacts_wait_once_they_are_invited_and_never_again_after_that() {
    run(async |i| {
        let id = i.user("1001", "Ana").await["id"].as_str().unwrap().to_string();
        let invite = json!({ "users": ["1001"], "by": "link" });
        i.admin("POST", "/users/invite").json(&invite).send().await.expect(200);
        assert_eq!(state_of(i, &id).await, ("not_activated".into(), "sent".into()));
        i.admin("POST", "/users/deactivate").json(&json!({ "users": ["1001"] })).send().await.expect(200);
        assert_eq!(state_of(i, &id).await, ("contact_only".into(), "ended".into()));
        let again = i.admin("POST", "/users/invite").json(&invite).send().await.expect(200).json();
        assert_eq!(state_of(i, &id).await, ("contact_only".into(), "sent".into()));
        accept(i, &path_of(&again["users"][0]["link"])).await.expect(200);
        assert_eq!(state_of(i, &id).await, ("enabled".into(), "accepted".into()));
        i.admin("POST", "/users/invite").json(&invite).send().await.problem(409, "not-allowed");
        let disable = json!({ "users": ["1001"], "reason": "leave" });
        i.admin("POST", "/users/deactivate").json(&disable).send().await.expect(200);
        i.admin("POST", "/users/invite").json(&invite).send().await.problem(409, "not-allowed");
    });
}

#[test]
fn an_acceptance_is_taken_back_as_one() {
    run(async |i| {
        let (id, path) = invited(i, "1001").await;
        accept(i, &path).await.expect(200);
        let changes = i.admin("GET", "/changes?limit=1000").send().await.json();
        let activated = changes["items"]
            .as_array()
            .unwrap()
            .iter()
            .rev()
            .find(|c| c["kind"] == "user.activated")
            .unwrap()
            .clone();
        let undo = format!("/changes/{}/undo", activated["seq"]);
        i.admin("POST", &undo).json(&json!({ "together": true })).send().await.expect(200);
        assert_eq!(state_of(i, &id).await, ("not_activated".into(), "sent".into()));
        sign_in(i, "ana1001", PASSWORD).await.problem(401, "not-authenticated");
        let verified = i.admin("GET", "/changes/verify").send().await.expect(200).json();
        assert_eq!(verified["intact"], json!(true), "{verified}");
        accept(i, &path).await.expect(200);
    });
}

#[test]
fn sheets_say_what_a_phone_needs_and_show_secrets_only_to_who_may_see_them() {
    run(async |i| {
        enabled(i, "1001", &json!({})).await;
        let sheet = async |secrets: &str| {
            let body = json!({ "users": ["1001"], "secrets": secrets });
            i.admin("POST", "/users/sheets").json(&body).send().await.expect(200)
        };
        let secret = |answer: &Answer| {
            let rest = answer.text.split("data-name=\"secret\">").nth(1).unwrap();
            rest.split('<').next().unwrap().to_string()
        };
        let (none, existing) = (sheet("none").await, sheet("existing").await);
        assert!(none.header("content-type").starts_with("text/html") && none.text.contains("<svg"));
        assert_eq!(secret(&none), "as you were given it");
        assert_eq!(secret(&existing).len(), 24);
        assert_eq!(secret(&sheet("existing").await), secret(&existing));
        assert_ne!(secret(&sheet("new").await), secret(&existing));
        let log = i.admin("GET", "/changes?limit=1000").send().await.text;
        assert!(log.contains("organization.secrets_exported"), "{log}");
        let body = json!({ "users": ["1001"] });
        i.call("POST", "/api/v1/organizations/acme/users/sheets")
            .by(&i.reader)
            .json(&body)
            .send()
            .await
            .problem(403, "not-permitted");
    });
}

#[test]
fn where_an_emergency_location_is_required_the_page_asks_for_it() {
    run(async |i| {
        let path = "/api/v1/organizations/acme";
        let body = json!({ "emergency_policy": "require" });
        i.call("PATCH", path)
            .by(&i.administrator)
            .header("if-match", "*")
            .json(&body)
            .send()
            .await
            .expect(200);
        let office = json!({ "name": "Office", "country": "PT", "street": "Rua A", "house_number": "1", "city": "Lisboa", "postal_code": "1000-001" });
        i.admin("POST", "/emergency-locations").json(&office).send().await.expect(201);
        let with = |more: &[(&'static str, &'static str)]| [&FILLED[..], more].concat();
        let location_of = async |id: &str| {
            i.admin("GET", &format!("/users/{id}")).send().await.json()["emergency_location"].clone()
        };

        let (later, path) = invited(i, "1001").await;
        assert!(i.call("GET", &path).send().await.text.contains("<option value=\"=Office\">"));
        let done = accept(i, &path).await.expect(200);
        assert!(done.text.contains("Your calls wait"), "{}", done.text);
        assert_eq!(location_of(&later).await, Value::Null);

        let (known, path) = invited(i, "1002").await;
        let done = form(i, &path, &with(&[("location", "=Office")])).send().await.expect(200);
        assert!(!done.text.contains("Your calls wait"));
        assert_eq!(location_of(&known).await, "Office");

        let (own, path) = invited(i, "1003").await;
        let wrong =
            form(i, &path, &with(&[("location", "new"), ("country", "PT"), ("city", "Porto")])).send().await;
        assert!(wrong.expect(400).text.contains("Street"));
        let new = [
            ("location", "new"),
            ("country", "PT"),
            ("street", "Rua B"),
            ("house_number", "2"),
            ("city", "Porto"),
            ("postal_code", "4000-001"),
        ];
        form(i, &path, &with(&new)).send().await.expect(200);
        assert_eq!(location_of(&own).await, "Ana Silva");
    });
}

#[test]
fn a_new_email_is_told_to_both_addresses() {
    run(async |i| {
        let made = enabled(i, "1001", &json!({ "email": "old@acme.example" })).await;
        let path = format!("/users/{}", made["id"].as_str().unwrap());
        let body = json!({ "email": "new@acme.example" });
        i.admin("PATCH", &path).header("if-match", "*").json(&body).send().await.expect(200);
        let mail = i.admin("GET", "/mail").send().await.json();
        let mut told: Vec<&str> =
            mail["items"].as_array().unwrap().iter().map(|m| m["recipient"].as_str().unwrap()).collect();
        told.sort_unstable();
        assert_eq!(told, ["new@acme.example", "old@acme.example"]);
    });
}

#[test]
fn a_filter_invites_everybody_it_finds_in_a_job_that_is_taken_back_as_one() {
    run(async |i| {
        let _worker = Worker::start(i);
        for n in 0..205 {
            let body = json!({ "display_name": format!("P{n}"), "extension": format!("{}", 2000 + n),
                "email": format!("p{n}@acme.example"), "department": "Sales" });
            i.admin("POST", "/users").json(&body).send().await.expect(201);
        }
        let without = json!({ "display_name": "No mail", "extension": "3000", "department": "Sales" });
        i.admin("POST", "/users").json(&without).send().await.expect(201);
        i.user("3001", "Elsewhere").await;
        let body = json!({ "filter": "department=Sales", "at": "2099-06-01T09:00", "zone": "Europe/Lisbon" });
        let started = i.admin("POST", "/users/invite").json(&body).send().await.expect(202);
        let path = started.header("location").to_string();
        let job = loop {
            let job = i.call("GET", &path).by(&i.administrator).send().await.expect(200).json();
            if job["state"] != "queued" && job["state"] != "running" {
                break job;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        assert_eq!(
            (&job["state"], &job["rows_done"], &job["rows_total"]),
            (&json!("done"), &json!(206), &json!(206))
        );
        let results =
            i.call("GET", &format!("{path}/results?limit=1000")).by(&i.administrator).send().await.json();
        let refused: Vec<&Value> =
            results["items"].as_array().unwrap().iter().filter(|r| r["outcome"] == "refused").collect();
        assert_eq!(refused.len(), 1, "{results}");
        assert!(
            refused[0]["text"].as_str().unwrap().starts_with("No mail (extension 3000): email"),
            "{}",
            refused[0]
        );
        let invites =
            i.admin("GET", "/invites?total=true&filter=state%3Dscheduled").send().await.expect(200).json();
        assert_eq!(invites["total"], 205);
        let waiting = async || {
            i.admin("GET", "/users?total=true&filter=service%3Dnot_activated").send().await.json()["total"]
                .clone()
        };
        assert_eq!(waiting().await, 205);
        i.call("POST", &format!("{path}/undo")).by(&i.administrator).send().await.expect(200);
        assert_eq!(waiting().await, 0);
        let invites = i.admin("GET", "/invites?total=true").send().await.expect(200).json();
        assert_eq!(invites["total"], 0);
        let both = json!({ "filter": "department=Sales", "users": ["2000"] });
        assert_eq!(i.admin("POST", "/users/invite").json(&both).send().await.wrong_fields(), ["filter"]);
    });
}
