//! What the core has done since its start, for `/metrics`.

use std::collections::BTreeMap;

use muster_sip::Method;
use smol_str::SmolStr;

/// Totals since the start, and sizes as they are now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests received, by method; methods that we do not know are counted as `other`.
    pub requests_received: BTreeMap<SmolStr, u64>,
    /// Requests sent, by method, retransmissions included.
    pub requests_sent: BTreeMap<SmolStr, u64>,
    /// Responses sent, by status, retransmissions included.
    pub responses_sent: BTreeMap<u16, u64>,
    /// Messages that belong to nothing and cannot be answered.
    pub dropped: u64,
    pub malformed: u64,
    pub retransmissions_received: u64,
    pub retransmissions_sent: u64,
    pub digest_wrong: u64,
    pub digest_replayed: u64,
    /// Wrong, and too many of them from one address for one name.
    pub digest_limited: u64,
    /// Right, but made for another request.
    pub digest_misdirected: u64,
    pub calls_started: u64,
    pub calls_answered: u64,
    pub notifies_sent: u64,
    /// Refused because a limit was reached.
    pub limited: u64,

    pub bindings: usize,
    pub calls: usize,
    pub subscriptions: usize,
    pub transactions: usize,
    /// Timers set, those included that nobody waits for any more.
    pub timers: usize,
    /// Sides of calls, attempts and subscriptions that are still remembered.
    pub dialogs: usize,
}

const METHODS: [&str; 15] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "REGISTER",
    "OPTIONS",
    "SUBSCRIBE",
    "NOTIFY",
    "MESSAGE",
    "INFO",
    "UPDATE",
    "PRACK",
    "REFER",
    "PUBLISH",
    "other",
];

/// Counts per method and status in arrays: a count costs an addition.
pub struct Tally {
    received: [u64; METHODS.len()],
    sent: [u64; METHODS.len()],
    statuses: Box<[u64; 700]>,
}

impl Default for Tally {
    fn default() -> Self {
        Tally { received: [0; METHODS.len()], sent: [0; METHODS.len()], statuses: Box::new([0; 700]) }
    }
}

impl Tally {
    pub fn received(&mut self, method: &Method) {
        self.received[index(method.as_str())] += 1;
    }

    /// Looks at the first line of what is sent.
    pub fn sent(&mut self, bytes: &[u8]) {
        if let Some(status) = bytes.strip_prefix(b"SIP/2.0 ").and_then(|rest| rest.get(..3)) {
            let status = status.iter().fold(0, |sum, digit| sum * 10 + usize::from(digit.wrapping_sub(b'0')));
            if let Some(count) = self.statuses.get_mut(status) {
                *count += 1;
            }
            return;
        }
        let end = bytes.iter().take(16).position(|byte| *byte == b' ').unwrap_or(0);
        let method = bytes.get(..end).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or("");
        self.sent[index(method)] += 1;
    }

    pub fn fill(&self, counters: &mut Counters) {
        let named = |counts: &[u64]| {
            let pairs = METHODS.iter().zip(counts).filter(|(_, count)| **count > 0);
            pairs.map(|(name, count)| (SmolStr::new_static(name), *count)).collect()
        };
        counters.requests_received = named(&self.received);
        counters.requests_sent = named(&self.sent);
        let statuses = self.statuses.iter().enumerate().filter(|(_, count)| **count > 0);
        counters.responses_sent = statuses.map(|(status, count)| (status as u16, *count)).collect();
    }
}

fn index(method: &str) -> usize {
    METHODS.iter().position(|name| *name == method).unwrap_or(METHODS.len() - 1)
}
