//! A page of a list: filtered, sorted, from a cursor.

use muster_domain::field::{Entity, EntityKind, FieldDef, Key};
use muster_domain::ids::OrgId;
use muster_domain::types::fold_name;
use muster_domain::user::User;
use muster_domain::value::{FieldError, FieldType, Value};
use rustc_hash::FxHashMap;
use uuid::Uuid;

use crate::sql::Param;
use crate::table::{folded, table_of};
use crate::{Reader, StoreError};

/// How a field is compared. Fields with a folded key are compared folded: names without case and accents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Eq,
    Prefix,
    Contains,
    /// The field, or `id` for the thing itself, is one of these ids, which commas separate. For use cases.
    OneOf,
    /// The field names somebody who is at one of these sites. For use cases.
    SomebodyAt,
    /// It names nobody, or somebody who is at one of these sites. For use cases.
    NobodyOrSomebodyAt,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// A name of the table of fields.
    pub field: String,
    pub op: Op,
    /// As a person writes it; an empty value with [`Op::Eq`] finds what has none.
    pub value: String,
}

/// By an indexed field (one with a key in the table of fields), else in order of creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    pub field: String,
    pub descending: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// All must hold.
    pub filter: Vec<Term>,
    pub sort: Option<Sort>,
    /// [`Page::next`] of the page before, with the same filter and sort.
    pub cursor: Option<String>,
    /// At most [`Query::LIMIT_MAX`]; 0 means 50.
    pub limit: usize,
    pub with_total: bool,
}

impl Query {
    pub const LIMIT_MAX: usize = 1000;
    pub const TERMS_MAX: usize = 16;
}

pub type UserQuery = Query;

#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
    /// How many the filter finds, if it was asked for.
    pub total: Option<u64>,
    /// Of a page as it was at an earlier moment.
    pub as_of: Option<AsOf>,
}

/// An earlier moment that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsOf {
    /// The last change before it.
    pub seq: u64,
    /// Things of the list's kind that may have been there and of which nothing can be told, because what the
    /// log held of them was erased.
    pub erased: u64,
}

impl Reader {
    pub fn users(&mut self, org: OrgId, query: &UserQuery) -> Result<Page<User>, StoreError> {
        self.list(org, query)
    }

    /// A page of any kind of thing. [`StoreError::Query`] names the field that does not go.
    pub fn list<E: Entity>(&mut self, org: OrgId, query: &Query) -> Result<Page<E>, StoreError> {
        let mut filter = Filter::of::<E>(org, &query.filter)?;
        if E::KIND == EntityKind::User {
            self.narrow_by_name(org, &query.filter, &mut filter)?;
        }
        let order = Order::of::<E>(query.sort.as_ref())?;
        let cursor = query.cursor.as_deref().map(|text| Cursor::parse(&order, text)).transpose()?;
        let limit = if query.limit == 0 { 50 } else { query.limit.min(Query::LIMIT_MAX) };
        let mut ids: Vec<Uuid> = Vec::new();
        // One more than asked for tells whether there is another page.
        for segment in order.segments(cursor.as_ref()) {
            let wanted = limit + 1 - ids.len();
            if wanted > 0 {
                let (sql, params) = order.page_sql(table_of(E::KIND).name, &filter, &segment, wanted);
                ids.extend(self.conn.collect(&sql, &params, |row| row.id(0))?);
            }
        }
        let more = ids.len() > limit;
        ids.truncate(limit);
        // The ids first: an index often has all that is asked of them, and the rows of the others are left.
        let place: FxHashMap<Uuid, usize> = ids.iter().enumerate().map(|(i, id)| (*id, i)).collect();
        let mut items = self.get_many::<E>(org, &ids)?;
        items.sort_by_key(|item| place.get(&item.id()).copied());
        let next = more.then(|| items.last().map(|last| order.cursor_at(last)));
        let total = if query.with_total { Some(self.count(E::KIND, &filter)?) } else { None };
        Ok(Page { items, next: next.flatten(), total, as_of: None })
    }

