//! `muster user remove` with a review: what depends on people, and what becomes of it.

use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{called, path_of};
use crate::args::RemoveArgs;
use crate::client::Request;
use crate::console::Console;
use crate::failure::{Failure, io_words};
use crate::follow;
use crate::problem::sentence;
use crate::session::Session;
use crate::value::{count_of, list_of, text_of};

/// Shows what depends on them; then removes them as shown, unless only the review was asked for.
pub(super) fn remove(
    session: &mut Session<'_, '_>,
    args: &RemoveArgs,
    found: &[Value],
) -> Result<(), Failure> {
    let wishes = wishes(args)?;
    let ids: Vec<String> = found.iter().map(|user| text_of(&user["id"])).collect();
    let review = match found {
        [only] => {
            let path = path_of(session, only, "/removal")?;
            session.client.get(path)?.value
        }
        _ => {
            let path = session.path("/removals")?;
            let body = json!({ "users": ids, "review": true });
            session.client.send(&Request::post(path, &body))?.value
        }
    };
    if args.review {
        return session.tell(&review, show);
    }
    if !session.json {
        show(session.console, &review)?;
    }
    let mut body = wishes;
    body.insert("plan".into(), review["plan"].clone());
    let failed = |failure| as_typed(failure, args);
    match found {
        [only] => {
            let path = path_of(session, only, "/removal")?;
            let answer = session.client.send(&Request::post(path, &Value::Object(body))).map_err(failed)?;
            done(session, &answer.value, found)?;
            session.wait_for_phones(answer.seq)
        }
        _ => {
            body.insert("users".into(), json!(ids));
            let path = session.path("/removals")?;
            let answer = session.client.send(&Request::post(path, &Value::Object(body))).map_err(failed)?;
            let job = follow::until_ended(session, &text_of(&answer.value["id"]))?;
            if job["state"] != "done" {
                let why = sentence(&text_of(&job["problem"]));
                return Err(Failure::refused(format!("Nobody was removed. {why}"), "Review it again."));
            }
            done(session, &json!({ "job": job["id"] }), found)?;
            session.wait_for_phones_at_head()
        }
    }
}

/// What is said of what depends on them, in the words of the API.
fn wishes(args: &RemoveArgs) -> Result<Map<String, Value>, Failure> {
    let mut body = Map::new();
    let mut choices = match &args.choices {
        Some(file) => read_choices(file)?,
        None => Vec::new(),
    };
    for (words, choice) in [(&args.keep, "keep"), (&args.release, "release")] {
        choices.extend(words.iter().map(|of| json!({ "of": of, "choice": choice })));
    }
    for whom in &args.hand_to {
        match whom.split_once('=') {
            Some((of, to)) => choices.push(json!({ "of": of, "choice": "hand_to", "to": to })),
            None if body.contains_key("hand_to") => {
                return Err(Failure::usage(
                    "Two people were named who take over the rest.",
                    "Name one, and others with what they take over, as in --hand-to devices=WHOM.",
                ));
            }
            None => {
                body.insert("hand_to".into(), whom.as_str().into());
            }
        }
    }
    body.insert("choices".into(), choices.into());
    Ok(body)
}

fn read_choices(file: &Path) -> Result<Vec<Value>, Failure> {
    let text = std::fs::read_to_string(file).map_err(|e| {
        let what = format!("{} cannot be read: {}.", file.display(), io_words(&e));
        Failure::usage(what, "Give a file that is there.")
    })?;
    match serde_json::from_str(&text) {
        Ok(Value::Array(choices)) => Ok(choices),
        _ => Err(Failure::usage(
            format!("{} is no list of choices.", file.display()),
            "Write [{\"of\": \"mailboxes\", \"choice\": \"keep\"}, …].",
        )),
    }
}

fn done(session: &mut Session<'_, '_>, answer: &Value, found: &[Value]) -> Result<(), Failure> {
    let undo = session.hints.command(&format!("undo --job {}", text_of(&answer["job"])));
    session.tell(answer, |console, _| {
        let names: Vec<String> = found.iter().map(called).collect();
        console.line(&format!("Removed {}. To take all of it back: {undo}", names.join(", ")))
    })
}

fn show(console: &mut Console<'_>, review: &Value) -> io::Result<()> {
    let items = list_of(review, "items");
    let several = list_of(review, "people").len() > 1;
    let whose = |thing: &Value| {
        let of = list_of(review, "people").iter().find(|person| person["id"] == thing["person"]);
        match of.filter(|_| several) {
            Some(person) => format!("{}: ", called(person)),
            None => String::new(),
        }
    };
    if items.is_empty() {
        console.line("Nothing depends on them.")?;
    }
    for item in items {
        let choices: Vec<String> = list_of(item, "choices").iter().map(text_of).collect();
        let what_then = match item["default"].as_str() {
            Some(default) => format!("[{default}; or {}]", others(&choices, default)),
            None => format!("CHOOSE {}: {}", choices.join(" or "), text_of(&item["why_to_choose"])),
        };
        let (name, how) = (text_of(&item["name"]), text_of(&item["how"]));
        console.line(&format!("  {}{name} {how} {what_then}  ({})", whose(item), text_of(&item["of"])))?;
        let used: Vec<String> = list_of(item, "used_by").iter().map(text_of).collect();
        if !used.is_empty() {
            let more = match count_of(item, "used_by_more") {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            console.line(&format!("      messages for {}{more} go there too", used.join(", ")))?;
        }
    }
    for effect in list_of(review, "effects") {
        console.line(&format!("  {}{}", whose(effect), text_of(&effect["text"])))?;
    }
    Ok(())
}

fn others(choices: &[String], default: &str) -> String {
    let others: Vec<&str> = choices.iter().map(String::as_str).filter(|choice| *choice != default).collect();
    others.join(" or ")
}

/// What to type where the server wants a choice.
pub(super) fn as_typed(failure: Failure, args: &RemoveArgs) -> Failure {
    match failure {
        Failure::Problem(mut problem) if problem.hint.is_none() && problem.is("needs-choice") => {
            let whom = args.who.join(" ");
            problem.hint = Some(format!(
                "See `muster user remove {whom} --review`; then --hand-to WHOM, or --release KIND."
            ));
            Failure::Problem(problem)
        }
        other => other,
    }
}
