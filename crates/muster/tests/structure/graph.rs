//! Who may depend on whom. The table is ARCHITECTURE.md's column "must not touch", turned round.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// The crates of ours that each may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("muster-domain", &[]),
    ("muster-import", &["muster-domain"]),
    ("muster-store", &["muster-domain"]),
    ("muster-app", &["muster-domain", "muster-import", "muster-mail", "muster-store"]),
    ("muster-sip", &[]),
    ("muster-phone", &["muster-domain", "muster-sip"]),
    ("muster-edge", &["muster-domain", "muster-phone", "muster-sip"]),
    ("muster-api", &["muster-app", "muster-domain"]),
    ("muster-cli", &[]),
    ("muster-load", &["muster-sip"]),
    ("muster-mail", &[]),
    (
        "muster",
        &[
            "muster-api",
            "muster-app",
            "muster-cli",
            "muster-domain",
            "muster-edge",
            "muster-phone",
            "muster-sip",
            "muster-store",
        ],
    ),
];

/// Libraries that belong to the crates named and to no other.
const BELONGS_TO: &[(&str, &[&str])] = &[
    ("axum", &["muster-api", "muster"]),
    ("utoipa", &["muster-api"]),
    ("tokio", &["muster-api", "muster"]),
    ("rusqlite", &["muster-store"]),
    ("postgres", &["muster-store"]),
    ("mio", &["muster-edge"]),
    ("socket2", &["muster-edge", "muster"]),
    ("ureq", &["muster-cli"]),
    ("lettre", &["muster-mail"]),
    ("clap", &["muster-cli", "muster-load", "muster"]),
    ("csv", &["muster-import"]),
];

/// These do no I/O, not even through a dependency of a dependency.
pub const PURE: &[&str] = &["muster-domain", "muster-import", "muster-sip", "muster-phone"];
const DOES_IO: &[&str] =
    &["axum", "hyper", "libsqlite3-sys", "mio", "postgres", "rusqlite", "socket2", "tokio"];

/// Wire and row shapes are made at the wire and at the row.
const NO_SERDE: &[&str] = &["muster-domain", "muster-sip", "muster-phone"];

#[derive(Debug, Clone, Default)]
pub struct Package {
    pub ours: bool,
    pub license: String,
    /// Direct dependencies: those of the program, and those of tests and build scripts.
    pub uses: BTreeSet<String>,
    pub uses_in_tests: BTreeSet<String>,
}

pub type Graph = BTreeMap<String, Package>;

/// Asks cargo, without the network: what is built is on the disk already.
pub fn load() -> Graph {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", &platform])
        .current_dir(super::root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    parse(&serde_json::from_slice(&output.stdout).expect("cargo writes JSON"))
}

fn parse(metadata: &Value) -> Graph {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let members: BTreeSet<String> = list(&metadata["workspace_members"]).iter().map(text).collect();
    let names: BTreeMap<String, String> = list(&metadata["packages"])
        .iter()
        .map(|package| (text(&package["id"]), text(&package["name"])))
        .collect();
    let mut graph = Graph::new();
    for package in list(&metadata["packages"]) {
        let entry = graph.entry(text(&package["name"])).or_default();
        entry.ours = members.contains(&text(&package["id"]));
        entry.license = text(&package["license"]);
    }
    for node in list(&metadata["resolve"]["nodes"]) {
        let Some(entry) = graph.get_mut(&names[&text(&node["id"])]) else { continue };
        for dependency in list(&node["deps"]) {
            let name = names[&text(&dependency["pkg"])].clone();
            let normal = list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
            if normal { &mut entry.uses } else { &mut entry.uses_in_tests }.insert(name);
        }
    }
    graph
}

pub fn violations(graph: &Graph) -> Vec<String> {
    let mut out = Vec::new();
    for (name, package) in graph.iter().filter(|(_, package)| package.ours) {
        let Some((_, allowed)) = MAY_USE.iter().find(|(ours, _)| ours == name) else {
            out.push(format!("{name} is not in the table of crates: say there what it may use"));
            continue;
        };
        for used in &package.uses {
            if graph.get(used).is_some_and(|package| package.ours) && !allowed.contains(&used.as_str()) {
                out.push(format!("{name} must not use {used}"));
            }
            if let Some((_, owners)) = BELONGS_TO.iter().find(|(library, _)| library == used)
                && !owners.contains(&name.as_str())
            {
                out.push(format!("{name} must not use {used}, which belongs to {}", owners.join(", ")));
            }
            if NO_SERDE.contains(&name.as_str()) && used.starts_with("serde") {
                out.push(format!("{name} must not use {used}: its types are not wire types"));
            }
        }
        if PURE.contains(&name.as_str()) {
            let reached = closure(graph, name);
            out.extend(
                DOES_IO
                    .iter()
                    .filter(|library| reached.contains(**library))
                    .map(|l| format!("{name} is pure but reaches {l}")),
            );
        }
    }
    out
}

fn closure(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![from.to_owned()];
    while let Some(name) = waiting.pop() {
        for used in graph.get(&name).into_iter().flat_map(|package| &package.uses) {
            if reached.insert(used.clone()) {
                waiting.push(used.clone());
            }
        }
    }
    reached
}

/// True where one alternative of the licence expression has only licences that we may ship.
pub fn license_allowed(expression: &str, allowed: &[String]) -> bool {
    let words = expression.replace('/', " OR ").replace(['(', ')'], " ");
    // "(A OR B) AND C" means "A AND C OR B AND C"; for whether it may be shipped, C must be allowed and one of A, B.
    let is_allowed = |term: &str| allowed.iter().any(|known| known == term.trim());
    words.split(" AND ").all(|part| part.split(" OR ").any(is_allowed))
}

#[test]
fn a_crate_that_reaches_over_its_border_is_named() {
    let package = |ours: bool, uses: &[&str]| Package {
        ours,
        uses: uses.iter().map(|name| (*name).to_owned()).collect(),
        ..Package::default()
    };
    let graph: Graph = [
        ("muster-api", package(true, &["muster-store", "rusqlite"])),
        ("muster-store", package(true, &["rusqlite"])),
        ("muster-sip", package(true, &["helper", "serde"])),
        ("muster-cli", package(true, &["muster-domain"])),
        ("muster-domain", package(true, &[])),
        ("muster-new", package(true, &[])),
        ("helper", package(false, &["tokio"])),
        ("rusqlite", package(false, &[])),
        ("serde", package(false, &[])),
        ("tokio", package(false, &[])),
    ]
    .into_iter()
    .map(|(name, package)| (name.to_owned(), package))
    .collect();
    let want = [
        "muster-api must not use muster-store",
        "muster-api must not use rusqlite, which belongs to muster-store",
        "muster-cli must not use muster-domain",
        "muster-new is not in the table of crates: say there what it may use",
        "muster-sip must not use serde: its types are not wire types",
        "muster-sip is pure but reaches tokio",
    ];
    assert_eq!(violations(&graph), want);
}

#[test]
fn a_licence_passes_only_if_one_alternative_is_allowed_as_a_whole() {
    let allowed = ["MIT".to_owned(), "Apache-2.0".to_owned(), "Unicode-3.0".to_owned()];
    let passes = |expression| license_allowed(expression, &allowed);
    assert!(
        passes("MIT OR GPL-3.0") && passes("Unlicense/MIT") && passes("(MIT OR Apache-2.0) AND Unicode-3.0")
    );
    assert!(!passes("GPL-3.0") && !passes("MIT AND GPL-3.0") && !passes(""));
}
