//! Numbers as people write them at home, and the one rule that makes all that begin alike international.

use crate::types::E164;

/// What a number looks like that is in no international form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum National {
    /// It is none, or nothing can be said of it: a part of a number, a word, an extension.
    No,
    /// Whatever begins with `found` is in international form with `value` in the place of that.
    Rule { found: String, value: String },
    /// It is one of a country that is not known, or whose code is not.
    OfSomeCountry,
}

/// Digits of a number that is dialled from everywhere in a country; fewer may be one town's, or an extension.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=14;

/// What to make of a number, of which the country is known or not.
pub fn national(number: &str, country: Option<&str>) -> National {
    let number = number.trim();
    let is_written = |c: char| c.is_ascii_digit() || " -.()/\u{a0}".contains(c);
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let begins = number.trim_start_matches('(').starts_with(|c: char| c.is_ascii_digit());
    if !number.chars().all(is_written) || !begins || !DIGITS.contains(&digits.len()) {
        return National::No;
    }
    if number.starts_with("00") {
        return checked(number, "00", "+".to_string());
    }
    let known = country.and_then(of_country);
    if let Some(code) = without_plus(number, digits.len(), known) {
        return checked(number, code, format!("+{code}"));
    }
    let Some((code, trunk)) = known else { return National::OfSomeCountry };
    let bracket = if number.starts_with('(') { "(" } else { "" };
    let rest = &number[bracket.len()..];
    // Where the trunk is a country's code too, a number of ten digits may begin with it and be without it.
    if !trunk.is_empty() && rest.starts_with(trunk) && (trunk != "1" || digits.len() == 11) {
        return checked(number, &format!("{bracket}{trunk}"), format!("+{code}{bracket}"));
    }
    if trunk == "0" || trunk == "06" {
        // Without the town's part nobody is reached from elsewhere.
        return National::No;
    }
    // A rule for whatever begins so: numbers that are international already must not match it.
    let first = if bracket.is_empty() { &rest[..1] } else { "" };
    checked(number, &format!("{bracket}{first}"), format!("+{code}{bracket}{first}"))
}

/// No country has longer numbers but for a few that are dialled with a trunk.
const DIGITS_AT_HOME_MAX: usize = 11;

/// The code that a number of so many digits begins with, where it is too long to be dialled at home: the plus
/// is gone, as spreadsheets take it for a sign of the number.
fn without_plus(number: &str, digits: usize, known: Option<(&str, &str)>) -> Option<&'static str> {
    let (own, trunk) = known.unwrap_or_default();
    if number.starts_with('0') || (!trunk.is_empty() && number.starts_with(trunk)) {
        return None;
    }
    let begins = |code: &&'static str| number.starts_with(code);
    let code = codes().find(begins)?;
    let is_own = code == own && digits > digits_at_home(own);
    // In North America numbers have ten digits.
    let is_american = known.is_none() && code == "1" && digits == 11;
    (is_own || is_american || digits > DIGITS_AT_HOME_MAX).then_some(code)
}

/// The most digits of a number at home without what is dialled before it.
fn digits_at_home(code: &str) -> usize {
    match code {
        "45" | "47" | "65" | "216" | "356" | "371" | "372" | "852" | "853" => 8,
        "34" | "48" | "56" | "351" | "352" | "420" => 9,
        "39" | "55" => DIGITS_AT_HOME_MAX,
        _ => 10,
    }
}

fn codes() -> impl Iterator<Item = &'static str> {
    let others = OTHERS.iter().map(|(_, (code, _))| *code);
    WITH_ZERO.iter().chain(WITHOUT).map(|(code, _)| *code).chain(others)
}

fn checked(number: &str, found: &str, value: String) -> National {
    let rest = number.strip_prefix(found).unwrap_or(number);
    match E164::parse(&format!("{value}{rest}")) {
        Ok(_) => National::Rule { found: found.to_string(), value },
        Err(_) => National::No,
    }
}

