//! Going back to how things were: what would change is shown, and done after a yes.

use std::collections::HashMap;
use std::io;

use serde_json::{Value, json};

use crate::client::Request;
use crate::console::Console;
use crate::failure::Failure;
use crate::problem::sentence;
use crate::session::Session;
use crate::value::{count_of, counted, grouped, list_of, text_of, time_of};

/// Things that are told one by one.
const SHOWN: u64 = 50;
/// Fields of one thing that are told; the rest are counted.
const FIELDS_SHOWN_MAX: usize = 6;

/// `order` is what goes back and to when; `command` is how it was typed, without `muster` and `--yes`.
pub(crate) fn go(
    session: &mut Session<'_, '_>,
    order: &Value,
    yes: bool,
    command: &str,
) -> Result<(), Failure> {
    let path = session.path("/restores")?;
    let asked = with(order, json!({ "review": true, "limit": SHOWN }));
    let answer = session.client.send(&Request::post(path.as_str(), &asked).may_take_long())?;
    let review = answer.value["review"].clone();
    let names = names(session)?;
    if !session.json {
        show(session.console, &review, &names)?;
    }
    let blocked = !list_of(&review, "obstacles").is_empty();
    if session.json && (!yes || blocked) {
        session.console.json(&answer.value)?;
    }
    if blocked {
        return Err(Failure::Told);
    }
    if changes(&review) == 0 {
        return Ok(());
    }
    if !yes && (session.json || !session.console.asks_person) {
        let command = session.hints.command(&format!("{command} --yes"));
        session.console.note(&format!("Nothing was done. To do it: {command}"));
        return Ok(());
    }
    if !yes && !session.console.confirm("Do this?")? {
        session.console.note("Nothing was done.");
        return Ok(());
    }
    let carried_out = with(order, json!({ "plan": review["plan"] }));
    let answer = session.client.send(&Request::post(path, &carried_out).may_take_long())?;
    let seq = answer.value["done"]["seq"].as_u64();
    let undo = session.hints.command(&format!("undo {}", seq.unwrap_or_default()));
    session.tell(&answer.value, |console, answer| {
        let changed = counted(count_of(&answer["done"], "changes"), "change", "changes");
        console.line(&format!("Done: {changed}. To take all of it back: {undo}"))
    })?;
    session.wait_for_phones(seq)
}

fn with(order: &Value, more: Value) -> Value {
    let mut body = order.clone();
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}

fn names(session: &mut Session<'_, '_>) -> Result<HashMap<String, String>, Failure> {
    let mut names = HashMap::new();
    if !session.json {
        for places in ["/sites", "/connections"] {
            let path = session.path(places)?;
            session.add_names(path, &mut names);
        }
    }
    Ok(names)
}

fn changes(review: &Value) -> u64 {
    let of = |tally: &Value| {
        ["changed", "removed", "brought_back"].map(|word| count_of(tally, word)).iter().sum::<u64>()
    };
    of(&review["people"]) + of(&review["things"])
}

fn show(console: &mut Console<'_>, review: &Value, names: &HashMap<String, String>) -> io::Result<()> {
    if let Some(seq) = review["to_seq"].as_u64() {
        console.line(&format!("Back to change {seq} of {}:", time_of(&review["to_at"])))?;
    }
    let obstacles = list_of(review, "obstacles");
    if changes(review) == 0 && obstacles.is_empty() {
        console.line("Nothing would change: everything is as it was.")?;
    }
    for (tally, one, many) in [
        ("people", "person", "people"),
        ("things", "device, mailbox or place", "devices, mailboxes and places"),
    ] {
        for (word, then) in
            [("changed", "as before"), ("removed", "removed: made since"), ("brought_back", "brought back")]
        {
            let count = count_of(&review[tally], word);
            if count > 0 {
                console.line(&format!("  {} {then}", counted(count, one, many)))?;
            }
        }
    }
    for (field, words) in [
        ("newly_counted", "counted for billing who are not now"),
        ("no_longer_counted", "no longer counted for billing"),
    ] {
        let count = count_of(review, field);
        if count > 0 {
            console.line(&format!("  {} {words}", counted(count, "person", "people")))?;
        }
    }
    let erased = count_of(review, "erased");
    if erased > 0 {
        let erased = counted(erased, "thing", "things");
        console.line(&format!("  {erased} left as now: what was there has been erased"))?;
    }
    for item in list_of(review, "items") {
        console.line(&line_of(item, names))?;
    }
    let more = count_of(review, "items_left_out");
    if more > 0 {
        console.line(&format!("… and {} more", grouped(more)))?;
    }
    in_the_way(console, obstacles);
    let more = count_of(review, "obstacles_left_out");
    if more > 0 {
        console.note(&format!("In the way: {} more.", grouped(more)));
    }
    for note in list_of(review, "notes") {
        let count = grouped(count_of(note, "count"));
        console.line(&format!("Note: {} (of {count}).", text_of(&note["text"])))?;
    }
    Ok(())
}

/// What the same change stands in the way of is told first, and then once what to do.
fn in_the_way(console: &mut Console<'_>, obstacles: &[Value]) {
    let same = |one: &Value, other: &Value| one["mend"] == other["mend"];
    for alike in obstacles.chunk_by(same) {
        let mend = alike.first().map(|first| sentence(&text_of(&first["mend"]))).unwrap_or_default();
        let mut told = alike.iter().map(|obstacle| {
            sentence(&format!("{} {}", text_of(&obstacle["field"]), text_of(&obstacle["reason"])))
        });
        if let [_] = alike {
            console.note(&format!("In the way: {} {mend}", told.next().unwrap_or_default()));
            continue;
        }
        told.for_each(|what| console.note(&format!("In the way: {what}")));
        console.note(&format!("For these {}: {mend}", alike.len()));
    }
}

fn line_of(item: &Value, names: &HashMap<String, String>) -> String {
    let name = text_of(&item["name"]);
    match text_of(&item["what"]).as_str() {
        "removed" => return format!("{name}: removed"),
        "brought_back" => return format!("{name}: brought back"),
        _ => {}
    }
    let text = |value: &Value| {
        let text = text_of(value);
        let text = names.get(&text).cloned().unwrap_or(text);
        if text.is_empty() { "nothing".to_owned() } else { text }
    };
    let fields = list_of(item, "fields");
    let told = fields.iter().take(FIELDS_SHOWN_MAX).map(|field| {
        let (before, after) = (text(&field["before"]), text(&field["after"]));
        match before == after {
            // Of a secret it is only told whether there is one.
            true => format!("{}: another", text_of(&field["field"])),
            false => format!("{}: {before} -> {after}", text_of(&field["field"])),
        }
    });
    let mut told: Vec<String> = told.collect();
    if fields.len() > FIELDS_SHOWN_MAX {
        told.push(format!("and {} more", fields.len() - FIELDS_SHOWN_MAX));
    }
    format!("{name}: {}", told.join(", "))
}
