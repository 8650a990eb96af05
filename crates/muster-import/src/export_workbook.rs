//! People written in our own format as an Excel workbook.

use std::io;

use crate::encode::guard_of_apostrophes;
use crate::export::{ExportError, ExportRow, Layout, OwnColumns};
use crate::limits::WORKBOOK_PEOPLE_MAX;
use crate::sheet::SheetWriter;

/// Writes people one by one into the only sheet; holds one row at a time. Every cell is text: leading zeros
/// live, and nothing is a formula.
pub struct WorkbookExporter<W: io::Write> {
    sheet: SheetWriter<W>,
    columns: OwnColumns,
    /// People written so far.
    rows: u32,
}

impl<W: io::Write> WorkbookExporter<W> {
    /// Writes the header.
    pub fn new(sink: W, layout: Layout) -> Result<WorkbookExporter<W>, ExportError> {
        let columns = OwnColumns::new(layout);
        let sheet = SheetWriter::with_header(sink, &[], &columns.layout.headers())?;
        Ok(WorkbookExporter { sheet, columns, rows: 0 })
    }

    pub fn push(&mut self, row: &ExportRow<'_>) -> Result<(), ExportError> {
        if self.rows >= WORKBOOK_PEOPLE_MAX {
            return Err(ExportError::TooManyPeople);
        }
        self.rows += 1;
        let (sheet, mut column) = (&mut self.sheet, 0);
        sheet.begin_row();
        self.columns.each_cell(row, |cell| {
            sheet.cell(column, &guard_of_apostrophes(cell), None);
            column += 1;
            Ok(())
        })?;
        Ok(sheet.end_row()?)
    }

    /// Gives the sink back with everything written to it.
    pub fn finish(self) -> Result<W, ExportError> {
        Ok(self.sheet.finish()?)
    }
}
