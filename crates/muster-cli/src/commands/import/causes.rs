//! What is not right in an imported file: by what rows have in common first, row by row where asked.

use std::collections::HashMap;
use std::io;

use serde_json::Value;

use crate::args::Fix;
use crate::clean::clean;
use crate::console::Console;
use crate::hints::{Hints, shell_word};
use crate::problem::mend_of;
use crate::value::{count_of, counted, grouped, list_of, text_of};

/// Causes that are shown, and values of each; the rest are counted.
const CAUSES_MAX: usize = 20;
const VALUES_MAX: usize = 5;
/// How a value ends that is not shown whole.
const SHORTENED: char = '…';

/// Single problems by their row.
type ByRow<'a> = HashMap<u64, Vec<&'a Value>>;

pub(super) fn print(
    console: &mut Console<'_>,
    hints: &Hints,
    job: &Value,
    every_row: bool,
) -> io::Result<()> {
    let report = &job["summary"];
    let mut by_row: ByRow<'_> = HashMap::new();
    for problem in list_of(report, "problems") {
        by_row.entry(count_of(problem, "row")).or_default().push(problem);
    }
    let show = hints.command(&format!("job show {} --json", text_of(&job["id"])));
    let causes = list_of(report, "causes");
    for (title, remark) in [("Problems:", false), ("Remarks, which keep nobody out:", true)] {
        let of_kind: Vec<&Value> = causes.iter().filter(|cause| cause["remark"] == remark).collect();
        if of_kind.is_empty() {
            continue;
        }
        console.line("")?;
        console.line(title)?;
        for cause in of_kind.iter().take(CAUSES_MAX) {
            print_cause(console, cause, list_of(report, "corrections"), &by_row)?;
        }
        if of_kind.len() > CAUSES_MAX {
            let more = counted((of_kind.len() - CAUSES_MAX) as u64, "cause", "causes");
            console.line(&format!("  and {more} more: {show}"))?;
        }
    }
    match count_of(report, "causes_left_out") {
        0 => {}
        count => console
            .line(&format!("And {} that were not kept.", counted(count, "more cause", "more causes")))?,
    }
    if !every_row {
        return Ok(());
    }
    print_rows(console, report)
}

fn print_cause(
    console: &mut Console<'_>,
    cause: &Value,
    corrections: &[Value],
    by_row: &ByRow<'_>,
) -> io::Result<()> {
    let column = text_of(&cause["column"]);
    let subject = if column.is_empty() { "The row" } else { &column };
    let count = count_of(cause, "rows");
    let reason = text_of(&cause["reason"]);
    console.line(&format!("  {subject} {reason} ({})", counted(count, "row", "rows")))?;
    let mend = clean(&mend_of(cause)).into_owned();
    if !mend.is_empty() {
        console.line(&format!("    To mend it: {mend}"))?;
    }
    how_to_make_international(console, cause)?;
    if cause["correctable"] == true && list_of(cause, "rules").is_empty() {
        how_to_correct(console, cause, corrections)?;
    }
    let rows = list_of(cause, "first_rows");
    let mut bare = Vec::new();
    for row in rows.iter().filter_map(Value::as_u64) {
        match example(row, cause, by_row) {
            Some(line) => console.line(&format!("    {line}"))?,
            None => bare.push(grouped(row)),
        }
    }
    match bare.len() {
        0 => {}
        1 => console.line(&format!("    row {}", bare.join(", ")))?,
        _ => console.line(&format!("    rows {}", bare.join(", ")))?,
    }
    match count.saturating_sub(rows.len() as u64) {
        0 => return Ok(()),
        more => console.line(&format!("    and {}", counted(more, "more row", "more rows")))?,
    }
    let found = list_of(cause, "found");
    if found.len() > 1 && found.first().is_some_and(|most| count_of(most, "rows") > 1) {
        let one =
            |found: &Value| format!("`{}` {}", visible(&found["found"]), grouped(count_of(found, "rows")));
        let shown: Vec<String> = found.iter().take(VALUES_MAX).map(one).collect();
        console.line(&format!("    most often: {}", shown.join(", ")))?;
    }
    Ok(())
}

/// The rules for numbers that are written as they are dialled at home.
fn how_to_make_international(console: &mut Console<'_>, cause: &Value) -> io::Result<()> {
    let column = text_of(&cause["column"]);
    let typed = |found: &str, value: &str| {
        let [column, found, value] = [&column, found, value].map(str::to_owned);
        format!("--fix {}", shell_word(&Fix { column, found, value }.typed()))
    };
    let rules = list_of(cause, "rules");
    if !rules.is_empty() {
        let fixes: Vec<String> =
            rules.iter().map(|rule| typed(&text_of(&rule["found"]), &text_of(&rule["value"]))).collect();
        let rows = rules.iter().map(|rule| count_of(rule, "rows")).sum();
        let rows = counted(rows, "row", "rows");
        console.line(&format!("    Without changing the file ({rows}): {}", fixes.join(" ")))?;
        match rules.iter().map(|rule| count_of(rule, "others")).sum() {
            0 => {}
            others => console.line(&format!(
                "    It changes {} too, which {} so and {} no number as it stands: correct {} first, or mend the file",
                counted(others, "further cell", "further cells"),
                if others == 1 { "begins" } else { "begin" },
                if others == 1 { "is" } else { "are" },
                if others == 1 { "it" } else { "those" },
            ))?,
        }
    }
    let begins = list_of(cause, "found").iter().find_map(|found| found["found"].as_str()?.chars().next());
    let (found, value) = match begins.filter(|c| c.is_ascii_digit() && *c != '0') {
        // Nothing is dialled before such a number at home.
        Some(first) => (format!("{first}*"), format!("+351{first}*")),
        None => ("0*".to_owned(), "+44*".to_owned()),
    };
    match count_of(cause, "rows_of_no_country") {
        0 => Ok(()),
        rows => console.line(&format!(
            "    {} {} a number as it is dialled at home, and no country is known of their site or the \
             organization: give its code yourself, as in {}",
            counted(rows, "row", "rows"),
            if rows == 1 { "has" } else { "have" },
            typed(&found, &value)
        )),
    }
}

