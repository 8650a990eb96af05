//! Who asks, and what they may touch: one function, asked by every use case.

use muster_domain::field::EntityKind;
use muster_domain::grants::{Extent, Grants};
use muster_domain::ids::{OrgId, SiteId};
use muster_domain::organization::{Organization, Token};
use muster_domain::permission::{Permission, PermissionSet};
use muster_domain::user::{Record, User};
use muster_store::{Filter, Op, Query, Term};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{App, AppError, OPERATOR_SLUG};

/// Who asks: a token, or a person who has signed in.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The token's id or the person's: what the change log names.
    pub id: Uuid,
    /// The organization whose token or person it is; an operator's is [`crate::OPERATOR_SLUG`].
    pub home: OrgId,
    pub grants: Grants,
}

/// The right to do things in one organization. Only [`App::authorize`] makes these, and every query
/// of a use case takes its organization from here.
#[derive(Clone, Debug)]
pub struct Scope {
    pub(crate) organization: Organization,
    pub(crate) actor: Uuid,
    pub(crate) grants: Grants,
    pub(crate) once: Option<Once>,
    /// What is read is as it was after this change; nothing is written then.
    pub(crate) past: Option<u64>,
}

/// A request that must have one effect, however often it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Once {
    pub key: String,
    pub request_hash: [u8; 32],
}

impl Scope {
    /// Ties what is done with this scope to an idempotency key: the first request with the key is
    /// carried out, the same one again gets its answer, another one is refused.
    pub fn once(mut self, key: &str, request: &[u8]) -> Scope {
        self.once = Some(Once { key: key.to_string(), request_hash: Sha256::digest(request).into() });
        self
    }

    /// Whether what is done with this scope is tied to an idempotency key.
    pub fn is_once(&self) -> bool {
        self.once.is_some()
    }

    pub fn org(&self) -> OrgId {
        self.organization.org
    }

    pub fn organization(&self) -> &Organization {
        &self.organization
    }

    /// What whoever asks may do here.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// Held in the whole organization, or for some of its sites: of which, is asked of each thing.
    pub(crate) fn require(&self, permission: Permission) -> Result<(), AppError> {
        match self.grants.has_somewhere(permission) {
            true => Ok(()),
            false => Err(AppError::NotPermitted(permission)),
        }
    }

    /// Held in the whole organization.
    pub(crate) fn require_whole(&self, permission: Permission) -> Result<(), AppError> {
        self.require(permission)?;
        if self.grants.has(permission) { Ok(()) } else { Err(AppError::NotPermittedHere(permission)) }
    }

    /// What seeing a kind of thing needs: whoever draws orders up sees them, without the invoices.
    pub(crate) fn to_read(&self, kind: EntityKind) -> Permission {
        let permission = Permission::to_read(kind);
        match kind {
            EntityKind::Order | EntityKind::OrderItem if !self.grants.has(permission) => {
                Permission::OrdersRequest
            }
            _ => permission,
        }
    }

    /// A person may be seen. One who may not is not found, whether they are there or not.
    pub(crate) fn sees(&self, permission: Permission, user: &User) -> Result<(), AppError> {
        match self.grants.has_at(permission, user.site) {
            true => Ok(()),
            false => Err(AppError::NotFound("user")),
        }
    }

    /// The sites whose people may be seen; `None`: everybody.
    pub(crate) fn sites(&self, permission: Permission) -> Option<Vec<SiteId>> {
        match self.grants.extent(permission) {
            Extent::Everybody => None,
            Extent::Sites(sites) => Some(sites),
            Extent::Nobody => Some(Vec::new()),
        }
    }

    /// A query of what whoever asks may see of a kind.
    pub(crate) fn narrowed(&self, kind: EntityKind, permission: Permission, mut query: Query) -> Query {
        let Some(sites) = self.sites(permission) else { return query };
        let (field, op) = match kind {
            EntityKind::User => ("site", Op::OneOf),
            EntityKind::Site => ("id", Op::OneOf),
            EntityKind::Device | EntityKind::PhoneNumber | EntityKind::SignIn | EntityKind::Invite => {
                ("user", Op::SomebodyAt)
            }
            EntityKind::Mailbox => ("owner", Op::SomebodyAt),
            // What waits for somebody is everybody's to see.
            EntityKind::UnassignedExtension | EntityKind::PortOrder => ("user", Op::NobodyOrSomebodyAt),
            // A private one says where somebody lives.
            EntityKind::EmergencyLocation => ("owner", Op::NobodyOrSomebodyAt),
            // What has no site is seen by whoever may see such things at all.
            _ => return query,
        };
        let value = sites.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        query.filter.push(Term { field: field.into(), op, value });
        query
    }

