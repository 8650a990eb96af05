//! A workbook of one sheet, written row by row: nothing but a part's compressed bytes is held.
//!
//! Not the writer of exports: that one keeps a sheet in memory, or in a file in the clear, and here numbers,
//! dates and errors have to come out as they came in.

use std::io::{self, Write};

use jiff::Timestamp;
use zip::ZipWriter;
use zip::write::{SimpleFileOptions, StreamWriter};

use crate::workbook::MarkKind;

/// Excel counts days from here; the two days before March 1900 that it has in addition are of no matter.
const FIRST_DAY: &str = "1899-12-30T00:00:00Z";
const MS_A_DAY: f64 = 86_400_000.0;

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
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="People" sheetId="1" r:id="rId1"/></sheets></workbook>"#,
    ),
    (
        "xl/_rels/workbook.xml.rels",
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>"#,
    ),
    (
        // Cell formats: 0 as it is, 1 a date and time (22), 2 text (49): what is typed into it later stays text.
        "xl/styles.xml",
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf/><xf numFmtId="22" applyNumberFormat="1"/><xf numFmtId="49" applyNumberFormat="1"/></cellXfs></styleSheet>"#,
    ),
];

pub(crate) struct SheetWriter<W: Write> {
    archive: ZipWriter<StreamWriter<W>>,
    /// From 1.
    row: u64,
    /// The row that is being written; used again for the next.
    xml: String,
}

impl<W: Write> SheetWriter<W> {
    pub fn new(sink: W) -> io::Result<SheetWriter<W>> {
        let mut archive = ZipWriter::new_stream(sink);
        for (name, text) in PARTS {
            archive.start_file(name, SimpleFileOptions::default())?;
            archive.write_all(text.as_bytes())?;
        }
        archive.start_file("xl/worksheets/sheet1.xml", SimpleFileOptions::default().large_file(true))?;
        archive.write_all(br#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>"#)?;
        Ok(SheetWriter { archive, row: 0, xml: String::new() })
    }

    /// A row of cells, each with what it was if it was no text.
    pub fn push<'c>(&mut self, cells: impl Iterator<Item = (&'c str, Option<MarkKind>)>) -> io::Result<()> {
        self.row += 1;
        self.xml.clear();
        self.xml.push_str(&format!("<row r=\"{}\">", self.row));
        for (column, (cell, kind)) in cells.enumerate() {
            if !cell.is_empty() {
                self.cell(&format!("{}{}", letters(column), self.row), cell, kind);
            }
        }
        self.xml.push_str("</row>");
        self.archive.write_all(self.xml.as_bytes())
    }

    fn cell(&mut self, at: &str, cell: &str, kind: Option<MarkKind>) {
        let date = || serial(cell).map(|days| (" s=\"1\"", days.to_string()));
        let value = match kind {
            Some(MarkKind::Number | MarkKind::LongNumber) if cell.parse::<f64>().is_ok() => {
                Some(("", cell.to_owned()))
            }
            Some(MarkKind::Date) => date(),
            Some(MarkKind::Error) => Some((" t=\"e\"", cell.to_owned())),
            _ => None,
        };
        match value {
            Some((attribute, value)) => {
                self.xml.push_str(&format!("<c r=\"{at}\"{attribute}><v>"));
                push_escaped(&mut self.xml, &value);
                self.xml.push_str("</v></c>");
            }
            None => {
                self.xml.push_str(&format!(
                    "<c r=\"{at}\" s=\"2\" t=\"inlineStr\"><is><t xml:space=\"preserve\">"
                ));
                push_escaped(&mut self.xml, cell);
                self.xml.push_str("</t></is></c>");
            }
        }
    }

    pub fn finish(mut self) -> io::Result<W> {
        self.archive.write_all(b"</sheetData></worksheet>")?;
        Ok(self.archive.finish()?.into_inner())
    }
}

/// `A` to `Z`, `AA` and so on.
fn letters(mut column: usize) -> String {
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
    for (at, c) in text.char_indices() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '_' if is_escape(&text.as_bytes()[at..]) => xml.push_str("_x005F_"),
            c if (c < ' ' && c != '\t' && c != '\n') || c == '\u{fffe}' || c == '\u{ffff}' => {
                xml.push_str(&format!("_x{:04X}_", c as u32));
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
    use super::*;

    #[test]
    fn columns_are_lettered_as_excel_letters_them() {
        let found = [0, 25, 26, 51, 701, 702, 16_383].map(letters);
        assert_eq!(found, ["A", "Z", "AA", "AZ", "ZZ", "AAA", "XFD"]);
    }
}
