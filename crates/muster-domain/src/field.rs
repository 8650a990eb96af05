//! One table of fields per kind of thing.
//!
//! The table drives the database's columns, the API, import and export, differences, filters and
//! undo: a field is added in one place. [`crate::entity!`] writes the struct and its table together.

use uuid::Uuid;

use crate::fold::{fold, fold_name};
use crate::ids::OrgId;
use crate::references::Refers;
use crate::types::{FieldValue, UnixMillis};
use crate::value::{FieldError, FieldType, Reason, Value};

macro_rules! entity_kind {
    ([] $($variant:ident $module:ident :: $type:ident $word:literal $table:literal,)*) => {
        /// What kinds of thing an organization's change log speaks of ([`crate::kinds!`]).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EntityKind { $($variant,)* }

        impl EntityKind {
            pub const ALL: &'static [EntityKind] = &[$(EntityKind::$variant,)*];

            /// The word in the change log, the API and file headers.
            pub fn word(self) -> &'static str {
                match self { $(EntityKind::$variant => $word,)* }
            }

            /// What many of them are called in addresses, and the name of their table.
            pub fn plural(self) -> &'static str {
                match self { $(EntityKind::$variant => $table,)* }
            }
        }
    };
}
crate::kinds! { [entity_kind] }

impl EntityKind {
    pub fn from_word(word: &str) -> Option<EntityKind> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }
}

/// Whether a field says something about a person: what an erasure has to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    Plain,
    Personal,
    /// The id of a secret; needs the permission to see secrets to be exported as text.
    Secret,
}

/// Who may change a field, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// By an ordinary edit.
    Free,
    /// Given when the thing is made, never after.
    AtCreation,
    /// Only by a command of its own (activate, trash, reset credentials).
    ByCommand,
}

/// How a field is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    None,
    /// A folded copy is kept beside it, indexed, for sorting and for finding by prefix.
    Folded,
    /// As `Folded`, without accents: what is looked for by typing a part of it.
    Name,
    /// The value itself is indexed.
    Plain,
}

impl Key {
    /// Whether a folded copy is kept beside the value.
    pub fn folds(self) -> bool {
        matches!(self, Key::Folded | Key::Name)
    }

    /// A text as it is compared.
    pub fn fold(self, text: &str) -> String {
        match self {
            Key::Folded => fold(text),
            Key::Name => fold_name(text),
            Key::Plain | Key::None => text.trim().to_string(),
        }
    }
}

/// What undoing a change of a field amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    Reversible,
    /// The value comes back, but phones or people have noticed meanwhile; the text says what.
    Compensated(&'static str),
    Irreversible(&'static str),
}

/// The part of a field's definition that does not depend on its type.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    /// What a person reads.
    pub label: &'static str,
    /// Headers under which files of this and other systems carry it. Compared folded, with spaces,
    /// hyphens and underscores alike.
    pub aliases: &'static [&'static str],
    pub privacy: Privacy,
    pub edit: Edit,
    pub key: Key,
    pub undo: Undo,
    pub required: bool,
    /// What it names, of a field that holds ids.
    pub refers: Option<Refers>,
    /// One sentence for the API description and the portal.
    pub help: &'static str,
}

impl Meta {
    pub const PLAIN: Meta = Meta {
        label: "",
        aliases: &[],
        privacy: Privacy::Plain,
        edit: Edit::Free,
        key: Key::None,
        undo: Undo::Reversible,
        required: false,
        refers: None,
        help: "",
    };
    pub const PERSONAL: Meta = Meta { privacy: Privacy::Personal, ..Meta::PLAIN };
}

/// One row of a table of fields.
pub struct FieldDef<E: 'static> {
    /// The name in the API, in our own files and of the database's column.
    pub name: &'static str,
    pub kind: FieldType,
    pub meta: Meta,
    pub get: fn(&E) -> Value,
    /// Takes what [`FieldDef::parse`] or a stored row gave.
    pub set: fn(&mut E, &Value) -> Result<(), Reason>,
    /// From a text that a person or a file wrote to the value it means.
    pub parse: fn(&str) -> Result<Value, Reason>,
}

