//! Numbers that must not be anybody's extension, and those that are better not.

use crate::organization::Site;
use crate::value::FieldError;

/// What people dial for help, wherever they come from (`domain.md`, *Site*). They reach emergency services
/// whatever a dial plan says.
const EMERGENCY: &[&str] = &["000", "110", "111", "112", "113", "118", "119", "911", "988", "999"];

/// Those that people dial without thinking. The others of the list begin many an extension of four digits, and
/// saying so of each would be noise.
const BEST_KNOWN: &[&str] = &["112", "911", "999"];

/// Why an extension cannot be given to somebody of this site; `None` if it can.
pub fn refusal(extension: &str, site: Option<&Site>) -> Option<FieldError> {
    let of_site = site.is_some_and(|site| site.emergency_numbers.iter().any(|n| n.as_str() == extension));
    (of_site || EMERGENCY.contains(&extension)).then(|| {
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
}
