//! Which counts of which nonces were used, in a fixed amount of memory.

use super::nonces::NONCE_LIFE;
use crate::time::Instant;

/// What is known of a nonce and a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Not used before; now it is.
    Fresh,
    /// Used before, or so far below the highest count that nobody can tell any more.
    Repeated,
    /// As old as nonces that had to be forgotten: it may have been used.
    Forgotten,
}

/// Nonces in use, by their time of issue, in buckets of seven.
///
/// When a bucket is full, the oldest in it makes room and the bucket notes how old it was: from then
/// on an unknown nonce of that age or older is [`Use::Forgotten`]. So memory is bounded, nothing
/// that was used is ever fresh again, and what an overload costs is one more challenge.
#[derive(Clone, Debug)]
pub struct NonceWindow {
    buckets: Vec<Bucket>,
}

const WAYS: usize = 7;

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    forgotten: u64,
    entries: [Entry; WAYS],
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// Microseconds; 0 is an empty place.
    issued: u64,
    highest: u32,
    /// Bit i: `highest - i` was used.
    used: u32,
}

impl NonceWindow {
    /// Room for at least `nonces` in use at a time, about 18 octets each; at most 16 million.
    /// Each nonce is in use for [`super::NONCE_LIFE`] from its challenge.
    pub fn new(nonces: usize) -> NonceWindow {
        let buckets = nonces.clamp(1, 1 << 24).div_ceil(WAYS).next_power_of_two();
        NonceWindow { buckets: vec![Bucket::default(); buckets] }
    }

    /// Records a use. Counts may come out of order by up to 31, for requests overtake each other;
    /// each is fresh once. Credentials without a count have 0, so their nonce is good once.
    pub fn record(&mut self, issued: Instant, nc: u32, now: Instant) -> Use {
        let mixed = issued.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let index = mixed as usize & (self.buckets.len() - 1);
        let Some(bucket) = self.buckets.get_mut(index) else { return Use::Forgotten };
        if let Some(entry) = bucket.entries.iter_mut().find(|entry| entry.issued == issued.0) {
            return entry.count(nc);
        }
        if issued.0 <= bucket.forgotten {
            return Use::Forgotten;
        }
        // An empty place is the oldest of all.
        let Some(oldest) = bucket.entries.iter_mut().min_by_key(|entry| entry.issued) else {
            return Use::Forgotten;
        };
        let expired = now.since(Instant(oldest.issued)) > NONCE_LIFE;
        if oldest.issued != 0 && !expired {
            if issued.0 < oldest.issued {
                bucket.forgotten = issued.0;
                return Use::Forgotten;
            }
            bucket.forgotten = oldest.issued;
        }
        *oldest = Entry { issued: issued.0, highest: nc, used: 1 };
        Use::Fresh
    }
}

impl Entry {
    fn count(&mut self, nc: u32) -> Use {
        if nc > self.highest {
            self.used = self.used.checked_shl(nc - self.highest).unwrap_or(0) | 1;
            self.highest = nc;
            return Use::Fresh;
        }
        let bit = 1_u32.checked_shl(self.highest - nc).unwrap_or(0);
        if bit == 0 || self.used & bit != 0 {
            return Use::Repeated;
        }
        self.used |= bit;
        Use::Fresh
    }
}
