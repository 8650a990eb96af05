//! A [`Filter`] as SQL, with everything that it compares bound.

use muster_domain::field::Entity;
use muster_domain::filter::{Asked, Filter, Op, Place, Term, Test};
use muster_domain::ids::OrgId;
use muster_domain::value::FieldType;
use uuid::Uuid;

use crate::StoreError;
use crate::sql::Param;

/// `WHERE` and what is bound in it; `?1` is the organization.
#[derive(Clone)]
pub(crate) struct Where {
    pub sql: String,
    pub params: Vec<Param<'static>>,
}

impl Where {
    pub fn of<E: Entity>(org: OrgId, filter: &Filter) -> Result<Where, StoreError> {
        let mut made = Where { sql: "org_id = ?1".into(), params: vec![Param::Id(org.0)] };
        match filter {
            // Each by itself, so that an index serves it.
            Filter::All(all) => {
                for one in all {
                    made.and::<E>(one)?;
                }
            }
            one => made.and::<E>(one)?,
        }
        Ok(made)
    }

    fn and<E: Entity>(&mut self, filter: &Filter) -> Result<(), StoreError> {
        let condition = self.condition::<E>(filter)?;
        self.push(&condition);
        Ok(())
    }

    pub fn push(&mut self, condition: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
    }

    pub fn one_of(&mut self, column: &str, ids: &[Uuid]) {
        let condition = self.in_list(column, ids);
        self.push(&condition);
    }

    fn in_list(&mut self, column: &str, ids: &[Uuid]) -> String {
        // Nobody: a term that no row fulfils.
        let Some(last) = ids.last() else { return "1 = 0".to_string() };
        // Few lengths, so that few statements are kept prepared: the last one is repeated.
        let repeated = std::iter::repeat_n(last, ids.len().next_power_of_two() - ids.len());
        let marks: Vec<String> = ids.iter().chain(repeated).map(|id| self.bind(Param::Id(*id))).collect();
        format!("{column} IN ({})", marks.join(", "))
    }

    pub fn bind(&mut self, param: Param<'static>) -> String {
        self.params.push(param);
        format!("?{}", self.params.len())
    }

    /// True, or false or unknown: `IS NOT TRUE` turns both round, so that what has no value is found by `not`.
    fn condition<E: Entity>(&mut self, filter: &Filter) -> Result<String, StoreError> {
        match filter {
            Filter::Term(term) => {
                let Asked { place, test } = term.asks::<E>().map_err(StoreError::Query)?;
                Ok(self.test(&place, test))
            }
            Filter::All(all) => self.joined::<E>(all, " AND ", "1 = 1"),
            Filter::Any(any) => self.joined::<E>(any, " OR ", "1 = 0"),
            Filter::Not(inner) => Ok(format!("({}) IS NOT TRUE", self.condition::<E>(inner)?)),
        }
    }

    fn joined<E: Entity>(
        &mut self,
        filters: &[Filter],
        joiner: &str,
        of_none: &str,
    ) -> Result<String, StoreError> {
        if filters.is_empty() {
            return Ok(of_none.to_string());
        }
        let parts = filters.iter().map(|filter| self.condition::<E>(filter));
        Ok(format!("({})", parts.collect::<Result<Vec<_>, _>>()?.join(joiner)))
    }

