//! Wazo's list of users. Yes and no are 1 and 0.

use super::reasons::{CALL_HANDLING, IDS, LIMITS, PROMPTS, RECORDING, ROUTES};
use crate::format::{Meaning, Rules};

const CONTEXT: &str = "a part of the other system's dial plan";

pub(crate) fn rules() -> Rules {
    Rules::of_system(
        COLUMNS,
        &[&["firstname", "exten"], &["firstname", "line_protocol"], &["firstname", "sip_username"]],
        &[&["firstname"]],
    )
}

const COLUMNS: &[(&str, Meaning)] = &[
    ("uuid", Meaning::Ignored(IDS)),
    ("firstname", Meaning::Field("given_name")),
    ("lastname", Meaning::Field("family_name")),
    ("email", Meaning::Field("email")),
    ("language", Meaning::Language),
    ("outgoing_caller_id", Meaning::CallerId),
    ("mobile_phone_number", Meaning::IfValid("mobile_number")),
    ("call_permission_password", Meaning::Ignored(ROUTES)),
    ("userfield", Meaning::Ignored("a free text of the other system")),
    ("enabled", Meaning::ActiveIf(true)),
    ("supervision_enabled", Meaning::Ignored("who may watch whom comes with roles")),
    ("call_transfer_enabled", Meaning::Ignored(CALL_HANDLING)),
    ("dtmf_hangup_enabled", Meaning::Ignored(CALL_HANDLING)),
    ("call_record_outgoing_external_enabled", Meaning::Ignored(RECORDING)),
    ("call_record_outgoing_internal_enabled", Meaning::Ignored(RECORDING)),
    ("call_record_incoming_external_enabled", Meaning::Ignored(RECORDING)),
    ("call_record_incoming_internal_enabled", Meaning::Ignored(RECORDING)),
    ("online_call_record_enabled", Meaning::Ignored(RECORDING)),
    ("ring_seconds", Meaning::RingSeconds),
    ("simultaneous_calls", Meaning::Ignored(LIMITS)),
    ("subscription_type", Meaning::Ignored("a licence of the other system")),
    ("context", Meaning::Ignored(CONTEXT)),
    ("voicemail_name", Meaning::Ignored("a mailbox has its owner's name")),
    ("voicemail_number", Meaning::VoicemailNumber),
    ("voicemail_context", Meaning::Ignored(CONTEXT)),
    ("voicemail_password", Meaning::VoicemailPin),
    ("voicemail_email", Meaning::Field("notification_addresses")),
    ("voicemail_attach_audio", Meaning::Ignored(PROMPTS)),
    ("voicemail_delete_messages", Meaning::Ignored(PROMPTS)),
    ("voicemail_ask_password", Meaning::Ignored(PROMPTS)),
    ("line_protocol", Meaning::Ignored("every line is SIP here")),
    ("sip_username", Meaning::Username { rank: 0 }),
    ("sip_secret", Meaning::SipPassword),
    ("exten", Meaning::Field("extension")),
    ("incall_exten", Meaning::IfValid("direct_number")),
    ("incall_context", Meaning::Ignored(CONTEXT)),
    ("incall_ring_seconds", Meaning::Ignored(CALL_HANDLING)),
    ("call_permissions", Meaning::Ignored(ROUTES)),
    ("username", Meaning::Username { rank: 1 }),
    ("password", Meaning::Ignored("the person chooses a password at the first sign-in")),
];
