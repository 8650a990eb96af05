//! What an import makes of people who are there already, and of what is theirs.

use std::thread::JoinHandle;
use std::time::Duration;

use muster_app::App;
use serde_json::{Value, json};

use crate::common::{Installation, run};

/// Works on jobs for as long as a test goes on.
pub struct Worker(App, Option<JoinHandle<()>>);

impl Worker {
    pub fn start(i: &Installation) -> Worker {
        let app = i.app.clone();
        Worker(i.app.clone(), Some(std::thread::spawn(move || app.work_on_jobs("test"))))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.stop_jobs();
        if let Some(thread) = self.1.take() {
            let _ = thread.join();
        }
    }
}

/// Imports a file into an organization and gives the ended job.
pub async fn import(i: &Installation, (org, token): (&str, &str), options: &str, csv: &str) -> Value {
    let path = format!("/api/v1/organizations/{org}/imports?{options}");
    let answer = i.call("POST", &path).by(token).text("text/csv", csv).send().await.expect(202);
    let location = answer.header("location").to_string();
    for _ in 0..500 {
        let job = i.call("GET", &location).by(token).send().await.expect(200).json();
        if matches!(job["state"].as_str(), Some("done" | "failed" | "cancelled")) {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the job does not end");
}

async fn export(i: &Installation, (org, token): (&str, &str), secrets: bool) -> String {
    let path = format!("/api/v1/organizations/{org}/export.csv?with_secrets={secrets}");
    i.call("GET", &path).by(token).send().await.expect(200).text
}

/// `created`, `updated`, `unchanged` and `rejected`.
pub fn counts(job: &Value) -> [u64; 4] {
    ["created", "updated", "unchanged", "rejected"].map(|name| job["summary"][name].as_u64().unwrap())
}

/// Some members of each thing of a list, in a line.
pub fn listed(list: &Value, names: &[&str]) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let line = |item: &Value| names.iter().map(|name| text(&item[*name])).collect::<Vec<_>>().join(" ");
    list.as_array().unwrap().iter().map(line).collect()
}

/// People with no, one and three further devices, two of which nothing but their login tells apart.
async fn people_with_devices(i: &Installation) {
    for (extension, devices) in [("1001", &[][..]), ("1002", &["Kitchen"]), ("1003", &["Den", "Hall", "Car"])]
    {
        let user = i.user(extension, "Somebody").await;
        for device in devices {
            let path = format!("/users/{}/credentials", user["id"].as_str().unwrap());
            i.admin("POST", &path).json(&json!({ "device": device })).send().await.expect(200);
        }
    }
}

#[test]
fn devices_and_their_logins_are_the_same_after_moving_to_another_organization() {
    run(async |i| {
        people_with_devices(i).await;
        let _worker = Worker::start(i);
        let (ours, theirs) = (("acme", i.administrator.as_str()), ("other", i.stranger.as_str()));
        let file = export(i, ours, true).await;
        let secrets = file.split([',', '\n']).filter(|cell| cell.trim().len() == 24 && !cell.contains('_'));
        assert_eq!((file.matches("-kitchen,").count(), secrets.count()), (1, 4), "{file}");
        let job = import(i, theirs, "", &file).await;
        assert_eq!(counts(&job), [3, 0, 0, 0], "{job}");
        assert_eq!(export(i, theirs, true).await, file);
    });
}

#[test]
fn an_export_without_secrets_gives_new_ones_elsewhere_and_changes_none_at_home() {
    run(async |i| {
        people_with_devices(i).await;
        let _worker = Worker::start(i);
        let (ours, theirs) = (("acme", i.administrator.as_str()), ("other", i.stranger.as_str()));
        let (file, before) = (export(i, ours, false).await, export(i, ours, true).await);
        let secret = before.lines().nth(2).unwrap().split(',').find(|cell| cell.len() == 24).unwrap();
        assert!(!file.contains(secret), "{file}");
        import(i, theirs, "", &file).await;
        assert_eq!(export(i, theirs, false).await, file);
        let moved = export(i, theirs, true).await;
        assert!(moved.lines().nth(2).unwrap().split(',').any(|cell| cell.len() == 24), "{moved}");
        assert!(!moved.contains(secret), "{moved}");
        let job = import(i, ours, "match=username", &file).await;
        assert_eq!(counts(&job), [0, 0, 3, 0], "{job}");
        assert_eq!(export(i, ours, true).await, before);
    });
}

#[test]
fn a_dry_run_says_of_each_row_what_a_writing_one_then_does() {
    run(async |i| {
        people_with_devices(i).await;
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let file = export(i, ours, true).await;
        let kitchen = file.split(',').find(|cell| cell.ends_with("-kitchen")).unwrap();
        let changes = [
            (file.clone(), [0, 0, 3, 0]),
            (file.replacen("Somebody", "Ana", 1), [0, 1, 2, 0]),
            // The first name comes back with it.
            (file.replace(kitchen, "1002-shed"), [0, 2, 1, 0]),
            (file.replace(",own,", ",none,"), [0, 3, 0, 0]),
        ];
        for (file, expect) in changes {
            let dry = import(i, ours, "match=username&dry_run=true", &file).await;
            assert_eq!(counts(&dry), expect, "{file}");
            let done = import(i, ours, "match=username", &file).await;
            assert_eq!(counts(&done), expect, "{file}");
            let again = import(i, ours, "match=username&dry_run=true", &file).await;
            assert_eq!(counts(&again), [0, 0, 3, 0], "{file}");
        }
    });
}

#[test]
fn a_login_or_address_of_a_device_that_somebody_else_has_is_an_error_of_its_row() {
    run(async |i| {
        people_with_devices(i).await;
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let header = "display_name,extension,username,device_mac,device_auth_name,device_2_auth_name";
        let rows = "Eva,2001,eva,001565000001,eva-desk,1002-kitchen\nIda,2002,ida,001565000001,EVA,ida\n";
        let job = import(i, ours, "", &format!("{header}\n{rows}")).await;
        let problems: Vec<String> = job["summary"]["problems"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| {
                ["row", "column", "found", "reason"].map(|k| p[k].to_string().replace('"', "")).join(" ")
            })
            .collect();
        let expect = [
            "1 device_2_auth_name 1002-kitchen is that of Kitchen, a device of Somebody (extension 1002)",
            "2 device_auth_name EVA is also in row 1",
            "2 device_mac 00:15:65:00:00:01 is also in row 1",
            "2 device_2_auth_name ida is in this row twice",
        ];
        let mut sorted = problems.clone();
        sorted.sort();
        let mut expect = expect.map(str::to_string).to_vec();
        expect.sort();
        assert_eq!(sorted, expect, "{job}");
    });
}

#[test]
fn the_file_of_a_dry_run_is_kept_for_an_hour_and_that_of_an_import_for_a_week() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let file = "display_name,extension\nAna,1001\n";
        let dry = import(i, ours, "dry_run=true", file).await;
        let done = import(i, ours, "", file).await;
        assert_eq!(
            (&dry["options"]["dry_run"], &done["options"]["dry_run"]),
            (&true.into(), &false.into()),
            "{dry} {done}"
        );
        let kept = || {
            let organization = i.app.store().read(|r| r.organization_by_slug("acme")).unwrap().unwrap();
            i.app.store().read(|r| r.job_inputs(organization.id)).unwrap()
        };
        let ids: Vec<String> = kept().iter().map(|input| input.job.to_string()).collect();
        assert_eq!(ids, [dry["id"].as_str().unwrap(), done["id"].as_str().unwrap()]);
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
        let hours = |n: i64| muster_domain::types::UnixMillis(now + n * 3_600_000 + 60_000);
        i.app.store().write(|tx| tx.expire_job_inputs(hours(0))).unwrap();
        assert_eq!(kept().len(), 2);
        i.app.store().write(|tx| tx.expire_job_inputs(hours(1))).unwrap();
        assert_eq!(kept().len(), 1, "the dry run's is gone");
        i.app.store().write(|tx| tx.expire_job_inputs(hours(7 * 24))).unwrap();
        assert_eq!(kept().len(), 0);
    });
}

