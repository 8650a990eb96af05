//! `muster user …`.

mod activate;
mod bulk;
mod credentials;
mod edit;
mod erase;
mod invite;
mod leave;
mod list;
mod phones;
mod remove;

pub(crate) use bulk::print_ended as print_bulk;
use serde_json::Value;

use crate::args::UserCommand;
use crate::clean::clean;
use crate::client::{Request, escape};
use crate::failure::Failure;
use crate::session::Session;
use crate::value::{list_of, text_of};

pub(crate) fn run(session: &mut Session<'_, '_>, command: &UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::List(args) => list::list(session, args),
        UserCommand::Show(args) => list::show(session, args),
        UserCommand::Add(args) => edit::add(session, &args.fields),
        UserCommand::Set(args) => edit::set(session, args),
        UserCommand::Activate(args) => activate::activate(session, &args.who),
        UserCommand::Deactivate(args) => activate::deactivate(session, args),
        UserCommand::Remove(args) => remove::remove(session, args),
        UserCommand::Bulk(args) => bulk::run(session, args),
        UserCommand::Invite(args) => invite::invite(session, args),
        UserCommand::Assign(args) => invite::assign(session, args),
        UserCommand::Sheet(args) => invite::sheet(session, args),
        UserCommand::Restore(args) => remove::restore(session, args),
        UserCommand::Purge(args) => erase::purge(session, args),
        UserCommand::Data(args) => erase::data(session, args),
        UserCommand::Credentials(args) => credentials::run(session, args),
        UserCommand::Phones(args) => phones::run(session, args),
    }
}

/// `1001 Ana Silva`.
pub(crate) fn called(user: &Value) -> String {
    format!("{} {}", text_of(&user["extension"]), text_of(&user["display_name"])).trim().to_owned()
}

/// The one person whom a username, extension, email or id names.
fn find(session: &mut Session<'_, '_>, who: &str) -> Result<Value, Failure> {
    let path = session.path("/users")?;
    let answer = session.client.send(&Request::get(path).query("who", who))?;
    list_of(&answer.value, "items").first().cloned().ok_or_else(|| nobody(who))
}

/// The one whom it named at a moment: by an id, also somebody who was in the trash then.
fn find_as_of(session: &mut Session<'_, '_>, who: &str, as_of: &str) -> Result<Value, Failure> {
    let path = session.path("/users")?;
    let request = Request::get(path).query("who", who).query("as_of", as_of);
    let answer = session.client.send(&request)?;
    list_of(&answer.value, "items").first().cloned().ok_or_else(|| {
        Failure::refused(
            format!("`{}` named nobody then.", clean(who)),
            "`muster user list --as-of TIME` shows who was there.",
        )
    })
}

fn nobody(who: &str) -> Failure {
    Failure::refused(
        format!("`{}` names nobody here.", clean(who)),
        "Give a username, an extension, an email or an id; `muster user list` shows them.",
    )
}

/// The path of a person, and of something of theirs: `/credentials`.
fn path_of(session: &mut Session<'_, '_>, user: &Value, below: &str) -> Result<String, Failure> {
    session.path(&format!("/users/{}{below}", escape(&text_of(&user["id"]))))
}

/// The version that was read, as `If-Match` takes it.
fn version_of(user: &Value) -> String {
    format!("\"{}\"", text_of(&user["version"]))
}
