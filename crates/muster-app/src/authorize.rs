//! Who asks, and what they may touch: one function, asked by every use case.

use muster_domain::ids::{OrgId, TokenId};
use muster_domain::organization::{Organization, Token, TokenRole};
use muster_domain::permission::{Permission, permits};
use muster_domain::user::Record;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{App, AppError, OPERATOR_SLUG};

/// Who asks.
#[derive(Clone, Debug)]
pub struct Actor {
    pub token: TokenId,
    pub role: TokenRole,
    /// The organization whose token it is; an operator's is [`crate::OPERATOR_SLUG`].
    pub home: OrgId,
}

/// The right to do one thing in one organization. Only [`App::authorize`] makes these, and every query
/// of a use case takes its organization from here.
#[derive(Clone, Debug)]
pub struct Scope {
    pub(crate) organization: Organization,
    pub(crate) actor: Uuid,
    pub(crate) role: TokenRole,
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

    pub fn org(&self) -> OrgId {
        self.organization.org
    }

    pub fn organization(&self) -> &Organization {
        &self.organization
    }

    pub(crate) fn require(&self, permission: Permission) -> Result<(), AppError> {
        if permits(self.role, permission) { Ok(()) } else { Err(AppError::NotPermitted(permission)) }
    }
}

impl App {
    /// The actor that a bearer token stands for.
    pub fn authenticate(&self, bearer: &str) -> Result<Actor, AppError> {
        let hash = token_hash(bearer);
        let now = self.now();
        let found = self.store().read(|r| r.token_by_hash(&hash).map_err(AppError::from))?;
        // An operator's token is one of the operator's organization: a role that was written into another's
        // row by hand opens nothing.
        let genuine =
            |t: &Token, o: &Organization| t.role != TokenRole::Operator || o.slug.as_str() == OPERATOR_SLUG;
        let (token, _) = found
            .filter(|(t, o)| {
                genuine(t, o) && t.record == Record::Live && t.expires_at.is_none_or(|at| at > now)
            })
            .ok_or(AppError::NotAuthenticated)?;
        Ok(Actor { token: token.id, role: token.role, home: token.org })
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
        let found = self.store().read(|r| match organization.parse::<OrgId>() {
            Ok(id) => r.organization(id).map_err(AppError::from),
            Err(_) => r.organization_by_slug(organization).map_err(AppError::from),
        })?;
        let organization = found
            .filter(|o| actor.role == TokenRole::Operator || o.id == actor.home)
            .ok_or(AppError::NotFound("organization"))?;
        if !permits(actor.role, permission) {
            return Err(AppError::NotPermitted(permission));
        }
        Ok(Scope { organization, actor: actor.token.0, role: actor.role, once: None, past: None })
    }

    /// The operator's organization for anybody who has signed in, to read what is on offer there and no more.
    pub fn authorize_offers(&self, actor: &Actor) -> Result<Scope, AppError> {
        let found = self.store().read(|r| r.organization_by_slug(OPERATOR_SLUG).map_err(AppError::from))?;
        let organization = found.ok_or(AppError::NotFound("organization"))?;
        Ok(Scope { organization, actor: actor.token.0, role: TokenRole::Reader, once: None, past: None })
    }

    /// The scope of the installation itself: its organizations, and the operator's own change log.
    pub fn authorize_operator(&self, actor: &Actor) -> Result<Scope, AppError> {
        if !permits(actor.role, Permission::ManageOrganizations) {
            return Err(AppError::NotPermitted(Permission::ManageOrganizations));
        }
        self.authorize(actor, &actor.home.to_string(), Permission::ManageOrganizations)
    }
}

/// SHA-256, hexadecimal: tokens are 256 random bits, so a plain hash is enough to keep them by.
pub(crate) fn token_hash(bearer: &str) -> String {
    hex::encode(Sha256::digest(bearer.as_bytes()))
}
