//! What those who are there already have beside their own fields, loaded for many rows at once.

use std::collections::{HashMap, HashSet};

use muster_domain::claims;
use muster_domain::field::EntityKind;
use muster_domain::ids::{OrgId, SecretId, UserId};
use muster_domain::organization::{Device, Mailbox};
use muster_domain::types::{Username, fold};
use muster_domain::user::{Record, User};
use muster_import::{DeviceWish, MailboxWish, PersonRow};
use muster_store::Reader;
use smol_str::SmolStr;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::AppError;

#[derive(Default)]
pub(super) struct Held {
    devices: HashMap<UserId, Vec<Device>>,
    device_ids: HashSet<Uuid>,
    /// Those that rows name and nobody uses: whoever had them was removed.
    unused: Vec<Device>,
    /// Mailboxes by their owner.
    mailboxes: HashMap<UserId, Mailbox>,
    secrets: HashMap<SecretId, Zeroizing<String>>,
}

impl Held {
    /// Only what some row speaks of is asked for.
    pub fn load<'a>(
        r: &mut Reader,
        org: OrgId,
        users: &[&User],
        rows: impl Iterator<Item = &'a PersonRow>,
    ) -> Result<Held, AppError> {
        let rows: Vec<&PersonRow> = rows.collect();
        let mut held = Held { unused: unused(r, org, &rows)?, ..Held::default() };
        if users.is_empty() {
            return Ok(held);
        }
        let (mut devices, mut mailboxes, mut passwords) = (false, false, false);
        for row in rows {
            devices |= !row.devices.is_empty();
            mailboxes |= matches!(row.mailbox, MailboxWish::Own { .. });
            passwords |= row.sip_password.is_some();
        }
        let ids: Vec<Uuid> = users.iter().map(|user| user.id.0).collect();
        let mut secrets: Vec<SecretId> = Vec::new();
        if devices {
            let mut found = r.referring::<Device>(org, "user", &ids)?;
            found.sort_unstable_by_key(|device| device.id);
            secrets.extend(found.iter().filter_map(|device| device.sip_secret));
            for device in found {
                held.device_ids.insert(device.id.0);
                if let Some(user) = device.user {
                    held.devices.entry(user).or_default().push(device);
                }
            }
        }
        if mailboxes {
            let found = r.referring::<Mailbox>(org, "owner", &ids)?;
            secrets.extend(found.iter().filter_map(|mailbox| mailbox.voicemail_pin));
            held.mailboxes.extend(found.into_iter().filter_map(|m| Some((m.owner?, m))));
        }
        if passwords {
            secrets.extend(users.iter().filter_map(|user| user.sip_secret));
        }
        held.secrets = r.secrets_of(org, &secrets)?.into_iter().collect();
        Ok(held)
    }

    /// The device that a row names by what no other can have, if nobody uses it.
    pub fn unused(&self, wish: &DeviceWish) -> Option<&Device> {
        let folded = |name: &Username| fold(name.as_str());
        let by_name = |d: &&Device| {
            wish.auth_name.is_some()
                && wish.auth_name.as_ref().map(folded) == d.auth_name.as_ref().map(folded)
        };
        let by_mac = |d: &&Device| wish.mac.is_some() && wish.mac == d.mac;
        self.unused.iter().find(by_name).or_else(|| self.unused.iter().find(by_mac))
    }

    /// In the order in which they were made.
    pub fn devices(&self, user: UserId) -> &[Device] {
        self.devices.get(&user).map_or(&[], Vec::as_slice)
    }

    pub fn has_device(&self, id: Uuid) -> bool {
        self.device_ids.contains(&id)
    }

    pub fn mailbox(&self, owner: UserId) -> Option<&Mailbox> {
        self.mailboxes.get(&owner)
    }

    /// Whether a secret is there and is this text.
    pub fn is(&self, secret: Option<SecretId>, text: &str) -> bool {
        secret.and_then(|id| self.secrets.get(&id)).is_some_and(|known| known.as_str() == text)
    }
}

fn unused(r: &mut Reader, org: OrgId, rows: &[&PersonRow]) -> Result<Vec<Device>, AppError> {
    let wishes = || rows.iter().flat_map(|row| &row.devices);
    let macs: Vec<SmolStr> = wishes().filter_map(|wish| Some(wish.mac.as_ref()?.to_smol())).collect();
    let names: Vec<SmolStr> =
        wishes().filter_map(|wish| Some(fold(wish.auth_name.as_ref()?.as_str()).into())).collect();
    let mut ids: Vec<Uuid> = Vec::new();
    for (space, keys) in [(claims::MAC_SPACE, macs), (claims::AUTH_SPACE, names)] {
        if !keys.is_empty() {
            let claimed = r.claimed(org, space, &keys)?;
            ids.extend(claimed.into_iter().filter(|c| c.1 == EntityKind::Device).map(|c| c.2));
        }
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    ids.sort_unstable();
    ids.dedup();
    let mut devices = r.get_many::<Device>(org, &ids)?;
    let mut owners: Vec<Uuid> = devices.iter().filter_map(|device| Some(device.user?.0)).collect();
    owners.sort_unstable();
    owners.dedup();
    let users = r.get_many::<User>(org, &owners)?;
    let live: HashSet<UserId> = users.iter().filter(|u| u.record == Record::Live).map(|u| u.id).collect();
    devices.retain(|device| device.user.is_none_or(|user| !live.contains(&user)));
    Ok(devices)
}
