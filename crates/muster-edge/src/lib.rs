//! The edge: the sockets, timers and files of the phone core.
//!
//! The core (`muster-phone`) is a pure machine. This crate drives it: one thread polls the UDP and
//! TCP sockets, hands over what came, asks for what is due, and sends what the core says. Two
//! threads beside it do what may block: one writes the journal of bindings, so that registrations
//! survive a restart (at most a second of them is lost by a crash), one calls the receiver of
//! events.
//!
//! ```text
//! start(config, on_event) -> EdgeHandle
//! handle.plan(snapshot of an organization)      its phones may register; old bindings come back
//! handle.plan(a change of a person)             … and so on, in the order of the change log
//! handle.wait_reached(org, seq, timeout)        the core follows the log up to here
//! handle.registrations(org, None)               questions to the core
//! handle.shutdown()
//! ```
//!
//! It decides nothing about people and knows no rule of SIP beyond where a message ends. Linux
//! only: it uses recvmmsg, sendmmsg and, to name who holds a port, /proc.

mod clock;
mod config;
mod counters;
mod error;
mod events;
mod handle;
mod journal;
mod mmsg;
mod panic_guard;
mod port_owner;
mod rate_limit;
mod shard;
mod start;
mod tcp;
mod tcp_connection;
mod tcp_listener;
mod udp;

pub use config::{EdgeConfig, EdgeLimits};
pub use counters::CounterSnapshot;
pub use error::EdgeError;
pub use events::EdgeEvent;
pub use handle::{EdgeGone, EdgeHandle};
pub use port_owner::tcp_port_owner;
pub use start::start;
