//! `muster user data` and `muster user purge`.

use serde_json::{Value, json};

use super::remove::find_removed;
use super::{called, find, path_of};
use crate::args::{DataArgs, PurgeArgs};
use crate::client::Request;
use crate::commands::export::Part;
use crate::failure::Failure;
use crate::session::Session;
use crate::value::{count_of, counted, text_of};

/// Written as the server sends it, for the person whom it is about.
pub(super) fn data(session: &mut Session<'_, '_>, args: &DataArgs) -> Result<(), Failure> {
    let user = match find(session, &args.who) {
        Ok(user) => user,
        // Whoever is in the trash is nobody's namesake there.
        Err(not_there) => find_removed(session, &args.who).map_err(|_| not_there)?,
    };
    let path = path_of(session, &user, "/data")?;
    let request = Request::get(path).may_take_long();
    let Some(file) = &args.file else {
        let answer = session.client.send(&request)?;
        return Ok(session.console.json(&answer.value)?);
    };
    if file.exists() && !args.force {
        return Err(Failure::refused(
            format!("{} is there already.", file.display()),
            "Choose another name, or replace it with --force.",
        ));
    }
    let mut part = Part::beside(file, true)?;
    let mut reader = session.client.stream(&request)?;
    let bytes = part.fill(&mut *reader, "data")?;
    part.rename(file, args.force)?;
    if session.json {
        return Ok(session.console.json(&json!({ "file": file.to_string_lossy(), "bytes": bytes }))?);
    }
    let size = counted(bytes, "byte", "bytes");
    Ok(session.console.line(&format!("Written to {}: {size}. Only you can read it.", file.display()))?)
}

/// All are found and confirmed before the first is erased.
pub(super) fn purge(session: &mut Session<'_, '_>, args: &PurgeArgs) -> Result<(), Failure> {
    let mut found: Vec<Value> = Vec::with_capacity(args.who.len());
    for who in &args.who {
        let user = find_removed(session, who)?;
        let path = path_of(session, &user, "")?;
        let user = session.client.get(path)?.value;
        if found.iter().all(|other| other["id"] != user["id"]) {
            found.push(user);
        }
    }
    if !args.yes && !confirmed(session, &found, args.with_mailboxes)? {
        session.console.note("Nothing was done.");
        return if session.console.asks_person { Ok(()) } else { Err(Failure::Told) };
    }
    let body = json!({ "irreversible": true, "with_mailboxes": args.with_mailboxes });
    let mut answers = Vec::with_capacity(found.len());
    for user in &found {
        let path = path_of(session, user, "/purge")?;
        let answer = session.client.send(&Request::post(path, &body))?;
        if !session.json {
            let lines = counted(count_of(&answer.value, "erased_lines"), "line", "lines");
            session.console.line(&format!("Erased {}, and what {lines} of the log said.", called(user)))?;
        }
        answers.push(json!({ "id": user["id"], "erased": answer.value }));
    }
    if session.json {
        session.console.json(&json!({ "items": answers }))?;
    }
    Ok(())
}

fn confirmed(session: &mut Session<'_, '_>, found: &[Value], with_mailboxes: bool) -> Result<bool, Failure> {
    for user in found {
        session.console.note(&format!("  {}  {}", text_of(&user["id"]), called(user)));
    }
    let mailboxes = if with_mailboxes { ", with their mailboxes and all messages" } else { "" };
    if !session.console.asks_person {
        session.console.note(&format!("Nothing brings them back{mailboxes}. To do it all the same: --yes"));
        return Ok(false);
    }
    let question = format!("Nothing brings them back{mailboxes}. Erase them?");
    Ok(session.console.confirm(&question)?)
}
