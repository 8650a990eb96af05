//! Erasing somebody for good: out of the trash, out of what the log says, with their secrets. Nothing brings
//! them back.
//!
//! What was theirs and is not about them stays without them: devices go into stock without credentials, a mailbox
//! keeps its messages under another name unless somebody chose that it goes too. The envelopes of the log stay,
//! so that its chain still verifies and seats are counted as they were.

use std::collections::BTreeSet;

use muster_domain::change::{EntityChange, Refusal, removal_of, update_of};
use muster_domain::field::{Entity, EntityKind, Privacy};
use muster_domain::for_kind;
use muster_domain::ids::{OrgId, SecretId, UserId};
use muster_domain::organization::{Device, Mailbox};
use muster_domain::permission::Permission;
use muster_domain::references::{ids_in, referrers, replaced};
use muster_domain::types::{Name, UnixMillis, fold};
use muster_domain::user::{Record, User};
use muster_store::{AnyEntity, ChangeFilter, Named, Reader, StoreError, Stored};
use uuid::Uuid;

use super::choose::{change_of, with_value};
use crate::apply::{Allow, By, Session};
use crate::{App, AppError, Done, Scope};

/// So many things of a kind may still name somebody in the trash.
const THINGS_MAX: usize = 5_000;
/// Lines of the log read at once.
const PAGE: usize = 1000;
/// People whose time in the trash is over and who are erased in one go.
const SWEPT_MAX: usize = 100;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// What came of erasing somebody.
#[derive(Clone, Debug)]
pub struct Purged {
    pub done: Done,
    /// Lines of the log whose content is gone.
    pub bodies: u64,
}

impl App {
    /// Only from the trash. `with_mailboxes`: their mailboxes go too, with all messages.
    pub fn purge_user(&self, scope: &Scope, id: UserId, with_mailboxes: bool) -> Result<Purged, AppError> {
        scope.require(Permission::PeoplePurge)?;
        let mut bodies = 0;
        let done = self.change(scope, Allow::default(), |session| {
            bodies = purge(session, scope.org(), id, with_mailboxes)?;
            Ok(id.0)
        })?;
        Ok(Purged { done, bodies })
    }

    /// Erases those who have been in the trash for as long as their organization keeps people there. Mailboxes
    /// stay: only a person removes those.
    pub fn sweep_trash(&self) -> Result<u64, AppError> {
        let now = self.now();
        let mut swept = 0;
        for (org, days) in self.store().read(|r| r.trash_retentions().map_err(AppError::from))? {
            let before = UnixMillis(now.0 - days as i64 * DAY_MS);
            let over =
                self.store().read(|r| r.trashed_before(org, before, SWEPT_MAX).map_err(AppError::from))?;
            for id in over {
                // One who cannot be erased is not in the way of the others.
                match self.erase_if_over(org, id, before, now) {
                    Ok(true) => {
                        swept += 1;
                        tracing::info!(organization = %org, user = %id, days, "erased: the time in the trash is over");
                    }
                    Ok(false) => {}
                    Err(AppError::Store(StoreError::Unavailable { .. } | StoreError::Busy)) => {
                        return Ok(swept);
                    }
                    Err(error) => tracing::warn!(organization = %org, user = %id, %error, "not erased yet"),
                }
            }
        }
        Ok(swept)
    }

    fn erase_if_over(
        &self,
        org: OrgId,
        id: UserId,
        before: UnixMillis,
        now: UnixMillis,
    ) -> Result<bool, AppError> {
        let set = self.new_set();
        self.store().write(|tx| {
            let mut session =
                Session::begin(tx, org, now, By::unbounded(Uuid::nil()), set, Allow::default())?;
            let about = ChangeFilter { entity: Some((EntityKind::User, id.0)), ..ChangeFilter::default() };
            let last = session.tx.changes_back(org, None, 1, &about)?.pop();
            // Whoever brought them back meanwhile was quicker.
            let is_over = last.is_some_and(|line| line.envelope.at < before);
            if is_over {
                purge(&mut session, org, id, false)?;
            }
            session.finish()?;
            Ok(is_over)
        })
    }
}

