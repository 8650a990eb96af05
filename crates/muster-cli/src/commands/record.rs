//! `muster group|menu|fax-account|… list|show|add|set|remove`: records are all typed alike, and what their
//! fields are the server's description says.

use serde_json::Value;

use super::fields::{self, Schema};
use crate::args::{RecordCommand, Which};
use crate::client::{Method, Request, Upload, escape};
use crate::failure::Failure;
use crate::listing::{self, Column, List};
use crate::session::Session;
use crate::table::print_pairs;
use crate::value::{money_of, text_of};

/// A kind of record as it is typed and told.
pub(crate) struct Kind {
    /// The last part of its address: `fax-accounts`.
    pub address: &'static str,
    /// The command: `fax-account`.
    pub command: &'static str,
    pub one: &'static str,
    pub many: &'static str,
    /// Whether it is the operator's: then its address names no organization.
    pub operators: bool,
    /// Beside the name and the id.
    pub columns: &'static [Column],
}

pub(crate) const GROUP: Kind = Kind {
    address: "groups",
    command: "group",
    one: "group",
    many: "groups",
    operators: false,
    columns: &[
        ("EXTENSION", |item| text_of(&item["extension"])),
        ("KIND", |item| text_of(&item["kind"])),
        ("MEMBERS", |item| count(&item["members"])),
    ],
};
pub(crate) const MENU: Kind = Kind {
    address: "menus",
    command: "menu",
    one: "menu",
    many: "menus",
    operators: false,
    columns: &[("EXTENSION", |item| text_of(&item["extension"])), ("KEYS", |item| count(&item["entries"]))],
};
pub(crate) const FAX_ACCOUNT: Kind = Kind {
    address: "fax-accounts",
    command: "fax-account",
    one: "fax account",
    many: "fax accounts",
    operators: false,
    columns: &[("USERS", |item| count(&item["users"]))],
};
pub(crate) const SMS_SENDER: Kind = Kind {
    address: "sms-senders",
    command: "sms-sender",
    one: "SMS sender",
    many: "SMS senders",
    operators: false,
    columns: &[
        ("CAMPAIGN", |item| {
            if item["campaign_approved"] == true { "approved" } else { "receives only" }.to_owned()
        }),
        ("USERS", |item| count(&item["users"])),
    ],
};
pub(crate) const ON_CALL: Kind = Kind {
    address: "on-call-schedules",
    command: "on-call",
    one: "on-call schedule",
    many: "on-call schedules",
    operators: false,
    columns: &[("MEMBERS", |item| count(&item["members"])), ("SHIFT (H)", |item| text_of(&item["shift_h"]))],
};
pub(crate) const EMERGENCY_LOCATION: Kind = Kind {
    address: "emergency-locations",
    command: "emergency-location",
    one: "emergency location",
    many: "emergency locations",
    operators: false,
    columns: &[
        ("STREET", |item| street(item)),
        ("CITY", |item| text_of(&item["city"])),
        ("COUNTRY", |item| text_of(&item["country"])),
    ],
};
pub(crate) const SHIPPING_ADDRESS: Kind = Kind {
    address: "shipping-addresses",
    command: "shipping-address",
    one: "shipping address",
    many: "shipping addresses",
    operators: false,
    columns: &[
        ("RECIPIENT", |item| text_of(&item["recipient"])),
        ("STREET", |item| street(item)),
        ("CITY", |item| text_of(&item["city"])),
        ("COUNTRY", |item| text_of(&item["country"])),
    ],
};
pub(crate) const TAG: Kind = Kind {
    address: "tags",
    command: "tag",
    one: "tag",
    many: "tags",
    operators: false,
    columns: &[("COLOUR", |item| text_of(&item["colour"]))],
};

pub(crate) const PHONE_MODEL: Kind = Kind {
    address: "phone-models",
    command: "phone-model",
    one: "model of phone",
    many: "models of phones",
    operators: true,
    columns: &[
        ("LINES", |item| text_of(&item["lines"])),
        ("FEATURES", |item| text_of(&item["features"])),
        ("PRICE", |item| money_of(item, "price_minor")),
    ],
};
pub(crate) const UNASSIGNED_EXTENSION: Kind = Kind {
    address: "unassigned-extensions",
    command: "pool",
    one: "unassigned extension",
    many: "unassigned extensions",
    operators: false,
    columns: &[
        ("KIND", |item| text_of(&item["kind"])),
        ("COUNTRY", |item| text_of(&item["country"])),
        ("AREA CODE", |item| text_of(&item["area_code"])),
        ("NUMBER", |item| text_of(&item["number"])),
        ("TAKEN BY", |item| text_of(&item["user"])),
    ],
};

