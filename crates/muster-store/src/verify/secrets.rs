//! Whether every secret can be read, and whose the others are.

use muster_domain::field::EntityKind;
use muster_domain::ids::{OrgId, SecretId};
use muster_domain::value::FieldType;
use uuid::Uuid;

use super::state::name_column;
use super::{DamagedSecret, NAMED_MAX, SecretCheck};
use crate::keys::HASHED_BYTES;
use crate::secrets::sealed_from;
use crate::sql::Param;
use crate::table::table_of;
use crate::{Reader, SecretKind, StoreError};

/// Secrets read at once.
const PAGE: usize = 1000;

type Sealed = (SecretId, Result<(SecretKind, Vec<u8>), StoreError>);

impl Reader {
    pub(super) fn check_secrets(&mut self, org: OrgId) -> Result<SecretCheck, StoreError> {
        let mut check = SecretCheck::default();
        let mut after = Uuid::nil();
        loop {
            let page = self.sealed_after(org, after)?;
            let Some((last, _)) = page.last() else { return Ok(check) };
            after = last.0;
            for (id, sealed) in page {
                check.checked += 1;
                let why = match sealed.and_then(|(kind, sealed)| self.try_secret(org, id, kind, &sealed)) {
                    Ok(()) => continue,
                    Err(StoreError::Undecryptable(why)) => why.to_string(),
                    Err(StoreError::Corrupt(why)) => why,
                    Err(other) => return Err(other),
                };
                check.damaged += 1;
                if check.named.len() < NAMED_MAX {
                    let holder = self.holder_of(org, id)?;
                    check.named.push(DamagedSecret { id, holder, why });
                }
            }
        }
    }

    fn sealed_after(&mut self, org: OrgId, after: Uuid) -> Result<Vec<Sealed>, StoreError> {
        let sql =
            "SELECT kind, ciphertext, id FROM secrets WHERE org_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
        let params = [Param::Id(org.0), Param::Id(after), Param::uint(PAGE as u64)];
        self.conn.collect(sql, &params, |row| Ok((SecretId(row.id(2)?), sealed_from(row))))
    }

    /// What is kept for comparing only can be looked at from outside alone.
    fn try_secret(
        &mut self,
        org: OrgId,
        id: SecretId,
        kind: SecretKind,
        sealed: &[u8],
    ) -> Result<(), StoreError> {
        if kind.readable() {
            return self.open_secret(org, id, sealed).map(|_| ());
        }
        match sealed.len() {
            HASHED_BYTES => Ok(()),
            _ => Err(StoreError::Undecryptable("it has not the length of a hash")),
        }
    }

    /// The thing that names a secret now. Asked for few, as it looks through whole tables.
    fn holder_of(
        &mut self,
        org: OrgId,
        id: SecretId,
    ) -> Result<Option<(EntityKind, Uuid, String, &'static str)>, StoreError> {
        for kind in EntityKind::ALL {
            let (table, name) = (table_of(*kind), name_column(*kind));
            // What a person signs in with has no name of its own.
            let named = table.columns.iter().any(|column| column.name == name);
            let name = if named { format!("\"{name}\"") } else { "''".to_owned() };
            for column in table.columns.iter().filter(|column| column.kind == FieldType::Secret) {
                let (table, field) = (table.name, column.name);
                let sql =
                    format!("SELECT id, {name} FROM {table} WHERE org_id = ?1 AND \"{field}\" = ?2 LIMIT 1");
                let params = [Param::Id(org.0), Param::Id(id.0)];
                let found =
                    self.conn.first(&sql, &params, |row| Ok((row.id(0)?, row.text(1)?.to_string())))?;
                if let Some((holder, name)) = found {
                    return Ok(Some((*kind, holder, name, field)));
                }
            }
        }
        Ok(None)
    }
}
