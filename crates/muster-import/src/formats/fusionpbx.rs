//! FusionPBX's list of extensions, and the `username` that its import takes too.

use super::reasons::{BILLING, CALL_HANDLING, EMERGENCY, IDS, LIMITS, NETWORK, RECORDING, ROUTES, SWITCH};
use crate::format::{Meaning, Rules};

const DIRECTORY: &str = "everybody is in the contact list";

pub(crate) fn rules() -> Rules {
    Rules::of_system(COLUMNS, &[&["extension", "effective_caller_id_name"]], &[&["extension"]])
}

const COLUMNS: &[(&str, Meaning)] = &[
    ("extension_uuid", Meaning::Ignored(IDS)),
    ("domain_uuid", Meaning::Ignored(IDS)),
    ("extension", Meaning::Field("extension")),
    ("number_alias", Meaning::Ignored("a person has one extension")),
    ("password", Meaning::SipPassword),
    ("accountcode", Meaning::Ignored(BILLING)),
    ("effective_caller_id_name", Meaning::Field("display_name")),
    ("effective_caller_id_number", Meaning::NumberSeenInside),
    ("outbound_caller_id_name", Meaning::Field("caller_id_name")),
    ("outbound_caller_id_number", Meaning::Field("caller_id_number")),
    ("emergency_caller_id_name", Meaning::Ignored(EMERGENCY)),
    ("emergency_caller_id_number", Meaning::Ignored(EMERGENCY)),
    ("directory_first_name", Meaning::Field("given_name")),
    ("directory_last_name", Meaning::Field("family_name")),
    ("directory_visible", Meaning::Ignored(DIRECTORY)),
    ("directory_exten_visible", Meaning::Ignored(DIRECTORY)),
    ("limit_max", Meaning::Ignored(LIMITS)),
    ("limit_destination", Meaning::Ignored(LIMITS)),
    ("missed_call_app", Meaning::Ignored(CALL_HANDLING)),
    ("missed_call_data", Meaning::Ignored(CALL_HANDLING)),
    ("user_context", Meaning::Ignored(SWITCH)),
    ("toll_allow", Meaning::Ignored(ROUTES)),
    ("call_timeout", Meaning::RingSeconds),
    ("call_group", Meaning::Ignored("groups come later, as things of their own")),
    ("call_screen_enabled", Meaning::Ignored(CALL_HANDLING)),
    ("user_record", Meaning::Ignored(RECORDING)),
    ("hold_music", Meaning::Ignored(CALL_HANDLING)),
    ("auth_acl", Meaning::Ignored(SWITCH)),
    ("cidr", Meaning::Ignored(NETWORK)),
    ("sip_force_contact", Meaning::Ignored(SWITCH)),
    ("nibble_account", Meaning::Ignored(BILLING)),
    ("sip_force_expires", Meaning::Ignored(SWITCH)),
    ("mwi_account", Meaning::Ignored("message waiting follows the person's mailbox")),
    ("sip_bypass_media", Meaning::Ignored(SWITCH)),
    ("unique_id", Meaning::Ignored(IDS)),
    ("dial_string", Meaning::Ignored(SWITCH)),
    ("dial_user", Meaning::Ignored(SWITCH)),
    ("dial_domain", Meaning::Ignored(SWITCH)),
    ("do_not_disturb", Meaning::Ignored(CALL_HANDLING)),
    ("forward_all_destination", Meaning::Ignored(CALL_HANDLING)),
    ("forward_all_enabled", Meaning::Ignored(CALL_HANDLING)),
    ("forward_busy_destination", Meaning::Ignored(CALL_HANDLING)),
    ("forward_busy_enabled", Meaning::Ignored(CALL_HANDLING)),
    ("forward_no_answer_destination", Meaning::Ignored(CALL_HANDLING)),
    ("forward_no_answer_enabled", Meaning::Ignored(CALL_HANDLING)),
    ("follow_me_uuid", Meaning::Ignored(IDS)),
    ("enabled", Meaning::ActiveIf(true)),
    ("description", Meaning::Field("department")),
    ("absolute_codec_string", Meaning::Ignored(SWITCH)),
    ("forward_user_not_registered_destination", Meaning::Ignored(CALL_HANDLING)),
    ("forward_user_not_registered_enabled", Meaning::Ignored(CALL_HANDLING)),
    ("username", Meaning::Username { rank: 0 }),
];
