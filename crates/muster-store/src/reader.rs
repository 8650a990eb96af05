//! Reading: one snapshot for as long as the closure runs.

use std::sync::Arc;

use muster_domain::field::{Entity, EntityKind};
use muster_domain::ids::{OrgId, UserId};
use muster_domain::log::{GENESIS, Hash};
use muster_domain::organization::{Organization, Token};
use muster_domain::types::FieldValue;
use muster_domain::user::Service;
use muster_domain::value::Value;
use smol_str::SmolStr;
use uuid::Uuid;

use crate::StoreError;
use crate::keys::KeyCache;
use crate::names::NameCache;
use crate::secrets::LocalKeys;
use crate::sql::{Conn, List, Param, Row};
use crate::table::{folded, from_row, table_of};

/// The end of an organization's change log. Having one from [`crate::Tx::lock_org`] is holding the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgHead {
    pub org: OrgId,
    pub head_seq: u64,
    pub head_hash: Hash,
}

/// How many of what an organization has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Live users; trashed ones are counted apart.
    pub users: u64,
    pub users_trashed: u64,
    /// Live users by state; states that nobody is in are left out.
    pub by_service: Vec<(Service, u64)>,
    pub sites: u64,
    pub connections: u64,
    pub devices: u64,
    pub mailboxes: u64,
    pub tokens: u64,
}

/// A snapshot of the database. Everything it offers is offered inside a write too.
pub struct Reader {
    pub(crate) conn: Conn,
    pub(crate) keys: Arc<KeyCache>,
    pub(crate) names: Option<Arc<NameCache>>,
    pub(crate) local: LocalKeys,
}

impl Reader {
    /// `names` only for a snapshot: what a write sees may never be committed.
    pub(crate) fn new(conn: Conn, keys: Arc<KeyCache>, names: Option<Arc<NameCache>>) -> Reader {
        let local = LocalKeys::new(names.is_none());
        Reader { conn, keys, names, local }
    }

    /// How many queries were asked over this connection. For tests that count them.
    #[doc(hidden)]
    pub fn asked(&self) -> u64 {
        self.conn.asked()
    }

    pub(crate) fn into_conn(self) -> Conn {
        self.conn
    }

    /// In order of creation.
    pub fn organizations(&mut self) -> Result<Vec<Organization>, StoreError> {
        let sql = format!("{} ORDER BY id", table_of(EntityKind::Organization).select);
        self.conn.collect(&sql, &[], organization_from)
    }

    pub fn organization(&mut self, org: OrgId) -> Result<Option<Organization>, StoreError> {
        self.get(org, org.0)
    }

    pub fn organization_by_slug(&mut self, slug: &str) -> Result<Option<Organization>, StoreError> {
        let sql = format!("{} WHERE slug = ?1", table_of(EntityKind::Organization).select);
        self.conn.first(&sql, &[slug.into()], organization_from)
    }

    /// A token, and the organization it belongs to, by the hash in its row. Trashed and expired ones too:
    /// what they may do is not decided here.
    pub fn token_by_hash(&mut self, hash: &str) -> Result<Option<(Token, Organization)>, StoreError> {
        let find = "SELECT org_id, id FROM tokens WHERE token_hash = ?1";
        let found = self.conn.first(find, &[hash.into()], |row| Ok((OrgId(row.id(0)?), row.id(1)?)))?;
        let Some((org, id)) = found else { return Ok(None) };
        Ok(self.get::<Token>(org, id)?.zip(self.organization(org)?))
    }

    pub fn head(&mut self, org: OrgId) -> Result<Option<OrgHead>, StoreError> {
        let sql = "SELECT org_id, head_seq, head_hash FROM organizations WHERE org_id = ?1 AND id = ?1";
        self.conn.first(sql, &[Param::Id(org.0)], head_from)
    }

    pub fn heads(&mut self) -> Result<Vec<OrgHead>, StoreError> {
        let sql = "SELECT org_id, head_seq, head_hash FROM organizations ORDER BY org_id";
        self.conn.collect(sql, &[], head_from)
    }

    pub fn get<E: Entity>(&mut self, org: OrgId, id: Uuid) -> Result<Option<E>, StoreError> {
        let sql = &table_of(E::KIND).select_one;
        self.conn.first(sql, &[Param::Id(org.0), Param::Id(id)], |row| from_row(org, row))
    }

