//! Roles: what there are, who holds them, giving them, and an organization's own.

mod assign;
mod edit;
mod list;

pub use assign::{Assigned, RoleChange, Whom};
pub use edit::{NewRole, RemovedRole};
pub use list::{Holder, RoleView};

use muster_domain::grants::Grants;
use muster_domain::ids::OrgId;
use muster_domain::organization::{Organization, Site, Token};
use muster_domain::roles::{BuiltIn, HeldRole, Role, RoleBook, entries_in};
use muster_domain::types::{FieldValue, Name};
use muster_domain::user::{Record, Service, User};
use muster_store::Reader;
use smol_str::SmolStr;
use uuid::Uuid;

use crate::{App, AppError, OPERATOR_SLUG};

impl App {
    /// What somebody with these roles may do in an organization, whether it is a token or a person. Roles that
    /// are not there give nothing.
    pub fn grants_of_roles(&self, org: OrgId, roles: &[Name]) -> Result<Grants, AppError> {
        let entries: Vec<SmolStr> = roles.iter().map(Name::to_smol).collect();
        self.store().read(|r| grants_of_entries(r, org, &entries))
    }
}

/// What the roles of an organization are.
pub(crate) fn role_book(r: &mut Reader, org: OrgId) -> Result<RoleBook, AppError> {
    let of_operator = is_operators(r, org)?;
    let (own, sites) = (r.all::<Role>(org)?, r.all::<Site>(org)?);
    Ok(RoleBook::new(own, &sites, of_operator))
}

fn is_operators(r: &mut Reader, org: OrgId) -> Result<bool, AppError> {
    Ok(r.organization(org)?.is_some_and(|organization| organization.slug.as_str() == OPERATOR_SLUG))
}

pub(crate) fn grants_of_token(
    r: &mut Reader,
    organization: &Organization,
    token: &Token,
) -> Result<Grants, AppError> {
    let entries = entries_in(&token.role.to_value());
    // Asked with every request: built-in roles need no look into the database.
    if entries.iter().all(|entry| is_built_in(entry)) {
        let of_operator = organization.slug.as_str() == OPERATOR_SLUG;
        let book = RoleBook::new(Vec::new(), &[], of_operator);
        return Ok(book.grants(entries.iter().map(SmolStr::as_str)));
    }
    grants_of_entries(r, organization.id, &entries)
}

fn is_built_in(entry: &str) -> bool {
    let role = HeldRole::parse(entry).role;
    BuiltIn::find(&role).is_some_and(|built_in| built_in.word == role)
}

fn grants_of_entries(r: &mut Reader, org: OrgId, entries: &[SmolStr]) -> Result<Grants, AppError> {
    Ok(role_book(r, org)?.grants(entries.iter().map(SmolStr::as_str)))
}

/// What whoever asked for something may do now: a token's or a person's of the organization or of the
/// operator's. Nothing if they are gone.
pub(crate) fn grants_of_actor(r: &mut Reader, org: OrgId, actor: Uuid) -> Result<Grants, AppError> {
    let operator = r.organization_by_slug(OPERATOR_SLUG)?.map(|operator| operator.id);
    for home in [Some(org), operator].into_iter().flatten() {
        let Some(organization) = r.organization(home)? else { continue };
        let grants = match r.get::<Token>(home, actor)? {
            Some(token) if token.record == Record::Live => grants_of_token(r, &organization, &token)?,
            Some(_) => Grants::default(),
            None => match r.get::<User>(home, actor)? {
                Some(user) if may_act(&user) => role_book(r, home)?.grants_of(&user.roles),
                Some(_) => Grants::default(),
                None => continue,
            },
        };
        let enters = home == org || grants.has(muster_domain::permission::Permission::OrganizationsManage);
        return Ok(if enters { grants } else { Grants::default() });
    }
    Ok(Grants::default())
}

fn may_act(user: &User) -> bool {
    user.record == Record::Live && !matches!(user.service, Service::Disabled | Service::Frozen)
}

/// The tokens that are not taken back and have such a role.
pub(crate) fn tokens_that(
    r: &mut Reader,
    org: OrgId,
    names: impl Fn(&HeldRole) -> bool,
) -> Result<Vec<Token>, AppError> {
    let mut tokens = r.all::<Token>(org)?;
    tokens.retain(|token| {
        let entries = entries_in(&token.role.to_value());
        token.record == Record::Live && entries.iter().any(|entry| names(&HeldRole::parse(entry)))
    });
    Ok(tokens)
}
