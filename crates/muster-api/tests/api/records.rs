//! Groups, menus and other records: alike to make, change, look back at and take back; and nothing is left
//! pointing at nothing.

use serde_json::{Value, json};

use crate::common::{Installation, run};
use crate::imports::{Worker, import};

/// Every kind, what makes one, and a change of it.
pub fn kinds(person: &str, number: &str) -> Vec<(&'static str, Value, Value)> {
    let address = json!({ "name": "Office", "country": "US", "street": "Main Street", "house_number": "1",
        "city": "Springfield", "state": "IL", "postal_code": "62701" });
    let mut parcel = address.clone();
    parcel["recipient"] = "Front desk".into();
    vec![
        (
            "groups",
            json!({ "name": "Sales", "extension": "2000", "members": [person] }),
            json!({ "ring_time_s": 30 }),
        ),
        (
            "menus",
            json!({ "name": "Welcome", "extension": "2001", "entries": [format!("1=user:{person}")] }),
            json!({ "entries": [] }),
        ),
        (
            "fax-accounts",
            json!({ "name": "Fax", "users": [person], "number": number }),
            json!({ "number": null }),
        ),
        (
            "sms-senders",
            json!({ "name": "Texts", "number": number, "users": [person] }),
            json!({ "campaign_approved": true }),
        ),
        ("on-call-schedules", json!({ "name": "Nights", "members": [person] }), json!({ "shift_h": 12 })),
        ("emergency-locations", address, json!({ "unit": "Floor 3" })),
        ("shipping-addresses", parcel, json!({ "company": "Example" })),
        ("tags", json!({ "name": "floor:2" }), json!({ "colour": "teal" })),
        (
            "sites",
            json!({ "name": "North" }),
            json!({ "address": "Main Street 1", "emergency_numbers": ["15"] }),
        ),
    ]
}

pub async fn made(i: &Installation, kind: &str, body: &Value) -> Value {
    i.admin("POST", &format!("/{kind}")).json(body).send().await.expect(201).json()
}

/// One of the kind that an address names, and a change of it: `/groups`, `/groups/{id}`.
pub fn of_address(path: &str, person: &str, number: &str) -> Option<(&'static str, Value, Value)> {
    let kind = path.rsplit("{org}").next()?.trim_start_matches('/').split('/').next()?;
    let all = kinds(person, number).into_iter().chain(nameless());
    all.into_iter().find(|(name, ..)| *name == kind)
}

/// What is alike but for a name.
pub fn nameless() -> Vec<(&'static str, Value, Value)> {
    vec![
        ("unassigned-extensions", json!({ "kind": "user", "country": "US" }), json!({ "extension": "2222" })),
        ("port-orders", json!({ "numbers": ["+351210000001"] }), json!({ "carrier": "Elsewhere" })),
    ]
}

/// What the operator offers, each of them, and what makes one.
pub fn offers() -> Vec<(&'static str, Value)> {
    let model = json!({ "name": "T54W", "brand": "Yealink", "model": "T54W" });
    vec![("/api/v1/subscriptions", json!({ "name": "Business" })), ("/api/v1/phone-models", model)]
}

/// The whole address of a thing that a path of one names.
pub async fn address(i: &Installation, path: &str, number: &str) -> String {
    if path.contains("{org}") {
        let (of, _) = one(i, path, number).await.unwrap();
        return format!("/api/v1/organizations/acme{of}");
    }
    let many = path.trim_end_matches("/{id}");
    let id = if many == "/api/v1/stock/numbers" {
        let body = json!({ "numbers": ["+12125550199"], "country": "US" });
        i.call("POST", many).by(&i.operator).json(&body).send().await.expect(201);
        let listed = i.call("GET", many).by(&i.operator).send().await.expect(200).json();
        listed["items"][0]["id"].clone()
    } else {
        let (_, body) = offers().into_iter().find(|(of, _)| *of == many).unwrap();
        i.call("POST", many).by(&i.operator).json(&body).send().await.expect(201).json()["id"].clone()
    };
    format!("{many}/{}", id.as_str().unwrap())
}

