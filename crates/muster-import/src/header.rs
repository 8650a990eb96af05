//! The first line: what separates cells, what the columns are called, and whose format that is.

use smol_str::SmolStr;

use crate::error::FileError;
use crate::format::{Column, Format, Rules, comparable};
use crate::mapping::Mapping;
use crate::separators::{DELIMITERS, differing, mixed};
use crate::table::{Flaw, Record, RecordLimits, Records};

/// Among so many lines the header is looked for.
const LINES_ABOVE_MAX: usize = 10;
/// A header that says more than this is shortened where it is shown.
const SHOWN_CHARACTERS_MAX: usize = 200;
const UNKNOWN_SHOWN_MAX: usize = 8;
/// A line of which one cell in so many is data is no header.
const DATA_MIN: usize = 4;
/// The longest name of a column that is taken for one.
const NAME_CHARACTERS_MAX: usize = 64;

#[derive(Debug)]
pub(crate) struct Header {
    pub format: Format,
    pub columns: Vec<Column>,
    pub delimiter: u8,
    /// Whether a line above it names the delimiter.
    pub has_delimiter_line: bool,
    /// Where it begins, in bytes of the text, perhaps with empty lines; `None` if the file has none.
    pub header_at: Option<usize>,
    /// The line on which it begins, or the first row of a file that has none, from 1; where the text is not the
    /// file's own, its place among the records.
    pub line: u64,
    /// Where the first row begins, in bytes of the text.
    pub rows_at: usize,
    /// The line on which it begins, from 1.
    pub rows_line: u64,
    /// How many records are above it.
    pub rows_index: u64,
}

/// Finds the header: the first of the first lines whose names a format knows, else the first line on which
/// anything is written. People put titles above their tables.
pub(crate) fn find_header(
    text: &str,
    format: Option<Format>,
    limits: RecordLimits,
) -> Result<Header, FileError> {
    let header = best_header(text, format, limits)?;
    differing(text, &header, limits)?;
    Ok(header)
}

fn best_header(text: &str, format: Option<Format>, limits: RecordLimits) -> Result<Header, FileError> {
    let (hint, skipped) = delimiter_line(text);
    let delimiters = hint.as_ref().map_or(DELIMITERS, std::slice::from_ref);
    if let Some(format) = format.filter(|f| f.rules().positional.is_some()) {
        return positional_header(text, format, delimiters, skipped, limits);
    }
    let mut best: Option<(bool, usize, Candidate)> = None;
    for delimiter in delimiters {
        let candidates = Candidate::read(text, *delimiter, skipped, limits);
        if candidates.is_empty() {
            return Err(FileError::Empty);
        }
        for (i, candidate) in candidates.into_iter().enumerate() {
            let names = candidate.names();
            let recognized = match format {
                Some(format) => format.rules().is_header(&names),
                None => Format::recognize(&names).is_some() || positional_format(&names).is_some(),
            };
            // People of a list without a header have as many cells as their last one that is written.
            let positional = positional_format(&names).filter(|_| Format::recognize(&names).is_none());
            let cells = positional.map_or(names.len(), |format| format.rules().columns.len());
            // The first of equals stays: commas before semicolons before tabs, higher lines before lower.
            let is_better = |(known, most, _): &(bool, usize, _)| (recognized, cells) > (*known, *most);
            if (i == 0 || recognized) && best.as_ref().is_none_or(is_better) {
                best = Some((recognized, cells, candidate));
            }
        }
    }
    let Some((recognized, _, candidate)) = best else { return Err(FileError::Empty) };
    let is_header = |names: &[&str]| match format {
        Some(format) => format.rules().is_whole_header(names),
        None => Format::recognize(names).is_some(),
    };
    if !recognized && let Some(error) = mixed(&text[skipped..], is_header) {
        return Err(error);
    }
    candidate.into_header(format, limits)
}

/// Finds the line whose names are mostly those of a mapping's columns.
pub(crate) fn find_mapped_header(
    text: &str,
    rules: &Rules,
    limits: RecordLimits,
) -> Result<Header, FileError> {
    let (hint, skipped) = delimiter_line(text);
    let delimiters = hint.as_ref().map_or(DELIMITERS, std::slice::from_ref);
    for delimiter in delimiters {
        for candidate in Candidate::read(text, *delimiter, skipped, limits) {
            if rules.is_header(&candidate.names()) {
                no_column_twice(&candidate.cells)?;
                let header = candidate.header_by(Format::Mapped, rules);
                differing(text, &header, limits)?;
                return Ok(header);
            }
        }
    }
    if let Some(error) = mixed(&text[skipped..], |names| rules.is_header(names)) {
        return Err(error);
    }
    let columns = rules.columns.iter().map(|rule| rule.header.clone()).collect();
    Err(FileError::NotAsMapped { columns })
}

