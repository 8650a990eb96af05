//! `muster changes`.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::args::ChangesArgs;
use crate::client::{Request, escape};
use crate::failure::{Failure, Network};
use crate::pages::{self, Listing};
use crate::session::Session;
use crate::stream::Events;
use crate::value::{count_of, counted, grouped, list_of, text_of, time_of};

/// Without `--since`: so many of the newest.
const NEWEST: u64 = 20;
/// Fields of a change that are shown; the rest are counted.
const FIELDS_SHOWN_MAX: usize = 4;
/// Names that are looked up; beyond that ids are shown.
const LOOKUPS_MAX: usize = 500;
/// A server that is restarted is waited for so long.
const AWAY_MAX: Duration = Duration::from_secs(60);
const AWAY_PAUSE: Duration = Duration::from_secs(1);

pub(crate) fn run(session: &mut Session<'_, '_>, args: &ChangesArgs) -> Result<(), Failure> {
    if args.verify {
        return verify(session);
    }
    let since = match args.since {
        Some(since) => since,
        None => session.head_seq()?.saturating_sub(NEWEST),
    };
    let mut names = Names::load(session)?;
    if args.follow { follow(session, &mut names, since) } else { list(session, &mut names, since) }
}

fn verify(session: &mut Session<'_, '_>) -> Result<(), Failure> {
    let path = session.path("/changes/verify")?;
    let found = session.client.send(&Request::get(path).may_take_long())?.value;
    let intact = found["intact"] == true;
    session.tell(&found, |console, found| {
        let checked = counted(count_of(found, "checked"), "change", "changes");
        if intact {
            console.line(&format!("The log is intact: {checked} checked."))?;
        }
        for problem in list_of(found, "problems") {
            console.line(&text_of(problem))?;
        }
        if !intact {
            console.line(&format!("Changes checked: {}.", grouped(count_of(found, "checked"))))?;
        }
        verified_state(found).iter().chain(&verified_heads(found)).try_for_each(|line| console.line(line))
    })?;
    if intact { Ok(()) } else { Err(Failure::Told) }
}

/// What was compared with the log, and what could not be because it was erased.
fn verified_state(found: &Value) -> Vec<String> {
    let state = &found["state"];
    if state.is_null() {
        return Vec::new();
    }
    let alike = count_of(state, "alike");
    let are = if alike == 1 { "thing is" } else { "things are" };
    let mut lines = vec![format!("Replayed: {} {are} in the database as the log says.", grouped(alike))];
    let erased = count_of(found, "erased");
    if erased > 0 {
        let of = counted(count_of(state, "erased_things"), "thing", "things");
        let lost = counted(erased, "change", "changes");
        lines.push(format!("Erased: what {lost} of {of} held; that cannot be replayed."));
    }
    for erasure in list_of(state, "erasures") {
        let (entity, id) = (text_of(&erasure["entity"]), text_of(&erasure["entity_id"]));
        let bodies = counted(count_of(erasure, "bodies"), "change", "changes");
        let first = count_of(erasure, "first");
        let why = match erasure["removed_by"].as_u64() {
            Some(seq) => format!("change {seq} removed it"),
            None => "no change says why".to_owned(),
        };
        lines.push(format!("  {entity} {id}: {bodies} from change {first} on; {why}."));
    }
    lines
}

fn verified_heads(found: &Value) -> Option<String> {
    let heads = &found["heads"];
    match text_of(&heads["state"]).as_str() {
        "compared" => Some(format!(
            "Compared with {} in heads.log, of changes {} to {}.",
            counted(count_of(heads, "count"), "head", "heads"),
            count_of(heads, "first"),
            count_of(heads, "last"),
        )),
        "not_yet" => Some("Nothing of it has been written to heads.log so far.".to_owned()),
        _ => None,
    }
}

/// Everything after `since`, as it comes.
fn list(session: &mut Session<'_, '_>, names: &mut Names, since: u64) -> Result<(), Failure> {
    let path = session.path("/changes")?;
    let since_text = since.to_string();
    // The first page by `since`; a cursor takes its place.
    let listing = Listing { path, query: vec![("since", &since_text)], limit: None };
    let mut first = true;
    let json = session.json;
    let Session { client, console, .. } = session;
    if json {
        write!(console.out, "{{\"items\":[")?;
    }
    let listed = pages::for_each(client, &listing, |change| {
        if json {
            write!(console.out, "{}{change}", if first { "\n" } else { ",\n" })?;
            first = false;
            return Ok(());
        }
        let line = line_of(client, names, change, console.out_width.is_some());
        Ok(console.line(&line)?)
    })?;
    if json {
        writeln!(console.out, "\n],\"next_cursor\":null}}")?;
    } else if listed.shown == 0 {
        console.note(&format!("There is no change after {since}."));
    }
    Ok(())
}

