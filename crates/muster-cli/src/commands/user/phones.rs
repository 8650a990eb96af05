use serde_json::{Value, json};

use super::{called, find, path_of};
use crate::args::{Drop, PhonesArgs};
use crate::client::{Method, Request, escape};
use crate::failure::Failure;
use crate::session::Session;
use crate::table::Table;
use crate::value::{list_of, text_of, time_of};

pub(super) fn run(session: &mut Session<'_, '_>, args: &PhonesArgs) -> Result<(), Failure> {
    let user = find(session, &args.who)?;
    let path = path_of(session, &user, "/registrations")?;
    let Some(drop) = args.drop else { return list(session, &user, &path) };
    let below = match drop {
        Drop::All => String::new(),
        one => {
            let phones = session.client.get(path.as_str())?.value;
            format!("/{}", escape(&text_of(&meant(&user, list_of(&phones, "items"), one)?["id"])))
        }
    };
    let signed_off = session.client.send(&Request::new(Method::Delete, format!("{path}{below}")))?.value;
    let phones = list_of(&signed_off, "phones");
    session.tell(&json!({ "items": phones, "next_cursor": null }), |console, _| {
        if phones.is_empty() {
            return console.line(&format!("{} has no phone registered.", called(&user)));
        }
        phones.iter().try_for_each(|phone| {
            console.line(&format!("Signed off: {} at {}.", name_of(phone), text_of(&phone["address"])))
        })?;
        console.note(
            "It comes back when it registers next; `muster user credentials WHO --reset` keeps it out.",
        );
        Ok(())
    })
}

fn list(session: &mut Session<'_, '_>, user: &Value, path: &str) -> Result<(), Failure> {
    let answer = session.client.get(path)?.value;
    session.tell(&answer, |console, answer| {
        let phones = list_of(answer, "items");
        if phones.is_empty() {
            console.note(&format!("{} has no phone registered now.", called(user)));
            return Ok(());
        }
        let mut table =
            Table::new(&["N", "PHONE", "ADDRESS", "OVER", "CONTACT", "SINCE (UTC)", "EXPIRES (UTC)"]);
        for (at, phone) in phones.iter().enumerate() {
            let cell = |name: &str| text_of(&phone[name]);
            table.row(vec![
                (at + 1).to_string(),
                name_of(phone),
                cell("address"),
                cell("transport"),
                cell("contact"),
                time_of(&phone["since"]),
                time_of(&phone["expires_at"]),
            ]);
        }
        table.print(console)
    })
}

fn meant<'a>(user: &Value, phones: &'a [Value], which: Drop) -> Result<&'a Value, Failure> {
    let who = called(user);
    match (which, phones) {
        (_, []) => {
            Err(Failure::refused(format!("{who} has no phone registered."), "There is nothing to sign off."))
        }
        (Drop::Nth(n), phones) => phones.get(n - 1).ok_or_else(|| {
            Failure::refused(
                format!("{who} has no phone number {n} in the list, which ends with {}.", phones.len()),
                "`muster user phones WHO` shows it.",
            )
        }),
        (_, [only]) => Ok(only),
        (_, several) => {
            let named = several.iter().enumerate();
            let named: Vec<String> =
                named.map(|(at, phone)| format!("\n  {}  {}", at + 1, name_of(phone))).collect();
            Err(Failure::refused(
                format!("{who} has {} phones registered:{}\n", several.len(), named.join("")),
                "Say which with --drop N, or --drop all.",
            ))
        }
    }
}

/// What the phone calls itself.
fn name_of(phone: &Value) -> String {
    let name = text_of(&phone["user_agent"]);
    if name.is_empty() { "a phone without a name".to_owned() } else { name }
}
