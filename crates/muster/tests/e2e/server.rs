//! A server of a test's own: free ports, a temporary folder, ended by its own process id.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use muster_load::phone::{Phone, PhoneConfig};
use serde_json::Value;

pub const DOMAIN: &str = "voice.example.com";
pub const ORG: &str = "example";

pub struct Server {
    pub http: SocketAddr,
    pub sip: SocketAddr,
    pub data: PathBuf,
    pub token: String,
    child: Child,
    folder: Option<tempfile::TempDir>,
    database: Option<String>,
}

impl Server {
    /// Starts with an empty folder and one organization.
    pub fn start() -> Server {
        Server::start_at(None)
    }

    /// As [`Server::start`], on the database that is asked for.
    pub fn start_on(database: Database) -> Server {
        Server::start_at(database.url().as_deref())
    }

    /// As [`Server::start`], on the database at this URL; `None` is SQLite in the data folder.
    pub fn start_at(database: Option<&str>) -> Server {
        let server = Server::start_empty_on(database);
        server.run(&["org", "create", "Example", "--domain", DOMAIN]);
        server
    }

    pub fn start_empty() -> Server {
        Server::start_empty_on(None)
    }

    fn start_empty_on(database: Option<&str>) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut server = Server::start_in(&data, database);
        server.folder = Some(folder);
        server
    }

    /// Starts in a folder that may have been used before.
    pub fn start_in(data: &Path, database: Option<&str>) -> Server {
        Server::start_with(data, database, None, &[])
    }

    fn start_with(
        data: &Path,
        database: Option<&str>,
        sip: Option<SocketAddr>,
        environment: &[(&str, &str)],
    ) -> Server {
        // Between choosing a free port and taking it another test may: then it is tried again.
        for _ in 0..10 {
            let (http, sip) = (free_address(), sip.unwrap_or_else(free_address));
            let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
            command.args(["serve", "--http", &http.to_string(), "--sip", &sip.to_string()]);
            command.arg("--data").arg(data).envs(environment.iter().copied());
            if let Some(url) = database {
                command.args(["--database", url]);
            }
            let log = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(data.with_extension("log"))
                .unwrap();
            let child = command.stdout(Stdio::null()).stderr(log).stdin(Stdio::null()).spawn().unwrap();
            let mut server = Server {
                http,
                sip,
                data: data.to_path_buf(),
                token: String::new(),
                child,
                folder: None,
                database: database.map(str::to_string),
            };
            if server.wait_ready() {
                server.token = std::fs::read_to_string(data.join("owner.token")).unwrap().trim().to_string();
                return server;
            }
            assert!(server.log().contains("is taken by"), "the server ended:\n{}", server.log());
        }
        panic!("no free port in ten tries");
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.with_extension("log")).unwrap_or_default()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// `kill -9` where the server is borrowed by other threads.
    pub fn kill_by_pid(pid: u32) {
        signal(pid, libc::SIGKILL);
    }

    /// Starts again in the same folder and database, on new ports.
    pub fn restart(mut self) -> Server {
        if self.child.try_wait().unwrap().is_none() {
            self.stop();
        }
        let mut next = Server::start_in(&self.data.clone(), self.database.as_deref());
        next.folder = self.folder.take();
        next
    }

    /// The same, with these environment variables.
    pub fn restart_with(mut self, environment: &[(&str, &str)]) -> Server {
        if self.child.try_wait().unwrap().is_none() {
            self.stop();
        }
        let mut next = Server::start_with(&self.data.clone(), self.database.as_deref(), None, environment);
        next.folder = self.folder.take();
        next
    }

    /// The same, with phones reaching it where it was: they know no other address.
    pub fn restart_at(mut self, sip: SocketAddr) -> Server {
        let mut next = Server::start_with(&self.data.clone(), self.database.as_deref(), Some(sip), &[]);
        next.folder = self.folder.take();
        next
    }

    /// SIGTERM, and no more than ten seconds.
    pub fn stop(&mut self) {
        signal(self.pid(), libc::SIGTERM);
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the server did not end within 10 s:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The command line, against this server and the test's organization.
    pub fn command(&self, args: &[&str]) -> Output {
        self.client(args).output().unwrap()
    }

    /// A command that goes on by itself, its output unread.
    pub fn spawn(&self, args: &[&str]) -> Child {
        self.client(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn client(&self, args: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_muster"));
        command.args(args);
        command
    }

    /// A program that finds the server where the command line looks for it.
    pub fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).env("MUSTER_URL", format!("http://{}", self.http));
        command.env("MUSTER_TOKEN", &self.token).env("MUSTER_ORG", ORG);
        command
    }

    /// A file of the test's, gone with the server.
    pub fn file(&self, name: &str) -> PathBuf {
        self.data.with_file_name(name)
    }

    /// A command that must succeed; gives what it printed.
    pub fn run(&self, args: &[&str]) -> String {
        let out = self.command(args);
        let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success(), "muster {args:?}\n{stdout}\n{stderr}\n{}", self.log());
        stdout.into_owned()
    }

    /// A command that must succeed, its answer as JSON.
    pub fn json(&self, args: &[&str]) -> Value {
        let text = self.run(&[args, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("muster {args:?} printed no JSON: {e}\n{text}"))
    }

    /// GET or POST below the organization; status and body.
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let url = format!("http://{}/api/v1/organizations/{ORG}{path}", self.http);
        request(method, &url, &self.token, body)
    }

    pub fn phone(&self, extension: &str, auth_name: &str, secret: &str) -> Phone {
        Phone::start(PhoneConfig::new(self.sip, DOMAIN, extension, auth_name, secret)).unwrap()
    }

    fn wait_ready(&mut self) -> bool {
        let url = format!("http://{}/readyz", self.http);
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if request("GET", &url, "", None).0 == 200 {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server was not ready within 60 s:\n{}", self.log());
    }
}

