//! What the log says a thing is: its changes folded in order, without the rules that once decided about
//! them. A rule that is made stricter later must not make an old log unreadable.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::change::{EntityChange, Op, PURGED_WORD, bare, restore_word};
use crate::field::{Entity, EntityKind};
use crate::ids::OrgId;
use crate::log::Envelope;
use crate::types::UnixMillis;
use crate::value::{FieldError, Value};

/// One thing as its log leaves it.
#[derive(Clone, Debug)]
pub struct Replayed {
    pub kind: EntityKind,
    pub id: Uuid,
    /// Changes of it whose body was erased, and the first of them.
    pub erased: u64,
    pub erased_first: Option<u64>,
    /// The change that removed it, while it is removed.
    pub removed_by: Option<u64>,
    /// A change that cannot follow from those before it.
    pub contradicted_at: Option<u64>,
    here: bool,
    version: u64,
    created_at: UnixMillis,
    fields: BTreeMap<&'static str, Value>,
    /// An erased body may have set any field: only those in `fields` are known.
    partly_known: bool,
}

/// How a stored thing is not what its log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The log has it, and it is not stored.
    NotStored,
    /// It is stored, and the log removed it or never made it.
    NotInLog,
    /// The log contradicts itself at this change.
    Contradiction(u64),
    /// This field, or `version` or `created_at`, has another value.
    Field(&'static str),
}

impl Replayed {
    pub fn new(kind: EntityKind, id: Uuid) -> Replayed {
        Replayed {
            kind,
            id,
            erased: 0,
            erased_first: None,
            removed_by: None,
            contradicted_at: None,
            here: false,
            version: 0,
            created_at: UnixMillis(0),
            fields: BTreeMap::new(),
            partly_known: false,
        }
    }

    /// The next change of this thing; `body` is `None` where it was erased.
    pub fn apply(&mut self, envelope: &Envelope, body: Option<&EntityChange>) {
        if body.is_none() {
            self.erased += 1;
            self.erased_first.get_or_insert(envelope.seq);
        }
        let op = body.map_or_else(|| op_of(&envelope.kind), |body| body.op);
        if self.here == (op == Op::Create) {
            self.contradicted_at.get_or_insert(envelope.seq);
        }
        match op {
            Op::Create => {
                (self.here, self.version, self.created_at) = (true, 1, envelope.at);
                self.removed_by = None;
                self.fields.clear();
                self.partly_known = body.is_none();
            }
            Op::Update => self.version += 1,
            Op::Remove => {
                (self.here, self.removed_by) = (false, Some(envelope.seq));
                self.fields.clear();
                self.partly_known = false;
                return;
            }
        }
        match body {
            Some(body) => self.fields.extend(body.fields.iter().map(|f| (f.field, f.after.clone()))),
            None => {
                self.fields.clear();
                self.partly_known = true;
            }
        }
    }

    /// Whether the log ends with it being there.
    pub fn is_here(&self) -> bool {
        self.here
    }

    /// Whether every field of it is known. What was removed is known to hold nothing.
    pub fn wholly_known(&self) -> bool {
        !self.partly_known
    }

    /// The thing as its log leaves it; `None` where it is not there. What a part of was erased is only
    /// partly so: ask [`Replayed::wholly_known`] before. An error is a value that this program cannot read.
    pub fn thing<E: Entity>(&self, org: OrgId) -> Result<Option<E>, FieldError> {
        if !self.here {
            return Ok(None);
        }
        let mut thing = bare::<E>(org, self.id);
        for field in E::fields() {
            if let Some(value) = self.fields.get(field.name) {
                (field.set)(&mut thing, value).map_err(|reason| field.error(reason))?;
            }
        }
        thing.set_version(self.version);
        thing.set_created_at(self.created_at);
        Ok(Some(thing))
    }

    /// How what is stored differs from the log; `None` if it is what the log says, as far as that is known.
    pub fn difference<E: Entity>(&self, stored: Option<&E>) -> Option<Difference> {
        if let Some(seq) = self.contradicted_at {
            return Some(Difference::Contradiction(seq));
        }
        let stored = match (self.here, stored) {
            (true, Some(stored)) => stored,
            (true, None) => return Some(Difference::NotStored),
            (false, Some(_)) => return Some(Difference::NotInLog),
            (false, None) => return None,
        };
        if stored.version() != self.version {
            return Some(Difference::Field("version"));
        }
        if stored.created_at() != self.created_at {
            return Some(Difference::Field("created_at"));
        }
        let unnamed = bare::<E>(stored.org(), stored.id());
        let differs = E::fields().iter().find(|field| {
            let now = (field.get)(stored);
            match self.fields.get(field.name) {
                Some(logged) => *logged != now,
                None => !self.partly_known && (field.get)(&unnamed) != now,
            }
        });
        differs.map(|field| Difference::Field(field.name))
    }
}

/// What a change did, by what the log calls it: all that is left once its body was erased.
fn op_of(change_kind: &str) -> Op {
    match change_kind.rsplit_once('.') {
        Some((_, "created")) => Op::Create,
        Some((_, "removed" | PURGED_WORD)) => Op::Remove,
        Some((_, word)) if word == restore_word(Op::Create) => Op::Create,
        Some((_, word)) if word == restore_word(Op::Remove) => Op::Remove,
        _ => Op::Update,
    }
}
