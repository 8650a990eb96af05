//! What a file says of people whom somebody else's row, or an earlier import, has to do with.

use serde_json::Value;

use crate::common::run;
use crate::imports::{Worker, counts, import};

/// Errors by row and column, with what was found.
fn errors(job: &Value) -> Vec<String> {
    let problems = job["summary"]["problems"].as_array().unwrap().iter();
    let text = |p: &Value| format!("{} {} {}: {}", p["row"], p["column"], p["found"], p["reason"]);
    problems.filter(|p| p["remark"] == false).map(text).map(|line| line.replace('"', "")).collect()
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
