//! Addresses: where help comes to, and where phones are sent. Neither is a site's postal address.

use crate::entity;
use crate::field::EntityKind;
use crate::ids::{SiteId, UserId};
use crate::references::{AtRemoval, Refers};
use crate::types::{Country, Name, Text};
use crate::value::FieldError;

entity! {
    /// A dispatchable address (ERL): where emergency services are sent when somebody calls them from here.
    pub struct EmergencyLocation(EmergencyLocationId): EmergencyLocation {
        name: Name = Name::default() => Meta { label: "Nickname", required: true, edit: Edit::AtCreation, key: Key::Folded,
            help: "What the location is called here; people and sites name it by this, so it is fixed.", ..Meta::PLAIN };
        owner: Option<UserId> = None => Meta { label: "Owner", key: Key::Plain, refers: Refers::to(&[EntityKind::User], AtRemoval::Keep),
            help: "Whose private location it is; the company's where nobody is named.", ..Meta::PLAIN };
        site: Option<SiteId> = None => Meta { label: "Site", key: Key::Plain, refers: Refers::to(&[EntityKind::Site], AtRemoval::Restrict),
            help: "The site it belongs to.", ..Meta::PLAIN };
        country: Option<Country> = None => Meta { label: "Country", required: true, help: "Decides which parts an address must have.", ..Meta::PLAIN };
        street: Option<Name> = None => Meta { label: "Street", required: true, help: "The street, without the house number.", ..Meta::PERSONAL };
        house_number: Option<Name> = None => Meta { label: "House number", help: "With what belongs to it, such as 12 B.", ..Meta::PERSONAL };
        unit: Option<Name> = None => Meta { label: "Floor, suite, room", help: "Where in the building.", ..Meta::PERSONAL };
        city: Option<Name> = None => Meta { label: "City", required: true, help: "The city or municipality.", ..Meta::PERSONAL };
        state: Option<Name> = None => Meta { label: "State", help: "The state or province, by its letters where the country has them.", ..Meta::PERSONAL };
        postal_code: Option<Name> = None => Meta { label: "Postal code", help: "ZIP or postal code.", ..Meta::PERSONAL };
        notify: Vec<crate::types::Email> = Vec::new() => Meta { label: "Told of a call",
            help: "Who is told at once when an emergency call is made from here.", ..Meta::PERSONAL };
    }
    check(location) {
        check_parts(location.country.as_ref(), location.house_number.as_ref(), location.state.as_ref(), location.postal_code.as_ref())
    }
}

entity! {
    /// Where phones are sent to.
    pub struct ShippingAddress(ShippingAddressId): ShippingAddress {
        name: Name = Name::default() => Meta { label: "Nickname", required: true, key: Key::Folded, help: "What the address is called here.", ..Meta::PLAIN };
        recipient: Option<Name> = None => Meta { label: "Recipient", required: true, help: "Who takes the parcel.", ..Meta::PERSONAL };
        company: Option<Name> = None => Meta { label: "Company", help: "As it stands at the door.", ..Meta::PLAIN };
        country: Option<Country> = None => Meta { label: "Country", required: true, help: "Decides which parts an address must have.", ..Meta::PLAIN };
        street: Option<Name> = None => Meta { label: "Street", required: true, help: "The street, without the house number.", ..Meta::PERSONAL };
        house_number: Option<Name> = None => Meta { label: "House number", help: "With what belongs to it.", ..Meta::PERSONAL };
        unit: Option<Name> = None => Meta { label: "Floor, suite, room", help: "Where in the building.", ..Meta::PERSONAL };
        city: Option<Name> = None => Meta { label: "City", required: true, help: "The city or municipality.", ..Meta::PERSONAL };
        state: Option<Name> = None => Meta { label: "State", help: "The state or province.", ..Meta::PERSONAL };
        postal_code: Option<Name> = None => Meta { label: "Postal code", help: "ZIP or postal code.", ..Meta::PERSONAL };
        note: Option<Text> = None => Meta { label: "Note", help: "For whoever delivers.", ..Meta::PERSONAL };
    }
    check(address) {
        check_parts(address.country.as_ref(), address.house_number.as_ref(), address.state.as_ref(), address.postal_code.as_ref())
    }
}

/// Which parts an address has in a country, and the shape of its postal code: `9` a digit, `A` a letter, `*`
/// either; other signs stand for themselves.
struct CountryParts {
    country: &'static str,
    state: bool,
    house_number: bool,
    postal_codes: &'static [&'static str],
    example: &'static str,
}

