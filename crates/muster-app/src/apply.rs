//! The one way in for changes: form, import, bulk change and undo all end here.
//!
//! A [`Session`] is one locked organization inside one transaction. It loads what a change touches,
//! lets the domain decide, checks what needs other things (references, emails, the last
//! administrator), and hands state and log rows to the store together.

mod allowed;
mod emails;
mod follows;
mod needs;
mod once;
mod switches;

use std::collections::HashMap;

use muster_domain::change::{self, EntityChange, Op, Origin, Refusal};
use muster_domain::claims::Claim;
use muster_domain::field::{Entity, EntityKind};
use muster_domain::for_kind;
use muster_domain::handling::Acknowledged;
use muster_domain::ids::{ChangeSetId, ConnectionId, OrgId, SiteId};
use muster_domain::log::{Facts, user_facts};
use muster_domain::numbers;
use muster_domain::organization::{Connection, Site};
use muster_domain::references;
use muster_domain::types::UnixMillis;
use muster_domain::user::Record;
use muster_store::{AnyEntity, OrgHead, Recorded, Stored, Tx};
use smol_str::SmolStr;
use uuid::Uuid;

pub(crate) use allowed::By;
use allowed::Rights;
pub(crate) use switches::{has_sms_sender, no_sms_sender};

use crate::billing::rules::Turned;
use crate::things::load_any;
use crate::{App, AppError, Scope};

/// How many changes are handed to the store at once.
const BATCH: usize = 1000;

/// References to one thing that is removed are counted no further.
const REFERENCES_COUNTED_MAX: usize = 1000;

/// What a session allows beyond the ordinary.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allow {
    /// Two users may have the same email; neither signs in with it.
    pub shared_emails: bool,
    /// The warnings that were read.
    pub acknowledged: Acknowledged,
}

impl Allow {
    /// For what was so before: what it needed was said then.
    pub const AS_IT_WAS: Allow = Allow { shared_emails: true, acknowledged: Acknowledged::ALL };
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// What was made or changed.
    pub id: Uuid,
    /// The newest change of the organization's log when it was done.
    pub seq: u64,
    /// It had been done before under the same idempotency key; nothing was changed now.
    pub replayed: bool,
}

impl App {
    /// Carries out one change of an organization: the frame of nearly every use case. The closure may
    /// run again, so it sends nothing and keeps nothing.
    pub(crate) fn change(
        &self,
        scope: &Scope,
        allow: Allow,
        mut work: impl FnMut(&mut Session<'_>) -> Result<Uuid, AppError> + Send,
    ) -> Result<Done, AppError> {
        if scope.past.is_some() {
            return Err(Refusal::NotAllowed("what was is not changed".into()).into());
        }
        let (now, set) = (self.now(), self.new_set());
        let done = self.store().write(|tx| {
            let mut session = Session::begin(tx, scope.org(), now, By::of(scope), set, allow)?;
            if let Some(done) = session.done_before(scope)? {
                return Ok(done);
            }
            let id = work(&mut session)?;
            session.settle()?;
            session.remember(scope, id)?;
            let seq = session.finish()?;
            Ok(Done { id, seq, replayed: false })
        });
        done.map_err(|error| self.with_names(scope.org(), error))
    }
}

pub(crate) struct Session<'t> {
    pub tx: &'t mut Tx,
    org: OrgId,
    head: OrgHead,
    at: UnixMillis,
    by: By,
    set: ChangeSetId,
    allow: Allow,
    rights: Rights,
    origin: Origin,
    /// What is handed over is not written.
    judging: bool,
    pending: Vec<Recorded>,
    sites: Option<Vec<Site>>,
    connections: Option<Vec<Connection>>,
    removed: Vec<(EntityKind, Uuid)>,
    /// Who began or ended to be live and enabled: what their subscription says of that is asked at the end.
    turned: Vec<Turned>,
    /// Numbers that became the organization's: whether they are the operator's to sell is asked at the end.
    new_numbers: Vec<SmolStr>,
    /// Sequence numbers of what this session recorded.
    pub first_seq: Option<u64>,
    pub last_seq: u64,
}

