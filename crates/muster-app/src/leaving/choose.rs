//! What is done about each thing that depends on people who go, and the changes that come of it.

use std::collections::BTreeMap;

use muster_domain::change::{Conflict, EntityChange, Refusal, removal_of, update_of};
use muster_domain::field::EntityKind;
use muster_domain::for_kind;
use muster_domain::ids::{OrgId, UserId};
use muster_domain::leaving::{Choice, FORWARD_FIELD, goes_when_released};
use muster_domain::references::replaced;
use muster_domain::types::{AlternateNumber, FieldValue};
use muster_domain::user::{ForwardBehaviour, Record, User};
use muster_domain::value::{FieldError, Value};
use muster_store::{AnyEntity, Reader, Stored};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::survey::{Survey, Tie, dialled_from};
use crate::AppError;
use crate::names::called;

/// More that want a choice are only counted.
const NAMED_MAX: usize = 20;

/// What is to become of what depends on people who go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    /// Takes over all that can be handed over and that nothing else is said of.
    #[serde(default)]
    pub hand_to: Option<UserIdText>,
    #[serde(default)]
    pub of: Vec<ChoiceOf>,
}

/// What is to become of some of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoiceOf {
    /// All of a kind, such as `mailbox` or `forwards`, or one thing as the review calls it, `group:ID`.
    pub what: String,
    /// `hand_to`, `keep` or `release`.
    #[serde(with = "word")]
    pub choice: Choice,
    /// To whom it is handed, if not to the one who takes over the rest.
    #[serde(default)]
    pub to: Option<UserIdText>,
}

/// A user's id as it is kept with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserIdText(pub UserId);

impl Serialize for UserIdText {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for UserIdText {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map(UserIdText).map_err(|_| serde::de::Error::custom("not an id"))
    }
}

mod word {
    use muster_domain::leaving::Choice;
    use muster_domain::types::FieldValue;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(choice: &Choice, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(choice.word())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Choice, D::Error> {
        let text = String::deserialize(from)?;
        Choice::parse(&text).map_err(|reason| serde::de::Error::custom(reason.reason))
    }
}

impl ChoiceOf {
    /// Whether it is about this very thing, rather than about all of its kind.
    fn is_of_thing(&self, tie: &Tie) -> bool {
        self.what == name_of_tie(tie)
    }

