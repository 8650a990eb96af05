//! The document of our own format's columns is the code's.

use std::path::Path;

use muster_domain::field::{Entity, FieldDef};
use muster_domain::user::User;
use muster_domain::value::FieldType;
use muster_import::{Exporter, Format, Layout};

use crate::rows;

/// Columns that are no fields of a person, or say more than theirs.
const FURTHER: &[(&str, &str, &str)] = &[
    ("device_name", "What the person calls the device.", "Kitchen"),
    ("device_mac", "Its hardware address.", "00:15:65:12:34:56"),
    ("device_model", "What it is.", "Yealink T54W"),
    ("device_serial", "Its serial number.", "801012F100"),
    ("device_auth_name", "What it signs in as, where it has a login of its own.", "1001-kitchen"),
    ("device_sip_password", "Its password; needs a device_auth_name beside it.", "74ethJ4FHVB6qgJb"),
    ("sip_password", "What the first phone registers with.", "74ethJ4FHVB6qgJb"),
    ("voicemail_pin", "The PIN of the person's own mailbox: 3 to 12 digits.", "4711"),
    ("on_call_pin", "Signs in to the on-call schedule by phone.", "4711"),
    ("site", "The place, by its name.", "Leeds"),
    ("connection", "How the phones are served: its name, or its kind.", "builtin"),
    ("mailbox", "Where messages go: own, none, somebody's username, or name: and a mailbox's.", "own"),
];

/// What a text of no fixed kind may be.
const EXAMPLES: &[(&str, &str)] = &[
    ("display_name", "Ana Silva"),
    ("given_name", "Ana"),
    ("family_name", "Silva"),
    ("extension", "1001"),
    ("username", "ana.silva"),
    ("email", "ana@example.com"),
    ("alternate_number", "+12125550123"),
    ("max_bindings", "5"),
    ("call_timeout_s", "20"),
    ("alternate_ring_time_s", "25"),
    ("on_call_reminder_min", "15"),
    ("unassigned_extension_country", "US"),
    ("unassigned_extension_area_code", "212"),
    ("language", "en"),
    ("time_zone", "Europe/Lisbon"),
    ("roles", "user"),
    ("tags", "floor:2, team:night"),
    ("disabled_reason", "on leave"),
    ("disabled_comment", "back in spring"),
    ("emergency_location", "Leeds, floor 2"),
    ("fax_account", "Front desk"),
    ("title", "Head of sales"),
    ("company", "Example Ltd"),
    ("cost_centre", "4711"),
    ("caller_id_name", "Example Ltd"),
    ("disabled_until", "2027-01-31T00:00:00Z"),
];

fn example(field: &FieldDef<User>) -> &'static str {
    if let Some((_, example)) = EXAMPLES.iter().find(|(name, _)| *name == field.name) {
        return example;
    }
    match field.kind {
        FieldType::Choice(words) => words.first().copied().unwrap_or_default(),
        FieldType::Bool => "yes",
        _ if field.name.ends_with("_number") => "+12125550123",
        FieldType::List => "ana@example.com, eva@example.com",
        _ => "Sales",
    }
}

/// Name, what it is, example.
fn columns() -> Vec<(String, String, &'static str)> {
    let layout = Layout { with_secrets: true, devices: 1 };
    let bytes = Exporter::new(Vec::new(), layout).unwrap().finish().unwrap();
    let header = String::from_utf8(bytes).unwrap();
    let names = header.trim_start_matches('\u{feff}').trim().split(',').map(str::to_owned);
    let described = |name: String| match FURTHER.iter().find(|(n, ..)| *n == name) {
        Some((_, what, example)) => (name, (*what).to_owned(), *example),
        None => {
            let field = User::field(&name).unwrap();
            let what = match field.kind {
                FieldType::Choice(words) if field.name != "service" => {
                    format!("{} One of {}.", field.meta.help, words.join(", "))
                }
                _ => field.meta.help.to_owned(),
            };
            (name, what, example(field))
        }
    };
    names.map(described).collect()
}

#[test]
fn the_document_of_our_columns_is_that_of_the_code() {
    let mut text = String::from(
        "# The columns of our own format\n\nA file with any of these columns, if `extension`, `username`, \
         `email` or `display_name` is among them. Somebody new needs a `display_name` (else `given_name` and \
         `family_name` make it) and an `extension` or a `username`. An empty cell empties its field, if the \
         field can be empty; a column that is not there changes nothing. The second device's columns begin \
         with `device_2_`, and so on.\n\n| column | what | example |\n|---|---|---|\n",
    );
    for (name, what, example) in columns() {
        assert!(!what.is_empty(), "{name}");
        text.push_str(&format!("| `{name}` | {what} | `{example}` |\n"));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/import-columns.md");
    if std::env::var_os("COLUMNS").is_some_and(|word| word == "write") {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, text, "COLUMNS=write cargo nextest run -p muster-import writes it anew");
}

#[test]
fn every_example_of_the_document_is_read_without_an_error() {
    let columns = columns();
    let names: Vec<&str> = columns.iter().map(|(name, ..)| name.as_str()).collect();
    let cells: Vec<String> = columns.iter().map(|(_, _, example)| format!("\"{example}\"")).collect();
    let file = format!("{}\n{}\n", names.join(","), cells.join(","));
    assert_eq!(Format::recognize(&names), Some(Format::Muster));
    let row = rows(&file).remove(0);
    assert_eq!(row.errors, []);
}
