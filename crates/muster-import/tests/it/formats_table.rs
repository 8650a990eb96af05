//! The table of `docs/formats-table.md`: what of sixty people each file gives, and what is left of it after
//! writing and reading it again. Every cell is equal to the truth or explained; a third thing fails here.

use std::fmt::Write as _;
use std::path::Path;

use muster_domain::organization::Device;
use muster_import::{
    Column, ExportMailbox, ExportRow, ExportSecrets, Exporter, FileStatus, Format, Layout, MailboxWish,
    PersonRow, Row, Source, Taken, WorkbookExporter,
};
use serde_json::Value as Json;

use crate::other_systems::{device, export, user_of};
use crate::variants::{cells_of, csv_of, variants_of};
use crate::{
    FREEPBX, FUSIONPBX, IVOZPROVIDER, MIKOPBX, PEOPLE, RINGOTEL, THREE_CX, VERTICAL, WAZO, WEBEX, open,
};

/// What is known of a person, and the targets any of which gives it.
const FIELDS: &[(&str, &[&str])] = &[
    ("first_name", &["given_name"]),
    ("last_name", &["family_name"]),
    ("name", &["display_name", "given_name"]),
    ("username", &["username"]),
    ("extension", &["extension"]),
    ("email", &["email", "notification_addresses"]),
    ("phone", &["direct_number", "caller_id_number"]),
    ("mobile", &["mobile_number"]),
    ("sip_password", &["sip_secret"]),
    ("title", &["title"]),
    ("department", &["department"]),
    ("company", &["company", "caller_id_name"]),
    ("site", &["site"]),
    ("time_zone", &["time_zone"]),
    ("ring_seconds", &["call_timeout_s"]),
    ("voicemail", &["mailbox"]),
    ("voicemail_pin", &["mailbox"]),
    ("mac", &["device_mac"]),
    ("model", &["device_model"]),
    ("activated", &["service"]),
];

const FILES: &[(&str, &[u8])] = &[
    ("ringotel.csv", RINGOTEL),
    ("3cx.csv", THREE_CX),
    ("fusionpbx.csv", FUSIONPBX),
    ("freepbx.csv", FREEPBX),
    ("wazo.csv", WAZO),
    ("webex.csv", WEBEX),
    ("mikopbx.csv", MIKOPBX),
    ("ivozprovider.csv", IVOZPROVIDER),
    ("vertical.csv", VERTICAL),
];

/// What a file says of a person instead of the truth, and why; `None`: the truth.
fn told_instead(format: Format, field: &str, person: &Json) -> Option<(Option<String>, &'static str)> {
    let has_mailbox = person["voicemail"] == true;
    match (format, field) {
        (Format::Wazo, "email") if person["email"] == "shared.desk@example.com" => {
            Some((None, "the system takes an address once, and this one is shared"))
        }
        (Format::FreePbx, "email") if !has_mailbox => {
            Some((None, "the system keeps an address with the mailbox, and this person has none"))
        }
        (_, "voicemail_pin") if !has_mailbox && format != Format::Muster => {
            Some((None, "whoever has no mailbox needs no PIN, and it is not kept"))
        }
        (Format::Muster, "voicemail_pin") if !has_mailbox => {
            Some((None, "whoever has no mailbox needs no PIN, and none is written"))
        }
        _ => None,
    }
}

fn truth(person: &Json, field: &str) -> Option<String> {
    match (field, &person[field]) {
        ("name", _) => Some(format!(
            "{} {}",
            person["first_name"].as_str().unwrap(),
            person["last_name"].as_str().unwrap()
        )),
        (_, Json::Null) => None,
        (_, Json::String(text)) => Some(text.clone()),
        (_, other) => Some(other.to_string()),
    }
}

