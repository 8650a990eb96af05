//! Which tables there are, in the order that they are made, and what their columns are.

use crate::StoreError;
use crate::migrate::MIGRATIONS;
use crate::sql::dialect::Dialect;
use crate::sql::{ColumnType, Conn, Param};

/// All tables of the first `schema` migrations, in the order of their making: what is referred to at once
/// comes before what refers to it.
pub(super) fn tables(schema: usize) -> Vec<&'static str> {
    let lines = MIGRATIONS.iter().take(schema).flat_map(|migration| migration.lines());
    let mut tables: Vec<&str> = Vec::new();
    for line in lines {
        if let Some((name, _)) = line.strip_prefix("CREATE TABLE ").and_then(|rest| rest.split_once(' ')) {
            tables.push(name);
        }
        if let Some(name) = line.strip_prefix("DROP TABLE ") {
            tables.retain(|table| *table != name.trim_end_matches(';'));
        }
    }
    tables
}

/// The columns of a table that is there, in their order; empty if there is no such table.
///
/// SQLite keeps an id as bytes and a yes or no as a number, and says so.
pub(super) fn columns(conn: &mut Conn, table: &str) -> Result<Vec<(String, ColumnType)>, StoreError> {
    let sql = match conn.dialect() {
        Dialect::Sqlite => "SELECT name, type FROM pragma_table_info(?1) ORDER BY cid",
        Dialect::Postgres => {
            "SELECT column_name::text, udt_name::text FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = ?1 ORDER BY ordinal_position"
        }
    };
    conn.collect(sql, &[Param::from(table)], |row| {
        let kind = match row.text(1)? {
            "BLOB" | "bytea" => ColumnType::Blob,
            "TEXT" | "text" => ColumnType::Text,
            "INTEGER" | "int8" => ColumnType::Int,
            "uuid" => ColumnType::Id,
            "bool" => ColumnType::Bool,
            _ => return Err(StoreError::Misuse("a column has a type that backups do not know")),
        };
        Ok((row.text(0)?.to_string(), kind))
    })
}

pub(super) fn quoted(columns: &[(String, ColumnType)]) -> String {
    let names: Vec<String> = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    names.join(", ")
}

#[test]
fn the_tables_are_those_that_the_migrations_make() {
    let all = tables(MIGRATIONS.len());
    assert_eq!(all[0], "tenant_keys");
    let at = |name: &str| all.iter().position(|table| *table == name).unwrap();
    assert!(at("secrets") < at("users") && at("users") < at("devices"), "{all:?}");
    assert!(tables(0).is_empty());
}
