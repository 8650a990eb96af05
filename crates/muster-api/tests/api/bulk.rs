//! A change of many people over HTTP: looked at, carried out, followed and taken back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::{Installation, run};
use crate::description::{conforms, description};
use crate::imports::Worker;

pub async fn ended(i: &Installation, location: &str) -> Value {
    for _ in 0..500 {
        let job = i.call("GET", location).by(&i.administrator).send().await.expect(200).json();
        if matches!(job["state"].as_str(), Some("done" | "failed" | "cancelled")) {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the job does not end");
}

#[test]
fn many_are_looked_at_changed_as_one_job_and_taken_back() {
    run(async |i| {
        let _worker = Worker::start(i);
        for at in 0..12 {
            i.user(&format!("{}", 1001 + at), &format!("Person {at:02}")).await;
        }
        let site = json!({ "name": "Porto" });
        i.admin("POST", "/sites").json(&site).send().await.expect(201);
        let mut body = json!({
            "filter": "display_name~person and not extension=1001",
            "change": { "set": { "department": "Sales", "site": "Porto" }, "add_tags": ["floor:2"], "activate": true },
            "dry_run": true,
        });
        let preview = i.admin("POST", "/users/bulk").json(&body).send().await.expect(200).json();
        let api = description();
        conforms(&api, &api["components"]["schemas"]["BulkPreview"], &preview, "preview");
        let summary = &preview["summary"];
        assert_eq!((summary["people"].as_u64(), summary["changed"].as_u64()), (Some(11), Some(11)));
        assert_eq!((&summary["counted_before"], &summary["counted_after"]), (&json!(0), &json!(11)));
        assert_eq!(preview["first"].as_array().unwrap().len(), 10);
        let fields = preview["first"][0]["fields"].as_array().unwrap();
        let named: Vec<&str> = fields.iter().map(|field| field["field"].as_str().unwrap()).collect();
        assert_eq!(named, ["service", "site", "sip_secret", "department", "tags"]);
        assert_eq!(fields[2]["after"], true, "of a secret only that there is one");
        body["dry_run"] = json!(false);
        body["plan"] = preview["plan"].clone();
        let answer =
            i.admin("POST", "/users/bulk").header("idempotency-key", "once").json(&body).send().await;
        let answer = answer.expect(202);
        let job = ended(i, answer.header("location")).await;
        conforms(&api, &api["components"]["schemas"]["Job"], &job, "job");
        assert_eq!((&job["kind"], &job["state"]), (&json!("bulk"), &json!("done")));
        assert_eq!(job["bulk"]["filter"], body["filter"]);
        assert_eq!(job["bulk"]["summary"]["changed"], 11);
        assert!(job["summary"].is_null() && job["options"].is_null(), "those are an import's");
        // Sent again, it has happened already.
        let again = i.admin("POST", "/users/bulk").header("idempotency-key", "once").json(&body).send().await;
        assert_eq!(again.expect(202).header("location"), answer.header("location"));
        let found =
            i.admin("GET", "/users?total=true&filter=site%3DPorto%20and%20tags%3Dfloor%3A2").send().await;
        assert_eq!(found.expect(200).json()["total"], 11);
        let id = job["id"].as_str().unwrap();
        let undone = i.admin("POST", &format!("/jobs/{id}/undo")).send().await.expect(200).json();
        assert_eq!(undone["changes"], 11);
        let found = i.admin("GET", "/users?total=true&filter=department%3DSales").send().await.json();
        assert_eq!(found["total"], 0);
        // Whom it was looked at for are others now.
        i.admin("POST", "/users/bulk").json(&body).send().await.problem(409, "plan-changed");
    });
}

#[test]
fn every_mistake_of_a_bulk_change_is_said_with_its_place() {
    run(async |i| {
        i.user("1001", "Ana").await;
        i.user("1002", "Eva").await;
        let wrong =
            async |body: Value| i.admin("POST", "/users/bulk").json(&body).send().await.wrong_fields();
        let change = json!({ "set": { "department": "Sales" } });
        assert_eq!(wrong(json!({})).await, ["change"]);
        assert_eq!(wrong(json!({ "change": change })).await, ["filter"]);
        assert_eq!(
            wrong(json!({ "filter": "", "ids": ["x"], "expected_count": 0, "change": {
                "set": { "sms": "no", "shoe_size": 44, "site": "Nowhere" }, "add_tags": ["floor"],
                "activate": true, "deactivate": { "until": "tomorrow" }, "remvoe": true } }))
            .await,
            [
                "change.activate",
                "change.add_tags[0]",
                "change.deactivate.until",
                "change.remvoe",
                "change.set.shoe_size",
                "change.set.site",
                "change.set.sms",
                "expected_count",
                "ids",
                "ids[0]",
            ]
        );
        let asked =
            |filter: &str, change: Value| json!({ "filter": filter, "change": change, "dry_run": true });
        assert_eq!(wrong(asked("department=Sales and extensoin=1", change.clone())).await, ["filter"]);
        assert_eq!(wrong(asked("extension=1003", change.clone())).await, ["filter"]);
        assert_eq!(wrong(asked("", json!({}))).await, ["change"]);
        assert_eq!(wrong(asked("", json!({ "remove": true, "activate": true }))).await, ["remove"]);
        assert_eq!(wrong(asked("", json!({ "set": { "email": "a@b.example" } }))).await, ["email"]);
        assert_eq!(wrong(asked("", json!({ "set": { "record": "trashed" } }))).await, ["record"]);
        assert_eq!(wrong(json!({ "filter": "", "change": change })).await, ["plan"]);
        let nobody = json!({ "ids": ["01900000-0000-7000-8000-000000000001"], "change": change });
        assert_eq!(wrong(nobody).await, ["ids"]);
        let counted = json!({ "filter": "", "expected_count": 3, "change": change });
        let problem = i.admin("POST", "/users/bulk").json(&counted).send().await.problem(409, "not-allowed");
        assert_eq!(problem["detail"], "2 people are meant now, not 3: look at them again");
    });
}