fn read(row: &PersonRow, field: &str) -> Option<String> {
    let text = |name: &str| row.text(name).map(str::to_owned);
    let device = |part: fn(&muster_import::DeviceWish) -> Option<String>| row.devices.first().and_then(part);
    match field {
        "first_name" => text("given_name"),
        "last_name" => text("family_name"),
        "name" => text("display_name"),
        "phone" => text("direct_number").or_else(|| text("caller_id_number")),
        "mobile" => text("mobile_number"),
        "company" => text("company").or_else(|| text("caller_id_name")),
        "sip_password" => row.sip_password.as_ref().map(|secret| secret.reveal().to_owned()),
        "site" => row.site_name.as_ref().map(|site| site.to_string()),
        "ring_seconds" => match row.value("call_timeout_s") {
            Some(muster_domain::value::Value::Int(seconds)) => Some(seconds.to_string()),
            _ => None,
        },
        "voicemail" => Some((row.mailbox != MailboxWish::None).to_string()),
        "voicemail_pin" => match &row.mailbox {
            MailboxWish::Own { pin } => pin.as_ref().map(|pin| pin.reveal().to_owned()),
            _ => None,
        },
        "mac" => device(|d| d.mac.as_ref().map(|mac| mac.to_string())),
        "model" => device(|d| d.model.as_ref().map(|model| model.to_string())),
        "activated" => match (row.status, row.text("service")) {
            (Some(status), _) => Some((status == FileStatus::Active).to_string()),
            (None, service) => service.map(|word| (word == "enabled").to_string()),
        },
        other => text(other),
    }
}

fn has_column(columns: &[Column], field: &str, targets: &[&str]) -> bool {
    let takes = |column: &Column| match column.taken {
        Taken::Field(name) | Taken::Device(name) => targets.contains(&name),
        Taken::Mailbox => {
            let is_pin = column.header.to_ascii_lowercase().contains("pin")
                || column.header.contains("vmpwd")
                || column.header.contains("voicemail_password");
            targets.contains(&"mailbox") && (field == "voicemail" || is_pin)
        }
        Taken::Status => targets.contains(&"service"),
        Taken::Ignored { .. } => false,
    };
    columns.iter().any(takes)
}

/// The table as it grows, and the reasons that its cells point at.
#[derive(Default)]
struct Table {
    text: String,
    reasons: Vec<String>,
}

impl Table {
    /// The number of a reason, from 1.
    fn note(&mut self, reason: &str) -> usize {
        let at = self.reasons.iter().position(|known| known == reason);
        at.map_or_else(
            || {
                self.reasons.push(reason.to_owned());
                self.reasons.len()
            },
            |at| at + 1,
        )
    }

    /// `60`, `58 + 2 (3)` or `–`; a cell that is neither equal nor explained fails the test.
    fn cell(
        &mut self,
        file: &str,
        format: Format,
        field: &str,
        found: &[PersonRow],
        people: &[Json],
    ) -> String {
        let (mut equal, mut explained) = (0, Vec::<(usize, usize)>::new());
        for (row, person) in found.iter().zip(people) {
            let (is, should) = (read(row, field), truth(person, field));
            let told = told_instead(format, field, person);
            if let Some((_, why)) = told.filter(|(told, _)| *told == is && is != should) {
                let note = self.note(why);
                match explained.iter_mut().find(|(known, _)| *known == note) {
                    Some((_, count)) => *count += 1,
                    None => explained.push((note, 1)),
                }
            } else {
                assert_eq!(is, should, "{file}, {field} of {person}: neither equal nor explained");
                equal += 1;
            }
        }
        let notes = explained.iter().map(|(note, count)| format!(" + {count} ({note})"));
        format!("{equal}{}", notes.collect::<String>())
    }
}

