//! A workbook of one sheet, written row by row: nothing but the row and what the packer keeps is held.
//!
//! Texts stand in their cells instead of a table of all texts, which would have to be kept to the end. The
//! sizes of a part follow it in the archive, so that the sink is never gone back in.

use std::fmt::Write as _;
use std::io::{self, Write};

use jiff::Timestamp;
use smol_str::SmolStr;
use zip::ZipWriter;
use zip::write::{SimpleFileOptions, StreamWriter};

use crate::workbook::MarkKind;

/// Excel counts days from here; the two days before March 1900 that it has in addition are of no matter.
const FIRST_DAY: &str = "1899-12-30T00:00:00Z";
const MS_A_DAY: f64 = 86_400_000.0;

/// Markup repeats itself: the usual level takes more than twice as long for a sixth less.
const LEVEL: i64 = 1;

/// Every part but the sheet.
const PARTS: [(&str, &str); 5] = [
    (
        "[Content_Types].xml",
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>"#,
    ),
    (
        "_rels/.rels",
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
    ),
    (
        "xl/workbook.xml",
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><bookViews><workbookView/></bookViews><sheets><sheet name="People" sheetId="1" r:id="rId1"/></sheets></workbook>"#,
    ),
    (
        "xl/_rels/workbook.xml.rels",
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>"#,
    ),
    (
        // Cell formats: 0 as it is, 1 a date and time (22), 2 text (49): what is typed into it later stays
        // text; 3 the same in bold.
        "xl/styles.xml",
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="4"><xf/><xf numFmtId="22" applyNumberFormat="1"/><xf numFmtId="49" applyNumberFormat="1"/><xf numFmtId="49" fontId="1" applyNumberFormat="1" applyFont="1"/></cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>"#,
    ),
];

/// Excel offers to make a number of a text of digits, which loses the zeros at its beginning: not here.
const END: &str = r#"</sheetData><ignoredErrors><ignoredError sqref="A1:XFD1048576" numberStoredAsText="1"/></ignoredErrors></worksheet>"#;

const TEXT: u8 = 2;
const BOLD: u8 = 3;

pub(crate) struct SheetWriter<W: Write> {
    archive: ZipWriter<StreamWriter<W>>,
    /// From 1.
    row: u64,
    /// The row that is being written; used again for the next.
    xml: String,
    /// The names of the columns so far.
    letters: Vec<String>,
}

impl<W: Write> SheetWriter<W> {
    /// A sheet with nothing to it but the rows.
    pub fn new(sink: W) -> io::Result<SheetWriter<W>> {
        SheetWriter::begin(sink, "")
    }

    /// A sheet whose header stays where it is, in bold, with what stands above it, over columns of text.
    pub fn with_header(sink: W, above: &[Vec<SmolStr>], names: &[SmolStr]) -> io::Result<SheetWriter<W>> {
        let width = names.len().max(1);
        let (split, first) = (above.len() + 1, above.len() + 2);
        let before = format!(
            r#"<sheetViews><sheetView workbookViewId="0"><pane ySplit="{split}" topLeftCell="A{first}" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols><col min="1" max="{width}" width="16" style="{TEXT}" customWidth="1"/></cols>"#
        );
        let mut sheet = SheetWriter::begin(sink, &before)?;
        for line in above {
            sheet.push(line.iter().map(|cell| (cell.as_str(), None)))?;
        }
        sheet.begin_row();
        for (column, name) in names.iter().enumerate() {
            sheet.text(column, name, BOLD);
        }
        sheet.end_row()?;
        Ok(sheet)
    }

    fn begin(sink: W, before: &str) -> io::Result<SheetWriter<W>> {
        let mut archive = ZipWriter::new_stream(sink);
        let options = SimpleFileOptions::default().compression_level(Some(LEVEL));
        for (name, text) in PARTS {
            archive.start_file(name, options)?;
            archive.write_all(text.as_bytes())?;
        }
        // Beyond 4 GiB writing fails: spreadsheets take sizes of 64 bits behind a part for damage.
        archive.start_file("xl/worksheets/sheet1.xml", options)?;
        archive.write_all(br#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">"#)?;
        archive.write_all(before.as_bytes())?;
        archive.write_all(b"<sheetData>")?;
        Ok(SheetWriter { archive, row: 0, xml: String::new(), letters: Vec::new() })
    }

    /// A row of cells, each with what it was if it was no text.
    pub fn push<'c>(&mut self, cells: impl Iterator<Item = (&'c str, Option<MarkKind>)>) -> io::Result<()> {
        self.begin_row();
        for (column, (cell, kind)) in cells.enumerate() {
            self.cell(column, cell, kind);
        }
        self.end_row()
    }

    pub fn begin_row(&mut self) {
        self.row += 1;
        self.xml.clear();
        let _ = write!(self.xml, "<row r=\"{}\">", self.row);
    }

    /// A cell of the row that was begun; columns count from 0 and come in order.
    pub fn cell(&mut self, column: usize, cell: &str, kind: Option<MarkKind>) {
        match kind {
            Some(MarkKind::Number | MarkKind::LongNumber) if cell.parse::<f64>().is_ok() => {
                self.value(column, "", cell);
            }
            Some(MarkKind::Date) => match serial(cell) {
                Some(days) => self.value(column, " s=\"1\"", &days.to_string()),
                None => self.text(column, cell, TEXT),
            },
            Some(MarkKind::Error) => self.value(column, " t=\"e\"", cell),
            _ => self.text(column, cell, TEXT),
        }
    }

    fn value(&mut self, column: usize, attribute: &str, value: &str) {
        self.open(column);
        let _ = write!(self.xml, "{attribute}><v>");
        push_escaped(&mut self.xml, value);
        self.xml.push_str("</v></c>");
    }

    fn text(&mut self, column: usize, text: &str, style: u8) {
        if text.is_empty() {
            return;
        }
        self.open(column);
        // Without this a reader takes off the blanks at both ends.
        let space = if text.trim() == text { "" } else { " xml:space=\"preserve\"" };
        let _ = write!(self.xml, " s=\"{style}\" t=\"inlineStr\"><is><t{space}>");
        push_escaped(&mut self.xml, text);
        self.xml.push_str("</t></is></c>");
    }

    fn open(&mut self, column: usize) {
        while self.letters.len() <= column {
            self.letters.push(letters(self.letters.len()));
        }
        let _ = write!(self.xml, "<c r=\"{}{}\"", self.letters[column], self.row);
    }

    pub fn end_row(&mut self) -> io::Result<()> {
        self.xml.push_str("</row>");
        self.archive.write_all(self.xml.as_bytes())
    }

    pub fn finish(mut self) -> io::Result<W> {
        self.archive.write_all(END.as_bytes())?;
        Ok(self.archive.finish()?.into_inner())
    }
}

