//! REGISTERs that were answered, for those that come again.

use std::collections::VecDeque;

use muster_sip::transaction::{self, PATIENCE};
use muster_sip::{Instant, Message};
use rustc_hash::FxHashMap;

use crate::io::Flow;
use crate::keyed_hash::KeyedState;
use crate::location::PersonKey;

/// REGISTERs over datagrams that were answered lately. One that comes again is answered again with
/// what is registered now; only whose it was and how it ended is kept, 56 octets each.
pub struct Answered {
    hash: KeyedState,
    outcomes: FxHashMap<u128, (PersonKey, u16)>,
    in_order: VecDeque<(Instant, u128)>,
}

impl Answered {
    pub fn new(hash: KeyedState) -> Self {
        Answered { hash, outcomes: FxHashMap::default(), in_order: VecDeque::new() }
    }

    /// Only the phone that sent a REGISTER sends it again: a stranger who has seen or guessed its
    /// branch must not be told where that phone is.
    pub fn fingerprint(&self, key: &transaction::Key, request: &Message, flow: Flow) -> u128 {
        self.hash.fingerprint(&(key, flow.peer, request.call_id()))
    }

    pub fn find(&self, fingerprint: u128) -> Option<(PersonKey, u16)> {
        self.outcomes.get(&fingerprint).copied()
    }

    pub fn note(&mut self, fingerprint: u128, person: PersonKey, status: u16, now: Instant) {
        if self.in_order.len() >= ANSWERED_MAX
            && let Some((_, oldest)) = self.in_order.pop_front()
        {
            self.outcomes.remove(&oldest);
        }
        self.outcomes.insert(fingerprint, (person, status));
        self.in_order.push_back((now + PATIENCE, fingerprint));
    }

    pub fn forget_old(&mut self, now: Instant) {
        while let Some((_, fingerprint)) = self.in_order.front().copied().filter(|(until, _)| *until <= now) {
            self.outcomes.remove(&fingerprint);
            self.in_order.pop_front();
        }
        if self.in_order.is_empty() && self.in_order.capacity() > 4096 {
            // The room of a storm is given back when it is over.
            *self = Answered::new(self.hash);
        }
    }

    pub fn next_at(&self) -> Option<Instant> {
        self.in_order.front().map(|(until, _)| *until)
    }
}

/// REGISTERs remembered for their retransmissions: 10,000 a second for as long as one may come.
const ANSWERED_MAX: usize = 320_000;
