//! Migrations: forward only, each in one transaction with the version it leads to.

use crate::StoreError;
use crate::sql::dialect::Dialect;
use crate::sql::{Conn, Param};

/// In order; the first leads to version 1. What has been released is never edited, only followed.
pub const MIGRATIONS: &[&str] = &[include_str!("../migrations/0001_first.sql")];

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
    if dialect == Dialect::Postgres {
        // Several programs may start at once; the lock ends with the transaction.
        conn.script("SELECT pg_advisory_xact_lock(7813401)")?;
    }
    conn.script(&dialect.translate("CREATE TABLE IF NOT EXISTS schema_version (version {INT} PRIMARY KEY)"))?;
    let found = conn
        .first("SELECT max(version) FROM schema_version", &[], |row| row.opt_int(0))?
        .flatten()
        .unwrap_or(0);
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    for (i, migration) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        conn.script(&dialect.translate(migration))?;
        conn.execute("INSERT INTO schema_version (version) VALUES (?1)", &[Param::Int(i as i64 + 1)])?;
    }
    Ok(())
}
