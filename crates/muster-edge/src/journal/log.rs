//! The journal file: what it holds, how it is read after a crash, how it is made small again.
//!
//! ```text
//! file   = "MUSTBIND" version:u32 frame*
//! frame  = length:u32 crc32:u32 payload          length and CRC-32 (IEEE) are of the payload
//! payload= expires_us:u64 key_length:u16 key body
//! ```
//! Integers are little-endian; `expires_us` counts microseconds of Unix time, and 0 says that the
//! key is gone. The last frame of a key is the one that holds. A crash leaves at most a torn last
//! frame: reading stops at the first frame that does not check, and the file is cut there.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use crate::error::EdgeError;

const MAGIC: &[u8; 8] = b"MUSTBIND";
const VERSION: u32 = 1;
const FILE_HEADER_BYTES: u64 = 12;
const FRAME_HEADER_BYTES: usize = 8;
/// A longer frame is damage, not a binding: a binding's parts come from one SIP message.
const PAYLOAD_BYTES_MAX: usize = 128 * 1024;
/// Below this a journal is not worth compacting.
const COMPACT_FROM_BYTES: u64 = 1024 * 1024;

/// One frame's content, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// Microseconds of Unix time; 0 removes the key.
    pub(crate) expires_us: u64,
    pub(crate) key: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Appends the frame of this entry to `out`. An entry too long for a frame is refused.
    pub(crate) fn write_frame(&self, out: &mut Vec<u8>) -> Result<(), FrameTooLong> {
        let length = 10 + self.key.len() + self.body.len();
        if length > PAYLOAD_BYTES_MAX {
            return Err(FrameTooLong);
        }
        let key_length = u16::try_from(self.key.len()).map_err(|_| FrameTooLong)?;
        out.extend_from_slice(&(length as u32).to_le_bytes());
        let crc_at = out.len();
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.expires_us.to_le_bytes());
        out.extend_from_slice(&key_length.to_le_bytes());
        out.extend_from_slice(self.key);
        out.extend_from_slice(self.body);
        let crc = crc32fast::hash(&out[crc_at + 4..]);
        out[crc_at..crc_at + 4].copy_from_slice(&crc.to_le_bytes());
        Ok(())
    }

    fn from_payload(payload: &'a [u8]) -> Option<Entry<'a>> {
        let (expires, rest) = payload.split_first_chunk::<8>()?;
        let (key_length, rest) = rest.split_first_chunk::<2>()?;
        let (key, body) = rest.split_at_checked(usize::from(u16::from_le_bytes(*key_length)))?;
        Some(Entry { expires_us: u64::from_le_bytes(*expires), key, body })
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FrameTooLong;

/// Where the frame of a live key is.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    length: u32,
    expires_us: u64,
}

/// The open journal: the file, how far it is good, and where each live key's frame is.
///
/// Keys are held as 64-bit keyed hashes: a collision, one in billions at a million bindings,
/// would lose the older binding at the next compaction, and its phone registers again.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    good_bytes: u64,
    live_bytes: u64,
    live: FxHashMap<u64, Place>,
    hasher: RandomState,
    is_dirty: bool,
}

/// What [`Log::open`] found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Replayed {
    pub(crate) frames: u64,
    /// Bytes behind the last good frame, cut away.
    pub(crate) torn_bytes: u64,
}

