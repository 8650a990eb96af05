//! What is chosen about the rows of an import: people who are there, people who are inactive, corrections.

use serde_json::{Value, json};

use crate::common::{Installation, run};
use crate::imports::{Worker, counts, import, listed};

/// Ana with an extension, a device and an email; she is enabled, so counted.
async fn ana(i: &Installation) -> Value {
    let body = json!({ "display_name": "Ana Silva", "extension": "1001", "username": "ana", "email": "ana@example.com" });
    let user = i.admin("POST", "/users").json(&body).send().await.expect(201).json();
    let path = format!("/users/{}", user["id"].as_str().unwrap());
    i.admin("POST", "/users/activate").json(&json!({ "users": ["ana"] })).send().await.expect(200);
    i.admin("POST", &format!("{path}/credentials"))
        .json(&json!({ "device": "Kitchen" }))
        .send()
        .await
        .expect(200);
    i.admin("GET", &path).send().await.json()
}

async fn results(i: &Installation, job: &Value) -> Vec<String> {
    let path = format!("/jobs/{}/results", job["id"].as_str().unwrap());
    listed(&i.admin("GET", &path).send().await.expect(200).json()["items"], &["row", "outcome", "text"])
}

fn skipped(job: &Value) -> u64 {
    job["summary"]["skipped"].as_u64().unwrap()
}

#[test]
fn people_who_are_there_are_updated_skipped_or_refused_as_was_chosen() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let before = ana(i).await;
        let id = before["id"].as_str().unwrap();
        let log = async || {
            i.admin("GET", "/changes?limit=1000").send().await.json()["items"].as_array().unwrap().len()
        };
        let file = "display_name,extension,title,device_name,device_mac\nSomebody,1001,Boss,Den,001565000001\nEva,1002,,,\n";
        let lines = log().await;
        // Nothing of Ana is changed, not even a device; without a match key she is known by her extension.
        for (options, eva) in
            [("existing=skip&dry_run=true", 1), ("existing=skip", 1), ("existing=skip&match=extension", 0)]
        {
            let job = import(i, ours, options, file).await;
            assert_eq!((counts(&job), skipped(&job)), ([eva, 0, 0, 0], 2 - eva), "{options}: {job}");
            if !options.contains("dry") {
                assert_eq!(results(i, &job).await[0], format!("1 skipped {id}"));
            }
            assert_eq!(i.admin("GET", &format!("/users/{id}")).send().await.json(), before, "{options}");
        }
        let added = log().await - lines;
        assert!(added > 0 && added < 5, "Eva and her mailbox, and nothing of Ana: {added}");
        let by_name = import(i, ours, "existing=skip", "display_name,username\nX,ANA\n").await;
        assert_eq!((skipped(&by_name), by_name["summary"]["good_rows"].as_u64()), (1, Some(0)), "{by_name}");
        let refused = import(i, ours, "existing=fail&match=extension", file).await;
        assert_eq!(counts(&refused)[3], 2, "{refused}");
        let said = listed(&refused["summary"]["problems"], &["row", "column", "reason", "option"]);
        assert_eq!(said[0], "1 extension is Ana Silva's (extension 1001) existing", "{said:?}");
        let updated = import(i, ours, "match=extension", file).await;
        assert_eq!((counts(&updated), skipped(&updated)), ([0, 1, 1, 0], 0), "{updated}");
        let path = "/imports?existing=update";
        let lacks = i.admin("POST", path).text("text/csv", file).send().await.problem(400, "invalid");
        assert_eq!(listed(&lacks["errors"], &["field", "reason"]), ["match is needed to update people"]);
        i.admin("POST", "/imports?existing=replace")
            .text("text/csv", file)
            .send()
            .await
            .problem(400, "invalid");
    });
}

#[test]
fn a_row_that_is_skipped_is_not_judged_and_keeps_nobody_out() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        ana(i).await;
        let file = "display_name,extension,email,time_zone\nAna,1001,no address,nowhere\nEva,1002,,\n";
        let job = import(i, ours, "existing=skip&match=extension", file).await;
        assert_eq!((counts(&job), skipped(&job)), ([1, 0, 0, 0], 1), "{job}");
        assert_eq!((&job["state"], &job["rows_done"]), (&json!("done"), &json!(1)));
    });
}

/// Two of four are disabled there; one of these is there already, enabled.
const THREE_CX: &str = "Number,FirstName,LastName,AuthID,AuthPassword,Disabled\n\
    1001,Ana,Silva,ana,74ethJ4FHVB6qgJb,1\n1002,Eva,Braun,eva,84ethJ4FHVB6qgJb,0\n\
    1003,Ida,Lopes,ida,94ethJ4FHVB6qgJb,1\n1004,Uma,Rey,uma,04ethJ4FHVB6qgJb,0\n";

