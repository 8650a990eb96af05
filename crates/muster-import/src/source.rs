//! A file that was opened: its columns, and its rows as often as they are asked for.

use std::borrow::Cow;
use std::fmt;

use smol_str::SmolStr;

use crate::correct::{Correction, Corrections, place};
use crate::decode::{Decoded, decode};
use crate::error::FileError;
use crate::format::{Column, Format, Rules};
use crate::header::{Header, find_header, find_mapped_header, guess_header};
use crate::judge::Judge;
use crate::limits::Limits;
use crate::mapping::{Fix, Mapping};
use crate::row::Row;
use crate::sheet::letters;
use crate::table::{Flaw, Record, RecordLimits, Records};
use crate::turned;
use crate::workbook::{self, Mark};

/// How the file lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Upright,
    /// Its text is a workbook's sheet, a record for each row.
    Workbook,
    /// Its text was turned by [`turned::upright`].
    Turned {
        delimiter: u8,
        is_workbook: bool,
    },
}

/// A file whose header was understood and whose quotes are all closed.
///
/// Holds the bytes that it was given, or a decoded copy if they are not UTF-8 text, and beyond that one row
/// at a time.
pub struct Source<'a> {
    pub(crate) text: Cow<'a, str>,
    encoding: &'static str,
    /// Whether UTF-8 begins with its byte order mark.
    pub(crate) begins_with_mark: bool,
    pub(crate) shape: Shape,
    pub(crate) marks: Vec<Mark>,
    /// Of a turned table the row in which each field stands, from 1.
    field_rows: Vec<u64>,
    pub(crate) header: Header,
    rows_total: u64,
    pub(crate) limits: RecordLimits,
    /// The rules that a mapping makes.
    mapped: Option<Box<Rules>>,
    /// What a mapping corrects, by column.
    fixes: Vec<(usize, Fix)>,
    /// What shall be corrected after that: it is named by what was seen.
    corrections: Corrections,
}

fn record_limits(limits: &Limits) -> RecordLimits {
    RecordLimits { cells_max: limits.columns_max, cell_bytes_max: limits.cell_bytes_max }
}

fn text_of<'a>(bytes: &'a [u8], limits: &Limits) -> Result<(Decoded<'a>, Vec<Mark>, Shape), FileError> {
    if !bytes.starts_with(workbook::ZIP_MAGIC) {
        return Ok((decode(bytes)?, Vec::new(), Shape::Upright));
    }
    let sheet = workbook::read(bytes, limits)?;
    Ok((Decoded { text: Cow::Owned(sheet.text), encoding: "XLSX" }, sheet.marks, Shape::Workbook))
}

impl<'a> Source<'a> {
    /// Decodes the file, finds its delimiter and header, and counts its rows. `format` is what the file
    /// is said to be; without it the header decides.
    pub fn open(bytes: &'a [u8], format: Option<Format>, limits: &Limits) -> Result<Source<'a>, FileError> {
        Source::read(
            bytes,
            limits,
            |text, limits| find_header(text, format, limits),
            |names| match format {
                Some(format) => format.rules().is_whole_header(names),
                None => Format::recognize(names).is_some(),
            },
        )
    }

    /// The same for a file that is said to lie on its side, a column for each person. Without this it is
    /// turned only where its lines begin with the names of a format's columns.
    pub fn open_vertical(
        bytes: &'a [u8],
        format: Option<Format>,
        limits: &Limits,
    ) -> Result<Source<'a>, FileError> {
        Source::read_vertical(bytes, limits, |text, limits| find_header(text, format, limits))
    }

