//! Orders: what was asked for, priced exactly, confirmed by somebody who may buy.
//!
//! [`quote`] prices an order as of a moment. Its digest is what a confirmation names: where the price would be another
//! one, nothing is bought. What is charged once is charged in the cycle of the confirmation; licences and numbers are
//! charged by the day from then on.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::billing::Subscription;
use crate::calendar::Cycle;
use crate::field::EntityKind;
use crate::ids::{DeviceId, OrderId, PhoneNumberId, ShippingAddressId, UserId};
use crate::money::{Currency, Minor};
use crate::references::{AtRemoval, Refers};
use crate::stock::PhoneModel;
use crate::types::{Bounded, E164, Name, Text, UnixMillis, fold};
use crate::user::UserType;
use crate::value::FieldError;
use crate::{choice, entity};

choice! {
    OrderState {
        /// Priced; its numbers are held for a time.
        Reserved = "reserved",
        /// Waits for somebody who may buy.
        AwaitingApproval = "awaiting_approval",
        /// Bought.
        Confirmed = "confirmed",
        /// Ended by somebody; what it held or took is given back.
        Cancelled = "cancelled",
        /// Ended because nobody confirmed it in time.
        Expired = "expired",
    }
}

choice! {
    /// What is ordered.
    ItemKind {
        /// For so many people of a type.
        Licence = "licence",
        Number = "number",
        Phone = "phone",
        /// A seat of the pool: a licence and a number that wait for a person.
        Extension = "extension",
        /// Sending the order's phones to one address.
        Shipping = "shipping",
    }
}

choice! {
    /// How far a phone has come.
    Delivery { Ordered = "ordered", Shipped = "shipped", Received = "received" }
}

/// Why an order is not undone.
const CANCEL: &str = "an order is cancelled, not undone: others wait for what it holds";

entity! {
    /// What an organization asks for.
    pub struct Order(OrderId): Order {
        state: OrderState = OrderState::Reserved => Meta { label: "State", edit: Edit::ByCommand, key: Key::Plain,
            undo: Undo::Irreversible(CANCEL), help: "reserved, awaiting_approval, confirmed, cancelled or expired.", ..Meta::PLAIN };
        note: Option<Text> = None => Meta { label: "Note", help: "What it is for.", ..Meta::PLAIN };
        currency: Currency = Currency::default() => Meta { label: "Currency", edit: Edit::ByCommand, help: "Three letters.", ..Meta::PLAIN };
        once_minor: Minor = Minor::ZERO => Meta { label: "Once", edit: Edit::ByCommand, help: "What is charged once, in minor units.", ..Meta::PLAIN };
        first_cycle_minor: Minor = Minor::ZERO => Meta { label: "First cycle", edit: Edit::ByCommand,
            help: "What is charged by the day, for the rest of the cycle in which it is bought.", ..Meta::PLAIN };
        per_cycle_minor: Minor = Minor::ZERO => Meta { label: "Per cycle", edit: Edit::ByCommand, help: "What is charged by the day, for each whole cycle after.", ..Meta::PLAIN };
        price_digest: Option<Text> = None => Meta { label: "Price digest", edit: Edit::ByCommand, help: "What a confirmation names.", ..Meta::PLAIN };
        expires_at: UnixMillis = UnixMillis(0) => Meta { label: "Expires", edit: Edit::ByCommand, help: "Until when what it wants is held.", ..Meta::PLAIN };
        confirmed_at: Option<UnixMillis> = None => Meta { label: "Confirmed", edit: Edit::ByCommand, undo: Undo::Irreversible(CANCEL),
            help: "When it was bought.", ..Meta::PLAIN };
        ended_at: Option<UnixMillis> = None => Meta { label: "Ended", edit: Edit::ByCommand, undo: Undo::Irreversible(CANCEL),
            help: "When it was cancelled or expired.", ..Meta::PLAIN };
        reason: Option<Text> = None => Meta { label: "Reason", edit: Edit::ByCommand, help: "Why it was cancelled.", ..Meta::PLAIN };
    }
    check(_order) { Vec::new() }
}

