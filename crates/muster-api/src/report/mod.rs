//! The move-in report as a person reads it: as text, and as a page that needs nothing beside itself.

pub mod invoice;
mod page;
mod text;

pub use page::{html, policy};
pub use text::text;

use muster_app::imports::{MoveInReport, Outcome};

/// `1,234`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 row`, `1,234 rows`.
fn rows(count: u64) -> String {
    format!("{} {}", grouped(count), if count == 1 { "row" } else { "rows" })
}

/// To the minute: nobody plans a move by the second.
fn when(report: &MoveInReport) -> String {
    let time = crate::wire::time(report.at);
    let (date, clock) = time.split_once('T').unwrap_or((time.as_str(), ""));
    format!("{date} {} UTC", clock.get(..5).unwrap_or(clock))
}

fn heading(report: &MoveInReport) -> String {
    let file = if report.file_name.is_empty() { "a file" } else { &report.file_name };
    format!("Moving {} in from {}: {file}", report.organization, report.format)
}

fn outcome(report: &MoveInReport) -> String {
    let refused = report.people.rejected;
    match report.outcome {
        Outcome::DryRun => "This was a dry run: nothing was written.".to_string(),
        Outcome::Refused => format!("Nothing was written: {} must be mended first.", rows(refused)),
        Outcome::Done if refused > 0 => format!("Written, but for {}.", rows(refused)),
        Outcome::Done => "Written.".to_string(),
        Outcome::Undone(seq) => format!("Written, and taken back by change {seq}."),
    }
}

/// What is counted of people, with its name.
fn figures(report: &MoveInReport) -> [(&'static str, u64); 8] {
    let people = &report.people;
    [
        ("rows", people.rows),
        ("created", people.created),
        ("updated", people.updated),
        ("unchanged", people.unchanged),
        ("left out", people.skipped),
        ("not taken", people.rejected),
        ("activated", people.activated),
        ("contacts only", people.contacts),
    ]
}

/// Values of one cause that are told.
const FOUND_SHOWN_MAX: usize = 5;

/// `found `Lisbonne` (30 rows), `Porto` (1 row)`: what stands in the rows of a cause, where a value does.
fn found(cause: &muster_app::imports::Cause) -> Option<String> {
    let one = |value: &muster_app::imports::FoundCount| format!("`{}` ({})", value.found, rows(value.rows));
    let told: Vec<String> =
        cause.found.iter().filter(|value| !value.found.is_empty()).take(FOUND_SHOWN_MAX).map(one).collect();
    if told.is_empty() { None } else { Some(format!("found {}", told.join(", "))) }
}

/// `rows 3, 7 and 12 more`.
fn where_it_is(cause: &muster_app::imports::Cause) -> String {
    let first: Vec<String> = cause.first_rows.iter().map(u64::to_string).collect();
    let more = cause.rows.saturating_sub(cause.first_rows.len() as u64);
    let word = if cause.rows == 1 { "row" } else { "rows" };
    let more = if more > 0 { format!(" and {} more", grouped(more)) } else { String::new() };
    format!("{word} {}{more}", first.join(", "))
}