impl<'t> Session<'t> {
    /// Locks the organization: from here to the end of the transaction nobody else changes it.
    pub fn begin(
        tx: &'t mut Tx,
        org: OrgId,
        at: UnixMillis,
        by: By,
        set: ChangeSetId,
        allow: Allow,
    ) -> Result<Self, AppError> {
        let head = tx.lock_org(org)?;
        Ok(Session::at_head(tx, head, at, by, set, allow))
    }

    /// For an organization that this transaction makes: its creation must be the first change.
    pub fn begin_new(
        tx: &'t mut Tx,
        org: OrgId,
        at: UnixMillis,
        actor: Uuid,
        set: ChangeSetId,
    ) -> Result<Self, AppError> {
        let head = tx.new_org(org)?;
        Ok(Session::at_head(tx, head, at, By::unbounded(actor), set, Allow::default()))
    }

    fn at_head(
        tx: &'t mut Tx,
        head: OrgHead,
        at: UnixMillis,
        by: By,
        set: ChangeSetId,
        allow: Allow,
    ) -> Self {
        Session {
            tx,
            org: head.org,
            last_seq: head.head_seq,
            head,
            at,
            by,
            set,
            allow,
            rights: Rights::default(),
            origin: Origin::Ordinary,
            judging: false,
            pending: Vec::new(),
            sites: None,
            connections: None,
            removed: Vec::new(),
            turned: Vec::new(),
            new_numbers: Vec::new(),
            first_seq: None,
        }
    }

    /// By which all that this session records belongs together.
    pub fn set(&self) -> ChangeSetId {
        self.set
    }

    /// The time of all that this session records.
    pub fn now(&self) -> UnixMillis {
        self.at
    }

    /// What is recorded from here on is part of going back to a moment, and the log says so.
    pub fn goes_back(&mut self) {
        self.origin = Origin::Restore;
    }

    /// What is recorded from here on is part of erasing somebody, and the log says so of what goes.
    pub fn purges(&mut self) {
        self.origin = Origin::Purge;
    }

    /// From here on changes are asked everything that they would be asked, and none is written.
    pub fn judge_only(&mut self) {
        self.judging = true;
    }

    /// Ends [`Session::judge_only`]; what was only judged has been let go.
    pub fn write_again(&mut self) {
        self.judging = false;
        self.pending.clear();
        self.removed.clear();
        self.turned.clear();
        self.new_numbers.clear();
        self.rights = Rights::default();
    }

    /// Gives up what changes that are still to come give up, so that their order does not matter.
    pub fn release_claims(&mut self, claims: &[(Claim, Uuid)]) -> Result<(), AppError> {
        Ok(self.tx.release_claims(&self.head, claims)?)
    }

