//! What a row makes of a person with all that is theirs. A dry run and a writing one ask the same
//! function, so that what was announced is what happens.

use muster_domain::capabilities::capabilities;
use muster_domain::claims;
use muster_domain::field::Entity;
use muster_domain::ids::{MailboxId, OrgId};
use muster_domain::organization::{ConnectionKind, Device, Mailbox};
use muster_domain::types::{Name, fold};
use muster_domain::user::User;
use muster_import::{DeviceWish, MailboxWish, PersonRow, Secret};
use muster_store::Reader;
use smol_str::SmolStr;
use uuid::Uuid;

use super::build::SECRET_TO_COME;
use super::held::Held;
use crate::AppError;
use crate::users::blank_mailbox;

/// Wherever [`SECRET_TO_COME`] stands, a new secret is kept when it is written: the row's, or one that is
/// generated.
pub(super) struct Plan {
    pub user: User,
    pub mailbox: MailboxPlan,
    pub devices: Vec<DevicePlan>,
}

pub(super) enum MailboxPlan {
    Keep,
    Make(Box<Mailbox>),
    Change {
        before: Box<Mailbox>,
        after: Box<Mailbox>,
    },
    /// Somebody else's, or nobody's: found once everybody is there.
    Other(MailboxWish),
}

pub(super) struct DevicePlan {
    pub before: Option<Device>,
    pub after: Device,
    /// The password that the row gives it, if that is a new one.
    pub password: Option<Secret>,
}

impl Plan {
    /// `user` is as [`super::build::build`] made it of the row and of `before`.
    pub fn make(
        r: &mut Reader,
        mut user: User,
        before: Option<&User>,
        person: &PersonRow,
        held: &Held,
    ) -> Result<Plan, AppError> {
        if let (Some(password), Some(before)) = (&person.sip_password, before)
            && held.is(before.sip_secret, password.reveal())
        {
            // The file repeats what is known: no phone drops.
            user.sip_secret = before.sip_secret;
        }
        if let (Some(pin), Some(kept)) = (&person.on_call_pin, before.and_then(|u| u.on_call_pin))
            && r.secret_matches(user.org, kept, pin.reveal())?
        {
            user.on_call_pin = Some(kept);
        }
        let mailbox = mailbox(r, &mut user, before, &person.mailbox, held)?;
        let known = before.map_or(&[][..], |before| held.devices(before.id));
        Ok(Plan { devices: devices(&user, known, &person.devices, held), user, mailbox })
    }

    pub fn changes(&self, before: &User) -> bool {
        self.user != *before
            || !matches!(self.mailbox, MailboxPlan::Keep)
            || self.devices.iter().any(|device| device.before.as_ref() != Some(&device.after))
    }
}

fn mailbox(
    r: &mut Reader,
    user: &mut User,
    before: Option<&User>,
    wish: &MailboxWish,
    held: &Held,
) -> Result<MailboxPlan, AppError> {
    let pin = match wish {
        MailboxWish::None => {
            user.mailbox = None;
            return Ok(MailboxPlan::Keep);
        }
        MailboxWish::OfUser(_) | MailboxWish::Named(_) => {
            let is_so = match before {
                Some(before) => {
                    before.mailbox.is_some() && other_mailbox(r, user.org, wish)? == before.mailbox
                }
                None => false,
            };
            return Ok(if is_so { MailboxPlan::Keep } else { MailboxPlan::Other(wish.clone()) });
        }
        MailboxWish::Keep if before.is_some() => return Ok(MailboxPlan::Keep),
        MailboxWish::Keep => None,
        MailboxWish::Own { pin } => pin.as_ref(),
    };
    if !capabilities(user.user_type, ConnectionKind::Builtin).mailbox {
        return Ok(MailboxPlan::Keep);
    }
    if let Some(own) = before.and_then(|before| held.mailbox(before.id)) {
        user.mailbox = Some(own.id);
        let Some(_) = pin.filter(|pin| !held.is(own.voicemail_pin, pin.reveal())) else {
            return Ok(MailboxPlan::Keep);
        };
        let after = Mailbox { voicemail_pin: Some(SECRET_TO_COME), ..own.clone() };
        return Ok(MailboxPlan::Change { before: Box::new(own.clone()), after: Box::new(after) });
    }
    let mut mailbox = blank_mailbox(user);
    mailbox.voicemail_pin = pin.map(|_| SECRET_TO_COME);
    user.mailbox = Some(mailbox.id);
    Ok(MailboxPlan::Make(Box::new(mailbox)))
}

