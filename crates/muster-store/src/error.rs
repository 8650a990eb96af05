use muster_domain::field::EntityKind;
use muster_domain::ids::OrgId;
use muster_domain::value::FieldError;
use smol_str::SmolStr;
use uuid::Uuid;

/// Why the store did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or cannot write (disk full, connection lost). Nothing of this write
    /// is there, unless `maybe_committed`: then only its idempotency key tells.
    #[error("the database is not available: {why}")]
    Unavailable { why: String, maybe_committed: bool },
    /// Too many are waiting already; try again.
    #[error("too many are waiting for the database")]
    Busy,
    #[error(
        "the database has version {found} and this program knows up to {known}: start a newer program, or restore a backup"
    )]
    NewerSchema { found: i64, known: i64 },
    #[error("{0}")]
    Open(String),
    /// A claim that somebody else has. `field` is the field that made it.
    #[error("{field} {key} is taken")]
    Taken { space: SmolStr, key: SmolStr, field: &'static str, holder: Option<(EntityKind, Uuid)> },
    /// A reference to something that is not there, or something removed that is still referred to.
    #[error("refers to something that is not there, or is still referred to")]
    Reference,
    /// The row is there already, or was not as it was read.
    #[error("the {} {id} is not as it was read", .kind.word())]
    Conflict { kind: EntityKind, id: Uuid },
    /// A row with this key is there already; what the database says of it.
    #[error("is there already: {0}")]
    Duplicate(String),
    #[error("there is no such organization")]
    NoOrganization(OrgId),
    /// A list was asked for by a field, operator or cursor that does not go.
    #[error("{} {}", .0.field, .0.reason)]
    Query(FieldError),
    /// What the caller asked for contradicts itself; a mistake in the program.
    #[error("{0}")]
    Misuse(&'static str),
    /// A stored row that this program cannot read.
    #[error("a stored row cannot be read: {0}")]
    Corrupt(String),
    /// A secret does not decrypt: another key file, or it was moved from another row.
    #[error("a secret cannot be decrypted: {0}")]
    Undecryptable(&'static str),
    /// Only comparable, never readable ([`crate::SecretKind::readable`]).
    #[error("this secret is kept for comparing only")]
    NotReadable,
    /// A statement failed for a reason that is none of the above.
    #[error("the database refused a statement: {0}")]
    Statement(String),
}

impl StoreError {
    pub(crate) fn unavailable(why: impl ToString) -> StoreError {
        StoreError::Unavailable { why: why.to_string(), maybe_committed: false }
    }
}