#[test]
fn the_answer_says_how_many_rows_would_be_taken_without_the_wrong_ones() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let file = "display_name,extension\nAna,1001\nEva,10 02\nIda,1003\n";
        let refused = import(i, ours, "dry_run=true", file).await;
        assert_eq!((&refused["state"], &refused["summary"]["good_rows"]), (&"failed".into(), &2.into()));
        let taken = import(i, ours, "good_rows_only=true", file).await;
        assert_eq!((&taken["state"], &taken["summary"]["created"]), (&"done".into(), &2.into()), "{taken}");
    });
}

#[test]
fn an_import_that_was_taken_back_says_so_when_it_shall_be_again() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let job = import(i, ours, "", "display_name,extension\nAna,1001\nEva,1002\n").await;
        let undo = format!("/jobs/{}/undo", job["id"].as_str().unwrap());
        let first = i.admin("POST", &undo).send().await.expect(200).json();
        assert_eq!(first["notes"], json!([]), "contacts have no phone to sign off");
        let again = i.admin("POST", &undo).send().await.problem(409, "undone-already");
        let by = again["detail"].as_str().unwrap().strip_prefix("already taken back by change ").unwrap();
        let by: u64 = by.parse().unwrap();
        assert!(by > 4 && by <= first["seq"].as_u64().unwrap(), "{again}");
        assert!(again["errors"][0]["mend"].as_str().unwrap().contains("together"), "{again}");
        let undo = async |seq: u64, together: bool| {
            let body = json!({ "together": together });
            i.admin("POST", &format!("/changes/{seq}/undo")).json(&body).send().await
        };
        let redone = undo(by, true).await.expect(200).json()["seq"].as_u64().unwrap();
        let people = i.admin("GET", "/users?total=true").send().await.expect(200).json();
        assert_eq!(people["total"], 2);
        // One of them goes again by herself: the rest is not said to be gone.
        let alone = undo(redone, false).await.expect(200).json()["seq"].as_u64().unwrap();
        let refused = undo(redone, true).await.problem(409, "in-the-way");
        let reason = refused["errors"][0]["reason"].as_str().unwrap();
        assert!(reason.contains("was taken back already, by change"), "{refused}");
        undo(alone, true).await.expect(200);
        undo(redone, true).await.expect(200);
    });
}

