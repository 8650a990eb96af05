//! `muster import-history`: what was imported, newest first.

use serde_json::Value;

use crate::failure::Failure;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::value::{count_of, grouped, text_of, time_of};

pub(crate) fn run(session: &mut Session<'_, '_>, limit: u32) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("ID", |item| text_of(&item["id"])),
        ("FILE", |item| text_of(&item["file_name"])),
        ("FORMAT", |item| text_of(&item["format"])),
        ("STATE", state_of),
        ("WHEN (UTC)", |item| time_of(&item["created_at"])),
        ("BY", |item| text_of(&item["by"])),
        ("ROWS", |item| count(item, "rows")),
        ("CREATED", |item| written(item, "created")),
        ("UPDATED", |item| written(item, "updated")),
        ("REFUSED", |item| count(item, "rejected")),
        ("FILE KEPT", |item| if item["file_kept"] == true { "yes" } else { "no" }.to_owned()),
    ];
    let path = session.path("/imports")?;
    List::all(path, "import", "imports").limit(Some(limit)).print(session, columns)
}

/// What became of it, in a word or two: a dry run wrote nothing, and what was taken back is not there.
fn state_of(item: &Value) -> String {
    let state = text_of(&item["state"]);
    match item["undone_by"].as_u64() {
        Some(seq) => format!("undone by change {seq}"),
        None if item["dry_run"] == true => format!("{state} (dry run)"),
        None => state,
    }
}

/// How many were written: of an import that failed nobody, though their rows were right.
fn written(item: &Value, name: &str) -> String {
    if item["state"] == "failed" && !item[name].is_null() { "0".to_owned() } else { count(item, name) }
}

fn count(item: &Value, name: &str) -> String {
    if item[name].is_null() { String::new() } else { grouped(count_of(item, name)) }
}
