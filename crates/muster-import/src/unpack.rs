//! A workbook is unpacked once before it is read, without keeping anything: a small archive may be made to
//! fill the memory, or to take the processor for long, of whoever opens it.
//!
//! The reader of workbooks keeps whatever stands in one cell or one tag, however much it is. So every part is
//! cut into the same tokens here first, by the same means.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use quick_xml::Reader;
use quick_xml::errors::Error as XmlError;
use quick_xml::events::Event;

use crate::error::FileError;
use crate::workbook::damaged;

const PARTS_MAX: usize = 10_000;
/// Tags of the other parts that the reader keeps in memory, such as the styles. Sheets it reads in passing.
const TAGS_KEPT_MAX: u64 = 500_000;
/// One tag, comment or stretch of text. Excel writes at most 32,767 characters to a cell.
const TOKEN_BYTES_MAX: u64 = 1024 * 1024;
/// All that stands in one cell or one of the shared texts, markup included.
const TEXT_BYTES_MAX: u64 = 1024 * 1024;
/// A million people with twelve columns, or a hundred thousand with a hundred and twenty.
pub(crate) const CELLS_MAX: u64 = 12_000_000;
const DEPTH_MAX: usize = 200;

/// What one part may have.
struct Maxima {
    /// Tags of the part that holds the texts: the reader keeps each text, also an empty one.
    texts_tags: u64,
    /// All shared texts together, markup left out.
    texts_bytes: u64,
    /// A part that is kept and is not the texts; and what is left of a part that turns out to be no XML, as
    /// pictures are.
    kept_bytes: u64,
    cells: u64,
}

/// A million people with five texts of their own each have half of these bytes of text.
const MAXIMA: Maxima = Maxima {
    texts_tags: 12_000_000,
    texts_bytes: 128 * 1024 * 1024,
    kept_bytes: 64 * 1024 * 1024,
    cells: CELLS_MAX,
};

/// What a workbook has too much of. The text ends "the workbook has more than … ".
pub(crate) const CELLS: &str = "cells in one sheet";
const IN_ONE_TEXT: &str = "bytes in one cell or tag";
const IN_TEXTS: &str = "bytes of text in its cells";
const IN_PART: &str = "bytes in a part that is not a list";

/// Refuses what is no workbook, and what would grow to more than `limit` bytes or beyond what people write.
/// What a part says of its own size need not be so.
pub(crate) fn unpacks_within(bytes: &[u8], limit: u64) -> Result<(), FileError> {
    unpack(bytes, limit, &MAXIMA)
}

fn unpack(bytes: &[u8], limit: u64, maxima: &Maxima) -> Result<(), FileError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    if archive.len() > PARTS_MAX {
        return Err(damaged("it has too many parts"));
    }
    let mut is_workbook = false;
    let mut left = limit;
    for i in 0..archive.len() {
        let part = archive.by_index(i).map_err(damaged)?;
        let name = part.name().map_err(damaged)?.to_ascii_lowercase();
        is_workbook |= name == "xl/workbook.xml";
        let kind = Kind::of(&name);
        let counted = Counted { part, left, limit, tags: 0, tags_max: kind.tags_max(maxima), over: None };
        let tokens = Tokens { inner: BufReader::with_capacity(64 * 1024, counted), left: 0, over: None };
        left = walk(tokens, kind, maxima)?;
    }
    if is_workbook {
        Ok(())
    } else {
        Err(FileError::NotText { looks_like: Some("a zip archive, and no Excel workbook is in it") })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Texts,
    /// Read in passing, or not at all.
    Passed,
    Kept,
}

impl Kind {
    /// By the part's name in small letters.
    fn of(name: &str) -> Kind {
        let passed = ["xl/worksheets/", "xl/pivotcache/", "xl/drawings/", "xl/media/", "xl/charts/"];
        // A workbook may say that all of it lies in another folder.
        let kept = ["styles.xml", "workbook.xml", "theme1.xml", ".rels"];
        if name.ends_with("sharedstrings.xml") {
            Kind::Texts
        } else if passed.iter().any(|folder| name.starts_with(folder))
            && !kept.iter().any(|end| name.ends_with(end))
        {
            Kind::Passed
        } else {
            Kind::Kept
        }
    }

