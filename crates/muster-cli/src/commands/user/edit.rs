use serde_json::{Map, Value};

use super::fields::{self, Schema, to_json};
use super::{called, find, list};
use crate::args::SetArgs;
use crate::client::{Method, Request, Upload, escape};
use crate::failure::Failure;
use crate::session::Session;
use crate::value::text_of;

pub(super) fn add(session: &mut Session<'_, '_>, fields: &[String]) -> Result<(), Failure> {
    let pairs = fields::read(session.console, fields)?;
    let schema = Schema::load(session, "post", "/organizations/{}/users")?;
    let body = body_of(&schema, &pairs);
    let path = session.path("/users")?;
    let answer = session.client.send(&Request::post(path, &body))?;
    session.tell(&answer.value, |console, user| {
        console.line(&format!("Added {}.", called(user)))?;
        match user["sip_password"].as_str() {
            Some(secret) => {
                console.note("A secret was made. It is shown this once:");
                console.line(&format!("{}\t{}", text_of(&user["username"]), crate::clean::clean(secret)))
            }
            None => Ok(()),
        }
    })
}

pub(super) fn set(session: &mut Session<'_, '_>, args: &SetArgs) -> Result<(), Failure> {
    let pairs = fields::read(session.console, &args.fields)?;
    let schema = Schema::load(session, "patch", "/users/{}")?;
    let body = body_of(&schema, &pairs);
    let user = find(session, &args.who)?;
    let path = session.path(&format!("/users/{}", escape(&text_of(&user.value["id"]))))?;
    let request = Request::new(Method::Patch, path)
        .upload(Upload::Json(&body))
        .header("if-match", user.etag.unwrap_or_default());
    let answer = session.client.send(&request)?;
    session.tell(&answer.value, |console, user| list::print(console, user))
}

fn body_of(schema: &Schema, pairs: &[(String, String)]) -> Value {
    let member = |(key, text): &(String, String)| (key.clone(), to_json(schema.kind(key), text));
    Value::Object(pairs.iter().map(member).collect::<Map<String, Value>>())
}
