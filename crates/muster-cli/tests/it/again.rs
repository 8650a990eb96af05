//! Commands that an import tells of: they work as they are typed.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Server, Step, answer, created, muster, respond};

const JOB: &str = "/api/v1/organizations/example/jobs/0192a7c4";

fn job(state: &str, summary: &Value) -> Value {
    json!({ "id": "0192a7c4", "kind": "import", "state": state, "problem": "1 of 2 rows is not right",
        "summary": summary })
}

fn summary(rejected: u64) -> Value {
    json!({ "format": "muster", "encoding": "UTF-8", "delimiter": ",", "rows": 2, "created": 1, "activated": 0,
        "contacts": 1, "rejected": rejected, "good_rows": 1, "nothing_written": false })
}

/// What `muster import Mb's.csv OPTIONS` prints, with the directory's name taken out.
fn import(ended: &Value, options: &[&str]) -> String {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("Mb's.csv");
    std::fs::write(&path, "x").unwrap();
    let map = directory.path().join("map.toml");
    std::fs::write(&map, "").unwrap();
    let map = map.display().to_string();
    let options: Vec<&str> = options.iter().map(|o| if *o == "MAP" { map.as_str() } else { o }).collect();
    let head: Step = respond(
        "200 OK",
        &[("content-type", "text/event-stream")],
        "event: hello\nid: 61\ndata: {\"seq\":61}\n\n",
    );
    let script = vec![created(JOB, Value::Null), answer(ended.clone()), head, answer(json!({ "seq": 61 }))];
    let file = path.display().to_string();
    let typed = [&["import", file.as_str()][..], &options].concat();
    muster(&Server::start(script), &typed).out.replace(&directory.path().display().to_string(), "DIR")
}

#[test]
fn after_rows_that_are_not_right_it_is_said_how_to_have_them_in_a_file() {
    let said = "\nTo write the rows that are not right into a file: muster job rejected 0192a7c4 rejected.csv --url URL --org example\n\
                To read what is left to be done: muster job report 0192a7c4 --url URL --org example\n";
    let mut dry = summary(1);
    dry["nothing_written"] = json!(true);
    for (state, summary, options) in [
        ("done", &dry, &["--dry-run"][..]),
        ("failed", &dry, &[]),
        ("done", &summary(1), &["--good-rows-only"]),
    ] {
        let out = import(&job(state, summary), options);
        assert!(out.ends_with(said), "{out}");
    }
    let mut workbook = summary(1);
    workbook["encoding"] = json!("XLSX");
    let out = import(&job("failed", &workbook), &[]);
    assert!(out.contains("job rejected 0192a7c4 rejected.xlsx"), "{out}");
    let out = import(&job("done", &summary(0)), &[]);
    assert!(!out.contains("job rejected"), "{out}");
}

#[test]
fn a_job_that_failed_as_a_whole_is_named_with_the_file_as_it_is_written() {
    let mut failed = job("failed", &Value::Null);
    failed["problem"] = json!("the disk is full");
    let out = import(&failed, &[]);
    assert_eq!(out, "DIR/Mb's.csv: failed. The disk is full.\nThe job is 0192a7c4.\n");
}

#[test]
fn the_command_that_enables_everybody_has_the_options_that_were_given() {
    let options = [
        "--map",
        "MAP",
        "--fix",
        "Site:Lis bonne=Lisbon",
        "--inactive",
        "leave-out",
        "--site",
        "Head office",
        "--connection",
        "Main",
        "--allow-shared-emails",
        "--create-sites",
        "--existing",
        "update",
        "--match",
        "username",
    ];
    let out = import(&job("done", &summary(0)), &options);
    let want = "\n  muster import 'DIR/Mb'\\''s.csv' --map DIR/map.toml --fix 'Site:Lis bonne=Lisbon' \
                --inactive leave-out --site 'Head office' --connection Main --allow-shared-emails --create-sites \
                --match username --activate all --url URL --org example\n";
    assert!(out.contains(want), "{out}");
    let out = import(&job("done", &summary(0)), &["--format", "muster", "--vertical", "--good-rows-only"]);
    assert!(out.contains(".csv' --format muster --vertical --good-rows-only --match extension"), "{out}");
}

