//! What becomes of what depends on a person who goes: which choices there are for it, which one holds if nobody
//! chooses, and where somebody has to.
//!
//! The choice that holds by itself loses nothing: what is a person's own stays with them in the trash, and a list
//! that goes on without them lets them go. What would reach nobody then is left to whoever removes them.

use uuid::Uuid;

use crate::choice;
use crate::field::EntityKind;
use crate::references::{AtRemoval, Referrer, replaced};
use crate::user::{ForwardBehaviour, User};
use crate::value::Value;

choice! {
    Choice {
        /// Somebody else takes their place.
        HandTo = "hand_to",
        /// It stays with the person, in the trash and back.
        Keep = "keep",
        /// It goes on without anybody, or goes with the person.
        Release = "release",
    }
}

/// The field of a user that calls are forwarded by. It holds a number, not an id.
pub const FORWARD_FIELD: &str = "alternate_number";

/// Whether letting it go removes the thing itself: its only use was the person.
pub fn goes_when_released(kind: EntityKind) -> bool {
    matches!(kind, EntityKind::Mailbox | EntityKind::EmergencyLocation)
}

/// What can be chosen for a field that names a person who goes, the usual first.
pub fn choices(referrer: &Referrer) -> &'static [Choice] {
    match (referrer.kind, referrer.at_removal) {
        // The private address of one person is nobody else's.
        (EntityKind::EmergencyLocation, _) => &[Choice::Keep, Choice::Release],
        (_, AtRemoval::Keep) => &[Choice::Keep, Choice::HandTo, Choice::Release],
        (_, AtRemoval::Detach) => &[Choice::Release, Choice::HandTo],
        (_, AtRemoval::Restrict) => &[Choice::HandTo, Choice::Release],
    }
}

/// Why somebody has to choose, if they have to: `left` is what the field holds without the people who go.
pub fn why_to_choose(referrer: &Referrer, left: &Value) -> Option<&'static str> {
    let nobody_left = matches!(left, Value::List(entries) if entries.is_empty());
    match (referrer.kind, referrer.at_removal) {
        (_, AtRemoval::Keep) => None,
        (EntityKind::Menu, _) => Some("callers who press the key would reach nobody"),
        (_, AtRemoval::Restrict) => Some("it cannot be without somebody"),
        (EntityKind::Group, _) if nobody_left => Some("its calls would reach nobody"),
        (EntityKind::FaxAccount, _) if nobody_left => Some("nobody would read what arrives"),
        (EntityKind::SmsSender, _) if nobody_left => Some("nobody would read what arrives"),
        (EntityKind::OnCallSchedule, _) if nobody_left => Some("nobody would be on duty"),
        (_, AtRemoval::Detach) => None,
    }
}

/// Why somebody has to choose about a person whose calls are forwarded to one who goes.
pub fn why_to_choose_forward(forwarding: &User) -> Option<&'static str> {
    let only = forwarding.forward_behaviour == ForwardBehaviour::Forward;
    only.then_some("all their calls are forwarded, and would reach nobody")
}

/// What a field holds without these people.
pub fn without(value: &Value, people: &[Uuid]) -> Value {
    people.iter().fold(value.clone(), |value, person| replaced(&value, *person, None))
}

/// What is put back into a list that let go of somebody who has come back: what was there before, if the list
/// has gained nothing since. `None`: it was changed, handed to somebody, or never named them.
pub fn put_back(before: &Value, now: &Value, person: Uuid) -> Option<Value> {
    let (Value::List(before), Value::List(now)) = (before, now) else { return None };
    let names_them = |entry: &smol_str::SmolStr| {
        crate::references::ids_in(&Value::List(vec![entry.clone()])).contains(&person)
    };
    let known = now.iter().all(|entry| before.contains(entry) && !names_them(entry));
    if !known || !before.iter().any(names_them) {
        return None;
    }
    let back = before.iter().filter(|entry| now.contains(entry) || names_them(entry));
    Some(Value::List(back.cloned().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::references::referrers;

    fn list(entries: &[&str]) -> Value {
        Value::List(entries.iter().map(|entry| (*entry).into()).collect())
    }

    #[test]
    fn every_field_that_names_a_person_has_choices_and_a_default_that_keeps_what_is_theirs() {
        let all = referrers(EntityKind::User);
        assert!(all.len() >= 9, "{all:?}");
        for referrer in &all {
            let choices = choices(referrer);
            assert!(choices.len() >= 2, "{referrer:?}");
            if referrer.at_removal == AtRemoval::Keep {
                assert_eq!(choices.first(), Some(&Choice::Keep), "{referrer:?}");
            }
            assert!(!goes_when_released(referrer.kind) || choices.first() == Some(&Choice::Keep));
        }
    }

    #[test]
    fn whoever_would_leave_nobody_behind_has_to_choose() {
        let of = |kind| referrers(EntityKind::User).into_iter().find(|r| r.kind == kind).unwrap();
        let check = |kind, left: &[&str], asks: bool| {
            assert_eq!(why_to_choose(&of(kind), &list(left)).is_some(), asks, "{kind:?} {left:?}");
        };
        check(EntityKind::Group, &["eva"], false);
        check(EntityKind::Group, &[], true);
        check(EntityKind::OnCallSchedule, &[], true);
        check(EntityKind::FaxAccount, &[], true);
        check(EntityKind::SmsSender, &[], true);
        check(EntityKind::Menu, &["2=group:x"], true);
        check(EntityKind::Mailbox, &[], false);
        check(EntityKind::Device, &[], false);
        check(EntityKind::PhoneNumber, &[], false);
    }

    #[test]
    fn somebody_comes_back_into_a_list_in_their_place_unless_it_gained_anything_since() {
        let (ana, eva, bo) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let text = |ids: &[Uuid]| Value::List(ids.iter().map(|id| id.to_string().into()).collect());
        let before = text(&[ana, eva, bo]);
        assert_eq!(put_back(&before, &text(&[eva, bo]), ana), Some(before.clone()));
        // Bo went too, and is not brought back with Ana.
        assert_eq!(put_back(&before, &text(&[eva]), ana), Some(text(&[ana, eva])));
        assert_eq!(put_back(&before, &text(&[eva, Uuid::from_u128(9)]), ana), None);
        assert_eq!(put_back(&before, &before, ana), None);
        assert_eq!(put_back(&text(&[eva]), &text(&[eva]), ana), None);
    }
}
