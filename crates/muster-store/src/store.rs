//! Opening the store, and running closures in it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use muster_domain::field::EntityKind;
use muster_domain::ids::OrgId;

use crate::checkpoint::Checkpointer;
use crate::group::GroupWriter;
use crate::keys::KeyCache;
use crate::names::NameCache;
use crate::pool::Pool;
use crate::sql::{Conn, postgres, sqlite};
use crate::{KeyRing, OrgHead, Reader, StoreError, Tx, migrate};

#[derive(Clone)]
pub struct Config {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    pub keys: KeyRing,
    /// Connections that read at once; 0 means 4.
    pub readers: usize,
    /// Connections that write at once, on PostgreSQL; 0 means 4. SQLite has one.
    pub writers: usize,
}

/// The database. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

/// Called after a commit with each organization whose log grew and the end of its log.
pub type OnCommit = Box<dyn Fn(OrgId, u64) + Send + Sync>;

struct Shared {
    keys: Arc<KeyCache>,
    names: Arc<NameCache>,
    writer: Writer,
    readers: Pool,
    historians: Pool,
    commits: Mutex<u64>,
    committed: Condvar,
    listeners: RwLock<Vec<OnCommit>>,
    fail_commits: AtomicBool,
}

enum Writer {
    Sqlite(Box<GroupWriter>, Checkpointer),
    Postgres(Pool),
}

/// How often a write is run anew after a deadlock or a lost connection.
const RETRIES_MAX: u32 = 5;
/// Snapshots of earlier states that are looked at at once: each may be as large as what is now.
const HISTORIANS_MAX: usize = 2;
/// From so many changes in one transaction on, PostgreSQL is asked to look at its tables anew: until it
/// has, its plans are those of an empty database.
const ANALYZE_CHANGES_MIN: u64 = 5_000;

impl Store {
    /// Opens the database, creates it if it is not there, and brings its tables to this program's version.
    pub fn open(config: &Config) -> Result<Store, StoreError> {
        let keys = Arc::new(KeyCache::new(config.keys.clone()));
        let readers_max = if config.readers == 0 { 4 } else { config.readers };
        let writers_max = if config.writers == 0 { 4 } else { config.writers };
        let (writer, readers, historians) = if let Some(path) = config.url.strip_prefix("sqlite:") {
            open_sqlite(path.into(), &keys, readers_max)?
        } else if config.url.starts_with("postgres://") || config.url.starts_with("postgresql://") {
            open_postgres(&config.url, readers_max, writers_max)?
        } else {
            return Err(StoreError::Open(
                "the database's address begins with neither sqlite: nor postgres://".into(),
            ));
        };
        let shared = Shared {
            keys,
            names: Arc::default(),
            writer,
            readers,
            historians,
            commits: Mutex::new(0),
            committed: Condvar::new(),
            listeners: RwLock::default(),
            fail_commits: AtomicBool::new(false),
        };
        Ok(Store { shared: Arc::new(shared) })
    }

    /// Runs a write and answers when it is durable. The closure may run again: nothing may be sent from
    /// inside. Its `Err` leaves nothing behind. Blocks.
    pub fn write<T, E: From<StoreError>>(&self, f: impl FnMut(&mut Tx) -> Result<T, E>) -> Result<T, E> {
        let mut f = f;
        match &self.shared.writer {
            Writer::Sqlite(group, checkpointer) => group.write(&mut f, &|grown| {
                checkpointer.committed();
                self.shared.announce(grown);
            }),
            Writer::Postgres(pool) => self.write_postgres(pool, &mut f),
        }
    }

