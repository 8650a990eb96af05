//! The doctor: what is wrong in an organization, why, and what mends each.
//!
//! It reads and changes nothing. A mend is what one request of the API does; the doctor says which.

mod people;
mod things;
mod watch;

use std::collections::BTreeMap;

use muster_domain::field::EntityKind;
use muster_domain::permission::Permission;
use muster_domain::types::UnixMillis;
use uuid::Uuid;

use crate::{App, AppError, Scope};

pub(crate) const DAY_MS: i64 = 24 * 3600 * 1000;
/// A seat that nobody has used for so long is worth a look.
pub const UNUSED_DAYS: i64 = 30;
/// Credentials that are older than this are worth changing.
pub const OLD_DAYS: i64 = 365;

/// What is looked for. The words are those of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    Dangling,
    OwnerlessMailboxes,
    Empty,
    ForwardsToNobody,
    UnusedSeats,
    Unreachable,
    CannotCall,
    UnassignedNumbers,
    OldCredentials,
    OldTokens,
}

impl Check {
    pub const ALL: [Check; 10] = [
        Check::Dangling,
        Check::OwnerlessMailboxes,
        Check::Empty,
        Check::ForwardsToNobody,
        Check::UnusedSeats,
        Check::Unreachable,
        Check::CannotCall,
        Check::UnassignedNumbers,
        Check::OldCredentials,
        Check::OldTokens,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Check::Dangling => "dangling",
            Check::OwnerlessMailboxes => "ownerless_mailboxes",
            Check::Empty => "empty",
            Check::ForwardsToNobody => "forwards_to_nobody",
            Check::UnusedSeats => "unused_seats",
            Check::Unreachable => "unreachable",
            Check::CannotCall => "cannot_call",
            Check::UnassignedNumbers => "unassigned_numbers",
            Check::OldCredentials => "old_credentials",
            Check::OldTokens => "old_tokens",
        }
    }

    pub fn from_word(word: &str) -> Option<Check> {
        Self::ALL.into_iter().find(|check| check.word() == word)
    }

    /// For a person.
    pub fn title(self) -> &'static str {
        match self {
            Check::Dangling => "Names something that is not there",
            Check::OwnerlessMailboxes => "Mailboxes that nobody owns or leaves messages in",
            Check::Empty => "Groups, menus and schedules with nobody in them",
            Check::ForwardsToNobody => "Calls are forwarded to an extension that nobody has",
            Check::UnusedSeats => "Seats that nobody has used for 30 days",
            Check::Unreachable => "People whom nobody can reach",
            Check::CannotCall => "People who cannot call",
            Check::UnassignedNumbers => "Numbers that reach nobody",
            Check::OldCredentials => "SIP passwords that are older than a year",
            Check::OldTokens => "Tokens that never expire and are older than a year",
        }
    }
}

/// What mends it. [`Mend::ByHand`] is only words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    ByHand,
    /// Their own phones ring again.
    StopForwarding {
        user: Uuid,
        version: u64,
    },
    /// Not counted any more; they stay in the contact list.
    Deactivate {
        user: Uuid,
    },
    /// Nobody's, and free to be given.
    IntoInventory {
        number: Uuid,
        version: u64,
    },
    /// A new SIP password, shown once; the phones that use the old one drop.
    NewSecret {
        user: Uuid,
        device: Option<String>,
    },
    RevokeToken {
        token: Uuid,
    },
}

impl Mend {
    /// Whether it costs nobody anything: it may be done without a look at each.
    pub fn is_harmless(&self) -> bool {
        matches!(self, Mend::StopForwarding { .. } | Mend::IntoInventory { .. })
    }
}

/// Something that is wrong.
#[derive(Clone, Debug)]
pub struct Finding {
    pub kind: EntityKind,
    pub id: Uuid,
    /// Such as `Ana Silva (extension 1001)`.
    pub name: String,
    pub why: String,
    /// What to do, in words.
    pub advice: String,
    pub mend: Mend,
}

/// What came of one check.
#[derive(Clone, Debug)]
pub struct Checked {
    pub check: Check,
    /// How many there are.
    pub found: u64,
    /// The first of them.
    pub findings: Vec<Finding>,
}

#[derive(Clone, Debug)]
pub struct Diagnosis {
    pub at: UnixMillis,
    /// Since when it is watched whose phones register; `None`: not yet. Before 30 days have passed nothing is said
    /// of unused seats.
    pub watched_since: Option<UnixMillis>,
    pub checks: Vec<Checked>,
}

/// What was found so far: all is counted, the first of each kind are kept.
pub(crate) struct Found {
    wanted: Vec<Check>,
    limit: usize,
    checks: BTreeMap<Check, (u64, Vec<Finding>)>,
}

impl Found {
    pub fn wants(&self, check: Check) -> bool {
        self.wanted.contains(&check)
    }

    pub fn add(&mut self, check: Check, finding: impl FnOnce() -> Finding) {
        if !self.wants(check) {
            return;
        }
        let (count, findings) = self.checks.entry(check).or_default();
        *count += 1;
        if findings.len() < self.limit {
            findings.push(finding());
        }
    }
}

impl App {
    /// What is wrong, by all checks or one; at most `limit` of each are named. Tokens are looked at for those who
    /// may manage them.
    pub fn examine(&self, scope: &Scope, only: Option<Check>, limit: usize) -> Result<Diagnosis, AppError> {
        scope.require(Permission::ChangesRead)?;
        let (org, at) = (scope.org(), self.now());
        let may_see_tokens = scope.grants().has(Permission::TokensEdit);
        let wanted: Vec<Check> = Check::ALL
            .into_iter()
            .filter(|check| only.is_none_or(|only| only == *check))
            .filter(|check| *check != Check::OldTokens || may_see_tokens)
            .collect();
        self.store().read(|r| {
            let mut found = Found { wanted: wanted.clone(), limit, checks: BTreeMap::new() };
            let watched_since = r.watched_since(org)?;
            things::examine(r, org, at, &mut found)?;
            people::examine(r, org, at, watched_since, &mut found)?;
            let checks = wanted.iter().map(|check| {
                let (count, findings) = found.checks.remove(check).unwrap_or_default();
                Checked { check: *check, found: count, findings }
            });
            Ok(Diagnosis { at, watched_since, checks: checks.collect() })
        })
    }
}
