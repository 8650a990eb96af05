//! Roles: an organization's own, giving them, taking them away, and what nobody may do with them.

use serde_json::{Value, json};

use crate::common::{Answer, Installation, run};
use crate::imports::{self, Worker, listed};

/// Makes a role as a copy of another.
pub async fn own(i: &Installation, name: &str, from: &str) -> Value {
    let body = json!({ "name": name, "copied_from": from });
    i.admin("POST", "/roles").json(&body).send().await.expect(201).json()
}

async fn person(i: &Installation, username: &str, roles: &[&str], site: &str) -> String {
    let body = json!({ "display_name": username, "username": username, "roles": roles, "site": site });
    let made = i.admin("POST", "/users").json(&body).send().await.expect(201).json();
    made["id"].as_str().unwrap().to_string()
}

async fn roles_of(i: &Installation, who: &str) -> Vec<String> {
    let page = i.admin("GET", &format!("/users?who={who}")).send().await.json();
    page["items"][0]["roles"].as_array().unwrap().iter().map(|r| r.as_str().unwrap().to_string()).collect()
}

async fn site(i: &Installation, name: &str) -> String {
    let made = i.admin("POST", "/sites").json(&json!({ "name": name })).send().await.expect(201).json();
    made["id"].as_str().unwrap().to_string()
}

/// A request about acme by a token.
async fn by(i: &Installation, token: &str, method: &str, path: &str, body: Value) -> Answer {
    let path = format!("/api/v1/organizations/acme{path}");
    i.call(method, &path).by(token).header("if-match", "*").json(&body).send().await
}

async fn undo(i: &Installation, seq: &Value) {
    let path = format!("/changes/{seq}/undo");
    i.admin("POST", &path).json(&json!({ "together": true })).send().await.expect(200);
}

#[test]
fn an_own_role_begins_as_a_copy_and_says_how_it_differs() {
    run(async |i| {
        let body = json!({ "name": "Night desk", "copied_from": "user_manager",
            "permissions": ["people.read", "people.edit", "records.edit"], "description": "Nights" });
        let made = i.admin("POST", "/roles").json(&body).send().await.expect(201);
        assert!(made.header("location").contains("/roles/"), "{:?}", made.headers);
        let made = made.json();
        assert_eq!(made["copied_from"], "user_manager");
        assert_eq!(made["more"], json!(["records.edit"]));
        assert!(made["less"].as_array().unwrap().contains(&json!("people.remove")), "{made}");
        let all = i.admin("GET", "/roles").send().await.expect(200).json();
        let names = listed(&all["items"], &["name", "built_in"]);
        assert_eq!(names.len(), 8, "{names:?}");
        assert_eq!(names[0], "administrator true");
        assert_eq!(names[7], "Night desk false");
        for name in ["Night%20desk", "night%20desk", made["id"].as_str().unwrap()] {
            let shown = i.admin("GET", &format!("/roles/{name}")).send().await.expect(200);
            assert_eq!(shown.header("etag"), "\"1\"");
            assert_eq!(shown.json(), made, "{name}");
        }
        for (change, field) in [
            (json!({ "name": "Day desk" }), "name"),
            (json!({ "permissions": ["people.fly"] }), "permissions"),
            (json!({ "permissions": ["organizations"] }), "permissions"),
        ] {
            let wrong = by(i, &i.administrator, "PATCH", "/roles/Night%20desk", change).await;
            assert_eq!(wrong.wrong_fields(), [field]);
        }
        for name in ["Administrator", "user manager", "a@b", "a,b"] {
            let body = json!({ "name": name, "copied_from": "reader" });
            assert_eq!(i.admin("POST", "/roles").json(&body).send().await.wrong_fields(), ["name"], "{name}");
        }
        let again = json!({ "name": "NIGHT DESK", "copied_from": "reader" });
        i.admin("POST", "/roles").json(&again).send().await.problem(409, "taken");
        for method in ["PATCH", "DELETE"] {
            let answer = by(i, &i.administrator, method, "/roles/reader", json!({})).await;
            let problem = answer.problem(409, "not-allowed");
            assert!(problem["detail"].as_str().unwrap().contains("copy it"), "{problem}");
        }
    });
}