    fn tags_max(self, maxima: &Maxima) -> u64 {
        match self {
            Kind::Texts => maxima.texts_tags,
            Kind::Passed => u64::MAX,
            Kind::Kept => TAGS_KEPT_MAX,
        }
    }
}

/// A part, with what of the whole archive's limit is left when it is read.
struct Counted<R> {
    part: R,
    left: u64,
    limit: u64,
    tags: u64,
    tags_max: u64,
    over: Option<FileError>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.part.read(buffer)?;
        self.tags += memchr::memchr_iter(b'<', &buffer[..read]).count() as u64;
        if read as u64 > self.left || self.tags > self.tags_max {
            self.over = Some(FileError::Inflates { limit: self.limit });
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// Gives no more than one token may have, until it is told that another begins.
struct Tokens<R> {
    inner: BufReader<Counted<R>>,
    left: u64,
    over: Option<FileError>,
}

impl<R: Read> Read for Tokens<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for Tokens<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            self.over = Some(too_much(IN_ONE_TEXT, TOKEN_BYTES_MAX));
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes as u64);
        self.inner.consume(bytes);
    }
}

impl<R: Read> Tokens<R> {
    /// Why it gave no more.
    fn why(mut self, error: impl ToString) -> FileError {
        let over = self.over.take().or_else(|| self.inner.get_mut().over.take());
        over.unwrap_or_else(|| damaged(error))
    }
}

/// Reads a part to its end; gives what is left of the archive's limit.
fn walk<R: Read>(tokens: Tokens<R>, kind: Kind, maxima: &Maxima) -> Result<u64, FileError> {
    let mut reader = Reader::from_reader(tokens);
    let config = reader.config_mut();
    config.trim_text(false);
    config.check_comments = false;
    config.expand_empty_elements = true;
    // Otherwise it could not be told where a text ends.
    config.check_end_names = true;
    let mut counts = Counts { maxima, kind, depth: 0, text_from: None, cells: 0, texts_bytes: 0 };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        reader.get_mut().left = TOKEN_BYTES_MAX;
        let at = reader.buffer_position();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Eof) => break,
            Ok(event) => counts.take(&event, at, reader.buffer_position())?,
            Err(XmlError::Io(error)) => return Err(reader.into_inner().why(error)),
            // A picture, or XML that the reader of workbooks may still make something of.
            Err(_) => return pass(reader.into_inner(), maxima.kept_bytes),
        }
    }
    Ok(reader.into_inner().inner.into_inner().left)
}

/// Reads the rest of a part that is no XML.
fn pass<R: Read>(mut tokens: Tokens<R>, bytes_max: u64) -> Result<u64, FileError> {
    let mut left = bytes_max;
    loop {
        match tokens.inner.fill_buf().map(<[u8]>::len) {
            Ok(0) => return Ok(tokens.inner.into_inner().left),
            Ok(read) if read as u64 > left => return Err(too_much(IN_PART, bytes_max)),
            Ok(read) => {
                left -= read as u64;
                tokens.inner.consume(read);
            }
            Err(error) => return Err(tokens.why(error)),
        }
    }
}

/// What is counted of a part.
struct Counts<'m> {
    maxima: &'m Maxima,
    kind: Kind,
    depth: usize,
    /// How deep the outermost cell or shared text lies that is open, and where in the part it begins.
    text_from: Option<(usize, u64)>,
    cells: u64,
    texts_bytes: u64,
}

impl Counts<'_> {
    /// A token from `begin` to `end` in the part.
    fn take(&mut self, event: &Event<'_>, begin: u64, end: u64) -> Result<(), FileError> {
        match event {
            Event::Start(tag) => {
                let name = tag.local_name();
                let name = name.as_ref();
                // The reader makes room for as many texts as are said to come.
                if name == "sst" && texts_announced(tag.attributes_raw().as_bytes()) > self.maxima.texts_tags
                {
                    return Err(damaged("it says that it has more texts than it may have"));
                }
                self.depth += 1;
                self.cells += u64::from(name == "c");
                if self.text_from.is_none() && ["si", "is", "v", "f"].contains(&name) {
                    self.text_from = Some((self.depth, begin));
                }
            }
            Event::End(_) => {
                if self.text_from.is_some_and(|(depth, _)| depth == self.depth) {
                    self.text_from = None;
                }
                self.depth = self.depth.saturating_sub(1);
            }
            _ => self.texts_bytes += end.saturating_sub(begin),
        }
        let in_text = self.text_from.map_or(0, |(_, from)| end.saturating_sub(from));
        if self.depth > DEPTH_MAX {
            Err(damaged("its parts lie too deep in each other"))
        } else if self.cells > self.maxima.cells {
            Err(too_much(CELLS, self.maxima.cells))
        } else if in_text > TEXT_BYTES_MAX {
            Err(too_much(IN_ONE_TEXT, TEXT_BYTES_MAX))
        } else if self.kind == Kind::Texts && self.texts_bytes > self.maxima.texts_bytes {
            Err(too_much(IN_TEXTS, self.maxima.texts_bytes))
        } else if self.kind == Kind::Kept && end > self.maxima.kept_bytes {
            Err(too_much(IN_PART, self.maxima.kept_bytes))
        } else {
            Ok(())
        }
    }
}

