//! What the edge has counted since it started.

use std::sync::atomic::{AtomicU64, Ordering};

/// Methods that are counted by name; every other is `OTHER`.
pub(crate) const METHODS: [&str; 15] = [
    "REGISTER",
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "SUBSCRIBE",
    "NOTIFY",
    "MESSAGE",
    "INFO",
    "UPDATE",
    "PRACK",
    "REFER",
    "PUBLISH",
    "OTHER",
];

/// Written by the edge's threads, read by any.
///
/// A counter has one writer at a time that matters, and an exact sum is not worth a locked
/// instruction a message: see [`Counter::add`].
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) requests_received: [Counter; METHODS.len()],
    pub(crate) requests_sent: [Counter; METHODS.len()],
    responses_received: Box<[Counter; 700]>,
    responses_sent: Box<[Counter; 700]>,
    pub(crate) keepalives: Counter,
    /// Not the beginning of any SIP message, or broken framing on a connection.
    pub(crate) malformed: Counter,
    /// Received and thrown away: too long, over a limit, or the core panicked on it.
    pub(crate) dropped_received: Counter,
    /// Not sent: the socket's queue was full, the address unreachable, or the connection gone.
    pub(crate) dropped_sent: Counter,
    pub(crate) panics: Counter,
    pub(crate) tcp_open: Counter,
    pub(crate) tcp_accepted: Counter,
    pub(crate) tcp_refused: Counter,
    /// Closed by us: too slow, silent too long, or sending what is no SIP.
    pub(crate) tcp_closed_by_us: Counter,
    pub(crate) journal_bytes: Counter,
    pub(crate) journal_errors: Counter,
    pub(crate) journal_lost: Counter,
    pub(crate) events_lost: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// For the one thread that owns this counter: a plain load and store.
    pub(crate) fn add(&self, amount: u64) {
        let now = self.0.load(Ordering::Relaxed);
        self.0.store(now.wrapping_add(amount), Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A reading of all counters. Sums since the start, but for `tcp_open` and `journal_bytes`,
/// which are as of now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CounterSnapshot {
    /// By method, those above zero only.
    pub requests_received: Vec<(&'static str, u64)>,
    pub requests_sent: Vec<(&'static str, u64)>,
    /// By status code, those above zero only.
    pub responses_received: Vec<(u16, u64)>,
    pub responses_sent: Vec<(u16, u64)>,
    pub keepalives: u64,
    pub malformed: u64,
    pub dropped_received: u64,
    pub dropped_sent: u64,
    pub panics: u64,
    pub tcp_open: u64,
    pub tcp_accepted: u64,
    pub tcp_refused: u64,
    pub tcp_closed_by_us: u64,
    pub journal_bytes: u64,
    pub journal_errors: u64,
    /// Bindings that the journal could not take: a restart would not know them.
    pub journal_lost: u64,
    /// Events that were dropped because their receiver was too slow.
    pub events_lost: u64,
}

impl CounterSnapshot {
    pub fn received(&self, method: &str) -> u64 {
        find(&self.requests_received, &method)
    }

    pub fn answered(&self, status: u16) -> u64 {
        find(&self.responses_sent, &status)
    }
}

fn find<K: PartialEq>(counts: &[(K, u64)], key: &K) -> u64 {
    counts.iter().find(|(name, _)| name == key).map_or(0, |(_, count)| *count)
}

impl Counters {
    pub(crate) fn new() -> Counters {
        Counters {
            requests_received: std::array::from_fn(|_| Counter::default()),
            requests_sent: std::array::from_fn(|_| Counter::default()),
            responses_received: Box::new(std::array::from_fn(|_| Counter::default())),
            responses_sent: Box::new(std::array::from_fn(|_| Counter::default())),
            keepalives: Counter::default(),
            malformed: Counter::default(),
            dropped_received: Counter::default(),
            dropped_sent: Counter::default(),
            panics: Counter::default(),
            tcp_open: Counter::default(),
            tcp_accepted: Counter::default(),
            tcp_refused: Counter::default(),
            tcp_closed_by_us: Counter::default(),
            journal_bytes: Counter::default(),
            journal_errors: Counter::default(),
            journal_lost: Counter::default(),
            events_lost: Counter::default(),
        }
    }

    /// Counts a message that came. `false`: it does not begin like SIP.
    pub(crate) fn count_received(&self, message: &[u8]) -> bool {
        match classify(message) {
            Kind::Request(method) => self.requests_received[method].add(1),
            Kind::Response(status) => self.responses_received[status].add(1),
            Kind::Neither => return false,
        }
        true
    }

    pub(crate) fn count_sent(&self, message: &[u8]) {
        match classify(message) {
            Kind::Request(method) => self.requests_sent[method].add(1),
            Kind::Response(status) => self.responses_sent[status].add(1),
            Kind::Neither => {}
        }
    }

    pub(crate) fn snapshot(&self) -> CounterSnapshot {
        CounterSnapshot {
            requests_received: by_method(&self.requests_received),
            requests_sent: by_method(&self.requests_sent),
            responses_received: by_status(&self.responses_received),
            responses_sent: by_status(&self.responses_sent),
            keepalives: self.keepalives.get(),
            malformed: self.malformed.get(),
            dropped_received: self.dropped_received.get(),
            dropped_sent: self.dropped_sent.get(),
            panics: self.panics.get(),
            tcp_open: self.tcp_open.get(),
            tcp_accepted: self.tcp_accepted.get(),
            tcp_refused: self.tcp_refused.get(),
            tcp_closed_by_us: self.tcp_closed_by_us.get(),
            journal_bytes: self.journal_bytes.get(),
            journal_errors: self.journal_errors.get(),
            journal_lost: self.journal_lost.get(),
            events_lost: self.events_lost.get(),
        }
    }
}

fn by_method(counters: &[Counter; METHODS.len()]) -> Vec<(&'static str, u64)> {
    METHODS
        .iter()
        .zip(counters)
        .map(|(method, counter)| (*method, counter.get()))
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn by_status(counters: &[Counter; 700]) -> Vec<(u16, u64)> {
    (0u16..)
        .zip(counters)
        .map(|(status, counter)| (status, counter.get()))
        .filter(|(_, count)| *count > 0)
        .collect()
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// Index into [`METHODS`].
    Request(usize),
    /// 100 to 699.
    Response(usize),
    Neither,
}

/// Reads the first word only: enough to count by, and to know garbage without parsing it.
fn classify(message: &[u8]) -> Kind {
    let head = &message[..message.len().min(64)];
    let Some(space) = head.iter().position(|byte| *byte == b' ') else {
        return Kind::Neither;
    };
    let (word, rest) = head.split_at(space);
    if word.eq_ignore_ascii_case(b"SIP/2.0") {
        let digits = rest.get(1..4).and_then(|text| std::str::from_utf8(text).ok());
        return match digits.and_then(|text| text.parse::<usize>().ok()) {
            Some(status @ 100..700) => Kind::Response(status),
            _ => Kind::Neither,
        };
    }
    if !is_token(word) {
        return Kind::Neither;
    }
    let known = METHODS.iter().position(|name| name.as_bytes() == word);
    Kind::Request(known.unwrap_or(METHODS.len() - 1))
}

/// RFC 3261 §25.1 `token`.
fn is_token(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_by_method_and_status() {
        let counters = Counters::new();
        for text in ["REGISTER sip:a SIP/2.0", "FROB sip:a SIP/2.0", "SIP/2.0 407 Proxy"] {
            assert!(counters.count_received(text.as_bytes()), "{text}");
        }
        counters.count_sent(b"SIP/2.0 200 OK\r\n");
        let seen = counters.snapshot();
        assert_eq!(seen.requests_received, [("REGISTER", 1), ("OTHER", 1)]);
        assert_eq!(seen.responses_received, [(407, 1)]);
        assert_eq!((seen.answered(200), seen.answered(404)), (1, 0));
    }

    #[test]
    fn what_does_not_begin_like_sip_is_not_counted_as_a_message() {
        let counters = Counters::new();
        for bytes in [&b""[..], b"\0\0\0\0", b"GET", b"SIP/2.0 9", b"SIP/2.0 999 x", b"{\"a\": 1}"] {
            assert!(!counters.count_received(bytes), "{bytes:?}");
        }
        assert_eq!(counters.snapshot(), CounterSnapshot::default());
    }
}
