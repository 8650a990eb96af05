//! `muster token create`, `list`, `revoke`.

use serde_json::json;

use crate::args::{TokenCommand, TokenCreateArgs};
use crate::client::{Method, Request, escape};
use crate::failure::Failure;
use crate::listing::{self, Column, List};
use crate::session::Session;
use crate::value::{text_of, time_of};

pub(crate) fn run(session: &mut Session<'_, '_>, command: &TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Create(args) => create(session, args),
        TokenCommand::List => list(session),
        TokenCommand::Revoke { which } => revoke(session, which),
    }
}

fn list(session: &mut Session<'_, '_>) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("NAME", |item| text_of(&item["name"])),
        ("ROLE", |item| text_of(&item["role"])),
        ("MADE (UTC)", |item| time_of(&item["created_at"])),
        ("EXPIRES (UTC)", |item| match item["expires_at"].is_null() {
            true => "never".to_owned(),
            false => time_of(&item["expires_at"]),
        }),
        ("ID", |item| text_of(&item["id"])),
    ];
    let path = session.path("/tokens")?;
    List::all(path, "token", "tokens").print(session, columns)
}

fn revoke(session: &mut Session<'_, '_>, which: &str) -> Result<(), Failure> {
    let path = session.path("/tokens")?;
    let token = listing::find(session, path, which, "token", "muster token list")?;
    let path = session.path(&format!("/tokens/{}", escape(&text_of(&token["id"]))))?;
    session.client.send(&Request::new(Method::Delete, path))?;
    session.tell(&token, |console, token| {
        let (name, role) = (text_of(&token["name"]), text_of(&token["role"]));
        console.line(&format!("Revoked the token {name} ({role}): it is refused from now on."))
    })
}

fn create(session: &mut Session<'_, '_>, args: &TokenCreateArgs) -> Result<(), Failure> {
    if let Some(org) = &args.for_org {
        session.name_organization(org);
    } else if args.role == "operator" {
        session.name_organization(Session::OPERATOR);
    }
    let body = json!({ "name": args.name, "role": args.role });
    let path = session.path("/tokens")?;
    let answer = session.client.send(&Request::post(path, &body))?;
    if !answer.value["token"].is_string() {
        return Err(Failure::refused(
            "The token was made, but the connection broke before it could be shown, and it is shown only once.",
            "Make another.",
        ));
    }
    // The token alone on stdout, so that it can be put into a file: muster token create … > wallboard.token
    session.tell(&answer.value, |console, made| {
        console.note(&format!(
            "Made the token {} ({}). It is shown this once; keep it where only its user can read it:",
            text_of(&made["name"]),
            text_of(&made["role"])
        ));
        console.line(&text_of(&made["token"]))
    })
}
