use serde_json::{Map, Value, json};

use crate::args::DeactivateArgs;
use crate::client::Request;
use crate::failure::Failure;
use crate::session::Session;
use crate::value::{counted, list_of, text_of};

pub(super) fn activate(session: &mut Session<'_, '_>, who: &[String]) -> Result<(), Failure> {
    let path = session.path("/users/activate")?;
    let body = json!({ "users": who });
    let answer = session.client.send(&Request::post(path, &body)).map_err(|e| as_typed(e, who))?;
    session.tell(&answer.value, |console, answer| {
        let users = list_of(answer, "users");
        let count = counted(users.len() as u64, "person is", "people are");
        console.line(&format!("{count} enabled: they may register phones, and are counted."))?;
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
        let count = counted(list_of(answer, "users").len() as u64, "person is", "people are");
        let state = if args.reason.is_some() { "disabled" } else { "contact_only" };
        console.line(&format!("{count} {state}: their phones are signed off, their calls have ended."))
    })
}

/// `nobody` names nobody, rather than `users[1]`.
fn as_typed(failure: Failure, who: &[String]) -> Failure {
    match failure {
        Failure::Problem(mut problem) => {
            problem.name_places("users", who);
            Failure::Problem(problem)
        }
        other => other,
    }
}
