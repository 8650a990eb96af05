//! What is written for another system, and read as that system's file again.

use std::collections::BTreeMap;

use muster_domain::field::Entity;
use muster_domain::organization::Device;
use muster_domain::types::Name;
use muster_domain::user::{Service, User};
use muster_domain::value::Value;
use muster_import::{
    ExportMailbox, ExportRow, ExportSecrets, FileStatus, Format, LeftOut, Limits, MailboxWish, OtherExporter,
    PersonRow, Source,
};

use crate::{
    FREEPBX, FUSIONPBX, IVOZPROVIDER, MIKOPBX, RINGOTEL, THREE_CX, VERTICAL, WAZO, WEBEX, blank_user, open,
};

pub fn user_of(row: &PersonRow) -> User {
    let mut user = blank_user();
    for (name, value) in &row.values {
        (User::field(name).unwrap().set)(&mut user, value).unwrap();
    }
    user.service = match row.status {
        Some(FileStatus::Inactive) => Service::ContactOnly,
        _ => Service::Enabled,
    };
    user
}

pub fn export(
    format: Format,
    people: &[PersonRow],
    with_secrets: bool,
) -> (Vec<u8>, BTreeMap<String, LeftOut>) {
    let mut exporter = OtherExporter::new(Vec::new(), format, with_secrets).unwrap().unwrap();
    for person in people {
        let user = user_of(person);
        let devices: Vec<Device> = person.devices.iter().map(device).collect();
        let (mailbox, voicemail_pin) = match &person.mailbox {
            MailboxWish::None => (ExportMailbox::None, None),
            MailboxWish::Own { pin } => (ExportMailbox::Own, pin.as_ref().map(|pin| pin.reveal())),
            _ => (ExportMailbox::Own, None),
        };
        let sip_password = person.sip_password.as_ref().map(|secret| secret.reveal());
        let row = ExportRow {
            user: &user,
            site: person.site_name.as_deref().unwrap_or(""),
            connection: "builtin",
            mailbox,
            has_voicemail_pin: voicemail_pin.is_some(),
            devices: &devices,
            secrets: ExportSecrets { sip_password, voicemail_pin, on_call_pin: None, devices: &[] },
        };
        exporter.push(&row).unwrap();
    }
    let (file, report) = exporter.finish().unwrap();
    (file, report.left_out)
}

pub fn device(wish: &muster_import::DeviceWish) -> Device {
    let mut device = Device::blank(blank_user().org, uuid::Uuid::nil());
    device.name = wish.name.clone().unwrap_or(Name::parse("Phone").unwrap());
    device.mac = wish.mac.clone();
    device.model = wish.model.clone();
    device.serial = wish.serial.clone();
    device
}

fn people(bytes: &[u8]) -> (Format, Vec<PersonRow>) {
    let source = open(bytes).unwrap();
    let rows = source.rows().inspect(|row| assert_eq!(row.errors, []));
    (source.format(), rows.map(|row| row.person).collect())
}

/// Fields in the order of their names: columns come in another order than the sample's.
fn sorted(mut people: Vec<PersonRow>) -> Vec<PersonRow> {
    people.iter_mut().for_each(|person| person.values.sort_by_key(|(name, _)| *name));
    people
}

#[test]
fn what_a_system_wrote_is_written_for_it_again_without_loss() {
    for bytes in [RINGOTEL, THREE_CX, FUSIONPBX, FREEPBX, WAZO, WEBEX, MIKOPBX, IVOZPROVIDER] {
        let (format, before) = people(bytes);
        let (file, _) = export(format, &before, true);
        let (again, after) = people(&file);
        assert_eq!(again, format);
        let (before, mut after) = (sorted(before), sorted(after));
        for (a, b) in before.iter().zip(&mut after) {
            // A sample without the column says nothing of it, a whole file says the default.
            if a.value("call_timeout_s").is_none() {
                b.values.retain(|(name, value)| (*name, value) != ("call_timeout_s", &Value::Int(20)));
            }
            assert_eq!(a, b, "{}", format.label());
        }
        assert_eq!(before.len(), after.len());
    }
}

