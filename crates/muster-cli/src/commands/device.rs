//! `muster device list`.

use std::collections::HashMap;

use serde_json::Value;

use crate::args::DeviceCommand;
use crate::client::escape;
use crate::commands::user::called;
use crate::failure::Failure;
use crate::listing::List;
use crate::session::Session;
use crate::table::Table;
use crate::value::text_of;

/// People whose names are looked up; beyond that their ids are shown.
const LOOKUPS_MAX: usize = 200;

pub(crate) fn run(session: &mut Session<'_, '_>, command: &DeviceCommand) -> Result<(), Failure> {
    let DeviceCommand::List(which) = command;
    let path = session.path("/devices")?;
    let devices = List::all(path, "device", "devices").which(which);
    if session.json {
        return devices.print(session, &[]);
    }
    let mut table = Table::new(&["NAME", "MODEL", "MAC", "AUTH NAME", "USER", "ID"]);
    let mut names = HashMap::new();
    for device in devices.items(session)? {
        let cell = |name: &str| text_of(&device[name]);
        let user = name_of(session, &mut names, cell("user"))?;
        table.row(vec![cell("name"), cell("model"), cell("mac"), cell("auth_name"), user, cell("id")]);
    }
    Ok(table.print(session.console)?)
}

/// `1001 Ana Silva` for the id of a person.
pub(super) fn name_of(
    session: &mut Session<'_, '_>,
    names: &mut HashMap<String, String>,
    id: String,
) -> Result<String, Failure> {
    if let Some(name) = names.get(&id) {
        return Ok(name.clone());
    }
    if id.is_empty() || names.len() >= LOOKUPS_MAX {
        return Ok(id);
    }
    let path = session.path(&format!("/users/{}", escape(&id)))?;
    let found: Result<Value, Failure> = session.client.get(path).map(|answer| answer.value);
    let name = found.map_or_else(|_| id.clone(), |user| called(&user));
    names.insert(id, name.clone());
    Ok(name)
}
