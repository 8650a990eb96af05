//! Where people's phones are: the bindings of addresses of record to contacts (RFC 3261 §10).

use core::time::Duration;

use muster_domain::ids::{OrgId, UserId};
use muster_sip::time::Instant;
use rustc_hash::FxHashMap;

use crate::io::{BindingKey, BindingRecord, BindingState};
use crate::pool::{Key, Pool};

pub type PersonKey = (OrgId, UserId);

/// One phone of a person.
pub struct Binding {
    pub person: PersonKey,
    pub contact: Box<str>,
    pub state: BindingState,
    /// When it came, or came back from the journal.
    pub since: Instant,
    /// When the one timer of this binding fires; the binding may live longer than that.
    pub timer_at: Instant,
    /// The person's next binding.
    next: Option<Key<Binding>>,
}

impl Binding {
    pub fn record(&self) -> BindingRecord {
        BindingRecord { key: self.key(), state: Some(self.state.clone()) }
    }

    pub fn key(&self) -> BindingKey {
        BindingKey { org: self.person.0, user: self.person.1, contact: self.contact.clone() }
    }
}

/// All bindings. A person's are a list through the bindings themselves, in the order they came.
pub struct Location {
    bindings: Pool<Binding>,
    first_of: FxHashMap<PersonKey, Key<Binding>>,
}

impl Location {
    pub fn new() -> Self {
        Location { bindings: Pool::new(), first_of: FxHashMap::default() }
    }

    pub fn len(&self) -> usize {
        self.bindings.len()
    }

    pub fn get(&self, key: Key<Binding>) -> Option<&Binding> {
        self.bindings.get(key)
    }

    pub fn get_mut(&mut self, key: Key<Binding>) -> Option<&mut Binding> {
        self.bindings.get_mut(key)
    }

    /// Everything a person has registered, expired or not: expiry is the timer's matter, and it
    /// may be late by what the driver is late.
    pub fn of(&self, person: PersonKey) -> impl Iterator<Item = (Key<Binding>, &Binding)> {
        let first = self.first_of.get(&person).copied();
        std::iter::successors(first, |key| self.bindings.get(*key).and_then(|b| b.next))
            .filter_map(|key| Some((key, self.bindings.get(key)?)))
    }

    pub fn is_registered(&self, person: PersonKey) -> bool {
        self.first_of.contains_key(&person)
    }

    pub fn all(&self) -> impl Iterator<Item = (Key<Binding>, &Binding)> {
        self.bindings.iter()
    }

    pub fn people(&self) -> impl Iterator<Item = PersonKey> + '_ {
        self.first_of.keys().copied()
    }

    pub fn add(
        &mut self,
        person: PersonKey,
        contact: Box<str>,
        state: BindingState,
        since: Instant,
    ) -> Key<Binding> {
        let timer_at = state.expires_at;
        let key = self.bindings.insert(Binding { person, contact, state, since, timer_at, next: None });
        let last = self.of(person).last().map(|(key, _)| key);
        match last.and_then(|last| self.bindings.get_mut(last)) {
            Some(last) => last.next = Some(key),
            None => {
                self.first_of.insert(person, key);
            }
        }
        key
    }

    /// Replaces what is known of a binding; its place in the person's list stays.
    pub fn refresh(&mut self, key: Key<Binding>, state: BindingState) {
        if let Some(binding) = self.bindings.get_mut(key) {
            binding.state = state;
        }
    }

    pub fn remove(&mut self, key: Key<Binding>) -> Option<Binding> {
        let person = self.bindings.get(key)?.person;
        let before = self.of(person).find(|(_, b)| b.next == Some(key)).map(|(before, _)| before);
        let binding = self.bindings.remove(key)?;
        match before.and_then(|before| self.bindings.get_mut(before)) {
            Some(before) => before.next = binding.next,
            None => match binding.next {
                Some(next) => {
                    self.first_of.insert(person, next);
                }
                None => {
                    self.first_of.remove(&person);
                }
            },
        }
        Some(binding)
    }
}

/// Whole seconds that are left, rounded up: a phone is never told that it has no time while it has.
pub fn seconds_left(expires_at: Instant, now: Instant) -> u32 {
    let left: Duration = expires_at.since(now);
    let whole = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    u32::try_from(whole).unwrap_or(u32::MAX)
}
