//! What names what: the links of fields that name many things, and who refers to a thing.

use muster_domain::field::{Entity, EntityKind};
use muster_domain::ids::OrgId;
use muster_domain::references::{AtRemoval, ids_in, referrers};
use muster_domain::value::FieldType;
use uuid::Uuid;

use crate::any::each_kind;
use crate::reader::kind_from;
use crate::sql::{ColumnType, Conn, Insert, List, Param};
use crate::table::{from_row, table_of};
use crate::{AnyEntity, Reader, Recorded, StoreError};

/// A field of one thing that names another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What is named.
    pub to: Uuid,
    /// What names it, and by which field.
    pub kind: EntityKind,
    pub id: Uuid,
    pub field: &'static str,
    pub at_removal: AtRemoval,
}

/// Brings the links in step with the rows of these changes.
pub(crate) fn write(conn: &mut Conn, batch: &[Recorded]) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    for recorded in batch {
        let (old, new) = (links_of(recorded.before.as_ref()), links_of(recorded.after.as_ref()));
        if old == new {
            continue;
        }
        let Some(entity) = recorded.after.as_ref().or(recorded.before.as_ref()) else { continue };
        let (org, id, kind) = (entity.org(), entity.id(), entity.kind());
        for (field, to) in old.iter().filter(|link| !new.contains(link)) {
            let sql = "DELETE FROM links WHERE org_id = ?1 AND from_id = ?2 AND field = ?3 AND to_id = ?4";
            let params = [Param::Id(org.0), Param::Id(id), Param::from(*field), Param::Id(*to)];
            // What the same batch has only just brought must be there to be taken.
            insert(conn, &mut rows)?;
            conn.execute(sql, &params)?;
        }
        for (field, to) in new.into_iter().filter(|link| !old.contains(link)) {
            rows.push(vec![Param::Id(org.0), Param::Id(to), kind.word().into(), Param::Id(id), field.into()]);
        }
    }
    insert(conn, &mut rows)
}

fn insert(conn: &mut Conn, rows: &mut Vec<Vec<Param<'static>>>) -> Result<(), StoreError> {
    use ColumnType::{Id, Text};
    if rows.is_empty() {
        return Ok(());
    }
    let columns = [("org_id", Id), ("to_id", Id), ("kind", Text), ("from_id", Id), ("field", Text)];
    let insert = Insert::of("links", &columns);
    // A field that names many may name more than one statement holds.
    rows.chunks(crate::tx::BATCH).try_for_each(|rows| conn.insert(&insert, rows))?;
    rows.clear();
    Ok(())
}

/// The things that an entity's lists name, each once.
fn links_of(entity: Option<&AnyEntity>) -> Vec<(&'static str, Uuid)> {
    let Some(entity) = entity else { return Vec::new() };
    let mut links = each_kind!(entity, entity => of_entity(&**entity));
    links.sort_unstable();
    links.dedup();
    links
}

fn of_entity<E: muster_domain::field::Entity>(entity: &E) -> Vec<(&'static str, Uuid)> {
    let lists = E::fields().iter().filter(|f| f.meta.refers.is_some() && f.kind == FieldType::List);
    lists.flat_map(|f| ids_in(&(f.get)(entity)).into_iter().map(|id| (f.name, id))).collect()
}

/// What is named, seen from people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// The people themselves.
    People,
    /// The mailboxes that they own.
    TheirMailboxes,
}

impl Reader {
    /// What names these people, or their mailboxes, by one of its fields, as whole rows: one query, whatever there
    /// is. At most `limit`.
    pub fn naming<E: Entity>(
        &mut self,
        org: OrgId,
        field: &'static str,
        named: Named,
        people: &[Uuid],
        limit: usize,
    ) -> Result<Vec<E>, StoreError> {
        let field = E::field(field).ok_or(StoreError::Misuse("no such field"))?;
        let named = match named {
            Named::People => "{ONE_OF_2}",
            Named::TheirMailboxes => {
                "IN (SELECT id FROM mailboxes WHERE org_id = ?1 AND \"owner\" {ONE_OF_2})"
            }
        };
        let (select, name) = (&table_of(E::KIND).select, field.name);
        let wanted = match field.kind {
            FieldType::List => format!(
                "id IN (SELECT from_id FROM links WHERE org_id = ?1 AND to_id {named} \
                 AND kind = '{}' AND field = '{name}')",
                E::KIND.word()
            ),
            _ => format!("\"{name}\" {named}"),
        };
        let sql = format!("{select} WHERE org_id = ?1 AND {wanted} LIMIT {limit}");
        let mut found: Vec<E> = Vec::new();
        self.conn.query_each(&sql, &[Param::Id(org.0)], List::Ids(people), &mut |row| {
            found.push(from_row(org, row)?);
            Ok(())
        })?;
        // One list may name several of them.
        found.sort_unstable_by_key(Entity::id);
        found.dedup_by_key(|entity| entity.id());
        Ok(found)
    }

