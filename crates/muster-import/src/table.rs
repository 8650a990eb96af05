//! Text to records: CSV as RFC 4180 has it, with any delimiter and any line end.
//!
//! Not the `csv` crate's reader: that one takes a quote that is never closed, or text after a closing
//! quote, without a word; it holds a whole record however long; and its line numbers do not count
//! lone carriage returns. Tests compare the two on everything well-formed.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memchr2_iter, memchr3};

/// How much of one record is kept; the rest is counted, not held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordLimits {
    pub cells_max: usize,
    /// A longer cell keeps at least one byte more than this, so that it shows.
    pub cell_bytes_max: usize,
}

/// One record. Its vector is used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Record<'t> {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Where it begins, in bytes of the text.
    pub begins_at: usize,
    /// The first [`RecordLimits::cells_max`] cells.
    pub cells: Vec<Cow<'t, str>>,
    /// How many there are in all.
    pub cells_total: usize,
    pub flaw: Option<Flaw>,
}

impl Record<'_> {
    /// Whether nothing is written in it.
    pub fn is_blank(&self) -> bool {
        self.flaw.is_none() && self.cells.iter().all(|cell| cell.trim().is_empty())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    QuoteNeverClosed,
    /// Something other than a delimiter or line end follows a closing quote. The cell's index.
    TextAfterQuote(usize),
}

/// Reads records from the first to the last.
#[derive(Clone, Debug)]
pub(crate) struct Records<'t> {
    text: &'t str,
    delimiter: u8,
    limits: RecordLimits,
    at: usize,
    line: u64,
}

