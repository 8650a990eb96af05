//! What an import says of itself, for the person who sent the file.

use std::io;

use serde_json::Value;

use super::{Again, causes};
use crate::clean::clean;
use crate::console::Console;
use crate::hints::Hints;
use crate::problem::{mend_of, sentence};
use crate::value::{count_of, counted, grouped, list_of, text_of};

/// What is told of besides the job.
pub(crate) struct Told<'a> {
    /// The file's, or the job's where the file is not known.
    pub name: &'a str,
    /// The command for the same file once more.
    pub again: Again,
    /// Problems one by one too.
    pub every_row: bool,
}

pub(crate) fn print(
    console: &mut Console<'_>,
    hints: &Hints,
    job: &Value,
    told: &Told<'_>,
) -> io::Result<()> {
    let report = &job["summary"];
    if report.is_null() {
        let (name, state) = (clean(told.name), text_of(&job["state"]));
        let line = format!("{name}: {state}. {}", sentence(&text_of(&job["problem"])));
        console.line(line.trim_end())?;
        return console.line(&format!("The job is {}.", text_of(&job["id"])));
    }
    console.line(&recognized(report, told.name))?;
    notes(console, report)?;
    columns(console, report)?;
    corrections(console, report)?;
    outcome(console, hints, job, &told.again)?;
    causes::print(console, hints, job, told.every_row)?;
    rejected(console, hints, job)
}

/// How to go on with the rows that were not taken: the file is kept for a while.
fn rejected(console: &mut Console<'_>, hints: &Hints, job: &Value) -> io::Result<()> {
    if count_of(&job["summary"], "rejected") == 0 {
        return Ok(());
    }
    let id = text_of(&job["id"]);
    let ending = if job["summary"]["encoding"] == "XLSX" { "xlsx" } else { "csv" };
    let rejected = hints.command(&format!("job rejected {id} rejected.{ending}"));
    let report = hints.command(&format!("job report {id}"));
    console.line("")?;
    console.line(&format!("To write the rows that are not right into a file: {rejected}"))?;
    console.line(&format!("To read what is left to be done: {report}"))
}

/// What is so of the file as a whole: what of it is not read, before what is.
fn notes(console: &mut Console<'_>, report: &Value) -> io::Result<()> {
    for note in list_of(report, "notes") {
        console.line(&format!("Note: {}", sentence(&text_of(&note["text"]))))?;
        let mend = clean(&mend_of(note)).into_owned();
        if !mend.is_empty() {
            console.line(&format!("  {}", sentence(&mend)))?;
        }
    }
    Ok(())
}

/// What becomes of people who are there already, by field.
fn changes_by_field(console: &mut Console<'_>, report: &Value) -> io::Result<()> {
    let changes = list_of(report, "changes_by_field");
    if changes.is_empty() {
        return Ok(());
    }
    let one = |change: &Value| {
        let people = grouped(count_of(change, "people"));
        let emptied = match count_of(change, "emptied") {
            0 => String::new(),
            emptied if emptied == count_of(change, "people") => " (all emptied)".to_owned(),
            emptied => format!(" ({} emptied)", grouped(emptied)),
        };
        format!("{} {people}{emptied}", text_of(&change["field"]))
    };
    let all: Vec<String> = changes.iter().map(one).collect();
    console.line(&format!("People changed by field: {}.", all.join(", ")))
}

/// `staff.csv: ringotel, UTF-8, separated by commas, 60 rows.`
fn recognized(report: &Value, name: &str) -> String {
    let delimiter = match report["delimiter"].as_str() {
        // A workbook.
        None | Some("") => String::new(),
        Some(",") => " separated by commas,".to_owned(),
        Some(";") => " separated by semicolons,".to_owned(),
        Some("\t") => " separated by tabs,".to_owned(),
        Some("|") => " separated by bars (|),".to_owned(),
        Some(other) => format!(" separated by {},", clean(other)),
    };
    let (format, encoding) = (text_of(&report["format"]), text_of(&report["encoding"]));
    let rows = counted(count_of(report, "rows"), "row", "rows");
    let sheet = match report["sheet"].as_str() {
        Some(sheet) => format!(" sheet `{}`,", clean(sheet)),
        None => String::new(),
    };
    format!("{}: format {format}, {encoding},{sheet}{delimiter} {rows}.", clean(name))
}

