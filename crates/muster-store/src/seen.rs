//! When people's phones were last seen: what is observed, not what was decided, so it is beside the log.

use muster_domain::ids::{OrgId, UserId};
use muster_domain::types::UnixMillis;
use uuid::Uuid;

use crate::sql::{List, Param};
use crate::{Reader, StoreError, Tx};

impl Reader {
    /// Since when an organization's phones are watched; `None`: nobody has looked yet.
    pub fn watched_since(&mut self, org: OrgId) -> Result<Option<UnixMillis>, StoreError> {
        let sql = "SELECT at FROM last_seen WHERE org_id = ?1 AND user_id = ?1";
        self.conn.first(sql, &[Param::Id(org.0)], |row| Ok(UnixMillis(row.int(0)?)))
    }

    /// When a phone of these people was last seen registered; who never was is left out.
    pub fn last_seen(
        &mut self,
        org: OrgId,
        users: &[UserId],
    ) -> Result<Vec<(UserId, UnixMillis)>, StoreError> {
        let ids: Vec<Uuid> = users.iter().map(|user| user.0).collect();
        let sql = "SELECT user_id, at FROM last_seen WHERE org_id = ?1 AND user_id {ONE_OF_2}";
        let mut found = Vec::new();
        self.conn.query_each(sql, &[Param::Id(org.0)], List::Ids(&ids), &mut |row| {
            found.push((UserId(row.id(0)?), UnixMillis(row.int(1)?)));
            Ok(())
        })?;
        Ok(found)
    }

    /// People in the trash of whom nothing was recorded since `before`: that is when they came there, or later.
    /// At most `limit`.
    pub fn trashed_before(
        &mut self,
        org: OrgId,
        before: UnixMillis,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let sql = "SELECT u.id FROM users u WHERE u.org_id = ?1 AND u.record = 'trashed' AND NOT EXISTS \
                   (SELECT 1 FROM changes c WHERE c.org_id = u.org_id AND c.entity_id = u.id AND c.at >= ?2) \
                   ORDER BY u.id LIMIT ?3";
        let params = [Param::Id(org.0), Param::Int(before.0), Param::uint(limit as u64)];
        self.conn.collect(sql, &params, |row| Ok(UserId(row.id(0)?)))
    }

    /// Organizations that keep people in the trash for a time only, and for how many days.
    pub fn trash_retentions(&mut self) -> Result<Vec<(OrgId, u64)>, StoreError> {
        let sql = "SELECT org_id, trash_retention_days FROM organizations \
                   WHERE trash_retention_days IS NOT NULL ORDER BY org_id";
        self.conn.collect(sql, &[], |row| Ok((OrgId(row.id(0)?), row.uint(1)?)))
    }
}

impl Tx {
    /// Notes that phones of these people are registered at a time, and that somebody looked.
    pub fn note_seen(&mut self, org: OrgId, users: &[UserId], at: UnixMillis) -> Result<(), StoreError> {
        let look = "INSERT INTO last_seen (org_id, user_id, at) VALUES (?1, ?1, ?2) \
                    ON CONFLICT (org_id, user_id) DO NOTHING";
        self.change(look, &[Param::Id(org.0), Param::Int(at.0)])?;
        let seen = "INSERT INTO last_seen (org_id, user_id, at) VALUES (?1, ?2, ?3) \
                    ON CONFLICT (org_id, user_id) DO UPDATE SET at = excluded.at";
        for user in users {
            self.change(seen, &[Param::Id(org.0), Param::Id(user.0), Param::Int(at.0)])?;
        }
        Ok(())
    }

    /// Removes what was observed of somebody.
    pub fn forget_seen(&mut self, org: OrgId, user: UserId) -> Result<(), StoreError> {
        let sql = "DELETE FROM last_seen WHERE org_id = ?1 AND user_id = ?2";
        self.change(sql, &[Param::Id(org.0), Param::Id(user.0)]).map(|_| ())
    }

    /// Removes secrets for good; those that something still names fail.
    pub fn forget_secrets(
        &mut self,
        org: OrgId,
        secrets: &[muster_domain::ids::SecretId],
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM secrets WHERE org_id = ?1 AND id = ?2";
        for secret in secrets {
            self.change(sql, &[Param::Id(org.0), Param::Id(secret.0)])?;
        }
        Ok(())
    }
}
