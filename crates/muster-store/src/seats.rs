//! Who is counted, from the facts of the log.

use muster_domain::ids::{OrgId, UserId};
use muster_domain::types::{FieldValue, UnixMillis};
use muster_domain::user::UserType;
use uuid::Uuid;

use crate::sql::Param;
use crate::{Reader, StoreError};

/// A user who is counted now, and the line of the log that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatFact {
    pub user: UserId,
    pub user_type: UserType,
    pub since: UnixMillis,
    pub seq: u64,
}

impl Reader {
    /// Counted users in order of their ids, those after `after`: whose latest fact says that they count.
    pub fn seat_page(
        &mut self,
        org: OrgId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<SeatFact>, StoreError> {
        let sql = "SELECT c.entity_id, c.user_type, c.at, c.seq FROM changes c \
                   WHERE c.org_id = ?1 AND c.entity_id > ?2 AND c.counted = {TRUE} AND NOT EXISTS \
                   (SELECT 1 FROM changes d WHERE d.org_id = c.org_id AND d.entity_id = c.entity_id \
                    AND d.counted IS NOT NULL AND d.seq > c.seq) \
                   ORDER BY c.entity_id LIMIT ?3";
        let after = after.map_or(Uuid::nil(), |user| user.0);
        let params = [Param::Id(org.0), Param::Id(after), Param::uint(limit as u64)];
        let mut seats = Vec::with_capacity(limit);
        self.conn.query(sql, &params, &mut |row| {
            let word = row.opt_text(1)?.unwrap_or_default();
            let user_type = UserType::parse(word).map_err(|r| StoreError::Corrupt(r.reason))?;
            let since = UnixMillis(row.int(2)?);
            seats.push(SeatFact { user: UserId(row.id(0)?), user_type, since, seq: row.int(3)? as u64 });
            Ok(())
        })?;
        Ok(seats)
    }
}
