//! An Excel workbook (XLSX) to text: the cells of the sheet that has the list, as records.
//!
//! Text cells come as they are. What Excel has made of others is marked: a number has lost the zeros at its
//! beginning, a date was seldom typed as one.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, Reader, SheetVisible, Xlsx, XlsxError};
use muster_domain::types::fold;
use smol_str::SmolStr;

use crate::error::FileError;
use crate::limits::Limits;
use crate::note::OtherSheet;
use crate::turned::{TURNED_COLUMNS_MAX, push_record};
use crate::unpack::{CELLS, CELLS_MAX, too_much, unpacks_within};

/// As Excel writes one, before it is known to hold a workbook.
pub(crate) const ZIP_MAGIC: &[u8] = b"PK\x03\x04";
/// What a workbook may grow to when it is unpacked, in bytes for each byte of the limit on files.
const INFLATED_FACTOR: u64 = 2;
/// Sheets that are looked at for one with anything in it. Many names may point at one large part.
const SHEETS_MAX: usize = 8;

/// A sheet's cells as comma-separated text.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    pub text: String,
    /// Rows with anything in them.
    pub rows: u64,
    /// Cells that were not text, in the order of the records.
    pub marks: Vec<Mark>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// From 0; the sheet's first row is the first record.
    pub record: u32,
    pub column: u16,
    pub kind: MarkKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MarkKind {
    Number,
    /// Of more digits than Excel keeps.
    LongNumber,
    Date,
    /// A formula that did not work out.
    Error,
}

/// The sheet that is read, and what there is beside it.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub sheet: Sheet,
    pub name: SmolStr,
    /// Those with anything in them.
    pub others: Vec<OtherSheet>,
}

/// Reads the workbook: the sheet of that name, else the first that has a list, else the first with anything
/// in it. Holds its text cells once and the text of at most two sheets.
pub(crate) fn read(
    bytes: &[u8],
    limits: &Limits,
    wanted: Option<&str>,
    has_list: &dyn Fn(&str) -> bool,
) -> Result<Chosen, FileError> {
    unpacks_within(bytes, limits.bytes_max.saturating_mul(INFLATED_FACTOR))?;
    // The reader is not ours and takes whatever people upload: were it to panic on a file, that file is
    // refused and nothing else is lost.
    let read = catch_unwind(AssertUnwindSafe(|| choose_sheet(bytes, limits, wanted, has_list)));
    read.unwrap_or_else(|_| Err(damaged("a part of it is not as it should be")))
}

fn choose_sheet(
    bytes: &[u8],
    limits: &Limits,
    wanted: Option<&str>,
    has_list: &dyn Fn(&str) -> bool,
) -> Result<Chosen, FileError> {
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(of_workbook)?;
    let mut names: Vec<(bool, String)> = workbook
        .sheets_metadata()
        .iter()
        .map(|sheet| (sheet.visible != SheetVisible::Visible, sheet.name.clone()))
        .collect();
    // Hidden ones last; the order is kept otherwise.
    names.sort_by_key(|(is_hidden, _)| *is_hidden);
    if let Some(wanted) = wanted {
        let is_wanted = |(_, name): &(bool, String)| fold(name) == fold(wanted);
        let at = names.iter().position(is_wanted).ok_or_else(|| FileError::NoSuchSheet {
            sheet: wanted.to_owned(),
            sheets: names.iter().map(|(_, name)| SmolStr::new(name)).collect(),
        })?;
        let named = names.remove(at);
        names.insert(0, named);
    }
    // Many names may point at one part: its cells count each time that they are read.
    let mut cells_left = CELLS_MAX;
    let (mut chosen, mut others): (Option<(bool, SmolStr, Sheet)>, Vec<OtherSheet>) = (None, Vec::new());
    let mut is_found = false;
    for (at, (is_hidden, name)) in names.into_iter().enumerate() {
        let name = SmolStr::new(name);
        if is_found || at >= SHEETS_MAX {
            let rows = match at < SHEETS_MAX {
                true => count_rows(&mut workbook, &name, &mut cells_left),
                false => None,
            };
            if rows != Some(0) {
                others.push(OtherSheet { name, rows, is_hidden });
            }
            continue;
        }
        let sheet = one_sheet(&mut workbook, &name, limits, &mut cells_left)?;
        let is_named = at == 0 && wanted.is_some();
        if sheet.text.is_empty() && !is_named {
            continue;
        }
        is_found = is_named || has_list(&sheet.text);
        let instead = match &chosen {
            Some(_) if !is_found => Some((is_hidden, name, sheet)),
            _ => chosen.replace((is_hidden, name, sheet)),
        };
        if let Some((is_hidden, name, sheet)) = instead {
            others.push(OtherSheet { name, rows: Some(sheet.rows), is_hidden });
        }
    }
    match chosen {
        Some((_, name, sheet)) => Ok(Chosen { sheet, name, others }),
        None => Err(FileError::Empty),
    }
}

/// Rows with anything in them; `None` where that cannot be told.
fn count_rows(workbook: &mut Xlsx<Cursor<&[u8]>>, name: &str, cells_left: &mut u64) -> Option<u64> {
    let mut cells = match workbook.worksheet_cells_reader(name) {
        Ok(cells) => cells,
        Err(XlsxError::WorksheetNotFound(_) | XlsxError::NotAWorksheet(_)) => return Some(0),
        Err(_) => return None,
    };
    let (mut rows, mut last) = (0, None);
    while let Some(cell) = cells.next_cell().ok()? {
        *cells_left = cells_left.checked_sub(1)?;
        let (row, _) = cell.get_position();
        if !matches!(cell.get_value(), DataRef::Empty) && last != Some(row) {
            last = Some(row);
            rows += 1;
        }
    }
    Some(rows)
}

