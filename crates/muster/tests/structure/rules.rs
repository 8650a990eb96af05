//! Shapes that are refused in the source, each with where it is at home.

use crate::graph::PURE;
use crate::tokens::{Token, closing, starts_with};
use crate::{Source, Violation};

pub struct Rule {
    /// What to say to who broke it.
    pub says: &'static str,
    pub applies: fn(&Source) -> bool,
    /// Indexes of the tokens that break it.
    pub find: fn(&[Token]) -> Vec<usize>,
}

pub const RULES: &[Rule] = &[
    Rule {
        says: "threads and tasks are started by edge, store and the binary only",
        // A stream of events goes on after the request that opened it; their number is limited there.
        applies: |source| {
            !source.path.ends_with("muster-api/src/events.rs")
                && !["muster", "muster-edge", "muster-store", "muster-load"]
                    .contains(&source.package.as_str())
        },
        find: spawns,
    },
    Rule {
        says: "only api and the binary are async: rules, storage and phones are plain functions",
        applies: |source| !["muster", "muster-api"].contains(&source.package.as_str()),
        find: |tokens| words(tokens, &["async", "await"]),
    },
    Rule {
        says: "a pure crate gets time, randomness and bytes as arguments",
        applies: |source| PURE.contains(&source.package.as_str()),
        find: ambient,
    },
    Rule {
        says: "what a user type can do is asked of its capabilities",
        applies: |source| !source.path.ends_with("muster-domain/src/capabilities.rs"),
        find: decides_by_user_type,
    },
    Rule {
        says: "an id has a type of its own, it is not a string",
        applies: |source| {
            ["muster-domain", "muster-store", "muster-app", "muster-import"]
                .contains(&source.package.as_str())
        },
        find: ids_that_are_strings,
    },
];

pub fn violations(source: &Source) -> Vec<Violation> {
    let broken = |rule: &Rule| -> Vec<Violation> {
        let found = (rule.find)(&source.tokens);
        found.into_iter().map(|at| source.violation(source.tokens[at].line, rule.says)).collect()
    };
    RULES.iter().filter(|rule| (rule.applies)(source)).flat_map(broken).collect()
}

fn spawns(tokens: &[Token]) -> Vec<usize> {
    const PATTERNS: &[&[&str]] = &[
        &["tokio", "::", "spawn"],
        &["task", "::", "spawn"],
        &["thread", "::", "spawn"],
        &["thread", "::", "Builder"],
        &["thread", "::", "scope"],
    ];
    matching(tokens, PATTERNS)
}

fn ambient(tokens: &[Token]) -> Vec<usize> {
    const PATTERNS: &[&[&str]] = &[
        &["Instant", "::", "now"],
        &["std", "::", "time", "::", "Instant"],
        &["std", "::", "fs"],
        &["std", "::", "env"],
        &["std", "::", "thread"],
        &["std", "::", "process"],
    ];
    const WORDS: &[&str] = &[
        "SystemTime",
        "UdpSocket",
        "TcpListener",
        "TcpStream",
        "println",
        "eprintln",
        "getrandom",
        "OsRng",
        "thread_rng",
    ];
    let mut out = matching(tokens, PATTERNS);
    out.extend(words(tokens, WORDS));
    // use std::time::{Duration, Instant};
    for at in matching(tokens, &[&["std", "::", "time", "::", "{"]]) {
        let group = &tokens[at..closing(tokens, at + 4)];
        out.extend(words(group, &["Instant"]).into_iter().map(|inside| at + inside));
    }
    out
}

/// `x == UserType::User`, `match user.user_type { … }`, `matches!(x, UserType::User)`, an arm `UserType::User =>`.
fn decides_by_user_type(tokens: &[Token]) -> Vec<usize> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let compares = |at: usize| matches!(text(at), "==" | "!=");
    let mut out = Vec::new();
    for at in 0..tokens.len() {
        let path = starts_with(tokens, at, &["UserType", "::"]);
        let before = at.checked_sub(1).map_or("", text);
        let compared = path && (before == "==" || before == "!=" || compares(at + 3));
        // After `=` it is a default value (`= UserType::User => Meta { … }` in the field tables), not an arm.
        let arm = path && before != "=" && matches!(text(at + 3), "=>" | "if");
        let field_compared = text(at) == "user_type" && (compares(at + 1) || compared_before(tokens, at));
        let matched = text(at) == "match" && match_subject_ends_with(tokens, at, "user_type");
        let in_matches = starts_with(tokens, at, &["matches", "!"]) && {
            let inside = &tokens[at..closing(tokens, at + 2)];
            !matching(inside, &[&["UserType", "::"]]).is_empty()
        };
        if compared || arm || field_compared || matched || in_matches {
            out.push(at);
        }
    }
    out
}

/// `== user_type`, `!= self.user_type`.
fn compared_before(tokens: &[Token], at: usize) -> bool {
    let mut before = tokens[..at].iter().rev().map(|token| token.text.as_str());
    let end = before.find(|text| *text != "." && !text.chars().all(|c| c.is_alphanumeric() || c == '_'));
    matches!(end, Some("==" | "!="))
}

