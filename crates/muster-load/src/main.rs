//! `muster-load register|call`: makes load on a SIP server and prints what came of it as JSON.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use muster_load::digest::Algorithm;
use muster_load::generate::{Kind, Load, read_users, run};

#[derive(Parser)]
#[command(name = "muster-load", about = "Open-loop SIP load over UDP; prints one JSON object")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// REGISTER, answer the challenge, 200.
    Register(Options),
    /// INVITE … BYE with both ends; who takes part is registered first.
    Call(Options),
}

#[derive(Args)]
struct Options {
    /// The server's UDP address.
    #[arg(long)]
    target: SocketAddr,
    /// The realm or domain of the users.
    #[arg(long)]
    domain: String,
    /// CSV lines of auth_name,secret,extension.
    #[arg(long)]
    users: PathBuf,
    /// Operations a second.
    #[arg(long, default_value_t = 1000.0)]
    rate: f64,
    /// Operations in all.
    #[arg(long, default_value_t = 10_000)]
    count: usize,
    #[arg(long, default_value_t = 1)]
    threads: usize,
    #[arg(long, value_enum, default_value_t = Digest::Md5)]
    digest: Digest,
    /// What a REGISTER asks for, in seconds.
    #[arg(long, default_value_t = 3600)]
    expires: u32,
    /// Milliseconds from the 200 to the BYE.
    #[arg(long, default_value_t = 0)]
    hold_ms: u64,
    /// Seconds after which an operation has failed.
    #[arg(long, default_value_t = 8)]
    timeout_s: u64,
    /// Use a nonce again instead of waiting for a new challenge.
    #[arg(long)]
    reuse_nonces: bool,
    /// Microseconds to sleep between looks at the socket; 0 wakes for each answer.
    #[arg(long, default_value_t = 0)]
    quantum_us: u64,
    /// The server's process: its processor time per operation is told, with that of its children.
    #[arg(long)]
    server_pid: Option<u32>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Digest {
    Md5,
    Sha256,
}

fn main() -> ExitCode {
    let (kind, options) = match Cli::parse().command {
        Command::Register(options) => (Kind::Register, options),
        Command::Call(options) => (Kind::Call, options),
    };
    let load = Load {
        kind,
        target: options.target,
        domain: options.domain,
        algorithm: match options.digest {
            Digest::Md5 => Algorithm::Md5,
            Digest::Sha256 => Algorithm::Sha256,
        },
        rate: options.rate,
        count: options.count,
        threads: options.threads,
        expires_s: options.expires,
        hold: Duration::from_millis(options.hold_ms),
        timeout: Duration::from_secs(options.timeout_s),
        reuse_nonces: options.reuse_nonces,
        quantum: Duration::from_micros(options.quantum_us),
        server_pid: options.server_pid,
    };
    let report = read_users(&options.users).and_then(|users| run(&load, &users));
    match report {
        Ok(report) => {
            println!("{}", report.to_json());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("muster-load: {error}");
            ExitCode::FAILURE
        }
    }
}
