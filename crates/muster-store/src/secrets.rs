//! Secrets: encrypted with the tenant's key and bound to their row, or hashed with it where they are
//! only compared.

use std::sync::Arc;

use muster_domain::ids::{OrgId, SecretId};
use rustc_hash::FxHashMap;
use zeroize::Zeroizing;

use crate::keys::{TenantKey, aad, key_id, same};
use crate::sql::{ColumnType, Insert, List, Param, Row};
use crate::{Reader, SecretKind, StoreError, Tx};

/// Tenants' keys as this transaction sees them. What a write sees may never be committed, so only readers
/// pass on what they found ([`crate::keys::KeyCache`]).
pub(crate) struct LocalKeys {
    writes: bool,
    known: FxHashMap<(OrgId, u32), Arc<TenantKey>>,
    newest: FxHashMap<OrgId, Arc<TenantKey>>,
}

impl LocalKeys {
    pub fn new(writes: bool) -> LocalKeys {
        LocalKeys { writes, known: FxHashMap::default(), newest: FxHashMap::default() }
    }

    pub fn clear(&mut self) {
        self.known.clear();
        self.newest.clear();
    }
}

const SECRETS: &str = "secrets";
const CIPHERTEXT: &str = "ciphertext";

impl Reader {
    /// The plaintext of a readable secret; `None` if there is no such secret.
    pub fn secret(&mut self, org: OrgId, id: SecretId) -> Result<Option<Zeroizing<String>>, StoreError> {
        let Some((kind, sealed)) = self.sealed(org, id)? else { return Ok(None) };
        if !kind.readable() {
            return Err(StoreError::NotReadable);
        }
        self.open_secret(org, id, &sealed).map(Some)
    }

    /// Many at once, in no promised order; those that are not there are left out.
    pub fn secrets_of(
        &mut self,
        org: OrgId,
        ids: &[SecretId],
    ) -> Result<Vec<(SecretId, Zeroizing<String>)>, StoreError> {
        let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.0).collect();
        let sql = "SELECT kind, ciphertext, id FROM secrets WHERE org_id = ?1 AND id {ONE_OF_2}";
        let mut sealed = Vec::with_capacity(ids.len());
        self.conn.query_each(sql, &[Param::Id(org.0)], List::Ids(&ids), &mut |row| {
            sealed.push((SecretId(row.id(2)?), sealed_from(row)?));
            Ok(())
        })?;
        let mut opened = Vec::with_capacity(sealed.len());
        for (id, (kind, sealed)) in sealed {
            if !kind.readable() {
                return Err(StoreError::NotReadable);
            }
            opened.push((id, self.open_secret(org, id, &sealed)?));
        }
        Ok(opened)
    }

    /// Whether a secret of any kind is this text, compared in constant time. False if it is not there.
    pub fn secret_matches(&mut self, org: OrgId, id: SecretId, candidate: &str) -> Result<bool, StoreError> {
        let Some((kind, sealed)) = self.sealed(org, id)? else { return Ok(false) };
        if kind.readable() {
            let secret = self.open_secret(org, id, &sealed)?;
            return Ok(same(secret.as_bytes(), candidate.as_bytes()));
        }
        let key = self.tenant_key(org, key_id(&sealed)?)?;
        let hash = key.hash(candidate.as_bytes(), &aad(SECRETS, id.0, CIPHERTEXT))?;
        Ok(same(&hash, &sealed))
    }

    fn sealed(&mut self, org: OrgId, id: SecretId) -> Result<Option<(SecretKind, Vec<u8>)>, StoreError> {
        let sql = "SELECT kind, ciphertext FROM secrets WHERE org_id = ?1 AND id = ?2";
        self.conn.first(sql, &[Param::Id(org.0), Param::Id(id.0)], sealed_from)
    }

    pub(crate) fn open_secret(
        &mut self,
        org: OrgId,
        id: SecretId,
        sealed: &[u8],
    ) -> Result<Zeroizing<String>, StoreError> {
        let key = self.tenant_key(org, key_id(sealed)?)?;
        open_text(&key, id, sealed)
    }

    /// The tenant's key of an id, which some ciphertext was made with.
    pub(crate) fn tenant_key(&mut self, org: OrgId, id: u32) -> Result<Arc<TenantKey>, StoreError> {
        if let Some(key) = self.local.known.get(&(org, id)) {
            return Ok(key.clone());
        }
        if let Some(key) = self.keys.get(org, id) {
            return Ok(key);
        }
        let sql = "SELECT wrapped FROM tenant_keys WHERE org_id = ?1 AND key_id = ?2";
        let params = [Param::Id(org.0), Param::Int(i64::from(id))];
        let wrapped = self.conn.first(sql, &params, |row| Ok(row.blob(0)?.to_vec()))?;
        let wrapped = wrapped.ok_or(StoreError::Undecryptable("its organization's key is not there"))?;
        let key = Arc::new(self.keys.ring().unwrap_tenant_key(org, id, &wrapped)?);
        self.local.known.insert((org, id), key.clone());
        if !self.local.writes {
            self.keys.put(org, key.clone());
        }
        Ok(key)
    }

    /// All of a tenant's keys, for whoever opens many secrets in one statement.
    pub(crate) fn tenant_keys(&mut self, org: OrgId) -> Result<FxHashMap<u32, Arc<TenantKey>>, StoreError> {
        let sql = "SELECT key_id FROM tenant_keys WHERE org_id = ?1";
        let ids = self.conn.collect(sql, &[Param::Id(org.0)], |row| row.int(0))?;
        ids.into_iter().map(|id| Ok((id as u32, self.tenant_key(org, id as u32)?))).collect()
    }
}

