//! What there is to have: the operator's numbers and phone models, and an organization's pool of unassigned
//! extensions.

use crate::field::EntityKind;
use crate::ids::UserId;
use crate::money::{Currency, Minor};
use crate::references::{AtRemoval, Refers};
use crate::types::{AreaCode, Bounded, Country, E164, ExtensionNumber, Name, Slug, Text, UnixMillis};
use crate::value::FieldError;
use crate::{choice, entity};

choice! {
    /// Who may take an unassigned extension.
    PoolKind { User = "user", Limited = "limited" }
}

choice! {
    /// Whether a number of the operator's stock can be had.
    StockState {
        Free = "free",
        /// Held for an order that is not confirmed yet.
        Reserved = "reserved",
        /// An organization's.
        Assigned = "assigned",
    }
}

entity! {
    /// A model of desk phone that can be bought: the operator's.
    pub struct PhoneModel(PhoneModelId): PhoneModel {
        name: Name = Name::default() => Meta { label: "Name", required: true, key: Key::Folded, help: "Brand and model, as it is ordered by.", ..Meta::PLAIN };
        brand: Option<Name> = None => Meta { label: "Brand", required: true, key: Key::Folded, help: "Who makes it.", ..Meta::PLAIN };
        model: Option<Name> = None => Meta { label: "Model", required: true, key: Key::Folded, help: "What its maker calls it.", ..Meta::PLAIN };
        lines: Bounded<1, 100> = Bounded(1) => Meta { label: "Lines", help: "How many lines it has.", ..Meta::PLAIN };
        features: Vec<Name> = Vec::new() => Meta { label: "Features", help: "Such as wifi, bluetooth, poe, cordless, conference, video.", ..Meta::PLAIN };
        price_minor: Minor = Minor::ZERO => Meta { label: "Price", help: "For one, once, in minor units.", ..Meta::PLAIN };
        currency: Currency = Currency::default() => Meta { label: "Currency", help: "Three letters (ISO 4217).", ..Meta::PLAIN };
        available: bool = true => Meta { label: "Available", help: "Whether it can be ordered now.", ..Meta::PLAIN };
    }
    check(model) {
        if model.price_minor >= Minor::ZERO { return Vec::new(); }
        vec![FieldError::new("price_minor", "is below nothing", "give 0 or more")]
    }
}

/// Why what an order did to a number is not undone by hand.
const BY_ORDER: &str = "an order did it: cancel the order instead";

entity! {
    /// A number of the operator's, for organizations to have. It is in the stock once.
    pub struct StockNumber(StockNumberId): StockNumber {
        number: E164 = E164::default() => Meta { label: "Number", required: true, edit: Edit::AtCreation, key: Key::Plain,
            help: "In international form.", ..Meta::PLAIN };
        country: Option<Country> = None => Meta { label: "Country", required: true, key: Key::Plain, help: "Where it is of.", ..Meta::PLAIN };
        region: Option<Name> = None => Meta { label: "State or province", help: "Where in the country.", ..Meta::PLAIN };
        area_code: Option<AreaCode> = None => Meta { label: "Area code", key: Key::Plain, help: "Its digits after the country code.", ..Meta::PLAIN };
        state: StockState = StockState::Free => Meta { label: "State", edit: Edit::ByCommand, key: Key::Plain,
            undo: Undo::Irreversible(BY_ORDER), help: "free, reserved or assigned.", ..Meta::PLAIN };
        organization: Option<Slug> = None => Meta { label: "Organization", edit: Edit::ByCommand, help: "Who has it, or wants it.", ..Meta::PLAIN };
        order: Option<Text> = None => Meta { label: "Order", edit: Edit::ByCommand, help: "The id of the order that took it.", ..Meta::PLAIN };
        reserved_until: Option<UnixMillis> = None => Meta { label: "Reserved until", edit: Edit::ByCommand, help: "When the reservation ends by itself.", ..Meta::PLAIN };
    }
    check(number) {
        let holder = number.organization.is_some() && number.order.is_some();
        if (number.state == StockState::Free) != holder { return Vec::new(); }
        vec![FieldError::new("state", "does not go with who has it", "a number that is not free is an organization's")]
    }
}

impl StockNumber {
    /// Whether an order can have it now: free, or reserved for another one whose time is over.
    pub fn can_be_had(&self, now: UnixMillis) -> bool {
        match self.state {
            StockState::Free => true,
            StockState::Reserved => self.reserved_until.is_some_and(|until| until <= now),
            StockState::Assigned => false,
        }
    }
}

