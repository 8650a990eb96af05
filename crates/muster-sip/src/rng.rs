//! Identifiers that nobody can guess, from a seed that is handed in.

use sha2::{Digest, Sha256};
use smol_str::SmolStr;

/// A generator in counter mode over SHA-256: the same seed gives the same values, and values that
/// were seen say nothing of those to come (tags and branches are what keeps strangers out of a
/// dialog on UDP).
#[derive(Clone)]
pub struct Rng {
    seed: [u8; 32],
    counter: u64,
    block: [u8; 32],
    used: usize,
}

impl Rng {
    pub fn new(seed: [u8; 32]) -> Rng {
        Rng { seed, counter: 0, block: [0; 32], used: 32 }
    }

    /// For tests: a generator from a small number.
    pub fn from_u64(seed: u64) -> Rng {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Rng::new(bytes)
    }

    pub fn next_u64(&mut self) -> u64 {
        if self.used + 8 > self.block.len() {
            let mut hash = Sha256::new();
            hash.update(self.seed);
            hash.update(self.counter.to_le_bytes());
            self.block = hash.finalize().into();
            self.counter += 1;
            self.used = 0;
        }
        let mut word = [0; 8];
        word.copy_from_slice(&self.block[self.used..self.used + 8]);
        self.used += 8;
        u64::from_le_bytes(word)
    }

    /// A number below `bound`; 0 when `bound` is 0. The bias of the multiplication is below 2⁻³².
    pub fn below(&mut self, bound: u32) -> u32 {
        let wide = (self.next_u64() >> 32) * u64::from(bound);
        (wide >> 32) as u32
    }

    pub fn key(&mut self) -> [u8; 32] {
        let mut key = [0; 32];
        for chunk in key.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes());
        }
        key
    }

    /// A From or To tag: 64 random bits (RFC 3261 §19.3 asks for 32).
    pub fn tag(&mut self) -> SmolStr {
        let mut text = [0; 13];
        base32(self.next_u64(), &mut text);
        ascii(&text)
    }

    /// A branch with the magic cookie (RFC 3261 §8.1.1.7); 20 characters, held without allocation.
    pub fn branch(&mut self) -> SmolStr {
        let mut text = *b"z9hG4bK0000000000000";
        base32(self.next_u64(), &mut text[7..]);
        ascii(&text)
    }

    /// A Call-ID of 110 random bits, without a host: it is unique without one, and tells nothing.
    pub fn call_id(&mut self) -> SmolStr {
        let mut text = [0; 22];
        base32(self.next_u64(), &mut text[..11]);
        base32(self.next_u64(), &mut text[11..]);
        ascii(&text)
    }
}

fn base32(mut bits: u64, out: &mut [u8]) {
    for byte in out {
        *byte = b"abcdefghijkmnpqrstuvwxyz23456789"[(bits & 31) as usize];
        bits >>= 5;
    }
}

fn ascii(text: &[u8]) -> SmolStr {
    SmolStr::new(std::str::from_utf8(text).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_identifiers_and_another_gives_others() {
        let (mut a, mut b, mut c) = (Rng::from_u64(1), Rng::from_u64(1), Rng::from_u64(2));
        for _ in 0..20 {
            let tag = a.tag();
            assert_eq!(tag, b.tag());
            assert_ne!(tag, c.tag());
        }
        assert!(a.branch().starts_with("z9hG4bK"));
        assert_eq!(a.branch().len(), 20);
        assert_eq!(a.call_id().len(), 22);
    }

    #[test]
    fn below_stays_below() {
        let mut rng = Rng::from_u64(3);
        let mut seen = [false; 7];
        for _ in 0..500 {
            seen[rng.below(7) as usize] = true;
        }
        assert_eq!(seen, [true; 7]);
        assert_eq!(rng.below(0), 0);
    }
}