entity! {
    /// One thing of an order.
    pub struct OrderItem(OrderItemId): OrderItem {
        order: Option<OrderId> = None => Meta { label: "Order", required: true, key: Key::Plain, edit: Edit::ByCommand,
            refers: Refers::to(&[EntityKind::Order], AtRemoval::Restrict), undo: Undo::Irreversible(CANCEL),
            help: "What it is of.", ..Meta::PLAIN };
        kind: ItemKind = ItemKind::Licence => Meta { label: "Kind", edit: Edit::ByCommand, help: "licence, number, phone, extension or shipping.", ..Meta::PLAIN };
        user_type: Option<UserType> = None => Meta { label: "User type", edit: Edit::ByCommand, help: "Whom a licence or a seat is for.", ..Meta::PLAIN };
        quantity: Bounded<1, 10000> = Bounded(1) => Meta { label: "Quantity", edit: Edit::ByCommand, help: "How many licences; of anything else there is one.", ..Meta::PLAIN };
        model: Option<Name> = None => Meta { label: "Model", edit: Edit::ByCommand, help: "Of a phone.", ..Meta::PLAIN };
        number: Option<E164> = None => Meta { label: "Number", key: Key::Plain, edit: Edit::ByCommand, help: "Of a number or a seat.", ..Meta::PLAIN };
        user: Option<UserId> = None => Meta { label: "User", key: Key::Plain, edit: Edit::ByCommand,
            refers: Refers::to(&[EntityKind::User], AtRemoval::Keep), help: "Whom it is for.", ..Meta::PLAIN };
        address: Option<ShippingAddressId> = None => Meta { label: "Address", key: Key::Plain, edit: Edit::ByCommand,
            refers: Refers::to(&[EntityKind::ShippingAddress], AtRemoval::Restrict), help: "Where a phone is sent to.", ..Meta::PLAIN };
        once_minor: Minor = Minor::ZERO => Meta { label: "Once", edit: Edit::ByCommand, help: "What it costs once, in minor units.", ..Meta::PLAIN };
        first_cycle_minor: Minor = Minor::ZERO => Meta { label: "First cycle", edit: Edit::ByCommand, help: "What it costs for the rest of the cycle in which it is bought.", ..Meta::PLAIN };
        per_cycle_minor: Minor = Minor::ZERO => Meta { label: "Per cycle", edit: Edit::ByCommand, help: "What it costs for each whole cycle after.", ..Meta::PLAIN };
        starts_at: Option<UnixMillis> = None => Meta { label: "From", edit: Edit::ByCommand, help: "Since when it is held.", ..Meta::PLAIN };
        ends_at: Option<UnixMillis> = None => Meta { label: "Until", edit: Edit::ByCommand, help: "When it was given back.", ..Meta::PLAIN };
        phone_number: Option<PhoneNumberId> = None => Meta { label: "Number in stock", key: Key::Plain, edit: Edit::ByCommand,
            refers: Refers::to(&[EntityKind::PhoneNumber], AtRemoval::Restrict), help: "The organization's number that it became.", ..Meta::PLAIN };
        device: Option<DeviceId> = None => Meta { label: "Device", key: Key::Plain, edit: Edit::ByCommand,
            refers: Refers::to(&[EntityKind::Device], AtRemoval::Restrict), help: "The device that it became.", ..Meta::PLAIN };
        delivery: Option<Delivery> = None => Meta { label: "Delivery", edit: Edit::ByCommand, help: "ordered, shipped or received.", ..Meta::PLAIN };
        carrier: Option<Name> = None => Meta { label: "Carrier", edit: Edit::ByCommand, help: "Who brings it.", ..Meta::PLAIN };
        tracking: Option<Name> = None => Meta { label: "Tracking", edit: Edit::ByCommand, help: "The carrier's number of the parcel.", ..Meta::PLAIN };
    }
    check(_item) { Vec::new() }
}

impl OrderItem {
    /// `user licence`, `+12125550123`, `Yealink T54W`: what an invoice calls it.
    pub fn what(&self) -> String {
        let user_type = self.user_type.map_or("", UserType::word);
        let number = || self.number.as_ref().map_or_else(String::new, |number| format!(" {number}"));
        match self.kind {
            ItemKind::Licence => user_type.to_string(),
            ItemKind::Number => number().trim().to_string(),
            ItemKind::Phone => self.model.as_ref().map_or_else(String::new, ToString::to_string),
            ItemKind::Extension => format!("{user_type}{}", number()),
            ItemKind::Shipping => "shipping".to_string(),
        }
    }
}

/// What an order costs, as of a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    pub currency: Currency,
    pub once: Minor,
    pub first_cycle: Minor,
    pub per_cycle: Minor,
    /// SHA-256 over all prices, hexadecimal.
    pub digest: String,
}

