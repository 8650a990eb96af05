//! SQLite: one file, one writer, any number of readers beside it.

use std::path::Path;
use std::time::Duration;

use rusqlite::ffi;
use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{ErrorCode, OpenFlags, Statement};

use super::dialect::Dialect;
use super::{EachRow, Insert, List, Param, Row};
use crate::StoreError;

pub struct Connection {
    raw: rusqlite::Connection,
    /// Queries that were asked, each list once.
    pub asked: u64,
}

/// Statements kept prepared by one connection.
const STATEMENTS_MAX: usize = 256;
/// Memory for pages, in KiB: the indexes of a large organization fit while they are written.
const WRITER_CACHE_KIB: u32 = 80 * 1024;
const READER_CACHE_KIB: u32 = 8 * 1024;

impl Connection {
    pub fn open_writer(path: &Path) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Self::open(path, flags)?;
        // FULL: with WAL, NORMAL could lose the last commits when the power goes.
        // Pages of 16 KiB: a third less work for the many indexes of a bulk load. The log is copied into
        // the file by a thread of its own ([`Checkpointer`]); the writer does it only if that cannot keep up.
        // Temporary files stay files here: what a savepoint may have to put back would else be in memory,
        // which for taking back a large import is every page that it wrote.
        conn.script(
            "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             PRAGMA foreign_keys = ON; PRAGMA temp_store = FILE; PRAGMA journal_size_limit = 67108864; \
             PRAGMA wal_autocheckpoint = 65536;",
        )?;
        conn.cache(WRITER_CACHE_KIB)?;
        Ok(conn)
    }

    /// A new file that is filled in one go and synced by whoever opened it: half of one is thrown away, so
    /// nothing is kept to take it back. References are checked once, when all is there.
    pub fn open_to_fill(path: &Path) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Self::open(path, flags)?;
        conn.script(
            "PRAGMA page_size = 16384; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; \
             PRAGMA foreign_keys = OFF; PRAGMA temp_store = FILE;",
        )?;
        conn.cache(WRITER_CACHE_KIB / 2)?;
        Ok(conn)
    }

    pub fn open_reader(path: &Path) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Self::open(path, flags)?;
        conn.script("PRAGMA query_only = ON; PRAGMA temp_store = MEMORY;")?;
        conn.cache(READER_CACHE_KIB)?;
        Ok(conn)
    }

    /// A reader that may make temporary tables; they are files, as an import of everybody may be in them.
    pub fn open_historian(path: &Path) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Self::open(path, flags)?;
        conn.script("PRAGMA temp_store = FILE;")?;
        conn.cache(READER_CACHE_KIB)?;
        Ok(conn)
    }

    /// To be called when the size of a page is settled: SQLite makes pages of the KiB at once.
    fn cache(&self, kib: u32) -> Result<(), StoreError> {
        self.script(&format!("PRAGMA cache_size = -{kib};"))
    }

    fn open(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
        let open = || {
            let raw = rusqlite::Connection::open_with_flags(path, flags)?;
            raw.busy_timeout(Duration::from_secs(10))?;
            raw.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
            Ok(raw)
        };
        let raw = open().map_err(|e: rusqlite::Error| {
            StoreError::Open(format!("cannot open the database {}: {e}", path.display()))
        })?;
        Ok(Connection { raw, asked: 0 })
    }

    pub fn query(&mut self, sql: &str, params: &[Param], f: EachRow) -> Result<(), StoreError> {
        self.asked += 1;
        let mut statement = self.prepare(sql)?;
        bind(&mut statement, params)?;
        step_all(&mut statement, f)
    }

    pub fn query_each(
        &mut self,
        sql: &str,
        params: &[Param],
        list: List,
        f: EachRow,
    ) -> Result<(), StoreError> {
        self.asked += 1;
        let mut statement = self.prepare(sql)?;
        bind(&mut statement, params)?;
        let place = params.len() + 1;
        match list {
            List::Ids(ids) => {
                for id in ids {
                    statement.raw_bind_parameter(place, Param::Id(*id)).map_err(error)?;
                    step_all(&mut statement, f)?;
                }
            }
            List::Texts(texts) => {
                for text in texts {
                    statement.raw_bind_parameter(place, text.as_str()).map_err(error)?;
                    step_all(&mut statement, f)?;
                }
            }
        }
        Ok(())
    }

    pub fn execute(&mut self, sql: &str, params: &[Param]) -> Result<u64, StoreError> {
        let mut statement = self.prepare(sql)?;
        bind(&mut statement, params)?;
        statement.raw_execute().map(|n| n as u64).map_err(error)
    }

    pub fn insert(&mut self, insert: &Insert, rows: &[Vec<Param>]) -> Result<(), StoreError> {
        let mut statement = self.prepare(&insert.one)?;
        for row in rows {
            bind(&mut statement, row)?;
            statement.raw_execute().map_err(error)?;
        }
        Ok(())
    }

    pub fn script(&self, sql: &str) -> Result<(), StoreError> {
        self.raw.execute_batch(sql).map_err(error)
    }

    /// True outside a transaction: also when SQLite has rolled one back by itself, as it does when the
    /// disk is full.
    pub fn is_autocommit(&self) -> bool {
        self.raw.is_autocommit()
    }

    /// Whether something in this transaction refers to what is not there. A commit would fail for
    /// everybody in it, so each write is asked before the next one begins.
    pub fn references_dangle(&self) -> bool {
        let (mut current, mut high) = (0, 0);
        // SAFETY: the handle is open as long as `self.raw` is, and both pointers are to live integers.
        let code = unsafe {
            ffi::sqlite3_db_status(
                self.raw.handle(),
                ffi::SQLITE_DBSTATUS_DEFERRED_FKS,
                &mut current,
                &mut high,
                0,
            )
        };
        code != ffi::SQLITE_OK || current != 0
    }

    /// Makes every commit fail, or no longer. For tests of what happens then.
    pub fn refuse_commits(&mut self, refuse: bool) -> Result<(), StoreError> {
        let hook = if refuse { Some(|| true) } else { None };
        self.raw.commit_hook(hook).map_err(error)
    }

    fn prepare(&self, sql: &str) -> Result<rusqlite::CachedStatement<'_>, StoreError> {
        // What needs no translation is looked up as it stands.
        if sql.contains('{') {
            let sql = Dialect::Sqlite.translate(sql);
            return self.raw.prepare_cached(&sql).map_err(error);
        }
        self.raw.prepare_cached(sql).map_err(error)
    }
}

