//! People written in our own format as an Excel workbook.

use std::io;

use rust_xlsxwriter::{Format, Workbook, XlsxError};

use crate::encode::guard_of_apostrophes;
use crate::export::{ExportError, ExportRow, Layout, OwnColumns};
use crate::limits::WORKBOOK_PEOPLE_MAX;

/// Writes people one by one into the only sheet. Every cell is text: leading zeros live, and nothing is a
/// formula. Rows wait in a temporary file, or in memory where they hold passwords.
pub struct WorkbookExporter {
    workbook: Workbook,
    columns: OwnColumns,
    /// People written so far.
    rows: u32,
}

impl WorkbookExporter {
    pub fn new(layout: Layout) -> Result<WorkbookExporter, ExportError> {
        let columns = OwnColumns::new(layout);
        let mut workbook = Workbook::new();
        let sheet = match layout.with_secrets {
            true => workbook.add_worksheet(),
            false => workbook.add_worksheet_with_constant_memory().map_err(failed)?,
        };
        sheet.set_name("People").map_err(failed)?;
        let bold = Format::new().set_bold();
        for (column, header) in columns.layout.headers().iter().enumerate() {
            sheet.write_string_with_format(0, column as u16, header.as_str(), &bold).map_err(failed)?;
        }
        sheet.set_freeze_panes(1, 0).map_err(failed)?;
        Ok(WorkbookExporter { workbook, columns, rows: 0 })
    }

    pub fn push(&mut self, row: &ExportRow<'_>) -> Result<(), ExportError> {
        if self.rows >= WORKBOOK_PEOPLE_MAX {
            return Err(ExportError::TooManyPeople);
        }
        self.rows += 1;
        let (at, mut column) = (self.rows, 0);
        let sheet = self.workbook.worksheet_from_index(0).map_err(failed)?;
        self.columns.each_cell(row, |cell| {
            if !cell.is_empty() {
                sheet.write_string(at, column, guard_of_apostrophes(cell)).map_err(failed)?;
            }
            column += 1;
            Ok(())
        })
    }

    /// Writes the whole file.
    pub fn finish(mut self, sink: impl io::Write + Send) -> Result<(), ExportError> {
        self.workbook.save_to_writer(sink).map_err(failed)
    }
}

fn failed(error: XlsxError) -> ExportError {
    ExportError::Write(io::Error::other(error))
}
