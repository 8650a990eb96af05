//! Import and export.

use std::time::Duration;

use axum::body::Body;
use serde_json::Value;

use crate::common::{Installation, run};

const CSV: &str =
    "display_name,extension,username,sip_password\nAna,1001,ana,secret-ana-1\nBo,1002,bo,secret-bo-12\n";

/// Works on jobs until this one has ended.
async fn finished(i: &Installation, location: &str) -> Value {
    let app = i.app.clone();
    let worker = std::thread::spawn(move || app.work_on_jobs("test"));
    for _ in 0..200 {
        let job = i.call("GET", location).by(&i.reader).send().await.expect(200).json();
        if matches!(job["state"].as_str(), Some("done" | "failed" | "cancelled")) {
            i.app.stop_jobs();
            worker.join().unwrap();
            return job;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the job does not end");
}

#[test]
fn a_file_becomes_a_job_and_the_job_people() {
    run(async |i| {
        let answer = i.admin("POST", "/imports?activate=all").text("text/csv", CSV).send().await.expect(202);
        assert!(matches!(answer.json()["state"].as_str(), Some("queued" | "running")), "{}", answer.text);
        let location = answer.header("location").to_string();
        let job = finished(i, &location).await;
        assert_eq!(job["state"], "done", "{job}");
        assert_eq!(job["summary"]["created"], 2, "{job}");
        assert_eq!(job["options"]["activate"], "all", "{job}");
        let results = i.call("GET", &format!("{location}/results?limit=1")).by(&i.reader).send().await.json();
        assert_eq!(results["items"][0]["outcome"], "created");
        let cursor = results["next_cursor"].as_str().unwrap();
        let rest =
            i.call("GET", &format!("{location}/results?cursor={cursor}")).by(&i.reader).send().await.json();
        assert_eq!(rest["items"].as_array().unwrap().len(), 1);
        let list = i.admin("GET", "/jobs").send().await.expect(200).json();
        assert!(list["items"][0]["summary"].get("problems").is_none(), "{list}");

        let export = i.admin("GET", "/export.csv").send().await.expect(200);
        assert!(export.header("content-type").starts_with("text/csv"));
        assert!(export.header("content-disposition").contains("acme.csv"));
        assert!(export.text.contains("Ana") && !export.text.contains("secret-ana-1"), "{}", export.text);
        let secrets = i.admin("GET", "/export.csv?with_secrets=true").send().await.expect(200);
        assert!(secrets.text.contains("secret-ana-1"), "{}", secrets.text);
        let kinds = i.admin("GET", "/changes?limit=1000").send().await.text;
        assert_eq!(kinds.matches("organization.secrets_exported").count(), 1, "{kinds}");

        let undone =
            i.call("POST", &format!("{location}/undo")).by(&i.administrator).send().await.expect(200);
        assert!(undone.json()["changes"].as_u64().unwrap() >= 2, "{}", undone.text);
        assert_eq!(i.admin("GET", "/users?total=true").send().await.json()["total"], 0);
    });
}

#[test]
fn a_form_with_the_file_does_as_well() {
    run(async |i| {
        let form = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"people.csv\"\r\n\
             Content-Type: text/csv\r\n\r\n{CSV}\r\n--b--\r\n"
        );
        let kind = "multipart/form-data; boundary=b";
        let answer = i.admin("POST", "/imports?dry_run=true").text(kind, &form).send().await.expect(202);
        let job = finished(i, answer.header("location")).await;
        assert_eq!(
            (&job["summary"]["created"], &job["summary"]["nothing_written"]),
            (&2.into(), &true.into()),
            "{job}"
        );
        let other = form.replace("name=\"file\"", "name=\"people\"");
        assert_eq!(i.admin("POST", "/imports").text(kind, &other).send().await.wrong_fields(), ["file"]);
        i.admin("POST", "/imports").text(kind, "no form").send().await.problem(400, "unreadable");
        i.admin("POST", "/imports")
            .text("multipart/form-data", &form)
            .send()
            .await
            .problem(400, "unreadable");
    });
}

#[test]
fn a_file_that_is_none_is_refused_before_it_is_a_job() {
    run(async |i| {
        let empty = i.admin("POST", "/imports").text("text/csv", "").send().await.problem(400, "file");
        assert_eq!(empty["errors"][0]["field"], "file", "{empty}");
        let header = "display_name,extension,username\n";
        i.admin("POST", "/imports").text("text/csv", header).send().await.problem(400, "file");
        i.admin("POST", "/imports")
            .text("application/json", CSV)
            .send()
            .await
            .problem(415, "unsupported-media-type");
        let options = "/imports?format=excel&match=name&activate=some&dry_run=1&sideways=true";
        let wrong = i.admin("POST", options).text("text/csv", CSV).send().await.wrong_fields();
        assert_eq!(wrong, ["activate", "dry_run", "match", "sideways"]);
        assert_eq!(
            i.admin("POST", "/imports?format=excel").text("text/csv", CSV).send().await.wrong_fields(),
            ["format"]
        );
        let excel = i.admin("POST", "/imports?format=excel").text("text/csv", CSV).send().await.json();
        let description = i.call("GET", "/openapi.json").send().await.json();
        let parameters = &description["paths"]["/api/v1/organizations/{org}/imports"]["post"]["parameters"];
        let format = parameters.as_array().unwrap().iter().find(|p| p["name"] == "format").unwrap();
        let pattern = format["schema"]["pattern"].as_str().unwrap().trim_matches(['^', '$', '(', ')']);
        let known = pattern.split('|').skip(1).collect::<Vec<_>>().join(", ");
        let said = excel["errors"][0]["mend"].as_str().unwrap();
        assert!(said.ends_with(&known), "the description knows {known}, the import says: {said}");
        assert_eq!(i.admin("GET", "/jobs").send().await.json()["items"].as_array().unwrap().len(), 0);
    });
}

#[test]
fn a_file_over_the_limit_is_refused_without_reading_on() {
    run(async |i| {
        let gigabyte = (1u64 << 30).to_string();
        // Whoever reads this body never ends.
        let endless =
            || Body::from_stream(tokio_stream::pending::<Result<axum::body::Bytes, std::io::Error>>());
        for kind in ["text/csv", "multipart/form-data; boundary=b"] {
            let call =
                i.admin("POST", "/imports").header("content-type", kind).header("content-length", &gigabyte);
            call.body(endless()).send().await.problem(413, "too-large");
        }
    });
}

#[test]
fn the_same_file_with_the_same_key_makes_one_job() {
    run(async |i| {
        let send = async |csv: &str| {
            i.admin("POST", "/imports").header("idempotency-key", "f").text("text/csv", csv).send().await
        };
        let (first, second) = (send(CSV).await.expect(202), send(CSV).await.expect(202));
        assert_eq!(first.header("location"), second.header("location"));
        send(&CSV.replace("Ana", "Eva")).await.problem(409, "idempotency-conflict");
        let location = first.header("location");
        let cancelled =
            i.call("POST", &format!("{location}/cancel")).by(&i.administrator).send().await.expect(200);
        assert_eq!(cancelled.json()["state"], "cancelled");
        let again = i.call("POST", &format!("{location}/cancel")).by(&i.administrator).send().await;
        again.problem(409, "not-allowed");
    });
}

/// People enough that their file does not fit into what is sent ahead of the client's reading.
async fn many_people(i: &Installation, orgs: &[(&str, &str)]) {
    for (org, token) in orgs {
        let mut csv = String::from("display_name,extension,username\n");
        for n in 0..3000 {
            let name = "Ana ".repeat(20);
            csv.push_str(&format!("{},{},{org}-person-number-{n}\n", name.trim(), 10_000 + n));
        }
        let path = format!("/api/v1/organizations/{org}/imports");
        i.call("POST", &path).by(token).text("text/csv", &csv).send().await.expect(202);
    }
    let app = i.app.clone();
    let worker = std::thread::spawn(move || app.work_on_jobs("test"));
    for (org, token) in orgs {
        let list = format!("/api/v1/organizations/{org}/users?total=true&limit=1");
        let mut looks = 0;
        while i.call("GET", &list).by(token).send().await.expect(200).json()["total"] != 3000 {
            looks += 1;
            assert!(looks < 600, "the import into {org} does not end");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    i.app.stop_jobs();
    worker.join().unwrap();
}

#[test]
fn an_export_that_nobody_reads_keeps_nobody_from_the_database() {
    run(async |i| {
        many_people(i, &[("acme", &i.administrator), ("other", &i.stranger)]).await;
        let others = "/api/v1/organizations/other";
        // As many as the database has readers.
        let unread = i.admin("GET", "/export.csv").response().await;
        let unread_too = i.call("GET", &format!("{others}/export.csv")).by(&i.stranger).response().await;
        assert_eq!((unread.status().as_u16(), unread_too.status().as_u16()), (200, 200));
        let length: u64 = unread.headers()["content-length"].to_str().unwrap().parse().unwrap();
        assert!(length > 400_000, "{length} bytes may all have been sent ahead");
        let list = i.call("GET", &format!("{others}/users")).by(&i.stranger).send();
        tokio::time::timeout(Duration::from_secs(2), list).await.expect("an answer").expect(200);

        let again = i.admin("GET", "/export.csv").send().await;
        assert_eq!(again.header("retry-after"), "1");
        again.problem(503, "busy");
        // Whoever reads slowly keeps only themselves waiting.
        let other = i.token("acme", "user_manager").await;
        i.call("GET", "/api/v1/organizations/acme/export.csv").by(&other).send().await.expect(200);
        drop(unread);
        let whole = i.admin("GET", "/export.csv").send().await.expect(200);
        assert_eq!((whole.text.len() as u64, whole.text.lines().count()), (length, 3001));
    });
}

#[test]
fn one_organization_does_not_take_all_places_for_files() {
    run(async |i| {
        let pending =
            || Body::from_stream(tokio_stream::pending::<Result<axum::body::Bytes, std::io::Error>>());
        let send = || i.admin("POST", "/imports").header("content-type", "text/csv").body(pending()).send();
        let mut first = std::pin::pin!(send());
        let mut second = std::pin::pin!(send());
        let others = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let third = i.admin("POST", "/imports").text("text/csv", CSV).send().await;
            third.problem(503, "busy");
            let stranger = i.call("POST", "/api/v1/organizations/other/imports").by(&i.stranger);
            stranger.text("text/csv", CSV).send().await.expect(202);
        };
        tokio::select! {
            _ = first.as_mut() => panic!("a file arrived that was not sent"),
            _ = second.as_mut() => panic!("a file arrived that was not sent"),
            () = others => {}
        }
    });
}
