//! `muster seats`.

use crate::failure::Failure;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::value::{text_of, time_of};

pub(crate) fn run(session: &mut Session<'_, '_>) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("EXT", |item| text_of(&item["extension"])),
        ("NAME", |item| text_of(&item["display_name"])),
        ("TYPE", |item| text_of(&item["user_type"])),
        ("COUNTED SINCE (UTC)", |item| time_of(&item["since"])),
        ("BY CHANGE", |item| text_of(&item["seq"])),
    ];
    let path = session.path("/seats")?;
    List::all(path, "counted seat", "counted seats").print(session, columns)
}
