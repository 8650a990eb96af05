//! The thread that writes the journal, so that a slow or full disk never stops the phones.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::log::{Entry, Log};
use crate::counters::Counters;
use crate::error::EdgeError;

/// What a crash of the machine may cost: appended frames are flushed to the disk this often.
const SYNC_EVERY: Duration = Duration::from_millis(700);
/// How long frames gather before they are handed to the thread.
const GATHER: Duration = Duration::from_millis(200);
const GATHER_BYTES: usize = 64 * 1024;
const BATCHES_WAITING_MAX: usize = 16;
/// Frames that wait for a disk that takes none; what comes on top is lost, and counted.
const WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// The shard's end of the journal.
pub(crate) struct Journal {
    gathered: Vec<u8>,
    gathered_frames: u64,
    gathered_since: Option<Instant>,
    sender: Option<SyncSender<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
    counters: Arc<Counters>,
}

impl Journal {
    /// Starts the thread on an opened log.
    pub(crate) fn start(log: Log, counters: Arc<Counters>) -> Result<Journal, EdgeError> {
        let (sender, receiver) = sync_channel(BATCHES_WAITING_MAX);
        let writer = Writer::new(log, Arc::clone(&counters));
        let thread = std::thread::Builder::new()
            .name("muster-journal".to_owned())
            .spawn(move || writer.run(&receiver))
            .map_err(|source| EdgeError::System { what: "the thread of the journal", source })?;
        Ok(Journal {
            gathered: Vec::new(),
            gathered_frames: 0,
            gathered_since: None,
            sender: Some(sender),
            thread: Some(thread),
            counters,
        })
    }

    /// Takes an entry; never blocks. It is on the disk within a second, or counted as lost.
    pub(crate) fn append(&mut self, entry: Entry<'_>, now: Instant) {
        if self.gathered.len() >= WAITING_BYTES_MAX || entry.write_frame(&mut self.gathered).is_err() {
            self.counters.journal_lost.add(1);
            return;
        }
        self.gathered_frames += 1;
        self.gathered_since.get_or_insert(now);
        if self.gathered.len() >= GATHER_BYTES {
            self.hand_over();
        }
    }

