//! Any bytes, the whole way to rows and some of the way back.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/muster-import/tests/it/fuzz_entry.rs"]
#[allow(dead_code)] // The way to make files that are nearly right is libFuzzer's own here.
mod fuzz_entry;

fuzz_target!(|bytes: &[u8]| fuzz_entry::survive(bytes));
