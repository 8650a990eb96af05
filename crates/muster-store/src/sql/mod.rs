//! One way to speak to both databases: parameters, rows, connections.

pub mod dialect;
pub mod postgres;
pub mod sqlite;

use std::borrow::Cow;

use muster_domain::value::{FieldType, Value};
use smol_str::SmolStr;
use uuid::Uuid;

use crate::StoreError;
use dialect::Dialect;

/// A value bound to a statement.
#[derive(Clone, Debug)]
pub enum Param<'a> {
    Null,
    Int(i64),
    Bool(bool),
    Text(Cow<'a, str>),
    Smol(SmolStr),
    Blob(Cow<'a, [u8]>),
    Id(Uuid),
}

impl Param<'_> {
    pub fn uint(n: u64) -> Param<'static> {
        Param::Int(i64::try_from(n).unwrap_or(i64::MAX))
    }

    pub fn opt_int(n: Option<i64>) -> Param<'static> {
        n.map_or(Param::Null, Param::Int)
    }

    /// A field's value as its column holds it: lists are JSON.
    pub fn of(value: Value) -> Param<'static> {
        match value {
            Value::Null => Param::Null,
            Value::Text(text) => Param::Smol(text),
            Value::Int(n) => Param::Int(n),
            Value::Bool(b) => Param::Bool(b),
            Value::Id(id) => Param::Id(id),
            Value::List(list) => Param::Text(Cow::Owned(list_json(&list))),
        }
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(text: &'a str) -> Param<'a> {
        Param::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a [u8]> for Param<'a> {
    fn from(bytes: &'a [u8]) -> Param<'a> {
        Param::Blob(Cow::Borrowed(bytes))
    }
}

impl<'a> From<&'a String> for Param<'a> {
    fn from(text: &'a String) -> Param<'a> {
        Param::Text(Cow::Borrowed(text))
    }
}

fn list_json(list: &[SmolStr]) -> String {
    let texts: Vec<&str> = list.iter().map(SmolStr::as_str).collect();
    serde_json::Value::from(texts).to_string()
}

/// What a column of a bulk insert holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    Id,
    Text,
    Int,
    Bool,
    Blob,
}

impl ColumnType {
    pub fn of(kind: FieldType) -> ColumnType {
        match kind {
            FieldType::Text | FieldType::List | FieldType::Choice(_) => ColumnType::Text,
            FieldType::Int | FieldType::Time => ColumnType::Int,
            FieldType::Bool => ColumnType::Bool,
            FieldType::Reference | FieldType::Secret => ColumnType::Id,
        }
    }
}

/// An insert of whole rows into a table.
#[derive(Debug)]
pub struct Insert {
    pub columns: Vec<(String, ColumnType)>,
    /// `INSERT INTO t (…) VALUES (?1, …)`.
    pub one: String,
    /// `COPY t (…) FROM STDIN BINARY`.
    pub copy: String,
}

impl Insert {
    pub fn new(table: &str, columns: Vec<(String, ColumnType)>) -> Insert {
        let names: Vec<String> = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let marks: Vec<String> = (1..=columns.len()).map(|n| format!("?{n}")).collect();
        let (names, marks) = (names.join(", "), marks.join(", "));
        Insert {
            columns,
            one: format!("INSERT INTO {table} ({names}) VALUES ({marks})"),
            copy: format!("COPY {table} ({names}) FROM STDIN BINARY"),
        }
    }

    pub fn of(table: &str, columns: &[(&str, ColumnType)]) -> Insert {
        Insert::new(table, columns.iter().map(|(name, kind)| (name.to_string(), *kind)).collect())
    }
}

/// Values of which a column has one (`{ONE_OF_n}`).
#[derive(Clone, Copy)]
pub enum List<'a> {
    Ids(&'a [Uuid]),
    Texts(&'a [SmolStr]),
}

impl List<'_> {
    fn len(&self) -> usize {
        match self {
            List::Ids(ids) => ids.len(),
            List::Texts(texts) => texts.len(),
        }
    }
}

/// One row of an answer; columns are counted from 0.
pub enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a ::postgres::Row),
}

fn unreadable(column: usize, why: impl ToString) -> StoreError {
    StoreError::Corrupt(format!("column {column}: {}", why.to_string()))
}

fn missing(column: usize) -> StoreError {
    unreadable(column, "is empty")
}

