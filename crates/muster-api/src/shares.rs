//! So much for each, of what there is a bounded number of: one organization or token must not have it all.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// How many each has taken.
pub struct Shares<K: Copy + Eq + Hash>(Arc<Mutex<HashMap<K, usize>>>);

/// One of them; given back when it is dropped.
pub struct Share<K: Copy + Eq + Hash> {
    key: K,
    among: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Copy + Eq + Hash> Default for Shares<K> {
    fn default() -> Shares<K> {
        Shares(Arc::default())
    }
}

impl<K: Copy + Eq + Hash> Shares<K> {
    /// `None` if `key` has `most` already.
    pub fn take(&self, key: K, most: usize) -> Option<Share<K>> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.get(&key).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        taken.insert(key, count + 1);
        Some(Share { key, among: self.0.clone() })
    }
}

impl<K: Copy + Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut taken = self.among.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get(&self.key).copied() {
            Some(count) if count > 1 => drop(taken.insert(self.key, count - 1)),
            _ => drop(taken.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_share_of_its_own_and_gives_it_back() {
        let shares = Shares::default();
        let first = shares.take("a", 2).unwrap();
        let second = shares.take("a", 2).unwrap();
        assert!(shares.take("a", 2).is_none());
        assert!(shares.take("b", 2).is_some());
        drop(first);
        assert!(shares.take("a", 2).is_some());
        drop(second);
        assert!(shares.0.lock().unwrap().is_empty(), "who has none is remembered");
    }
}
