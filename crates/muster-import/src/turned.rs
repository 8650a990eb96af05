//! A table that lies on its side: a line for each field, a column for each person.

use crate::error::FileError;
use crate::header::as_name;
use crate::limits::Limits;
use crate::separators::DELIMITERS;
use crate::table::{Flaw, Record, RecordLimits, Records};

/// As many as a sheet of Excel has. All cells are in memory while the table is turned.
pub(crate) const TURNED_COLUMNS_MAX: usize = 16_384;

/// A table that was set upright.
pub(crate) struct Upright {
    /// Comma-separated, with a record for each column, blank ones too.
    pub text: String,
    /// What separated the cells.
    pub delimiter: u8,
    /// For each field the row in which a spreadsheet shows it, from 1.
    pub rows: Vec<u64>,
}

/// The same table upright. `None` if the first cells of the lines are no header.
pub(crate) fn upright(
    text: &str,
    is_header: impl Fn(&[&str]) -> bool,
    limits: &Limits,
) -> Result<Option<Upright>, FileError> {
    for delimiter in DELIMITERS {
        if first_cells(text, *delimiter, limits).is_some_and(|names| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            is_header(&names)
        }) {
            return turned(text, *delimiter, false, limits).map(Some);
        }
    }
    Ok(None)
}

/// The same where a person has said that the table lies on its side, whatever its lines begin with.
pub(crate) fn upright_as_said(text: &str, limits: &Limits) -> Result<Upright, FileError> {
    let lines = |delimiter: &u8| first_cells(text, *delimiter, limits).map_or(0, |names| names.len());
    // The first of equals: commas before semicolons before tabs before bars.
    let delimiter = DELIMITERS.iter().rev().max_by_key(|delimiter| lines(delimiter)).copied().unwrap_or(b',');
    turned(text, delimiter, true, limits)
}

/// `keeps_blank`: a line of empty cells is a field that nobody has, and no gap in the table.
fn turned(text: &str, delimiter: u8, keeps_blank: bool, limits: &Limits) -> Result<Upright, FileError> {
    let (mut table, mut rows) = (Vec::new(), Vec::new());
    let (mut row, mut next_line) = (0, 1);
    let mut records = Records::new(text, delimiter, 1, limits_of(limits));
    let mut record = Record::default();
    let mut expected = None;
    while records.read(&mut record) {
        // An empty line is a row too; a cell with line breaks in it makes no further one.
        row += 1 + record.line.saturating_sub(next_line);
        (_, next_line) = records.position();
        if record.is_blank() && !(keeps_blank && record.cells_total > 1) {
            continue;
        }
        let (line, found) = (record.line, record.cells_total);
        if record.flaw.is_some() {
            return Err(FileError::QuoteNeverClosed { row: 0, line });
        }
        if table.len() >= limits.columns_max {
            return Err(FileError::TooManyColumns { found: table.len() + 1, limit: limits.columns_max });
        }
        let expected = *expected.get_or_insert(found);
        if found != expected {
            return Err(FileError::Uneven { line, found, expected });
        }
        if found > TURNED_COLUMNS_MAX {
            return Err(FileError::TooManyColumns { found, limit: TURNED_COLUMNS_MAX });
        }
        if found as u64 > limits.rows_max.saturating_add(1) {
            return Err(FileError::TooManyRows { limit: limits.rows_max });
        }
        table.push(std::mem::take(&mut record.cells));
        rows.push(row);
    }
    let mut upright = Upright { text: String::with_capacity(text.len()), delimiter, rows };
    for person in 0..expected.unwrap_or(0) {
        push_record(&mut upright.text, table.iter().map(|line| line[person].as_ref()));
    }
    Ok(upright)
}

/// Appends a record that reads back to the same cells; never an empty line, which would be no record.
pub(crate) fn push_record<'c>(text: &mut String, cells: impl Iterator<Item = &'c str>) {
    push_record_by(text, b',', cells);
}

/// The same with another ASCII sign between the cells.
pub(crate) fn push_record_by<'c>(text: &mut String, delimiter: u8, cells: impl Iterator<Item = &'c str>) {
    let delimiter = char::from(delimiter);
    let begin = text.len();
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            text.push(delimiter);
        }
        if cell.contains([delimiter, '"', '\r', '\n']) {
            text.push('"');
            for (i, piece) in cell.split('"').enumerate() {
                if i > 0 {
                    text.push_str("\"\"");
                }
                text.push_str(piece);
            }
            text.push('"');
        } else {
            text.push_str(cell);
        }
    }
    if text.len() == begin {
        text.push_str("\"\"");
    }
    text.push('\n');
}

/// The first cells of the lines that have others; `None` where the lines are more than there can be columns.
fn first_cells(text: &str, delimiter: u8, limits: &Limits) -> Option<Vec<String>> {
    let one_cell = RecordLimits { cells_max: 1, cell_bytes_max: limits.cell_bytes_max };
    let mut records = Records::new(text, delimiter, 1, one_cell);
    let (mut record, mut names) = (Record::default(), Vec::new());
    while records.read(&mut record) {
        if record.flaw == Some(Flaw::QuoteNeverClosed) || names.len() >= limits.columns_max {
            return None;
        }
        if record.cells_total > 1 {
            names.extend(record.cells.first().map(|name| as_name(name).to_owned()));
        }
    }
    Some(names)
}

fn limits_of(limits: &Limits) -> RecordLimits {
    RecordLimits { cells_max: TURNED_COLUMNS_MAX, cell_bytes_max: limits.cell_bytes_max }
}
