//! `filter=` and `sort=`: what a list is narrowed to, and its order.
//!
//! A filter is terms joined by ` and `: `field=value` (is), `field^value` (begins with), `field~value`
//! (contains). A value with ` and ` in it stands in double quotes, where `\"` and `\\` mean themselves.

use muster_app::{Op, Sort, Term};
use muster_domain::field::{Entity, FieldDef, Key, Privacy};
use muster_domain::value::{FieldType, Value};

use crate::problem::Mistake;
use crate::wire;

pub const HELP: &str = "Terms joined by ` and `: `field=value` (is; nothing after the sign finds what has none), \
    `field^value` (begins with), `field~value` (contains). Values may stand in double quotes. \
    For example `department=Sales and display_name~per`.";

const TERMS_MAX: usize = muster_app::Query::TERMS_MAX;

pub fn parse<E: Entity>(text: &str) -> Result<Vec<Term>, Mistake> {
    let mut terms = Vec::new();
    let mut rest = text.trim();
    if rest.is_empty() {
        return Ok(terms);
    }
    loop {
        let (term, after) = term::<E>(rest)?;
        terms.push(term);
        if terms.len() > TERMS_MAX {
            return Err(wrong(
                format!("has more than {TERMS_MAX} terms"),
                format!("keep at most {TERMS_MAX}"),
            ));
        }
        match after {
            Some(after) => rest = after,
            None => return Ok(terms),
        }
    }
}

pub fn parse_sort<E: Entity>(text: &str) -> Result<Sort, Mistake> {
    let text = text.trim();
    let (name, descending) = match text.strip_prefix('-') {
        Some(name) => (name, true),
        None => (text, false),
    };
    let keyed = |f: &&FieldDef<E>| f.meta.key != Key::None && f.meta.privacy != Privacy::Secret;
    let names: Vec<&str> = E::fields().iter().filter(keyed).map(|f| f.name).collect();
    if names.contains(&name) {
        return Ok(Sort { field: name.to_string(), descending });
    }
    let mend = match names.is_empty() {
        true => "leave it out: this list is in order of creation".to_string(),
        false => format!("sort by one of: {}; a minus in front turns it round", names.join(", ")),
    };
    Err(Mistake::new("sort", format!("cannot be {}", shown(name)), mend))
}

/// One term, and what follows its ` and `.
fn term<E: Entity>(text: &str) -> Result<(Term, Option<&str>), Mistake> {
    let usage = "write field=value, field^beginning or field~part";
    let at = text
        .find(['=', '~', '^'])
        .ok_or_else(|| wrong(format!("has no =, ^ or ~ in {}", shown(text)), usage))?;
    let (name, sign) = (text[..at].trim(), text.as_bytes()[at]);
    let op = match sign {
        b'=' => Op::Eq,
        b'^' => Op::Prefix,
        _ => Op::Contains,
    };
    let field = E::field(name).filter(|f| f.meta.privacy != Privacy::Secret).ok_or_else(|| {
        let known = E::fields().iter().filter(|f| f.meta.privacy != Privacy::Secret).map(|f| f.name);
        let known: Vec<&str> = known.collect();
        wrong(
            format!("names {}, which is not a field", shown(name)),
            format!("use one of: {}", known.join(", ")),
        )
    })?;
    let (value, after) = value(&text[at + 1..])?;
    let value = checked(field, op, value)?;
    Ok((Term { field: field.name.to_string(), op, value }, after))
}

/// A value, quoted or up to the next ` and `.
fn value(text: &str) -> Result<(String, Option<&str>), Mistake> {
    let Some(quoted) = text.trim_start().strip_prefix('"') else {
        return Ok(match find_and(text) {
            Some((at, after)) => (text[..at].trim().to_string(), Some(&text[after..])),
            None => (text.trim().to_string(), None),
        });
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            '"' => {
                let rest = &quoted[at + 1..];
                if rest.trim().is_empty() {
                    return Ok((value, None));
                }
                return match find_and(rest) {
                    Some((0, after)) => Ok((value, Some(&rest[after..]))),
                    _ => {
                        Err(wrong("goes on after a quoted value without ` and `", "join terms with ` and `"))
                    }
                };
            }
            c => value.push(c),
        }
    }
    Err(wrong("has a quote that is never closed", "close it, and write \\\" for a quote inside"))
}