#[test]
fn what_is_in_the_way_of_taking_an_import_back_is_said_by_name_with_who_did_it() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let job =
            import(i, ours, "", "display_name,extension\nAna Silva,1001\nEva Braun,1002\nIda,1003\n").await;
        let undo = format!("/jobs/{}/undo", job["id"].as_str().unwrap());
        let users = i.admin("GET", "/users?sort=extension").send().await.json();
        let id = |n: usize| users["items"][n]["id"].as_str().unwrap().to_string();
        let sales = json!({ "department": "Sales" });
        let changed =
            i.admin("PATCH", &format!("/users/{}", id(0))).header("if-match", "*").json(&sales).send();
        let changed = changed.await.expect(200);
        i.admin("DELETE", &format!("/users/{}", id(1))).header("if-match", "*").send().await;
        let refused = i.admin("POST", &undo).send().await.problem(409, "moved");
        let said: Vec<String> = refused["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| format!("{} {}", e["field"].as_str().unwrap(), e["reason"].as_str().unwrap()))
            .collect();
        let seq: u64 = changed.header("muster-seq").parse().unwrap();
        let expect = [
            format!(
                "user Eva Braun (extension 1002) was removed since, by change {} of administrator",
                seq + 1
            ),
            format!(
                "department of Ana Silva (extension 1001) was changed since, by change {seq} of administrator"
            ),
        ];
        assert_eq!(said, expect, "{refused}");
    });
}

