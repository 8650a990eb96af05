//! The same sixty people as three systems export them, compared with the truth.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use muster_domain::value::Value;
use muster_import::{FileStatus, Format, MailboxWish, PersonRow, Row, Source};
use serde_json::Value as Json;

use crate::{FUSIONPBX, FUSIONPBX_HEADER, PEOPLE, RINGOTEL, THREE_CX, THREE_CX_HEADER, open};

/// Calls `check` with every person of a file and of the truth, and gives their number.
fn compare(bytes: &[u8], format: Format, check: fn(&PersonRow, &Json)) {
    let people: Vec<Json> = serde_json::from_str(PEOPLE).unwrap();
    let source = open(bytes).unwrap();
    assert_eq!((source.format(), source.rows_total()), (format, 60));
    let rows: Vec<Row> = source.rows().collect();
    assert_eq!(rows.len(), people.len());
    for (row, person) in rows.iter().zip(&people) {
        assert_eq!(row.errors, [], "{person}");
        check(&row.person, person);
    }
    let again: Vec<Row> = source.rows().collect();
    assert_eq!(rows, again, "a second pass gives the same rows");
}

fn text<'j>(person: &'j Json, key: &str) -> Option<&'j str> {
    person[key].as_str()
}

fn full_name(person: &Json) -> String {
    format!("{} {}", text(person, "first_name").unwrap(), text(person, "last_name").unwrap())
}

/// That the row has these fields with these texts (`None`: says nothing) and no others.
fn assert_fields(found: &PersonRow, expect: &[(&'static str, Option<&str>)]) {
    let sorted =
        |list: Vec<(&'static str, Value)>| list.into_iter().map(|(n, v)| (n, format!("{v:?}"))).collect();
    let given = expect.iter().filter_map(|(name, text)| text.map(|t| (*name, Value::text(t))));
    let expect: BTreeMap<&str, String> = sorted(given.collect());
    let values = found.values.iter().filter(|(name, _)| *name != "call_timeout_s");
    let count = values.clone().count();
    let found: BTreeMap<&str, String> = sorted(values.cloned().collect());
    assert_eq!(found, expect);
    assert_eq!(found.len(), count, "a field is given twice");
}

fn assert_password(found: &PersonRow, person: &Json) {
    assert_eq!(found.sip_password.as_ref().map(|s| s.reveal()), text(person, "sip_password"));
}

fn status(person: &Json) -> Option<FileStatus> {
    Some(if person["activated"].as_bool().unwrap() { FileStatus::Active } else { FileStatus::Inactive })
}

#[test]
fn all_that_ringotel_writes_of_sixty_people_is_taken() {
    compare(RINGOTEL, Format::Ringotel, |found, person| {
        assert_fields(
            found,
            &[
                ("display_name", Some(&full_name(person))),
                ("extension", text(person, "extension")),
                ("username", text(person, "username")),
                ("mobile_number", text(person, "mobile")),
                ("direct_number", text(person, "phone")),
                ("company", text(person, "company")),
                ("title", text(person, "title")),
                ("department", text(person, "department")),
            ],
        );
        assert_password(found, person);
        assert_eq!((found.status, &found.mailbox), (None, &MailboxWish::Keep));
        assert!(found.devices.is_empty());
    });
}

#[test]
fn all_that_3cx_writes_of_sixty_people_is_taken() {
    compare(THREE_CX, Format::ThreeCx, |found, person| {
        assert_fields(
            found,
            &[
                ("display_name", Some(&full_name(person))),
                ("given_name", text(person, "first_name")),
                ("family_name", text(person, "last_name")),
                ("extension", text(person, "extension")),
                ("username", text(person, "username")),
                ("email", text(person, "email")),
                ("mobile_number", text(person, "mobile")),
                ("caller_id_number", text(person, "phone")),
            ],
        );
        assert_password(found, person);
        assert_eq!(found.status, status(person));
        match &found.mailbox {
            MailboxWish::Own { pin: Some(pin) } => {
                assert_eq!(person["voicemail"], true);
                assert_eq!(Some(pin.reveal()), text(person, "voicemail_pin"));
            }
            mailbox => assert_eq!((mailbox, &person["voicemail"]), (&MailboxWish::None, &Json::Bool(false))),
        }
        let macs: Vec<&str> =
            found.devices.iter().filter_map(|d| d.mac.as_ref()).map(|m| m.as_str()).collect();
        assert_eq!(macs, text(person, "mac").into_iter().collect::<Vec<_>>());
    });
}

#[test]
fn all_that_fusionpbx_writes_of_sixty_people_is_taken() {
    compare(FUSIONPBX, Format::FusionPbx, |found, person| {
        assert_fields(
            found,
            &[
                ("display_name", Some(&full_name(person))),
                ("given_name", text(person, "first_name")),
                ("family_name", text(person, "last_name")),
                ("extension", text(person, "extension")),
                ("username", text(person, "username")),
                ("caller_id_name", text(person, "company")),
                ("caller_id_number", text(person, "phone")),
                ("department", text(person, "department")),
            ],
        );
        assert_eq!(found.value("call_timeout_s"), person["ring_seconds"].as_i64().map(Value::Int).as_ref());
        assert_password(found, person);
        assert_eq!(found.status, status(person));
        assert_eq!(found.mailbox, MailboxWish::Keep);
    });
}

/// Every column and what becomes of it, and every remark with the rows it was made on.
fn report(source: &Source<'_>) -> String {
    let mut report = String::new();
    for column in source.columns() {
        writeln!(report, "{}: {:?}", column.header, column.taken).unwrap();
    }
    let mut remarks: BTreeMap<(String, String), Vec<u64>> = BTreeMap::new();
    for row in source.rows() {
        for remark in row.remarks {
            remarks.entry((remark.column.to_string(), remark.text)).or_default().push(row.number);
        }
    }
    for ((column, text), rows) in remarks {
        writeln!(report, "{column} {text}, rows {rows:?}").unwrap();
    }
    report
}

#[test]
fn what_is_not_taken_of_the_sixty_people_is_said() {
    insta::assert_snapshot!("ringotel", report(&open(RINGOTEL).unwrap()));
    insta::assert_snapshot!("3cx", report(&open(THREE_CX).unwrap()));
    insta::assert_snapshot!("fusionpbx", report(&open(FUSIONPBX).unwrap()));
}

#[test]
fn every_column_that_a_system_documents_is_taken_or_has_a_reason() {
    for (name, header) in [("3cx_all_columns", THREE_CX_HEADER), ("fusionpbx_all_columns", FUSIONPBX_HEADER)]
    {
        let cells: Vec<&str> =
            header.split(',').map(|h| if h == "Number" || h == "extension" { "100" } else { "" }).collect();
        let file = format!("{header}\r\n{}\r\n", cells.join(","));
        let report = report(&open(file.as_bytes()).unwrap());
        assert!(!report.contains("no such column"), "{report}");
        insta::assert_snapshot!(name, report);
    }
}
