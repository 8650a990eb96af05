//! What an edge is told at its start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use muster_phone::CoreConfig;

/// Where to listen, what to call ourselves, where to keep the journal.
#[derive(Debug, Clone)]
pub struct EdgeConfig {
    /// Addresses for UDP; port 0 takes a free one. A wildcard answers from the address called.
    pub udp: Vec<SocketAddr>,
    /// Addresses for TCP; port 0 takes a free one.
    pub tcp: Vec<SocketAddr>,
    /// The host name or address phones reach us by, where it is not the one we are bound to.
    pub public_host: Option<String>,
    /// Limits of the phone core. Its `public_host` and `nonce_key` are set by the edge.
    pub core: CoreConfig,
    /// Holds `bindings.journal`. Made if it is not there.
    pub data_dir: PathBuf,
    pub limits: EdgeLimits,
}

impl EdgeConfig {
    /// No addresses yet, the default limits.
    pub fn new(data_dir: impl Into<PathBuf>) -> EdgeConfig {
        EdgeConfig {
            udp: Vec::new(),
            tcp: Vec::new(),
            public_host: None,
            core: CoreConfig::default(),
            data_dir: data_dir.into(),
            limits: EdgeLimits::default(),
        }
    }
}

/// What one sender, or all of them, may take of us.
#[derive(Debug, Clone)]
pub struct EdgeLimits {
    /// TCP connections at once.
    pub connections_max: usize,
    /// TCP connections at once from one address. An office behind NAT is one address.
    pub connections_per_address_max: usize,
    /// A message that has begun on a connection must be whole within this.
    pub message_time_max: Duration,
    /// A connection that has not delivered one whole message is closed after this.
    pub first_message_time_max: Duration,
    /// A connection silent this long is closed; phones refresh or send keep-alives long before.
    pub idle_time_max: Duration,
    /// Bytes that wait for a peer which does not read; a connection with more is closed.
    pub unsent_bytes_max: usize,
    /// The same of all connections together; one that would add to more is closed.
    pub unsent_bytes_of_all_max: usize,
    /// Plan updates and commands that wait for the core; with more, senders wait.
    pub inputs_waiting_max: usize,
    /// Events that wait for the callback; with more, they are dropped and counted.
    pub events_waiting_max: usize,
    /// The receive buffer asked of the kernel for each UDP socket, in bytes.
    pub udp_receive_buffer: usize,
}

impl Default for EdgeLimits {
    fn default() -> EdgeLimits {
        EdgeLimits {
            connections_max: 10_000,
            connections_per_address_max: 1_000,
            message_time_max: Duration::from_secs(10),
            first_message_time_max: Duration::from_secs(30),
            idle_time_max: Duration::from_secs(2 * 3600),
            unsent_bytes_max: 256 * 1024,
            unsent_bytes_of_all_max: 64 * 1024 * 1024,
            inputs_waiting_max: 1_024,
            events_waiting_max: 65_536,
            udp_receive_buffer: 4 * 1024 * 1024,
        }
    }
}
