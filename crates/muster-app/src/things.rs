//! Reading that is alike for every kind of thing, and what is asked of the installation as a whole.

use muster_domain::field::{Entity, EntityKind};
use muster_domain::for_kind;
use muster_domain::ids::{OrgId, SiteId};
use muster_domain::user::User;
use muster_domain::value::Value;
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
    /// A page of one kind of thing: of what may be seen of it.
    pub fn page<E: Entity>(&self, scope: &Scope, query: &Query) -> Result<Page<E>, AppError> {
        let permission = scope.to_read(E::KIND);
        scope.require(permission)?;
        let query = Query { filter: self.with_ids::<E>(scope, &query.filter)?, ..query.clone() };
        let query = scope.narrowed(E::KIND, permission, query);
        // Whose site it is at is asked of the people of that time.
        let kinds = [E::KIND, EntityKind::User];
        let kinds = if scope.sites(permission).is_some() { &kinds[..] } else { &kinds[..1] };
        self.read_in(scope, kinds, |r, as_of| Ok(Page { as_of, ..r.list::<E>(scope.org(), &query)? }))
    }

    /// The newest change of the organization's log.
    pub fn head_seq(&self, scope: &Scope) -> Result<u64, AppError> {
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

impl App {
    /// Whether a thing may be seen by whoever asks; if not, it is not found, whether it is there or not.
    pub(crate) fn check_visible(&self, scope: &Scope, entity: &AnyEntity) -> Result<(), AppError> {
        let permission = scope.to_read(entity.kind());
        scope.require(permission)?;
        let Some(sites) = scope.sites(permission) else { return Ok(()) };
        let whose = |field: &str| entity.value(field).as_ref().and_then(Value::as_id);
        let visible = match entity.kind() {
            EntityKind::User => whose("site").is_some_and(|site| sites.contains(&site.into())),
            EntityKind::Site => sites.contains(&entity.id().into()),
            EntityKind::Device | EntityKind::PhoneNumber | EntityKind::SignIn | EntityKind::Invite => {
                self.is_at(scope, whose("user"), &sites)?
            }
            EntityKind::Mailbox => self.is_at(scope, whose("owner"), &sites)?,
            EntityKind::UnassignedExtension | EntityKind::PortOrder => match whose("user") {
                Some(user) => self.is_at(scope, Some(user), &sites)?,
                None => true,
            },
            EntityKind::EmergencyLocation => match whose("owner") {
                Some(owner) => self.is_at(scope, Some(owner), &sites)?,
                None => true,
            },
            _ => true,
        };
        if visible { Ok(()) } else { Err(AppError::NotFound(entity.kind().word())) }
    }

    fn is_at(&self, scope: &Scope, user: Option<Uuid>, sites: &[SiteId]) -> Result<bool, AppError> {
        let Some(user) = user else { return Ok(false) };
        let user = self.store().read(|r| r.get::<User>(scope.org(), user).map_err(AppError::from))?;
        Ok(user.and_then(|user| user.site).is_some_and(|site| sites.contains(&site)))
    }

    /// The same of a thing that may be gone: what was of nobody is seen by whoever sees the whole.
    pub(crate) fn check_seen(&self, scope: &Scope, kind: EntityKind, id: Uuid) -> Result<(), AppError> {
        let permission = scope.to_read(kind);
        scope.require(permission)?;
        if scope.sites(permission).is_none() {
            return Ok(());
        }
        let found = self.store().read(|r| load_any(r, scope.org(), kind, &[id]))?;
        match found.first() {
            Some(entity) => self.check_visible(scope, entity),
            None => Err(AppError::NotFound(kind.word())),
        }
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
