//! What a person is given only where something else is so: SMS with a sender, and what carries a warning once that
//! was acknowledged.

use muster_domain::change::Refusal;
use muster_domain::handling::{self, SmsSender};
use muster_domain::ids::OrgId;
use muster_domain::user::User;
use muster_domain::value::FieldError;
use muster_store::Reader;

use super::Session;
use crate::AppError;

impl Session<'_> {
    pub(super) fn check_switches(&mut self, before: Option<&User>, after: &User) -> Result<(), AppError> {
        let mut errors = handling::unacknowledged(before, after, self.allow.acknowledged);
        if after.sms && !before.is_some_and(|b| b.sms) {
            self.flush()?;
            if !has_sms_sender(self.tx, self.org)? {
                errors.push(no_sms_sender());
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(Refusal::Invalid(errors).into()) }
    }
}

pub(crate) fn has_sms_sender(r: &mut Reader, org: OrgId) -> Result<bool, AppError> {
    Ok(!r.all::<SmsSender>(org)?.is_empty())
}

pub(crate) fn no_sms_sender() -> FieldError {
    const MEND: &str = "leave SMS off, or add a sender first";
    FieldError::new("sms", "needs an SMS sender, and there is none", MEND)
}
