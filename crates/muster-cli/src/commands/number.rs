//! `muster number list|stock`.

use std::collections::HashMap;

use serde_json::json;

use super::device::name_of;
use crate::args::{NumberCommand, Which};
use crate::client::Request;
use crate::failure::Failure;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::table::Table;
use crate::value::{count_of, counted, text_of};

pub(crate) fn run(session: &mut Session<'_, '_>, command: &NumberCommand) -> Result<(), Failure> {
    match command {
        NumberCommand::List(which) => list(session, which),
        NumberCommand::Stock { filter, add, country, region, area_code } => {
            if add.is_empty() {
                return stock(session, filter.as_deref());
            }
            let body =
                json!({ "numbers": add, "country": country, "region": region, "area_code": area_code });
            let answer = session.client.send(&Request::post(STOCK.to_owned(), &body))?;
            session.tell(&answer.value, |console, added| {
                let count = counted(count_of(added, "numbers"), "number", "numbers");
                console.line(&format!("Took {count} into the stock."))
            })
        }
    }
}

const STOCK: &str = "/api/v1/stock/numbers";

fn stock(session: &mut Session<'_, '_>, filter: Option<&str>) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("NUMBER", |item| text_of(&item["number"])),
        ("COUNTRY", |item| text_of(&item["country"])),
        ("STATE", |item| text_of(&item["region"])),
        ("AREA CODE", |item| text_of(&item["area_code"])),
        ("IS", |item| text_of(&item["state"])),
        ("ORGANIZATION", |item| text_of(&item["organization"])),
    ];
    List::all(STOCK.to_owned(), "number", "numbers").query("filter", filter).print(session, columns)
}

fn list(session: &mut Session<'_, '_>, which: &Which) -> Result<(), Failure> {
    let path = session.path("/numbers")?;
    let numbers = List::all(path, "number", "numbers").which(which);
    if session.json {
        return numbers.print(session, &[]);
    }
    let mut table = Table::new(&["NUMBER", "KIND", "OWNED ELSEWHERE", "USER", "ID"]);
    let mut names = HashMap::new();
    for number in numbers.items(session)? {
        let cell = |name: &str| text_of(&number[name]);
        let user = name_of(session, &mut names, cell("user"))?;
        table.row(vec![cell("number"), cell("kind"), cell("owned_elsewhere"), user, cell("id")]);
    }
    Ok(table.print(session.console)?)
}
