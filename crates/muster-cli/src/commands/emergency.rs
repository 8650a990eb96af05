//! `muster emergency-affected`.

use crate::failure::Failure;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::value::text_of;

pub(crate) fn affected(session: &mut Session<'_, '_>) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("EXTENSION", |item| text_of(&item["extension"])),
        ("NAME", |item| text_of(&item["display_name"])),
        ("SITE", |item| text_of(&item["site"])),
        ("CALLS", |item| if item["policy"] == "require" { "held back" } else { "pass" }.to_owned()),
        ("WHY", |item| text_of(&item["why"])),
    ];
    let path = session.path("/without-emergency-location")?;
    List::all(path, "person", "people").print(session, columns)
}
