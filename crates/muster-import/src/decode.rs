//! Bytes to text: which encoding a file is in, and whether it is text at all.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::error::FileError;

/// As much as is looked at to guess an encoding, from the first byte that is not ASCII on.
const GUESS_BYTES_MAX: usize = 1 << 20;

/// First bytes of kinds of file that people choose by mistake.
const KINDS: &[(&[u8], &str)] = &[
    (b"\xd0\xcf\x11\xe0", "an Excel workbook of before 2007, or one with a password on it"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a compressed file"),
    (b"7z\xbc\xaf", "a compressed file"),
    (b"Rar!", "a compressed file"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"{\\rtf", "a rich text document"),
    (b"SQLite format 3\0", "a database"),
];

#[derive(Debug)]
pub(crate) struct Decoded<'a> {
    pub text: Cow<'a, str>,
    pub encoding: &'static str,
}

/// The text of a file, without its byte order mark. UTF-8 is borrowed, everything else is copied.
pub(crate) fn decode(bytes: &[u8]) -> Result<Decoded<'_>, FileError> {
    if let Some((_, kind)) = KINDS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(FileError::NotText { looks_like: Some(kind) });
    }
    let decoded = match Encoding::for_bom(bytes) {
        Some((encoding, mark_len)) => in_encoding(&bytes[mark_len..], encoding)?,
        None if memchr::memchr(0, bytes).is_some() => match utf_16_without_mark(bytes) {
            Some(encoding) => in_encoding(bytes, encoding)?,
            None => return Err(with_nul(bytes)),
        },
        None => match std::str::from_utf8(bytes) {
            Ok(text) => Decoded { text: Cow::Borrowed(text), encoding: UTF_8.name() },
            Err(_) if is_mostly_utf_8(bytes) => return Err(damaged(bytes, UTF_8)),
            Err(_) => in_encoding(bytes, guess(bytes))?,
        },
    };
    if memchr::memchr(0, decoded.text.as_bytes()).is_some() {
        return Err(with_nul(decoded.text.as_bytes()));
    }
    match marked_up(&decoded.text) {
        Some(kind) => Err(FileError::NotText { looks_like: Some(kind) }),
        None => Ok(decoded),
    }
}

/// Text but for its NUL bytes is a table that somebody can mend; what has other signs that no text has is none.
fn with_nul(bytes: &[u8]) -> FileError {
    let is_control = |b: &u8| b.is_ascii_control() && !matches!(b, 0 | b'\t' | b'\r' | b'\n');
    let is_text = bytes.iter().any(|b| *b != 0) && !bytes.iter().any(is_control);
    match memchr::memchr(0, bytes).filter(|_| is_text) {
        Some(at) => FileError::Nul { line: memchr::memchr_iter(b'\n', &bytes[..at]).count() as u64 + 1 },
        None => FileError::NotText { looks_like: None },
    }
}

/// Text that is no table: other systems call some of it `.xls` or `.csv`.
fn marked_up(text: &str) -> Option<&'static str> {
    const SHOWN: usize = 64;
    let text = text.trim_start();
    let begin = text[..text.floor_char_boundary(SHOWN)].to_ascii_lowercase();
    let page = ["<!doctype html", "<html", "<table", "<head", "<body"];
    if page.iter().any(|tag| begin.starts_with(tag)) {
        Some("a web page")
    } else if begin.starts_with("<?xml") {
        Some("an XML document")
    } else {
        is_json(text).then_some("JSON")
    }
}

/// Judged by its first two signs: no table begins so.
fn is_json(text: &str) -> bool {
    let mut signs = text.chars().filter(|c| !c.is_whitespace());
    matches!((signs.next(), signs.next()), (Some('['), Some('{' | ']')) | (Some('{'), Some('"' | '}')))
}

fn in_encoding<'a>(bytes: &'a [u8], encoding: &'static Encoding) -> Result<Decoded<'a>, FileError> {
    match encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) => Ok(Decoded { text, encoding: encoding.name() }),
        None => Err(damaged(bytes, encoding)),
    }
}

fn damaged(bytes: &[u8], encoding: &'static Encoding) -> FileError {
    let before = if encoding == UTF_8 {
        let valid = std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
        memchr::memchr_iter(b'\n', &bytes[..valid]).count()
    } else {
        let (text, _) = encoding.decode_without_bom_handling(bytes);
        text.split('\u{fffd}').next().unwrap_or_default().matches('\n').count()
    };
    FileError::Damaged { encoding: encoding.name(), line: before as u64 + 1 }
}

