//! Switches that carry a warning: turned on by whoever acknowledged it, by its word.

use serde_json::{Value, json};

use crate::common::run;
use crate::imports::{Worker, counts, import};
use crate::records::{made, number};

#[test]
fn a_person_texts_once_there_is_a_sender_and_its_warning_was_acknowledged() {
    run(async |i| {
        let with = |more: Value| {
            let mut body = json!({ "display_name": "Ana", "extension": "1001", "sms": true });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let add = |body: Value| async move { i.admin("POST", "/users").json(&body).send().await };
        let refused = add(with(json!({ "acknowledge": ["hipaa_sms"] }))).await.problem(400, "invalid");
        assert_eq!(refused["errors"][0]["field"], "sms");
        assert!(refused["errors"][0]["reason"].as_str().unwrap().contains("sender"), "{refused}");
        let number = number(i).await;
        made(i, "sms-senders", &json!({ "name": "Texts", "number": number })).await;
        let refused = add(with(json!({}))).await.problem(400, "invalid");
        let error = &refused["errors"][0];
        assert!(error["reason"].as_str().unwrap().contains("HIPAA"), "{error}");
        assert!(error["mend"].as_str().unwrap().contains("hipaa_sms"), "{error}");
        let wrong = add(with(json!({ "acknowledge": ["hipaa"] }))).await.problem(400, "invalid");
        assert_eq!(wrong["errors"][0]["field"], "acknowledge");
        let ana = add(with(json!({ "acknowledge": ["hipaa_sms"] }))).await.expect(201).json();
        assert_eq!(ana["sms"], true);

        // What is on is not asked for again; what comes back was acknowledged then.
        let path = format!("/users/{}", ana["id"].as_str().unwrap());
        let change =
            async |body: Value| i.admin("PATCH", &path).header("if-match", "*").json(&body).send().await;
        change(json!({ "department": "Sales" })).await.expect(200);
        let off = change(json!({ "sms": false })).await.expect(200);
        change(json!({ "sms": true })).await.problem(400, "invalid");
        let undo = format!("/changes/{}/undo", off.header("muster-seq"));
        i.admin("POST", &undo).send().await.expect(200);
        assert_eq!(i.admin("GET", &path).send().await.expect(200).json()["sms"], true);
    });
}

#[test]
fn a_file_that_turns_on_what_carries_a_warning_is_asked_once_for_all_its_rows() {
    const CSV: &str = "username,display_name,extension,voice_file_addresses\n\
                       ana,Ana,1001,ana@example.com\nbo,Bo,1002,\ncy,Cy,1003,cy@example.com\n";
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let job = import(i, ours, "", CSV).await;
        assert_eq!(counts(&job), [1, 0, 0, 2], "{job}");
        let cause = &job["summary"]["causes"][0];
        assert_eq!((&cause["rows"], &cause["option"]), (&json!(2), &json!("acknowledge=hipaa_voice_mail")));
        let job = import(i, ours, "acknowledge=hipaa_voice_mail", CSV).await;
        assert_eq!(counts(&job), [3, 0, 0, 0], "{job}");
        assert_eq!(job["options"]["acknowledge"], json!(["hipaa_voice_mail"]));
        let other = "/imports?acknowledge=yes";
        let refused = i.admin("POST", other).text("text/csv", CSV).send().await;
        assert_eq!(refused.problem(400, "invalid")["errors"][0]["field"], "acknowledge");
    });
}
