//! What is worth saying of a row that is taken all the same. Nothing here shows a password.

use muster_domain::numbers;
use muster_domain::types::fold;
use muster_domain::user::User;
use muster_import::{Column, PersonRow, Row, Secret, Taken};

use super::problem::RowProblem;

/// A shorter one can be tried out: digest answers that somebody has overheard are guessed at without asking
/// us.
const SIP_PASSWORD_CHARACTERS_MIN: usize = 12;
/// Long enough to pass otherwise, and tried first by everybody.
const COMMON: &[&str] =
    &["password1234", "passwordpassword", "123456789012", "qwertyuiop12", "changemechangeme"];
const MEND: &str = "empty the cell, and a strong one is made when the person is activated; or reset the \
                    credentials afterwards";

const NUMBERS: [&str; 4] = ["caller_id_number", "direct_number", "mobile_number", "alternate_number"];

pub(super) fn remarks(row: &Row, user: &User, columns: &[Column]) -> Vec<RowProblem> {
    let remark = |field: &str, reason: &str, mend: &str| RowProblem {
        line: row.line,
        row: row.number,
        cell: None,
        column: Some(
            columns
                .iter()
                .find(|c| of_field(c) == Some(field))
                .map_or(field, |c| c.header.as_str())
                .to_string(),
        ),
        found: String::new(),
        reason: reason.to_string(),
        mend: mend.to_string(),
        option: None,
        remark: true,
        cause: None,
    };
    let mut remarks = Vec::new();
    if let Some(extension) = &user.extension
        && let Some((reason, mend)) = numbers::remark(extension.as_str())
    {
        remarks.push(remark("extension", reason, mend));
    }
    for field in NUMBERS {
        if let Some((reason, mend)) = row.person.text(field).and_then(numbers::remark_international) {
            remarks.push(remark(field, reason, mend));
        }
    }
    let person = &row.person;
    if let Some(reason) = person.sip_password.as_ref().and_then(|p| weakness(p, user, person)) {
        remarks.push(remark("sip_secret", reason, MEND));
    }
    let devices = person.devices.iter().filter_map(|device| device.sip_password.as_ref());
    if let Some(reason) = devices.into_iter().find_map(|password| weakness(password, user, person)) {
        remarks.push(remark("device_sip_password", reason, MEND));
    }
    remarks
}

/// What is said of a SIP password that is taken all the same, in whichever way it is given.
pub fn sip_password_remark(password: &str, user: &User) -> Option<&'static str> {
    weakness(&Secret::new(password), user, &PersonRow::default())
}

fn of_field(column: &Column) -> Option<&'static str> {
    match column.taken {
        Taken::Field(name) | Taken::Device(name) => Some(name),
        _ => None,
    }
}

/// The worst that can be said of a SIP password.
fn weakness(password: &Secret, user: &User, person: &PersonRow) -> Option<&'static str> {
    let text = fold(password.reveal());
    let names = [Some(user.username.as_str()), user.extension.as_ref().map(|e| e.as_str())];
    let devices = person.devices.iter().filter_map(|d| Some(d.auth_name.as_ref()?.as_str()));
    if names.into_iter().flatten().chain(devices).any(|name| fold(name) == text) {
        return Some("is the extension, or the name that the phone signs in with");
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return Some("is made of digits alone");
    }
    if COMMON.contains(&text.as_str()) {
        return Some("is one that everybody tries");
    }
    (text.chars().count() < SIP_PASSWORD_CHARACTERS_MIN).then_some("is shorter than 12 characters")
}

#[cfg(test)]
mod tests {
    use muster_domain::field::Entity;
    use muster_domain::ids::OrgId;
    use muster_domain::types::{ExtensionNumber, Username};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_sip_password_that_can_be_guessed_is_remarked_by_its_cause_and_a_strong_one_is_not() {
        let mut user = User::blank(OrgId(Uuid::nil()), Uuid::nil());
        user.username = Username::parse("ana.pereira.sales").unwrap();
        user.extension = ExtensionNumber::parse("1001").ok();
        let check = |password: &str, expect: Option<&str>| {
            let found = weakness(&Secret::new(password), &user, &PersonRow::default());
            assert_eq!(found.is_some(), expect.is_some(), "{password}");
            assert!(found.unwrap_or_default().contains(expect.unwrap_or_default()), "{password}: {found:?}");
        };
        check("1001", Some("extension"));
        check("Ana.Pereira.Sales", Some("signs in"));
        check("12345678901234567890", Some("digits"));
        check("PasswordPassword", Some("everybody"));
        check("74ethJ4FHVB", Some("12"));
        check("74ethJ4FHVB6", None);
    }
}
