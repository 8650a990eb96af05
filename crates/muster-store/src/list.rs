//! A page of a list: filtered, sorted, from a cursor.

use muster_domain::field::Entity;
use muster_domain::ids::OrgId;
use muster_domain::user::User;

use crate::{Reader, StoreError};

/// How a field is compared. Fields with a folded key are compared folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Eq,
    Prefix,
    Contains,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// A name of the table of fields.
    pub field: String,
    pub op: Op,
    /// As a person writes it; an empty value with [`Op::Eq`] finds what has none.
    pub value: String,
}

/// By an indexed field (one with a key in the table of fields), else in order of creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    pub field: String,
    pub descending: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// All must hold.
    pub filter: Vec<Term>,
    pub sort: Option<Sort>,
    /// [`Page::next`] of the page before, with the same filter and sort.
    pub cursor: Option<String>,
    /// At most [`Query::LIMIT_MAX`]; 0 means 50.
    pub limit: usize,
    pub with_total: bool,
}

impl Query {
    pub const LIMIT_MAX: usize = 1000;
    pub const TERMS_MAX: usize = 16;
}

pub type UserQuery = Query;

#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
    /// How many the filter finds, if it was asked for.
    pub total: Option<u64>,
}

impl Reader {
    pub fn users(&mut self, org: OrgId, query: &UserQuery) -> Result<Page<User>, StoreError> {
        self.list(org, query)
    }

    /// A page of any kind of thing.
    pub fn list<E: Entity>(&mut self, _org: OrgId, _query: &Query) -> Result<Page<E>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }
}