#[test]
fn people_hold_roles_by_their_names_and_what_is_no_role_is_refused() {
    run(async |i| {
        let leeds = site(i, "Leeds").await;
        own(i, "Night desk", "reader").await;
        let ana = person(i, "ana", &["User manager", "night DESK@leeds", "user manager"], "Main").await;
        assert_eq!(roles_of(i, "ana").await, ["user_manager", &format!("Night desk@{leeds}")]);
        for (roles, why) in [
            (json!(["boss"]), "no role"),
            (json!(["operator"]), "no role"),
            (json!(["reader@York"]), "no site"),
        ] {
            let path = format!("/users/{ana}");
            let answer = by(i, &i.administrator, "PATCH", &path, json!({ "roles": roles })).await;
            let problem = answer.problem(400, "invalid");
            assert_eq!(problem["errors"][0]["field"], "roles", "{problem}");
            assert!(problem["errors"][0]["reason"].as_str().unwrap().contains(why), "{problem}");
        }
        let held = i.admin("GET", "/roles/Night%20desk/holders").send().await.expect(200).json();
        assert_eq!(held["items"][0]["username"], "ana");
        assert_eq!(held["items"][0]["sites"], json!([leeds]));
        let shown = i.admin("GET", "/roles/user_manager").send().await.json();
        assert_eq!((&shown["people"], &shown["tokens"]), (&json!(1), &json!(0)));
        // The site is held on to.
        i.admin("DELETE", &format!("/sites/{leeds}")).send().await.problem(409, "in-use");
    });
}

#[test]
fn a_role_that_somebody_holds_goes_only_with_another_in_its_place_and_comes_back_as_one() {
    run(async |i| {
        let leeds = site(i, "Leeds").await;
        own(i, "Night desk", "user_manager").await;
        person(i, "ana", &["Night desk"], "Main").await;
        person(i, "eva", &["user", "Night desk@Leeds"], "Main").await;
        let ida = person(i, "ida", &["Night desk"], "Main").await;
        i.admin("DELETE", &format!("/users/{ida}")).send().await.expect(204);
        let token = i.token("acme", "Night desk").await;
        let refused = i.admin("DELETE", "/roles/Night%20desk").send().await;
        assert_eq!(refused.wrong_fields(), ["replacement"]);
        for wrong in ["boss", "Night%20desk", "reader@Leeds"] {
            let answer = i.admin("DELETE", &format!("/roles/Night%20desk?replacement={wrong}")).send().await;
            assert_eq!(answer.wrong_fields(), ["replacement"], "{wrong}");
        }
        let gone =
            i.admin("DELETE", "/roles/Night%20desk?replacement=reader").send().await.expect(200).json();
        assert_eq!((&gone["people"], &gone["tokens"]), (&json!(3), &json!(1)), "{gone}");
        assert_eq!(roles_of(i, "ana").await, ["reader"]);
        assert_eq!(roles_of(i, "eva").await, ["user".to_string(), format!("reader@{leeds}")]);
        i.admin("GET", "/roles/Night%20desk").send().await.problem(404, "not-found");
        by(i, &token, "POST", "/users/activate", json!({ "users": ["ana"] }))
            .await
            .problem(403, "not-permitted");
        // One change of the set takes all of it back, also without asking for that.
        i.admin("POST", &format!("/changes/{}/undo", gone["seq"])).send().await.expect(200);
        assert_eq!(roles_of(i, "ana").await, ["Night desk"]);
        assert_eq!(roles_of(i, "eva").await, ["user".to_string(), format!("Night desk@{leeds}")]);
        by(i, &token, "GET", "/users", json!({})).await.expect(200);
        let verified = i.admin("GET", "/changes/verify").send().await.expect(200).json();
        assert_eq!(verified["intact"], true, "{verified}");
    });
}

#[test]
fn roles_are_given_to_many_by_name_and_by_filter_and_taken_back_as_one() {
    run(async |i| {
        for who in ["ana", "eva", "ida"] {
            person(i, who, &["user"], "Main").await;
        }
        let body = json!({ "users": ["ana", "eva"], "add": ["reader"] });
        let done = i.admin("POST", "/roles/assign").json(&body).send().await.expect(200).json();
        assert_eq!((&done["people"], &done["changed"]), (&json!(2), &json!(2)));
        assert_eq!(roles_of(i, "ana").await, ["user", "reader"]);
        let body = json!({ "filter": "display_name~a", "roles": ["user", "billing"] });
        let all = i.admin("POST", "/roles/assign").json(&body).send().await.expect(200).json();
        assert_eq!((&all["people"], &all["changed"]), (&json!(3), &json!(3)));
        assert_eq!(roles_of(i, "ida").await, ["user", "billing"]);
        let body = json!({ "filter": "username=ida", "remove": ["billing"] });
        i.admin("POST", "/roles/assign").json(&body).send().await.expect(200);
        assert_eq!(roles_of(i, "ida").await, ["user"]);
        for (body, field) in [
            (json!({ "users": ["ana"] }), "roles"),
            (json!({ "users": ["ana"], "add": ["boss"] }), "add"),
            (json!({ "users": ["ana"], "filter": "username=eva", "add": ["reader"] }), "users"),
            (json!({ "add": ["reader"] }), "users"),
        ] {
            let wrong = i.admin("POST", "/roles/assign").json(&body).send().await.wrong_fields();
            assert_eq!(wrong, [field], "{body}");
        }
        let body = json!({ "users": ["ida"], "add": ["billing"] });
        i.admin("POST", "/roles/assign").json(&body).send().await.expect(200);
        undo(i, &all["seq"]).await;
        assert_eq!(roles_of(i, "ida").await, ["user"], "what was done since of her is hers");
    });
}

