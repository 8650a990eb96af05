//! What was read from the database and waits for its client.
//!
//! A client may read as slowly as it likes, or not at all; nothing of the database is held meanwhile. What
//! has no secrets waits in a file without a name, which is gone with the process; what has some never
//! touches the disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A file under a name that is taken is not opened; so many names are tried.
const NAMES_TRIED: usize = 16;

/// Bytes that are written once and then read once.
pub struct Spool {
    place: Place,
    length: u64,
    limit: u64,
    overflowed: bool,
}

enum Place {
    File(io::BufWriter<File>),
    Memory(Vec<u8>),
}

impl Spool {
    /// On the disk, in the folder of the system for temporary files. `limit` in bytes.
    pub fn in_file(limit: u64) -> io::Result<Spool> {
        Ok(Spool { place: Place::File(io::BufWriter::new(nameless()?)), length: 0, limit, overflowed: false })
    }

    /// `limit` in bytes.
    pub fn in_memory(limit: u64) -> Spool {
        Spool { place: Place::Memory(Vec::new()), length: 0, limit, overflowed: false }
    }

    /// Whether more was written than there is room for; the writer was told by an error.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// The bytes from the beginning, and how many there are.
    pub fn reader(self) -> io::Result<(Box<dyn Read + Send>, u64)> {
        let reader: Box<dyn Read + Send> = match self.place {
            Place::Memory(bytes) => Box::new(io::Cursor::new(bytes)),
            Place::File(file) => {
                let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.seek(SeekFrom::Start(0))?;
                Box::new(file)
            }
        };
        Ok((reader, self.length))
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.length + bytes.len() as u64 > self.limit {
            self.overflowed = true;
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "there is no room for more"));
        }
        match &mut self.place {
            Place::File(file) => file.write_all(bytes)?,
            Place::Memory(kept) => kept.extend_from_slice(bytes),
        }
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.place {
            Place::File(file) => file.flush(),
            Place::Memory(_) => Ok(()),
        }
    }
}

/// A new file that only this process can reach: nobody else may open it, and its name is taken away at once.
fn nameless() -> io::Result<File> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..NAMES_TRIED {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("muster-{}-{number}-{now}", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return std::fs::remove_file(&path).map(|()| file),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => last = e,
            Err(e) => return Err(e),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn what_was_written_is_read_from_the_beginning() {
        for mut spool in [Spool::in_file(1000).unwrap(), Spool::in_memory(1000)] {
            spool.write_all(b"one,").unwrap();
            spool.write_all(b"two").unwrap();
            let (mut reader, length) = spool.reader().unwrap();
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            assert_eq!((text.as_str(), length), ("one,two", 7));
        }
    }

    #[test]
    fn what_is_too_much_is_refused_and_said() {
        for mut spool in [Spool::in_file(4).unwrap(), Spool::in_memory(4)] {
            spool.write_all(b"1234").unwrap();
            assert!(!spool.overflowed());
            spool.write_all(b"5").unwrap_err();
            assert!(spool.overflowed());
        }
    }

    #[test]
    fn the_file_has_no_name_and_is_for_its_owner_only() {
        let metadata = nameless().unwrap().metadata().unwrap();
        assert_eq!((metadata.nlink(), metadata.mode() & 0o777), (0, 0o600));
    }
}
