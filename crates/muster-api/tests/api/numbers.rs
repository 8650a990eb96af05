//! Phone numbers that an import finds: recorded once, owned elsewhere, and whom they reach.

use serde_json::json;

use crate::common::{Installation, run};
use crate::imports::{Worker, counts, import, listed};

async fn numbers(i: &Installation) -> Vec<String> {
    let path = "/numbers?sort=number&limit=100";
    let all = i.admin("GET", path).send().await.expect(200).json();
    let users = i.admin("GET", "/users").send().await.expect(200).json();
    let items = all["items"].as_array().unwrap().iter().map(|number| {
        let holder = users["items"].as_array().unwrap().iter().find(|user| user["id"] == number["user"]);
        let holder = match holder {
            Some(user) => user["display_name"].as_str().unwrap(),
            None if number["user"].is_null() => "-",
            None => "somebody who is not in use",
        };
        let [text, kind] = ["number", "kind"].map(|name| number[name].as_str().unwrap());
        assert_eq!(number["owned_elsewhere"], true);
        format!("{text} {kind} {holder}")
    });
    items.collect()
}

const FILE: &str = "display_name,extension,direct_number,caller_id_number\n\
    Ana,1001,+12125550101,+12125550100\nEva,1002,+12125550102,+12125550100\n\
    Ida,1003,,+12125550100\nUma,1004,+12125550101,\n";

#[test]
fn numbers_that_rows_name_are_recorded_once_as_owned_elsewhere_and_a_dry_run_says_how_many() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let of_numbers = [
            "direct_number is no number of this organization: recorded as owned elsewhere, neither ordered nor routed 2",
            "caller_id_number is no number of this organization: recorded as owned elsewhere, neither ordered nor routed 1",
        ];
        for options in ["dry_run=true", ""] {
            let job = import(i, ours, options, FILE).await;
            assert_eq!(counts(&job), [4, 0, 0, 0], "{job}");
            assert_eq!(listed(&job["summary"]["causes"], &["column", "reason", "rows"]), of_numbers, "{job}");
        }
        let expect = ["+12125550100 inventory -", "+12125550101 direct Ana", "+12125550102 direct Eva"];
        assert_eq!(numbers(i).await, expect);
        let again = import(i, ours, "match=extension", FILE).await;
        assert_eq!((counts(&again), &again["summary"]["causes"]), ([0, 0, 4, 0], &json!([])), "{again}");
        // A caller ID that becomes somebody's own is theirs.
        let more = "display_name,extension,direct_number\nMia,1005,+12125550100\n";
        import(i, ours, "", more).await;
        assert_eq!(numbers(i).await[0], "+12125550100 direct Mia");
        let theirs = ("other", i.stranger.as_str());
        assert_eq!(
            counts(&import(i, theirs, "", FILE).await),
            [4, 0, 0, 0],
            "another organization has its own"
        );
    });
}

#[test]
fn a_number_leaves_with_its_person_comes_back_with_them_and_goes_when_the_import_is_undone() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let job = import(i, ours, "", FILE).await;
        let users = i.admin("GET", "/users?sort=extension").send().await.json();
        let ana = format!("/users/{}", users["items"][0]["id"].as_str().unwrap());
        let gone = async || {
            i.admin("DELETE", &ana).header("if-match", "*").send().await;
            assert_eq!(numbers(i).await[1], "+12125550101 direct -");
        };
        gone().await;
        i.admin("POST", &format!("{ana}/restore")).send().await.expect(200);
        assert_eq!(numbers(i).await[1], "+12125550101 direct Ana");
        gone().await;
        let head = i.admin("GET", "/changes?limit=1000").send().await.json();
        let trashed =
            head["items"].as_array().unwrap().iter().rfind(|c| c["kind"] == "user.trashed").unwrap();
        i.admin("POST", &format!("/changes/{}/undo", trashed["seq"])).send().await.expect(200);
        assert_eq!(numbers(i).await[1], "+12125550101 direct Ana");
        i.admin("POST", &format!("/jobs/{}/undo", job["id"].as_str().unwrap())).send().await;
        let organization = i.app.store().read(|r| r.organization_by_slug("acme")).unwrap().unwrap();
        let check = i.app.store().read(|r| r.verify(organization.id)).unwrap();
        assert_eq!(check.state.as_ref().map(|state| state.differing), Some(0), "{check:?}");
    });
}

#[test]
fn an_import_that_is_taken_back_takes_its_numbers_with_it() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let job = import(i, ours, "", FILE).await;
        assert_eq!(numbers(i).await.len(), 3);
        i.admin("POST", &format!("/jobs/{}/undo", job["id"].as_str().unwrap())).send().await.expect(200);
        assert_eq!(numbers(i).await.len(), 0);
        assert_eq!(counts(&import(i, ours, "", FILE).await), [4, 0, 0, 0]);
        assert_eq!(numbers(i).await.len(), 3);
    });
}
