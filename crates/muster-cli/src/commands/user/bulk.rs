//! `muster user bulk`: what would be done is shown, and done after a yes.

use std::collections::HashMap;
use std::io;

use serde_json::{Map, Value, json};

use crate::args::BulkArgs;
use crate::client::Request;
use crate::commands::fields::{self, Schema};
use crate::commands::job_of;
use crate::console::Console;
use crate::failure::Failure;
use crate::follow;
use crate::hints::{Hints, shell_word};
use crate::problem::sentence;
use crate::session::Session;
use crate::value::{count_of, counted, grouped, list_of, text_of};

pub(super) fn run(session: &mut Session<'_, '_>, args: &BulkArgs) -> Result<(), Failure> {
    if args.reason.is_some() && !args.deactivate {
        return Err(Failure::usage("--reason is for --deactivate.", "Leave it out, or deactivate them."));
    }
    let path = session.path("/users/bulk")?;
    let asked =
        json!({ "filter": args.filter, "change": change(session, args)?, "stepwise": args.skip_refused });
    let asked = match args.acknowledge.is_empty() {
        true => asked,
        false => with(&asked, json!({ "acknowledge": args.acknowledge })),
    };
    let looked = with(&asked, json!({ "dry_run": true }));
    let preview = session.client.send(&Request::post(path.as_str(), &looked).may_take_long())?.value;
    let summary = &preview["summary"];
    let refused = count_of(summary, "refused");
    let blocked = refused > 0 && !args.skip_refused;
    let nothing = count_of(summary, "changed") == 0;
    if !session.json {
        let names = places(session)?;
        show(session.console, &preview, &names)?;
    } else if args.dry_run || blocked || nothing || !args.yes {
        session.console.json(&preview)?;
    }
    if blocked {
        let left_out = "To leave them out and change the others: --skip-refused";
        session.console.note(&format!("Nobody is changed while somebody cannot be. {left_out}"));
        return Err(Failure::Told);
    }
    if args.dry_run || nothing {
        return Ok(());
    }
    if !args.yes && (session.json || !session.console.asks_person) {
        session.console.note("Nothing was done. To do it, give --yes too.");
        return Ok(());
    }
    if !args.yes && !session.console.confirm("Do this?")? {
        session.console.note("Nothing was done.");
        return Ok(());
    }
    let carried_out = with(&asked, json!({ "plan": preview["plan"] }));
    let answer = session.client.send(&Request::post(path, &carried_out))?;
    let job = job_of(&answer.location, &answer.value)?;
    let ended = follow::until_ended(session, &job)?;
    let hints = session.hints.clone();
    session.tell(&ended, |console, ended| print_ended(console, &hints, ended))?;
    if ended["state"] != "done" {
        return Err(Failure::Told);
    }
    session.wait_for_phones_at_head()
}

/// What becomes of each, as the server takes it.
fn change(session: &mut Session<'_, '_>, args: &BulkArgs) -> Result<Value, Failure> {
    let mut change = Map::new();
    if !args.set.is_empty() {
        let pairs = fields::read(session.console, &args.set)?;
        change.insert("set".into(), Schema::load(session, "patch", "/users/{}")?.body(&pairs));
    }
    for (name, tags) in [("add_tags", &args.add_tag), ("remove_tags", &args.remove_tag)] {
        if !tags.is_empty() {
            change.insert(name.into(), json!(tags));
        }
    }
    for (name, on) in [("activate", args.activate), ("remove", args.remove)] {
        if on {
            change.insert(name.into(), true.into());
        }
    }
    if args.deactivate {
        let given = [("reason", &args.reason), ("comment", &args.comment), ("until", &args.until)];
        let given = given.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?)));
        let into: Map<String, Value> =
            given.map(|(name, value)| (name.to_owned(), value.as_str().into())).collect();
        change.insert("deactivate".into(), Value::Object(into));
    }
    Ok(Value::Object(change))
}

fn with(order: &Value, more: Value) -> Value {
    let mut body = order.clone();
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}

/// Sites and connections by their ids.
fn places(session: &mut Session<'_, '_>) -> Result<HashMap<String, String>, Failure> {
    let mut names = HashMap::new();
    let path = session.path("/sites")?;
    session.add_names(path, &mut names);
    Ok(names)
}

fn show(console: &mut Console<'_>, preview: &Value, names: &HashMap<String, String>) -> io::Result<()> {
    let summary = &preview["summary"];
    for line in tallied(summary, "would be changed") {
        console.line(&line)?;
    }
    let first = list_of(preview, "first");
    for item in first {
        let told: Vec<String> = list_of(item, "fields").iter().map(|field| told(field, names)).collect();
        console.line(&format!("{}: {}", text_of(&item["name"]), told.join(", ")))?;
    }
    let more = count_of(summary, "changed").saturating_sub(first.len() as u64);
    if more > 0 {
        console.line(&format!("… and {} more", grouped(more)))?;
    }
    causes(console, summary)
}

fn told(field: &Value, names: &HashMap<String, String>) -> String {
    let text = |value: &Value| {
        let text = text_of(value);
        let text = names.get(&text).cloned().unwrap_or(text);
        if text.is_empty() { "nothing".to_owned() } else { text }
    };
    let (before, after) = (text(&field["before"]), text(&field["after"]));
    format!("{}: {before} -> {after}", text_of(&field["field"]))
}

/// How many, in lines.
fn tallied(summary: &Value, changed: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let people = |count| counted(count, "person", "people");
    lines.push(format!(
        "{} meant: {} {changed}.",
        people(count_of(summary, "people")),
        grouped(count_of(summary, "changed"))
    ));
    for (field, words) in [
        ("unchanged", "so already"),
        ("refused", "cannot be changed so"),
        ("secrets_made", "without a SIP secret: one is made for each"),
    ] {
        let count = count_of(summary, field);
        if count > 0 {
            lines.push(format!("  {} {words}", people(count)));
        }
    }
    let (before, after) = (count_of(summary, "counted_before"), count_of(summary, "counted_after"));
    if before != after {
        lines.push(format!("  Counted for billing: {} -> {}", grouped(before), grouped(after)));
    }
    lines
}

fn causes(console: &mut Console<'_>, summary: &Value) -> io::Result<()> {
    for cause in list_of(summary, "causes") {
        let what = sentence(&format!("{} {}", text_of(&cause["field"]), text_of(&cause["reason"])));
        let named = list_of(cause, "first").iter().map(text_of).collect::<Vec<_>>().join(", ");
        let people = count_of(cause, "people");
        let more = people.saturating_sub(list_of(cause, "first").len() as u64);
        let more = if more > 0 { format!(" and {} more", grouped(more)) } else { String::new() };
        console.line(&format!("Cannot: {what} {}", sentence(&text_of(&cause["mend"]))))?;
        console.line(&format!("  {}: {named}{more}", counted(people, "person", "people")))?;
    }
    Ok(())
}

/// What came of a job of this kind.
pub(crate) fn print_ended(console: &mut Console<'_>, hints: &Hints, job: &Value) -> io::Result<()> {
    let summary = &job["bulk"]["summary"];
    match job["state"].as_str() {
        Some("done") => {
            for line in tallied(summary, "changed") {
                console.line(&line)?;
            }
            causes(console, summary)?;
            let undo = hints.command(&format!("undo --job {}", shell_word(&text_of(&job["id"]))));
            console.line(&format!("To take all of it back: {undo}"))
        }
        Some("cancelled") => console.line("Cancelled: nobody was changed."),
        _ => {
            console.line(&format!("Failed: {}", sentence(&text_of(&job["problem"]))))?;
            causes(console, summary)
        }
    }
}
