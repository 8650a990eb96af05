//! The same sixty people as three systems export them, compared with the truth.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use muster_domain::types::{Mac, Name};
use muster_domain::value::Value;
use muster_import::{FileStatus, Format, MailboxWish, PersonRow, Row, Source};
use serde_json::Value as Json;

use crate::{
    FREEPBX, FREEPBX_HEADER, FREEPBX_USERS_HEADER, FUSIONPBX, FUSIONPBX_HEADER, IVOZPROVIDER, MIKOPBX,
    MIKOPBX_HEADER, PEOPLE, RINGOTEL, THREE_CX, THREE_CX_HEADER, VERTICAL, WAZO, WAZO_HEADER, WEBEX,
    WEBEX_HEADER, open,
};

/// Calls `check` with every person of a file and of the truth, and gives their number.
fn compare(bytes: &[u8], format: Format, check: fn(&PersonRow, &Json)) {
    compare_those(bytes, format, |_| true, check);
}

/// The same where the file does not hold everybody.
fn compare_those(bytes: &[u8], format: Format, is_in: fn(&Json) -> bool, check: fn(&PersonRow, &Json)) {
    let mut people: Vec<Json> = serde_json::from_str(PEOPLE).unwrap();
    people.retain(is_in);
    let source = open(bytes).unwrap();
    assert_eq!((source.format(), source.rows_total()), (format, people.len() as u64));
    let rows: Vec<Row> = source.rows().collect();
    assert_eq!(rows.len(), people.len());
    for (row, person) in rows.iter().zip(&people) {
        assert_eq!((&row.errors[..], &row.errors_if_new[..]), (&[][..], &[][..]), "{person}");
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
        assert_mailbox(found, person);
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
        assert_ring_seconds(found, person);
        assert_password(found, person);
        assert_eq!(found.status, status(person));
        assert_eq!(found.mailbox, MailboxWish::Keep);
    });
}

#[test]
fn all_that_freepbx_writes_of_sixty_people_is_taken() {
    compare(FREEPBX, Format::FreePbx, |found, person| {
        let email = text(person, "email").filter(|_| person["voicemail"] == true);
        let told = email.map(|email| Value::List(vec![email.into()]));
        assert_eq!(found.value("notification_addresses"), told.as_ref());
        assert_fields(
            &without(found, "notification_addresses"),
            &[
                ("display_name", Some(&full_name(person))),
                ("extension", text(person, "extension")),
                ("username", text(person, "extension")),
                ("email", email),
                ("caller_id_number", text(person, "phone")),
            ],
        );
        assert_ring_seconds(found, person);
        assert_password(found, person);
        assert_mailbox(found, person);
        assert_eq!(found.status, None);
    });
}

#[test]
fn all_that_wazo_writes_of_sixty_people_is_taken() {
    compare(WAZO, Format::Wazo, |found, person| {
        assert_fields(
            found,
            &[
                ("display_name", Some(&full_name(person))),
                ("given_name", text(person, "first_name")),
                ("family_name", text(person, "last_name")),
                ("extension", text(person, "extension")),
                ("username", text(person, "username")),
                // Wazo has an address once.
                ("email", text(person, "email").filter(|email| *email != "shared.desk@example.com")),
                ("mobile_number", text(person, "mobile")),
            ],
        );
        assert_ring_seconds(found, person);
        assert_password(found, person);
        assert_mailbox(found, person);
        assert_eq!(found.status, status(person));
    });
}

#[test]
fn all_that_mikopbx_writes_of_sixty_people_is_taken() {
    compare(MIKOPBX, Format::MikoPbx, |found, person| {
        assert_fields(
            found,
            &[
                ("display_name", Some(&full_name(person))),
                ("extension", text(person, "extension")),
                ("username", text(person, "extension")),
                ("email", text(person, "email")),
                ("mobile_number", text(person, "mobile")),
            ],
        );
        assert_ring_seconds(found, person);
        assert_password(found, person);
        assert_eq!((found.status, &found.mailbox), (None, &MailboxWish::Keep));
    });
}

#[test]
fn all_that_webex_writes_of_those_with_an_address_is_taken() {
    compare_those(
        WEBEX,
        Format::Webex,
        |person| !person["email"].is_null(),
        |found, person| {
            assert_fields(
                found,
                &[
                    ("display_name", Some(&full_name(person))),
                    ("given_name", text(person, "first_name")),
                    ("family_name", text(person, "last_name")),
                    ("extension", text(person, "extension")),
                    ("username", text(person, "extension")),
                    ("email", text(person, "email")),
                    ("direct_number", text(person, "phone")),
                    ("title", text(person, "title")),
                    ("department", text(person, "department")),
                    ("time_zone", text(person, "time_zone")),
                ],
            );
            assert_eq!(found.site_name.as_deref(), text(person, "site"));
            assert_eq!((found.status, &found.sip_password), (status(person), &None));
        },
    );
}

