//! Webex's list of users (Control Hub). Columns of licences follow the documented ones.

use crate::format::{Meaning, Rules};

const STATISTICS: &str = "a statistic of the other system";
const ADDRESS: &str =
    "an address of the other system's emergency service; write it in the emergency location";

pub(crate) fn rules() -> Rules {
    Rules {
        else_why: "a licence or setting of the other system",
        ..Rules::of_system(
            COLUMNS,
            &[&["First Name", "Last Name", "User ID/Email (Required)"]],
            &[&["User ID/Email (Required)"]],
        )
    }
}

/// It has no SIP passwords: Webex phones sign in with a code.
const COLUMNS: &[(&str, Meaning)] = &[
    ("First Name", Meaning::Field("given_name")),
    ("Last Name", Meaning::Field("family_name")),
    ("Display Name", Meaning::Field("display_name")),
    ("User ID/Email (Required)", Meaning::Field("email")),
    ("User Status", Meaning::ActiveWord("active")),
    ("Last Service Accessed Time", Meaning::Ignored(STATISTICS)),
    ("Days since Last Service Accessed", Meaning::Ignored(STATISTICS)),
    ("Extension", Meaning::Field("extension")),
    ("Title", Meaning::Field("title")),
    ("Department", Meaning::Field("department")),
    ("Manager", Meaning::Ignored("who manages whom is not part of the phone system")),
    ("Phone Number", Meaning::IfValid("direct_number")),
    ("Caller ID Number", Meaning::IfValid("caller_id_number")),
    ("Caller ID First Name", Meaning::CallerIdName { part: 0 }),
    ("Caller ID Last Name", Meaning::CallerIdName { part: 1 }),
    ("Location", Meaning::Site),
    ("Preferred Language", Meaning::Language),
    ("Time zone", Meaning::Field("time_zone")),
    ("Address type", Meaning::Ignored(ADDRESS)),
    ("Address Line 1", Meaning::Ignored(ADDRESS)),
    ("Address Line 2", Meaning::Ignored(ADDRESS)),
    ("Street Address", Meaning::Ignored(ADDRESS)),
    ("City", Meaning::Ignored(ADDRESS)),
    ("State", Meaning::Ignored(ADDRESS)),
    ("Zip/Postal Code", Meaning::Ignored(ADDRESS)),
    ("Country/Region", Meaning::Ignored(ADDRESS)),
];
