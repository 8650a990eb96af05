//! `muster role list`, `show`, `permissions`, `create`, `edit`, `remove`, `assign`.

use serde_json::{Map, Value, json};

use crate::args::{RoleAssignArgs, RoleCommand, RoleCreateArgs, RoleEditArgs};
use crate::client::{Method, Request, Upload, escape};
use crate::failure::Failure;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::table::print_pairs;
use crate::value::{count_of, counted, list_of, text_of};

/// Holders that are shown of one role.
const HOLDERS_SHOWN: &str = "50";

pub(crate) fn run(session: &mut Session<'_, '_>, command: &RoleCommand) -> Result<(), Failure> {
    match command {
        RoleCommand::List => list(session),
        RoleCommand::Show { which } => show(session, which),
        RoleCommand::Permissions => permissions(session),
        RoleCommand::Create(args) => create(session, args),
        RoleCommand::Edit(args) => edit(session, args),
        RoleCommand::Remove { which, replacement } => remove(session, which, replacement.as_deref()),
        RoleCommand::Assign(args) => assign(session, args),
    }
}

fn list(session: &mut Session<'_, '_>) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("ROLE", |item| text_of(&item["name"])),
        ("FROM", |item| match item["built_in"] == true {
            true => "built in".to_owned(),
            false => text_of(&item["copied_from"]),
        }),
        ("PEOPLE", |item| text_of(&item["people"])),
        ("TOKENS", |item| text_of(&item["tokens"])),
        ("WHAT IT IS FOR", |item| text_of(&item["description"])),
    ];
    let path = session.path("/roles")?;
    List::all(path, "role", "roles").print(session, columns)
}

fn permissions(session: &mut Session<'_, '_>) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("PERMISSION", |item| text_of(&item["permission"])),
        ("YOU HOLD IT FOR", |item| text_of(&item["held"])),
        ("ALLOWS", |item| text_of(&item["allows"])),
    ];
    let path = session.path("/permissions")?;
    List::all(path, "permission", "permissions").print(session, columns)
}

fn find(session: &mut Session<'_, '_>, which: &str) -> Result<Value, Failure> {
    let path = path_of(session, which)?;
    Ok(session.client.get(path)?.value)
}

fn path_of(session: &mut Session<'_, '_>, which: &str) -> Result<String, Failure> {
    session.path(&format!("/roles/{}", escape(which)))
}

fn joined(value: &Value) -> String {
    value.as_array().into_iter().flatten().map(text_of).collect::<Vec<_>>().join(", ")
}

fn show(session: &mut Session<'_, '_>, which: &str) -> Result<(), Failure> {
    let mut role = find(session, which)?;
    let path = session.path(&format!("/roles/{}/holders", escape(which)))?;
    let holders = session.client.send(&Request::get(path).query("limit", HOLDERS_SHOWN))?.value;
    let mut sites = std::collections::HashMap::new();
    let path = session.path("/sites")?;
    session.add_names(path, &mut sites);
    role["holders"] = holders["items"].clone();
    session.tell(&role, |console, role| {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for name in ["name", "description", "copied_from"] {
            if role[name].is_string() {
                pairs.push((name.into(), text_of(&role[name])));
            }
        }
        for name in ["permissions", "more", "less"] {
            if !list_of(role, name).is_empty() {
                pairs.push((name.into(), joined(&role[name])));
            }
        }
        pairs.push(("people".into(), text_of(&role["people"])));
        pairs.push(("tokens".into(), text_of(&role["tokens"])));
        for holder in list_of(role, "holders") {
            let name = |id: &Value| sites.get(&text_of(id)).cloned().unwrap_or_else(|| text_of(id));
            let at: Vec<String> = list_of(holder, "sites").iter().map(name).collect();
            let at = if at.is_empty() { String::new() } else { format!(" for {}", at.join(", ")) };
            let who = format!("{} ({}){at}", text_of(&holder["display_name"]), text_of(&holder["username"]));
            pairs.push(("held by".into(), who));
        }
        print_pairs(console, &pairs)
    })
}

