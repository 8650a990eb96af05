//! The command line against a server that answers by a script.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod again;
mod back;
mod bulk;
mod commands;
mod errors;
mod import;
mod import_told;
mod leaving;
mod roles;
mod server;

use std::io::Cursor;

use muster_cli::Console;

pub use server::{Server, Step, answer, created, drop_connection, problem, respond};

/// What a command left behind.
pub struct Outcome {
    pub status: u8,
    pub out: String,
    pub err: String,
}

impl Outcome {
    /// For snapshots: everything a person would see.
    pub fn seen(&self) -> String {
        format!("{}\n--- stderr ---\n{}\n--- status {} ---", self.out, self.err, self.status)
    }
}

/// Runs `muster ARGUMENTS --url … --token … --org example`.
pub fn muster(server: &Server, arguments: &[&str]) -> Outcome {
    muster_with(server, arguments, None, "")
}

/// The same on a terminal of so many columns, or with something to read.
pub fn muster_with(server: &Server, arguments: &[&str], width: Option<usize>, input: &str) -> Outcome {
    let globals = ["--url", server.url.as_str(), "--token", "sesame", "--org", "example"];
    let outcome = run(&[arguments, &globals].concat(), width, input);
    // The port is another one each time; a command that is told names it.
    let steady = |text: String| text.replace(&format!(" --url {}", server.url), " --url URL");
    Outcome { out: steady(outcome.out), err: steady(outcome.err), ..outcome }
}

/// The same with somebody at the keyboard.
pub fn muster_asking(server: &Server, arguments: &[&str], input: &str) -> Outcome {
    let globals = ["--url", server.url.as_str(), "--token", "sesame", "--org", "example"];
    run_with(&[arguments, &globals].concat(), None, input, true)
}

pub fn run(arguments: &[&str], width: Option<usize>, input: &str) -> Outcome {
    run_with(arguments, width, input, false)
}

fn run_with(arguments: &[&str], width: Option<usize>, input: &str, asks_person: bool) -> Outcome {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = {
        let mut console = Console {
            out: Box::new(&mut out),
            err: Box::new(&mut err),
            input: Box::new(Cursor::new(input.to_owned())),
            out_width: width,
            draw_progress: false,
            asks_person,
        };
        muster_cli::run_arguments(std::iter::once("muster").chain(arguments.iter().copied()), &mut console)
    };
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Outcome { status, out: text(out), err: text(err) }
}
