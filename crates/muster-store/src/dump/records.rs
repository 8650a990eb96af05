//! What is inside a backup, one record after the other.
//!
//! A record is a letter and what follows it; numbers are LEB128, a text or bytes come after their length.
//!
//! | letter | what |
//! |---|---|
//! | `M` | JSON: what the backup says of itself; the first record |
//! | `T` | JSON: a table, `name` and `columns`; the rows after it are its own |
//! | `R` | a row: for each column `0` (nothing), `1` and a number (zigzag), `2` and a text, or `3` and bytes |
//! | `F` | a file's name; the pieces after it are its own |
//! | `D` | a piece of a file |
//! | `Z` | JSON: how many rows and bytes there were; the last record |

use std::io::{self, BufRead, Read, Write};

use serde_json::Value as Json;

use super::BackupError;

/// JSON records are short: names of tables, columns and organizations.
const JSON_BYTES_MAX: usize = 64 * 1024 * 1024;
/// No value that is stored comes near.
const VALUE_BYTES_MAX: usize = 256 * 1024 * 1024;
const NAME_BYTES_MAX: usize = 256;
pub(super) const FILE_PIECE_BYTES: usize = 64 * 1024;

/// A value as it is read from a row, on its way into a backup.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ValueRef<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// A value on its way out of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl Value {
    pub fn bytes(&self) -> usize {
        match self {
            Value::Null | Value::Int(_) => 8,
            Value::Text(text) => text.len(),
            Value::Blob(bytes) => bytes.len(),
        }
    }
}

/// Writes records.
pub(super) struct Recorder<W: Write> {
    out: W,
}

impl<W: Write> Recorder<W> {
    pub fn new(out: W) -> Recorder<W> {
        Recorder { out }
    }

    pub fn into_inner(self) -> W {
        self.out
    }

    pub fn manifest(&mut self, json: &Json) -> io::Result<()> {
        self.json(b'M', json)
    }

    pub fn table(&mut self, json: &Json) -> io::Result<()> {
        self.json(b'T', json)
    }

    pub fn end(&mut self, json: &Json) -> io::Result<()> {
        self.json(b'Z', json)
    }

    pub fn begin_row(&mut self) -> io::Result<()> {
        self.out.write_all(b"R")
    }

    pub fn value(&mut self, value: ValueRef<'_>) -> io::Result<()> {
        match value {
            ValueRef::Null => self.out.write_all(&[0]),
            ValueRef::Int(n) => {
                self.out.write_all(&[1])?;
                self.number(((n << 1) ^ (n >> 63)) as u64)
            }
            ValueRef::Text(text) => {
                self.out.write_all(&[2])?;
                self.counted(text.as_bytes(), VALUE_BYTES_MAX)
            }
            ValueRef::Blob(bytes) => {
                self.out.write_all(&[3])?;
                self.counted(bytes, VALUE_BYTES_MAX)
            }
        }
    }

    pub fn file(&mut self, name: &str) -> io::Result<()> {
        self.out.write_all(b"F")?;
        self.counted(name.as_bytes(), NAME_BYTES_MAX)
    }

    pub fn piece(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(b"D")?;
        self.counted(bytes, FILE_PIECE_BYTES)
    }

    fn json(&mut self, letter: u8, json: &Json) -> io::Result<()> {
        self.out.write_all(&[letter])?;
        self.counted(json.to_string().as_bytes(), JSON_BYTES_MAX)
    }

    fn counted(&mut self, bytes: &[u8], bytes_max: usize) -> io::Result<()> {
        if bytes.len() > bytes_max {
            // What could not be read again must not be written.
            return Err(io::Error::other(format!("a value of {} bytes is too large", bytes.len())));
        }
        self.number(bytes.len() as u64)?;
        self.out.write_all(bytes)
    }

    fn number(&mut self, mut n: u64) -> io::Result<()> {
        let mut bytes = [0; 10];
        let mut used = 0;
        loop {
            bytes[used] = (n & 0x7f) as u8 | if n > 0x7f { 0x80 } else { 0 };
            used += 1;
            n >>= 7;
            if n == 0 {
                return self.out.write_all(&bytes[..used]);
            }
        }
    }
}

/// A record as it is read.
pub(super) enum Record {
    Manifest(Json),
    Table(Json),
    /// Its values are read by the number of its table's columns.
    Row(Vec<Value>),
    File(String),
    Piece(Vec<u8>),
    End(Json),
}

