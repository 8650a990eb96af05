//! Two laws: the state is the fold of the log, and undoing what was done changes nothing.

use muster_domain::change::{
    EntityChange, Refusal, apply, change_kind, creation_of, inverse, is_of_restore, update_of,
};
use muster_domain::compose::together;
use muster_domain::field::{Entity, EntityKind};
use muster_domain::ids::ChangeSetId;
use muster_domain::log::{Envelope, Facts, GENESIS};
use muster_domain::replay::{Difference, Replayed};
use muster_domain::types::{Bounded, Name, Text, UnixMillis};
use muster_domain::user::{Service, User};
use proptest::prelude::*;

use crate::{ORG, somebody};

/// A step of a user's life, as a number picks it.
fn step(user: &User, pick: u8, word: &str) -> User {
    let mut next = user.clone();
    match pick % 6 {
        0 => next.display_name = Name::parse(word).unwrap_or_else(|_| next.display_name.clone()),
        1 => next.department = Text::parse(word).ok(),
        2 => next.call_timeout_s = Bounded(5 + u16::from(pick) % 116),
        3 => next.service = Service::Enabled,
        4 => next.service = Service::ContactOnly,
        _ => next.tags.clear(),
    }
    next
}

fn same(a: &User, b: &User) -> bool {
    User::fields().iter().all(|f| (f.get)(a) == (f.get)(b))
}

fn both_same(a: Option<&User>, b: Option<&User>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        _ => false,
    }
}

fn line(seq: u64, change: &EntityChange) -> Envelope {
    Envelope {
        org: ORG,
        seq,
        at: UnixMillis(0),
        kind: change_kind(change).into(),
        entity: change.kind,
        entity_id: change.id,
        actor: uuid::Uuid::nil(),
        set: ChangeSetId(uuid::Uuid::nil()),
        facts: Facts::default(),
        body_hash: GENESIS,
        hash: GENESIS,
    }
}

proptest! {
    #[test]
    fn folding_the_log_gives_the_state(steps in prop::collection::vec((any::<u8>(), "[a-zß ]{1,9}"), 0..20)) {
        let mut state = somebody();
        let mut log: Vec<EntityChange> = vec![creation_of(&state)];
        for (pick, word) in &steps {
            let next = step(&state, *pick, word);
            if let Some(change) = update_of(&state, &next) {
                state = apply(ORG, Some(&state), &change).unwrap().unwrap();
                log.push(change);
            }
        }
        let mut folded: Option<User> = None;
        for change in &log {
            folded = apply(ORG, folded.as_ref(), change).unwrap();
        }
        let folded = folded.unwrap();
        prop_assert!(same(&folded, &state));
        prop_assert_eq!(folded.version, state.version);
        let mut replayed = Replayed::new(EntityKind::User, state.id.0);
        log.iter().enumerate().for_each(|(i, change)| replayed.apply(&line(i as u64 + 1, change), Some(change)));
        prop_assert_eq!(replayed.difference(Some(&state)), None);
        let other = User { title: Text::parse("Somebody else").ok(), ..state };
        prop_assert_eq!(replayed.difference(Some(&other)), Some(Difference::Field("title")));
    }

    #[test]
    fn undoing_everything_in_reverse_leads_back(steps in prop::collection::vec((any::<u8>(), "[a-z ]{1,9}"), 1..20)) {
        let first = somebody();
        let (mut state, mut log) = (first.clone(), Vec::new());
        for (pick, word) in &steps {
            if let Some(change) = update_of(&state, &step(&state, *pick, word)) {
                state = apply(ORG, Some(&state), &change).unwrap().unwrap();
                log.push(change);
            }
        }
        for change in log.iter().rev() {
            state = apply(ORG, Some(&state), &inverse(change).unwrap()).unwrap().unwrap();
        }
        prop_assert!(same(&state, &first));
    }
}

