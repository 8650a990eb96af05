//! The change log: reading, erasing, and what is derived from it.

use muster_domain::change::EntityChange;
use muster_domain::field::EntityKind;
use muster_domain::ids::{ChangeSetId, OrgId};
use muster_domain::log::{Envelope, Facts};
use muster_domain::types::{FieldValue, UnixMillis};
use muster_domain::user::UserType;
use rustc_hash::FxHashMap;
use uuid::Uuid;

use crate::reader::kind_from;
use crate::sql::{Param, Row};
use crate::{Reader, StoreError, Tx, body};

/// One line of the log. The body is `None` when it was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub envelope: Envelope,
    pub body: Option<EntityChange>,
}

/// A line with its body as it was written: what the chain vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawChange {
    pub envelope: Envelope,
    pub body: Option<RawBody>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawBody {
    pub salt: [u8; 16],
    /// Versioned JSON: `{"v":1,"op":"update","version":3,"fields":{"name":[before,after]}}`.
    pub json: Vec<u8>,
}

/// Which lines of the log. The default is all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    pub set: Option<ChangeSetId>,
    pub entity: Option<(EntityKind, Uuid)>,
}

/// Counted users, from the facts of the log only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seats {
    pub total: u64,
    pub by_type: Vec<(UserType, u64)>,
}

/// Lines read at once.
pub(crate) const LINES_MAX: usize = 1000;

/// What [`line_from`] reads.
pub(crate) const LINE: &str = "SELECT c.seq, c.at, c.kind, c.entity, c.entity_id, c.actor, c.set_id, \
     c.counted, c.user_type, c.body_hash, c.hash, b.salt, b.body \
     FROM changes c LEFT JOIN change_bodies b ON b.org_id = c.org_id AND b.seq = c.seq";

impl Reader {
    /// Lines after `since`, oldest first; at most 1,000 at once.
    pub fn changes(
        &mut self,
        org: OrgId,
        since: u64,
        limit: usize,
        filter: &ChangeFilter,
    ) -> Result<Vec<Change>, StoreError> {
        let raw = self.lines(org, Span::After(since), limit, filter)?;
        raw.into_iter().map(decoded).collect()
    }

    /// As [`Reader::changes`], newest first, before `before` (`None`: from the end).
    pub fn changes_back(
        &mut self,
        org: OrgId,
        before: Option<u64>,
        limit: usize,
        filter: &ChangeFilter,
    ) -> Result<Vec<Change>, StoreError> {
        let raw = self.lines(org, Span::Before(before.unwrap_or(i64::MAX as u64)), limit, filter)?;
        raw.into_iter().map(decoded).collect()
    }

    /// As [`Reader::changes`], with the bodies as they were written.
    pub fn raw_changes(
        &mut self,
        org: OrgId,
        since: u64,
        limit: usize,
    ) -> Result<Vec<RawChange>, StoreError> {
        self.lines(org, Span::After(since), limit, &ChangeFilter::default())
    }

    /// Who is counted now: the latest fact that the log has of each user.
    pub fn seats(&mut self, org: OrgId) -> Result<Seats, StoreError> {
        // In the order of an index that holds all of it: the last line of each user decides.
        let sql = "SELECT entity_id, counted, user_type FROM changes \
                   WHERE org_id = ?1 AND counted IS NOT NULL ORDER BY entity_id, seq";
        let mut last: Option<(Uuid, Option<UserType>)> = None;
        let mut by_type: FxHashMap<UserType, u64> = FxHashMap::default();
        let mut seats = Seats::default();
        let mut count = |counted: Option<UserType>| {
            if let Some(user_type) = counted {
                seats.total += 1;
                *by_type.entry(user_type).or_default() += 1;
            }
        };
        self.conn.query(sql, &[Param::Id(org.0)], &mut |row| {
            let user = row.id(0)?;
            let counted = if row.opt_bool(1)? == Some(true) { user_type_from(row, 2)? } else { None };
            if let Some((_, counted)) = last.replace((user, counted)).filter(|(other, _)| *other != user) {
                count(counted);
            }
            Ok(())
        })?;
        count(last.and_then(|(_, counted)| counted));
        seats.by_type.extend(by_type);
        seats.by_type.sort();
        Ok(seats)
    }

