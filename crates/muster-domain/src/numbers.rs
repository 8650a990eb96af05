//! Numbers that must not be anybody's extension, and those that are better not.

use crate::organization::Site;
use crate::value::FieldError;

/// What people dial for help, wherever they come from (`domain.md`, *Site*). They reach emergency services
/// whatever a dial plan says.
pub const EMERGENCY: &[&str] = &["000", "110", "111", "112", "113", "118", "119", "911", "988", "999"];

/// Those that people dial without thinking. The others of the list begin many an extension of four digits, and
/// saying so of each would be noise.
const BEST_KNOWN: &[&str] = &["112", "911", "999"];

/// Why an extension cannot be given to somebody of this site; `None` if it can.
pub fn refusal(extension: &str, site: Option<&Site>) -> Option<FieldError> {
    crate::emergency::numbers_of(site).contains(&extension).then(|| {
        FieldError::new(
            "extension",
            "is an emergency number: whoever dials it must reach help",
            "give another extension, such as one with four digits",
        )
    })
}

/// What is worth saying about an extension that can be given.
pub fn remark(extension: &str) -> Option<(&'static str, &'static str)> {
    if BEST_KNOWN.iter().any(|number| extension.len() > number.len() && extension.starts_with(number)) {
        return Some((
            "begins with an emergency number: a phone that dials by itself once a number is known calls for help",
            "give an extension that begins with other digits",
        ));
    }
    (extension.len() < 2).then_some((
        "has one digit: no longer extension that begins with it can be dialled without waiting",
        "give an extension of three or four digits",
    ))
}

/// Country codes after which no number begins with the zero that is dialled inside the country. Italy's does.
const WITHOUT_ZERO: &[&str] = &[
    "27", "31", "32", "33", "34", "351", "353", "358", "41", "43", "44", "45", "46", "47", "48", "49", "61",
    "64", "81", "82", "90", "91", "972",
];

/// What is worth saying about a number in international form that reaches nobody.
pub fn remark_international(number: &str) -> Option<(&'static str, &'static str)> {
    let has_zero = |code: &&'static str| {
        let rest = number.strip_prefix('+').and_then(|digits| digits.strip_prefix(*code));
        rest.is_some_and(|rest| rest.starts_with('0'))
    };
    WITHOUT_ZERO.iter().any(has_zero).then_some((
        "has a zero after the country code, where none belongs: it reaches nobody from abroad",
        "leave the zero out, as in +441134960003",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Entity;
    use crate::ids::OrgId;
    use crate::types::ExtensionNumber;

    #[test]
    fn an_emergency_number_of_the_world_or_of_the_site_is_nobodys_extension() {
        let mut site = Site::blank(OrgId(uuid::Uuid::nil()), uuid::Uuid::nil());
        site.emergency_numbers = vec![ExtensionNumber::parse("15").unwrap()];
        for number in ["911", "112", "110", "999", "000", "15"] {
            assert!(refusal(number, Some(&site)).is_some_and(|e| !e.mend.is_empty()), "{number}");
        }
        assert_eq!(refusal("15", None), None);
        for number in ["1001", "9110", "0112", "1"] {
            assert_eq!(refusal(number, Some(&site)), None, "{number}");
        }
        assert!(remark("1").is_some() && remark("10").is_none());
        for (number, expect) in [("9110", true), ("11200", true), ("1101", false), ("2911", false)] {
            let begins = remark(number).is_some_and(|(why, _)| why.starts_with("begins with an emergency"));
            assert_eq!(begins, expect, "{number}");
        }
    }

    #[test]
    fn a_zero_after_the_country_code_is_remarked_where_none_belongs() {
        let check = |number: &str, said: bool| {
            assert_eq!(remark_international(number).is_some(), said, "{number}");
        };
        check("+4401134960003", true);
        check("+4903012345678", true);
        check("+441134960003", false);
        check("+390612345678", false);
        check("+12125550123", false);
        check("1001", false);
    }

    #[test]
    fn a_bracketed_zero_after_a_country_code_is_not_dialled_and_in_italy_it_is() {
        use crate::types::{E164, Name};
        let check = |text: &str, expect: &str| assert_eq!(E164::parse(text).unwrap().as_str(), expect);
        check("+44 (0)113 496 0003", "+441134960003");
        check("+49(0)30 12345678", "+493012345678");
        check("+39 (0)6 1234 5678", "+390612345678");
        check("+44 113 (0)496 0003", "+4411304960003");
        for blank in ["\u{200B}", " \u{FEFF}\u{200D} ", "\u{2800}\u{3164}"] {
            assert_eq!(Name::parse(blank).unwrap_err().reason, "is empty");
        }
        assert!(Name::parse("\u{200B}Ana").is_ok());
    }
}
