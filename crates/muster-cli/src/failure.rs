//! Why a command did not do what it was asked, in words for who typed it, and its exit status.

use std::io;

use serde_json::Value;

use crate::clean::clean;
use crate::console::Console;
use crate::problem::Problem;

/// What the caller of the program can act on.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was typed makes no sense; nothing was sent.
    Usage { what: String, mend: String },
    /// It was not done, and not because the server said no.
    Refused { what: String, mend: String },
    /// The server could not be asked, or did not answer.
    Network(Network),
    /// The server said no.
    Problem(Box<Problem>),
    /// It was not done, and what there is to say has been printed.
    Told,
    /// Our own output cannot be written.
    Output(io::Error),
}

/// A request that got no answer.
#[derive(Debug)]
pub(crate) struct Network {
    pub what: String,
    pub mend: String,
    /// The connection was there and broke: the same request may be sent again.
    pub lost: bool,
}

impl Failure {
    pub fn usage(what: impl Into<String>, mend: impl Into<String>) -> Failure {
        Failure::Usage { what: what.into(), mend: mend.into() }
    }

    pub fn refused(what: impl Into<String>, mend: impl Into<String>) -> Failure {
        Failure::Refused { what: what.into(), mend: mend.into() }
    }

    /// Says it on stderr, and the server's own document on stdout if JSON is wanted. Returns the exit
    /// status.
    pub fn report(self, json: bool, console: &mut Console<'_>) -> u8 {
        match &self {
            Failure::Told => return 1,
            // Who reads us has seen enough, as with `| head`.
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return 0,
            Failure::Problem(problem) if json && problem.document != Value::Null => {
                let _ = console.json(&problem.document);
            }
            _ => {}
        }
        console.note(&format!("muster: {}", self.words()));
        if matches!(self, Failure::Usage { .. }) { 2 } else { 1 }
    }

    pub fn words(&self) -> String {
        match self {
            Failure::Told => String::new(),
            Failure::Output(error) => format!("The output cannot be written: {}.", io_words(error)),
            Failure::Usage { what, mend }
            | Failure::Refused { what, mend }
            | Failure::Network(Network { what, mend, .. }) => join(what, mend),
            Failure::Problem(problem) => problem.words(),
        }
    }
}

impl From<io::Error> for Failure {
    /// Only writing to the console gives bare I/O errors; files say which file they are.
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

fn join(what: &str, mend: &str) -> String {
    if mend.is_empty() { what.to_owned() } else { format!("{what} {mend}") }
}

/// The system's reason without its number: `No such file or directory`, not `… (os error 2)`.
pub(crate) fn io_words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
    clean(&format!("{first}{}", chars.as_str())).into_owned()
}
