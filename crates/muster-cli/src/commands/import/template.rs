//! `muster import --template FILE`: a file to be filled in.

use std::path::Path;

use serde_json::json;

use crate::client::Request;
use crate::commands::export::Part;
use crate::failure::Failure;
use crate::session::Session;

pub(super) fn write(session: &mut Session<'_, '_>, file: &Path) -> Result<(), Failure> {
    let ends_in = |word: &str| file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(word));
    let path = match (ends_in("csv"), ends_in("xlsx")) {
        (true, _) => "/imports/template.csv",
        (_, true) => "/imports/template.xlsx",
        _ => {
            let what = format!("{} ends in neither .csv nor .xlsx.", file.display());
            return Err(Failure::usage(what, "Name it FILE.csv or FILE.xlsx."));
        }
    };
    if file.exists() {
        let what = format!("{} is there already.", file.display());
        return Err(Failure::refused(what, "Choose another name."));
    }
    let mut part = Part::beside(file, false)?;
    let request = Request::get(session.path(path)?);
    let mut reader = session.client.stream(&request)?;
    let bytes = part.fill(&mut *reader, "file")?;
    part.rename(file, false)?;
    if session.json {
        return Ok(session.console.json(&json!({ "file": file.to_string_lossy(), "bytes": bytes }))?);
    }
    let fill_in =
        "Fill people in below the header, take out the columns that you do not need, and import it.";
    Ok(session.console.line(&format!("Written to {}. {fill_in}", file.display()))?)
}
