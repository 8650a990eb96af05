//! A fast stream of exactly what the phone core knows of people.

use std::sync::Arc;

use muster_domain::ids::{ConnectionId, CredentialId, OrgId, SecretId, SiteId, UserId};
use muster_domain::types::FieldValue;
use muster_domain::user::{Service, UserType};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::keys::{TenantKey, key_id};
use crate::secrets::open_text;
use crate::sql::{List, Param, Row};
use crate::{Reader, StoreError};

/// A live user with the names and secrets that their phones register with.
#[derive(Clone, Debug)]
pub struct PlanPerson {
    pub user: UserId,
    pub user_type: UserType,
    pub connection: Option<ConnectionId>,
    pub extension: Option<SmolStr>,
    pub display_name: SmolStr,
    pub service: Service,
    pub max_bindings: u16,
    pub call_timeout_s: u16,
    pub site: Option<SiteId>,
    /// The nickname of their own emergency location.
    pub emergency_location: Option<SmolStr>,
    /// The user's own first, then those of their devices. A user's has the user's id, a device's the device's.
    pub credentials: Vec<PlanCredential>,
    /// Credentials whose secret cannot be read: those phones cannot register, all others can.
    pub damaged: Vec<DamagedCredential>,
}

/// A credential whose secret does not decrypt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedCredential {
    pub id: CredentialId,
    pub auth_name: SmolStr,
    /// Why, without anything of the secret.
    pub why: String,
}

#[derive(Clone)]
pub struct PlanCredential {
    pub id: CredentialId,
    /// As written; compare folded.
    pub auth_name: SmolStr,
    pub secret_id: SecretId,
    pub secret: Zeroizing<String>,
}

impl std::fmt::Debug for PlanCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlanCredential").field("auth_name", &self.auth_name).finish_non_exhaustive()
    }
}

type TenantKeys = FxHashMap<u32, Arc<TenantKey>>;

const PERSON: &str = "SELECT u.id, u.user_type, u.\"connection\", u.extension, u.display_name, u.service, \
     u.max_bindings, u.call_timeout_s, u.username, s.id, s.ciphertext, u.site, u.emergency_location \
     FROM users u LEFT JOIN secrets s ON s.org_id = u.org_id AND s.id = u.sip_secret \
     WHERE u.org_id = ?1 AND u.record = 'live'";

const DEVICE: &str = "SELECT d.\"user\", d.id, d.auth_name, s.id, s.ciphertext \
     FROM devices d JOIN secrets s ON s.org_id = d.org_id AND s.id = d.sip_secret \
     WHERE d.org_id = ?1 AND d.auth_name IS NOT NULL";

impl Reader {
    /// Every live user of an organization, in order of their ids. `f` must not call the store.
    pub fn plan_people(
        &mut self,
        org: OrgId,
        mut f: impl FnMut(PlanPerson) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let keys = self.tenant_keys(org)?;
        let mut of_devices: FxHashMap<Uuid, Vec<Opened>> = FxHashMap::default();
        let devices = format!("{DEVICE} AND d.\"user\" IS NOT NULL ORDER BY d.id");
        self.conn.query(&devices, &[Param::Id(org.0)], &mut |row| {
            of_devices.entry(row.id(0)?).or_default().push(device_credential(&keys, row)?);
            Ok(())
        })?;
        let people = format!("{PERSON} ORDER BY u.id");
        self.conn.query(&people, &[Param::Id(org.0)], &mut |row| {
            let mut person = person_from(&keys, row)?;
            person.take(of_devices.remove(&person.user.0).unwrap_or_default());
            f(person)
        })
    }

