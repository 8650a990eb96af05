//! Removing a person, and bringing them back.
//!
//! Trash ends what the person could do and frees their extension and username; what they had (mailbox,
//! devices, credentials) stays as it is, so that restoring brings everything back. Their number reaches
//! nobody meanwhile.

use muster_domain::ids::UserId;
use muster_domain::permission::Permission;
use muster_domain::user::{Record, User};
use uuid::Uuid;

use super::activate::live_users;
use crate::apply::Allow;
use crate::numbers::{attach, detach};
use crate::signing::end_invites;
use crate::{App, AppError, Done, Scope};

impl App {
    pub fn trash_users(&self, scope: &Scope, ids: &[UserId]) -> Result<Done, AppError> {
        scope.require(Permission::PeopleRemove)?;
        self.change(scope, Allow::default(), |session| {
            for before in live_users(session, scope, ids)? {
                let mut after = before.clone();
                after.record = Record::Trashed;
                session.update(&before, &after)?;
            }
            detach(session, scope.org(), ids)?;
            end_invites(session, scope.org(), ids, "the person was removed")?;
            Ok(ids.first().map_or(Uuid::nil(), |id| id.0))
        })
    }

    /// Refused if somebody else has taken the extension, username or email meanwhile.
    pub fn restore_user(&self, scope: &Scope, id: UserId) -> Result<Done, AppError> {
        scope.require(Permission::PeopleRemove)?;
        self.change(scope, Allow::default(), |session| {
            let before = session.tx.get::<User>(scope.org(), id.0)?;
            let before = before.filter(|u| u.record == Record::Trashed).ok_or(AppError::NotFound("user"))?;
            scope.sees(Permission::PeopleRead, &before)?;
            let mut after = before.clone();
            after.record = Record::Live;
            session.update(&before, &after)?;
            attach(session, &after)?;
            Ok(id.0)
        })
    }
}
