//! What a file says of people whom somebody else's row, or an earlier import, has to do with.

use serde_json::{Value, json};

use crate::common::run;
use crate::imports::{Worker, counts, import};
use crate::lists::encoded;

/// Errors by row and column, with what was found.
fn errors(job: &Value) -> Vec<String> {
    let problems = job["summary"]["problems"].as_array().unwrap().iter();
    let text = |p: &Value| format!("{} {} {}: {}", p["row"], p["column"], p["found"], p["reason"]);
    problems.filter(|p| p["remark"] == false).map(text).map(|line| line.replace('"', "")).collect()
}

fn user<'v>(users: &'v Value, username: &str) -> &'v Value {
    users["items"].as_array().unwrap().iter().find(|user| user["username"] == username).unwrap()
}

#[test]
fn a_mailbox_of_somebody_who_will_not_be_there_is_an_error_of_its_row() {
    const CSV: &str = "username,display_name,extension,mailbox\n\
                       ana,Ana,1001,user:bo\nbo,Bo,1002,own\ncy,Cy,1003,nobody\ndi,Di,1004,name:Reception\n\
                       ed,Ed,12x4,own\nflo,Flo,1006,ed\ngus,Gus,1007,flo\nhal,Hal,1008,none\n";
    const SAID: [&str; 5] = [
        "3 mailbox nobody: names somebody who is neither here nor taken from the file",
        "4 mailbox name:Reception: is the name of no mailbox here",
        "5 extension 12x4: ",
        "6 mailbox ed: names the person of row 5, which is not taken",
        "7 mailbox flo: names the person of row 6, which is not taken",
    ];
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        for options in ["dry_run=true", "", "good_rows_only=true"] {
            let job = import(i, ours, options, CSV).await;
            let said = errors(&job);
            assert_eq!(said.len(), SAID.len(), "{said:#?}");
            for (said, expect) in said.iter().zip(SAID) {
                assert!(said.starts_with(expect), "{said}");
            }
            assert_eq!(counts(&job), [3, 0, 0, 5], "{options}");
            assert_eq!(job["summary"]["contacts"], 3);
        }
        // Ed and Bo are there now, one of them without a mailbox.
        let then = "username,display_name,extension,mailbox\nida,Ida,1009,bo\njo,Jo,1010,hal\n";
        let job = import(i, ours, "good_rows_only=true", then).await;
        assert_eq!(errors(&job), ["2 mailbox hal: names somebody who has no mailbox of their own"]);
        assert_eq!(counts(&job), [1, 0, 0, 1]);
    });
}

#[test]
fn a_phone_whose_person_was_removed_becomes_that_of_the_person_whose_row_names_it() {
    const CSV: &str = "username,display_name,extension,device_name,device_mac\n\
                       ana,Ana,1001,Desk,001565000001\nbo,Bo,1002,Desk,001565000002\n";
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        assert_eq!(counts(&import(i, ours, "", CSV).await), [2, 0, 0, 0]);
        let devices = i.admin("GET", "/devices").send().await.expect(200).json();
        let ids = |devices: &Value| -> Vec<String> {
            let all = devices["items"].as_array().unwrap().iter();
            let mut ids: Vec<String> = all.map(|d| d["id"].as_str().unwrap().to_string()).collect();
            ids.sort();
            ids
        };
        assert_eq!(ids(&devices).len(), 2);
        let users = i.admin("GET", "/users").send().await.expect(200).json();
        let ana = user(&users, "ana")["id"].as_str().unwrap().to_string();
        i.admin("DELETE", &format!("/users/{ana}")).send().await.expect(204);
        let again = "username,display_name,extension,device_name,device_mac\n\
                     ana,Ana,1001,Hall,001565000001\ncy,Cy,1003,Desk,001565000002\n";
        let job = import(i, ours, "good_rows_only=true", again).await;
        assert_eq!(counts(&job), [1, 0, 0, 1], "{job}");
        let said = errors(&job);
        assert!(said.len() == 1 && said[0].contains("is that of Desk, a device of Bo"), "{said:?}");
        let remarks = job["summary"]["problems"].as_array().unwrap().iter().filter(|p| p["remark"] == true);
        let remarks: Vec<&str> = remarks.map(|p| p["reason"].as_str().unwrap()).collect();
        assert_eq!(remarks, ["is that of Desk, a device that nobody uses: it becomes this person's"]);
        let after = i.admin("GET", "/devices").send().await.expect(200).json();
        assert_eq!(ids(&after), ids(&devices), "no device was made");
    });
}