    /// The same for some; who is trashed or not there is left out.
    pub fn plan_people_of(&mut self, org: OrgId, users: &[UserId]) -> Result<Vec<PlanPerson>, StoreError> {
        let ids: Vec<Uuid> = users.iter().map(|user| user.0).collect();
        let keys = self.tenant_keys(org)?;
        let mut people = Vec::with_capacity(ids.len());
        let person = format!("{PERSON} AND u.id {{ONE_OF_2}}");
        self.conn.query_each(&person, &[Param::Id(org.0)], List::Ids(&ids), &mut |row| {
            people.push(person_from(&keys, row)?);
            Ok(())
        })?;
        let mut of_devices: FxHashMap<Uuid, Vec<Opened>> = FxHashMap::default();
        let device = format!("{DEVICE} AND d.\"user\" {{ONE_OF_2}} ORDER BY d.id");
        self.conn.query_each(&device, &[Param::Id(org.0)], List::Ids(&ids), &mut |row| {
            of_devices.entry(row.id(0)?).or_default().push(device_credential(&keys, row)?);
            Ok(())
        })?;
        for person in &mut people {
            person.take(of_devices.remove(&person.user.0).unwrap_or_default());
        }
        Ok(people)
    }
}

/// A credential, or why there is none.
type Opened = Result<PlanCredential, DamagedCredential>;

impl PlanPerson {
    fn take(&mut self, opened: impl IntoIterator<Item = Opened>) {
        for credential in opened {
            match credential {
                Ok(credential) => self.credentials.push(credential),
                Err(damaged) => self.damaged.push(damaged),
            }
        }
    }
}

fn person_from(keys: &TenantKeys, row: &Row<'_>) -> Result<PlanPerson, StoreError> {
    let user = UserId(row.id(0)?);
    let word = |reason: muster_domain::value::Reason| StoreError::Corrupt(reason.reason);
    let own = match row.opt_id(9)? {
        Some(secret) => {
            let auth_name = SmolStr::new(row.text(8)?);
            Some(credential(keys, CredentialId(user.0), auth_name, SecretId(secret), row.blob(10))?)
        }
        None => None,
    };
    let mut person = PlanPerson {
        user,
        user_type: UserType::parse(row.text(1)?).map_err(word)?,
        connection: row.opt_id(2)?.map(ConnectionId),
        extension: row.opt_text(3)?.map(SmolStr::new),
        display_name: SmolStr::new(row.text(4)?),
        service: Service::parse(row.text(5)?).map_err(word)?,
        max_bindings: row.int(6)?.clamp(0, 0xffff) as u16,
        call_timeout_s: row.int(7)?.clamp(0, 0xffff) as u16,
        site: row.opt_id(11)?.map(SiteId),
        emergency_location: row.opt_text(12)?.map(SmolStr::new),
        credentials: Vec::new(),
        damaged: Vec::new(),
    };
    person.take(own);
    Ok(person)
}

fn device_credential(keys: &TenantKeys, row: &Row<'_>) -> Result<Opened, StoreError> {
    let (id, auth_name) = (CredentialId(row.id(1)?), SmolStr::new(row.text(2)?));
    credential(keys, id, auth_name, SecretId(row.id(3)?), row.blob(4))
}

/// One damaged secret is one phone's misfortune; everybody else's must go on.
fn credential(
    keys: &TenantKeys,
    id: CredentialId,
    auth_name: SmolStr,
    secret_id: SecretId,
    sealed: Result<&[u8], StoreError>,
) -> Result<Opened, StoreError> {
    let why = match sealed.and_then(|sealed| opened(keys, secret_id, sealed)) {
        Ok(secret) => return Ok(Ok(PlanCredential { id, auth_name, secret_id, secret })),
        Err(StoreError::Undecryptable(why)) => why.to_string(),
        Err(StoreError::Corrupt(why)) => why,
        Err(other) => return Err(other),
    };
    Ok(Err(DamagedCredential { id, auth_name, why }))
}

fn opened(keys: &TenantKeys, id: SecretId, sealed: &[u8]) -> Result<Zeroizing<String>, StoreError> {
    let key = keys.get(&key_id(sealed)?);
    open_text(key.ok_or(StoreError::Undecryptable("its organization's key is not there"))?, id, sealed)
}
