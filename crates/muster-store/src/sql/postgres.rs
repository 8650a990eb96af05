//! PostgreSQL: several writers, each on a connection of its own.

use std::error::Error;

use ::postgres::binary_copy::BinaryCopyInWriter;
use ::postgres::error::SqlState;
use ::postgres::fallible_iterator::FallibleIterator;
use ::postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use ::postgres::{Client, NoTls, Statement};
use bytes::BytesMut;
use rustc_hash::FxHashMap;

use super::dialect::Dialect;
use super::{ColumnType, EachRow, Insert, List, Param, Row};
use crate::StoreError;

pub struct Connection {
    client: Option<Client>,
    statements: FxHashMap<String, Statement>,
    /// The last failure was one that running the whole transaction again may mend.
    retry: bool,
    lost: bool,
    /// Queries that were asked.
    pub asked: u64,
}

/// Statements kept prepared by one connection; beyond it, all are prepared anew.
const STATEMENTS_MAX: usize = 512;
/// From so many rows on, copying is quicker than single inserts.
const COPY_ROWS_MIN: usize = 8;

impl Connection {
    pub fn open(url: &str) -> Result<Connection, StoreError> {
        let mut config: ::postgres::Config =
            url.parse().map_err(|e| StoreError::Open(format!("the database's address is not right: {e}")))?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(std::time::Duration::from_secs(10));
        }
        let mut client = config.connect(NoTls).map_err(|e| StoreError::unavailable(chain(&e)))?;
        // A lock that is not had after this long is given up, so that no queue grows without end.
        client
            .batch_execute("SET lock_timeout = '30s'; SET client_min_messages = warning; SET TIME ZONE 'UTC'")
            .map_err(|e| StoreError::unavailable(chain(&e)))?;
        Ok(Connection {
            client: Some(client),
            statements: FxHashMap::default(),
            retry: false,
            lost: false,
            asked: 0,
        })
    }

    pub fn query(
        &mut self,
        sql: &str,
        params: &[Param],
        list: Option<List>,
        f: EachRow,
    ) -> Result<(), StoreError> {
        self.asked += 1;
        let statement = self.prepare(sql)?;
        let mut bound: Vec<&(dyn ToSql + Sync)> = params.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
        if let Some(list) = &list {
            bound.push(list);
        }
        let mut failed = None;
        let result = {
            let client = self.client()?;
            client.query_raw(&statement, bound).and_then(|rows| {
                let mut rows = rows;
                while let Some(row) = rows.next()? {
                    if let Err(e) = f(&Row::Postgres(&row)) {
                        failed = Some(e);
                        break;
                    }
                }
                Ok(())
            })
        };
        result.map_err(|e| self.error(&e))?;
        failed.map_or(Ok(()), Err)
    }

    pub fn execute(&mut self, sql: &str, params: &[Param]) -> Result<u64, StoreError> {
        let statement = self.prepare(sql)?;
        let bound: Vec<&(dyn ToSql + Sync)> = params.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
        let result = self.client()?.execute(&statement, &bound);
        result.map_err(|e| self.error(&e))
    }

    pub fn insert(&mut self, insert: &Insert, rows: &[Vec<Param>]) -> Result<(), StoreError> {
        if rows.len() < COPY_ROWS_MIN {
            for row in rows {
                self.execute(&insert.one, row)?;
            }
            return Ok(());
        }
        let types: Vec<Type> = insert.columns.iter().map(|(_, kind)| pg_type(*kind)).collect();
        let client = self.client()?;
        let mut copy = || {
            let mut writer = BinaryCopyInWriter::new(client.copy_in(&insert.copy)?, &types);
            for row in rows {
                writer.write_raw(row)?;
            }
            writer.finish()
        };
        copy().map(|_| ()).map_err(|e| self.error(&e))
    }

    /// Inserts rows of one organization into `claims` where nobody has the key yet; returns how many.
    pub fn insert_claims(
        &mut self,
        org: &Param,
        spaces: List,
        keys: List,
        kinds: List,
        owners: List,
    ) -> Result<u64, StoreError> {
        let statement = self.prepare(
            "INSERT INTO claims (org_id, space, key, kind, owner_id) SELECT ?1::uuid, s, k, kd, o \
             FROM unnest(?2::text[], ?3::text[], ?4::text[], ?5::uuid[]) AS wanted (s, k, kd, o) \
             ON CONFLICT DO NOTHING",
        )?;
        let result = self.client()?.execute(&statement, &[org, &spaces, &keys, &kinds, &owners]);
        result.map_err(|e| self.error(&e))
    }

    /// Looks at the tables anew if they have been all but empty so far: plans made for an empty database
    /// read whole tables. It sees what this transaction has written.
    pub fn analyze_if_new(&mut self) -> Result<(), StoreError> {
        let mut new = false;
        let sql = "SELECT max(reltuples)::bigint < 10000 FROM pg_class \
                   WHERE relname = 'changes' AND relnamespace = current_schema()::regnamespace";
        self.query(sql, &[], None, &mut |row| {
            new = row.opt_bool(0)?.unwrap_or(true);
            Ok(())
        })?;
        if new { self.script("ANALYZE") } else { Ok(()) }
    }

    pub fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        let result = self.client()?.batch_execute(sql);
        result.map_err(|e| self.error(&e))
    }

    pub fn broken(&self) -> bool {
        self.lost || self.client.as_ref().is_none_or(Client::is_closed)
    }

    /// Whether running the transaction again may help; asking forgets it.
    pub fn take_retry(&mut self) -> bool {
        std::mem::take(&mut self.retry)
    }

    fn client(&mut self) -> Result<&mut Client, StoreError> {
        self.client.as_mut().ok_or_else(|| StoreError::unavailable("the connection is closed"))
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        if self.statements.len() >= STATEMENTS_MAX {
            self.statements.clear();
        }
        let result = self.client()?.prepare(&Dialect::Postgres.translate(sql));
        let statement = result.map_err(|e| self.error(&e))?;
        self.statements.insert(sql.to_string(), statement.clone());
        Ok(statement)
    }

    fn error(&mut self, e: &::postgres::Error) -> StoreError {
        let Some(db) = e.as_db_error() else {
            // Without an answer from the server, the connection is gone.
            if e.is_closed() || e.source().is_some_and(|s| s.is::<std::io::Error>()) {
                self.lost = true;
                return StoreError::unavailable(chain(e));
            }
            return StoreError::Statement(chain(e));
        };
        let code = db.code();
        self.retry |=
            *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED;
        if *code == SqlState::FOREIGN_KEY_VIOLATION {
            StoreError::Reference
        } else if *code == SqlState::UNIQUE_VIOLATION {
            StoreError::Duplicate(db.constraint().unwrap_or(db.message()).to_string())
        } else if *code == SqlState::LOCK_NOT_AVAILABLE {
            StoreError::Busy
        } else if matches!(&code.code()[..2], "08" | "53" | "57" | "58") {
            // Connection, resources, operator, system: nothing is wrong with what was asked.
            self.lost |= matches!(&code.code()[..2], "08" | "57");
            StoreError::unavailable(db.message())
        } else {
            StoreError::Statement(format!("{} ({})", db.message(), code.code()))
        }
    }
}

