//! One shape for every change: fields before → after, and the version they were read at.
//!
//! Form, import, bulk change and undo all make these, and all are applied by [`apply`]. The change log
//! keeps them; folding the log gives the state, and undoing is applying the inverse.

use uuid::Uuid;

use crate::field::{Entity, EntityKind, FieldDef, Undo};
use crate::ids::OrgId;
use crate::user::{Record, Service};
use crate::value::{FieldError, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Create,
    Update,
    /// The row goes; the log keeps what it held. Only undoing a creation and purging do this.
    Remove,
}

impl Op {
    pub fn word(self) -> &'static str {
        match self {
            Op::Create => "create",
            Op::Update => "update",
            Op::Remove => "remove",
        }
    }

    pub fn from_word(word: &str) -> Option<Op> {
        [Op::Create, Op::Update, Op::Remove].into_iter().find(|op| op.word() == word)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    pub field: &'static str,
    pub before: Value,
    pub after: Value,
}

/// What happens to one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityChange {
    pub kind: EntityKind,
    pub id: Uuid,
    pub op: Op,
    /// The version it was read at; `None` where the fields' values before decide alone (undo).
    pub version: Option<u64>,
    pub fields: Vec<FieldChange>,
}

/// Why a change was not applied. Nothing has been changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{} field(s) are not right", .0.len())]
    Invalid(Vec<FieldError>),
    #[error("the {} was changed meanwhile: read at version {expected}, now at {current}", .kind.word())]
    Stale { kind: EntityKind, id: Uuid, expected: u64, current: u64 },
    #[error("{field} of the {} was changed meanwhile", .kind.word())]
    Moved { kind: EntityKind, id: Uuid, field: &'static str, expected: Value, current: Value },
    #[error("there is no such {}", .kind.word())]
    NotFound { kind: EntityKind },
    #[error("the {} is there already", .kind.word())]
    Exists { kind: EntityKind, id: Uuid },
    #[error("{field} {value} is taken{}", holder.as_ref().map(|h| format!(" by {h}")).unwrap_or_default())]
    Taken { field: &'static str, value: String, holder: Option<Holder> },
    #[error("already taken back by change {by}")]
    UndoneAlready { by: u64 },
    /// What cannot be taken back because of what was done to it since; never empty. So many more are not
    /// named.
    #[error("{}", changed_since(.0, *.1))]
    ChangedSince(Vec<Conflict>, u64),
    /// What stands in the way of going back to a moment; never empty. So many more are not named.
    #[error("{}", stands_in_the_way(.0, *.1))]
    StandsInTheWay(Vec<Conflict>, u64),
    /// Things depend on whoever would go, and nobody has said what becomes of them; never empty. So many more are
    /// not named.
    #[error("{}", needs_choices(.0, *.1))]
    NeedsChoices(Vec<Conflict>, u64),
    /// What would be done is not what was reviewed.
    #[error("what would change is different now: look at it again")]
    PlanChanged,
    #[error("still in use by {count} {}(s)", .by.word())]
    InUse { by: EntityKind, count: u64 },
    #[error("{0}")]
    NotAllowed(String),
    #[error("cannot be undone: {0}")]
    Irreversible(String),
}

/// Who has what can have one owner only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub kind: EntityKind,
    pub id: Uuid,
    /// What people call it, such as `Ana Silva (extension 1001)`; `None` until somebody has looked it up.
    pub name: Option<String>,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "the {} {}", self.kind.word(), self.id),
        }
    }
}

/// Something that was done since and is in the way of taking an earlier change back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The field, or the kind of thing where all of it is meant.
    pub what: &'static str,
    /// Such as `of Ana Silva (extension 1001) was changed since, by change 15 of owner`.
    pub how: String,
    /// The change that is in the way, if the log has it.
    pub seq: Option<u64>,
}

fn changed_since(conflicts: &[Conflict], more: u64) -> String {
    match conflicts {
        [one] if more == 0 => format!("{} {}", one.what, one.how),
        _ => format!("what shall be taken back was changed since{}", in_places(conflicts, more)),
    }
}