    /// [`Source::open_mapped`] for a file that is said to lie on its side.
    pub fn open_mapped_vertical(
        bytes: &'a [u8],
        mapping: &Mapping,
        limits: &Limits,
    ) -> Result<Source<'a>, FileError> {
        let rules = mapping.rules();
        mapping.check_secrets(&rules)?;
        let find = |text: &str, limits| find_mapped_header(text, &rules, limits);
        let source = Source::read_vertical(bytes, limits, find)?;
        Ok(source.with_mapping(mapping, rules))
    }

    /// The same for a file of no known format, with what a person has said of its columns.
    pub fn open_mapped(bytes: &'a [u8], mapping: &Mapping, limits: &Limits) -> Result<Source<'a>, FileError> {
        let rules = mapping.rules();
        mapping.check_secrets(&rules)?;
        let source = Source::read(
            bytes,
            limits,
            |text, limits| find_mapped_header(text, &rules, limits),
            |names| rules.is_header(names),
        )?;
        Ok(source.with_mapping(mapping, rules))
    }

    fn with_mapping(mut self, mapping: &Mapping, rules: Rules) -> Source<'a> {
        let fix = |(at, column): (usize, &Column)| mapping.fix_of(&column.header).map(|f| (at, f.clone()));
        self.fixes = self.columns().iter().enumerate().filter_map(fix).collect();
        self.mapped = Some(Box::new(rules));
        self
    }

    /// As it was opened, with what a mapping corrects and nothing of what it says of columns.
    pub fn fixed(mut self, mapping: &Mapping) -> Result<Source<'a>, FileError> {
        mapping.check_secrets(self.rules())?;
        self.fixes = Vec::new();
        for (name, fix) in mapping.fixes() {
            let at = place(name, self.columns())?;
            self.fixes.push((at, fix.clone()));
        }
        Ok(self)
    }

    /// As it was opened, with corrections of its cells.
    pub fn corrected(mut self, corrections: Vec<Correction>) -> Result<Source<'a>, FileError> {
        self.corrections = Corrections::new(corrections, self.columns(), self.rules())?;
        Ok(self)
    }

    /// The names in what seems to be a file's header, for [`Mapping::suggest`]; `None` where no line looks
    /// like one.
    pub fn header_of(bytes: &[u8], limits: &Limits) -> Result<Option<Vec<SmolStr>>, FileError> {
        if bytes.len() as u64 > limits.bytes_max {
            return Err(FileError::TooLarge { limit: limits.bytes_max });
        }
        let (decoded, _, _) = text_of(bytes, limits)?;
        guess_header(&decoded.text, record_limits(limits))
    }

    /// [`Source::header_of`] for a file that is said to lie on its side.
    pub fn header_of_vertical(bytes: &[u8], limits: &Limits) -> Result<Option<Vec<SmolStr>>, FileError> {
        if bytes.len() as u64 > limits.bytes_max {
            return Err(FileError::TooLarge { limit: limits.bytes_max });
        }
        let (decoded, _, _) = text_of(bytes, limits)?;
        let upright = turned::upright_as_said(&decoded.text, limits)?;
        guess_header(&upright.text, record_limits(limits))
    }

    fn read_vertical(
        bytes: &'a [u8],
        limits: &Limits,
        find: impl Fn(&str, RecordLimits) -> Result<Header, FileError>,
    ) -> Result<Source<'a>, FileError> {
        if bytes.len() as u64 > limits.bytes_max {
            return Err(FileError::TooLarge { limit: limits.bytes_max });
        }
        let (decoded, marks, shape) = text_of(bytes, limits)?;
        let upright = turned::upright_as_said(&decoded.text, limits)?;
        let shape = Shape::Turned { delimiter: upright.delimiter, is_workbook: shape == Shape::Workbook };
        let header = find(&upright.text, record_limits(limits))?;
        let decoded = Decoded { text: Cow::Owned(upright.text), encoding: decoded.encoding };
        let source = Source::counted(bytes, decoded, marks, shape, header, limits)?;
        Ok(Source { field_rows: upright.rows, ..source })
    }

    fn read(
        bytes: &'a [u8],
        limits: &Limits,
        find: impl Fn(&str, RecordLimits) -> Result<Header, FileError>,
        is_turned_header: impl Fn(&[&str]) -> bool,
    ) -> Result<Source<'a>, FileError> {
        if bytes.len() as u64 > limits.bytes_max {
            return Err(FileError::TooLarge { limit: limits.bytes_max });
        }
        let (Decoded { mut text, encoding }, marks, mut shape) = text_of(bytes, limits)?;
        let record_limits = record_limits(limits);
        let mut field_rows = Vec::new();
        let header = match find(&text, record_limits) {
            Ok(header) => header,
            Err(error) => match turned::upright(&text, &is_turned_header, limits)? {
                Some(upright) => {
                    let is_workbook = shape == Shape::Workbook;
                    shape = Shape::Turned { delimiter: upright.delimiter, is_workbook };
                    (text, field_rows) = (Cow::Owned(upright.text), upright.rows);
                    find(&text, record_limits)?
                }
                None => return Err(error),
            },
        };
        let source = Source::counted(bytes, Decoded { text, encoding }, marks, shape, header, limits)?;
        Ok(Source { field_rows, ..source })
    }

    fn counted(
        bytes: &[u8],
        decoded: Decoded<'a>,
        marks: Vec<Mark>,
        shape: Shape,
        header: Header,
        limits: &Limits,
    ) -> Result<Source<'a>, FileError> {
        let mut source = Source {
            text: decoded.text,
            encoding: decoded.encoding,
            begins_with_mark: bytes.starts_with("\u{feff}".as_bytes()),
            shape,
            marks,
            field_rows: Vec::new(),
            header,
            rows_total: 0,
            limits: record_limits(limits),
            mapped: None,
            fixes: Vec::new(),
            corrections: Corrections::default(),
        };
        source.rows_total = source.count_rows(limits.rows_max)?;
        Ok(source)
    }

    pub fn format(&self) -> Format {
        self.header.format
    }

    /// Every column of the file, in its order.
    pub fn columns(&self) -> &[Column] {
        &self.header.columns
    }

    /// How many rows [`Source::rows`] gives.
    pub fn rows_total(&self) -> u64 {
        self.rows_total
    }

    /// The encoding that the file was read in, by its name in the WHATWG's Encoding Standard; `XLSX` for a
    /// workbook.
    pub fn encoding(&self) -> &'static str {
        self.encoding
    }

    /// A row's cell in the column of that name, as a spreadsheet names it: `C5`. Where people are columns and
    /// no single field is meant, their column: `C`. `None` in a text with a line for each person, whose lines
    /// say where it is. `line` is [`Row::line`].
    pub fn cell(&self, line: u64, column: Option<&str>) -> Option<String> {
        let at = column.and_then(|name| self.columns().iter().position(|column| column.header == name));
        let lettered = |number: u64| Some(letters(usize::try_from(number.checked_sub(1)?).ok()?));
        match self.shape {
            Shape::Upright => None,
            Shape::Workbook => Some(format!("{}{line}", letters(at?))),
            Shape::Turned { .. } => {
                let row = at.and_then(|at| self.field_rows.get(at));
                Some(format!("{}{}", lettered(line)?, row.map(u64::to_string).unwrap_or_default()))
            }
        }
    }

    /// Whether people are columns and their fields are lines. [`Row::line`] counts columns then, from 1.
    pub fn is_turned(&self) -> bool {
        matches!(self.shape, Shape::Turned { .. })
    }

    pub(crate) fn is_workbook(&self) -> bool {
        matches!(self.shape, Shape::Workbook | Shape::Turned { is_workbook: true, .. })
    }

    /// What stands between cells, where they are read as the file has them: in no workbook, and not where
    /// people are columns.
    pub fn delimiter(&self) -> Option<char> {
        (self.shape == Shape::Upright).then(|| char::from(self.header.delimiter))
    }

    /// The rows from the first on. Rows whose cells are all empty are left out.
    pub fn rows(&self) -> Rows<'_> {
        Rows {
            records: self.records(),
            record: Record::default(),
            judge: Judge::new(self.rules(), self.columns(), self.limits.cell_bytes_max),
            fixes: &self.fixes,
            corrections: &self.corrections,
            matched: vec![0; self.corrections.all().len()],
            corrected_columns: Vec::new(),
            own: self.rules().own,
            number: 0,
            index: self.header.rows_index,
            counts_lines: self.shape == Shape::Upright,
            is_workbook: self.is_workbook(),
            said: vec![0; self.columns().len()],
            // A turned sheet's marks would have to be turned too: its cells are judged by what they hold.
            marks: if self.shape == Shape::Workbook { &self.marks } else { &[] },
        }
    }

    pub(crate) fn rules(&self) -> &Rules {
        self.mapped.as_deref().unwrap_or_else(|| self.format().rules())
    }

    pub(crate) fn records(&self) -> Records<'_> {
        let text = &self.text[self.header.rows_at..];
        Records::new(text, self.header.delimiter, self.header.rows_line, self.limits)
    }

    fn count_rows(&self, rows_max: u64) -> Result<u64, FileError> {
        let (mut records, mut record, mut rows) = (self.records(), Record::default(), 0);
        while records.read(&mut record) {
            if record.flaw == Some(Flaw::QuoteNeverClosed) {
                return Err(FileError::QuoteNeverClosed { row: rows + 1, line: record.line });
            }
            rows += u64::from(!record.is_blank());
            if rows > rows_max {
                return Err(FileError::TooManyRows { limit: rows_max });
            }
        }
        if rows == 0 { Err(FileError::HeaderOnly) } else { Ok(rows) }
    }
}