/// Text of mostly Latin letters has a zero in every second byte of UTF-16, always on the same side.
fn utf_16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = &bytes[..bytes.len().min(4096) & !1];
    if sample.is_empty() || !bytes.len().is_multiple_of(2) {
        return None;
    }
    let units = sample.len() / 2;
    let zeros = |side: usize| sample.chunks_exact(2).filter(|unit| unit[side] == 0).count();
    let (first, second) = (zeros(0), zeros(1));
    // Some characters of other scripts have a zero on the other side.
    let mostly = |many: usize, few: usize| many * 2 > units && few * 8 < units;
    if mostly(second, first) {
        Some(UTF_16LE)
    } else if mostly(first, second) {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// Whether a text that is not UTF-8 was meant to be: single-byte text hardly ever holds a valid
/// sequence of several bytes, so as many of them as of invalid ones means that UTF-8 was damaged.
/// Reading that as another encoding would garble every accent without a word.
fn is_mostly_utf_8(bytes: &[u8]) -> bool {
    let (mut sequences, mut invalid) = (0usize, 0usize);
    for chunk in bytes.utf8_chunks() {
        sequences += chunk.valid().bytes().filter(|byte| *byte >= 0xc0).count();
        invalid += usize::from(!chunk.invalid().is_empty());
    }
    sequences >= invalid
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let first = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or_default();
    // What stands before the first such byte tells the detector about the letters around it.
    let from = first.saturating_sub(64);
    let to = bytes.len().min(from + GUESS_BYTES_MAX);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&bytes[from..to], true);
    detector.guess(None, Utf8Detection::Deny)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], text: &str, encoding: &str) {
        let decoded = decode(bytes).unwrap();
        assert_eq!((decoded.text.as_ref(), decoded.encoding), (text, encoding));
    }

    fn utf_16(text: &str, big: bool) -> Vec<u8> {
        let bytes = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        text.encode_utf16().flat_map(bytes).collect()
    }

    const TEXT: &str = "name,extension\r\nChloé 美咲 😀,0101\r\n";

    #[test]
    fn utf_8_is_borrowed_and_its_mark_taken_off() {
        check(TEXT.as_bytes(), TEXT, "UTF-8");
        check(format!("\u{feff}{TEXT}").as_bytes(), TEXT, "UTF-8");
        assert!(matches!(decode(TEXT.as_bytes()).unwrap().text, Cow::Borrowed(_)));
    }

    #[test]
    fn utf_16_is_recognized_with_and_without_its_mark() {
        for (big, name) in [(false, "UTF-16LE"), (true, "UTF-16BE")] {
            check(&utf_16(&format!("\u{feff}{TEXT}"), big), TEXT, name);
            check(&utf_16(TEXT, big), TEXT, name);
        }
    }

    #[test]
    fn windows_1252_is_recognized() {
        check(
            b"name;extension\r\nFran\xe7ois M\xfcller;1000\r\nS\xf8ren \x96 Bj\xf6rk;1001\r\n",
            "name;extension\r\nFrançois Müller;1000\r\nSøren – Björk;1001\r\n",
            "windows-1252",
        );
    }

    #[test]
    fn one_wrong_byte_among_utf_8_is_damage_and_not_another_encoding() {
        let mut bytes = "a\nChloé\nJürgen\nZoë\n".as_bytes().to_vec();
        let at = bytes.iter().position(|b| *b == 0xc3).unwrap();
        bytes[at] = 0xff;
        assert_eq!(decode(&bytes).unwrap_err(), FileError::Damaged { encoding: "UTF-8", line: 2 });
    }

    #[test]
    fn what_is_not_text_is_named() {
        for bytes in [&b"\x7fELF\x02\x00\x00\x01\x00\x00\x00"[..], b"\0"] {
            assert_eq!(decode(bytes).unwrap_err(), FileError::NotText { looks_like: None });
        }
        for (bytes, line) in [(&b"name\0,b\n"[..], 1), (b"name,b\r\nAna,1\r\nB\0o,2\r\n", 3)] {
            assert_eq!(decode(bytes).unwrap_err(), FileError::Nul { line });
        }
        let pdf = decode(b"%PDF-1.7").unwrap_err();
        assert_eq!(pdf.to_string(), "the file is not a table: it looks like a PDF document");
    }

    #[test]
    fn half_a_utf_16_unit_is_damage() {
        let mut bytes = utf_16("\u{feff}name\nAna\n", false);
        bytes.pop();
        assert_eq!(decode(&bytes).unwrap_err(), FileError::Damaged { encoding: "UTF-16LE", line: 2 });
    }
}
