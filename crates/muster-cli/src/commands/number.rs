//! `muster number list`.

use std::collections::HashMap;

use super::device::name_of;
use crate::args::NumberCommand;
use crate::failure::Failure;
use crate::listing::List;
use crate::session::Session;
use crate::table::Table;
use crate::value::text_of;

pub(crate) fn run(session: &mut Session<'_, '_>, command: &NumberCommand) -> Result<(), Failure> {
    let NumberCommand::List(which) = command;
    let path = session.path("/numbers")?;
    let numbers = List::all(path, "number", "numbers").which(which);
    if session.json {
        return numbers.print(session, &[]);
    }
    let mut table = Table::new(&["NUMBER", "KIND", "OWNED ELSEWHERE", "USER", "ID"]);
    let mut names = HashMap::new();
    for number in numbers.items(session)? {
        let cell = |name: &str| text_of(&number[name]);
        let user = name_of(session, &mut names, cell("user"))?;
        table.row(vec![cell("number"), cell("kind"), cell("owned_elsewhere"), user, cell("id")]);
    }
    Ok(table.print(session.console)?)
}
