//! What the phone core last said: who is registered, who is on a call, how far it has followed the
//! change log. Kept in memory; the phone core says it all again after a restart.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use muster_domain::ids::{OrgId, UserId};
use muster_domain::types::UnixMillis;

/// How a person can be reached at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PresenceState {
    Offline,
    Available,
    Ringing,
    OnCall,
}

impl PresenceState {
    pub fn word(self) -> &'static str {
        match self {
            PresenceState::Offline => "offline",
            PresenceState::Available => "available",
            PresenceState::Ringing => "ringing",
            PresenceState::OnCall => "on_call",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    pub state: PresenceState,
    /// Whether a phone of theirs is registered now.
    pub registered: bool,
}

impl Presence {
    pub const OFFLINE: Presence = Presence { state: PresenceState::Offline, registered: false };
}

/// A phone that is registered now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredPhone {
    /// Tells it apart from the person's others, as long as it is registered.
    pub id: u64,
    pub user: UserId,
    /// Where it wants to be reached: scheme, user, host and port of its contact, without what else the
    /// phone put there, which may be secret.
    pub contact: String,
    /// What the phone calls itself, if it does.
    pub user_agent: Option<String>,
    /// `udp` or `tcp`, and where it comes from.
    pub transport: &'static str,
    pub address: std::net::SocketAddr,
    /// When it came; of one that was there before a restart, when the server started.
    pub since: UnixMillis,
    pub expires_at: UnixMillis,
}

type AskPhones = Box<dyn Fn(OrgId, Option<UserId>) -> Vec<RegisteredPhone> + Send + Sync>;
type SignOff = Box<dyn Fn(OrgId, UserId, Option<u64>) -> Vec<RegisteredPhone> + Send + Sync>;
type Listener = Box<dyn Fn(OrgId, UserId, Presence) + Send + Sync>;

#[derive(Default)]
pub struct Phones {
    people: RwLock<HashMap<(OrgId, UserId), Presence>>,
    /// Who has had a phone registered since somebody last asked.
    seen: Mutex<HashSet<(OrgId, UserId)>>,
    reached: Mutex<HashMap<OrgId, u64>>,
    moved: Condvar,
    listener: RwLock<Option<Listener>>,
    ask: RwLock<Option<AskPhones>>,
    unreadable: AtomicUsize,
    sign_off: RwLock<Option<SignOff>>,
}

impl Phones {
    /// How many credentials have a secret that does not decrypt: their phones cannot register.
    pub fn unreadable_credentials(&self) -> usize {
        self.unreadable.load(Ordering::Relaxed)
    }

    /// Called by the follower that reads the secrets.
    pub(crate) fn set_unreadable_credentials(&self, count: usize) {
        self.unreadable.store(count, Ordering::Relaxed);
    }

    pub fn presence(&self, org: OrgId, user: UserId) -> Presence {
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        people.get(&(org, user)).copied().unwrap_or(Presence::OFFLINE)
    }

    /// Who has a phone registered now, or had one since this was last asked.
    pub(crate) fn take_seen(&self) -> HashSet<(OrgId, UserId)> {
        let mut seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        seen.extend(people.iter().filter(|(_, presence)| presence.registered).map(|(who, _)| *who));
        seen
    }

    /// How many people have a phone registered, and how many are on a call.
    pub fn totals(&self) -> (usize, usize) {
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        let registered = people.values().filter(|p| p.registered).count();
        (registered, people.values().filter(|p| p.state == PresenceState::OnCall).count())
    }

    /// The phones registered now, of one person or of the whole organization.
    pub fn registered(&self, org: OrgId, user: Option<UserId>) -> Vec<RegisteredPhone> {
        let ask = self.ask.read().unwrap_or_else(PoisonError::into_inner);
        ask.as_ref().map(|ask| ask(org, user)).unwrap_or_default()
    }

    /// Tells how the phone core is asked; set once by whoever drives it.
    pub fn answer_with(
        &self,
        ask: impl Fn(OrgId, Option<UserId>) -> Vec<RegisteredPhone> + Send + Sync + 'static,
    ) {
        *self.ask.write().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(ask));
    }

    /// Ends the registration of one phone of a person, or of all; says which those were.
    pub(crate) fn sign_off(&self, org: OrgId, user: UserId, phone: Option<u64>) -> Vec<RegisteredPhone> {
        let sign_off = self.sign_off.read().unwrap_or_else(PoisonError::into_inner);
        sign_off.as_ref().map(|sign_off| sign_off(org, user, phone)).unwrap_or_default()
    }

    /// Tells how phones are signed off; set once by whoever drives the phone core.
    pub fn sign_off_with(
        &self,
        sign_off: impl Fn(OrgId, UserId, Option<u64>) -> Vec<RegisteredPhone> + Send + Sync + 'static,
    ) {
        *self.sign_off.write().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(sign_off));
    }

    /// Called by whoever drives the phone core.
    pub fn set_presence(&self, org: OrgId, user: UserId, presence: Presence) {
        if presence.registered {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert((org, user));
        }
        {
            let mut people = self.people.write().unwrap_or_else(PoisonError::into_inner);
            if presence == Presence::OFFLINE {
                people.remove(&(org, user));
            } else {
                people.insert((org, user), presence);
            }
        }
        if let Some(listener) = &*self.listener.read().unwrap_or_else(PoisonError::into_inner) {
            listener(org, user, presence);
        }
    }

    /// One listener is told of every change of presence; it must not block.
    pub fn on_presence(&self, listener: impl Fn(OrgId, UserId, Presence) + Send + Sync + 'static) {
        *self.listener.write().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(listener));
    }

    /// Called by whoever drives the phone core, when it knows everything up to `seq`.
    pub fn set_reached(&self, org: OrgId, seq: u64) {
        let mut reached = self.lock_reached();
        let known = reached.entry(org).or_insert(0);
        *known = seq.max(*known);
        self.moved.notify_all();
    }

    pub fn reached(&self, org: OrgId) -> u64 {
        self.lock_reached().get(&org).copied().unwrap_or(0)
    }

    /// Waits until the phones know everything up to `seq`; false if they do not in time.
    pub fn wait_reached(&self, org: OrgId, seq: u64, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut reached = self.lock_reached();
        while reached.get(&org).copied().unwrap_or(0) < seq {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            reached = self.moved.wait_timeout(reached, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock_reached(&self) -> MutexGuard<'_, HashMap<OrgId, u64>> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
