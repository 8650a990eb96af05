//! What a fuzzer calls with bytes, and a way to make bytes that are nearly files: used by a test of the
//! suite and, for longer, by the example `fuzz_import`.

use std::io::{Cursor, Read, Write};

use muster_import::{Limits, Mapping, Reading, Source};

/// Small ones, so that much is tried in little time: the code is the same.
pub const LIMITS: Limits =
    Limits { bytes_max: 1 << 20, rows_max: 2_000, columns_max: 128, cell_bytes_max: 4096 };

/// The whole way from bytes to rows, every way of reading, and the way back of some rows. Panics where
/// something that always holds does not.
pub fn survive(bytes: &[u8]) {
    let header = Source::header_of(bytes, &LIMITS);
    let opened = [
        Source::open(bytes, None, &LIMITS),
        Source::open_as(bytes, None, Reading { vertical: true, sheet: None }, &LIMITS),
        match header {
            Ok(Some(names)) => {
                let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
                let mapping = Mapping::of_suggestions(&Mapping::suggest(&names));
                let text = mapping.to_toml();
                // A name that stands there twice is no mapping.
                match Mapping::parse(&text) {
                    Ok(mapping) => Source::open_mapped(bytes, &mapping, &LIMITS),
                    Err(_) => return,
                }
            }
            Ok(None) => return,
            Err(error) => Err(error),
        },
    ];
    for (way, opened) in opened.into_iter().enumerate() {
        match opened {
            Err(error) => {
                assert!(!error.to_string().is_empty() && !error.mend().is_empty());
                assert!(error.to_string().len() < 4096, "a message is for a person");
            }
            Ok(source) => read_all(&source, way),
        }
    }
}

fn read_all(source: &Source<'_>, way: usize) {
    let mut rows = source.rows();
    let mut count = 0;
    for row in rows.by_ref() {
        count += 1;
        assert_eq!(row.number, count);
        for error in row.errors.iter().chain(&row.errors_if_new) {
            assert!(error.found.len() <= 1024, "what is shown of a cell is short: {}", error.found.len());
            assert!(!error.reason.is_empty() && !error.mend.is_empty());
        }
        assert!(row.errors.len() <= 4 * LIMITS.columns_max);
    }
    assert_eq!(count, source.rows_total());
    assert!(count <= LIMITS.rows_max);
    assert!(rows.said().iter().all(|said| *said <= count));
    if way != 0 {
        return;
    }
    let mut file = Vec::new();
    let wanted = |number: u64| number % 3 == 1;
    let written = source.write_rows(&mut file, wanted).unwrap_or_else(|e| panic!("not written: {e}"));
    assert_eq!(written, (1..=count).filter(|number| wanted(*number)).count() as u64);
}

/// A fixed sequence, so that a failure can be repeated.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

const WORDS: &[&[u8]] = &[
    b"\"",
    b"\"\"",
    b",",
    b";",
    b"\t",
    b"\r",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"=cmd|",
    b"sep=;\n",
    b"\xe2\x80\xae",
    b"\xf0\x9f\x98\x80",
    b"\xc3",
    b"\xed\xa0\x80",
    b"PK\x03\x04",
    b"PK\x01\x02",
    b"<c r=\"ZZZ9\">",
    b"&d;",
    b"<!ENTITY",
    b"r=\"A4294967295\"",
    b"<v>1e308</v>",
    b"t=\"d\"",
    b"112",
    b"name:",
    b"[values]",
    b"9999999999999999999999",
    b"-0",
    b"_x0000_",
];

/// A file that is nearly one of these: bytes changed, cut, doubled, moved and mixed. Of a workbook, a part
/// is changed as often as the archive around it.
pub fn mutated(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let at = random.below(corpus.len());
    let bytes = &corpus[at];
    if bytes.starts_with(b"PK\x03\x04") && !random.next().is_multiple_of(4) {
        return with_mutated_part(random, bytes).unwrap_or_else(|| bytes.clone());
    }
    let other = &corpus[random.below(corpus.len())];
    mutated_bytes(random, bytes, other)
}

fn mutated_bytes(random: &mut Random, bytes: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let to = at + random.below((bytes.len() - at).min(200) + 1);
        match random.below(9) {
            0 if at < bytes.len() => bytes[at] = random.next() as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 => drop(bytes.splice(at..at, WORDS[random.below(WORDS.len())].iter().copied())),
            3 => drop(bytes.splice(at..to, WORDS[random.below(WORDS.len())].iter().copied())),
            4 => drop(bytes.drain(at..to)),
            5 => {
                let piece = bytes[at..to].to_vec();
                let times = random.below(20);
                bytes.splice(at..at, piece.repeat(times));
            }
            6 => bytes.truncate(at),
            7 => {
                let from = random.below(other.len() + 1);
                let until = from + random.below((other.len() - from).min(500) + 1);
                bytes.splice(at..at, other[from..until].iter().copied());
            }
            _ => {
                // Somewhere near the beginning, where the header is.
                let at = random.below(bytes.len().min(64) + 1);
                bytes.splice(at..at, WORDS[random.below(WORDS.len())].iter().copied());
            }
        }
    }
    bytes
}

fn with_mutated_part(random: &mut Random, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).ok()?;
    let mut parts = Vec::new();
    for i in 0..archive.len() {
        let mut part = archive.by_index(i).ok()?;
        let name = part.name().ok()?.to_string();
        let mut text = Vec::new();
        part.read_to_end(&mut text).ok()?;
        parts.push((name, text));
    }
    let at = random.below(parts.len());
    let other = parts[random.below(parts.len())].1.clone();
    parts[at].1 = mutated_bytes(random, &parts[at].1, &other);
    if random.next().is_multiple_of(8) {
        let gone = random.below(parts.len());
        parts.remove(gone);
    }
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).ok()?;
        archive.write_all(&text).ok()?;
    }
    Some(archive.finish().ok()?.into_inner())
}
