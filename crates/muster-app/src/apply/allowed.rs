//! Whether whoever asks may make a change: asked of every single one, so that a form, a file, an undo and going
//! back to a moment are all held to the same.
//!
//! Beside the permissions: nobody touches people of sites that are not theirs, nobody gives or takes more than
//! they hold, no role is left that is not there, and somebody who may administer the organization remains.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use muster_domain::change::{EntityChange, Op, Refusal};
use muster_domain::field::EntityKind;
use muster_domain::grants::Grants;
use muster_domain::ids::{OrgId, SiteId};
use muster_domain::permission::Permission;
use muster_domain::roles::{RoleBook, USER, entries_in, field_of_roles};
use muster_domain::types::Name;
use muster_domain::user::{Record, Service, User};
use muster_domain::value::Value;
use muster_store::{AnyEntity, Reader};
use smol_str::SmolStr;
use uuid::Uuid;

use super::Session;
use super::needs::{needs, subjects};
use crate::{AppError, Scope};

/// On whose behalf a session changes things.
#[derive(Clone, Debug)]
pub(crate) struct By {
    pub actor: Uuid,
    /// `None`: nothing that happens in the organization needs to be held against what they may do.
    grants: Option<Arc<Grants>>,
}

impl By {
    /// The program itself, or somebody whose right to the whole of it has been asked for already.
    pub fn unbounded(actor: Uuid) -> By {
        By { actor, grants: None }
    }

    pub fn of(scope: &Scope) -> By {
        let grants = (!scope.is_unbounded()).then(|| Arc::new(scope.grants.clone()));
        By { actor: scope.actor, grants }
    }

    /// Whoever asked for work that is done later, as they are now.
    pub fn asker(r: &mut Reader, org: OrgId, actor: Uuid, needs: Permission) -> Result<By, AppError> {
        if actor.is_nil() {
            return Ok(By::unbounded(actor));
        }
        let grants = crate::roles::grants_of_actor(r, org, actor)?;
        if !grants.has_somewhere(needs) {
            return Err(AppError::NotPermitted(needs));
        }
        let grants = (!grants.administers()).then(|| Arc::new(grants));
        Ok(By { actor, grants })
    }

    pub fn grants(&self) -> Option<&Grants> {
        self.grants.as_deref()
    }
}

/// What a session knows of rights and roles.
#[derive(Default)]
pub(super) struct Rights {
    /// What is done follows from what was allowed.
    follows: bool,
    book: Option<RoleBook>,
    /// People that this session has touched, as they are by now.
    people: HashMap<Uuid, Person>,
    /// Entries that somebody has now and had not.
    brought: BTreeSet<SmolStr>,
    /// Roles that are not there any more.
    gone: Vec<SmolStr>,
    gone_sites: Vec<Uuid>,
    lost: Administrators,
}

/// Where somebody is, and what they hold. Nobody is at no site.
#[derive(Clone, Debug, Default)]
struct Person {
    site: Option<SiteId>,
    roles: Vec<Name>,
}

impl Person {
    fn of(user: &User) -> Person {
        Person { site: user.site, roles: user.roles.clone() }
    }
}

/// Whether there are people who may administer the organization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Administrators {
    /// Who are not disabled.
    any: bool,
    /// Who may sign in.
    enabled: bool,
}

/// What opens the door to being somebody, or decides what they may do and where.
const OF_ONESELF_OR_ABOVE: [&str; 7] =
    ["roles", "email", "sip_secret", "on_call_pin", "voicemail_pin", "record", "site"];

/// People looked at in one page.
const PAGE: usize = 500;

