//! Signing phones off: the registration ends, the right to register stays.

use muster_domain::ids::UserId;
use muster_domain::permission::Permission;
use muster_domain::user::User;

use crate::phones::RegisteredPhone;
use crate::{App, AppError, Scope};

impl App {
    /// The phones of a person that are registered now, in the order they came.
    pub fn registered_phones(&self, scope: &Scope, id: UserId) -> Result<Vec<RegisteredPhone>, AppError> {
        self.user(scope, id)?;
        Ok(self.phones().registered(scope.org(), Some(id)))
    }

    /// All that are registered now, of the people whose phones may be seen.
    pub fn all_registered_phones(&self, scope: &Scope) -> Result<Vec<RegisteredPhone>, AppError> {
        scope.require(Permission::PhonesRead)?;
        let mut phones = self.phones().registered(scope.org(), None);
        if scope.sites(Permission::PhonesRead).is_some() {
            let ids: Vec<_> = phones.iter().map(|phone| phone.user.0).collect();
            let mut users =
                self.store().read(|r| r.get_many::<User>(scope.org(), &ids).map_err(AppError::from))?;
            users.retain(|user| scope.sees(Permission::PhonesRead, user).is_ok());
            phones.retain(|phone| users.iter().any(|user| user.id == phone.user));
        }
        Ok(phones)
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
        // Whoever may make a new secret keeps the phone out for longer.
        let allowed = match scope.grants.has_somewhere(Permission::DevicesEdit) {
            true => Permission::DevicesEdit,
            false => Permission::CredentialsReset,
        };
        scope.require(allowed)?;
        let user = self.one_in::<User>(scope, id.0)?.ok_or(AppError::NotFound("user"))?;
        scope.sees(allowed, &user)?;
        let gone = self.phones().sign_off(scope.org(), id, phone);
        if gone.is_empty() && phone.is_some() {
            return Err(AppError::NotFound("registered phone"));
        }
        tracing::info!(organization = %scope.org(), user = %id, by = %scope.actor, phones = gone.len(), "phones signed off");
        Ok(gone)
    }
}