#[test]
fn a_device_that_was_given_since_keeps_its_person_from_being_taken_back() {
    run(async |i| {
        let user = i.user("1001", "Ana Silva").await;
        let id = user["id"].as_str().unwrap();
        let made = i.admin("GET", &format!("/users/{id}/history")).send().await.json();
        let seq = made["items"][0]["seq"].as_u64().unwrap();
        let body = json!({ "device": "Kitchen" });
        i.admin("POST", &format!("/users/{id}/credentials")).json(&body).send().await.expect(200);
        let refused = i.admin("POST", &format!("/changes/{seq}/undo")).send().await.problem(409, "moved");
        let said = refused["detail"].as_str().unwrap();
        let expect = "device Kitchen was given to Ana Silva (extension 1001) since, by change";
        assert!(said.starts_with(expect), "{refused}");
    });
}

#[test]
fn who_has_an_extension_username_or_login_is_said_by_name() {
    run(async |i| {
        let user = i.user("1001", "Ana Silva").await;
        let path = format!("/users/{}/credentials", user["id"].as_str().unwrap());
        i.admin("POST", &path).json(&json!({ "device": "Kitchen" })).send().await.expect(200);
        let add = async |username: &str, extension: &str| {
            let body = json!({ "display_name": "Eva", "username": username, "extension": extension });
            i.admin("POST", "/users").json(&body).send().await.problem(409, "taken")["detail"].clone()
        };
        let ana = "Ana Silva (extension 1001)";
        assert_eq!(add("eva", "1001").await, format!("extension 1001 is taken by {ana}"));
        assert_eq!(add("1001", "1002").await, format!("username 1001 is taken by {ana}"));
        let device = add("1001-kitchen", "1002").await;
        assert_eq!(device, format!("username 1001-kitchen is taken by the device Kitchen of {ana}"));
    });
}

#[test]
fn weak_passwords_and_one_digit_are_remarked_and_emergency_numbers_are_refused() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let rows = "Ana,1001,1001\nEva,1002,1234\nIda,7,4711\nUma,1003,74ethJ4FHVB6qgJb\nMia,112,\n";
        let file = format!("display_name,extension,sip_password\n{rows}");
        let job = import(i, ours, "good_rows_only=true", &file).await;
        assert_eq!(counts(&job), [4, 0, 0, 1], "{job}");
        let expect = [
            "extension is an emergency number: whoever dials it must reach help 1 false",
            "sip_password is made of digits alone 2 true",
            "sip_password is the extension, or the name that the phone signs in with 1 true",
            "extension has one digit: no longer extension that begins with it can be dialled without waiting 1 true",
        ];
        assert_eq!(
            listed(&job["summary"]["causes"], &["column", "reason", "rows", "remark"]),
            expect,
            "{job}"
        );
        assert!(!job.to_string().contains("4711"), "no password is shown: {job}");
        let wrong = |job: &Value| {
            let problems = job["summary"]["problems"].as_array().unwrap().clone();
            problems.into_iter().filter(|p| p["remark"] == false).collect::<Vec<_>>()
        };
        let said = wrong(&job);
        assert_eq!((said.len(), &said[0]["found"]), (1, &json!("112")), "{said:?}");
        let body = json!({ "display_name": "Mia", "extension": "911" });
        let refused = i.admin("POST", "/users").json(&body).send().await.problem(400, "invalid");
        assert!(refused["detail"].as_str().unwrap().contains("is an emergency number"), "{refused}");
    });
}

