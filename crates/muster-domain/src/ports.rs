//! Bringing numbers in from elsewhere. The temporary number works beside the real one until the order is activated;
//! that is a decision of somebody's, never merely because a date has come.

use crate::field::EntityKind;
use crate::ids::{PhoneNumberId, UserId};
use crate::references::{AtRemoval, Refers};
use crate::types::{E164, Name, Text, UnixMillis};
use crate::value::FieldError;
use crate::{choice, entity};

choice! {
    PortState {
        /// Handed in; the other side has not answered.
        Submitted = "submitted",
        /// Refused by the other side, with a reason; may be handed in again.
        Rejected = "rejected",
        /// The other side has named a day.
        Dated = "dated",
        /// The numbers work here.
        Activated = "activated",
        Cancelled = "cancelled",
    }
}

/// What may be done with a port order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortStep {
    Submit,
    Reject,
    Date,
    Activate,
    Cancel,
}

impl PortState {
    /// The state that a step leads to, or why it does not go.
    pub fn after(self, step: PortStep) -> Result<PortState, String> {
        use PortState::{Activated, Cancelled, Dated, Rejected, Submitted};
        match (self, step) {
            (Rejected, PortStep::Submit) => Ok(Submitted),
            (Submitted | Dated, PortStep::Reject) => Ok(Rejected),
            // A day can be moved.
            (Submitted | Dated, PortStep::Date) => Ok(Dated),
            (Dated, PortStep::Activate) => Ok(Activated),
            (Submitted | Rejected | Dated, PortStep::Cancel) => Ok(Cancelled),
            (Submitted, PortStep::Activate) => {
                Err("the port order has no day yet: give it the day that the other side named first".into())
            }
            (Rejected, PortStep::Date | PortStep::Activate) => {
                Err("the port order was rejected: mend it and hand it in again first".into())
            }
            (state, _) => Err(format!("the port order is {state}, and nothing more comes of it")),
        }
    }
}

entity! {
    /// An order to bring numbers in.
    pub struct PortOrder(PortOrderId): PortOrder {
        numbers: Vec<E164> = Vec::new() => Meta { label: "Numbers", edit: Edit::AtCreation,
            help: "What is brought in, in international form.", ..Meta::PERSONAL };
        state: PortState = PortState::Submitted => Meta { label: "State", edit: Edit::ByCommand, key: Key::Plain,
            help: "submitted, rejected, dated, activated or cancelled.", ..Meta::PLAIN };
        carrier: Option<Name> = None => Meta { label: "From", help: "Who has the numbers now.", ..Meta::PLAIN };
        account: Option<Name> = None => Meta { label: "Account", help: "The account there.", ..Meta::PLAIN };
        reason: Option<Text> = None => Meta { label: "Reason", edit: Edit::ByCommand, help: "Why it was rejected.", ..Meta::PLAIN };
        due_at: Option<UnixMillis> = None => Meta { label: "Day", edit: Edit::ByCommand, help: "When the other side hands the numbers over.", ..Meta::PLAIN };
        user: Option<UserId> = None => Meta { label: "User", key: Key::Plain, refers: Refers::to(&[EntityKind::User], AtRemoval::Detach),
            help: "Whom the first of the numbers will reach.", ..Meta::PLAIN };
        temporary: Option<PhoneNumberId> = None => Meta { label: "Temporary number", key: Key::Plain,
            refers: Refers::to(&[EntityKind::PhoneNumber], AtRemoval::Restrict),
            help: "A number that works until then; the first of the numbers takes its place.", ..Meta::PLAIN };
        activated_at: Option<UnixMillis> = None => Meta { label: "Activated", edit: Edit::ByCommand,
            undo: Undo::Irreversible("a number that was brought in leaves by the next carrier's port order"),
            help: "Since when the numbers work here.", ..Meta::PLAIN };
    }
    check(port) {
        let mut errors = Vec::new();
        if port.numbers.is_empty() {
            errors.push(FieldError::new("numbers", "are missing", "name the numbers that are brought in"));
        }
        if (1..port.numbers.len()).any(|at| port.numbers[..at].contains(&port.numbers[at])) {
            errors.push(FieldError::new("numbers", "have one of them twice", "name each number once"));
        }
        if port.state == PortState::Rejected && port.reason.is_none() {
            errors.push(FieldError::new("reason", "is missing", "say why it was rejected"));
        }
        if port.state == PortState::Dated && port.due_at.is_none() {
            errors.push(FieldError::new("due_at", "is missing", "say the day that the other side named"));
        }
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_order_goes_through_its_states_and_no_other_way() {
        use PortState::*;
        use PortStep as Step;
        let goes =
            |from: PortState, step: PortStep, to: PortState| assert_eq!(from.after(step), Ok(to), "{from}");
        goes(Submitted, Step::Date, Dated);
        goes(Dated, Step::Date, Dated);
        goes(Dated, Step::Activate, Activated);
        goes(Submitted, Step::Reject, Rejected);
        goes(Dated, Step::Reject, Rejected);
        goes(Rejected, Step::Submit, Submitted);
        goes(Rejected, Step::Cancel, Cancelled);
        for (from, step) in [
            (Submitted, Step::Activate),
            (Submitted, Step::Submit),
            (Rejected, Step::Activate),
            (Activated, Step::Cancel),
            (Activated, Step::Activate),
            (Cancelled, Step::Submit),
        ] {
            assert!(from.after(step).is_err(), "{from}");
        }
    }
}