    /// Who cannot be meant by a part of a name is left out before the database is asked.
    fn narrow_by_name(&mut self, org: OrgId, terms: &[Term], filter: &mut Filter) -> Result<(), StoreError> {
        let parts = terms.iter().filter(|term| term.op == Op::Contains && term.field == "display_name");
        for part in parts {
            if let Some(ids) = self.names_with(org, &fold_name(&part.value))? {
                filter.one_of("id", &ids);
            }
        }
        Ok(())
    }

    fn count(&mut self, kind: EntityKind, filter: &Filter) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {} WHERE {}", table_of(kind).name, filter.sql);
        Ok(self.conn.first(&sql, &filter.params, |row| row.uint(0))?.unwrap_or(0))
    }
}

fn ids_of(list: &str) -> Result<Vec<Uuid>, StoreError> {
    let ids = list.split(',').filter(|text| !text.is_empty()).map(Uuid::parse_str);
    ids.collect::<Result<_, _>>().map_err(|_| StoreError::Misuse("a list of ids has something else in it"))
}

fn wrong(field: &'static str, reason: impl Into<String>, mend: impl Into<String>) -> StoreError {
    StoreError::Query(FieldError::new(field, reason, mend))
}

/// `WHERE` and what is bound in it; `?1` is the organization.
struct Filter {
    sql: String,
    params: Vec<Param<'static>>,
}

impl Filter {
    fn of<E: Entity>(org: OrgId, terms: &[Term]) -> Result<Filter, StoreError> {
        if terms.len() > Query::TERMS_MAX {
            return Err(wrong("filter", "has too many terms", format!("give at most {}", Query::TERMS_MAX)));
        }
        let mut filter = Filter { sql: "org_id = ?1".into(), params: vec![Param::Id(org.0)] };
        for term in terms {
            if term.op == Op::OneOf && term.field == "id" {
                filter.one_of("id", &ids_of(&term.value)?);
                continue;
            }
            let field = E::field(&term.field).ok_or_else(|| {
                let reason = format!("names {:?}, which is not a field", term.field);
                wrong("filter", reason, "use the name of a field")
            })?;
            filter.push(field, term)?;
        }
        Ok(filter)
    }

    fn push<E>(&mut self, field: &FieldDef<E>, term: &Term) -> Result<(), StoreError> {
        let (key, folds) = (field.meta.key, field.meta.key.folds());
        let column = if folds { format!("\"{}_key\"", field.name) } else { format!("\"{}\"", field.name) };
        let text = || key.fold(&term.value);
        let textual = matches!(field.kind, FieldType::Text | FieldType::List | FieldType::Choice(_));
        let by_ids = matches!(term.op, Op::OneOf | Op::SomebodyAt | Op::NobodyOrSomebodyAt);
        if by_ids && field.kind != FieldType::Reference {
            return Err(StoreError::Misuse("only a field that names one thing is compared with ids"));
        }
        if term.op != Op::Eq && !textual && !by_ids {
            return Err(wrong(field.name, "can only be compared as a whole", "use equality"));
        }
        match term.op {
            Op::Eq if term.value.trim().is_empty() => {
                let empty = match (folds, field.kind) {
                    (true, _) => format!(" AND {column} = ''"),
                    (false, FieldType::List) => format!(" AND {column} = '[]'"),
                    (false, _) => format!(" AND {column} IS NULL"),
                };
                self.sql.push_str(&empty);
            }
            // One entry of a list, as it stands in its JSON.
            Op::Eq if field.kind == FieldType::List => {
                let entry = serde_json::Value::from(term.value.trim()).to_string();
                self.contains(&column, entry);
            }
            Op::Eq => {
                let value =
                    (field.parse)(&term.value).map_err(|reason| StoreError::Query(field.error(reason)))?;
                let mark = self.bind(if folds { folded(key, &value) } else { Param::of(value) });
                self.sql.push_str(&format!(" AND {column} = {mark}"));
            }
            Op::Prefix => {
                let low = text();
                let high = format!("{low}\u{10ffff}");
                let (low, high) = (self.bind(Param::Text(low.into())), self.bind(Param::Text(high.into())));
                self.sql.push_str(&format!(" AND {column} >= {low} AND {column} < {high}"));
            }
            Op::Contains => self.contains(&column, text()),
            Op::OneOf => self.one_of(&column, &ids_of(&term.value)?),
            Op::SomebodyAt | Op::NobodyOrSomebodyAt => {
                let or_nobody = if term.op == Op::SomebodyAt { "" } else { "{column} IS NULL OR " };
                let or_nobody = or_nobody.replace("{column}", &column);
                self.sql.push_str(&format!(
                    " AND ({or_nobody}{column} IN (SELECT id FROM users WHERE org_id = ?1"
                ));
                self.one_of("site", &ids_of(&term.value)?);
                self.sql.push_str("))");
            }
        }
        Ok(())
    }