#[test]
fn what_an_option_would_allow_is_said_with_the_name_of_the_option() {
    run(async |i| {
        let user = json!({ "display_name": "Ana", "extension": "1001", "email": "a@example.com" });
        i.admin("POST", "/users").json(&user).send().await.expect(201);
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let rows =
            "Eva,1002,a@example.com,Leeds,Elsewhere\nIda,1001,,Main,builtin\nUma,1004,a@example.com,Main,\n";
        let file = format!("display_name,extension,email,site,connection\n{rows}");
        let job = import(i, ours, "dry_run=true", &file).await;
        let problems = job["summary"]["problems"].as_array().unwrap();
        let said: Vec<String> = problems
            .iter()
            .map(|p| ["row", "column", "option"].map(|k| p[k].to_string().replace('"', "")).join(" "))
            .collect();
        let expect = [
            "1 site create_sites",
            "1 connection null",
            "1 email allow_shared_emails",
            "2 extension match",
            "3 email allow_shared_emails",
        ];
        assert_eq!(said, expect, "{job}");
        assert_eq!(problems[1]["mend"], "name one of: Built-in");
        let unknown = i.admin("POST", "/imports").text("text/csv", "Nom,Poste\nA,1\n").send().await;
        assert_eq!(unknown.problem(400, "file")["errors"][0]["option"], "mapping");
        let more = i.admin("POST", "/imports").text("text/csv", "extension,Colour\n1,red\n").send().await;
        assert_eq!(more.problem(400, "file")["errors"][0]["option"], "format=muster");
    });
}

#[test]
fn a_file_without_usernames_or_names_updates_those_it_means_and_renames_nobody() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let header = "display_name,given_name,family_name,username,extension,email";
        let rows = "Boss,Ana,Silva,ana,1001,ana@example.com\nEva Braun,Eva,Braun,eva,1002,eva@example.com\n";
        let job = import(i, ours, "", &format!("{header}\n{rows}")).await;
        assert_eq!(counts(&job), [2, 0, 0, 0], "{job}");
        let shown = async || {
            let users = i.admin("GET", "/users?sort=extension").send().await.json();
            let all = users["items"].as_array().unwrap().clone();
            let one = |u: &Value| {
                ["username", "display_name", "department"]
                    .map(|n| u[n].as_str().unwrap_or("-").to_owned())
                    .join(" ")
            };
            all.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        let check = async |options: &str, file: &str, expect: &str| {
            let job = import(i, ours, options, file).await;
            assert_eq!((counts(&job)[3], &job["state"]), (0, &json!("done")), "{file}: {job}");
            assert_eq!(shown().await, expect, "{file}");
        };
        let file = "display_name,extension,department\nBoss,1001,Sales\n";
        check("match=extension", file, "ana Boss Sales, eva Eva Braun -").await;
        let freepbx = "extension,name,tech,email,department\n1001,,pjsip,,Law\n1002,,pjsip,,Law\n";
        check("match=extension", freepbx, "ana Boss Law, eva Eva Braun Law").await;
        let webex = "First Name,Last Name,User ID/Email (Required),Department\n\
                     Ana,Lopes,ana@example.com,IT\nEva,Lopes,eva@example.com,IT\n";
        // The name that was chosen stays; the one made of its parts follows them.
        check("match=email", webex, "ana Boss IT, eva Eva Lopes IT").await;
        let mikopbx = "number,user_username,user_email\n1001,Chief,ana@example.com\n";
        check("match=extension", mikopbx, "ana Chief IT, eva Eva Lopes IT").await;
        let update = "extension,department\n1001,Law\n1002,Law\n";
        let unmatched = import(i, ours, "", update).await;
        let problem = &unmatched["summary"]["problems"][0];
        assert_eq!([&problem["column"], &problem["option"]], ["display_name", "match"], "{unmatched}");
        check("match=extension", update, "ana Chief Law, eva Eva Lopes Law").await;
        let new = import(i, ours, "match=email", "email,display_name,extension\nx@example.com,,\n").await;
        let said = new["summary"]["problems"].to_string();
        assert!(
            said.contains("give a username or an extension") && said.contains("the name that others"),
            "{new}"
        );
    });
}
