//! Reading a backup from its first table to its end, and giving away what is in it.

use std::io::{self, BufReader, Read};

use flate2::bufread::DeflateDecoder;
use serde_json::Value as Json;

use super::records::{Player, Record, Value};
use super::seal::Opener;
use super::{BackupError, Contents};

/// Rows that are written at once, and what they may take together.
const BATCH_ROWS: usize = 500;
const BATCH_BYTES: usize = 4 * 1024 * 1024;

pub(super) type Inside<R> = Player<BufReader<DeflateDecoder<BufReader<Opener<R>>>>>;

/// Where rows go.
pub(super) trait Sink {
    /// A table begins; the batch before it has been given.
    fn table(&mut self, name: &str, columns: &[String]) -> Result<(), BackupError>;
    fn rows(&mut self, rows: &[Vec<Value>]) -> Result<(), BackupError>;
}

/// Reads everything to the end, and finds out whether all of it was there.
pub(super) fn read_all<R: Read>(
    mut inside: Inside<R>,
    sink: &mut dyn Sink,
    file: &mut dyn FnMut(&str, &mut dyn Read) -> io::Result<u64>,
) -> Result<Contents, BackupError> {
    let mut contents = Contents::default();
    let mut table: Option<(String, usize)> = None;
    let mut batch = Batch::default();
    let mut ahead = None;
    loop {
        let columns = table.as_ref().map_or(0, |(_, columns)| *columns);
        let record = match ahead.take() {
            Some(record) => record,
            None => inside.next(columns)?,
        };
        if !matches!(record, Record::Row(_)) {
            batch.flush(sink)?;
        }
        match record {
            Record::Row(row) => {
                let (name, _) = table.as_ref().ok_or(BackupError::Unreadable("a row has no table"))?;
                *contents.rows.entry(name.clone()).or_default() += 1;
                batch.push(row, sink)?;
            }
            Record::Table(json) => {
                let (name, columns) = table_of(&json)?;
                sink.table(&name, &columns)?;
                contents.rows.insert(name.clone(), 0);
                table = Some((name, columns.len()));
            }
            Record::File(name) => {
                table = None;
                let mut pieces = Pieces::of(&mut inside);
                let taken = file(&name, &mut pieces);
                let pieces = pieces.ended();
                let bytes = taken.map_err(BackupError::of_read)?;
                let (length, next) = pieces?;
                if bytes != length {
                    return Err(BackupError::Unreadable("a file in it was not read to its end"));
                }
                contents.files.insert(name, bytes);
                ahead = Some(next);
            }
            Record::End(json) => {
                if contents.to_json() != json {
                    return Err(BackupError::Unreadable("not everything is in it that it says"));
                }
                ended(inside)?;
                return Ok(contents);
            }
            Record::Manifest(_) | Record::Piece(_) => {
                return Err(BackupError::Unreadable("a part of it is in a wrong place"));
            }
        }
    }
}

/// After the last record there is nothing, neither inside nor behind.
fn ended<R: Read>(inside: Inside<R>) -> Result<(), BackupError> {
    let mut unpacked = inside.into_inner();
    let mut byte = [0];
    if unpacked.read(&mut byte).map_err(BackupError::of_read)? > 0 {
        return Err(BackupError::Trailing("something"));
    }
    let mut opened = unpacked.into_inner().into_inner();
    if opened.read(&mut byte).map_err(BackupError::of_read)? > 0 {
        return Err(BackupError::Trailing("something"));
    }
    Ok(())
}

fn table_of(json: &Json) -> Result<(String, Vec<String>), BackupError> {
    let wrong = BackupError::Unreadable("a table in it has no columns");
    let columns: Option<Vec<String>> = json["columns"]
        .as_array()
        .and_then(|all| all.iter().map(|c| c.as_str().map(str::to_string)).collect());
    match (json["name"].as_str(), columns) {
        (Some(name), Some(columns)) if !columns.is_empty() => Ok((name.to_string(), columns)),
        _ => Err(wrong),
    }
}

/// The pieces of one file, as a reader.
struct Pieces<'a, R: Read> {
    inside: &'a mut Inside<R>,
    piece: Vec<u8>,
    given: usize,
    length: u64,
    next: Option<Record>,
}

impl<'a, R: Read> Pieces<'a, R> {
    fn of(inside: &'a mut Inside<R>) -> Pieces<'a, R> {
        Pieces { inside, piece: Vec::new(), given: 0, length: 0, next: None }
    }

    /// The record after the file, and how many bytes of the file were given.
    fn ended(self) -> Result<(u64, Record), BackupError> {
        let next = self.next.ok_or(BackupError::Unreadable("a file in it was not read to its end"))?;
        Ok((self.length, next))
    }
}

impl<R: Read> Read for Pieces<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.piece.len() {
            if self.next.is_some() {
                return Ok(0);
            }
            match self.inside.next(0)? {
                Record::Piece(piece) => (self.piece, self.given) = (piece, 0),
                other => self.next = Some(other),
            }
        }
        let n = out.len().min(self.piece.len() - self.given);
        out[..n].copy_from_slice(&self.piece[self.given..self.given + n]);
        self.given += n;
        self.length += n as u64;
        Ok(n)
    }
}

#[derive(Default)]
struct Batch {
    rows: Vec<Vec<Value>>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, row: Vec<Value>, sink: &mut dyn Sink) -> Result<(), BackupError> {
        self.bytes += row.iter().map(Value::bytes).sum::<usize>();
        self.rows.push(row);
        if self.rows.len() < BATCH_ROWS && self.bytes < BATCH_BYTES { Ok(()) } else { self.flush(sink) }
    }

    fn flush(&mut self, sink: &mut dyn Sink) -> Result<(), BackupError> {
        if !self.rows.is_empty() {
            sink.rows(&self.rows)?;
            self.rows.clear();
        }
        self.bytes = 0;
        Ok(())
    }
}
