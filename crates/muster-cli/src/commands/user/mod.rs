//! `muster user …`.

mod activate;
mod credentials;
mod edit;
mod fields;
mod list;
mod remove;

use serde_json::Value;

use crate::args::UserCommand;
use crate::client::{Answer, Request, escape};
use crate::failure::Failure;
use crate::session::Session;
use crate::value::text_of;

pub(crate) fn run(session: &mut Session<'_, '_>, command: &UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::List(args) => list::list(session, args),
        UserCommand::Show(args) => list::show(session, &args.who),
        UserCommand::Add(args) => edit::add(session, &args.fields),
        UserCommand::Set(args) => edit::set(session, args),
        UserCommand::Activate(args) => activate::activate(session, &args.who),
        UserCommand::Deactivate(args) => activate::deactivate(session, args),
        UserCommand::Remove(args) => remove::remove(session, &args.who),
        UserCommand::Restore(args) => remove::restore(session, &args.who),
        UserCommand::Credentials(args) => credentials::run(session, args),
    }
}

/// A service state in the words of the portal.
pub(crate) fn state_of(user: &Value) -> String {
    match user["service"].as_str() {
        Some("contact_only") => "contact".to_owned(),
        Some("not_activated") => "waiting".to_owned(),
        Some("enabled") => "active".to_owned(),
        Some("disabled") => "suspended".to_owned(),
        _ => text_of(&user["service"]),
    }
}

/// `1001 Ana Silva`.
fn called(user: &Value) -> String {
    format!("{} {}", text_of(&user["extension"]), text_of(&user["display_name"])).trim().to_owned()
}

/// The one person whom a username, extension, email or id names, with their version.
fn find(session: &mut Session<'_, '_>, who: &str) -> Result<Answer, Failure> {
    let path = session.path(&format!("/users/{}", escape(who)))?;
    session.client.send(&Request::get(path))
}
