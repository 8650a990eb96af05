//! `muster order list|show|create|confirm|submit|cancel|ship|receive`.

use serde_json::{Map, Value, json};

use crate::args::OrderCommand;
use crate::client::{Request, escape};
use crate::console::Console;
use crate::failure::Failure;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::table::Table;
use crate::value::{list_of, money_of, text_of, time_of};

pub(crate) fn run(session: &mut Session<'_, '_>, command: &OrderCommand) -> Result<(), Failure> {
    match command {
        OrderCommand::List { filter } => list(session, filter.as_deref()),
        OrderCommand::Show { id } => {
            let path = path_of(session, id, "")?;
            let answer = session.client.get(&path)?;
            session.tell(&answer.value, print)
        }
        OrderCommand::Create { items, address, note } => {
            create(session, items, address.as_deref(), note.as_deref())
        }
        OrderCommand::Confirm { id, price_digest } => {
            confirm(session, id, price_digest.as_deref(), "confirm")
        }
        OrderCommand::Submit { id, price_digest } => confirm(session, id, price_digest.as_deref(), "submit"),
        OrderCommand::Cancel { id, reason } => step(session, id, "/cancel", &json!({ "reason": reason })),
        OrderCommand::Ship { id, carrier, tracking } => {
            let body = json!({ "items": [], "carrier": carrier, "tracking": tracking });
            step(session, id, "/ship", &body)
        }
        OrderCommand::Receive { id } => step(session, id, "/receive", &json!({ "items": [] })),
    }
}

fn step(session: &mut Session<'_, '_>, id: &str, tail: &str, body: &Value) -> Result<(), Failure> {
    let path = path_of(session, id, tail)?;
    let answer = session.client.send(&Request::post(path, body))?;
    session.tell(&answer.value, print)
}

fn path_of(session: &mut Session<'_, '_>, id: &str, tail: &str) -> Result<String, Failure> {
    session.path(&format!("/orders/{}{tail}", escape(id)))
}

fn list(session: &mut Session<'_, '_>, filter: Option<&str>) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("MADE (UTC)", |item| time_of(&item["created_at"])),
        ("STATE", |item| text_of(&item["state"]).replace('_', " ")),
        ("ONCE", |item| money_of(item, "once_minor")),
        ("PER CYCLE", |item| money_of(item, "per_cycle_minor")),
        ("NOTE", |item| text_of(&item["note"])),
        ("ID", |item| text_of(&item["id"])),
    ];
    let path = session.path("/orders")?;
    List::all(path, "order", "orders").query("filter", filter).print(session, columns)
}

fn create(
    session: &mut Session<'_, '_>,
    items: &[String],
    address: Option<&str>,
    note: Option<&str>,
) -> Result<(), Failure> {
    let items = items.iter().map(|text| item_of(text)).collect::<Result<Vec<Value>, Failure>>()?;
    let body = json!({ "items": items, "address": address, "note": note });
    let path = session.path("/orders")?;
    let answer = session.client.send(&Request::post(path, &body))?;
    session.tell(&answer.value, print)
}

/// `kind=phone,model=Yealink T54W` as JSON.
fn item_of(text: &str) -> Result<Value, Failure> {
    let mut fields = Map::new();
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        let (key, value) = part.split_once('=').ok_or_else(|| {
            Failure::usage(
                format!("`{part}` is not a field of a thing."),
                "Write it like kind=licence,user_type=user,quantity=5.",
            )
        })?;
        let (key, value) = (key.trim(), value.trim());
        let number = value.parse::<u64>().ok().filter(|_| key == "quantity");
        fields.insert(key.into(), number.map_or_else(|| value.into(), Value::from));
    }
    Ok(Value::Object(fields))
}

/// Who has no digest is shown the price first: it is the one that is confirmed.
fn confirm(
    session: &mut Session<'_, '_>,
    id: &str,
    price_digest: Option<&str>,
    verb: &str,
) -> Result<(), Failure> {
    let Some(digest) = price_digest else {
        let path = path_of(session, id, "")?;
        let order = session.client.get(&path)?.value;
        session.tell(&order, print)?;
        let digest = text_of(&order["price_digest"]);
        return Err(Failure::refused(
            "Nothing is bought yet: this is what it costs.",
            format!("To accept it: muster order {verb} {id} --price-digest {digest}"),
        ));
    };
    let path = path_of(session, id, &format!("/{verb}"))?;
    let body = json!({ "price_digest": digest, "acknowledged": true });
    let answer = session.client.send(&Request::post(path, &body))?;
    session.tell(&answer.value, print)
}

fn print(console: &mut Console<'_>, order: &Value) -> std::io::Result<()> {
    let mut table =
        Table::new(&["KIND", "WHAT", "QUANTITY", "FOR", "TO", "ONCE", "FIRST CYCLE", "PER CYCLE"]);
    for item in list_of(order, "items") {
        let mut item = item.clone();
        item["currency"] = order["currency"].clone();
        let what = ["model", "number", "user_type"].iter().map(|name| text_of(&item[*name]));
        table.row(vec![
            text_of(&item["kind"]),
            what.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" "),
            text_of(&item["quantity"]),
            text_of(&item["user"]),
            text_of(&item["address"]),
            money_of(&item, "once_minor"),
            money_of(&item, "first_cycle_minor"),
            money_of(&item, "per_cycle_minor"),
        ]);
    }
    table.print(console)?;
    for why in list_of(order, "not_sold") {
        console.line(&format!("It cannot be bought as it is: {}", text_of(why)))?;
    }
    console.line(&format!(
        "Order {} is {}.",
        text_of(&order["id"]),
        text_of(&order["state"]).replace('_', " ")
    ))?;
    console.line(&format!(
        "{} once, {} for the rest of this cycle, {} for each cycle after.",
        money_of(order, "once_minor"),
        money_of(order, "first_cycle_minor"),
        money_of(order, "per_cycle_minor"),
    ))?;
    console.line(&format!("Price digest: {}", text_of(&order["price_digest"])))
}
