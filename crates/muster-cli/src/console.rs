//! Where a command prints, and where it asks.

use std::io::{self, BufRead, IsTerminal, Write};

use serde_json::Value;

/// Narrower terminals than this are not believed.
const WIDTH_MIN: usize = 40;

/// The process's streams, or a test's.
pub struct Console<'a> {
    pub out: Box<dyn Write + 'a>,
    pub err: Box<dyn Write + 'a>,
    pub input: Box<dyn BufRead + 'a>,
    /// Columns of the terminal that `out` is; `None` if it is a file, a pipe or a test.
    pub out_width: Option<usize>,
    /// True if `err` is a terminal: progress is drawn there.
    pub draw_progress: bool,
    /// True if `input` is a terminal: what is secret is then read without showing it.
    pub asks_person: bool,
}

impl Console<'static> {
    pub fn of_process() -> Console<'static> {
        let terminal = console::Term::stdout();
        let width = usize::from(terminal.size().1).max(WIDTH_MIN);
        Console {
            out: Box::new(io::BufWriter::new(io::stdout())),
            err: Box::new(io::stderr()),
            input: Box::new(io::stdin().lock()),
            out_width: io::stdout().is_terminal().then_some(width),
            draw_progress: io::stderr().is_terminal(),
            asks_person: io::stdin().is_terminal(),
        }
    }
}

impl Console<'_> {
    /// A line for people, beside the output: progress, warnings, what was done.
    pub(crate) fn note(&mut self, text: &str) {
        // What was asked is done or refused all the same if nobody can be told.
        let _ = self.out.flush();
        let _ = writeln!(self.err, "{text}");
    }

    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// One document, for people who read it and programs alike.
    pub(crate) fn json(&mut self, document: &Value) -> io::Result<()> {
        let text = serde_json::to_string_pretty(document).map_err(io::Error::other)?;
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// One document in one line, seen at once by who reads the pipe.
    pub(crate) fn json_line(&mut self, document: &Value) -> io::Result<()> {
        writeln!(self.out, "{document}")?;
        self.out.flush()
    }

    /// Asks for a yes; anything else is a no.
    pub(crate) fn confirm(&mut self, question: &str) -> io::Result<bool> {
        self.out.flush()?;
        write!(self.err, "{question} [y/N] ")?;
        self.err.flush()?;
        let mut line = String::new();
        self.input.read_line(&mut line)?;
        Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// Asks for one of several answers.
    pub(crate) fn ask(&mut self, question: &str) -> io::Result<String> {
        self.out.flush()?;
        write!(self.err, "{question}: ")?;
        self.err.flush()?;
        let mut line = String::new();
        self.input.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    /// Asks for something secret: unseen on a terminal, else a line of the input.
    pub(crate) fn ask_secret(&mut self, prompt: &str) -> io::Result<String> {
        if self.asks_person {
            let _ = self.out.flush();
            write!(self.err, "{prompt}: ")?;
            self.err.flush()?;
            return console::Term::stderr().read_secure_line();
        }
        let mut line = String::new();
        self.input.read_line(&mut line)?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}