impl<E> FieldDef<E> {
    pub fn error(&self, reason: Reason) -> FieldError {
        FieldError::at(self.name, reason)
    }
}

/// A thing that the change log speaks of, with its table of fields.
pub trait Entity: Clone + Send + Sync + 'static {
    const KIND: EntityKind;
    fn fields() -> &'static [FieldDef<Self>];
    /// All fields at their defaults. Not yet valid where a field is required.
    fn blank(org: OrgId, id: Uuid) -> Self;
    fn org(&self) -> OrgId;
    fn id(&self) -> Uuid;
    /// Counts the changes of this thing, from 1; 0 has not been stored.
    fn version(&self) -> u64;
    fn set_version(&mut self, version: u64);
    fn created_at(&self) -> UnixMillis;
    fn set_created_at(&mut self, at: UnixMillis);
    /// Rules among the fields of this one thing; what needs others is asked by the use case.
    fn check(&self) -> Vec<FieldError> {
        Vec::new()
    }

    fn field(name: &str) -> Option<&'static FieldDef<Self>> {
        Self::fields().iter().find(|f| f.name == name)
    }

    /// Every required field is there and the fields agree with each other.
    fn validate(&self) -> Vec<FieldError> {
        let missing = Self::fields().iter().filter(|f| f.meta.required && (f.get)(self).is_null()).map(|f| {
            FieldError::new(f.name, "is missing", format!("give a {}", f.meta.label.to_lowercase()))
        });
        missing.chain(self.check()).collect()
    }
}

/// Turns a field's typed value into its table row's functions; used by [`crate::entity!`].
pub fn parse_value<T: FieldValue>(text: &str) -> Result<Value, Reason> {
    T::parse(text).map(|v| v.to_value())
}

/// Writes a struct and its table of fields: `name: Type = default => Meta { … }`.
#[macro_export]
macro_rules! entity {
    (
        $(#[$doc:meta])*
        pub struct $name:ident ($id:ident): $kind:ident {
            $( $(#[$fdoc:meta])* $field:ident: $type:ty = $default:expr => $meta:expr ; )*
        }
        check($this:ident) $check:block
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            pub org: $crate::ids::OrgId,
            pub id: $crate::ids::$id,
            /// Counts the changes of this thing, from 1; 0 has not been stored.
            pub version: u64,
            pub created_at: $crate::types::UnixMillis,
            $( $(#[$fdoc])* pub $field: $type, )*
        }

        impl $crate::field::Entity for $name {
            const KIND: $crate::field::EntityKind = $crate::field::EntityKind::$kind;

            fn fields() -> &'static [$crate::field::FieldDef<Self>] {
                #[allow(unused_imports)]
                use $crate::field::{Edit, Key, Meta, Privacy, Undo};
                const FIELDS: &[$crate::field::FieldDef<$name>] = &[ $( $crate::field::FieldDef {
                    name: stringify!($field),
                    kind: <$type as $crate::types::FieldValue>::TYPE,
                    meta: $meta,
                    get: |e| $crate::types::FieldValue::to_value(&e.$field),
                    set: |e, value| {
                        e.$field = <$type as $crate::types::FieldValue>::from_value(value)?;
                        Ok(())
                    },
                    parse: $crate::field::parse_value::<$type>,
                } ),* ];
                FIELDS
            }

            fn blank(org: $crate::ids::OrgId, id: uuid::Uuid) -> Self {
                $name {
                    org,
                    id: id.into(),
                    version: 0,
                    created_at: $crate::types::UnixMillis(0),
                    $( $field: $default, )*
                }
            }

            fn org(&self) -> $crate::ids::OrgId { self.org }
            fn id(&self) -> uuid::Uuid { self.id.0 }
            fn version(&self) -> u64 { self.version }
            fn set_version(&mut self, version: u64) { self.version = version; }
            fn created_at(&self) -> $crate::types::UnixMillis { self.created_at }
            fn set_created_at(&mut self, at: $crate::types::UnixMillis) { self.created_at = at; }
            fn check(&self) -> Vec<$crate::value::FieldError> { let $this = self; $check }
        }
    };
}