impl Log {
    /// Opens or makes the journal at `path`, hands every good entry to `each` in the order of
    /// writing, with a hash that stands for its key, and cuts a torn tail.
    pub(crate) fn open(
        path: &Path,
        mut each: impl FnMut(u64, Entry<'_>),
    ) -> Result<(Log, Replayed), EdgeError> {
        let failed = |source| EdgeError::Journal { path: path.to_owned(), source };
        let file = open_file(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(EdgeError::JournalInUse { path: path.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let mut log = Log {
            path: path.to_owned(),
            file,
            good_bytes: FILE_HEADER_BYTES,
            live_bytes: 0,
            live: FxHashMap::default(),
            hasher: RandomState::new(),
            is_dirty: false,
        };
        let file_bytes = log.file.metadata().map_err(failed)?.len();
        if !log.check_header(file_bytes)? {
            log.file.set_len(0).map_err(failed)?;
            log.file.write_all_at(&header(), 0).map_err(failed)?;
            let torn_bytes = file_bytes;
            return Ok((log, Replayed { frames: 0, torn_bytes }));
        }
        let frames = log.read_frames(&mut each).map_err(failed)?;
        let torn_bytes = file_bytes - log.good_bytes;
        if torn_bytes > 0 {
            log.file.set_len(log.good_bytes).map_err(failed)?;
        }
        Ok((log, Replayed { frames, torn_bytes }))
    }

    /// `false` if the file is new or died while its header was written. A whole header that is
    /// not ours is an error: the file is somebody else's, and it is not touched.
    fn check_header(&self, file_bytes: u64) -> Result<bool, EdgeError> {
        if file_bytes < FILE_HEADER_BYTES {
            return Ok(false);
        }
        let mut bytes = [0; FILE_HEADER_BYTES as usize];
        let read = self.file.read_exact_at(&mut bytes, 0);
        let (magic, version) = bytes.split_at(8);
        let not_ours = || io::Error::new(io::ErrorKind::InvalidData, "not a journal of bindings");
        let checked = match magic == MAGIC {
            true => read,
            false => read.and(Err(not_ours())),
        };
        checked.map_err(|source| EdgeError::Journal { path: self.path.clone(), source })?;
        let version = version.try_into().map_or(0, u32::from_le_bytes);
        match version == VERSION {
            true => Ok(true),
            false => Err(EdgeError::JournalTooNew { path: self.path.clone(), version }),
        }
    }

    fn read_frames(&mut self, each: &mut impl FnMut(u64, Entry<'_>)) -> io::Result<u64> {
        let mut reader = BufReader::with_capacity(1 << 18, self.file.try_clone()?);
        reader.seek(SeekFrom::Start(FILE_HEADER_BYTES))?;
        let mut payload = Vec::new();
        let mut frames = 0;
        while let Some(length) = read_frame(&mut reader, &mut payload)? {
            let Some(entry) = Entry::from_payload(&payload) else {
                break;
            };
            let hash = self.hasher.hash_one(entry.key);
            each(hash, entry);
            self.note(hash, entry.expires_us, length);
            frames += 1;
        }
        Ok(frames)
    }

    /// Takes note of a frame of `length` bytes that stands at the end of the good part.
    fn note(&mut self, hash: u64, expires_us: u64, length: usize) {
        let place = Place { offset: self.good_bytes, length: length as u32, expires_us };
        self.good_bytes += length as u64;
        let before = match expires_us {
            0 => self.live.remove(&hash),
            _ => self.live.insert(hash, place),
        };
        if expires_us != 0 {
            self.live_bytes += length as u64;
        }
        self.live_bytes -= before.map_or(0, |place| u64::from(place.length));
    }

    /// Appends whole frames, as [`Entry::write_frame`] makes them. When writing fails nothing is
    /// taken: the file is cut back to what it held before.
    pub(crate) fn append(&mut self, frames: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all_at(frames, self.good_bytes) {
            // What was half written lies behind `good_bytes` and is overwritten by the next
            // append; cutting it matters only for a reader after a crash, who would stop there.
            let _ = self.file.set_len(self.good_bytes);
            return Err(error);
        }
        self.is_dirty = true;
        let mut rest = frames;
        while let Some((length, payload, after)) = split_frame(rest) {
            if let Some(entry) = Entry::from_payload(payload) {
                let hash = self.hasher.hash_one(entry.key);
                self.note(hash, entry.expires_us, length);
            }
            rest = after;
        }
        Ok(())
    }

    /// Flushes to the disk what was appended since the last flush.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        if self.is_dirty {
            self.file.sync_data()?;
            self.is_dirty = false;
        }
        Ok(())
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.good_bytes
    }

    /// Whether more than half of the file is of the past.
    pub(crate) fn wants_compaction(&self) -> bool {
        self.good_bytes > 2 * self.live_bytes + COMPACT_FROM_BYTES
    }

    /// For tests of a disk that fails: puts another file in place and gives back the old one.
    #[cfg(test)]
    pub(super) fn replace_file(&mut self, file: File) -> File {
        std::mem::replace(&mut self.file, file)
    }

    /// Rewrites the file with the live frames that have not expired at `now_us` of Unix time. On
    /// an error the old file goes on as if nothing had been tried.
    pub(crate) fn compact(&mut self, now_us: u64) -> io::Result<()> {
        let new_path = self.path.with_extension("journal.new");
        let result = self.compact_into(&new_path, now_us);
        if result.is_err() {
            let _ = fs::remove_file(&new_path);
        }
        result
    }

    fn compact_into(&mut self, new_path: &Path, now_us: u64) -> io::Result<()> {
        let _ = fs::remove_file(new_path);
        let file = open_file(new_path)?;
        file.try_lock().map_err(io::Error::from)?;
        let mut places: Vec<(u64, Place)> = self
            .live
            .iter()
            .filter(|(_, place)| place.expires_us > now_us)
            .map(|(hash, place)| (*hash, *place))
            .collect();
        places.sort_unstable_by_key(|(_, place)| place.offset);
        let mut writer = BufWriter::with_capacity(1 << 18, &file);
        writer.write_all(&header())?;
        let mut offset = FILE_HEADER_BYTES;
        let mut frame = Vec::new();
        for (_, place) in &mut places {
            frame.resize(place.length as usize, 0);
            self.file.read_exact_at(&mut frame, place.offset)?;
            writer.write_all(&frame)?;
            place.offset = offset;
            offset += u64::from(place.length);
        }
        writer.flush()?;
        drop(writer);
        file.sync_all()?;
        fs::rename(new_path, &self.path)?;
        sync_directory(&self.path)?;
        self.file = file;
        self.good_bytes = offset;
        self.live_bytes = offset - FILE_HEADER_BYTES;
        self.live = places.into_iter().collect();
        self.is_dirty = false;
        Ok(())
    }
}

/// What others may not read: contacts and addresses of people.
fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn header() -> [u8; FILE_HEADER_BYTES as usize] {
    let mut bytes = [0; FILE_HEADER_BYTES as usize];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..].copy_from_slice(&VERSION.to_le_bytes());
    bytes
}

fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Reads the next frame's payload; `None` at the end or at the first frame that does not check.
/// Says how long the whole frame is.
fn read_frame(reader: &mut impl Read, payload: &mut Vec<u8>) -> io::Result<Option<usize>> {
    let mut head = [0; FRAME_HEADER_BYTES];
    if !read_whole(reader, &mut head)? {
        return Ok(None);
    }
    let (length, crc) = frame_head(&head);
    if length > PAYLOAD_BYTES_MAX {
        return Ok(None);
    }
    payload.resize(length, 0);
    if !read_whole(reader, payload)? || crc32fast::hash(payload) != crc {
        return Ok(None);
    }
    Ok(Some(FRAME_HEADER_BYTES + length))
}

/// `false` if the input ends before `buffer` is full.
fn read_whole(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn frame_head(head: &[u8; FRAME_HEADER_BYTES]) -> (usize, u32) {
    let [a, b, c, d, crc @ ..] = *head;
    (u32::from_le_bytes([a, b, c, d]) as usize, u32::from_le_bytes(crc))
}

/// (length of the whole frame, payload, what follows) of the first frame in memory of our own.
pub(super) fn split_frame(frames: &[u8]) -> Option<(usize, &[u8], &[u8])> {
    let (head, rest) = frames.split_first_chunk::<FRAME_HEADER_BYTES>()?;
    let (length, _) = frame_head(head);
    let (payload, after) = rest.split_at_checked(length)?;
    Some((FRAME_HEADER_BYTES + length, payload, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(entries: &[(&str, u64, &str)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (key, expires_us, body) in entries {
            let entry = Entry { expires_us: *expires_us, key: key.as_bytes(), body: body.as_bytes() };
            entry.write_frame(&mut out).unwrap();
        }
        out
    }

    fn reopen(path: &Path) -> (Log, Replayed, Vec<(String, u64, String)>) {
        let mut seen = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (log, replayed) = Log::open(path, |_, entry| {
            seen.push((text(entry.key), entry.expires_us, text(entry.body)));
        })
        .unwrap();
        (log, replayed, seen)
    }

    fn path_in(directory: &tempfile::TempDir) -> PathBuf {
        directory.path().join("bindings.journal")
    }

    #[test]
    fn what_was_appended_is_read_again_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = path_in(&directory);
        let (mut log, _, _) = reopen(&path);
        log.append(&frames(&[("a", 5, "one"), ("b", 6, "two")])).unwrap();
        log.append(&frames(&[("a", 0, "")])).unwrap();
        drop(log);
        let (_, replayed, seen) = reopen(&path);
        assert_eq!(replayed, Replayed { frames: 3, torn_bytes: 0 });
        let expect = [("a", 5, "one"), ("b", 6, "two"), ("a", 0, "")]
            .map(|(key, expires, body)| (key.to_owned(), expires, body.to_owned()));
        assert_eq!(seen, expect);
    }

    #[test]
    fn a_tail_torn_at_any_byte_costs_only_the_last_frame() {
        let directory = tempfile::tempdir().unwrap();
        let path = path_in(&directory);
        let (mut log, _, _) = reopen(&path);
        log.append(&frames(&[("a", 5, "one")])).unwrap();
        let whole = log.bytes();
        log.append(&frames(&[("b", 6, "two")])).unwrap();
        let end = log.bytes();
        drop(log);
        let bytes = fs::read(&path).unwrap();
        for cut in whole..end {
            fs::write(&path, &bytes[..cut as usize]).unwrap();
            let (mut log, replayed, seen) = reopen(&path);
            assert_eq!(replayed.torn_bytes, cut - whole);
            assert_eq!(seen.len(), 1);
            log.append(&frames(&[("c", 7, "three")])).unwrap();
            drop(log);
            let (_, replayed, seen) = reopen(&path);
            assert_eq!((replayed.torn_bytes, seen.len()), (0, 2));
        }
    }

    #[test]
    fn a_flipped_bit_ends_the_reading_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = path_in(&directory);
        let (mut log, _, _) = reopen(&path);
        log.append(&frames(&[("a", 5, "one")])).unwrap();
        let whole = log.bytes() as usize;
        log.append(&frames(&[("b", 6, "two")])).unwrap();
        drop(log);
        let mut bytes = fs::read(&path).unwrap();
        bytes[whole + FRAME_HEADER_BYTES + 3] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let (_, replayed, seen) = reopen(&path);
        assert_eq!(seen.len(), 1);
        assert!(replayed.torn_bytes > 0);
    }

    #[test]
    fn compaction_keeps_the_last_live_frame_of_each_key_and_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = path_in(&directory);
        let (mut log, _, _) = reopen(&path);
        let long = "x".repeat(3000);
        for round in 0..1000 {
            let body = format!("{round} {long}");
            log.append(&frames(&[("a", 100, &body)])).unwrap();
        }
        log.append(&frames(&[("b", 200, "kept"), ("c", 40, "expired"), ("d", 300, "gone")])).unwrap();
        log.append(&frames(&[("d", 0, "")])).unwrap();
        assert!(log.wants_compaction());
        log.compact(50).unwrap();
        assert!(!log.wants_compaction());
        log.append(&frames(&[("e", 400, "after")])).unwrap();
        drop(log);
        let (_, replayed, seen) = reopen(&path);
        let keys: Vec<&str> = seen.iter().map(|(key, ..)| key.as_str()).collect();
        assert_eq!(keys, ["a", "b", "e"]);
        assert!(seen[0].2.starts_with("999 "));
        assert_eq!(replayed.torn_bytes, 0);
    }

    #[test]
    fn a_second_process_and_a_foreign_file_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = path_in(&directory);
        let (log, _, _) = reopen(&path);
        let second = Log::open(&path, |_, _| {});
        assert!(matches!(second, Err(EdgeError::JournalInUse { .. })));
        drop(log);
        fs::write(&path, "a diary, not a journal of bindings").unwrap();
        let foreign = Log::open(&path, |_, _| {});
        assert!(matches!(foreign, Err(EdgeError::Journal { .. })));
        let mut newer = header();
        newer[8] = 9;
        fs::write(&path, newer).unwrap();
        let newer = Log::open(&path, |_, _| {});
        assert!(matches!(newer, Err(EdgeError::JournalTooNew { version: 9, .. })));
    }

    #[test]
    fn an_entry_longer_than_a_frame_may_be_is_refused() {
        let body = vec![0; PAYLOAD_BYTES_MAX];
        let entry = Entry { expires_us: 1, key: b"k", body: &body };
        assert_eq!(entry.write_frame(&mut Vec::new()), Err(FrameTooLong));
    }
}