#[test]
fn people_who_are_disabled_in_the_file_are_asked_about_once_and_become_what_was_chosen() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        ana(i).await;
        let check = async |options: &str,
                           inactive: Value,
                           of_counts: [u64; 4],
                           counted: [u64; 4],
                           services: [&str; 4]| {
            for dry in ["&dry_run=true", ""] {
                let job = import(i, ours, &format!("match=username{options}{dry}"), THREE_CX).await;
                let said = &job["summary"];
                assert_eq!((&said["inactive"], counts(&job)), (&inactive, of_counts), "{options}: {job}");
                let names = ["counted_before", "counted_after", "newly_counted", "no_longer_counted"];
                assert_eq!(names.map(|name| said[name].as_u64().unwrap()), counted, "{options}{dry}: {job}");
                if dry.is_empty() {
                    let users = i.admin("GET", "/users?sort=extension").send().await.json();
                    let mut all = listed(&users["items"], &["service"]);
                    all.resize(4, "-".to_owned());
                    assert_eq!(all, services, "{options}");
                    let seats = i.admin("GET", "/seats").send().await.json();
                    assert_eq!(seats["total"].as_u64(), Some(counted[1]), "{options}: {seats}");
                    let undo = format!("/jobs/{}/undo", job["id"].as_str().unwrap());
                    i.admin("POST", &undo).send().await.expect(200);
                }
            }
        };
        let of = |rows: u64, what: &str, chosen: bool| json!({ "rows": rows, "become_what": what, "chosen": chosen, "must_choose": false });
        let (on, contact, off) = ("enabled", "contact_only", "disabled");
        check("", of(2, "contacts", false), [3, 1, 0, 0], [1, 2, 2, 1], [contact, on, contact, on]).await;
        check(
            "&inactive=contacts",
            of(2, "contacts", true),
            [3, 1, 0, 0],
            [1, 2, 2, 1],
            [contact, on, contact, on],
        )
        .await;
        check("&inactive=disabled", of(2, "disabled", true), [3, 1, 0, 0], [1, 2, 2, 1], [off, on, off, on])
            .await;
        check("&inactive=leave_out", of(2, "leave_out", true), [2, 0, 0, 0], [1, 3, 2, 0], [on, on, on, "-"])
            .await;
        // Whoever is enabled and stays so becomes nothing.
        check("&activate=all", of(1, "enabled", false), [3, 1, 0, 0], [1, 4, 3, 0], [on; 4]).await;
        check(
            "&activate=all&inactive=disabled",
            of(2, "disabled", true),
            [3, 1, 0, 0],
            [1, 2, 2, 1],
            [off, on, off, on],
        )
        .await;
    });
}

#[test]
fn who_is_disabled_by_a_file_has_the_reason_and_our_own_words_for_states_are_not_asked_about() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        import(i, ours, "inactive=disabled", THREE_CX).await;
        let users = i.admin("GET", "/users?sort=extension").send().await.json();
        assert_eq!(
            listed(&users["items"], &["service", "disabled_reason"]),
            [
                "disabled disabled in the file it came from",
                "enabled null",
                "disabled disabled in the file it came from",
                "enabled null"
            ]
        );
        let own = "display_name,extension,service,disabled_reason\nMia,2001,disabled,Leave\nZoe,2002,contact_only,\n";
        let job = import(i, ours, "inactive=leave_out", own).await;
        assert_eq!((counts(&job), &job["summary"]["inactive"]), ([2, 0, 0, 0], &Value::Null), "{job}");
    });
}

#[test]
fn the_count_that_would_be_billed_is_by_type_and_leaves_out_types_without_a_licence() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        ana(i).await;
        let file = "display_name,extension,user_type\nEva,1002,user\nHall,1003,limited\nFax,1004,fax\n\
                    Box,1005,message_only\nMenu,1006,announcement_only\n";
        let expect = ["fax 0 1", "limited 0 1", "user 1 2"];
        for options in ["activate=all&dry_run=true", "activate=all"] {
            let said = &import(i, ours, options, file).await["summary"];
            assert_eq!((&said["activated"], &said["counted_after"]), (&json!(5), &json!(4)), "{said}");
            let mut types = listed(&said["counted_by_type"], &["user_type", "before", "after"]);
            types.sort();
            assert_eq!(types, expect);
        }
        // Who was counted before is not counted twice.
        let again = import(i, ours, "activate=all&match=extension", file).await;
        let said = &again["summary"];
        assert_eq!(
            [&said["counted_before"], &said["counted_after"], &said["newly_counted"]],
            [4, 4, 0],
            "{said}"
        );
    });
}

