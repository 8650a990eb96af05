//! A server of its own for each test: free ports on loopback, a new data folder, SQLite.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub const ORGANIZATION: &str = "acme";
pub const DOMAIN: &str = "acme.example";

pub struct Server {
    process: Child,
    pub folder: PathBuf,
    http: SocketAddr,
    pub sip: SocketAddr,
}

impl Server {
    /// Ready, with one organization in which nobody is.
    pub fn start() -> Server {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("real-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).expect("a folder for the test");
        let (http, sip) = (free_port(), free_port());
        let log = std::fs::File::create(folder.join("log")).expect("a log file");
        let process = Command::new(env!("CARGO_BIN_EXE_muster"))
            .args(["serve", "--http", &http.to_string(), "--sip", &sip.to_string(), "--data"])
            .arg(folder.join("data"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("muster starts");
        let mut server = Server { process, folder, http, sip };
        server.wait_ready();
        server.muster(&["org", "create", "Acme", "--domain", DOMAIN, "--slug", ORGANIZATION]);
        server
    }

    /// Runs the command line and returns what it said; a status that is not 0 fails the test.
    pub fn muster(&self, arguments: &[&str]) -> String {
        said(self.client(Path::new(env!("CARGO_BIN_EXE_muster"))).args(arguments))
    }

    /// A program that finds the server where the command line looks for it, started in the project's root.
    pub fn client(&self, program: &Path) -> Command {
        let token = std::fs::read_to_string(self.folder.join("data/owner.token")).expect("the owner's token");
        let mut command = Command::new(program);
        command
            .current_dir(root())
            .env("MUSTER_URL", format!("http://{}", self.http))
            .env("MUSTER_TOKEN", token.trim())
            .env("MUSTER_ORG", ORGANIZATION);
        command
    }

    fn wait_ready(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.is_ready() {
            let ended = self.process.try_wait().expect("its state");
            assert!(ended.is_none() && Instant::now() < deadline, "not ready ({ended:?}): {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn is_ready(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.http) else { return false };
        let request = format!("GET /readyz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.http);
        let mut answer = String::new();
        stream.write_all(request.as_bytes()).is_ok()
            && stream.read_to_string(&mut answer).is_ok()
            && answer.starts_with("HTTP/1.1 200")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn output(command: &mut Command) -> Output {
    let program = command.get_program().to_owned();
    command
        .output()
        .unwrap_or_else(|error| panic!("{program:?}: {error}; `make test` installs what is missing"))
}

fn said(command: &mut Command) -> String {
    let output = output(command);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}:\n{text}{errors}", output.status);
    text
}

/// Free for TCP and UDP a moment ago.
fn free_port() -> SocketAddr {
    for _ in 0..100 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port is free for both TCP and UDP");
}