    /// Runs a closure on one snapshot. Blocks.
    pub fn read<T, E: From<StoreError>>(&self, f: impl FnMut(&mut Reader) -> Result<T, E>) -> Result<T, E> {
        let mut f = f;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut lease = self.shared.readers.get()?;
            let mut reader =
                Reader::new(lease.take()?, self.shared.keys.clone(), Some(self.shared.names.clone()));
            let begin = reader.conn.dialect().begin_read();
            let result = match reader.conn.script(begin) {
                // A panic unwinds through here and closes the connection with its transaction.
                Ok(()) => f(&mut reader),
                Err(e) => Err(e.into()),
            };
            let retry = reader.conn.broken() && result.is_err() && attempt < RETRIES_MAX;
            if reader.conn.script("COMMIT").is_ok() {
                lease.give_back(reader.into_conn());
            }
            if !retry {
                return result;
            }
        }
    }

    /// Runs a closure on one snapshot, in which things of these kinds are as they were after the change `seq`.
    /// The closure is also given how many there were of which nothing can be told because it was erased.
    /// What the closure reads of other kinds is as it is now. Blocks.
    pub fn read_past<T, E: From<StoreError>>(
        &self,
        org: OrgId,
        seq: u64,
        kinds: &[EntityKind],
        f: impl FnOnce(&mut Reader, u64) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut lease = self.shared.historians.get()?;
        // No names: what is remembered of them is how they are now.
        let mut reader = Reader::new(lease.take()?, self.shared.keys.clone(), None);
        let begin = reader.conn.dialect().begin_history();
        reader.conn.script(begin)?;
        let erased = reader.turn_back(org, seq, kinds)?;
        // The connection is closed with its temporary tables: what it has prepared means them.
        f(&mut reader, erased)
    }

    /// Calls `f` after every commit of this process that grew a log. `f` must be quick.
    pub fn on_commit(&self, f: OnCommit) {
        self.shared.listeners.write().unwrap_or_else(PoisonError::into_inner).push(f);
    }

    /// Waits until there have been more than `seen` commits in this process, or the time is over; returns
    /// how many there have been. With several processes on PostgreSQL, look at the heads as well.
    pub fn wait_commit(&self, seen: u64, timeout: Duration) -> u64 {
        let deadline = Instant::now() + timeout;
        let mut commits = self.shared.commits.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if *commits > seen || left.is_zero() {
                return *commits;
            }
            let waited = self.shared.committed.wait_timeout(commits, left);
            commits = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn write_postgres<T, E: From<StoreError>>(
        &self,
        pool: &Pool,
        f: &mut dyn FnMut(&mut Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.write_once(pool, f)? {
                Attempt::Done(result) => return result,
                Attempt::Again(_) if attempt < RETRIES_MAX => {
                    std::thread::sleep(Duration::from_millis(u64::from(attempt) * 5));
                }
                Attempt::Again(result) => return result,
            }
        }
    }

    fn write_once<T, E: From<StoreError>>(
        &self,
        pool: &Pool,
        f: &mut dyn FnMut(&mut Tx) -> Result<T, E>,
    ) -> Result<Attempt<Result<T, E>>, StoreError> {
        let mut lease = pool.get()?;
        let mut tx = Tx::new(Reader::new(lease.take()?, self.shared.keys.clone(), None));
        let result = catch_unwind(AssertUnwindSafe(|| {
            tx.begin()?;
            tx.start_closure();
            let value = f(&mut tx)?;
            tx.check_closure()?;
            tx.keep_grown();
            Ok(value)
        }));
        let result = match result {
            Ok(Ok(value)) => value,
            failed => {
                if tx.rollback().is_ok() {
                    let again = tx.take_retry();
                    lease.give_back(tx.into_conn());
                    return match failed {
                        Err(panic) => resume_unwind(panic),
                        Ok(result) if again => Ok(Attempt::Again(result)),
                        Ok(result) => Ok(Attempt::Done(result)),
                    };
                }
                return match failed {
                    Err(panic) => resume_unwind(panic),
                    // Before the commit nothing can have stayed: a new connection may do better.
                    Ok(result) => Ok(Attempt::Again(result)),
                };
            }
        };
        if self.shared.fail_commits.load(Ordering::Relaxed) {
            // Whatever this says: what is tried is the commit after it.
            let _ = tx.conn.script("SELECT pg_terminate_backend(pg_backend_pid())");
        }
        if let Err(e) = tx.commit() {
            let again = tx.take_retry();
            if tx.conn.broken() {
                let why = e.to_string();
                return Err(StoreError::Unavailable { why, maybe_committed: true });
            }
            lease.give_back(tx.into_conn());
            return Ok(if again { Attempt::Again(Err(e.into())) } else { Attempt::Done(Err(e.into())) });
        }
        let grown = tx.take_grown();
        if tx.recorded() >= ANALYZE_CHANGES_MIN
            && let Err(e) = tx.conn.script("ANALYZE")
        {
            tracing::warn!(error = %e, "the database's statistics could not be renewed");
        }
        lease.give_back(tx.into_conn());
        self.shared.announce(grown);
        Ok(Attempt::Done(Ok(result)))
    }

    /// Makes commits fail, or no longer. For tests of what happens then.
    #[doc(hidden)]
    pub fn fail_commits(&self, fail: bool) -> Result<(), StoreError> {
        self.shared.fail_commits.store(fail, Ordering::Relaxed);
        match &self.shared.writer {
            Writer::Sqlite(group, _) => group.idle(|conn| match conn {
                Conn::Sqlite(conn) => conn.refuse_commits(fail),
                Conn::Postgres(_) => Ok(()),
            }),
            Writer::Postgres(_) => Ok(()),
        }
    }

    /// The columns that a table has, in their order. For tests.
    #[doc(hidden)]
    pub fn columns_of(&self, table: &str) -> Result<Vec<String>, StoreError> {
        self.read(|r| {
            let sql = r.conn.dialect().columns_sql();
            r.conn.collect(sql, &[table.into()], |row| Ok(row.text(0)?.to_string()))
        })
    }

    /// Runs SQL past all rules, on a connection that writes, outside any transaction. For tests.
    #[doc(hidden)]
    pub fn raw(&self, sql: &str) -> Result<(), StoreError> {
        match &self.shared.writer {
            Writer::Sqlite(group, _) => group.idle(|conn| conn.script(sql)),
            Writer::Postgres(pool) => {
                let mut lease = pool.get()?;
                let mut conn = lease.take()?;
                conn.script(sql)?;
                lease.give_back(conn);
                Ok(())
            }
        }
    }
}