impl<'t> Records<'t> {
    /// `delimiter` is ASCII. The text begins on line `line`.
    pub fn new(text: &'t str, delimiter: u8, line: u64, limits: RecordLimits) -> Records<'t> {
        Records { text, delimiter, limits, at: 0, line }
    }

    /// The next record that is not an empty line; false at the end.
    pub fn read(&mut self, record: &mut Record<'t>) -> bool {
        record.cells.clear();
        record.cells_total = 0;
        record.flaw = None;
        while matches!(self.byte(), Some(b'\r' | b'\n')) {
            self.end_line();
        }
        if self.byte().is_none() {
            return false;
        }
        (record.line, record.begins_at) = (self.line, self.at);
        loop {
            let cell =
                if self.byte() == Some(b'"') { self.quoted_cell(record) } else { self.plain_cell().into() };
            record.cells_total += 1;
            if record.cells.len() < self.limits.cells_max {
                record.cells.push(cell);
            }
            match self.byte() {
                Some(byte) if byte == self.delimiter => self.at += 1,
                Some(_) => {
                    self.end_line();
                    return true;
                }
                None => return true,
            }
        }
    }

    /// Where the next record begins, in bytes, and on which line; there may be empty lines before it.
    pub fn position(&self) -> (usize, u64) {
        (self.at, self.line)
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over one line end: CR LF, LF or CR.
    fn end_line(&mut self) {
        let bytes = self.text.as_bytes();
        let pair = bytes[self.at] == b'\r' && bytes.get(self.at + 1) == Some(&b'\n');
        self.at += if pair { 2 } else { 1 };
        self.line += 1;
    }

    fn plain_cell(&mut self) -> &'t str {
        let rest = &self.text[self.at..];
        let len = memchr3(self.delimiter, b'\r', b'\n', rest.as_bytes()).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// From an opening quote to what ends the cell.
    fn quoted_cell(&mut self, record: &mut Record<'t>) -> Cow<'t, str> {
        let text = self.text;
        let start = self.at + 1;
        let mut piece_start = start;
        let mut joined: Option<String> = None;
        let end = loop {
            let Some(len) = memchr(b'"', &text.as_bytes()[piece_start..]) else {
                record.flaw = Some(Flaw::QuoteNeverClosed);
                break text.len();
            };
            let quote = piece_start + len;
            if text.as_bytes().get(quote + 1) != Some(&b'"') {
                break quote;
            }
            // A quote written twice stands for one.
            self.append(joined.get_or_insert_default(), &text[piece_start..=quote]);
            piece_start = quote + 2;
        };
        self.line += line_ends(&text.as_bytes()[start..end]);
        self.at = (end + 1).min(text.len());
        let last = &text[piece_start.min(end)..end];
        let mut cell = match joined {
            None => Cow::Borrowed(last),
            Some(mut joined) => {
                self.append(&mut joined, last);
                Cow::Owned(joined)
            }
        };
        let after = self.plain_cell();
        if !after.is_empty() {
            record.flaw.get_or_insert(Flaw::TextAfterQuote(record.cells_total));
            self.append(cell.to_mut(), after);
        }
        cell
    }

    fn append(&self, cell: &mut String, piece: &str) {
        if cell.len() > self.limits.cell_bytes_max {
            return;
        }
        let mut len = piece.len().min(self.limits.cell_bytes_max + 4);
        while !piece.is_char_boundary(len) {
            len -= 1;
        }
        cell.push_str(&piece[..len]);
    }
}

fn line_ends(bytes: &[u8]) -> u64 {
    if memchr2(b'\n', b'\r', bytes).is_none() {
        return 0;
    }
    let ends = memchr2_iter(b'\n', b'\r', bytes)
        .filter(|at| bytes[*at] == b'\n' || bytes.get(at + 1) != Some(&b'\n'));
    ends.count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: RecordLimits = RecordLimits { cells_max: 100, cell_bytes_max: 100 };

    fn records(text: &str, delimiter: u8, limits: RecordLimits) -> Vec<(u64, Vec<String>, Option<Flaw>)> {
        let mut records = Records::new(text, delimiter, 1, limits);
        let (mut record, mut all) = (Record::default(), Vec::new());
        while records.read(&mut record) {
            all.push((record.line, record.cells.iter().map(|c| c.to_string()).collect(), record.flaw));
        }
        all
    }

    fn check(text: &str, expect: &[(u64, &[&str])]) {
        let found = records(text, b',', LIMITS);
        assert!(found.iter().all(|(_, _, flaw)| flaw.is_none()), "{found:?}");
        let found: Vec<(u64, Vec<String>)> =
            found.into_iter().map(|(line, cells, _)| (line, cells)).collect();
        let expect: Vec<(u64, Vec<String>)> = expect
            .iter()
            .map(|(line, cells)| (*line, cells.iter().map(|c| c.to_string()).collect()))
            .collect();
        assert_eq!(found, expect, "{text:?}");
    }

    #[test]
    fn line_ends_may_be_mixed_and_lines_are_counted_as_an_editor_does() {
        check(
            "a,b\r\nc,d\re,f\n\n\ng,h",
            &[(1, &["a", "b"]), (2, &["c", "d"]), (3, &["e", "f"]), (6, &["g", "h"])],
        );
    }

    #[test]
    fn a_quoted_cell_may_hold_delimiters_quotes_and_line_breaks() {
        check("\"a,\"\"b\"\"\",\"x\r\ny\rz\n\"\n1,2", &[(1, &["a,\"b\"", "x\r\ny\rz\n"]), (5, &["1", "2"])]);
    }

    #[test]
    fn empty_cells_at_the_end_count() {
        check("a,b,\n,,\n\"\",\"\"", &[(1, &["a", "b", ""]), (2, &["", "", ""]), (3, &["", ""])]);
    }

    #[test]
    fn a_quote_inside_an_unquoted_cell_is_a_quote() {
        check("a \"b\",c\"\n", &[(1, &["a \"b\"", "c\""])]);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_told() {
        for text in ["a,\"b\nc,d", "\"", "\"a\"\"", "\"\"\""] {
            let all = records(text, b',', LIMITS);
            assert_eq!(all.last().unwrap().2, Some(Flaw::QuoteNeverClosed), "{text:?}");
        }
    }

    #[test]
    fn text_after_a_closing_quote_is_told_and_the_next_record_is_read() {
        let all = records("x,\"a\"b,c\n1,2", b',', LIMITS);
        assert_eq!(all[0].2, Some(Flaw::TextAfterQuote(1)));
        assert_eq!(all[1], (2, vec!["1".into(), "2".into()], None));
    }

    #[test]
    fn what_goes_beyond_the_limits_is_counted_but_not_held() {
        let limits = RecordLimits { cells_max: 2, cell_bytes_max: 8 };
        let text = format!("{}\n\"{}\"\n", ",".repeat(1000), "é\"\"".repeat(1000));
        let mut records = Records::new(&text, b',', 1, limits);
        let mut record = Record::default();
        assert!(records.read(&mut record));
        assert_eq!((record.cells.len(), record.cells_total), (2, 1001));
        assert!(records.read(&mut record));
        assert!((9..=24).contains(&record.cells[0].len()), "{}", record.cells[0].len());
        assert!(!records.read(&mut record));
    }

    proptest! {
        #[test]
        fn what_the_csv_crate_writes_is_read_as_it_reads_it(
            table in prop::collection::vec(prop::collection::vec("[a-c\", ;\t\r\n'é😀]{0,6}", 2..5), 0..6),
            delimiter in prop::sample::select(vec![b',', b';', b'\t']),
        ) {
            let mut writer = csv::WriterBuilder::new().delimiter(delimiter).flexible(true).from_writer(Vec::new());
            for row in &table {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let ours = records(&text, delimiter, LIMITS);
            prop_assert!(ours.iter().all(|(_, _, flaw)| flaw.is_none()));
            let ours: Vec<Vec<String>> = ours.into_iter().map(|(_, cells, _)| cells).collect();
            prop_assert_eq!(ours, table);
        }

        #[test]
        fn any_text_is_read_to_its_end(text in "[a\",\r\né]{0,40}") {
            let all = records(&text, b',', LIMITS);
            prop_assert!(all.len() <= text.len());
            if all.iter().all(|(_, _, flaw)| flaw.is_none()) {
                let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
                let theirs: Vec<Vec<String>> =
                    reader.records().map(|r| r.unwrap().iter().map(String::from).collect()).collect();
                let ours: Vec<Vec<String>> = all.into_iter().map(|(_, cells, _)| cells).collect();
                prop_assert_eq!(ours, theirs);
            }
        }
    }
}
