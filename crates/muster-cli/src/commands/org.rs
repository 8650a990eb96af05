//! `muster org create`, `muster org list`.

use serde_json::{Map, Value};

use crate::args::{OrgCommand, OrgCreateArgs};
use crate::client::Request;
use crate::failure::Failure;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::value::text_of;

pub(crate) fn run(session: &mut Session<'_, '_>, command: &OrgCommand) -> Result<(), Failure> {
    match command {
        OrgCommand::Create(args) => create(session, args),
        OrgCommand::List => list(session),
    }
}

fn create(session: &mut Session<'_, '_>, args: &OrgCreateArgs) -> Result<(), Failure> {
    let mut body = Map::new();
    body.insert("name".into(), args.name.as_str().into());
    body.insert("domain".into(), args.domain.as_str().into());
    let optional = [("slug", &args.slug), ("country", &args.country), ("time_zone", &args.time_zone)];
    for (name, value) in optional {
        if let Some(value) = value {
            body.insert(name.into(), value.as_str().into());
        }
    }
    let body = Value::Object(body);
    let answer = session.client.send(&Request::post(Session::organizations_path(), &body))?;
    session.tell(&answer.value, |console, made| {
        let (name, slug, domain) = (text_of(&made["name"]), text_of(&made["slug"]), text_of(&made["domain"]));
        console.line(&format!("Made {name}: --org {slug}, SIP domain {domain}."))?;
        for note in crate::value::list_of(made, "notes") {
            console.line(&text_of(note))?;
        }
        console.line(&format!("Bring people in: muster import FILE --org {slug}"))
    })
}

fn list(session: &mut Session<'_, '_>) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("SHORT NAME", |item| text_of(&item["slug"])),
        ("NAME", |item| text_of(&item["name"])),
        ("DOMAIN", |item| text_of(&item["domain"])),
        ("COUNTRY", |item| text_of(&item["country"])),
        ("TIME ZONE", |item| text_of(&item["time_zone"])),
    ];
    let path = Session::organizations_path().to_owned();
    List::all(path, "organization", "organizations").print(session, columns)
}