    fn is_of_kind(&self, tie: &Tie) -> bool {
        match tie.is_forward() {
            true => matches!(self.what.as_str(), "forward" | "forwards"),
            false => self.what == tie.referrer.kind.word() || self.what == tie.referrer.kind.plural(),
        }
    }
}

/// What a choice calls one thing: `group:0190…`, `forward:0190…`.
pub(super) fn name_of_tie(tie: &Tie) -> String {
    let word = if tie.is_forward() { "forward" } else { tie.referrer.kind.word() };
    format!("{word}:{}", tie.thing.id())
}

/// All changes that carry the choices out, those of the people themselves last. Refused where somebody has to
/// choose and nobody did, and where a choice is none.
pub(super) fn changes(
    r: &mut Reader,
    org: OrgId,
    survey: &Survey,
    choices: &Choices,
) -> Result<Vec<EntityChange>, AppError> {
    check_named(survey, choices)?;
    let takers = takers(r, org, survey, choices)?;
    let mut things = Things::default();
    let mut missing = Vec::new();
    for tie in &survey.ties {
        match chosen(tie, choices)? {
            Some((Choice::Keep, _)) => {}
            Some((Choice::Release, _)) => things.release(tie, survey)?,
            Some((Choice::HandTo, to)) => {
                let to = to.and_then(|id| takers.iter().find(|user| user.id == id));
                let to = to.ok_or_else(|| {
                    let mend = "say to whom: a username, an extension, an email or an id";
                    AppError::invalid("choices", format!("{} is handed to nobody", tie.category()), mend)
                })?;
                things.hand(tie, to, survey)?;
            }
            None => missing.push(tie),
        }
    }
    if !missing.is_empty() {
        return Err(needs_choices(survey, &missing).into());
    }
    for user in &survey.users {
        things.set(&user.clone().into(), "record", &Value::text(Record::Trashed.word()))?;
    }
    things.into_changes(survey)
}

/// What is done about a thing, and to whom it is handed; `None` where somebody has to choose.
fn chosen(tie: &Tie, choices: &Choices) -> Result<Option<(Choice, Option<UserId>)>, AppError> {
    let order = choices.of.iter().rev().find(|order| order.is_of_thing(tie));
    let order = order.or_else(|| choices.of.iter().rev().find(|order| order.is_of_kind(tie)));
    let everything_to = choices.hand_to.map(|id| id.0);
    if let Some(order) = order {
        if !tie.choices.contains(&order.choice) {
            let can: Vec<&str> = tie.choices.iter().map(|choice| choice.word()).collect();
            let reason = format!("{}: {} is no choice for it", order.what, order.choice);
            return Err(AppError::invalid("choices", reason, format!("choose {}", can.join(" or "))));
        }
        return Ok(Some((order.choice, order.to.map(|id| id.0).or(everything_to))));
    }
    if everything_to.is_some() && tie.choices.contains(&Choice::HandTo) {
        return Ok(Some((Choice::HandTo, everything_to)));
    }
    Ok(tie.default().map(|choice| (choice, None)))
}

/// A choice about a thing that does not depend on them is a mistake. One about all of a kind may find nothing.
fn check_named(survey: &Survey, choices: &Choices) -> Result<(), AppError> {
    let mut errors = Vec::new();
    for order in &choices.of {
        if !super::is_kind(&order.what) && !survey.ties.iter().any(|tie| order.is_of_thing(tie)) {
            let shown: String = order.what.chars().take(80).collect();
            errors.push(FieldError::new(
                "choices",
                format!("{shown} is nothing that depends on them"),
                "write a kind, such as mailbox, or what the review calls it, such as group:ID",
            ));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Refusal::Invalid(errors).into()) }
}

/// Those to whom something is handed: of this organization, there, and not going themselves.
fn takers(r: &mut Reader, org: OrgId, survey: &Survey, choices: &Choices) -> Result<Vec<User>, AppError> {
    let named = choices.of.iter().filter_map(|order| order.to).chain(choices.hand_to).map(|id| id.0.0);
    let mut ids: Vec<Uuid> = named.collect();
    ids.sort_unstable();
    ids.dedup();
    let mut takers = r.get_many::<User>(org, &ids)?;
    takers.retain(|user| user.record == Record::Live);
    let wrong = ids.iter().find(|id| survey.goes(**id) || takers.iter().all(|user| user.id.0 != **id));
    match wrong {
        None => Ok(takers),
        Some(id) if survey.goes(*id) => {
            Err(AppError::invalid("hand_to", "goes too", "name somebody who stays"))
        }
        Some(_) => Err(AppError::invalid(
            "hand_to",
            "is nobody of this organization",
            "name somebody who is there, by username, extension, email or id",
        )),
    }
}

fn needs_choices(survey: &Survey, missing: &[&Tie]) -> Refusal {
    let conflict = |tie: &&Tie| {
        let whom = survey.users.iter().find(|user| user.id == tie.person).map(called).unwrap_or_default();
        let why = tie.why_to_choose.unwrap_or("somebody has to say what becomes of it");
        let (what, which) = match &tie.thing {
            AnyEntity::User(forwarding) if tie.is_forward() => {
                ("forward", format!("of {}", called(forwarding)))
            }
            thing => (tie.referrer.kind.word(), super::survey::text(thing, "name")),
        };
        Conflict { what, how: format!("{which} leads to {whom}: {why}"), seq: None }
    };
    let named: Vec<Conflict> = missing.iter().take(NAMED_MAX).map(conflict).collect();
    let more = missing.len() - named.len();
    Refusal::NeedsChoices(named, more as u64)
}

/// Things before and after, each once however much is done to it.
#[derive(Default)]
struct Things(BTreeMap<(EntityKind, Uuid), (AnyEntity, Option<AnyEntity>)>);

impl Things {
    fn value(&self, thing: &AnyEntity, field: &str) -> Option<Value> {
        match self.0.get(&(thing.kind(), thing.id())) {
            Some((_, after)) => after.as_ref()?.value(field),
            None => thing.value(field),
        }
    }

