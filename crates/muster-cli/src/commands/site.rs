//! `muster site list`, `create`, `show`, `set`, `remove`.

use serde_json::{Map, Value};

use crate::args::{SiteCommand, SiteCreateArgs, Which};
use crate::client::Request;
use crate::commands::record::{self, Kind};
use crate::failure::Failure;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::value::text_of;

pub(crate) fn run(session: &mut Session<'_, '_>, command: &SiteCommand) -> Result<(), Failure> {
    match command {
        SiteCommand::Create(args) => create(session, args),
        SiteCommand::List(which) => list(session, which),
        SiteCommand::Show { which } => record::show(session, &SITE, which),
        SiteCommand::Set { which, fields } => record::set(session, &SITE, which, fields),
        SiteCommand::Remove { which } => record::remove(session, &SITE, which),
    }
}

const SITE: Kind =
    Kind { address: "sites", command: "site", one: "site", many: "sites", operators: false, columns: &[] };

fn create(session: &mut Session<'_, '_>, args: &SiteCreateArgs) -> Result<(), Failure> {
    let mut body = Map::new();
    body.insert("name".into(), args.name.as_str().into());
    for (name, value) in [("country", &args.country), ("time_zone", &args.time_zone)] {
        if let Some(value) = value {
            body.insert(name.into(), value.as_str().into());
        }
    }
    let path = session.path("/sites")?;
    let answer = session.client.send(&Request::post(path, &Value::Object(body)))?;
    session.tell(&answer.value, |console, made| {
        console.line(&format!("Made the site {}.", text_of(&made["name"])))
    })
}

fn list(session: &mut Session<'_, '_>, which: &Which) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("NAME", |item| text_of(&item["name"])),
        ("COUNTRY", |item| text_of(&item["country"])),
        ("TIME ZONE", |item| text_of(&item["time_zone"])),
        ("ID", |item| text_of(&item["id"])),
    ];
    let path = session.path("/sites")?;
    List::all(path, "site", "sites").which(which).print(session, columns)
}