fn columns(console: &mut Console<'_>, report: &Value) -> io::Result<()> {
    let (taken, left): (Vec<_>, Vec<_>) =
        list_of(report, "columns").iter().partition(|column| !column["field"].is_null());
    if !taken.is_empty() {
        console.line("Columns taken:")?;
    }
    for column in taken {
        let (header, field) = (text_of(&column["header"]), text_of(&column["field"]));
        let line = if header == field { format!("  {header}") } else { format!("  {header} -> {field}") };
        console.line(&line)?;
    }
    if !left.is_empty() {
        console.line("Columns not taken:")?;
    }
    for column in left {
        console.line(&format!("  {}: {}", text_of(&column["header"]), text_of(&column["why"])))?;
    }
    Ok(())
}

fn corrections(console: &mut Console<'_>, report: &Value) -> io::Result<()> {
    for done in list_of(report, "corrections") {
        let [column, found, value] = ["column", "found", "value"].map(|name| text_of(&done[name]));
        let what = match found.as_str() {
            "" => "Empty cells".to_owned(),
            "*" => "All cells".to_owned(),
            found => format!("`{found}`"),
        };
        let value = if value.is_empty() { "nothing".to_owned() } else { format!("`{value}`") };
        console.line(&match count_of(done, "cells") {
            0 => format!("Correction of {column}: {what} to {value} changed nothing: no cell says so."),
            cells => {
                format!("Correction of {column}: {what} to {value}, {}.", counted(cells, "cell", "cells"))
            }
        })?;
    }
    Ok(())
}

/// Who is counted: what the next bill follows.
fn billing(console: &mut Console<'_>, report: &Value, is_done: bool) -> io::Result<()> {
    // A server before this knows nothing of it.
    if !report["counted_after"].is_u64() {
        return Ok(());
    }
    let (before, after) = (count_of(report, "counted_before"), count_of(report, "counted_after"));
    let (was, is) = if is_done { ("before", "now") } else { ("now", "after") };
    let mut line = format!("Counted for billing: {} {was}, {} {is}", grouped(before), grouped(after));
    match (count_of(report, "newly_counted"), count_of(report, "no_longer_counted")) {
        (_, 0) => {}
        (new, gone) => {
            line.push_str(&format!(" ({} newly, {} no longer)", grouped(new), grouped(gone)));
        }
    }
    let types = list_of(report, "counted_by_type");
    if types.len() > 1 {
        let one = |seats: &Value| {
            let (before, after) = (count_of(seats, "before"), count_of(seats, "after"));
            format!("{} {} to {}", text_of(&seats["user_type"]), grouped(before), grouped(after))
        };
        line.push_str(&format!(": {}", types.iter().map(one).collect::<Vec<_>>().join(", ")));
    }
    console.line(&format!("{line}."))
}

/// Those whom the other system had switched off: asked once, so that nobody is woken by mistake.
fn inactive(console: &mut Console<'_>, report: &Value, is_done: bool) -> io::Result<()> {
    let inactive = &report["inactive"];
    let rows = count_of(inactive, "rows");
    if rows == 0 {
        return Ok(());
    }
    let system = match (text_of(&report["format"]).as_str(), text_of(&report["system"])) {
        ("mapped", _) => "the file".to_owned(),
        (word, system) if system.is_empty() => word.to_owned(),
        (_, system) => system,
    };
    let one = rows == 1;
    let becomes = match (text_of(&inactive["become_what"]).as_str(), is_done) {
        ("leave_out", true) => if one { "was left out" } else { "were left out" }.to_owned(),
        ("leave_out", false) => if one { "is left out" } else { "are left out" }.to_owned(),
        ("contacts", true) if one => "became a contact".to_owned(),
        ("contacts", false) if one => "becomes a contact".to_owned(),
        ("disabled", true) => if one { "is disabled here" } else { "are disabled here" }.to_owned(),
        (what, true) => format!("became {what}"),
        (what, false) => format!("{} {what}", if one { "becomes" } else { "become" }),
    };
    let are = if one { "is" } else { "are" };
    let mut line = format!("{} {are} disabled in {system} and {becomes}.", counted(rows, "person", "people"));
    if inactive["chosen"] == false {
        line.push_str(match is_done {
            true => " To choose otherwise, take it back and import with --inactive contacts, disabled or leave-out.",
            false => " To choose otherwise: --inactive contacts, disabled or leave-out.",
        });
    }
    console.line(&line)
}

