//! Who is signed in, and how often somebody was wrong. Not in the change log: nothing of the organization changes.

use muster_domain::ids::{OrgId, SecretId, UserId};
use muster_domain::types::UnixMillis;

use crate::sql::Param;
use crate::{Reader, StoreError, Tx};

/// A session, by the hash of its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    pub org: OrgId,
    pub user: UserId,
    /// Which password it began with: with another one it is over.
    pub password: Option<SecretId>,
    pub created_at: UnixMillis,
    pub expires_at: UnixMillis,
}

/// Wrong tries since the last right one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    pub count: u64,
    pub last_at: UnixMillis,
}

impl Reader {
    pub fn session_by_hash(&mut self, hash: &str) -> Result<Option<StoredSession>, StoreError> {
        let sql =
            "SELECT org_id, user_id, password, created_at, expires_at FROM sessions WHERE token_hash = ?1";
        self.conn.first(sql, &[hash.into()], |row| {
            Ok(StoredSession {
                org: OrgId(row.id(0)?),
                user: UserId(row.id(1)?),
                password: row.opt_id(2)?.map(SecretId),
                created_at: UnixMillis(row.int(3)?),
                expires_at: UnixMillis(row.int(4)?),
            })
        })
    }

    /// `what`: `password`, `pin` or `answer`.
    pub fn failures(&mut self, org: OrgId, user: UserId, what: &str) -> Result<Failures, StoreError> {
        let sql = "SELECT failures, last_at FROM sign_in_failures \
                   WHERE org_id = ?1 AND user_id = ?2 AND what = ?3";
        let params = [Param::Id(org.0), Param::Id(user.0), what.into()];
        let found = self.conn.first(sql, &params, |row| {
            Ok(Failures { count: row.uint(0)?, last_at: UnixMillis(row.int(1)?) })
        })?;
        Ok(found.unwrap_or_default())
    }
}

impl Tx {
    pub fn put_session(&mut self, hash: &str, session: &StoredSession) -> Result<(), StoreError> {
        let sql = "INSERT INTO sessions (token_hash, org_id, user_id, password, created_at, expires_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let params = [
            hash.into(),
            Param::Id(session.org.0),
            Param::Id(session.user.0),
            session.password.map_or(Param::Null, |id| Param::Id(id.0)),
            Param::Int(session.created_at.0),
            Param::Int(session.expires_at.0),
        ];
        self.change(sql, &params).map(|_| ())
    }

    /// Ends one session; false if there was none.
    pub fn end_session(&mut self, hash: &str) -> Result<bool, StoreError> {
        Ok(self.change("DELETE FROM sessions WHERE token_hash = ?1", &[hash.into()])? > 0)
    }

    /// Ends all of a user's sessions.
    pub fn end_sessions(&mut self, org: OrgId, user: UserId) -> Result<u64, StoreError> {
        let sql = "DELETE FROM sessions WHERE org_id = ?1 AND user_id = ?2";
        self.change(sql, &[Param::Id(org.0), Param::Id(user.0)])
    }

    /// Everything that is kept beside the log of how somebody signed in, and the mails to them.
    pub fn forget_signing(&mut self, org: OrgId, user: UserId) -> Result<(), StoreError> {
        for table in ["sessions", "sign_in_failures", "mails"] {
            let sql = format!("DELETE FROM {table} WHERE org_id = ?1 AND user_id = ?2");
            self.change(&sql, &[Param::Id(org.0), Param::Id(user.0)])?;
        }
        Ok(())
    }

    pub fn expire_sessions(&mut self, now: UnixMillis) -> Result<u64, StoreError> {
        self.change("DELETE FROM sessions WHERE expires_at <= ?1", &[Param::Int(now.0)])
    }

    /// One more wrong try. Counted in the database, so that tries at the same time are all counted.
    pub fn add_failure(
        &mut self,
        org: OrgId,
        user: UserId,
        what: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO sign_in_failures (org_id, user_id, what, failures, last_at) \
                   VALUES (?1, ?2, ?3, 1, ?4) ON CONFLICT (org_id, user_id, what) \
                   DO UPDATE SET failures = sign_in_failures.failures + 1, last_at = excluded.last_at";
        let params = [Param::Id(org.0), Param::Id(user.0), what.into(), Param::Int(now.0)];
        self.change(sql, &params).map(|_| ())
    }

    pub fn clear_failures(&mut self, org: OrgId, user: UserId, what: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM sign_in_failures WHERE org_id = ?1 AND user_id = ?2 AND what = ?3";
        self.change(sql, &[Param::Id(org.0), Param::Id(user.0), what.into()]).map(|_| ())
    }
}
