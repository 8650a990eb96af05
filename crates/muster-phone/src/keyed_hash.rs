//! A hasher for keys that strangers choose (branches, call ids): keyed, so that nobody can fill one
//! bucket on purpose, and seeded by the core's own generator, so that a run can be repeated.

use std::collections::HashMap;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};

#[derive(Clone, Copy, Debug)]
pub struct KeyedState(pub u64, pub u64);

pub type KeyedMap<K, V> = HashMap<K, V, KeyedState>;

impl BuildHasher for KeyedState {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher.write_u64(self.1);
        hasher
    }
}

impl KeyedState {
    /// 128 bits that stand for a key: two requests share them by chance only.
    pub fn fingerprint(&self, key: &impl Hash) -> u128 {
        let low = self.hash_one(key);
        let high = KeyedState(self.1, self.0.wrapping_add(1)).hash_one(key);
        u128::from(high) << 64 | u128::from(low)
    }
}
