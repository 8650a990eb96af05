//! Lengths of files and functions: what is longer than we like is listed, and the list may only shrink.

use std::collections::BTreeMap;

use crate::Source;
use crate::tokens::{Token, closing};

const FILE_LINES: usize = 500;
const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES: usize = 70;

pub const LIST: &str = "crates/muster/tests/structure/lengths.txt";
const HEAD: &str =
    "# Files over 500 lines and functions over 70. The list may only shrink; LENGTHS=write writes it anew.\n";

/// What is too long, by "file PATH" or "function PATH NAME", in lines.
pub type Lengths = BTreeMap<String, usize>;

pub fn measure(sources: &[Source]) -> Lengths {
    let mut out = Lengths::new();
    for source in sources {
        if source.lines > FILE_LINES {
            out.insert(format!("file {}", source.path), source.lines);
        }
        for (name, lines) in
            functions(&source.tokens).into_iter().filter(|(_, lines)| *lines > FUNCTION_LINES)
        {
            let longest = out.entry(format!("function {} {name}", source.path)).or_default();
            *longest = lines.max(*longest);
        }
    }
    out
}

pub fn read(list: &str) -> Lengths {
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let entry = |line: &str| {
        let (key, lines) = line.rsplit_once(' ').expect("a name and a number");
        (key.to_owned(), lines.parse().expect("a number"))
    };
    lines.map(entry).collect()
}

pub fn write(lengths: &Lengths) -> String {
    let lines: Vec<String> = lengths.iter().map(|(key, lines)| format!("{key} {lines}\n")).collect();
    format!("{HEAD}{}", lines.concat())
}

pub fn violations(now: &Lengths, listed: &Lengths) -> Vec<String> {
    let mut out = Vec::new();
    for (key, lines) in now {
        if key.starts_with("file ") && *lines > FILE_LINES_MAX {
            out.push(format!("{key} has {lines} lines: no file may have more than {FILE_LINES_MAX}"));
        }
        match listed.get(key) {
            None => out.push(format!("{key} has {lines} lines: shorten it")),
            Some(before) if lines > before => out.push(format!("{key} grew from {before} to {lines} lines")),
            Some(before) if lines < before => {
                out.push(format!(
                    "{key} shrank from {before} to {lines} lines: lower it in {LIST} (LENGTHS=write)"
                ));
            }
            Some(_) => {}
        }
    }
    let gone = listed.keys().filter(|key| !now.contains_key(*key));
    out.extend(gone.map(|key| format!("{key} is short enough: take it off {LIST} (LENGTHS=write)")));
    out
}

/// Name and lines of each function with a body, those inside others too.
fn functions(tokens: &[Token]) -> Vec<(String, usize)> {
    let mut out = Vec::new();
    for at in 0..tokens.len().saturating_sub(1) {
        // `fn(u32) -> u32` is a type.
        if tokens[at].text != "fn" || tokens[at + 1].text == "(" {
            continue;
        }
        let mut end = at + 1;
        while end < tokens.len() && !matches!(tokens[end].text.as_str(), "{" | ";") {
            end = if matches!(tokens[end].text.as_str(), "(" | "[") { closing(tokens, end) } else { end + 1 };
        }
        if tokens.get(end).is_some_and(|token| token.text == "{") {
            let last = tokens[closing(tokens, end) - 1].line;
            out.push((tokens[at + 1].text.clone(), last - tokens[at].line + 1));
        }
    }
    out
}

#[test]
fn a_function_or_file_that_is_too_long_or_grew_or_shrank_is_named() {
    let long =
        format!("fn short() {{}}\nfn long(f: fn(u8)) -> [u8; 2] {{\n{}}}\n", "    work();\n".repeat(70));
    let source = Source::new("muster-app", "a.rs", &long);
    let now = measure(&[source, Source::new("muster-app", "b.rs", &"// x\n".repeat(801))]);
    assert_eq!(write(&now), format!("{HEAD}file b.rs 801\nfunction a.rs long 72\n"));
    assert_eq!(read(&write(&now)), now);

    let listed = |text: &str| violations(&now, &read(text)).join("; ");
    let too_long = "file b.rs has 801 lines: no file may have more than 800";
    assert!(listed("").contains("function a.rs long has 72 lines: shorten it"));
    assert!(listed("function a.rs long 71").contains("grew from 71 to 72"));
    assert!(listed("function a.rs long 80").contains("shrank from 80 to 72"));
    assert!(listed("file gone.rs 600").contains("file gone.rs is short enough"));
    assert_eq!(listed("file b.rs 801\nfunction a.rs long 72"), too_long);
}
