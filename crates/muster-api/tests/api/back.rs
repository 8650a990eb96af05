//! Looking at what was, and going back to it.

use serde_json::{Value, json};

use crate::common::{Installation, run};

/// The names of a list, in its order.
async fn names(i: &Installation, path: &str) -> Vec<String> {
    let page = i.admin("GET", path).send().await.expect(200).json();
    let items = page["items"].as_array().unwrap().clone();
    let name = |item: &Value| item["display_name"].as_str().or(item["name"].as_str()).unwrap().to_string();
    items.iter().map(name).collect()
}

async fn head(i: &Installation) -> u64 {
    let page = i.admin("GET", "/changes?limit=1000").send().await.json();
    page["items"].as_array().unwrap().last().unwrap()["seq"].as_u64().unwrap()
}

async fn edit(i: &Installation, user: &Value, body: &Value) {
    let path = format!("/users/{}", user["id"].as_str().unwrap());
    i.admin("PATCH", &path).header("if-match", "*").json(body).send().await.expect(200);
}

#[test]
fn lists_and_single_people_are_told_as_they_were() {
    run(async |i| {
        let ana = i.user("1001", "Ana").await;
        let rui = i.user("1002", "Rui").await;
        let then = head(i).await;
        edit(i, &ana, &json!({ "display_name": "Zoe", "extension": "1009" })).await;
        i.admin("DELETE", &format!("/users/{}", rui["id"].as_str().unwrap())).send().await.expect(204);
        i.user("1002", "Eva").await;
        assert_eq!(names(i, "/users?sort=display_name").await, ["Eva", "Zoe"]);
        let was = format!("as_of={then}");
        assert_eq!(names(i, &format!("/users?sort=-display_name&{was}")).await, ["Rui", "Ana"]);
        assert_eq!(names(i, &format!("/users?filter=extension%3D1002&{was}")).await, ["Rui"]);
        assert_eq!(names(i, &format!("/users?who=1001&{was}")).await, ["Ana"]);
        assert_eq!(names(i, &format!("/users?who=1009&{was}")).await, Vec::<String>::new());
        assert_eq!(names(i, &format!("/users?filter=display_name~a&sort=display_name&{was}")).await, ["Ana"]);
        assert_eq!(names(i, &format!("/extensions?{was}")).await, ["Ana", "Rui"]);
        assert_eq!(names(i, &format!("/contacts?sort=extension&{was}")).await, ["Ana", "Rui"]);
        assert_eq!(names(i, &format!("/mailboxes?sort=name&{was}")).await.len(), 2);
        let first =
            i.admin("GET", &format!("/users?limit=1&total=true&sort=extension&{was}")).send().await.json();
        assert_eq!(first["total"], 2, "{first}");
        assert_eq!(first["as_of"], json!({ "seq": then, "erased": 0 }));
        let next = first["next_cursor"].as_str().unwrap();
        let next = format!("/users?limit=1&sort=extension&{was}&cursor={next}");
        assert_eq!(names(i, &next).await, ["Rui"]);
        let one = format!("/users/{}?{was}", ana["id"].as_str().unwrap());
        assert_eq!(i.admin("GET", &one).send().await.expect(200).json(), ana);
        let file = i.admin("GET", &format!("/export.csv?{was}")).send().await.expect(200).text;
        assert!(file.contains("Rui") && file.contains("1001") && !file.contains("Eva"), "{file}");
    });
}

#[test]
fn a_moment_that_never_was_is_said_with_what_to_give_instead() {
    run(async |i| {
        let check = async |as_of: &str, reason: &str, mend: &str| {
            let path = format!("/users?as_of={as_of}");
            let problem = i.admin("GET", &path).send().await.problem(400, "invalid");
            let said = problem["errors"][0].to_string();
            assert!(said.contains(reason) && said.contains(mend), "{as_of}: {said}");
        };
        check("2999-01-01T00:00:00Z", "is in the future", "it is 20").await;
        check("1999-01-01T00:00:00Z", "is before the organization was made", "give a time after 20").await;
        check("0", "is not the number of a change", "from 1 to ").await;
        check("999999", "is not the number of a change", "or a time").await;
        check("yesterday", "is neither a time nor", "2026-01-31T09:30:00Z").await;
    });
}

async fn restore(i: &Installation, body: Value) -> Value {
    i.admin("POST", "/restores").json(&body).send().await.expect(200).json()
}