/// The header line of a file of no known format, for guesses at its columns: of the first lines the one with
/// the most names.
pub(crate) fn guess_header(text: &str, limits: RecordLimits) -> Result<Option<Vec<SmolStr>>, FileError> {
    let (hint, skipped) = delimiter_line(text);
    let delimiters = hint.as_ref().map_or(DELIMITERS, std::slice::from_ref);
    // Somebody's name and address are no names of columns.
    let data = |c: &Candidate| c.cells.iter().filter(|name| is_data(name)).count();
    let names = |c: &Candidate| c.cells.iter().filter(|name| !name.is_empty() && !is_data(name)).count();
    let named = |c: &Candidate| if data(c) * DATA_MIN <= names(c) { names(c) } else { 0 };
    let read = |delimiter: &u8| Candidate::read(text, *delimiter, skipped, limits);
    // The first of equals.
    let mut best: Option<Candidate> = None;
    for candidate in delimiters.iter().flat_map(read) {
        if best.as_ref().is_none_or(|b| named(&candidate) > named(b)) {
            best = Some(candidate);
        }
    }
    let Some(best) = best.filter(|candidate| named(candidate) > 1) else { return Ok(None) };
    // A mapping names each column once.
    no_column_twice(&best.cells)?;
    Ok(Some(best.cells))
}

/// Some spreadsheets write `sep=;` on a line of its own before the header. The delimiter it names, and
/// how many bytes it takes with its line end.
pub(crate) fn delimiter_line(text: &str) -> (Option<u8>, usize) {
    let bytes = text.as_bytes();
    match bytes {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter, b'\r', b'\n', ..]
            if DELIMITERS.contains(delimiter) =>
        {
            (Some(*delimiter), 7)
        }
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter, b'\r' | b'\n', ..]
            if DELIMITERS.contains(delimiter) =>
        {
            (Some(*delimiter), 6)
        }
        _ => (None, 0),
    }
}

/// The header as one delimiter would have it.
struct Candidate {
    delimiter: u8,
    has_delimiter_line: bool,
    cells: Vec<SmolStr>,
    cells_total: usize,
    line: u64,
    flaw: Option<Flaw>,
    /// How many records are above it.
    index: u64,
    /// Where it begins, and where what follows it does, in bytes of the text.
    begins_at: usize,
    rows_at: usize,
    rows_line: u64,
}

impl Candidate {
    /// The first records on which anything is written.
    fn read(text: &str, delimiter: u8, skipped: usize, limits: RecordLimits) -> Vec<Candidate> {
        let first_line = if skipped == 0 { 1 } else { 2 };
        let mut records = Records::new(&text[skipped..], delimiter, first_line, limits);
        let (mut candidates, mut begins_at, mut index) = (Vec::new(), skipped, 0);
        let mut record = Record::default();
        while candidates.len() < LINES_ABOVE_MAX && records.read(&mut record) {
            let (at, rows_line) = records.position();
            let rows_at = skipped + at;
            if !record.is_blank() {
                candidates.push(Candidate {
                    delimiter,
                    has_delimiter_line: skipped > 0,
                    cells: record.cells.iter().map(|cell| SmolStr::new(as_name(cell))).collect(),
                    cells_total: record.cells_total,
                    line: record.line,
                    flaw: record.flaw,
                    index,
                    begins_at,
                    rows_at,
                    rows_line,
                });
            }
            if record.flaw == Some(Flaw::QuoteNeverClosed) {
                break;
            }
            begins_at = rows_at;
            index += 1;
        }
        candidates
    }

    fn into_header(self, format: Option<Format>, limits: RecordLimits) -> Result<Header, FileError> {
        if self.flaw == Some(Flaw::QuoteNeverClosed) {
            return Err(FileError::QuoteNeverClosed { row: 0, line: self.line });
        }
        if self.cells_total > limits.cells_max {
            return Err(FileError::TooManyColumns { found: self.cells_total, limit: limits.cells_max });
        }
        let names = self.names();
        let Some(format) = format.or_else(|| Format::recognize(&names)) else {
            return match positional_format(&names) {
                Some(format) => Ok(self.into_positional(format)),
                None => Err(unrecognized(&names)),
            };
        };
        let rules = format.rules();
        let missing = Rules::missing(rules.required, &names);
        if !missing.is_empty() && names.iter().any(|name| is_data(name)) {
            return Err(FileError::NoHeader);
        }
        if !missing.is_empty() {
            return Err(FileError::RequiredColumnMissing { format, columns: missing });
        }
        no_column_twice(&self.cells)?;
        Ok(self.header_by(format, rules))
    }

