//! When the core must be called again, and for whom.
//!
//! Timers are never taken out early: whoever is woken looks whether there is still something to do.
//! Where deadlines move often (a binding that is refreshed), the owner keeps one timer and sets it
//! anew when it fires, so that a refresh costs nothing here. Who has gone leaves timers behind; when
//! there are more of them than of living ones, they are swept out together.

use core::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use muster_sip::time::Instant;

pub struct Timers<W> {
    heap: BinaryHeap<Reverse<Entry<W>>>,
    /// Equal deadlines fire in the order they were set: a run from a seed repeats exactly.
    next_order: u64,
}

struct Entry<W> {
    at: Instant,
    order: u64,
    who: W,
}

impl<W> Timers<W> {
    pub fn new() -> Self {
        Timers { heap: BinaryHeap::new(), next_order: 0 }
    }

    pub fn set(&mut self, at: Instant, who: W) {
        self.next_order += 1;
        self.heap.push(Reverse(Entry { at, order: self.next_order, who }));
    }

    /// Who is due, the earliest first.
    pub fn pop_due(&mut self, now: Instant) -> Option<W> {
        if self.heap.peek()?.0.at > now {
            return None;
        }
        self.heap.pop().map(|entry| entry.0.who)
    }

    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Takes out the timers of those who have gone.
    pub fn retain(&mut self, lives: impl Fn(&W) -> bool) {
        self.heap.retain(|entry| lives(&entry.0.who));
    }

    pub fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|entry| entry.0.at)
    }
}

impl<W> Ord for Entry<W> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl<W> PartialOrd for Entry<W> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<W> PartialEq for Entry<W> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl<W> Eq for Entry<W> {}
