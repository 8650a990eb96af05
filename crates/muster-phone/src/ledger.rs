//! The one book of calls: what watchers are shown, call records are made of, and limits count.

use muster_domain::ids::{OrgId, UserId};
use muster_sip::time::Instant;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::call::Call;
use crate::io::{CallEnding, CallId, CallRecord, CallState, CallView, PhoneState};
use crate::location::PersonKey;
use crate::pool::{Key, Pool};

/// One call, as everybody but its two phones sees it.
pub struct Entry {
    pub id: CallId,
    pub org: OrgId,
    pub caller: UserId,
    pub callee: UserId,
    pub dialled: SmolStr,
    pub caller_extension: SmolStr,
    pub state: CallState,
    pub started_at: Instant,
    pub answered_at: Option<Instant>,
    /// The call itself, for whoever must end it.
    pub call: Option<Key<Call>>,
    /// For `id` of a dialog element (RFC 4235 §4.1.1): tells nothing of the phones' own dialogs.
    pub public_id: SmolStr,
}

impl Entry {
    pub fn caller_key(&self) -> PersonKey {
        (self.org, self.caller)
    }

    pub fn callee_key(&self) -> PersonKey {
        (self.org, self.callee)
    }

    /// Whether the callee's phones know of this call: before the first rings it is the caller's own.
    pub fn reaches_callee(&self) -> bool {
        self.state != CallState::Trying
    }
}

pub struct CallLedger {
    entries: Pool<Entry>,
    by_person: FxHashMap<PersonKey, Vec<Key<Entry>>>,
    next_id: u64,
    /// Whose state has changed since the last look.
    changed: Vec<PersonKey>,
}

impl CallLedger {
    pub fn new() -> Self {
        CallLedger { entries: Pool::new(), by_person: FxHashMap::default(), next_id: 1, changed: Vec::new() }
    }

    /// Opens an entry; its id and state are set here.
    pub fn start(&mut self, mut entry: Entry) -> Key<Entry> {
        entry.id = CallId(self.next_id);
        self.next_id += 1;
        let (caller, callee) = (entry.caller_key(), entry.callee_key());
        let key = self.entries.insert(entry);
        self.by_person.entry(caller).or_default().push(key);
        if callee != caller {
            self.by_person.entry(callee).or_default().push(key);
        }
        self.changed.push(caller);
        key
    }

    pub fn set_call(&mut self, key: Key<Entry>, call: Key<Call>) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.call = Some(call);
        }
    }

    pub fn call_of(&self, key: Key<Entry>) -> Option<Key<Call>> {
        self.entries.get(key)?.call
    }

    pub fn find(&self, org: OrgId, id: CallId) -> Option<&Entry> {
        self.entries.iter().map(|(_, entry)| entry).find(|entry| entry.id == id && entry.org == org)
    }

    pub fn ringing(&mut self, key: Key<Entry>) {
        let Some(entry) = self.entries.get_mut(key).filter(|e| e.state == CallState::Trying) else { return };
        entry.state = CallState::Ringing;
        self.changed.extend([entry.caller_key(), entry.callee_key()]);
    }

    pub fn answered(&mut self, key: Key<Entry>, now: Instant) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.state = CallState::Answered;
        entry.answered_at = Some(now);
        self.changed.extend([entry.caller_key(), entry.callee_key()]);
    }

    /// Closes an entry; gives its call record.
    pub fn end(
        &mut self,
        key: Key<Entry>,
        ending: CallEnding,
        status: u16,
        now: Instant,
    ) -> Option<CallRecord> {
        let entry = self.entries.remove(key)?;
        for person in [entry.caller_key(), entry.callee_key()] {
            if let Some(keys) = self.by_person.get_mut(&person) {
                keys.retain(|k| *k != key);
                if keys.is_empty() {
                    self.by_person.remove(&person);
                }
            }
            self.changed.push(person);
        }
        Some(CallRecord {
            call: entry.id,
            org: entry.org,
            caller: entry.caller,
            callee: entry.callee,
            dialled: entry.dialled,
            started_at: entry.started_at,
            answered_at: entry.answered_at,
            ended_at: now,
            ending,
            status,
        })
    }

    /// A person's calls, in the order they began.
    pub fn of(&self, person: PersonKey) -> impl Iterator<Item = (Key<Entry>, &Entry)> {
        let keys = self.by_person.get(&person).map(Vec::as_slice).unwrap_or_default();
        keys.iter().filter_map(|key| Some((*key, self.entries.get(*key)?)))
    }

    pub fn placed_by(&self, person: PersonKey) -> usize {
        self.of(person).filter(|(_, entry)| entry.caller_key() == person).count()
    }

    pub fn state_of(&self, person: PersonKey) -> PhoneState {
        let mut state = PhoneState::Idle;
        for (_, entry) in self.of(person) {
            match entry.state {
                CallState::Answered => return PhoneState::Busy,
                _ if entry.caller_key() == person => return PhoneState::Busy,
                CallState::Ringing => state = PhoneState::Ringing,
                CallState::Trying => {}
            }
        }
        state
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn people(&self) -> impl Iterator<Item = PersonKey> + '_ {
        self.by_person.keys().copied()
    }

    pub fn views(&self, org: OrgId, max: usize) -> Vec<CallView> {
        let of_org = self.entries.iter().filter(|(_, entry)| entry.org == org);
        of_org.take(max).map(|(_, entry)| view(entry)).collect()
    }

    pub fn take_changed(&mut self) -> Vec<PersonKey> {
        std::mem::take(&mut self.changed)
    }

    pub fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }
}

fn view(entry: &Entry) -> CallView {
    CallView {
        call: entry.id,
        caller: entry.caller,
        callee: entry.callee,
        dialled: entry.dialled.clone(),
        state: entry.state,
        started_at: entry.started_at,
        answered_at: entry.answered_at,
    }
}