    fn test(&mut self, place: &Place, test: Test) -> String {
        let value = format!("\"{}\"", place.column);
        let folds = place.key.folds() && !place.secret;
        // What is compared: the folded copy, where there is one. It is empty where there is no value.
        let compared = if folds { format!("\"{}_key\"", place.column) } else { value.clone() };
        match test {
            Test::Absent if place.kind == FieldType::List => format!("{value} = '[]'"),
            Test::Present if place.kind == FieldType::List => format!("{value} <> '[]'"),
            Test::Absent if folds => format!("({compared} = '' AND {value} IS NULL)"),
            Test::Absent => format!("{value} IS NULL"),
            Test::Present => format!("{value} IS NOT NULL"),
            Test::Is(wanted) => format!("{value} = {}", self.bind(Param::of(wanted))),
            Test::Folds(text) if text.is_empty() => format!("({compared} = '' AND {value} IS NOT NULL)"),
            Test::Folds(text) => format!("{compared} = {}", self.bind(Param::Text(text.into()))),
            Test::Begins(text) => self.begins(&compared, text),
            Test::Contains(text) => {
                format!("{{INSTR}}({compared}, {}) > 0", self.bind(Param::Text(text.into())))
            }
            Test::OneOf(ids) => self.in_list(&value, &ids),
            Test::SomebodyAt(or_nobody, sites) => {
                let or_nobody = if or_nobody { format!("{value} IS NULL OR ") } else { String::new() };
                let at = self.in_list("site", &sites);
                format!("({or_nobody}{value} IN (SELECT id FROM users WHERE org_id = ?1 AND {at}))")
            }
            Test::Entry(op, text) => self.entry(&value, op, text),
            Test::Within(from, to) => {
                let from = from.map(|from| format!("{value} >= {}", self.bind(Param::Int(from))));
                let to = to.map(|to| format!("{value} < {}", self.bind(Param::Int(to))));
                let bounds: Vec<String> = from.into_iter().chain(to).collect();
                format!("({})", bounds.join(" AND "))
            }
        }
    }

    /// A range, which an index serves.
    fn begins(&mut self, compared: &str, text: String) -> String {
        let after = after_all_that_begin_with(&text);
        let low = self.bind(Param::Text(text.into()));
        match after {
            Some(after) => {
                format!("({compared} >= {low} AND {compared} < {})", self.bind(Param::Text(after.into())))
            }
            None => format!("{compared} >= {low}"),
        }
    }

    /// An entry of a list, which is JSON. Most rows do not have the text at all, which is seen without taking
    /// them apart.
    fn entry(&mut self, list: &str, op: Op, text: String) -> String {
        let quoted = serde_json::Value::from(text.as_str()).to_string();
        let within = match op {
            Op::Eq => quoted,
            _ => quoted[1..quoted.len() - 1].to_string(),
        };
        let (within, text) = (self.bind(Param::Text(within.into())), self.bind(Param::Text(text.into())));
        let is = match op {
            Op::Eq => format!("entry.value = {text}"),
            Op::Prefix => format!("{{INSTR}}(entry.value, {text}) = 1"),
            _ => format!("{{INSTR}}(entry.value, {text}) > 0"),
        };
        format!(
            "({{INSTR}}({list}, {within}) > 0 AND EXISTS (SELECT 1 FROM {{ENTRIES}}{list}{{AS_ENTRY}} WHERE {is}))"
        )
    }
}

/// The least text that comes after every one that begins with this; `None`: there is none.
fn after_all_that_begin_with(text: &str) -> Option<String> {
    let mut kept = text.to_string();
    while let Some(last) = kept.pop() {
        let next = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            kept.push(next);
            return Some(kept);
        }
    }
    None
}

/// The parts of names that must be in whoever is meant, folded.
pub(crate) fn parts_of_names<E: Entity>(filter: &Filter) -> Vec<String> {
    let searched = |term: &&Term| term.op == Op::Contains && term.field == "display_name";
    let fold = |term: &Term| E::field(&term.field).map(|field| field.meta.key.fold(&term.value));
    filter.certain().into_iter().filter(searched).filter_map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_all_that_begin_alike_is_the_least_such() {
        let check = |text: &str, after: Option<&str>| {
            assert_eq!(after_all_that_begin_with(text).as_deref(), after, "{text:?}");
        };
        check("ana", Some("anb"));
        check("ana\u{10ffff}", Some("anb"));
        check("\u{d7ff}", Some("\u{e000}"));
        check("é", Some("ê"));
        check("\u{10ffff}\u{10ffff}", None);
    }
}
