//! One signing-in email, one user, unless the organization or the request allows otherwise.

use std::collections::HashMap;

use muster_domain::change::{Holder, Refusal};
use muster_domain::field::EntityKind;
use muster_domain::types::fold;
use muster_domain::user::Record;
use muster_store::AnyEntity;
use smol_str::SmolStr;
use uuid::Uuid;

use super::Session;
use crate::AppError;

impl Session<'_> {
    /// One signing-in email, one user: the ones that this batch brings, against each other and all
    /// others. The organization is locked, so nobody slips in between.
    pub(super) fn check_emails(&mut self) -> Result<(), AppError> {
        if self.allow.shared_emails {
            return Ok(());
        }
        let mut brought: HashMap<SmolStr, Uuid> = HashMap::new();
        let mut clash = None;
        for recorded in &self.pending {
            let Some(AnyEntity::User(user)) = &recorded.after else { continue };
            let touched = recorded.change.fields.iter().any(|f| f.field == "email" || f.field == "record");
            let Some(email) = user.email.as_ref().filter(|_| touched && user.record == Record::Live) else {
                continue;
            };
            if let Some(other) = brought.insert(fold(email.as_str()).into(), user.id.0)
                && other != user.id.0
            {
                clash = Some((email.to_string(), other));
            }
        }
        let keys: Vec<SmolStr> = brought.keys().cloned().collect();
        for (key, holder) in self.tx.emails(self.org, &keys)? {
            if clash.is_none() && brought.get(&key).is_some_and(|id| *id != holder.0) {
                clash = Some((key.to_string(), holder.0));
            }
        }
        let Some((email, holder)) = clash else { return Ok(()) };
        let organization = self.tx.organization(self.org)?;
        if organization.is_some_and(|organization| !organization.require_unique_emails) {
            return Ok(());
        }
        Err(taken_email(&email, holder))
    }
}

fn taken_email(email: &str, holder: Uuid) -> AppError {
    let holder = Holder { kind: EntityKind::User, id: holder, name: None };
    Refusal::Taken { field: "email", value: email.to_string(), holder: Some(holder) }.into()
}