impl<'s> Rows<'s> {
    /// For each column in how many of the rows given so far it said something: more than nothing, no or the
    /// other system's default.
    pub fn said(&self) -> &[u64] {
        &self.said
    }

    fn count_what_is_said(&mut self) {
        for (said, cell) in self.said.iter_mut().zip(&self.record.cells) {
            *said += u64::from(says_something(cell));
        }
    }

    /// How many cells each correction was made in so far.
    pub fn corrections(&self) -> impl Iterator<Item = (&'s Correction, u64)> {
        self.corrections.all().iter().zip(self.matched.clone())
    }

    fn fix_cells(&mut self) {
        for (column, fix) in self.fixes {
            if let Some(cell) = self.record.cells.get_mut(*column)
                && let Some(fixed) = fix.apply(cell)
            {
                *cell = Cow::Owned(fixed);
            }
        }
        self.corrected_columns.clear();
        let cells = &mut self.record.cells;
        self.corrections.apply(cells, self.own, &mut self.matched, &mut self.corrected_columns);
    }

    /// A sheet's row ends with the last cell that is written: the others are empty.
    fn widen(&mut self) {
        let columns = self.judge.columns();
        if self.record.cells_total < columns {
            self.record.cells.resize(columns, Cow::Borrowed(""));
            self.record.cells_total = columns;
        }
    }