fn stands_in_the_way(conflicts: &[Conflict], more: u64) -> String {
    match conflicts {
        [one] if more == 0 => format!("{} {}", one.what, one.how),
        _ => format!("there is something in the way of going back{}", in_places(conflicts, more)),
    }
}

fn needs_choices(conflicts: &[Conflict], more: u64) -> String {
    match conflicts {
        [one] if more == 0 => format!("{} {}: hand it to somebody or release it", one.what, one.how),
        _ => {
            format!("somebody has to say what becomes of what depends on them{}", in_places(conflicts, more))
        }
    }
}

/// ` (in 25 places; the first 10 are named)`.
fn in_places(conflicts: &[Conflict], more: u64) -> String {
    let named = conflicts.len() as u64;
    match more {
        0 => format!(" (in {named} places)"),
        more => format!(" (in {} places; the first {named} are named)", named + more),
    }
}

/// The change that leads from one state of a thing to another; `None` if they are alike.
pub fn update_of<E: Entity>(before: &E, after: &E) -> Option<EntityChange> {
    let fields: Vec<FieldChange> = E::fields()
        .iter()
        .filter_map(|f| {
            let (before, after) = ((f.get)(before), (f.get)(after));
            (before != after).then_some(FieldChange { field: f.name, before, after })
        })
        .collect();
    if fields.is_empty() {
        return None;
    }
    Some(EntityChange {
        kind: E::KIND,
        id: before.id(),
        op: Op::Update,
        version: Some(before.version()),
        fields,
    })
}

/// The change that makes a thing: every field that holds something.
pub fn creation_of<E: Entity>(entity: &E) -> EntityChange {
    let fields = E::fields()
        .iter()
        .filter_map(|f| {
            let after = (f.get)(entity);
            (!after.is_null()).then_some(FieldChange { field: f.name, before: Value::Null, after })
        })
        .collect();
    EntityChange { kind: E::KIND, id: entity.id(), op: Op::Create, version: None, fields }
}

/// The change that takes a thing away: it names all that it holds, so that it can be brought back.
pub fn removal_of<E: Entity>(entity: &E) -> EntityChange {
    let fields = E::fields().iter().filter_map(|f| {
        let before = (f.get)(entity);
        (!before.is_null()).then_some(FieldChange { field: f.name, before, after: Value::Null })
    });
    EntityChange {
        kind: E::KIND,
        id: entity.id(),
        op: Op::Remove,
        version: Some(entity.version()),
        fields: fields.collect(),
    }
}

/// Applies a change to one thing: `None` is "not there". The result is valid by itself
/// ([`Entity::validate`]); what needs other things (uniqueness, references) is the caller's to check.
pub fn apply<E: Entity>(
    org: OrgId,
    current: Option<&E>,
    change: &EntityChange,
) -> Result<Option<E>, Refusal> {
    match (change.op, current) {
        (Op::Create, Some(_)) => Err(Refusal::Exists { kind: E::KIND, id: change.id }),
        (Op::Create, None) => {
            let mut entity = bare::<E>(org, change.id);
            set_fields(&mut entity, change)?;
            entity.set_version(1);
            valid(entity).map(Some)
        }
        (_, None) => Err(Refusal::NotFound { kind: E::KIND }),
        (op, Some(current)) => {
            check_unmoved(current, change)?;
            if op == Op::Remove {
                return Ok(None);
            }
            let mut entity = current.clone();
            set_fields(&mut entity, change)?;
            entity.set_version(current.version() + 1);
            valid(entity).map(Some)
        }
    }
}

/// A thing with no field set: a creation names every field that holds something, so defaults must not
/// creep in when the log is folded.
pub(crate) fn bare<E: Entity>(org: OrgId, id: Uuid) -> E {
    let mut entity = E::blank(org, id);
    for f in E::fields() {
        // Fields that cannot be empty keep their default; a creation always names them.
        let _ = (f.set)(&mut entity, &Value::Null);
    }
    entity
}

