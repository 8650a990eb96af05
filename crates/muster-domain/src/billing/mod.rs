//! What an organization has bought and what it costs: subscriptions with their prices, licences, invoices.
//!
//! A subscription in the operator's organization is on offer; the one in a customer's is a copy with the terms that
//! hold there, so that the log of each organization has all that its invoices are made of. [`charges`] makes the
//! lines of a cycle from facts.

pub mod charges;

use smol_str::SmolStr;

use crate::field::EntityKind;
use crate::ids::OrderId;
use crate::money::{Count, Currency, Minor};
use crate::references::{AtRemoval, Refers};
use crate::types::{FieldValue, Name, Text, UnixMillis};
use crate::user::UserType;
use crate::value::{FieldError, FieldType, Reason, Value};
use crate::{choice, entity};

/// So many answered calls in a cycle cost a metered user's organization nothing.
pub const FREE_CALLS: u32 = 10;

/// What the call beyond [`FREE_CALLS`] costs: as much as one more of these.
pub const METERED_AS: UserType = UserType::User;

choice! {
    /// What is paid for.
    BillingModel {
        /// People while they are activated.
        PerActivatedUser = "per_activated_user",
        /// What was bought, whether it is used or not.
        PerLicence = "per_licence",
    }
}

choice! {
    /// How activated people are counted. Of no consequence where licences are paid for.
    Counting {
        /// The share of the cycle's days on which they were activated, however short.
        ShareOfDays = "share_of_days",
        /// Whoever was activated at any moment, in full.
        AnyMoment = "any_moment",
        /// Whoever is activated when the cycle closes, in full.
        AtClose = "at_close",
    }
}

/// What there is a price for beside the user types.
const OTHER_PRICES: &[(&str, &str)] = &[
    ("number", "a phone number for a cycle"),
    ("number_setup", "a new phone number, once"),
    ("port", "bringing a number in, once"),
    ("shipping", "sending phones to one address, once"),
];

/// A price of a subscription: `user=1250`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// A user type (for a cycle), or `number`, `number_setup`, `port` or `shipping`.
    pub of: SmolStr,
    pub amount: Minor,
}

impl FieldValue for Price {
    const TYPE: FieldType = FieldType::Text;

    fn parse(text: &str) -> Result<Self, Reason> {
        let wrong = |why: &str| {
            let others: Vec<&str> = OTHER_PRICES.iter().map(|(word, _)| *word).collect();
            let mend = format!(
                "write what it is for and whole minor units, such as user=1250; it may be for {}, {}",
                UserType::WORDS.join(", "),
                others.join(", ")
            );
            Reason::new(why, mend)
        };
        let (of, amount) = text.split_once('=').ok_or_else(|| wrong("is not a price"))?;
        let of = of.trim().to_ascii_lowercase();
        let known =
            UserType::WORDS.contains(&of.as_str()) || OTHER_PRICES.iter().any(|(word, _)| *word == of);
        if !known {
            return Err(wrong("is a price of something that is not sold"));
        }
        let amount = Minor::parse(amount).map_err(|_| wrong("has an amount that is not a whole number"))?;
        if amount < Minor::ZERO {
            return Err(wrong("is below nothing"));
        }
        Ok(Price { of: of.into(), amount })
    }

    fn to_value(&self) -> Value {
        Value::Text(smol_str::format_smolstr!("{}={}", self.of, self.amount.0))
    }

    fn from_value(value: &Value) -> Result<Self, Reason> {
        Price::parse(value.as_text().unwrap_or_default())
    }
}

entity! {
    /// Terms: what may be used, how it is counted, and what it costs. On offer in the operator's organization; in force
    /// in a customer's, of which there is one.
    pub struct Subscription(SubscriptionId): Subscription {
        name: Name = Name::default() => Meta { label: "Name", required: true, key: Key::Folded,
            help: "What the subscription is called.", ..Meta::PLAIN };
        currency: Currency = Currency::default() => Meta { label: "Currency",
            help: "Three letters (ISO 4217), of a currency with two decimals.", ..Meta::PLAIN };
        billing_model: BillingModel = BillingModel::PerActivatedUser => Meta { label: "Billing model",
            help: "per_activated_user: people while they are activated; per_licence: what was bought, used or not.", ..Meta::PLAIN };
        counting: Counting = Counting::ShareOfDays => Meta { label: "Counting rule",
            help: "How activated people are counted: share_of_days, any_moment or at_close.", ..Meta::PLAIN };
        user_types: Vec<UserType> = Vec::new() => Meta { label: "User types",
            help: "The types that may be activated; all where none is named.", ..Meta::PLAIN };
        prices: Vec<Price> = Vec::new() => Meta { label: "Prices",
            help: "Whole minor units: of a user type for a cycle (user=1250), of number for a cycle, and of number_setup, port and shipping once. What is not named is free.",
            ..Meta::PLAIN };
        unassigned_extensions: bool = false => Meta { label: "Unassigned extensions",
            help: "Whether people need a seat of the pool to go live.", ..Meta::PLAIN };
    }
    check(subscription) { subscription.check_prices() }
}