fn one_sheet(
    workbook: &mut Xlsx<Cursor<&[u8]>>,
    name: &str,
    limits: &Limits,
    cells_left: &mut u64,
) -> Result<Sheet, FileError> {
    let mut cells = match workbook.worksheet_cells_reader(name) {
        Ok(cells) => cells,
        // A sheet that is a chart has no cells.
        Err(XlsxError::WorksheetNotFound(_) | XlsxError::NotAWorksheet(_)) => {
            return Ok(Sheet::default());
        }
        Err(error) => return Err(of_workbook(error)),
    };
    let mut sheet = Writer::new(limits);
    while let Some(cell) = cells.next_cell().map_err(of_workbook)? {
        *cells_left = cells_left.checked_sub(1).ok_or_else(|| too_much(CELLS, CELLS_MAX))?;
        let (row, column) = cell.get_position();
        let (text, mark) = match cell.get_value() {
            DataRef::Empty => continue,
            DataRef::String(text) => (shortened(text, limits), None),
            DataRef::SharedString(text) => (shortened(text, limits), None),
            DataRef::Int(number) => (number.to_string(), Some(number_kind(*number as f64))),
            DataRef::Float(number) => (number_to_text(*number), Some(number_kind(*number))),
            DataRef::Bool(true) => ("yes".to_owned(), None),
            DataRef::Bool(false) => ("no".to_owned(), None),
            DataRef::DateTime(time) => (date_to_text(time), Some(MarkKind::Date)),
            DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
                (shortened(text, limits), Some(MarkKind::Date))
            }
            DataRef::Error(error) => (error.to_string(), Some(MarkKind::Error)),
        };
        sheet.take(row, column, text, mark)?;
    }
    sheet.finish()
}

/// Enough of a text that is too long to show that it is: one text may stand in every cell.
fn shortened(text: &str, limits: &Limits) -> String {
    text[..text.floor_char_boundary(limits.cell_bytes_max.saturating_add(4))].to_owned()
}

/// Puts cells, which come row by row, into records.
struct Writer<'l> {
    limits: &'l Limits,
    sheet: Sheet,
    row: u32,
    cells: Vec<String>,
    /// The header decides how many cells a record has at least: a row ends where its last cell is.
    width: usize,
    is_empty: bool,
}

impl Writer<'_> {
    fn new(limits: &Limits) -> Writer<'_> {
        Writer { limits, sheet: Sheet::default(), row: 0, cells: Vec::new(), width: 0, is_empty: true }
    }

    fn take(&mut self, row: u32, column: u32, text: String, mark: Option<MarkKind>) -> Result<(), FileError> {
        let column = column as usize;
        if row < self.row {
            return Err(damaged("its rows are not in order"));
        }
        if u64::from(row) > self.limits.rows_max.saturating_add(16) {
            return Err(FileError::TooManyRows { limit: self.limits.rows_max });
        }
        // A turned table has a column for each person, and few rows.
        let is_upright = row as usize > self.limits.columns_max;
        let columns_max = if is_upright { self.limits.columns_max } else { TURNED_COLUMNS_MAX };
        if column >= columns_max {
            return Err(FileError::TooManyColumns { found: column + 1, limit: self.limits.columns_max });
        }
        while self.row < row {
            self.end_row()?;
        }
        if self.cells.len() <= column {
            self.cells.resize(column + 1, String::new());
        }
        self.cells[column] = text;
        self.is_empty = false;
        if let (Some(kind), Ok(column)) = (mark, u16::try_from(column)) {
            self.sheet.marks.push(Mark { record: row, column, kind });
        }
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), FileError> {
        if self.cells.is_empty() {
            // A blank row is a record without its width: a far cell must not fill the memory with blanks.
            push_record(&mut self.sheet.text, std::iter::once(""));
        } else {
            self.sheet.rows += 1;
            // Cells that are not written are empty: every row is as wide as the widest above it.
            self.width = self.width.max(self.cells.len());
            let cells = self.cells.iter().map(String::as_str);
            push_record(&mut self.sheet.text, cells.chain(std::iter::repeat("")).take(self.width));
        }
        self.cells.clear();
        self.row += 1;
        // As if it were a file of text.
        if self.sheet.text.len() as u64 > self.limits.bytes_max {
            return Err(FileError::TooLarge { limit: self.limits.bytes_max });
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Sheet, FileError> {
        if !self.is_empty {
            self.end_row()?;
        }
        Ok(self.sheet)
    }
}

/// Excel keeps fifteen digits of a number and writes noughts for the others.
const WHOLE_NUMBER_MAX: f64 = 999_999_999_999_999.0;

fn number_kind(number: f64) -> MarkKind {
    if number.abs() > WHOLE_NUMBER_MAX { MarkKind::LongNumber } else { MarkKind::Number }
}

/// Without a fraction where it has none: extensions and telephone numbers are numbers to Excel.
fn number_to_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e18 { format!("{number:.0}") } else { number.to_string() }
}

fn date_to_text(time: &calamine::ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn of_workbook(error: XlsxError) -> FileError {
    match error {
        XlsxError::Password => FileError::NotText { looks_like: Some("a workbook with a password on it") },
        error => damaged(error),
    }
}

pub(crate) fn damaged(why: impl ToString) -> FileError {
    FileError::Workbook { why: why.to_string() }
}
