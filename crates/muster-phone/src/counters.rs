//! What the core has done since its start, for `/metrics`.

use std::collections::BTreeMap;

use smol_str::SmolStr;

/// Totals since the start, and sizes as they are now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests received, by method; methods that we do not know are counted as `other`.
    pub requests_received: BTreeMap<SmolStr, u64>,
    /// Final and provisional answers sent, by method and status.
    pub responses_sent: BTreeMap<(SmolStr, u16), u64>,
    /// Datagrams that were neither understood nor answerable.
    pub dropped: u64,
    pub malformed: u64,
    pub retransmissions_received: u64,
    pub retransmissions_sent: u64,
    pub digest_wrong: u64,
    pub digest_replayed: u64,
    pub calls_started: u64,
    pub calls_answered: u64,
    pub notifies_sent: u64,
    /// Refused because a limit was reached.
    pub limited: u64,

    pub bindings: usize,
    pub calls: usize,
    pub subscriptions: usize,
    pub transactions: usize,
}