#[test]
fn nobody_gives_more_than_they_hold_in_any_way() {
    run(async |i| {
        let ana = person(i, "ana", &["user"], "Main").await;
        let body = json!({ "name": "Roles desk", "copied_from": "user_manager",
            "permissions": ["roles.edit", "roles.assign", "tokens.edit", "people.create", "people.edit",
                "changes.undo"] });
        i.admin("POST", "/roles").json(&body).send().await.expect(201);
        let token = i.token("acme", "Roles desk").await;
        own(i, "All but little", "administrator").await;
        own(i, "Small", "user").await;
        for (method, path, body) in [
            ("POST", "/roles".to_string(), json!({ "name": "Mine", "copied_from": "administrator" })),
            (
                "POST",
                "/roles".into(),
                json!({ "name": "Mine", "copied_from": "user", "permissions": ["billing.buy"] }),
            ),
            ("PATCH", "/roles/Small".into(), json!({ "permissions": ["billing.buy"] })),
            ("PATCH", "/roles/All%20but%20little".into(), json!({ "permissions": ["people.read"] })),
            ("DELETE", "/roles/All%20but%20little".into(), json!({})),
            ("POST", "/roles/assign".into(), json!({ "users": ["ana"], "add": ["billing"] })),
            ("POST", "/roles/assign".into(), json!({ "users": ["ana"], "add": ["administrator@Main"] })),
            ("PATCH", format!("/users/{ana}"), json!({ "roles": ["administrator"] })),
            (
                "POST",
                "/users".into(),
                json!({ "display_name": "B", "username": "b", "roles": ["administrator"] }),
            ),
            ("POST", "/tokens".into(), json!({ "name": "T", "role": "administrator" })),
            ("POST", "/tokens".into(), json!({ "name": "T", "role": "All but little" })),
        ] {
            let problem = by(i, &token, method, &path, body.clone()).await.problem(403, "not-permitted");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("which you do not hold"), "{method} {path} {body}: {detail}");
        }
        let give = json!({ "users": ["ana"], "add": ["Roles desk@Main"] });
        by(i, &token, "POST", "/roles/assign", give).await.expect(200);
        // Nor by taking something back.
        let admin = json!({ "users": ["ana"], "roles": ["billing"] });
        i.admin("POST", "/roles/assign").json(&admin).send().await.expect(200);
        let strip = json!({ "users": ["ana"], "roles": ["user"] });
        let seq =
            i.admin("POST", "/roles/assign").json(&strip).send().await.expect(200).json()["seq"].clone();
        let path = format!("/changes/{seq}/undo");
        by(i, &token, "POST", &path, json!({ "together": true })).await.problem(403, "not-permitted");
        assert_eq!(roles_of(i, "ana").await, ["user"]);
    });
}

#[test]
fn nobody_takes_the_place_of_somebody_who_holds_more() {
    run(async |i| {
        let boss = person(i, "boss", &["administrator"], "Main").await;
        let other = person(i, "other", &["administrator"], "Main").await;
        let ana = person(i, "ana", &["user"], "Main").await;
        let token = i.token("acme", "user_manager").await;
        for (method, tail, body) in [
            ("POST", "/credentials", json!({})),
            ("POST", "/credentials", json!({ "device": "desk" })),
            ("PATCH", "", json!({ "email": "mine@example.com" })),
            ("PATCH", "", json!({ "roles": ["user"] })),
            ("DELETE", "", json!({})),
        ] {
            let path = format!("/users/{boss}{tail}");
            let problem = by(i, &token, method, &path, body.clone()).await;
            if body.get("device").is_some() {
                // A device of their own is not them.
                problem.expect(200);
                continue;
            }
            let problem = problem.problem(403, "not-permitted");
            assert!(problem["detail"].as_str().unwrap().contains("somebody who holds"), "{problem}");
        }
        let all = json!({ "users": [ana, boss, other], "reason": "leave" });
        by(i, &token, "POST", "/users/deactivate", all).await.problem(403, "not-permitted");
        by(i, &token, "PATCH", &format!("/users/{boss}"), json!({ "title": "Head" })).await.expect(200);
        by(i, &token, "POST", &format!("/users/{ana}/credentials"), json!({})).await.expect(200);
    });
}

