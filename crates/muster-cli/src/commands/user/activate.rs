use serde_json::{Map, Value, json};

use crate::args::DeactivateArgs;
use crate::client::Request;
use crate::failure::Failure;
use crate::session::Session;
use crate::value::{counted, list_of, text_of};

pub(super) fn activate(session: &mut Session<'_, '_>, who: &[String]) -> Result<(), Failure> {
    let path = session.path("/users/activate")?;
    let answer = session.client.send(&Request::post(path, &json!({ "users": who })))?;
    session.tell(&answer.value, |console, activated| {
        let count = counted(who.len() as u64, "person is", "people are");
        console.line(&format!("{count} active: they may register phones now, and are counted."))?;
        let generated = list_of(activated, "generated");
        if !generated.is_empty() {
            console.note("These secrets were made for those who had none. They are shown this once:");
        }
        for one in generated {
            console.line(&format!("{}\t{}", text_of(&one["username"]), text_of(&one["sip_password"])))?;
        }
        Ok(())
    })
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
    let answer = session.client.send(&Request::post(path, &Value::Object(body)))?;
    session.tell(&answer.value, |console, _| {
        let count = counted(args.who.len() as u64, "person is", "people are");
        let state = if args.reason.is_some() { "suspended" } else { "contact only now" };
        console.line(&format!("{count} {state}: their phones are signed off, their calls have ended."))
    })
}
