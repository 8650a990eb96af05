//! What becomes of each: fields, tags, service, the trash.

use muster_domain::change::Refusal;
use muster_domain::field::{Edit, Entity};
use muster_domain::permission::Permission;
use muster_domain::types::{Tag, Text, UnixMillis};
use muster_domain::user::{Record, User};
use muster_domain::value::{FieldError, FieldType, Value};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use super::super::activate::{activated, deactivated};
use super::super::set_fields;
use crate::AppError;
use crate::users::Deactivation;

/// The same for everybody.
#[derive(Clone, Debug, Default)]
pub struct BulkChange {
    pub set: Vec<(&'static str, Value)>,
    pub add_tags: Vec<Tag>,
    pub remove_tags: Vec<Tag>,
    pub service: Option<BulkService>,
    /// Into the trash; goes with nothing else.
    pub trash: bool,
}

#[derive(Clone, Debug)]
pub enum BulkService {
    Activate,
    Deactivate(Deactivation),
}

/// What only one person can have.
const OF_ONE_PERSON: [&str; 2] = ["extension", "email"];

impl BulkChange {
    /// What whoever asks for it must be allowed.
    pub fn needs(&self) -> Vec<Permission> {
        let edits = !self.set.is_empty() || !self.add_tags.is_empty() || !self.remove_tags.is_empty();
        let asked = [
            (edits, Permission::PeopleEdit),
            (self.service.is_some(), Permission::PeopleActivate),
            (self.trash, Permission::PeopleRemove),
        ];
        asked.into_iter().filter(|(asked, _)| *asked).map(|(_, permission)| permission).collect()
    }

    /// What cannot be done to anybody.
    pub fn check(&self) -> Result<(), AppError> {
        let mut errors = Vec::new();
        let others = !self.set.is_empty()
            || !self.add_tags.is_empty()
            || !self.remove_tags.is_empty()
            || self.service.is_some();
        if !others && !self.trash {
            let mend = "give set, add_tags, remove_tags, activate, deactivate or remove";
            errors.push(FieldError::new("change", "says nothing that would change", mend));
        }
        if others && self.trash {
            let mend = "leave the other changes out: whoever is removed keeps what they have";
            errors.push(FieldError::new("remove", "stands beside other changes", mend));
        }
        for (name, _) in &self.set {
            let field = User::field(name).filter(|field| field.meta.edit != Edit::Free);
            errors.extend(field.map(|field| {
                let mend = match field.name {
                    "service" => "use activate or deactivate",
                    "record" => "use remove",
                    _ => "leave it out",
                };
                FieldError::new(field.name, "cannot be changed this way", mend)
            }));
        }
        if let Some(tag) = self.add_tags.iter().find(|tag| self.remove_tags.contains(tag)) {
            let reason = format!("has {tag}, which is removed too");
            errors.push(FieldError::new("add_tags", reason, "leave it out of one of them"));
        }
        if errors.is_empty() { Ok(()) } else { Err(Refusal::Invalid(errors).into()) }
    }

    /// What goes for one person only, asked of so many.
    pub(super) fn check_count(&self, people: usize) -> Result<(), AppError> {
        let of_one =
            |(name, value): &&(&'static str, Value)| OF_ONE_PERSON.contains(name) && !value.is_null();
        match self.set.iter().find(of_one) {
            Some((name, _)) if people > 1 => Err(AppError::invalid(
                name,
                format!("can be one person's only, and {people} are meant"),
                "leave it out, or name one person",
            )),
            _ => Ok(()),
        }
    }

    /// The emergency location that everybody is given.
    pub(super) fn location(&self) -> Option<&str> {
        let set = self.set.iter().find(|(name, _)| *name == "emergency_location");
        set.and_then(|(_, value)| value.as_text())
    }

    /// As the person is afterwards, but for a SIP secret: `true` if they need one that is still to be made.
    pub(super) fn of(&self, before: &User) -> Result<(User, bool), AppError> {
        let mut after = before.clone();
        set_fields(&mut after, &self.set, |edit| edit == Edit::Free)?;
        after.tags.retain(|tag| !self.remove_tags.contains(tag));
        for tag in &self.add_tags {
            if !after.tags.contains(tag) {
                after.tags.push(tag.clone());
            }
        }
        if self.trash {
            after.record = Record::Trashed;
        }
        match &self.service {
            None => Ok((after, false)),
            Some(BulkService::Activate) => activated(&after),
            Some(BulkService::Deactivate(into)) => Ok((deactivated(&after, into)?, false)),
        }
    }
}

/// As it is kept with the job: the same form in which a request gives it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct StoredChange {
    set: serde_json::Map<String, Json>,
    add_tags: Vec<String>,
    remove_tags: Vec<String>,
    activate: bool,
    deactivate: Option<StoredDeactivation>,
    remove: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct StoredDeactivation {
    reason: Option<String>,
    comment: Option<String>,
    /// Milliseconds since 1970.
    until_ms: Option<i64>,
}

impl StoredChange {
    pub fn of(change: &BulkChange) -> StoredChange {
        let texts = |tags: &[Tag]| tags.iter().map(ToString::to_string).collect();
        let deactivate = match &change.service {
            Some(BulkService::Deactivate(into)) => Some(stored_deactivation(into)),
            _ => None,
        };
        StoredChange {
            set: change.set.iter().map(|(name, value)| (name.to_string(), stored(value))).collect(),
            add_tags: texts(&change.add_tags),
            remove_tags: texts(&change.remove_tags),
            activate: matches!(change.service, Some(BulkService::Activate)),
            deactivate,
            remove: change.trash,
        }
    }

