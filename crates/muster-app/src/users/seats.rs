//! Who is counted for billing, and why: derived from the change log, never from a counter.

use muster_domain::field::EntityKind;
use muster_domain::ids::UserId;
use muster_domain::permission::Permission;
use muster_domain::types::UnixMillis;
use muster_domain::user::{User, UserType};
use muster_store::Seats;

use crate::{App, AppError, Scope};

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

/// Some of the counted users, and how many there are in all.
#[derive(Clone, Debug)]
pub struct SeatPage {
    pub seats: Vec<Seat>,
    pub all: Seats,
}

impl App {
    /// At most `limit`, in order of the users' ids, those after `after`.
    pub fn seats(&self, scope: &Scope, after: Option<UserId>, limit: usize) -> Result<SeatPage, AppError> {
        scope.require(Permission::BillingRead)?;
        let org = scope.org();
        self.read_in(scope, &[EntityKind::User], |r, _| {
            let all = r.seats(org)?;
            let facts = r.seat_page(org, after, limit)?;
            let ids: Vec<_> = facts.iter().map(|s| s.user.0).collect();
            let mut users = r.get_many::<User>(org, &ids)?;
            users.sort_unstable_by_key(|u| u.id);
            let name =
                |id: UserId| users.binary_search_by_key(&id, |u| u.id).ok().map(|at| users[at].clone());
            let seat = |s: &muster_store::SeatFact| Seat {
                user: s.user,
                name: name(s.user),
                user_type: s.user_type,
                since: s.since,
                seq: s.seq,
            };
            Ok(SeatPage { seats: facts.iter().map(seat).collect(), all })
        })
    }
}
