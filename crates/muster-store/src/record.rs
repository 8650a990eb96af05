//! Recording changes: rows, claims and the log of one organization, in step.

use std::sync::OnceLock;

use muster_domain::change::{EntityChange, Op, Origin, PURGED_WORD, change_kind, restore_word};
use muster_domain::claims::Claim;
use muster_domain::field::{Entity, EntityKind};
use muster_domain::log::{Envelope, body_hash, chain_hash};
use muster_domain::types::UnixMillis;
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;
use uuid::Uuid;

use crate::any::each_kind;
use crate::body;
use crate::keys::random;
use crate::links;
use crate::reader::kind_from;
use crate::sql::{ColumnType, Conn, Insert, List, Param};
use crate::table::{folded, table_of, to_row};
use crate::tx::{BATCH, Stamp};
use crate::{AnyEntity, OrgHead, Recorded, StoreError};

pub fn record(
    conn: &mut Conn,
    head: &mut OrgHead,
    stamp: &Stamp,
    changes: &[Recorded],
) -> Result<(), StoreError> {
    for recorded in changes {
        check(head, recorded)?;
    }
    let first = head.head_seq + 1;
    let mut claims = Claims { conn, head, acquired: FxHashSet::default() };
    claims.release_all(changes)?;
    for batch in changes.chunks(BATCH) {
        claims.acquire(batch)?;
    }
    for part in changes.chunks(PART) {
        let log = write_part(conn, head, stamp, part)?;
        for batch in &log.batches {
            conn.insert(change_insert(), &batch.envelopes)?;
            conn.insert(body_insert(), &batch.bodies)?;
        }
        *head = log.head;
    }
    if head.head_seq >= first {
        let sql = "INSERT INTO change_sets (org_id, set_id, first_seq, last_seq) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT (org_id, set_id) DO UPDATE SET last_seq = excluded.last_seq";
        let params =
            [Param::Id(head.org.0), Param::Id(stamp.set.0), Param::uint(first), Param::uint(head.head_seq)];
        conn.execute(sql, &params)?;
    }
    let sql = "UPDATE organizations SET head_seq = ?2, head_hash = ?3 WHERE org_id = ?1 AND id = ?1";
    let params = [Param::Id(head.org.0), Param::uint(head.head_seq), Param::from(&head.head_hash[..])];
    if conn.execute(sql, &params)? != 1 {
        return Err(StoreError::NoOrganization(head.org));
    }
    Ok(())
}

/// Changes whose log is held in memory at once.
const PART: usize = 4000;
/// From so many changes on, a second thread pays for itself.
const THREAD_MIN: usize = 200;

/// Writes the rows of some changes; their log is made meanwhile, on another thread if they are many.
fn write_part(conn: &mut Conn, head: &OrgHead, stamp: &Stamp, part: &[Recorded]) -> Result<Log, StoreError> {
    let mut rows = || part.chunks(BATCH).try_for_each(|batch| write_rows(conn, stamp.at, batch));
    if part.len() < THREAD_MIN {
        rows()?;
        return make_log(head, stamp, part);
    }
    std::thread::scope(|scope| {
        let log = scope.spawn(|| make_log(head, stamp, part));
        let written = rows();
        let log = log.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        written.and(log)
    })
}

/// Mistakes of a caller that would put one thing in the rows and another in the log.
fn check(head: &OrgHead, recorded: &Recorded) -> Result<(), StoreError> {
    let Recorded { change, before, after, .. } = recorded;
    let shape = (change.op, before.is_some(), after.is_some());
    if !matches!(shape, (Op::Create, false, true) | (Op::Update, true, true) | (Op::Remove, true, false)) {
        return Err(StoreError::Misuse("before and after do not go with the operation"));
    }
    if change.kind == EntityKind::Organization && change.op == Op::Remove {
        return Err(StoreError::Misuse("an organization is not removed: its log would go with it"));
    }
    for entity in [before, after].into_iter().flatten() {
        if entity.org() != head.org || entity.id() != change.id || entity.kind() != change.kind {
            return Err(StoreError::Misuse("a change of one thing was recorded with another"));
        }
    }
    Ok(())
}

/// Gives up claims before the changes that do so are recorded.
pub fn release(conn: &mut Conn, head: &OrgHead, claims: &[(Claim, Uuid)]) -> Result<(), StoreError> {
    let mut held = Claims { conn, head, acquired: FxHashSet::default() };
    claims.iter().try_for_each(|(claim, owner)| held.release(claim, *owner))
}

struct Claims<'a> {
    conn: &'a mut Conn,
    head: &'a OrgHead,
    /// Who has acquired something in this call: only they can release what was not there before it.
    acquired: FxHashSet<Uuid>,
}