    fn marks_of_record(&mut self) -> &'s [Mark] {
        let record = self.index - 1;
        let begin = self.marks.partition_point(|mark| u64::from(mark.record) < record);
        let end = self.marks.partition_point(|mark| u64::from(mark.record) <= record);
        let marks = &self.marks[begin..end];
        self.marks = &self.marks[end..];
        marks
    }
}

/// Without its text, which holds passwords.
impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Header { format, columns, .. } = &self.header;
        f.debug_struct("Source").field("format", format).field("columns", columns).finish_non_exhaustive()
    }
}

/// The rows of a [`Source`], judged one by one.
pub struct Rows<'s> {
    records: Records<'s>,
    record: Record<'s>,
    judge: Judge<'s>,
    number: u64,
    /// How many records were read, the header's and those above it too.
    index: u64,
    counts_lines: bool,
    fixes: &'s [(usize, Fix)],
    is_workbook: bool,
    said: Vec<u64>,
    corrections: &'s Corrections,
    /// Cells that each correction was made in.
    matched: Vec<u64>,
    /// Of the record that was read last.
    corrected_columns: Vec<usize>,
    own: bool,
    /// Those of the records that are still to come.
    marks: &'s [Mark],
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        while self.records.read(&mut self.record) {
            self.index += 1;
            if !self.record.is_blank() {
                self.number += 1;
                if !self.counts_lines {
                    // The text is not the file's own: its records are the sheet's rows or columns.
                    self.record.line = self.index;
                }
                if self.is_workbook {
                    self.widen();
                }
                self.fix_cells();
                self.count_what_is_said();
                let marks = self.marks_of_record();
                return Some(self.judge.judge(&self.record, self.number, marks, &self.corrected_columns));
            }
        }
        None
    }
}

/// Asked of every cell: most are told apart by their first sign.
fn says_something(cell: &str) -> bool {
    const NOTHING: &[&str] = &["no", "false", "none", "default", "disabled", "off", "dontcare", "novm"];
    let cell = cell.trim();
    match cell.as_bytes() {
        [] | [b'0'] => false,
        [b'n' | b'N' | b'f' | b'F' | b'd' | b'D' | b'o' | b'O', rest @ ..] if rest.len() < 8 => {
            !NOTHING.iter().any(|nothing| cell.eq_ignore_ascii_case(nothing))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::says_something;

    #[test]
    fn a_cell_that_says_no_or_the_usual_says_nothing() {
        for nothing in
            ["", "  ", "0", " no", "False", "NONE", "default", "disabled", "Off", "dontcare", "novm"]
        {
            assert!(!says_something(nothing), "{nothing}");
        }
        for something in ["1", "00", "yes", "nothing", "Dora", "disabled by Ana", "true", "é"] {
            assert!(says_something(something), "{something}");
        }
    }
}