    fn contains(&mut self, column: &str, text: String) {
        let mark = self.bind(Param::Text(text.into()));
        self.sql.push_str(&format!(" AND {{INSTR}}({column}, {mark}) > 0"));
    }

    fn one_of(&mut self, column: &str, ids: &[Uuid]) {
        // Nobody: a term that no row fulfils.
        let Some(last) = ids.last() else { return self.sql.push_str(" AND 1 = 0") };
        // Few lengths, so that few statements are kept prepared: the last one is repeated.
        let repeated = std::iter::repeat_n(last, ids.len().next_power_of_two() - ids.len());
        let marks: Vec<String> = ids.iter().chain(repeated).map(|id| self.bind(Param::Id(*id))).collect();
        self.sql.push_str(&format!(" AND {column} IN ({})", marks.join(", ")));
    }

    fn bind(&mut self, param: Param<'static>) -> String {
        self.params.push(param);
        format!("?{}", self.params.len())
    }
}

/// What a list is sorted by, and then by id.
struct Order {
    /// The field, and its column; `None` is by id alone.
    by: Option<By>,
    descending: bool,
}

struct By {
    name: &'static str,
    column: String,
    kind: FieldType,
    key: Key,
}

/// A part of the list that one index gives in order: what has a value, or what has none.
struct Segment<'a> {
    /// `None` where the field cannot be empty.
    empty: Option<bool>,
    after: Option<&'a Cursor>,
}

/// The last row of a page: what it was sorted by, and its id.
struct Cursor {
    /// `None`: it had no value.
    value: Option<String>,
    id: Uuid,
}

impl Order {
    fn of<E: Entity>(sort: Option<&Sort>) -> Result<Order, StoreError> {
        let Some(sort) = sort else { return Ok(Order { by: None, descending: false }) };
        let sortable = E::fields().iter().find(|f| f.name == sort.field && f.meta.key != Key::None);
        let field = sortable.ok_or_else(|| {
            let names = E::fields().iter().filter(|f| f.meta.key != Key::None).map(|f| f.name);
            let names: Vec<&str> = names.collect();
            let reason = format!("names {:?}, which nothing is sorted by", sort.field);
            wrong("sort", reason, format!("sort by one of: {}", names.join(", ")))
        })?;
        let key = field.meta.key;
        let suffix = if key.folds() { "_key" } else { "" };
        let by =
            By { name: field.name, column: format!("\"{}{suffix}\"", field.name), kind: field.kind, key };
        Ok(Order { by: Some(by), descending: sort.descending })
    }

