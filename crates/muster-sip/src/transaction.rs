//! Transactions (RFC 3261 §17, RFC 6026): one machine a file, driven by messages and timers.
//!
//! Machines push [`Action`]s onto a list that the caller lends. The caller sends, arms timers (a
//! timer that is out of date when it fires is ignored by its machine, so none need be cancelled) and
//! removes the machine after [`Action::Terminated`].

mod invite_client;
mod invite_server;
mod key;
mod non_invite_client;
mod non_invite_server;
mod success;

pub use invite_client::InviteClient;
pub use invite_server::InviteServer;
pub use key::Key;
pub use non_invite_client::NonInviteClient;
pub use non_invite_server::NonInviteServer;
pub use success::SuccessRetransmission;

use crate::message::Message;
use crate::time::Duration;
use bytes::Bytes;

/// Estimate of the round trip.
pub const T1: Duration = Duration::from_millis(500);
/// Longest interval between retransmissions of non-INVITE requests and INVITE responses.
pub const T2: Duration = Duration::from_secs(4);
/// Longest time that a message stays in the network.
pub const T4: Duration = Duration::from_secs(5);
/// How long a transaction waits for its other end: 64·T1.
pub const PATIENCE: Duration = Duration::from_secs(32);

/// The timers of RFC 3261 table 4, RFC 6026's L and M, and that of 2xx retransmission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    A,
    B,
    D,
    E,
    F,
    G,
    H,
    I,
    J,
    K,
    L,
    M,
    /// Next retransmission of a 2xx to INVITE (RFC 3261 §13.3.1.4).
    Success,
}

/// What the caller has to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Send these bytes where this transaction's messages go.
    Send(Bytes),
    /// Call `on_timer` with this timer after so long.
    SetTimer(Timer, Duration),
    /// For the transaction user.
    ToUser(Event),
    /// Forget the machine.
    Terminated,
}

/// What a transaction tells its user.
#[derive(Clone, Debug)]
pub enum Event {
    /// A client transaction's response: provisional, final, or a retransmitted 2xx to INVITE.
    Response(Message),
    /// An ACK that belongs to a 2xx (RFC 6026 §7.1).
    Ack(Message),
    /// Nobody answered: no response to a request, no ACK to a response. Act as for 408.
    TimedOut,
    /// Sending failed. Act as for 503.
    TransportFailed,
}
