//! An invoice as a file and as a page to print. The page needs nothing beside itself; printing it to a file gives a PDF.

use std::borrow::Cow;

use muster_app::billing::NamedLine;
use muster_domain::billing::charges::Why;
use muster_domain::calendar::Cycle;
use muster_domain::money::Minor;

use super::page::{STYLE, escaped};

/// What an invoice shows.
pub struct Sheet {
    pub organization: String,
    /// Else it is a preview.
    pub is_closed: bool,
    pub cycle: Cycle,
    pub currency: String,
    pub total: Minor,
    pub lines: Vec<NamedLine>,
}

const COLUMNS: [&str; 16] = [
    "line",
    "cycle",
    "why",
    "display_name",
    "extension",
    "user",
    "what",
    "quantity",
    "days",
    "of_days",
    "from",
    "to",
    "calls",
    "unit",
    "amount",
    "currency",
];

/// Amounts have two decimals and a point. The last line is the total.
pub fn csv(sheet: &Sheet) -> String {
    let mut out = String::with_capacity(120 * (sheet.lines.len() + 2));
    push_row(&mut out, COLUMNS.map(Cow::Borrowed));
    let cycle = sheet.cycle.name();
    for named in &sheet.lines {
        let line = &named.line;
        let text = |text: &Option<String>| Cow::Owned(text.clone().unwrap_or_default());
        let number = |n: u64| Cow::Owned(n.to_string());
        push_row(
            &mut out,
            [
                number(named.number),
                Cow::Borrowed(&cycle),
                Cow::Borrowed(line.why.word()),
                text(&named.person),
                text(&named.extension),
                Cow::Owned(line.user.map(|user| user.to_string()).unwrap_or_default()),
                Cow::Borrowed(line.what.as_str()),
                number(line.quantity),
                number(line.days.into()),
                number(line.of_days.into()),
                Cow::Owned(sheet.cycle.date_of(line.from_day)),
                Cow::Owned(sheet.cycle.date_of(line.to_day.saturating_sub(1))),
                number(line.calls.into()),
                Cow::Owned(line.unit.decimal()),
                Cow::Owned(line.amount.decimal()),
                Cow::Borrowed(&sheet.currency),
            ],
        );
    }
    let mut total = [const { Cow::Borrowed("") }; COLUMNS.len()];
    (total[1], total[2]) = (Cow::Borrowed(cycle.as_str()), Cow::Borrowed("total"));
    (total[14], total[15]) = (Cow::Owned(sheet.total.decimal()), Cow::Borrowed(sheet.currency.as_str()));
    push_row(&mut out, total);
    out
}

fn push_row<const N: usize>(out: &mut String, cells: [Cow<'_, str>; N]) {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        push_cell(out, cell);
    }
    out.push_str("\r\n");
}

