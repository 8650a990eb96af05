//! IvozProvider's list of users: no header, eleven positions. An empty cell is empty here; there, it takes
//! what the row before it had.

use crate::format::{DevicePart, Meaning, Rules};

pub(crate) fn rules() -> Rules {
    Rules { open: false, positional: Some(looks_like_it), ..Rules::of_system(COLUMNS, &[], &[]) }
}

const COLUMNS: &[(&str, Meaning)] = &[
    ("name", Meaning::Field("given_name")),
    ("lastname", Meaning::Field("family_name")),
    ("email", Meaning::Field("email")),
    ("terminal", Meaning::Username { rank: 0 }),
    ("password", Meaning::SipPassword),
    ("model", Meaning::Device { slot: 0, part: DevicePart::Model }),
    ("mac", Meaning::Device { slot: 0, part: DevicePart::Mac }),
    ("extension", Meaning::Field("extension")),
    ("country", Meaning::Ignored("numbers are in international form, which has the country in it")),
    ("ddi", Meaning::IfValid("direct_number")),
    ("ddiProvider", Meaning::Ignored("providers come with trunks")),
];

/// Whether a row is one of these: an extension in the eighth cell, an address or nothing in the third, two
/// letters or nothing in the ninth.
fn looks_like_it(cells: &[&str]) -> bool {
    // A sheet ends where its last cell that is written does.
    let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
    let [name, email, terminal, extension, country, ddi] = [0, 2, 3, 7, 8, 9].map(cell);
    if cells.len() > COLUMNS.len() {
        return false;
    }
    let is_number = |cell: &str| cell.bytes().all(|b| b.is_ascii_digit() || b == b'+' || b == b' ');
    !name.trim().is_empty()
        && (email.trim().is_empty() || email.contains('@'))
        && !terminal.contains('@')
        && !extension.trim().is_empty()
        && extension.trim().bytes().all(|b| b.is_ascii_digit())
        && (country.trim().is_empty()
            || (country.trim().len() == 2 && country.trim().bytes().all(|b| b.is_ascii_alphabetic())))
        && is_number(ddi)
}
