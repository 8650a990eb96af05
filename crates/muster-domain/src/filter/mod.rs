//! The language by which things of a list are picked: people above all, and every other kind alike.
//!
//! One parser ([`parse`]) serves the API, the command line and bulk changes. A [`Filter`] is made of terms, each
//! about one field; what a term asks of a field is settled once ([`Term::asks`]), whoever answers it: the store
//! turns it into SQL. Every term is true or false of every thing: what has no value is not equal to anything, so
//! that `not` and `!=` find it too.

mod asked;
mod moment;
mod parse;

pub use asked::{Asked, Place, Test, names, place};
pub use parse::{FilterError, parse};

use std::fmt;

use crate::field::Entity;

/// How a field is compared. Fields with a folded key are compared folded: names without case and accents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Is the value; of a list, has the entry.
    Eq,
    /// Begins with it; of a list, has an entry that does.
    Prefix,
    Contains,
    /// Numbers and times only, as are the three after it.
    Less,
    AtMost,
    More,
    AtLeast,
    /// It is one of these ids, which commas separate. For use cases: nobody can write it.
    OneOf,
    /// It names somebody who is at one of these sites. For use cases.
    SomebodyAt,
    /// It names nobody, or somebody who is at one of these sites. For use cases.
    NobodyOrSomebodyAt,
}

impl Op {
    pub fn sign(self) -> &'static str {
        match self {
            Op::Eq => "=",
            Op::Prefix => "^",
            Op::Contains => "~",
            Op::Less => "<",
            Op::AtMost => "<=",
            Op::More => ">",
            Op::AtLeast => ">=",
            Op::OneOf => " is one of ",
            Op::SomebodyAt => " is at one of ",
            Op::NobodyOrSomebodyAt => " is nobody or at one of ",
        }
    }
}

/// What is asked of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// A name of the table of fields, or one of [`names`].
    pub field: String,
    pub op: Op,
    /// As a person writes it; an empty value with [`Op::Eq`] finds what has none, with [`Op::Prefix`] and
    /// [`Op::Contains`] what has one.
    pub value: String,
}

/// What a list is narrowed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    Term(Term),
    /// All of them hold; of none, everything.
    All(Vec<Filter>),
    /// One of them holds.
    Any(Vec<Filter>),
    Not(Box<Filter>),
}

impl Filter {
    /// Terms in one filter.
    pub const TERMS_MAX: usize = 64;
    /// Brackets and `not` inside one another.
    pub const DEPTH_MAX: usize = 32;
    /// Bytes of its text.
    pub const TEXT_MAX: usize = 8192;

    pub fn is_everything(&self) -> bool {
        matches!(self, Filter::All(all) if all.is_empty())
    }

    /// The same, and this too.
    pub fn push(&mut self, filter: impl Into<Filter>) {
        match self {
            Filter::All(all) => all.push(filter.into()),
            other => {
                let before = std::mem::take(other);
                *other = Filter::All(vec![before, filter.into()]);
            }
        }
    }

    /// The terms that must hold whatever else does.
    pub fn certain(&self) -> Vec<&Term> {
        match self {
            Filter::Term(term) => vec![term],
            Filter::All(all) => all.iter().flat_map(Filter::certain).collect(),
            Filter::Any(_) | Filter::Not(_) => Vec::new(),
        }
    }

    pub fn terms(&self) -> Vec<&Term> {
        match self {
            Filter::Term(term) => vec![term],
            Filter::All(all) | Filter::Any(all) => all.iter().flat_map(Filter::terms).collect(),
            Filter::Not(inner) => inner.terms(),
        }
    }

    pub fn terms_mut(&mut self) -> Vec<&mut Term> {
        match self {
            Filter::Term(term) => vec![term],
            Filter::All(all) | Filter::Any(all) => all.iter_mut().flat_map(Filter::terms_mut).collect(),
            Filter::Not(inner) => inner.terms_mut(),
        }
    }

    /// Whether a term is about this field.
    pub fn names(&self, field: &str) -> bool {
        self.terms().iter().any(|term| term.field == field)
    }

    /// Every term is about a field of this kind of thing and asks what can be asked of it.
    pub fn check<E: Entity>(&self) -> Result<(), crate::value::FieldError> {
        self.terms().iter().try_for_each(|term| term.asks::<E>().map(|_| ()))
    }
}

impl Default for Filter {
    /// Everything.
    fn default() -> Filter {
        Filter::All(Vec::new())
    }
}

impl From<Term> for Filter {
    fn from(term: Term) -> Filter {
        Filter::Term(term)
    }
}

impl From<Vec<Term>> for Filter {
    /// All must hold.
    fn from(terms: Vec<Term>) -> Filter {
        Filter::All(terms.into_iter().map(Filter::Term).collect())
    }
}

/// As [`parse`] reads it back.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Filter::Term(Term { field, op, value }) => {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "{field}{}\"{value}\"", op.sign())
            }
            Filter::All(all) => joined(f, all, " and "),
            Filter::Any(any) => joined(f, any, " or "),
            Filter::Not(inner) => match &**inner {
                group @ (Filter::All(_) | Filter::Any(_)) => write!(f, "not ({group})"),
                other => write!(f, "not {other}"),
            },
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, filters: &[Filter], joiner: &str) -> fmt::Result {
    for (at, filter) in filters.iter().enumerate() {
        f.write_str(if at > 0 { joiner } else { "" })?;
        match filter {
            group @ (Filter::All(_) | Filter::Any(_)) => write!(f, "({group})")?,
            other => write!(f, "{other}")?,
        }
    }
    Ok(())
}
