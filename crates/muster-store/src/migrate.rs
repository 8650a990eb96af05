//! Migrations: forward only, each in one transaction with the version it leads to.

use crate::StoreError;
use crate::sql::dialect::Dialect;
use crate::sql::{Conn, Param};

/// In order; the first leads to version 1. What has been released is never edited, only followed.
pub const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0002_records.sql"),
    include_str!("../migrations/0003_emergency.sql"),
    include_str!("../migrations/0004_leaving.sql"),
    include_str!("../migrations/0005_signing.sql"),
    include_str!("../migrations/0006_billing.sql"),
];

/// Brings the database to this program's version. A newer one is refused.
pub fn migrate(conn: &mut Conn) -> Result<(), StoreError> {
    let dialect = conn.dialect();
    conn.script(dialect.begin_write())?;
    let result = migrate_locked(conn, dialect);
    match result {
        Ok(()) => conn.script("COMMIT"),
        Err(e) => {
            // The failure is what is reported; the connection is closed after it.
            let _ = conn.script("ROLLBACK");
            Err(e)
        }
    }
}

fn migrate_locked(conn: &mut Conn, dialect: Dialect) -> Result<(), StoreError> {
    lock(conn)?;
    conn.script(&dialect.translate("CREATE TABLE IF NOT EXISTS schema_version (version {INT} PRIMARY KEY)"))?;
    let found = version(conn)?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    step(conn, found as usize, MIGRATIONS.len())
}

/// Keeps other programs that start from migrating the same database; ends with the transaction.
pub(crate) fn lock(conn: &mut Conn) -> Result<(), StoreError> {
    match conn.dialect() {
        Dialect::Sqlite => Ok(()),
        Dialect::Postgres => conn.script("SELECT pg_advisory_xact_lock(7813401)"),
    }
}

/// Makes the tables as they were after the first `to` migrations, inside a transaction. Those that are there
/// are empty; a later version is brought no further back.
pub(crate) fn up_to(conn: &mut Conn, to: usize) -> Result<(), StoreError> {
    let dialect = conn.dialect();
    conn.script(&dialect.translate("CREATE TABLE IF NOT EXISTS schema_version (version {INT} PRIMARY KEY)"))?;
    let found = version(conn)?;
    step(conn, found as usize, to)
}

/// The migrations after [`up_to`], on what is in the tables now.
pub(crate) fn on_from(conn: &mut Conn, from: usize) -> Result<(), StoreError> {
    let found = version(conn)?.max(from as i64);
    step(conn, found as usize, MIGRATIONS.len())
}

fn version(conn: &mut Conn) -> Result<i64, StoreError> {
    let found = conn.first("SELECT max(version) FROM schema_version", &[], |row| row.opt_int(0))?;
    Ok(found.flatten().unwrap_or(0))
}

fn step(conn: &mut Conn, from: usize, to: usize) -> Result<(), StoreError> {
    let dialect = conn.dialect();
    for (i, migration) in MIGRATIONS.iter().enumerate().take(to).skip(from) {
        conn.script(&dialect.translate(migration))?;
        conn.execute("INSERT INTO schema_version (version) VALUES (?1)", &[Param::Int(i as i64 + 1)])?;
    }
    Ok(())
}