#[test]
fn what_there_is_no_room_for_is_counted_and_named() {
    let (_, people_of_3cx) = people(THREE_CX);
    let (_, left_out) = export(Format::Ringotel, &people_of_3cx, false);
    let lines: Vec<String> = left_out
        .iter()
        .map(|(thing, left)| format!("{thing}: {} people, first {}", left.people, left.first.join(" ")))
        .collect();
    insta::assert_snapshot!("left_out_of_ringotel", lines.join("\n"));
    let (_, turned) = people(VERTICAL);
    let (_, left_out) = export(Format::Conductor, &turned, true);
    assert_eq!(left_out.keys().collect::<Vec<_>>(), [""; 0], "its own template holds all of it");
}

#[test]
fn without_secrets_no_password_is_in_any_file() {
    let (_, before) = people(THREE_CX);
    let secrets: Vec<&str> =
        before.iter().filter_map(|p| p.sip_password.as_ref()).map(|s| s.reveal()).collect();
    for format in Format::ALL.iter().filter(|format| **format != Format::Muster) {
        let (file, _) = export(*format, &before, false);
        let file = String::from_utf8(file).unwrap();
        assert!(secrets.iter().all(|secret| !file.contains(*secret)), "{}", format.label());
        let (file, _) = export(*format, &before, true);
        let file = String::from_utf8(file).unwrap();
        let has_column = !matches!(format, Format::Webex | Format::Conductor);
        assert_eq!(file.contains(secrets[0]), has_column, "{}", format.label());
    }
}

#[test]
fn a_formula_in_a_name_is_text_in_every_file_and_a_number_stays_one() {
    let mut user = blank_user();
    for (name, text) in
        [("display_name", "=cmd|' /C calc'!A0"), ("given_name", "@SUM(1)"), ("extension", "100")]
    {
        (User::field(name).unwrap().set)(&mut user, &Value::text(text)).unwrap();
    }
    (User::field("direct_number").unwrap().set)(&mut user, &Value::text("+12125550123")).unwrap();
    for format in Format::ALL.iter().filter(|format| **format != Format::Muster) {
        let mut exporter = OtherExporter::new(Vec::new(), *format, true).unwrap().unwrap();
        let row = ExportRow {
            user: &user,
            site: "-1+1",
            connection: "",
            mailbox: ExportMailbox::Own,
            has_voicemail_pin: false,
            devices: &[],
            secrets: ExportSecrets::default(),
        };
        exporter.push(&row).unwrap();
        let (file, _) = exporter.finish().unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&file[..]);
        for cell in reader.records().flat_map(|r| r.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()) {
            let is_formula = cell.starts_with(['=', '@', '-', '\t']);
            assert!(
                !is_formula && (!cell.starts_with('+') || cell == "+12125550123"),
                "{}: {cell}",
                format.label()
            );
        }
    }
}

/// A user with these fields.
fn user_with(fields: &[(&str, &str)]) -> User {
    let mut user = blank_user();
    for (name, text) in fields {
        (User::field(name).unwrap().set)(&mut user, &Value::text(text)).unwrap();
    }
    user
}

fn written(format: Format, user: &User) -> (Vec<u8>, Vec<String>) {
    let mut exporter = OtherExporter::new(Vec::new(), format, false).unwrap().unwrap();
    exporter.push(&crate::round_trip::row_of(user)).unwrap();
    let (file, report) = exporter.finish().unwrap();
    (file, report.left_out.into_keys().collect())
}

