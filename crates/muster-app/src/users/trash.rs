//! Bringing a person back from the trash. How they get there is [`crate::leaving`]'s.
//!
//! Trash ends what the person could do and frees their extension and username; what they had (mailbox,
//! devices, credentials) stays as it is, so that restoring brings everything back.

use muster_domain::ids::UserId;
use muster_domain::permission::Permission;
use muster_domain::user::{Record, User};

use crate::apply::Allow;
use crate::leaving::bring_back;
use crate::numbers::attach;
use crate::{App, AppError, Done, Scope};

impl App {
    /// With what let go of them when they were removed, where nobody has changed it since. Refused if somebody
    /// else has taken the extension, username or email meanwhile.
    pub fn restore_user(&self, scope: &Scope, id: UserId) -> Result<Done, AppError> {
        scope.require(Permission::PeopleRemove)?;
        self.change(scope, Allow::default(), |session| {
            let before = session.tx.get::<User>(scope.org(), id.0)?;
            let before = before.filter(|u| u.record == Record::Trashed).ok_or(AppError::NotFound("user"))?;
            scope.sees(Permission::PeopleRead, &before)?;
            let mut after = before.clone();
            after.record = Record::Live;
            session.update(&before, &after)?;
            session.as_consequence(|session| bring_back(session, &after))?;
            session.flush()?;
            attach(session, &after)?;
            Ok(id.0)
        })
    }
}
