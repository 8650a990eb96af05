//! What those who are there already have beside their own fields, loaded for many rows at once.

use std::collections::{HashMap, HashSet};

use muster_domain::ids::{OrgId, SecretId, UserId};
use muster_domain::organization::{Device, Mailbox};
use muster_domain::user::User;
use muster_import::{MailboxWish, PersonRow};
use muster_store::Reader;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::AppError;

#[derive(Default)]
pub(super) struct Held {
    devices: HashMap<UserId, Vec<Device>>,
    device_ids: HashSet<Uuid>,
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
        let mut held = Held::default();
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
