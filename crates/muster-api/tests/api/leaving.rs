//! Removing people: reviewed, chosen, carried out, refused where something is another by then, erased; and the
//! doctor.

use serde_json::{Value, json};

use crate::common::{Installation, run};
use crate::records::made;

fn id(thing: &Value) -> String {
    thing["id"].as_str().unwrap().to_string()
}

async fn review(i: &Installation, user: &Value) -> Value {
    i.admin("GET", &format!("/users/{}/removal", id(user))).send().await.expect(200).json()
}

async fn remove(i: &Installation, user: &Value, body: Value) -> crate::common::Answer {
    i.admin("POST", &format!("/users/{}/removal", id(user))).json(&body).send().await
}

#[test]
fn a_removal_is_reviewed_chosen_and_taken_back_by_its_job() {
    run(async |i| {
        let (ana, eva) = (i.user("1001", "Ana").await, i.user("1002", "Eva").await);
        let sales = made(i, "groups", &json!({ "name": "Sales", "members": ["1001", "1002"] })).await;
        let menu = made(i, "menus", &json!({ "name": "Welcome", "entries": ["1=user:1001"] })).await;
        let told = review(i, &ana).await;
        assert_eq!((&told["wants_choices"], &told["people"][0]["id"]), (&json!(true), &ana["id"]), "{told}");
        let first = &told["items"][0];
        assert_eq!(first["of"], format!("menu:{}", id(&menu)));
        assert_eq!((&first["default"], &first["choices"]), (&json!(null), &json!(["release", "hand_to"])));
        let plan = told["plan"].clone();
        // Whoever does not choose is told what wants it.
        let refused = remove(i, &ana, json!({ "plan": plan })).await.problem(409, "needs-choice");
        assert_eq!(refused["errors"][0]["field"], "menu", "{refused}");
        assert!(refused["errors"][0]["mend"].as_str().unwrap().contains("/removal"), "{refused}");
        let refused = i.admin("DELETE", &format!("/users/{}", id(&ana))).send().await;
        refused.problem(409, "needs-choice");
        let body = json!({ "plan": plan, "choices": [{ "of": "menus", "choice": "hand_to", "to": "1002" }] });
        let once = async || {
            let call =
                i.admin("POST", &format!("/users/{}/removal", id(&ana))).header("idempotency-key", "once");
            call.json(&body).send().await.expect(200)
        };
        let (done, again) = (once().await, once().await);
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(done.json(), again.json());
        let job = done.json()["job"].as_str().unwrap().to_string();
        let shown = i.admin("GET", &format!("/jobs/{job}")).send().await.expect(200).json();
        assert_eq!(
            (&shown["kind"], &shown["state"], &shown["rows_done"]),
            (&json!("removal"), &json!("done"), &json!(1))
        );
        let group = i.admin("GET", &format!("/groups/{}", id(&sales))).send().await.json();
        assert_eq!(group["members"], json!([eva["id"]]));
        let entries = i.admin("GET", &format!("/menus/{}", id(&menu))).send().await.json()["entries"].clone();
        assert_eq!(entries, json!([format!("1=user:{}", id(&eva))]));
        assert_eq!(i.admin("GET", &format!("/users/{}", id(&ana))).send().await.json()["record"], "trashed");
        i.admin("POST", &format!("/jobs/{job}/undo")).send().await.expect(200);
        let group = i.admin("GET", &format!("/groups/{}", id(&sales))).send().await.json();
        assert_eq!(group["members"], json!([ana["id"], eva["id"]]));
    });
}

#[test]
fn what_changed_since_the_review_is_looked_at_again() {
    run(async |i| {
        let ana = i.user("1001", "Ana").await;
        let plan = review(i, &ana).await["plan"].clone();
        made(i, "groups", &json!({ "name": "Sales", "members": ["1001"] })).await;
        let refused = remove(i, &ana, json!({ "plan": plan })).await.problem(409, "plan-changed");
        assert!(refused["errors"][0]["mend"].as_str().unwrap().contains("review"), "{refused}");
        assert_eq!(i.admin("GET", &format!("/users/{}", id(&ana))).send().await.json()["record"], "live");
    });
}