fn outcome(console: &mut Console<'_>, hints: &Hints, job: &Value, again: &Again) -> io::Result<()> {
    let report = &job["summary"];
    let count = |name: &str| count_of(report, name);
    let nothing_written = report["nothing_written"] == true;
    let refused = job["state"] != "done";
    let sites = list_of(report, "new_sites").iter().map(text_of).collect::<Vec<_>>().join(", ");
    if refused {
        let why = sentence(&text_of(&job["problem"]));
        let said = why.contains("nothing was written");
        console.line(&if said { why } else { format!("Nothing was written. {why}") })?;
        if count("rejected") > 0 {
            let others = match count("good_rows") {
                0 => ": none is right".to_owned(),
                good => format!(
                    ", or take the {} with --good-rows-only",
                    counted(good, "other row", "other rows")
                ),
            };
            console.line(&format!("Mend the rows below{others}."))?;
            if count("good_rows") > 0 {
                console.line(&format!("People, with --good-rows-only: {}.", people(report, true)))?;
                billing(console, report, false)?;
            }
        }
        inactive(console, report, false)?;
        return Ok(());
    }
    let activated = if nothing_written { "would be enabled" } else { "enabled" };
    console.line(&format!("People: {}.", people(report, nothing_written)))?;
    console.line(&format!(
        "Of these, {} {activated}, {} not.",
        grouped(count("activated")),
        grouped(count("contacts"))
    ))?;
    changes_by_field(console, report)?;
    billing(console, report, !nothing_written)?;
    inactive(console, report, !nothing_written)?;
    if !sites.is_empty() {
        console.line(&format!("New sites: {sites}."))?;
    }
    if nothing_written {
        if count("activated") == 0 && count("contacts") > 0 {
            console.line("Nobody would be able to register a phone; --activate all enables everybody.")?;
        }
        return console.line("This was a dry run: nothing was written.");
    }
    how_phones_register(console, hints, report, again)?;
    if count("created") + count("updated") == 0 {
        return Ok(());
    }
    let id = text_of(&job["id"]);
    let undo = hints.command(&format!("undo --job {id}"));
    console.line(&format!("To take it back: {undo}"))?;
    if count("rejected") > 0 {
        // It is said with the rows that were not taken.
        return Ok(());
    }
    console.line(&format!("To read what is left to be done: {}", hints.command(&format!("job report {id}"))))
}

/// `59 would be created, 1 would be rejected`.
fn people(report: &Value, nothing_written: bool) -> String {
    let would_be = if nothing_written { "would be " } else { "" };
    let outcomes = ["created", "updated", "unchanged", "skipped", "rejected"];
    let counts = outcomes.iter().map(|word| (word, count_of(report, word)));
    let said = counts.filter(|(word, count)| *count > 0 || **word == "created");
    said.map(|(word, count)| format!("{} {would_be}{word}", grouped(count))).collect::<Vec<_>>().join(", ")
}

/// What is still to be done until a phone of theirs registers.
fn how_phones_register(
    console: &mut Console<'_>,
    hints: &Hints,
    report: &Value,
    again: &Again,
) -> io::Result<()> {
    if count_of(report, "activated") == 0 {
        if count_of(report, "contacts") == 0 {
            return Ok(());
        }
        let (some, all) = (hints.command("user activate WHO…"), hints.command(&again.everybody()));
        console
            .line("No phone of theirs can register yet. To enable some of them, by extension or username:")?;
        console.line(&format!("  {some}"))?;
        console.line("Or everybody of the file:")?;
        return console.line(&format!("  {all}"));
    }
    match count_of(report, "secrets_made") {
        0 => Ok(()),
        count => {
            let made = counted(count, "SIP secret was", "SIP secrets were");
            console.line(&format!("{made} made for those who had none. To see a new one for one of them, or write all into a file:"))?;
            console.line(&format!("  {}", hints.command("user credentials WHO --reset")))?;
            console.line(&format!("  {}", hints.command("export FILE --with-secrets")))
        }
    }
}