    fn lines(
        &mut self,
        org: OrgId,
        span: Span,
        limit: usize,
        filter: &ChangeFilter,
    ) -> Result<Vec<RawChange>, StoreError> {
        let (compare, order, seq) = match span {
            Span::After(seq) => (">", "ASC", seq),
            Span::Before(seq) => ("<", "DESC", seq),
        };
        let limit = limit.min(LINES_MAX) as u64;
        let mut params = vec![Param::Id(org.0), Param::uint(seq), Param::uint(limit)];
        let mut wanted = String::new();
        if let Some(set) = filter.set {
            params.push(Param::Id(set.0));
            let n = params.len();
            let span = format!("FROM change_sets WHERE org_id = ?1 AND set_id = ?{n}");
            wanted += &format!(
                " AND c.seq BETWEEN (SELECT first_seq {span}) AND (SELECT last_seq {span}) AND c.set_id = ?{n}"
            );
        }
        if let Some((kind, id)) = filter.entity {
            params.push(Param::Id(id));
            wanted += &format!(" AND c.entity_id = ?{}", params.len());
            params.push(Param::from(kind.word()));
            wanted += &format!(" AND c.entity = ?{}", params.len());
        }
        let sql = format!(
            "{LINE} WHERE c.org_id = ?1 AND c.seq {compare} ?2{wanted} ORDER BY c.seq {order} LIMIT ?3"
        );
        self.conn.collect(&sql, &params, |row| line_from(org, row))
    }
}

enum Span {
    After(u64),
    Before(u64),
}

pub(crate) fn decoded(raw: RawChange) -> Result<Change, StoreError> {
    let RawChange { envelope, body: raw } = raw;
    let body = raw.map(|raw| body::decode(envelope.entity, envelope.entity_id, &raw.json)).transpose()?;
    Ok(Change { envelope, body })
}

pub(crate) fn line_from(org: OrgId, row: &Row<'_>) -> Result<RawChange, StoreError> {
    let envelope = Envelope {
        org,
        seq: row.uint(0)?,
        at: UnixMillis(row.int(1)?),
        kind: row.text(2)?.to_string(),
        entity: kind_from(row.text(3)?)?,
        entity_id: row.id(4)?,
        actor: row.id(5)?,
        set: ChangeSetId(row.id(6)?),
        facts: Facts { counted: row.opt_bool(7)?, user_type: user_type_from(row, 8)? },
        body_hash: row.bytes(9)?,
        hash: row.bytes(10)?,
    };
    let body = match row.opt_blob(12)? {
        Some(json) => Some(RawBody { salt: row.bytes(11)?, json: json.to_vec() }),
        None => None,
    };
    Ok(RawChange { envelope, body })
}

fn user_type_from(row: &Row<'_>, column: usize) -> Result<Option<UserType>, StoreError> {
    let word = row.opt_text(column)?;
    word.map(|word| UserType::parse(word).map_err(|r| StoreError::Corrupt(r.reason))).transpose()
}

impl Tx {
    /// Erases the bodies, and their salts, of everything the log says of one thing. Returns how many.
    pub fn erase_bodies(&mut self, org: OrgId, kind: EntityKind, id: Uuid) -> Result<u64, StoreError> {
        let sql = "UPDATE change_bodies SET salt = NULL, body = NULL \
                   WHERE org_id = ?1 AND body IS NOT NULL AND seq IN \
                   (SELECT seq FROM changes WHERE org_id = ?1 AND entity_id = ?2 AND entity = ?3)";
        self.change(sql, &[Param::Id(org.0), Param::Id(id), Param::from(kind.word())])
    }
}
