//! What is done with a row.

use muster_domain::ids::UserId;

/// What shall become of a row; as many as there are rows, so it is small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Create,
    Update(UserId),
    /// Right, and left out as was asked; who is already there, if that is why.
    Skip(Option<UserId>),
    Reject,
}

impl Decision {
    pub fn is_taken(self) -> bool {
        matches!(self, Decision::Create | Decision::Update(_))
    }
}
