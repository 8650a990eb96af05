//! A field's value as the text of one cell of our own format, and back.
//!
//! Both directions stand side by side because each must undo the other.

use std::borrow::Cow;

use jiff::Timestamp;
use muster_domain::field::FieldDef;
use muster_domain::types::{FieldValue, UnixMillis};
use muster_domain::user::User;
use muster_domain::value::{FieldType, Reason, Value};
use smol_str::SmolStr;

pub(crate) fn value_to_text(value: &Value, kind: FieldType) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::Text(text) => Cow::Borrowed(text),
        Value::Int(ms) if kind == FieldType::Time => Cow::Owned(time_to_text(*ms)),
        Value::Int(n) => Cow::Owned(n.to_string()),
        Value::Bool(true) => Cow::Borrowed("yes"),
        Value::Bool(false) => Cow::Borrowed("no"),
        Value::List(list) => Cow::Owned(list_to_text(list)),
        Value::Id(id) => Cow::Owned(id.to_string()),
    }
}

/// `scratch` lends its fields for checking; what they hold does not matter.
pub(crate) fn text_to_value(text: &str, field: &FieldDef<User>, scratch: &mut User) -> Result<Value, Reason> {
    match field.kind {
        FieldType::List => {
            (field.set)(scratch, &Value::List(text_to_list(text)))?;
            Ok((field.get)(scratch))
        }
        FieldType::Time => text_to_time(text),
        _ => (field.parse)(text),
    }
}

/// RFC 3339 in UTC; the bare milliseconds where no calendar reaches.
pub fn time_to_text(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| time.to_string())
}

/// Milliseconds have at least so many digits; fewer are the day of a workbook, or seconds.
const MILLISECONDS_DIGITS_MIN: usize = 11;

pub(crate) fn text_to_time(text: &str) -> Result<Value, Reason> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(Value::Int(time.as_millisecond()));
    }
    let is_long = text.trim_start_matches('-').len() >= MILLISECONDS_DIGITS_MIN;
    let bare = UnixMillis::parse(text).ok().filter(|_| is_long).map(|time| time.to_value());
    bare.ok_or_else(|| Reason::new("is not a time", "write it like 2026-07-01T09:00:00Z"))
}

/// Entries separated by `, `; a comma, semicolon or backslash inside one has a backslash before it.
fn list_to_text(list: &[SmolStr]) -> String {
    let mut text = String::new();
    for (i, entry) in list.iter().enumerate() {
        if i > 0 {
            text.push_str(", ");
        }
        for c in entry.chars() {
            if matches!(c, ',' | ';' | '\\') {
                text.push('\\');
            }
            text.push(c);
        }
    }
    text
}

fn text_to_list(text: &str) -> Vec<SmolStr> {
    let (mut list, mut entry, mut chars) = (Vec::new(), String::new(), text.chars());
    loop {
        let c = chars.next();
        match c {
            Some('\\') => entry.extend(chars.next()),
            Some(',' | ';') | None => {
                if !entry.trim().is_empty() {
                    list.push(SmolStr::new(entry.trim()));
                }
                entry.clear();
            }
            Some(c) => entry.push(c),
        }
        if c.is_none() {
            return list;
        }
    }
}

/// A cell that a spreadsheet would take for a formula gets an apostrophe before it. So does one
/// that begins with apostrophes and would be one without them: otherwise [`unguard`] could not
/// tell them apart.
pub(crate) fn guard(cell: &str) -> Cow<'_, str> {
    if is_formula_behind_apostrophes(cell) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// Where a cell is text in any case, only what [`unguard`] would take something off needs its guard.
pub(crate) fn guard_of_apostrophes(cell: &str) -> Cow<'_, str> {
    if unguard(cell) == cell { Cow::Borrowed(cell) } else { Cow::Owned(format!("'{cell}")) }
}

/// Takes off what [`guard`] put on. A cell that was never guarded stays as it is.
pub(crate) fn unguard(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_formula_behind_apostrophes(rest) => rest,
        _ => cell,
    }
}

fn is_formula_behind_apostrophes(cell: &str) -> bool {
    // The full-width signs are formulas too where Japanese or Chinese is the language.
    let starts = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    cell.trim_start_matches('\'').starts_with(starts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formulas_are_guarded_and_other_text_is_left_alone() {
        let check = |cell: &str, expect: &str| assert_eq!(guard(cell), expect);
        check("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0");
        check("+12125550123", "'+12125550123");
        check("-1", "'-1");
        check("@SUM(A1)", "'@SUM(A1)");
        check("\t=1", "'\t=1");
        check("'=1", "''=1");
        check("'s-Gravenhage", "'s-Gravenhage");
        check("O'Brien", "O'Brien");
        check("", "");
        assert_eq!(unguard("+12125550123"), "+12125550123");
    }

    #[test]
    fn times_are_written_as_people_read_them() {
        assert_eq!(value_to_text(&Value::Int(1_782_896_400_000), FieldType::Time), "2026-07-01T09:00:00Z");
        assert_eq!(text_to_time("2026-07-01T11:00:00+02:00"), Ok(Value::Int(1_782_896_400_000)));
        for wrong in ["tomorrow", "46000", "20260701", "1782896400"] {
            assert!(text_to_time(wrong).unwrap_err().mend.contains("2026-07-01T09:00:00Z"), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn unguarding_undoes_guarding(cell in "['=+@\t\r\na-]{0,5}") {
            let guarded = guard(&cell);
            prop_assert_eq!(unguard(&guarded), &cell);
            prop_assert!(!guarded.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']));
        }

        #[test]
        fn lists_survive_their_separators(list in prop::collection::vec("[a,;\\\\]{1,4}", 0..5)) {
            let list: Vec<SmolStr> = list.into_iter().map(SmolStr::new).collect();
            prop_assert_eq!(text_to_list(&list_to_text(&list)), list);
        }

        #[test]
        fn times_survive(ms in any::<i64>()) {
            prop_assert_eq!(text_to_time(&time_to_text(ms)), Ok(Value::Int(ms)));
        }
    }
}
