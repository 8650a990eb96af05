//! What was: things as of a change, from the log alone, and whole snapshots of an earlier state.
//!
//! Of a snapshot only what was touched since is replayed; everything else is as it is stored. Temporary views
//! then stand before the tables of the same names, so that whatever reads the tables reads the past: filters,
//! sorting and cursors are one code for now and then.

use muster_domain::claims;
use muster_domain::field::{Entity, EntityKind};
use muster_domain::for_kind;
use muster_domain::ids::{ChangeSetId, OrgId};
use muster_domain::replay::Replayed;
use muster_domain::types::UnixMillis;
use uuid::Uuid;

use crate::log::{LINE, line_from};
use crate::sql::dialect::Dialect;
use crate::sql::{ColumnType, Insert, List, Param};
use crate::table::{table_of, to_row};
use crate::{AnyEntity, Change, Reader, StoreError, Stored, body};

/// Things replayed at once.
const THINGS_MAX: usize = 500;

/// A moment of an organization's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// After this change.
    Seq(u64),
    /// After the last change that was made at or before this time.
    Time(UnixMillis),
}

/// A line of the log by its number and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub seq: u64,
    pub at: UnixMillis,
}

/// What the log says that a thing was.
#[derive(Clone, Debug, PartialEq)]
pub enum Past<E> {
    NotThere,
    There(Box<E>),
    /// What it was then has been erased.
    Erased,
}

impl Reader {
    /// The last change at a moment; `None` where the moment is before the first change, or the log does not
    /// reach so far.
    pub fn mark_at(&mut self, org: OrgId, moment: Moment) -> Result<Option<Mark>, StoreError> {
        let (wanted, value) = match moment {
            Moment::Seq(seq) => ("seq = ?2", Param::uint(seq)),
            Moment::Time(at) => ("at <= ?2", Param::Int(at.0)),
        };
        let sql =
            format!("SELECT seq, at FROM changes WHERE org_id = ?1 AND {wanted} ORDER BY seq DESC LIMIT 1");
        let mark = |row: &crate::sql::Row<'_>| Ok(Mark { seq: row.uint(0)?, at: UnixMillis(row.int(1)?) });
        self.conn.first(&sql, &[Param::Id(org.0), value], mark)
    }

    /// Where the set begins and ends that goes on over this change: what was done together is half done
    /// after it. `None`: a set ends here.
    pub fn set_cut_at(&mut self, org: OrgId, seq: u64) -> Result<Option<(u64, u64)>, StoreError> {
        let sql = "SELECT s.first_seq, s.last_seq FROM change_sets s JOIN changes c \
                   ON c.org_id = s.org_id AND c.set_id = s.set_id \
                   WHERE c.org_id = ?1 AND c.seq = ?2 AND s.last_seq > ?2 AND EXISTS \
                   (SELECT 1 FROM changes n WHERE n.org_id = ?1 AND n.seq = ?3 AND n.set_id = c.set_id)";
        let params = [Param::Id(org.0), Param::uint(seq), Param::uint(seq + 1)];
        self.conn.first(sql, &params, |row| Ok((row.uint(0)?, row.uint(1)?)))
    }

    /// How many changes the set has that this change is of.
    pub fn set_size_at(&mut self, org: OrgId, seq: u64) -> Result<u64, StoreError> {
        let sql = "SELECT s.last_seq - s.first_seq + 1 FROM change_sets s JOIN changes c \
                   ON c.org_id = s.org_id AND c.set_id = s.set_id WHERE c.org_id = ?1 AND c.seq = ?2";
        let size = self.conn.first(sql, &[Param::Id(org.0), Param::uint(seq)], |row| row.uint(0))?;
        Ok(size.unwrap_or(0))
    }

