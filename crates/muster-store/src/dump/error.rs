use std::io;

use super::Cost;
use crate::StoreError;

/// Why there is no backup, or none that can be restored here. The texts follow the file's name.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("is not a backup of Muster")]
    NotABackup,
    #[error(
        "was made by a newer program (its format is {found}, and this program knows up to {known}): use that program or a later one"
    )]
    NewerFormat { found: u64, known: u64 },
    #[error(
        "was made by a newer program (its tables have version {found}, and this program knows up to {known}): use that program or a later one"
    )]
    NewerSchema { found: u64, known: u64 },
    #[error("does not open with this passphrase: it was made with another one")]
    WrongPassphrase,
    /// The header, which says how the key is made, is not as it was written.
    #[error("is damaged in its first bytes and cannot be opened with any passphrase: use another copy")]
    DamagedHeader,
    /// Not tried: this would be paid before it is known whether the passphrase is right.
    #[error(
        "was made by something else: to try a passphrase it asks for {} KiB of memory, {} passes and {} lanes, and no backup of Muster asks for more than 256 MiB, 10 and 4: use a file that `muster backup` made",
        .0.memory_kib, .0.passes, .0.lanes
    )]
    Foreign(Cost),
    /// `at` is a byte of the file.
    #[error("is damaged between byte {at} and byte {until}: use another copy")]
    Damaged { at: u64, until: u64 },
    #[error("is cut off after {at} bytes, and its end is missing: use a whole copy")]
    Cut { at: u64 },
    #[error("has {0} behind its end that does not belong to it: use another copy")]
    Trailing(&'static str),
    /// Sealed as it should be, and yet not what a backup holds: a mistake in a program.
    #[error("cannot be understood: {0}")]
    Unreadable(&'static str),
    #[error("has a {0} that this program does not know: use the program that made it, or a later one")]
    Unknown(String),
    #[error("cannot be read: {0}")]
    Read(io::Error),
    /// What was to be written to took no more.
    #[error("could not be written on: {0}")]
    Write(io::Error),
    /// The place to restore into is in use; what is there, and never overwritten.
    #[error("{0}")]
    NotEmpty(String),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> BackupError {
        BackupError::Store(error)
    }
}

impl BackupError {
    /// What came through a reader: ours as it was, or the system's.
    pub(super) fn of_read(error: io::Error) -> BackupError {
        match error.downcast::<BackupError>() {
            Ok(ours) => ours,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                BackupError::Unreadable("it ends too early inside")
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                BackupError::Unreadable("what is packed in it does not unpack")
            }
            Err(error) => BackupError::Read(error),
        }
    }
}

impl From<BackupError> for io::Error {
    fn from(error: BackupError) -> io::Error {
        io::Error::other(error)
    }
}
