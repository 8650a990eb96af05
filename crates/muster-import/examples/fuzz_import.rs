//! Reads files that are nearly right until it is stopped or something panics; a file that did is kept.
//!
//!     cargo run --release -p muster-import --example fuzz_import -- SECONDS [SEED] FILE…

#![allow(clippy::unwrap_used)] // A tool of tests.

use std::time::{Duration, Instant};

#[path = "../tests/it/fuzz_entry.rs"]
mod fuzz_entry;

use fuzz_entry::{Random, mutated, survive};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(60);
    let seed: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
    let corpus: Vec<Vec<u8>> = arguments.map(|path| std::fs::read(path).unwrap()).collect();
    assert!(!corpus.is_empty(), "name some files to begin with");
    let (mut random, began, mut count, mut slowest) = (Random(seed), Instant::now(), 0u64, Duration::ZERO);
    while began.elapsed() < Duration::from_secs(seconds) {
        let file = mutated(&mut random, &corpus);
        let at = Instant::now();
        if std::panic::catch_unwind(|| survive(&file)).is_err() {
            let path = std::env::temp_dir().join(format!("fuzz-import-{seed}-{count}"));
            std::fs::write(&path, &file).unwrap();
            println!("file {count} of seed {seed} panicked; it is {}", path.display());
            std::process::exit(1);
        }
        let took = at.elapsed();
        if took > slowest {
            slowest = took;
            println!("file {count}: {} bytes took {took:?}", file.len());
        }
        count += 1;
    }
    println!("{count} files in {seconds} s from seed {seed}; the slowest took {slowest:?}");
}