pub(crate) fn sealed_from(row: &Row<'_>) -> Result<(SecretKind, Vec<u8>), StoreError> {
    let kind = SecretKind::from_word(row.text(0)?);
    let kind = kind.ok_or_else(|| StoreError::Corrupt("a kind of secret that is not known".into()))?;
    Ok((kind, row.blob(1)?.to_vec()))
}

pub(crate) fn open_text(
    key: &TenantKey,
    id: SecretId,
    sealed: &[u8],
) -> Result<Zeroizing<String>, StoreError> {
    let bytes = key.open(sealed, &aad(SECRETS, id.0, CIPHERTEXT))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| StoreError::Undecryptable("it is not a text"))?;
    Ok(Zeroizing::new(text.to_string()))
}

impl Tx {
    /// Keeps a new secret. An id is never used twice: changing a secret makes a new one.
    pub fn put_secret(
        &mut self,
        org: OrgId,
        id: SecretId,
        kind: SecretKind,
        plaintext: &str,
    ) -> Result<(), StoreError> {
        self.put_secrets(org, &[(id, kind, plaintext)])
    }

    /// Many at once.
    pub fn put_secrets(
        &mut self,
        org: OrgId,
        secrets: &[(SecretId, SecretKind, &str)],
    ) -> Result<(), StoreError> {
        let result = self.put_secrets_inner(org, secrets);
        self.poison_on(result)
    }

    fn put_secrets_inner(
        &mut self,
        org: OrgId,
        secrets: &[(SecretId, SecretKind, &str)],
    ) -> Result<(), StoreError> {
        let insert = Insert::of(
            SECRETS,
            &[
                ("org_id", ColumnType::Id),
                ("id", ColumnType::Id),
                ("kind", ColumnType::Text),
                (CIPHERTEXT, ColumnType::Blob),
            ],
        );
        let key = self.newest_key(org)?;
        for batch in secrets.chunks(crate::tx::BATCH) {
            let mut rows = Vec::with_capacity(batch.len());
            for (id, kind, plaintext) in batch {
                let place = aad(SECRETS, id.0, CIPHERTEXT);
                let sealed = if kind.readable() {
                    key.seal(plaintext.as_bytes(), &place)?
                } else {
                    key.hash(plaintext.as_bytes(), &place)?
                };
                rows.push(vec![
                    Param::Id(org.0),
                    Param::Id(id.0),
                    Param::from(kind.word()),
                    Param::Blob(sealed.into()),
                ]);
            }
            self.conn.insert(&insert, &rows)?;
        }
        Ok(())
    }

    /// New secrets are encrypted with a new key from here on; old ones stay readable.
    pub fn rotate_key(&mut self, org: OrgId) -> Result<(), StoreError> {
        let newest = self.newest_key(org)?.id;
        let result = self.add_key(org, newest + 1).map(|_| ());
        self.poison_on(result)
    }

    pub(crate) fn newest_key(&mut self, org: OrgId) -> Result<Arc<TenantKey>, StoreError> {
        if let Some(key) = self.local.newest.get(&org) {
            return Ok(key.clone());
        }
        let sql = "SELECT max(key_id) FROM tenant_keys WHERE org_id = ?1";
        let newest = self.conn.first(sql, &[Param::Id(org.0)], |row| row.opt_int(0))?.flatten();
        let key = match newest {
            Some(id) => self.tenant_key(org, id as u32)?,
            None => self.add_key(org, 1)?,
        };
        self.local.newest.insert(org, key.clone());
        Ok(key)
    }

    fn add_key(&mut self, org: OrgId, id: u32) -> Result<Arc<TenantKey>, StoreError> {
        let (key, wrapped) = self.keys.ring().new_tenant_key(org, id)?;
        let sql = "INSERT INTO tenant_keys (org_id, key_id, wrapped) VALUES (?1, ?2, ?3)";
        let params = [Param::Id(org.0), Param::Int(i64::from(id)), Param::Blob(wrapped.into())];
        self.conn.execute(sql, &params)?;
        let key = Arc::new(key);
        self.local.known.insert((org, id), key.clone());
        self.local.newest.insert(org, key.clone());
        Ok(key)
    }
}
