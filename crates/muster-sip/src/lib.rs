//! SIP messages, digest, transactions and dialogs as pure machines.
//!
//! The loop that drives it belongs to somebody else: bytes come in with the time, machines push
//! [`transaction::Action`]s, and the caller sends, arms timers and calls back. A message is one
//! [`bytes::Bytes`] and a table of header offsets; what a header means is read when asked.
//!
//! What this crate does not do: sockets, clocks, randomness (a seeded [`rng::Rng`] is handed in),
//! DNS, and anything about people. It does not route.

pub mod dialog;
pub mod dialog_info;
pub mod digest;
pub mod framer;
pub mod limits;
pub mod message;
mod message_check;
mod message_scan;
pub mod method;
pub mod name;
pub mod name_addr;
pub mod params;
pub mod rng;
pub mod status;
pub mod time;
mod token;
pub mod transaction;
pub mod uri;
pub mod via;
pub mod writer;

pub use framer::{Frame, FrameError, StreamFramer};
pub use message::{Contacts, HeaderError, Message, Start};
pub use message_check::{Fault, ParseError};
pub use method::Method;
pub use name::Name;
pub use name_addr::NameAddr;
pub use params::Params;
pub use rng::Rng;
pub use time::Instant;
pub use uri::{Scheme, Uri};
pub use via::Via;
pub use writer::{LocalVia, Writer};
