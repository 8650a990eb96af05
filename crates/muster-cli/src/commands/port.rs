//! `muster port list|add|submit|reject|date|activate|cancel`.

use serde_json::{Value, json};

use super::fields::{self, Schema};
use super::record;
use crate::args::PortCommand;
use crate::client::{Method, Request, Upload, escape};
use crate::failure::Failure;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::value::{text_of, time_of};

pub(crate) fn run(session: &mut Session<'_, '_>, command: &PortCommand) -> Result<(), Failure> {
    match command {
        PortCommand::List { filter } => list(session, filter.as_deref()),
        PortCommand::Add { fields } => add(session, fields),
        PortCommand::Submit { id } => step(session, id, "submit", None),
        PortCommand::Reject { id, reason } => step(session, id, "reject", Some(&json!({ "reason": reason }))),
        PortCommand::Date { id, at } => step(session, id, "date", Some(&json!({ "due_at": at }))),
        PortCommand::Activate { id } => step(session, id, "activate", None),
        PortCommand::Cancel { id } => step(session, id, "cancel", None),
    }
}

fn list(session: &mut Session<'_, '_>, filter: Option<&str>) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("NUMBERS", |item| text_of(&item["numbers"])),
        ("STATE", |item| text_of(&item["state"])),
        ("FROM", |item| text_of(&item["carrier"])),
        ("DAY (UTC)", |item| time_of(&item["due_at"])),
        ("REASON", |item| text_of(&item["reason"])),
        ("ID", |item| text_of(&item["id"])),
    ];
    let path = session.path("/port-orders")?;
    List::all(path, "port order", "port orders").query("filter", filter).print(session, columns)
}

fn add(session: &mut Session<'_, '_>, fields: &[String]) -> Result<(), Failure> {
    let pairs = fields::read(session.console, fields)?;
    let schema = Schema::load(session, "post", "/organizations/{}/port-orders")?;
    let path = session.path("/port-orders")?;
    let answer = session.client.send(&Request::post(path, &schema.body(&pairs)))?;
    record::tell(session, &answer.value)
}

fn step(session: &mut Session<'_, '_>, id: &str, verb: &str, body: Option<&Value>) -> Result<(), Failure> {
    let path = session.path(&format!("/port-orders/{}/{verb}", escape(id)))?;
    let request = Request::new(Method::Post, path);
    let request = match body {
        Some(body) => request.upload(Upload::Json(body)),
        None => request,
    };
    let answer = session.client.send(&request)?;
    record::tell(session, &answer.value)
}