/// Until Ctrl-C. The stream begins where we are, so that a broken one loses nothing.
fn follow(session: &mut Session<'_, '_>, names: &mut Names, mut since: u64) -> Result<(), Failure> {
    let mut away_since: Option<Instant> = None;
    loop {
        let request = session.events_request()?.query("since", &since.to_string());
        match session.client.stream(&request) {
            Ok(reader) => {
                away_since = None;
                let mut events = Events::new(reader);
                while let Ok(Some(event)) = events.next() {
                    if event.name != "change" {
                        continue;
                    }
                    let change: Value = serde_json::from_str(&event.data).unwrap_or_default();
                    since = event.id.and_then(|id| id.parse().ok()).unwrap_or(since);
                    show(session, names, &change)?;
                }
            }
            Err(Failure::Network(Network { what, mend, lost })) => {
                let since = *away_since.get_or_insert_with(|| {
                    session.console.note(&format!("{what} Waiting for the server."));
                    Instant::now()
                });
                if since.elapsed() > AWAY_MAX {
                    return Err(Failure::Network(Network { what, mend, lost }));
                }
            }
            Err(other) => return Err(other),
        }
        std::thread::sleep(AWAY_PAUSE);
    }
}

fn show(session: &mut Session<'_, '_>, names: &mut Names, change: &Value) -> Result<(), Failure> {
    if session.json {
        return Ok(session.console.json_line(change)?);
    }
    let line = line_of(&session.client, names, change, session.console.out_width.is_some());
    session.console.line(&line)?;
    Ok(session.console.out.flush()?)
}

/// `12  2026-11-21 22:05:32  user.activated  Ana Silva  service: contact_only -> enabled  by owner`, with
/// tabs where a program reads on.
fn line_of(client: &crate::client::Client, names: &mut Names, change: &Value, aligned: bool) -> String {
    let seq = text_of(&change["seq"]);
    let (at, kind) = (time_of(&change["at"]), text_of(&change["kind"]));
    let (what, by) = (names.of_entity(client, change), names.of_actor(change));
    let details = details(names, change);
    if aligned {
        format!("{seq:>6}  {at}  {kind:<20}  {what}  {details}  by {by}")
    } else {
        [seq, at, kind, what, details, by].join("\t")
    }
}

fn details(names: &Names, change: &Value) -> String {
    if change["fields"].is_null() {
        return "(erased)".to_owned();
    }
    let says =
        |field: &&Value| !(text_of(&field["before"]).is_empty() && text_of(&field["after"]).is_empty());
    let fields: Vec<&Value> = list_of(change, "fields").iter().filter(says).collect();
    let mut out: Vec<String> = fields.iter().take(FIELDS_SHOWN_MAX).map(|f| names.field_words(f)).collect();
    if fields.len() > FIELDS_SHOWN_MAX {
        out.push(format!("and {} more", fields.len() - FIELDS_SHOWN_MAX));
    }
    out.join(", ")
}

/// What ids are called.
struct Names {
    entities: HashMap<String, String>,
    actors: HashMap<String, String>,
    users_path: String,
    lookups: usize,
}

impl Names {
    /// Who may not see the tokens, or the operator's, sees ids instead of their names.
    fn load(session: &mut Session<'_, '_>) -> Result<Names, Failure> {
        let (mut entities, mut actors) = (HashMap::new(), HashMap::new());
        if !session.json {
            let operators = format!("{}/{}/tokens", Session::organizations_path(), Session::OPERATOR);
            session.add_names(operators, &mut actors);
            let tokens = session.path("/tokens")?;
            session.add_names(tokens, &mut actors);
            for places in ["/sites", "/connections"] {
                let path = session.path(places)?;
                session.add_names(path, &mut entities);
            }
        }
        let users_path = session.path("/users")?;
        Ok(Names { entities, actors, users_path, lookups: 0 })
    }

    fn field_words(&self, field: &Value) -> String {
        let name = text_of(&field["field"]);
        let text = |value: &Value| {
            let text = text_of(value);
            self.entities.get(&text).cloned().unwrap_or(text)
        };
        let (before, after) = (text(&field["before"]), text(&field["after"]));
        match (before.as_str(), after.as_str()) {
            ("", after) => format!("{name}: {after}"),
            (before, "") => format!("{name}: {before} -> nothing"),
            // Of a secret it is only told whether there is one.
            (before, after) if before == after => format!("{name}: another"),
            (before, after) => format!("{name}: {before} -> {after}"),
        }
    }

    fn of_actor(&self, change: &Value) -> String {
        let id = text_of(&change["actor"]);
        match self.actors.get(&id) {
            Some(name) => name.clone(),
            None if id.chars().all(|c| matches!(c, '0' | '-')) => "the system".to_owned(),
            None => id,
        }
    }

    /// As the change itself names it, else as it is called now.
    fn of_entity(&mut self, client: &crate::client::Client, change: &Value) -> String {
        let id = text_of(&change["entity_id"]);
        let named =
            list_of(change, "fields").iter().find(|f| f["field"] == "display_name" || f["field"] == "name");
        if let Some(field) = named {
            let after = text_of(&field["after"]);
            let name = if after.is_empty() { text_of(&field["before"]) } else { after };
            self.entities.insert(id, name.clone());
            return name;
        }
        if let Some(name) = self.entities.get(&id) {
            return name.clone();
        }
        if change["entity"] != "user" || self.lookups >= LOOKUPS_MAX {
            return id;
        }
        self.lookups += 1;
        let path = format!("{}/{}", self.users_path, escape(&id));
        let name = client.get(path).map(|answer| text_of(&answer.value["display_name"])).unwrap_or_default();
        let name = if name.is_empty() { id.clone() } else { name };
        self.entities.insert(id, name.clone());
        name
    }
}