#[test]
fn a_choice_that_is_none_is_said_with_what_to_do() {
    run(async |i| {
        let ana = i.user("1001", "Ana").await;
        let stranger = json!({ "display_name": "Stranger", "extension": "1001" });
        let path = "/api/v1/organizations/other/users";
        let stranger = i.call("POST", path).by(&i.stranger).json(&stranger).send().await.expect(201).json();
        let plan = review(i, &ana).await["plan"].clone();
        let check = async |more: Value, said: &str| {
            let mut body = json!({ "plan": plan });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let refused = remove(i, &ana, body).await.problem(400, "invalid");
            let error = refused["errors"][0].clone();
            assert!(error.to_string().contains(said), "{said}: {refused}");
            assert!(error["mend"].as_str().is_some_and(|mend| !mend.is_empty()), "{refused}");
        };
        let to = |who: &str| json!({ "choices": [{ "of": "mailbox", "choice": "hand_to", "to": who }] });
        // Somebody of another organization is nobody here, by number and by id.
        check(to(&id(&stranger)), "is nobody of this organization").await;
        check(to("1999"), "is nobody of this organization").await;
        check(to("1001"), "goes too").await;
        check(json!({ "hand_to": "nobody" }), "is nobody of this organization").await;
        check(json!({ "choices": [{ "of": "mailbox", "choice": "hand_to" }] }), "handed to nobody").await;
        check(json!({ "choices": [{ "of": "mailbox", "choice": "burn" }] }), "hand_to, keep, release").await;
        check(json!({ "choices": [{ "of": "tags", "choice": "keep" }] }), "depends on nobody").await;
        check(json!({ "choices": [{ "choice": "keep" }] }), "does not say").await;
        check(json!({ "choices": [{ "of": "mailbox", "choice": "keep", "whom": 1 }] }), "whom").await;
        check(json!({ "choices": "all" }), "is not a list").await;
        check(
            json!({ "choices": [{ "of": format!("group:{}", id(&ana)), "choice": "release" }] }),
            "depends on them",
        )
        .await;
        remove(i, &ana, json!({})).await.problem(400, "invalid");
        remove(i, &ana, json!({ "plan": "0" })).await.problem(409, "plan-changed");
        made(
            i,
            "emergency-locations",
            &json!({ "name": "Home", "owner": "1001", "country": "NZ", "street": "A",
            "house_number": "1", "city": "B", "postal_code": "6011" }),
        )
        .await;
        let plan = review(i, &ana).await["plan"].clone();
        let choices = json!([{ "of": "emergency_locations", "choice": "hand_to", "to": "1001" }]);
        i.user("1002", "Eva").await;
        let choices = match choices {
            Value::Array(mut list) => {
                list[0]["to"] = "1002".into();
                Value::Array(list)
            }
            other => other,
        };
        let refused =
            remove(i, &ana, json!({ "plan": plan, "choices": choices })).await.problem(400, "invalid");
        assert!(
            refused["errors"][0]["reason"].as_str().unwrap().contains("is no choice for it"),
            "{refused}"
        );
    });
}