/// Prices each item and gives the sums; or everything that cannot be bought.
pub fn quote(
    items: &mut [OrderItem],
    terms: &Subscription,
    models: &[PhoneModel],
    cycle: &Cycle,
    now: UnixMillis,
) -> Result<Quote, Vec<FieldError>> {
    let mut errors = Vec::new();
    for item in items.iter_mut() {
        if let Err(error) = price(item, terms, models, cycle, now) {
            errors.push(error);
        }
    }
    if !errors.is_empty() {
        errors.dedup();
        return Err(errors);
    }
    let sum = |of: fn(&OrderItem) -> Minor| items.iter().map(of).sum();
    Ok(Quote {
        currency: terms.currency.clone(),
        once: sum(|item| item.once_minor),
        first_cycle: sum(|item| item.first_cycle_minor),
        per_cycle: sum(|item| item.per_cycle_minor),
        digest: digest(items, &terms.currency),
    })
}

fn price(
    item: &mut OrderItem,
    terms: &Subscription,
    models: &[PhoneModel],
    cycle: &Cycle,
    now: UnixMillis,
) -> Result<(), FieldError> {
    let quantity = u64::from(item.quantity.0);
    let licence = |item: &OrderItem| {
        let missing = || FieldError::new("user_type", "is missing", "say whom the licence is for");
        let user_type = item.user_type.ok_or_else(missing)?;
        if terms.allows(user_type) {
            return Ok(terms.price_of(user_type));
        }
        let reason = format!("{user_type} is not part of the subscription {}", terms.name);
        Err(FieldError::new("user_type", reason, "choose another type, or another subscription"))
    };
    let (once, units) = match item.kind {
        ItemKind::Licence | ItemKind::Extension if !terms.sells_licences() => {
            return Err(FieldError::new(
                "kind",
                format!(
                    "{} is not sold: the subscription {} counts people who are activated",
                    item.kind, terms.name
                ),
                "leave it out: activate people, and they are counted",
            ));
        }
        ItemKind::Licence => (Minor::ZERO, vec![licence(item)?]),
        ItemKind::Extension => (terms.price("number_setup"), vec![licence(item)?, terms.price("number")]),
        ItemKind::Number => (terms.price("number_setup"), vec![terms.price("number")]),
        ItemKind::Shipping => (terms.price("shipping"), Vec::new()),
        ItemKind::Phone => {
            let model = model_of(item, terms, models)?;
            // As it is written in the list, however it was asked for.
            item.model = Some(model.name.clone());
            (model.price_minor, Vec::new())
        }
    };
    let days_left = cycle.days() - cycle.day_of(now);
    item.once_minor = once.times(quantity);
    item.per_cycle_minor = units.iter().map(|unit| unit.times(quantity)).sum();
    // Each is a line of the invoice, and rounded by itself.
    item.first_cycle_minor =
        units.iter().map(|unit| unit.times(quantity).for_days(days_left, cycle.days())).sum();
    Ok(())
}

fn model_of<'a>(
    item: &OrderItem,
    terms: &Subscription,
    models: &'a [PhoneModel],
) -> Result<&'a PhoneModel, FieldError> {
    let wanted = item.model.as_ref().map(|name| fold(name.as_str()));
    let wanted = wanted.ok_or_else(|| FieldError::new("model", "is missing", "say which model of phone"))?;
    let model = models.iter().find(|model| fold(model.name.as_str()) == wanted && model.available);
    let model = model.ok_or_else(|| {
        let shown = item.model.as_ref().map_or_else(String::new, ToString::to_string);
        FieldError::new("model", format!("{shown} cannot be ordered"), "choose one of the phone models")
    })?;
    if model.currency != terms.currency {
        return Err(FieldError::new(
            "model",
            format!("{} is priced in {}, the subscription in {}", model.name, model.currency, terms.currency),
            "ask the operator for a price in the subscription's currency",
        ));
    }
    Ok(model)
}

