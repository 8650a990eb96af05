//! Which table and columns a kind of thing has, from its table of fields.

use std::borrow::Cow;
use std::sync::OnceLock;

use muster_domain::field::{Entity, EntityKind, Key};
use muster_domain::for_kind;
use muster_domain::ids::OrgId;
use muster_domain::types::UnixMillis;
use muster_domain::value::{FieldType, Value};

use crate::StoreError;
use crate::sql::{ColumnType, Insert, Param, Row};

#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: FieldType,
    pub key: Key,
}

impl Column {
    /// The column that is compared and sorted by: the folded copy, where there is one.
    pub fn sort_column(&self) -> String {
        match self.key.folds() {
            true => format!("\"{}_key\"", self.name),
            false => format!("\"{}\"", self.name),
        }
    }
}

#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    pub columns: Vec<Column>,
    pub insert: Insert,
    /// `SELECT id, version, created_at, … FROM t`, for [`from_row`].
    pub select: String,
    pub select_one: String,
    pub select_many: String,
    pub delete: String,
}

/// `id`, `version` and `created_at` come before the fields in [`Table::select`]; the organization is known.
const FIRST_FIELD: usize = 3;

pub fn table_of(kind: EntityKind) -> &'static Table {
    static TABLES: OnceLock<Vec<Table>> = OnceLock::new();
    let tables = TABLES.get_or_init(|| EntityKind::ALL.iter().map(|kind| make(*kind)).collect());
    &tables[kind as usize]
}

fn make(kind: EntityKind) -> Table {
    for_kind!(kind, E => table::<E>(kind.plural()))
}

fn table<E: Entity>(name: &'static str) -> Table {
    let columns: Vec<Column> =
        E::fields().iter().map(|f| Column { name: f.name, kind: f.kind, key: f.meta.key }).collect();
    let mut inserted = vec![
        ("org_id".to_string(), ColumnType::Id),
        ("id".to_string(), ColumnType::Id),
        ("version".to_string(), ColumnType::Int),
        ("created_at".to_string(), ColumnType::Int),
    ];
    for column in &columns {
        inserted.push((column.name.to_string(), ColumnType::of(column.kind)));
        if column.key.folds() {
            inserted.push((format!("{}_key", column.name), ColumnType::Text));
        }
    }
    let names: Vec<String> = columns.iter().map(|c| format!("\"{}\"", c.name)).collect();
    let select = format!("SELECT \"id\", \"version\", \"created_at\", {} FROM {name}", names.join(", "));
    Table {
        name,
        columns,
        insert: Insert::new(name, inserted),
        select_one: format!("{select} WHERE org_id = ?1 AND id = ?2"),
        select_many: format!("{select} WHERE org_id = ?1 AND id {{ONE_OF_2}}"),
        delete: format!("DELETE FROM {name} WHERE org_id = ?1 AND id = ?2 AND version = ?3"),
        select,
    }
}

/// A whole row, as [`Table::insert`] takes it.
pub fn to_row<E: Entity>(entity: &E, created_at: UnixMillis) -> Vec<Param<'static>> {
    let mut row = Vec::with_capacity(table_of(E::KIND).insert.columns.len());
    row.push(Param::Id(entity.org().0));
    row.push(Param::Id(entity.id()));
    row.push(Param::uint(entity.version()));
    row.push(Param::Int(created_at.0));
    for field in E::fields() {
        let value = (field.get)(entity);
        let key = field.meta.key.folds().then(|| folded(field.meta.key, &value));
        row.push(Param::of(value));
        row.extend(key);
    }
    row
}

/// The folded copy of a value; empty where there is none, so that it always sorts.
pub fn folded(key: Key, value: &Value) -> Param<'static> {
    Param::Text(value.as_text().map_or(Cow::Borrowed(""), |text| Cow::Owned(key.fold(text))))
}

pub fn from_row<E: Entity>(org: OrgId, row: &Row<'_>) -> Result<E, StoreError> {
    let mut entity = E::blank(org, row.id(0)?);
    entity.set_version(row.uint(1)?);
    entity.set_created_at(UnixMillis(row.int(2)?));
    for (i, field) in E::fields().iter().enumerate() {
        let value = row.value(FIRST_FIELD + i, field.kind)?;
        let set = (field.set)(&mut entity, &value);
        // What cannot be empty keeps its default where the column is.
        if let (Err(reason), false) = (set, value.is_null()) {
            let text = format!("{} of {} {}: {}", field.name, E::KIND.word(), entity.id(), reason.reason);
            return Err(StoreError::Corrupt(text));
        }
    }
    Ok(entity)
}