impl Claims<'_> {
    /// All that is given up goes first, so that two can swap what they have.
    fn release_all(&mut self, changes: &[Recorded]) -> Result<(), StoreError> {
        for recorded in changes {
            if recorded.before.is_some() {
                let (old, new) = both(recorded);
                for claim in old.iter().filter(|claim| !has(&new, claim)) {
                    self.release(claim, recorded.change.id)?;
                }
            }
        }
        Ok(())
    }

    fn acquire(&mut self, batch: &[Recorded]) -> Result<(), StoreError> {
        let mut wanted: Vec<(Claim, EntityKind, Uuid)> = Vec::new();
        let mut place: FxHashMap<(SmolStr, SmolStr), usize> = FxHashMap::default();
        for recorded in batch {
            let id = recorded.change.id;
            let (old, new) = both(recorded);
            for claim in old.iter().filter(|claim| !has(&new, claim)) {
                let key = (claim.space.clone(), claim.key.clone());
                if place.get(&key).is_some_and(|i| wanted[*i].2 == id) {
                    place.remove(&key);
                } else if self.acquired.contains(&id) {
                    self.release(claim, id)?;
                }
            }
            for claim in new.into_iter().filter(|claim| !has(&old, claim)) {
                let key = (claim.space.clone(), claim.key.clone());
                if let Some(other) = place.get(&key).map(|i| &wanted[*i]) {
                    return Err(taken(&claim, Some((other.1, other.2))));
                }
                place.insert(key, wanted.len());
                self.acquired.insert(id);
                wanted.push((claim, recorded.change.kind, id));
            }
        }
        let mut keep: Vec<usize> = place.into_values().collect();
        keep.sort_unstable();
        let wanted: Vec<_> = keep.into_iter().map(|i| &wanted[i]).collect();
        self.insert(&wanted)
    }

    fn release(&mut self, claim: &Claim, owner: Uuid) -> Result<(), StoreError> {
        let sql = "DELETE FROM claims WHERE org_id = ?1 AND space = ?2 AND key = ?3 AND owner_id = ?4";
        self.conn.execute(sql, &[self.org(), smol(&claim.space), smol(&claim.key), Param::Id(owner)])?;
        Ok(())
    }

    /// The organization is locked, so what is free now is free until the end of this write. The primary
    /// key stands behind it for whoever forgot the lock.
    fn insert(&mut self, wanted: &[&(Claim, EntityKind, Uuid)]) -> Result<(), StoreError> {
        if wanted.is_empty() {
            return Ok(());
        }
        static INSERT: OnceLock<Insert> = OnceLock::new();
        let insert = INSERT.get_or_init(|| {
            let text = ColumnType::Text;
            let columns = [("space", text), ("key", text), ("kind", text), ("owner_id", ColumnType::Id)];
            Insert::of("claims", &[&[("org_id", ColumnType::Id)], &columns[..]].concat())
        });
        let org = self.org();
        if let Conn::Postgres(conn) = self.conn {
            // A failed insert would end the transaction there, and nobody could be asked who holds it.
            let texts = |f: fn(&(Claim, EntityKind, Uuid)) -> SmolStr| wanted.iter().map(|w| f(w)).collect();
            let spaces: Vec<SmolStr> = texts(|w| w.0.space.clone());
            let keys: Vec<SmolStr> = texts(|w| w.0.key.clone());
            let kinds: Vec<SmolStr> = texts(|w| SmolStr::new_static(w.1.word()));
            let owners: Vec<Uuid> = wanted.iter().map(|w| w.2).collect();
            let (spaces, keys, kinds) = (List::Texts(&spaces), List::Texts(&keys), List::Texts(&kinds));
            if conn.insert_claims(&org, spaces, keys, kinds, List::Ids(&owners))? == wanted.len() as u64 {
                return Ok(());
            }
            self.find_holder(wanted)?;
            return Err(StoreError::Duplicate("claims".into()));
        }
        let rows = wanted.iter().map(|(claim, kind, owner)| {
            let (space, key) = (smol(&claim.space), smol(&claim.key));
            vec![org.clone(), space, key, Param::from(kind.word()), Param::Id(*owner)]
        });
        let rows: Vec<_> = rows.collect();
        let result = self.conn.insert(insert, &rows);
        if matches!(result, Err(StoreError::Duplicate(_))) {
            self.find_holder(wanted)?;
        }
        result
    }

    /// Fails with the first of the claims that another has.
    fn find_holder(&mut self, wanted: &[&(Claim, EntityKind, Uuid)]) -> Result<(), StoreError> {
        let mut by_space: FxHashMap<&SmolStr, Vec<SmolStr>> = FxHashMap::default();
        for (claim, _, _) in wanted {
            by_space.entry(&claim.space).or_default().push(claim.key.clone());
        }
        let sql = "SELECT key, kind, owner_id FROM claims \
                   WHERE org_id = ?1 AND space = ?2 AND key {ONE_OF_3}";
        for (space, keys) in by_space {
            let mut holders = FxHashMap::default();
            let list = List::Texts(&keys);
            self.conn.query_each(sql, &[self.org(), smol(space)], list, &mut |row| {
                holders.insert(SmolStr::new(row.text(0)?), (kind_from(row.text(1)?)?, row.id(2)?));
                Ok(())
            })?;
            for (claim, _, owner) in wanted.iter().filter(|w| w.0.space == *space) {
                if let Some(holder) = holders.get(&claim.key).filter(|holder| holder.1 != *owner) {
                    return Err(taken(claim, Some(*holder)));
                }
            }
        }
        Ok(())
    }

    fn org(&self) -> Param<'static> {
        Param::Id(self.head.org.0)
    }
}

