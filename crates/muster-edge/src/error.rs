//! Why an edge could not start.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why [`crate::start`] failed. Nothing is left running when it does.
#[derive(Debug)]
pub enum EdgeError {
    /// Another socket holds the address. `by` names its owner where the system tells, as
    /// `kamailio (pid 1234)`.
    PortTaken { addr: SocketAddr, transport: &'static str, by: Option<String> },
    /// The address could not be bound for another reason: not ours, not permitted.
    Bind { addr: SocketAddr, transport: &'static str, source: io::Error },
    /// Neither a UDP nor a TCP address was configured.
    NothingToListenOn,
    /// The data directory or the journal of bindings in it could not be opened.
    Journal { path: PathBuf, source: io::Error },
    /// Another process has the journal open.
    JournalInUse { path: PathBuf },
    /// The journal was written by a newer program; `version` is what it says.
    JournalTooNew { path: PathBuf, version: u32 },
    /// The poller, its waker, or a thread could not be made, or the system gave no randomness.
    System { what: &'static str, source: io::Error },
}

impl fmt::Display for EdgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EdgeError::PortTaken { addr, transport, by: Some(owner) } => {
                write!(f, "{transport} port {addr} is taken by {owner}; stop it or configure another port")
            }
            EdgeError::PortTaken { addr, transport, by: None } => {
                write!(
                    f,
                    "{transport} port {addr} is taken by another program; stop it or configure another port"
                )
            }
            EdgeError::Bind { addr, transport, source } => {
                write!(f, "cannot listen on {transport} {addr}: {source}")
            }
            EdgeError::NothingToListenOn => {
                f.write_str("no address to listen on: configure at least one for UDP or TCP")
            }
            EdgeError::Journal { path, source } => {
                write!(f, "cannot open the journal of registrations {}: {source}", path.display())
            }
            EdgeError::JournalInUse { path } => {
                write!(f, "the journal of registrations {} is in use by another process", path.display())
            }
            EdgeError::JournalTooNew { path, version } => write!(
                f,
                "the journal of registrations {} has version {version}, newer than this program knows",
                path.display()
            ),
            EdgeError::System { what, source } => write!(f, "cannot make {what}: {source}"),
        }
    }
}

impl std::error::Error for EdgeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            EdgeError::Bind { source, .. }
            | EdgeError::Journal { source, .. }
            | EdgeError::System { source, .. } => Some(source),
            _ => None,
        }
    }
}
