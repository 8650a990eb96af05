//! What each type of user can do and needs, and what each way of setting somebody up makes of them: cell by cell
//! against tables that were written from the documents alone.

use serde_json::{Value, json};

use crate::common::{Installation, run};

/// The first `N` cells of each row below the header; none of these is quoted.
fn rows<const N: usize>(table: &str) -> Vec<[&str; N]> {
    let row = |line: &'static str| -> [&str; N] {
        let cells: Vec<&str> = line.splitn(N + 1, ',').take(N).collect();
        cells.try_into().unwrap()
    };
    let table: &'static str = Box::leak(table.to_string().into_boxed_str());
    table.lines().skip(1).filter(|line| !line.is_empty()).map(row).collect()
}

async fn single_sign_on(i: &Installation, on: bool) {
    let body = json!({ "single_sign_on": on });
    let path = "/api/v1/organizations/acme";
    i.call("PATCH", path).by(&i.administrator).header("if-match", "*").json(&body).send().await.expect(200);
}

async fn types(i: &Installation) -> Vec<Value> {
    i.admin("GET", "/user-types").send().await.expect(200).json()["items"].as_array().unwrap().clone()
}

fn yes_or_no(value: &Value, no: &str) -> String {
    match value {
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => no.into(),
        word => word.as_str().unwrap().into(),
    }
}

#[test]
fn every_type_can_do_what_the_table_of_types_says() {
    run(async |i| {
        let (types, rows) = (types(i).await, rows::<3>(include_str!("../expectations/types.csv")));
        assert_eq!(rows.len(), 72);
        for [user_type, capability, expected] in rows {
            let found = types.iter().find(|t| t["user_type"] == user_type).unwrap();
            let no = if capability == "number" { "none" } else { "no" };
            assert_eq!(yes_or_no(&found[capability], no), expected, "{user_type} {capability}");
        }
    });
}

const QUESTION: [(&str, &str); 2] = [("security_question", "First pet"), ("security_answer", "Bello")];

/// What a cell such as `pin+password+question` names.
fn fields_of(required: &str) -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
    let one = |word: &str| match word {
        "pin" => ("sign_in_pin", vec![("sign_in_pin", "4711")]),
        "password" => ("password", vec![("password", "quiet blue kettle")]),
        "question" => ("security_question", QUESTION.to_vec()),
        other => panic!("{other} is no credential"),
    };
    required.split('+').filter(|word| *word != "none").map(one).collect()
}

