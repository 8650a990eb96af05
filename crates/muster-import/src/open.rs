//! Opening a file: its text, its sheet, its header, and whether all of it is read.

use std::borrow::Cow;

use smol_str::SmolStr;

use crate::correct::{Correction, Corrections, place};
use crate::decode::{Decoded, decode};
use crate::error::FileError;
use crate::format::{Column, Format, comparable};
use crate::header::{Header, find_header, find_mapped_header, guess_header};
use crate::limits::Limits;
use crate::mapping::Mapping;
use crate::note::{self, OtherSheet};
use crate::source::{Shape, Source};
use crate::table::RecordLimits;
use crate::turned::{self, Upright};
use crate::workbook::{self, Mark};

/// How a person has said that a file is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading<'s> {
    /// It lies on its side, a column for each person. Without this it is turned only where its lines begin
    /// with the names of a format's columns.
    pub vertical: bool,
    /// The sheet of a workbook, compared without case. Without this it is the first that has a list.
    pub sheet: Option<&'s str>,
}

impl<'a> Source<'a> {
    /// Decodes the file, finds its delimiter and header, and counts its rows. `format` is what the file
    /// is said to be; without it the header decides.
    pub fn open(bytes: &'a [u8], format: Option<Format>, limits: &Limits) -> Result<Source<'a>, FileError> {
        Source::open_as(bytes, format, Reading::default(), limits)
    }

    pub fn open_as(
        bytes: &'a [u8],
        format: Option<Format>,
        reading: Reading<'_>,
        limits: &Limits,
    ) -> Result<Source<'a>, FileError> {
        let find = |text: &str, limits| find_header(text, format, limits);
        let is_turned_header = |names: &[&str]| match format {
            Some(format) => format.rules().is_whole_header(names),
            None => Format::recognize(names).is_some(),
        };
        Source::read(bytes, reading, limits, &find, &is_turned_header, Ok)
    }

    /// The same for a file of no known format, with what a person has said of its columns.
    pub fn open_mapped(bytes: &'a [u8], mapping: &Mapping, limits: &Limits) -> Result<Source<'a>, FileError> {
        Source::open_mapped_as(bytes, mapping, Reading::default(), limits)
    }

    pub fn open_mapped_as(
        bytes: &'a [u8],
        mapping: &Mapping,
        reading: Reading<'_>,
        limits: &Limits,
    ) -> Result<Source<'a>, FileError> {
        let rules = mapping.rules();
        mapping.check_secrets(&rules)?;
        let find = |text: &str, limits| find_mapped_header(text, &rules, limits);
        let is_turned_header = |names: &[&str]| rules.is_header(names);
        let with_mapping = |source: Source<'a>| Ok(source.with_mapping(mapping));
        Source::read(bytes, reading, limits, &find, &is_turned_header, with_mapping)
    }

    fn with_mapping(mut self, mapping: &Mapping) -> Source<'a> {
        let fix = |(at, column): (usize, &Column)| mapping.fix_of(&column.header).map(|f| (at, f.clone()));
        self.fixes = self.columns().iter().enumerate().filter_map(fix).collect();
        let rules = mapping.rules();
        let is_there = |name: &SmolStr| {
            self.columns().iter().any(|column| comparable(&column.header) == comparable(name))
        };
        let missing: Vec<&SmolStr> =
            rules.columns.iter().map(|rule| &rule.header).filter(|name| !is_there(name)).collect();
        let note = note::of_missing_columns(&missing);
        self.notes.extend(note);
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
        Source::header_as(bytes, Reading::default(), limits)
    }

    pub fn header_as(
        bytes: &[u8],
        reading: Reading<'_>,
        limits: &Limits,
    ) -> Result<Option<Vec<SmolStr>>, FileError> {
        let guess = |text: &str| match reading.vertical {
            true => {
                let upright = turned::upright_as_said(text, limits)?;
                guess_header(&upright.text, record_limits(limits))
            }
            false => guess_header(text, record_limits(limits)),
        };
        let opened = Opened::of(bytes, limits, reading.sheet, &|text| !matches!(guess(text), Ok(None)))?;
        guess(&opened.decoded.text).map_err(|error| opened.named(error))
    }

    /// `finish` is done before it is looked at what is above the header.
    fn read(
        bytes: &'a [u8],
        reading: Reading<'_>,
        limits: &Limits,
        find: &dyn Fn(&str, RecordLimits) -> Result<Header, FileError>,
        is_turned_header: &dyn Fn(&[&str]) -> bool,
        finish: impl FnOnce(Source<'a>) -> Result<Source<'a>, FileError>,
    ) -> Result<Source<'a>, FileError> {
        let lies = |text: &str| lying(text, reading.vertical, limits, find, is_turned_header);
        let has_list = |text: &str| !matches!(lies(text), Err(error) if is_no_list(&error));
        let mut opened = Opened::of(bytes, limits, reading.sheet, &has_list)?;
        let (header, upright) = lies(&opened.decoded.text).map_err(|error| opened.named(error))?;
        let (sheet, others) = (opened.sheet.clone(), std::mem::take(&mut opened.others));
        let source = Source::counted(bytes, opened, header, upright, limits)
            .and_then(finish)
            .and_then(Source::with_nobody_above);
        match sheet {
            None => source,
            Some(sheet) => {
                let mut source = source.map_err(|error| in_sheet(&sheet, &others, error))?;
                source.notes.extend(note::of_sheets(&sheet, &others));
                Ok(source)
            }
        }
    }

    fn counted(
        bytes: &[u8],
        opened: Opened<'a>,
        header: Header,
        upright: Option<Upright>,
        limits: &Limits,
    ) -> Result<Source<'a>, FileError> {
        let Opened { decoded, marks, mut shape, sheet, .. } = opened;
        let (mut text, mut field_rows) = (decoded.text, Vec::new());
        if let Some(upright) = upright {
            shape = Shape::Turned { delimiter: upright.delimiter, is_workbook: shape == Shape::Workbook };
            (text, field_rows) = (Cow::Owned(upright.text), upright.rows);
        }
        let mut header = header;
        if shape != Shape::Upright {
            // The text is not the file's own: its records are the sheet's rows or columns.
            header.line = header.rows_index + u64::from(header.header_at.is_none());
        }
        let mut source = Source {
            text,
            encoding: decoded.encoding,
            begins_with_mark: bytes.starts_with("\u{feff}".as_bytes()),
            shape,
            marks,
            field_rows,
            sheet,
            notes: Vec::new(),
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
}