/// People of a format's own file, and what is written and read of them once more.
fn table_of_fields(table: &mut Table) {
    let all: Vec<Json> = serde_json::from_str(PEOPLE).unwrap();
    let own = own_file(&all);
    let mut files: Vec<(&str, &[u8])> = vec![("our own", &own)];
    files.extend(FILES);
    let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
    let _ = writeln!(table.text, "| file | people | | {} |", names.join(" | "));
    let _ = writeln!(table.text, "|---|---|---|{}", "---|".repeat(names.len()));
    for (name, bytes) in files {
        let source = open(bytes).unwrap();
        let (format, rows) = (source.format(), people_of(&source));
        let people: Vec<Json> =
            all.iter().filter(|p| format != Format::Webex || !p["email"].is_null()).cloned().collect();
        assert_eq!(rows.len(), people.len(), "{name}");
        let written = exported(format, &rows);
        let again = people_of(&open(&written).unwrap());
        assert_eq!(open(&written).unwrap().format(), format);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for (field, targets) in FIELDS {
            if !has_column(source.columns(), field, targets) {
                // What no column holds is not read of anybody, or it is said by something else.
                first.push("–".to_owned());
                second.push("–".to_owned());
                continue;
            }
            first.push(table.cell(name, format, field, &rows, &people));
            let same = rows.iter().zip(&again).filter(|(a, b)| read(a, field) == read(b, field)).count();
            assert_eq!(same, rows.len(), "{name}, {field}: what was read is not what is read again");
            second.push(same.to_string());
        }
        let _ = writeln!(table.text, "| {name} | {} | read | {} |", people.len(), first.join(" | "));
        let _ = writeln!(table.text, "| | | written and read again | {} |", second.join(" | "));
    }
}

fn people_of(source: &Source<'_>) -> Vec<PersonRow> {
    let person = |row: Row| {
        assert_eq!((&row.errors[..], &row.errors_if_new[..]), (&[][..], &[][..]));
        row.person
    };
    source.rows().map(person).collect()
}

/// The truth as a list that somebody writes by hand in our own columns.
fn own_file(people: &[Json]) -> Vec<u8> {
    let columns: &[(&str, &str)] = &[
        ("given_name", "first_name"),
        ("family_name", "last_name"),
        ("username", "username"),
        ("extension", "extension"),
        ("email", "email"),
        ("direct_number", "phone"),
        ("mobile_number", "mobile"),
        ("sip_password", "sip_password"),
        ("title", "title"),
        ("department", "department"),
        ("company", "company"),
        ("site", "site"),
        ("time_zone", "time_zone"),
        ("call_timeout_s", "ring_seconds"),
        ("mailbox", "voicemail"),
        ("voicemail_pin", "voicemail_pin"),
        ("device_mac", "mac"),
        ("device_model", "model"),
        ("service", "activated"),
    ];
    let mut cells = vec![columns.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>()];
    for person in people {
        let has_mailbox = person["voicemail"] == true;
        let cell = |(name, key): &(&str, &str)| match *name {
            "mailbox" => if has_mailbox { "own" } else { "none" }.to_owned(),
            "voicemail_pin" if !has_mailbox => String::new(),
            "service" => if person["activated"] == true { "enabled" } else { "contact_only" }.to_owned(),
            _ => truth(person, key).unwrap_or_default(),
        };
        cells.push(columns.iter().map(cell).collect());
    }
    csv_of(&cells, b',', csv::Terminator::CRLF).into_bytes()
}

fn exported(format: Format, people: &[PersonRow]) -> Vec<u8> {
    if format != Format::Muster {
        return export(format, people, true).0;
    }
    let layout = Layout { with_secrets: true, devices: 1 };
    let mut text = Exporter::new(Vec::new(), layout).unwrap();
    let mut workbook = WorkbookExporter::new(Vec::new(), layout).unwrap();
    for person in people {
        let user = user_of_own(person);
        let devices: Vec<Device> = person.devices.iter().map(device).collect();
        let (mailbox, pin) = match &person.mailbox {
            MailboxWish::None => (ExportMailbox::None, None),
            MailboxWish::Own { pin } => (ExportMailbox::Own, pin.as_ref().map(|pin| pin.reveal())),
            other => panic!("{other:?}"),
        };
        let row = ExportRow {
            user: &user,
            site: person.site_name.as_deref().unwrap_or_default(),
            connection: "builtin",
            mailbox,
            has_voicemail_pin: pin.is_some(),
            devices: &devices,
            secrets: ExportSecrets {
                sip_password: person.sip_password.as_ref().map(|secret| secret.reveal()),
                voicemail_pin: pin,
                on_call_pin: None,
                devices: &[],
            },
        };
        text.push(&row).unwrap();
        workbook.push(&row).unwrap();
    }
    let (text, sheet) = (text.finish().unwrap(), workbook.finish().unwrap());
    assert_eq!(people_of(&open(&sheet).unwrap()), people_of(&open(&text).unwrap()));
    text
}

