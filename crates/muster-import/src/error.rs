//! What is said when a file, or a cell of it, cannot be taken.

use std::fmt;

use smol_str::SmolStr;

use crate::format::Format;
use crate::note::{OtherSheet, listed};
use crate::separators::called;

/// Columns that a mend lists; the longest header that we know has sixty.
const COLUMNS_NAMED_MAX: usize = 64;

/// Why a file cannot be read at all. The text says what is wrong; [`FileError::mend`] what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    #[error("the file is empty")]
    Empty,
    #[error("the file has a header and no rows under it")]
    HeaderOnly,
    /// `looks_like` names the kind of file, where it shows.
    #[error("the file is not a table{}", looks_like.map(|kind| format!(": it looks like {kind}")).unwrap_or_default())]
    NotText { looks_like: Option<&'static str> },
    #[error("the file is written in {encoding}, but line {line} holds bytes that are not")]
    Damaged { encoding: &'static str, line: u64 },
    /// Text, but for this byte.
    #[error("line {line} holds a NUL byte, which no text has")]
    Nul { line: u64 },
    #[error("the file is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("the file has more than {limit} rows")]
    TooManyRows { limit: u64 },
    #[error("the file has {found} columns, more than {limit}")]
    TooManyColumns { found: usize, limit: usize },
    #[error("the columns `{first}` and `{second}` have the same name")]
    ColumnTwice { first: SmolStr, second: SmolStr },
    /// The first line is a person rather than names of columns. Nothing of it is shown.
    #[error("the file has no line of column names: the first line is not one")]
    NoHeader,
    /// `header` says where it is, `first` and `last` where the people are, each a line, row or column.
    #[error("{header}; above it there {} like people, who would be lost ({})", if *count == 1 { "is a line that looks".to_owned() } else { format!("are {count} that look") }, if first == last { first.clone() } else { format!("{first} to {last}") })]
    PeopleAbove { header: String, first: String, last: String, count: usize },
    /// The signs, as bytes of ASCII.
    #[error("the column names are separated by {} and by {}", called(*first), called(*second))]
    MixedSeparators { first: u8, second: u8 },
    #[error("the header is separated by {} and the rows by {}", called(*header), called(*rows))]
    DifferingSeparators { header: u8, rows: u8 },
    /// A sheet was named; `sheets` are those that there are, none in a text.
    #[error("there is no sheet `{sheet}`{}", if sheets.is_empty() { ": the file is no workbook" } else { "" })]
    NoSuchSheet { sheet: String, sheets: Vec<SmolStr> },
    /// What is wrong with the sheet that was read, of a workbook with others.
    #[error("{error} (sheet `{sheet}`)")]
    InSheet { sheet: SmolStr, others: Vec<OtherSheet>, error: Box<FileError> },
    /// `header` as in the file, shortened. `closest` is the format that knows most of the columns;
    /// `missing` is what marks it and the file has not, `unknown` what the file has and it has not (the
    /// first few). `guessed`: what most of the columns mean can be guessed, and more of them than `closest`
    /// knows.
    #[error("the columns are not those of any known format: {header}")]
    Unrecognized {
        header: String,
        closest: Option<Format>,
        missing: Vec<&'static str>,
        unknown: Vec<SmolStr>,
        guessed: bool,
    },
    #[error("no line of the file has the columns of the mapping: {}", columns.join(", "))]
    NotAsMapped { columns: Vec<SmolStr> },
    /// A correction is for a column that is not there; `columns` are those that are.
    #[error("the file has no column `{column}` to be corrected")]
    NoSuchColumn { column: SmolStr, columns: Vec<SmolStr> },
    #[error("`{column}` holds passwords, which are not corrected by rule: the rule would be kept in clear")]
    SecretCorrected { column: SmolStr },
    #[error("`{found}` in the column `{column}` is corrected twice")]
    CorrectedTwice { column: SmolStr, found: SmolStr },
    #[error("there are more than {limit} corrections")]
    TooManyCorrections { limit: usize },
    #[error("the file lacks what {} always has: {}", format.label(), columns.join(", "))]
    RequiredColumnMissing { format: Format, columns: Vec<&'static str> },
    /// An Excel workbook that cannot be read.
    #[error("the workbook is damaged: {why}")]
    Workbook { why: String },
    /// A small archive that is made to fill the memory of whoever opens it.
    #[error("the workbook unpacks to more than {limit} bytes")]
    Inflates { limit: u64 },
    /// Of something that fills the memory or takes long to read; `what` ends the sentence.
    #[error("the workbook has more than {limit} {what}")]
    TooMuch { what: &'static str, limit: u64 },
    /// A turned file's lines belong together cell by cell.
    #[error("line {line} has {found} cells where the first has {expected}")]
    Uneven { line: u64, found: usize, expected: usize },
    /// `row` counts the rows of data from 1; 0 is the header.
    #[error("a quote is opened on line {line} ({}) and never closed", match row { 0 => "the header".to_owned(), row => format!("row {row}") })]
    QuoteNeverClosed { row: u64, line: u64 },
}

impl FileError {
    /// The option of the import that mends it, `mapping` or `format`; with its value where only one will do,
    /// as `format=muster`.
    pub fn option(&self) -> Option<String> {
        match self {
            FileError::Unrecognized { guessed: true, .. } => Some("mapping".to_owned()),
            FileError::Unrecognized { closest: Some(closest), missing, .. } if missing.is_empty() => {
                Some(format!("format={}", closest.word()))
            }
            FileError::Unrecognized { .. } => Some("format".to_owned()),
            FileError::InSheet { error, .. } => error.option().or_else(|| Some("sheet".to_owned())),
            _ => None,
        }
    }

    /// What to do about it, in one sentence.
    pub fn mend(&self) -> String {
        match self {
            FileError::Empty => "choose a file with a line of column names and a line for each person".into(),
            FileError::HeaderOnly => "add a line for each person under the column names".into(),
            FileError::NotText { .. } => {
                "save it as CSV (UTF-8) or as an Excel workbook (.xlsx) and try again".into()
            }
            FileError::Damaged { encoding, .. } => {
                format!("save the file again as CSV in {encoding}, or mend that line")
            }
            FileError::Nul { .. } => {
                "delete that sign, or export the list again: some programs leave it where a text broke off"
                    .into()
            }
            FileError::TooLarge { .. } | FileError::TooManyRows { .. } => {
                "split the file and import the parts one after another".into()
            }
            FileError::TooManyColumns { .. } => "remove the columns that say nothing about people".into(),
            FileError::ColumnTwice { .. } => "remove one of the two, or give it another name".into(),
            FileError::RequiredColumnMissing { columns, .. } => {
                format!("add the missing column{}", if columns.len() == 1 { "" } else { "s" })
            }
            FileError::Workbook { .. } => {
                "open it in Excel and save it again, or save it as CSV (UTF-8)".into()
            }
            FileError::Inflates { .. } | FileError::TooMuch { .. } => {
                "delete the sheets that are not the list, split the list, or save it as CSV".into()
            }
            FileError::Uneven { .. } => {
                "people are columns in this file: give every line a cell for each person, empty ones too"
                    .into()
            }
            FileError::QuoteNeverClosed { .. } => {
                "close the quote, and write a quote inside a quoted cell twice".into()
            }
            FileError::NoHeader
            | FileError::PeopleAbove { .. }
            | FileError::MixedSeparators { .. }
            | FileError::DifferingSeparators { .. }
            | FileError::NoSuchSheet { .. }
            | FileError::InSheet { .. }
            | FileError::Unrecognized { .. }
            | FileError::NotAsMapped { .. }
            | FileError::NoSuchColumn { .. }
            | FileError::SecretCorrected { .. }
            | FileError::CorrectedTwice { .. }
            | FileError::TooManyCorrections { .. } => self.mend_of_header(),
        }
    }

    /// The same of what is wrong with the columns, or with what is said of them.
    fn mend_of_header(&self) -> String {
        match self {
            FileError::NoHeader => {
                "write a line of column names above the people, such as display_name,extension,email".into()
            }
            FileError::PeopleAbove { .. } => {
                "move the header above them, or delete what is above it if nobody of them is meant".into()
            }
            FileError::MixedSeparators { .. } | FileError::DifferingSeparators { .. } => {
                "use one of them in the whole file; a cell that has it inside stands in quotes".into()
            }
            FileError::NoSuchSheet { sheets, .. } if sheets.is_empty() => "name no sheet".into(),
            FileError::NoSuchSheet { sheets, .. } => {
                let named: Vec<&str> = sheets.iter().take(COLUMNS_NAMED_MAX).map(SmolStr::as_str).collect();
                format!("name one of: {}", named.join(", "))
            }
            FileError::InSheet { others, error, .. } => {
                format!("{}; or name the sheet that has the list, of {}", error.mend(), listed(others))
            }
            FileError::Unrecognized { guessed: true, .. } => {
                "map its columns: what most of them mean can be guessed by their names".into()
            }
            FileError::Unrecognized { closest: None, .. } => {
                "say which system wrote it, or map its columns".into()
            }
            FileError::Unrecognized { closest: Some(closest), missing, unknown, .. } => {
                let (unknown, needed) = (unknown.join(", "), missing.join(", "));
                match missing.is_empty() {
                    true => format!("say that its format is {}, to leave out {unknown}", closest.word()),
                    false => format!(
                        "say which system wrote it ({} is closest, and would need {needed}), or map its columns",
                        closest.label()
                    ),
                }
            }
            FileError::NotAsMapped { .. } => {
                "choose the file that the mapping was made for, or make a mapping for this one".into()
            }
            FileError::NoSuchColumn { columns, .. } => {
                let named: Vec<&str> = columns.iter().take(COLUMNS_NAMED_MAX).map(SmolStr::as_str).collect();
                let more = if columns.len() > COLUMNS_NAMED_MAX { ", …" } else { "" };
                format!("name one of its columns: {}{more}", named.join(", "))
            }
            FileError::SecretCorrected { .. } => {
                "mend the passwords in the file, or empty them all with * and nothing: new ones are made"
                    .into()
            }
            FileError::CorrectedTwice { .. } => "keep one of the two".into(),
            FileError::TooManyCorrections { .. } => {
                "mend the file itself, or save the corrections in a mapping".into()
            }
            _ => String::new(),
        }
    }
}

/// Why a cell, or a row as a whole, was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellError {
    /// The line of the file on which the row begins, from 1.
    pub line: u64,
    /// Counts the rows of data, from 1.
    pub row: u64,
    /// The header of the column, as the file writes it; `None` where the whole row is meant.
    pub column: Option<SmolStr>,
    /// What stands there, shortened. Never a password or PIN.
    pub found: String,
    /// What was expected and is not so, for example `is not an extension`.
    pub reason: String,
    /// What to do, for example `write 1 to 15 digits, such as 1001`.
    pub mend: String,
    /// The reason, where what stood there is lost: each such cell needs a value of its own, so that one
    /// correction cannot do for all.
    pub lost: Option<&'static str>,
}

impl fmt::Display for CellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {} (line {})", self.row, self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", {column}")?;
        }
        let (colon, space) = match (&self.column, self.found.is_empty()) {
            (None, true) => ("", " "),
            (_, true) => (": ", ""),
            (_, false) => (": ", " "),
        };
        write!(f, "{colon}{}{space}{}: {}", self.found, self.reason, self.mend)
    }
}

/// Something a row says that nothing was made of, and why. Never a password or PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The header of the column, as the file writes it.
    pub column: SmolStr,
    /// What stands there, shortened; empty where the text says it all.
    pub found: String,
    /// Of no particular row, so that rows with the same remark can be told by it.
    pub text: String,
}
