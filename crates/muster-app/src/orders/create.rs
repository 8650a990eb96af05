//! `order.created`: priced, and its numbers held for a while.

use muster_domain::field::Entity;
use muster_domain::ids::{OrderId, OrgId, ShippingAddressId, UserId};
use muster_domain::orders::{Delivery, ItemKind, Order, OrderItem, parcels};
use muster_domain::types::{AreaCode, Bounded, Country, E164, Name, Text, UnixMillis};
use muster_domain::user::UserType;
use uuid::Uuid;

use super::hold::{self, Wish};
use super::{blank_item, price, refused, set_prices};
use crate::apply::{Allow, Session};
use crate::billing::Right;
use crate::{App, AppError, Done, OPERATOR_SLUG, Scope};

/// Things in one order.
pub const ITEMS_MAX: usize = 2000;

/// How long numbers are held for an order that nobody has confirmed, and for one that waits for approval.
const HELD_MS: i64 = 60 * 60 * 1000;
pub(super) const AWAITS_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct NewOrder {
    pub note: Option<Text>,
    pub items: Vec<NewItem>,
    /// Where phones go that name no address of their own.
    pub address: Option<ShippingAddressId>,
}

#[derive(Clone, Debug)]
pub struct NewItem {
    pub kind: ItemKind,
    pub user_type: Option<UserType>,
    /// So many; each phone, number and seat is a thing of its own.
    pub quantity: u16,
    pub model: Option<Name>,
    pub number: NumberWanted,
    pub user: Option<UserId>,
    pub address: Option<ShippingAddressId>,
}

/// A number by itself, or by where it is of.
#[derive(Clone, Debug, Default)]
pub struct NumberWanted {
    pub number: Option<E164>,
    pub country: Option<Country>,
    pub region: Option<Name>,
    pub area_code: Option<AreaCode>,
}

impl App {
    /// Prices what is asked for and holds its numbers. Nothing is bought before it is confirmed.
    pub fn create_order(&self, scope: &Scope, new: &NewOrder) -> Result<Done, AppError> {
        scope.require_right(Right::Order)?;
        if scope.organization().slug.as_str() == OPERATOR_SLUG {
            return Err(refused("the operator's organization orders nothing"));
        }
        check(new)?;
        self.change(scope, Allow::default(), |session| {
            session.as_consequence(|session| create(session, scope, new)).map(|id| id.0)
        })
    }
}

fn check(new: &NewOrder) -> Result<(), AppError> {
    let count: usize = new.items.iter().map(things_of).sum();
    if count == 0 || count > ITEMS_MAX {
        return Err(AppError::invalid(
            "items",
            format!("are {count} things, not 1 to {ITEMS_MAX}"),
            format!("order between 1 and {ITEMS_MAX} things at once"),
        ));
    }
    let without_address = |item: &NewItem| item.address.is_none() && new.address.is_none();
    for item in &new.items {
        let error = match item.kind {
            ItemKind::Phone if without_address(item) => {
                ("address", "is missing", "say where the phone is sent to")
            }
            ItemKind::Shipping => {
                ("items", "have a sending in them", "leave it out: it follows from the phones")
            }
            ItemKind::Number | ItemKind::Extension if item.number.number.is_some() && item.quantity > 1 => {
                ("number", "is one, and several are asked for", "order each number by itself")
            }
            ItemKind::Phone | ItemKind::Number if item.user.is_some() && item.quantity > 1 => {
                ("user", "is one, and several are asked for", "order for each person by themselves")
            }
            _ => continue,
        };
        return Err(AppError::invalid(error.0, error.1, error.2));
    }
    Ok(())
}

/// Licences are counted in one thing, everything else is a thing each.
fn things_of(item: &NewItem) -> usize {
    if item.kind == ItemKind::Licence { 1 } else { usize::from(item.quantity) }
}

fn create(session: &mut Session<'_>, scope: &Scope, new: &NewOrder) -> Result<OrderId, AppError> {
    let (org, now) = (session.org(), session.now());
    super::cancel::expire(session)?;
    let mut order = Order::blank(org, Uuid::now_v7());
    order.note = new.note.clone();
    order.expires_at = UnixMillis(now.0 + HELD_MS);
    let mut items = expand(org, order.id, new);
    add_sendings(org, order.id, &mut items);
    hold_numbers(session, scope, &order, new, &mut items)?;
    let quote = price(session.tx, org, &mut items, now)?
        .map_err(|errors| AppError::Refused(muster_domain::change::Refusal::Invalid(errors)))?;
    set_prices(&mut order, &quote);
    session.create(&order)?;
    for item in &items {
        session.create(item)?;
    }
    Ok(order.id)
}

fn expand(org: OrgId, order: OrderId, new: &NewOrder) -> Vec<OrderItem> {
    let mut items = Vec::new();
    for wanted in &new.items {
        for _ in 0..things_of(wanted) {
            let mut item = blank_item(org, order);
            (item.kind, item.user_type, item.user) = (wanted.kind, wanted.user_type, wanted.user);
            match wanted.kind {
                ItemKind::Licence => item.quantity = Bounded(wanted.quantity),
                ItemKind::Phone => {
                    item.model = wanted.model.clone();
                    item.address = wanted.address.or(new.address);
                    item.delivery = Some(Delivery::Ordered);
                }
                ItemKind::Extension => item.user_type = Some(wanted.user_type.unwrap_or(UserType::User)),
                ItemKind::Number | ItemKind::Shipping => {}
            }
            items.push(item);
        }
    }
    items
}

/// One sending for each address that phones go to.
pub(super) fn add_sendings(org: OrgId, order: OrderId, items: &mut Vec<OrderItem>) {
    for address in parcels(items) {
        let mut item = blank_item(org, order);
        (item.kind, item.address) = (ItemKind::Shipping, Some(address));
        items.push(item);
    }
}

fn hold_numbers(
    session: &mut Session<'_>,
    scope: &Scope,
    order: &Order,
    new: &NewOrder,
    items: &mut [OrderItem],
) -> Result<(), AppError> {
    let wants = |kind| matches!(kind, ItemKind::Number | ItemKind::Extension);
    let wishes: Vec<Wish> = new
        .items
        .iter()
        .filter(|item| wants(item.kind))
        .flat_map(|item| {
            let NumberWanted { number, country, region, area_code } = item.number.clone();
            std::iter::repeat_n(Wish { number, country, region, area_code }, usize::from(item.quantity))
        })
        .collect();
    if wishes.is_empty() {
        return Ok(());
    }
    let by = (&scope.organization().slug, order.id);
    let held = session.in_operators(|operators| hold::hold(operators, &wishes, by, order.expires_at))?;
    let places = items.iter_mut().filter(|item| wants(item.kind));
    for (item, number) in places.zip(held) {
        item.number = Some(number.number);
    }
    Ok(())
}
