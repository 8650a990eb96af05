//! Numbers that must not be anybody's extension, and those that are better not.

use crate::organization::Site;
use crate::value::FieldError;

/// What people dial for help, wherever they come from (`domain.md`, *Site*). They reach emergency services
/// whatever a dial plan says.
const EMERGENCY: &[&str] = &["000", "110", "111", "112", "113", "118", "119", "911", "988", "999"];

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
    }
}
