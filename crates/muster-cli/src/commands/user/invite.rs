use serde_json::{Map, Value, json};

use super::activate::as_typed;
use super::{called, find, path_of};
use crate::args::{AssignArgs, InviteArgs, SheetArgs};
use crate::client::Request;
use crate::commands::export::Part;
use crate::commands::fields::{self, Schema};
use crate::failure::Failure;
use crate::follow;
use crate::listing::Column;
use crate::session::Session;
use crate::table::Table;
use crate::value::{counted, list_of, text_of, time_of};

pub(super) fn invite(session: &mut Session<'_, '_>, args: &InviteArgs) -> Result<(), Failure> {
    if args.list {
        return args.who.iter().try_for_each(|who| list(session, who));
    }
    if args.withdraw {
        let path = session.path("/users/withdraw-invites")?;
        let body = json!({ "users": args.who });
        session.client.send(&Request::post(path, &body)).map_err(|e| as_typed(e, &args.who))?;
        return session.tell(&Value::Null, |console, _| {
            console.line("Withdrawn: the links that waited do nothing from now on.")
        });
    }
    let mut body = Map::new();
    match &args.filter {
        Some(filter) => body.insert("filter".into(), filter.as_str().into()),
        None => body.insert("users".into(), json!(args.who)),
    };
    for (name, value) in [("at", &args.at), ("zone", &args.zone)] {
        if let Some(value) = value {
            body.insert(name.into(), value.as_str().into());
        }
    }
    if args.link {
        body.insert("by".into(), "link".into());
    }
    let path = session.path("/users/invite")?;
    let body = Value::Object(body);
    let answer = session.client.send(&Request::post(path, &body)).map_err(|e| as_typed(e, &args.who))?;
    if args.filter.is_some() {
        return follow_job(session, &text_of(&answer.value["job"]));
    }
    let (later, by_link) = (args.at.is_some(), args.link);
    session.tell(&answer.value, |console, answer| {
        for user in list_of(answer, "users") {
            match (later, by_link) {
                (true, _) => console.line(&format!("{} will be invited.", called(user)))?,
                (false, true) => console.line(&format!("{}\t{}", called(user), text_of(&user["link"])))?,
                (false, false) => {
                    let to = text_of(&user["email"]);
                    console.line(&format!("{} is invited: a mail to {to} waits to leave.", called(user)))?;
                }
            }
        }
        if by_link {
            console.note("A link is shown this once, and is its person's alone.");
        }
        Ok(())
    })?;
    if let Some(remark) = answer.remark {
        session.console.note(&format!("muster: warning: {remark}"));
    }
    session.wait_for_phones(answer.seq)
}

/// Everybody who was left out is named.
fn follow_job(session: &mut Session<'_, '_>, id: &str) -> Result<(), Failure> {
    let job = follow::until_ended(session, id)?;
    let path = session.path(&format!("/jobs/{id}/results"))?;
    let (mut left_out, mut cursor) = (Vec::new(), String::new());
    loop {
        let mut request = Request::get(path.as_str()).query("limit", "1000");
        if !cursor.is_empty() {
            request = request.query("cursor", &cursor);
        }
        let page = session.client.send(&request)?.value;
        let refused = list_of(&page, "items").iter().filter(|item| item["outcome"] == "refused");
        left_out.extend(refused.map(|item| text_of(&item["text"])));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    let rows = job["rows_done"].as_u64().unwrap_or(0);
    session.tell(&job, |console, _| {
        let invited = rows - left_out.len() as u64;
        console.line(&format!("{} invited.", counted(invited, "person is", "people are")))?;
        if !left_out.is_empty() {
            console.note("Left out:");
        }
        left_out.iter().for_each(|who| console.note(&format!("  {who}")));
        Ok(())
    })
}

fn list(session: &mut Session<'_, '_>, who: &str) -> Result<(), Failure> {
    let user = find(session, who)?;
    let path = path_of(session, &user, "/invites")?;
    let answer = session.client.get(path)?;
    session.tell(&answer.value, |console, found| {
        let columns: &[Column] = &[
            ("STATE", |item| text_of(&item["state"])),
            ("TO", |item| text_of(&item["email"])),
            ("LEAVES (UTC)", |item| time_of(&item["send_at"])),
            ("SENT (UTC)", |item| time_of(&item["sent_at"])),
            ("EXPIRES (UTC)", |item| time_of(&item["expires_at"])),
            ("ACCEPTED (UTC)", |item| time_of(&item["accepted_at"])),
            ("WHY IT ENDED", |item| text_of(&item["ended_because"])),
        ];
        let mut table = Table::new(&columns.iter().map(|(header, _)| *header).collect::<Vec<_>>());
        for item in list_of(found, "items") {
            table.row(columns.iter().map(|(_, cell)| cell(item)).collect());
        }
        table.print(console)
    })
}

pub(super) fn assign(session: &mut Session<'_, '_>, args: &AssignArgs) -> Result<(), Failure> {
    let (given, who): (Vec<String>, Vec<String>) =
        args.who.iter().cloned().partition(|text| text.contains('='));
    if who.is_empty() {
        return Err(Failure::usage("Nobody is named.", "Write whom first, as in: muster user assign 1001"));
    }
    let mut pairs = fields::read(session.console, &given)?;
    let has_password = args.generate || pairs.iter().any(|(key, _)| key == "password");
    if !has_password {
        pairs.extend(fields::read(session.console, &["password=-".to_owned()])?);
    }
    let schema = Schema::load(session, "post", "/users/assign")?;
    let mut body = schema.body(&pairs);
    body["users"] = json!(who);
    if args.generate {
        body["generate_password"] = true.into();
    }
    let path = session.path("/users/assign")?;
    let answer = session.client.send(&Request::post(path, &body)).map_err(|e| as_typed(e, &who))?;
    session.tell(&answer.value, |console, answer| {
        let users = list_of(answer, "users");
        let made: Vec<&Value> = users.iter().filter(|user| user["generated_password"].is_string()).collect();
        for user in users {
            let service = text_of(&user["service"]).replace('_', " ");
            console.line(&format!("{} has credentials and is {service}.", called(user)))?;
        }
        if !made.is_empty() {
            console.note("These passwords were made. They are shown this once:");
        }
        for user in made {
            let (name, password) = (text_of(&user["username"]), text_of(&user["generated_password"]));
            console.line(&format!("{name}\t{password}"))?;
        }
        Ok(())
    })?;
    session.wait_for_phones(answer.seq)
}

pub(super) fn sheet(session: &mut Session<'_, '_>, args: &SheetArgs) -> Result<(), Failure> {
    if args.out.exists() && !args.force {
        return Err(Failure::refused(
            format!("{} is there already.", args.out.display()),
            "Choose another name, or replace it with --force.",
        ));
    }
    let body = json!({ "users": args.who, "secrets": args.secrets });
    let request = session.path("/users/sheets")?;
    let mut part = Part::beside(&args.out, args.secrets != "none")?;
    let mut reader =
        session.client.stream(&Request::post(request, &body)).map_err(|e| as_typed(e, &args.who))?;
    let bytes = part.fill(&mut *reader, "sheet")?;
    part.rename(&args.out, args.force)?;
    let done = json!({ "file": args.out.to_string_lossy(), "bytes": bytes });
    let secrets = if args.secrets == "none" { "" } else { " It holds passwords: only you can read it." };
    session.tell(&done, |console, _| {
        let sheets = counted(args.who.len() as u64, "sheet", "sheets");
        console.line(&format!(
            "Written to {}: {sheets}. Open it in a browser to print.{secrets}",
            args.out.display()
        ))
    })
}
