//! What became of the files that were imported: which there were, and the rows that were not taken.

use std::sync::atomic::{AtomicBool, Ordering};

use muster_domain::ids::{JobId, OrgId};
use serde_json::Value;
use uuid::Uuid;

use crate::common::{Installation, run};
use crate::imports::{Worker, import};

/// Rows 2 and 4 are wrong.
const CSV: &str = "Staff of Leeds;;;\r\n\r\nname;extension;password;mobile\r\nAna;0100;\"p;1\";\r\n\
                   Bo;12x4;\"q\"\"\";\r\nCy;0102;r;\r\n\"=cmd|x\";0103;s;0044\r\nEd;0104;t;\r\n";
const REJECTED: &str = "name;extension;password;mobile\r\nBo;12x4;\"q\"\"\";\r\n\"=cmd|x\";0103;s;0044\r\n";

fn id_of(job: &Value) -> &str {
    job["id"].as_str().unwrap()
}

/// Errors by column and cell, without their places.
fn errors(job: &Value) -> Vec<String> {
    let problems = job["summary"]["problems"].as_array().unwrap().iter();
    let text = |p: &Value| format!("{}: {} {}", p["column"], p["found"], p["reason"]);
    problems.filter(|p| p["remark"] == false).map(text).collect()
}

#[test]
fn rows_that_were_not_taken_are_a_file_that_is_judged_as_they_were() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        for (options, state) in [("dry_run=true", "failed"), ("", "failed"), ("good_rows_only=true", "done")]
        {
            let job = import(i, ours, &format!("{options}&file_name=dir%2FStaff%20list.csv"), CSV).await;
            assert_eq!((job["state"].as_str(), errors(&job).len()), (Some(state), 2), "{job}");
            let path = format!("/imports/{}/rejected", id_of(&job));
            let answer = i.admin("GET", &path).send().await.expect(200);
            assert_eq!(answer.text, REJECTED, "{options}");
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(answer.header("content-type").starts_with("text/csv"));
            let name = "attachment; filename=\"Staff_list-rejected.csv\"";
            assert_eq!(answer.header("content-disposition"), name);
            let again = import(i, ours, "dry_run=true", &answer.text).await;
            assert_eq!(errors(&again), errors(&job));
            assert_eq!(again["summary"]["format"], job["summary"]["format"]);
            assert_eq!(again["summary"]["rejected"], 2);
        }
    });
}

#[test]
fn rejected_rows_hold_passwords_and_are_for_those_who_may_import_and_while_the_file_is_kept() {
    run(async |i| {
        let _worker = Worker::start(i);
        let job = import(i, ("acme", &i.administrator), "dry_run=true", CSV).await;
        let path = format!("/imports/{}/rejected", id_of(&job));
        let whole = |org: &str| format!("/api/v1/organizations/{org}{path}");
        i.call("GET", &whole("acme")).by(&i.reader).send().await.problem(403, "not-permitted");
        i.call("GET", &whole("other")).by(&i.stranger).send().await.problem(404, "not-found");
        let right =
            import(i, ("acme", &i.administrator), "dry_run=true", "name,extension,password\nA,1,p\n").await;
        let none = i.admin("GET", &format!("/imports/{}/rejected", id_of(&right))).send().await;
        let none = none.problem(409, "not-allowed");
        assert!(none["detail"].as_str().unwrap().contains("no row of this import was refused"), "{none}");
        drop_file(i, id_of(&job));
        let gone = i.admin("GET", &path).send().await.problem(410, "expired");
        let said = gone["detail"].as_str().unwrap();
        assert!(said.contains("no longer kept") && said.contains("import the file again"), "{said}");
    });
}

fn drop_file(i: &Installation, job: &str) {
    let store = i.app.store();
    let org: OrgId = store.read(|r| r.organization_by_slug("acme")).unwrap().unwrap().id;
    let job = JobId(Uuid::parse_str(job).unwrap());
    store.write(|tx| tx.drop_job_input(org, job)).unwrap();
}

