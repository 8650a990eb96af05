//! `muster job list`, `show`, `cancel`.

use std::io;

use serde_json::{Value, json};

use crate::args::JobCommand;
use crate::client::{Request, escape};
use crate::commands::import::print_summary;
use crate::console::Console;
use crate::failure::Failure;
use crate::follow;
use crate::hints::Hints;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::table::print_pairs;
use crate::value::{grouped, text_of, time_of};

pub(crate) fn run(session: &mut Session<'_, '_>, command: &JobCommand) -> Result<(), Failure> {
    match command {
        JobCommand::List { limit } => list(session, *limit),
        JobCommand::Show { job, follow, every_row } => show(session, job, *follow, *every_row),
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
    if running {
        return Ok(());
    }
    console.line("")?;
    print_summary(console, hints, job, &text_of(&job["kind"]), every_row)
}

fn cancel(session: &mut Session<'_, '_>, job: &str) -> Result<(), Failure> {
    let path = session.path(&format!("/jobs/{}/cancel", escape(job)))?;
    let answer = session.client.send(&Request::post(path, &json!({}))).map_err(where_to_look)?;
    session.tell(&answer.value, |console, job| {
        console.line(&match job["state"].as_str() {
            Some("cancelled") => "Cancelled: nothing of it was done.".to_owned(),
            _ => "It runs already and ends first; `muster job show ID --follow` says how.".to_owned(),
        })
    })
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