fn count(list: &Value) -> String {
    list.as_array().map_or(0, Vec::len).to_string()
}

fn street(item: &Value) -> String {
    format!("{} {}", text_of(&item["street"]), text_of(&item["house_number"])).trim().to_owned()
}

pub(crate) fn run(
    session: &mut Session<'_, '_>,
    kind: &Kind,
    command: &RecordCommand,
) -> Result<(), Failure> {
    match command {
        RecordCommand::List(which) => list(session, kind, which),
        RecordCommand::Show { which } => show(session, kind, which),
        RecordCommand::Add { fields } => add(session, kind, fields),
        RecordCommand::Set { which, fields } => set(session, kind, which, fields),
        RecordCommand::Remove { which } => remove(session, kind, which),
    }
}

fn list(session: &mut Session<'_, '_>, kind: &Kind, which: &Which) -> Result<(), Failure> {
    let mut columns: Vec<Column> = vec![("NAME", |item| text_of(&item["name"]))];
    columns.extend(kind.columns);
    columns.push(("ID", |item| text_of(&item["id"])));
    let path = address(session, kind, "")?;
    List::all(path, kind.one, kind.many).which(which).print(session, &columns)
}

pub(crate) fn show(session: &mut Session<'_, '_>, kind: &Kind, which: &str) -> Result<(), Failure> {
    let record = find(session, kind, which)?;
    tell(session, &record)
}

fn add(session: &mut Session<'_, '_>, kind: &Kind, fields: &[String]) -> Result<(), Failure> {
    let pairs = fields::read(session.console, fields)?;
    let place = if kind.operators { "/api/v1" } else { "/organizations/{}" };
    let schema = Schema::load(session, "post", &format!("{place}/{}", kind.address))?;
    let path = address(session, kind, "")?;
    let answer = session.client.send(&Request::post(path, &schema.body(&pairs)))?;
    let one = kind.one;
    session.tell(&answer.value, |console, made| {
        console.line(&format!("Made the {one} {}.", text_of(&made["name"])))
    })
}

pub(crate) fn set(
    session: &mut Session<'_, '_>,
    kind: &Kind,
    which: &str,
    fields: &[String],
) -> Result<(), Failure> {
    let pairs = fields::read(session.console, fields)?;
    let record = find(session, kind, which)?;
    let schema = Schema::load(session, "patch", &format!("/{}/{{}}", kind.address))?;
    let body = schema.body(&pairs);
    let request = Request::new(Method::Patch, path_of(session, kind, &record)?)
        .upload(Upload::Json(&body))
        .header("if-match", format!("\"{}\"", text_of(&record["version"])));
    let answer = session.client.send(&request)?;
    tell(session, &answer.value)
}

pub(crate) fn remove(session: &mut Session<'_, '_>, kind: &Kind, which: &str) -> Result<(), Failure> {
    let record = find(session, kind, which)?;
    let path = path_of(session, kind, &record)?;
    session.client.send(&Request::new(Method::Delete, path))?;
    let one = kind.one;
    session.tell(&record, |console, record| {
        console
            .line(&format!("Removed the {one} {}; `muster undo` brings it back.", text_of(&record["name"])))
    })
}

fn find(session: &mut Session<'_, '_>, kind: &Kind, which: &str) -> Result<Value, Failure> {
    let path = address(session, kind, "")?;
    listing::find(session, path, which, kind.one, &format!("muster {} list", kind.command))
}

fn path_of(session: &mut Session<'_, '_>, kind: &Kind, record: &Value) -> Result<String, Failure> {
    address(session, kind, &format!("/{}", escape(&text_of(&record["id"]))))
}

fn address(session: &mut Session<'_, '_>, kind: &Kind, tail: &str) -> Result<String, Failure> {
    match kind.operators {
        true => Ok(format!("/api/v1/{}{tail}", kind.address)),
        false => session.path(&format!("/{}{tail}", kind.address)),
    }
}

pub(crate) fn tell(session: &mut Session<'_, '_>, record: &Value) -> Result<(), Failure> {
    session.tell(record, |console, record| {
        let members = record.as_object().into_iter().flatten();
        let pairs: Vec<_> = members.map(|(name, value)| (name.clone(), text_of(value))).collect();
        print_pairs(console, &pairs)
    })
}
