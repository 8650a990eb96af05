//! `user.updated`: fields of one person, at the version they were read at.

use muster_domain::change::Refusal;
use muster_domain::field::{Edit, EntityKind};
use muster_domain::ids::UserId;
use muster_domain::permission::Permission;
use muster_domain::user::{Record, User};
use muster_domain::value::Value;

use super::set_fields;
use crate::apply::Allow;
use crate::{App, AppError, Done, Scope};

impl App {
    /// `version`: the one that the caller read (`If-Match`); `None` takes the newest.
    pub fn edit_user(
        &self,
        scope: &Scope,
        id: UserId,
        version: Option<u64>,
        values: &[(&'static str, Value)],
        allow: Allow,
    ) -> Result<Done, AppError> {
        scope.require(Permission::PeopleEdit)?;
        self.change(scope, allow, |session| {
            let before = session.tx.get::<User>(scope.org(), id.0)?;
            let before = before.filter(|u| u.record == Record::Live).ok_or(AppError::NotFound("user"))?;
            scope.sees(Permission::PeopleRead, &before)?;
            if let Some(expected) = version
                && expected != before.version
            {
                let current = before.version;
                return Err(Refusal::Stale { kind: EntityKind::User, id: id.0, expected, current }.into());
            }
            let mut after = before.clone();
            set_fields(&mut after, values, |edit| edit == Edit::Free)?;
            session.settle_roles(&mut after.roles, &before.roles)?;
            if after.emergency_location != before.emergency_location {
                crate::emergency::check_of_user(session.tx, &after)?;
            }
            session.update(&before, &after)?;
            crate::mail::tell_of_new_email(session, &before, &after)?;
            Ok(id.0)
        })
    }
}
