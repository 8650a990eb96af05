//! `muster connection list`, `show`, `set`.

use crate::args::{ConnectionCommand, Which};
use crate::commands::record::{self, Kind};
use crate::failure::Failure;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::value::text_of;

pub(crate) fn run(session: &mut Session<'_, '_>, command: &ConnectionCommand) -> Result<(), Failure> {
    match command {
        ConnectionCommand::List(which) => list(session, which),
        ConnectionCommand::Show { which } => record::show(session, &CONNECTION, which),
        ConnectionCommand::Set { which, fields } => record::set(session, &CONNECTION, which, fields),
    }
}

const CONNECTION: Kind = Kind {
    address: "connections",
    command: "connection",
    one: "connection",
    many: "connections",
    operators: false,
    columns: &[],
};

fn list(session: &mut Session<'_, '_>, which: &Which) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("NAME", |item| text_of(&item["name"])),
        ("KIND", |item| text_of(&item["kind"])),
        ("ID", |item| text_of(&item["id"])),
    ];
    let path = session.path("/connections")?;
    List::all(path, "connection", "connections").which(which).print(session, columns)
}