#[test]
fn the_rows_that_were_not_taken_are_imported_with_the_options_of_the_job() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("my mend.csv").display().to_string();
    let mut about = job("failed", &summary(1));
    about["options"] = json!({ "format": null, "vertical": true, "activate": "all", "match_by": "email",
        "existing": "skip", "inactive": null, "allow_shared_emails": true, "create_sites": false, "site": "Main",
        "corrections": [{ "column": "Site", "found": "a", "value": "b" }], "good_rows_only": true });
    let server = Server::start(vec![answer(about), respond("200 OK", &[], "name\n")]);
    let out = muster(&server, &["job", "rejected", "0192a7c4", &file]).out;
    let want = format!(
        "Mend it, then: muster import '{file}' --fix 'Site:a=b' --site Main --vertical --allow-shared-emails \
         --match email --existing skip --activate all --url URL --org example\n"
    );
    assert!(out.ends_with(&want), "{out}");
}

#[test]
fn the_mapping_of_rows_that_were_not_taken_lies_beside_them_and_passwords_are_spoken_of_where_there_are_any()
{
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("mend.csv").display().to_string();
    let map = directory.path().join("mend.toml").display().to_string();
    let mut about = job("failed", &summary(1));
    about["summary"]["format"] = json!("mapped");
    about["summary"]["columns"] = json!([{ "header": "Nom", "field": "display_name", "why": null }]);
    about["options"] = json!({ "format": null, "mapping": "[columns]\n\"Nom\" = \"display_name\"\n" });
    let server = Server::start(vec![answer(about.clone()), respond("200 OK", &[], "Nom\n")]);
    let out = muster(&server, &["job", "rejected", "0192a7c4", &file]).out;
    assert!(out.contains(&format!("Mend it, then: muster import {file} --map {map} --url")), "{out}");
    assert_eq!(std::fs::read_to_string(&map).unwrap(), "[columns]\n\"Nom\" = \"display_name\"\n");
    assert!(out.contains("Only you can read it.\n") && !out.contains("passwords"), "{out}");
    about["options"]["mapping"] = Value::Null;
    for header in [json!({ "header": "Geheim", "field": "sip_secret" }), json!({ "header": "Web Password" })]
    {
        about["summary"]["columns"] = json!([header]);
        let server = Server::start(vec![answer(about.clone()), respond("200 OK", &[], "x\n")]);
        let out = muster(&server, &["job", "rejected", "0192a7c4", &file, "--force"]).out;
        assert!(out.contains("Only you can read it: passwords are in it."), "{out}");
    }
}

#[test]
fn what_a_rule_would_change_beside_its_rows_is_said_and_one_row_is_one() {
    let mut wrong = summary(2);
    let mut of_rules = cause(&json!([{ "found": "912345678", "rows": 1 }]));
    of_rules["rules"] = json!([{ "found": "0*", "value": "+44*", "rows": 8, "others": 2 },
        { "found": "00*", "value": "+*", "rows": 1, "others": 0 }]);
    of_rules["rows_of_no_country"] = json!(1);
    wrong["causes"] = json!([of_rules]);
    let out = import(&job("failed", &wrong), &[]);
    assert!(out.contains("(9 rows): --fix 'Location:0*=+44*' --fix 'Location:00*=+*'"), "{out}");
    assert!(
        out.contains("It changes 2 further cells too, which begin so and are no number as it stands"),
        "{out}"
    );
    assert!(out.contains("1 row has a number as it is dialled at home"), "{out}");
    assert!(out.contains("as in --fix 'Location:9*=+3519*'"), "a rule that is for such numbers: {out}");
}

fn cause(found: &Value) -> Value {
    json!({ "column": "Location", "reason": "is not a site", "mend": "make the site", "option": null,
        "remark": false, "rows": 9, "first_rows": [2], "found": found, "correctable": true })
}

