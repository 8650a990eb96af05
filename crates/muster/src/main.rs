//! The program: reads the configuration and wires.
//!
//! `muster serve` holds everything together ([`serve`]); every other command is a client of a server
//! that runs, and is `muster-cli`'s.

mod banner;
mod call_log;
mod call_records;
mod config;
mod data_dir;
mod demo;
mod followers;
mod http;
mod metrics;
mod owner_token;
mod process;
mod reach;
mod registrations;
mod restore;
mod serve;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// Turns a list of people into a working phone system.
#[derive(Parser)]
#[command(name = "muster", version, about, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    globals: muster_cli::Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server: phones, API and the page in the browser.
    Serve(Box<config::ServeArgs>),
    /// Put a backup back into an empty place, while no server runs there
    Restore(restore::RestoreArgs),
    #[command(flatten)]
    Client(muster_cli::Command),
}

fn main() -> ExitCode {
    process::ignore_file_size_signal();
    let mut parser = Cli::command();
    if std::env::args_os().len() < 2 {
        // Who types the name alone wants to know what there is.
        let _ = parser.print_help();
        return ExitCode::from(2);
    }
    let matches = parser.try_get_matches();
    let matches =
        matches.unwrap_or_else(|error| muster_cli::without_environment(Cli::command(), error).exit());
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if matches!(cli.command, Command::Serve(_) | Command::Restore(_)) {
        process::keep_others_out();
    }
    match cli.command {
        Command::Serve(args) => match serve::serve(*args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("muster: {error}");
                ExitCode::from(1)
            }
        },
        Command::Restore(args) => match restore::restore(args, cli.globals.json) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("muster: {error}");
                ExitCode::from(1)
            }
        },
        Command::Client(command) => muster_cli::run(&cli.globals.given_by(&matches), &command),
    }
}