fn both(recorded: &Recorded) -> (Vec<Claim>, Vec<Claim>) {
    let of = |entity: &Option<AnyEntity>| entity.as_ref().map_or(Vec::new(), AnyEntity::claims);
    (of(&recorded.before), of(&recorded.after))
}

fn has(claims: &[Claim], claim: &Claim) -> bool {
    claims.iter().any(|other| other.space == claim.space && other.key == claim.key)
}

fn taken(claim: &Claim, holder: Option<(EntityKind, Uuid)>) -> StoreError {
    StoreError::Taken { space: claim.space.clone(), key: claim.key.clone(), field: claim.field, holder }
}

fn smol(text: &SmolStr) -> Param<'static> {
    Param::Smol(text.clone())
}

/// Rows in the order of the changes; creations of a kind that follow each other go together.
fn write_rows(conn: &mut Conn, at: UnixMillis, batch: &[Recorded]) -> Result<(), StoreError> {
    links::write(conn, batch)?;
    let mut created: Vec<Vec<Vec<Param>>> = EntityKind::ALL.iter().map(|_| Vec::new()).collect();
    for recorded in batch {
        let kind = recorded.change.kind;
        match (&recorded.before, &recorded.after) {
            (None, Some(after)) => {
                created[kind as usize].push(each_kind!(after, entity => to_row(&**entity, at)));
            }
            (Some(before), Some(after)) => {
                insert_rows(conn, kind, &mut created[kind as usize])?;
                each_kind!(after, entity => update(conn, &**entity, before.version(), recorded))?;
            }
            (Some(before), None) => {
                insert_rows(conn, kind, &mut created[kind as usize])?;
                let params =
                    [Param::Id(before.org().0), Param::Id(before.id()), Param::uint(before.version())];
                let gone = conn.execute(&table_of(kind).delete, &params)?;
                expect_one(gone, kind, before.id())?;
            }
            (None, None) => {}
        }
    }
    // What is referred to before what refers to it, so that few references are open at a time: while one
    // is, SQLite looks for the children of every row inserted into a parent table.
    for kind in EntityKind::ALL {
        insert_rows(conn, *kind, &mut created[*kind as usize])?;
    }
    Ok(())
}

fn insert_rows(conn: &mut Conn, kind: EntityKind, rows: &mut Vec<Vec<Param>>) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let result = conn.insert(&table_of(kind).insert, rows);
    rows.clear();
    match result {
        Err(StoreError::Duplicate(why)) if why.contains("slug") => Err(StoreError::Taken {
            space: "organization".into(),
            key: "".into(),
            field: "slug",
            holder: None,
        }),
        result => result,
    }
}

/// Writes the fields that the change names, if the row is at the version it was read at.
fn update<E: Entity>(
    conn: &mut Conn,
    after: &E,
    version: u64,
    recorded: &Recorded,
) -> Result<(), StoreError> {
    use std::fmt::Write;
    let table = table_of(E::KIND);
    let mut sql = format!("UPDATE {} SET version = ?4", table.name);
    let mut params = vec![
        Param::Id(after.org().0),
        Param::Id(after.id()),
        Param::uint(version),
        Param::uint(after.version()),
    ];
    for (column, field) in table.columns.iter().zip(E::fields()) {
        if !recorded.change.fields.iter().any(|change| change.field == column.name) {
            continue;
        }
        let value = (field.get)(after);
        if column.key.folds() {
            params.push(folded(column.key, &value));
            let _ = write!(sql, ", \"{}_key\" = ?{}", column.name, params.len());
        }
        params.push(Param::of(value));
        let _ = write!(sql, ", \"{}\" = ?{}", column.name, params.len());
    }
    sql.push_str(" WHERE org_id = ?1 AND id = ?2 AND version = ?3");
    expect_one(conn.execute(&sql, &params)?, E::KIND, after.id())
}

