//! Writes the heads of the change logs outside the database (exclusive follower).
//!
//! Who can rewrite the database could rewrite a whole chain; a head that was written elsewhere at the
//! time shows it. One line per organization and head: time, organization, seq, hash.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use muster_domain::ids::OrgId;
use muster_domain::log::Hash;
use muster_domain::types::UnixMillis;

use crate::{App, AppError};

pub const NAME: &str = "anchor";

/// In the data folder.
pub const FILE: &str = "heads.log";

const LEASE_MS: i64 = 30_000;
/// Organizations that are looked at in one go.
const ORGANIZATIONS_AT_ONCE: usize = 500;

/// Heads of one organization by sequence number.
pub type Heads = BTreeMap<u64, Hash>;

/// A line is shorter by far; a longer one is none.
pub(crate) const LINE_BYTES_MAX: u64 = 1024;

/// The heads of one organization that were written down; `None` if the file is not there. A line that
/// cannot be read (the torn last one after a crash) is passed over.
pub fn heads_of(path: &Path, org: OrgId) -> Result<Option<Heads>, AppError> {
    let failed = |e: io::Error| AppError::Limit(format!("{}: {e}", path.display()));
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    let (org, mut heads) = (org.to_string(), Heads::new());
    let (mut file, mut line) = (BufReader::new(file), Vec::new());
    loop {
        line.clear();
        let read = file.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(failed)?;
        if read == 0 {
            return Ok(Some(heads));
        }
        let text = String::from_utf8_lossy(&line);
        let mut words = text.trim_end().split(' ').skip(1);
        if words.next() != Some(&org) {
            continue;
        }
        let seq = words.next().and_then(|seq| seq.parse().ok());
        let hash = words.next().and_then(|hash| hex::decode(hash).ok()).and_then(|hash| hash.try_into().ok());
        if let (Some(seq), Some(hash)) = (seq, hash) {
            heads.insert(seq, hash);
        }
    }
}

pub struct Anchor {
    app: App,
    holder: String,
    path: PathBuf,
}

impl Anchor {
    pub fn new(app: App, holder: String, path: PathBuf) -> Anchor {
        Anchor { app, holder, path }
    }

    /// Runs until `stop`, at most once a second: heads in between are covered by the later ones.
    pub fn run(self, stop: &AtomicBool) {
        let mut seen = 0;
        while !stop.load(Ordering::Relaxed) {
            if let Err(error) = self.step() {
                tracing::warn!(%error, "the heads of the change logs could not be written");
            }
            std::thread::sleep(Duration::from_secs(1));
            seen = self.app.store().wait_commit(seen, Duration::from_millis(500));
        }
    }

    /// Writes every head that has moved. Returns how many were written; 0 if another process does it.
    pub fn step(&self) -> Result<usize, AppError> {
        let moved =
            self.app.store().read(|r| r.heads_since(NAME, ORGANIZATIONS_AT_ONCE).map_err(AppError::from))?;
        if moved.is_empty() {
            return Ok(0);
        }
        let now = self.app.now();
        let until = UnixMillis(now.0 + LEASE_MS);
        let mine =
            self.app.store().write(|tx| tx.lease(NAME, &self.holder, now, until).map_err(AppError::from))?;
        if !mine {
            return Ok(0);
        }
        let heads = self.app.store().read(|r| r.heads().map_err(AppError::from))?;
        let heads: Vec<_> = heads.into_iter().filter(|h| moved.iter().any(|m| m.org == h.org)).collect();
        let mut file = self.open()?;
        for head in &heads {
            let line = format!("{} {} {} {}\n", now.0, head.org, head.head_seq, hex::encode(head.head_hash));
            file.write_all(line.as_bytes()).map_err(|e| self.failed(&e))?;
        }
        file.sync_data().map_err(|e| self.failed(&e))?;
        // A line written twice after a crash does no harm; one left out would.
        self.app.store().write(|tx| {
            for head in &heads {
                tx.advance(NAME, head.org, head.head_seq)?;
            }
            Ok::<(), AppError>(())
        })?;
        Ok(heads.len())
    }

    fn open(&self) -> Result<File, AppError> {
        OpenOptions::new().create(true).append(true).open(&self.path).map_err(|e| self.failed(&e))
    }

    fn failed(&self, e: &std::io::Error) -> AppError {
        AppError::Limit(format!("{}: {e}", self.path.display()))
    }
}
