//! Records that are made, changed and removed alike: groups, menus, fax accounts, SMS senders, on-call
//! schedules, emergency locations, shipping addresses, tags.
//!
//! What a kind's fields are, what they name and what may be written is its table's; what is particular to a
//! kind has a use case of its own.

use muster_domain::change::{Holder, Refusal, removal_of};
use muster_domain::claims::NUMBER_SPACE;
use muster_domain::field::{Edit, Entity, EntityKind, FieldDef};
use muster_domain::for_kind;
use muster_domain::organization::Site;
use muster_domain::permission::Permission;
use muster_domain::types::{E164, fold};
use muster_domain::user::User;
use muster_domain::value::{FieldError, Value};
use muster_store::{AnyEntity, Stored};
use uuid::Uuid;

use crate::apply::{Allow, Session};
use crate::{App, AppError, Done, Scope, tags};

impl App {
    pub fn record<E: Stored>(&self, scope: &Scope, id: Uuid) -> Result<E, AppError> {
        scope.require(scope.to_read(E::KIND))?;
        let found = self.one_in::<E>(scope, id)?.ok_or(AppError::NotFound(E::KIND.word()))?;
        self.check_visible(scope, &found.clone().into_any())?;
        Ok(found)
    }

    /// The one of a kind that has this id or name.
    pub fn find_record<E: Stored>(&self, scope: &Scope, which: &str) -> Result<E, AppError> {
        if let Ok(id) = Uuid::parse_str(which.trim()) {
            return self.record(scope, id);
        }
        scope.require(scope.to_read(E::KIND))?;
        let space = muster_domain::claims::named(E::KIND, which);
        let found = self.read_in(scope, &[E::KIND], |r, _| {
            let holders = r.claimed(scope.org(), &space.space, std::slice::from_ref(&space.key))?;
            match holders.first() {
                Some((_, _, id)) => Ok(r.get::<E>(scope.org(), *id)?),
                None => Ok(None),
            }
        })?;
        let found = found.ok_or(AppError::NotFound(E::KIND.word()))?;
        self.check_visible(scope, &found.clone().into_any())?;
        Ok(found)
    }

    /// The id of what a name stands for: a person by username, extension or email, anything else by its name.
    pub fn id_of_name(&self, scope: &Scope, kind: EntityKind, name: &str) -> Result<Uuid, AppError> {
        match kind {
            EntityKind::User => Ok(self.find_user(scope, name.trim())?.id.0),
            EntityKind::Site => by_name(self.sites(scope)?, name, |site| (site.id.0, site.name.as_str())),
            EntityKind::Connection => by_name(self.connections(scope)?, name, |connection| {
                (connection.id.0, connection.name.as_str())
            }),
            EntityKind::PhoneNumber => self.id_of_number(scope, name),
            kind => for_kind!(kind, E => Ok(self.find_record::<E>(scope, name)?.id())),
        }
    }

    fn id_of_number(&self, scope: &Scope, number: &str) -> Result<Uuid, AppError> {
        let number = E164::parse(number).map_err(|_| AppError::NotFound("number"))?;
        scope.require_whole(Permission::PhonesRead)?;
        let found = self.read_in(scope, &[EntityKind::PhoneNumber], |r, _| {
            Ok(r.claimed(scope.org(), NUMBER_SPACE, &[number.to_smol()])?)
        })?;
        found.first().map(|(_, _, id)| *id).ok_or(AppError::NotFound("number"))
    }