/// The address of a thing of the kind that a path of one names, and a change of it.
pub async fn one(i: &Installation, path: &str, number: &str) -> Option<(String, Value)> {
    if path.ends_with("/connections/{id}") {
        let all = i.admin("GET", "/connections").send().await.expect(200).json();
        let id = all["items"][0]["id"].as_str().unwrap().to_string();
        return Some((format!("/connections/{id}"), json!({ "prefix": "8" })));
    }
    if path.ends_with("/numbers/{id}") {
        return Some((format!("/numbers/{number}"), json!({ "kind": "main" })));
    }
    let (kind, body, change) = of_address(path, "1001", number)?;
    let made = made(i, kind, &body).await;
    Some((format!("/{kind}/{}", made["id"].as_str().unwrap()), change))
}

/// A number that the organization has.
pub async fn number(i: &Installation) -> String {
    let _worker = Worker::start(i);
    let file = "display_name,extension,direct_number\nEva,1999,+12125550123\n";
    import(i, ("acme", i.administrator.as_str()), "", file).await;
    let numbers = i.admin("GET", "/numbers").send().await.expect(200).json();
    numbers["items"][0]["id"].as_str().unwrap().to_string()
}

#[test]
fn each_kind_is_made_shown_changed_listed_removed_and_brought_back() {
    run(async |i| {
        i.user("1001", "Ana").await;
        let number = number(i).await;
        for (kind, body, change) in kinds("1001", &number) {
            let one = made(i, kind, &body).await;
            let path = format!("/{kind}/{}", one["id"].as_str().unwrap());
            let shown = i.admin("GET", &path).send().await.expect(200);
            assert_eq!((shown.header("etag"), shown.json()), ("\"1\"", one.clone()), "{kind}");
            i.admin("PATCH", &path).json(&change).send().await.problem(428, "precondition-required");
            let changed =
                i.admin("PATCH", &path).header("if-match", "\"1\"").json(&change).send().await.expect(200);
            for (field, value) in change.as_object().unwrap() {
                assert_eq!(&changed.json()[field], value, "{kind}");
            }
            i.admin("PATCH", &path)
                .header("if-match", "\"1\"")
                .json(&change)
                .send()
                .await
                .problem(412, "stale");
            let before = i.admin(
                "GET",
                &format!("{path}?as_of={}", changed.header("muster-seq").parse::<u64>().unwrap() - 1),
            );
            assert_eq!(before.send().await.expect(200).json(), one, "{kind} as it was");
            let listed = i.admin(
                "GET",
                &format!("/{kind}?total=true&filter=name%3D{}", body["name"].as_str().unwrap()),
            );
            assert_eq!(listed.send().await.expect(200).json()["total"], 1, "{kind}");
            let gone = i.admin("DELETE", &path).send().await.expect(204);
            i.admin("GET", &path).send().await.problem(404, "not-found");
            let seq = gone.header("muster-seq");
            i.admin("POST", &format!("/changes/{seq}/undo")).send().await.expect(200);
            assert_eq!(i.admin("GET", &path).send().await.expect(200).json()["name"], one["name"], "{kind}");
        }
        let check = i.admin("GET", "/changes/verify").send().await.expect(200).json();
        assert_eq!((&check["intact"], &check["state"]["differing"]), (&json!(true), &json!(0)), "{check}");
    });
}

#[test]
fn people_are_named_as_one_knows_them_and_who_is_not_there_is_said() {
    run(async |i| {
        let ana = i.user("1001", "Ana").await;
        let group = made(i, "groups", &json!({ "name": "Sales", "members": ["1001"] })).await;
        assert_eq!(group["members"], json!([ana["id"]]));
        let body = json!({ "name": "Other", "members": ["1001", "7777"] });
        let refused = i.admin("POST", "/groups").json(&body).send().await.problem(400, "invalid");
        assert_eq!(refused["errors"][0]["field"], "members");
        assert!(refused["errors"][0]["reason"].as_str().unwrap().contains("7777"), "{refused}");
        let menu =
            json!({ "name": "Welcome", "entries": ["1=user:1001", "2=group:Sales", "3=group:Nowhere"] });
        let refused = i.admin("POST", "/menus").json(&menu).send().await.problem(400, "invalid");
        assert!(refused["errors"][0]["reason"].as_str().unwrap().contains("Nowhere"), "{refused}");
        let menu = json!({ "name": "Welcome", "entries": ["1=user:1001", "1=group:Sales"] });
        assert_eq!(i.admin("POST", "/menus").json(&menu).send().await.wrong_fields(), ["entries"]);
    });
}

