//! Wrong passwords, counted for each address and name, in a fixed amount of memory.

use core::time::Duration;
use std::hash::BuildHasher as _;
use std::net::IpAddr;

use muster_sip::Instant;

use crate::keyed_hash::KeyedState;

/// Wrong digests by where they came from and whom they name, in buckets of four.
///
/// Whoever is over the limit is not locked out: a right digest always passes, or a neighbour behind
/// the same NAT, or one wrong phone of their own, could keep somebody from calling. What ends is the
/// help: a wrong digest gets a short 403 in place of a challenge, which makes a phone with an old
/// password give up rather than try for ever, and the operator is told the address. It does not slow
/// down a guesser who listens for nothing but a 200; against that stand secrets too long to be guessed,
/// and the operator's firewall.
///
/// When a bucket is full, its oldest count is forgotten: a flood of names costs an attacker's own counts.
pub struct Guesses {
    buckets: Vec<[Count; WAYS]>,
    hash: KeyedState,
    max: u32,
    window: Duration,
}

const WAYS: usize = 4;

#[derive(Clone, Copy, Default)]
struct Count {
    /// Of address and name; 0 is an empty place.
    who: u64,
    since: Instant,
    wrong: u32,
}

/// What to do about a wrong digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guess {
    /// Challenge again.
    Allowed,
    /// The first beyond the limit, which somebody should know of.
    FirstTooMany,
    TooMany,
}

impl Guesses {
    /// Room for `counts` (24 octets each), of which each allows `max` wrong digests within `window`.
    pub fn new(hash: KeyedState, counts: usize, max: u32, window: Duration) -> Guesses {
        let buckets = counts.clamp(1, 1 << 20).div_ceil(WAYS).next_power_of_two();
        Guesses { buckets: vec![[Count::default(); WAYS]; buckets], hash, max, window }
    }

    /// Counts a wrong digest. A name that nobody has is counted like any other.
    pub fn wrong(&mut self, source: IpAddr, name: &str, now: Instant) -> Guess {
        let (max, window) = (self.max, self.window);
        let Some(count) = self.count_of(source, name) else { return Guess::Allowed };
        if count.wrong == 0 || now.since(count.since) > window {
            (count.since, count.wrong) = (now, 0);
        }
        count.wrong = count.wrong.saturating_add(1);
        match count.wrong.checked_sub(max) {
            None | Some(0) => Guess::Allowed,
            Some(1) => Guess::FirstTooMany,
            Some(_) => Guess::TooMany,
        }
    }

    /// A right digest: whoever sits there knows the secret, and mistyped it before.
    pub fn right(&mut self, source: IpAddr, name: &str) {
        let who = self.who(source, name);
        let bucket = self.bucket(who);
        if let Some(count) = self.buckets[bucket].iter_mut().find(|count| count.who == who) {
            *count = Count::default();
        }
    }

    /// The count of that address and name; a new one in the place of the oldest.
    fn count_of(&mut self, source: IpAddr, name: &str) -> Option<&mut Count> {
        let who = self.who(source, name);
        let bucket = self.bucket(who);
        let counts = &mut self.buckets[bucket];
        let known = counts.iter().position(|count| count.who == who);
        let place = known.or_else(|| (0..WAYS).min_by_key(|place| counts[*place].since))?;
        let count = counts.get_mut(place)?;
        if count.who != who {
            *count = Count { who, ..Count::default() };
        }
        Some(count)
    }

    fn who(&self, source: IpAddr, name: &str) -> u64 {
        self.hash.hash_one((source.to_canonical(), name.to_lowercase())).max(1)
    }

    fn bucket(&self, who: u64) -> usize {
        who as usize & (self.buckets.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(300);
    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn guesses(counts: usize) -> Guesses {
        Guesses::new(KeyedState(1, 2), counts, 3, WINDOW)
    }

    fn at(seconds: u64) -> Instant {
        Instant(1_000_000 * (1000 + seconds))
    }

    #[test]
    fn a_few_wrong_ones_are_allowed_in_each_window_and_a_right_one_begins_anew() {
        let mut guesses = guesses(100);
        let mut wrong = |name: &str, seconds| guesses.wrong(HOME, name, at(seconds));
        for seconds in 0..3 {
            assert_eq!(wrong("ann", seconds), Guess::Allowed);
        }
        assert_eq!(wrong("ANN", 3), Guess::FirstTooMany, "names are the same in either case");
        assert_eq!(wrong("ann", 4), Guess::TooMany);
        assert_eq!(wrong("bob", 4), Guess::Allowed);
        assert_eq!(wrong("ann", 301), Guess::Allowed, "the window is over");
        for seconds in 302..305 {
            wrong("ann", seconds);
        }
        assert_eq!(wrong("ann", 306), Guess::TooMany);
        guesses.right(HOME, "ann");
        assert_eq!(guesses.wrong(HOME, "ann", at(307)), Guess::Allowed);
        let elsewhere = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));
        assert_eq!(guesses.wrong(elsewhere, "ann", at(307)), Guess::Allowed);
    }

    #[test]
    fn a_flood_of_names_takes_no_more_memory_and_the_oldest_are_forgotten() {
        let mut guesses = guesses(64);
        for n in 0..10_000 {
            guesses.wrong(HOME, &format!("name{n}"), at(n));
        }
        assert_eq!(guesses.buckets.len(), 16);
        for _ in 0..3 {
            assert_eq!(guesses.wrong(HOME, "ann", at(10_001)), Guess::Allowed);
        }
        assert_eq!(guesses.wrong(HOME, "ann", at(10_001)), Guess::FirstTooMany, "the newest is remembered");
    }
}
