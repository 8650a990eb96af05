//! What stands between the cells: found by trying, and said where a file does not agree with itself.

use crate::error::FileError;
use crate::header::{Header, as_name};
use crate::table::{Record, RecordLimits, Records};

/// Commas before semicolons before tabs before bars, where nothing else decides.
pub(crate) const DELIMITERS: &[u8] = b",;\t|";

/// Rows that are looked at.
const ROWS_MAX: usize = 10;

/// What a separator is called, several of it.
pub(crate) fn called(delimiter: u8) -> &'static str {
    match delimiter {
        b';' => "semicolons",
        b'\t' => "tabs",
        b'|' => "bars (|)",
        _ => "commas",
    }
}

/// A first line whose names would be a header if several signs stood between them.
pub(crate) fn mixed(text: &str, is_header: impl Fn(&[&str]) -> bool) -> Option<FileError> {
    let line = text.lines().find(|line| !line.trim().is_empty())?;
    let used: Vec<u8> = DELIMITERS.iter().copied().filter(|sign| line.as_bytes().contains(sign)).collect();
    let [first, second, ..] = used.as_slice() else { return None };
    let is_sign = |c: char| u8::try_from(c).is_ok_and(|byte| DELIMITERS.contains(&byte));
    let names: Vec<&str> = line.split(is_sign).map(|name| as_name(name).trim_matches('"')).collect();
    is_header(&names).then_some(FileError::MixedSeparators { first: *first, second: *second })
}

/// A header of one sign over rows of another.
pub(crate) fn differing(text: &str, header: &Header, limits: RecordLimits) -> Result<(), FileError> {
    let columns = header.columns.len();
    if header.header_at.is_none() {
        return Ok(());
    }
    let rows = &text[header.rows_at..];
    let cells = |delimiter: u8| -> Vec<usize> {
        let mut records = Records::new(rows, delimiter, 1, limits);
        let (mut record, mut counts) = (Record::default(), Vec::new());
        while counts.len() < ROWS_MAX && records.read(&mut record) {
            if !record.is_blank() {
                counts.push(record.cells_total);
            }
        }
        counts
    };
    if columns < 2 || cells(header.delimiter).contains(&columns) {
        return Ok(());
    }
    let fits = |delimiter: &&u8| {
        let counts = cells(**delimiter);
        !counts.is_empty() && counts.iter().all(|count| *count == columns)
    };
    match DELIMITERS.iter().filter(|delimiter| **delimiter != header.delimiter).find(fits) {
        Some(rows) => Err(FileError::DifferingSeparators { header: header.delimiter, rows: *rows }),
        None => Ok(()),
    }
}
