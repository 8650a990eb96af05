//! `muster connection list`, `muster connection show`.

use crate::args::ConnectionCommand;
use crate::failure::Failure;
use crate::listing::{self, Column, List};
use crate::session::Session;
use crate::table::print_pairs;
use crate::value::text_of;

pub(crate) fn run(session: &mut Session<'_, '_>, command: &ConnectionCommand) -> Result<(), Failure> {
    match command {
        ConnectionCommand::List => list(session),
        ConnectionCommand::Show { which } => show(session, which),
    }
}

fn list(session: &mut Session<'_, '_>) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("NAME", |item| text_of(&item["name"])),
        ("KIND", |item| text_of(&item["kind"])),
        ("ID", |item| text_of(&item["id"])),
    ];
    let path = session.path("/connections")?;
    List::all(path, "connection", "connections").print(session, columns)
}

fn show(session: &mut Session<'_, '_>, which: &str) -> Result<(), Failure> {
    let path = session.path("/connections")?;
    let found = listing::find(session, path, which, "connection", "muster connection list")?;
    session.tell(&found, |console, connection| {
        let members = connection.as_object().into_iter().flatten();
        let pairs: Vec<_> = members.map(|(name, value)| (name.clone(), text_of(value))).collect();
        print_pairs(console, &pairs)
    })
}