    pub fn create_record<E: Stored>(
        &self,
        scope: &Scope,
        values: &[(&'static str, Value)],
    ) -> Result<Done, AppError> {
        scope.require(Permission::to_write(E::KIND))?;
        self.change(scope, Allow::default(), |session| {
            tags::check_count(session, scope.org(), E::KIND)?;
            let mut record = E::blank(scope.org(), Uuid::now_v7());
            set(&mut record, values, |edit| edit != Edit::ByCommand)?;
            place_in_dial_plan(session, &mut record)?;
            session.create(&record)?;
            crate::stock::beside(session, &record.clone().into_any())?;
            Ok(record.id())
        })
    }

    /// `version`: the one that the caller read (`If-Match`); `None` takes the newest.
    pub fn edit_record<E: Stored>(
        &self,
        scope: &Scope,
        id: Uuid,
        version: Option<u64>,
        values: &[(&'static str, Value)],
    ) -> Result<Done, AppError> {
        scope.require(Permission::to_write(E::KIND))?;
        self.change(scope, Allow::default(), |session| {
            let before = session.tx.get::<E>(scope.org(), id)?.ok_or(AppError::NotFound(E::KIND.word()))?;
            check_version(&before, version)?;
            let mut after = before.clone();
            set(&mut after, values, |edit| edit == Edit::Free)?;
            check_name(session, &after)?;
            check_location(session, &before, &after)?;
            session.check_named_by(&before, &after)?;
            session.update(&before, &after)?;
            tags::follow(session, &before, Some(&after))?;
            Ok(id)
        })
    }

    /// Refused while something names it.
    pub fn remove_record<E: Stored>(&self, scope: &Scope, id: Uuid) -> Result<Done, AppError> {
        scope.require(Permission::to_write(E::KIND))?;
        self.change(scope, Allow::default(), |session| {
            let before = session.tx.get::<E>(scope.org(), id)?.ok_or(AppError::NotFound(E::KIND.word()))?;
            check_not_the_last(session, E::KIND)?;
            check_unnamed(session, scope, &before)?;
            crate::stock::check_free(&before.clone().into_any())?;
            session.apply(vec![removal_of(&before)])?;
            tags::follow(session, &before, None)?;
            Ok(id)
        })
    }
}

fn by_name<E: Entity>(
    all: Vec<E>,
    name: &str,
    called: impl Fn(&E) -> (Uuid, &str),
) -> Result<Uuid, AppError> {
    let key = fold(name);
    let found = all.iter().map(called).find(|(_, other)| fold(other) == key);
    found.map(|(id, _)| id).ok_or(AppError::NotFound(E::KIND.word()))
}

pub(crate) fn check_version<E: Entity>(current: &E, version: Option<u64>) -> Result<(), AppError> {
    match version {
        Some(expected) if expected != current.version() => {
            let (kind, id, current) = (E::KIND, current.id(), current.version());
            Err(Refusal::Stale { kind, id, expected, current }.into())
        }
        _ => Ok(()),
    }
}

/// No two sites and no two connections are called the same; other kinds claim their names.
fn check_name<E: Stored>(session: &mut Session<'_>, after: &E) -> Result<(), AppError> {
    let names: Vec<(Uuid, String)> = match E::KIND {
        EntityKind::Site => session.sites()?.iter().map(|s| (s.id.0, fold(s.name.as_str()))).collect(),
        EntityKind::Connection => {
            session.connections()?.iter().map(|c| (c.id.0, fold(c.name.as_str()))).collect()
        }
        _ => return Ok(()),
    };
    let name = E::field("name").map(|field| (field.get)(after)).unwrap_or_default();
    let name = name.as_text().unwrap_or_default();
    match names.iter().find(|(id, other)| *id != after.id() && *other == fold(name)) {
        Some((id, _)) => {
            let holder = Some(Holder { kind: E::KIND, id: *id, name: None });
            Err(Refusal::Taken { field: "name", value: name.to_string(), holder }.into())
        }
        None => Ok(()),
    }
}

/// A site's default emergency location is one of the company's.
fn check_location<E: Stored>(session: &mut Session<'_>, before: &E, after: &E) -> Result<(), AppError> {
    match (before.clone().into_any(), after.clone().into_any()) {
        (AnyEntity::Site(before), AnyEntity::Site(after))
            if before.emergency_location != after.emergency_location =>
        {
            crate::emergency::check_of_site(session.tx, &after)
        }
        _ => Ok(()),
    }
}

/// An emergency location is named by its nickname: it stays while somebody or a site names it.
fn check_unnamed<E: Stored>(session: &mut Session<'_>, scope: &Scope, record: &E) -> Result<(), AppError> {
    let AnyEntity::EmergencyLocation(location) = record.clone().into_any() else { return Ok(()) };
    let name = Value::text(location.name.as_str());
    let users = session.tx.count_with::<User>(scope.org(), "emergency_location", &name)?;
    let sites = session.tx.count_with::<Site>(scope.org(), "emergency_location", &name)?;
    match (users, sites) {
        (0, 0) => Ok(()),
        (0, count) => Err(Refusal::InUse { by: EntityKind::Site, count }.into()),
        (count, _) => Err(Refusal::InUse { by: EntityKind::User, count }.into()),
    }
}

/// People belong to a site and a connection: one of each there must be.
fn check_not_the_last(session: &mut Session<'_>, kind: EntityKind) -> Result<(), AppError> {
    let there = match kind {
        EntityKind::Site => session.sites()?.len(),
        EntityKind::Connection => session.connections()?.len(),
        _ => return Ok(()),
    };
    if there > 1 {
        return Ok(());
    }
    Err(Refusal::NotAllowed(format!("the last {} stays: people need one", kind.word())).into())
}

/// Sets what a request names; every field that is not right is said.
pub(crate) fn set<E: Entity>(
    record: &mut E,
    values: &[(&'static str, Value)],
    allowed: impl Fn(Edit) -> bool,
) -> Result<(), AppError> {
    let mut errors = Vec::new();
    for (name, value) in values {
        let Some(field) = E::field(name) else { continue };
        if !allowed(field.meta.edit) && (field.get)(record) != *value {
            errors.push(FieldError::new(field.name, "cannot be changed this way", "leave it out"));
        } else if let Err(reason) = (field.set)(record, value) {
            errors.push(field.error(reason));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Refusal::Invalid(errors).into()) }
}

/// What has an extension is in the dial plan of the organization's first connection unless it says otherwise.
fn place_in_dial_plan<E: Entity>(session: &mut Session<'_>, record: &mut E) -> Result<(), AppError> {
    let holds = |field: &FieldDef<E>, record: &E| !(field.get)(record).is_null();
    let (Some(extension), Some(connection)) = (E::field("extension"), E::field("connection")) else {
        return Ok(());
    };
    if holds(extension, record)
        && !holds(connection, record)
        && let Some(first) = session.connections()?.first()
    {
        let value = Value::Id(first.id.0);
        (connection.set)(record, &value)
            .map_err(|reason| Refusal::Invalid(vec![connection.error(reason)]))?;
    }
    Ok(())
}