/// Without the program `kill`, which a small machine has not.
fn signal(pid: u32, signal: libc::c_int) {
    // SAFETY: the process is a child of this one that nobody has waited for, so the id is its own.
    unsafe { libc::kill(libc::pid_t::try_from(pid).unwrap(), signal) };
}

/// What the program keeps its data in.
#[derive(Clone, Copy, Debug)]
pub enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    pub const BOTH: [Database; 2] = [Database::Sqlite, Database::Postgres];

    /// A database of the test's own; `None` is SQLite in the data folder.
    pub fn url(self) -> Option<String> {
        let Database::Postgres = self else { return None };
        let server = std::env::var("MUSTER_TEST_POSTGRES").unwrap_or_else(|_| {
            panic!("MUSTER_TEST_POSTGRES names no PostgreSQL: scripts/test-postgres.sh start prints one")
        });
        let name = format!("e2e_{}_{}", std::process::id(), free_address().port());
        let made = Command::new("psql").args([&server, "-qc", &format!("CREATE DATABASE {name}")]).status();
        assert!(made.unwrap().success(), "no database could be made at {server}");
        let (address, options) = server.split_once('?').unwrap_or((&server, ""));
        let (address, _) = address.rsplit_once('/').unwrap();
        Some(format!("{address}/{name}{}{options}", if options.is_empty() { "" } else { "?" }))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn request(method: &str, url: &str, token: &str, body: Option<&Value>) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let text = body.map(Value::to_string).unwrap_or_default();
    let request = request.header("content-type", "application/json").body(text).unwrap();
    match agent.run(request) {
        Ok(mut answer) => {
            let status = answer.status().as_u16();
            let text = answer.body_mut().read_to_string().unwrap_or_default();
            (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
        }
        Err(_) => (0, Value::Null),
    }
}

/// An address whose port is free for UDP and TCP at this moment.
pub fn free_address() -> SocketAddr {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = tcp.local_addr().unwrap();
        if UdpSocket::bind(addr).is_ok() {
            return addr;
        }
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn data_file(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}