/// The permissions of a role, with some more and some less.
fn changed(role: &Value, with: &[String], without: &[String]) -> Vec<String> {
    let mut permissions: Vec<String> = list_of(role, "permissions").iter().map(text_of).collect();
    permissions.retain(|permission| !without.contains(permission));
    permissions.extend(with.iter().filter(|more| !permissions.contains(more)).cloned().collect::<Vec<_>>());
    permissions
}

fn create(session: &mut Session<'_, '_>, args: &RoleCreateArgs) -> Result<(), Failure> {
    let mut body = Map::new();
    body.insert("name".into(), args.name.as_str().into());
    body.insert("copied_from".into(), args.copy.as_str().into());
    if !args.with.is_empty() || !args.without.is_empty() {
        let from = find(session, &args.copy)?;
        body.insert("permissions".into(), json!(changed(&from, &args.with, &args.without)));
    }
    if let Some(description) = &args.description {
        body.insert("description".into(), description.as_str().into());
    }
    let path = session.path("/roles")?;
    let answer = session.client.send(&Request::post(path, &Value::Object(body)))?;
    session.tell(&answer.value, |console, made| {
        let (name, from) = (text_of(&made["name"]), text_of(&made["copied_from"]));
        console.line(&format!("Made the role {name} as a copy of {from}. Give it to people: muster role assign WHO --add \"{name}\""))
    })
}

fn edit(session: &mut Session<'_, '_>, args: &RoleEditArgs) -> Result<(), Failure> {
    let role = find(session, &args.which)?;
    let mut body = Map::new();
    if !args.with.is_empty() || !args.without.is_empty() {
        body.insert("permissions".into(), json!(changed(&role, &args.with, &args.without)));
    }
    if let Some(description) = &args.description {
        body.insert("description".into(), description.as_str().into());
    }
    if body.is_empty() {
        return Err(Failure::usage(
            "Nothing to change was named.",
            "Give --with, --without or --description.",
        ));
    }
    let body = Value::Object(body);
    let path = path_of(session, &args.which)?;
    let request = Request::new(Method::Patch, path)
        .upload(Upload::Json(&body))
        .header("if-match", format!("\"{}\"", text_of(&role["version"])));
    let answer = session.client.send(&request)?;
    session.tell(&answer.value, |console, role| {
        let people = counted(count_of(role, "people"), "person", "people");
        let (name, permissions) = (text_of(&role["name"]), joined(&role["permissions"]));
        console.line(&format!("{people} with the role {name} may do from now on: {permissions}."))
    })
}

fn remove(session: &mut Session<'_, '_>, which: &str, replacement: Option<&str>) -> Result<(), Failure> {
    let path = path_of(session, which)?;
    let mut request = Request::new(Method::Delete, path);
    if let Some(replacement) = replacement {
        request = request.query("replacement", replacement);
    }
    let answer = session.client.send(&request)?;
    session.tell(&answer.value, |console, removed| {
        let people = counted(count_of(removed, "people"), "person holds", "people hold");
        let instead = replacement.map_or(String::new(), |other| format!(" {people} {other} instead."));
        let seq = text_of(&removed["seq"]);
        console.line(&format!("Removed the role.{instead} `muster undo {seq}` brings all of it back."))
    })
}

fn assign(session: &mut Session<'_, '_>, args: &RoleAssignArgs) -> Result<(), Failure> {
    let mut body = Map::new();
    match &args.filter {
        Some(filter) => body.insert("filter".into(), filter.as_str().into()),
        None => body.insert("users".into(), json!(args.who)),
    };
    if !args.set.is_empty() {
        body.insert("roles".into(), json!(args.set));
    }
    if !args.add.is_empty() {
        body.insert("add".into(), json!(args.add));
    }
    if !args.remove.is_empty() {
        body.insert("remove".into(), json!(args.remove));
    }
    let path = session.path("/roles/assign")?;
    let answer = session.client.send(&Request::post(path, &Value::Object(body)).may_take_long())?;
    session.tell(&answer.value, |console, assigned| {
        let (people, changed) = (count_of(assigned, "people"), count_of(assigned, "changed"));
        let same = people.saturating_sub(changed);
        let same = if same > 0 { format!(" {same} held just that already.") } else { String::new() };
        let seq = text_of(&assigned["seq"]);
        console.line(&format!(
            "{} changed.{same} `muster undo {seq} --together` takes it back.",
            counted(changed, "person was", "people were")
        ))
    })
}