    /// What is empty comes first, or last when descending.
    fn segments<'a>(&self, cursor: Option<&'a Cursor>) -> Vec<Segment<'a>> {
        let may_be_empty = self.by.as_ref().is_some_and(|by| !by.key.folds());
        if !may_be_empty {
            return vec![Segment { empty: None, after: cursor }];
        }
        let order = if self.descending { [false, true] } else { [true, false] };
        match cursor {
            None => order.map(|empty| Segment { empty: Some(empty), after: None }).into(),
            Some(cursor) => {
                let within = cursor.value.is_none();
                let mut left = vec![Segment { empty: Some(within), after: Some(cursor) }];
                if order[0] == within {
                    left.push(Segment { empty: Some(order[1]), after: None });
                }
                left
            }
        }
    }

    fn page_sql(
        &self,
        table: &str,
        filter: &Filter,
        segment: &Segment<'_>,
        limit: usize,
    ) -> (String, Vec<Param<'static>>) {
        let mut filter = Filter { sql: filter.sql.clone(), params: filter.params.clone() };
        let (compare, direction) = if self.descending { ("<", "DESC") } else { (">", "ASC") };
        let by = self.by.as_ref().filter(|_| segment.empty != Some(true));
        if let (Some(by), Some(empty)) = (&self.by, segment.empty) {
            let not = if empty { "" } else { "NOT " };
            filter.sql.push_str(&format!(" AND {} IS {not}NULL", by.column));
        }
        if let Some(cursor) = segment.after {
            let id = Param::Id(cursor.id);
            match (by, &cursor.value) {
                (Some(by), Some(value)) => {
                    let value = by.bound(value);
                    let (value, id) = (filter.bind(value), filter.bind(id));
                    filter.sql.push_str(&format!(" AND ({}, id) {compare} ({value}, {id})", by.column));
                }
                _ => {
                    let id = filter.bind(id);
                    filter.sql.push_str(&format!(" AND id {compare} {id}"));
                }
            }
        }
        let limit = filter.bind(Param::uint(limit as u64));
        let key = by.map_or(String::new(), |by| format!("{} {direction}, ", by.column));
        let sql =
            format!("SELECT id FROM {table} WHERE {} ORDER BY {key}id {direction} LIMIT {limit}", filter.sql);
        (sql, filter.params)
    }

    fn cursor_at<E: Entity>(&self, entity: &E) -> String {
        let Some(by) = &self.by else { return entity.id().simple().to_string() };
        let value = E::field(by.name).map(|field| (field.get)(entity)).unwrap_or_default();
        let text = match value {
            Value::Text(text) if by.key.folds() => Some(by.key.fold(&text)),
            Value::Text(text) => Some(text.to_string()),
            Value::Int(n) => Some(n.to_string()),
            Value::Id(id) => Some(id.to_string()),
            // An empty folded key is a value like any other.
            _ => by.key.folds().then(String::new),
        };
        format!("{}{}", entity.id().simple(), text.map_or(String::new(), |text| format!(".{text}")))
    }
}

impl By {
    fn bound(&self, text: &str) -> Param<'static> {
        match self.kind {
            FieldType::Int | FieldType::Time => Param::Int(text.parse().unwrap_or_default()),
            FieldType::Reference | FieldType::Secret => Param::Id(text.parse().unwrap_or_default()),
            _ => Param::Text(text.to_string().into()),
        }
    }
}

impl Cursor {
    /// The id, and after a point the value if there is one.
    fn parse(order: &Order, text: &str) -> Result<Cursor, StoreError> {
        let wrong = || wrong("cursor", "is not one of this list", "give the cursor of the page before");
        let (id, value) = match text.split_once('.') {
            Some((id, value)) => (id, Some(value.to_string())),
            None => (text, None),
        };
        let id = Uuid::parse_str(id).map_err(|_| wrong())?;
        let needs_value = order.by.as_ref().is_some_and(|by| by.key.folds());
        if (order.by.is_none() && value.is_some()) || (needs_value && value.is_none()) {
            return Err(wrong());
        }
        Ok(Cursor { value, id })
    }
}
