//! Finding people.

use std::collections::BTreeSet;

use muster_domain::claims;
use muster_domain::field::EntityKind;
use muster_domain::ids::{ConnectionId, UserId};
use muster_domain::organization::{Connection, Device, Mailbox};
use muster_domain::permission::Permission;
use muster_domain::types::fold;
use muster_domain::user::{Record, User};
use muster_store::{Page, Reader, UserQuery};
use smol_str::SmolStr;

use crate::phones::Presence;
use crate::{App, AppError, Scope};

/// What a person is called where a command names one: a username, an extension, an email or an id.
pub type Who = str;

/// Somebody in the contact list, with how they can be reached now.
#[derive(Clone, Debug)]
pub struct Contact {
    pub user: User,
    /// `None` of a moment that has been: nobody writes presence down.
    pub presence: Option<Presence>,
}

impl App {
    pub fn users(&self, scope: &Scope, query: &UserQuery) -> Result<Page<User>, AppError> {
        self.people(scope, Permission::PeopleRead, query)
    }

    /// Of those for whom a permission is held.
    fn people(
        &self,
        scope: &Scope,
        permission: Permission,
        query: &UserQuery,
    ) -> Result<Page<User>, AppError> {
        scope.require(permission)?;
        let query = scope.narrowed(EntityKind::User, permission, query.clone());
        self.read_in(scope, &[EntityKind::User], |r, as_of| {
            Ok(Page { as_of, ..r.users(scope.org(), &query)? })
        })
    }

    pub fn user(&self, scope: &Scope, id: UserId) -> Result<User, AppError> {
        scope.require(Permission::PeopleRead)?;
        let user = self.one_in::<User>(scope, id.0)?.ok_or(AppError::NotFound("user"))?;
        scope.sees(Permission::PeopleRead, &user)?;
        Ok(user)
    }

    /// The one user whom this names. More than one is refused, so that nobody activates the wrong person.
    pub fn find_user(&self, scope: &Scope, who: &Who) -> Result<User, AppError> {
        scope.require(Permission::PeopleRead)?;
        let kinds = [EntityKind::User, EntityKind::Device, EntityKind::Connection];
        self.read_in(scope, &kinds, |r, _| find(r, scope, who))
    }

    /// Everybody who is not trashed, activated or not: what each person sees on their phone.
    pub fn contacts(&self, scope: &Scope, query: &UserQuery) -> Result<Page<Contact>, AppError> {
        let page = self.people(scope, Permission::ContactsRead, query)?;
        let org = scope.org();
        let now = scope.past.is_none();
        let contact =
            |user: User| Contact { presence: now.then(|| self.phones().presence(org, user.id)), user };
        let Page { items, next, total, as_of } = page;
        Ok(Page { items: items.into_iter().map(contact).collect(), next, total, as_of })
    }

    pub fn devices(&self, scope: &Scope) -> Result<Vec<Device>, AppError> {
        scope.require_whole(Permission::PhonesRead)?;
        self.store().read(|r| r.all::<Device>(scope.org()).map_err(AppError::from))
    }

    pub fn mailboxes(&self, scope: &Scope) -> Result<Vec<Mailbox>, AppError> {
        scope.require_whole(Permission::PhonesRead)?;
        self.store().read(|r| r.all::<Mailbox>(scope.org()).map_err(AppError::from))
    }
}

fn find(r: &mut Reader, scope: &Scope, who: &Who) -> Result<User, AppError> {
    let org = scope.org();
    if let Ok(id) = who.parse::<UserId>() {
        let user = r.get::<User>(org, id.0)?.ok_or(AppError::NotFound("user"))?;
        scope.sees(Permission::PeopleRead, &user)?;
        return Ok(user);
    }
    let mut found: BTreeSet<UserId> = BTreeSet::new();
    let key = SmolStr::from(fold(who));
    for (_, _, holder) in r.claimed(org, claims::AUTH_SPACE, std::slice::from_ref(&key))? {
        found.insert(UserId(holder));
    }
    let connections: Vec<ConnectionId> = r.all::<Connection>(org)?.iter().map(|c| c.id).collect();
    for connection in connections {
        for (_, _, holder) in
            r.claimed(org, &claims::extension_space(connection), std::slice::from_ref(&key))?
        {
            found.insert(UserId(holder));
        }
    }
    for (_, holder) in r.emails(org, std::slice::from_ref(&key))? {
        found.insert(holder);
    }
    // A device's auth name is claimed in the same space; it names no user.
    let ids: Vec<_> = found.into_iter().map(|id| id.0).collect();
    let mut users = r.get_many::<User>(org, &ids)?;
    users.retain(|u| u.record == Record::Live && scope.sees(Permission::PeopleRead, u).is_ok());
    match users.len() {
        0 => Err(AppError::NotFound("user")),
        1 => Ok(users.swap_remove(0)),
        n => Err(AppError::invalid(
            "who",
            format!("{who} names {n} people"),
            "name the one you mean by username or id",
        )),
    }
}