/// Where the next ` and ` begins and ends.
fn find_and(text: &str) -> Option<(usize, usize)> {
    const JOINER: &str = " and ";
    let bytes = text.as_bytes();
    let at = bytes.windows(JOINER.len()).position(|w| w.eq_ignore_ascii_case(JOINER.as_bytes()))?;
    Some((at, at + JOINER.len()))
}

/// The value in the form that the store compares.
fn checked<E>(field: &FieldDef<E>, op: Op, value: String) -> Result<String, Mistake> {
    let textual = matches!(field.kind, FieldType::Text | FieldType::List | FieldType::Choice(_));
    if op != Op::Eq && !textual {
        let reason = format!("cannot look inside {}", field.name);
        return Err(wrong(reason, format!("write {}=value", field.name)));
    }
    if op != Op::Eq || value.is_empty() {
        return Ok(value);
    }
    if field.kind == FieldType::Time {
        let at = wire::time_of(&value)
            .map_err(|r| wrong(format!("has a value for {} that {}", field.name, r.reason), r.mend))?;
        return Ok(at.0.to_string());
    }
    // A site or connection may be named; whoever has the organization looks the name up.
    if field.kind != FieldType::List && field.kind != FieldType::Reference {
        let parsed = (field.parse)(&value)
            .map_err(|r| wrong(format!("has a value for {} that {}", field.name, r.reason), r.mend))?;
        if let (FieldType::Choice(_), Value::Text(word)) = (field.kind, parsed) {
            return Ok(word.to_string());
        }
    }
    Ok(value)
}

fn wrong(reason: impl Into<String>, mend: impl Into<String>) -> Mistake {
    Mistake::new("filter", reason, mend)
}

fn shown(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    format!("`{short}`")
}

#[cfg(test)]
mod tests {
    use muster_domain::user::User;

    use super::*;

    fn check(text: &str, expect: &[(&str, Op, &str)]) {
        let terms = parse::<User>(text).unwrap();
        let got: Vec<_> = terms.iter().map(|t| (t.field.as_str(), t.op, t.value.as_str())).collect();
        assert_eq!(got, expect, "{text}");
    }

    #[test]
    fn terms_are_joined_by_and() {
        check("", &[]);
        check("extension=1001", &[("extension", Op::Eq, "1001")]);
        check("department=R&D and sms=no", &[("department", Op::Eq, "R&D"), ("sms", Op::Eq, "no")]);
    }

    #[test]
    fn a_choice_is_asked_for_by_its_word_and_another_word_is_refused_with_all_of_them() {
        check("service=Contact-Only", &[("service", Op::Eq, "contact_only")]);
        for word in muster_domain::user::Service::WORDS {
            check(&format!("service={word}"), &[("service", Op::Eq, word)]);
        }
        let said = parse::<User>("service=active").unwrap_err();
        assert_eq!(said.reason, "has a value for service that is not one of the choices");
        assert_eq!(said.mend, "write one of: contact_only, not_activated, enabled, disabled, frozen");
    }

    #[test]
    fn quoted_values_may_hold_anything() {
        check(
            r#"department="Research and \"Development\"" and display_name^An AND title~x=y"#,
            &[
                ("department", Op::Eq, r#"Research and "Development""#),
                ("display_name", Op::Prefix, "An"),
                ("title", Op::Contains, "x=y"),
            ],
        );
    }

    #[test]
    fn nothing_after_the_sign_finds_what_has_none() {
        check("email=", &[("email", Op::Eq, "")]);
        check("email= and title=x", &[("email", Op::Eq, ""), ("title", Op::Eq, "x")]);
    }

    #[test]
    fn what_is_not_a_filter_is_refused_with_a_remedy() {
        for text in [
            "x",
            "=",
            "extensoin=1",
            "sip_secret=1",
            "extension=abc",
            "department=\"a",
            "department=\"a\" b",
            "sms~t",
            "max_bindings^1",
            "service=on",
            "email=a@b.example and",
            "and",
            "department=Research and Development",
            "é",
            "department=\"\\",
        ] {
            let refused = parse::<User>(text);
            assert!(
                refused.as_ref().is_err_and(|m| m.field == "filter" && !m.mend.is_empty()),
                "{text}: {refused:?}"
            );
        }
    }

    #[test]
    fn lists_are_sorted_by_indexed_fields_only() {
        assert_eq!(
            parse_sort::<User>("-display_name").unwrap(),
            Sort { field: "display_name".into(), descending: true }
        );
        assert!(parse_sort::<User>("tags").is_err());
        assert!(parse_sort::<User>("--email").is_err());
    }
}
