//! Cells that other systems write in a way of their own.

use muster_domain::field::{Entity, FieldDef};
use muster_domain::types::{E164, Email, FieldValue, Language, Name, fold};
use muster_domain::user::{User, UserType};
use muster_domain::value::Value;

use crate::format::Meaning;

/// What was made of a cell.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Read {
    pub values: Vec<(&'static str, Value)>,
    /// What was not made of it, and why.
    pub remark: Option<String>,
}

impl Read {
    fn of(name: &'static str, value: Value) -> Read {
        Read { values: vec![(name, value)], remark: None }
    }

    fn not(why: impl Into<String>) -> Read {
        Read { values: Vec::new(), remark: Some(why.into()) }
    }
}

const RING_SECONDS: std::ops::RangeInclusive<i64> = 5..=120;

/// Reads a cell that is not empty. Meanings of another kind give nothing.
pub(crate) fn read(meaning: Meaning, cell: &str) -> Read {
    let cell = cell.trim();
    match meaning {
        Meaning::IfValid(name) => if_valid(name, User::field(name), cell),
        Meaning::RingSeconds => ring_seconds(cell),
        Meaning::Language => match Language::parse(&cell.replace('_', "-")) {
            Ok(language) => Read::of("language", language.to_value()),
            Err(reason) => Read::not(format!("is not taken: it {}", reason.reason)),
        },
        Meaning::CallerId => caller_id(cell),
        Meaning::CallerIdName { .. } => match Name::parse(cell) {
            Ok(name) => Read::of("caller_id_name", name.to_value()),
            Err(reason) => Read::not(format!("is not taken: it {}", reason.reason)),
        },
        Meaning::MailboxEmail => mailbox_email(cell),
        _ => Read::default(),
    }
}

/// Conductor's word for a user type in ours. Its other words are ours with blanks in them.
pub(crate) fn user_type(cell: &str) -> &str {
    if fold(cell).replace(['-', '_'], " ") == "limited extension" { UserType::Limited.word() } else { cell }
}

fn if_valid(name: &'static str, field: Option<&FieldDef<User>>, cell: &str) -> Read {
    let Some(field) = field else { return Read::default() };
    match (field.parse)(cell) {
        Ok(value) => Read::of(name, value),
        Err(reason) => Read::not(format!("is not taken: it {}; {}", reason.reason, reason.mend)),
    }
}

fn ring_seconds(cell: &str) -> Read {
    match cell.parse::<i64>() {
        Ok(0) => Read::not("is 0, the other system's default: phones ring for our default"),
        Ok(seconds) if RING_SECONDS.contains(&seconds) => Read::of("call_timeout_s", Value::Int(seconds)),
        Ok(seconds) => {
            let nearest = seconds.clamp(*RING_SECONDS.start(), *RING_SECONDS.end());
            let beyond = if seconds > nearest { "longer" } else { "shorter" };
            let remark = format!("is {beyond} than {nearest} s: phones ring {nearest} s");
            Read { values: vec![("call_timeout_s", Value::Int(nearest))], remark: Some(remark) }
        }
        Err(_) => Read::not("is not taken: it is not a number of seconds"),
    }
}

/// `"Name" <number>` as FreePBX and Wazo have it, either part alone, and Wazo's two words.
fn caller_id(cell: &str) -> Read {
    if cell.eq_ignore_ascii_case("default") {
        return Read::default();
    }
    if cell.eq_ignore_ascii_case("anonymous") {
        return Read::not("is not taken: hiding the number comes with calls");
    }
    let (name, number) = match cell.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((name, number)) => (name.trim().trim_matches('"').trim(), number.trim()),
        None => ("", cell),
    };
    let mut read = Read::default();
    match E164::parse(number) {
        Ok(number) => read.values.push(("caller_id_number", number.to_value())),
        Err(reason) => {
            read.remark = Some(format!("is not taken: it {}; {}", reason.reason, reason.mend));
        }
    }
    if !name.is_empty()
        && let Ok(name) = Name::parse(name)
    {
        read.values.push(("caller_id_name", name.to_value()));
    }
    read
}

fn mailbox_email(cell: &str) -> Read {
    let addresses = <Vec<Email>>::parse(cell);
    match addresses {
        Ok(addresses) => {
            let mut read = Read::of("notification_addresses", addresses.to_value());
            if let [only] = &addresses[..] {
                read.values.push(("email", only.to_value()));
            }
            read
        }
        Err(reason) => Read::not(format!("is not taken: it {}; {}", reason.reason, reason.mend)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(meaning: Meaning, cell: &str, values: &[(&'static str, Value)], remark: &str) {
        let read = read(meaning, cell);
        assert_eq!((&read.values[..], read.remark.as_deref().unwrap_or("")), (values, remark), "{cell}");
    }

    #[test]
    fn a_ring_time_beyond_our_bounds_is_the_nearest_and_said() {
        check(Meaning::RingSeconds, " 30 ", &[("call_timeout_s", Value::Int(30))], "");
        check(
            Meaning::RingSeconds,
            "600",
            &[("call_timeout_s", Value::Int(120))],
            "is longer than 120 s: phones ring 120 s",
        );
        check(
            Meaning::RingSeconds,
            "0",
            &[],
            "is 0, the other system's default: phones ring for our default",
        );
        check(Meaning::RingSeconds, "soon", &[], "is not taken: it is not a number of seconds");
    }

    #[test]
    fn a_caller_id_is_a_number_with_or_without_a_name() {
        let number = ("caller_id_number", Value::text("+12125550123"));
        let name = ("caller_id_name", Value::text("Example & Sons"));
        check(Meaning::CallerId, "+1 212 555 0123", std::slice::from_ref(&number), "");
        check(Meaning::CallerId, "\"Example & Sons\" <+12125550123>", &[number, name.clone()], "");
        check(Meaning::CallerId, "default", &[], "");
        check(Meaning::CallerId, "anonymous", &[], "is not taken: hiding the number comes with calls");
        check(
            Meaning::CallerId,
            "Example & Sons <5550123>",
            &[name],
            "is not taken: it is not a number in international form; write it like +12125550123",
        );
    }

    #[test]
    fn one_address_of_a_mailbox_is_the_persons_and_several_are_only_told() {
        let one = Value::List(vec!["a@example.com".into()]);
        let email = Value::text("a@example.com");
        check(
            Meaning::MailboxEmail,
            "a@example.com",
            &[("notification_addresses", one), ("email", email)],
            "",
        );
        let two = Value::List(vec!["a@example.com".into(), "b@example.com".into()]);
        check(Meaning::MailboxEmail, "a@example.com,b@example.com", &[("notification_addresses", two)], "");
    }

    #[test]
    fn a_language_may_be_written_as_a_locale() {
        check(Meaning::Language, "fr_FR", &[("language", Value::text("fr-FR"))], "");
        check(Meaning::Language, "french, please", &[], "is not taken: it is not a language");
    }
}
