//! Texts that many share: a few hundred kinds of phone, not one string a phone.

use std::sync::Arc;

use rustc_hash::FxHashSet;

/// Kinds told apart before the set is begun anew; what was handed out stays valid.
const KINDS: usize = 4096;

pub struct Interned(FxHashSet<Arc<str>>);

impl Interned {
    pub fn new() -> Self {
        Interned(FxHashSet::default())
    }

    pub fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        if self.0.len() >= KINDS {
            self.0.clear();
        }
        let text: Arc<str> = Arc::from(text);
        self.0.insert(text.clone());
        text
    }
}
