//! What a use case can answer instead of its result. Status codes are the edge's business.

use muster_domain::change::{Holder, Refusal};
use muster_domain::grants::Lack;
use muster_domain::permission::Permission;
use muster_domain::types::UnixMillis;
use muster_domain::value::FieldError;
use muster_import::FileError;
use muster_store::StoreError;

use crate::signing::LinkRefusal;

#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// No token, or one that nobody has.
    #[error("sign in with a valid token")]
    NotAuthenticated,
    #[error("this needs the permission {}", .0.word())]
    NotPermitted(Permission),
    /// Held for some sites, and this is about another or about no site at all.
    #[error("the permission {} is held for some sites only, and this reaches beyond them", .0.word())]
    NotPermittedHere(Permission),
    /// Nobody gives more than they hold, nor takes the place of somebody who holds more.
    #[error("{what} {}", of_lacks(.lacks))]
    HoldsLess { what: &'static str, lacks: Vec<Lack> },
    /// Also the answer for what belongs to another organization.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// What it was at a moment cannot be told any more.
    #[error("what this {0} was then has been erased")]
    Erased(&'static str),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the Idempotency-Key was used before with another request")]
    IdempotencyConflict,
    #[error(transparent)]
    File(#[from] FileError),
    /// It was kept for a while only.
    #[error("{what} is no longer kept: {mend}")]
    Expired { what: &'static str, mend: &'static str },
    /// Somebody asked for the work to be stopped while it was done.
    #[error("cancelled while it ran; nothing of it was done")]
    Cancelled,
    #[error("{0}")]
    Limit(String),
    /// Too many wrong tries.
    #[error("too many wrong tries: try again after {until}")]
    LockedOut { until: UnixMillis, now: UnixMillis },
    /// Their name and password are right, but they are not enabled, or of a type that does not sign in.
    #[error("you are not enabled to sign in: ask your administrator")]
    MayNotSignIn,
    #[error("the password is temporary: choose one of your own first")]
    PasswordChangeNeeded,
    #[error(transparent)]
    Link(#[from] LinkRefusal),
    #[error(transparent)]
    Store(StoreError),
}

impl AppError {
    pub fn invalid(field: &'static str, reason: impl Into<String>, mend: impl Into<String>) -> AppError {
        AppError::Refused(Refusal::Invalid(vec![FieldError::new(field, reason, mend)]))
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> AppError {
        match error {
            // The table of claims is the last to know: whatever the checks before it missed is said in
            // the same words.
            StoreError::Taken { field, key, holder, .. } => {
                let holder = holder.map(|(kind, id)| Holder { kind, id, name: None });
                AppError::Refused(Refusal::Taken { field, value: key.to_string(), holder })
            }
            other => AppError::Store(other),
        }
    }
}

/// `billing.buy and tokens, which you do not hold`: the first few.
fn of_lacks(lacks: &[Lack]) -> String {
    const SHOWN: usize = 5;
    let mut words: Vec<&str> = lacks.iter().map(|lack| lack.permission.word()).collect();
    words.dedup();
    let more = words.len().saturating_sub(SHOWN);
    words.truncate(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let sites = if lacks.iter().any(|lack| lack.site.is_some()) { " (there)" } else { "" };
    format!("{}{more}, which you do not hold{sites}: ask somebody who does", words.join(", "))
}