#[test]
fn passwords_and_pins_that_a_file_has_no_column_for_are_said_with_and_without_secrets() {
    let mut user = user_with(&[("display_name", "Ana"), ("extension", "100"), ("username", "100")]);
    user.sip_secret = Some(muster_domain::ids::SecretId(uuid::Uuid::from_u128(1)));
    let report = |format: Format, with_secrets: bool| {
        let mut exporter = OtherExporter::new(Vec::new(), format, with_secrets).unwrap().unwrap();
        let secrets = ExportSecrets {
            sip_password: Some("abcdefgh"),
            voicemail_pin: Some("1234"),
            ..ExportSecrets::default()
        };
        let row = ExportRow { has_voicemail_pin: true, secrets, ..crate::round_trip::row_of(&user) };
        exporter.push(&row).unwrap();
        let (_, report) = exporter.finish().unwrap();
        let secret = |what: &String| what.contains("password") || what.contains("PIN");
        (report.left_out.into_keys().filter(secret).collect::<Vec<_>>(), report.people_with_secrets)
    };
    const ASK: [&str; 2] = ["SIP password (export with secrets)", "Voicemail PIN (export with secrets)"];
    let none = Vec::<String>::new();
    assert_eq!(report(Format::ThreeCx, true), (none.clone(), 1));
    assert_eq!(report(Format::ThreeCx, false), (ASK.map(str::to_owned).to_vec(), 0));
    let both = ["SIP password", "Voicemail PIN"].map(str::to_owned).to_vec();
    for with_secrets in [true, false] {
        assert_eq!(report(Format::Webex, with_secrets), (both.clone(), 0));
    }
    assert_eq!(report(Format::Ringotel, true), (vec!["Voicemail PIN".to_owned()], 1));
}

#[test]
fn a_display_name_alone_is_the_first_name_where_there_is_no_room_for_it_and_comes_back() {
    let moved = "Display name alone (it is the first name there)".to_owned();
    for format in [Format::ThreeCx, Format::Wazo, Format::Conductor, Format::IvozProvider] {
        let alone = user_with(&[("display_name", "Front Desk"), ("extension", "100"), ("username", "100")]);
        let (file, said) = written(format, &alone);
        assert!(said.contains(&moved) && !said.contains(&"Display name".to_owned()), "{format:?}: {said:?}");
        let source = Source::open(&file, Some(format), &Limits::default()).unwrap();
        let row = source.rows().next().unwrap();
        let names = ["given_name", "family_name", "display_name"].map(|name| row.person.text(name));
        assert_eq!(names, [Some("Front Desk"), None, Some("Front Desk")], "{format:?}");
    }
    // A file with a column for it has no need of that, and nor has somebody with a name of their own.
    let alone = user_with(&[("display_name", "Front Desk"), ("extension", "100"), ("username", "100")]);
    for format in [Format::Ringotel, Format::FusionPbx, Format::Webex] {
        assert!(!written(format, &alone).1.contains(&moved), "{format:?}");
    }
    let named =
        user_with(&[("display_name", "Bo"), ("given_name", "Bob"), ("extension", "1"), ("username", "1")]);
    let (file, said) = written(Format::ThreeCx, &named);
    assert!(said.contains(&"Display name".to_owned()) && !said.contains(&moved), "{said:?}");
    assert!(String::from_utf8(file).unwrap().contains("1,Bob,,"));
}

#[test]
fn user_types_have_conductors_words_in_its_template_and_come_back() {
    for (word, theirs) in [
        ("user", "User"),
        ("virtual_user", "Virtual User"),
        ("limited", "Limited Extension"),
        ("message_only", "Message Only"),
        ("announcement_only", "Announcement Only"),
        ("fax", "fax"),
    ] {
        let user = user_with(&[
            ("user_type", word),
            ("given_name", "A"),
            ("display_name", "A"),
            ("extension", "1"),
            ("username", "1"),
        ]);
        let (file, said) = written(Format::Conductor, &user);
        assert!(String::from_utf8_lossy(&file).contains(&format!("\n{theirs},A,")), "{theirs}");
        let unknown = said.iter().any(|thing| thing.starts_with("User type"));
        assert_eq!(unknown, word == "fax", "{said:?}");
        let (format, back) = people(&file);
        assert_eq!((format, back[0].text("user_type")), (Format::Conductor, Some(word)));
    }
    let mapped = crate::good_row("extension,display_name,user_type\n1,Lobby, limited EXTENSION \n");
    assert_eq!(mapped.person.text("user_type"), Some("limited"));
}