fn match_subject_ends_with(tokens: &[Token], at: usize, name: &str) -> bool {
    let mut end = at + 1;
    while end < tokens.len() && tokens[end].text != "{" {
        end = if matches!(tokens[end].text.as_str(), "(" | "[") { closing(tokens, end) } else { end + 1 };
    }
    end > at + 1 && tokens[end - 1].text == name
}

/// `site_id: String`, `id: &'a str`, `owner_id: Option<SmolStr>`. A SIP Call-ID is no id of ours.
fn ids_that_are_strings(tokens: &[Token]) -> Vec<usize> {
    let is_id = |name: &str| (name == "id" || name.ends_with("_id")) && name != "call_id";
    let mut out = Vec::new();
    for at in 0..tokens.len().saturating_sub(2) {
        if is_id(&tokens[at].text) && tokens[at + 1].text == ":" {
            let passed = ["&", "mut", "Option", "<"];
            let named = tokens[at + 2..].iter().find(|token| !passed.contains(&token.text.as_str()));
            if named.is_some_and(|token| ["String", "str", "SmolStr"].contains(&token.text.as_str())) {
                out.push(at);
            }
        }
    }
    out
}

fn matching(tokens: &[Token], patterns: &[&[&str]]) -> Vec<usize> {
    (0..tokens.len()).filter(|&at| patterns.iter().any(|pattern| starts_with(tokens, at, pattern))).collect()
}

fn words(tokens: &[Token], words: &[&str]) -> Vec<usize> {
    (0..tokens.len()).filter(|&at| words.contains(&tokens[at].text.as_str())).collect()
}

/// Feeds each line to the rules as if it stood in that crate; the line must be refused, or pass, as a whole.
#[cfg(test)]
fn check(package: &str, refused: &[&str], passed: &[&str]) {
    let found = |text: &str| violations(&Source::new(package, &format!("crates/{package}/src/x.rs"), text));
    for text in refused {
        assert_eq!(found(text).len(), 1, "not refused in {package}: {text}");
    }
    for text in passed {
        assert_eq!(found(text), [], "refused in {package}: {text}");
    }
}

#[test]
fn a_thread_or_task_outside_its_crates_is_refused() {
    let refused = [
        "tokio::spawn(work());",
        "std::thread::spawn(|| 1);",
        "thread::Builder::new()",
        "tokio::task::spawn(x)",
    ];
    check(
        "muster-app",
        &refused,
        &["self.spawn_follower()", "// tokio::spawn", "#[cfg(test)] mod t { fn f() { thread::spawn(g); } }"],
    );
    check("muster-api", &refused[..1], &["tokio::task::spawn_blocking(read)"]);
    check("muster-store", &[], &refused);
}

#[test]
fn async_outside_api_and_binary_is_refused() {
    check("muster-app", &["async fn f() {}", "x.await;"], &["let is_async = 1;"]);
    check("muster-api", &[], &["async fn f() {}"]);
}

#[test]
fn ambient_time_randomness_and_io_in_a_pure_crate_are_refused() {
    let refused = [
        "use std::time::{Duration, Instant};",
        "use std::time::Instant;",
        "let t = Instant::now();",
        "SystemTime::UNIX_EPOCH",
        "std::fs::read(p)",
        "std::env::var(n)",
        "println!(\"x\")",
        "getrandom::fill(&mut b)",
        "use std::net::UdpSocket;",
    ];
    let passed = ["use std::time::Duration;", "use muster_sip::time::Instant;", "use std::net::SocketAddr;"];
    check("muster-phone", &refused, &passed);
    check("muster-edge", &[], &refused);
}

#[test]
fn a_decision_by_user_type_outside_capabilities_is_refused() {
    let refused = [
        "if user.user_type == kind { }",
        "if x != user.user_type { }",
        "if kind == UserType::Fax { }",
        "if UserType::Fax == kind { }",
        "match user.user_type { _ => 1 }",
        "matches!(kind, UserType::Fax)",
        "UserType::Fax => 1,",
        "UserType::User | UserType::Fax if busy => 1,",
    ];
    let passed = [
        "user_type: UserType = UserType::User => Meta {}",
        "let user_type = UserType::User;",
        "f(user.user_type)",
    ];
    check("muster-app", &refused, &passed);
    let at_home = Source::new("muster-domain", "crates/muster-domain/src/capabilities.rs", refused[4]);
    assert_eq!(violations(&at_home), []);
}

#[test]
fn an_id_that_is_a_string_is_refused() {
    let refused = ["struct A { site_id: String }", "fn f(id: &'a str) {}", "owner_id: Option<SmolStr>"];
    check(
        "muster-domain",
        &refused,
        &["site_id: SiteId", "call_id: &str", "let idle: String", "F { id: row.id }"],
    );
    check("muster-sip", &[], &refused);
}