#[test]
fn all_people_go_back_to_a_moment_as_was_reviewed_and_forward_again_by_undo() {
    run(async |i| {
        let ana = i.user("1001", "Ana").await;
        let rui = i.user("1002", "Rui").await;
        let then = head(i).await;
        edit(i, &ana, &json!({ "display_name": "Zoe", "extension": "1009" })).await;
        // Each has what the other had: neither can go back before the other does.
        edit(i, &rui, &json!({ "extension": "1001" })).await;
        edit(i, &ana, &json!({ "extension": "1002" })).await;
        i.user("1003", "Eva").await;
        let before = names(i, "/users?sort=extension").await;
        assert_eq!(before, ["Rui", "Zoe", "Eva"]);
        let order = json!({ "what": "people", "to": then.to_string() });
        let with = |more: Value| {
            let mut body = order.clone();
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let review = restore(i, with(json!({ "review": true }))).await["review"].clone();
        assert_eq!(review["people"], json!({ "changed": 2, "removed": 1, "brought_back": 0 }), "{review}");
        assert_eq!(review["things"], json!({ "changed": 0, "removed": 1, "brought_back": 0 }), "{review}");
        assert_eq!(review["obstacles"], json!([]));
        assert_eq!(review["notes"], json!([]), "nobody has a phone");
        assert_eq!(review["items"][0]["name"], "Zoe (extension 1002)");
        let fields = review["items"][0]["fields"].as_array().unwrap();
        assert!(
            fields.iter().any(|f| *f == json!({ "field": "display_name", "before": "Zoe", "after": "Ana" }))
        );
        assert_eq!(names(i, "/users?sort=extension").await, before, "a review changes nothing");
        // Somebody is quicker.
        edit(i, &rui, &json!({ "title": "Boss" })).await;
        let plan = review["plan"].as_str().unwrap();
        let stale = i.admin("POST", "/restores").json(&with(json!({ "plan": plan }))).send().await;
        stale.problem(409, "plan-changed");
        let review = restore(i, with(json!({ "review": true }))).await["review"].clone();
        let with_plan = with(json!({ "plan": review["plan"] }));
        let call = async || {
            let call = i.admin("POST", "/restores").header("idempotency-key", "once").json(&with_plan);
            call.send().await.expect(200)
        };
        let done = call().await;
        assert_eq!(done.json()["done"]["changes"], 4, "{}", done.text);
        let again = call().await;
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.json()["done"]["changes"], 4);
        assert_eq!(names(i, "/users?sort=extension").await, ["Ana", "Rui"]);
        let lines = i.admin("GET", "/changes?limit=1000").send().await.json();
        let kinds = lines["items"].as_array().unwrap().iter().rev().take(4);
        let mut kinds: Vec<_> = kinds.map(|line| line["kind"].as_str().unwrap().to_string()).collect();
        kinds.sort();
        assert_eq!(kinds, ["mailbox.taken_away", "user.set_back", "user.set_back", "user.taken_away"]);
        let seq = done.json()["done"]["seq"].as_u64().unwrap();
        i.admin("POST", &format!("/changes/{seq}/undo")).send().await.expect(200);
        assert_eq!(names(i, "/users?sort=extension").await, before);
        // And there again: an undo is taken back as any change is.
        let seq = head(i).await;
        i.admin("POST", &format!("/changes/{seq}/undo")).send().await.expect(200);
        assert_eq!(names(i, "/users?sort=extension").await, ["Ana", "Rui"]);
        assert_eq!(i.admin("GET", "/changes/verify").send().await.json()["intact"], true);
    });
}

#[test]
fn what_is_in_the_way_of_one_persons_return_is_named_and_nothing_is_done() {
    run(async |i| {
        let ana = i.user("1001", "Ana").await;
        let then = head(i).await;
        edit(i, &ana, &json!({ "extension": "1009" })).await;
        let eva = json!({ "display_name": "Eva", "extension": "1001", "username": "eva" });
        i.admin("POST", "/users").json(&eva).send().await.expect(201);
        let body = json!({ "what": "person", "id": ana["id"], "to": then.to_string() });
        let mut asked = body.clone();
        asked["review"] = json!(true);
        let review = restore(i, asked).await["review"].clone();
        let said = review["obstacles"][0].to_string();
        assert!(
            said.contains("1001 of Ana (extension 1001) is taken by Eva (extension 1001) since"),
            "{said}"
        );
        let mut go = body.clone();
        go["plan"] = review["plan"].clone();
        let refused = i.admin("POST", "/restores").json(&go).send().await.problem(409, "in-the-way");
        assert!(refused["errors"][0]["reason"].as_str().unwrap().contains("Eva"), "{refused}");
        i.admin("POST", "/restores").json(&body).send().await.problem(400, "invalid");
        assert_eq!(names(i, "/users?sort=extension").await, ["Eva", "Ana"]);
    });
}