    /// Those of the ids that are there, in no promised order.
    pub fn get_many<E: Entity>(&mut self, org: OrgId, ids: &[Uuid]) -> Result<Vec<E>, StoreError> {
        self.entities_of(org, &table_of(E::KIND).select_many, ids)
    }

    /// All of a small kind (sites, connections, tokens), in order of their ids.
    pub fn all<E: Entity>(&mut self, org: OrgId) -> Result<Vec<E>, StoreError> {
        let sql = format!("{} WHERE org_id = ?1 ORDER BY id", table_of(E::KIND).select);
        self.conn.collect(&sql, &[Param::Id(org.0)], |row| from_row(org, row))
    }

    /// All of a large kind, in order of their ids, at most `batch` in memory at once.
    pub fn for_each<E: Entity, Er: From<StoreError>>(
        &mut self,
        org: OrgId,
        batch: usize,
        mut f: impl FnMut(Vec<E>) -> Result<(), Er>,
    ) -> Result<(), Er> {
        let sql = format!("{} WHERE org_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3", table_of(E::KIND).select);
        let batch = batch.clamp(1, 10_000);
        let mut after = Uuid::nil();
        loop {
            let params = [Param::Id(org.0), Param::Id(after), Param::uint(batch as u64)];
            let entities: Vec<E> = self.conn.collect(&sql, &params, |row| from_row(org, row))?;
            let count = entities.len();
            let Some(last) = entities.last() else { return Ok(()) };
            after = last.id();
            f(entities)?;
            if count < batch {
                return Ok(());
            }
        }
    }

    /// What refers to one of `ids` by its field `field`: the devices of some users.
    pub fn referring<E: Entity>(
        &mut self,
        org: OrgId,
        field: &'static str,
        ids: &[Uuid],
    ) -> Result<Vec<E>, StoreError> {
        let field = E::field(field).ok_or(StoreError::Misuse("no such field"))?.name;
        let sql = format!("{} WHERE org_id = ?1 AND \"{field}\" {{ONE_OF_2}}", table_of(E::KIND).select);
        self.entities_of(org, &sql, ids)
    }

