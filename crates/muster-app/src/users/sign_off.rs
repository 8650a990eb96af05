//! Signing phones off: the registration ends, the right to register stays.

use muster_domain::ids::UserId;
use muster_domain::permission::Permission;

use crate::phones::RegisteredPhone;
use crate::{App, AppError, Scope};

impl App {
    /// The phones of a person that are registered now, in the order they came.
    pub fn registered_phones(&self, scope: &Scope, id: UserId) -> Result<Vec<RegisteredPhone>, AppError> {
        self.user(scope, id)?;
        Ok(self.phones().registered(scope.org(), Some(id)))
    }

    /// Ends the registration of one phone of a person, or of all, and says which those were. A phone
    /// comes back when it registers next; what keeps it out is another secret or deactivation. Nothing
    /// that is kept changes, so it stands in the program's log and not in the change log.
    pub fn sign_off_phones(
        &self,
        scope: &Scope,
        id: UserId,
        phone: Option<u64>,
    ) -> Result<Vec<RegisteredPhone>, AppError> {
        scope.require(Permission::ManageUsers)?;
        self.user(scope, id)?;
        let gone = self.phones().sign_off(scope.org(), id, phone);
        if gone.is_empty() && phone.is_some() {
            return Err(AppError::NotFound("registered phone"));
        }
        tracing::info!(organization = %scope.org(), user = %id, by = %scope.actor, phones = gone.len(), "phones signed off");
        Ok(gone)
    }
}
