//! `muster invoice preview|list|show|close|check`.

use serde_json::{Map, Value, json};

use super::export::write_file;
use crate::args::{InvoiceCommand, InvoiceFiles};
use crate::client::{Request, escape};
use crate::console::Console;
use crate::failure::Failure;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::table::Table;
use crate::value::{count_of, grouped, list_of, money_of, text_of, time_of};

pub(crate) fn run(session: &mut Session<'_, '_>, command: &InvoiceCommand) -> Result<(), Failure> {
    match command {
        InvoiceCommand::Preview { cycle, files } => preview(session, cycle.as_deref(), files),
        InvoiceCommand::List => list(session),
        InvoiceCommand::Show { which, files } => show(session, which, files),
        InvoiceCommand::Close { cycle } => close(session, cycle.as_deref()),
        InvoiceCommand::Check { which } => check(session, which),
    }
}

fn preview(session: &mut Session<'_, '_>, cycle: Option<&str>, files: &InvoiceFiles) -> Result<(), Failure> {
    let with_cycle = |path: String| match cycle {
        Some(cycle) => Request::get(path).query("cycle", cycle),
        None => Request::get(path),
    };
    if files.csv.is_some() || files.html.is_some() {
        for (file, ending) in [(&files.csv, "csv"), (&files.html, "html")] {
            let path = session.path(&format!("/invoices/preview.{ending}"))?;
            if let Some(file) = file {
                write_file(session, &with_cycle(path), file)?;
            }
        }
        return Ok(());
    }
    let path = session.path("/invoices/preview")?;
    let answer = session.client.send(&with_cycle(path))?;
    session.tell(&answer.value, |console, bill| {
        print_lines(console, list_of(bill, "lines"), &text_of(&bill["currency"]))?;
        let total = money_of(bill, "total_minor");
        let (cycle, lines) = (text_of(&bill["cycle"]), grouped(count_of(bill, "line_count")));
        console.line(&format!("{cycle} would cost {total} ({lines} lines) if nothing changed until its end."))
    })
}

fn print_lines(console: &mut Console<'_>, lines: &[Value], currency: &str) -> std::io::Result<()> {
    let mut table = Table::new(&["WHY", "FOR", "WHAT", "QUANTITY", "DAYS", "CALLS", "PRICE", "AMOUNT"]);
    for line in lines {
        let line = with_currency(line, currency);
        let days = format!("{}/{}", text_of(&line["days"]), text_of(&line["of_days"]));
        table.row(vec![
            text_of(&line["why"]).replace('_', " "),
            text_of(&line["display_name"]),
            text_of(&line["what"]),
            text_of(&line["quantity"]),
            days,
            text_of(&line["calls"]),
            money_of(&line, "unit_minor"),
            money_of(&line, "amount_minor"),
        ]);
    }
    table.print(console)
}

fn with_currency(line: &Value, currency: &str) -> Value {
    let mut fields: Map<String, Value> = line.as_object().cloned().unwrap_or_default();
    fields.insert("currency".into(), currency.into());
    Value::Object(fields)
}

fn list(session: &mut Session<'_, '_>) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("CYCLE", |item| text_of(&item["cycle"])),
        ("TOTAL", |item| money_of(item, "total_minor")),
        ("LINES", |item| grouped(count_of(item, "line_count"))),
        ("CLOSED (UTC)", |item| time_of(&item["closed_at"])),
        ("ID", |item| text_of(&item["id"])),
    ];
    let path = session.path("/invoices")?;
    List::all(path, "invoice", "invoices").print(session, columns)
}

fn show(session: &mut Session<'_, '_>, which: &str, files: &InvoiceFiles) -> Result<(), Failure> {
    let path = session.path(&format!("/invoices/{}", escape(which)))?;
    if files.csv.is_some() || files.html.is_some() {
        for (file, ending) in [(&files.csv, "csv"), (&files.html, "html")] {
            if let Some(file) = file {
                write_file(session, &Request::get(format!("{path}/invoice.{ending}")), file)?;
            }
        }
        return Ok(());
    }
    let answer = session.client.get(&path)?;
    let lines = List::all(format!("{path}/lines"), "line", "lines").items(session)?;
    let mut invoice = answer.value;
    invoice["lines"] = json!(lines);
    session.tell(&invoice, |console, invoice| {
        print_lines(console, list_of(invoice, "lines"), &text_of(&invoice["currency"]))?;
        let total = money_of(invoice, "total_minor");
        console.line(&format!("{} has cost {total}.", text_of(&invoice["cycle"])))
    })
}

fn close(session: &mut Session<'_, '_>, cycle: Option<&str>) -> Result<(), Failure> {
    let path = session.path("/invoices")?;
    let body = json!({ "cycle": cycle });
    let request = Request::post(path, &body).may_take_long();
    let answer = session.client.send(&request)?;
    session.tell(&answer.value, |console, invoice| {
        let (cycle, total) = (text_of(&invoice["cycle"]), money_of(invoice, "total_minor"));
        console.line(&format!("{cycle} is closed: {total}."))
    })
}

fn check(session: &mut Session<'_, '_>, which: &str) -> Result<(), Failure> {
    let path = session.path(&format!("/invoices/{}/check", escape(which)))?;
    let answer = session.client.send(&Request::get(path).may_take_long())?;
    let same = answer.value["same"] == true;
    session.tell(&answer.value, |console, check| {
        let words = match same {
            true => "Made again from the log it is the same.".to_owned(),
            false => format!(
                "Made again from the log it is another: {} instead of {} (in minor units).",
                text_of(&check["total_again_minor"]),
                text_of(&check["total_minor"])
            ),
        };
        console.line(&words)
    })?;
    if same {
        return Ok(());
    }
    Err(Failure::refused(
        "The invoice is not what the log gives.",
        "`muster changes --verify` says what was altered.",
    ))
}
