//! What the tests of money share: an operator who sells, an organization that buys, and a clock.

use muster_app::Scope;
use muster_app::billing::EndedCall;
use muster_app::orders::{NewItem, NewOrder, NumberWanted};
use muster_app::stock::NewStock;
use muster_app::users::{NewUser, parse_field};
use muster_domain::billing::Subscription;
use muster_domain::field::Entity;
use muster_domain::ids::{CallId, OrderId, ShippingAddressId, UserId};
use muster_domain::locations::ShippingAddress;
use muster_domain::orders::ItemKind;
use muster_domain::stock::PhoneModel;
use muster_domain::types::{FieldValue, UnixMillis};
use muster_domain::user::UserType;
use muster_domain::value::Value;

use crate::world::World;

pub fn parsed<T: FieldValue>(text: &str) -> T {
    T::parse(text).unwrap()
}

/// Days, hours and minutes of UTC as milliseconds.
pub fn at(year: i64, month: i64, day: i64, hour: i64) -> UnixMillis {
    // Howard Hinnant's days_from_civil.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, month) = (year.div_euclid(400), (month + 9) % 12);
    let of_era = year - era * 400;
    let days =
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + day - 1 - 719_468;
    UnixMillis((days * 24 + hour) * 3_600_000)
}

fn value<E: Entity>(name: &str, text: &str) -> (&'static str, Value) {
    let field = E::field(name).unwrap();
    (field.name, (field.parse)(text).unwrap())
}

pub fn fields<E: Entity>(texts: &[(&str, &str)]) -> Vec<(&'static str, Value)> {
    texts.iter().map(|(name, text)| value::<E>(name, text)).collect()
}

impl World {
    pub fn offer(&self, texts: &[(&str, &str)]) {
        self.app.create_record::<Subscription>(&self.operator(), &fields::<Subscription>(texts)).unwrap();
    }

    pub fn model(&self, name: &str, price: &str) -> muster_app::Done {
        let texts = [
            ("name", name),
            ("brand", "Yealink"),
            ("model", name),
            ("price_minor", price),
            ("currency", "EUR"),
        ];
        self.app.create_record::<PhoneModel>(&self.operator(), &fields::<PhoneModel>(&texts)).unwrap()
    }

    /// Numbers `+1212555` and four digits from these on.
    pub fn stock(&self, first: u32, count: u32) {
        let new = NewStock {
            numbers: (first..first + count).map(|n| parsed(&number(n))).collect(),
            country: parsed("US"),
            region: Some(parsed("NY")),
            area_code: Some(parsed("212")),
        };
        self.app.add_stock(&self.operator(), &new).unwrap();
    }

    pub fn person(&self, scope: &Scope, extension: u32, more: &[(&str, &str)]) -> UserId {
        let extension = extension.to_string();
        let texts = [("display_name", "Ana Pereira"), ("extension", extension.as_str())];
        let values = texts.iter().chain(more).map(|(name, text)| parse_field(name, text).unwrap()).collect();
        UserId(self.app.add_user(scope, &NewUser { values, ..NewUser::default() }).unwrap().id)
    }

    pub fn address(&self, scope: &Scope, name: &str) -> ShippingAddressId {
        let texts =
            [("name", name), ("recipient", "Desk"), ("country", "JP"), ("street", "Main"), ("city", "Osaka")];
        let made =
            self.app.create_record::<ShippingAddress>(scope, &fields::<ShippingAddress>(&texts)).unwrap();
        made.id.into()
    }

    pub fn order(&self, scope: &Scope, items: Vec<NewItem>) -> OrderId {
        let new = NewOrder { items, ..NewOrder::default() };
        OrderId(self.app.create_order(scope, &new).unwrap().id)
    }

    pub fn digest(&self, scope: &Scope, order: OrderId) -> String {
        self.app.order(scope, order).unwrap().order.price_digest.unwrap().to_string()
    }

    pub fn buy(&self, scope: &Scope, order: OrderId) {
        let digest = self.digest(scope, order);
        assert!(self.app.confirm_order(scope, order, &digest).unwrap().is_bought);
    }
}

pub fn number(n: u32) -> String {
    format!("+1212555{n:04}")
}

pub fn item(kind: ItemKind) -> NewItem {
    NewItem {
        kind,
        user_type: None,
        quantity: 1,
        model: None,
        number: NumberWanted::default(),
        user: None,
        address: None,
    }
}

pub fn licences(quantity: u16) -> NewItem {
    NewItem { user_type: Some(UserType::User), quantity, ..item(ItemKind::Licence) }
}

pub fn number_item(n: u32) -> NewItem {
    let number = NumberWanted { number: Some(parsed(&number(n))), ..NumberWanted::default() };
    NewItem { number, ..item(ItemKind::Number) }
}

/// An answered call of a person's.
pub fn call(
    scope: &Scope,
    caller: UserId,
    dialled: &str,
    at: UnixMillis,
    ringout: Option<CallId>,
) -> EndedCall {
    EndedCall {
        org: scope.org(),
        caller: Some(caller),
        callee: None,
        dialled: dialled.into(),
        started_at: at,
        answered_at: Some(UnixMillis(at.0 + 2000)),
        ended_at: UnixMillis(at.0 + 60_000),
        ending: "Hangup".into(),
        status: 200,
        ringout,
    }
}
