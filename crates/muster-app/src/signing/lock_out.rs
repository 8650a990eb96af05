//! Lock-out: after some wrong tries the next one has to wait, each time longer.

use muster_domain::ids::{OrgId, UserId};
use muster_domain::types::UnixMillis;
use muster_store::Failures;

use crate::{App, AppError};

/// Wrong tries that cost nothing.
const FREE: u64 = 5;
const FIRST_WAIT_MS: i64 = 30_000;
const WAIT_MAX_MS: i64 = 3_600_000;
/// After so long without a try, what was wrong is forgotten.
const FORGOTTEN_MS: i64 = 24 * 3_600_000;

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Password,
    Pin,
    Answer,
}

impl What {
    fn word(self) -> &'static str {
        match self {
            What::Password => "password",
            What::Pin => "pin",
            What::Answer => "answer",
        }
    }
}

impl App {
    /// Counts a try before it is looked at, so that many at once are as many. Refused while it is locked.
    pub(crate) fn begin_try(&self, org: OrgId, user: UserId, what: What) -> Result<(), AppError> {
        let now = self.now();
        self.store().write(|tx| {
            let before = tx.failures(org, user, what.word())?;
            if now.0 - before.last_at.0 > FORGOTTEN_MS {
                tx.clear_failures(org, user, what.word())?;
            } else if let Some(until) = locked_until(before).filter(|until| *until > now) {
                return Err(AppError::LockedOut { until, now });
            }
            tx.add_failure(org, user, what.word(), now)?;
            Ok(())
        })
    }

    /// It was right: nothing is held against them.
    pub(crate) fn right_try(&self, org: OrgId, user: UserId, what: What) -> Result<(), AppError> {
        self.store().write(|tx| tx.clear_failures(org, user, what.word()).map_err(AppError::from))
    }
}

pub(super) fn locked_until(failures: Failures) -> Option<UnixMillis> {
    let over = failures.count.checked_sub(FREE)?;
    let wait = FIRST_WAIT_MS.saturating_mul(1 << over.min(20)).min(WAIT_MAX_MS);
    Some(UnixMillis(failures.last_at.0 + wait))
}

#[test]
fn five_tries_are_free_and_then_each_waits_twice_as_long_up_to_an_hour() {
    let wait = |count| locked_until(Failures { count, last_at: UnixMillis(0) }).map(|at| at.0 / 1000);
    assert_eq!(
        [4, 5, 6, 7, 11, 12, 90].map(wait),
        [None, Some(30), Some(60), Some(120), Some(1920), Some(3600), Some(3600)]
    );
}