impl Subscription {
    /// What something costs; nothing where no price is named.
    pub fn price(&self, of: &str) -> Minor {
        self.prices.iter().find(|price| price.of == of).map_or(Minor::ZERO, |price| price.amount)
    }

    /// What a person of this type, or a licence for one, costs for a whole cycle.
    pub fn price_of(&self, user_type: UserType) -> Minor {
        self.price(user_type.word())
    }

    pub fn allows(&self, user_type: UserType) -> bool {
        self.user_types.is_empty() || self.user_types.contains(&user_type)
    }

    pub fn sells_licences(&self) -> bool {
        self.billing_model == BillingModel::PerLicence
    }

    fn check_prices(&self) -> Vec<FieldError> {
        let twice = self
            .prices
            .iter()
            .enumerate()
            .find(|(at, price)| self.prices[..*at].iter().any(|other| other.of == price.of));
        let Some((_, price)) = twice else { return Vec::new() };
        vec![FieldError::new("prices", format!("name {} twice", price.of), "give one price for it")]
    }
}

entity! {
    /// What was bought for a time: so many people of a type may be activated. Charged by the day, used or not.
    pub struct Licence(LicenceId): Licence {
        user_type: UserType = UserType::User => Meta { label: "User type", edit: Edit::AtCreation,
            undo: Undo::Irreversible("licences are ended, so that what they have cost stays known"),
            help: "Whom it is for.", ..Meta::PLAIN };
        quantity: Count = Count(1) => Meta { label: "Quantity", edit: Edit::AtCreation, help: "For how many.", ..Meta::PLAIN };
        starts_at: UnixMillis = UnixMillis(0) => Meta { label: "From", edit: Edit::ByCommand, help: "When it began.", ..Meta::PLAIN };
        ends_at: Option<UnixMillis> = None => Meta { label: "Until", edit: Edit::ByCommand,
            undo: Undo::Irreversible("a licence that has ended is bought anew"),
            help: "When it ended; open where nothing is said.", ..Meta::PLAIN };
        order: Option<OrderId> = None => Meta { label: "Order", key: Key::Plain, edit: Edit::ByCommand,
            refers: Refers::to(&[EntityKind::Order], AtRemoval::Restrict),
            help: "What it was bought by; given by the operator where there is none.", ..Meta::PLAIN };
    }
    check(licence) {
        if licence.quantity.0 > 0 { return Vec::new(); }
        vec![FieldError::new("quantity", "is nothing", "give how many, 1 or more")]
    }
}

/// Why nothing of an invoice is taken back.
const CLOSED: &str = "a cycle that was closed stays closed; what was charged wrongly is credited in the next";

entity! {
    /// What a cycle has cost. Its lines are kept beside it; the digest is over all of them.
    pub struct Invoice(InvoiceId): Invoice {
        cycle: Name = Name::default() => Meta { label: "Cycle", required: true, key: Key::Plain, edit: Edit::ByCommand,
            undo: Undo::Irreversible(CLOSED), help: "Year and month, such as 2026-11.", ..Meta::PLAIN };
        starts_at: UnixMillis = UnixMillis(0) => Meta { label: "From", edit: Edit::ByCommand, help: "When the cycle began.", ..Meta::PLAIN };
        ends_at: UnixMillis = UnixMillis(0) => Meta { label: "Until", edit: Edit::ByCommand, help: "The first moment after it.", ..Meta::PLAIN };
        closed_at: UnixMillis = UnixMillis(0) => Meta { label: "Closed", edit: Edit::ByCommand,
            help: "When it was closed: what is learned of calls after that is not in it.", ..Meta::PLAIN };
        log_seq: Count = Count(0) => Meta { label: "Change", edit: Edit::ByCommand,
            help: "The last change of the log that it was made from.", ..Meta::PLAIN };
        currency: Currency = Currency::default() => Meta { label: "Currency", edit: Edit::ByCommand, help: "Three letters.", ..Meta::PLAIN };
        total_minor: Minor = Minor::ZERO => Meta { label: "Total", edit: Edit::ByCommand, help: "In minor units; the sum of its lines.", ..Meta::PLAIN };
        line_count: Count = Count(0) => Meta { label: "Lines", edit: Edit::ByCommand, help: "How many lines it has.", ..Meta::PLAIN };
        digest: Option<Text> = None => Meta { label: "Digest", edit: Edit::ByCommand,
            help: "SHA-256 over its lines, hexadecimal.", ..Meta::PLAIN };
    }
    check(_invoice) { Vec::new() }
}