enum Attempt<R> {
    Done(R),
    /// Running it again may help; if not, this is the answer.
    Again(R),
}

impl Shared {
    fn announce(&self, grown: Vec<OrgHead>) {
        *self.commits.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.committed.notify_all();
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        for head in grown {
            for listener in listeners.iter() {
                listener(head.org, head.head_seq);
            }
        }
    }
}

fn open_sqlite(path: PathBuf, keys: &Arc<KeyCache>, readers: usize) -> Result<Opened, StoreError> {
    let mut conn = Conn::Sqlite(sqlite::Connection::open_writer(&path)?);
    migrate::migrate(&mut conn)?;
    let tx = Tx::new(Reader::new(conn, keys.clone(), None));
    let checkpointer = Checkpointer::start(&path)?;
    let past = path.clone();
    let open = move || sqlite::Connection::open_reader(&path).map(Conn::Sqlite);
    let open_past = move || sqlite::Connection::open_historian(&past).map(Conn::Sqlite);
    let writer = Writer::Sqlite(Box::new(GroupWriter::new(tx)), checkpointer);
    Ok((writer, Pool::new(readers, Box::new(open)), Pool::new(HISTORIANS_MAX, Box::new(open_past))))
}

/// The writer, those who read what is, and those who read what was.
type Opened = (Writer, Pool, Pool);

fn open_postgres(url: &str, readers: usize, writers: usize) -> Result<Opened, StoreError> {
    let mut conn = postgres(url)?;
    migrate::migrate(&mut conn)?;
    let pool = |connections: usize| {
        let url = url.to_string();
        Pool::new(connections, Box::new(move || postgres(&url)))
    };
    Ok((Writer::Postgres(pool(writers)), pool(readers), pool(HISTORIANS_MAX)))
}

fn postgres(url: &str) -> Result<Conn, StoreError> {
    postgres::Connection::open(url).map(Box::new).map(Conn::Postgres)
}
