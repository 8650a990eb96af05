//! What depends on people who would go, in words: what it is to them, what can be chosen, and what happens
//! whatever is chosen.

use muster_domain::capabilities;
use muster_domain::field::EntityKind;
use muster_domain::ids::UserId;
use muster_domain::leaving::Choice;
use muster_domain::log::counts;
use muster_domain::references::ids_in;
use muster_domain::user::{Record, User};
use muster_domain::value::Value;
use muster_store::AnyEntity;
use uuid::Uuid;

use super::choose::name_of_tie;
use super::survey::{Survey, Tie, text};
use crate::names::called;

/// More of those who use a mailbox are only counted.
const USERS_NAMED_MAX: usize = 10;

/// What removing people would mean.
#[derive(Clone, Debug)]
pub struct RemovalReview {
    /// What is sent to have them removed as was reviewed.
    pub plan: String,
    pub people: Vec<User>,
    /// Those that want a choice first, then by kind and name.
    pub items: Vec<RemovalItem>,
    /// What happens whatever is chosen.
    pub effects: Vec<RemovalEffect>,
}

/// One thing that depends on one of them.
#[derive(Clone, Debug)]
pub struct RemovalItem {
    /// What a choice calls it: `group:0190…`.
    pub what: String,
    /// `groups`, `mailboxes`, `forwards`: what a choice calls all that are alike.
    pub category: &'static str,
    pub kind: EntityKind,
    pub id: Uuid,
    pub field: &'static str,
    /// `the group Sales`.
    pub name: String,
    /// What it is to the person: `rings them, with 3 others`.
    pub how: String,
    pub person: UserId,
    /// What can be chosen, the usual first.
    pub choices: &'static [Choice],
    /// What is done if nobody chooses; `None`: somebody has to.
    pub default: Option<Choice>,
    pub why_to_choose: Option<&'static str>,
    /// Of a mailbox: who and what else leaves messages there. They lose it if it is released.
    pub used_by: Vec<String>,
    pub used_by_more: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovalEffect {
    /// `extension`, `phones`, `seat` …
    pub what: &'static str,
    pub text: String,
    pub person: UserId,
}

impl RemovalReview {
    pub(super) fn of(survey: Survey, phones_of: impl Fn(UserId) -> usize) -> RemovalReview {
        let mut items: Vec<RemovalItem> = survey.ties.iter().map(|tie| item(tie, &survey)).collect();
        items.sort_by(|a, b| {
            let of = |item: &RemovalItem| (item.default.is_some(), item.category, item.name.clone());
            of(a).cmp(&of(b))
        });
        let effects = survey.users.iter().flat_map(|user| effects(user, phones_of(user.id))).collect();
        RemovalReview { plan: survey.plan, people: survey.users, items, effects }
    }

