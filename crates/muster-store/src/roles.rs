//! Who holds which roles.

use muster_domain::field::EntityKind;
use muster_domain::ids::{OrgId, UserId};
use muster_domain::roles::HeldRole;
use muster_domain::user::User;
use smol_str::SmolStr;
use uuid::Uuid;

use crate::sql::Param;
use crate::table::table_of;
use crate::{Reader, StoreError};

impl Reader {
    /// How many people who are not trashed hold the same roles, for each of the lists that there are.
    pub fn role_counts(&mut self, org: OrgId) -> Result<Vec<(Vec<SmolStr>, u64)>, StoreError> {
        let sql = "SELECT roles, count(*) FROM users WHERE org_id = ?1 AND record = 'live' GROUP BY roles";
        self.conn.collect(sql, &[Param::Id(org.0)], |row| Ok((entries(row.text(0)?)?, row.uint(1)?)))
    }

    /// People who hold a role, trashed ones too, wherever it is for: in order of their ids, those after
    /// `after`, at most `limit` at once. Also where they are to be found: the last id that was looked at.
    pub fn people_with_role(
        &mut self,
        org: OrgId,
        role: &str,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<User>, Option<UserId>), StoreError> {
        // As the entry begins in the JSON of the list: with its quote, and without the one at its end.
        let quoted = serde_json::Value::from(role).to_string();
        let part = quoted.strip_suffix('"').unwrap_or(&quoted).to_string();
        let sql = format!(
            "SELECT id FROM {} WHERE org_id = ?1 AND id > ?2 AND {{INSTR}}(roles, ?3) > 0 ORDER BY id LIMIT ?4",
            table_of(EntityKind::User).name
        );
        let after = Param::Id(after.map_or(Uuid::nil(), |id| id.0));
        let params = [Param::Id(org.0), after, Param::Text(part.into()), Param::uint(limit as u64)];
        let ids: Vec<Uuid> = self.conn.collect(&sql, &params, |row| row.id(0))?;
        let last = ids.last().filter(|_| ids.len() == limit).map(|id| UserId(*id));
        let mut users = self.get_many::<User>(org, &ids)?;
        users.sort_unstable_by_key(|user| user.id);
        // A name may begin as another does.
        users.retain(|user| user.roles.iter().any(|entry| HeldRole::parse(entry.as_str()).role == role));
        Ok((users, last))
    }
}

fn entries(json: &str) -> Result<Vec<SmolStr>, StoreError> {
    let entries: Result<Vec<String>, _> = serde_json::from_str(json);
    let entries = entries.map_err(|e| StoreError::Corrupt(format!("a list of roles: {e}")))?;
    Ok(entries.into_iter().map(SmolStr::from).collect())
}
