//! Some rows of a file as a file of their own, in the format, encoding and shape that they came in.
//!
//! For rows that were not taken: whoever mends them shall find every cell as it stood, and what reads the
//! file again shall see the same mistakes in it.

use std::io::{self, Write};

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::decode::decode;
use crate::sheet::SheetWriter;
use crate::source::{Shape, Source};
use crate::table::{Record, Records};
use crate::turned::push_record_by;
use crate::workbook::{Mark, MarkKind};

impl Source<'_> {
    /// What the name of such a file ends in.
    pub fn ending(&self) -> &'static str {
        if self.is_workbook() { "xlsx" } else { "csv" }
    }

    /// Writes the header and the rows that are wanted by their [`crate::Row::number`], and gives their
    /// count. What stood above the header is left out, and so are empty rows. Text is written in the
    /// encoding that it was read in; only where so few rows would be taken for another one, in UTF-8.
    pub fn write_rows<W: Write>(&self, mut sink: W, is_wanted: impl FnMut(u64) -> bool) -> io::Result<u64> {
        match self.shape {
            Shape::Upright => {
                let text_encoding = Encoding::for_label(self.encoding().as_bytes()).unwrap_or(UTF_8);
                if [UTF_8, UTF_16LE, UTF_16BE].contains(&text_encoding) {
                    let mut out = Text::new(&mut sink, text_encoding, self.begins_with_mark)?;
                    return self.write_upright(is_wanted, |piece| out.push(piece));
                }
                self.write_guessed(&mut sink, text_encoding, |source, out| {
                    source.write_upright(is_wanted, |piece| {
                        out.push_str(piece);
                        Ok(())
                    })
                })
            }
            Shape::Workbook => self.write_sheet(sink, is_wanted),
            Shape::Turned { is_workbook: true, .. } => self.write_turned_sheet(sink, is_wanted),
            Shape::Turned { delimiter, .. } => {
                let (mut text, lines) = (String::new(), self.turned_lines(is_wanted)?);
                lines.records.iter().for_each(|line| {
                    push_record_by(&mut text, delimiter, line.iter().map(String::as_str));
                });
                let encoding = Encoding::for_label(self.encoding().as_bytes()).unwrap_or(UTF_8);
                if [UTF_8, UTF_16LE, UTF_16BE].contains(&encoding) {
                    Text::new(&mut sink, encoding, self.begins_with_mark)?.push(&text)?;
                    return Ok(lines.people);
                }
                self.write_guessed(&mut sink, encoding, |_, out| {
                    out.push_str(&text);
                    Ok(lines.people)
                })
            }
        }
    }

    /// An encoding that was guessed must be guessed again from what is written.
    fn write_guessed(
        &self,
        sink: &mut impl Write,
        encoding: &'static Encoding,
        write: impl FnOnce(&Self, &mut String) -> io::Result<u64>,
    ) -> io::Result<u64> {
        let mut text = String::new();
        let count = write(self, &mut text)?;
        let (bytes, _, _) = encoding.encode(&text);
        if decode(&bytes).is_ok_and(|again| again.text == text) {
            sink.write_all(&bytes)?;
        } else {
            Text::new(sink, UTF_8, true)?.push(&text)?;
        }
        Ok(count)
    }

    /// Gives every wanted record that is not blank, with the bytes of the text that it takes and its place
    /// among the records of the text.
    fn each_wanted(
        &self,
        mut is_wanted: impl FnMut(u64) -> bool,
        mut f: impl FnMut(&Record<'_>, &str, u64) -> io::Result<()>,
    ) -> io::Result<u64> {
        let text = &self.text[self.header.rows_at..];
        let (mut records, mut record) = (self.records(), Record::default());
        let (mut number, mut count, mut index) = (0, 0, self.header.rows_index);
        while records.read(&mut record) {
            index += 1;
            if record.is_blank() {
                continue;
            }
            number += 1;
            if is_wanted(number) {
                count += 1;
                let (end, _) = records.position();
                f(&record, &text[record.begins_at..end], index - 1)?;
            }
        }
        Ok(count)
    }

    /// The file's own text, piece by piece.
    fn write_upright(
        &self,
        is_wanted: impl FnMut(u64) -> bool,
        mut push: impl FnMut(&str) -> io::Result<()>,
    ) -> io::Result<u64> {
        let line_end = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        let mut push_line = |line: &str| {
            push(line)?;
            if line.ends_with(['\r', '\n']) { Ok(()) } else { push(line_end) }
        };
        if self.header.has_delimiter_line {
            push_line(&format!("sep={}", char::from(self.header.delimiter)))?;
        }
        if let Some(at) = self.header.header_at {
            push_line(self.text[at..self.header.rows_at].trim_start_matches(['\r', '\n']))?;
        }
        self.each_wanted(is_wanted, |_, line, _| push_line(line))
    }

    fn write_sheet<W: Write>(&self, sink: W, is_wanted: impl FnMut(u64) -> bool) -> io::Result<u64> {
        let mut sheet = SheetWriter::new(sink)?;
        if let Some(header) = self.header_record() {
            sheet.push(header.cells.iter().map(|cell| (cell.as_ref(), None)))?;
        }
        let count = self.each_wanted(is_wanted, |record, _, index| {
            let marks = self.marks_of(index);
            let kind = |column: usize| -> Option<MarkKind> {
                marks.iter().find(|mark| usize::from(mark.column) == column).map(|mark| mark.kind)
            };
            sheet.push(record.cells.iter().enumerate().map(|(at, cell)| (cell.as_ref(), kind(at))))
        })?;
        sheet.finish()?;
        Ok(count)
    }

    fn write_turned_sheet<W: Write>(&self, sink: W, is_wanted: impl FnMut(u64) -> bool) -> io::Result<u64> {
        let lines = self.turned_lines(is_wanted)?;
        let mut sheet = SheetWriter::new(sink)?;
        for line in &lines.records {
            sheet.push(line.iter().map(|cell| (cell.as_str(), None)))?;
        }
        sheet.finish()?;
        Ok(lines.people)
    }

    /// The table on its side again: a line for each column.
    fn turned_lines(&self, is_wanted: impl FnMut(u64) -> bool) -> io::Result<Lines> {
        let header = self.header_record();
        let mut records: Vec<Vec<String>> = match &header {
            Some(header) => header.cells.iter().map(|name| vec![name.to_string()]).collect(),
            None => vec![Vec::new(); self.columns().len()],
        };
        let people = self.each_wanted(is_wanted, |record, _, _| {
            for (line, cell) in records.iter_mut().zip(&record.cells) {
                line.push(cell.to_string());
            }
            Ok(())
        })?;
        Ok(Lines { records, people })
    }

    fn header_record(&self) -> Option<Record<'_>> {
        let text = &self.text[self.header.header_at?..self.header.rows_at];
        let mut record = Record::default();
        Records::new(text, self.header.delimiter, 1, self.limits).read(&mut record).then_some(record)
    }

    fn marks_of(&self, index: u64) -> &[Mark] {
        let begin = self.marks.partition_point(|mark| u64::from(mark.record) < index);
        let end = self.marks.partition_point(|mark| u64::from(mark.record) <= index);
        &self.marks[begin..end]
    }
}

struct Lines {
    records: Vec<Vec<String>>,
    people: u64,
}

/// Text in one of the encodings that a file says of itself.
struct Text<'w, W> {
    sink: &'w mut W,
    encoding: &'static Encoding,
}

impl<'w, W: Write> Text<'w, W> {
    /// UTF-16 always begins with its mark: without it a few rows could be taken for something else.
    fn new(sink: &'w mut W, encoding: &'static Encoding, with_mark: bool) -> io::Result<Text<'w, W>> {
        let mut text = Text { sink, encoding };
        if with_mark || encoding != UTF_8 {
            text.push("\u{feff}")?;
        }
        Ok(text)
    }

    fn push(&mut self, piece: &str) -> io::Result<()> {
        if self.encoding == UTF_8 {
            return self.sink.write_all(piece.as_bytes());
        }
        let is_big = self.encoding == UTF_16BE;
        let bytes = |unit: u16| if is_big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        let bytes: Vec<u8> = piece.encode_utf16().flat_map(bytes).collect();
        self.sink.write_all(&bytes)
    }
}
