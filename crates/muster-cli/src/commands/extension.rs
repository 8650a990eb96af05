//! `muster extension next-free`.

use crate::args::ExtensionCommand;
use crate::client::Request;
use crate::failure::Failure;
use crate::session::Session;
use crate::value::text_of;

pub(crate) fn run(session: &mut Session<'_, '_>, command: &ExtensionCommand) -> Result<(), Failure> {
    let ExtensionCommand::NextFree { connection, from } = command;
    let mut request = Request::get(session.path("/extensions/next-free")?);
    for (name, value) in [("connection", connection), ("from", from)] {
        if let Some(value) = value {
            request = request.query(name, value);
        }
    }
    let answer = session.client.send(&request)?;
    session.tell(&answer.value, |console, free| console.line(&text_of(&free["extension"])))
}