#[test]
fn ten_thousand_rows_with_one_mistake_are_one_cause_whatever_is_kept_of_the_rows() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let row = |n: u64| {
            format!(
                "Person {n},{n},{},+1212555{:04}\n",
                if n.is_multiple_of(4) { "Porto" } else { "Lisbonne" },
                n / 2
            )
        };
        let file: String = (10_000..22_000).map(row).collect();
        let job =
            import(i, ours, "dry_run=true", &format!("display_name,extension,site,mobile_number\n{file}"))
                .await;
        let said = &job["summary"];
        assert_eq!(
            (said["rejected"].as_u64(), said["problems_left_out"].as_u64()),
            (Some(12_000), Some(2_000))
        );
        let cause = &said["causes"][0];
        let expect = ["site is not a site of this organization 12000 [1,2,3,4,5] true create_sites"];
        let names = ["column", "reason", "rows", "first_rows", "correctable", "option"];
        assert_eq!(listed(&json!([cause]), &names), expect, "{cause}");
        assert_eq!(listed(&cause["found"], &["found", "rows"]), ["Lisbonne 9000", "Porto 3000"]);
        let twice = "display_name,extension\nAna,1001\nEva,1001\nIda,1002\nUma,1002\n";
        let job = import(i, ours, "", twice).await;
        let causes = listed(&job["summary"]["causes"], &["column", "reason", "rows", "correctable"]);
        assert_eq!(causes, ["extension is also in another row 2 false"]);
        assert_eq!(job["summary"]["problems"][0]["reason"], "is also in row 1");
    });
}

fn query(name: &str, value: &str) -> String {
    let escaped: String = value.bytes().map(|b| format!("%{b:02X}")).collect();
    format!("{name}={escaped}")
}

#[test]
fn national_numbers_are_mended_by_the_rules_that_their_cause_proposes_for_their_country() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let leeds = json!({ "name": "Leeds", "country": "GB" });
        i.admin("POST", "/sites").json(&leeds).send().await.expect(201);
        let row = |n: u64| match n % 3 {
            0 => format!("Person {n},{n},Leeds,0113 496 {n}\n"),
            1 => format!("Person {n},{n},,912 34 {n}\n"),
            _ => format!("Person {n},{n},Leeds,+44 113 496 {n}\n"),
        };
        let file: String = (5_000..5_300).map(row).collect();
        let file = format!("display_name,extension,site,mobile_number\n{file}");
        let job = import(i, ours, "dry_run=true", &file).await;
        let cause = &job["summary"]["causes"][0];
        let rules = &cause["rules"];
        assert_eq!(listed(rules, &["found", "value", "rows"]), ["0* +44* 100", "9* +3519* 100"], "{cause}");
        assert_eq!(cause["rows_of_no_country"], 0);
        let rules = listed(rules, &["found", "value"]);
        let pairs = rules.iter().map(|rule| rule.split_once(' ').unwrap());
        let corrections: Vec<Value> = pairs
            .map(|(found, value)| json!({ "column": "mobile_number", "found": found, "value": value }))
            .collect();
        let corrections = query("corrections", &json!(corrections).to_string());
        let job = import(i, ours, &corrections, &file).await;
        assert_eq!(counts(&job), [300, 0, 0, 0], "{job}");
        let users = i.admin("GET", "/users?sort=extension&limit=3").send().await.json();
        let numbers = listed(&users["items"], &["extension", "mobile_number"]);
        assert_eq!(numbers, ["5000 +441134965000", "5001 +441134965001", "5002 +351912345002"]);
        // A site without a country has the organization's, and where there is none nothing is guessed.
        let body = json!({ "name": "Anywhere", "slug": "anywhere", "domain": "anywhere.example" });
        i.call("POST", "/api/v1/organizations").by(&i.operator).json(&body).send().await.expect(201);
        let theirs = ("anywhere", i.operator.as_str());
        let job = import(i, theirs, "dry_run=true", &file.replace(",Leeds,", ",,")).await;
        let cause = &job["summary"]["causes"][0];
        assert_eq!(
            (listed(&cause["rules"], &["found"]).len(), &cause["rows_of_no_country"]),
            (0, &json!(200)),
            "{cause}"
        );
    });
}

