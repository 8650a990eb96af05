//! 3CX's list of extensions (the header of version 16). Columns at the end may be missing.

use super::reasons::{CALL_HANDLING, MEDIA, NETWORK, PROMPTS, RECORDING, ROUTES};
use crate::format::{DevicePart, Meaning, Rules};

const MEETINGS: &str = "web meetings are not part of the phone system";
const PROVISIONING: &str = "how a phone is set up comes with its provisioning";
const RIGHTS: &str = "rights of another system; give the person roles instead";
const APP: &str = "a setting of the other system's app";

pub(crate) fn rules() -> Rules {
    Rules::of_system(COLUMNS, &[&["Number", "FirstName", "LastName"]], &[&["Number"]])
}

const COLUMNS: &[(&str, Meaning)] = &[
    ("Number", Meaning::Field("extension")),
    ("FirstName", Meaning::Field("given_name")),
    ("LastName", Meaning::Field("family_name")),
    ("EmailAddress", Meaning::Field("email")),
    ("MobileNumber", Meaning::Field("mobile_number")),
    ("AuthID", Meaning::Username { rank: 0 }),
    ("AuthPassword", Meaning::SipPassword),
    ("WebMeetingFriendlyName", Meaning::Ignored(MEETINGS)),
    ("WebMeetingPrivateRoom", Meaning::Ignored(MEETINGS)),
    ("ClickToCall", Meaning::Ignored(MEETINGS)),
    ("WebMeetingAcceptReject", Meaning::Ignored(MEETINGS)),
    ("EnableVoicemail", Meaning::Voicemail),
    ("VMNoPin", Meaning::VoicemailWithoutPin),
    ("VMPlayCallerID", Meaning::Ignored(PROMPTS)),
    ("PIN", Meaning::VoicemailPin),
    ("VMPlayMsgDateTime", Meaning::Ignored(PROMPTS)),
    ("VMEmailOptions", Meaning::Ignored("who is told of messages is set on the person")),
    ("QueueStatus", Meaning::Ignored("queues come with groups")),
    ("OutboundCallerID", Meaning::Field("caller_id_number")),
    ("SIPID", Meaning::Ignored("people are reached by their extension and numbers only")),
    ("DeliverAudio", Meaning::Ignored(MEDIA)),
    ("SupportReinvite", Meaning::Ignored(MEDIA)),
    ("SupportReplaces", Meaning::Ignored(MEDIA)),
    ("EnableSRTP", Meaning::Ignored(MEDIA)),
    ("ManagementAccess", Meaning::Ignored(RIGHTS)),
    ("ReporterAccess", Meaning::Ignored(RIGHTS)),
    ("WallboardAccess", Meaning::Ignored(RIGHTS)),
    ("TurnOffMyPhone", Meaning::Ignored(APP)),
    ("HideFWrules", Meaning::Ignored(RIGHTS)),
    ("CanSeeRecordings", Meaning::Ignored(RIGHTS)),
    ("CanDeleteRecordings", Meaning::Ignored(RIGHTS)),
    ("RecordCalls", Meaning::Ignored(RECORDING)),
    ("CallScreening", Meaning::Ignored(CALL_HANDLING)),
    ("EmailMissedCalls", Meaning::Ignored("who is told of missed calls comes with calls")),
    ("Disabled", Meaning::ActiveIf(false)),
    ("DisableExternalCalls", Meaning::Ignored(ROUTES)),
    ("AllowLanOnly", Meaning::Ignored(NETWORK)),
    ("BlockRemoteTunnel", Meaning::Ignored(NETWORK)),
    ("PinProtect", Meaning::Ignored(ROUTES)),
    ("MAC_0", Meaning::Device { slot: 0, part: DevicePart::Mac }),
    ("InterfaceIP_0", Meaning::Ignored(PROVISIONING)),
    ("UseTunnel", Meaning::Ignored(NETWORK)),
    ("DND", Meaning::Ignored(CALL_HANDLING)),
    ("UseCTI", Meaning::Ignored(APP)),
    ("StartupScreen", Meaning::Ignored(APP)),
    ("HotelModuleAccess", Meaning::Ignored(RIGHTS)),
    ("DontShowExtInPHBK", Meaning::Ignored("everybody is in the contact list")),
    ("DeskphoneWebPass", Meaning::Ignored(PROVISIONING)),
    ("SrvcAccessPwd", Meaning::Ignored("the person chooses a password at the first sign-in")),
    ("VoipAdmin", Meaning::Ignored(RIGHTS)),
    ("SysAdmin", Meaning::Ignored(RIGHTS)),
    ("SecureSIP", Meaning::Ignored(MEDIA)),
    ("PhoneModel14", Meaning::Device { slot: 0, part: DevicePart::Model }),
    ("PhoneTemplate14", Meaning::Ignored(PROVISIONING)),
    ("CustomTemplate", Meaning::Ignored(PROVISIONING)),
    ("PhoneSettings", Meaning::Ignored(PROVISIONING)),
    ("AllowAllRecordings", Meaning::Ignored(RIGHTS)),
    ("PushExtension", Meaning::Ignored(APP)),
    ("Integration", Meaning::Ignored("a link to another program of the other system")),
];