    /// Everything that names one of these things of a kind: a fixed number of queries, whatever there is.
    /// At most `limit` by each field.
    pub fn references_to(
        &mut self,
        org: OrgId,
        to: EntityKind,
        ids: &[Uuid],
        limit: usize,
    ) -> Result<Vec<Reference>, StoreError> {
        let mut found = Vec::new();
        let referrers = referrers(to);
        for referrer in referrers.iter().filter(|referrer| !referrer.many) {
            let (table, field) = (table_of(referrer.kind).name, referrer.field);
            let sql = format!(
                "SELECT id, \"{field}\" FROM {table} WHERE org_id = ?1 AND \"{field}\" {{ONE_OF_2}} LIMIT {limit}"
            );
            self.conn.query_each(&sql, &[Param::Id(org.0)], List::Ids(ids), &mut |row| {
                let (id, named) = (row.id(0)?, row.id(1)?);
                let Some(at) = ids.iter().find(|id| **id == named) else { return Ok(()) };
                found.push(Reference {
                    to: *at,
                    kind: referrer.kind,
                    id,
                    field,
                    at_removal: referrer.at_removal,
                });
                Ok(())
            })?;
        }
        let sql = format!(
            "SELECT to_id, kind, from_id, field FROM links WHERE org_id = ?1 AND to_id {{ONE_OF_2}} LIMIT {limit}"
        );
        self.conn.query_each(&sql, &[Param::Id(org.0)], List::Ids(ids), &mut |row| {
            let (to, kind, id) = (row.id(0)?, kind_from(row.text(1)?)?, row.id(2)?);
            let field = row.text(3)?;
            if let Some(referrer) = referrers.iter().find(|r| r.many && r.kind == kind && r.field == field) {
                let (field, at_removal) = (referrer.field, referrer.at_removal);
                found.push(Reference { to, kind, id, field, at_removal });
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Links and columns that name what is not there: none, or something went wrong. At most a hundred.
    pub fn dangling(&mut self, org: OrgId) -> Result<Vec<Reference>, StoreError> {
        let mut found = Vec::new();
        for to in EntityKind::ALL {
            let there = table_of(*to).name;
            for referrer in referrers(*to) {
                let (table, field) = (table_of(referrer.kind).name, referrer.field);
                let refers_to_one = for_one_kind(referrer.kind, field);
                let sql = match referrer.many {
                    false => format!(
                        "SELECT id, \"{field}\" FROM {table} a WHERE org_id = ?1 AND \"{field}\" IS NOT NULL AND NOT EXISTS \
                         (SELECT 1 FROM {there} b WHERE b.org_id = a.org_id AND b.id = a.\"{field}\") LIMIT 100"
                    ),
                    // A list that may name several kinds is looked at once, for the last of them.
                    true if refers_to_one.last() != Some(to) => continue,
                    true => {
                        let gone: String = refers_to_one
                            .iter()
                            .map(|kind| {
                                let there = table_of(*kind).name;
                                format!(" AND NOT EXISTS (SELECT 1 FROM {there} b WHERE b.org_id = a.org_id AND b.id = a.to_id)")
                            })
                            .collect();
                        format!(
                            "SELECT from_id, to_id FROM links a WHERE org_id = ?1 AND kind = '{}' AND field = '{field}'{gone} LIMIT 100",
                            referrer.kind.word()
                        )
                    }
                };
                self.conn.query(&sql, &[Param::Id(org.0)], &mut |row| {
                    let (id, to) = (row.id(0)?, row.id(1)?);
                    let (kind, at_removal) = (referrer.kind, referrer.at_removal);
                    found.push(Reference { to, kind, id, field, at_removal });
                    Ok(())
                })?;
            }
        }
        Ok(found)
    }

    /// What a thing's lists name, as the links have it: to be compared with the row.
    pub fn links_from(&mut self, org: OrgId, id: Uuid) -> Result<Vec<(String, Uuid)>, StoreError> {
        let sql = "SELECT field, to_id FROM links WHERE org_id = ?1 AND from_id = ?2 ORDER BY field, to_id";
        self.conn.collect(sql, &[Param::Id(org.0), Param::Id(id)], |row| {
            Ok((row.text(0)?.to_string(), row.id(1)?))
        })
    }
}

/// The kinds that a field may name.
fn for_one_kind(kind: EntityKind, field: &str) -> &'static [EntityKind] {
    fn of<E: muster_domain::field::Entity>(field: &str) -> &'static [EntityKind] {
        E::field(field).and_then(|f| f.meta.refers).map_or(&[], |refers| refers.to)
    }
    muster_domain::for_kind!(kind, E => of::<E>(field))
}