/// `A` to `Z`, `AA` and so on.
pub(crate) fn letters(mut column: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(b'A' + (column % 26) as u8);
        column /= 26;
        if column == 0 {
            break;
        }
        column -= 1;
    }
    letters.iter().rev().map(|letter| char::from(*letter)).collect()
}

/// The days that Excel has for a date.
fn serial(text: &str) -> Option<f64> {
    let (time, first) = (text.parse::<Timestamp>().ok()?, FIRST_DAY.parse::<Timestamp>().ok()?);
    Some((time.as_millisecond() - first.as_millisecond()) as f64 / MS_A_DAY)
}

/// What XML cannot hold is written as Excel writes it (ECMA-376 part 1 §22.9.2.19), and so is what would be
/// read as such.
fn push_escaped(xml: &mut String, text: &str) {
    let may_be_special = |b: u8| b < b' ' || matches!(b, b'&' | b'<' | b'>' | b'"' | b'_' | 0xEF);
    if !text.bytes().any(may_be_special) {
        return xml.push_str(text);
    }
    for (at, c) in text.char_indices() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '_' if is_escape(&text.as_bytes()[at..]) => xml.push_str("_x005F_"),
            c if (c < ' ' && c != '\t' && c != '\n') || c == '\u{fffe}' || c == '\u{ffff}' => {
                let _ = write!(xml, "_x{:04X}_", c as u32);
            }
            c => xml.push(c),
        }
    }
}

fn is_escape(bytes: &[u8]) -> bool {
    matches!(bytes, [b'_', b'x', a, b, c, d, b'_', ..] if [a, b, c, d].iter().all(|h| h.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::Cursor;

    use calamine::{Reader, Xlsx};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn columns_are_lettered_as_excel_letters_them() {
        let found = [0, 25, 26, 51, 701, 702, 16_383].map(letters);
        assert_eq!(found, ["A", "Z", "AA", "AZ", "ZZ", "AAA", "XFD"]);
    }

    fn read(bytes: Vec<u8>) -> Vec<Vec<String>> {
        let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
        let range = workbook.worksheet_range("People").unwrap();
        range.rows().map(|row| row.iter().map(|cell| cell.to_string()).collect()).collect()
    }

    #[test]
    fn what_xml_cannot_hold_and_what_looks_like_an_escape_comes_back() {
        let texts =
            ["a\rb", "\u{0}", "_x000D_", "_x005F_x000D_", "__x0041__", "\u{fffe}", " a ", "\n", "<&>\"']]>"];
        let mut sheet = SheetWriter::with_header(Vec::new(), &[], &["text".into()]).unwrap();
        for text in texts {
            sheet.push([(text, None)].into_iter()).unwrap();
        }
        let found = read(sheet.finish().unwrap()).concat();
        assert_eq!(found[1..], texts);
    }

    #[test]
    fn a_sheet_leaves_while_it_is_written() {
        struct Counting<'c>(&'c Cell<usize>);
        impl Write for Counting<'_> {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.set(self.0.get() + bytes.len());
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let written = Cell::new(0);
        let mut sheet = SheetWriter::with_header(Counting(&written), &[], &["text".into()]).unwrap();
        let mut behind_max = 0;
        let mut random = 1u64;
        for row in 1..=20_000_usize {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            sheet.push([(random.to_string().as_str(), None)].into_iter()).unwrap();
            // Ten of those digits cannot be packed into less than four bytes.
            behind_max = behind_max.max((row * 4).saturating_sub(written.get()));
        }
        sheet.finish().unwrap();
        assert!(behind_max < 20_000, "{behind_max} bytes waited");
    }

    proptest! {
        #[test]
        fn every_cell_comes_back(rows in prop::collection::vec(prop::collection::vec("\\PC{0,8}|[_x0-9A-F\r\n\t ]{1,9}", 3), 1..5)) {
            let mut sheet = SheetWriter::with_header(Vec::new(), &[], &["a".into(), "b".into(), "c".into()]).unwrap();
            for row in &rows {
                sheet.push(row.iter().map(|cell| (cell.as_str(), None))).unwrap();
            }
            let mut expected = vec![vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]];
            expected.extend(rows);
            // Empty rows at the end are none.
            while expected.last().is_some_and(|row| row.iter().all(String::is_empty)) {
                expected.pop();
            }
            prop_assert_eq!(read(sheet.finish().unwrap()), expected);
        }
    }
}