    /// The same of a filter alone.
    pub(crate) fn narrowed_filter(&self, kind: EntityKind, permission: Permission, filter: Filter) -> Filter {
        self.narrowed(kind, permission, Query { filter, ..Query::default() }).filter
    }
}

impl App {
    /// The actor that a bearer token stands for: a program's, or that of somebody who has signed in.
    pub fn authenticate(&self, bearer: &str) -> Result<Actor, AppError> {
        if bearer.starts_with(crate::signing::SESSION_PREFIX) {
            return self.session_actor(bearer);
        }
        let hash = token_hash(bearer);
        let now = self.now();
        self.store().read(|r| {
            let found = r.token_by_hash(&hash)?;
            let good =
                |t: &Token| t.record == Record::Live && t.expires_at.is_none_or(|expires| expires > now);
            let (token, organization) =
                found.filter(|(token, _)| good(token)).ok_or(AppError::NotAuthenticated)?;
            // An operator's token is one of the operator's organization: a role that was written into
            // another's row by hand opens nothing.
            let grants = crate::roles::grants_of_token(r, &organization, &token)?;
            Ok(Actor { id: token.id.0, home: organization.id, grants })
        })
    }

    /// The scope of one organization, named by slug or id, for one permission.
    ///
    /// An organization of somebody else's is not found, whether it exists or not.
    pub fn authorize(
        &self,
        actor: &Actor,
        organization: &str,
        permission: Permission,
    ) -> Result<Scope, AppError> {
        let scope = self.enter(actor, organization)?;
        scope.require(permission)?;
        Ok(scope)
    }

    /// The scope of one organization for what everybody in it may do; every use case asks for what it needs.
    pub fn enter(&self, actor: &Actor, organization: &str) -> Result<Scope, AppError> {
        let found = self.store().read(|r| match organization.parse::<OrgId>() {
            Ok(id) => r.organization(id).map_err(AppError::from),
            Err(_) => r.organization_by_slug(organization).map_err(AppError::from),
        })?;
        let everywhere = actor.grants.has(Permission::OrganizationsManage);
        let organization =
            found.filter(|o| everywhere || o.id == actor.home).ok_or(AppError::NotFound("organization"))?;
        let grants = actor.grants.clone();
        Ok(Scope { organization, actor: actor.id, grants, once: None, past: None })
    }

    /// The operator's organization for anybody who has signed in, to read what is on offer there and no more.
    pub fn authorize_offers(&self, actor: &Actor) -> Result<Scope, AppError> {
        let found = self.store().read(|r| r.organization_by_slug(OPERATOR_SLUG).map_err(AppError::from))?;
        let organization = found.ok_or(AppError::NotFound("organization"))?;
        let mut held = PermissionSet::of(&[Permission::BillingRead]);
        if actor.grants.has(Permission::CatalogueEdit) {
            held = held.with(PermissionSet::of(&[Permission::CatalogueEdit]));
        }
        Ok(Scope { organization, actor: actor.id, grants: Grants::whole(held), once: None, past: None })
    }

    /// The scope of the installation itself: its organizations, and the operator's own change log.
    pub fn authorize_operator(&self, actor: &Actor) -> Result<Scope, AppError> {
        self.authorize_installation(actor, Permission::OrganizationsManage)
    }

    /// Likewise, for one of the permissions that reach the installation.
    pub fn authorize_installation(&self, actor: &Actor, permission: Permission) -> Result<Scope, AppError> {
        if !actor.grants.has(permission) {
            return Err(AppError::NotPermitted(permission));
        }
        self.authorize(actor, &actor.home.to_string(), permission)
    }
}

impl Scope {
    /// Whether nothing that happens in the organization needs to be held against these grants.
    pub(crate) fn is_unbounded(&self) -> bool {
        match self.organization.slug.as_str() {
            OPERATOR_SLUG => self.grants == Grants::all(),
            _ => self.grants.administers(),
        }
    }
}

/// SHA-256, hexadecimal: tokens are 256 random bits, so a plain hash is enough to keep them by.
pub(crate) fn token_hash(bearer: &str) -> String {
    hex::encode(Sha256::digest(bearer.as_bytes()))
}
