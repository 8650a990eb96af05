use std::collections::HashMap;
use std::io;

use serde_json::Value;

use super::{find, find_as_of};
use crate::args::{ListArgs, ShowArgs};
use crate::console::Console;
use crate::failure::Failure;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::table::print_pairs;
use crate::value::text_of;

pub(super) fn list(session: &mut Session<'_, '_>, args: &ListArgs) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("EXT", |item| text_of(&item["extension"])),
        ("NAME", |item| text_of(&item["display_name"])),
        ("USERNAME", |item| text_of(&item["username"])),
        ("SERVICE", |item| text_of(&item["service"])),
        ("EMAIL", |item| text_of(&item["email"])),
        ("DEPARTMENT", |item| text_of(&item["department"])),
    ];
    let path = session.path("/users")?;
    List::all(path, "person", "people")
        .query("filter", args.filter.as_deref())
        .query("sort", args.sort.as_deref())
        .query("total", Some("true"))
        .query("as_of", args.as_of.as_deref())
        .limit((!args.all).then_some(args.limit))
        .print(session, columns)
}

pub(super) fn show(session: &mut Session<'_, '_>, args: &ShowArgs) -> Result<(), Failure> {
    let user = match &args.as_of {
        Some(as_of) => find_as_of(session, &args.who, as_of)?,
        None => find(session, &args.who)?,
    };
    tell(session, &user)
}

/// Everything about a person; in words with the names of their site and connection.
pub(super) fn tell(session: &mut Session<'_, '_>, user: &Value) -> Result<(), Failure> {
    if session.json {
        return session.tell(user, print);
    }
    let mut names = HashMap::new();
    for places in ["/sites", "/connections"] {
        let path = session.path(places)?;
        session.add_names(path, &mut names);
    }
    let mut named = user.clone();
    for field in ["site", "connection"] {
        if let Some(name) = names.get(&text_of(&user[field])) {
            named[field] = name.as_str().into();
        }
    }
    session.tell(&named, print)
}

/// What says who it is comes first; the rest in the server's order, without what is empty.
const FIRST: [&str; 6] = ["display_name", "extension", "username", "email", "service", "user_type"];

fn print(console: &mut Console<'_>, user: &Value) -> io::Result<()> {
    let value = |name: &str| text_of(&user[name]);
    let rest = user.as_object().into_iter().flat_map(|members| members.keys().map(String::as_str));
    let names = FIRST.into_iter().chain(rest.filter(|name| !FIRST.contains(name)));
    let pairs: Vec<(String, String)> = names.map(|name| (name.to_owned(), value(name))).collect();
    print_pairs(console, &pairs)
}
