//! As lines of text.

use std::fmt::Write as _;

use muster_app::imports::{Cause, MoveInReport};
use muster_domain::types::reorders;

use super::{figures, found, grouped, heading, outcome, rows, when, where_it_is};

pub fn text(report: &MoveInReport) -> String {
    let mut out = String::new();
    let heading = heading(report);
    // Writing to a string does not fail.
    let _ = writeln!(out, "{heading}\n{}", "=".repeat(heading.chars().count()));
    let _ = writeln!(out, "{}, by {}, {}. {}\n", when(report), report.by, report.encoding, outcome(report));
    for (name, count) in figures(report) {
        let _ = writeln!(out, "{:>12}  {name}", grouped(count));
    }
    section(&mut out, "To be done by hand");
    if report.steps.is_empty() {
        let _ = writeln!(out, "Nothing.");
    }
    for (number, step) in (1..).zip(&report.steps) {
        let _ = writeln!(out, "{number:>2}. {}\n    {}", step.what, step.how);
    }
    if !report.problems.is_empty() {
        section(&mut out, "Problems: these rows are not taken");
        report.problems.iter().for_each(|cause| write_cause(&mut out, cause));
    }
    if !report.remarks.is_empty() {
        section(&mut out, "Remarks: these rows are taken");
        report.remarks.iter().for_each(|cause| write_cause(&mut out, cause));
    }
    if report.not_listed > 0 {
        let _ = writeln!(out, "\n{} more causes are not listed.", grouped(report.not_listed));
    }
    section(&mut out, "Columns that are taken");
    for column in &report.taken {
        let _ = writeln!(out, "  {} -> {} ({})", column.header, column.field, rows(column.rows));
    }
    if !report.not_taken.is_empty() {
        section(&mut out, "Columns that are not taken");
    }
    for column in &report.not_taken {
        let _ = writeln!(out, "  {}: {} (something in {})", column.header, column.why, rows(column.rows));
    }
    if !report.notes.is_empty() {
        section(&mut out, "Read of the file");
    }
    for note in &report.notes {
        let _ = writeln!(out, "  {note}");
    }
    // A terminal obeys some of what a cell may hold, and writes backwards behind some of it.
    out.chars().filter(|c| *c == '\n' || !(c.is_control() || reorders(*c))).collect()
}

fn section(out: &mut String, title: &str) {
    let _ = writeln!(out, "\n{title}\n{}", "-".repeat(title.chars().count()));
}

fn write_cause(out: &mut String, cause: &Cause) {
    let subject = cause.column.as_deref().unwrap_or("The row");
    let _ = writeln!(out, "  {subject} {} ({})", cause.reason, where_it_is(cause));
    if let Some(found) = found(cause) {
        let _ = writeln!(out, "    {found}");
    }
    if !cause.mend.is_empty() {
        let _ = writeln!(out, "    To mend it: {}", cause.mend);
    }
}
