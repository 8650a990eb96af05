//! The template of RingCentral's Conductor, upright or turned.

use crate::format::{Meaning, Names, Rules, columns};

pub(crate) fn rules() -> Rules {
    Rules {
        columns: columns(COLUMNS),
        marks: &[&["User Type", "First Name", "Last Name", "Ext"]],
        required: &[&["First Name", "Ext"]],
        open: true,
        names: Names::JoinedOrExtension,
        own: false,
        positional: None,
        else_why: "the format has no such column",
    }
}

const COLUMNS: &[(&str, Meaning)] = &[
    ("User Type", Meaning::Field("user_type")),
    ("First Name", Meaning::Field("given_name")),
    ("Last Name", Meaning::Field("family_name")),
    ("Email", Meaning::Field("email")),
    ("Ext", Meaning::Field("extension")),
    ("Phone #", Meaning::IfValid("direct_number")),
    ("Temp #", Meaning::Ignored("temporary numbers come with the bringing in of numbers")),
    ("Site", Meaning::Site),
    ("Dept", Meaning::Field("department")),
];
