//! Why a column is not taken, where several systems have one like it.

/// Reasons for which nothing is left to be done: what the column says is so here by itself, or means nothing
/// outside of the other system.
const NOTHING_TO_DO: &[&str] = &[
    BILLING,
    IDS,
    MEDIA,
    SWITCH,
    "a licence of the other system",
    "a link to another program of the other system",
    "a mailbox has its owner's name",
    "a name for the other system's web page; phones sign in with the extension",
    "a part of the other system's dial plan",
    "a person has one extension",
    "a setting of the other system's app",
    "a statistic of the other system",
    "colleagues always see the extension",
    "colleagues always see the name and the extension",
    "every line is SIP here",
    "everybody is in the contact list",
    "message waiting follows the person's mailbox",
    "numbers are in international form, which has the country in it",
    "the column has no name",
    "the mapping leaves it out",
    "the name, once more",
    "the person chooses a password at the first sign-in",
    "the phone's password is in the column secret",
];

/// Whether somebody may want to set up by hand what a column holds that is not taken for this reason.
pub(crate) fn leaves_work(why: &str) -> bool {
    !NOTHING_TO_DO.contains(&why)
}

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
