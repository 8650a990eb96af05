use serde_json::{Value, json};

use super::{called, find};
use crate::client::{Method, Request, escape};
use crate::failure::Failure;
use crate::session::Session;
use crate::value::text_of;

/// All are found before the first is removed: a misspelt name stops it before anything is done.
pub(super) fn remove(session: &mut Session<'_, '_>, who: &[String]) -> Result<(), Failure> {
    let mut found = Vec::with_capacity(who.len());
    for who in who {
        found.push(find(session, who)?);
    }
    let mut answers = Vec::with_capacity(found.len());
    for user in found {
        let id = text_of(&user.value["id"]);
        let path = session.path(&format!("/users/{}", escape(&id)))?;
        let request = Request::new(Method::Delete, path).header("if-match", user.etag.unwrap_or_default());
        let answer = session.client.send(&request)?.value;
        if !session.json {
            let name = called(&user.value);
            session.console.line(&format!("Removed {name}. To bring them back: muster user restore {id}"))?;
        }
        answers.push(if answer.is_null() { user.value } else { answer });
    }
    print_json(session, answers)
}

pub(super) fn restore(session: &mut Session<'_, '_>, who: &[String]) -> Result<(), Failure> {
    let mut answers = Vec::with_capacity(who.len());
    for who in who {
        let path = session.path(&format!("/users/{}/restore", escape(who)))?;
        let answer = session.client.send(&Request::post(path, &json!({})))?.value;
        if !session.json {
            session.console.line(&format!("{} is back.", called(&answer)))?;
        }
        answers.push(answer);
    }
    print_json(session, answers)
}

/// One document: the thing itself for one, a list for more.
fn print_json(session: &mut Session<'_, '_>, mut answers: Vec<Value>) -> Result<(), Failure> {
    if !session.json {
        return Ok(());
    }
    let document = if answers.len() == 1 { answers.remove(0) } else { json!({ "items": answers }) };
    Ok(session.console.json(&document)?)
}