entity! {
    /// A licensed seat of the pool that waits for a person. Whoever takes it when they go live gives it back with its
    /// number when they are removed.
    pub struct UnassignedExtension(UnassignedExtensionId): UnassignedExtension {
        kind: PoolKind = PoolKind::User => Meta { label: "Kind", edit: Edit::AtCreation, key: Key::Plain,
            help: "user: for users and virtual users; limited: for shared phones.", ..Meta::PLAIN };
        country: Option<Country> = None => Meta { label: "Country", required: true, key: Key::Plain, help: "Of its number.", ..Meta::PLAIN };
        area_code: Option<AreaCode> = None => Meta { label: "Area code", key: Key::Plain, help: "Of its number.", ..Meta::PLAIN };
        extension: Option<ExtensionNumber> = None => Meta { label: "Extension", help: "The one that whoever takes it gets, if they have none.", ..Meta::PLAIN };
        number: Option<E164> = None => Meta { label: "Number", edit: Edit::AtCreation, key: Key::Plain, help: "Its number, in international form.", ..Meta::PLAIN };
        user: Option<UserId> = None => Meta { label: "Taken by", edit: Edit::ByCommand, key: Key::Plain,
            refers: Refers::to(&[EntityKind::User], AtRemoval::Keep), help: "Who has it; free where nobody does.", ..Meta::PLAIN };
    }
    check(_seat) { Vec::new() }
}

/// What somebody needs of the pool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolNeed {
    pub kind: PoolKind,
    /// Any, where nothing is said.
    pub country: Option<Country>,
    pub area_code: Option<AreaCode>,
}

impl PoolNeed {
    pub fn is_met_by(&self, seat: &UnassignedExtension) -> bool {
        let right = |wanted: bool, same: bool| !wanted || same;
        seat.user.is_none()
            && seat.kind == self.kind
            && right(self.country.is_some(), seat.country == self.country)
            && right(self.area_code.is_some(), seat.area_code == self.area_code)
    }

    /// `user in US with area code 212`.
    pub fn words(&self) -> String {
        let country = self.country.as_ref().map(|country| format!(" in {country}")).unwrap_or_default();
        let area = self.area_code.as_ref().map(|code| format!(" with area code {code}")).unwrap_or_default();
        format!("{}{country}{area}", self.kind)
    }
}

/// The seat that somebody takes: the first that was made of those that meet the need; one with the number that they
/// had before comes before all others.
pub fn seat_for<'a>(
    need: &PoolNeed,
    had: Option<&E164>,
    seats: &'a [UnassignedExtension],
) -> Option<&'a UnassignedExtension> {
    let fitting = || seats.iter().filter(|seat| need.is_met_by(seat));
    let again = fitting().find(|seat| had.is_some() && seat.number.as_ref() == had);
    again.or_else(|| fitting().min_by_key(|seat| (seat.created_at, seat.id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Entity;
    use crate::ids::OrgId;
    use crate::types::FieldValue;
    use uuid::Uuid;

    fn seat(n: u128, kind: PoolKind, country: &str, area: &str) -> UnassignedExtension {
        let mut seat = UnassignedExtension::blank(OrgId(Uuid::nil()), Uuid::from_u128(n));
        (seat.kind, seat.country) = (kind, Some(Country::parse(country).unwrap()));
        seat.area_code = FieldValue::parse(area).ok();
        seat
    }

    #[test]
    fn a_seat_is_taken_by_kind_country_and_area_code_oldest_first_and_ones_own_before_all() {
        let mut seats = vec![
            seat(3, PoolKind::User, "US", "212"),
            seat(1, PoolKind::User, "US", "646"),
            seat(2, PoolKind::Limited, "US", "212"),
            seat(4, PoolKind::User, "GB", "20"),
        ];
        let need = |country: Option<&str>, area: Option<&str>| PoolNeed {
            kind: PoolKind::User,
            country: country.map(|c| Country::parse(c).unwrap()),
            area_code: area.map(|a| AreaCode::parse(a).unwrap()),
        };
        let taken = |need: PoolNeed, seats: &[UnassignedExtension], had: Option<&E164>| {
            seat_for(&need, had, seats).map(|seat| seat.id.0.as_u128())
        };
        assert_eq!(taken(need(None, None), &seats, None), Some(1));
        assert_eq!(taken(need(Some("US"), Some("212")), &seats, None), Some(3));
        assert_eq!(taken(need(Some("PT"), None), &seats, None), None);
        let own = E164::parse("+12125550100").unwrap();
        seats[0].number = Some(own.clone());
        assert_eq!(taken(need(Some("US"), None), &seats, Some(&own)), Some(3));
        seats[0].user = Some(UserId(Uuid::from_u128(9)));
        assert_eq!(taken(need(Some("US"), Some("212")), &seats, Some(&own)), None);
    }
}