fn digest(items: &[OrderItem], currency: &Currency) -> String {
    let mut hash = Sha256::new();
    hash.update(b"muster-order-1");
    hash.update(currency.as_str());
    for item in items {
        let what = item.what();
        hash.update(item.kind.word());
        hash.update((what.len() as u32).to_be_bytes());
        hash.update(what);
        hash.update(item.quantity.0.to_be_bytes());
        for amount in [item.once_minor, item.first_cycle_minor, item.per_cycle_minor] {
            hash.update(amount.0.to_be_bytes());
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The addresses that phones of an order go to: each is a parcel, and its sending is paid for once.
pub fn parcels(items: &[OrderItem]) -> BTreeSet<ShippingAddressId> {
    items.iter().filter(|item| item.kind == ItemKind::Phone).filter_map(|item| item.address).collect()
}

/// What comes of a wish to confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// It is bought now.
    Buy,
    /// It was bought before at this price: nothing is done again.
    BoughtBefore,
    /// Whoever asks may not buy: it waits for somebody who may.
    Await,
}

/// Decides a confirmation; the price that is named must be the price of now. The refusal is a sentence.
pub fn confirmation(
    order: &Order,
    named: &str,
    now_costs: &str,
    may_buy: bool,
    now: UnixMillis,
) -> Result<Confirmation, ConfirmationRefused> {
    match order.state {
        OrderState::Confirmed if order.price_digest.as_ref().is_some_and(|d| d.as_str() == named) => {
            Ok(Confirmation::BoughtBefore)
        }
        OrderState::Confirmed => Err(ConfirmationRefused::PriceChanged),
        OrderState::Cancelled | OrderState::Expired => Err(ConfirmationRefused::Ended(order.state)),
        OrderState::Reserved | OrderState::AwaitingApproval if order.expires_at <= now => {
            Err(ConfirmationRefused::Ended(OrderState::Expired))
        }
        _ if named != now_costs => Err(ConfirmationRefused::PriceChanged),
        _ if may_buy => Ok(Confirmation::Buy),
        _ => Ok(Confirmation::Await),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfirmationRefused {
    PriceChanged,
    Ended(OrderState),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Entity;
    use crate::ids::OrgId;
    use crate::types::FieldValue;
    use uuid::Uuid;

    fn order(state: OrderState) -> Order {
        let mut order = Order::blank(OrgId(Uuid::nil()), Uuid::nil());
        (order.state, order.expires_at) = (state, UnixMillis(100));
        order.price_digest = Some(Text::parse("a").unwrap());
        order
    }

    #[test]
    fn a_confirmation_names_the_price_of_now_and_buys_once() {
        use Confirmation::{Await, BoughtBefore, Buy};
        let ask =
            |state, named, may_buy, now| confirmation(&order(state), named, "a", may_buy, UnixMillis(now));
        assert_eq!(ask(OrderState::Reserved, "a", true, 1), Ok(Buy));
        assert_eq!(ask(OrderState::AwaitingApproval, "a", true, 1), Ok(Buy));
        assert_eq!(ask(OrderState::Reserved, "a", false, 1), Ok(Await));
        assert_eq!(ask(OrderState::Confirmed, "a", false, 1000), Ok(BoughtBefore));
        assert_eq!(ask(OrderState::Confirmed, "b", true, 1), Err(ConfirmationRefused::PriceChanged));
        assert_eq!(ask(OrderState::Reserved, "b", true, 1), Err(ConfirmationRefused::PriceChanged));
        let expired = Err(ConfirmationRefused::Ended(OrderState::Expired));
        assert_eq!(ask(OrderState::Reserved, "a", true, 100), expired);
        let cancelled = Err(ConfirmationRefused::Ended(OrderState::Cancelled));
        assert_eq!(ask(OrderState::Cancelled, "a", true, 1), cancelled);
    }

    #[test]
    fn licences_are_sold_only_where_licences_are_paid_for() {
        let org = OrgId(Uuid::nil());
        let mut terms = Subscription::blank(org, Uuid::nil());
        terms.prices = FieldValue::parse("user=1000").unwrap();
        let mut items = vec![OrderItem::blank(org, Uuid::nil())];
        items[0].user_type = Some(UserType::User);
        let cycle = Cycle::named("2026-11", None).unwrap();
        let now = cycle.day_starts_at(20);
        let refused = quote(&mut items, &terms, &[], &cycle, now).unwrap_err();
        assert_eq!(refused[0].field, "kind");
        terms.billing_model = crate::billing::BillingModel::PerLicence;
        let quoted = quote(&mut items, &terms, &[], &cycle, now).unwrap();
        assert_eq!(
            (quoted.per_cycle, quoted.first_cycle, quoted.once),
            (Minor(1000), Minor(333), Minor::ZERO)
        );
        let tomorrow = quote(&mut items, &terms, &[], &cycle, cycle.day_starts_at(21)).unwrap();
        assert_ne!(quoted.digest, tomorrow.digest);
    }
}