#[test]
fn many_are_reviewed_and_removed_by_a_job() {
    run(async |i| {
        let _worker = crate::imports::Worker::start(i);
        let (ana, bo) = (i.user("1001", "Ana").await, i.user("1002", "Bo").await);
        i.user("1003", "Eva").await;
        made(i, "groups", &json!({ "name": "Sales", "members": ["1001", "1002"] })).await;
        let body = json!({ "users": ["1001", "1002"], "review": true });
        let told = i.admin("POST", "/removals").json(&body).send().await.expect(200).json();
        assert_eq!(
            (told["people"].as_array().unwrap().len(), &told["wants_choices"]),
            (2, &json!(true)),
            "{told}"
        );
        let missing = json!({ "users": ["1001"] });
        assert_eq!(i.admin("POST", "/removals").json(&missing).send().await.wrong_fields(), ["plan"]);
        let body = json!({ "users": [ana["id"], bo["id"]], "plan": told["plan"], "hand_to": "1003" });
        let started = i.admin("POST", "/removals").json(&body).send().await.expect(202);
        let path = started.header("location").to_string();
        let job = loop {
            let job = i.call("GET", &path).by(&i.administrator).send().await.expect(200).json();
            if !matches!(job["state"].as_str(), Some("queued" | "running")) {
                break job;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        };
        assert_eq!((&job["state"], &job["problem"]), (&json!("done"), &json!(null)), "{job}");
        let left = i.admin("GET", "/users").send().await.json();
        assert_eq!(left["items"].as_array().unwrap().len(), 1);
        let groups = i.admin("GET", "/groups").send().await.json();
        assert_eq!(groups["items"][0]["members"].as_array().unwrap().len(), 1, "{groups}");
        let results = i.admin("GET", &format!("/jobs/{}/results", id(&job))).send().await.json();
        assert_eq!(results["items"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn what_is_kept_of_a_person_is_told_and_then_erased_for_good() {
    run(async |i| {
        let ana = i.user("1001", "Ana Silva").await;
        let path = format!("/users/{}", id(&ana));
        let data = i.admin("GET", &format!("{path}/data")).send().await.expect(200).json();
        assert_eq!(data["user"]["display_name"], "Ana Silva");
        assert_eq!(data["things"][0]["entity"], "mailbox");
        assert!(data["history"].as_array().unwrap().len() >= 2, "{data}");
        let api = crate::description::description();
        crate::description::conforms(&api, &api["components"]["schemas"]["PersonData"], &data, "data");
        let purge = async |body: Value| i.admin("POST", &format!("{path}/purge")).json(&body).send().await;
        let early = purge(json!({ "irreversible": true })).await.problem(409, "not-allowed");
        assert!(early["detail"].as_str().unwrap().contains("remove them first"), "{early}");
        i.admin("DELETE", &path).send().await.expect(204);
        assert_eq!(purge(json!({})).await.wrong_fields(), ["irreversible"]);
        assert_eq!(purge(json!({ "irreversible": false })).await.wrong_fields(), ["irreversible"]);
        let erased = purge(json!({ "irreversible": true })).await.expect(200);
        assert!(erased.json()["erased_lines"].as_u64().unwrap() >= 4, "{}", erased.text);
        i.admin("GET", &path).send().await.problem(404, "not-found");
        let seq = erased.json()["seq"].as_u64().unwrap();
        let refused =
            i.admin("POST", &format!("/changes/{seq}/undo")).send().await.problem(409, "irreversible");
        assert!(refused["detail"].as_str().unwrap().contains("erased for good"), "{refused}");
        let check = i.admin("GET", "/changes/verify").send().await.expect(200).json();
        assert_eq!(check["intact"], true, "{check}");
        assert!(!i.admin("GET", "/changes?limit=1000").send().await.text.contains("Ana Silva"));
    });
}

async fn examine(i: &Installation, check: &str) -> Value {
    let path = format!("/doctor?check={check}");
    i.admin("GET", &path).send().await.expect(200).json()["checks"][0].clone()
}

/// Sends what mends the first finding.
async fn mend(i: &Installation, checked: &Value) {
    let request = &checked["findings"][0]["mend"]["request"];
    let mut call = i.admin(request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
    if let Some(version) = request["if_match"].as_str() {
        call = call.header("if-match", version);
    }
    if !request["body"].is_null() {
        call = call.json(&request["body"]);
    }
    let answer = call.send().await;
    assert!(answer.status.is_success(), "{}", answer.text);
}

#[test]
fn the_doctor_finds_what_is_wrong_and_names_the_request_that_mends_it() {
    run(async |i| {
        let healthy = i.admin("GET", "/doctor").send().await.expect(200).json();
        let api = crate::description::description();
        crate::description::conforms(&api, &api["components"]["schemas"]["Diagnosis"], &healthy, "doctor");
        let found = |diagnosis: &Value| {
            let checks = diagnosis["checks"].as_array().unwrap().clone();
            let wrong = checks.into_iter().filter(|checked| checked["found"] != 0);
            wrong.map(|checked| checked["check"].as_str().unwrap().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found(&healthy), Vec::<String>::new(), "{healthy}");
        let number = crate::records::number(i).await;
        let eva = i.admin("GET", "/users?who=1999").send().await.json()["items"][0].clone();
        made(i, "groups", &json!({ "name": "Nobody" })).await;
        let body =
            json!({ "display_name": "Bo", "extension": "1003", "mailbox": null, "alternate_number": "7777" });
        let bo = i.admin("POST", "/users").json(&body).send().await.expect(201).json();
        let taken = json!({ "mailbox": null });
        i.admin("PATCH", &format!("/users/{}", id(&bo)))
            .header("if-match", "*")
            .json(&taken)
            .send()
            .await
            .expect(200);
        i.admin("DELETE", &format!("/users/{}", id(&eva))).send().await.expect(204);
        let all = i.admin("GET", "/doctor").send().await.json();
        assert_eq!(
            found(&all),
            ["empty", "forwards_to_nobody", "unreachable", "unassigned_numbers"],
            "{all}"
        );
        let forwards = examine(i, "forwards_to_nobody").await;
        assert_eq!(forwards["findings"][0]["name"], "Bo (extension 1003)");
        assert!(forwards["findings"][0]["why"].as_str().unwrap().contains("7777"), "{forwards}");
        let unreachable = examine(i, "unreachable").await;
        assert!(
            unreachable["findings"][0]["why"].as_str().unwrap().contains("contact only"),
            "{unreachable}"
        );
        let numbers = examine(i, "unassigned_numbers").await;
        assert_eq!(numbers["findings"][0]["entity_id"], number);
        mend(i, &forwards).await;
        mend(i, &numbers).await;
        for check in ["forwards_to_nobody", "unassigned_numbers"] {
            assert_eq!(examine(i, check).await["found"], 0, "{check}");
        }
        let some = i.admin("GET", "/doctor?check=empty&limit=0").send().await.json();
        assert_eq!((&some["checks"][0]["found"], &some["checks"][0]["findings"]), (&json!(1), &json!([])));
        assert_eq!(i.admin("GET", "/doctor?check=fever").send().await.wrong_fields(), ["check"]);
        // Tokens are only for those who may manage them.
        let by_reader =
            i.call("GET", "/api/v1/organizations/acme/doctor").by(&i.reader).send().await.expect(200).json();
        assert_eq!(by_reader["checks"].as_array().unwrap().len(), 9);
        assert_eq!(all["checks"].as_array().unwrap().len(), 10);
    });
}

#[test]
fn whose_phone_was_not_seen_for_a_month_is_an_unused_seat() {
    run(async |i| {
        let (ana, bo) = (i.user("1001", "Ana").await, i.user("1002", "Bo").await);
        let both = json!({ "users": ["1001", "1002"] });
        i.admin("POST", "/users/activate").json(&both).send().await.expect(200);
        let org = i.admin("GET", "").send().await.json();
        let (org, bo_id) = (org["id"].as_str().unwrap().parse().unwrap(), id(&bo).parse().unwrap());
        let registered = muster_app::phones::Presence {
            state: muster_app::phones::PresenceState::Available,
            registered: true,
        };
        i.app.phones().set_presence(org, bo_id, registered);
        i.app.note_seen().unwrap();
        assert_eq!(examine(i, "unused_seats").await["found"], 0, "nobody has watched for a month yet");
        // As if all of it had been 40 days ago, but for Bo's phone, which is there today.
        let ago = 40_i64 * 24 * 3600 * 1000;
        i.app.store().raw(&format!("UPDATE last_seen SET at = at - {ago}")).unwrap();
        i.app.store().raw(&format!("UPDATE changes SET at = at - {ago}")).unwrap();
        assert_eq!(examine(i, "unused_seats").await["found"], 2);
        i.app.note_seen().unwrap();
        let unused = examine(i, "unused_seats").await;
        assert_eq!(
            (&unused["found"], &unused["findings"][0]["entity_id"]),
            (&json!(1), &ana["id"]),
            "{unused}"
        );
        mend(i, &unused).await;
        assert_eq!(examine(i, "unused_seats").await["found"], 0);
        let seats = i.admin("GET", "/seats").send().await.json();
        assert_eq!(seats["total"], 1, "{seats}");
    });
}
