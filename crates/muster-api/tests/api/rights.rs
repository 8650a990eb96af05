//! Every endpoint by every built-in role, in one's own organization, in another, and by the same roles held for one
//! site only, about people there and elsewhere. What is expected stands in `roles.csv`, role by permission, written
//! from what the roles are for; which permission an endpoint asks is the table of the API.

use std::collections::{BTreeMap, BTreeSet};

use muster_api::{Asked, asked, rows};
use muster_domain::permission::{Permission, Reach};
use muster_domain::roles::BUILT_IN;
use serde_json::{Value, json};

use crate::common::{Answer, Installation, run};

const METHODS: [&str; 5] = ["get", "post", "patch", "put", "delete"];

/// By role and permission.
fn expected() -> BTreeMap<(String, Permission), bool> {
    let mut table = BTreeMap::new();
    for line in include_str!("roles.csv").lines().skip(1) {
        // What follows says why.
        let mut cells = line.splitn(4, ',');
        let [role, word, held] = [cells.next(), cells.next(), cells.next()].map(Option::unwrap);
        let permission = Permission::from_word(word).unwrap_or_else(|| panic!("{word} is no permission"));
        let before = table.insert((role.to_string(), permission), held == "yes");
        assert!(before.is_none() && ["yes", "no"].contains(&held), "{line}");
    }
    table
}

#[test]
fn every_built_in_role_has_what_the_table_says_and_nothing_else() {
    let table = expected();
    assert_eq!(table.len(), BUILT_IN.len() * Permission::ALL.len());
    for role in BUILT_IN {
        for permission in Permission::ALL {
            let held = role.permissions().has(*permission);
            assert_eq!(held, table[&(role.word.to_string(), *permission)], "{} {permission}", role.word);
        }
    }
}

async fn endpoints(i: &Installation) -> BTreeSet<(String, String)> {
    let description = i.call("GET", "/openapi.json").send().await.expect(200).json();
    let mut endpoints = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for method in METHODS.iter().filter(|method| item.get(**method).is_some()) {
            endpoints.insert((method.to_uppercase(), path.clone()));
        }
    }
    endpoints
}

#[test]
fn every_endpoint_has_a_row_of_what_it_asks_and_every_row_an_endpoint() {
    run(async |i| {
        let described = endpoints(i).await;
        let listed: BTreeSet<(String, String)> =
            rows().map(|(method, path, _)| (method.to_string(), path.to_string())).collect();
        let missing: Vec<_> = described.difference(&listed).collect();
        assert!(missing.is_empty(), "no row in asked.rs for {missing:?}");
        let left: Vec<_> = listed.difference(&described).collect();
        assert!(left.is_empty(), "rows in asked.rs without an endpoint: {left:?}");
        assert_eq!(rows().count(), listed.len(), "an endpoint has two rows");
    });
}

/// Two sites with a person each, and a token of every role: for the whole, and for the first site.
struct World<'a> {
    i: &'a Installation,
    sites: [String; 2],
    made: std::cell::Cell<u32>,
}

impl World<'_> {
    async fn new(i: &Installation) -> World<'_> {
        let mut sites = Vec::new();
        for name in ["Here", "There"] {
            let made = i.admin("POST", "/sites").json(&json!({ "name": name })).send().await.expect(201);
            sites.push(made.json()["id"].as_str().unwrap().to_string());
        }
        World { i, sites: sites.try_into().unwrap(), made: std::cell::Cell::new(0) }
    }

    /// Somebody new at a site.
    async fn person(&self, at: usize) -> String {
        let n = self.made.get();
        self.made.set(n + 1);
        let body =
            json!({ "display_name": format!("P{n}"), "username": format!("p{n}"), "site": self.sites[at] });
        let made = self.i.admin("POST", "/users").json(&body).send().await.expect(201);
        made.json()["id"].as_str().unwrap().to_string()
    }

    async fn token(&self, role: &str) -> String {
        self.i.token("acme", role).await
    }

    /// Asks an endpoint about somebody at a site.
    async fn ask(&self, token: &str, method: &str, path: &str, org: &str, at: usize) -> Answer {
        let id = "01900000-0000-7000-8000-000000000001";
        let user = if path.contains("{user}") { self.person(at).await } else { String::new() };
        if path.ends_with("/restore") || path.ends_with("/purge") {
            self.i.admin("DELETE", &format!("/users/{user}")).send().await.expect(204);
        }
        let filled = path
            .replace("{org}", org)
            .replace("{user}", &user)
            .replace("{seq}", "1")
            .replace("{role}", "reader")
            .replace("{phone}", "0a")
            .replace("{job}", id)
            .replace("{id}", id)
            .replace("{token}", id)
            .replace("{mail}", id);
        assert!(!filled.contains('{'), "{path} has a place that this test does not know");
        let filled = if path == "/events" { format!("{filled}?organization={org}") } else { filled };
        let call = self.i.call(method, &filled).by(token).header("if-match", "*");
        if path == "/events" {
            // A stream does not end: its head is enough.
            let response = call.response().await;
            return Answer {
                status: response.status(),
                headers: response.headers().clone(),
                text: String::new(),
            };
        }
        // A device's credentials are made by whoever looks after phones, a person's by whoever looks after people.
        let body = match path.rsplit('/').next() {
            Some("credentials") => json!({ "device": "desk" }),
            Some("purge") => json!({ "irreversible": true }),
            Some("removal") => {
                let review = self.i.admin("GET", &format!("/users/{user}/removal")).send().await;
                json!({ "plan": review.expect(200).json()["plan"] })
            }
            _ => json!({}),
        };
        if method == "GET" { call.send().await } else { call.json(&body).send().await }
    }
}