#[test]
fn one_correction_mends_every_row_with_the_same_cause_and_is_saved_for_the_next_file() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let file = "name,extension,password,department\nAna,10x1,,Sails\nEva,1002,,sails\nIda,1003,,\n";
        let corrections = json!([
            { "column": "Department", "found": "Sails", "value": "Sales" },
            { "column": "extension", "found": "10X1", "value": "1001" },
            { "column": "department", "value": "Law" },
            { "column": "name", "found": "Uma", "value": "Una" } ]);
        let shown = async || {
            let users = i.admin("GET", "/users?sort=extension").send().await.json();
            listed(&users["items"], &["extension", "department"])
        };
        let job = import(i, ours, &query("corrections", &corrections.to_string()), file).await;
        assert_eq!(counts(&job), [3, 0, 0, 0], "{job}");
        assert_eq!(shown().await, ["1001 Sales", "1002 Sales", "1003 Law"]);
        let done = listed(&job["summary"]["corrections"], &["column", "cells"]);
        assert_eq!(done, ["Department 2", "extension 1", "department 1", "name 0"], "{job}");
        let mapping = job["summary"]["mapping"].as_str().unwrap().to_owned();
        let again = import(i, ours, &format!("match=extension&{}", query("mapping", &mapping)), file).await;
        assert_eq!(counts(&again), [0, 0, 3, 0], "{again}");
        let wrong = async |corrections: Value, said: &str| {
            let path = format!("/imports?{}", query("corrections", &corrections.to_string()));
            let answer = i.admin("POST", &path).text("text/csv", file).send().await;
            assert!(answer.text.contains(said), "{}", answer.text);
            assert_eq!(answer.status, 400);
        };
        wrong(
            json!([{ "column": "Site", "found": "a", "value": "b" }]),
            "name, extension, password, department",
        )
        .await;
        wrong(json!([{ "column": "password", "found": "a", "value": "b" }]), "holds passwords").await;
        wrong(json!({ "column": "name" }), "no list of corrections").await;
    });
}

#[test]
fn a_row_with_one_unreadable_cell_is_judged_by_its_others_too_and_one_mistake_is_said_once() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let file = "display_name,extension,site,email,time_zone\nAna,1001,Lisbonne,no address,\n\
                    Eva,1001,Lisbonne,eva@example.com,nowhere\nIda,1003,Lisbonne,eva@example.com,\n";
        let job = import(i, ours, "", file).await;
        let said = listed(&job["summary"]["problems"], &["row", "column"]);
        let expect = ["1 email", "1 site", "2 time_zone", "2 site", "2 extension", "3 site", "3 email"];
        assert_eq!(said, expect, "{job}");
    });
}

#[test]
fn a_file_makes_nobody_wait_for_an_activation_again_who_has_left_that_state() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        ana(i).await;
        let file = "username,display_name,service\neva,Eva,not_activated\nana,,not_activated\n";
        let refused = import(i, ours, "match=username", file).await;
        assert_eq!(counts(&refused), [1, 0, 0, 1], "{refused}");
        let said = listed(&refused["summary"]["problems"], &["row", "column", "found", "reason"]);
        let expect =
            "2 service not_activated has left that state: nobody comes to wait for an activation again";
        assert_eq!(said, [expect], "{refused}");
        let taken = import(i, ours, "match=username&good_rows_only=true", file).await;
        assert_eq!(counts(&taken), [1, 0, 0, 1], "{taken}");
        // Whoever waits still does.
        let again = import(i, ours, "match=username", "username,service\neva,not_activated\nana,\n").await;
        assert_eq!(counts(&again), [0, 0, 2, 0], "{again}");
        let users = i.admin("GET", "/users?sort=username").send().await.json();
        assert_eq!(listed(&users["items"], &["username", "service"]), ["ana enabled", "eva not_activated"]);
    });
}

#[test]
fn a_problem_of_a_turned_file_names_the_cell_as_a_spreadsheet_does() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let file = "display_name,Ana,Eva,Ida\nextension,1001,12x4,1001\nemail,,,a\n";
        let job = import(i, ours, "dry_run=true&vertical=true", file).await;
        let said = listed(&job["summary"]["problems"], &["row", "column", "cell"]);
        assert_eq!(said, ["2 extension C2", "3 email D3", "3 extension D2"], "{job}");
        let upright = import(i, ours, "dry_run=true", "display_name,extension\nEva,12x4\n").await;
        assert_eq!(upright["summary"]["problems"][0]["cell"], Value::Null, "{upright}");
    });
}