#[test]
fn all_that_ivozprovider_writes_of_sixty_people_is_taken_without_a_header() {
    compare(IVOZPROVIDER, Format::IvozProvider, |found, person| {
        assert_fields(
            found,
            &[
                ("display_name", Some(&full_name(person))),
                ("given_name", text(person, "first_name")),
                ("family_name", text(person, "last_name")),
                ("extension", text(person, "extension")),
                ("username", text(person, "username")),
                ("email", text(person, "email")),
                ("direct_number", text(person, "phone")),
            ],
        );
        assert_password(found, person);
        let devices: Vec<_> = found.devices.iter().map(|d| (d.mac.as_ref(), d.model.as_ref())).collect();
        let shown = |(mac, model): &(Option<&Mac>, Option<&Name>)| {
            (mac.map(|m| m.to_string()), model.map(|m| m.to_string()))
        };
        let expect =
            text(person, "mac").map(|m| (Some(m.to_owned()), text(person, "model").map(str::to_owned)));
        assert_eq!(devices.iter().map(shown).collect::<Vec<_>>(), expect.into_iter().collect::<Vec<_>>());
    });
}

#[test]
fn all_that_a_turned_template_holds_of_sixty_people_is_taken() {
    compare(VERTICAL, Format::Conductor, |found, person| {
        assert_fields(
            found,
            &[
                ("user_type", Some("user")),
                ("display_name", Some(&full_name(person))),
                ("given_name", text(person, "first_name")),
                ("family_name", text(person, "last_name")),
                ("extension", text(person, "extension")),
                ("username", text(person, "extension")),
                ("email", text(person, "email")),
                ("direct_number", text(person, "phone")),
                ("department", text(person, "department")),
            ],
        );
        assert_eq!(found.site_name.as_deref(), text(person, "site"));
    });
}

fn assert_ring_seconds(found: &PersonRow, person: &Json) {
    assert_eq!(found.value("call_timeout_s"), person["ring_seconds"].as_i64().map(Value::Int).as_ref());
}

fn assert_mailbox(found: &PersonRow, person: &Json) {
    match &found.mailbox {
        MailboxWish::Own { pin: Some(pin) } => {
            assert_eq!(person["voicemail"], true);
            assert_eq!(Some(pin.reveal()), text(person, "voicemail_pin"));
        }
        mailbox => assert_eq!((mailbox, &person["voicemail"]), (&MailboxWish::None, &Json::Bool(false))),
    }
}

/// The row as if it did not say this field.
fn without(found: &PersonRow, field: &str) -> PersonRow {
    let mut row = found.clone();
    row.values.retain(|(name, _)| *name != field);
    row
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
    insta::assert_snapshot!("freepbx", report(&open(FREEPBX).unwrap()));
    insta::assert_snapshot!("wazo", report(&open(WAZO).unwrap()));
    insta::assert_snapshot!("webex", report(&open(WEBEX).unwrap()));
    insta::assert_snapshot!("mikopbx", report(&open(MIKOPBX).unwrap()));
    insta::assert_snapshot!("ivozprovider", report(&open(IVOZPROVIDER).unwrap()));
    insta::assert_snapshot!("vertical", report(&open(VERTICAL).unwrap()));
}

#[test]
fn every_column_that_a_system_documents_is_taken_or_has_a_reason() {
    let key = ["Number", "extension", "default_extension", "exten", "number", "Extension"];
    for (name, header) in [
        ("3cx_all_columns", THREE_CX_HEADER),
        ("fusionpbx_all_columns", FUSIONPBX_HEADER),
        ("freepbx_all_columns", FREEPBX_HEADER),
        ("freepbx_users_all_columns", FREEPBX_USERS_HEADER),
        ("wazo_all_columns", WAZO_HEADER),
        ("webex_all_columns", WEBEX_HEADER),
        ("mikopbx_all_columns", MIKOPBX_HEADER),
    ] {
        let cells: Vec<&str> = header.split(',').map(|h| if key.contains(&h) { "100" } else { "" }).collect();
        let file = format!("{header}\r\n{}\r\n", cells.join(","));
        let report = report(&open(file.as_bytes()).unwrap());
        assert!(!report.contains("no such column"), "{report}");
        insta::assert_snapshot!(name, report);
    }
}
