//! Why a column is not taken, where several systems have one like it.

pub(crate) const BILLING: &str = "an account of the other system's billing";
pub(crate) const CALL_HANDLING: &str = "call handling comes with calls";
pub(crate) const EMERGENCY: &str = "emergency calls use the emergency location";
pub(crate) const IDS: &str = "an id of the other system";
pub(crate) const LIMITS: &str = "limits on calls come with calls";
pub(crate) const MEDIA: &str = "what a phone can do is agreed with the phone itself";
pub(crate) const NETWORK: &str = "where a phone may sign in from comes with the organization's limits";
pub(crate) const PROMPTS: &str = "what the mailbox says comes with voicemail";
pub(crate) const RECORDING: &str = "call recording comes with calls";
pub(crate) const ROUTES: &str = "whom a person may call comes with routes";
pub(crate) const SWITCH: &str = "a setting of the other system's switch";
