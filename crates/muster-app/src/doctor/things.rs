//! What is wrong with things: they name nothing, nobody owns them, nobody is in them, nobody uses them.

use std::collections::HashSet;

use muster_domain::doctor::made_at;
use muster_domain::field::{Entity, EntityKind};
use muster_domain::handling::{FaxAccount, Group, Menu, OnCallSchedule, SmsSender};
use muster_domain::ids::OrgId;
use muster_domain::organization::{Device, Mailbox, NumberKind, PhoneNumber, Token};
use muster_domain::types::UnixMillis;
use muster_domain::user::Record;
use muster_store::{Query, Reader, Stored};
use uuid::Uuid;

use super::people::is_old;
use super::{Check, Finding, Found, Mend};
use crate::AppError;
use crate::leaving::any_called;
use crate::things::load_any;

/// Things looked at at once.
const PAGE: usize = 1000;
/// More that name something which is not there are not looked for.
const REFERENCES_MAX: usize = 10;

pub(super) fn examine(r: &mut Reader, org: OrgId, at: UnixMillis, found: &mut Found) -> Result<(), AppError> {
    if found.wants(Check::Dangling) {
        dangling(r, org, found)?;
    }
    if found.wants(Check::OwnerlessMailboxes) {
        pages::<Mailbox>(r, org, |r, mailboxes| ownerless(r, org, mailboxes, found))?;
    }
    if found.wants(Check::Empty) {
        empty::<Group>(r, org, "members", "nobody rings when it is called", found)?;
        empty::<Menu>(r, org, "entries", "no key leads anywhere", found)?;
        empty::<FaxAccount>(r, org, "users", "nobody reads what arrives", found)?;
        empty::<SmsSender>(r, org, "users", "nobody reads what arrives", found)?;
        empty::<OnCallSchedule>(r, org, "members", "nobody is on duty", found)?;
    }
    if found.wants(Check::UnassignedNumbers) {
        unassigned(r, org, found)?;
    }
    if found.wants(Check::OldCredentials) {
        pages::<Device>(r, org, |_, devices| {
            devices.iter().for_each(|device| old_device(device, at, found));
            Ok(())
        })?;
    }
    if found.wants(Check::OldTokens) {
        tokens(r, org, at, found)?;
    }
    Ok(())
}

/// All of a kind, a page at a time.
fn pages<E: Entity>(
    r: &mut Reader,
    org: OrgId,
    mut each: impl FnMut(&mut Reader, &[E]) -> Result<(), AppError>,
) -> Result<(), AppError> {
    let mut query = Query { limit: PAGE, ..Query::default() };
    loop {
        let page = r.list::<E>(org, &query)?;
        each(r, &page.items)?;
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => return Ok(()),
        }
    }
}

fn dangling(r: &mut Reader, org: OrgId, found: &mut Found) -> Result<(), AppError> {
    for reference in r.dangling(org)? {
        let (kind, id) = (reference.kind, reference.id);
        let thing = load_any(r, org, kind, &[id])?.pop();
        let name = thing.as_ref().map_or_else(|| format!("the {} {id}", kind.word()), any_called);
        found.add(Check::Dangling, || Finding {
            kind,
            id,
            name,
            why: format!("its {} names {}, which is not there", reference.field, reference.to),
            advice:
                "change that field; `muster changes --verify` says whether the tables are what the log says"
                    .into(),
            mend: Mend::ByHand,
        });
    }
    Ok(())
}

fn ownerless(r: &mut Reader, org: OrgId, mailboxes: &[Mailbox], found: &mut Found) -> Result<(), AppError> {
    let ids: Vec<Uuid> = mailboxes.iter().filter(|m| m.owner.is_none()).map(|m| m.id.0).collect();
    let used: HashSet<Uuid> =
        r.references_to(org, EntityKind::Mailbox, &ids, REFERENCES_MAX)?.iter().map(|used| used.to).collect();
    for mailbox in mailboxes.iter().filter(|m| ids.contains(&m.id.0) && !used.contains(&m.id.0)) {
        found.add(Check::OwnerlessMailboxes, || Finding {
            kind: EntityKind::Mailbox,
            id: mailbox.id.0,
            name: any_called(&mailbox.clone().into()),
            why: "nobody owns it, and nobody's messages go there".into(),
            advice: "give it to somebody as their mailbox; it is never removed by itself".into(),
            mend: Mend::ByHand,
        });
    }
    Ok(())
}

