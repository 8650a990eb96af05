//! How long a file takes to be opened and judged: `cargo run --release --example judge_speed FILE…`.
//! Prints for each file the rows, the errors, and the best of seven times of each step.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use muster_import::{Limits, Source};

fn main() -> ExitCode {
    for path in std::env::args().skip(1) {
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                eprintln!("{path}: {error}");
                return ExitCode::FAILURE;
            }
        };
        let (mut open_best, mut judge_best) = (Duration::MAX, Duration::MAX);
        let (mut rows, mut errors) = (0u64, 0usize);
        for _ in 0..7 {
            let start = Instant::now();
            let source = match Source::open(&bytes, None, &Limits::default()) {
                Ok(source) => source,
                Err(error) => {
                    eprintln!("{path}: {error}");
                    return ExitCode::FAILURE;
                }
            };
            open_best = open_best.min(start.elapsed());
            let start = Instant::now();
            (rows, errors) = source.rows().fold((0, 0), |(n, e), row| (n + 1, e + row.errors.len()));
            judge_best = judge_best.min(start.elapsed());
        }
        println!(
            "{path}: {rows} rows, {errors} errors, open {:.3} s, judge {:.3} s, {:.1} MB",
            open_best.as_secs_f64(),
            judge_best.as_secs_f64(),
            bytes.len() as f64 / 1e6,
        );
    }
    ExitCode::SUCCESS
}
