//! MikoPBX's list of extensions.

use crate::format::{Meaning, Names, Rules, columns};

const CALL_HANDLING: &str = "call handling comes with calls";
const MEDIA: &str = "what a phone can do is agreed with the phone itself";

pub(crate) fn rules() -> Rules {
    Rules {
        columns: columns(COLUMNS),
        marks: &[&["number", "user_username"]],
        required: &[&["number", "user_username"]],
        open: true,
        names: Names::JoinedOrExtension,
        own: false,
        positional: None,
        else_why: "the format has no such column",
    }
}

/// Its phones sign in with the number.
const COLUMNS: &[(&str, Meaning)] = &[
    ("number", Meaning::Field("extension")),
    ("user_username", Meaning::Field("display_name")),
    ("user_email", Meaning::Field("email")),
    ("user_avatar", Meaning::Ignored("pictures are not kept")),
    ("mobile_number", Meaning::IfValid("mobile_number")),
    ("mobile_dialstring", Meaning::Ignored("how a number is dialled comes with trunks")),
    ("sip_secret", Meaning::SipPassword),
    ("sip_dtmfmode", Meaning::Ignored(MEDIA)),
    ("sip_transport", Meaning::Ignored(MEDIA)),
    ("sip_enableRecording", Meaning::Ignored("call recording comes with calls")),
    (
        "sip_networkfilterid",
        Meaning::Ignored("where a phone may sign in from comes with the organization's limits"),
    ),
    ("sip_manualattributes", Meaning::Ignored("a setting of the other system's switch")),
    ("fwd_forwarding", Meaning::Ignored(CALL_HANDLING)),
    ("fwd_forwardingonbusy", Meaning::Ignored(CALL_HANDLING)),
    ("fwd_forwardingonunavailable", Meaning::Ignored(CALL_HANDLING)),
    ("fwd_ringlength", Meaning::RingSeconds),
];