/// Reads records; what is not one is an error, whatever the bytes.
pub(super) struct Player<R: BufRead> {
    from: R,
}

impl<R: BufRead> Player<R> {
    pub fn new(from: R) -> Player<R> {
        Player { from }
    }

    pub fn into_inner(self) -> R {
        self.from
    }

    /// `columns` of the table whose rows may come.
    pub fn next(&mut self, columns: usize) -> Result<Record, BackupError> {
        let record = match self.byte()? {
            b'M' => Record::Manifest(self.json()?),
            b'T' => Record::Table(self.json()?),
            b'R' => Record::Row((0..columns).map(|_| self.value()).collect::<Result<_, _>>()?),
            b'F' => Record::File(self.text(NAME_BYTES_MAX)?),
            b'D' => Record::Piece(self.counted(FILE_PIECE_BYTES)?),
            b'Z' => Record::End(self.json()?),
            _ => return Err(BackupError::Unreadable("it has a record of a kind that is not known")),
        };
        Ok(record)
    }

    fn value(&mut self) -> Result<Value, BackupError> {
        Ok(match self.byte()? {
            0 => Value::Null,
            1 => {
                let n = self.number()?;
                Value::Int((n >> 1) as i64 ^ -((n & 1) as i64))
            }
            2 => Value::Text(self.text(VALUE_BYTES_MAX)?),
            3 => Value::Blob(self.counted(VALUE_BYTES_MAX)?),
            _ => return Err(BackupError::Unreadable("it has a value of a kind that is not known")),
        })
    }

    fn json(&mut self) -> Result<Json, BackupError> {
        let bytes = self.counted(JSON_BYTES_MAX)?;
        serde_json::from_slice(&bytes).map_err(|_| BackupError::Unreadable("a part of it is not JSON"))
    }

    fn text(&mut self, bytes_max: usize) -> Result<String, BackupError> {
        let bytes = self.counted(bytes_max)?;
        String::from_utf8(bytes).map_err(|_| BackupError::Unreadable("a text in it is not UTF-8"))
    }

    fn counted(&mut self, bytes_max: usize) -> Result<Vec<u8>, BackupError> {
        let length = self.number()?;
        if length > bytes_max as u64 {
            return Err(BackupError::Unreadable("a value in it is too large"));
        }
        // Room is made for what comes, not for what is announced.
        let mut bytes = Vec::with_capacity(length.min(64 * 1024) as usize);
        self.from.by_ref().take(length).read_to_end(&mut bytes).map_err(BackupError::of_read)?;
        if bytes.len() as u64 != length {
            return Err(BackupError::Unreadable("it ends too early inside"));
        }
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, BackupError> {
        let mut byte = [0];
        self.from.read_exact(&mut byte).map_err(BackupError::of_read)?;
        Ok(byte[0])
    }

    fn number(&mut self) -> Result<u64, BackupError> {
        let mut n = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(n);
            }
        }
        Err(BackupError::Unreadable("a number in it has no end"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        let values = [
            ValueRef::Null,
            ValueRef::Int(0),
            ValueRef::Int(-1),
            ValueRef::Int(i64::MAX),
            ValueRef::Int(i64::MIN),
            ValueRef::Text(""),
            ValueRef::Text("Zoë 🦊"),
            ValueRef::Blob(&[0, 255, 128]),
        ];
        let mut recorder = Recorder::new(Vec::new());
        recorder.begin_row().unwrap();
        for value in values {
            recorder.value(value).unwrap();
        }
        let bytes = recorder.into_inner();
        let Ok(Record::Row(row)) = Player::new(&bytes[..]).next(values.len()) else { panic!("no row") };
        for (value, was) in row.iter().zip(values) {
            let same = match (value, was) {
                (Value::Null, ValueRef::Null) => true,
                (Value::Int(a), ValueRef::Int(b)) => *a == b,
                (Value::Text(a), ValueRef::Text(b)) => a == b,
                (Value::Blob(a), ValueRef::Blob(b)) => a == b,
                _ => false,
            };
            assert!(same, "{value:?} {was:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_records_are_an_error_and_take_no_memory() {
        for bytes in [
            &b""[..],
            b"X",
            b"M\xff\xff\xff\xff\x7f",
            b"R\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"F\x05abc",
            b"R\x09",
            b"M\x02{]",
        ] {
            assert!(Player::new(bytes).next(1).is_err(), "{bytes:?}");
        }
    }
}
