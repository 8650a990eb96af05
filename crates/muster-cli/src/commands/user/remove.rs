use serde_json::{Value, json};

use super::{called, find, find_as_of, leave, nobody, path_of};
use crate::args::{RemoveArgs, RestoreArgs};
use crate::client::{Method, Request};
use crate::commands::back;
use crate::failure::Failure;
use crate::hints::shell_word;
use crate::session::Session;
use crate::value::{list_of, text_of};

/// All are found before the first is removed: a misspelt name stops it before anything is done.
pub(super) fn remove(session: &mut Session<'_, '_>, args: &RemoveArgs) -> Result<(), Failure> {
    let mut found: Vec<Value> = Vec::with_capacity(args.who.len());
    for who in &args.who {
        let user = find(session, who)?;
        if found.iter().all(|other| other["id"] != user["id"]) {
            found.push(user);
        }
    }
    if args.looks_first() {
        return leave::remove(session, args, &found);
    }
    let mut seq = None;
    for user in &found {
        let path = path_of(session, user, "")?;
        let answer = session.client.send(&Request::new(Method::Delete, path));
        seq = answer.map_err(|failure| leave::as_typed(failure, args))?.seq.max(seq);
        if !session.json {
            let restore = session.hints.command(&format!("user restore {}", text_of(&user["id"])));
            session.console.line(&format!("Removed {}. To bring them back: {restore}", called(user)))?;
        }
    }
    print_json(session, found)?;
    session.wait_for_phones(seq)
}

pub(super) fn restore(session: &mut Session<'_, '_>, args: &RestoreArgs) -> Result<(), Failure> {
    let who = &args.who;
    if let Some(to) = &args.to {
        let [who] = who.as_slice() else {
            return Err(Failure::usage(
                "Several people were named with --to.",
                "Name one; `muster undo --to TIME` is for all people.",
            ));
        };
        return restore_to(session, who, to, args.yes);
    }
    let mut found = Vec::with_capacity(who.len());
    for who in who {
        found.push(find_removed(session, who)?);
    }
    let mut answers = Vec::with_capacity(found.len());
    let mut seq = None;
    for user in &found {
        let path = path_of(session, user, "/restore")?;
        let answer = session.client.send(&Request::post(path, &json!({})));
        let answer = answer.map_err(|failure| or_there(session, user, failure))?;
        seq = answer.seq.max(seq);
        if !session.json {
            session.console.line(&format!("{} is back.", called(&answer.value)))?;
        }
        answers.push(answer.value);
    }
    print_json(session, answers)?;
    session.wait_for_phones(seq)
}

/// One person as they were: whom the name meant then, for somebody else may have it now; else whom it means
/// now.
fn restore_to(session: &mut Session<'_, '_>, who: &str, to: &str, yes: bool) -> Result<(), Failure> {
    let id = match is_id(who) {
        true => who.trim().to_owned(),
        false => {
            let found = find_as_of(session, who, to).or_else(|then| find(session, who).map_err(|_| then))?;
            text_of(&found["id"])
        }
    };
    let order = json!({ "what": "person", "id": id, "to": to });
    let command = format!("user restore {} --to {}", shell_word(who), shell_word(to));
    back::go(session, &order, yes, &command)
}

/// Somebody in the trash. Names are free again there, so that several may have had the same one.
pub(super) fn find_removed(session: &mut Session<'_, '_>, who: &str) -> Result<Value, Failure> {
    if is_id(who) {
        return Ok(json!({ "id": who.trim() }));
    }
    // The server refuses to look for an extension that is none.
    let is_number = who.chars().all(|c| c.is_ascii_digit());
    let fields = [("username", true), ("extension", is_number), ("email", who.contains('@'))];
    let mut found: Vec<Value> = Vec::new();
    for (field, _) in fields.into_iter().filter(|(_, fits)| *fits) {
        let quoted = who.replace('\\', "\\\\").replace('"', "\\\"");
        let filter = format!("record=trashed and {field}=\"{quoted}\"");
        let path = session.path("/users")?;
        let answer = session.client.send(&Request::get(path).query("filter", &filter))?;
        for user in list_of(&answer.value, "items") {
            if found.iter().all(|other| other["id"] != user["id"]) {
                found.push(user.clone());
            }
        }
    }
    match found.as_slice() {
        [] => Err(find(session, who).map_or_else(|_| nobody(who), |user| is_there(&user))),
        [only] => Ok(only.clone()),
        several => {
            let named = several.iter().map(|user| format!("\n  {}  {}", text_of(&user["id"]), called(user)));
            let named: String = named.collect();
            Err(Failure::refused(
                format!("`{who}` names several people who were removed:{named}\n"),
                "Name the one you mean by the id.",
            ))
        }
    }
}

/// Of an id the server says no more than that nobody of it was removed.
fn or_there(session: &mut Session<'_, '_>, user: &Value, failure: Failure) -> Failure {
    if !matches!(&failure, Failure::Problem(problem) if problem.status == 404) {
        return failure;
    }
    let found = path_of(session, user, "").and_then(|path| session.client.get(path));
    found.map_or(failure, |answer| is_there(&answer.value))
}

fn is_there(user: &Value) -> Failure {
    Failure::refused(
        format!("{} is there, and was not removed.", called(user)),
        "There is nobody to bring back.",
    )
}

fn is_id(who: &str) -> bool {
    let who = who.trim();
    who.len() == 36 && who.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

/// One document: the thing itself for one, a list for more.
fn print_json(session: &mut Session<'_, '_>, mut answers: Vec<Value>) -> Result<(), Failure> {
    if !session.json {
        return Ok(());
    }
    let document = if answers.len() == 1 { answers.remove(0) } else { json!({ "items": answers }) };
    Ok(session.console.json(&document)?)
}
