//! Emergency locations: who has one, what is held back where one is required, and what always passes
//! (`domain.md`, *Setting up a new user*).

use crate::locations::EmergencyLocation;
use crate::organization::{EmergencyPolicy, Organization, Site};
use crate::user::User;

/// What people dial for help by country, beside those that are the same everywhere.
const OF_COUNTRY: &[(&str, &[&str])] = &[
    ("FR", &["15", "17", "18", "114", "115", "196"]),
    ("ES", &["061", "062", "080", "091", "092"]),
    ("IT", &["117"]),
    ("AT", &["122", "133", "140", "144"]),
    ("CH", &["117", "118", "144", "1414"]),
    ("BE", &["100", "101"]),
    ("JP", &["118"]),
    ("IN", &["100", "101", "102", "108"]),
    ("BR", &["190", "192", "193"]),
    ("MX", &["066"]),
    ("AU", &["106"]),
    ("NZ", &["111"]),
    ("ZA", &["10111", "10177"]),
];

/// What may stand before a number on systems where an outside line is asked for.
const OUTSIDE_LINE: &[&str] = &["9", "0"];

/// All numbers that are for help at a site: the world's, its country's, and those it names itself.
pub fn numbers_of(site: Option<&Site>) -> Vec<&str> {
    let country = site.and_then(|site| site.country.as_ref());
    let of_country = OF_COUNTRY.iter().find(|(code, _)| country.is_some_and(|c| c.as_str() == *code));
    let own = site.into_iter().flat_map(|site| site.emergency_numbers.iter().map(|number| number.as_str()));
    let all = crate::numbers::EMERGENCY
        .iter()
        .copied()
        .chain(of_country.into_iter().flat_map(|(_, n)| *n).copied());
    let mut numbers: Vec<&str> = all.chain(own).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Whether a number is dialled for help, with or without a digit for an outside line.
pub fn is_for_help(dialled: &str, numbers: &[impl AsRef<str>]) -> bool {
    let is = |dialled: &str| numbers.iter().any(|number| number.as_ref() == dialled);
    is(dialled) || OUTSIDE_LINE.iter().any(|prefix| dialled.strip_prefix(prefix).is_some_and(is))
}

/// What holds at a site: its own policy, else the organization's.
pub fn policy_of(site: &Site, organization: &Organization) -> EmergencyPolicy {
    site.emergency_policy.unwrap_or(organization.emergency_policy)
}

/// The nickname that counts for somebody: their own, else their site's.
pub fn nickname_of<'a>(own: Option<&'a str>, site: Option<&'a Site>) -> Option<&'a str> {
    own.or_else(|| site.and_then(|site| site.emergency_location.as_ref()).map(|text| text.as_str()))
}

/// Why somebody has no emergency location; `None` if they have one.
pub fn missing(own: Option<&str>, site: Option<&Site>, locations: &[EmergencyLocation]) -> Option<String> {
    let place = site.map_or("their site", |site| site.name.as_str());
    match nickname_of(own, site) {
        None => Some(format!("has none, and {place} has no default")),
        Some(name) if locations.iter().any(|location| location.name.as_str() == name) => None,
        Some(name) => Some(format!("names {name}, which is not there")),
    }
}

/// Whether somebody's own location may be theirs: one of the company, or their own.
pub fn may_have(user: &User, location: &EmergencyLocation) -> bool {
    location.owner.is_none_or(|owner| owner == user.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Entity;
    use crate::ids::OrgId;
    use crate::types::{Country, ExtensionNumber, Name, Text};
    use uuid::Uuid;

    fn site(country: &str, location: Option<&str>) -> Site {
        let mut site = Site::blank(OrgId(Uuid::nil()), Uuid::nil());
        site.name = Name::parse("Leeds").unwrap();
        site.country = Some(Country::parse(country).unwrap());
        site.emergency_location = location.map(|name| Text::parse(name).unwrap());
        site
    }

    #[test]
    fn a_number_for_help_is_one_of_the_world_of_the_country_or_of_the_site_also_after_an_outside_line() {
        let mut paris = site("FR", None);
        paris.emergency_numbers = vec![ExtensionNumber::parse("1234").unwrap()];
        let numbers = numbers_of(Some(&paris));
        for dialled in ["112", "911", "15", "1234", "9112", "0112", "9911", "015"] {
            assert!(is_for_help(dialled, &numbers), "{dialled}");
        }
        for dialled in ["1001", "1512", "99112", "2112"] {
            assert!(!is_for_help(dialled, &numbers), "{dialled}");
        }
        assert!(!is_for_help("15", &numbers_of(None)));
    }

    #[test]
    fn ones_own_location_comes_before_the_sites_and_one_that_is_not_there_is_none() {
        let mut office = EmergencyLocation::blank(OrgId(Uuid::nil()), Uuid::nil());
        office.name = Name::parse("Office").unwrap();
        let there = [office];
        let (with, without) = (site("GB", Some("Office")), site("GB", None));
        assert_eq!(missing(None, Some(&with), &there), None);
        assert_eq!(missing(Some("Office"), Some(&without), &there), None);
        assert_eq!(missing(None, Some(&without), &there).unwrap(), "has none, and Leeds has no default");
        assert_eq!(missing(Some("Home"), Some(&with), &there).unwrap(), "names Home, which is not there");
    }

    #[test]
    fn a_sites_policy_comes_before_the_organizations() {
        let mut organization = Organization::blank(OrgId(Uuid::nil()), Uuid::nil());
        organization.emergency_policy = EmergencyPolicy::Require;
        let mut leeds = site("GB", None);
        assert_eq!(policy_of(&leeds, &organization), EmergencyPolicy::Require);
        leeds.emergency_policy = Some(EmergencyPolicy::Off);
        assert_eq!(policy_of(&leeds, &organization), EmergencyPolicy::Off);
    }
}