    /// What was stored was right: whatever cannot be read back is damage.
    pub fn change(&self) -> Result<BulkChange, AppError> {
        let damaged = |what: &str| AppError::Limit(format!("the job's {what} cannot be read"));
        let mut set = Vec::with_capacity(self.set.len());
        for (name, json) in &self.set {
            let field = User::field(name).ok_or_else(|| damaged(name))?;
            set.push((field.name, value_of(field.kind, json).ok_or_else(|| damaged(name))?));
        }
        let tags = |texts: &[String]| {
            texts
                .iter()
                .map(|text| Tag::parse(text))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|_| damaged("tags"))
        };
        let service = match (&self.deactivate, self.activate) {
            (Some(stored), _) => {
                Some(BulkService::Deactivate(stored.deactivation().ok_or_else(|| damaged("deactivation"))?))
            }
            (None, activate) => activate.then_some(BulkService::Activate),
        };
        let (add_tags, remove_tags) = (tags(&self.add_tags)?, tags(&self.remove_tags)?);
        Ok(BulkChange { set, add_tags, remove_tags, service, trash: self.remove })
    }
}

fn stored_deactivation(into: &Deactivation) -> StoredDeactivation {
    match into {
        Deactivation::ContactOnly => StoredDeactivation::default(),
        Deactivation::Disabled { reason, comment, until } => StoredDeactivation {
            reason: Some(reason.to_string()),
            comment: comment.as_ref().map(ToString::to_string),
            until_ms: until.map(|at| at.0),
        },
    }
}

impl StoredDeactivation {
    fn deactivation(&self) -> Option<Deactivation> {
        let Some(reason) = &self.reason else { return Some(Deactivation::ContactOnly) };
        let comment = self.comment.as_deref().map(Text::parse).transpose().ok()?;
        let reason = Text::parse(reason).ok()?;
        Some(Deactivation::Disabled { reason, comment, until: self.until_ms.map(UnixMillis) })
    }
}

fn stored(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Text(text) => text.as_str().into(),
        Value::Int(n) => (*n).into(),
        Value::Bool(b) => (*b).into(),
        Value::List(list) => list.iter().map(|text| text.as_str()).collect(),
        Value::Id(id) => id.to_string().into(),
    }
}

fn value_of(kind: FieldType, json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => Value::Int(n.as_i64()?),
        Json::String(text) if kind == FieldType::Reference => Value::Id(Uuid::parse_str(text).ok()?),
        Json::String(text) => Value::text(text),
        Json::Array(list) => {
            Value::List(list.iter().map(|text| text.as_str().map(Into::into)).collect::<Option<_>>()?)
        }
        Json::Object(_) => return None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_back_as_it_was_stored() {
        let change = BulkChange {
            set: vec![
                ("department", Value::text("Sales, \"north\"")),
                ("call_timeout_s", Value::Int(30)),
                ("sms", Value::Bool(false)),
                ("title", Value::Null),
                ("site", Value::Id(Uuid::from_u128(7))),
                ("roles", Value::List(vec!["user".into(), "a, b".into()])),
            ],
            add_tags: vec![Tag::parse("floor:2").unwrap()],
            remove_tags: vec![Tag::parse("floor:1").unwrap()],
            service: Some(BulkService::Deactivate(Deactivation::Disabled {
                reason: Text::parse("leave").unwrap(),
                comment: None,
                until: Some(UnixMillis(5)),
            })),
            trash: false,
        };
        let json = serde_json::to_string(&StoredChange::of(&change)).unwrap();
        let back = serde_json::from_str::<StoredChange>(&json).unwrap().change().unwrap();
        let in_order = |mut change: BulkChange| {
            change.set.sort_by_key(|(name, _)| *name);
            format!("{change:?}")
        };
        assert_eq!(in_order(back), in_order(change));
    }
}
