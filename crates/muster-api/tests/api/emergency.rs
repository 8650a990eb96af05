//! Emergency locations: who has none where one is wanted, and what may be named.

use serde_json::{Value, json};

use crate::common::{Installation, run};
use crate::records::made;

async fn set(i: &Installation, path: &str, body: Value) -> Value {
    i.admin("PATCH", path).header("if-match", "*").json(&body).send().await.expect(200).json()
}

async fn affected(i: &Installation) -> Vec<(String, String, String)> {
    let page = i.admin("GET", "/without-emergency-location").send().await.expect(200).json();
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_string();
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| (text(item, "extension"), text(item, "policy"), text(item, "why"))).collect()
}

fn office() -> Value {
    json!({ "name": "Office", "country": "GB", "street": "Main Street", "house_number": "1", "city": "Leeds",
        "postal_code": "LS1 1AA" })
}

#[test]
fn whoever_has_no_location_where_one_is_wanted_is_listed_with_why_and_nobody_else() {
    run(async |i| {
        let ana = i.user("1001", "Ana").await;
        i.user("1002", "Eva").await;
        let contact = i.user("1003", "Ida").await;
        i.admin("POST", "/users/activate")
            .json(&json!({ "users": ["1001", "1002"] }))
            .send()
            .await
            .expect(200);
        assert_eq!(affected(i).await, [], "without a policy nobody is");
        set(i, "", json!({ "emergency_policy": "warn" })).await;
        let why = "has none, and Main has no default".to_string();
        let row = |extension: &str, policy: &str, why: &str| (extension.into(), policy.into(), why.into());
        assert_eq!(affected(i).await, [row("1001", "warn", &why), row("1002", "warn", &why)]);
        made(i, "emergency-locations", &office()).await;
        set(i, &format!("/users/{}", ana["id"].as_str().unwrap()), json!({ "emergency_location": "Office" }))
            .await;
        let site = contact["site"].as_str().unwrap();
        set(i, &format!("/sites/{site}"), json!({ "emergency_policy": "require" })).await;
        assert_eq!(affected(i).await, [row("1002", "require", &why)]);
        set(i, &format!("/sites/{site}"), json!({ "emergency_location": "Office" })).await;
        assert_eq!(affected(i).await, []);
    });
}

#[test]
fn a_location_that_is_not_there_or_somebody_elses_is_not_taken_and_one_that_is_named_stays() {
    run(async |i| {
        let ana = i.user("1001", "Ana").await;
        let eva = i.user("1002", "Eva").await;
        let of = |user: &Value| format!("/users/{}", user["id"].as_str().unwrap());
        let give = async |path: String, name: &str| {
            let body = json!({ "emergency_location": name });
            i.admin("PATCH", &path).header("if-match", "*").json(&body).send().await
        };
        assert_eq!(give(of(&ana), "Nowhere").await.wrong_fields(), ["emergency_location"]);
        let mut home = office();
        (home["name"], home["owner"]) = ("Home".into(), "1001".into());
        let home = made(i, "emergency-locations", &home).await;
        give(of(&ana), "Home").await.expect(200);
        assert_eq!(give(of(&eva), "Home").await.wrong_fields(), ["emergency_location"]);
        let site = format!("/sites/{}", ana["site"].as_str().unwrap());
        assert_eq!(give(site, "Home").await.wrong_fields(), ["emergency_location"]);
        let gone =
            i.admin("DELETE", &format!("/emergency-locations/{}", home["id"].as_str().unwrap())).send().await;
        assert!(gone.problem(409, "in-use")["detail"].as_str().unwrap().contains("1 user"));
    });
}