impl Drop for Connection {
    /// Closing waits for the socket, which must not happen on a thread that runs async tasks.
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            let closing = std::thread::Builder::new().name("store-close".into());
            // Without a thread the process is at its end, and the sockets close with it.
            let _ = closing.spawn(move || drop(client));
        }
    }
}

fn pg_type(kind: ColumnType) -> Type {
    match kind {
        ColumnType::Id => Type::UUID,
        ColumnType::Text => Type::TEXT,
        ColumnType::Int => Type::INT8,
        ColumnType::Bool => Type::BOOL,
        ColumnType::Blob => Type::BYTEA,
    }
}

/// An error with its causes: this crate's own texts leave them out.
fn chain(e: &dyn Error) -> String {
    let mut text = e.to_string();
    let mut source = e.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

type Written = Result<IsNull, Box<dyn Error + Sync + Send>>;

impl ToSql for Param<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Written {
        match self {
            Param::Null => Ok(IsNull::Yes),
            Param::Int(n) => n.to_sql(ty, out),
            Param::Bool(b) => b.to_sql(ty, out),
            Param::Text(text) => text.as_ref().to_sql(ty, out),
            Param::Smol(text) => text.as_str().to_sql(ty, out),
            Param::Blob(bytes) => bytes.as_ref().to_sql(ty, out),
            Param::Id(id) => id.to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl std::fmt::Debug for List<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("List")
    }
}

impl ToSql for List<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Written {
        match self {
            List::Ids(ids) => ids.to_sql(ty, out),
            List::Texts(texts) => {
                let texts: Vec<&str> = texts.iter().map(|t| t.as_str()).collect();
                texts.to_sql(ty, out)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
