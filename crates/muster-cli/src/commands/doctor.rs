//! `muster doctor`: what is wrong, and mending it.

use std::io;

use serde_json::{Value, json};

use crate::args::DoctorArgs;
use crate::client::{Method, Request, Upload};
use crate::console::Console;
use crate::failure::Failure;
use crate::session::Session;
use crate::value::{count_of, counted, grouped, list_of, text_of, time_of};

/// Exit status 1 while something is wrong, so that a script can ask.
pub(crate) fn run(session: &mut Session<'_, '_>, args: &DoctorArgs) -> Result<(), Failure> {
    let mut request = Request::get(session.path("/doctor")?).may_take_long();
    if let Some(check) = &args.check {
        request = request.query("check", check);
    }
    let limit = if args.fix { 1000 } else { args.limit };
    let diagnosis = session.client.send(&request.query("limit", &limit.to_string()))?.value;
    let checks = list_of(&diagnosis, "checks");
    let found: u64 = checks.iter().map(|checked| count_of(checked, "found")).sum();
    if !args.fix {
        session.tell(&diagnosis, |console, diagnosis| show(console, diagnosis, found))?;
        return if found == 0 { Ok(()) } else { Err(Failure::Told) };
    }
    // Of one check everything that a request mends; of all only what costs nobody anything.
    let wanted = |finding: &&Value| {
        let mend = &finding["mend"];
        mend["request"].is_object() && (args.check.is_some() || mend["harmless"] == true)
    };
    let findings: Vec<&Value> = checks.iter().flat_map(|c| list_of(c, "findings")).filter(wanted).collect();
    if findings.is_empty() {
        return none_to_mend(session, found);
    }
    for finding in &findings {
        session.console.note(&format!("  {}: {}", about(finding), text_of(&finding["mend"]["text"])));
    }
    if !args.yes && !confirmed(session, findings.len() as u64)? {
        session.console.note("Nothing was done.");
        return Err(Failure::Told);
    }
    mend(session, &findings)
}

fn none_to_mend(session: &mut Session<'_, '_>, found: u64) -> Result<(), Failure> {
    if session.json {
        session.console.json(&json!({ "mended": [], "failed": [], "found": found }))?;
    } else if found == 0 {
        session.console.line("Nothing is wrong.")?;
    } else {
        let found = counted(found, "thing is", "things are");
        session.console.line(&format!("{found} wrong, none of which mends itself: muster doctor"))?;
    }
    if found == 0 { Ok(()) } else { Err(Failure::Told) }
}

fn confirmed(session: &mut Session<'_, '_>, count: u64) -> Result<bool, Failure> {
    let things = counted(count, "thing", "things");
    if !session.console.asks_person {
        session.console.note(&format!("To mend {things}: --yes"));
        return Ok(false);
    }
    Ok(session.console.confirm(&format!("Mend {things}?"))?)
}

/// Each by a request of its own: what was changed meanwhile is left alone and said.
fn mend(session: &mut Session<'_, '_>, findings: &[&Value]) -> Result<(), Failure> {
    let (mut mended, mut failed) = (Vec::new(), Vec::new());
    for finding in findings {
        let wanted = &finding["mend"]["request"];
        let path = session.path(&text_of(&wanted["path"]))?;
        let method = match wanted["method"].as_str() {
            Some("PATCH") => Method::Patch,
            Some("DELETE") => Method::Delete,
            _ => Method::Post,
        };
        let mut request = Request::new(method, path);
        if !wanted["body"].is_null() {
            request = request.upload(Upload::Json(&wanted["body"]));
        }
        if let Some(version) = wanted["if_match"].as_str() {
            request = request.header("If-Match", version);
        }
        match session.client.send(&request) {
            Ok(answer) => {
                if !session.json {
                    session.console.line(&format!("Mended {}.", about(finding)))?;
                }
                mended.push(json!({ "entity_id": finding["entity_id"], "answer": answer.value }));
            }
            Err(Failure::Problem(problem)) => {
                let why = problem.words();
                session.console.note(&format!("Not mended: {}: {why}", about(finding)));
                failed.push(json!({ "entity_id": finding["entity_id"], "why": why }));
            }
            Err(other) => return Err(other),
        }
    }
    let all = failed.is_empty();
    if session.json {
        session.console.json(&json!({ "mended": mended, "failed": failed }))?;
    }
    session.wait_for_phones_at_head()?;
    if all { Ok(()) } else { Err(Failure::Told) }
}

fn about(finding: &Value) -> String {
    format!("{} {}", text_of(&finding["name"]), text_of(&finding["why"]))
}

fn show(console: &mut Console<'_>, diagnosis: &Value, found: u64) -> io::Result<()> {
    if found == 0 {
        console.line("Nothing is wrong.")?;
    }
    for checked in list_of(diagnosis, "checks").iter().filter(|checked| count_of(checked, "found") > 0) {
        console.line(&format!("{}: {}", text_of(&checked["title"]), grouped(count_of(checked, "found"))))?;
        let findings = list_of(checked, "findings");
        for finding in findings {
            let mend = text_of(&finding["mend"]["text"]);
            console.line(&format!("  {}. Mend: {mend}.", about(finding)))?;
        }
        let more = count_of(checked, "found").saturating_sub(findings.len() as u64);
        if more > 0 {
            console.line(&format!("  … and {} more", grouped(more)))?;
        }
    }
    match diagnosis["watched_since"].is_null() {
        true => console.note("Whose phones register is not watched yet: unused seats cannot be told."),
        false => console.note(&format!(
            "Whose phones register is watched since {}: unused seats are told 30 days after.",
            time_of(&diagnosis["watched_since"])
        )),
    }
    Ok(())
}
