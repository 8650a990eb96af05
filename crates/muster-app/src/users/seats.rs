//! Who is counted for billing, and why: derived from the change log, never from a counter.

use std::collections::HashMap;

use muster_domain::ids::{OrgId, UserId};
use muster_domain::permission::Permission;
use muster_domain::types::UnixMillis;
use muster_domain::user::{User, UserType};
use muster_store::Reader;

use crate::{App, AppError, Scope};

/// Lines of the log that are read at once.
const PAGE: usize = 1000;

/// A user who counts now.
#[derive(Clone, Debug)]
pub struct Seat {
    pub user: UserId,
    /// `None` once the person has been purged: the seat was used all the same.
    pub name: Option<User>,
    pub user_type: UserType,
    pub since: UnixMillis,
    /// The change that made the user count.
    pub seq: u64,
}

impl App {
    pub fn seats(&self, scope: &Scope) -> Result<Vec<Seat>, AppError> {
        scope.require(Permission::Read)?;
        let org = scope.org();
        self.store().read(|r| {
            let mut counted = counted(r, org)?;
            counted.sort_unstable_by_key(|s| s.seq);
            for batch in counted.chunks_mut(500) {
                let ids: Vec<_> = batch.iter().map(|s| s.user.0).collect();
                let users = r.get_many::<User>(org, &ids)?;
                for seat in batch {
                    seat.name = users.iter().find(|u| u.id == seat.user).cloned();
                }
            }
            Ok(counted)
        })
    }
}

/// Folds the envelopes of the log: the last fact about each user decides.
fn counted(r: &mut Reader, org: OrgId) -> Result<Vec<Seat>, AppError> {
    let mut seats: HashMap<UserId, Seat> = HashMap::new();
    let mut since = 0;
    loop {
        let page = r.raw_changes(org, since, PAGE)?;
        for change in &page {
            let envelope = &change.envelope;
            since = envelope.seq;
            let user = UserId(envelope.entity_id);
            match (envelope.facts.counted, envelope.facts.user_type) {
                (Some(true), Some(user_type)) => {
                    let seat = Seat { user, name: None, user_type, since: envelope.at, seq: envelope.seq };
                    seats.insert(user, seat);
                }
                (Some(_), _) => {
                    seats.remove(&user);
                }
                (None, _) => {}
            }
        }
        if page.len() < PAGE {
            return Ok(seats.into_values().collect());
        }
    }
}