#[test]
fn what_is_another_organizations_cannot_be_named() {
    run(async |i| {
        let body = json!({ "display_name": "Stranger", "extension": "1001" });
        let path = "/api/v1/organizations/other/users";
        let stranger = i.call("POST", path).by(&i.stranger).json(&body).send().await.expect(201).json();
        let body = json!({ "name": "Sales", "members": [stranger["id"]] });
        assert_eq!(i.admin("POST", "/groups").json(&body).send().await.wrong_fields(), ["members"]);
        let body =
            json!({ "name": "Welcome", "entries": [format!("1=user:{}", stranger["id"].as_str().unwrap())] });
        assert_eq!(i.admin("POST", "/menus").json(&body).send().await.wrong_fields(), ["entries"]);
    });
}

#[test]
fn one_extension_and_one_name_are_had_once() {
    run(async |i| {
        i.user("2000", "Ana").await;
        let taken =
            i.admin("POST", "/groups").json(&json!({ "name": "Sales", "extension": "2000" })).send().await;
        assert!(taken.problem(409, "taken")["detail"].as_str().unwrap().contains("Ana"));
        made(i, "groups", &json!({ "name": "Sales", "extension": "2001" })).await;
        let again = i.admin("POST", "/groups").json(&json!({ "name": "SALES" })).send().await;
        assert!(again.problem(409, "taken")["detail"].as_str().unwrap().contains("Sales"));
        let person = json!({ "display_name": "Bo", "extension": "2001" });
        let taken = i.admin("POST", "/users").json(&person).send().await.problem(409, "taken");
        assert!(taken["detail"].as_str().unwrap().contains("Sales"), "{taken}");
        // Whose name it is does not matter to another kind of thing.
        made(i, "menus", &json!({ "name": "Sales" })).await;
    });
}

#[test]
fn what_something_names_is_not_removed_and_nothing_is_left_dangling() {
    run(async |i| {
        let group = made(i, "groups", &json!({ "name": "Sales" })).await;
        let menu = made(i, "menus", &json!({ "name": "Welcome", "entries": ["2=group:Sales"] })).await;
        let group = format!("/groups/{}", group["id"].as_str().unwrap());
        let refused = i.admin("DELETE", &group).send().await.problem(409, "in-use");
        assert!(refused["detail"].as_str().unwrap().contains("menu"), "{refused}");
        i.admin("DELETE", &format!("/menus/{}", menu["id"].as_str().unwrap())).send().await.expect(204);
        let gone = i.admin("DELETE", &group).send().await.expect(204);
        // The menu names the group that is not there: it comes back after the group, not before.
        let seq: u64 = gone.header("muster-seq").parse().unwrap();
        let early = i.admin("POST", &format!("/changes/{}/undo", seq - 1)).send().await;
        assert_eq!(early.wrong_fields(), ["entries"]);
        for seq in [seq, seq - 1] {
            i.admin("POST", &format!("/changes/{seq}/undo")).send().await.expect(200);
        }
    });
}

#[test]
fn an_organization_and_its_sites_are_changed_and_neither_a_foreign_domain_nor_the_last_site_goes() {
    run(async |i| {
        let change =
            async |body: Value| i.admin("PATCH", "").header("if-match", "*").json(&body).send().await;
        let changed =
            change(json!({ "emergency_policy": "require", "country": "GB" })).await.expect(200).json();
        assert_eq!((&changed["emergency_policy"], &changed["version"]), (&json!("require"), &json!(2)));
        assert_eq!(change(json!({ "domain": "other.example" })).await.wrong_fields(), ["domain"]);
        assert_eq!(
            change(json!({ "domain_aliases": ["OTHER.example"] })).await.wrong_fields(),
            ["domain_aliases"]
        );
        assert_eq!(change(json!({ "slug": "else" })).await.wrong_fields(), ["slug"]);
        let sites = i.admin("GET", "/sites").send().await.expect(200).json();
        let main = format!("/sites/{}", sites["items"][0]["id"].as_str().unwrap());
        let refused = i.admin("DELETE", &main).send().await.problem(409, "not-allowed");
        assert!(refused["detail"].as_str().unwrap().contains("last site"), "{refused}");
        made(i, "sites", &json!({ "name": "North" })).await;
        let renamed =
            i.admin("PATCH", &main).header("if-match", "*").json(&json!({ "name": "NORTH" })).send().await;
        renamed.problem(409, "taken");
        i.user("1001", "Ana").await;
        let refused = i.admin("DELETE", &main).send().await.problem(409, "in-use");
        assert!(refused["detail"].as_str().unwrap().contains("1 user"), "{refused}");
    });
}
