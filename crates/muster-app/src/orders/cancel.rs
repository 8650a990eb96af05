//! An order ends otherwise than by being bought, or is cancelled after: all that it held or took is given back.

use muster_domain::billing::Licence;
use muster_domain::calendar::Cycle;
use muster_domain::change::removal_of;
use muster_domain::ids::OrderId;
use muster_domain::orders::{Delivery, Order, OrderItem, OrderState};
use muster_domain::organization::Device;
use muster_domain::stock::UnassignedExtension;
use muster_domain::types::{E164, Text, UnixMillis};
use muster_domain::user::User;
use uuid::Uuid;

use super::{hold, items_of, refused, save_items};
use crate::apply::{Allow, Session};
use crate::billing::Right;
use crate::billing::rules::number_row;
use crate::{App, AppError, Done, Scope};

impl App {
    /// One that was bought can be cancelled while nothing of it has been sent and nobody needs its licences.
    pub fn cancel_order(&self, scope: &Scope, id: OrderId, reason: Option<&Text>) -> Result<Done, AppError> {
        scope.require_orders()?;
        self.change(scope, Allow::default(), |session| {
            let before = session.tx.get::<Order>(scope.org(), id.0)?.ok_or(AppError::NotFound("order"))?;
            match before.state {
                // Ended is ended, however often somebody says so.
                OrderState::Cancelled | OrderState::Expired => return Ok(id.0),
                OrderState::Confirmed => {
                    scope.require_right(Right::Buy)?;
                    session.as_consequence(|session| take_back(session, &before))?;
                }
                OrderState::Reserved | OrderState::AwaitingApproval => {}
            }
            let items = items_of(session.tx, scope.org(), id)?;
            end(session, &before, &items, OrderState::Cancelled, reason)?;
            Ok(id.0)
        })
    }
}

/// Orders whose time is over give back what they hold.
pub(super) fn expire(session: &mut Session<'_>) -> Result<(), AppError> {
    let (org, now) = (session.org(), session.now());
    let open = [OrderState::Reserved, OrderState::AwaitingApproval];
    for id in session.tx.orders_in(org, &open)? {
        let Some(order) = session.tx.get::<Order>(org, id.0)?.filter(|order| order.expires_at <= now) else {
            continue;
        };
        let items = items_of(session.tx, org, id)?;
        end(session, &order, &items, OrderState::Expired, None)?;
    }
    Ok(())
}

fn end(
    session: &mut Session<'_>,
    before: &Order,
    items: &[OrderItem],
    state: OrderState,
    reason: Option<&Text>,
) -> Result<(), AppError> {
    let after = Order { state, ended_at: Some(session.now()), reason: reason.cloned(), ..before.clone() };
    session.update(before, &after)?;
    let numbers: Vec<E164> = items.iter().filter_map(|item| item.number.clone()).collect();
    if numbers.is_empty() {
        return Ok(());
    }
    session.in_operators(|operators| hold::release(operators, &numbers, before.id))
}

/// What was bought is there no longer. Within the cycle in which it was bought it costs nothing; in a later one, the days
/// until now.
fn take_back(session: &mut Session<'_>, order: &Order) -> Result<(), AppError> {
    let (org, now) = (session.org(), session.now());
    let old = items_of(session.tx, org, order.id)?;
    if old.iter().any(|item| matches!(item.delivery, Some(Delivery::Shipped | Delivery::Received))) {
        return Err(refused("phones of the order have been sent: what has been sent is not cancelled"));
    }
    let zone = session.tx.organization(org)?.and_then(|organization| organization.time_zone);
    let bought_now = order.confirmed_at.filter(|at| Cycle::containing(now, zone.as_ref()).contains(*at));
    let ends_at = |starts_at: UnixMillis| if bought_now.is_some() { starts_at } else { now };
    for before in session.tx.referring::<Licence>(org, "order", &[order.id.0])? {
        let after = Licence { ends_at: Some(ends_at(before.starts_at)), ..before.clone() };
        session.update(&before, &after)?;
    }
    crate::billing::check_enough(session)?;
    let mut items = old.clone();
    let mut gone = Vec::new();
    for item in &mut items {
        item.ends_at = item.starts_at.map(ends_at);
        give_up(session, item, &mut gone)?;
    }
    save_items(session, &old, &items)?;
    session.apply(gone)
}

/// Lets a thing go of what it became, and says what goes with it.
fn give_up(
    session: &mut Session<'_>,
    item: &mut OrderItem,
    gone: &mut Vec<muster_domain::change::EntityChange>,
) -> Result<(), AppError> {
    session.flush()?;
    let org = session.org();
    if let Some(device) = item.device.take()
        && let Some(device) = session.tx.get::<Device>(org, device.0)?
    {
        gone.push(removal_of(&device));
    }
    item.phone_number = None;
    // By the number and not by the row: it may have been removed and recorded anew.
    let Some(number) = &item.number else { return Ok(()) };
    let Some(row) = number_row(session, number)? else { return Ok(()) };
    let seats = session.tx.claimed(org, muster_domain::claims::POOL_SPACE, &[row.number.to_smol()])?;
    let ids: Vec<Uuid> = seats.into_iter().map(|(_, _, id)| id).collect();
    for seat in session.tx.get_many::<UnassignedExtension>(org, &ids)? {
        if seat.user.is_some() {
            return Err(refused("a seat of the order is taken: remove the person first"));
        }
        gone.push(removal_of(&seat));
    }
    if let Some(user) = row.user
        && let Some(before) = session.tx.get::<User>(org, user.0)?
        && before.direct_number.as_ref() == Some(&row.number)
    {
        session.update(&before, &User { direct_number: None, ..before.clone() })?;
    }
    gone.push(removal_of(&row));
    Ok(())
}
