//! Pages, filters and orders.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::common::{Installation, run};

const NAMES: [&str; 7] = ["Ana", "Bo", "Cy", "Di", "Ed", "Fay", "Gus"];

async fn seven(i: &Installation) {
    for (at, name) in NAMES.iter().enumerate() {
        i.user(&format!("{}", 1001 + at), name).await;
    }
}

/// All pages of a list, each item by the given field.
async fn walk(i: &Installation, path: &str, field: &str) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..50 {
        let joiner = if path.contains('?') { '&' } else { '?' };
        let after = cursor.map(|c| format!("&cursor={}", encoded(&c))).unwrap_or_default();
        let page = i.admin("GET", &format!("{path}{joiner}limit=3{after}")).send().await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        seen.extend(items.iter().map(|item| match &item[field] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }));
        match page["next_cursor"].as_str() {
            Some(next) if !items.is_empty() => cursor = Some(next.to_string()),
            _ => return seen,
        }
    }
    panic!("{path} does not end: {seen:?}");
}

pub fn encoded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

#[test]
fn the_pages_of_a_list_hold_everything_exactly_once() {
    run(async |i| {
        seven(i).await;
        for path in [
            "/users",
            "/users?sort=display_name",
            "/users?sort=-extension",
            "/contacts?sort=display_name",
            "/extensions",
        ] {
            let seen = walk(i, path, "extension").await;
            assert_eq!(seen.len(), 7, "{path}: {seen:?}");
            assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 7, "{path}: {seen:?}");
        }
        let backwards = walk(i, "/users?sort=-display_name", "display_name").await;
        assert_eq!(backwards, NAMES.iter().rev().map(ToString::to_string).collect::<Vec<_>>());
        let changes: Vec<u64> =
            walk(i, "/changes", "seq").await.iter().map(|seq| seq.parse().unwrap()).collect();
        assert_eq!(changes, (1..=changes.len() as u64).collect::<Vec<_>>(), "gapless");
        i.admin("POST", "/users/activate")
            .json(&json!({ "users": ["1001", "1002", "1003", "1004"] }))
            .send()
            .await
            .expect(200);
        assert_eq!(walk(i, "/seats", "extension").await.len(), 4);
        assert_eq!(walk(i, "/mailboxes", "id").await.len(), 7);
    });
}

#[test]
fn organizations_are_paged_too() {
    run(async |i| {
        let mut seen = Vec::new();
        let mut path = "/api/v1/organizations?limit=1&total=true".to_string();
        loop {
            let page = i.call("GET", &path).by(&i.operator).send().await.expect(200).json();
            assert_eq!(page["total"], 2);
            seen.extend(
                page["items"].as_array().unwrap().iter().map(|o| o["slug"].as_str().unwrap().to_string()),
            );
            let Some(next) = page["next_cursor"].as_str() else { break };
            path = format!("/api/v1/organizations?limit=1&total=true&cursor={next}");
        }
        assert_eq!(seen, ["acme", "other"]);
    });
}

#[test]
fn a_filter_narrows_and_a_total_counts_what_it_finds() {
    run(async |i| {
        seven(i).await;
        let find = async |filter: &str| {
            let path = format!("/users?total=true&sort=extension&filter={}", encoded(filter));
            let page = i.admin("GET", &path).send().await.expect(200).json();
            let names: Vec<String> = page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|u| u["display_name"].as_str().unwrap().to_string())
                .collect();
            assert_eq!(page["total"], names.len() as u64);
            names
        };
        assert_eq!(find("display_name~a").await, ["Ana", "Fay"]);
        assert_eq!(find("display_name^\"a\"").await, ["Ana"]);
        assert_eq!(find("extension=1003").await, ["Cy"]);
        assert_eq!(find("site=Main and display_name~s").await, ["Gus"]);
        assert_eq!(find("email= and extension^100").await.len(), 7);
        assert_eq!(find("record=trashed").await.len(), 0);
    });
}

#[test]
fn what_a_list_does_not_understand_is_said_all_at_once() {
    run(async |i| {
        let path = "/users?limit=0&filter=nonsense&sort=tags&total=perhaps&page=2&cursor=%21";
        let wrong = i.admin("GET", path).send().await.wrong_fields();
        assert_eq!(wrong, ["filter", "limit", "page", "sort", "total"]);
        assert_eq!(i.admin("GET", "/users?cursor=xyz").send().await.wrong_fields(), ["cursor"]);
        assert_eq!(i.admin("GET", "/users?limit=1&limit=2").send().await.wrong_fields(), ["limit"]);
        assert_eq!(i.admin("GET", "/users?filter=site%3DNowhere").send().await.wrong_fields(), ["filter"]);
        for path in [
            "/devices",
            "/mailboxes",
            "/numbers",
            "/sites",
            "/connections",
            "/jobs",
            "/tokens",
            "/seats",
            "/extensions",
            "/registrations",
            "/changes",
        ] {
            let wrong = i.admin("GET", &format!("{path}?nonsense=1&limit=1001")).send().await.wrong_fields();
            assert_eq!(wrong, ["limit", "nonsense"], "{path}");
        }
    });
}

#[test]
fn contacts_are_everybody_with_their_presence() {
    run(async |i| {
        let id = i.user("1001", "Ana").await["id"].as_str().unwrap().parse().unwrap();
        let org = i.app.authenticate(&i.administrator).unwrap().home;
        let on_call = muster_app::phones::Presence {
            state: muster_app::phones::PresenceState::OnCall,
            registered: true,
        };
        i.app.phones().set_presence(org, id, on_call);
        let contacts = i.admin("GET", "/contacts").send().await.expect(200).json();
        assert_eq!(contacts["items"][0]["presence"], json!({ "state": "on_call", "registered": true }));
        assert!(
            contacts["items"][0].get("username").is_none(),
            "the username is not shown to others: {contacts}"
        );
    });
}
