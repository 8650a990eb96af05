//! What an import tells whoever sent the file: what it takes from people, what it was brought before, whom it
//! would switch off.

use serde_json::{Value, json};

use crate::common::run;
use crate::imports::{Worker, counts, import, listed};

fn causes(job: &Value) -> Vec<String> {
    listed(&job["summary"]["causes"], &["column", "reason", "rows"])
}

#[test]
fn an_update_says_by_field_how_many_people_change_and_from_whom_it_takes_something() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let people = "display_name,extension,email,department\nAna,1001,ana@example.com,Chef\n\
                      Bo,1002,bo@example.com,\nCy,1003,,\n";
        let first = import(i, ours, "", people).await;
        assert_eq!(first["summary"]["changes_by_field"], json!([]), "nobody was there");
        let emptied = "display_name,extension,email,department\nAna,1001,,Cook\nBo,1002,,\nCy,1003,,\n";
        for options in ["match=extension&dry_run=true", "match=extension"] {
            let job = import(i, ours, options, emptied).await;
            assert_eq!(counts(&job), [0, 2, 1, 0], "{job}");
            assert_eq!(
                listed(&job["summary"]["changes_by_field"], &["field", "people", "emptied"]),
                ["email 2 2", "department 1 0"],
                "{options}"
            );
            assert_eq!(
                causes(&job),
                ["email is emptied: the cell is empty, and what is here goes 2"],
                "{options}"
            );
        }
        let job = import(i, ours, "match=extension&dry_run=true", emptied).await;
        assert_eq!((&job["summary"]["changes_by_field"], causes(&job)), (&json!([]), vec![]));
    });
}

#[test]
fn a_rule_for_the_nought_of_home_leaves_numbers_from_abroad_and_theirs_is_proposed_beside_it() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        i.admin("POST", "/sites").json(&json!({ "name": "Leeds", "country": "GB" })).send().await.expect(201);
        let file = "display_name,extension,site,mobile_number\nAna,1001,Leeds,01134960003\nBo,1002,Leeds,01134960004\n\
                    Cy,1003,Leeds,00351912345679\nDi,1004,Leeds,0113\n";
        let job = import(i, ours, "dry_run=true", file).await;
        let rules: Vec<String> = job["summary"]["causes"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|cause| listed(&cause["rules"], &["found", "value", "rows", "others"]))
            .collect();
        assert_eq!(rules, ["0* +44* 2 1", "00* +* 1 0"], "{job}");
        let fix = |rules: Value| {
            format!("corrections={}", rules.to_string().replace('+', "%2B").replace('"', "%22"))
        };
        let home = json!({"column": "mobile_number", "found": "0*", "value": "+44*"});
        let abroad = json!({"column": "mobile_number", "found": "00*", "value": "+*"});
        let job = import(i, ours, &fix(json!([home])), file).await;
        let wrong = listed(&job["summary"]["problems"], &["row", "found"]);
        assert!(wrong.iter().any(|line| line == "3 00351912345679"), "it is not touched: {wrong:?}");
        let job = import(i, ours, &format!("{}&good_rows_only=true", fix(json!([home, abroad]))), file).await;
        assert_eq!(listed(&job["summary"]["corrections"], &["found", "cells"]), ["0* 3", "00* 1"]);
        let users = i.admin("GET", "/users?sort=extension").send().await.json();
        let mobiles = listed(&users["items"], &["mobile_number"]);
        assert_eq!(mobiles[..3], ["+441134960003", "+441134960004", "+351912345679"]);
    });
}

