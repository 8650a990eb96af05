use std::io;

use serde_json::{Map, Value};

use super::{find, path_of};
use crate::args::CredentialsArgs;
use crate::client::Request;
use crate::console::Console;
use crate::failure::Failure;
use crate::hints::shell_word;
use crate::session::Session;
use crate::table::print_pairs;
use crate::value::{list_of, text_of};

pub(super) fn run(session: &mut Session<'_, '_>, args: &CredentialsArgs) -> Result<(), Failure> {
    let user = find(session, &args.who)?;
    let path = path_of(session, &user, "/credentials")?;
    if args.reset {
        return reset(session, path, args.device.as_deref());
    }
    let mut credentials = session.client.get(path)?.value;
    if let Some(name) = &args.device {
        let device = of_device(&credentials, name)?;
        credentials["auth_name"] = device["auth_name"].clone();
        credentials["has_secret"] = true.into();
        credentials["devices"] = Value::Array(vec![device]);
    }
    let hints = session.hints.clone();
    session.tell(&credentials, |console, credentials| {
        print(console, credentials)?;
        list_of(credentials, "phones")
            .iter()
            .try_for_each(|phone| console.line(&format!("Registered now: {}", phone_words(phone))))?;
        let who = shell_word(&args.who);
        if credentials["has_secret"] == false {
            let reset = hints.command(&format!("user credentials {who} --reset"));
            console.note(&format!("There is no secret yet; this makes one: {reset}"));
        }
        if user["service"] == "contact_only" || user["service"] == "not_activated" {
            let activate = hints.command(&format!("user activate {who}"));
            console.note(&format!("No phone of theirs can register before they are activated: {activate}"));
        }
        Ok(())
    })
}

/// Makes the new secret, and then names the phones that drop: a refusal drops none.
fn reset(session: &mut Session<'_, '_>, path: String, device: Option<&str>) -> Result<(), Failure> {
    let mut body = Map::new();
    if let Some(device) = device {
        body.insert("device".into(), device.into());
    }
    let body = Value::Object(body);
    let answer = session.client.send(&Request::post(path, &body))?;
    session.tell(&answer.value, |console, made| {
        let phones = list_of(made, "phones");
        if !phones.is_empty() {
            console.note("Of the phones that were registered, those with the old secret drop now:");
        }
        for phone in phones {
            console.note(&format!("  {}", phone_words(phone)));
        }
        if !made["secret"].is_string() {
            console.note("The connection broke before the new secret could be shown: reset it once more.");
            return Ok(());
        }
        print(console, made)?;
        console.note("The secret is shown this once.");
        Ok(())
    })?;
    session.wait_for_phones(answer.seq)
}

/// `Yealink T54W at 192.0.2.7:5060 (udp)`.
fn phone_words(phone: &Value) -> String {
    let name = text_of(&phone["user_agent"]);
    let name = if name.is_empty() { "a phone" } else { &name };
    format!("{name} at {} ({})", text_of(&phone["address"]), text_of(&phone["transport"]))
}

fn of_device(credentials: &Value, name: &str) -> Result<Value, Failure> {
    let same = |device: &&Value| text_of(&device["name"]).to_lowercase() == name.trim().to_lowercase();
    list_of(credentials, "devices").iter().find(same).cloned().ok_or_else(|| {
        let known: Vec<String> =
            list_of(credentials, "devices").iter().map(|d| text_of(&d["name"])).collect();
        let known =
            if known.is_empty() { String::new() } else { format!(" There is: {}.", known.join(", ")) };
        Failure::refused(
            format!("No device with credentials of its own is called {name}.{known}"),
            "With --reset it is made, with a secret of its own.",
        )
    })
}

fn print(console: &mut Console<'_>, credentials: &Value) -> io::Result<()> {
    let value = |name: &str| text_of(&credentials[name]);
    let server = |server: &Value| {
        format!(
            "{}:{} ({})",
            text_of(&server["host"]),
            text_of(&server["port"]),
            text_of(&server["transport"])
        )
    };
    let servers: Vec<String> = list_of(credentials, "servers").iter().map(server).collect();
    let secret = match (credentials["secret"].as_str(), &credentials["has_secret"]) {
        (Some(_), _) => value("secret"),
        (None, Value::Bool(true)) => "set, not shown; --reset makes a new one".to_owned(),
        (None, _) => "none yet".to_owned(),
    };
    let pairs = [
        ("Server", servers.join(", ")),
        ("Domain", value("domain")),
        ("Extension", value("extension")),
        ("Auth name", value("auth_name")),
        ("Secret", secret),
    ];
    let pairs: Vec<(String, String)> =
        pairs.into_iter().map(|(label, value)| (label.to_owned(), value)).collect();
    print_pairs(console, &pairs)?;
    for device in list_of(credentials, "devices") {
        let (name, auth_name) = (text_of(&device["name"]), text_of(&device["auth_name"]));
        console.line(&format!("Device {name}: auth name {auth_name}"))?;
    }
    Ok(())
}
