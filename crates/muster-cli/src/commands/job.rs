//! `muster job list`, `show`, `cancel`.

use std::io::{self, Read};
use std::path::Path;

use serde_json::{Value, json};

use super::export::Part;
use crate::args::{JobCommand, ReportFormat};
use crate::client::{Request, escape};
use crate::commands::import::{Again, Told, print_summary};
use crate::commands::user::print_bulk;
use crate::console::Console;
use crate::failure::{Failure, io_words};
use crate::follow;
use crate::hints::Hints;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::table::print_pairs;
use crate::value::{count_of, counted, grouped, list_of, text_of, time_of};

pub(crate) fn run(session: &mut Session<'_, '_>, command: &JobCommand) -> Result<(), Failure> {
    match command {
        JobCommand::List { limit } => list(session, *limit),
        JobCommand::Show { job, follow, every_row } => show(session, job, *follow, *every_row),
        JobCommand::Report { job, file, format, force } => {
            report(session, job, file.as_deref(), *format, *force)
        }
        JobCommand::Rejected { job, file, force } => rejected(session, job, file, *force),
        JobCommand::Cancel { job } => cancel(session, job),
    }
}

fn list(session: &mut Session<'_, '_>, limit: u32) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("ID", |item| text_of(&item["id"])),
        ("KIND", kind_of),
        ("STATE", |item| text_of(&item["state"])),
        ("BEGUN (UTC)", |item| time_of(&item["created_at"])),
        ("ROWS", |item| grouped(follow::rows(item).0)),
        ("PROBLEM", |item| text_of(&item["problem"])),
    ];
    let path = session.path("/jobs")?;
    List::all(path, "job", "jobs").limit(Some(limit)).print(session, columns)
}

/// A dry run is said to be one.
fn kind_of(job: &Value) -> String {
    let kind = text_of(&job["kind"]);
    if job["options"]["dry_run"] == true { format!("{kind} (dry run)") } else { kind }
}

/// Exit status 1 for a job that has failed or was cancelled, so that a script can wait for one.
fn show(session: &mut Session<'_, '_>, job: &str, follow: bool, every_row: bool) -> Result<(), Failure> {
    let path = session.path(&format!("/jobs/{}", escape(job)))?;
    let state = match follow {
        true => follow::until_ended(session, job),
        false => session.client.get(path).map(|answer| answer.value),
    };
    let state = state.map_err(where_to_look)?;
    let hints = session.hints.clone();
    session.tell(&state, |console, job| print_job(console, &hints, job, every_row))?;
    match state["state"].as_str() {
        Some("failed" | "cancelled") => Err(Failure::Told),
        _ => Ok(()),
    }
}

fn print_job(console: &mut Console<'_>, hints: &Hints, job: &Value, every_row: bool) -> io::Result<()> {
    let (total, judged, written) = follow::rows(job);
    let pair = |label: &str, value: String| (label.to_owned(), value);
    let running = !follow::has_ended(job);
    let pairs = [
        pair("Job", text_of(&job["id"])),
        pair("Kind", kind_of(job)),
        pair("State", text_of(&job["state"])),
        pair("Begun (UTC)", time_of(&job["created_at"])),
        pair("Last moved (UTC)", time_of(&job["updated_at"])),
        pair("Rows", if total > 0 { grouped(total) } else { String::new() }),
        pair("Judged", if running { grouped(judged) } else { String::new() }),
        pair("Written", if running { grouped(written) } else { String::new() }),
    ];
    print_pairs(console, &pairs)?;
    if running || job["kind"] != "import" {
        return Ok(());
    }
    console.line("")?;
    if job["kind"] == "bulk" {
        return print_bulk(console, hints, job);
    }
    let told = Told { name: &text_of(&job["kind"]), again: Again::of_job(job, "FILE", None), every_row };
    print_summary(console, hints, job, &told)
}

fn cancel(session: &mut Session<'_, '_>, job: &str) -> Result<(), Failure> {
    let path = session.path(&format!("/jobs/{}/cancel", escape(job)))?;
    session.client.send(&Request::post(path, &json!({}))).map_err(where_to_look)?;
    // One that runs stops at its next batch, unless it was about to end.
    let ended = follow::until_ended(session, job)?;
    let hints = session.hints.clone();
    session.tell(&ended, |console, ended| match ended["state"].as_str() {
        Some("cancelled") => console.line("Cancelled: nothing of it was done."),
        Some("done") => {
            let undo = hints.command(&format!("undo --job {}", text_of(&ended["id"])));
            console.line(&format!("It was done before it could be stopped. To take it back: {undo}"))
        }
        _ => console.line(&format!("It had ended already: {}", text_of(&ended["problem"]))),
    })
}

