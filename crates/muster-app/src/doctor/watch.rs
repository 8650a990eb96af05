//! Noting whose phones are registered, to the day: how else would anybody know which seats are used.

use std::collections::{BTreeMap, HashSet};

use muster_domain::ids::{OrgId, UserId};
use muster_domain::types::UnixMillis;

use crate::{App, AppError};

/// It is noted to about a day: one write a person and day.
const NOTED_EVERY_MS: i64 = 20 * 3600 * 1000;
/// People noted in one write.
const PAGE: usize = 1000;

impl App {
    /// Notes everybody whose phone was registered since this was last called.
    pub fn note_seen(&self) -> Result<(), AppError> {
        let now = self.now();
        let mut by_org: BTreeMap<OrgId, Vec<UserId>> = BTreeMap::new();
        let heads = self.store().read(|r| r.heads().map_err(AppError::from))?;
        by_org.extend(heads.iter().map(|head| (head.org, Vec::new())));
        for (org, user) in self.phones().take_seen() {
            // Whoever is of an organization that has gone is nobody's.
            if let Some(users) = by_org.get_mut(&org) {
                users.push(user);
            }
        }
        for (org, users) in by_org {
            let watched = self.store().read(|r| r.watched_since(org).map_err(AppError::from))?;
            if watched.is_none() {
                self.store().write(|tx| tx.note_seen(org, &[], now).map_err(AppError::from))?;
            }
            for users in users.chunks(PAGE) {
                self.note_some(org, users, now)?;
            }
        }
        Ok(())
    }

    fn note_some(&self, org: OrgId, users: &[UserId], now: UnixMillis) -> Result<(), AppError> {
        let known = self.store().read(|r| r.last_seen(org, users).map_err(AppError::from))?;
        let fresh = known.into_iter().filter(|(_, at)| at.0 > now.0 - NOTED_EVERY_MS);
        let fresh: HashSet<UserId> = fresh.map(|(user, _)| user).collect();
        let stale: Vec<UserId> = users.iter().filter(|user| !fresh.contains(user)).copied().collect();
        if stale.is_empty() {
            return Ok(());
        }
        self.store().write(|tx| tx.note_seen(org, &stale, now).map_err(AppError::from))
    }
}
