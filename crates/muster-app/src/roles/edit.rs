//! An organization's own roles: copied from a role that there is, and removed with another in their place.

use muster_domain::change::{Refusal, removal_of};
use muster_domain::field::{Edit, Entity};
use muster_domain::ids::{OrgId, RoleId, UserId};
use muster_domain::organization::Token;
use muster_domain::permission::{Permission, PermissionSet, Reach};
use muster_domain::roles::{BuiltIn, HeldRole, Role, entries_in};
use muster_domain::types::{FieldValue, Name, Text};
use muster_domain::user::User;
use muster_domain::value::Value;
use uuid::Uuid;

use crate::apply::{Allow, Session};
use crate::records::{check_version, set};
use crate::roles::tokens_that;
use crate::{App, AppError, Done, Scope};

/// People rewritten in one page.
const PAGE: usize = 500;

/// A role that begins as a copy.
#[derive(Clone, Debug)]
pub struct NewRole {
    pub name: Name,
    /// A built-in role or one of the organization's own, by its name.
    pub copied_from: String,
    /// In place of those of the role that it is copied from.
    pub permissions: Option<Vec<Name>>,
    pub description: Option<Text>,
}

/// What came of removing a role.
#[derive(Clone, Copy, Debug)]
pub struct RemovedRole {
    pub done: Done,
    /// People who hold the replacement now.
    pub people: u64,
    pub tokens: u64,
}

impl App {
    /// Nobody makes a role that would let its holders do more than they may themselves.
    pub fn create_role(&self, scope: &Scope, new: &NewRole) -> Result<Done, AppError> {
        scope.require(Permission::RolesEdit)?;
        self.change(scope, Allow::default(), |session| {
            let from = session.role_book()?.resolve(&new.copied_from);
            let from = from.map_err(|reason| AppError::invalid("copied_from", reason.reason, reason.mend))?;
            if from.site.is_some() {
                let mend = "leave the site out: it is said where somebody is given the role";
                return Err(AppError::invalid("copied_from", "names a site", mend));
            }
            let copied = copied_permissions(session, &from)?;
            let mut role = Role::blank(scope.org(), Uuid::now_v7());
            role.name = new.name.clone();
            role.based_on = Some(origin(session, &from)?);
            role.description = new.description.clone();
            role.permissions = match &new.permissions {
                Some(permissions) => permissions.clone(),
                None => words(copied),
            };
            session.create(&role)?;
            Ok(role.id.0)
        })
    }

    /// One of the organization's own, by its name or its id; of a built-in one it says that it stays.
    pub fn own_role(&self, scope: &Scope, which: &str) -> Result<Role, AppError> {
        scope.require(Permission::RolesEdit)?;
        refuse_built_in(which)?;
        self.find_record::<Role>(scope, which)
    }

