//! `muster seats`.

use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::value::{count_of, counted, grouped, list_of, text_of, time_of};

pub(crate) fn run(session: &mut Session<'_, '_>) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("EXT", |item| text_of(&item["extension"])),
        ("NAME", |item| text_of(&item["display_name"])),
        ("TYPE", |item| text_of(&item["user_type"])),
        ("COUNTED SINCE (UTC)", |item| time_of(&item["since"])),
        ("BY CHANGE", |item| text_of(&item["seq"])),
    ];
    let path = session.path("/seats")?;
    List::all(path, "counted seat", "counted seats").summary(total).print(session, columns)
}

/// `Total: 45 counted seats (user 43, conference room 2).`
fn total(beside: &Map<String, Value>) -> String {
    let beside = Value::Object(beside.clone());
    let of_type = |by: &Value| {
        format!("{} {}", text_of(&by["user_type"]).replace('_', " "), grouped(count_of(by, "seats")))
    };
    let counted_types = list_of(&beside, "by_type").iter().filter(|by| count_of(by, "seats") > 0);
    let by_type: Vec<String> = counted_types.map(of_type).collect();
    let by_type = if by_type.is_empty() { String::new() } else { format!(" ({})", by_type.join(", ")) };
    format!("Total: {}{by_type}.", counted(count_of(&beside, "total"), "counted seat", "counted seats"))
}
