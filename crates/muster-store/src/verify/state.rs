//! The law of the log, tried: replaying the bodies gives exactly what the tables hold.
//!
//! The log is read thing by thing, so that one thing at a time is folded and a page of them compared.

use muster_domain::field::{Entity, EntityKind};
use muster_domain::for_kind;
use muster_domain::ids::OrgId;
use muster_domain::replay::{Difference, Replayed};
use rustc_hash::FxHashMap;
use uuid::Uuid;

use super::{Differing, Erased, NAMED_MAX, StateCheck, Verification};
use crate::log::{LINE, LINES_MAX, line_from};
use crate::sql::Param;
use crate::table::table_of;
use crate::{RawChange, Reader, StoreError, body};

/// Things compared at once.
const THINGS_MAX: usize = 500;

impl Reader {
    /// The log must have been found whole: a body that cannot be read is said to be broken here.
    pub(super) fn check_state(&mut self, org: OrgId, found: &mut Verification) -> Result<(), StoreError> {
        let mut check = StateCheck::default();
        // Those of the one id that is being read; an id is of one kind, unless somebody made it otherwise.
        let mut open: Vec<Replayed> = Vec::new();
        let mut ready: Vec<Replayed> = Vec::new();
        let mut after = (Uuid::nil(), 0);
        loop {
            let lines = self.lines_by_thing(org, after)?;
            let Some(last) = lines.last() else { break };
            after = (last.envelope.entity_id, last.envelope.seq);
            for line in &lines {
                if open.first().is_some_and(|thing| thing.id != line.envelope.entity_id) {
                    ready.append(&mut open);
                }
                if let Err(why) = apply(&mut open, line) {
                    found.broken = Some((line.envelope.seq, why));
                    return Ok(());
                }
            }
            if ready.len() >= THINGS_MAX {
                self.compare(org, &std::mem::take(&mut ready), &mut check)?;
            }
        }
        ready.append(&mut open);
        self.compare(org, &ready, &mut check)?;
        for kind in EntityKind::ALL {
            self.find_unlogged(org, *kind, &mut check)?;
        }
        found.state = Some(check);
        Ok(())
    }

    fn lines_by_thing(&mut self, org: OrgId, after: (Uuid, u64)) -> Result<Vec<RawChange>, StoreError> {
        let sql = format!(
            "{LINE} WHERE c.org_id = ?1 AND (c.entity_id, c.seq) > (?2, ?3) \
             ORDER BY c.entity_id, c.seq LIMIT ?4"
        );
        let params =
            [Param::Id(org.0), Param::Id(after.0), Param::uint(after.1), Param::uint(LINES_MAX as u64)];
        self.conn.collect(&sql, &params, |row| line_from(org, row))
    }

    fn compare(&mut self, org: OrgId, things: &[Replayed], check: &mut StateCheck) -> Result<(), StoreError> {
        for page in things.chunks(THINGS_MAX) {
            for kind in EntityKind::ALL {
                let of_kind: Vec<&Replayed> = page.iter().filter(|thing| thing.kind == *kind).collect();
                if !of_kind.is_empty() {
                    for_kind!(*kind, E => self.compare_kind::<E>(org, &of_kind, check))?;
                }
            }
        }
        Ok(())
    }

