//! What stands above the header: titles, which are said to be left out, or people, who must not be lost.

use std::borrow::Cow;

use crate::error::FileError;
use crate::header::delimiter_line;
use crate::judge::Judge;
use crate::note::FileNote;
use crate::sheet::letters;
use crate::source::{Shape, Source};
use crate::table::{Record, Records};
use crate::template::explains;

/// A title is shown up to this length.
const TITLE_CHARACTERS_MAX: usize = 60;

impl Source<'_> {
    /// Refuses a file that has people above its header; says what else is there and not read.
    pub(crate) fn with_nobody_above(mut self) -> Result<Self, FileError> {
        let (mut lines, mut titles, mut people) = (Vec::new(), Vec::new(), Vec::new());
        self.each_above(|line, record, is_person| {
            lines.push(line);
            if is_person {
                people.push(line);
            } else if let Some(title) = title_of(record) {
                titles.push(title);
            }
        });
        let place = |line: u64| match self.shape {
            Shape::Turned { .. } => {
                format!("column {}", letters(usize::try_from(line - 1).unwrap_or_default()))
            }
            Shape::Upright => format!("line {line}"),
            Shape::Workbook => format!("row {line}"),
        };
        let what = if self.header.header_at.is_some() { "the header was found" } else { "the list begins" };
        let header = format!("{what} in {}", place(self.header.line));
        if let (Some(first), Some(last)) = (people.first(), people.last()) {
            let count = people.len();
            return Err(FileError::PeopleAbove { header, first: place(*first), last: place(*last), count });
        }
        let title = match titles.as_slice() {
            [] => String::new(),
            _ => format!(": {}", titles.join(", ")),
        };
        let which = match lines.as_slice() {
            [] => return Ok(self),
            [one] => format!("{} above it is not read", place(*one)),
            [first, .., last] => {
                format!("{} to {} above it are not read", place(*first), last_of(*last, &place))
            }
        };
        let mend = if self.header.header_at.is_some() {
            "people belong under the header".to_owned()
        } else {
            String::new()
        };
        self.notes.push(FileNote { text: format!("{header}; {which}{title}"), mend, option: None });
        Ok(self)
    }

    fn each_above(&self, mut f: impl FnMut(u64, &Record<'_>, bool)) {
        let (_, skipped) = delimiter_line(&self.text);
        let end = self.header.header_at.unwrap_or(self.header.rows_at);
        let Some(above) = self.text.get(skipped..end).filter(|above| !above.trim().is_empty()) else {
            return;
        };
        let first_line = if skipped == 0 { 1 } else { 2 };
        let mut records = Records::new(above, self.header.delimiter, first_line, self.limits);
        let mut judge = Judge::new(self.rules(), self.columns(), self.limits.cell_bytes_max);
        let (mut record, mut index) = (Record::default(), 0);
        while records.read(&mut record) {
            index += 1;
            if record.is_blank() {
                continue;
            }
            let line = if self.shape == Shape::Upright { record.line } else { index };
            let is_person = self.is_person(&mut record, &mut judge);
            f(line, &record, is_person);
        }
    }

    /// Whether a line has a cell for each column, and as much in them as a person has.
    fn is_person(&self, record: &mut Record<'_>, judge: &mut Judge<'_>) -> bool {
        let columns = self.columns().len();
        if self.shape == Shape::Workbook && record.cells.len() == record.cells_total {
            // A sheet's row is as wide as the widest above it.
            while record.cells.len() > columns && record.cells.last().is_some_and(|c| c.trim().is_empty()) {
                record.cells.pop();
            }
            if record.cells.len() < columns {
                record.cells.resize(columns, Cow::Borrowed(""));
            }
            record.cells_total = record.cells.len();
        }
        let filled = record.cells.iter().filter(|cell| !cell.trim().is_empty()).count();
        let names = self.columns().iter().map(|column| column.header.as_str());
        if record.cells_total != columns || filled < 2 || explains(names.zip(&record.cells)) {
            return false;
        }
        let named = self.columns().iter().filter(|column| !column.header.is_empty()).count();
        let row = judge.judge(record, 0, &[], &[]);
        filled * 2 > named || (row.errors.is_empty() && row.errors_if_new.is_empty())
    }
}

fn last_of(line: u64, place: &impl Fn(u64) -> String) -> String {
    place(line).rsplit(' ').next().unwrap_or_default().to_owned()
}

/// The only text of a line, shortened.
fn title_of(record: &Record<'_>) -> Option<String> {
    let mut cells = record.cells.iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty());
    let (Some(title), None) = (cells.next(), cells.next()) else { return None };
    let shown: String =
        title.chars().take(TITLE_CHARACTERS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let more = if title.chars().count() > TITLE_CHARACTERS_MAX { "…" } else { "" };
    Some(format!("`{shown}{more}`"))
}
