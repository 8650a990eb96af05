//! The template of RingCentral's Conductor, upright or turned.

use crate::format::{Meaning, Rules};

pub(crate) fn rules() -> Rules {
    Rules::of_system(COLUMNS, &[&["User Type", "First Name", "Last Name", "Ext"]], &[&["First Name", "Ext"]])
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
