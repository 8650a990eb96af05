//! Writing a backup: everything of one snapshot, as it is read.

use std::cell::Cell;
use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use muster_domain::types::UnixMillis;
use serde_json::json;

use super::records::{FILE_PIECE_BYTES, Recorder, ValueRef};
use super::seal::Sealer;
use super::tables::{columns, quoted, tables};
use super::{BackupError, Contained, Contents, Cost, Manifest, Passphrase};
use crate::migrate::MIGRATIONS;
use crate::sql::dialect::Dialect;
use crate::sql::{ColumnType, Conn, Row};
use crate::{Reader, StoreError};

/// Half of what is kept does not compress (secrets, hashes): more effort gains little.
const EFFORT: u32 = 3;

type Out<W> = Recorder<DeflateEncoder<Sealer<W>>>;

/// Puts files into a backup.
pub struct Files<'a> {
    put: &'a mut dyn FnMut(&str, &mut dyn Read) -> io::Result<()>,
}

impl Files<'_> {
    /// A file, whatever its length, under the name that it will have again.
    pub fn put(&mut self, name: &str, mut content: impl Read) -> io::Result<()> {
        (self.put)(name, &mut content)
    }
}

/// Writes everything that the snapshot holds, then what `files` puts in, and returns what that was.
///
/// The first bytes are written before the database is read; an error leaves a file whose end is missing.
pub fn back_up<W: Write>(
    reader: &mut Reader,
    passphrase: &Passphrase,
    cost: Cost,
    made_at: UnixMillis,
    program: &str,
    out: W,
    files: impl FnOnce(&mut Files<'_>) -> io::Result<()>,
) -> Result<(Manifest, Contents), BackupError> {
    let manifest = manifest(reader, made_at, program)?;
    let sealer = Sealer::new(out, passphrase, cost)?;
    let packed = DeflateEncoder::new(sealer, Compression::new(EFFORT));
    let mut out = Recorder::new(packed);
    let mut contents = Contents::default();
    out.manifest(&manifest.to_json()).map_err(BackupError::Write)?;
    for table in tables(MIGRATIONS.len()) {
        let rows = write_table(&mut reader.conn, table, &mut out)?;
        contents.rows.insert(table.to_string(), rows);
    }
    let mut put = |name: &str, content: &mut dyn Read| {
        let bytes = write_file(name, content, &mut out)?;
        contents.files.insert(name.to_string(), bytes);
        Ok(())
    };
    files(&mut Files { put: &mut put }).map_err(BackupError::Write)?;
    out.end(&contents.to_json()).map_err(BackupError::Write)?;
    let sealer = out.into_inner().finish().map_err(BackupError::Write)?;
    let mut out = sealer.finish().map_err(BackupError::Write)?;
    out.flush().map_err(BackupError::Write)?;
    Ok((manifest, contents))
}

fn manifest(reader: &mut Reader, made_at: UnixMillis, program: &str) -> Result<Manifest, BackupError> {
    let sql = "SELECT o.slug, o.name, o.head_seq, \
               (SELECT count(*) FROM users u WHERE u.org_id = o.org_id AND u.record = 'live') \
               FROM organizations o ORDER BY o.slug";
    let organizations = reader.conn.collect(sql, &[], |row| {
        Ok(Contained {
            slug: row.text(0)?.to_string(),
            name: row.text(1)?.to_string(),
            head_seq: row.uint(2)?,
            people: row.uint(3)?,
        })
    })?;
    let engine = match reader.conn.dialect() {
        Dialect::Sqlite => "sqlite",
        Dialect::Postgres => "postgresql",
    };
    Ok(Manifest {
        made_at,
        program: program.to_string(),
        schema: MIGRATIONS.len() as u64,
        engine: engine.to_string(),
        organizations,
    })
}

fn write_table<W: Write>(conn: &mut Conn, table: &str, out: &mut Out<W>) -> Result<u64, BackupError> {
    let columns = columns(conn, table)?;
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    out.table(&json!({ "name": table, "columns": names })).map_err(BackupError::Write)?;
    let sql = format!("SELECT {} FROM {table}", quoted(&columns));
    let (mut rows, failed) = (0, Cell::new(None));
    let read = conn.query(&sql, &[], &mut |row| {
        write_row(row, &columns, out, &failed)?;
        rows += 1;
        Ok(())
    });
    match failed.take() {
        Some(failed) => Err(BackupError::Write(failed)),
        None => read.map(|()| rows).map_err(BackupError::from),
    }
}

fn write_row<W: Write>(
    row: &Row<'_>,
    columns: &[(String, ColumnType)],
    out: &mut Out<W>,
    failed: &Cell<Option<io::Error>>,
) -> Result<(), StoreError> {
    let stop = |error: io::Error| {
        failed.set(Some(error));
        StoreError::Misuse("a backup was broken off")
    };
    out.begin_row().map_err(stop)?;
    for (at, (_, kind)) in columns.iter().enumerate() {
        let id;
        let value = match kind {
            ColumnType::Id => match row.opt_id(at)? {
                None => ValueRef::Null,
                Some(found) => {
                    id = found;
                    ValueRef::Blob(id.as_bytes())
                }
            },
            ColumnType::Text => row.opt_text(at)?.map_or(ValueRef::Null, ValueRef::Text),
            ColumnType::Int => row.opt_int(at)?.map_or(ValueRef::Null, ValueRef::Int),
            ColumnType::Bool => row.opt_bool(at)?.map_or(ValueRef::Null, |b| ValueRef::Int(i64::from(b))),
            ColumnType::Blob => row.opt_blob(at)?.map_or(ValueRef::Null, ValueRef::Blob),
        };
        out.value(value).map_err(stop)?;
    }
    Ok(())
}

fn write_file<W: Write>(name: &str, content: &mut dyn Read, out: &mut Out<W>) -> io::Result<u64> {
    out.file(name)?;
    let (mut bytes, mut piece) = (0, vec![0; FILE_PIECE_BYTES]);
    loop {
        let read = match content.read(&mut piece) {
            Ok(0) => return Ok(bytes),
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        out.piece(&piece[..read])?;
        bytes += read as u64;
    }
}
