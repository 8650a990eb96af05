//! `order.confirmed`: licences, numbers, seats and phones become the organization's, once.

use muster_domain::billing::Licence;
use muster_domain::capabilities::capabilities;
use muster_domain::change::Refusal;
use muster_domain::field::Entity;
use muster_domain::ids::OrderId;
use muster_domain::money::Count;
use muster_domain::orders::{
    Confirmation, ConfirmationRefused, ItemKind, Order, OrderItem, OrderState, confirmation,
};
use muster_domain::organization::{ConnectionKind, Device, DeviceState, NumberKind, PhoneNumber};
use muster_domain::stock::{PoolKind, StockNumber, UnassignedExtension};
use muster_domain::types::{E164, Name, UnixMillis};
use muster_domain::user::{User, UserType};
use uuid::Uuid;

use super::create::AWAITS_MS;
use super::{hold, items_of, price, refused, save_items, set_prices};
use crate::apply::{Allow, Session};
use crate::billing::Right;
use crate::{App, AppError, Done, Scope};

/// What came of a confirmation.
#[derive(Clone, Debug)]
pub struct Confirmed {
    pub done: Done,
    /// It is bought; else it waits for somebody who may buy.
    pub is_bought: bool,
}

impl App {
    /// Buys an order at the price whose digest is named; whoever may not buy leaves it awaiting approval. Done once,
    /// however often it is asked.
    pub fn confirm_order(
        &self,
        scope: &Scope,
        id: OrderId,
        price_digest: &str,
    ) -> Result<Confirmed, AppError> {
        let (buys, approves) = (scope.may(Right::Buy), scope.approves());
        let may_buy = |state| buys || (approves && state == OrderState::AwaitingApproval);
        self.confirm(scope, id, price_digest, &may_buy)
    }

    /// Leaves an order to somebody else who may buy, at the price whose digest is named.
    pub fn submit_order(
        &self,
        scope: &Scope,
        id: OrderId,
        price_digest: &str,
    ) -> Result<Confirmed, AppError> {
        scope.require_right(Right::Order)?;
        self.confirm(scope, id, price_digest, &|_| false)
    }

    fn confirm(
        &self,
        scope: &Scope,
        id: OrderId,
        price_digest: &str,
        may_buy: &(dyn Fn(OrderState) -> bool + Sync),
    ) -> Result<Confirmed, AppError> {
        scope.require_orders()?;
        let mut is_bought = false;
        let done = self.change(scope, Allow::default(), |session| {
            is_bought = session.as_consequence(|session| confirm(session, id, price_digest, may_buy))?;
            Ok(id.0)
        })?;
        if done.replayed {
            is_bought = self.order(scope, id)?.order.confirmed_at.is_some();
        }
        Ok(Confirmed { done, is_bought })
    }
}

fn confirm(
    session: &mut Session<'_>,
    id: OrderId,
    named: &str,
    may_buy: &dyn Fn(OrderState) -> bool,
) -> Result<bool, AppError> {
    let (org, now) = (session.org(), session.now());
    let before = session.tx.get::<Order>(org, id.0)?.ok_or(AppError::NotFound("order"))?;
    let old = items_of(session.tx, org, id)?;
    let mut items = old.clone();
    let mut order = before.clone();
    let mut digest = String::new();
    if super::is_open(&order, now) {
        let quote = price(session.tx, org, &mut items, now)?
            .map_err(|errors| AppError::from(Refusal::Invalid(errors)))?;
        set_prices(&mut order, &quote);
        digest = quote.digest;
    }
    let decided =
        confirmation(&before, named, &digest, may_buy(before.state), now).map_err(|refused_by| {
            match refused_by {
                ConfirmationRefused::PriceChanged => AppError::from(Refusal::PlanChanged),
                ConfirmationRefused::Ended(state) => refused(format!("the order is {state}: make it anew")),
            }
        })?;
    match decided {
        Confirmation::BoughtBefore => return Ok(true),
        Confirmation::Await => {
            order.state = OrderState::AwaitingApproval;
            order.expires_at = UnixMillis(now.0 + AWAITS_MS);
            session.update(&before, &order)?;
            hold_longer(session, &order, &old)?;
            return Ok(false);
        }
        Confirmation::Buy => {}
    }
    (order.state, order.confirmed_at) = (OrderState::Confirmed, Some(now));
    let numbers: Vec<E164> = items.iter().filter_map(|item| item.number.clone()).collect();
    let taken = match numbers.is_empty() {
        true => Vec::new(),
        false => session.in_operators(|operators| hold::take(operators, &numbers, id))?,
    };
    for item in &mut items {
        let number = taken.iter().find(|number| Some(&number.number) == item.number.as_ref());
        deliver(session, item, number)?;
        item.starts_at = Some(now);
    }
    session.update(&before, &order)?;
    save_items(session, &old, &items)?;
    Ok(true)
}