/// A file's text, and where it comes from.
struct Opened<'a> {
    decoded: Decoded<'a>,
    marks: Vec<Mark>,
    shape: Shape,
    sheet: Option<SmolStr>,
    others: Vec<OtherSheet>,
}

impl<'a> Opened<'a> {
    fn of(
        bytes: &'a [u8],
        limits: &Limits,
        sheet: Option<&str>,
        has_list: &dyn Fn(&str) -> bool,
    ) -> Result<Opened<'a>, FileError> {
        if bytes.len() as u64 > limits.bytes_max {
            return Err(FileError::TooLarge { limit: limits.bytes_max });
        }
        if !bytes.starts_with(workbook::ZIP_MAGIC) {
            let decoded = decode(bytes)?;
            if let Some(sheet) = sheet {
                return Err(FileError::NoSuchSheet { sheet: sheet.to_owned(), sheets: Vec::new() });
            }
            let (marks, shape) = (Vec::new(), Shape::Upright);
            return Ok(Opened { decoded, marks, shape, sheet: None, others: Vec::new() });
        }
        let chosen = workbook::read(bytes, limits, sheet, has_list)?;
        Ok(Opened {
            decoded: Decoded { text: Cow::Owned(chosen.sheet.text), encoding: "XLSX" },
            marks: chosen.sheet.marks,
            shape: Shape::Workbook,
            sheet: Some(chosen.name),
            others: chosen.others,
        })
    }

    /// What is wrong, with the sheet in which it is.
    fn named(&self, error: FileError) -> FileError {
        match &self.sheet {
            Some(sheet) => in_sheet(sheet, &self.others, error),
            None => error,
        }
    }
}

fn record_limits(limits: &Limits) -> RecordLimits {
    RecordLimits { cells_max: limits.columns_max, cell_bytes_max: limits.cell_bytes_max }
}

/// The header, and the table set upright where it lies on its side.
fn lying(
    text: &str,
    vertical: bool,
    limits: &Limits,
    find: &dyn Fn(&str, RecordLimits) -> Result<Header, FileError>,
    is_turned_header: &dyn Fn(&[&str]) -> bool,
) -> Result<(Header, Option<Upright>), FileError> {
    let record_limits = record_limits(limits);
    if vertical {
        let upright = turned::upright_as_said(text, limits)?;
        return Ok((find(&upright.text, record_limits)?, Some(upright)));
    }
    match find(text, record_limits) {
        Ok(header) => Ok((header, None)),
        // There is a header, which is upright.
        Err(error @ (FileError::DifferingSeparators { .. } | FileError::MixedSeparators { .. })) => {
            Err(error)
        }
        Err(error) => match turned::upright(text, is_turned_header, limits)? {
            Some(upright) => Ok((find(&upright.text, record_limits)?, Some(upright))),
            None => Err(error),
        },
    }
}

/// Of a sheet that is no list but perhaps something to be read by people. One with a list that has a mistake
/// in it must not be left for the next sheet.
fn is_no_list(error: &FileError) -> bool {
    matches!(
        error,
        FileError::Unrecognized { .. }
            | FileError::NotAsMapped { .. }
            | FileError::RequiredColumnMissing { .. }
            | FileError::NoHeader
    )
}

fn in_sheet(sheet: &SmolStr, others: &[OtherSheet], error: FileError) -> FileError {
    match others.is_empty() {
        true => error,
        false => FileError::InSheet { sheet: sheet.clone(), others: others.to_vec(), error: Box::new(error) },
    }
}
