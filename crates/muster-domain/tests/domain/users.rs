//! Rules among the fields of one user.

use muster_domain::change::{Op, change_kind, update_of};
use muster_domain::claims;
use muster_domain::field::Entity;
use muster_domain::log::{counts, user_facts};
use muster_domain::types::{AlternateNumber, Bounded, FieldValue, Tag, Text};
use muster_domain::user::{ForwardBehaviour, Record, Service, User, UserType};

use crate::somebody;

fn check(change: impl FnOnce(&mut User), field: Option<&str>) {
    let mut user = somebody();
    change(&mut user);
    let errors = user.validate();
    let named: Vec<&str> = errors.iter().map(|e| e.field).collect();
    assert_eq!(named, field.into_iter().collect::<Vec<_>>(), "{errors:?}");
}

#[test]
fn whoever_is_enabled_has_an_extension_and_a_secret() {
    check(|u| u.service = Service::Enabled, None);
    check(|u| (u.service, u.sip_secret) = (Service::Enabled, None), Some("sip_secret"));
    check(|u| (u.service, u.extension) = (Service::Enabled, None), Some("extension"));
    // A video user registers no phone, and needs neither.
    check(|u| (u.service, u.user_type, u.sip_secret) = (Service::Enabled, UserType::VideoPro, None), None);
}

#[test]
fn a_disabled_user_says_why_and_no_other_does() {
    check(|u| u.service = Service::Disabled, Some("disabled_reason"));
    let why = || Text::parse("on leave").ok();
    check(|u| (u.service, u.disabled_reason) = (Service::Disabled, why()), None);
    check(|u| u.disabled_reason = why(), Some("disabled_reason"));
}

#[test]
fn forwarding_needs_somewhere_to_forward_to_that_is_not_oneself() {
    check(|u| u.forward_behaviour = ForwardBehaviour::Forward, Some("alternate_number"));
    let to = |number: &str| AlternateNumber::parse(number).ok();
    check(|u| (u.forward_behaviour, u.alternate_number) = (ForwardBehaviour::Forward, to("1002")), None);
    check(|u| u.alternate_number = to("1001"), Some("alternate_number"));
}

#[test]
fn tags_are_at_most_twenty() {
    let tags = |n: usize| (0..n).filter_map(|i| Tag::parse(&format!("k:{i}")).ok()).collect::<Vec<_>>();
    check(|u| u.tags = tags(20), None);
    check(|u| u.tags = tags(21), Some("tags"));
}

#[test]
fn names_that_a_user_must_have_are_asked_for_by_name() {
    let blank = User::blank(crate::ORG, uuid::Uuid::from_u128(9));
    let missing: Vec<&str> = blank.validate().iter().map(|e| e.field).collect();
    assert_eq!(missing, ["display_name", "username", "site", "connection"]);
}

#[test]
fn a_number_out_of_its_bounds_is_refused_in_words() {
    assert!(<Bounded<5, 120>>::parse("20").is_ok());
    for wrong in ["4", "121", "-1", "x", ""] {
        assert!(<Bounded<5, 120>>::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn trash_frees_what_the_user_owned() {
    let mut user = somebody();
    let spaces: Vec<_> = claims::of_user(&user).iter().map(|c| c.field).collect();
    assert_eq!(spaces, ["username", "extension"]);
    user.record = Record::Trashed;
    assert!(claims::of_user(&user).is_empty());
}

#[test]
fn only_live_enabled_users_of_a_licensed_type_count() {
    let mut user = somebody();
    assert!(!counts(&user));
    user.service = Service::Enabled;
    assert!(counts(&user));
    user.record = Record::Trashed;
    assert!(!counts(&user));
    (user.record, user.user_type) = (Record::Live, UserType::Mobile);
    assert!(!counts(&user), "mobile is free, and metered elsewhere");
}

#[test]
fn the_log_says_activated_and_keeps_the_fact_for_the_bill() {
    let before = somebody();
    let mut after = before.clone();
    after.service = Service::Enabled;
    let change = update_of(&before, &after).unwrap();
    assert_eq!((change.op, change_kind(&change)), (Op::Update, "user.activated"));
    assert_eq!(user_facts(Some(&before), Some(&after), &change).counted, Some(true));
    // A change that does not touch the bill leaves no fact.
    let mut renamed = after.clone();
    renamed.department = Text::parse("Sales").ok();
    let change = update_of(&after, &renamed).unwrap();
    assert_eq!(user_facts(Some(&after), Some(&renamed), &change).counted, None);
}
