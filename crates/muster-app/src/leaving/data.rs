//! Everything about one person: what they are asked to be told of what is kept (GDPR, article 15).

use muster_domain::field::EntityKind;
use muster_domain::for_kind;
use muster_domain::ids::UserId;
use muster_domain::permission::Permission;
use muster_domain::references::referrers;
use muster_domain::types::UnixMillis;
use muster_domain::user::User;
use muster_store::{AnyEntity, Change, ChangeFilter, Named, Reader, Stored};
use uuid::Uuid;

use crate::phones::RegisteredPhone;
use crate::{App, AppError, Scope};

/// Things of one kind, and lines of the log of one thing, that are told at most.
const TOLD_MAX: usize = 10_000;
/// Lines read at once.
const PAGE: usize = 1000;

#[derive(Clone, Debug)]
pub struct PersonData {
    pub at: UnixMillis,
    /// In use, or in the trash.
    pub user: User,
    /// What names them: mailboxes, devices, numbers, groups …
    pub things: Vec<AnyEntity>,
    /// What the log says of them and of what is theirs alone, oldest first of each.
    pub history: Vec<Change>,
    /// When a phone of theirs was last seen registered, to the day.
    pub last_seen: Option<UnixMillis>,
    /// Their phones that are registered now.
    pub phones: Vec<RegisteredPhone>,
}

impl App {
    pub fn person_data(&self, scope: &Scope, id: UserId) -> Result<PersonData, AppError> {
        scope.require(Permission::Export)?;
        let (org, at) = (scope.org(), self.now());
        let phones = self.phones().registered(org, Some(id));
        self.store().read(|r| {
            let user = r.get::<User>(org, id.0)?.ok_or(AppError::NotFound("user"))?;
            scope.sees(Permission::Export, &user)?;
            let mut things = Vec::new();
            for referrer in referrers(EntityKind::User) {
                things.extend(for_kind!(referrer.kind, E => naming::<E>(r, scope, referrer.field, id.0))?);
            }
            let mut history = lines(r, scope, EntityKind::User, id.0)?;
            for thing in &things {
                let theirs = [EntityKind::Mailbox, EntityKind::Device, EntityKind::EmergencyLocation];
                if theirs.contains(&thing.kind()) {
                    history.extend(lines(r, scope, thing.kind(), thing.id())?);
                }
            }
            let last_seen = r.last_seen(org, &[id])?.pop().map(|(_, at)| at);
            Ok(PersonData { at, user, things, history, last_seen, phones: phones.clone() })
        })
    }
}

fn naming<E: Stored>(
    r: &mut Reader,
    scope: &Scope,
    field: &'static str,
    person: Uuid,
) -> Result<Vec<AnyEntity>, AppError> {
    let things = r.naming::<E>(scope.org(), field, Named::People, &[person], TOLD_MAX)?;
    Ok(things.into_iter().map(E::into_any).collect())
}

fn lines(r: &mut Reader, scope: &Scope, kind: EntityKind, id: Uuid) -> Result<Vec<Change>, AppError> {
    let filter = ChangeFilter { entity: Some((kind, id)), ..ChangeFilter::default() };
    let mut lines = Vec::new();
    while lines.len() < TOLD_MAX {
        let since = lines.last().map_or(0, |line: &Change| line.envelope.seq);
        let page = r.changes(scope.org(), since, PAGE, &filter)?;
        if page.is_empty() {
            break;
        }
        lines.extend(page);
    }
    Ok(lines)
}
