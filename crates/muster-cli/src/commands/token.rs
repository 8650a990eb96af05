//! `muster token create`.

use serde_json::json;

use crate::args::{TokenCommand, TokenCreateArgs};
use crate::client::Request;
use crate::failure::Failure;
use crate::session::Session;
use crate::value::text_of;

pub(crate) fn run(session: &mut Session<'_, '_>, command: &TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Create(args) => create(session, args),
    }
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