/// The calling code (ITU-T E.164), and what is dialled inside the country before a number and not after the
/// code; empty where that is nothing.
fn of_country(country: &str) -> Option<(&'static str, &'static str)> {
    let all = WITH_ZERO.iter().map(|entry| (entry, "0")).chain(WITHOUT.iter().map(|entry| (entry, "")));
    let mut all = all.chain(OTHERS.iter().map(|(trunk, entry)| (entry, *trunk)));
    all.find(|((_, countries), _)| countries.split(' ').any(|known| known.eq_ignore_ascii_case(country)))
        .map(|((code, _), trunk)| (*code, trunk))
}

/// A code and the countries that it is of.
type Code = (&'static str, &'static str);

const WITH_ZERO: &[Code] = &[
    ("20", "EG"),
    ("27", "ZA"),
    ("31", "NL"),
    ("32", "BE"),
    ("33", "FR"),
    ("40", "RO"),
    ("41", "CH"),
    ("43", "AT"),
    ("44", "GB GG IM JE"),
    ("46", "SE"),
    ("49", "DE"),
    ("51", "PE"),
    ("53", "CU"),
    ("54", "AR"),
    ("58", "VE"),
    ("60", "MY"),
    ("61", "AU"),
    ("62", "ID"),
    ("63", "PH"),
    ("64", "NZ"),
    ("66", "TH"),
    ("81", "JP"),
    ("82", "KR"),
    ("84", "VN"),
    ("86", "CN"),
    ("90", "TR"),
    ("91", "IN"),
    ("92", "PK"),
    ("93", "AF"),
    ("94", "LK"),
    ("95", "MM"),
    ("98", "IR"),
    ("212", "MA"),
    ("213", "DZ"),
    ("218", "LY"),
    ("233", "GH"),
    ("234", "NG"),
    ("249", "SD"),
    ("250", "RW"),
    ("251", "ET"),
    ("254", "KE"),
    ("255", "TZ"),
    ("256", "UG"),
    ("260", "ZM"),
    ("261", "MG"),
    ("262", "RE YT"),
    ("263", "ZW"),
    ("264", "NA"),
    ("353", "IE"),
    ("355", "AL"),
    ("358", "FI AX"),
    ("359", "BG"),
    ("370", "LT"),
    ("373", "MD"),
    ("374", "AM"),
    ("380", "UA"),
    ("381", "RS"),
    ("382", "ME"),
    ("383", "XK"),
    ("385", "HR"),
    ("386", "SI"),
    ("387", "BA"),
    ("389", "MK"),
    ("421", "SK"),
    ("590", "GP BL MF"),
    ("593", "EC"),
    ("594", "GF"),
    ("595", "PY"),
    ("596", "MQ"),
    ("598", "UY"),
    ("855", "KH"),
    ("856", "LA"),
    ("880", "BD"),
    ("886", "TW"),
    ("961", "LB"),
    ("962", "JO"),
    ("963", "SY"),
    ("964", "IQ"),
    ("966", "SA"),
    ("967", "YE"),
    ("970", "PS"),
    ("971", "AE"),
    ("972", "IL"),
    ("976", "MN"),
    ("994", "AZ"),
    ("995", "GE"),
    ("996", "KG"),
];

/// Italy's zero belongs to the number. Brazil's is followed by a carrier, and numbers are written without.
const WITHOUT: &[Code] = &[
    ("30", "GR"),
    ("34", "ES"),
    ("39", "IT VA"),
    ("45", "DK"),
    ("47", "NO SJ"),
    ("48", "PL"),
    ("52", "MX"),
    ("55", "BR"),
    ("56", "CL"),
    ("57", "CO"),
    ("65", "SG"),
    ("216", "TN"),
    ("221", "SN"),
    ("225", "CI"),
    ("226", "BF"),
    ("230", "MU"),
    ("237", "CM"),
    ("238", "CV"),
    ("244", "AO"),
    ("258", "MZ"),
    ("267", "BW"),
    ("298", "FO"),
    ("299", "GL"),
    ("350", "GI"),
    ("351", "PT"),
    ("352", "LU"),
    ("354", "IS"),
    ("356", "MT"),
    ("357", "CY"),
    ("371", "LV"),
    ("372", "EE"),
    ("376", "AD"),
    ("377", "MC"),
    ("378", "SM"),
    ("420", "CZ"),
    ("423", "LI"),
    ("501", "BZ"),
    ("502", "GT"),
    ("503", "SV"),
    ("504", "HN"),
    ("505", "NI"),
    ("506", "CR"),
    ("507", "PA"),
    ("509", "HT"),
    ("591", "BO"),
    ("592", "GY"),
    ("597", "SR"),
    ("687", "NC"),
    ("689", "PF"),
    ("852", "HK"),
    ("853", "MO"),
    ("960", "MV"),
    ("965", "KW"),
    ("968", "OM"),
    ("973", "BH"),
    ("974", "QA"),
    ("977", "NP"),
    ("992", "TJ"),
    ("998", "UZ"),
];