#[test]
fn people_are_not_looked_for_by_what_the_file_does_not_say_and_one_whom_nobody_is_is_named() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        import(i, ours, "", "display_name,extension\nAna,1001\n").await;
        let file = "display_name,extension\nAna,1001\n";
        let lacks = i.admin("POST", "/imports?match=email").text("text/csv", file).send().await;
        let lacks = lacks.problem(400, "invalid");
        assert_eq!(
            listed(&lacks["errors"], &["field", "reason", "mend"]),
            [
                "match goes by email, and the file has no column for it add a column for it to the file, or choose username \
              or extension"
            ]
        );
        let titles = "extension,department\n1001,Chef\n1999,Cook\n";
        let job = import(i, ours, "match=extension&dry_run=true", titles).await;
        let problems = listed(&job["summary"]["problems"], &["row", "column", "found", "reason"]);
        assert_eq!(problems, ["2 extension 1999 is one that nobody here has"], "{job}");
    });
}

#[test]
fn a_file_that_was_imported_before_is_known_again_by_what_is_in_it() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let file = "display_name,extension\nAna,1001\n";
        import(i, ours, "dry_run=true&file_name=a.csv", file).await;
        let first = import(i, ours, "file_name=a.csv", file).await;
        assert_eq!(first["summary"]["notes"], json!([]), "a dry run is no import");
        let id = first["id"].as_str().unwrap();
        let again = import(i, ours, "file_name=b.csv", file).await;
        let said = again["summary"]["notes"][0]["text"].as_str().unwrap();
        assert!(said.starts_with("this same file was imported at 20") && said.ends_with(id), "{said}");
        assert_eq!(again["summary"]["notes"][0]["option"], "match");
        let other = import(i, ours, "dry_run=true", "display_name,extension\nAna,1002\n").await;
        assert_eq!(other["summary"]["notes"], json!([]));
        i.admin("POST", &format!("/jobs/{id}/undo")).send().await.expect(200);
        let undone = import(i, ours, "dry_run=true", file).await;
        let said = undone["summary"]["notes"][0]["text"].as_str().unwrap();
        assert!(said.ends_with("and taken back since"), "{said}");
        let listed = i.admin("GET", "/imports").send().await.expect(200).text;
        assert!(!listed.contains("file_hash"), "{listed}");
    });
}

#[test]
fn the_rows_that_have_the_same_key_are_all_said_to_clash_with_the_first() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let file = "display_name,extension\nAna,1001\nBo,1001\nCy,1001\n";
        let job = import(i, ours, "dry_run=true", file).await;
        let said = listed(&job["summary"]["problems"], &["row", "reason"]);
        assert_eq!(said, ["2 is also in row 1", "3 is also in row 1"], "{job}");
    });
}

const THREE_CX: &str = "Number,FirstName,LastName,AuthID,AuthPassword,Disabled\n\
    1001,Ana,Silva,ana,74ethJ4FHVB6qgJb,1\n1002,Eva,Braun,eva,84ethJ4FHVB6qgJb,0\n";

#[test]
fn whoever_wants_to_be_asked_of_disabled_people_writes_nothing_until_they_have_chosen() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let job = import(i, ours, "inactive=ask", THREE_CX).await;
        let said = &job["summary"];
        assert_eq!(
            said["inactive"],
            json!({ "rows": 1, "become_what": "contacts", "chosen": false, "must_choose": true })
        );
        assert_eq!((&job["state"], &said["nothing_written"]), (&json!("failed"), &json!(true)));
        assert_eq!(i.admin("GET", "/users").send().await.json()["items"], json!([]));
        let job = import(i, ours, "inactive=disabled", THREE_CX).await;
        assert_eq!(counts(&job), [2, 0, 0, 0]);
        // Who stays as they are is nobody to be asked about, and becomes nothing.
        let again = import(i, ours, "match=extension&inactive=disabled&dry_run=true", THREE_CX).await;
        assert_eq!((counts(&again), &again["summary"]["inactive"]), ([0, 0, 2, 0], &Value::Null), "{again}");
        let nobody = THREE_CX
            .replace(",1\n", ",0\n")
            .replace("100", "200")
            .replace("ana,", "ana2,")
            .replace("eva,", "eva2,");
        let job = import(i, ours, "inactive=ask", &nobody).await;
        assert_eq!((&job["state"], counts(&job)), (&json!("done"), [2, 0, 0, 0]), "{job}");
    });
}
