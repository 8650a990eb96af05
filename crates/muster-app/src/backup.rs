//! Backing up the whole installation while it runs: every table as of one moment, and what of the data folder
//! belongs to it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use muster_domain::change::Refusal;
use muster_domain::permission::Permission;
use muster_domain::types::UnixMillis;
use muster_store::dump::{self, BackupError, Contents, Cost, Files, Manifest, Passphrase};

use crate::followers::anchor;
use crate::{App, AppError, Scope};

/// A file of the data folder that is backed up and restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataFile {
    pub name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// As it is.
    Whole,
    /// Lines at its end that are of changes after the snapshot stay out.
    Heads,
    /// As long as it is when it is looked at; it only grows.
    Growing,
}

/// Left out on purpose: `muster.db`, whose tables are written themselves; `bindings.journal`, because phones may
/// be elsewhere by the time of a restore, and register again; `muster.pid`.
pub const DATA_FILES: [DataFile; 5] = [
    DataFile { name: "muster.keys", kind: Kind::Whole },
    DataFile { name: "owner.token", kind: Kind::Whole },
    DataFile { name: "accounts.txt", kind: Kind::Whole },
    DataFile { name: anchor::FILE, kind: Kind::Heads },
    DataFile { name: "calls.jsonl", kind: Kind::Growing },
];

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackedUp {
    pub manifest: Manifest,
    pub contents: Contents,
}

/// Backups of this process.
#[derive(Default)]
pub struct Backups {
    under_way: AtomicBool,
    began_at: AtomicI64,
    made: AtomicU64,
    last_at: AtomicI64,
}

impl Backups {
    /// How many were made.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// When the last was made; `None` if none was since the program started.
    pub fn last_at(&self) -> Option<UnixMillis> {
        Some(self.last_at.load(Ordering::Relaxed)).filter(|at| *at > 0).map(UnixMillis)
    }

    fn begin(&self, now: UnixMillis) -> Result<UnderWay<'_>, AppError> {
        if self.under_way.swap(true, Ordering::AcqRel) {
            let minutes = now.0.saturating_sub(self.began_at.load(Ordering::Relaxed)).max(0) / 60_000;
            let why = format!(
                "another backup has been under way for {minutes} min: it lasts as long as whoever asked for it takes to receive it, and one who is too slow is given up; try again when it has ended"
            );
            return Err(AppError::Refused(Refusal::NotAllowed(why)));
        }
        self.began_at.store(now.0, Ordering::Relaxed);
        Ok(UnderWay(self))
    }
}

/// One at a time: each holds a snapshot of the database.
struct UnderWay<'a>(&'a Backups);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.store(false, Ordering::Release);
    }
}

impl App {
    /// Writes the whole installation, encrypted under the passphrase. The operator's log says who did it, and
    /// when, before the first byte is read: what is written holds every secret there is.
    ///
    /// Writers are not held up. `program` is the version that makes it.
    pub fn back_up<W: Write>(
        &self,
        scope: &Scope,
        passphrase: &str,
        program: &str,
        sink: W,
    ) -> Result<BackedUp, AppError> {
        scope.require(Permission::Backups)?;
        let mend = "choose at least 12 characters that nobody guesses, such as five words that have nothing to do with each other";
        let passphrase =
            Passphrase::new(passphrase).map_err(|why| AppError::invalid("passphrase", why, mend))?;
        let data = self.data().ok_or_else(|| AppError::Limit("there is no data folder".into()))?;
        let made_at = self.now();
        let _one = self.backups().begin(made_at)?;
        self.note(scope, |organization| organization.backed_up_at = Some(made_at))?;
        let mut sink = Some(sink);
        let (manifest, contents) = self.store().read(|r| {
            // A read is not run again: what was sent is sent.
            let Some(sink) = sink.take() else {
                return Err(AppError::Limit(
                    "the connection to the database was lost during a backup".into(),
                ));
            };
            let heads = r.heads()?.into_iter().map(|head| (head.org.to_string(), head.head_seq)).collect();
            dump::back_up(r, &passphrase, Cost::STANDARD, made_at, program, sink, |files| {
                put_files(data, &heads, files)
            })
            .map_err(failed)
        })?;
        self.backups().made.fetch_add(1, Ordering::Relaxed);
        self.backups().last_at.store(made_at.0, Ordering::Relaxed);
        let (organizations, people) = (manifest.organizations.len(), manifest.people());
        tracing::info!(by = %scope.actor, organizations, people, rows = contents.rows_total(), "a backup was made");
        Ok(BackedUp { manifest, contents })
    }
}

fn failed(error: BackupError) -> AppError {
    match error {
        BackupError::Store(error) => AppError::Store(error),
        other => AppError::Limit(format!("a backup {other}")),
    }
}

fn put_files(data: &Path, heads: &BTreeMap<String, u64>, files: &mut Files<'_>) -> io::Result<()> {
    for DataFile { name, kind } in DATA_FILES {
        let file = match File::open(data.join(name)) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(io::Error::new(e.kind(), format!("{name}: {e}"))),
        };
        match kind {
            Kind::Whole => files.put(name, file)?,
            Kind::Growing => {
                let length = file.metadata()?.len();
                files.put(name, file.take(length))?;
            }
            Kind::Heads => files.put(name, HeadsUpTo::new(file, heads))?,
        }
    }
    Ok(())
}

/// The lines of `heads.log` that speak of changes which are in the snapshot.
struct HeadsUpTo<'a, R: Read> {
    lines: BufReader<R>,
    heads: &'a BTreeMap<String, u64>,
    line: Vec<u8>,
    given: usize,
}

impl<'a, R: Read> HeadsUpTo<'a, R> {
    fn new(file: R, heads: &'a BTreeMap<String, u64>) -> HeadsUpTo<'a, R> {
        HeadsUpTo { lines: BufReader::new(file), heads, line: Vec::new(), given: 0 }
    }

    fn belongs(&self) -> bool {
        let text = String::from_utf8_lossy(&self.line);
        let mut words = text.trim_end().split(' ').skip(1);
        let head = words.next().and_then(|org| self.heads.get(org));
        let seq = words.next().and_then(|seq| seq.parse::<u64>().ok());
        // What is no line of ours is kept as it is found.
        seq.is_none_or(|seq| head.is_some_and(|head| seq <= *head))
    }
}

impl<R: Read> Read for HeadsUpTo<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.line.len() {
            (self.given, self.line) = (0, Vec::new());
            let line = self.lines.by_ref().take(anchor::LINE_BYTES_MAX);
            if { line }.read_until(b'\n', &mut self.line)? == 0 {
                return Ok(0);
            }
            if !self.belongs() {
                self.line.clear();
            }
        }
        let n = out.len().min(self.line.len() - self.given);
        out[..n].copy_from_slice(&self.line[self.given..self.given + n]);
        self.given += n;
        Ok(n)
    }
}

#[test]
fn heads_of_changes_after_the_snapshot_stay_out_of_it() {
    let file = "1 a 5 00\n2 b 7 00\n3 a 6 00\n4 c 1 00\ntorn";
    let heads = BTreeMap::from([("a".to_string(), 5), ("b".to_string(), 9)]);
    let mut kept = String::new();
    HeadsUpTo::new(file.as_bytes(), &heads).read_to_string(&mut kept).unwrap();
    assert_eq!(kept, "1 a 5 00\n2 b 7 00\ntorn");
}