/// `service` is a field of our own format, where others have a state.
fn user_of_own(person: &PersonRow) -> muster_domain::user::User {
    let mut user = user_of(person);
    let enabled = person.text("service") == Some("enabled");
    use muster_domain::user::Service::{ContactOnly, Enabled};
    user.service = if enabled { Enabled } else { ContactOnly };
    user
}

/// How many of each file's people are the same in every way that the file is saved.
fn table_of_shapes(table: &mut Table) {
    let ways: Vec<String> = variants_of("", b"a,b\n1,2\n")
        .into_iter()
        .map(|variant| variant.what.trim_start_matches(", ").to_owned())
        .collect();
    let _ = writeln!(table.text, "\n| file | {} |", ways.join(" | "));
    let _ = writeln!(table.text, "|---|{}", "---|".repeat(ways.len()));
    for (name, bytes) in FILES {
        let format = name.trim_end_matches(".csv");
        let base: Vec<PersonRow> = open(bytes).unwrap().rows().map(|row| row.person).collect();
        let mut cells = vec![String::from("–"); ways.len()];
        for variant in variants_of(format, bytes) {
            let way = variant.what.split_once(", ").unwrap().1;
            let at = ways.iter().position(|known| known == way).unwrap();
            let found: Vec<PersonRow> = open(&variant.bytes).unwrap().rows().map(|row| row.person).collect();
            assert_eq!(found.len(), base.len(), "{}", variant.what);
            let same = found.iter().zip(&base).filter(|(a, b)| a == b).count();
            cells[at] = same.to_string();
            if way == "Windows-1252" {
                let lost = base.len() - same;
                let others = lost_letters(bytes);
                assert!(lost <= others, "{}: {lost} differ, {others} have other letters", variant.what);
                let note = table
                    .note("names in letters that the encoding has not: whoever saves the list so loses them");
                if lost > 0 {
                    let _ = write!(cells[at], " + {lost} ({note})");
                }
            } else {
                let other = found.iter().zip(&base).find(|(a, b)| a != b);
                assert_eq!(other, None, "{}", variant.what);
            }
        }
        let _ = writeln!(table.text, "| {name} | {} |", cells.join(" | "));
    }
}

/// People of a file with a letter that Windows-1252 has not, or one that we do not write in it.
fn lost_letters(bytes: &[u8]) -> usize {
    let other = |c: char| (c as u32) >= 0x100 || (0x80..0xa0).contains(&(c as u32));
    let cells = cells_of(bytes);
    let upright = cells.iter().filter(|record| record.iter().any(|cell| cell.contains(other))).count();
    let turned =
        (0..cells[0].len()).filter(|at| cells.iter().any(|r| r.get(*at).is_some_and(|c| c.contains(other))));
    upright.max(turned.count())
}

#[test]
fn every_field_of_every_file_is_equal_to_the_truth_or_explained_and_the_table_says_so() {
    let mut table = Table::default();
    table_of_fields(&mut table);
    table_of_shapes(&mut table);
    let mut text = String::from(
        "# What each file gives, and what comes back\n\nMade by a test of the same sixty people \
         (`tests/data/people.json`) as each system writes them: in how many of them a field is equal to the \
         truth, and for whom it is not and why. *Written and read again*: exported as that system takes it in, \
         and read once more. – : the file has no column for it. Country is in no file's columns that we keep: \
         numbers are in international form. Webex lists nobody without an address.\n\n",
    );
    text.push_str(&table.text.replacen(
        "\n| file | as",
        "\nThe same people in every way that a list is saved: how many are the same.\n\n| file | as",
        1,
    ));
    text.push('\n');
    for (at, reason) in table.reasons.iter().enumerate() {
        let _ = writeln!(text, "({}) {reason}.  ", at + 1);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats-table.md");
    if std::env::var_os("FORMATS_TABLE").is_some_and(|word| word == "write") {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, text, "FORMATS_TABLE=write cargo nextest run -p muster-import writes it anew");
}