#[test]
fn every_type_needs_what_the_table_of_credentials_says_and_no_more() {
    run(async |i| {
        let rows = rows::<5>(include_str!("../expectations/credentials.csv"));
        assert_eq!(rows.len(), 32);
        for (n, [user_type, wizard, sso, required, state]) in rows.into_iter().enumerate() {
            let place = format!("{user_type} {wizard} {sso}");
            single_sign_on(i, sso == "yes").await;
            let told = types(i).await.into_iter().find(|t| t["user_type"] == user_type).unwrap();
            let told = told["credentials"]
                .as_array()
                .unwrap()
                .iter()
                .find(|c| c["wizard"] == wizard)
                .unwrap()
                .clone();
            let mut names: Vec<&str> = fields_of(required).iter().map(|(name, _)| *name).collect();
            let mut told_names: Vec<&str> =
                told["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            names.sort_unstable();
            told_names.sort_unstable();
            assert_eq!((told_names, &told["service"]), (names.clone(), &json!(state)), "{place}");

            let body = json!({ "display_name": "Ana", "extension": format!("{}", 2000 + n), "user_type": user_type,
                "setup": "assign_credentials", "wizard": wizard });
            let refused = i.admin("POST", "/users").json(&body).send().await;
            if names.is_empty() {
                assert_eq!(refused.expect(201).json()["service"], state, "{place}");
                continue;
            }
            assert_eq!(refused.wrong_fields(), names, "{place}");
            let mut with_all = body.clone();
            for (name, value) in fields_of(required).into_iter().flat_map(|(_, fields)| fields) {
                with_all[name] = json!(value);
            }
            let made = i.admin("POST", "/users").json(&with_all).send().await.expect(201).json();
            assert_eq!(made["service"], state, "{place}");
        }
    });
}

#[test]
fn each_way_of_setting_up_does_what_the_table_of_set_ups_says() {
    for [unique, server] in [["on", "yes"], ["on", "no"], ["off", "yes"], ["off", "no"]] {
        run(async |i| {
            let rows = rows::<8>(include_str!("../expectations/setup.csv"));
            assert_eq!(rows.len(), 60);
            let body = json!({ "require_unique_emails": unique == "on", "time_zone": "Europe/Lisbon" });
            let path = "/api/v1/organizations/acme";
            i.call("PATCH", path)
                .by(&i.administrator)
                .header("if-match", "*")
                .json(&body)
                .send()
                .await
                .expect(200);
            if server == "yes" {
                let body = json!({ "host": "127.0.0.1", "port": 9, "security": "none", "from_address": "a@acme.example" });
                i.call("PATCH", "/api/v1/mail-server").by(&i.operator).json(&body).send().await.expect(200);
            }
            let other = json!({ "display_name": "Eva", "extension": "1999", "email": "shared@acme.example" });
            i.admin("POST", "/users").json(&other).send().await.expect(201);
            let mine = rows.into_iter().filter(|row| row[2] == unique && row[3] == server).enumerate();
            for (n, [option, email, _, _, expected, service, invite, counted]) in mine {
                one(i, n, option, email, expected, service, invite, counted, server).await;
            }
        });
    }
}

#[expect(clippy::too_many_arguments, reason = "the cells of a row")]
async fn one(
    i: &Installation,
    n: usize,
    option: &str,
    email: &str,
    expected: &str,
    service: &str,
    invite: &str,
    counted: &str,
    server: &str,
) {
    let place = format!("{option} {email} {server}");
    let mut body = json!({ "display_name": "Ana", "extension": format!("{}", 2000 + n) });
    match email {
        "unique" => body["email"] = json!(format!("ana{n}@acme.example")),
        "shared" => body["email"] = json!("shared@acme.example"),
        _ => {}
    }
    if option != "contact" {
        body["setup"] = json!(option);
    }
    if option == "schedule_invite" {
        body["invite_at"] = json!("2099-06-01T09:00");
    }
    if option == "assign_credentials" {
        for (name, value) in fields_of("pin+password+question").into_iter().flat_map(|(_, fields)| fields) {
            body[name] = json!(value);
        }
    }
    let seats = async || i.admin("GET", "/seats").send().await.json()["total"].as_u64().unwrap();
    let before = seats().await;
    let answer = i.admin("POST", "/users").json(&body).send().await;
    match expected {
        "refused" => {
            assert!(
                matches!(answer.status.as_u16(), 400 | 409),
                "{place}: {} {}",
                answer.status,
                answer.text
            );
            assert_eq!(answer.json()["errors"][0]["field"], "email", "{place}: {}", answer.text);
            assert_eq!(seats().await, before, "{place}");
        }
        // Without a server the mail waits in the spool, and whoever asked is told.
        "undecided" => {
            assert!(answer.header("muster-remark").contains("there is no mail server"), "{place}");
            assert_eq!(answer.expect(201).json()["service"], "not_activated", "{place}");
        }
        "allowed" => {
            let made = answer.expect(201).json();
            assert_eq!(made["service"], service, "{place}");
            let invites = i.admin("GET", &format!("/users/{}/invites", made["id"].as_str().unwrap()));
            assert_eq!(invites.send().await.expect(200).json()["state"], invite, "{place}");
            assert_eq!(seats().await - before, u64::from(counted == "yes"), "{place}");
        }
        other => panic!("{place}: {other}"),
    }
}