fn purge(session: &mut Session<'_>, org: OrgId, id: UserId, with_mailboxes: bool) -> Result<u64, AppError> {
    let user = session.tx.get::<User>(org, id.0)?.ok_or(AppError::NotFound("user"))?;
    if user.record != Record::Trashed {
        let why = "they are not in the trash: remove them first, then erase them";
        return Err(Refusal::NotAllowed(why.into()).into());
    }
    session.purges();
    let mut left = left_behind(session.tx, org, &user, with_mailboxes)?;
    left.extend(handed_over(session.tx, org, &user, &left)?);
    let erased: BTreeSet<(EntityKind, Uuid)> = left
        .iter()
        .filter(|change| tells_of_them(change.kind))
        .map(|change| (change.kind, change.id))
        .collect();
    let mut secrets = secrets_of(session.tx, org, EntityKind::User, id.0)?;
    for (kind, id) in &erased {
        secrets.extend(secrets_of(session.tx, org, *kind, *id)?);
    }
    // Whoever may erase somebody may let go of what was theirs.
    session.as_consequence(|session| session.apply(left))?;
    session.apply(vec![removal_of(&user)])?;
    session.flush()?;
    let mut bodies = session.tx.erase_bodies(org, EntityKind::User, id.0)?;
    for (kind, id) in &erased {
        bodies += session.tx.erase_bodies(org, *kind, *id)?;
    }
    for mailbox in session.tx.get_many::<Mailbox>(org, &ids_of(&erased, EntityKind::Mailbox))? {
        // It is kept, and so is its PIN.
        secrets.retain(|secret| mailbox.voicemail_pin != Some(*secret));
    }
    session.tx.forget_secrets(org, &secrets.into_iter().collect::<Vec<_>>())?;
    session.tx.forget_seen(org, id)?;
    session.tx.forget_signing(org, id)?;
    super::reports::forget(session.tx, org, &user)?;
    Ok(bodies)
}

fn ids_of(things: &BTreeSet<(EntityKind, Uuid)>, kind: EntityKind) -> Vec<Uuid> {
    things.iter().filter(|(of, _)| *of == kind).map(|(_, id)| *id).collect()
}

/// Kinds of which what the log says is about the person as well: names, addresses, the names phones sign in with.
fn tells_of_them(kind: EntityKind) -> bool {
    use EntityKind::{Device, EmergencyLocation, Invite, Mailbox, SignIn};
    matches!(kind, Mailbox | Device | EmergencyLocation | Invite | SignIn)
}

/// The changes of what is left without them.
fn left_behind(
    r: &mut Reader,
    org: OrgId,
    user: &User,
    with_mailboxes: bool,
) -> Result<Vec<EntityChange>, AppError> {
    let mut changes = Vec::new();
    for referrer in referrers(EntityKind::User) {
        let things = for_kind!(referrer.kind, E => naming::<E>(r, org, referrer.field, user.id.0))?;
        for thing in things {
            changes.extend(match thing {
                AnyEntity::Mailbox(mailbox) if with_mailboxes => mailbox_gone(r, org, &mailbox)?,
                AnyEntity::Mailbox(mailbox) => {
                    update_of(&*mailbox, &without_owner(&mailbox, user)).into_iter().collect()
                }
                AnyEntity::Device(device) => {
                    update_of(&*device, &in_stock(&device, user)).into_iter().collect()
                }
                AnyEntity::EmergencyLocation(location) => vec![removal_of(&*location)],
                AnyEntity::SignIn(sign_in) => vec![removal_of(&*sign_in)],
                AnyEntity::Invite(invite) => vec![removal_of(&*invite)],
                other => for_kind!(referrer.kind, E => let_go::<E>(other, referrer.field, user.id.0))?,
            });
        }
    }
    Ok(changes)
}

/// Mailboxes that were handed to somebody else when they were removed: those keep their messages and owner, and
/// are called after nobody.
fn handed_over(
    r: &mut Reader,
    org: OrgId,
    user: &User,
    left: &[EntityChange],
) -> Result<Vec<EntityChange>, AppError> {
    let about = ChangeFilter { entity: Some((EntityKind::User, user.id.0)), ..ChangeFilter::default() };
    let lines = r.changes_back(org, None, PAGE, &about)?;
    let mut ids: BTreeSet<Uuid> = user.mailbox.iter().map(|mailbox| mailbox.0).collect();
    for removal in lines.iter().filter(|line| line.envelope.kind == "user.trashed") {
        let of_set = ChangeFilter { set: Some(removal.envelope.set), ..ChangeFilter::default() };
        let bodies = r.changes(org, 0, PAGE, &of_set)?.into_iter().filter_map(|line| line.body);
        let were_theirs = bodies.filter(|body| {
            let owner = body.fields.iter().find(|field| field.field == "owner");
            body.kind == EntityKind::Mailbox && owner.is_some_and(|f| f.before.as_id() == Some(user.id.0))
        });
        ids.extend(were_theirs.map(|body| body.id));
    }
    ids.retain(|id| left.iter().all(|change| change.id != *id));
    let mailboxes = r.get_many::<Mailbox>(org, &ids.into_iter().collect::<Vec<_>>())?;
    Ok(mailboxes.iter().filter_map(|mailbox| update_of(mailbox, &not_called_after(mailbox, user))).collect())
}

