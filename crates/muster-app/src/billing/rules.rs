//! What a subscription says of people who go live: whether their type is part of it, whether there is a licence left,
//! and which seat of the pool they take. Whoever is removed gives their seat back, with its number.
//!
//! Asked at the end of every write, so that form, import, undo and restoring obey alike.

use std::collections::BTreeSet;

use muster_domain::billing::Subscription;
use muster_domain::capabilities::capabilities;
use muster_domain::change::Refusal;
use muster_domain::field::Entity;
use muster_domain::ids::UserId;
use muster_domain::organization::{ConnectionKind, NumberKind, PhoneNumber};
use muster_domain::stock::{PoolNeed, UnassignedExtension, seat_for};
use muster_domain::types::E164;
use muster_domain::user::{Record, Service, User, UserType};
use uuid::Uuid;

use super::licences::held_now;
use crate::AppError;
use crate::apply::Session;

/// Somebody who began or ended to be live and enabled, or to be there at all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turned {
    user: UserId,
    user_type: UserType,
    goes_live: bool,
    is_removed: bool,
}

impl Turned {
    pub(crate) fn of(before: Option<&User>, after: Option<&User>) -> Option<Turned> {
        let live = |user: Option<&User>| user.is_some_and(|u| u.record == Record::Live);
        let on = |user: Option<&User>| live(user) && user.is_some_and(|u| u.service == Service::Enabled);
        let user = after.or(before)?;
        let (goes_live, is_removed) = (on(after) && !on(before), live(before) && !live(after));
        let turned = Turned { user: user.id, user_type: user.user_type, goes_live, is_removed };
        (goes_live || is_removed).then_some(turned)
    }
}

pub(crate) fn settle(session: &mut Session<'_>, turned: &[Turned]) -> Result<(), AppError> {
    let removed: Vec<Uuid> = turned.iter().filter(|t| t.is_removed).map(|t| t.user.0).collect();
    if !removed.is_empty() {
        give_back(session, &removed)?;
    }
    let live: Vec<Turned> = turned.iter().filter(|t| t.goes_live).copied().collect();
    if live.is_empty() {
        return Ok(());
    }
    let org = session.org();
    let Some(terms) = session.tx.all::<Subscription>(org)?.pop() else { return Ok(()) };
    if let Some(not_part) = live.iter().find(|t| !terms.allows(t.user_type)) {
        return Err(Refusal::NotAllowed(format!(
            "{} is not part of the subscription {}: choose another type, or another subscription",
            not_part.user_type, terms.name
        ))
        .into());
    }
    if terms.sells_licences() {
        check_licences(session, &live)?;
    }
    if terms.unassigned_extensions {
        take_seats(session, &live)?;
    }
    Ok(())
}

/// Of the types that somebody has just gone live with, there are no more people than licences.
fn check_licences(session: &mut Session<'_>, live: &[Turned]) -> Result<(), AppError> {
    let (org, now) = (session.org(), session.now());
    let used = session.tx.enabled_by_type(org)?;
    let held = held_now(session.tx, org, now)?;
    let types: BTreeSet<UserType> = live.iter().map(|turned| turned.user_type).collect();
    for (user_type, used) in used {
        let wanted = types.contains(&user_type);
        let licensed = capabilities(user_type, ConnectionKind::Builtin).licensed;
        let held = held.get(&user_type).copied().unwrap_or(0);
        if wanted && licensed && used > held {
            return Err(Refusal::NotAllowed(format!(
                "there are {held} licences for {user_type}, and {used} people would use them: order {} more, or \
                 deactivate somebody",
                used - held
            ))
            .into());
        }
    }
    Ok(())
}

fn take_seats(session: &mut Session<'_>, live: &[Turned]) -> Result<(), AppError> {
    let org = session.org();
    let mut seats = session.tx.all::<UnassignedExtension>(org)?;
    let ids: Vec<Uuid> = live.iter().map(|t| t.user.0).collect();
    let mut users = session.tx.get_many::<User>(org, &ids)?;
    users.sort_unstable_by_key(|user| user.id);
    for before in users {
        let Some(kind) = capabilities(before.user_type, ConnectionKind::Builtin).pool.seat() else {
            continue;
        };
        if seats.iter().any(|seat| seat.user == Some(before.id)) {
            continue;
        }
        let need = PoolNeed {
            kind,
            country: before.unassigned_extension_country.clone(),
            area_code: before.unassigned_extension_area_code.clone(),
        };
        let Some(seat) = seat_for(&need, before.direct_number.as_ref(), &seats).cloned() else {
            return Err(Refusal::NotAllowed(format!(
                "there is no free unassigned extension for {} (needs one for {}): order one, or ask for another \
                 country or area code",
                before.display_name,
                need.words()
            ))
            .into());
        };
        let taken = UnassignedExtension { user: Some(before.id), ..seat.clone() };
        session.update(&seat, &taken)?;
        if let Some(place) = seats.iter_mut().find(|other| other.id == seat.id) {
            *place = taken;
        }
        if let Some(number) = &seat.number {
            give_number(session, &before, number)?;
        }
    }
    Ok(())
}

/// The seat's number reaches whoever took it.
fn give_number(session: &mut Session<'_>, before: &User, number: &E164) -> Result<(), AppError> {
    if let Some(row) = number_row(session, number)?
        && row.user.is_none()
    {
        let after = PhoneNumber { user: Some(before.id), kind: NumberKind::Direct, ..row.clone() };
        session.update(&row, &after)?;
    }
    if before.direct_number.is_none() {
        let after = User { direct_number: Some(number.clone()), ..before.clone() };
        session.update(before, &after)?;
    }
    Ok(())
}

fn give_back(session: &mut Session<'_>, removed: &[Uuid]) -> Result<(), AppError> {
    let org = session.org();
    for seat in session.tx.referring::<UnassignedExtension>(org, "user", removed)? {
        session.update(&seat, &UnassignedExtension { user: None, ..seat.clone() })?;
        if let Some(number) = &seat.number
            && let Some(row) = number_row(session, number)?
        {
            let after = PhoneNumber { user: None, kind: NumberKind::Inventory, ..row.clone() };
            session.update(&row, &after)?;
        }
    }
    Ok(())
}

/// The organization's record of a number.
pub(crate) fn number_row(session: &mut Session<'_>, number: &E164) -> Result<Option<PhoneNumber>, AppError> {
    session.flush()?;
    let org = session.org();
    let space = muster_domain::claims::NUMBER_SPACE;
    let found = session.tx.claimed(org, space, &[number.to_smol()])?;
    let Some((_, _, id)) = found.first() else { return Ok(None) };
    Ok(session.tx.get::<PhoneNumber>(org, *id)?)
}

/// A record of a number that the organization has not yet.
pub(crate) fn new_number(session: &Session<'_>, number: &E164, kind: NumberKind) -> PhoneNumber {
    let mut row = PhoneNumber::blank(session.org(), Uuid::now_v7());
    (row.number, row.kind) = (number.clone(), kind);
    row
}