fn set_fields<E: Entity>(entity: &mut E, change: &EntityChange) -> Result<(), Refusal> {
    let mut errors = Vec::new();
    for fc in &change.fields {
        let Some(field) = E::field(fc.field) else { continue };
        if let Err(reason) = (field.set)(entity, &fc.after) {
            errors.push(field.error(reason));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Refusal::Invalid(errors)) }
}

fn check_unmoved<E: Entity>(current: &E, change: &EntityChange) -> Result<(), Refusal> {
    if let Some(expected) = change.version
        && expected != current.version()
    {
        return Err(Refusal::Stale { kind: E::KIND, id: change.id, expected, current: current.version() });
    }
    for fc in &change.fields {
        let Some(field) = E::field(fc.field) else { continue };
        let now = (field.get)(current);
        if now != fc.before {
            return Err(Refusal::Moved {
                kind: E::KIND,
                id: change.id,
                field: field.name,
                expected: fc.before.clone(),
                current: now,
            });
        }
    }
    // What goes must be all that is there: what was added since would be lost, and no undo brings it back.
    if change.op == Op::Remove
        && let Some(field) = added_since(current, change).first()
    {
        let (expected, current) = (Value::Null, (field.get)(current));
        return Err(Refusal::Moved { kind: E::KIND, id: change.id, field: field.name, expected, current });
    }
    Ok(())
}

/// The fields that a creation (or its inverse) does not name and that hold something now.
pub fn added_since<E: Entity>(current: &E, change: &EntityChange) -> Vec<&'static FieldDef<E>> {
    let bare = bare::<E>(current.org(), change.id);
    let named = |f: &FieldDef<E>| change.fields.iter().any(|fc| fc.field == f.name);
    E::fields().iter().filter(|f| !named(f) && (f.get)(current) != (f.get)(&bare)).collect()
}

fn valid<E: Entity>(entity: E) -> Result<E, Refusal> {
    let errors = entity.validate();
    if errors.is_empty() { Ok(entity) } else { Err(Refusal::Invalid(errors)) }
}

/// The change that takes this one back, or why there is none.
///
/// It carries no version: it is refused where a field no longer equals what the change made of it.
pub fn inverse(change: &EntityChange) -> Result<EntityChange, Refusal> {
    for fc in &change.fields {
        if let Some(Undo::Irreversible(why)) = undo_class(change.kind, fc.field) {
            return Err(Refusal::Irreversible(why.to_string()));
        }
    }
    let op = match change.op {
        Op::Create => Op::Remove,
        Op::Update => Op::Update,
        Op::Remove => Op::Create,
    };
    let swap = |fc: &FieldChange| FieldChange {
        field: fc.field,
        before: fc.after.clone(),
        after: fc.before.clone(),
    };
    Ok(EntityChange {
        kind: change.kind,
        id: change.id,
        op,
        version: None,
        fields: change.fields.iter().map(swap).collect(),
    })
}

/// What undoing would not quite bring back, in words; empty if everything comes back.
pub fn compensations(change: &EntityChange) -> Vec<&'static str> {
    if change.op == Op::Create {
        // Who goes has no use for what their fields say of coming back.
        let has_phone = change.fields.iter().any(|f| f.field == "sip_secret" && !f.after.is_null());
        return if has_phone { vec!["phones that were registered are signed off"] } else { Vec::new() };
    }
    let notes = change.fields.iter().filter_map(|fc| match undo_class(change.kind, fc.field) {
        Some(Undo::Compensated(note)) => Some(note),
        _ => None,
    });
    // It may have been changed because it had leaked.
    let old_secret = change.fields.iter().any(|f| f.field == "sip_secret" && !f.before.is_null());
    notes.chain(old_secret.then_some(OLD_SECRET)).collect()
}

/// What is said where a SIP password comes back.
const OLD_SECRET: &str = "the SIP password that was valid then is valid again: whoever knows it can register";

