//! Followers of the change log, leases, and answers that are remembered.

use muster_domain::ids::OrgId;
use muster_domain::log::Hash;
use muster_domain::types::UnixMillis;
use uuid::Uuid;

use crate::sql::Param;
use crate::{Reader, StoreError, Tx};

/// An organization that has changes a follower has not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowerHead {
    pub org: OrgId,
    pub head_seq: u64,
    /// The last change that the follower has done with.
    pub position: u64,
}

/// The answer given to an idempotency key before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub request_hash: Hash,
    pub response: Vec<u8>,
    pub at: UnixMillis,
}

const REMEMBERED_MS: i64 = 24 * 60 * 60 * 1000;

impl Reader {
    /// What was answered to this key of this actor less than 24 hours before `now`.
    pub fn recall(
        &mut self,
        org: OrgId,
        actor: Uuid,
        key: &str,
        now: UnixMillis,
    ) -> Result<Option<Remembered>, StoreError> {
        let sql = "SELECT request_hash, response, at FROM idempotency \
                   WHERE org_id = ?1 AND actor = ?2 AND key = ?3 AND at > ?4";
        let params =
            [Param::Id(org.0), Param::Id(actor), Param::from(key), Param::Int(now.0 - REMEMBERED_MS)];
        self.conn.first(sql, &params, |row| {
            Ok(Remembered {
                request_hash: row.bytes(0)?,
                response: row.blob(1)?.to_vec(),
                at: UnixMillis(row.int(2)?),
            })
        })
    }

    /// The last change that a follower has done with; 0 before the first.
    pub fn position(&mut self, follower: &str, org: OrgId) -> Result<u64, StoreError> {
        let sql = "SELECT seq FROM followers WHERE follower = ?1 AND org_id = ?2";
        let found = self.conn.first(sql, &[follower.into(), Param::Id(org.0)], |row| row.uint(0))?;
        Ok(found.unwrap_or(0))
    }

    /// Organizations with changes that the follower has not done with and that are not parked for it.
    pub fn heads_since(&mut self, follower: &str, limit: usize) -> Result<Vec<FollowerHead>, StoreError> {
        let sql = "SELECT o.org_id, o.head_seq, coalesce(f.seq, 0) FROM organizations o \
                   LEFT JOIN followers f ON f.follower = ?1 AND f.org_id = o.org_id \
                   WHERE o.head_seq > coalesce(f.seq, 0) AND f.parked IS NULL ORDER BY o.org_id LIMIT ?2";
        self.conn.collect(sql, &[follower.into(), Param::uint(limit as u64)], |row| {
            Ok(FollowerHead { org: OrgId(row.id(0)?), head_seq: row.uint(1)?, position: row.uint(2)? })
        })
    }

    /// What is parked for a follower, and why.
    pub fn parked(&mut self, follower: &str) -> Result<Vec<(OrgId, String)>, StoreError> {
        let sql = "SELECT org_id, parked FROM followers WHERE follower = ?1 AND parked IS NOT NULL \
                   ORDER BY org_id";
        self.conn.collect(sql, &[follower.into()], |row| Ok((OrgId(row.id(0)?), row.text(1)?.to_string())))
    }
}

impl Tx {
    /// Keeps an answer for 24 hours, in the same transaction as what it answers for.
    pub fn remember(
        &mut self,
        org: OrgId,
        actor: Uuid,
        key: &str,
        request_hash: &Hash,
        response: &[u8],
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        self.change(
            "DELETE FROM idempotency WHERE org_id = ?1 AND at <= ?2",
            &[Param::Id(org.0), Param::Int(now.0 - REMEMBERED_MS)],
        )?;
        let sql = "INSERT INTO idempotency (org_id, actor, key, request_hash, response, at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let params = [
            Param::Id(org.0),
            Param::Id(actor),
            Param::from(key),
            Param::from(&request_hash[..]),
            Param::from(response),
            Param::Int(now.0),
        ];
        self.change(sql, &params).map(|_| ())
    }

    /// Moves a follower's position; never back.
    pub fn advance(&mut self, follower: &str, org: OrgId, seq: u64) -> Result<(), StoreError> {
        let sql = "INSERT INTO followers (follower, org_id, seq) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (follower, org_id) DO UPDATE SET seq = excluded.seq \
                   WHERE followers.seq < excluded.seq";
        self.change(sql, &[follower.into(), Param::Id(org.0), Param::uint(seq)]).map(|_| ())
    }

    /// Stops a follower for one organization only.
    pub fn park(&mut self, follower: &str, org: OrgId, why: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO followers (follower, org_id, seq, parked) VALUES (?1, ?2, 0, ?3) \
                   ON CONFLICT (follower, org_id) DO UPDATE SET parked = excluded.parked";
        self.change(sql, &[follower.into(), Param::Id(org.0), why.into()]).map(|_| ())
    }

    pub fn unpark(&mut self, follower: &str, org: OrgId) -> Result<(), StoreError> {
        let sql = "UPDATE followers SET parked = NULL WHERE follower = ?1 AND org_id = ?2";
        self.change(sql, &[follower.into(), Param::Id(org.0)]).map(|_| ())
    }

    /// Takes or renews a lease; false if another has it and it has not ended at `now`.
    pub fn lease(
        &mut self,
        name: &str,
        holder: &str,
        now: UnixMillis,
        until: UnixMillis,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO leases (name, holder, until) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until \
                   WHERE leases.holder = excluded.holder OR leases.until <= ?4";
        let params = [name.into(), holder.into(), Param::Int(until.0), Param::Int(now.0)];
        Ok(self.change(sql, &params)? > 0)
    }

    /// Gives a lease back; without effect if another has it.
    pub fn release(&mut self, name: &str, holder: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM leases WHERE name = ?1 AND holder = ?2";
        self.change(sql, &[name.into(), holder.into()]).map(|_| ())
    }
}