    /// Applies changes in order. What they need loaded is loaded once a kind.
    pub fn apply(&mut self, changes: Vec<EntityChange>) -> Result<(), AppError> {
        let mut current = self.load(&changes)?;
        for entity_change in changes {
            self.apply_one(entity_change, &mut current)?;
            if self.pending.len() >= BATCH {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Like [`Session::apply`] for a thing that is new: nothing needs to be loaded.
    pub fn create<E: Stored>(&mut self, entity: &E) -> Result<(), AppError> {
        let creation = change::creation_of(entity);
        self.typed::<E>(None, creation)?;
        Ok(())
    }

    /// Records an update of a thing that was loaded in this transaction; nothing if it is unchanged.
    pub fn update<E: Stored>(&mut self, before: &E, after: &E) -> Result<bool, AppError> {
        let Some(update) = change::update_of(before, after) else { return Ok(false) };
        self.typed(Some(before.clone()), update)?;
        Ok(true)
    }

    /// Hands over what waits, if it is much. Asked between things that belong together, never between a
    /// user and their mailbox: a reference left open makes every later insert look for its children.
    pub fn flush_if_full(&mut self) -> Result<(), AppError> {
        if self.pending.len() < BATCH { Ok(()) } else { self.flush() }
    }

    pub fn sites(&mut self) -> Result<&[Site], AppError> {
        if self.sites.is_none() {
            self.flush()?;
            self.sites = Some(self.tx.all::<Site>(self.org)?);
        }
        Ok(self.sites.as_deref().unwrap_or_default())
    }

    pub fn connections(&mut self) -> Result<&[Connection], AppError> {
        if self.connections.is_none() {
            self.flush()?;
            self.connections = Some(self.tx.all::<Connection>(self.org)?);
        }
        Ok(self.connections.as_deref().unwrap_or_default())
    }

    /// Hands the rest to the store. Every session ends with this.
    pub fn finish(mut self) -> Result<u64, AppError> {
        self.settle()?;
        self.check_removed()?;
        self.check_roles()?;
        Ok(self.last_seq)
    }

    pub fn flush(&mut self) -> Result<(), AppError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.check_emails()?;
        if self.judging {
            self.pending.clear();
            return Ok(());
        }
        let range = self.tx.record_as(
            self.origin,
            &mut self.head,
            self.at,
            self.by.actor,
            self.set,
            &self.pending,
        )?;
        self.first_seq.get_or_insert(*range.start());
        self.last_seq = *range.end();
        self.pending.clear();
        Ok(())
    }

    fn load(&mut self, changes: &[EntityChange]) -> Result<HashMap<Uuid, AnyEntity>, AppError> {
        self.flush()?;
        let mut loaded = HashMap::new();
        for kind in EntityKind::ALL {
            let ids: Vec<Uuid> = changes.iter().filter(|c| c.kind == *kind).map(|c| c.id).collect();
            if ids.is_empty() {
                continue;
            }
            let found = load_any(self.tx, self.org, *kind, &ids)?;
            loaded.extend(found.into_iter().map(|entity| (entity.id(), entity)));
        }
        Ok(loaded)
    }

    fn apply_one(&mut self, c: EntityChange, current: &mut HashMap<Uuid, AnyEntity>) -> Result<(), AppError> {
        let id = c.id;
        let before = current.remove(&id);
        let after = for_kind!(c.kind, E => self.any::<E>(before, c)?);
        if let Some(after) = after {
            current.insert(id, after);
        }
        Ok(())
    }

    fn any<E: Stored>(
        &mut self,
        before: Option<AnyEntity>,
        c: EntityChange,
    ) -> Result<Option<AnyEntity>, AppError> {
        let before = before.and_then(E::from_any);
        self.typed::<E>(before, c)
    }

    fn typed<E: Stored>(
        &mut self,
        before: Option<E>,
        c: EntityChange,
    ) -> Result<Option<AnyEntity>, AppError> {
        let mut after = change::apply::<E>(self.org, before.as_ref(), &c)?;
        if let Some(after) = &mut after {
            after.set_created_at(before.as_ref().map_or(self.at, Entity::created_at));
        }
        let before = before.map(E::into_any);
        let after = after.map(E::into_any);
        self.check_allowed(before.as_ref(), after.as_ref(), &c)?;
        let facts = self.check(before.as_ref(), after.as_ref(), &c)?;
        if let Some(after) = &after {
            self.check_references(before.as_ref(), after, &c)?;
        }
        if matches!(c.kind, EntityKind::Site | EntityKind::Connection) {
            (self.sites, self.connections) = (None, None);
        }
        self.pending.push(Recorded { change: c, before, after: after.clone(), facts });
        Ok(after)
    }

    /// Rules that need other things than the one that changes.
    fn check(
        &mut self,
        before: Option<&AnyEntity>,
        after: Option<&AnyEntity>,
        c: &EntityChange,
    ) -> Result<Facts, AppError> {
        if c.op == Op::Remove {
            self.removed.push((c.kind, c.id));
        }
        if let (Op::Create, Some(AnyEntity::PhoneNumber(row))) = (c.op, after) {
            self.new_numbers.push(row.number.to_smol());
        }
        if c.kind != EntityKind::User {
            return Ok(Facts::default());
        }
        let (before, after) = (before.and_then(AnyEntity::as_user), after.and_then(AnyEntity::as_user));
        self.turned.extend(Turned::of(before, after));
        if let Some(after) = after
            && before.is_none_or(|b| b.site != after.site || b.connection != after.connection)
        {
            self.check_place(after.site, after.connection)?;
        }
        if let Some(after) = after
            && let Some(extension) = &after.extension
            && before.is_none_or(|b| b.extension != after.extension)
        {
            let site = self.sites()?.iter().find(|s| Some(s.id) == after.site);
            if let Some(error) = numbers::refusal(extension.as_str(), site) {
                return Err(Refusal::Invalid(vec![error]).into());
            }
        }
        after.map_or(Ok(()), |after| self.check_switches(before, after))?;
        Ok(user_facts(before, after, c))
    }

    fn check_place(
        &mut self,
        site: Option<SiteId>,
        connection: Option<ConnectionId>,
    ) -> Result<(), AppError> {
        if !self.sites()?.iter().any(|s| Some(s.id) == site) {
            return Err(AppError::invalid(
                "site",
                "is not a site of this organization",
                "pick one of its sites",
            ));
        }
        if !self.connections()?.iter().any(|c| Some(c.id) == connection) {
            return Err(AppError::invalid(
                "connection",
                "is not a connection of this organization",
                "pick one of its connections",
            ));
        }
        Ok(())
    }

    /// What a thing names must be there, in this organization; a person not in the trash. People, their
    /// mailboxes, devices and numbers are written by the hundred thousand: what they name is checked by the
    /// database at the commit.
    fn check_references(
        &mut self,
        before: Option<&AnyEntity>,
        after: &AnyEntity,
        c: &EntityChange,
    ) -> Result<(), AppError> {
        use EntityKind::{Device, Mailbox, PhoneNumber, User};
        if matches!(c.kind, User | Mailbox | Device | PhoneNumber) {
            return Ok(());
        }
        self.check_named_newly(before, after)
    }

    /// As is checked of most kinds anyway, for one of any kind that somebody changes by hand.
    pub fn check_named_by<E: Stored>(&mut self, before: &E, after: &E) -> Result<(), AppError> {
        let (before, after) = (before.clone().into_any(), after.clone().into_any());
        self.check_named_newly(Some(&before), &after)
    }

    fn check_named_newly(&mut self, before: Option<&AnyEntity>, after: &AnyEntity) -> Result<(), AppError> {
        for (field, refers) in references::fields_of(after.kind()) {
            let named = after.value(field).map(|value| references::ids_in(&value)).unwrap_or_default();
            let were = before.and_then(|b| b.value(field)).map(|value| references::ids_in(&value));
            let were = were.unwrap_or_default();
            let new: Vec<Uuid> = named.into_iter().filter(|id| !were.contains(id)).collect();
            if !new.is_empty() {
                self.check_named(field, refers.to, new)?;
            }
        }
        Ok(())
    }

    fn check_named(
        &mut self,
        field: &'static str,
        kinds: &[EntityKind],
        mut wanted: Vec<Uuid>,
    ) -> Result<(), AppError> {
        self.flush()?;
        for kind in kinds {
            let found = load_any(self.tx, self.org, *kind, &wanted)?;
            let live = |entity: &AnyEntity| entity.as_user().is_none_or(|user| user.record == Record::Live);
            wanted.retain(|id| !found.iter().any(|entity| entity.id() == *id && live(entity)));
        }
        let Some(missing) = wanted.first() else { return Ok(()) };
        let words: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
        Err(AppError::invalid(
            field,
            format!("names {missing}, which is no {} of this organization", words.join(" or ")),
            format!("name a {} that is there", words.join(" or ")),
        ))
    }

    /// Nothing is left pointing at nothing: what is still referred to stays. Asked at the end, when
    /// everything that goes together is gone.
    fn check_removed(&mut self) -> Result<(), AppError> {
        let removed = std::mem::take(&mut self.removed);
        for kind in EntityKind::ALL {
            let ids: Vec<Uuid> = removed.iter().filter(|(k, _)| k == kind).map(|(_, id)| *id).collect();
            for ids in ids.chunks(500) {
                let references = self.tx.references_to(self.org, *kind, ids, REFERENCES_COUNTED_MAX)?;
                if let Some(first) = references.first() {
                    let count = references.iter().filter(|r| r.kind == first.kind).count() as u64;
                    return Err(Refusal::InUse { by: first.kind, count }.into());
                }
            }
        }
        Ok(())
    }
}