fn expect_one(rows: u64, kind: EntityKind, id: Uuid) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Conflict { kind, id }) }
}

/// Lines of the log, ready to be inserted, and the head that they lead to.
struct Log {
    batches: Vec<LogBatch>,
    head: OrgHead,
}

struct LogBatch {
    envelopes: Vec<Vec<Param<'static>>>,
    bodies: Vec<Vec<Param<'static>>>,
}

fn make_log(head: &OrgHead, stamp: &Stamp, changes: &[Recorded]) -> Result<Log, StoreError> {
    let mut head = head.clone();
    let batches = changes.chunks(BATCH).map(|batch| make_batch(&mut head, stamp, batch));
    Ok(Log { batches: batches.collect::<Result<_, StoreError>>()?, head })
}

fn make_batch(head: &mut OrgHead, stamp: &Stamp, batch: &[Recorded]) -> Result<LogBatch, StoreError> {
    let mut salts = vec![[0_u8; 16]; batch.len()];
    random(salts.as_flattened_mut())?;
    let mut envelopes = Vec::with_capacity(batch.len());
    let mut bodies = Vec::with_capacity(batch.len());
    for (recorded, salt) in batch.iter().zip(&salts) {
        let body = body::encode(&recorded.change);
        let mut envelope = Envelope {
            org: head.org,
            seq: head.head_seq + 1,
            at: stamp.at,
            kind: kind_in_log(&recorded.change, stamp.origin),
            entity: recorded.change.kind,
            entity_id: recorded.change.id,
            actor: stamp.actor,
            set: stamp.set,
            facts: recorded.facts,
            body_hash: body_hash(salt, &body),
            hash: head.head_hash,
        };
        envelope.hash = chain_hash(&head.head_hash, &envelope);
        head.head_seq = envelope.seq;
        head.head_hash = envelope.hash;
        bodies.push(vec![
            Param::Id(head.org.0),
            Param::uint(envelope.seq),
            Param::Blob(salt.to_vec().into()),
            Param::Blob(body.into()),
        ]);
        envelopes.push(envelope_row(envelope));
    }
    Ok(LogBatch { envelopes, bodies })
}

fn kind_in_log(change: &EntityChange, origin: Origin) -> String {
    match origin {
        Origin::Ordinary => change_kind(change).to_string(),
        Origin::Restore => format!("{}.{}", change.kind.word(), restore_word(change.op)),
        Origin::Purge if change.op == Op::Remove => format!("{}.{PURGED_WORD}", change.kind.word()),
        Origin::Purge => change_kind(change).to_string(),
    }
}

fn envelope_row(e: Envelope) -> Vec<Param<'static>> {
    vec![
        Param::Id(e.org.0),
        Param::uint(e.seq),
        Param::Int(e.at.0),
        Param::Text(e.kind.into()),
        Param::from(e.entity.word()),
        Param::Id(e.entity_id),
        Param::Id(e.actor),
        Param::Id(e.set.0),
        e.facts.counted.map_or(Param::Null, Param::Bool),
        e.facts.user_type.map_or(Param::Null, |t| Param::from(t.word())),
        Param::Blob(e.body_hash.to_vec().into()),
        Param::Blob(e.hash.to_vec().into()),
    ]
}

fn change_insert() -> &'static Insert {
    static INSERT: OnceLock<Insert> = OnceLock::new();
    INSERT.get_or_init(|| {
        use ColumnType::{Blob, Bool, Id, Int, Text};
        Insert::of(
            "changes",
            &[
                ("org_id", Id),
                ("seq", Int),
                ("at", Int),
                ("kind", Text),
                ("entity", Text),
                ("entity_id", Id),
                ("actor", Id),
                ("set_id", Id),
                ("counted", Bool),
                ("user_type", Text),
                ("body_hash", Blob),
                ("hash", Blob),
            ],
        )
    })
}

fn body_insert() -> &'static Insert {
    static INSERT: OnceLock<Insert> = OnceLock::new();
    INSERT.get_or_init(|| {
        use ColumnType::{Blob, Id, Int};
        Insert::of("change_bodies", &[("org_id", Id), ("seq", Int), ("salt", Blob), ("body", Blob)])
    })
}
