//! What a field can hold, and what is said when a text cannot become it.

use smol_str::SmolStr;
use uuid::Uuid;

/// The value of one field, as the change log, the database and the wire see it.
///
/// Typed entities ([`crate::user::User`] and others) are what the rules work with; this is the
/// common form that lets one mechanism store, compare, log and undo all of them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Value {
    #[default]
    Null,
    Text(SmolStr),
    Int(i64),
    Bool(bool),
    List(Vec<SmolStr>),
    Id(Uuid),
}

impl Value {
    pub fn text(text: impl AsRef<str>) -> Value {
        Value::Text(SmolStr::new(text))
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_id(&self) -> Option<Uuid> {
        match self {
            Value::Id(id) => Some(*id),
            _ => None,
        }
    }
}

/// How a field's value is kept and shown. `Choice` is one of the words given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    Text,
    Int,
    Bool,
    /// Texts separated by commas where they are written in one cell.
    List,
    /// The id of another thing.
    Reference,
    /// The id of a secret; the secret itself is never a field's value.
    Secret,
    /// Milliseconds since 1970-01-01T00:00Z.
    Time,
    Choice(&'static [&'static str]),
}

/// Why a text or value was not taken for a field, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What is wrong, for example `is not an extension`.
    pub reason: String,
    /// What to do, for example `write digits only, such as 1001`.
    pub mend: String,
}

impl Reason {
    pub fn new(reason: impl Into<String>, mend: impl Into<String>) -> Reason {
        Reason { reason: reason.into(), mend: mend.into() }
    }
}

/// A [`Reason`] and the field it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    pub field: &'static str,
    pub reason: String,
    pub mend: String,
    /// The option of the request that would allow it: another way to mend it.
    pub option: Option<&'static str>,
}

impl FieldError {
    pub fn new(field: &'static str, reason: impl Into<String>, mend: impl Into<String>) -> FieldError {
        FieldError { field, reason: reason.into(), mend: mend.into(), option: None }
    }

    pub fn at(field: &'static str, reason: Reason) -> FieldError {
        FieldError { field, reason: reason.reason, mend: reason.mend, option: None }
    }

    pub fn or(self, option: &'static str) -> FieldError {
        FieldError { option: Some(option), ..self }
    }
}