#[test]
fn a_moment_amid_what_was_done_together_is_refused_with_those_beside_it() {
    run(async |i| {
        // The person, and then their mailbox.
        i.user("1001", "Ana").await;
        let last = head(i).await;
        let body = json!({ "what": "people", "to": (last - 1).to_string(), "review": true });
        let problem = i.admin("POST", "/restores").json(&body).send().await.problem(400, "invalid");
        let said = problem["errors"][0].to_string();
        assert!(said.contains(&format!("give {} (before them) or {last}", last - 2)), "{said}");
    });
}

#[test]
fn a_plan_is_stale_once_the_password_was_reset_and_an_old_one_that_comes_back_is_told() {
    run(async |i| {
        let ana = i.user("1001", "Ana").await;
        let path = format!("/users/{}/credentials", ana["id"].as_str().unwrap());
        let reset = async || i.admin("POST", &path).send().await.expect(200).json();
        reset().await;
        let then = head(i).await;
        let review = async || {
            let body = json!({ "what": "person", "id": ana["id"], "to": then.to_string(), "review": true });
            restore(i, body).await["review"].clone()
        };
        let go = async |plan: &Value| {
            let body = json!({ "what": "person", "id": ana["id"], "to": then.to_string(), "plan": plan });
            i.admin("POST", "/restores").json(&body).send().await
        };
        edit(i, &ana, &json!({ "title": "Boss" })).await;
        let before_any = review().await;
        assert_eq!(before_any["notes"], json!([]));
        reset().await;
        go(&before_any["plan"]).await.problem(409, "plan-changed");
        let before_second = review().await;
        // The old one had leaked, and so has the next.
        reset().await;
        go(&before_second["plan"]).await.problem(409, "plan-changed");
        let last = review().await;
        assert!(last["plan"] != before_second["plan"], "{last}");
        let old = "the SIP password that was valid then is valid again: whoever knows it can register";
        let notes = last["notes"].as_array().unwrap();
        assert!(notes.contains(&json!({ "text": old, "count": 1 })), "{last}");
        let said = go(&last["plan"]).await.expect(200).json();
        assert!(said["done"]["notes"].as_array().unwrap().contains(&json!(old)), "{said}");
        reset().await;
        let seq = head(i).await;
        let undone = i.admin("POST", &format!("/changes/{seq}/undo")).send().await.expect(200).json();
        assert!(undone["notes"].as_array().unwrap().contains(&json!(old)), "{undone}");
    });
}

#[test]
fn an_organization_that_reads_what_was_over_and_over_keeps_no_other_from_it() {
    run(async |i| {
        i.user("1001", "Ana").await;
        let then = head(i).await.to_string();
        let was = "/users?as_of=1&limit=1000&sort=-display_name";
        let ask = || async { i.admin("GET", was).send().await };
        let review = json!({ "what": "people", "to": then, "review": true });
        let others = "/api/v1/organizations/other/users?as_of=1";
        let (a, b, c, d, e, f, g, h, stranger) = tokio::join!(
            ask(),
            ask(),
            ask(),
            ask(),
            ask(),
            ask(),
            i.admin("POST", "/restores").json(&review).send(),
            i.admin("GET", "/export.csv?as_of=1").send(),
            i.call("GET", others).by(&i.stranger).send(),
        );
        stranger.expect(200);
        let (done, refused): (Vec<_>, Vec<_>) =
            [a, b, c, d, e, f, g, h].into_iter().partition(|answer| answer.status.as_u16() == 200);
        assert!(done.len() >= 2 && !refused.is_empty(), "{} done", done.len());
        for answer in refused {
            assert_eq!(answer.header("retry-after"), "1");
            let said = answer.problem(503, "busy");
            assert!(said["detail"].as_str().unwrap().contains("reading what was"), "{said}");
        }
        // All shares came back.
        for _ in 0..3 {
            ask().await.expect(200);
        }
        i.admin("POST", "/restores").json(&review).send().await.expect(200);
    });
}
