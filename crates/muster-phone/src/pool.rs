//! Slots with stamped keys: a key to something that has gone finds nothing, never its successor.

use core::fmt;
use core::marker::PhantomData;

use slab::Slab;

/// Names a thing in a [`Pool`]. Small and copyable, so that things can name each other freely.
pub struct Key<T> {
    index: u32,
    stamp: u32,
    of: PhantomData<fn() -> T>,
}

/// Things of one kind, found by key.
pub struct Pool<T> {
    slots: Slab<(u32, T)>,
    next_stamp: u32,
}

impl<T> Pool<T> {
    pub fn new() -> Self {
        Pool { slots: Slab::new(), next_stamp: 0 }
    }

    pub fn insert(&mut self, thing: T) -> Key<T> {
        let stamp = self.next_stamp;
        self.next_stamp = self.next_stamp.wrapping_add(1);
        let index = self.slots.insert((stamp, thing));
        Key { index: index as u32, stamp, of: PhantomData }
    }

    pub fn get(&self, key: Key<T>) -> Option<&T> {
        self.slots.get(key.index as usize).filter(|(stamp, _)| *stamp == key.stamp).map(|(_, thing)| thing)
    }

    pub fn get_mut(&mut self, key: Key<T>) -> Option<&mut T> {
        self.slots
            .get_mut(key.index as usize)
            .filter(|(stamp, _)| *stamp == key.stamp)
            .map(|(_, thing)| thing)
    }

    pub fn remove(&mut self, key: Key<T>) -> Option<T> {
        self.get(key)?;
        Some(self.slots.remove(key.index as usize).1)
    }

    pub fn iter(&self) -> impl Iterator<Item = (Key<T>, &T)> {
        self.slots.iter().map(|(index, (stamp, thing))| {
            (Key { index: index as u32, stamp: *stamp, of: PhantomData }, thing)
        })
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> PartialEq for Key<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.index, self.stamp) == (other.index, other.stamp)
    }
}

impl<T> Eq for Key<T> {}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.index, self.stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_find_what_took_its_slot() {
        let mut pool = Pool::new();
        let first = pool.insert("first");
        assert_eq!(pool.remove(first), Some("first"));
        let second = pool.insert("second");
        assert_eq!(first.index, second.index);
        assert_eq!(pool.get(first), None);
        assert_eq!(pool.remove(first), None);
        assert_eq!(pool.get(second), Some(&"second"));
    }
}