    /// When [`Journal::turn`] wants to be called.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.gathered_since.map(|since| since + GATHER)
    }

    /// Hands over what has gathered long enough.
    pub(crate) fn turn(&mut self, now: Instant) {
        if self.next_wake().is_some_and(|due| due <= now) {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let Some(sender) = &self.sender else { return };
        let frames = std::mem::take(&mut self.gathered);
        match sender.try_send(frames) {
            Ok(()) => {
                self.gathered_since = None;
                self.gathered_frames = 0;
            }
            // The disk is behind: keep gathering, ask again in a while.
            Err(TrySendError::Full(frames)) => {
                self.gathered = frames;
                self.gathered_since = Some(Instant::now());
            }
            Err(TrySendError::Disconnected(_)) => {
                self.counters.journal_lost.add(self.gathered_frames);
                self.gathered_since = None;
                self.gathered_frames = 0;
            }
        }
    }

    /// Writes and flushes everything, and ends the thread.
    pub(crate) fn close(&mut self) {
        if let Some(sender) = self.sender.take() {
            // The thread is alive and draining: a blocking send ends.
            let _ = sender.send(std::mem::take(&mut self.gathered));
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

struct Writer {
    log: Log,
    /// Frames the disk has not taken yet.
    unwritten: Vec<u8>,
    is_failing: bool,
    /// A compaction that failed is not tried again before this.
    next_compaction: Instant,
    counters: Arc<Counters>,
}

impl Writer {
    fn new(log: Log, counters: Arc<Counters>) -> Writer {
        Writer { log, unwritten: Vec::new(), is_failing: false, next_compaction: Instant::now(), counters }
    }

    fn run(mut self, receiver: &Receiver<Vec<u8>>) {
        let mut sync_due: Option<Instant> = None;
        loop {
            let wait =
                sync_due.map_or(Duration::from_secs(60), |due| due.saturating_duration_since(Instant::now()));
            match receiver.recv_timeout(wait) {
                Ok(frames) => {
                    self.take(frames);
                    self.write();
                    sync_due.get_or_insert(Instant::now() + SYNC_EVERY);
                }
                Err(RecvTimeoutError::Timeout) => {
                    sync_due = self.write_and_sync();
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.write_and_sync();
                    return;
                }
            }
            if sync_due.is_some_and(|due| due <= Instant::now()) {
                sync_due = self.write_and_sync();
            }
        }
    }

    fn take(&mut self, frames: Vec<u8>) {
        if self.unwritten.len() + frames.len() > WAITING_BYTES_MAX {
            self.counters.journal_lost.add(count_frames(&frames));
        } else if self.unwritten.is_empty() {
            self.unwritten = frames;
        } else {
            self.unwritten.extend_from_slice(&frames);
        }
    }

    fn write(&mut self) {
        if self.is_failing {
            return; // once a second is enough to ask a full disk
        }
        let result = self.append_unwritten();
        self.note(result);
    }

    /// When it wants to be called again.
    fn write_and_sync(&mut self) -> Option<Instant> {
        let result = self.append_unwritten().and_then(|()| self.log.sync());
        self.note(result);
        if self.is_failing {
            return Some(Instant::now() + RETRY_EVERY);
        }
        if self.log.wants_compaction() && self.next_compaction <= Instant::now() {
            self.compact();
        }
        None
    }

    fn append_unwritten(&mut self) -> io::Result<()> {
        if !self.unwritten.is_empty() {
            self.log.append(&self.unwritten)?;
            self.unwritten.clear();
            self.counters.journal_bytes.set(self.log.bytes());
        }
        Ok(())
    }

    fn compact(&mut self) {
        let started = Instant::now();
        let before = self.log.bytes();
        let result = self.log.compact(unix_now_us());
        // Also after a good one: rewriting more than once a minute would only wear the disk.
        self.next_compaction = Instant::now() + Duration::from_secs(60);
        self.counters.journal_bytes.set(self.log.bytes());
        match result {
            Ok(()) => tracing::info!(
                bytes_before = before,
                bytes_after = self.log.bytes(),
                took_ms = started.elapsed().as_millis() as u64,
                "compacted the journal of registrations"
            ),
            Err(error) => {
                self.counters.journal_errors.add(1);
                tracing::warn!(%error, "could not compact the journal of registrations");
            }
        }
    }

    /// Counts a failure, and logs when failing begins and ends.
    fn note(&mut self, result: io::Result<()>) {
        match result {
            Ok(()) => {
                if std::mem::take(&mut self.is_failing) {
                    tracing::info!("the journal of registrations takes writes again");
                }
            }
            Err(error) => {
                self.counters.journal_errors.add(1);
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::error!(%error, "cannot write the journal of registrations; phones go on, but a restart would lose what changes now");
                }
            }
        }
    }
}

fn count_frames(mut frames: &[u8]) -> u64 {
    let mut count = 0;
    while let Some((_, _, rest)) = super::log::split_frame(frames) {
        frames = rest;
        count += 1;
    }
    count
}

/// Microseconds of Unix time; 0 for a clock before 1970.
pub(crate) fn unix_now_us() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

/// The journal's file in a data directory.
pub(crate) fn journal_path(data_dir: &Path) -> std::path::PathBuf {
    data_dir.join("bindings.journal")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    fn frame(key: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let entry = Entry { expires_us: u64::MAX, key: key.as_bytes(), body: b"body" };
        entry.write_frame(&mut out).unwrap();
        out
    }

    fn keys_in(path: &Path) -> Vec<String> {
        let mut keys = Vec::new();
        Log::open(path, |_, entry| keys.push(String::from_utf8(entry.key.to_vec()).unwrap())).unwrap();
        keys
    }

    #[test]
    fn a_disk_that_fails_for_a_while_costs_nothing_but_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = journal_path(directory.path());
        let (log, _) = Log::open(&path, |_, _| {}).unwrap();
        let counters = Arc::new(Counters::new());
        let mut writer = Writer::new(log, Arc::clone(&counters));
        // A descriptor that cannot be written to fails as a full disk does.
        let good = writer.log.replace_file(File::open(&path).unwrap());
        for key in ["a", "b"] {
            writer.take(frame(key));
            writer.write();
        }
        assert!(writer.write_and_sync().is_some(), "it wants to try again");
        assert!(writer.is_failing);
        assert_eq!((counters.journal_errors.get(), counters.journal_lost.get()), (2, 0));
        writer.log.replace_file(good);
        assert!(writer.write_and_sync().is_none());
        drop(writer);
        assert_eq!(keys_in(&path), ["a", "b"]);
    }

    #[test]
    fn what_a_failing_disk_leaves_no_room_for_is_counted_as_lost() {
        let directory = tempfile::tempdir().unwrap();
        let path = journal_path(directory.path());
        let (log, _) = Log::open(&path, |_, _| {}).unwrap();
        let counters = Arc::new(Counters::new());
        let mut writer = Writer::new(log, Arc::clone(&counters));
        writer.is_failing = true;
        writer.unwritten = vec![0; WAITING_BYTES_MAX - 10];
        writer.take([frame("a"), frame("b")].concat());
        assert_eq!(counters.journal_lost.get(), 2);
    }

    #[test]
    fn everything_appended_is_in_the_file_when_the_journal_is_closed() {
        let directory = tempfile::tempdir().unwrap();
        let path = journal_path(directory.path());
        let (log, _) = Log::open(&path, |_, _| {}).unwrap();
        let mut journal = Journal::start(log, Arc::new(Counters::new())).unwrap();
        for n in 0..5000 {
            let key = format!("key {n}");
            let entry = Entry { expires_us: u64::MAX, key: key.as_bytes(), body: &[7; 100] };
            journal.append(entry, Instant::now());
        }
        journal.close();
        assert_eq!(keys_in(&path).len(), 5000);
    }
}
