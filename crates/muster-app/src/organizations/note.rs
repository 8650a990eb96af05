//! A line of the log about something that leaves the organization, such as a backup.

use muster_domain::organization::Organization;

use crate::apply::Allow;
use crate::{App, AppError, Scope};

impl App {
    /// `note` sets the field that the log speaks of.
    pub(crate) fn note(
        &self,
        scope: &Scope,
        note: impl Fn(&mut Organization) + Send + Sync,
    ) -> Result<(), AppError> {
        self.change(scope, Allow::default(), |session| {
            let before = session.tx.organization(scope.org())?.ok_or(AppError::NotFound("organization"))?;
            let mut after = before.clone();
            note(&mut after);
            session.update(&before, &after)?;
            Ok(before.id.0)
        })?;
        Ok(())
    }
}
