use serde_json::{Value, json};

use super::{called, find, list, path_of, version_of};
use crate::args::SetArgs;
use crate::client::{Method, Request, Upload, escape};
use crate::commands::fields::{self, Schema};
use crate::failure::Failure;
use crate::hints::shell_word;
use crate::session::Session;
use crate::value::{list_of, text_of};

/// Given to a new person with the rest; changed later by a command of its own.
const SIP_PASSWORD: &str = "sip_password";

pub(super) fn add(session: &mut Session<'_, '_>, fields: &[String]) -> Result<(), Failure> {
    let pairs = fields::read(session.console, fields)?;
    let schema = Schema::load(session, "post", "/organizations/{}/users")?;
    let body = schema.body(&pairs);
    let path = session.path("/users")?;
    let answer = session.client.send(&Request::post(path, &body));
    let answer = answer.map_err(|failure| with_holder(session, failure))?;
    let hints = session.hints.clone();
    session.tell(&answer.value, |console, user| {
        console.line(&format!("Added {}.", called(user)))?;
        if user["invite_link"].is_string() && body["invite_by"] == "link" {
            console.line(&format!("Their link, shown this once: {}", text_of(&user["invite_link"])))?;
        }
        if user["service"] == "enabled" && body.get(SIP_PASSWORD).is_none() {
            let reset = hints.command(&format!("user credentials {} --reset", text_of(&user["username"])));
            console.line(&format!("A SIP secret was made for them; to see one: {reset}"))?;
        }
        Ok(())
    })?;
    match (body.get(SIP_PASSWORD), answer.remark) {
        (Some(_), of_password) => remark(session, of_password, &answer.value),
        // That mail does not leave.
        (None, Some(remark)) => session.console.note(&format!("muster: warning: {remark}")),
        (None, None) => {}
    }
    session.wait_for_phones(answer.seq)
}

pub(super) fn set(session: &mut Session<'_, '_>, args: &SetArgs) -> Result<(), Failure> {
    let mut pairs = fields::read(session.console, &args.fields)?;
    let password = pairs.iter().position(|(key, _)| key == SIP_PASSWORD).map(|at| pairs.remove(at).1);
    let mut user = find(session, &args.who)?;
    let mut seq = None;
    if !pairs.is_empty() {
        let schema = Schema::load(session, "patch", "/users/{}")?;
        let body = schema.body(&pairs);
        let request = Request::new(Method::Patch, path_of(session, &user, "")?)
            .upload(Upload::Json(&body))
            .header("if-match", version_of(&user));
        let answer = session.client.send(&request);
        let answer = answer.map_err(|failure| with_command(session, &args.who, failure));
        let answer = answer.map_err(|failure| with_holder(session, failure))?;
        (user, seq) = (answer.value, answer.seq);
    }
    if let Some(password) = password {
        let body = json!({ "secret": password });
        let path = path_of(session, &user, "/credentials")?;
        let answer = session.client.send(&Request::post(path, &body))?;
        seq = answer.seq.max(seq);
        remark(session, answer.remark, &user);
        let path = path_of(session, &user, "")?;
        user = session.client.get(path)?.value;
    }
    list::tell(session, &user)?;
    session.wait_for_phones(seq)
}

/// Of a password that can be guessed, which is taken all the same.
fn remark(session: &mut Session<'_, '_>, remark: Option<String>, user: &Value) {
    if let Some(remark) = remark {
        let reset =
            session.hints.command(&format!("user credentials {} --reset", text_of(&user["username"])));
        session
            .console
            .note(&format!("muster: warning: {SIP_PASSWORD} {remark}. To have a strong one made: {reset}"));
    }
}

/// Whether somebody is served is changed by commands of its own.
fn with_command(session: &Session<'_, '_>, who: &str, mut failure: Failure) -> Failure {
    if let Failure::Problem(problem) = &mut failure
        && list_of(&problem.document, "errors").iter().any(|error| error["field"] == "service")
    {
        let command = |verb: &str| session.hints.command(&format!("user {verb} {}", shell_word(who)));
        problem.hint = Some(format!("To change it: {}, or {}", command("activate"), command("deactivate")));
    }
    failure
}

/// `…is taken by the user 0192…` with who that is.
fn with_holder(session: &mut Session<'_, '_>, failure: Failure) -> Failure {
    let Failure::Problem(mut problem) = failure else { return failure };
    let detail = text_of(&problem.document["detail"]);
    let after = detail.split_once("taken by the user ").map(|(_, after)| after);
    let id: String =
        after.unwrap_or_default().chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').collect();
    let found = session.path(&format!("/users/{}", escape(&id))).and_then(|path| session.client.get(path));
    if let (false, Ok(holder)) = (id.is_empty(), found) {
        problem.hint = Some(format!("That is {}.", called(&holder.value)));
    }
    Failure::Problem(problem)
}
