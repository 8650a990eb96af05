//! `filter=` and `sort=`: what a list is narrowed to, and its order.

use muster_app::{Filter, Sort};
use muster_domain::field::{Entity, FieldDef, Key, Privacy};

use crate::problem::Mistake;

pub const HELP: &str = "Terms joined by ` and ` and ` or `, with `not` and brackets: `field=value` (is; nothing \
    after the sign finds what has none), `field!=value` (is not), `field^value` (begins with), `field~value` (contains), \
    `field<value` (also `<=`, `>`, `>=`: numbers and times). Values may stand in double quotes. \
    For example `department=Sales and (display_name~per or not tags=floor:2)`.";

pub fn parse<E: Entity>(text: &str) -> Result<Filter, Mistake> {
    muster_domain::filter::parse::<E>(text)
        .map_err(|wrong| Mistake::new("filter", wrong.to_string(), wrong.mend))
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

fn shown(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    format!("`{short}`")
}

#[cfg(test)]
mod tests {
    use muster_domain::user::User;

    use super::*;

    #[test]
    fn a_mistake_says_where_it_is_and_what_can_be_written() {
        let wrong = parse::<User>("department=Sales and extensoin=1").unwrap_err();
        assert_eq!(wrong.field, "filter");
        assert_eq!(wrong.reason, "names `extensoin`, which is not a field (at character 22)");
        assert!(wrong.mend.starts_with("did you mean extension? use one of: user_type, "), "{}", wrong.mend);
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