/// What waits for approval keeps its numbers as long as it may wait.
fn hold_longer(session: &mut Session<'_>, order: &Order, items: &[OrderItem]) -> Result<(), AppError> {
    let numbers: Vec<E164> = items.iter().filter_map(|item| item.number.clone()).collect();
    if numbers.is_empty() {
        return Ok(());
    }
    session.in_operators(|operators| hold::extend(operators, &numbers, order.id, order.expires_at))
}

/// Makes of a thing that was bought what it is from now on.
fn deliver(
    session: &mut Session<'_>,
    item: &mut OrderItem,
    number: Option<&StockNumber>,
) -> Result<(), AppError> {
    match item.kind {
        ItemKind::Licence => license(session, item)?,
        ItemKind::Number => {
            let Some(number) = number else { return Ok(()) };
            item.phone_number = Some(give(session, item, number)?);
        }
        ItemKind::Extension => {
            license(session, item)?;
            let Some(number) = number else { return Ok(()) };
            item.phone_number = Some(give(session, item, number)?);
            let mut seat = UnassignedExtension::blank(session.org(), Uuid::now_v7());
            seat.kind = pool_of(item.user_type);
            (seat.country, seat.area_code) = (number.country.clone(), number.area_code.clone());
            seat.number = Some(number.number.clone());
            session.create(&seat)?;
        }
        ItemKind::Phone => {
            let mut device = Device::blank(session.org(), Uuid::now_v7());
            device.name = device_name(session, item)?;
            (device.model, device.user) = (item.model.clone(), item.user);
            device.state = Some(DeviceState::Ordered);
            session.create(&device)?;
            item.device = Some(device.id);
        }
        ItemKind::Shipping => {}
    }
    Ok(())
}

fn license(session: &mut Session<'_>, item: &OrderItem) -> Result<(), AppError> {
    let mut licence = Licence::blank(session.org(), Uuid::now_v7());
    licence.user_type = item.user_type.unwrap_or(UserType::User);
    licence.quantity = Count(u64::from(item.quantity.0));
    (licence.starts_at, licence.order) = (session.now(), item.order);
    session.create(&licence)
}

fn pool_of(user_type: Option<UserType>) -> PoolKind {
    let can = user_type.map(|user_type| capabilities(user_type, ConnectionKind::Builtin));
    can.and_then(|can| can.pool.seat()).unwrap_or(PoolKind::User)
}

/// The number is the organization's from now on, and reaches whom it was ordered for.
fn give(
    session: &mut Session<'_>,
    item: &OrderItem,
    number: &StockNumber,
) -> Result<muster_domain::ids::PhoneNumberId, AppError> {
    let kind = if item.user.is_some() { NumberKind::Direct } else { NumberKind::Inventory };
    let mut row =
        PhoneNumber { user: item.user, ..crate::billing::rules::new_number(session, &number.number, kind) };
    (row.country, row.region) = (number.country.clone(), number.region.clone());
    row.area_code = number.area_code.clone();
    session.create(&row)?;
    if let Some(user) = item.user {
        session.flush()?;
        let org = session.org();
        let before = session.tx.get::<User>(org, user.0)?.ok_or(AppError::NotFound("user"))?;
        if before.direct_number.is_none() {
            let after = User { direct_number: Some(number.number.clone()), ..before.clone() };
            session.update(&before, &after)?;
        }
    }
    Ok(row.id)
}

fn device_name(session: &mut Session<'_>, item: &OrderItem) -> Result<Name, AppError> {
    let model = item.what();
    let org = session.org();
    let user = item.user.map(|user| session.tx.get::<User>(org, user.0)).transpose()?.flatten();
    let name = match user {
        Some(user) => format!("{model} of {}", user.display_name),
        None => model.clone(),
    };
    Ok(Name::parse(&name).or_else(|_| Name::parse(&model)).unwrap_or_default())
}
