//! The pages, the state of the program, and what every answer carries.

use std::sync::atomic::Ordering;

use crate::common::run;

#[test]
fn pages_are_complete_in_themselves_and_nothing_runs_inline() {
    run(async |i| {
        for page in ["/", "/docs"] {
            let answer = i.call("GET", page).send().await.expect(200);
            assert!(answer.header("content-type").starts_with("text/html"), "{page}");
            let policy = answer.header("content-security-policy");
            assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
            for forbidden in ["<style", "onclick", " style=", "http://", "https://", "<script>"] {
                assert!(!answer.text.contains(forbidden), "{page} has {forbidden}");
            }
            for attribute in ["src=\"", "href=\""] {
                for address in
                    answer.text.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap())
                {
                    i.call("GET", address).send().await.expect(200);
                }
            }
        }
        let script = i.call("GET", "/assets/docs.js").send().await.expect(200);
        assert!(script.header("content-type").starts_with("text/javascript"));
    });
}

#[test]
fn the_commands_on_the_page_name_the_token_file_of_this_server() {
    run(async |i| {
        let page = i.call("GET", "/").send().await.expect(200).text;
        assert!(page.contains("export MUSTER_TOKEN_FILE='my &lt;demo&gt;/owner.token'\n"), "{page}");
        assert!(page.contains("muster contacts --org demo") && !page.contains("org create"), "{page}");
        assert!(!page.contains('{'), "{page}");
    });
}

#[test]
fn every_answer_has_the_security_headers() {
    run(async |i| {
        for path in ["/", "/api/v1/status", "/api/v1/organizations", "/nothing", "/openapi.json"] {
            let answer = i.call("GET", path).send().await;
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
            assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
            assert!(!answer.header("cache-control").is_empty(), "{path}");
        }
    });
}

#[test]
fn the_program_is_ready_when_it_says_so() {
    run(async |i| {
        i.call("GET", "/readyz").send().await.expect(200);
        i.ready.store(false, Ordering::Relaxed);
        let answer = i.call("GET", "/readyz").send().await;
        assert_eq!(answer.header("retry-after"), "1");
        answer.problem(503, "not-ready");
        i.call("GET", "/healthz").send().await.expect(200);
    });
}

#[test]
fn the_public_status_counts_and_names_nobody() {
    run(async |i| {
        i.user("1001", "Ana Secretive").await;
        let status = i.call("GET", "/api/v1/status").send().await.expect(200);
        let body = status.json();
        assert_eq!((&body["organizations"], &body["people"]), (&2.into(), &1.into()));
        assert_eq!(body["version"], "0.0.0-test");
        for name in ["acme", "Ana", "1001"] {
            assert!(!status.text.contains(name), "{}", status.text);
        }
    });
}

#[test]
fn metrics_hold_what_the_program_gives_and_what_http_counts() {
    run(async |i| {
        i.user("1001", "Ana").await;
        let text = i.call("GET", "/metrics").send().await.expect(200).text;
        for line in [
            "muster_test_total 3",
            "muster_ready 1",
            "muster_http_request_duration_seconds_count{route=\"/api/v1/organizations/{org}/users\",method=\"POST\",status=\"201\"} 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
        assert!(!text.contains("acme"), "routes, not addresses:\n{text}");
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            assert!(line.rsplit_once(' ').is_some_and(|(_, n)| n.parse::<f64>().is_ok()), "{line}");
        }
    });
}