    fn header_by(&self, format: Format, rules: &Rules) -> Header {
        let column =
            |header: &SmolStr| Column { header: header.clone(), taken: rules.meaning(header).taken() };
        Header {
            format,
            columns: self.cells.iter().map(column).collect(),
            delimiter: self.delimiter,
            has_delimiter_line: self.has_delimiter_line,
            header_at: Some(self.begins_at),
            line: self.line,
            rows_at: self.rows_at,
            rows_line: self.rows_line,
            rows_index: self.index + 1,
        }
    }

    /// The record is the first person already.
    fn into_positional(self, format: Format) -> Header {
        let rules = format.rules();
        let column = |header: SmolStr| Column { taken: rules.meaning(&header).taken(), header };
        Header {
            format,
            columns: rules.positional_names().into_iter().map(column).collect(),
            delimiter: self.delimiter,
            has_delimiter_line: self.has_delimiter_line,
            header_at: None,
            line: self.line,
            rows_at: self.begins_at,
            rows_line: self.line,
            rows_index: self.index,
        }
    }

    fn names(&self) -> Vec<&str> {
        self.cells.iter().map(SmolStr::as_str).collect()
    }
}

/// The header of a file that is said to have none. A line of the columns' names is one all the same.
fn positional_header(
    text: &str,
    format: Format,
    delimiters: &[u8],
    skipped: usize,
    limits: RecordLimits,
) -> Result<Header, FileError> {
    let positions = format.rules().columns.len();
    let read = |delimiter: &u8| Candidate::read(text, *delimiter, skipped, limits).into_iter().next();
    let candidates: Vec<Candidate> = delimiters.iter().filter_map(read).collect();
    // Whichever has as many cells as there are positions; the rows tell what is wrong with the others.
    let fits = |candidate: &&Candidate| candidate.cells_total == positions;
    let at = candidates.iter().position(|c| fits(&c)).unwrap_or(0);
    let candidate = candidates.into_iter().nth(at).ok_or(FileError::Empty)?;
    if format.rules().is_header(&candidate.names()) {
        return candidate.into_header(Some(format), limits);
    }
    Ok(candidate.into_positional(format))
}

/// A cell as the name of a column. A name is compared with many others: of a cell that is far too long for one
/// the beginning will do.
pub(crate) fn as_name(cell: &str) -> &str {
    const BYTES_MAX: usize = 1024;
    let cell = cell.trim_start();
    cell[..cell.floor_char_boundary(BYTES_MAX)].trim_end()
}

/// Whose row the first line is, if it is no header.
fn positional_format(cells: &[&str]) -> Option<Format> {
    Format::ALL.iter().copied().find(|format| format.rules().positional.is_some_and(|is_one| is_one(cells)))
}

fn no_column_twice(cells: &[SmolStr]) -> Result<(), FileError> {
    let names: Vec<String> = cells.iter().map(|cell| comparable(cell)).collect();
    for (i, name) in names.iter().enumerate() {
        if let Some(first) = names[..i].iter().position(|n| n == name && !name.is_empty()) {
            return Err(FileError::ColumnTwice { first: cells[first].clone(), second: cells[i].clone() });
        }
    }
    Ok(())
}

fn unrecognized(names: &[&str]) -> FileError {
    // A file without a header begins with a person, and what they are called and sign in with must not
    // land in a message.
    if names.iter().any(|name| is_data(name)) {
        return FileError::NoHeader;
    }
    let known = |format: Format| names.iter().filter(|name| format.rules().knows(name)).count();
    // The first of equals.
    let closest = Format::ALL.iter().copied().rev().max_by_key(|f| known(*f)).filter(|f| known(*f) > 0);
    let missing = closest.map(|format| Rules::missing(format.rules().marks, names)).unwrap_or_default();
    let is_unknown = |name: &&&str| !name.is_empty() && !closest.is_some_and(|f| f.rules().knows(name));
    let unknown = names.iter().filter(is_unknown).take(UNKNOWN_SHOWN_MAX).map(SmolStr::new).collect();
    let named = names.iter().filter(|name| !name.is_empty()).count();
    let guesses = Mapping::suggest(names).iter().filter(|guess| guess.target.is_some()).count();
    // Where a format has all it needs, it must not be left for a guess at the same columns.
    let suffices = closest.filter(|_| missing.is_empty()).map_or(0, known);
    let guessed = guesses > suffices && guesses * 2 >= named;
    FileError::Unrecognized { header: shortened(&names.join(", ")), closest, missing, unknown, guessed }
}

/// Nobody calls a column so.
fn is_data(name: &str) -> bool {
    let digits = name.len() > 1 && name.bytes().all(|byte| byte.is_ascii_digit());
    digits
        || name.starts_with('+')
        || name.contains('@')
        || name.contains(char::is_control)
        || name.chars().count() > NAME_CHARACTERS_MAX
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