/// The mailbox that is not the person's own, if it is there.
pub(super) fn other_mailbox(
    r: &mut Reader,
    org: OrgId,
    wish: &MailboxWish,
) -> Result<Option<MailboxId>, AppError> {
    Ok(match wish {
        MailboxWish::OfUser(username) => {
            let key = SmolStr::from(fold(username.as_str()));
            let owner = r.claimed(org, claims::AUTH_SPACE, &[key])?;
            let owners: Vec<Uuid> = owner.into_iter().map(|(_, _, id)| id).collect();
            r.referring::<Mailbox>(org, "owner", &owners)?.first().map(|m| m.id)
        }
        MailboxWish::Named(name) => {
            let all = r.all::<Mailbox>(org)?;
            all.iter().find(|m| m.owner.is_none() && m.name == *name).map(|m| m.id)
        }
        MailboxWish::Keep | MailboxWish::None | MailboxWish::Own { .. } => None,
    })
}

fn devices(user: &User, known: &[Device], wishes: &[DeviceWish], held: &Held) -> Vec<DevicePlan> {
    let one = |(wish, before): (&DeviceWish, Option<&Device>)| {
        let mut after = before.cloned().unwrap_or_else(|| {
            let mut device = Device::blank(user.org, Uuid::now_v7());
            device.name = wish.model.clone().or_else(|| Name::parse("Desk phone").ok()).unwrap_or_default();
            device
        });
        // One that nobody uses becomes this person's.
        after.user = Some(user.id);
        after.name = wish.name.clone().unwrap_or(after.name);
        after.mac = wish.mac.clone().or(after.mac);
        after.model = wish.model.clone().or(after.model);
        after.serial = wish.serial.clone().or(after.serial);
        after.auth_name = wish.auth_name.clone().or(after.auth_name);
        let password = wish.sip_password.clone().filter(|p| !held.is(after.sip_secret, p.reveal()));
        if password.is_some() || (after.auth_name.is_some() && after.sip_secret.is_none()) {
            after.sip_secret = Some(SECRET_TO_COME);
        }
        DevicePlan { before: before.cloned(), after, password }
    };
    let with_unused =
        |(wish, own): (&DeviceWish, Option<&Device>)| own.or_else(|| held.unused(wish)).cloned();
    let pairs: Vec<Option<Device>> = wishes.iter().zip(paired(known, wishes)).map(with_unused).collect();
    wishes.iter().zip(pairs.iter().map(Option::as_ref)).map(one).collect()
}

/// For each wish the device that it means: by what nobody else can have first, by its name last. Each
/// device is meant once, so that three phones of one name stay three.
fn paired<'k>(known: &'k [Device], wishes: &[DeviceWish]) -> Vec<Option<&'k Device>> {
    let same: [fn(&DeviceWish, &Device) -> bool; 4] = [
        |wish, device| {
            let folded = |name: &muster_domain::types::Username| fold(name.as_str());
            wish.auth_name.is_some()
                && wish.auth_name.as_ref().map(folded) == device.auth_name.as_ref().map(folded)
        },
        |wish, device| wish.mac.is_some() && wish.mac == device.mac,
        |wish, device| wish.serial.is_some() && wish.serial == device.serial,
        |wish, device| wish.name.as_ref().is_some_and(|n| fold(n.as_str()) == fold(device.name.as_str())),
    ];
    let mut free: Vec<&Device> = known.iter().collect();
    let mut pairs: Vec<Option<&Device>> = vec![None; wishes.len()];
    for same in same {
        for (wish, pair) in wishes.iter().zip(&mut pairs).filter(|(_, pair)| pair.is_none()) {
            if let Some(at) = free.iter().position(|device| same(wish, device)) {
                *pair = Some(free.remove(at));
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use muster_domain::types::{Mac, Username};

    use super::*;

    fn device(n: u128, name: &str, mac: Option<&str>, auth_name: Option<&str>) -> Device {
        let mut device = Device::blank(OrgId(Uuid::nil()), Uuid::from_u128(n));
        device.name = Name::parse(name).unwrap();
        device.mac = mac.map(|mac| Mac::parse(mac).unwrap());
        device.auth_name = auth_name.map(|name| Username::parse(name).unwrap());
        device
    }

    fn wish(name: &str, mac: Option<&str>, auth_name: Option<&str>) -> DeviceWish {
        DeviceWish {
            name: Some(Name::parse(name).unwrap()),
            mac: mac.map(|mac| Mac::parse(mac).unwrap()),
            auth_name: auth_name.map(|name| Username::parse(name).unwrap()),
            ..DeviceWish::default()
        }
    }

    #[test]
    fn devices_of_one_name_are_told_apart_by_login_and_address_and_each_is_meant_once() {
        const MACS: [&str; 2] = ["001565000001", "001565000002"];
        let known = [
            device(1, "Desk", Some(MACS[0]), None),
            device(2, "Desk", Some(MACS[1]), None),
            device(3, "Desk", None, Some("ana-desk")),
        ];
        let wishes = [
            wish("Desk", None, Some("ANA-desk")),
            wish("Desk", Some(MACS[1]), None),
            wish("desk", None, None),
            wish("Desk", None, None),
        ];
        let ids: Vec<Option<u128>> =
            paired(&known, &wishes).into_iter().map(|d| d.map(|d| d.id.0.as_u128())).collect();
        assert_eq!(ids, [Some(3), Some(2), Some(1), None]);
    }
}