fn bind(statement: &mut Statement<'_>, params: &[Param]) -> Result<(), StoreError> {
    for (i, param) in params.iter().enumerate() {
        statement.raw_bind_parameter(i + 1, param).map_err(error)?;
    }
    Ok(())
}

fn step_all(statement: &mut Statement<'_>, f: EachRow) -> Result<(), StoreError> {
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(error)? {
        f(&Row::Sqlite(row))?;
    }
    Ok(())
}

impl rusqlite::ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Param::Null => ToSqlOutput::Owned(SqlValue::Null),
            Param::Int(n) => ToSqlOutput::Owned(SqlValue::Integer(*n)),
            Param::Bool(b) => ToSqlOutput::Owned(SqlValue::Integer(i64::from(*b))),
            Param::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Param::Smol(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Param::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Param::Id(id) => ToSqlOutput::Borrowed(ValueRef::Blob(id.as_bytes())),
        })
    }
}

pub fn text<'r>(row: &'r rusqlite::Row<'_>, column: usize) -> Result<Option<&'r str>, StoreError> {
    match row.get_ref(column).map_err(error)? {
        ValueRef::Null => Ok(None),
        ValueRef::Text(bytes) => {
            std::str::from_utf8(bytes).map(Some).map_err(|e| super::unreadable(column, e))
        }
        _ => Err(super::unreadable(column, "is not a text")),
    }
}

pub fn blob<'r>(row: &'r rusqlite::Row<'_>, column: usize) -> Result<Option<&'r [u8]>, StoreError> {
    match row.get_ref(column).map_err(error)? {
        ValueRef::Null => Ok(None),
        ValueRef::Blob(bytes) => Ok(Some(bytes)),
        _ => Err(super::unreadable(column, "is not bytes")),
    }
}

fn error(e: rusqlite::Error) -> StoreError {
    let rusqlite::Error::SqliteFailure(code, message) = &e else {
        return StoreError::Statement(e.to_string());
    };
    match code.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy,
        ErrorCode::DiskFull
        | ErrorCode::SystemIoFailure
        | ErrorCode::CannotOpen
        | ErrorCode::ReadOnly
        | ErrorCode::OutOfMemory
        | ErrorCode::DatabaseCorrupt
        | ErrorCode::NotADatabase
        | ErrorCode::FileLockingProtocolFailed => StoreError::unavailable(&e),
        ErrorCode::ConstraintViolation => match code.extended_code {
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => StoreError::Reference,
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
                StoreError::Duplicate(message.clone().unwrap_or_default())
            }
            ffi::SQLITE_CONSTRAINT_COMMITHOOK => StoreError::unavailable(&e),
            _ => StoreError::Statement(e.to_string()),
        },
        _ => StoreError::Statement(e.to_string()),
    }
}