#[test]
fn the_history_says_what_was_imported_by_whom_what_came_of_it_and_what_took_it_back() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let dry = import(i, ours, "dry_run=true&file_name=a.csv", CSV).await;
        let done = import(i, ours, "good_rows_only=true&activate=none&file_name=C%3A%5Cb.csv", CSV).await;
        let before = i.admin("GET", "/changes?limit=1000").send().await.expect(200).json();
        let before = before["items"].as_array().unwrap().len() as u64;
        i.admin("POST", &format!("/jobs/{}/undo", id_of(&done))).send().await.expect(200);
        drop_file(i, id_of(&dry));
        let list = i.admin("GET", "/imports").send().await.expect(200).json();
        let [newest, oldest] = list["items"].as_array().unwrap().as_slice() else { panic!("{list}") };
        let said = |item: &Value| -> Vec<String> {
            let keys =
                ["id", "file_name", "format", "state", "dry_run", "rows", "created", "rejected", "file_kept"];
            keys.iter().map(|key| item[key].to_string().trim_matches('"').to_string()).collect()
        };
        assert_eq!(said(newest)[1..], ["b.csv", "ringotel", "done", "false", "5", "3", "2", "true"]);
        assert_eq!(said(oldest)[1..], ["a.csv", "ringotel", "failed", "true", "5", "3", "2", "false"]);
        assert_eq!((newest["id"].as_str(), oldest["id"].as_str()), (Some(id_of(&done)), Some(id_of(&dry))));
        assert_eq!(newest["options"], serde_json::json!(["activate=none", "good_rows_only"]));
        assert_eq!((&newest["undone_by"], &oldest["undone_by"]), (&Value::from(before + 1), &Value::Null));
        assert!(!newest["by"].as_str().unwrap().is_empty(), "{newest}");
        let page = i.admin("GET", "/imports?limit=1").send().await.expect(200).json();
        let cursor = page["next_cursor"].as_str().unwrap();
        let rest = i.admin("GET", &format!("/imports?cursor={cursor}")).send().await.expect(200).json();
        assert_eq!(rest["items"][0]["id"], dry["id"]);
    });
}

/// Somebody tries to get into the page by whatever a file can hold.
const HOSTILE: &str = "Number,FirstName,LastName,EmailAddress,AuthPassword,MAC_0,Disabled,RecordCalls,SIPID,<script>x</script>\n\
    100,Ana,\"<img src=x onerror=alert(1)>\",a@example.com,secret1,001565000001,0,1,,\"</style><b>\"\n\
    101,Bo,Silva,a@example.com,,,1,0,,\n\
    102,Cy,Lee,,n0t-Easy-To-Guess,001565000002,0,1,ana,\n\
    <b>103</b>,Di,Oz,d@example.com,n0t-Easy-To-Guess,,0,0,,\n";

#[test]
fn the_move_in_report_says_what_maps_what_does_not_and_what_is_left_to_do() {
    run(async |i| {
        let _worker = Worker::start(i);
        let ours = ("acme", i.administrator.as_str());
        let nobody = "dry_run=true&allow_shared_emails=true&good_rows_only=true&activate=none";
        let contacts = import(i, ours, nobody, HOSTILE).await;
        let of_contacts = format!("/imports/{}/report", id_of(&contacts));
        let of_contacts = i.admin("GET", &of_contacts).send().await.expect(200).text;
        assert!(of_contacts.contains("Point 2 desk phones"), "{of_contacts}");
        assert!(!of_contacts.contains("sign in here"), "nobody who is not activated signs in: {of_contacts}");
        let options = "allow_shared_emails=true&good_rows_only=true&activate=all&file_name=staff.csv";
        let job = import(i, ours, options, HOSTILE).await;
        let path = format!("/imports/{}/report", id_of(&job));
        let report = i.admin("GET", &path).send().await.expect(200).json();
        let figures: Vec<u64> =
            ["rows", "created", "rejected", "activated"].map(|k| report[k].as_u64().unwrap()).into();
        assert_eq!(figures, [4, 3, 1, 3], "{report}");
        assert_eq!((&report["outcome"], &report["format"]), (&"done".into(), &"3CX".into()));
        let steps = report["steps"].as_array().unwrap().iter();
        let steps: Vec<&str> = steps.map(|step| step["what"].as_str().unwrap()).collect();
        assert_eq!(
            steps,
            [
                "Mend 1 row that is not taken",
                "Give the phones of 1 person their new passwords",
                "Point 2 desk phones at this server",
                "Have the phones of 2 people sign in here",
                "Replace the SIP passwords of 1 person that can be guessed",
                "Give 2 people who share 1 email an address of their own",
                "Ask 1 person for an email",
                "Set up by hand what this column may hold: RecordCalls (2 rows)",
                "Set up by hand what this column may hold: SIPID (1 row)",
                "Set up by hand what this column may hold: <script>x</script> (1 row)",
            ]
        );
        assert_eq!(
            report["taken"][0],
            serde_json::json!({"header": "Number", "field": "extension", "rows": 4})
        );
        assert_eq!(report["problems"][0]["first_rows"], serde_json::json!([4]));
        i.admin("POST", &format!("/jobs/{}/undo", id_of(&job))).send().await.expect(200);
        let report = i.admin("GET", &path).send().await.expect(200).json();
        assert_eq!(report["outcome"], "undone");
        assert!(report["undone_by"].as_u64().is_some());
    });
}

