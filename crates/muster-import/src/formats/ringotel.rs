//! Ringotel's list of users.

use crate::format::{Meaning, Names, Rules};

pub(crate) fn rules() -> Rules {
    Rules {
        // Other systems' lists have columns of these names too, and many more.
        open: false,
        names: Names::Joined,
        ..Rules::of_system(
            &[
                ("name", Meaning::Field("display_name")),
                ("extension", Meaning::Field("extension")),
                ("password", Meaning::SipPassword),
                ("username", Meaning::Username { rank: 1 }),
                // What a phone authenticates as; the username there signs in to the app.
                ("authname", Meaning::Username { rank: 0 }),
                ("mobile", Meaning::Field("mobile_number")),
                ("phone", Meaning::Field("direct_number")),
                ("company", Meaning::Field("company")),
                ("position", Meaning::Field("title")),
                ("department", Meaning::Field("department")),
            ],
            &[&["name", "extension", "password"]],
            &[&["name", "extension", "password"]],
        )
    }
}