fn report(
    session: &mut Session<'_, '_>,
    job: &str,
    file: Option<&Path>,
    format: ReportFormat,
    force: bool,
) -> Result<(), Failure> {
    let format = if session.json && file.is_none() { ReportFormat::Json } else { format };
    let path = session.path(&format!("/imports/{}/report", escape(job)))?;
    let request = Request::get(path).query("format", format.word());
    let Some(file) = file else {
        if format == ReportFormat::Json {
            let answer = session.client.send(&request).map_err(where_to_look)?;
            return Ok(session.console.json(&answer.value)?);
        }
        let mut text = String::new();
        let mut reader = session.client.stream(&request).map_err(where_to_look)?;
        reader.read_to_string(&mut text).map_err(|e| {
            Failure::refused(format!("The report broke off: {}.", io_words(&e)), "Try again.")
        })?;
        return Ok(session.console.line(text.trim_end())?);
    };
    not_there(file, force)?;
    let mut part = Part::beside(file, false)?;
    let mut reader = session.client.stream(&request).map_err(where_to_look)?;
    let bytes = part.fill(&mut *reader, "report")?;
    part.rename(file, force)?;
    if session.json {
        return Ok(session.console.json(&json!({ "file": file.to_string_lossy(), "bytes": bytes }))?);
    }
    Ok(session.console.line(&format!("Written to {}.", file.display()))?)
}

fn not_there(file: &Path, force: bool) -> Result<(), Failure> {
    if file.exists() && !force {
        return Err(Failure::refused(
            format!("{} is there already.", file.display()),
            "Choose another name, or replace it with --force.",
        ));
    }
    Ok(())
}

/// To a file beside it, then renamed, so that nobody finds half of one.
fn rejected(session: &mut Session<'_, '_>, job: &str, file: &Path, force: bool) -> Result<(), Failure> {
    not_there(file, force)?;
    let path = session.path(&format!("/imports/{}/rejected", escape(job)))?;
    let about = session.path(&format!("/jobs/{}", escape(job)))?;
    let about = session.client.get(about).map_err(where_to_look)?.value;
    // A workbook cannot be told from its name once it has the wrong one.
    let is_workbook = about["summary"]["encoding"] == "XLSX";
    let ends_in = |word: &str| file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(word));
    let wrong = if is_workbook { !ends_in("xlsx") } else { ends_in("xlsx") };
    if wrong {
        let (came, ending) = if is_workbook { ("an Excel workbook", "xlsx") } else { ("a CSV file", "csv") };
        return Err(Failure::usage(
            format!("The rows came in {came}, and {} does not say so.", file.display()),
            format!("Name it FILE.{ending}."),
        ));
    }
    let mut part = Part::beside(file, true)?;
    let mut reader = session.client.stream(&Request::get(path).may_take_long())?;
    let bytes = part.fill(&mut *reader, "file")?;
    part.rename(file, force)?;
    let rows = count_of(&about["summary"], "rejected");
    if session.json {
        let done = json!({ "file": file.to_string_lossy(), "bytes": bytes, "rows": rows });
        return Ok(session.console.json(&done)?);
    }
    let rows = counted(rows, "row", "rows");
    session.console.line(&format!(
        "Written to {}: {rows} that {} not taken. Only you can read it{}.",
        file.display(),
        if rows.starts_with("1 ") { "was" } else { "were" },
        if has_secrets(&about["summary"]) { ": passwords are in it" } else { "" }
    ))?;
    let map = match about["options"]["mapping"].as_str() {
        Some(mapping) => Some(write_mapping(session, file, mapping, force)?),
        None => None,
    };
    let again = Again::of_job(&about, &file.display().to_string(), map.as_deref()).same();
    let again = session.hints.command(&again);
    session.console.line(&format!("Mend it, then: {again}"))?;
    Ok(())
}

/// Whether the file has a column of passwords or PINs, be it one that is not taken.
fn has_secrets(report: &Value) -> bool {
    list_of(report, "columns").iter().any(|column| {
        let (field, header) = (text_of(&column["field"]), text_of(&column["header"]).to_lowercase());
        ["sip_secret", "on_call_pin", "device_sip_password"].contains(&field.as_str())
            || ["pass", "pwd", "secret", "pin", "kennwort", "senha"].iter().any(|word| header.contains(word))
    })
}

/// Puts the mapping that the rows were read by beside them, as `rejected.toml`, and gives its path.
fn write_mapping(
    session: &mut Session<'_, '_>,
    file: &Path,
    mapping: &str,
    force: bool,
) -> Result<String, Failure> {
    let path = file.with_extension("toml");
    not_there(&path, force)?;
    std::fs::write(&path, mapping).map_err(|e| {
        let why = format!("The mapping cannot be written to {}: {}.", path.display(), io_words(&e));
        Failure::refused(why, "Is there room, and may you write there?")
    })?;
    session.console.line(&format!("Its mapping is written to {}.", path.display()))?;
    Ok(path.display().to_string())
}

fn where_to_look(failure: Failure) -> Failure {
    match failure {
        Failure::Problem(mut problem) if problem.status == 404 && problem.hint.is_none() => {
            problem.hint =
                Some("`muster job list` shows the jobs of the organization, with their ids.".to_owned());
            Failure::Problem(problem)
        }
        other => other,
    }
}