    /// Its permissions and its description; whoever holds it may do from then on what it says.
    pub fn edit_role(
        &self,
        scope: &Scope,
        id: RoleId,
        version: Option<u64>,
        values: &[(&'static str, Value)],
    ) -> Result<Done, AppError> {
        scope.require(Permission::RolesEdit)?;
        self.change(scope, Allow::default(), |session| {
            let before = session.tx.get::<Role>(scope.org(), id.0)?.ok_or(AppError::NotFound("role"))?;
            check_version(&before, version)?;
            let mut after = before.clone();
            set(&mut after, values, |edit| edit == Edit::Free)?;
            session.update(&before, &after)?;
            Ok(id.0)
        })
    }

    /// Whoever holds it holds `replacement` from then on, for the same sites. Without one it is refused while
    /// anybody holds it. All of it is one change set.
    pub fn remove_role(
        &self,
        scope: &Scope,
        id: RoleId,
        replacement: Option<&str>,
    ) -> Result<RemovedRole, AppError> {
        scope.require(Permission::RolesEdit)?;
        let (mut people, mut tokens) = (0, 0);
        let done = self.change(scope, Allow::AS_IT_WAS, |session| {
            (people, tokens) = (0, 0);
            let role = session.tx.get::<Role>(scope.org(), id.0)?.ok_or(AppError::NotFound("role"))?;
            if let Some(replacement) = replacement {
                let other = replacement_of(session, &role, replacement)?;
                (people, tokens) =
                    session.as_consequence(|session| replace(session, scope.org(), &role, &other))?;
            }
            session.apply(vec![removal_of(&role)])?;
            Ok(id.0)
        });
        let done = done.map_err(|error| match error {
            AppError::Refused(Refusal::InUse { by, count }) => {
                let (word, verb) = (by.word(), if count == 1 { "holds" } else { "hold" });
                let mend = "name a role that they hold instead";
                let reason = format!("is missing: {count} {word}(s) {verb} the role");
                AppError::invalid("replacement", reason, mend)
            }
            other => other,
        })?;
        Ok(RemovedRole { done, people, tokens })
    }
}

/// What is copied: never what only the operator can hold.
fn copied_permissions(session: &mut Session<'_>, from: &HeldRole) -> Result<PermissionSet, AppError> {
    let permissions = session.role_book()?.permissions(&from.role).unwrap_or_default();
    let own = PermissionSet::all_of(&[Reach::Organization, Reach::Site, Reach::Own]);
    Ok(permissions.within(own))
}

/// The built-in role that a copy of a copy began as.
fn origin(session: &mut Session<'_>, from: &HeldRole) -> Result<Name, AppError> {
    let own = session.role_book()?.own().iter().find(|role| role.name.as_str() == from.role);
    let name = own.and_then(|role| role.based_on.clone());
    Ok(name.unwrap_or(Name::parse(&from.role).unwrap_or_default()))
}

fn words(permissions: PermissionSet) -> Vec<Name> {
    permissions.iter().filter_map(|permission| Name::parse(permission.word()).ok()).collect()
}

fn replacement_of(session: &mut Session<'_>, role: &Role, text: &str) -> Result<HeldRole, AppError> {
    let other = session.role_book()?.resolve(text);
    let other = other.map_err(|reason| AppError::invalid("replacement", reason.reason, reason.mend))?;
    let wrong = |reason: &str, mend: &str| Err(AppError::invalid("replacement", reason, mend));
    if other.role == role.name.as_str() {
        return wrong("is the role that is removed", "name another");
    }
    if other.site.is_some() {
        return wrong("names a site", "leave it out: everybody holds it where they held the other");
    }
    Ok(other)
}

/// Puts another role in the place of one, with everybody who holds it; says how many people and tokens those are.
fn replace(
    session: &mut Session<'_>,
    org: OrgId,
    role: &Role,
    other: &HeldRole,
) -> Result<(u64, u64), AppError> {
    let name = role.name.as_str();
    let (mut people, mut after): (u64, Option<UserId>) = (0, None);
    loop {
        session.flush()?;
        let (users, next) = session.tx.people_with_role(org, name, after, PAGE)?;
        for before in users {
            let roles = before.roles.iter().map(|entry| replaced(entry.as_str(), name, other));
            let mut held: Vec<Name> = Vec::with_capacity(before.roles.len());
            for entry in roles {
                let entry = Name::parse(&entry)
                    .map_err(|reason| AppError::invalid("replacement", reason.reason, reason.mend))?;
                if !held.contains(&entry) {
                    held.push(entry);
                }
            }
            people += 1;
            session.update(&before, &User { roles: held, ..before.clone() })?;
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    let mut tokens = 0;
    for before in tokens_that(session.tx, org, |held| held.role == name)? {
        let entries = entries_in(&before.role.to_value());
        let entries: Vec<String> = entries.iter().map(|entry| replaced(entry, name, other)).collect();
        let role = Text::parse(&entries.join(", "))
            .map_err(|reason| AppError::invalid("replacement", reason.reason, reason.mend))?;
        tokens += 1;
        session.update(&before, &Token { role, ..before.clone() })?;
    }
    Ok((people, tokens))
}

fn replaced(entry: &str, name: &str, other: &HeldRole) -> String {
    let held = HeldRole::parse(entry);
    match held.role == name {
        true => HeldRole { role: other.role.clone(), site: held.site }.to_string(),
        false => entry.to_string(),
    }
}

/// Nobody changes or removes a built-in role.
fn refuse_built_in(which: &str) -> Result<(), AppError> {
    match BuiltIn::find(which) {
        None => Ok(()),
        Some(role) => Err(Refusal::NotAllowed(format!(
            "{} is a built-in role, which stays as it is: copy it and change the copy",
            role.word
        ))
        .into()),
    }
}