    fn set(&mut self, thing: &AnyEntity, field: &str, value: &Value) -> Result<(), AppError> {
        let key = (thing.kind(), thing.id());
        let (_, after) = self.0.entry(key).or_insert_with(|| (thing.clone(), Some(thing.clone())));
        if let Some(now) = after.take() {
            *after = Some(for_kind!(key.0, E => with_value::<E>(now, field, value))?);
        }
        Ok(())
    }

    fn remove(&mut self, thing: &AnyEntity) {
        self.0.insert((thing.kind(), thing.id()), (thing.clone(), None));
    }

    fn release(&mut self, tie: &Tie, survey: &Survey) -> Result<(), AppError> {
        let (thing, field) = (&tie.thing, tie.referrer.field);
        if tie.is_forward() {
            self.set(thing, FORWARD_FIELD, &Value::Null)?;
            return self.set(thing, "forward_behaviour", &ForwardBehaviour::RingMyPhone.to_value());
        }
        if !goes_when_released(tie.referrer.kind) {
            let Some(value) = self.value(thing, field) else { return Ok(()) };
            return self.set(thing, field, &replaced(&value, tie.person.0, None));
        }
        self.remove(thing);
        for used in &survey.mailbox_uses {
            if let Some(value) = self.value(&used.thing, used.field) {
                let without = replaced(&value, thing.id(), None);
                if without != value {
                    self.set(&used.thing, used.field, &without)?;
                }
            }
        }
        Ok(())
    }

    fn hand(&mut self, tie: &Tie, to: &User, survey: &Survey) -> Result<(), AppError> {
        let (thing, field) = (&tie.thing, tie.referrer.field);
        if !tie.is_forward() {
            let Some(value) = self.value(thing, field) else { return Ok(()) };
            return self.set(thing, field, &replaced(&value, tie.person.0, Some(to.id.0)));
        }
        let AnyEntity::User(forwarding) = thing else { return Ok(()) };
        if forwarding.id == to.id {
            // Nobody forwards to themselves.
            return self.release(tie, survey);
        }
        let number = dialled_from(forwarding, to, &survey.connections)
            .or_else(|| to.direct_number.as_ref().map(|number| number.to_smol()));
        let number = number.and_then(|number| AlternateNumber::parse(&number).ok()).ok_or_else(|| {
            let reason = format!("has no number that {} could forward to", called(forwarding));
            AppError::invalid("hand_to", reason, "name somebody with an extension, or release the forwarding")
        })?;
        self.set(thing, FORWARD_FIELD, &number.to_value())
    }

    /// What names something before that goes, and the people last: taken back in turn, whatever is named is there.
    fn into_changes(self, survey: &Survey) -> Result<Vec<EntityChange>, AppError> {
        let (mut changes, mut removals, mut people) = (Vec::new(), Vec::new(), Vec::new());
        for ((kind, id), (before, after)) in self.0 {
            let gone = after.is_none();
            let change = for_kind!(kind, E => change_of::<E>(before, after));
            match kind == EntityKind::User && survey.goes(id) {
                true => people.extend(change),
                false if gone => removals.extend(change),
                false => changes.extend(change),
            }
        }
        changes.append(&mut removals);
        changes.append(&mut people);
        Ok(changes)
    }
}

pub(super) fn with_value<E: Stored>(
    thing: AnyEntity,
    field: &str,
    value: &Value,
) -> Result<AnyEntity, AppError> {
    let (Some(mut thing), Some(field)) = (E::from_any(thing), E::field(field)) else {
        return Err(AppError::Limit("a thing was taken for one of another kind".into()));
    };
    (field.set)(&mut thing, value).map_err(|reason| Refusal::Invalid(vec![field.error(reason)]))?;
    Ok(thing.into_any())
}

pub(super) fn change_of<E: Stored>(before: AnyEntity, after: Option<AnyEntity>) -> Option<EntityChange> {
    let before = E::from_any(before)?;
    match after {
        Some(after) => update_of(&before, &E::from_any(after)?),
        None => Some(removal_of(&before)),
    }
}