#[test]
fn whoever_looks_after_a_site_neither_moves_people_in_nor_out_nor_gives_what_is_beyond_it() {
    run(async |i| {
        let (here, there) = (site(i, "Here").await, site(i, "There").await);
        let ana = person(i, "ana", &["user"], "Here").await;
        let eva = person(i, "eva", &["user"], "There").await;
        let token = i.token("acme", "user_manager@Here").await;
        let added = json!({ "display_name": "Rui", "username": "rui" });
        let rui = by(i, &token, "POST", "/users", added).await.expect(201).json();
        assert_eq!(rui["site"], here, "the first site that is theirs");
        for (method, path, body, status) in [
            ("PATCH", format!("/users/{ana}"), json!({ "site": there }), 403),
            ("PATCH", format!("/users/{eva}"), json!({ "site": here }), 404),
            (
                "POST",
                "/users".into(),
                json!({ "display_name": "Zoe", "username": "zoe", "site": there }),
                403,
            ),
            ("POST", "/users/activate".into(), json!({ "users": [eva] }), 400),
            ("POST", "/roles/assign".into(), json!({ "users": ["ana"], "add": ["user_manager"] }), 403),
            ("POST", "/roles/assign".into(), json!({ "users": ["ana"], "add": ["user_manager@There"] }), 403),
            ("POST", "/roles/assign".into(), json!({ "users": ["ana"], "add": ["user_manager@Here"] }), 200),
            ("POST", "/sites".into(), json!({ "name": "New" }), 403),
            ("POST", "/tokens".into(), json!({ "name": "T", "role": "user@Here" }), 403),
        ] {
            let answer = by(i, &token, method, &path, body.clone()).await;
            assert_eq!(answer.status.as_u16(), status, "{method} {path} {body}: {}", answer.text);
        }
        // By a filter only those are meant who are theirs.
        let body = json!({ "filter": "record=live", "add": ["user_manager@Here"] });
        let done = by(i, &token, "POST", "/roles/assign", body).await.expect(200).json();
        assert_eq!((&done["people"], &done["changed"]), (&json!(2), &json!(1)), "{done}");
        assert_eq!(roles_of(i, "eva").await, ["user"]);
    });
}

#[test]
fn the_last_who_may_administer_stays_one() {
    run(async |i| {
        let boss = person(i, "boss", &["administrator"], "Main").await;
        let path = format!("/users/{boss}");
        i.admin("POST", "/users/activate")
            .json(&json!({ "users": ["boss"] }))
            .send()
            .await
            .problem(400, "invalid");
        by(i, &i.administrator, "PATCH", &path, json!({ "extension": "1001" })).await.expect(200);
        i.admin("POST", "/users/activate").json(&json!({ "users": ["boss"] })).send().await.expect(200);
        let attempts = [
            ("DELETE", path.clone(), json!({})),
            ("PATCH", path.clone(), json!({ "roles": ["user"] })),
            ("PATCH", path.clone(), json!({ "roles": ["administrator@Main"] })),
            ("POST", "/users/deactivate".into(), json!({ "users": ["boss"] })),
            ("POST", "/users/deactivate".into(), json!({ "users": ["boss"], "reason": "leave" })),
            ("POST", "/roles/assign".into(), json!({ "filter": "record=live", "roles": ["user"] })),
        ];
        for (method, path, body) in &attempts {
            let problem =
                by(i, &i.administrator, method, path, body.clone()).await.problem(409, "not-allowed");
            assert!(problem["detail"].as_str().unwrap().contains("last user"), "{method} {path}: {problem}");
        }
        // An own role that holds as much counts too, and is no more cut down then.
        own(i, "Chief", "administrator").await;
        let body = json!({ "display_name": "Ida", "username": "ida", "extension": "1002", "roles": ["Chief"],
            "activated": true });
        i.admin("POST", "/users").json(&body).send().await.expect(201);
        i.admin("DELETE", &path).send().await.expect(204);
        let cut = json!({ "permissions": ["people.read"] });
        by(i, &i.administrator, "PATCH", "/roles/Chief", cut).await.problem(409, "not-allowed");
        i.admin("DELETE", "/roles/Chief?replacement=reader").send().await.problem(409, "not-allowed");
        i.admin("DELETE", "/roles/Chief?replacement=administrator").send().await.expect(200);
        assert_eq!(roles_of(i, "ida").await, ["administrator"]);
    });
}

