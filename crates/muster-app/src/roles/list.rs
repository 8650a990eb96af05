//! The roles that there are, what they let somebody do, and who holds them.

use muster_domain::grants::Extent;
use muster_domain::ids::{RoleId, SiteId, UserId};
use muster_domain::permission::{Permission, PermissionSet};
use muster_domain::roles::{BUILT_IN, BuiltIn, HeldRole, OPERATOR, Role, RoleBook, entries_in};
use muster_domain::types::{FieldValue, fold};
use muster_domain::user::{Record, User};
use muster_store::Reader;
use smol_str::SmolStr;
use uuid::Uuid;

use super::{role_book, tokens_that};
use crate::{App, AppError, Scope};

/// A role as it is told.
#[derive(Clone, Debug)]
pub struct RoleView {
    /// The word of a built-in role, or the name of an own one: what people hold it by.
    pub name: SmolStr,
    pub label: SmolStr,
    pub description: String,
    pub permissions: PermissionSet,
    /// `None` of a built-in role.
    pub own: Option<Role>,
    /// What it has more and less than the built-in role that it began as.
    pub more: PermissionSet,
    pub less: PermissionSet,
    /// People who are not trashed, and tokens, that hold it, for the whole organization or for sites.
    pub people: u64,
    pub tokens: u64,
}

impl RoleView {
    pub fn id(&self) -> Option<RoleId> {
        self.own.as_ref().map(|role| role.id)
    }
}

/// Somebody who holds a role.
#[derive(Clone, Debug)]
pub struct Holder {
    pub user: User,
    /// The sites that they hold it for; `None`: the whole organization.
    pub sites: Option<Vec<SiteId>>,
}

/// Holders looked at in one page.
const PAGE: usize = 500;

impl App {
    /// The built-in roles, then the organization's own by their names.
    pub fn roles(&self, scope: &Scope) -> Result<Vec<RoleView>, AppError> {
        scope.require(Permission::RolesRead)?;
        self.store().read(|r| views(r, scope))
    }

    /// By its word, its name or its id.
    pub fn role(&self, scope: &Scope, which: &str) -> Result<RoleView, AppError> {
        let (id, key) = (Uuid::parse_str(which.trim()).ok(), fold(which));
        let built_in = BuiltIn::find(which).map(|role| role.word);
        let is = |view: &RoleView| match &view.own {
            None => Some(view.name.as_str()) == built_in,
            Some(role) => Some(role.id.0) == id || fold(&view.name) == key,
        };
        self.roles(scope)?.into_iter().find(is).ok_or(AppError::NotFound("role"))
    }

    /// Those who hold a role and may be seen, in order of their ids after `after`. Also where to go on.
    pub fn holders(
        &self,
        scope: &Scope,
        role: &str,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<Holder>, Option<UserId>), AppError> {
        scope.require(Permission::RolesRead)?;
        scope.require(Permission::PeopleRead)?;
        self.store().read(|r| {
            let (mut holders, mut after) = (Vec::new(), after);
            loop {
                let wanted = (limit - holders.len()).clamp(1, PAGE);
                let (users, next) = r.people_with_role(scope.org(), role, after, wanted)?;
                let seen = users.into_iter().filter(|user| {
                    user.record == Record::Live && scope.grants.has_at(Permission::PeopleRead, user.site)
                });
                holders.extend(seen.map(|user| holder(user, role)));
                after = next;
                if after.is_none() || holders.len() >= limit {
                    return Ok((holders, after));
                }
            }
        })
    }

    /// The catalogue, with where whoever asks holds each.
    pub fn permissions(&self, scope: &Scope) -> Vec<(Permission, Extent)> {
        let known = Permission::ALL.iter().copied();
        known.map(|permission| (permission, scope.grants.extent(permission))).collect()
    }
}

fn holder(user: User, role: &str) -> Holder {
    let held = user.roles.iter().map(|entry| HeldRole::parse(entry.as_str()));
    let sites: Vec<Option<SiteId>> = held.filter(|held| held.role == role).map(|held| held.site).collect();
    // With the whole, sites are nothing more.
    let sites: Option<Vec<SiteId>> = sites.into_iter().collect();
    Holder { user, sites }
}

fn views(r: &mut Reader, scope: &Scope) -> Result<Vec<RoleView>, AppError> {
    let book = role_book(r, scope.org())?;
    let people = r.role_counts(scope.org())?;
    let tokens = tokens_that(r, scope.org(), |_| true)?;
    let holds =
        |entries: &[SmolStr], role: &str| entries.iter().any(|entry| HeldRole::parse(entry).role == role);
    let counted = |role: &str| {
        let people = people.iter().filter(|(entries, _)| holds(entries, role)).map(|(_, count)| count).sum();
        let of_tokens = tokens.iter().map(|token| entries_in(&token.role.to_value()));
        (people, of_tokens.filter(|entries| holds(entries, role)).count() as u64)
    };
    let mut views: Vec<RoleView> =
        built_in(&book).map(|role| of_built_in(role, counted(role.word))).collect();
    let mut own: Vec<&Role> = book.own().iter().collect();
    own.sort_by_key(|role| fold(role.name.as_str()));
    views.extend(own.into_iter().map(|role| of_own(role, counted(role.name.as_str()))));
    Ok(views)
}

fn built_in(book: &RoleBook) -> impl Iterator<Item = &'static BuiltIn> {
    let of_operator = book.of_operator();
    BUILT_IN.iter().filter(move |role| of_operator || role.word != OPERATOR)
}

fn of_built_in(role: &BuiltIn, (people, tokens): (u64, u64)) -> RoleView {
    RoleView {
        name: role.word.into(),
        label: role.label.into(),
        description: role.help.to_string(),
        permissions: role.permissions(),
        own: None,
        more: PermissionSet::NONE,
        less: PermissionSet::NONE,
        people,
        tokens,
    }
}

fn of_own(role: &Role, (people, tokens): (u64, u64)) -> RoleView {
    let permissions = role.set();
    let from = role.based_on.as_ref().and_then(|name| BuiltIn::find(name.as_str()));
    let original = from.map_or(permissions, BuiltIn::permissions);
    RoleView {
        name: role.name.to_smol(),
        label: role.name.to_smol(),
        description: role.description.as_ref().map(ToString::to_string).unwrap_or_default(),
        permissions,
        more: permissions.without(original),
        less: original.without(permissions),
        own: Some(role.clone()),
        people,
        tokens,
    }
}
