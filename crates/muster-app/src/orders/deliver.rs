//! Phones on their way: where each is sent to, shipped with tracking, received.

use muster_domain::field::Entity;
use muster_domain::ids::{OrderId, OrderItemId, ShippingAddressId};
use muster_domain::orders::{Delivery, ItemKind, Order, OrderItem, OrderState, parcels};
use muster_domain::organization::{Device, DeviceState};
use muster_domain::types::Name;

use super::create::add_sendings;
use super::{is_open, items_of, price, refused, save_items, set_prices};
use crate::apply::{Allow, Session};
use crate::billing::Right;
use crate::{App, AppError, Done, Scope};

/// What a carrier says of a parcel.
#[derive(Clone, Debug, Default)]
pub struct Parcel {
    pub carrier: Option<Name>,
    pub tracking: Option<Name>,
}

impl App {
    /// Sends these phones of an order that is not confirmed yet to another address; its price may change by that.
    pub fn address_order(
        &self,
        scope: &Scope,
        id: OrderId,
        things: &[OrderItemId],
        address: ShippingAddressId,
    ) -> Result<Done, AppError> {
        scope.require_right(Right::Order)?;
        self.change(scope, Allow::default(), |session| {
            let (org, now) = (scope.org(), session.now());
            let (before, old) = loaded(session, id)?;
            if !is_open(&before, now) {
                return Err(refused(format!(
                    "the order is {}: where its phones go is settled",
                    before.state
                )));
            }
            let mut items = old.clone();
            for at in chosen(&old, things, |_| true)? {
                items[at].address = Some(address);
            }
            save_items(session, &old, &items)?;
            sort_sendings(session, id)?;
            session.flush()?;
            let old = items_of(session.tx, org, id)?;
            let mut items = old.clone();
            let mut order = before.clone();
            let quote = price(session.tx, org, &mut items, now)?
                .map_err(|errors| AppError::Refused(muster_domain::change::Refusal::Invalid(errors)))?;
            set_prices(&mut order, &quote);
            save_items(session, &old, &items)?;
            session.update(&before, &order)?;
            Ok(id.0)
        })
    }

    /// The operator has sent these phones; all that are still to be sent where none is named.
    pub fn ship_order(
        &self,
        scope: &Scope,
        id: OrderId,
        things: &[OrderItemId],
        parcel: &Parcel,
    ) -> Result<Done, AppError> {
        scope.require_right(Right::Operate)?;
        self.move_on(scope, id, things, Delivery::Ordered, Delivery::Shipped, |item, device| {
            (item.carrier, item.tracking) = (parcel.carrier.clone(), parcel.tracking.clone());
            device.state = Some(DeviceState::Shipped);
        })
    }

    /// These phones have come; all that are on their way where none is named.
    pub fn receive_order(
        &self,
        scope: &Scope,
        id: OrderId,
        things: &[OrderItemId],
    ) -> Result<Done, AppError> {
        scope.require_right(Right::Order)?;
        self.move_on(scope, id, things, Delivery::Shipped, Delivery::Received, |_, device| {
            device.state = Some(DeviceState::InStock);
        })
    }

    fn move_on(
        &self,
        scope: &Scope,
        id: OrderId,
        things: &[OrderItemId],
        from: Delivery,
        to: Delivery,
        also: impl Fn(&mut OrderItem, &mut Device) + Send + Sync,
    ) -> Result<Done, AppError> {
        self.change(scope, Allow::default(), |session| {
            let (order, old) = loaded(session, id)?;
            if !matches!(order.state, OrderState::Confirmed) {
                return Err(refused(format!("the order is {}: nothing of it is on its way", order.state)));
            }
            let mut items = old.clone();
            for at in chosen(&old, things, |item| item.delivery == Some(from))? {
                let device = items[at].device.ok_or(AppError::NotFound("device"))?;
                let before =
                    session.tx.get::<Device>(scope.org(), device.0)?.ok_or(AppError::NotFound("device"))?;
                let mut after = before.clone();
                items[at].delivery = Some(to);
                also(&mut items[at], &mut after);
                session.as_consequence(|session| session.update(&before, &after))?;
            }
            save_items(session, &old, &items)?;
            Ok(id.0)
        })
    }
}

fn loaded(session: &mut Session<'_>, id: OrderId) -> Result<(Order, Vec<OrderItem>), AppError> {
    let org = session.org();
    let order = session.tx.get::<Order>(org, id.0)?.ok_or(AppError::NotFound("order"))?;
    Ok((order, items_of(session.tx, org, id)?))
}

/// The places of the phones that are named, each of which must fit; of all that fit where none is named.
fn chosen(
    items: &[OrderItem],
    things: &[OrderItemId],
    fits: impl Fn(&OrderItem) -> bool,
) -> Result<Vec<usize>, AppError> {
    let is_phone = |item: &OrderItem| matches!(item.kind, ItemKind::Phone) && fits(item);
    if things.is_empty() {
        let all: Vec<usize> = (0..items.len()).filter(|at| is_phone(&items[*at])).collect();
        return if all.is_empty() {
            Err(refused("there is no phone of the order that this is about"))
        } else {
            Ok(all)
        };
    }
    let place = |id: &OrderItemId| {
        items.iter().position(|item| item.id == *id && is_phone(item)).ok_or_else(|| {
            AppError::invalid(
                "items",
                format!("name {id}, which is no phone of this order that this can be done with"),
                "name phones of the order, or none for all of them",
            )
        })
    };
    things.iter().map(place).collect()
}

/// One sending for each address that phones go to now.
fn sort_sendings(session: &mut Session<'_>, id: OrderId) -> Result<(), AppError> {
    session.flush()?;
    let org = session.org();
    let items = items_of(session.tx, org, id)?;
    let wanted = parcels(&items);
    let is_sending = |item: &&OrderItem| matches!(item.kind, ItemKind::Shipping);
    let gone =
        items.iter().filter(is_sending).filter(|item| item.address.is_none_or(|a| !wanted.contains(&a)));
    let gone = gone.map(muster_domain::change::removal_of).collect();
    let there: Vec<_> = items.iter().filter(is_sending).filter_map(|item| item.address).collect();
    let mut new: Vec<OrderItem> =
        items.iter().filter(|item| matches!(item.kind, ItemKind::Phone)).cloned().collect();
    let phones = new.len();
    add_sendings(org, id, &mut new);
    session.apply(gone)?;
    for item in new[phones..].iter().filter(|item| item.address.is_some_and(|a| !there.contains(&a))) {
        debug_assert_eq!(item.version(), 0);
        session.create(item)?;
    }
    Ok(())
}
