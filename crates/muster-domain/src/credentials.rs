//! What a user needs in order to be enabled (`domain.md`, *What a user needs in order to be enabled*).
//!
//! It binds whoever is given credentials by an administrator, and every user of a platform that demands it. A
//! password comes with a secret question and its answer where somebody is asked for one. *PIN* is the sign-in
//! PIN.

use crate::capabilities::{SetsUp, of_type};
use crate::user::{Service, SetupWizard, UserType};

/// What must be there, and what the user is then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Required {
    pub pin: bool,
    pub password: bool,
    pub question: bool,
    /// `not_activated`, or `enabled`.
    pub service: Service,
}

/// By type, by whether people sign in elsewhere (single sign-on), and by whether the user has been through
/// first sign-in.
pub fn required_credentials(user_type: UserType, sso: bool, wizard: SetupWizard) -> Required {
    let nothing = Required { pin: false, password: false, question: false, service: Service::NotActivated };
    let sets_up = of_type(user_type).sets_up;
    if sets_up == SetsUp::Shared {
        return Required { password: true, service: Service::Enabled, ..nothing };
    }
    if wizard == SetupWizard::NotStarted {
        return Required { pin: sets_up == SetsUp::Mailbox, ..nothing };
    }
    let pin = sets_up != SetsUp::Account;
    Required { pin, password: !sso, question: !sso, service: Service::Enabled }
}

/// Whether the user is asked for what is missing at a first sign-in: else an administrator gives all of it.
pub fn is_asked(user_type: UserType) -> bool {
    of_type(user_type).sets_up != SetsUp::Shared
}

/// An answer as it is compared: how it is written does not matter, what it says does.
pub fn folded_answer(answer: &str) -> String {
    let words: Vec<&str> = answer.split_whitespace().collect();
    crate::types::fold(&words.join(" "))
}

/// A sign-in PIN that everybody tries first.
pub fn is_simple_pin(pin: &str) -> bool {
    let digits: Vec<i16> = pin.bytes().map(i16::from).collect();
    let steps: Vec<i16> = digits.windows(2).map(|two| two[1] - two[0]).collect();
    steps.first().is_some_and(|first| first.abs() <= 1 && steps.iter().all(|step| step == first))
}