/// A cell that a spreadsheet would take for a formula is none: an apostrophe stands before it. Amounts below nothing are
/// numbers.
fn push_cell(out: &mut String, cell: &str) {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err();
    let guard = if formula || cell.starts_with('+') { "'" } else { "" };
    if cell.contains(['"', ',', '\n', '\r']) {
        out.push('"');
        out.push_str(guard);
        out.push_str(&cell.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(guard);
        out.push_str(cell);
    }
}

pub fn html(sheet: &Sheet) -> String {
    let kind = if sheet.is_closed { "Invoice" } else { "Preview" };
    let title = escaped(&format!("{kind} {}: {}", sheet.cycle.name(), sheet.organization));
    let last = sheet.cycle.date_of(sheet.cycle.days().saturating_sub(1));
    let about = match sheet.is_closed {
        true => "The cycle is closed.",
        false => "What the cycle would cost if nothing changed until its end.",
    };
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{title}</h1>\n\
         <p class=\"quiet\">{} to {last}</p>\n<p class=\"outcome\">{} {}. {about}</p>\n</header>\n",
        sheet.cycle.date_of(0),
        sheet.total.decimal(),
        escaped(&sheet.currency),
    );
    for why in Why::ALL {
        let lines: Vec<&NamedLine> = sheet.lines.iter().filter(|named| named.line.why == *why).collect();
        if !lines.is_empty() {
            section(&mut page, sheet, *why, &lines);
        }
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn section(page: &mut String, sheet: &Sheet, why: Why, lines: &[&NamedLine]) {
    let sum: Minor = lines.iter().map(|named| named.line.amount).sum();
    page.push_str(&format!(
        "<section>\n<h2>{}</h2>\n<table>\n<thead><tr><th>For</th><th>What</th><th>Quantity</th><th>Days</th>\
         <th>Price</th><th>Amount</th></tr></thead>\n<tbody>\n",
        heading(why)
    ));
    for named in lines {
        let line = &named.line;
        let days = match (line.calls, line.days) {
            (0, 0) => sheet.cycle.date_of(line.from_day),
            (0, days) => format!("{days} of {}", line.of_days),
            (calls, _) => format!("{calls} calls"),
        };
        page.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{days}</td><td>{}</td><td>{}</td></tr>\n",
            escaped(&whom(named)),
            escaped(&line.what),
            line.quantity,
            line.unit.decimal(),
            line.amount.decimal(),
        ));
    }
    page.push_str(&format!(
        "</tbody>\n<tfoot><tr><td>Sum</td><td></td><td></td><td></td><td></td><td>{} {}</td></tr></tfoot>\n\
         </table>\n</section>\n",
        sum.decimal(),
        escaped(&sheet.currency)
    ));
}

fn whom(named: &NamedLine) -> String {
    match (&named.person, &named.extension, named.line.user) {
        (Some(name), Some(extension), _) => format!("{name} ({extension})"),
        (Some(name), None, _) => name.clone(),
        // Purged: what they cost stays.
        (None, _, Some(user)) => user.to_string(),
        (None, _, None) => "The organization".to_string(),
    }
}

fn heading(why: Why) -> &'static str {
    match why {
        Why::ShareOfDays => "People, by the days on which they were activated",
        Why::AnyMoment => "People who were activated at any moment",
        Why::AtClose => "People who were activated at the close",
        Why::Licence => "Licences",
        Why::Metered => "More calls than are free",
        Why::Number => "Numbers",
        Why::Purchase => "Bought once",
        Why::Credit => "Credited",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_domain::billing::charges::Line;

    fn sheet(person: &str) -> Sheet {
        let line = Line {
            why: Why::Credit,
            user: None,
            what: "+12125550123".into(),
            quantity: 1,
            days: 0,
            of_days: 30,
            from_day: 4,
            to_day: 5,
            calls: 0,
            unit: Minor(1250),
            amount: Minor(-1250),
        };
        let named = NamedLine { number: 1, line, person: Some(person.into()), extension: None };
        Sheet {
            organization: "A & B".into(),
            is_closed: true,
            cycle: Cycle::named("2026-11", None).unwrap(),
            currency: "EUR".into(),
            total: Minor(-1250),
            lines: vec![named],
        }
    }

    #[test]
    fn a_name_is_no_formula_and_no_markup() {
        let sheet = sheet("=1+1,\"<b>\"");
        assert!(csv(&sheet).contains("\"'=1+1,\"\"<b>\"\"\""), "{}", csv(&sheet));
        assert!(csv(&sheet).contains(",'+12125550123,1,0,30,2026-11-05,2026-11-05,0,12.50,-12.50,EUR\r\n"));
        assert!(csv(&sheet).ends_with(",2026-11,total,,,,,,,,,,,,-12.50,EUR\r\n"));
        let page = html(&sheet);
        assert!(page.contains("A &amp; B") && !page.contains("<b>"), "{page}");
        assert!(page.contains("<td>2026-11-05</td>") && page.contains("-12.50 EUR"), "{page}");
    }
}
