//! MikoPBX's list of extensions.

use super::reasons::{CALL_HANDLING, MEDIA, NETWORK, RECORDING, SWITCH};
use crate::format::{Meaning, Rules};

pub(crate) fn rules() -> Rules {
    Rules::of_system(COLUMNS, &[&["number", "user_username"]], &[&["number", "user_username"]])
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
    ("sip_enableRecording", Meaning::Ignored(RECORDING)),
    ("sip_networkfilterid", Meaning::Ignored(NETWORK)),
    ("sip_manualattributes", Meaning::Ignored(SWITCH)),
    ("fwd_forwarding", Meaning::Ignored(CALL_HANDLING)),
    ("fwd_forwardingonbusy", Meaning::Ignored(CALL_HANDLING)),
    ("fwd_forwardingonunavailable", Meaning::Ignored(CALL_HANDLING)),
    ("fwd_ringlength", Meaning::RingSeconds),
];