#[test]
fn the_report_is_a_page_into_which_no_file_gets_and_a_text_for_a_terminal() {
    run(async |i| {
        let _worker = Worker::start(i);
        let job =
            import(i, ("acme", &i.administrator), "dry_run=true&file_name=%3Cb%3E%1B[2J.csv", HOSTILE).await;
        let path = format!("/imports/{}/report", id_of(&job));
        let page = i.admin("GET", &path).header("accept", "text/html,*/*;q=0.8").send().await.expect(200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'; style-src 'sha256-"), "{policy}");
        let tags: std::collections::BTreeSet<&str> = page
            .text
            .split('<')
            .skip(1)
            .map(|tag| tag.split([' ', '>', '/']).find(|n| !n.is_empty()).unwrap())
            .collect();
        let ours = "!doctype b body code h1 h2 head header html li main meta ol p section style table tbody td th thead title tr ul";
        assert_eq!(tags.into_iter().collect::<Vec<_>>().join(" "), ours);
        assert!(page.text.contains("&lt;script&gt;x&lt;/script&gt;"), "{}", page.text);
        assert_eq!(page.text.matches("</style>").count(), 1);
        let hash = style_hash(&page.text);
        assert!(policy.contains(&hash), "{hash}: {policy}");
        let text = i.admin("GET", &format!("{path}?format=text")).send().await.expect(200);
        assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
        assert!(!text.text.contains('\u{1b}') && text.text.contains("To be done by hand"), "{}", text.text);
        assert!(text.text.contains("\n    found `<b>103</b>` (1 row)\n"), "{}", text.text);
        assert!(
            page.text.contains("<p>found <code>&lt;b&gt;103&lt;/b&gt;</code> (1 row)</p>"),
            "{}",
            page.text
        );
        assert!(!text.text.contains("secret1") && !page.text.contains("secret1"));
        assert_eq!(i.admin("GET", &format!("{path}?format=pdf")).send().await.wrong_fields(), ["format"]);
    });
}

/// As a browser computes it: over all that stands between the tags.
fn style_hash(page: &str) -> String {
    use base64::Engine as _;
    use sha2::{Digest, Sha256};
    let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(style.as_bytes()))
}

#[test]
fn an_extension_that_begins_like_an_emergency_number_is_taken_and_said() {
    run(async |i| {
        let _worker = Worker::start(i);
        let csv = "name,extension,password\nAna,9110,n0t-Easy-To-Guess\nBo,1101,n0t-Easy-To-Guess\n";
        let job = import(i, ("acme", &i.administrator), "", csv).await;
        let remarks = job["summary"]["causes"].as_array().unwrap();
        assert_eq!(remarks.len(), 1, "{job}");
        let said = remarks[0]["reason"].as_str().unwrap();
        assert!(said.starts_with("begins with an emergency number: a phone that dials by itself"), "{said}");
        assert_eq!(job["summary"]["created"], 2);
    });
}

#[test]
fn a_long_history_is_whole_and_in_its_order() {
    run(async |i| {
        let _worker = Worker::start(i);
        let mut ids = Vec::new();
        for number in 0..43 {
            let options = format!("dry_run=true&file_name={number}.csv");
            let job =
                import(i, ("acme", &i.administrator), &options, "name,extension,password\nA,1,p\n").await;
            ids.insert(0, id_of(&job).to_string());
        }
        let list = i.admin("GET", "/imports").send().await.expect(200).json();
        let items = list["items"].as_array().unwrap().iter();
        let listed: Vec<String> = items.map(|item| item["id"].as_str().unwrap().to_string()).collect();
        assert_eq!((listed, &list["next_cursor"]), (ids, &Value::Null));
    });
}

#[test]
fn one_workbook_is_read_at_a_time_and_no_other_file_waits_for_it() {
    run(async |i| {
        let _worker = Worker::start(i);
        let job = import(i, ("acme", &i.administrator), "dry_run=true", CSV).await;
        let rejected = format!("/imports/{}/rejected", id_of(&job));
        // An archive without an end: it is refused as soon as it is opened.
        let packed = |path| i.admin("POST", path).text("application/octet-stream", "PK\u{3}\u{4}").send();
        let listed = |path| i.admin("POST", path).text("text/csv", "name,extension\nA,1\n").send();
        for (method, path, status) in
            [("POST", "/imports", 400), ("POST", "/imports/mapping", 400), ("GET", rejected.as_str(), 200)]
        {
            // The organization's own is in the way at once; another's is waited for.
            let own = i.app.store().read(|r| r.organization_by_slug("acme")).unwrap().unwrap().id;
            let held = i.state.place_to_open(own, true).await.unwrap();
            let refused = match method {
                "GET" => i.admin("GET", path).send().await,
                _ => packed(path).await,
            };
            assert_eq!(refused.status, 503, "{path}: {refused:?}");
            drop(held);
            let held = i.state.place_to_open(OrgId(uuid::Uuid::nil()), true).await.unwrap();
            let is_free = AtomicBool::new(false);
            let waits = async {
                let answer = match method {
                    "GET" => i.admin("GET", path).send().await,
                    _ => packed(path).await,
                };
                assert!(is_free.load(Ordering::SeqCst), "{path} did not wait: {answer:?}");
                answer.expect(status);
            };
            let passes = async {
                for _ in 0..10 {
                    listed("/imports/mapping").await.expect(200);
                }
                is_free.store(true, Ordering::SeqCst);
                drop(held);
            };
            tokio::join!(waits, passes);
        }
    });
}