/// The field of a kind by its name: the `&'static` one, for reading the log back.
pub fn field_name(kind: EntityKind, name: &str) -> Option<&'static str> {
    with_fields(kind, |fields| fields.iter().find(|(n, _)| *n == name).map(|(n, _)| *n))
}

/// The names of a kind's fields, in the order of their table.
pub fn field_names(kind: EntityKind) -> Vec<&'static str> {
    with_fields(kind, |fields| fields.iter().map(|(name, _)| *name).collect())
}

fn undo_class(kind: EntityKind, name: &str) -> Option<Undo> {
    with_fields(kind, |fields| fields.iter().find(|(n, _)| *n == name).map(|(_, undo)| *undo))
}

fn with_fields<T>(kind: EntityKind, f: impl FnOnce(&[(&'static str, Undo)]) -> T) -> T {
    fn list<E: Entity>() -> Vec<(&'static str, Undo)> {
        E::fields().iter().map(|f| (f.name, f.meta.undo)).collect()
    }
    use std::sync::OnceLock;
    static TABLES: OnceLock<Vec<Vec<(&'static str, Undo)>>> = OnceLock::new();
    let tables = TABLES.get_or_init(|| {
        EntityKind::ALL.iter().map(|kind| crate::for_kind!(*kind, E => list::<E>())).collect()
    });
    f(&tables[kind as usize])
}

/// How a change came to be, where the log says so by its kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    #[default]
    Ordinary,
    /// Part of restoring things to a moment.
    Restore,
    /// Part of erasing somebody for good.
    Purge,
}

/// The last word of the kind of a change that takes somebody out of the trash for good: `user.purged`.
pub const PURGED_WORD: &str = "purged";

/// The last word of the kind of a change that is part of restoring to a moment: `user.set_back`.
pub fn restore_word(op: Op) -> &'static str {
    match op {
        Op::Create => "brought_back",
        Op::Update => "set_back",
        Op::Remove => "taken_away",
    }
}

/// Whether a line of the log is part of restoring to a moment, by its kind.
pub fn is_of_restore(kind: &str) -> bool {
    let word = kind.rsplit_once('.').map_or("", |(_, word)| word);
    [Op::Create, Op::Update, Op::Remove].into_iter().any(|op| restore_word(op) == word)
}

/// What the change log calls a change: `user.activated` rather than `user.update` where the field table
/// knows a better word.
pub fn change_kind(change: &EntityChange) -> &'static str {
    let after = |name: &str| change.fields.iter().find(|f| f.field == name).map(|f| &f.after);
    match (change.kind, change.op) {
        (EntityKind::User, Op::Update) => match (after("record"), after("service")) {
            (Some(record), _) if *record == Value::text(Record::Trashed.word()) => "user.trashed",
            (Some(_), _) => "user.restored",
            (None, Some(service)) if *service == Value::text(Service::Enabled.word()) => "user.activated",
            (None, Some(_)) => "user.deactivated",
            (None, None) if after("sip_secret").is_some() => "user.credentials_reset",
            (None, None) => plain_word(EntityKind::User, Op::Update),
        },
        (EntityKind::Organization, Op::Update) if after("backed_up_at").is_some() => "installation.backed_up",
        (EntityKind::Organization, Op::Update) if after("secrets_exported_at").is_some() => {
            "organization.secrets_exported"
        }
        (kind, op) => plain_word(kind, op),
    }
}

/// `site.created`, `site.updated`, `site.removed`.
fn plain_word(kind: EntityKind, op: Op) -> &'static str {
    macro_rules! words {
        ([] $($variant:ident $module:ident :: $type:ident $word:literal $table:literal,)*) => {
            match (kind, op) {
                $((EntityKind::$variant, Op::Create) => concat!($word, ".created"),
                (EntityKind::$variant, Op::Update) => concat!($word, ".updated"),
                (EntityKind::$variant, Op::Remove) => concat!($word, ".removed"),)*
            }
        };
    }
    crate::kinds! { [words] }
}