impl Session<'_> {
    /// Does what follows from something that was allowed: the roles of those who held one that is removed.
    pub fn as_consequence<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, AppError>,
    ) -> Result<T, AppError> {
        let followed = std::mem::replace(&mut self.rights.follows, true);
        let result = work(self);
        self.rights.follows = followed;
        result
    }

    /// The roles that there are, as they are stored.
    pub fn role_book(&mut self) -> Result<&RoleBook, AppError> {
        if self.rights.book.is_none() {
            self.flush()?;
            self.rights.book = Some(crate::roles::role_book(self.tx, self.org)?);
        }
        self.rights.book.as_ref().ok_or(AppError::NotFound("role"))
    }

    /// Roles as a person or a file writes them become what is kept.
    pub fn settle_roles(&mut self, roles: &mut Vec<Name>, before: &[Name]) -> Result<(), AppError> {
        if roles.as_slice() == before {
            return Ok(());
        }
        let canonical = self.role_book()?.canonical(roles, before);
        *roles = canonical.map_err(|reason| AppError::invalid("roles", reason.reason, reason.mend))?;
        Ok(())
    }

    pub(super) fn check_allowed(
        &mut self,
        before: Option<&AnyEntity>,
        after: Option<&AnyEntity>,
        c: &EntityChange,
    ) -> Result<(), AppError> {
        self.note_roles(before, after, c)?;
        let Some(grants) = self.by.grants.clone() else { return Ok(()) };
        if !self.rights.follows {
            let people = self.people_of(before, after)?;
            check_needs(&grants, before, after, c, &people)?;
            self.check_above(&grants, before.is_some(), c, &people)?;
        }
        if let Some(user) = after.and_then(AnyEntity::as_user) {
            self.rights.people.insert(user.id.0, Person::of(user));
        }
        for entity in [before, after].into_iter().flatten() {
            if let AnyEntity::Role(role) = entity {
                nobody_gives_more(&grants, &Grants::whole(role.set()), "this role lets its holders do")?;
            }
        }
        Ok(())
    }

    /// The site and the roles of the people that a change is about, as they were and as they will be. Nobody's
    /// is one without a site.
    fn people_of(
        &mut self,
        before: Option<&AnyEntity>,
        after: Option<&AnyEntity>,
    ) -> Result<Vec<Person>, AppError> {
        let mut people = Vec::new();
        for entity in [before, after].into_iter().flatten() {
            if let Some(user) = entity.as_user() {
                people.push(Person::of(user));
                continue;
            }
            let Some(field) = subjects(entity.kind()) else { continue };
            let named = entity.value(field).as_ref().and_then(Value::as_id);
            people.push(match named {
                None => Person::default(),
                Some(id) => self.person(id)?,
            });
        }
        if people.is_empty() {
            people.push(Person::default());
        }
        Ok(people)
    }

    fn person(&mut self, id: Uuid) -> Result<Person, AppError> {
        if let Some(known) = self.rights.people.get(&id) {
            return Ok(known.clone());
        }
        let user = self.tx.get::<User>(self.org, id)?;
        Ok(user.as_ref().map_or_else(Person::default, Person::of))
    }

    /// Nobody becomes somebody who holds more, by their email, their secrets or their roles.
    fn check_above(
        &mut self,
        grants: &Grants,
        was_there: bool,
        c: &EntityChange,
        people: &[Person],
    ) -> Result<(), AppError> {
        // A device is not its holder: whoever looks after phones sets up everybody's.
        // What lets somebody sign in is theirs from the first.
        let lets_in = match c.kind {
            EntityKind::User | EntityKind::Mailbox => false,
            EntityKind::SignIn => true,
            EntityKind::Invite => c.op == Op::Create,
            _ => return Ok(()),
        };
        let opens = c.op == Op::Remove || c.fields.iter().any(|f| OF_ONESELF_OR_ABOVE.contains(&f.field));
        let changes_service = c.kind == EntityKind::User && c.fields.iter().any(|f| f.field == "service");
        let is_asked = lets_in || (was_there && (opens || changes_service));
        let Some(person) = people.first().filter(|_| is_asked) else {
            return Ok(());
        };
        let held = self.role_book()?.grants_of(&person.roles);
        nobody_gives_more(grants, &held, "this is about somebody who holds")
    }

    /// Keeps in mind what is looked at at the end: roles that are new to somebody, roles and sites that are
    /// gone, administrators who are none any more.
    fn note_roles(
        &mut self,
        before: Option<&AnyEntity>,
        after: Option<&AnyEntity>,
        c: &EntityChange,
    ) -> Result<(), AppError> {
        if let Some(field) = field_of_roles(c.kind) {
            let entries = |entity: Option<&AnyEntity>| {
                entity.and_then(|entity| entity.value(field)).map_or(Vec::new(), |v| entries_in(&v))
            };
            let (had, has) = (entries(before), entries(after));
            let new = has.into_iter().filter(|entry| entry != USER && !had.contains(entry));
            self.rights.brought.extend(new);
        }
        match c.kind {
            EntityKind::User => {
                let users = (before.and_then(AnyEntity::as_user), after.and_then(AnyEntity::as_user));
                let (was, is) = (self.administers(users.0)?, self.administers(users.1)?);
                self.rights.lost.any |= was.any && !is.any;
                self.rights.lost.enabled |= was.enabled && !is.enabled;
            }
            EntityKind::Role => {
                if let Some(AnyEntity::Role(role)) = before
                    && role.set().has(Permission::RolesEdit)
                {
                    let there = self.administrators()?;
                    self.rights.lost.any |= there.any;
                    self.rights.lost.enabled |= there.enabled;
                }
                if let (Some(AnyEntity::Role(role)), None) = (before, after) {
                    self.rights.gone.push(role.name.to_smol());
                }
                self.rights.book = None;
            }
            EntityKind::Site => {
                if c.op == Op::Remove {
                    self.rights.gone_sites.push(c.id);
                }
                self.rights.book = None;
            }
            _ => {}
        }
        Ok(())
    }

    /// What somebody is among the administrators.
    fn administers(&mut self, user: Option<&User>) -> Result<Administrators, AppError> {
        let plain = |roles: &[Name]| matches!(roles, [only] if only.as_str() == USER) || roles.is_empty();
        let Some(user) = user.filter(|user| user.record == Record::Live && !plain(&user.roles)) else {
            return Ok(Administrators::default());
        };
        let any = self.role_book()?.grants_of(&user.roles).administers()
            && !matches!(user.service, Service::Disabled | Service::Frozen);
        Ok(Administrators { any, enabled: any && user.service == Service::Enabled })
    }

    /// Whether there are any, as far as it has been handed to the store.
    fn administrators(&mut self) -> Result<Administrators, AppError> {
        let book = self.role_book()?;
        let opens = |role: &&str| book.permissions(role).is_some_and(|p| p.has(Permission::RolesEdit));
        let built_in = muster_domain::roles::BUILT_IN.iter().map(|role| role.word);
        let names: Vec<SmolStr> = built_in
            .chain(book.own().iter().map(|role| role.name.as_str()))
            .filter(opens)
            .map(SmolStr::from)
            .collect();
        let mut there = Administrators::default();
        for name in names {
            let mut after = None;
            loop {
                let (users, next) = self.tx.people_with_role(self.org, &name, after, PAGE)?;
                for user in &users {
                    let of_one = self.administers(Some(user))?;
                    there.any |= of_one.any;
                    there.enabled |= of_one.enabled;
                }
                after = next;
                if after.is_none() || there.enabled {
                    break;
                }
            }
        }
        Ok(there)
    }

    /// Asked at the end, when everything that goes together has been done.
    pub(super) fn check_roles(&mut self) -> Result<(), AppError> {
        self.check_gone_roles()?;
        let brought = std::mem::take(&mut self.rights.brought);
        for entry in &brought {
            self.check_brought(entry)?;
        }
        let lost = std::mem::take(&mut self.rights.lost);
        if lost == Administrators::default() {
            return Ok(());
        }
        let there = self.administrators()?;
        if (lost.any && !there.any) || (lost.enabled && !there.enabled) {
            let why = "the last user who may administer the organization stays one: give somebody who is \
                       enabled the role administrator first";
            return Err(Refusal::NotAllowed(why.into()).into());
        }
        Ok(())
    }

    fn check_brought(&mut self, entry: &str) -> Result<(), AppError> {
        let by = self.by.grants.clone();
        let book = self.role_book()?;
        let found = book.resolve(entry).and_then(|held| match held.to_string() == entry {
            true => Ok(()),
            false => Err(muster_domain::value::Reason::new(
                format!("`{entry:.80}` is not as it is kept"),
                format!("write {held}"),
            )),
        });
        found.map_err(|reason| AppError::invalid("roles", reason.reason, reason.mend))?;
        let given = book.grants([entry]);
        match by {
            None => Ok(()),
            Some(grants) => nobody_gives_more(&grants, &given, "the role would let them do"),
        }
    }

    /// A role that somebody holds is not removed, and no site that a role is held for.
    fn check_gone_roles(&mut self) -> Result<(), AppError> {
        for name in std::mem::take(&mut self.rights.gone) {
            if self.role_book()?.permissions(&name).is_some() {
                continue;
            }
            let mut count = 0;
            let mut after = None;
            loop {
                let (users, next) = self.tx.people_with_role(self.org, &name, after, PAGE)?;
                count += users.len() as u64;
                after = next;
                if after.is_none() {
                    break;
                }
            }
            if count > 0 {
                return Err(Refusal::InUse { by: EntityKind::User, count }.into());
            }
            self.check_tokens(|held| held.role == name)?;
        }
        for site in std::mem::take(&mut self.rights.gone_sites) {
            self.check_tokens(|held| held.site == Some(SiteId(site)))?;
        }
        Ok(())
    }

    fn check_tokens(
        &mut self,
        names: impl Fn(&muster_domain::roles::HeldRole) -> bool,
    ) -> Result<(), AppError> {
        let tokens = crate::roles::tokens_that(self.tx, self.org, names)?;
        match tokens.len() as u64 {
            0 => Ok(()),
            count => Err(Refusal::InUse { by: EntityKind::Token, count }.into()),
        }
    }
}

fn check_needs(
    grants: &Grants,
    before: Option<&AnyEntity>,
    after: Option<&AnyEntity>,
    c: &EntityChange,
    people: &[Person],
) -> Result<(), AppError> {
    if let Some(user) = before.and_then(AnyEntity::as_user)
        && !grants.has_at(Permission::PeopleRead, user.site)
    {
        return Err(AppError::NotFound("user"));
    }
    for any_of in needs(before, after, c) {
        for Person { site, .. } in people {
            if any_of.iter().any(|permission| grants.has_at(*permission, *site)) {
                continue;
            }
            let held = any_of.iter().find(|permission| grants.has_somewhere(**permission));
            let first = any_of.first().copied().unwrap_or(Permission::OrganizationEdit);
            return Err(held.map_or(AppError::NotPermitted(first), |held| AppError::NotPermittedHere(*held)));
        }
    }
    Ok(())
}

fn nobody_gives_more(grants: &Grants, given: &Grants, what: &'static str) -> Result<(), AppError> {
    let lacks = grants.lacks(given);
    if lacks.is_empty() { Ok(()) } else { Err(AppError::HoldsLess { what, lacks }) }
}
