//! The phones that are registered, seen and signed off.

use std::sync::{Arc, Mutex};

use muster_app::phones::RegisteredPhone;
use muster_domain::ids::UserId;
use muster_domain::types::UnixMillis;

use crate::common::{Installation, run};
use crate::description::{conforms, description};

fn phone(user: UserId, id: u64) -> RegisteredPhone {
    RegisteredPhone {
        id,
        user,
        contact: "sip:1001@192.0.2.7:5060".into(),
        user_agent: None,
        transport: "udp",
        address: "192.0.2.7:5060".parse().unwrap(),
        since: UnixMillis(1_000),
        expires_at: UnixMillis(2_000),
    }
}

/// A phone core with two phones of one person; gives what it still has.
fn two_phones(i: &Installation, user: UserId) -> Arc<Mutex<Vec<RegisteredPhone>>> {
    let kept = Arc::new(Mutex::new(vec![phone(user, 0xa), phone(user, 0xb)]));
    let asked = kept.clone();
    i.app.phones().answer_with(move |_, who| {
        asked.lock().unwrap().iter().filter(|p| who.is_none_or(|who| who == p.user)).cloned().collect()
    });
    let ordered = kept.clone();
    i.app.phones().sign_off_with(move |_, who, id| {
        let meant = |p: &mut RegisteredPhone| p.user == who && id.is_none_or(|id| id == p.id);
        ordered.lock().unwrap().extract_if(.., meant).collect()
    });
    kept
}

#[test]
fn the_phones_of_a_person_are_listed_and_signed_off_one_or_all() {
    run(async |i| {
        let id = i.user("1001", "Ana").await["id"].as_str().unwrap().to_string();
        let other = i.user("1002", "Bo").await["id"].as_str().unwrap().to_string();
        let kept = two_phones(i, id.parse().unwrap());
        let (of_ana, of_bo) = (format!("/users/{id}/registrations"), format!("/users/{other}/registrations"));
        let listed = i.admin("GET", &of_ana).send().await.expect(200).json();
        let api = description();
        conforms(&api, &api["components"]["schemas"]["Registrations"], &listed, &of_ana);
        assert_eq!(listed["items"][1]["id"], "000000000000000b");
        assert_eq!(listed["items"][1]["since"], "1970-01-01T00:00:01Z");

        i.admin("DELETE", &format!("{of_bo}/b")).send().await.problem(404, "not-found");
        i.admin("DELETE", &format!("{of_ana}/xyz")).send().await.problem(404, "not-found");
        assert_eq!(kept.lock().unwrap().len(), 2);
        let gone = i.admin("DELETE", &format!("{of_ana}/000000000000000b")).send().await.expect(200).json();
        conforms(&api, &api["components"]["schemas"]["SignedOff"], &gone, &of_ana);
        assert_eq!(
            (gone["phones"][0]["id"].as_str(), kept.lock().unwrap().len()),
            (Some("000000000000000b"), 1)
        );
        i.admin("DELETE", &of_ana).send().await.expect(200);
        assert!(kept.lock().unwrap().is_empty());
        let none = i.admin("DELETE", &of_ana).send().await.expect(200).json();
        assert_eq!(none["phones"], serde_json::json!([]));
    });
}

#[test]
fn the_phones_of_another_organizations_person_are_nobodys() {
    run(async |i| {
        let id = i.user("1001", "Ana").await["id"].as_str().unwrap().to_string();
        let kept = two_phones(i, id.parse().unwrap());
        let slug = "/api/v1/organizations/other/users";
        for method in ["GET", "DELETE"] {
            let path = format!("{slug}/{id}/registrations");
            i.call(method, &path).by(&i.stranger).send().await.problem(404, "not-found");
        }
        i.call("DELETE", &format!("{slug}/{id}/registrations/a"))
            .by(&i.stranger)
            .send()
            .await
            .problem(404, "not-found");
        assert_eq!(kept.lock().unwrap().len(), 2);
    });
}