    /// Ids of a kind that changes after `seq` are about, in order.
    pub fn touched_since(&mut self, org: OrgId, kind: EntityKind, seq: u64) -> Result<Vec<Uuid>, StoreError> {
        let sql = "SELECT entity_id FROM changes WHERE org_id = ?1 AND seq > ?2 AND entity = ?3";
        let params = [Param::Id(org.0), Param::uint(seq), kind.word().into()];
        let mut ids = self.conn.collect(sql, &params, |row| row.id(0))?;
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// What the changes of a set are about, by kind, in order.
    pub fn touched_by(
        &mut self,
        org: OrgId,
        set: ChangeSetId,
    ) -> Result<Vec<(EntityKind, Uuid)>, StoreError> {
        let sql = "SELECT c.entity, c.entity_id FROM change_sets s JOIN changes c ON c.org_id = s.org_id \
                   AND c.seq BETWEEN s.first_seq AND s.last_seq AND c.set_id = s.set_id \
                   WHERE s.org_id = ?1 AND s.set_id = ?2";
        let params = [Param::Id(org.0), Param::Id(set.0)];
        let mut touched = self
            .conn
            .collect(sql, &params, |row| Ok((crate::reader::kind_from(row.text(0)?)?, row.id(1)?)))?;
        touched.sort_unstable();
        touched.dedup();
        Ok(touched)
    }

    /// The changes that a set made of some things, thing by thing, oldest first.
    pub fn changes_of_set(
        &mut self,
        org: OrgId,
        set: ChangeSetId,
        ids: &[Uuid],
    ) -> Result<Vec<Change>, StoreError> {
        let sql = format!(
            "{LINE} WHERE c.org_id = ?1 AND c.set_id = ?2 AND c.entity_id {{ONE_OF_3}} \
             ORDER BY c.entity_id, c.seq"
        );
        let mut lines = Vec::new();
        self.conn.query_each(&sql, &[Param::Id(org.0), Param::Id(set.0)], List::Ids(ids), &mut |row| {
            lines.push(crate::log::decoded(line_from(org, row)?)?);
            Ok(())
        })?;
        Ok(lines)
    }

    /// What things of a kind were after the change `seq`, in the order of the ids.
    pub fn past<E: Entity>(
        &mut self,
        org: OrgId,
        ids: &[Uuid],
        seq: u64,
    ) -> Result<Vec<(Uuid, Past<E>)>, StoreError> {
        let mut all = Vec::with_capacity(ids.len());
        for ids in ids.chunks(THINGS_MAX) {
            let mut replayed: Vec<Replayed> = Vec::with_capacity(ids.len());
            let sql = format!(
                "{LINE} WHERE c.org_id = ?1 AND c.seq <= ?2 AND c.entity_id {{ONE_OF_3}} \
                 AND c.entity = '{}' ORDER BY c.entity_id, c.seq",
                E::KIND.word()
            );
            self.conn.query_each(
                &sql,
                &[Param::Id(org.0), Param::uint(seq)],
                List::Ids(ids),
                &mut |row| {
                    let line = line_from(org, row)?;
                    let id = line.envelope.entity_id;
                    let body = line.body.map(|raw| body::decode(E::KIND, id, &raw.json)).transpose()?;
                    if replayed.last().is_none_or(|thing| thing.id != id) {
                        replayed.push(Replayed::new(E::KIND, id));
                    }
                    if let Some(thing) = replayed.last_mut() {
                        thing.apply(&line.envelope, body.as_ref());
                    }
                    Ok(())
                },
            )?;
            let by_id: rustc_hash::FxHashMap<Uuid, Replayed> =
                replayed.into_iter().map(|thing| (thing.id, thing)).collect();
            for id in ids {
                let past = by_id.get(id).map_or(Ok(Past::NotThere), |thing| past_of::<E>(org, thing))?;
                all.push((*id, past));
            }
        }
        Ok(all)
    }

    /// Puts the state after the change `seq` before the tables of these kinds, until the transaction is
    /// rolled back. Returns how many things there were of which nothing can be told because it was erased.
    ///
    /// With [`EntityKind::User`] also who held which name and number is as it was, and who was counted.
    pub(crate) fn turn_back(
        &mut self,
        org: OrgId,
        seq: u64,
        kinds: &[EntityKind],
    ) -> Result<u64, StoreError> {
        self.conn.script("CREATE TEMP TABLE touched AS SELECT entity_id AS id FROM changes WHERE 1 = 0")?;
        let mut erased = 0;
        let people = kinds.contains(&EntityKind::User);
        if people {
            self.conn.script("CREATE TEMP TABLE was_claims AS SELECT * FROM claims WHERE 1 = 0")?;
        }
        for kind in kinds {
            // Its row has the head of the log, which is now's.
            if *kind == EntityKind::Organization {
                return Err(StoreError::Misuse("an organization is replayed by itself"));
            }
            erased += for_kind!(*kind, E => self.replay_kind::<E>(org, seq, people)?);
        }
        self.conn.script("CREATE INDEX touched_id ON touched (id)")?;
        let schema = self.schema()?;
        for kind in kinds {
            let name = table_of(*kind).name;
            self.conn.script(&format!(
                "CREATE INDEX was_{name}_id ON was_{name} (id); \
                 CREATE TEMP VIEW {name} AS SELECT * FROM {schema}.{name} now WHERE NOT EXISTS \
                 (SELECT 1 FROM touched t WHERE t.id = now.id) UNION ALL SELECT * FROM was_{name}"
            ))?;
        }
        if people {
            self.conn.script(&format!(
                "CREATE TEMP VIEW claims AS SELECT * FROM {schema}.claims now WHERE NOT EXISTS \
                 (SELECT 1 FROM touched t WHERE t.id = now.owner_id) UNION ALL SELECT * FROM was_claims; \
                 CREATE TEMP VIEW changes AS SELECT * FROM {schema}.changes now WHERE now.seq <= {seq}"
            ))?;
        }
        if self.conn.dialect() == Dialect::Postgres {
            let names = kinds.iter().map(|kind| format!("ANALYZE was_{};", table_of(*kind).name));
            self.conn.script(&format!("ANALYZE touched; {}", names.collect::<String>()))?;
        }
        Ok(erased)
    }

    fn replay_kind<E: Stored>(&mut self, org: OrgId, seq: u64, claims: bool) -> Result<u64, StoreError> {
        let table = table_of(E::KIND);
        let was = format!("was_{}", table.name);
        self.conn.script(&format!("CREATE TEMP TABLE {was} AS SELECT * FROM {} WHERE 1 = 0", table.name))?;
        let insert = Insert::new(&was, table.insert.columns.clone());
        let insert_id = Insert::of("touched", &[("id", ColumnType::Id)]);
        let mut erased = 0;
        for ids in self.touched_since(org, E::KIND, seq)?.chunks(THINGS_MAX) {
            let (mut rows, mut held) = (Vec::with_capacity(ids.len()), Vec::new());
            for (_, past) in self.past::<E>(org, ids, seq)? {
                match past {
                    Past::NotThere => {}
                    Past::Erased => erased += 1,
                    Past::There(thing) => {
                        rows.push(to_row(&*thing, thing.created_at()));
                        if claims {
                            held.extend(claims_of(thing.into_any()));
                        }
                    }
                }
            }
            let ids: Vec<Vec<Param<'_>>> = ids.iter().map(|id| vec![Param::Id(*id)]).collect();
            self.conn.insert(&insert_id, &ids)?;
            self.conn.insert(&insert, &rows)?;
            self.insert_claims(org, &held)?;
        }
        Ok(erased)
    }

    fn insert_claims(
        &mut self,
        org: OrgId,
        held: &[(claims::Claim, EntityKind, Uuid)],
    ) -> Result<(), StoreError> {
        use ColumnType::{Id, Text};
        if held.is_empty() {
            return Ok(());
        }
        let columns = [("org_id", Id), ("space", Text), ("key", Text), ("kind", Text), ("owner_id", Id)];
        let rows = held.iter().map(|(claim, kind, owner)| {
            let (space, key) = (Param::Smol(claim.space.clone()), Param::Smol(claim.key.clone()));
            vec![Param::Id(org.0), space, key, kind.word().into(), Param::Id(*owner)]
        });
        self.conn.insert(&Insert::of("was_claims", &columns), &rows.collect::<Vec<_>>())
    }

    /// Where the tables are, as SQL names it.
    fn schema(&mut self) -> Result<String, StoreError> {
        if self.conn.dialect() == Dialect::Sqlite {
            return Ok("main".into());
        }
        let schema = self
            .conn
            .first("SELECT quote_ident(current_schema())::text", &[], |row| Ok(row.text(0)?.to_string()))?;
        schema.ok_or(StoreError::Misuse("no schema has the tables"))
    }
}

fn past_of<E: Entity>(org: OrgId, thing: &Replayed) -> Result<Past<E>, StoreError> {
    if thing.is_here() && !thing.wholly_known() {
        return Ok(Past::Erased);
    }
    let found = thing.thing::<E>(org).map_err(|e| {
        let (kind, id) = (E::KIND.word(), thing.id);
        StoreError::Corrupt(format!("the log of {kind} {id} cannot be replayed: {} {}", e.field, e.reason))
    })?;
    Ok(found.map_or(Past::NotThere, |found| Past::There(Box::new(found))))
}

fn claims_of(thing: AnyEntity) -> Vec<(claims::Claim, EntityKind, Uuid)> {
    let (kind, id) = (thing.kind(), thing.id());
    thing.claims().into_iter().map(|claim| (claim, kind, id)).collect()
}
