//! `muster org create`, `list`, `show`, `set`.

use std::net::ToSocketAddrs;

use serde_json::{Map, Value};

use crate::args::{OrgCommand, OrgCreateArgs};
use crate::client::{Method, Request, Upload};
use crate::commands::fields::{self, Schema};
use crate::commands::record;
use crate::failure::Failure;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::value::text_of;

pub(crate) fn run(session: &mut Session<'_, '_>, command: &OrgCommand) -> Result<(), Failure> {
    match command {
        OrgCommand::Create(args) => create(session, args),
        OrgCommand::List => list(session),
        OrgCommand::Show => {
            let path = session.path("")?;
            let organization = session.client.get(path)?.value;
            record::tell(session, &organization)
        }
        OrgCommand::Set { fields } => set(session, fields),
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
        console.line(&format!("Bring people in: muster import FILE --org {slug}"))
    })?;
    if !session.json && !is_known(&args.domain) {
        session.console.note(&format!(
            "DNS does not know {} yet: until it does, give phones the server's address as their proxy.",
            args.domain
        ));
    }
    Ok(())
}

fn set(session: &mut Session<'_, '_>, fields: &[String]) -> Result<(), Failure> {
    let pairs = fields::read(session.console, fields)?;
    let path = session.path("")?;
    let organization = session.client.get(path.as_str())?.value;
    let schema = Schema::load(session, "patch", "/organizations/{}")?;
    let body = schema.body(&pairs);
    let request = Request::new(Method::Patch, path)
        .upload(Upload::Json(&body))
        .header("if-match", format!("\"{}\"", text_of(&organization["version"])));
    let answer = session.client.send(&request)?;
    record::tell(session, &answer.value)
}

/// Whether a phone that knows nothing but the domain could find the server. Names that are reserved for
/// tests and examples (RFC 2606) are nobody's, and are not looked up.
fn is_known(domain: &str) -> bool {
    const RESERVED: [&str; 7] =
        ["test", "example", "invalid", "localhost", "example.com", "example.net", "example.org"];
    let domain = domain.trim().trim_end_matches('.').to_ascii_lowercase();
    let is_below = |name: &&str| domain == **name || domain.ends_with(&format!(".{name}"));
    !RESERVED.iter().any(is_below) && (domain.as_str(), 5060).to_socket_addrs().is_ok()
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
