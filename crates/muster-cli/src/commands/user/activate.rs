use std::io;

use serde_json::{Map, Value, json};

use super::called;
use crate::args::DeactivateArgs;
use crate::client::Request;
use crate::console::Console;
use crate::failure::Failure;
use crate::session::Session;
use crate::value::{counted, list_of, text_of};

pub(super) fn activate(session: &mut Session<'_, '_>, who: &[String]) -> Result<(), Failure> {
    let path = session.path("/users/activate")?;
    let body = json!({ "users": who });
    let answer = session.client.send(&Request::post(path, &body)).map_err(|e| as_typed(e, who))?;
    session.tell(&answer.value, |console, answer| {
        let users = list_of(answer, "users");
        if let Some(count) = changed(console, users, "person is", "people are")? {
            console.line(&format!("{count} enabled: they may register phones, and are counted."))?;
        }
        let made: Vec<&Value> =
            users.iter().filter(|user| user["generated_sip_secret"].is_string()).collect();
        if !made.is_empty() {
            console.note("These secrets were made for those who had none. They are shown this once:");
        }
        for user in made {
            let (name, secret) = (text_of(&user["username"]), text_of(&user["generated_sip_secret"]));
            console.line(&format!("{name}\t{secret}"))?;
        }
        Ok(())
    })?;
    session.wait_for_phones(answer.seq)
}

pub(super) fn deactivate(session: &mut Session<'_, '_>, args: &DeactivateArgs) -> Result<(), Failure> {
    let path = session.path("/users/deactivate")?;
    let mut body = Map::new();
    body.insert("users".into(), json!(args.who));
    for (name, value) in [("reason", &args.reason), ("comment", &args.comment), ("until", &args.until)] {
        if let Some(value) = value {
            body.insert(name.into(), value.as_str().into());
        }
    }
    let body = Value::Object(body);
    let answer = session.client.send(&Request::post(path, &body)).map_err(|e| as_typed(e, &args.who))?;
    session.wait_for_phones(answer.seq)?;
    session.tell(&answer.value, |console, answer| {
        let state = if args.reason.is_some() { "disabled" } else { "contact_only" };
        match changed(console, list_of(answer, "users"), "person is", "people are")? {
            None => Ok(()),
            Some(count) => console
                .line(&format!("{count} {state}: their phones are signed off, their calls have ended.")),
        }
    })
}

/// How many are another now, in words; of the others it is said that they were so before.
fn changed(console: &mut Console<'_>, users: &[Value], one: &str, many: &str) -> io::Result<Option<String>> {
    let (same, others): (Vec<&Value>, Vec<&Value>) = users.iter().partition(|user| user["changed"] == false);
    for user in same {
        let service = text_of(&user["service"]);
        console.line(&format!("{} was {service} already: nothing was changed.", called(user)))?;
    }
    Ok((!others.is_empty()).then(|| counted(others.len() as u64, one, many)))
}

/// `nobody` names nobody, rather than `users[1]`.
pub(super) fn as_typed(failure: Failure, who: &[String]) -> Failure {
    match failure {
        Failure::Problem(mut problem) => {
            problem.name_places("users", who);
            Failure::Problem(problem)
        }
        other => other,
    }
}
