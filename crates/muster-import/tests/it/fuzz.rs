//! Some thousand files that are nearly right: always an answer, never a panic.

use crate::fuzz_entry::{Random, mutated, survive};
use crate::variants::variants_of;
use crate::{FOREIGN, UPRIGHT, VERTICAL};

/// As many as a test build reads in some seconds.
const FILES: usize = 600;
/// Of each list so many lines: what is wrong is wrong in few as in many.
const LINES: usize = 4;

#[test]
fn files_that_are_nearly_right_are_read_or_refused_in_words() {
    let seed = std::env::var("FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_122);
    let mut corpus = vec![FOREIGN[..800].to_vec(), VERTICAL.to_vec()];
    for (name, bytes) in UPRIGHT {
        let few: Vec<u8> = bytes.split_inclusive(|b| *b == b'\n').take(LINES).flatten().copied().collect();
        // A name may have a line break in it.
        if crate::open(&few).is_ok() {
            corpus.extend(variants_of(name, &few).into_iter().map(|variant| variant.bytes));
        }
    }
    assert!(corpus.len() > 60, "{}", corpus.len());
    let mut random = Random(seed);
    for number in 0..FILES {
        let file = mutated(&mut random, &corpus);
        let read = std::panic::catch_unwind(|| survive(&file));
        assert!(read.is_ok(), "file {number} with FUZZ_SEED={seed}: {:?}", String::from_utf8_lossy(&file));
    }
}
