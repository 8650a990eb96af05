use std::io;

use serde_json::{Map, Value};

use super::find;
use crate::args::CredentialsArgs;
use crate::client::{Request, escape};
use crate::console::Console;
use crate::failure::Failure;
use crate::session::Session;
use crate::table::print_pairs;
use crate::value::{list_of, text_of};

pub(super) fn run(session: &mut Session<'_, '_>, args: &CredentialsArgs) -> Result<(), Failure> {
    let user = find(session, &args.who)?;
    let path = session.path(&format!("/users/{}/credentials", escape(&text_of(&user.value["id"]))))?;
    if !args.reset {
        let answer = session.client.send(&Request::get(path))?;
        return session.tell(&answer.value, print);
    }
    let mut body = Map::new();
    if let Some(device) = &args.device {
        body.insert("device".into(), device.as_str().into());
    }
    let answer = session.client.send(&Request::post(path, &Value::Object(body)))?;
    session.tell(&answer.value, print)
}

fn print(console: &mut Console<'_>, credentials: &Value) -> io::Result<()> {
    let value = |name: &str| text_of(&credentials[name]);
    let pairs = [
        ("Server", value("server")),
        ("Domain", value("domain")),
        ("Extension", value("extension")),
        ("Auth name", value("auth_name")),
        ("Secret", value("secret")),
    ];
    let pairs: Vec<(String, String)> =
        pairs.into_iter().map(|(label, value)| (label.to_owned(), value)).collect();
    print_pairs(console, &pairs)?;
    for device in list_of(credentials, "devices") {
        console.line(&format!(
            "Device {}: auth name {}",
            text_of(&device["name"]),
            text_of(&device["auth_name"])
        ))?;
    }
    Ok(())
}