    /// Whether nothing is done until somebody has chosen.
    pub fn wants_choices(&self) -> bool {
        self.items.iter().any(|item| item.default.is_none())
    }
}

fn item(tie: &Tie, survey: &Survey) -> RemovalItem {
    let (used_by, used_by_more) = users_of(tie, survey);
    RemovalItem {
        what: name_of_tie(tie),
        category: tie.category(),
        kind: tie.referrer.kind,
        id: tie.thing.id(),
        field: tie.referrer.field,
        name: thing_called(tie),
        how: how(tie),
        person: tie.person,
        choices: tie.choices,
        default: tie.default(),
        why_to_choose: tie.why_to_choose,
        used_by,
        used_by_more,
    }
}

/// `the group Sales`; of a forwarding whose it is.
pub(super) fn thing_called(tie: &Tie) -> String {
    any_called(&tie.thing)
}

pub(crate) fn any_called(thing: &AnyEntity) -> String {
    if let AnyEntity::User(user) = thing {
        return called(user);
    }
    let kind = thing.kind();
    let name = if kind == EntityKind::PhoneNumber { "number" } else { "name" };
    format!("the {} {}", kind_called(kind), text(thing, name))
}

/// A kind of thing in a sentence.
fn kind_called(kind: EntityKind) -> String {
    match kind {
        EntityKind::OnCallSchedule => "on-call schedule".into(),
        EntityKind::SmsSender => "SMS sender".into(),
        other => other.word().replace('_', " "),
    }
}

fn how(tie: &Tie) -> String {
    let value = tie.thing.value(tie.referrer.field).unwrap_or_default();
    if let (true, AnyEntity::User(forwarding)) = (tie.is_forward(), &tie.thing) {
        return format!("forwards calls to them ({})", forwarding.forward_behaviour.word());
    }
    let others = match &value {
        Value::List(entries) => entries.len().saturating_sub(1),
        _ => 0,
    };
    let with = |what: &str| match others {
        0 => format!("{what}, and nobody else"),
        1 => format!("{what}, with 1 other"),
        others => format!("{what}, with {others} others"),
    };
    match tie.referrer.kind {
        EntityKind::Group => with("rings them"),
        EntityKind::Menu => format!("leads to them by key {}", keys_to(&value, tie.person.0)),
        EntityKind::FaxAccount => with("sends and reads with it"),
        EntityKind::SmsSender => with("writes and reads with it"),
        EntityKind::OnCallSchedule => with("is on duty in turn"),
        EntityKind::Mailbox => "holds their messages".to_string(),
        EntityKind::Device => "is theirs".to_string(),
        EntityKind::PhoneNumber => "reaches them".to_string(),
        EntityKind::EmergencyLocation => "is their private address".to_string(),
        _ => format!("names them as its {}", tie.referrer.field.replace('_', " ")),
    }
}

fn keys_to(entries: &Value, person: Uuid) -> String {
    let Value::List(entries) = entries else { return String::new() };
    let to_them =
        entries.iter().filter(|entry| ids_in(&Value::List(vec![(*entry).clone()])).contains(&person));
    let keys: Vec<&str> =
        to_them.map(|entry| entry.split_once('=').map_or(entry.as_str(), |(key, _)| key)).collect();
    keys.join(", ")
}

fn users_of(tie: &Tie, survey: &Survey) -> (Vec<String>, u64) {
    if tie.referrer.kind != EntityKind::Mailbox {
        return (Vec::new(), 0);
    }
    let uses = survey.mailbox_uses.iter().filter(|used| {
        let names_it =
            used.thing.value(used.field).is_some_and(|value| ids_in(&value).contains(&tie.thing.id()));
        let is_live = used.thing.as_user().is_none_or(|user| user.record == Record::Live);
        names_it && is_live && used.thing.id() != tie.person.0
    });
    let names: Vec<String> = uses.map(|used| any_called(&used.thing)).collect();
    let more = names.len().saturating_sub(USERS_NAMED_MAX) as u64;
    (names.into_iter().take(USERS_NAMED_MAX).collect(), more)
}

fn effects(user: &User, phones: usize) -> Vec<RemovalEffect> {
    let mut effects = Vec::new();
    let mut effect = |what, text: String| effects.push(RemovalEffect { what, text, person: user.id });
    if let Some(extension) = &user.extension {
        effect("extension", format!("extension {extension} is free for somebody else"));
    }
    effect("username", format!("the username {} is free for somebody else", user.username));
    match phones {
        0 => {}
        1 => effect("phones", "1 registered phone is signed off, and its calls end".to_string()),
        phones => effect("phones", format!("{phones} registered phones are signed off, and their calls end")),
    }
    if counts(user) {
        effect("seat", "one seat less is counted for billing".to_string());
    }
    let receives =
        capabilities::capabilities(user.user_type, muster_domain::organization::ConnectionKind::Builtin);
    if receives.receives_calls && user.extension.is_some() {
        effect("calls", "whoever dials them hears that nobody has the number".to_string());
    }
    effects
}
