//! Reading a backup: looking through it, or filling an empty database with it.
//!
//! A database is filled where nobody sees it, in a file beside its own or in one transaction, and shows whole
//! when [`Loaded::commit`] returns. It then holds a mark with what the backup is known by ([`finished`]), so that
//! whoever was killed in between can tell whether that happened; [`forget`] takes the mark away.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::DeflateDecoder;

use super::reading::{Inside, Sink, read_all};
use super::records::{Player, Record, Value};
use super::seal::Opener;
use super::tables::{columns, tables};
use super::{BackupError, Contents, Manifest, Passphrase};
use crate::sql::dialect::Dialect;
use crate::sql::{ColumnType, Conn, Insert, Param, postgres, sqlite};
use crate::{StoreError, migrate};

/// The lease that stands for "restored, and not everything is in its place yet".
const MARK: &str = "restore";

/// A backup that opens with its passphrase.
pub struct Backup<R: Read> {
    inside: Inside<R>,
    mark: String,
    manifest: Manifest,
}

impl<R: Read> Backup<R> {
    /// Reads the beginning: whether it is a backup, of a version that can be read, and opens.
    pub fn open(file: R, passphrase: &Passphrase) -> Result<Backup<R>, BackupError> {
        let (opener, mark) = Opener::new(file, passphrase)?;
        let unpacked = DeflateDecoder::new(BufReader::new(opener));
        let mut inside = Player::new(BufReader::new(unpacked));
        let Record::Manifest(json) = inside.next(0)? else {
            return Err(BackupError::Unreadable("it does not say what is in it"));
        };
        let manifest = Manifest::from_json(&json)?;
        let known = migrate::MIGRATIONS.len() as u64;
        if manifest.schema > known {
            return Err(BackupError::NewerSchema { found: manifest.schema, known });
        }
        Ok(Backup { inside, mark, manifest })
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What this very file is known by.
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// Reads it to its end, and writes nothing.
    pub fn check(self) -> Result<Contents, BackupError> {
        let mut file = |_: &str, content: &mut dyn Read| io::copy(content, &mut io::sink());
        read_all(self.inside, &mut Nowhere, &mut file)
    }

    /// Every row, by its table, in an order that does not depend on the database. For tests.
    #[doc(hidden)]
    pub fn rows(self) -> Result<BTreeMap<String, Vec<String>>, BackupError> {
        let mut all = AllRows::default();
        read_all(self.inside, &mut all, &mut |_, content| io::copy(content, &mut io::sink()))?;
        all.tables.values_mut().for_each(|rows| rows.sort_unstable());
        Ok(all.tables)
    }

    /// Fills the database, which nobody sees before [`Loaded::commit`]. `file` is given each file of the data
    /// folder, reads it to its end, and returns how long it was.
    pub fn load(
        self,
        target: &Target,
        file: &mut dyn FnMut(&str, &mut dyn Read) -> io::Result<u64>,
    ) -> Result<Loaded, BackupError> {
        let schema = self.manifest.schema as usize;
        let mut loading = target.begin(schema)?;
        let contents = read_all(self.inside, &mut loading, file)?;
        loading.finish(schema, &self.mark)?;
        Ok(Loaded { loading, contents })
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn table(&mut self, _: &str, _: &[String]) -> Result<(), BackupError> {
        Ok(())
    }

    fn rows(&mut self, _: &[Vec<Value>]) -> Result<(), BackupError> {
        Ok(())
    }
}

#[derive(Default)]
struct AllRows {
    tables: BTreeMap<String, Vec<String>>,
    table: String,
}

impl Sink for AllRows {
    fn table(&mut self, name: &str, _: &[String]) -> Result<(), BackupError> {
        self.table = name.to_string();
        self.tables.insert(name.to_string(), Vec::new());
        Ok(())
    }

    fn rows(&mut self, rows: &[Vec<Value>]) -> Result<(), BackupError> {
        let table = self.tables.entry(self.table.clone()).or_default();
        table.extend(rows.iter().map(|row| format!("{row:?}")));
        Ok(())
    }
}

/// Also a link that leads nowhere takes a name, which shows at the end of a restore at the latest.
fn is_taken(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// A database to restore into: `sqlite:PATH` or `postgres://…`.
#[derive(Clone, Debug)]
pub enum Target {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Target {
    pub fn of_url(url: &str) -> Target {
        match url.strip_prefix("sqlite:") {
            Some(path) => Target::Sqlite(path.into()),
            None => Target::Postgres(url.to_string()),
        }
    }

    /// What is there already, in words; `None` if it is empty.
    pub fn in_use(&self) -> Result<Option<String>, BackupError> {
        match self {
            Target::Sqlite(path) => {
                let mut wal = path.clone().into_os_string();
                wal.push("-wal");
                let there = [path.clone(), wal.into()].into_iter().find(|path| is_taken(path));
                Ok(there.map(|path| format!("{} is there already", path.display())))
            }
            Target::Postgres(url) => {
                let mut conn = open_postgres(url)?;
                rows_of(&mut conn)
            }
        }
    }

    /// The file that a SQLite database is filled in.
    fn beside(path: &Path) -> PathBuf {
        let mut name = path.as_os_str().to_os_string();
        name.push(".restoring");
        name.into()
    }

    /// Removes what somebody who was killed may have left.
    pub fn clean(&self) -> io::Result<()> {
        let Target::Sqlite(path) = self else { return Ok(()) };
        for ending in ["", "-journal", "-wal", "-shm"] {
            let mut name = Target::beside(path).into_os_string();
            name.push(ending);
            match std::fs::remove_file(&name) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    fn begin(&self, schema: usize) -> Result<Loading, BackupError> {
        let mut loading = match self {
            Target::Sqlite(path) => {
                self.clean().map_err(BackupError::Write)?;
                let part = Target::beside(path);
                let conn = Conn::Sqlite(sqlite::Connection::open_to_fill(&part)?);
                Loading { conn: Some(conn), file: Some((part, path.clone())), insert: None }
            }
            Target::Postgres(url) => Loading { conn: Some(open_postgres(url)?), file: None, insert: None },
        };
        let conn = loading.conn()?;
        conn.script("BEGIN")?;
        migrate::lock(conn)?;
        if let Some(there) = rows_of(conn)? {
            return Err(BackupError::NotEmpty(there));
        }
        migrate::up_to(conn, schema)?;
        Ok(loading)
    }

    fn open(&self) -> Result<Option<Conn>, BackupError> {
        match self {
            Target::Sqlite(path) if !path.exists() => Ok(None),
            Target::Sqlite(path) => Ok(Some(Conn::Sqlite(sqlite::Connection::open_writer(path)?))),
            Target::Postgres(url) => open_postgres(url).map(Some),
        }
    }
}

/// Whether a database holds what the backup of this mark holds, put there by a restore.
pub fn finished(target: &Target, mark: &str) -> Result<bool, BackupError> {
    let Some(mut conn) = target.open()? else { return Ok(false) };
    if columns(&mut conn, "leases")?.is_empty() {
        return Ok(false);
    }
    let sql = "SELECT holder FROM leases WHERE name = ?1";
    let found = conn.first(sql, &[MARK.into()], |row| Ok(row.text(0)? == mark))?;
    Ok(found.unwrap_or(false))
}

/// Takes the mark away: everything is in its place.
pub fn forget(target: &Target) -> Result<(), BackupError> {
    if let Some(mut conn) = target.open()? {
        conn.execute("DELETE FROM leases WHERE name = ?1", &[MARK.into()])?;
    }
    Ok(())
}

fn open_postgres(url: &str) -> Result<Conn, BackupError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        let why = "the database's address begins with neither sqlite: nor postgres://";
        return Err(StoreError::Open(why.into()).into());
    }
    Ok(Conn::Postgres(Box::new(postgres::Connection::open(url)?)))
}

/// Tables of ours that hold something.
fn rows_of(conn: &mut Conn) -> Result<Option<String>, BackupError> {
    for table in tables(migrate::MIGRATIONS.len()) {
        if columns(conn, table)?.is_empty() {
            continue;
        }
        let sql = format!("SELECT count(*) FROM {table}");
        let rows = conn.first(&sql, &[], |row| row.uint(0))?.unwrap_or(0);
        if rows > 0 {
            return Ok(Some(format!("the database has {rows} rows in its table {table} already")));
        }
    }
    Ok(None)
}

/// A database that is being filled. Dropped, it leaves nothing.
struct Loading {
    conn: Option<Conn>,
    /// Of SQLite: the file that is filled, and the one that it becomes.
    file: Option<(PathBuf, PathBuf)>,
    insert: Option<Insert>,
}

impl Loading {
    fn conn(&mut self) -> Result<&mut Conn, BackupError> {
        self.conn.as_mut().ok_or(BackupError::Store(StoreError::Misuse("the connection is closed")))
    }

    /// Frees what the program that made the backup held, brings the tables to this program's version, and marks
    /// the database.
    fn finish(&mut self, schema: usize, mark: &str) -> Result<(), BackupError> {
        let conn = self.conn()?;
        migrate::on_from(conn, schema)?;
        conn.execute("DELETE FROM leases", &[])?;
        conn.execute("UPDATE jobs SET lease_holder = NULL, lease_until = NULL", &[])?;
        let sql = "INSERT INTO leases (name, holder, until) VALUES (?1, ?2, 0)";
        conn.execute(sql, &[MARK.into(), mark.into()])?;
        if conn.dialect() == Dialect::Postgres {
            conn.script("ANALYZE")?;
            return Ok(());
        }
        let dangling = conn.first("SELECT count(*) FROM pragma_foreign_key_check", &[], |row| row.uint(0))?;
        if dangling.unwrap_or(0) > 0 {
            return Err(BackupError::Unreadable("something in it refers to what is not in it"));
        }
        Ok(())
    }
}

impl Sink for Loading {
    fn table(&mut self, name: &str, columns: &[String]) -> Result<(), BackupError> {
        let known = tables(migrate::MIGRATIONS.len()).contains(&name);
        let conn = self.conn()?;
        let there = if known { self::columns(conn, name)? } else { Vec::new() };
        if there.is_empty() {
            return Err(BackupError::Unknown(format!("table {name:.60}")));
        }
        let typed = columns.iter().map(|column| {
            let found = there.iter().find(|(there, _)| there == column).cloned();
            found.ok_or_else(|| BackupError::Unknown(format!("column {column:.60} of the table {name}")))
        });
        self.insert = Some(Insert::new(name, typed.collect::<Result<_, _>>()?));
        Ok(())
    }

    fn rows(&mut self, rows: &[Vec<Value>]) -> Result<(), BackupError> {
        let insert = self.insert.take().ok_or(BackupError::Unreadable("a row has no table"))?;
        let typed: Result<Vec<Vec<Param<'_>>>, BackupError> = rows
            .iter()
            .map(|row| {
                row.iter().zip(&insert.columns).map(|(value, (_, kind))| param(value, *kind)).collect()
            })
            .collect();
        let written = self.conn()?.insert(&insert, &typed?);
        self.insert = Some(insert);
        Ok(written?)
    }
}

/// A value as its column wants it here, whatever database it is from.
fn param(value: &Value, kind: ColumnType) -> Result<Param<'_>, BackupError> {
    let wrong = BackupError::Unreadable("a value in it is not of its column's type");
    Ok(match (value, kind) {
        (Value::Null, _) => Param::Null,
        (Value::Int(n), ColumnType::Int) => Param::Int(*n),
        (Value::Int(n), ColumnType::Bool) => Param::Bool(*n != 0),
        (Value::Text(text), ColumnType::Text) => Param::from(text),
        (Value::Blob(bytes), ColumnType::Blob) => Param::from(bytes.as_slice()),
        (Value::Blob(bytes), ColumnType::Id) => Param::Id(uuid::Uuid::from_slice(bytes).map_err(|_| wrong)?),
        _ => return Err(wrong),
    })
}

impl Drop for Loading {
    fn drop(&mut self) {
        // A transaction ends with its connection.
        self.conn = None;
        if let Some((part, _)) = &self.file {
            let _ = std::fs::remove_file(part);
            let mut journal = part.clone().into_os_string();
            journal.push("-journal");
            let _ = std::fs::remove_file(journal);
        }
    }
}

/// A database that is full, and that nobody sees yet.
pub struct Loaded {
    loading: Loading,
    pub contents: Contents,
}

impl Loaded {
    /// From here on the database is there, whole. Of a PostgreSQL that is lost in this moment only
    /// [`finished`] can tell.
    pub fn commit(mut self) -> Result<Contents, BackupError> {
        self.loading.conn()?.script("COMMIT")?;
        self.loading.conn = None;
        if let Some((part, path)) = self.loading.file.take() {
            appear(&part, &path).map_err(BackupError::Write)?;
        }
        Ok(std::mem::take(&mut self.contents))
    }
}

fn appear(part: &Path, path: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    // A link is refused where a rename would replace what somebody put there meanwhile.
    match std::fs::hard_link(part, path) {
        Ok(()) => std::fs::remove_file(part)?,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(e),
        Err(_) => std::fs::rename(part, path)?,
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
