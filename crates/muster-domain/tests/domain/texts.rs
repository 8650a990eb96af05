//! What a text may be, and what it becomes.

use muster_domain::types::{
    AlternateNumber, Country, Domain, E164, Email, ExtensionNumber, FieldValue, Mac, Name, Slug, Tag, Text,
    TimeZone, Username, fold,
};
use muster_domain::value::Value;

fn check<T: FieldValue + std::fmt::Display>(text: &str, expect: Option<&str>) {
    match (T::parse(text), expect) {
        (Ok(value), Some(expect)) => assert_eq!(value.to_string(), expect, "{text:?}"),
        (Err(reason), None) => {
            assert!(!reason.mend.is_empty(), "{text:?} is refused without saying what to do")
        }
        (Ok(value), None) => panic!("{text:?} was taken as {value}"),
        (Err(reason), Some(_)) => panic!("{text:?} was refused: {}", reason.reason),
    }
}

#[test]
fn an_extension_is_digits_and_its_leading_zeros_count() {
    check::<ExtensionNumber>("0107", Some("0107"));
    check::<ExtensionNumber>(" 1001 ", Some("1001"));
    for wrong in ["", "10 01", "10a", "+1001", "1234567890123456", "١٢٣"] {
        check::<ExtensionNumber>(wrong, None);
    }
}

#[test]
fn a_number_is_international_however_it_is_written() {
    check::<E164>("+1 (212) 555-0123", Some("+12125550123"));
    check::<E164>("+44 7700 900 002", Some("+447700900002"));
    for wrong in ["2125550123", "+", "+0123456789", "+1234567890123456", "+1212555O123", "00442071234567"] {
        check::<E164>(wrong, None);
    }
    check::<AlternateNumber>("1001", Some("1001"));
    check::<AlternateNumber>("+12125550123", Some("+12125550123"));
    check::<AlternateNumber>("ana", None);
}

#[test]
fn an_email_has_one_local_part_and_a_domain_with_a_dot() {
    check::<Email>("Ana.Pereira+x@Example.com", Some("Ana.Pereira+x@Example.com"));
    check::<Email>("josé@exämple.com", Some("josé@exämple.com"));
    for wrong in
        ["ana", "@example.com", "ana@", "ana@localhost", "a b@example.com", "a..b@example.com", "a@-x.com"]
    {
        check::<Email>(wrong, None);
    }
}

#[test]
fn a_username_fits_a_sip_user_part() {
    check::<Username>("u000123", Some("u000123"));
    check::<Username>("ana@example.com", Some("ana@example.com"));
    for wrong in ["", "ana pereira", "ana:x", "ana;x=1", "anä", "<ana>", "a\"b"] {
        check::<Username>(wrong, None);
    }
}

#[test]
fn a_text_keeps_its_line_breaks_and_a_name_has_none() {
    check::<Text>("Field\r\nService", Some("Field\nService"));
    check::<Name>("Field\nService", None);
    check::<Text>("bell\u{7}", None);
    check::<Name>(&"x".repeat(129), None);
    check::<Name>("Đorđe 山田", Some("Đorđe 山田"));
    check::<Name>("Ana \u{202e}ereP", None);
    check::<Name>("דנה\u{200f} 😀", Some("דנה\u{200f} 😀"));
}

#[test]
fn a_time_zone_is_one_that_there_is_and_another_is_refused_with_the_nearest() {
    check::<TimeZone>("Europe/Lisbon", Some("Europe/Lisbon"));
    check::<TimeZone>(" america/new york ", Some("America/New_York"));
    check::<TimeZone>("utc", Some("UTC"));
    check::<TimeZone>("Etc/GMT+3", Some("Etc/GMT+3"));
    let mend = |text: &str| TimeZone::parse(text).unwrap_err().mend;
    let like = "; names are like Europe/Lisbon or UTC";
    assert_eq!(mend("Europe/Lisbonn"), format!("the nearest is Europe/Lisbon{like}"));
    assert_eq!(mend("Berlin"), format!("the nearest is Europe/Berlin{like}"));
    assert!(mend("Mars/Base").starts_with("the nearest is "), "{}", mend("Mars/Base"));
    assert!(TimeZone::parse(&"Mars/".repeat(1000)).is_err());
    for wrong in ["", "Mars/Base", "Europe/", "Europe/Lisbon;x", "é/é"] {
        check::<TimeZone>(wrong, None);
    }
}

#[test]
fn a_time_zone_that_was_stored_stays_readable_whatever_the_database_of_zones_became() {
    let stored = Value::text("Europe/Atlantis");
    assert_eq!(TimeZone::from_value(&stored).map(|zone| zone.to_string()), Ok("Europe/Atlantis".to_string()));
    assert!(TimeZone::from_value(&Value::text("no zone")).is_err());
}

#[test]
fn other_texts_are_what_they_say() {
    check::<Mac>("001565-00 00:0A", Some("00:15:65:00:00:0a"));
    check::<Mac>("00156500000", None);
    check::<Country>("pt", Some("PT"));
    check::<Country>("PRT", None);
    check::<Tag>("floor:2", Some("floor:2"));
    check::<Tag>("floor", None);
    check::<Slug>("example-sons", Some("example-sons"));
    check::<Slug>("Example", None);
    check::<Domain>("Voice.Example.COM.", Some("voice.example.com"));
    check::<Domain>("voice example", None);
}

#[test]
fn texts_that_are_the_same_to_a_person_fold_alike() {
    assert_eq!(fold(" İnan "), fold("i̇nan"));
    assert_eq!(fold("ＡＮＡ"), "ana");
    assert_ne!(fold("Ana"), fold("Anna"));
}

#[test]
fn a_time_is_told_as_its_day_and_second_in_utc() {
    let check = |ms: i64, expect: &str| assert_eq!(muster_domain::types::UnixMillis(ms).to_string(), expect);
    check(0, "1970-01-01T00:00:00Z");
    check(-1, "1969-12-31T23:59:59Z");
    check(951_782_400_000, "2000-02-29T00:00:00Z");
    check(1_700_000_000_999, "2023-11-14T22:13:20Z");
    check(4_107_542_399_000, "2100-02-28T23:59:59Z");
    check(4_107_542_400_000, "2100-03-01T00:00:00Z");
}
