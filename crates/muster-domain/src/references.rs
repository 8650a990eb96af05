//! What refers to what, and what becomes of a reference when the thing goes.
//!
//! Every field that names another thing says so in its table ([`Refers`]). What depends on a person, what
//! stands in the way of a removal and what is handed over are all read from there.

use uuid::Uuid;

use crate::field::{Entity, EntityKind};
use crate::value::Value;

/// What a field's references do when the thing that they name is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AtRemoval {
    /// It stands in the way until somebody has chosen.
    Restrict,
    /// The reference is let go: the field is emptied, or loses one of its entries.
    Detach,
    /// It stays with what it names, in the trash and back.
    Keep,
}

impl AtRemoval {
    pub fn word(self) -> &'static str {
        match self {
            AtRemoval::Restrict => "restrict",
            AtRemoval::Detach => "detach",
            AtRemoval::Keep => "keep",
        }
    }
}

/// What a field refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refers {
    /// One of these kinds.
    pub to: &'static [EntityKind],
    pub at_removal: AtRemoval,
}

impl Refers {
    pub const fn to(kinds: &'static [EntityKind], at_removal: AtRemoval) -> Option<Refers> {
        Some(Refers { to: kinds, at_removal })
    }
}

/// A field of some kind that may name things of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Referrer {
    pub kind: EntityKind,
    pub field: &'static str,
    /// Names many: kept in a table of links, because a list cannot be looked up.
    pub many: bool,
    pub at_removal: AtRemoval,
}

/// Every field that may name a thing of this kind.
pub fn referrers(to: EntityKind) -> Vec<Referrer> {
    let mut found = Vec::new();
    for kind in EntityKind::ALL {
        crate::for_kind!(*kind, E => found.extend(fields_that_name::<E>(to)));
    }
    found
}

fn fields_that_name<E: Entity>(to: EntityKind) -> Vec<Referrer> {
    let named = E::fields().iter().filter_map(|field| {
        let refers = field.meta.refers.filter(|refers| refers.to.contains(&to))?;
        let many = field.kind == crate::value::FieldType::List;
        Some(Referrer { kind: E::KIND, field: field.name, many, at_removal: refers.at_removal })
    });
    named.collect()
}

/// The fields of a kind that name things, and what.
pub fn fields_of(kind: EntityKind) -> Vec<(&'static str, Refers)> {
    fn of<E: Entity>() -> Vec<(&'static str, Refers)> {
        E::fields().iter().filter_map(|f| f.meta.refers.map(|refers| (f.name, refers))).collect()
    }
    crate::for_kind!(kind, E => of::<E>())
}

/// The ids that a value names: itself, or the one at the end of each entry of a list (`1=user:0190…`).
pub fn ids_in(value: &Value) -> Vec<Uuid> {
    match value {
        Value::Id(id) => vec![*id],
        Value::List(entries) => entries.iter().filter_map(|entry| id_at_end(entry)).collect(),
        _ => Vec::new(),
    }
}

/// The value with another thing in the place of one; without it if there is none.
pub fn replaced(value: &Value, from: Uuid, to: Option<Uuid>) -> Value {
    match value {
        Value::Id(id) if *id == from => to.map_or(Value::Null, Value::Id),
        Value::List(entries) => {
            let mut kept: Vec<smol_str::SmolStr> = Vec::with_capacity(entries.len());
            for entry in entries {
                let entry = match id_at_end(entry) {
                    Some(id) if id == from => match to {
                        Some(to) => smol_str::format_smolstr!("{}{to}", &entry[..entry.len() - ID_LENGTH]),
                        None => continue,
                    },
                    _ => entry.clone(),
                };
                // Handed to somebody who is in the list already, it stands there once.
                if !kept.contains(&entry) {
                    kept.push(entry);
                }
            }
            Value::List(kept)
        }
        other => other.clone(),
    }
}

/// An id as text: hyphenated.
const ID_LENGTH: usize = 36;

fn id_at_end(entry: &str) -> Option<Uuid> {
    let at = entry.len().checked_sub(ID_LENGTH)?;
    Uuid::parse_str(entry.get(at..)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_what_stands_at_the_end_of_its_entries_and_hands_it_over() {
        let (ana, eva) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let list =
            Value::List(vec![format!("1=user:{ana}").into(), "2=hang_up".into(), eva.to_string().into()]);
        assert_eq!(ids_in(&list), [ana, eva]);
        let handed = replaced(&list, ana, Some(eva));
        assert_eq!(ids_in(&handed), [eva, eva]);
        assert_eq!(ids_in(&replaced(&list, eva, None)), [ana]);
        let twice = Value::List(vec![ana.to_string().into(), eva.to_string().into()]);
        assert_eq!(replaced(&twice, ana, Some(eva)), Value::List(vec![eva.to_string().into()]));
    }

    #[test]
    fn every_field_that_holds_an_id_says_what_it_names() {
        for kind in EntityKind::ALL {
            crate::for_kind!(*kind, E => {
                for field in E::fields() {
                    let holds_id = field.kind == crate::value::FieldType::Reference;
                    assert!(!holds_id || field.meta.refers.is_some(), "{}.{}", kind.word(), field.name);
                }
            });
        }
        assert!(referrers(EntityKind::User).len() >= 5);
    }
}
