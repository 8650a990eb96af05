//! Giving roles to many people at once, and taking them away: one change set, taken back as one.

use muster_domain::field::EntityKind;
use muster_domain::ids::UserId;
use muster_domain::permission::Permission;
use muster_domain::types::Name;
use muster_domain::user::User;
use muster_store::{Query, Term};
use uuid::Uuid;

use crate::apply::{Allow, Session};
use crate::users::live_users;
use crate::{App, AppError, Done, Scope};

/// Whose roles.
#[derive(Clone, Debug)]
pub enum Whom {
    These(Vec<UserId>),
    /// Everybody whom a filter finds, trashed ones apart; of a site's, those whom whoever asks may give roles.
    Found(Vec<Term>),
}

/// What becomes of them.
#[derive(Clone, Debug, Default)]
pub struct RoleChange {
    /// In place of all that they hold.
    pub set: Option<Vec<String>>,
    pub add: Vec<String>,
    pub remove: Vec<String>,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Assigned {
    pub done: Done,
    /// Of these people, some may have held just that already.
    pub people: u64,
    pub changed: u64,
}

/// People loaded at once.
const PAGE: usize = 500;

/// People named one by one.
const NAMED_MAX: usize = 1000;

impl App {
    /// All or none. Nobody gives or takes away more than they hold.
    pub fn assign_roles(
        &self,
        scope: &Scope,
        whom: &Whom,
        change: &RoleChange,
    ) -> Result<Assigned, AppError> {
        scope.require(Permission::RolesAssign)?;
        let (mut people, mut changed) = (0, 0);
        let done = self.change(scope, Allow::AS_IT_WAS, |session| {
            (people, changed) = (0, 0);
            let change = Settled::of(session, change)?;
            let mut first = Uuid::nil();
            let mut each = |session: &mut Session<'_>, users: Vec<User>| -> Result<(), AppError> {
                for before in users {
                    if first.is_nil() {
                        first = before.id.0;
                    }
                    people += 1;
                    let after = User { roles: change.applied(&before.roles)?, ..before.clone() };
                    changed += u64::from(session.update(&before, &after)?);
                }
                session.flush_if_full()
            };
            match whom {
                Whom::These(ids) => {
                    check_count(ids)?;
                    let users = live_users(session, scope, ids)?;
                    each(session, users)?;
                }
                Whom::Found(filter) => {
                    let filter = [filter.as_slice(), &[live()]].concat();
                    let query = Query { filter, limit: PAGE, ..Query::default() };
                    let mut query = scope.narrowed(EntityKind::User, Permission::RolesAssign, query);
                    loop {
                        session.flush()?;
                        let page = session.tx.list::<User>(scope.org(), &query)?;
                        each(session, page.items)?;
                        query.cursor = page.next;
                        if query.cursor.is_none() {
                            break;
                        }
                    }
                }
            }
            Ok(first)
        })?;
        Ok(Assigned { done, people, changed })
    }
}

fn live() -> Term {
    Term { field: "record".into(), op: muster_store::Op::Eq, value: "live".into() }
}

fn check_count(ids: &[UserId]) -> Result<(), AppError> {
    match ids.len() {
        1..=NAMED_MAX => Ok(()),
        count => Err(AppError::invalid(
            "users",
            format!("are {count}, not 1 to {NAMED_MAX}"),
            "name fewer, or say whom you mean with a filter",
        )),
    }
}

/// A change of roles with the roles as they are kept.
struct Settled {
    set: Option<Vec<Name>>,
    add: Vec<Name>,
    remove: Vec<Name>,
}

impl Settled {
    fn of(session: &mut Session<'_>, change: &RoleChange) -> Result<Settled, AppError> {
        let mut settled = |field: &'static str, texts: &[String]| -> Result<Vec<Name>, AppError> {
            let wrong =
                |reason: muster_domain::value::Reason| AppError::invalid(field, reason.reason, reason.mend);
            let book = session.role_book()?;
            let mut names: Vec<Name> = Vec::with_capacity(texts.len());
            for text in texts {
                let held = book.resolve(text).map_err(wrong)?;
                let name = Name::parse(&held.to_string()).map_err(wrong)?;
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            Ok(names)
        };
        let set = change.set.as_ref().map(|texts| settled("roles", texts)).transpose()?;
        let (add, remove) = (settled("add", &change.add)?, settled("remove", &change.remove)?);
        if set.is_none() && add.is_empty() && remove.is_empty() {
            let mend = "give roles for all that they hold, add, or remove";
            return Err(AppError::invalid("roles", "are missing", mend));
        }
        Ok(Settled { set, add, remove })
    }

    fn applied(&self, before: &[Name]) -> Result<Vec<Name>, AppError> {
        let mut roles = self.set.clone().unwrap_or_else(|| before.to_vec());
        roles.retain(|role| !self.remove.contains(role));
        for role in &self.add {
            if !roles.contains(role) {
                roles.push(role.clone());
            }
        }
        if roles.len() > muster_domain::types::LIST_ENTRIES_MAX {
            let max = muster_domain::types::LIST_ENTRIES_MAX;
            return Err(AppError::invalid("roles", format!("are more than {max}"), "take some away first"));
        }
        Ok(roles)
    }
}