#[test]
fn no_correction_is_proposed_of_a_value_that_cannot_be_typed() {
    let mut of_hidden = summary(2);
    of_hidden["causes"] =
        json!([cause(&json!([{ "found": "Le\u{202e}eds", "rows": 8 }, { "found": "x\ty", "rows": 1 }]))]);
    of_hidden["problems"] = json!([{ "line": 3, "row": 2, "column": "Location", "found": "Le\u{202e}eds",
        "reason": "is not a site", "mend": "make the site", "option": null, "remark": false }]);
    let out = import(&job("failed", &of_hidden), &[]);
    assert!(out.contains("row 2, line 3: found `Le<U+202E>eds`"), "{out}");
    assert!(out.contains("most often: `Le<U+202E>eds` 8, `x<U+0009>y` 1"), "{out}");
    assert!(out.contains("cannot be typed: mend it in the file, or set all cells"), "{out}");
    assert!(out.contains("--fix 'Location:*=VALUE'") && !out.contains("Location:Le"), "{out}");
}

#[test]
fn a_correction_that_is_itself_wrong_is_not_corrected_again() {
    let mut wrong = summary(2);
    wrong["causes"] = json!([cause(&json!([{ "found": "Mian", "rows": 8 }]))]);
    let corrected =
        |cells: u64| json!([{ "column": "Location", "found": "Main St", "value": "Mian", "cells": cells }]);
    wrong["corrections"] = corrected(8);
    let out = import(&job("failed", &wrong), &[]);
    assert!(
        out.contains("The correction of Location to `Mian` is itself wrong: give another VALUE"),
        "{out}"
    );
    assert!(!out.contains("--fix"), "{out}");
    wrong["corrections"] = corrected(0);
    let out = import(&job("failed", &wrong), &[]);
    assert!(
        out.contains("--fix 'Location:Mian=VALUE'") || out.contains("--fix Location:Mian=VALUE"),
        "{out}"
    );
}

#[test]
fn rules_for_national_numbers_are_told_as_they_are_typed() {
    let mut of_numbers = summary(2);
    let mut numbers = cause(&json!([{ "found": "0113 496 0003", "rows": 1 }, { "found": "x", "rows": 1 }]));
    numbers["column"] = json!("Tel: home");
    numbers["rules"] = json!([{ "found": "0*", "value": "+44*", "rows": 7 }, { "found": "(0*", "value": "+44(*", "rows": 2 }]);
    of_numbers["causes"] = json!([numbers]);
    let out = import(&job("failed", &of_numbers), &[]);
    let told = r"Without changing the file (9 rows): --fix 'Tel\: home:0*=+44*' --fix 'Tel\: home:(0*=+44(*'";
    assert!(out.contains(told) && !out.contains("VALUE"), "{out}");
    numbers["rules"] = json!([]);
    numbers["rows_of_no_country"] = json!(3);
    of_numbers["causes"] = json!([numbers]);
    let out = import(&job("failed", &of_numbers), &[]);
    assert!(out.contains("no country is known of their site"), "{out}");
    assert!(out.contains(r"as in --fix 'Tel\: home:0*=+44*'"), "{out}");
    // What a rule made is not said to be found.
    numbers["rows_of_no_country"] = json!(0);
    numbers["found"] = json!([{ "found": "+440", "rows": 3 }]);
    of_numbers["causes"] = json!([numbers]);
    of_numbers["corrections"] =
        json!([{ "column": "Tel: home", "found": "0*", "value": "+44*", "cells": 3 }]);
    let out = import(&job("failed", &of_numbers), &[]);
    assert!(out.contains("The correction of Tel: home to `+440` is itself wrong"), "{out}");
}

#[test]
fn a_cell_is_told_by_its_name_in_a_spreadsheet_where_it_has_one() {
    let mut of_turned = summary(2);
    of_turned["causes"] = json!([cause(&json!([{ "found": "Leeds", "rows": 1 }]))]);
    let told = |cell: Value| {
        let mut of_turned = of_turned.clone();
        of_turned["problems"] = json!([{ "line": 3, "row": 2, "cell": cell, "column": "Location", "found": "Leeds",
            "reason": "is not a site", "mend": "make the site", "option": null, "remark": false }]);
        import(&job("failed", &of_turned), &["--every-row"])
    };
    for (cell, place) in [(json!("C5"), "cell C5"), (json!("C"), "column C"), (Value::Null, "line 3")] {
        let out = told(cell);
        assert!(out.contains(&format!("row 2, {place}: found `Leeds`")), "{out}");
        assert!(out.contains(&format!("row 2, {place}: Location `Leeds` is not a site")), "{out}");
    }
}