impl Row<'_> {
    pub fn opt_id(&self, column: usize) -> Result<Option<Uuid>, StoreError> {
        match self {
            Row::Sqlite(row) => sqlite::blob(row, column)?
                .map(|bytes| Uuid::from_slice(bytes).map_err(|e| unreadable(column, e)))
                .transpose(),
            Row::Postgres(row) => row.try_get(column).map_err(|e| unreadable(column, e)),
        }
    }

    pub fn id(&self, column: usize) -> Result<Uuid, StoreError> {
        self.opt_id(column)?.ok_or_else(|| missing(column))
    }

    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self {
            Row::Sqlite(row) => row.get(column).map_err(|e| unreadable(column, e)),
            Row::Postgres(row) => row.try_get(column).map_err(|e| unreadable(column, e)),
        }
    }

    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.opt_int(column)?.ok_or_else(|| missing(column))
    }

    /// A number that is never negative.
    pub fn uint(&self, column: usize) -> Result<u64, StoreError> {
        u64::try_from(self.int(column)?).map_err(|e| unreadable(column, e))
    }

    pub fn opt_bool(&self, column: usize) -> Result<Option<bool>, StoreError> {
        match self {
            Row::Sqlite(row) => row.get(column).map_err(|e| unreadable(column, e)),
            Row::Postgres(row) => row.try_get(column).map_err(|e| unreadable(column, e)),
        }
    }

    pub fn opt_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self {
            Row::Sqlite(row) => sqlite::text(row, column),
            Row::Postgres(row) => row.try_get(column).map_err(|e| unreadable(column, e)),
        }
    }

    pub fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.opt_text(column)?.ok_or_else(|| missing(column))
    }

    pub fn opt_blob(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        match self {
            Row::Sqlite(row) => sqlite::blob(row, column),
            Row::Postgres(row) => row.try_get(column).map_err(|e| unreadable(column, e)),
        }
    }

    pub fn blob(&self, column: usize) -> Result<&[u8], StoreError> {
        self.opt_blob(column)?.ok_or_else(|| missing(column))
    }

    pub fn bytes<const N: usize>(&self, column: usize) -> Result<[u8; N], StoreError> {
        self.blob(column)?.try_into().map_err(|e| unreadable(column, e))
    }

    /// A field's value from its column.
    pub fn value(&self, column: usize, kind: FieldType) -> Result<Value, StoreError> {
        Ok(match kind {
            FieldType::Text | FieldType::Choice(_) => {
                self.opt_text(column)?.map_or(Value::Null, |text| Value::Text(SmolStr::new(text)))
            }
            FieldType::Int | FieldType::Time => self.opt_int(column)?.map_or(Value::Null, Value::Int),
            FieldType::Bool => self.opt_bool(column)?.map_or(Value::Null, Value::Bool),
            FieldType::Reference | FieldType::Secret => self.opt_id(column)?.map_or(Value::Null, Value::Id),
            FieldType::List => match self.opt_text(column)? {
                None => Value::Null,
                Some("[]") => Value::List(Vec::new()),
                Some(json) => {
                    let list: Vec<String> = serde_json::from_str(json).map_err(|e| unreadable(column, e))?;
                    Value::List(list.into_iter().map(SmolStr::from).collect())
                }
            },
        })
    }
}

thread_local! {
    static STATEMENTS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// How many statements this thread has run, one for each value of a list where the database runs it so: how
/// much is asked must not grow with how much there is.
pub fn statements_run() -> u64 {
    STATEMENTS.get()
}

fn count_statements(count: usize) {
    STATEMENTS.set(STATEMENTS.get() + count as u64);
}

pub type EachRow<'a> = &'a mut dyn FnMut(&Row<'_>) -> Result<(), StoreError>;

/// A connection to either database.
pub enum Conn {
    Sqlite(sqlite::Connection),
    Postgres(Box<postgres::Connection>),
}

impl Conn {
    pub fn dialect(&self) -> Dialect {
        match self {
            Conn::Sqlite(_) => Dialect::Sqlite,
            Conn::Postgres(_) => Dialect::Postgres,
        }
    }

    /// How many queries were asked over this connection.
    pub fn asked(&self) -> u64 {
        match self {
            Conn::Sqlite(conn) => conn.asked,
            Conn::Postgres(conn) => conn.asked,
        }
    }

    /// Calls `f` for each row.
    pub fn query(&mut self, sql: &str, params: &[Param], f: EachRow) -> Result<(), StoreError> {
        count_statements(1);
        match self {
            Conn::Sqlite(conn) => conn.query(sql, params, f),
            Conn::Postgres(conn) => conn.query(sql, params, None, f),
        }
    }

    /// As [`Conn::query`] for a statement with `{ONE_OF_n}`; the list is the parameter after the others.
    /// The order of the rows is not promised.
    pub fn query_each(
        &mut self,
        sql: &str,
        params: &[Param],
        list: List,
        f: EachRow,
    ) -> Result<(), StoreError> {
        count_statements(list.len());
        match self {
            Conn::Sqlite(conn) => conn.query_each(sql, params, list, f),
            Conn::Postgres(conn) => conn.query(sql, params, Some(list), f),
        }
    }

    /// The first row, made into something.
    pub fn first<T>(
        &mut self,
        sql: &str,
        params: &[Param],
        mut f: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut found = None;
        self.query(sql, params, &mut |row| {
            if found.is_none() {
                found = Some(f(row)?);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// All rows, each made into something.
    pub fn collect<T>(
        &mut self,
        sql: &str,
        params: &[Param],
        mut f: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut all = Vec::new();
        self.query(sql, params, &mut |row| {
            all.push(f(row)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// Returns how many rows were changed.
    pub fn execute(&mut self, sql: &str, params: &[Param]) -> Result<u64, StoreError> {
        match self {
            Conn::Sqlite(conn) => conn.execute(sql, params),
            Conn::Postgres(conn) => conn.execute(sql, params),
        }
    }

    /// Inserts rows; many are copied in bulk where the database can.
    pub fn insert(&mut self, insert: &Insert, rows: &[Vec<Param>]) -> Result<(), StoreError> {
        match self {
            Conn::Sqlite(conn) => conn.insert(insert, rows),
            Conn::Postgres(conn) => conn.insert(insert, rows),
        }
    }

    /// Statements without parameters, separated by semicolons, not cached.
    pub fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        match self {
            Conn::Sqlite(conn) => conn.script(sql),
            Conn::Postgres(conn) => conn.script(sql),
        }
    }

    /// The connection is of no more use.
    pub fn broken(&self) -> bool {
        match self {
            Conn::Sqlite(_) => false,
            Conn::Postgres(conn) => conn.broken(),
        }
    }
}