/// The countries whose addresses are known part by part; elsewhere street and city suffice.
const COUNTRIES: &[CountryParts] = &[
    CountryParts {
        country: "US",
        state: true,
        house_number: true,
        postal_codes: &["99999", "99999-9999"],
        example: "10001",
    },
    CountryParts {
        country: "CA",
        state: true,
        house_number: true,
        postal_codes: &["A9A 9A9", "A9A9A9"],
        example: "K1A 0B1",
    },
    CountryParts {
        country: "GB",
        state: false,
        house_number: true,
        postal_codes: &["A9 9AA", "A99 9AA", "AA9 9AA", "AA99 9AA", "A9A 9AA", "AA9A 9AA"],
        example: "SW1A 1AA",
    },
    CountryParts {
        country: "DE",
        state: false,
        house_number: true,
        postal_codes: &["99999"],
        example: "10115",
    },
    CountryParts {
        country: "FR",
        state: false,
        house_number: true,
        postal_codes: &["99999"],
        example: "75001",
    },
    CountryParts {
        country: "ES",
        state: false,
        house_number: true,
        postal_codes: &["99999"],
        example: "28001",
    },
    CountryParts {
        country: "IT",
        state: false,
        house_number: true,
        postal_codes: &["99999"],
        example: "00118",
    },
    CountryParts {
        country: "PT",
        state: false,
        house_number: true,
        postal_codes: &["9999-999"],
        example: "1000-001",
    },
    CountryParts {
        country: "NL",
        state: false,
        house_number: true,
        postal_codes: &["9999 AA", "9999AA"],
        example: "1011 AB",
    },
    CountryParts {
        country: "BE",
        state: false,
        house_number: true,
        postal_codes: &["9999"],
        example: "1000",
    },
    CountryParts {
        country: "AT",
        state: false,
        house_number: true,
        postal_codes: &["9999"],
        example: "1010",
    },
    CountryParts {
        country: "CH",
        state: false,
        house_number: true,
        postal_codes: &["9999"],
        example: "8001",
    },
    CountryParts { country: "AU", state: true, house_number: true, postal_codes: &["9999"], example: "2000" },
    CountryParts {
        country: "IE",
        state: false,
        house_number: false,
        postal_codes: &["*** ****", "*******"],
        example: "D02 AF30",
    },
];

fn check_parts(
    country: Option<&Country>,
    house_number: Option<&Name>,
    state: Option<&Name>,
    postal_code: Option<&Name>,
) -> Vec<FieldError> {
    let Some(parts) = country.and_then(|country| COUNTRIES.iter().find(|c| c.country == country.as_str()))
    else {
        return Vec::new();
    };
    let mut errors = Vec::new();
    let country = parts.country;
    if parts.house_number && house_number.is_none() {
        errors.push(FieldError::new(
            "house_number",
            format!("is missing for an address in {country}"),
            "give the house number",
        ));
    }
    if parts.state && state.is_none() {
        errors.push(FieldError::new(
            "state",
            format!("is missing for an address in {country}"),
            "give the state or province",
        ));
    }
    match postal_code {
        None => errors.push(FieldError::new(
            "postal_code",
            format!("is missing for an address in {country}"),
            format!("give the postal code, such as {}", parts.example),
        )),
        Some(code) if !parts.postal_codes.iter().any(|shape| fits(shape, code.as_str())) => {
            errors.push(FieldError::new(
                "postal_code",
                format!("is not a postal code of {country}"),
                format!("write it like {}", parts.example),
            ));
        }
        Some(_) => {}
    }
    errors
}

fn fits(shape: &str, code: &str) -> bool {
    let code = code.trim();
    shape.chars().count() == code.chars().count()
        && shape.chars().zip(code.chars()).all(|(shape, sign)| match shape {
            '9' => sign.is_ascii_digit(),
            'A' => sign.is_ascii_alphabetic(),
            '*' => sign.is_ascii_alphanumeric(),
            other => sign == other,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Entity;
    use crate::ids::OrgId;
    use uuid::Uuid;

    fn wrong(country: &str, house: &str, state: &str, code: &str) -> Vec<&'static str> {
        let mut location = EmergencyLocation::blank(OrgId(Uuid::nil()), Uuid::nil());
        for (name, text) in [
            ("name", "Home"),
            ("street", "Main Street"),
            ("city", "Springfield"),
            ("country", country),
            ("house_number", house),
            ("state", state),
            ("postal_code", code),
        ] {
            if !text.is_empty() {
                let field = EmergencyLocation::field(name).unwrap();
                (field.set)(&mut location, &(field.parse)(text).unwrap()).unwrap();
            }
        }
        location.validate().into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn the_parts_of_an_address_are_those_of_its_country() {
        assert_eq!(wrong("US", "12", "IL", "62701"), [""; 0]);
        assert_eq!(wrong("US", "", "", ""), ["house_number", "state", "postal_code"]);
        assert_eq!(wrong("US", "12", "IL", "6270"), ["postal_code"]);
        assert_eq!(wrong("GB", "10", "", "SW1A 2AA"), [""; 0]);
        assert_eq!(wrong("PT", "7", "", "1000001"), ["postal_code"]);
        assert_eq!(wrong("IE", "", "", "D02 AF30"), [""; 0]);
        assert_eq!(wrong("JP", "", "", ""), [""; 0]);
    }
}
