//! Values of the API as people read them.

use serde_json::Value;

use crate::clean::clean;

/// One line, safe for a terminal; empty for null.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => clean(text).into_owned(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(", "),
        // Something that is referred to is known by its name.
        Value::Object(members) => match members.get("name").or_else(|| members.get("display_name")) {
            Some(name) => text_of(name),
            None => {
                let member = |(name, value): (&String, &Value)| format!("{}={}", clean(name), text_of(value));
                members.iter().map(member).collect::<Vec<_>>().join(" ")
            }
        },
    }
}

/// `12.50 EUR` of an amount in minor units, with the currency beside it.
pub(crate) fn money_of(value: &Value, name: &str) -> String {
    let amount = value[name].as_i64().unwrap_or_default();
    let sign = if amount < 0 { "-" } else { "" };
    let units = amount.unsigned_abs();
    let currency = text_of(&value["currency"]);
    format!("{sign}{}.{:02} {currency}", grouped(units / 100), units % 100).trim_end().to_owned()
}

/// The number under a name, 0 where there is none.
pub(crate) fn count_of(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_default()
}

/// The list under a name, empty where there is none.
pub(crate) fn list_of<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// `1 person`, `2 people`, `1,234 people`.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// With a comma between thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `2026-11-21 22:05:32` of an RFC 3339 time in UTC; other texts as they are.
pub(crate) fn time_of(value: &Value) -> String {
    let text = text_of(value);
    match (text.get(..10), text.get(10..11), text.get(11..19), text.ends_with('Z')) {
        (Some(date), Some("T"), Some(time), true) => format!("{date} {time}"),
        _ => text,
    }
}

#[test]
fn numbers_are_grouped_by_thousands() {
    let texts: Vec<String> = [0, 999, 1000, 100_000, 1_234_567].into_iter().map(grouped).collect();
    assert_eq!(texts, ["0", "999", "1,000", "100,000", "1,234,567"]);
}
