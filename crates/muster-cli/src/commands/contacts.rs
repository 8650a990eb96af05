//! `muster contacts`.

use crate::args::Which;
use crate::failure::Failure;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::value::text_of;

pub(crate) fn run(session: &mut Session<'_, '_>, which: &Which) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("EXT", |item| text_of(&item["extension"])),
        ("NAME", |item| text_of(&item["display_name"])),
        ("SERVICE", |item| text_of(&item["service"])),
        ("NOW", |item| text_of(&item["presence"]["state"]).replace('_', " ")),
        ("DEPARTMENT", |item| text_of(&item["department"])),
    ];
    let path = session.path("/contacts")?;
    List::all(path, "contact", "contacts").which(which).print(session, columns)
}
