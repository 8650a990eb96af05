//! A file to be filled in: every column of our own format, with what it is and an example above it.
//!
//! What stands above the header is nobody's row: reading such a file finds the header below.

use std::borrow::Cow;
use std::io;

use muster_domain::field::{Entity, FieldDef};
use muster_domain::user::User;
use muster_domain::value::FieldType;
use smol_str::SmolStr;

use crate::encode::{guard, unguard};
use crate::export::Layout;
use crate::formats::own;
use crate::sheet::SheetWriter;

const FOR_EXAMPLE: &str = "for example ";

/// A column of our own format, for whoever fills a file in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnHelp {
    pub name: SmolStr,
    pub what: String,
    pub example: &'static str,
}

/// Every column of a layout, in the order of an export.
pub fn column_helps(layout: Layout) -> Vec<ColumnHelp> {
    own::columns(layout).into_iter().map(|column| help(column.header)).collect()
}

/// A CSV file with the header and nobody in it.
pub fn template_csv() -> io::Result<Vec<u8>> {
    let mut bytes = "\u{feff}".as_bytes().to_vec();
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(&mut bytes);
    for line in lines() {
        writer.write_record(line.iter().map(|cell| guard(cell).into_owned()))?;
    }
    writer.flush()?;
    drop(writer);
    Ok(bytes)
}

/// The same as an Excel workbook, whose columns are text: leading zeros stay.
pub fn template_workbook() -> io::Result<Vec<u8>> {
    let [what, examples, names] = lines();
    SheetWriter::with_header(Vec::new(), &[what, examples], &names)?.finish()
}

/// Whether these cells of a line, each with the name of its column, are what a template says of its columns.
pub(crate) fn explains<'c>(cells: impl Iterator<Item = (&'c str, &'c Cow<'c, str>)>) -> bool {
    let mut cells =
        cells.map(|(name, cell)| (name, unguard(cell.trim()))).filter(|(_, cell)| !cell.is_empty());
    cells.all(|(name, cell)| cell.starts_with(FOR_EXAMPLE) || help(name.into()).what == cell)
}

/// What each is, an example, the names.
fn lines() -> [Vec<SmolStr>; 3] {
    let helps = column_helps(Layout { with_secrets: true, devices: 1 });
    let line = |cell: fn(&ColumnHelp) -> SmolStr| helps.iter().map(cell).collect();
    [
        line(|help| SmolStr::from(&help.what)),
        line(|help| SmolStr::from(format!("{FOR_EXAMPLE}{}", help.example))),
        line(|help| help.name.clone()),
    ]
}

fn help(name: SmolStr) -> ColumnHelp {
    if let Some((_, what, example)) = FURTHER.iter().find(|(n, ..)| *n == name) {
        return ColumnHelp { name, what: (*what).to_owned(), example };
    }
    let Some(field) = User::field(&name) else {
        // A further device is as the first one: `device_2_mac`.
        let first = name.split('_').filter(|part| part.parse::<u8>().is_err()).collect::<Vec<_>>().join("_");
        let same = FURTHER.iter().find(|(n, ..)| *n == first);
        let (what, example) = same.map_or(("", ""), |(_, what, example)| (what, example));
        return ColumnHelp { name, what: what.to_owned(), example };
    };
    let what = match field.kind {
        FieldType::Choice(words) if field.name != "service" => {
            format!("{} One of {}.", field.meta.help, words.join(", "))
        }
        _ => field.meta.help.to_owned(),
    };
    ColumnHelp { name, what, example: example(field) }
}

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
