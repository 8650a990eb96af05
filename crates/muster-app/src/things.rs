//! Reading that is alike for every kind of thing, and what is asked of the installation as a whole.

use muster_domain::field::{Entity, EntityKind};
use muster_domain::for_kind;
use muster_domain::ids::OrgId;
use muster_domain::permission::Permission;
use muster_store::{AnyEntity, Page, Query, Reader, Stored};
use uuid::Uuid;

use crate::{App, AppError, OPERATOR_SLUG, Scope};

/// What anybody may know of an installation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InstallationTotals {
    pub organizations: u64,
    /// People of all organizations who are not trashed.
    pub people: u64,
}

impl App {
    /// A page of one kind of thing. Tokens need the permission to manage them.
    pub fn page<E: Entity>(&self, scope: &Scope, query: &Query) -> Result<Page<E>, AppError> {
        scope.require(match E::KIND {
            EntityKind::Token => Permission::ManageTokens,
            _ => Permission::Read,
        })?;
        let query = Query { filter: self.with_ids::<E>(scope, &query.filter)?, ..query.clone() };
        self.read_in(scope, &[E::KIND], |r, as_of| Ok(Page { as_of, ..r.list::<E>(scope.org(), &query)? }))
    }

    /// The newest change of the organization's log.
    pub fn head_seq(&self, scope: &Scope) -> Result<u64, AppError> {
        scope.require(Permission::Read)?;
        let head = self.store().read(|r| r.head(scope.org()).map_err(AppError::from))?;
        Ok(head.map_or(0, |h| h.head_seq))
    }

    pub fn installation_totals(&self) -> Result<InstallationTotals, AppError> {
        self.store().read(|r| {
            let mut totals = InstallationTotals::default();
            for organization in r.organizations()? {
                if organization.slug.as_str() != OPERATOR_SLUG {
                    totals.organizations += 1;
                    totals.people += r.counts(organization.id)?.users;
                }
            }
            Ok(totals)
        })
    }

    /// Calls `f` after every commit of this process, with each organization whose log grew and the end of
    /// its log. `f` must be quick.
    pub fn on_commit(&self, f: impl Fn(OrgId, u64) + Send + Sync + 'static) {
        self.store().on_commit(Box::new(f));
    }
}

/// Things of a kind by their ids, in no promised order; those that are not there are left out.
pub(crate) fn load_any(
    r: &mut Reader,
    org: OrgId,
    kind: EntityKind,
    ids: &[Uuid],
) -> Result<Vec<AnyEntity>, AppError> {
    fn load<E: Stored>(r: &mut Reader, org: OrgId, ids: &[Uuid]) -> Result<Vec<AnyEntity>, AppError> {
        Ok(r.get_many::<E>(org, ids)?.into_iter().map(E::into_any).collect())
    }
    for_kind!(kind, E => load::<E>(r, org, ids))
}