/// The greatest number that stands for `uniqueCount` in the tag of the shared texts.
fn texts_announced(tag: &[u8]) -> u64 {
    const NAME: &[u8] = b"uniqueCount";
    let number = |at: usize| {
        let value =
            tag[at + NAME.len()..].iter().skip_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b'='));
        let digits =
            value.skip_while(|b| matches!(b, b'"' | b'\'' | b'+')).take_while(|b| b.is_ascii_digit());
        digits.fold(0u64, |number, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    };
    memchr::memmem::find_iter(tag, NAME).map(number).max().unwrap_or(0)
}

pub(crate) fn too_much(what: &'static str, limit: u64) -> FileError {
    FileError::TooMuch { what, limit }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn said(name: &str, part: &str) -> String {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in [("xl/workbook.xml", "<workbook/>"), (name, part)] {
            archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        let bytes = archive.finish().unwrap().into_inner();
        let maxima = Maxima { texts_tags: 500, texts_bytes: 1000, kept_bytes: 2000, cells: 50 };
        unpack(&bytes, 1 << 24, &maxima).map_or_else(|error| error.to_string(), |()| "may be read".to_owned())
    }

    #[test]
    fn a_workbook_with_more_text_or_cells_than_people_write_is_refused() {
        let check = |name: &str, part: &str, expected: &str| assert_eq!(said(name, part), expected);
        let texts = |bytes: usize| format!("<sst>{}</sst>", "<si><t>0123456789</t></si>".repeat(bytes / 10));
        check("xl/sharedStrings.xml", &texts(1000), "may be read");
        let too_much_text = "the workbook has more than 1000 bytes of text in its cells";
        check("xl/sharedStrings.xml", &texts(1010), too_much_text);
        let empty = |count: usize| format!("<sst>{}</sst>", "<si/>".repeat(count));
        check("xl/sharedStrings.xml", &empty(498), "may be read");
        check("xl/sharedStrings.xml", &empty(499), "the workbook unpacks to more than 16777216 bytes");
        // The reader would make room for four thousand million texts.
        let announced = |count: &str| format!("<sst count='1' uniqueCount={count}><si><t>A</t></si></sst>");
        let said = "the workbook is damaged: it says that it has more texts than it may have";
        for count in ["'4000000000'", "\"501\"", " '99999999999999999999999'", "'+501'"] {
            check("xl/sharedStrings.xml", &announced(count), said);
        }
        check("xl/sharedStrings.xml", &announced("'500'"), "may be read");
        let cells = |count: usize| format!("<x:row>{}</x:row>", "<x:c/>".repeat(count));
        check("xl/worksheets/a.xml", &cells(50), "may be read");
        check("xl/worksheets/a.xml", &cells(51), "the workbook has more than 50 cells in one sheet");
        let too_large = "the workbook has more than 2000 bytes in a part that is not a list";
        let part = format!("<a>{}</a>", "<b/>".repeat(600));
        check("xl/worksheets/a.xml", &part, "may be read");
        for name in ["xl/a.xml", "xl/worksheets/styles.xml", "xl/worksheets/_rels/workbook.xml.rels"] {
            check(name, &part, too_large);
        }
        // From where a part is no XML any more nobody knows where its texts end.
        let torn = |rest: usize| format!("<a><v><c><is></v>{}", "<t>0123</t>".repeat(rest));
        check("xl/worksheets/a.xml", &torn(100), "may be read");
        check("xl/worksheets/a.xml", &torn(10_000), too_large);
    }
}
