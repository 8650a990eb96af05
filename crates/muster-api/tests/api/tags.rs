//! Tags: their number, and what becomes of them on the people who carry them.

use serde_json::{Value, json};

use crate::common::{Installation, run};

async fn tag(i: &Installation, name: &str) -> Value {
    i.admin("POST", "/tags").json(&json!({ "name": name })).send().await.expect(201).json()
}

async fn tags_of(i: &Installation, extension: &str) -> Value {
    let page =
        i.admin("GET", &format!("/users?filter=extension%3D{extension}")).send().await.expect(200).json();
    page["items"][0]["tags"].clone()
}

#[test]
fn a_tag_is_renamed_and_removed_on_everybody_and_one_undo_brings_it_back() {
    run(async |i| {
        for (extension, tags) in [
            ("1001", json!(["floor:1", "shift:early"])),
            ("1002", json!(["floor:2", "floor:1"])),
            ("1003", json!(["Floor:1"])),
        ] {
            let body = json!({ "display_name": "Ana", "extension": extension, "tags": tags });
            i.admin("POST", "/users").json(&body).send().await.expect(201);
        }
        let path = format!("/tags/{}", tag(i, "floor:1").await["id"].as_str().unwrap());
        let renamed = json!({ "name": "floor:2", "colour": "teal" });
        let answer = i.admin("PATCH", &path).header("if-match", "*").json(&renamed).send().await.expect(200);
        assert_eq!(answer.json()["name"], "floor:2");
        assert_eq!(tags_of(i, "1001").await, json!(["floor:2", "shift:early"]));
        assert_eq!(tags_of(i, "1002").await, json!(["floor:2"]), "once");
        assert_eq!(tags_of(i, "1003").await, json!(["Floor:1"]), "that is another tag");
        let seq = answer.header("muster-seq").to_string();
        let whole = json!({ "together": true });
        i.admin("POST", &format!("/changes/{seq}/undo")).json(&whole).send().await.expect(200);
        assert_eq!(tags_of(i, "1001").await, json!(["floor:1", "shift:early"]));
        assert_eq!(tags_of(i, "1002").await, json!(["floor:2", "floor:1"]));
        // Another colour is nothing to those who carry it.
        let before =
            i.admin("GET", "/users?filter=version%3E1&total=true").send().await.json()["total"].clone();
        i.admin("PATCH", &path)
            .header("if-match", "*")
            .json(&json!({ "colour": "red" }))
            .send()
            .await
            .expect(200);
        let after =
            i.admin("GET", "/users?filter=version%3E1&total=true").send().await.json()["total"].clone();
        assert_eq!(before, after);
        let gone = i.admin("DELETE", &path).send().await.expect(204);
        assert_eq!(tags_of(i, "1001").await, json!(["shift:early"]));
        assert_eq!(tags_of(i, "1002").await, json!(["floor:2"]));
        let seq = gone.header("muster-seq").to_string();
        i.admin("POST", &format!("/changes/{seq}/undo")).json(&whole).send().await.expect(200);
        assert_eq!(tags_of(i, "1002").await, json!(["floor:2", "floor:1"]));
        i.admin("GET", &path).send().await.expect(200);
    });
}

#[test]
fn an_organization_has_at_most_twenty_tags_and_a_person_more() {
    run(async |i| {
        for at in 0..20 {
            tag(i, &format!("k:{at}")).await;
        }
        let more = i.admin("POST", "/tags").json(&json!({ "name": "k:20" })).send().await;
        let said = more.problem(409, "not-allowed");
        assert!(said["detail"].as_str().unwrap().contains("at most 20"), "{said}");
        let many: Vec<String> = (0..30).map(|at| format!("k:{at}")).collect();
        let body = json!({ "display_name": "Ana", "extension": "1001", "tags": many });
        i.admin("POST", "/users").json(&body).send().await.expect(201);
    });
}

#[test]
fn the_next_free_extension_is_nobodys_and_no_emergency_number() {
    run(async |i| {
        let free = async |query: &str| {
            let answer =
                i.admin("GET", &format!("/extensions/next-free{query}")).send().await.expect(200).json();
            answer["extension"].as_str().unwrap().to_string()
        };
        assert_eq!(free("").await, "1001");
        for extension in ["1001", "1002", "1004"] {
            i.user(extension, "Ana").await;
        }
        let group = json!({ "name": "Support", "extension": "1003" });
        i.admin("POST", "/groups").json(&group).send().await.expect(201);
        assert_eq!(free("").await, "1005", "a group has one of them");
        assert_eq!(free("?from=1000").await, "1000");
        assert_eq!(free("?from=1002&connection=Built-in").await, "1005");
        assert_eq!(free("?from=110").await, "114", "110 to 113 are for help");
        assert_eq!(free("?from=0099").await, "0099", "with its zeros");
        i.user("9999", "Eva").await;
        let wrong = async |query: &str| {
            i.admin("GET", &format!("/extensions/next-free{query}")).send().await.wrong_fields()
        };
        assert_eq!(wrong("?from=9999").await, ["from"]);
        assert_eq!(wrong("?from=abc").await, ["from"]);
        i.admin("GET", "/extensions/next-free?connection=Nowhere").send().await.problem(404, "not-found");
        let gone = i.admin("GET", "/users?filter=extension%3D1001").send().await.json();
        let id = gone["items"][0]["id"].as_str().unwrap().to_string();
        i.admin("DELETE", &format!("/users/{id}")).send().await.expect(204);
        assert_eq!(free("").await, "1001", "whoever is removed gives it up");
    });
}
