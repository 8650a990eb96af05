//! Our own format, made from the user's table of fields: a new field has its column by itself.

use muster_domain::field::{Entity, FieldDef};
use muster_domain::user::User;
use muster_domain::value::FieldType;
use smol_str::{SmolStr, format_smolstr};

use crate::export::Layout;
use crate::format::{ColumnRule, DevicePart, Meaning, Names, Rules};

/// By one of these somebody is known; whether that suffices to make somebody new is for each row to say.
const KEYS: &[&[&str]] = &[&["extension"], &["username"], &["email"], &["display_name"]];

/// Fields that are in no file, and why.
pub(crate) const NOT_IN_FILES: &[(&str, &str)] = &[
    ("record", "only people who are in use are exported"),
    ("setup_wizard", "belongs to the person's own first sign-in"),
];

/// The columns of one device, by what follows its number.
const DEVICE_PARTS: &[(DevicePart, &str)] = &[
    (DevicePart::Name, "name"),
    (DevicePart::Mac, "mac"),
    (DevicePart::Model, "model"),
    (DevicePart::Serial, "serial"),
    (DevicePart::AuthName, "auth_name"),
    (DevicePart::SipPassword, "sip_password"),
];

pub(crate) fn rules() -> Rules {
    let every = Layout { with_secrets: true, devices: Layout::DEVICES_MAX };
    Rules {
        columns: columns(every),
        marks: KEYS,
        required: KEYS,
        open: false,
        names: Names::Joined,
        own: true,
        positional: None,
        else_why: "the format has no such column",
    }
}

/// The columns of an export, in its order.
pub(crate) fn columns(layout: Layout) -> Vec<ColumnRule> {
    let mut columns: Vec<ColumnRule> = User::fields().iter().filter_map(field_column).collect();
    for slot in 0..layout.devices.min(Layout::DEVICES_MAX) {
        // People seldom have two: the first one's columns carry no number.
        let prefix =
            if slot == 0 { SmolStr::new_static("device") } else { format_smolstr!("device_{}", slot + 1) };
        for (part, name) in DEVICE_PARTS {
            if *part == DevicePart::SipPassword && !layout.with_secrets {
                continue;
            }
            let header = format_smolstr!("{prefix}_{name}");
            columns.push(ColumnRule::new(header, Meaning::Device { slot: slot as u8, part: *part }));
        }
    }
    if layout.with_secrets {
        for (header, meaning) in [
            ("sip_password", Meaning::SipPassword),
            ("voicemail_pin", Meaning::VoicemailPin),
            ("on_call_pin", Meaning::OnCallPin),
        ] {
            columns.push(ColumnRule::new(SmolStr::new_static(header), meaning));
        }
    }
    columns
}

/// References go by name, and a reference that this does not know has no column: see the test.
fn field_column(field: &FieldDef<User>) -> Option<ColumnRule> {
    if NOT_IN_FILES.iter().any(|(name, _)| *name == field.name) {
        return None;
    }
    let meaning = match (field.kind, field.name) {
        (FieldType::Reference, "site") => Meaning::Site,
        (FieldType::Reference, "connection") => Meaning::Connection,
        (FieldType::Reference, "mailbox") => Meaning::MailboxOwner,
        (FieldType::Reference | FieldType::Secret, _) => return None,
        (_, "username") => Meaning::Username { rank: 0 },
        (_, name) => Meaning::Field(name),
    };
    Some(ColumnRule::new(SmolStr::new_static(field.name), meaning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_user_has_a_column_or_a_reason_to_have_none() {
        let columns = rules().columns;
        for field in User::fields() {
            let name = if field.name == "sip_secret" { "sip_password" } else { field.name };
            let has_column = columns.iter().any(|c| c.header == name);
            let has_reason = NOT_IN_FILES.iter().any(|(n, why)| *n == field.name && !why.is_empty());
            assert!(has_column != has_reason, "{} is neither in the file nor said not to be", field.name);
        }
    }

    #[test]
    fn no_two_columns_have_the_same_name() {
        let mut headers: Vec<SmolStr> = rules().columns.into_iter().map(|c| c.header).collect();
        let count = headers.len();
        headers.sort();
        headers.dedup();
        assert_eq!(headers.len(), count);
    }
}
