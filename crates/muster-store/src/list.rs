//! A page of a list: filtered, sorted, from a cursor.

use muster_domain::field::{Entity, EntityKind, Key};
use muster_domain::filter::Filter;
use muster_domain::ids::OrgId;
use muster_domain::user::User;
use muster_domain::value::{FieldError, FieldType, Value};
use rustc_hash::FxHashMap;
use uuid::Uuid;

use crate::filter::{Where, parts_of_names};
use crate::sql::{List, Param};
use crate::table::table_of;
use crate::{Reader, StoreError};

/// By an indexed field (one with a key in the table of fields), else in order of creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    pub field: String,
    pub descending: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub filter: Filter,
    pub sort: Option<Sort>,
    /// [`Page::next`] of the page before, with the same filter and sort.
    pub cursor: Option<String>,
    /// At most [`Query::LIMIT_MAX`]; 0 means 50.
    pub limit: usize,
    pub with_total: bool,
}

impl Query {
    pub const LIMIT_MAX: usize = 1000;
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
        let mut filter = Where::of::<E>(org, &query.filter)?;
        if E::KIND == EntityKind::User {
            self.narrow_by_name(org, &parts_of_names::<E>(&query.filter), &mut filter)?;
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

    /// The ids and versions of all that a filter finds, in order of the ids: one query, however many they are.
    pub fn versions_of<E: Entity>(
        &mut self,
        org: OrgId,
        filter: &Filter,
    ) -> Result<Vec<(Uuid, u64)>, StoreError> {
        let filter = Where::of::<E>(org, filter)?;
        let sql =
            format!("SELECT id, version FROM {} WHERE {} ORDER BY id", table_of(E::KIND).name, filter.sql);
        self.conn.collect(&sql, &filter.params, |row| Ok((row.id(0)?, row.uint(1)?)))
    }

    /// The same of these; those that are not there are left out.
    pub fn versions<E: Entity>(&mut self, org: OrgId, ids: &[Uuid]) -> Result<Vec<(Uuid, u64)>, StoreError> {
        let sql = format!(
            "SELECT id, version FROM {} WHERE org_id = ?1 AND id {{ONE_OF_2}}",
            table_of(E::KIND).name
        );
        let mut found = Vec::with_capacity(ids.len());
        self.conn.query_each(&sql, &[Param::Id(org.0)], List::Ids(ids), &mut |row| {
            found.push((row.id(0)?, row.uint(1)?));
            Ok(())
        })?;
        found.sort_unstable();
        Ok(found)
    }

    /// Who cannot be meant by a part of a name is left out before the database is asked.
    fn narrow_by_name(&mut self, org: OrgId, parts: &[String], filter: &mut Where) -> Result<(), StoreError> {
        for part in parts {
            if let Some(ids) = self.names_with(org, part)? {
                filter.one_of("id", &ids);
            }
        }
        Ok(())
    }

    fn count(&mut self, kind: EntityKind, filter: &Where) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {} WHERE {}", table_of(kind).name, filter.sql);
        Ok(self.conn.first(&sql, &filter.params, |row| row.uint(0))?.unwrap_or(0))
    }
}

fn wrong(field: &'static str, reason: impl Into<String>, mend: impl Into<String>) -> StoreError {
    StoreError::Query(FieldError::new(field, reason, mend))
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
        filter: &Where,
        segment: &Segment<'_>,
        limit: usize,
    ) -> (String, Vec<Param<'static>>) {
        let mut filter = filter.clone();
        let (compare, direction) = if self.descending { ("<", "DESC") } else { (">", "ASC") };
        let by = self.by.as_ref().filter(|_| segment.empty != Some(true));
        if let (Some(by), Some(empty)) = (&self.by, segment.empty) {
            let not = if empty { "" } else { "NOT " };
            filter.push(&format!("{} IS {not}NULL", by.column));
        }
        if let Some(cursor) = segment.after {
            let id = Param::Id(cursor.id);
            match (by, &cursor.value) {
                (Some(by), Some(value)) => {
                    let value = by.bound(value);
                    let (value, id) = (filter.bind(value), filter.bind(id));
                    filter.push(&format!("({}, id) {compare} ({value}, {id})", by.column));
                }
                _ => {
                    let id = filter.bind(id);
                    filter.push(&format!("id {compare} {id}"));
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