/// Another's mailbox without their name and address.
fn not_called_after(mailbox: &Mailbox, user: &User) -> Mailbox {
    let is_theirs = fold(mailbox.name.as_str()) == fold(user.display_name.as_str());
    let without = without_owner(mailbox, user);
    let tells = mailbox.email.is_some() && mailbox.email == user.email;
    Mailbox {
        owner: mailbox.owner,
        name: if is_theirs { without.name } else { mailbox.name.clone() },
        email: if tells { None } else { mailbox.email.clone() },
        ..mailbox.clone()
    }
}

fn naming<E: Stored>(
    r: &mut Reader,
    org: OrgId,
    field: &'static str,
    person: Uuid,
) -> Result<Vec<AnyEntity>, AppError> {
    let things = r.naming::<E>(org, field, Named::People, &[person], THINGS_MAX)?;
    Ok(things.into_iter().map(E::into_any).collect())
}

fn let_go<E: Stored>(thing: AnyEntity, field: &str, person: Uuid) -> Result<Vec<EntityChange>, AppError> {
    let value = replaced(&thing.value(field).unwrap_or_default(), person, None);
    let after = with_value::<E>(thing.clone(), field, &value)?;
    Ok(change_of::<E>(thing, Some(after)).into_iter().collect())
}

/// A mailbox keeps its messages, and is called after nobody.
fn without_owner(mailbox: &Mailbox, user: &User) -> Mailbox {
    let number = user.extension.as_ref().map(|extension| format!(" {extension}")).unwrap_or_default();
    let name = Name::parse(&format!("Mailbox{number} of a former user")).unwrap_or_default();
    Mailbox { owner: None, name, email: None, ..mailbox.clone() }
}

/// A device goes into stock: what it signed in with was theirs.
fn in_stock(device: &Device, user: &User) -> Device {
    let names = [Some(&user.display_name), user.given_name.as_ref(), user.family_name.as_ref()];
    let key = fold(device.name.as_str());
    let tells = names.into_iter().flatten().any(|name| key.contains(&fold(name.as_str())))
        || key.contains(&fold(user.username.as_str()));
    let plain = device.model.clone().or_else(|| Name::parse("Device").ok()).unwrap_or_default();
    Device {
        user: None,
        auth_name: None,
        sip_secret: None,
        name: if tells { plain } else { device.name.clone() },
        ..device.clone()
    }
}

/// With its messages; whoever left messages there has no mailbox then.
fn mailbox_gone(r: &mut Reader, org: OrgId, mailbox: &Mailbox) -> Result<Vec<EntityChange>, AppError> {
    let mut changes = Vec::new();
    let uses = r.references_to(org, EntityKind::Mailbox, &[mailbox.id.0], THINGS_MAX)?;
    for used in uses {
        let things = crate::things::load_any(r, org, used.kind, &[used.id])?;
        for thing in things {
            let is_theirs = thing.as_user().is_some_and(|user| user.record == Record::Trashed);
            if is_theirs && thing.as_user().is_some_and(|user| mailbox.owner == Some(user.id)) {
                // They go themselves.
                continue;
            }
            debug_assert!(
                thing.value(used.field).is_some_and(|value| ids_in(&value).contains(&mailbox.id.0))
            );
            changes.extend(for_kind!(used.kind, E => let_go::<E>(thing, used.field, mailbox.id.0))?);
        }
    }
    changes.push(removal_of(mailbox));
    Ok(changes)
}

/// Every secret that the log says a thing has had.
fn secrets_of(
    r: &mut Reader,
    org: OrgId,
    kind: EntityKind,
    id: Uuid,
) -> Result<BTreeSet<SecretId>, AppError> {
    fn of_kind<E: Entity>() -> Vec<&'static str> {
        E::fields().iter().filter(|f| f.meta.privacy == Privacy::Secret).map(|f| f.name).collect()
    }
    let fields = for_kind!(kind, E => of_kind::<E>());
    let filter = ChangeFilter { entity: Some((kind, id)), ..ChangeFilter::default() };
    let (mut found, mut since) = (BTreeSet::new(), 0);
    loop {
        let page = r.changes(org, since, PAGE, &filter)?;
        let Some(last) = page.last() else { return Ok(found) };
        since = last.envelope.seq;
        let changed = page.iter().flat_map(|line| &line.body).flat_map(|body| &body.fields);
        for field in changed.filter(|field| fields.contains(&field.field)) {
            let named = [&field.before, &field.after].into_iter().filter_map(|value| value.as_id());
            found.extend(named.map(SecretId));
        }
    }
}