proptest! {
    #[test]
    fn changes_together_lead_where_they_lead_one_by_one(
        steps in prop::collection::vec((any::<u8>(), "[a-z ]{1,9}"), 1..12),
        begins in any::<bool>(),
        ends in any::<bool>(),
    ) {
        let first = somebody();
        let (mut state, mut log) = (first.clone(), Vec::new());
        if begins {
            log.push(creation_of(&first));
        }
        for (pick, word) in &steps {
            if let Some(change) = update_of(&state, &step(&state, *pick, word)) {
                state = apply(ORG, Some(&state), &change).unwrap().unwrap();
                log.push(change);
            }
        }
        if ends {
            log.push(inverse(&creation_of(&state)).unwrap());
        }
        let (before, after) = ((!begins).then_some(&first), (!ends).then_some(&state));
        let Some(whole) = together(&log) else {
            prop_assert!(both_same(before, after) || (begins && ends) || log.is_empty());
            return Ok(());
        };
        let led = apply(ORG, before, &whole).unwrap();
        prop_assert!(both_same(led.as_ref(), after));
        let back = apply(ORG, after, &inverse(&whole).unwrap()).unwrap();
        prop_assert!(both_same(back.as_ref(), before));
    }
}

#[test]
fn undoing_a_creation_removes_and_undoing_that_brings_back() {
    let user = somebody();
    let creation = creation_of(&user);
    let removal = inverse(&creation).unwrap();
    assert_eq!(apply(ORG, Some(&user), &removal).unwrap(), None);
    let back = apply::<User>(ORG, None, &inverse(&removal).unwrap()).unwrap().unwrap();
    assert!(same(&back, &user));
}

#[test]
fn what_somebody_changed_since_is_not_undone_over_their_head() {
    let before = somebody();
    let mut renamed = before.clone();
    renamed.department = Text::parse("Sales").ok();
    let change = update_of(&before, &renamed).unwrap();
    let mut since = apply(ORG, Some(&before), &change).unwrap().unwrap();
    // Another field may have moved on …
    since.title = Text::parse("Manager").ok();
    assert!(apply(ORG, Some(&since), &inverse(&change).unwrap()).is_ok());
    // … but not the one that is to be undone.
    since.department = Text::parse("Support").ok();
    let refused = apply(ORG, Some(&since), &inverse(&change).unwrap());
    assert!(matches!(refused, Err(Refusal::Moved { field: "department", .. })), "{refused:?}");
}

#[test]
fn a_creation_is_not_undone_once_there_is_more_than_it_made() {
    let mut made = somebody();
    made.department = None;
    let removal = inverse(&creation_of(&made)).unwrap();
    let since = User { department: Text::parse("Sales").ok(), ..made.clone() };
    let refused = apply(ORG, Some(&since), &removal);
    assert!(matches!(refused, Err(Refusal::Moved { field: "department", .. })), "{refused:?}");
    assert!(apply(ORG, Some(&made), &removal).is_ok());
}

#[test]
fn a_change_read_at_another_version_is_stale() {
    let before = somebody();
    let mut after = before.clone();
    after.department = Text::parse("Sales").ok();
    let change = update_of(&before, &after).unwrap();
    let newer = User { version: 5, ..before };
    let refused = apply(ORG, Some(&newer), &change);
    assert!(matches!(refused, Err(Refusal::Stale { expected: 1, current: 5, .. })), "{refused:?}");
}

#[test]
fn a_log_that_makes_one_thing_twice_contradicts_itself() {
    let creation = creation_of(&somebody());
    let mut replayed = Replayed::new(EntityKind::User, creation.id);
    replayed.apply(&line(1, &creation), Some(&creation));
    assert_eq!(replayed.difference(Some(&somebody())), None);
    // Erased, it is known by its kind alone.
    replayed.apply(&line(2, &creation), None);
    assert_eq!(replayed.difference(Some(&somebody())), Some(Difference::Contradiction(2)));
}

#[test]
fn what_going_back_made_and_took_away_is_known_by_its_kind_where_it_was_erased() {
    let creation = creation_of(&somebody());
    let mut replayed = Replayed::new(EntityKind::User, creation.id);
    let kind = |seq, kind: &str| Envelope { kind: kind.into(), ..line(seq, &creation) };
    replayed.apply(&line(1, &creation), Some(&creation));
    replayed.apply(&kind(2, "user.set_back"), None);
    assert!(replayed.is_here() && !replayed.wholly_known());
    replayed.apply(&kind(3, "user.taken_away"), None);
    assert!(!replayed.is_here());
    replayed.apply(&kind(4, "user.brought_back"), None);
    assert!(replayed.is_here());
    assert_eq!((replayed.contradicted_at, replayed.removed_by), (None, None));
    assert!(["user.set_back", "user.taken_away", "user.brought_back"].into_iter().all(is_of_restore));
    assert!(!is_of_restore("user.restored") && !is_of_restore("user.removed"));
}