/// The correction that mends most rows, if its value can be typed and it is not what another one gave.
fn how_to_correct(console: &mut Console<'_>, cause: &Value, corrections: &[Value]) -> io::Result<()> {
    let column = text_of(&cause["column"]);
    let value = |found: &Value| found["found"].as_str().unwrap_or_default().to_owned();
    let gives = |correction: &&Value, found: &str| {
        let gave = match correction["value"].as_str().unwrap_or_default() {
            value if correction["found"].as_str().is_some_and(|found| found.ends_with('*')) => {
                value.strip_suffix('*').map_or(value == found, |before| found.starts_with(before))
            }
            value => value == found,
        };
        correction["column"] == cause["column"] && gave && correction["cells"] != 0
    };
    let found = list_of(cause, "found").iter().map(value).filter(|found| !found.ends_with(SHORTENED));
    let (given, found): (Vec<String>, Vec<String>) =
        found.partition(|found| corrections.iter().any(|correction| gives(&correction, found)));
    for value in given {
        console.line(&format!(
            "    The correction of {column} to `{}` is itself wrong: give another VALUE",
            clean(&value)
        ))?;
    }
    let fix = |found: &str| shell_word(&Fix::suggested(&column, found));
    let is_typed = |text: &&String| !text.chars().any(is_invisible);
    match found.iter().find(is_typed) {
        Some(most) => console.line(&format!("    Without changing the file: --fix {}", fix(most))),
        None if found.is_empty() => Ok(()),
        None => console.line(&format!(
            "    What was found has an invisible sign and cannot be typed: mend it in the file, or set all cells \
             of the column with --fix {}",
            shell_word(&Fix::for_every_cell(&column))
        )),
    }
}

/// A sign that nobody sees, or that writes the others in another order.
fn is_invisible(c: char) -> bool {
    clean(c.encode_utf8(&mut [0; 4])) != c.to_string()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}' | '\u{2060}' | '\u{feff}')
}

/// A cell as it can be printed, with `<U+202E>` for a sign that is not seen.
fn visible(cell: &Value) -> String {
    let mut shown = String::new();
    for c in cell.as_str().unwrap_or_default().chars() {
        match is_invisible(c) {
            true => shown.push_str(&format!("<U+{:04X}>", u32::from(c))),
            false => shown.push(c),
        }
    }
    shown
}

/// `row 7, line 9: found `1001`, which is Ana Silva's (extension 1001)`: what is so of the row alone. `None`
/// where nothing more than its number was kept of it.
fn example(row: u64, cause: &Value, by_row: &ByRow<'_>) -> Option<String> {
    let same = |problem: &&&Value| {
        ["column", "mend", "option", "remark"].iter().all(|name| problem[name] == cause[name])
    };
    let of_row = by_row.get(&row).and_then(|problems| problems.iter().find(same));
    let problem = of_row?;
    let found = match visible(&problem["found"]).as_str() {
        // Of a remark and of a row as a whole the reason says what there is.
        "" if cause["remark"] == true || cause["column"].is_null() => String::new(),
        "" => ": found nothing".to_owned(),
        found => format!(": found `{found}`"),
    };
    let own = match text_of(&problem["reason"]) {
        reason if problem["reason"] != cause["reason"] => {
            format!("{} {reason}", if found.is_empty() { ":" } else { ", which" })
        }
        _ => String::new(),
    };
    Some(format!("row {row}, {}{found}{own}", place(problem)))
}

/// Where to look in the file: the cell or column that a spreadsheet names so, else the line of the text.
fn place(problem: &Value) -> String {
    match problem["cell"].as_str() {
        Some(cell) if cell.ends_with(|c: char| c.is_ascii_digit()) => format!("cell {}", clean(cell)),
        Some(column) => format!("column {}", clean(column)),
        None => format!("line {}", count_of(problem, "line")),
    }
}

fn print_rows(console: &mut Console<'_>, report: &Value) -> io::Result<()> {
    let problems = list_of(report, "problems");
    if !problems.is_empty() {
        console.line("")?;
        console.line("Row by row:")?;
    }
    for problem in problems {
        let column = text_of(&problem["column"]);
        let found = match visible(&problem["found"]).as_str() {
            "" => String::new(),
            found => format!(" `{found}`"),
        };
        let (row, place) = (count_of(problem, "row"), place(problem));
        let mend = clean(&mend_of(problem)).into_owned();
        let mend = if mend.is_empty() { mend } else { format!(": {mend}") };
        let reason = text_of(&problem["reason"]);
        let subject = format!("{column}{found}");
        let subject = if subject.is_empty() { "the row".to_owned() } else { subject };
        console.line(&format!("  row {row}, {place}: {subject} {reason}{mend}"))?;
    }
    match count_of(report, "problems_left_out") {
        0 => Ok(()),
        count => {
            console.line(&format!("{} were counted but not kept.", counted(count, "problem", "problems")))
        }
    }
}