#[test]
fn every_endpoint_lets_in_whom_the_table_says_and_nobody_else() {
    run(async |i| {
        let (world, table) = (World::new(i).await, expected());
        let mut asked_of = 0;
        for role in BUILT_IN.iter().filter(|role| role.word != "operator") {
            let token = world.token(role.word).await;
            for (method, path) in endpoints(i).await {
                let Some(what) = asked(&method, &path) else { panic!("no row for {method} {path}") };
                let allowed = match what {
                    Asked::Nothing => continue,
                    Asked::SignedIn => true,
                    Asked::Of(permission) => table[&(role.word.to_string(), permission)],
                    Asked::OneOf(these) => these.iter().any(|p| table[&(role.word.to_string(), *p)]),
                    Asked::Installation(_) => false,
                };
                let answer = world.ask(&token, &method, &path, "acme", 0).await;
                let status = answer.status.as_u16();
                assert_ne!(status, 401, "{} {method} {path}", role.word);
                assert_eq!(status != 403, allowed, "{} {method} {path}: {}", role.word, answer.text);
                assert!(status < 500, "{} {method} {path}: {}", role.word, answer.text);
                if path.contains("{org}") || path == "/events" {
                    let other = world.ask(&token, &method, &path, "other", 0).await;
                    assert_eq!(other.status.as_u16(), 404, "{} {method} {path}: {}", role.word, other.text);
                }
                asked_of += 1;
            }
        }
        assert!(asked_of > 500, "{asked_of}");
    });
}

/// What endpoints about one person answer of somebody at another site: as of somebody who is not there.
#[test]
fn a_role_for_a_site_opens_nothing_of_the_whole_and_nobody_of_another_site() {
    run(async |i| {
        let (world, table) = (World::new(i).await, expected());
        let mut about_people = 0;
        for role in BUILT_IN.iter().filter(|role| role.word != "operator") {
            let token = world.token(&format!("{}@Here", role.word)).await;
            for (method, path) in endpoints(i).await {
                let permissions = match asked(&method, &path) {
                    Some(Asked::Of(permission)) => vec![permission],
                    Some(Asked::OneOf(these)) => these.to_vec(),
                    _ => continue,
                };
                let held =
                    |p: &Permission| table[&(role.word.to_string(), *p)] && p.reach() != Reach::Organization;
                let allowed = permissions.iter().any(held);
                let here = world.ask(&token, &method, &path, "acme", 0).await;
                let status = here.status.as_u16();
                assert_eq!(status != 403, allowed, "{}@Here {method} {path}: {}", role.word, here.text);
                if !path.contains("{user}") || !allowed {
                    continue;
                }
                about_people += 1;
                let there = world.ask(&token, &method, &path, "acme", 1).await;
                assert_eq!(there.status.as_u16(), 404, "{}@Here {method} {path}: {}", role.word, there.text);
                // Nobody's phone is there to be signed off, and nothing is said that would tell who somebody is.
                let nobody_signs_off = path.ends_with("/{phone}") || path.ends_with("/identify");
                assert!(
                    status < 300 || nobody_signs_off,
                    "{}@Here {method} {path}: {}",
                    role.word,
                    here.text
                );
            }
        }
        assert!(about_people > 20, "{about_people}");
    });
}

fn names(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["display_name"].as_str().unwrap().to_string()).collect()
}

#[test]
fn lists_show_whoever_looks_after_a_site_its_people_only() {
    run(async |i| {
        let world = World::new(i).await;
        let (here, there) = (world.person(0).await, world.person(1).await);
        let token = world.token("reader@Here").await;
        let get = async |path: &str| {
            i.call("GET", &format!("/api/v1/organizations/acme{path}")).by(&token).send().await
        };
        for path in ["/users", "/contacts", "/users?filter=record=live", "/users?total=true"] {
            let page = get(path).await.expect(200).json();
            assert_eq!(names(&page), ["P0"], "{path}");
        }
        assert_eq!(get("/users?total=true").await.json()["total"], 1);
        for (who, found) in [("p0", 1), ("p1", 0), (here.as_str(), 1), (there.as_str(), 0)] {
            let page = get(&format!("/users?who={who}")).await.expect(200).json();
            assert_eq!(page["items"].as_array().unwrap().len(), found, "{who}");
        }
        let boxes = get("/mailboxes").await.expect(200).json();
        assert_eq!(boxes["items"].as_array().unwrap().len(), 1);
        assert_eq!(boxes["items"][0]["owner"], here);
        let sites = get("/sites").await.expect(200).json();
        assert_eq!(sites["items"].as_array().unwrap().len(), 1, "{sites}");
        get(&format!("/sites/{}", world.sites[1])).await.problem(404, "not-found");
        let manager = world.token("user_manager@Here").await;
        let file = i.call("GET", "/api/v1/organizations/acme/export.csv").by(&manager).send().await;
        let file = file.expect(200).text;
        assert!(file.contains("P0") && !file.contains("P1"), "{file}");
        let was = get("/users?as_of=1000000").await;
        assert_eq!(was.status, 400, "a moment that is none");
        let head = i.admin("GET", "/changes?limit=1000").send().await.json();
        let seq = head["items"].as_array().unwrap().last().unwrap()["seq"].as_u64().unwrap();
        assert_eq!(names(&get(&format!("/users?as_of={seq}")).await.expect(200).json()), ["P0"]);
        assert_eq!(
            get(&format!("/mailboxes?as_of={seq}")).await.expect(200).json()["items"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
    });
}