    /// What has one of these texts in a field, as they are: the users who forward to a number. At most `limit`
    /// of each text.
    pub fn having<E: Entity>(
        &mut self,
        org: OrgId,
        field: &'static str,
        texts: &[SmolStr],
        limit: usize,
    ) -> Result<Vec<E>, StoreError> {
        let field = E::field(field).ok_or(StoreError::Misuse("no such field"))?.name;
        let select = &table_of(E::KIND).select;
        let sql = format!("{select} WHERE org_id = ?1 AND \"{field}\" {{ONE_OF_2}} LIMIT {limit}");
        let mut found = Vec::new();
        self.conn.query_each(&sql, &[Param::Id(org.0)], List::Texts(texts), &mut |row| {
            found.push(from_row(org, row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// How many have exactly this in a field: the users of a site.
    pub fn count_with<E: Entity>(
        &mut self,
        org: OrgId,
        field: &'static str,
        value: &Value,
    ) -> Result<u64, StoreError> {
        let table = table_of(E::KIND);
        let column = table.columns.iter().find(|c| c.name == field);
        let column = column.ok_or(StoreError::Misuse("no such field"))?;
        let key = match column.key.folds() {
            true => folded(column.key, value),
            false => Param::of(value.clone()),
        };
        let (name, sort) = (table.name, column.sort_column());
        let found = match key {
            Param::Null => {
                let sql = format!("SELECT count(*) FROM {name} WHERE org_id = ?1 AND {sort} IS NULL");
                self.conn.first(&sql, &[Param::Id(org.0)], |row| row.uint(0))?
            }
            key => {
                let sql = format!("SELECT count(*) FROM {name} WHERE org_id = ?1 AND {sort} = ?2");
                self.conn.first(&sql, &[Param::Id(org.0), key], |row| row.uint(0))?
            }
        };
        Ok(found.unwrap_or(0))
    }

    pub fn counts(&mut self, org: OrgId) -> Result<Counts, StoreError> {
        let mut counts = Counts::default();
        let sql = "SELECT record, service, count(*) FROM users WHERE org_id = ?1 GROUP BY record, service";
        self.conn.query(sql, &[Param::Id(org.0)], &mut |row| {
            let n = row.uint(2)?;
            if row.text(0)? != "live" {
                counts.users_trashed += n;
                return Ok(());
            }
            counts.users += n;
            let service = Service::parse(row.text(1)?);
            counts.by_service.push((service.map_err(|r| StoreError::Corrupt(r.reason))?, n));
            Ok(())
        })?;
        counts.by_service.sort();
        for (kind, count) in [
            (EntityKind::Site, &mut counts.sites),
            (EntityKind::Connection, &mut counts.connections),
            (EntityKind::Device, &mut counts.devices),
            (EntityKind::Mailbox, &mut counts.mailboxes),
            (EntityKind::Token, &mut counts.tokens),
        ] {
            let sql = format!("SELECT count(*) FROM {} WHERE org_id = ?1", table_of(kind).name);
            *count = self.conn.first(&sql, &[Param::Id(org.0)], |row| row.uint(0))?.unwrap_or(0);
        }
        Ok(counts)
    }

    /// Which of the keys are claimed in a space, and by whom.
    pub fn claimed(
        &mut self,
        org: OrgId,
        space: &str,
        keys: &[SmolStr],
    ) -> Result<Vec<(SmolStr, EntityKind, Uuid)>, StoreError> {
        let sql =
            "SELECT key, kind, owner_id FROM claims WHERE org_id = ?1 AND space = ?2 AND key {ONE_OF_3}";
        let mut found = Vec::new();
        self.conn.query_each(sql, &[Param::Id(org.0), space.into()], List::Texts(keys), &mut |row| {
            found.push((SmolStr::new(row.text(0)?), kind_from(row.text(1)?)?, row.id(2)?));
            Ok(())
        })?;
        Ok(found)
    }

    /// The keys that are claimed in a space, from one on and of as many characters; in order.
    pub fn claimed_from(
        &mut self,
        org: OrgId,
        space: &str,
        from: &str,
        limit: usize,
    ) -> Result<Vec<SmolStr>, StoreError> {
        let sql = "SELECT key FROM claims WHERE org_id = ?1 AND space = ?2 AND key >= ?3 AND length(key) = ?4 \
                   ORDER BY key LIMIT ?5";
        let length = Param::uint(from.chars().count() as u64);
        let params = [Param::Id(org.0), space.into(), from.into(), length, Param::uint(limit as u64)];
        self.conn.collect(sql, &params, |row| Ok(SmolStr::new(row.text(0)?)))
    }

    /// Live users who have one of these (folded) emails.
    pub fn emails(&mut self, org: OrgId, folded: &[SmolStr]) -> Result<Vec<(SmolStr, UserId)>, StoreError> {
        let sql = "SELECT email_key, id FROM users WHERE org_id = ?1 AND email_key {ONE_OF_2} \
                   AND email IS NOT NULL AND record = 'live'";
        let mut found = Vec::new();
        self.conn.query_each(sql, &[Param::Id(org.0)], List::Texts(folded), &mut |row| {
            found.push((SmolStr::new(row.text(0)?), UserId(row.id(1)?)));
            Ok(())
        })?;
        Ok(found)
    }

    fn entities_of<E: Entity>(&mut self, org: OrgId, sql: &str, ids: &[Uuid]) -> Result<Vec<E>, StoreError> {
        let mut found = Vec::new();
        self.conn.query_each(sql, &[Param::Id(org.0)], List::Ids(ids), &mut |row| {
            found.push(from_row(org, row)?);
            Ok(())
        })?;
        Ok(found)
    }
}

pub(crate) fn kind_from(word: &str) -> Result<EntityKind, StoreError> {
    EntityKind::from_word(word)
        .ok_or_else(|| StoreError::Corrupt(format!("no kind of thing is called {word}")))
}

fn organization_from(row: &Row<'_>) -> Result<Organization, StoreError> {
    from_row(OrgId(row.id(0)?), row)
}

pub(crate) fn head_from(row: &Row<'_>) -> Result<OrgHead, StoreError> {
    let head_hash = if row.opt_blob(2)?.is_some() { row.bytes(2)? } else { GENESIS };
    Ok(OrgHead { org: OrgId(row.id(0)?), head_seq: row.uint(1)?, head_hash })
}