#[test]
fn an_address_of_the_person_whom_the_row_means_is_mended_by_matching_and_not_by_sharing() {
    const CSV: &str = "username,display_name,extension,email\nana,Ana,1001,ana@example.com\n";
    const OTHER: &str = "username,display_name,extension,email\ncy,Cy,1003,ana@example.com\n";
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        import(i, ours, "", CSV).await;
        for (csv, expect) in [(CSV, "match"), (OTHER, "allow_shared_emails")] {
            let job = import(i, ours, "dry_run=true", csv).await;
            let mut all = job["summary"]["problems"].as_array().unwrap().iter();
            let email = all.find(|p| p["column"] == "email").unwrap();
            assert_eq!(email["option"], expect, "{job}");
        }
    });
}

#[test]
fn an_import_that_was_taken_back_and_brought_again_is_not_taken_back_in_the_history() {
    const CSV: &str = "username,display_name,extension\nana,Ana,1001\nbo,Bo,1002\n";
    run(async |i| {
        let _worker = Worker::start(i);
        let job = import(i, ("acme", i.administrator.as_str()), "", CSV).await;
        i.admin("POST", &format!("/jobs/{}/undo", job["id"].as_str().unwrap())).send().await.expect(200);
        let list = i.admin("GET", "/imports").send().await.expect(200).json();
        let by = list["items"][0]["undone_by"].as_u64().unwrap();
        let path = format!("/changes/{by}/undo");
        i.admin("POST", &path).json(&json!({ "together": true })).send().await.expect(200);
        let list = i.admin("GET", "/imports").send().await.expect(200).json();
        assert_eq!(list["items"][0]["undone_by"], Value::Null);
    });
}

#[test]
fn a_number_that_reaches_nobody_is_remarked() {
    const CSV: &str = "username,display_name,extension,mobile_number\n\
                       ana,Ana,1001,+4401134960003\nbo,Bo,1002,+44 (0)113 496 0004\n";
    run(async |i| {
        let _worker = Worker::start(i);
        let job = import(i, ("acme", i.administrator.as_str()), "", CSV).await;
        assert_eq!(counts(&job), [2, 0, 0, 0]);
        let remarks = job["summary"]["problems"].as_array().unwrap();
        assert_eq!(remarks.len(), 1, "{remarks:?}");
        assert_eq!((&remarks[0]["row"], &remarks[0]["column"]), (&Value::from(1), &"mobile_number".into()));
        let users = i.admin("GET", "/users").send().await.expect(200).json();
        assert_eq!(user(&users, "bo")["mobile_number"], "+441134960004");
    });
}

#[test]
fn a_password_that_stands_in_another_column_is_not_shown() {
    const SHIFTED: &str = "display_name,extension,sip_password,email,site\n\
                           Silva, Ana,2001,LeakPw_1,a@example.com\nBo,12x4,abcdefgh-1,bo,Nowhere\n";
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let job = import(i, ours, "", SHIFTED).await;
        let text = job.to_string();
        assert!(!text.contains("LeakPw_1") && text.contains("(not shown)"), "{text}");
        assert!(text.contains("12x4") && text.contains("Nowhere"), "what is none is shown: {text}");
        let page = format!("/imports/{}/report?format=html", job["id"].as_str().unwrap());
        assert!(!i.admin("GET", &page).send().await.expect(200).text.contains("LeakPw_1"));
        // A column of passwords that is taken for another.
        let mapping = "[columns]\nName = \"display_name\"\nPassword = \"email\"\nExt = \"extension\"\n";
        let options = format!("mapping={}", encoded(mapping));
        let job = import(i, ours, &options, "Name,Password,Ext\nAna,weak,1001\n").await;
        assert!(!job.to_string().contains("weak"), "{job}");
        assert_eq!(errors(&job).len(), 1, "{job}");
    });
}
