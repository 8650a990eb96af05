//! What an import says of itself, for the person who sent the file.

use std::collections::HashMap;
use std::io;

use serde_json::Value;

use crate::clean::clean;
use crate::console::Console;
use crate::hints::Hints;
use crate::problem::{mend_of, sentence};
use crate::value::{count_of, counted, grouped, list_of, text_of};

/// Causes that are shown, and rows of each; the rest are counted.
const CAUSES_MAX: usize = 20;
const ROWS_MAX: usize = 5;

/// `name` is the file's, or the job's where the file is not known.
pub(crate) fn print(console: &mut Console<'_>, hints: &Hints, job: &Value, name: &str) -> io::Result<()> {
    let report = &job["summary"];
    if report.is_null() {
        let state = text_of(&job["state"]);
        return console.line(&sentence(&format!("{name}: {state}. {}", text_of(&job["problem"]))));
    }
    console.line(&recognized(report, name))?;
    columns(console, report)?;
    outcome(console, hints, job, report)?;
    problems(console, hints, job, report)
}

/// `staff.csv: ringotel, UTF-8, separated by commas, 60 rows.`
fn recognized(report: &Value, name: &str) -> String {
    let delimiter = match report["delimiter"].as_str() {
        // A workbook.
        None | Some("") => String::new(),
        Some(",") => " separated by commas,".to_owned(),
        Some(";") => " separated by semicolons,".to_owned(),
        Some("\t") => " separated by tabs,".to_owned(),
        Some(other) => format!(" separated by {},", clean(other)),
    };
    let (format, encoding) = (text_of(&report["format"]), text_of(&report["encoding"]));
    let rows = counted(count_of(report, "rows"), "row", "rows");
    format!("{}: format {format}, {encoding},{delimiter} {rows}.", clean(name))
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

fn outcome(console: &mut Console<'_>, hints: &Hints, job: &Value, report: &Value) -> io::Result<()> {
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
        }
        return Ok(());
    }
    let (were, activated) = if nothing_written { ("would be", "would be enabled") } else { ("", "enabled") };
    let outcomes = ["created", "updated", "unchanged", "rejected"];
    let people: Vec<String> = outcomes
        .iter()
        .filter(|word| count(word) > 0 || **word == "created")
        .map(|word| {
            format!("{} {were}{}{word}", grouped(count(word)), if were.is_empty() { "" } else { " " })
        })
        .collect();
    console.line(&format!("People: {}.", people.join(", ")))?;
    console.line(&format!(
        "Of these, {} {activated} and counted, {} not.",
        grouped(count("activated")),
        grouped(count("contacts"))
    ))?;
    if !sites.is_empty() {
        console.line(&format!("New sites: {sites}."))?;
    }
    if nothing_written {
        if count("activated") == 0 {
            console.line("Nobody would be able to register a phone; --activate all enables everybody.")?;
        }
        return console.line("This was a dry run: nothing was written.");
    }
    how_phones_register(console, hints, report)?;
    if count("created") + count("updated") == 0 {
        return Ok(());
    }
    let undo = hints.command(&format!("undo --job {}", text_of(&job["id"])));
    console.line(&format!("To take it back: {undo}"))
}

/// What is still to be done until a phone of theirs registers.
fn how_phones_register(console: &mut Console<'_>, hints: &Hints, report: &Value) -> io::Result<()> {
    if count_of(report, "activated") == 0 {
        if count_of(report, "contacts") == 0 {
            return Ok(());
        }
        let (some, all) = (
            hints.command("user activate WHO…"),
            hints.command("import FILE --match extension --activate all"),
        );
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

/// Rows with the same cause.
struct Cause<'a> {
    remark: bool,
    column: &'a Value,
    reason: &'a Value,
    rows: Vec<&'a Value>,
    /// How many rows there are, kept or not; 0 if that was not said.
    all: u64,
}

impl Cause<'_> {
    fn count(&self) -> u64 {
        self.all.max(self.rows.len() as u64)
    }
}

fn problems(console: &mut Console<'_>, hints: &Hints, job: &Value, report: &Value) -> io::Result<()> {
    let mut causes = by_cause(list_of(report, "problems"));
    for cause in causes.iter_mut().filter(|cause| cause.remark) {
        let same = |count: &&Value| count["column"] == *cause.column && count["reason"] == *cause.reason;
        cause.all = list_of(report, "remarks").iter().find(same).map_or(0, |count| count_of(count, "rows"));
    }
    for (title, remark) in [("Problems:", false), ("Remarks, which keep nobody out:", true)] {
        let of_kind: Vec<&Cause<'_>> = causes.iter().filter(|cause| cause.remark == remark).collect();
        if of_kind.is_empty() {
            continue;
        }
        console.line("")?;
        console.line(title)?;
        for cause in of_kind.iter().take(CAUSES_MAX) {
            print_cause(console, cause)?;
        }
        if of_kind.len() > CAUSES_MAX {
            let more = counted((of_kind.len() - CAUSES_MAX) as u64, "cause", "causes");
            let show = hints.command(&format!("job show {} --json", text_of(&job["id"])));
            console.line(&format!("  and {more} more: {show}"))?;
        }
    }
    match count_of(report, "problems_left_out") {
        0 => Ok(()),
        count => {
            console.line(&format!("{} were counted but not kept.", counted(count, "problem", "problems")))
        }
    }
}

/// In the order in which the causes first appear.
fn by_cause(problems: &[Value]) -> Vec<Cause<'_>> {
    let mut causes: Vec<Cause<'_>> = Vec::new();
    let mut places: HashMap<(bool, [Option<&str>; 3]), usize> = HashMap::new();
    for problem in problems {
        let (column, reason, mend) = (&problem["column"], &problem["reason"], &problem["mend"]);
        let remark = problem["remark"] == true;
        let place =
            *places.entry((remark, [column, reason, mend].map(Value::as_str))).or_insert(causes.len());
        if place == causes.len() {
            causes.push(Cause { remark, column, reason, rows: Vec::new(), all: 0 });
        }
        causes[place].rows.push(problem);
    }
    causes
}

fn print_cause(console: &mut Console<'_>, cause: &Cause<'_>) -> io::Result<()> {
    let column = text_of(cause.column);
    let subject = if column.is_empty() { "The row".to_owned() } else { column };
    let rows = counted(cause.count(), "row", "rows");
    console.line(&format!("  {subject} {} ({rows})", text_of(cause.reason)))?;
    let mend = cause.rows.first().map(|row| clean(&mend_of(row)).into_owned()).unwrap_or_default();
    if !mend.is_empty() {
        console.line(&format!("    To mend it: {mend}"))?;
    }
    for row in cause.rows.iter().take(ROWS_MAX) {
        let found = match text_of(&row["found"]).as_str() {
            // Of a remark and of a row as a whole the reason says what there is.
            "" if cause.remark || cause.column.is_null() => String::new(),
            "" => ": found nothing".to_owned(),
            found => format!(": found `{found}`"),
        };
        console.line(&format!("    row {}, line {}{found}", count_of(row, "row"), count_of(row, "line")))?;
    }
    match cause.count().saturating_sub(ROWS_MAX as u64) {
        0 => Ok(()),
        more => console.line(&format!("    and {}", counted(more, "more row", "more rows"))),
    }
}