const OTHERS: &[(&str, Code)] = &[
    ("1", ("1", "US CA AG AI AS BB BM BS DM DO GD GU JM KN KY LC MP MS PR SX TC TT VC VG VI")),
    ("06", ("36", "HU")),
    ("8", ("7", "RU KZ")),
    ("8", ("375", "BY")),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(found: &str, value: &str) -> National {
        National::Rule { found: found.to_string(), value: value.to_string() }
    }

    #[test]
    fn a_number_that_is_written_as_at_home_has_a_rule_for_all_that_begin_so() {
        let check = |number: &str, country: &str, expect: National| {
            assert_eq!(national(number, Some(country)), expect, "{number} in {country}");
        };
        check("0113 496 0003", "GB", rule("0", "+44"));
        check("(0113) 496-0003", "gb", rule("(0", "+44("));
        check("0044 113 4960003", "US", rule("00", "+"));
        check("06 1234 5678", "IT", rule("0", "+390"));
        check("912 345 678", "PT", rule("9", "+3519"));
        check("(212) 555-0123", "US", rule("(", "+1("));
        check("212.555.0123", "US", rule("2", "+12"));
        check("1-212-555-0123", "CA", rule("1", "+1"));
        check("06 1 234 5678", "HU", rule("06", "+36"));
        check("8 495 123-45-67", "RU", rule("8", "+7"));
        check("447700900111", "GB", rule("44", "+44"));
        check("44 7700 900111", "PT", rule("44", "+44"));
        check("351912345679", "PT", rule("351", "+351"));
        check("34912345678", "ES", rule("34", "+34"));
        check("4512345678", "DK", rule("45", "+45"));
        check("84951234567", "RU", rule("8", "+7"));
        for (number, country) in [
            ("1001", "GB"),
            ("496 0003", "GB"),
            ("9112345678", "IN"),
            ("+44 113 496 0003", "GB"),
            ("0113 496 0003 ext 4", "GB"),
            ("", "GB"),
            ("tbd", "GB"),
            ("(", "GB"),
            ("0113496000312345", "GB"),
            ("é912345678", "PT"),
        ] {
            check(number, country, National::No);
        }
    }

    #[test]
    fn where_no_country_or_no_code_is_known_that_is_said_and_only_of_what_looks_like_a_number() {
        for country in [None, Some("ZZ")] {
            assert_eq!(national("0113 496 0003", country), National::OfSomeCountry);
            assert_eq!(national("0044 113 4960003", country), rule("00", "+"));
            assert_eq!(national("1001", country), National::No);
            assert_eq!(national("441134960003", country), rule("44", "+44"));
            assert_eq!(national("12125550123", country), rule("1", "+1"));
            assert_eq!(national("84951234567", country), National::OfSomeCountry);
        }
    }

    #[test]
    fn no_country_has_two_codes_and_no_rule_matches_what_is_international() {
        let all = WITH_ZERO.iter().chain(WITHOUT).chain(OTHERS.iter().map(|(_, code)| code));
        let mut countries: Vec<&str> = all.flat_map(|(_, countries)| countries.split(' ')).collect();
        let count = countries.len();
        countries.sort_unstable();
        countries.dedup();
        assert_eq!(countries.len(), count);
        assert!(countries.iter().all(|country| country.len() == 2));
        for country in countries {
            for number in ["0123456789", "(0123) 456789", "2123456789", "(212) 3456789", "81234567890"] {
                if let National::Rule { found, .. } = national(number, Some(country)) {
                    assert!(!found.is_empty() && !"+44113".starts_with(&found), "{country} {number}");
                }
            }
        }
    }
}
