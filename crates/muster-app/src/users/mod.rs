//! People: added, edited, activated, removed, found.

mod activate;
mod add;
mod bulk;
mod credentials;
mod edit;
mod list;
mod next_free;
mod seats;
mod sign_off;
mod trash;

pub use activate::{Activated, Deactivation};
pub(crate) use activate::{enable, frozen, live_users};
pub use add::{NewMailbox, NewUser, parse_field};
pub(crate) use add::{blank_mailbox, checked_pin, checked_sip_password, name_by_extension};
pub use bulk::{
    BULK_IDS_MAX, BulkCause, BulkChange, BulkItem, BulkPreview, BulkRefused, BulkReport, BulkService,
    Expected, NewBulk, Whom,
};
pub use credentials::{Credentials, ResetCredentials};
pub use list::{Contact, Who, not_trashed};
pub use next_free::FreeExtension;
pub use seats::{Seat, SeatPage};

use muster_domain::field::{Edit, Entity};
use muster_domain::ids::SecretId;
use muster_domain::user::User;
use muster_domain::value::{FieldError, Value};
use muster_store::SecretKind;
use uuid::Uuid;

use crate::AppError;
use crate::apply::Session;

/// Sets fields that `allowed` lets an ordinary request set; every field that is not right is said.
pub(crate) fn set_fields(
    user: &mut User,
    values: &[(&'static str, Value)],
    allowed: impl Fn(Edit) -> bool,
) -> Result<(), AppError> {
    let mut errors = Vec::new();
    for (name, value) in values {
        let Some(field) = User::field(name) else { continue };
        if !allowed(field.meta.edit) && (field.get)(user) != *value {
            let (reason, mend) = match field.name {
                "username" => ("is fixed for life: phones sign in with it", "leave it out"),
                "service" => ("cannot be changed this way", "activate or deactivate the user instead"),
                _ => ("cannot be changed this way", "leave it out"),
            };
            errors.push(FieldError::new(field.name, reason, mend));
        } else if let Err(reason) = (field.set)(user, value) {
            errors.push(field.error(reason));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(muster_domain::change::Refusal::Invalid(errors).into()) }
}

/// Stores a secret and gives its id.
pub(crate) fn keep_secret(
    session: &mut Session<'_>,
    org: muster_domain::ids::OrgId,
    kind: SecretKind,
    text: &str,
) -> Result<SecretId, AppError> {
    let id = SecretId(Uuid::now_v7());
    session.tx.put_secret(org, id, kind, text)?;
    Ok(id)
}
