//! The organizations that an actor sees.

use muster_domain::organization::Organization;
use muster_domain::permission::Permission;

use crate::{Actor, App, AppError, OPERATOR_SLUG};

impl App {
    /// All for an operator, their own for everybody else.
    pub fn organizations(&self, actor: &Actor) -> Result<Vec<Organization>, AppError> {
        self.store().read(|r| {
            if !actor.grants.has(Permission::OrganizationsManage) {
                return Ok(r.organization(actor.home)?.into_iter().collect());
            }
            let all = r.organizations()?;
            Ok(all.into_iter().filter(|o| o.slug.as_str() != OPERATOR_SLUG).collect())
        })
    }
}
