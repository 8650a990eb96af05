//! What a term asks of a field: the value in the form in which it is compared.

use std::borrow::Cow;

use uuid::Uuid;

use super::moment::range_of;
use super::{Op, Term};
use crate::field::{Entity, FieldDef, Key, Privacy};
use crate::references::Refers;
use crate::value::{FieldError, FieldType, Reason, Value};

/// What can be asked about: a field, or what every thing has besides its fields.
#[derive(Clone, Debug)]
pub struct Place {
    pub name: Cow<'static, str>,
    /// The field, or `id`, `version` or `created_at`.
    pub column: &'static str,
    pub kind: FieldType,
    pub key: Key,
    /// Only whether there is a secret is asked, never which.
    pub secret: bool,
    pub refers: Option<Refers>,
    parse: fn(&str) -> Result<Value, Reason>,
}

/// What must be true of the value of a [`Place`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// There is none; of a list, it is empty.
    Absent,
    Present,
    Is(Value),
    /// Its folded form ([`Key::fold`]) is this.
    Folds(String),
    /// It begins with this, folded if the place's key is.
    Begins(String),
    Contains(String),
    /// A list has this entry, or one that begins with or contains it.
    Entry(Op, String),
    /// It is one of these.
    OneOf(Vec<Uuid>),
    /// It names somebody at one of these sites; or, if the first is true, nobody.
    SomebodyAt(bool, Vec<Uuid>),
    /// A number or a time from this one on, and before that one.
    Within(Option<i64>, Option<i64>),
}

#[derive(Clone, Debug)]
pub struct Asked {
    pub place: Place,
    pub test: Test,
}

/// Everything that a filter of this kind of thing can name.
pub fn names<E: Entity>() -> Vec<Cow<'static, str>> {
    let fields = E::fields().iter().map(name_of);
    fields.chain(["id", "version", "created_at"].map(Cow::Borrowed)).collect()
}

/// `None`: there is nothing of that name.
pub fn place<E: Entity>(name: &str) -> Option<Place> {
    let own = |column: &'static str, kind, parse| {
        let (key, secret, refers) = (Key::None, false, None);
        Some(Place { name: column.into(), column, kind, key, secret, refers, parse })
    };
    match name {
        "id" => return own("id", FieldType::Reference, id_of),
        "version" => return own("version", FieldType::Int, nothing),
        "created_at" => return own("created_at", FieldType::Time, nothing),
        _ => {}
    }
    let field = E::fields().iter().find(|field| name_of(field) == name)?;
    let secret = field.meta.privacy == Privacy::Secret;
    Some(Place {
        name: name_of(field),
        column: field.name,
        kind: if secret { FieldType::Bool } else { field.kind },
        key: field.meta.key,
        secret,
        refers: field.meta.refers,
        parse: if secret { crate::field::parse_value::<bool> } else { field.parse },
    })
}

/// The field's name; of a secret, what asks whether there is one.
fn name_of<E>(field: &FieldDef<E>) -> Cow<'static, str> {
    match field.meta.privacy {
        Privacy::Secret => format!("has_{}", field.name).into(),
        Privacy::Plain | Privacy::Personal => field.name.into(),
    }
}

fn id_of(text: &str) -> Result<Value, Reason> {
    let wrong = |_| Reason::new("is not an id", "give an id as lists show it");
    Uuid::parse_str(text.trim()).map(Value::Id).map_err(wrong)
}

fn ids_of(list: &str) -> Result<Vec<Uuid>, Reason> {
    let ids = list.split(',').filter(|text| !text.is_empty()).map(Uuid::parse_str);
    ids.collect::<Result<_, _>>().map_err(|_| Reason::new("is not a list of ids", "give ids"))
}

/// Numbers and times are read as ranges.
fn nothing(_: &str) -> Result<Value, Reason> {
    Ok(Value::Null)
}

impl Place {
    /// The signs that can stand behind it.
    pub fn signs(&self) -> &'static str {
        match self.kind {
            FieldType::Text | FieldType::List | FieldType::Choice(_) => "=, !=, ^ or ~",
            FieldType::Int | FieldType::Time => "=, !=, <, <=, > or >=",
            FieldType::Bool | FieldType::Reference | FieldType::Secret => "= or !=",
        }
    }

    pub fn takes(&self, op: Op) -> bool {
        let textual = matches!(self.kind, FieldType::Text | FieldType::List | FieldType::Choice(_));
        match op {
            Op::Eq => true,
            Op::Prefix | Op::Contains => textual,
            Op::Less | Op::AtMost | Op::More | Op::AtLeast => {
                matches!(self.kind, FieldType::Int | FieldType::Time)
            }
            Op::OneOf | Op::SomebodyAt | Op::NobodyOrSomebodyAt => self.kind == FieldType::Reference,
        }
    }

    /// A value of its type; why it is not.
    pub(super) fn test(&self, op: Op, text: &str) -> Result<Test, Reason> {
        let nothing = text.trim().is_empty();
        if nothing && matches!(op, Op::Eq) && !self.secret {
            return Ok(Test::Absent);
        }
        match op {
            Op::OneOf => return ids_of(text).map(Test::OneOf),
            Op::SomebodyAt | Op::NobodyOrSomebodyAt => {
                return ids_of(text).map(|ids| Test::SomebodyAt(op == Op::NobodyOrSomebodyAt, ids));
            }
            _ => {}
        }
        if let FieldType::Int | FieldType::Time = self.kind {
            return range_of(self.kind, op, text).map(|(from, to)| Test::Within(from, to));
        }
        let folded = if self.kind == FieldType::List { text.trim().into() } else { self.key.fold(text) };
        match op {
            Op::Eq if self.kind == FieldType::List => Ok(Test::Entry(Op::Eq, folded)),
            Op::Eq => Ok(match (self.parse)(text)? {
                Value::Bool(true) if self.secret => Test::Present,
                Value::Bool(false) if self.secret => Test::Absent,
                Value::Null => Test::Absent,
                Value::Text(text) if self.key.folds() => Test::Folds(self.key.fold(&text)),
                value => Test::Is(value),
            }),
            // Of a name that is made of accents alone nothing is left to look for.
            _ if folded.is_empty() => Ok(Test::Present),
            _ if self.kind == FieldType::List => Ok(Test::Entry(op, folded)),
            Op::Prefix => Ok(Test::Begins(folded)),
            _ => Ok(Test::Contains(folded)),
        }
    }
}

impl Term {
    /// Settles what is asked; the error names the field.
    pub fn asks<E: Entity>(&self) -> Result<Asked, FieldError> {
        let Some(place) = place::<E>(&self.field) else {
            let reason = format!("names `{}`, which is not a field", self.field);
            return Err(FieldError::new(
                "filter",
                reason,
                format!("use one of: {}", names::<E>().join(", ")),
            ));
        };
        let field = if place.secret { "filter" } else { place.column };
        if !place.takes(self.op) {
            let reason = format!("cannot be compared by {}", self.op.sign());
            return Err(FieldError::new(field, reason, format!("use {}", place.signs())));
        }
        let test = place.test(self.op, &self.value).map_err(|reason| FieldError::at(field, reason))?;
        Ok(Asked { place, test })
    }
}
