//! The command line: a client of the HTTP API, and of nothing else.
//!
//! The binary flattens [`Globals`] and [`Command`] into its own parser, adds `serve`, and calls
//! [`run`]. A command makes requests through the client, prints what it was told, and ends with one
//! of three exit statuses: 0 done, 1 refused or failed, 2 wrong usage. It decides nothing: what a
//! user may be, and whether a file is right, the API says.

pub mod args;
mod clean;
mod client;
mod commands;
mod console;
mod failure;
mod follow;
mod globals;
mod hints;
mod listing;
mod pages;
mod passphrase;
mod problem;
mod session;
mod stream;
mod table;
mod value;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{FromArgMatches, Parser};

pub use args::Command;
pub use console::Console;
pub use globals::Globals;
pub use hints::shell_word;
pub use passphrase::passphrase_of;

/// Everything but `serve`, as a parser of its own: for the help texts, completions and tests.
#[derive(Debug, Parser)]
#[command(name = "muster", about = "Turns a list of people into a working phone system", term_width = 100)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// All commands that speak to the API.
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// Carries a command out on the process's own input, output and terminal.
pub fn run(globals: &Globals, command: &Command) -> ExitCode {
    ExitCode::from(run_on(globals, command, &mut Console::of_process()))
}

/// Carries a command out and returns its exit status: 0, 1 or 2.
pub fn run_on(globals: &Globals, command: &Command, console: &mut Console<'_>) -> u8 {
    match commands::run(globals, command, console) {
        Ok(()) => 0,
        Err(failure) => failure.report(globals.json, console),
    }
}

/// What the environment says is no part of how a command is used: an error would show those options as if
/// they had to be typed.
pub fn without_environment(mut parser: clap::Command, mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) else { return error };
    let mut usage = usage.to_string();
    // Only then options can be written as they are typed.
    parser.build();
    let of_subcommands = parser.get_subcommands().flat_map(clap::Command::get_arguments);
    for option in parser.get_arguments().chain(of_subcommands).filter(|option| option.get_env().is_some()) {
        usage = usage.replace(&format!(" {option}"), "");
    }
    error.insert(ContextKind::Usage, ContextValue::StyledStr(usage.into()));
    error
}

/// Reads the arguments (the program's name first) and carries the command out.
pub fn run_arguments<I, T>(arguments: I, console: &mut Console<'_>) -> u8
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let matches = command().try_get_matches_from(arguments);
    let parsed = matches.map_err(|error| without_environment(command(), error)).and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches)?;
        Ok((cli.globals.given_by(&matches), cli.command))
    });
    match parsed {
        Ok((globals, command)) => run_on(&globals, &command, console),
        Err(error) => {
            let text = error.render();
            let out = if error.use_stderr() { &mut console.err } else { &mut console.out };
            // Nowhere is left to say that this could not be said.
            let _ = write!(out, "{text}");
            u8::try_from(error.exit_code()).unwrap_or(2)
        }
    }
}
