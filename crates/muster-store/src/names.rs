//! People's names in memory, so that looking for a part of one does not read every row.
//!
//! No index of a database serves "contains" on both, and keeping one of all parts would double what an
//! import writes. The folded names of 100,000 people are 2 MB, which is gone through in less than a
//! millisecond. What is found here only narrows what the database is asked: whom it names must have every
//! name that the snapshot has, and may have more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memchr::memmem;
use muster_domain::field::EntityKind;
use muster_domain::ids::OrgId;
use uuid::Uuid;

use crate::sql::{List, Param};
use crate::{Reader, StoreError};

/// Beyond so many hits the database finds a page quickly by itself.
const HITS_MAX: usize = 512;
/// Changes that are followed; after more, the names are read anew.
const FOLLOWED_MAX: u64 = 2_000;
/// Memory for the names of all organizations; the one not asked for longest goes first.
const BYTES_MAX: usize = 64 << 20;

/// The names of the organizations that were searched last.
#[derive(Default)]
pub struct NameCache {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: HashMap<OrgId, Kept>,
    bytes: usize,
    /// Counts searches.
    clock: u64,
}

struct Kept {
    names: Arc<Mutex<Names>>,
    bytes: usize,
    used: u64,
}

/// The names of an organization as they are at a change, and some that people had before it.
#[derive(Default)]
struct Names {
    seq: u64,
    /// Folded, each followed by a line feed, which no name has.
    text: String,
    /// Where each begins.
    starts: Vec<u32>,
    ids: Vec<Uuid>,
    /// How many there were when they were last read as a whole.
    read: usize,
}

impl Reader {
    /// Whoever may have a name with this (folded) part. `None`: so many that it is no help, or not known.
    pub(crate) fn names_with(&mut self, org: OrgId, part: &str) -> Result<Option<Vec<Uuid>>, StoreError> {
        let Some(cache) = self.names.clone().filter(|_| !part.is_empty() && !part.contains('\n')) else {
            return Ok(None);
        };
        let Some(head) = self.head(org)? else { return Ok(None) };
        let names = cache.names_of(org);
        let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.seq > head.head_seq {
            // Another reader, on a newer snapshot, was here first.
            return Ok(None);
        }
        if names.seq < head.head_seq {
            self.catch_up(org, head.head_seq, &mut names)?;
            cache.grown(org, names.bytes());
        }
        Ok(names.with(part))
    }

    fn catch_up(&mut self, org: OrgId, seq: u64, names: &mut Names) -> Result<(), StoreError> {
        let wasted = names.ids.len() > names.read + names.read / 4 + 1_000;
        if names.seq == 0 || seq - names.seq > FOLLOWED_MAX || wasted {
            let mut fresh = Names { seq, ..Names::default() };
            let sql = "SELECT display_name_key, id FROM users WHERE org_id = ?1";
            self.conn.query(sql, &[Param::Id(org.0)], &mut |row| {
                fresh.push(row.text(0)?, row.id(1)?);
                Ok(())
            })?;
            fresh.read = fresh.ids.len();
            *names = fresh;
            return Ok(());
        }
        let touched = "SELECT DISTINCT entity_id FROM changes WHERE org_id = ?1 AND seq > ?2 AND entity = ?3";
        let params = [Param::Id(org.0), Param::uint(names.seq), EntityKind::User.word().into()];
        let touched = self.conn.collect(touched, &params, |row| row.id(0))?;
        let sql = "SELECT display_name_key, id FROM users WHERE org_id = ?1 AND id {ONE_OF_2}";
        let mut now: Vec<(String, Uuid)> = Vec::with_capacity(touched.len());
        self.conn.query_each(sql, &[Param::Id(org.0)], List::Ids(&touched), &mut |row| {
            now.push((row.text(0)?.to_string(), row.id(1)?));
            Ok(())
        })?;
        // Old names stay beside the new ones: the database decides who is meant.
        now.iter().for_each(|(name, id)| names.push(name, *id));
        names.seq = seq;
        Ok(())
    }
}

impl Names {
    fn push(&mut self, name: &str, id: Uuid) {
        // Four gigabytes of names do not come to be: the cache is smaller by far.
        self.starts.push(self.text.len() as u32);
        self.ids.push(id);
        self.text.push_str(name);
        self.text.push('\n');
    }

    fn with(&self, part: &str) -> Option<Vec<Uuid>> {
        let finder = memmem::Finder::new(part);
        let (mut found, mut at) = (Vec::new(), 0);
        while let Some(hit) = finder.find(&self.text.as_bytes()[at..]) {
            let next = self.starts.partition_point(|start| *start as usize <= at + hit);
            found.push(self.ids[next - 1]);
            if found.len() > HITS_MAX {
                return None;
            }
            at = self.starts.get(next).map_or(self.text.len(), |start| *start as usize);
        }
        found.sort_unstable();
        found.dedup();
        Some(found)
    }

    fn bytes(&self) -> usize {
        self.text.capacity() + self.starts.capacity() * 4 + self.ids.capacity() * 16
    }
}

impl NameCache {
    fn names_of(&self, org: OrgId) -> Arc<Mutex<Names>> {
        let mut state = self.lock();
        state.clock += 1;
        let used = state.clock;
        let kept = state.kept.entry(org).or_insert_with(|| Kept { names: Arc::default(), bytes: 0, used });
        kept.used = used;
        kept.names.clone()
    }

    fn grown(&self, org: OrgId, bytes: usize) {
        let mut state = self.lock();
        let state = &mut *state;
        if let Some(kept) = state.kept.get_mut(&org) {
            // An entry costs something even when it is empty.
            let bytes = bytes + 256;
            state.bytes = state.bytes - kept.bytes + bytes;
            kept.bytes = bytes;
        }
        while state.bytes > BYTES_MAX
            && let Some(oldest) = state.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(org, _)| *org)
        {
            state.bytes -= state.kept.remove(&oldest).map_or(0, |kept| kept.bytes);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_finds_each_name_that_has_it_once_and_none_across_two() {
        let mut names = Names::default();
        for (n, name) in ["ana", "anna banana", "", "ban", "ana"].iter().enumerate() {
            names.push(name, Uuid::from_u128(n as u128 % 4));
        }
        let with = |part| names.with(part).map(|ids| ids.iter().map(|id| id.as_u128()).collect::<Vec<_>>());
        assert_eq!(with("an"), Some(vec![0, 1, 3]));
        assert_eq!(with("ana"), Some(vec![0, 1]));
        assert_eq!(with("aan"), Some(vec![]));
        assert_eq!(with("zoe"), Some(vec![]));
        (0..=HITS_MAX as u128).for_each(|n| names.push("zoe", Uuid::from_u128(n)));
        assert_eq!(names.with("zoe"), None);
    }

    #[test]
    fn the_organization_that_was_not_asked_for_longest_is_forgotten_first() {
        let cache = NameCache::default();
        let org = |n| OrgId(Uuid::from_u128(n));
        for n in 1..=3 {
            cache.names_of(org(n));
            cache.grown(org(n), BYTES_MAX / 3);
            cache.names_of(org(1));
        }
        let state = cache.lock();
        let mut kept: Vec<u128> = state.kept.keys().map(|org| org.0.as_u128()).collect();
        kept.sort_unstable();
        assert_eq!(kept, vec![1, 3]);
        assert!(state.bytes <= BYTES_MAX);
    }
}