    fn compare_kind<E: Entity>(
        &mut self,
        org: OrgId,
        things: &[&Replayed],
        check: &mut StateCheck,
    ) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = things.iter().map(|thing| thing.id).collect();
        let stored = match self.get_many::<E>(org, &ids) {
            Ok(stored) => stored,
            // One row that cannot be read: which one is asked below.
            Err(StoreError::Corrupt(_)) => Vec::new(),
            Err(other) => return Err(other),
        };
        let stored: FxHashMap<Uuid, E> = stored.into_iter().map(|entity| (entity.id(), entity)).collect();
        for thing in things {
            check.count_erased(thing);
            let mut difference = thing.difference(stored.get(&thing.id)).map(|d| explain::<E>(thing.id, d));
            if stored.is_empty() && difference.is_some() {
                difference = match self.get::<E>(org, thing.id) {
                    Ok(alone) => thing.difference(alone.as_ref()).map(|d| explain::<E>(thing.id, d)),
                    Err(StoreError::Corrupt(why)) => Some(unreadable::<E>(thing.id, &why)),
                    Err(other) => return Err(other),
                };
            }
            match difference {
                Some(mut differing) => {
                    if check.first.is_none() {
                        differing.name = self.name_of(org, E::KIND, thing.id)?;
                    }
                    check.differs(differing);
                }
                None if !thing.is_here() => {}
                None if thing.wholly_known() => check.alike += 1,
                None => check.partly_erased += 1,
            }
        }
        Ok(())
    }

    /// Rows of which the log never spoke.
    fn find_unlogged(
        &mut self,
        org: OrgId,
        kind: EntityKind,
        check: &mut StateCheck,
    ) -> Result<(), StoreError> {
        let table = table_of(kind).name;
        let sql = format!(
            "SELECT t.id FROM {table} t WHERE t.org_id = ?1 AND NOT EXISTS \
             (SELECT 1 FROM changes c WHERE c.org_id = ?1 AND c.entity_id = t.id AND c.entity = ?3) \
             ORDER BY t.id LIMIT ?2"
        );
        let params = [Param::Id(org.0), Param::uint(LINES_MAX as u64), kind.word().into()];
        let ids = self.conn.collect(&sql, &params, |row| row.id(0))?;
        for id in ids {
            let name = if check.first.is_none() { self.name_of(org, kind, id)? } else { None };
            let why = "it is stored, and the log has never spoken of it".into();
            check.differs(Differing { kind, id, name, field: None, why });
        }
        Ok(())
    }

    /// What a stored thing is called; `None` if it is not there or its name cannot be read.
    pub(super) fn name_of(
        &mut self,
        org: OrgId,
        kind: EntityKind,
        id: Uuid,
    ) -> Result<Option<String>, StoreError> {
        let (table, name) = (table_of(kind).name, name_column(kind));
        let sql = format!("SELECT \"{name}\" FROM {table} WHERE org_id = ?1 AND id = ?2");
        self.conn
            .first(&sql, &[Param::Id(org.0), Param::Id(id)], |row| Ok(row.text(0).ok().map(str::to_string)))
            .map(Option::flatten)
    }
}

pub(super) fn name_column(kind: EntityKind) -> &'static str {
    if kind == EntityKind::User { "display_name" } else { "name" }
}

impl StateCheck {
    fn differs(&mut self, differing: Differing) {
        self.differing += 1;
        self.first.get_or_insert(differing);
    }

    fn count_erased(&mut self, thing: &Replayed) {
        let Some(first) = thing.erased_first else { return };
        self.erased_things += 1;
        if self.erased.len() < NAMED_MAX {
            let (kind, id, removed_by) = (thing.kind, thing.id, thing.removed_by);
            self.erased.push(Erased { kind, id, bodies: thing.erased, first, removed_by });
        }
    }
}

fn apply(open: &mut Vec<Replayed>, line: &RawChange) -> Result<(), String> {
    let (kind, id) = (line.envelope.entity, line.envelope.entity_id);
    let read = line.body.as_ref().map(|raw| body::decode(kind, id, &raw.json)).transpose();
    let body = read.map_err(|e| format!("it cannot be replayed: {e}"))?;
    let place = open.iter().position(|thing| thing.kind == kind).unwrap_or_else(|| {
        open.push(Replayed::new(kind, id));
        open.len() - 1
    });
    open[place].apply(&line.envelope, body.as_ref());
    Ok(())
}

fn explain<E: Entity>(id: Uuid, difference: Difference) -> Differing {
    let (field, why) = match difference {
        Difference::NotStored => (None, "the log has it, and it is not stored".to_string()),
        Difference::NotInLog => (None, "it is stored, though the log removed it".to_string()),
        Difference::Contradiction(seq) => (None, format!("the log contradicts itself at change {seq}")),
        Difference::Field(field) => (Some(field), format!("its {field} is not what the log says")),
    };
    Differing { kind: E::KIND, id, name: None, field, why }
}

fn unreadable<E: Entity>(id: Uuid, why: &str) -> Differing {
    let why = format!("its row cannot be read: {why}");
    Differing { kind: E::KIND, id, name: None, field: None, why }
}
