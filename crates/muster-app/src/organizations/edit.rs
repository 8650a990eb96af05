//! `organization.updated`: its own settings, at the version they were read at.

use muster_domain::field::Edit;
use muster_domain::organization::Organization;
use muster_domain::permission::Permission;
use muster_domain::value::Value;
use muster_store::Tx;

use crate::apply::Allow;
use crate::records::{check_version, set};
use crate::{App, AppError, Done, Scope};

impl App {
    /// `version`: the one that the caller read (`If-Match`); `None` takes the newest.
    pub fn edit_organization(
        &self,
        scope: &Scope,
        version: Option<u64>,
        values: &[(&'static str, Value)],
    ) -> Result<Done, AppError> {
        scope.require(Permission::OrganizationEdit)?;
        let org = scope.org();
        self.change(scope, Allow::default(), |session| {
            let before = session.tx.organization(org)?.ok_or(AppError::NotFound("organization"))?;
            check_version(&before, version)?;
            let mut after = before.clone();
            set(&mut after, values, |edit| edit == Edit::Free)?;
            check_domains(session.tx, &after)?;
            session.update(&before, &after)?;
            Ok(org.0)
        })
    }
}

/// A domain is one organization's: phones are told apart by it.
pub(super) fn check_domains(tx: &mut Tx, organization: &Organization) -> Result<(), AppError> {
    let others = tx.organizations()?;
    let others = others.iter().filter(|other| other.id != organization.id);
    let taken: Vec<_> = others.flat_map(|o| std::iter::once(&o.domain).chain(&o.domain_aliases)).collect();
    let refused =
        |field| AppError::invalid(field, "belongs to another organization", "choose another domain");
    if taken.contains(&&organization.domain) {
        return Err(refused("domain"));
    }
    if organization.domain_aliases.iter().any(|alias| taken.contains(&alias)) {
        return Err(refused("domain_aliases"));
    }
    Ok(())
}
