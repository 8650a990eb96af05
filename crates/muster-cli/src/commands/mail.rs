//! `muster mail status|set|unset|test|list|show|retry`.

use std::io;

use serde_json::{Value, json};

use super::fields::{self, Schema};
use crate::args::MailCommand;
use crate::client::{Method, Request, Upload, escape};
use crate::console::Console;
use crate::failure::Failure;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::table::print_pairs;
use crate::value::{count_of, grouped, text_of, time_of};

const SERVER: &str = "/api/v1/mail-server";

pub(crate) fn run(session: &mut Session<'_, '_>, command: &MailCommand) -> Result<(), Failure> {
    match command {
        MailCommand::Status => status(session),
        MailCommand::Set { fields } => set(session, fields),
        MailCommand::Unset => {
            session.client.send(&Request::new(Method::Delete, SERVER))?;
            session.tell(&Value::Null, |console, _| console.line("There is no mail server now: mail waits."))
        }
        MailCommand::Test { to } => test(session, to),
        MailCommand::List { state, limit } => list(session, state.as_deref(), *limit),
        MailCommand::Show { id } => show(session, id),
        MailCommand::Retry { ids } => ids.iter().try_for_each(|id| retry(session, id)),
    }
}

fn status(session: &mut Session<'_, '_>) -> Result<(), Failure> {
    let answer = session.client.get(SERVER)?;
    session.tell(&answer.value, print_status)
}

fn print_status(console: &mut Console<'_>, status: &Value) -> io::Result<()> {
    let server = &status["server"];
    let place = match server.is_null() {
        true => "none".to_owned(),
        false => format!(
            "{}:{} ({}), from {}",
            text_of(&server["host"]),
            text_of(&server["port"]),
            text_of(&server["security"]),
            text_of(&server["from_address"])
        ),
    };
    let count = |name: &str| grouped(count_of(&status["counts"], name));
    let pairs = [
        ("Server", place),
        ("Mail leaves", if status["leaves"] == true { "yes" } else { "no" }.to_owned()),
        ("Waiting", count("waiting")),
        ("Sent", count("sent")),
        ("Given up", count("given_up")),
        ("Dropped", count("dropped")),
    ];
    print_pairs(console, &pairs.map(|(label, value)| (label.to_owned(), value)))?;
    if status["problem"].is_string() {
        console.note(&text_of(&status["problem"]));
    }
    Ok(())
}

fn set(session: &mut Session<'_, '_>, given: &[String]) -> Result<(), Failure> {
    let pairs = fields::read(session.console, given)?;
    let schema = Schema::load(session, "patch", "/api/v1/mail-server")?;
    let body = schema.body(&pairs);
    let answer = session.client.send(&Request::new(Method::Patch, SERVER).upload(Upload::Json(&body)))?;
    session.tell(&answer.value, print_status)
}

/// Exit status 1 where it was not sent.
fn test(session: &mut Session<'_, '_>, to: &str) -> Result<(), Failure> {
    let body = json!({ "to": to });
    let answer = session.client.send(&Request::post("/api/v1/mail-server/test", &body))?;
    let sent = answer.value["sent"] == true;
    session.tell(&answer.value, |console, answer| match sent {
        true => console.line(&format!("The server took a mail to {to}.")),
        false => console.line(&format!("Not sent. {}", text_of(&answer["problem"]))),
    })?;
    if sent { Ok(()) } else { Err(Failure::Told) }
}

fn list(session: &mut Session<'_, '_>, state: Option<&str>, limit: u32) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("MADE (UTC)", |item| time_of(&item["created_at"])),
        ("KIND", |item| text_of(&item["kind"]).replace('_', " ")),
        ("TO", |item| text_of(&item["recipient"])),
        ("STATE", |item| text_of(&item["state"]).replace('_', " ")),
        ("TRIES", |item| text_of(&item["attempts"])),
        ("NEXT (UTC)", |item| time_of(&item["next_attempt_at"])),
        ("ID", |item| text_of(&item["id"])),
        ("PROBLEM", |item| text_of(&item["problem"])),
    ];
    let path = session.path("/mail")?;
    let about = session.client.get(path.as_str())?.value;
    List::all(path, "mail", "mails").limit(Some(limit)).query("state", state).print(session, columns)?;
    if !session.json && about["leaves"] == false {
        session.console.note(&format!("muster: {}", text_of(&about["problem"])));
    }
    Ok(())
}

fn show(session: &mut Session<'_, '_>, id: &str) -> Result<(), Failure> {
    let path = session.path(&format!("/mail/{}", escape(id)))?;
    let answer = session.client.get(path)?;
    session.tell(&answer.value, |console, whole| {
        let mail = &whole["mail"];
        let pairs = [
            ("To", text_of(&mail["recipient"])),
            ("State", text_of(&mail["state"]).replace('_', " ")),
            ("Tries", text_of(&mail["attempts"])),
            ("Problem", text_of(&mail["problem"])),
            ("Subject", text_of(&whole["subject"])),
        ];
        print_pairs(console, &pairs.map(|(label, value)| (label.to_owned(), value)))?;
        match whole["text"].is_string() {
            true => console.line(&format!("\n{}", text_of(&whole["text"]))),
            false => console.line("\nIt has left, or is of no more use: what it said is gone."),
        }
    })
}

fn retry(session: &mut Session<'_, '_>, id: &str) -> Result<(), Failure> {
    let path = session.path(&format!("/mail/{}/retry", escape(id)))?;
    let answer = session.client.send(&Request::new(Method::Post, path))?;
    session.tell(&answer.value, |console, mail| {
        console.line(&format!("The mail to {} is tried again now.", text_of(&mail["recipient"])))
    })
}
