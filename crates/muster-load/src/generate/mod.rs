//! Load for the benchmarks: open-loop, over UDP, many phones behind few sockets.
//!
//! Operations start when their time has come, however slowly the server answers, and their
//! latency counts from that time: a server that stalls cannot hide it. A thread has two sockets and
//! its share of the users; nothing is shared between threads.

mod agent;
mod scan;
mod sys;
mod write;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::digest::Algorithm;
use agent::Agent;

/// What to do to whom.
#[derive(Debug, Clone)]
pub struct Load {
    pub kind: Kind,
    pub target: SocketAddr,
    /// The host part of every address.
    pub domain: String,
    pub algorithm: Algorithm,
    /// Operations a second, over all threads.
    pub rate: f64,
    /// Operations in all.
    pub count: usize,
    pub threads: usize,
    /// What a REGISTER asks for, in seconds.
    pub expires_s: u32,
    /// From the 200 to the BYE.
    pub hold: Duration,
    /// An operation that takes longer has failed.
    pub timeout: Duration,
    /// Answers a nonce that is known without waiting for a challenge.
    pub reuse_nonces: bool,
    /// Sleeps so long between looks at the socket instead of waking for each answer: cheaper, at
    /// the price of bursts and of latencies that are this much too long. Zero wakes for each.
    pub quantum: Duration,
    /// The server's process, whose processor time, with its descendants', is told per operation.
    pub server_pid: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// REGISTER, challenge, REGISTER, 200.
    Register,
    /// INVITE, challenge, ACK, INVITE, 180, 200, ACK, BYE, 200, by users 0, 2, 4 … to their next;
    /// both ends are here. Who takes part is registered first, which is not measured.
    Call,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub auth_name: String,
    pub secret: String,
    pub extension: String,
}

/// Reads `auth_name,secret,extension` lines; a first line of just these words is a header. No
/// quoting: the names of generated users need none.
pub fn read_users(path: &Path) -> std::io::Result<Vec<User>> {
    let text = std::fs::read_to_string(path)?;
    let bad = |line: usize| {
        let what = format!("line {}: not auth_name,secret,extension", line + 1);
        std::io::Error::new(std::io::ErrorKind::InvalidData, what)
    };
    let mut users = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || (number == 0 && line.starts_with("auth_name,")) {
            continue;
        }
        let mut cells = line.trim_end().split(',').map(str::to_owned);
        let (Some(auth_name), Some(secret), Some(extension)) = (cells.next(), cells.next(), cells.next())
        else {
            return Err(bad(number));
        };
        users.push(User { auth_name, secret, extension });
    }
    Ok(users)
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub completed: usize,
    pub failed: usize,
    /// Operations that could not start, since their user was still in another.
    pub skipped: usize,
    pub retransmissions: u64,
    /// Final answers other than the expected ones, by status; 0 is a timeout.
    pub refusals: BTreeMap<u16, u64>,
    /// Microseconds of each completed operation, from when it was due; sorted.
    pub latencies_us: Vec<u32>,
    /// From the first operation's start to the last one's end.
    pub elapsed: Duration,
    /// User and system time of this process during the measured part.
    pub cpu: Duration,
    /// The same of the server's processes, where they were named.
    pub server_cpu: Option<Duration>,
}

impl Report {
    /// `permille` of the completed operations took no longer, in microseconds.
    pub fn latency_us(&self, permille: usize) -> u32 {
        let last = self.latencies_us.len().saturating_sub(1);
        self.latencies_us.get(last * permille / 1000).copied().unwrap_or(0)
    }

    pub fn cpu_us_per_operation(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.completed.max(1) as f64
    }

    pub fn to_json(&self) -> String {
        let refusals: Vec<String> =
            self.refusals.iter().map(|(status, count)| format!("\"{status}\": {count}")).collect();
        let mut out = String::new();
        let _ = write!(
            out,
            "{{\"completed\": {}, \"failed\": {}, \"skipped\": {}, \"retransmissions\": {}, \
             \"refusals\": {{{}}}, \"elapsed_s\": {:.3}, \"rate_per_s\": {:.1}, \"p50_us\": {}, \
             \"p99_us\": {}, \"max_us\": {}, \"generator_cpu_us_per_op\": {:.2}",
            self.completed,
            self.failed,
            self.skipped,
            self.retransmissions,
            refusals.join(", "),
            self.elapsed.as_secs_f64(),
            self.completed as f64 / self.elapsed.as_secs_f64().max(1e-9),
            self.latency_us(500),
            self.latency_us(990),
            self.latency_us(1000),
            self.cpu_us_per_operation(),
        );
        if let Some(cpu) = self.server_cpu {
            let each_us = cpu.as_secs_f64() * 1e6 / self.completed.max(1) as f64;
            let _ = write!(out, ", \"server_cpu_us_per_op\": {each_us:.2}");
        }
        out.push('}');
        out
    }

    fn add(&mut self, other: Report) {
        self.completed += other.completed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.retransmissions += other.retransmissions;
        for (status, count) in other.refusals {
            *self.refusals.entry(status).or_default() += count;
        }
        self.latencies_us.extend(other.latencies_us);
        self.elapsed = self.elapsed.max(other.elapsed);
    }
}

/// Makes the load and waits for its end.
///
/// # Errors
/// Too few users, or a socket that cannot be opened.
pub fn run(load: &Load, users: &[User]) -> std::io::Result<Report> {
    let threads = load.threads.max(1);
    if users.len() < 2 * threads {
        return Err(std::io::Error::other("at least two users a thread are needed"));
    }
    let mut agents = Vec::new();
    for (number, share) in users.chunks(share_of(users.len(), threads)).enumerate() {
        agents.push(Agent::new(load, share, number)?);
    }
    let parts = agents.len();
    if load.kind == Kind::Call {
        let callers = load.count / parts;
        let registered = on_threads(&mut agents, |agent| agent.register(2 * callers));
        let failed: usize = registered.iter().map(|report| report.failed).sum();
        if failed > 0 {
            let refusals: Vec<_> = registered.into_iter().map(|report| report.refusals).collect();
            return Err(std::io::Error::other(format!("{failed} did not register: {refusals:?}")));
        }
    }
    let server_cpu = || load.server_pid.map(sys::cpu_time_of_tree);
    let (cpu_before, server_before) = (sys::cpu_time(), server_cpu());
    let mut total = Report::default();
    let count = load.count / parts;
    for report in on_threads(&mut agents, |agent| agent.run(count, load.rate / parts as f64)) {
        total.add(report);
    }
    total.cpu = sys::cpu_time().saturating_sub(cpu_before);
    total.server_cpu = server_cpu().zip(server_before).map(|(after, before)| after.saturating_sub(before));
    total.latencies_us.sort_unstable();
    Ok(total)
}

/// An even number, so that who calls and who is called are in one thread.
fn share_of(users: usize, threads: usize) -> usize {
    users.div_ceil(threads).next_multiple_of(2)
}

fn on_threads(agents: &mut [Agent], work: impl Fn(&mut Agent) -> Report + Sync) -> Vec<Report> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = agents.iter_mut().map(|agent| scope.spawn(move || work(agent))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    })
}
