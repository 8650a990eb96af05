//! Orders: made, with what they want held for them; confirmed by somebody who may buy; cancelled; delivered.

mod cancel;
mod confirm;
mod create;
mod deliver;
mod hold;

pub use confirm::Confirmed;
pub use create::{ITEMS_MAX, NewItem, NewOrder, NumberWanted};
pub use deliver::Parcel;

use muster_domain::calendar::Cycle;
use muster_domain::change::Refusal;
use muster_domain::field::{Entity, EntityKind};
use muster_domain::ids::{OrderId, OrgId};
use muster_domain::orders::{Order, OrderItem, OrderState, Quote, quote};
use muster_domain::stock::PhoneModel;
use muster_domain::types::UnixMillis;
use muster_store::Reader;
use uuid::Uuid;

use crate::{App, AppError, OPERATOR_SLUG, Scope};

/// An order with its things. While it is open, its prices are those of now.
#[derive(Clone, Debug)]
pub struct OrderView {
    pub order: Order,
    pub items: Vec<OrderItem>,
    /// Why it cannot be bought as it is, where the terms have changed since.
    pub not_sold: Vec<muster_domain::value::FieldError>,
}

impl App {
    pub fn order(&self, scope: &Scope, id: OrderId) -> Result<OrderView, AppError> {
        scope.require(scope.to_read(EntityKind::Order))?;
        let (org, now) = (scope.org(), self.now());
        self.store().read(|r| {
            let mut order = r.get::<Order>(org, id.0)?.ok_or(AppError::NotFound("order"))?;
            let mut items = items_of(r, org, id)?;
            let mut not_sold = Vec::new();
            if is_open(&order, now) {
                match price(r, org, &mut items, now)? {
                    Ok(quote) => set_prices(&mut order, &quote),
                    Err(errors) => not_sold = errors,
                }
            } else if matches!(order.state, OrderState::Reserved | OrderState::AwaitingApproval) {
                order.state = OrderState::Expired;
            }
            Ok(OrderView { order, items, not_sold })
        })
    }
}

pub(crate) fn is_open(order: &Order, now: UnixMillis) -> bool {
    matches!(order.state, OrderState::Reserved | OrderState::AwaitingApproval) && order.expires_at > now
}

/// Things of an order, in the order in which they were asked for.
pub(crate) fn items_of(r: &mut Reader, org: OrgId, order: OrderId) -> Result<Vec<OrderItem>, AppError> {
    let mut items = r.referring::<OrderItem>(org, "order", &[order.0])?;
    items.sort_unstable_by_key(|item| item.id);
    Ok(items)
}

/// The prices of now, or why something is not sold.
type Priced = Result<Quote, Vec<muster_domain::value::FieldError>>;

pub(crate) fn price(
    r: &mut Reader,
    org: OrgId,
    items: &mut [OrderItem],
    now: UnixMillis,
) -> Result<Priced, AppError> {
    let organization = r.organization(org)?.ok_or(AppError::NotFound("organization"))?;
    let terms = crate::billing::terms_now(r, org)?;
    let operator = operator_of(r)?;
    let models = r.all::<PhoneModel>(operator)?;
    let cycle = Cycle::containing(now, organization.time_zone.as_ref());
    Ok(quote(items, &terms, &models, &cycle, now))
}

pub(crate) fn set_prices(order: &mut Order, quote: &Quote) {
    order.currency = quote.currency.clone();
    (order.once_minor, order.first_cycle_minor) = (quote.once, quote.first_cycle);
    order.per_cycle_minor = quote.per_cycle;
    order.price_digest = muster_domain::types::Text::parse(&quote.digest).ok();
}

pub(crate) fn operator_of(r: &mut Reader) -> Result<OrgId, AppError> {
    let operator = r.organization_by_slug(OPERATOR_SLUG)?;
    Ok(operator.ok_or(AppError::NotFound("organization"))?.id)
}

/// Writes items that were changed; both lists are in the same order.
pub(crate) fn save_items(
    session: &mut crate::apply::Session<'_>,
    before: &[OrderItem],
    after: &[OrderItem],
) -> Result<(), AppError> {
    for (before, after) in before.iter().zip(after) {
        session.update(before, after)?;
    }
    Ok(())
}

fn refused(why: impl Into<String>) -> AppError {
    Refusal::NotAllowed(why.into()).into()
}

fn blank_item(org: OrgId, order: OrderId) -> OrderItem {
    let mut item = OrderItem::blank(org, Uuid::now_v7());
    item.order = Some(order);
    item
}
