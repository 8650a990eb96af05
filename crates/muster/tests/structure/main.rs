//! The structure of the project, read from `cargo metadata` and from the sources, and held to what ARCHITECTURE.md
//! says. Every rule has a test that feeds it what it must refuse.

mod graph;
mod lengths;
mod rules;
mod tokens;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// One file of a crate.
pub struct Source {
    pub package: String,
    /// From the root of the project.
    pub path: String,
    pub lines: usize,
    /// Without what is for tests only; empty for a file of tests.
    pub tokens: Vec<tokens::Token>,
}

#[derive(Debug, PartialEq)]
pub struct Violation {
    pub at: String,
    pub says: String,
}

impl Source {
    fn new(package: &str, path: &str, text: &str) -> Source {
        let for_tests = ["/tests/", "/benches/", "/examples/", "/tests.rs", "_tests.rs"];
        let tokens = if for_tests.iter().any(|part| path.contains(part)) {
            Vec::new()
        } else {
            tokens::without_tests(&tokens::tokens(text))
        };
        Source { package: package.into(), path: path.into(), lines: text.lines().count(), tokens }
    }

    fn violation(&self, line: usize, says: &str) -> Violation {
        Violation { at: format!("{}:{line}", self.path), says: says.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.says)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// (crate, path from the root, text) of every Rust file.
fn files() -> Vec<(String, String, String)> {
    let mut out = Vec::new();
    let mut waiting = vec![root().join("crates")];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the project") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source file");
                let from_root =
                    path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
                let package = from_root.split('/').nth(1).unwrap_or_default().to_owned();
                out.push((package, from_root, text));
            }
        }
    }
    out.sort();
    assert!(out.len() > 20, "the sources were not found");
    out
}

fn sources() -> Vec<Source> {
    files().iter().map(|(package, path, text)| Source::new(package, path, text)).collect()
}

fn expect_none(found: &[String]) {
    assert!(found.is_empty(), "{} to mend:\n  {}", found.len(), found.join("\n  "));
}

#[test]
fn every_crate_stays_within_its_border() {
    expect_none(&graph::violations(&graph::load()));
}

#[test]
fn every_shape_is_at_home_where_it_stands() {
    let found: Vec<String> =
        sources().iter().flat_map(rules::violations).map(|violation| violation.to_string()).collect();
    expect_none(&found);
}

#[test]
fn nothing_grows_beyond_what_can_be_read() {
    let now = lengths::measure(&sources());
    let list = root().join(lengths::LIST);
    if std::env::var("LENGTHS").is_ok_and(|value| value == "write") {
        std::fs::write(&list, lengths::write(&now)).expect("the list can be written");
    }
    let listed = lengths::read(&std::fs::read_to_string(&list).expect("the list is there"));
    expect_none(&lengths::violations(&now, &listed));
}

#[test]
fn every_crate_says_first_what_it_is_for() {
    let silent = |(_, path, text): &(String, String, String)| {
        (path.ends_with("src/lib.rs") || path.ends_with("src/main.rs")) && !text.starts_with("//!")
    };
    let found: Vec<String> = files().into_iter().filter(silent).map(|(_, path, _)| path).collect();
    expect_none(&found);
}

#[test]
fn every_dependency_is_used() {
    let files = files();
    let mut found = Vec::new();
    for (name, package) in graph::load().iter().filter(|(_, package)| package.ours) {
        let mine = files.iter().filter(|(package, _, _)| package == name);
        let words: BTreeSet<String> =
            mine.flat_map(|(_, _, text)| tokens::tokens(text)).map(|token| token.text).collect();
        let unused = package.uses.union(&package.uses_in_tests).filter(|used| !words.contains(&ident(used)));
        found.extend(unused.map(|used| format!("{name} does not use {used}")));
    }
    expect_none(&found);
}

/// The name by which source code calls a package.
fn ident(package: &str) -> String {
    match package {
        "md-5" => "md5".into(),
        _ => package.replace('-', "_"),
    }
}

#[test]
fn every_dependency_has_a_licence_that_we_may_ship() {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there");
    let allowed: Vec<String> = text
        .split_once("allow = [")
        .and_then(|(_, rest)| rest.split_once(']'))
        .map(|(list, _)| list.split(',').map(|name| name.trim().trim_matches('"').to_owned()).collect())
        .expect("deny.toml has a list of licences");
    let refused: Vec<String> = graph::load()
        .iter()
        .filter(|(_, package)| !package.ours && !graph::license_allowed(&package.license, &allowed))
        .map(|(name, package)| format!("{name}: {:?}", package.license))
        .collect();
    expect_none(&refused);
}