#[test]
fn two_administrators_cannot_remove_each_other_at_once() {
    run(async |i| {
        let mut paths = Vec::new();
        for (n, who) in ["ana", "eva"].into_iter().enumerate() {
            let body = json!({ "display_name": who, "username": who, "extension": format!("100{n}"),
                "roles": ["administrator"], "activated": true });
            let made = i.admin("POST", "/users").json(&body).send().await.expect(201).json();
            paths.push(format!("/users/{}", made["id"].as_str().unwrap()));
        }
        let remove = |path: &str| i.admin("DELETE", path).send();
        let (first, second) = tokio::join!(remove(&paths[0]), remove(&paths[1]));
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409], "{} {}", first.text, second.text);
    });
}

#[test]
fn a_file_gives_roles_that_there_are_as_far_as_whoever_imports_holds_them() {
    run(async |i| {
        site(i, "Here").await;
        site(i, "There").await;
        own(i, "Night desk", "reader").await;
        let _worker = Worker::start(i);
        let file = "display_name,extension,username,roles,site\nAna,1001,ana,\"user, night desk@Here\",Here\n\
                    Eva,1002,eva,boss,Here\n";
        let job = imports::import(i, ("acme", &i.administrator), "", file).await;
        assert_eq!(job["state"], "failed", "{job}");
        let problem = &job["summary"]["problems"][0];
        assert_eq!((&problem["column"], &problem["row"]), (&json!("roles"), &json!(2)), "{problem}");
        assert!(problem["reason"].as_str().unwrap().contains("no role"), "{problem}");
        let job = imports::import(i, ("acme", &i.administrator), "good_rows_only=true", file).await;
        assert_eq!(job["state"], "done", "{job}");
        let out = i.admin("GET", "/export.csv").send().await.expect(200).text;
        assert!(out.contains("Night desk@Here"), "{out}");
        // What was written is read again.
        let job = imports::import(i, ("acme", &i.administrator), "match=username", &out).await;
        assert_eq!(imports::counts(&job), [0, 0, 1, 0], "{job}");
        let token = i.token("acme", "user_manager@Here").await;
        let file = "display_name,extension,username,roles,site\nRui,1003,rui,user,Here\nZoe,1004,zoe,user,There\n\
                    Mia,1005,mia,administrator,Here\n";
        let job = imports::import(i, ("acme", &token), "", file).await;
        assert_eq!(imports::counts(&job)[3], 2, "{job}");
        let said = listed(&job["summary"]["problems"], &["row", "column"]);
        assert_eq!(said, ["2 site", "3 roles"], "{job}");
        let job = imports::import(i, ("acme", &token), "good_rows_only=true", file).await;
        assert_eq!((&job["state"], imports::counts(&job)[0]), (&json!("done"), 1), "{job}");
        // Of the jobs they see their own.
        let jobs = by(i, &token, "GET", "/jobs", json!({})).await.expect(200).json();
        assert_eq!(jobs["items"].as_array().unwrap().len(), 2, "{jobs}");
    });
}

#[test]
fn a_token_with_an_own_role_follows_it_and_loses_nothing_else() {
    run(async |i| {
        own(i, "Wallboard", "reader").await;
        let token = i.token("acme", "Wallboard").await;
        by(i, &token, "GET", "/changes", json!({})).await.expect(200);
        let less = json!({ "permissions": ["contacts.read"] });
        by(i, &i.administrator, "PATCH", "/roles/Wallboard", less).await.expect(200);
        by(i, &token, "GET", "/changes", json!({})).await.problem(403, "not-permitted");
        by(i, &token, "GET", "/contacts", json!({})).await.expect(200);
        let body = json!({ "name": "T", "role": "boss" });
        assert_eq!(i.admin("POST", "/tokens").json(&body).send().await.wrong_fields(), ["role"]);
        let held = by(i, &token, "GET", "/permissions", json!({})).await.expect(200).json();
        let held = held["items"].as_array().unwrap().iter().filter(|p| p["held"] == "everybody").count();
        assert_eq!(held, 1);
    });
}