fn empty<E: Stored>(
    r: &mut Reader,
    org: OrgId,
    field: &'static str,
    why: &'static str,
    found: &mut Found,
) -> Result<(), AppError> {
    let Some(field) = E::field(field) else { return Ok(()) };
    let is_empty = |thing: &E| match (field.get)(thing) {
        muster_domain::value::Value::List(entries) => entries.is_empty(),
        _ => false,
    };
    pages::<E>(r, org, |_, things| {
        for thing in things.iter().filter(|thing| is_empty(thing)) {
            found.add(Check::Empty, || Finding {
                kind: E::KIND,
                id: thing.id(),
                name: any_called(&thing.clone().into_any()),
                why: format!("has no {}: {why}", field.name),
                advice: "put somebody in, or remove it".into(),
                mend: Mend::ByHand,
            });
        }
        Ok(())
    })
}

/// Numbers that are meant for somebody and reach nobody. What lies in stock is meant for nobody.
fn unassigned(r: &mut Reader, org: OrgId, found: &mut Found) -> Result<(), AppError> {
    let mut used: HashSet<Uuid> = HashSet::new();
    pages::<FaxAccount>(r, org, |_, accounts| {
        used.extend(accounts.iter().filter_map(|account| account.number).map(|number| number.0));
        Ok(())
    })?;
    pages::<SmsSender>(r, org, |_, senders| {
        used.extend(senders.iter().filter_map(|sender| sender.number).map(|number| number.0));
        Ok(())
    })?;
    pages::<PhoneNumber>(r, org, |_, numbers| {
        let meant = [NumberKind::Direct, NumberKind::Temporary, NumberKind::Fax];
        let lost = numbers.iter().filter(|number| {
            number.user.is_none() && meant.contains(&number.kind) && !used.contains(&number.id.0)
        });
        for number in lost {
            found.add(Check::UnassignedNumbers, || Finding {
                kind: EntityKind::PhoneNumber,
                id: number.id.0,
                name: any_called(&number.clone().into()),
                why: format!("is a {} number, and reaches nobody", number.kind.word()),
                advice: "give it to somebody, or note it as free".into(),
                mend: Mend::IntoInventory { number: number.id.0, version: number.version },
            });
        }
        Ok(())
    })
}

fn old_device(device: &Device, at: UnixMillis, found: &mut Found) {
    let old = device.sip_secret.and_then(|secret| made_at(secret.0)).is_some_and(|made| is_old(made, at));
    let Some(user) = device.user.filter(|_| old) else { return };
    found.add(Check::OldCredentials, || Finding {
        kind: EntityKind::Device,
        id: device.id.0,
        name: any_called(&device.clone().into()),
        why: "has had the same SIP password for more than a year".into(),
        advice: "make a new one; the device drops until it has it".into(),
        mend: Mend::NewSecret { user: user.0, device: Some(device.name.to_string()) },
    });
}

fn tokens(r: &mut Reader, org: OrgId, at: UnixMillis, found: &mut Found) -> Result<(), AppError> {
    for token in r.all::<Token>(org)? {
        let lasts = token.record == Record::Live && token.expires_at.is_none();
        if lasts && is_old(token.created_at, at) {
            found.add(Check::OldTokens, || Finding {
                kind: EntityKind::Token,
                id: token.id.0,
                name: any_called(&token.clone().into()),
                why: format!("was made on {}, and never expires", token.created_at),
                advice: "make another with an end, and revoke this one".into(),
                mend: Mend::RevokeToken { token: token.id.0 },
            });
        }
    }
    Ok(())
}
