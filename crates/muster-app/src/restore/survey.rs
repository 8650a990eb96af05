//! The review of going back: what would change, of whom, what it counts, and what is in the way.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::change::{Conflict, EntityChange, FieldChange, Op, Refusal, compensations, inverse};
use muster_domain::field::{Entity, EntityKind};
use muster_domain::ids::OrgId;
use muster_domain::log::counts;
use muster_domain::numbers;
use muster_domain::organization::{Connection, Device, Mailbox, PhoneNumber, Site};
use muster_domain::user::User;
use muster_store::{AnyEntity, Past, Reader, Stored};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;
use uuid::Uuid;

use super::steps::{Source, Step, Steps, Things};
use crate::AppError;
use crate::names::name_of;
use crate::things::load_any;

/// More obstacles are only counted.
const OBSTACLES_MAX: usize = 20;

/// How many would change, be removed and come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub changed: u64,
    /// Made since.
    pub removed: u64,
    /// Removed since.
    pub brought_back: u64,
}

/// One thing that would change.
#[derive(Clone, Debug)]
pub struct ReviewItem {
    pub kind: EntityKind,
    pub id: Uuid,
    /// Such as `Ana Silva (extension 1001)`, or `the mailbox Ana of Ana Silva (extension 1001)`.
    pub name: String,
    /// The user whom it is about.
    pub person: Option<Uuid>,
    pub op: Op,
    /// From now to then.
    pub fields: Vec<FieldChange>,
}

/// What going back would do.
#[derive(Clone, Debug, Default)]
pub struct Review {
    /// Digest of all that would be done: what is sent to have just that done.
    pub plan: String,
    pub people: Tally,
    /// Their devices and mailboxes, and places that come back with them.
    pub things: Tally,
    /// Who is not counted for billing now and would be.
    pub newly_counted: u64,
    pub no_longer_counted: u64,
    /// Things that stay as they are: what they were has been erased.
    pub erased: u64,
    /// Some of the things; how many there are in all is in the tallies.
    pub items: Vec<ReviewItem>,
    pub obstacles: Vec<Conflict>,
    /// Obstacles that are not named.
    pub obstacles_more: u64,
    /// What does not quite come back, and of how many.
    pub notes: BTreeMap<&'static str, u64>,
}

impl Review {
    pub fn all(&self) -> u64 {
        let of = |tally: &Tally| tally.changed + tally.removed + tally.brought_back;
        of(&self.people) + of(&self.things)
    }

    pub(crate) fn refuse_obstacles(&self) -> Result<(), AppError> {
        match self.obstacles.is_empty() {
            true => Ok(()),
            false => Err(Refusal::StandsInTheWay(self.obstacles.clone(), self.obstacles_more).into()),
        }
    }
}

/// Goes through all steps once and writes down what they come to.
pub(crate) struct Survey<'a> {
    org: OrgId,
    source: Source,
    things: &'a Things,
    sites: Vec<Site>,
    connections: Vec<Connection>,
    /// Places that people need who come back, and that are not there.
    needed: BTreeSet<(EntityKind, Uuid)>,
    skip: u64,
    limit: usize,
    digest: Sha256,
    review: Review,
}

impl<'a> Survey<'a> {
    /// `skip` and `limit`: which of the things are told one by one.
    pub fn begin(
        r: &mut Reader,
        org: OrgId,
        source: Source,
        things: &'a Things,
        (skip, limit): (u64, usize),
    ) -> Result<Survey<'a>, AppError> {
        Ok(Survey {
            org,
            source,
            things,
            sites: r.all::<Site>(org)?,
            connections: r.all::<Connection>(org)?,
            needed: BTreeSet::new(),
            skip,
            limit,
            digest: Sha256::new_with_prefix(b"muster-restore-1"),
            review: Review::default(),
        })
    }

    pub fn add(&mut self, r: &mut Reader, found: &Steps) -> Result<(), AppError> {
        self.review.erased += found.erased;
        self.digest.update(found.erased.to_be_bytes());
        for step in &found.steps {
            self.count(r, step)?;
            if let Some(AnyEntity::User(then)) = &step.then {
                self.look_at_person(then, step)?;
            }
        }
        self.look_at_removed(r, &found.steps)?;
        self.look_at_claims(r, &found.steps)
    }

    /// The review, and the changes that bring needed places back: they come first.
    pub fn finish(mut self, r: &mut Reader) -> Result<(Review, Vec<EntityChange>), AppError> {
        let mut places = Vec::new();
        for (kind, id) in std::mem::take(&mut self.needed) {
            if self.things.has(kind, id) {
                continue;
            }
            let then = match (self.source, kind) {
                (Source::Moment(to), EntityKind::Site) => place::<Site>(r, self.org, id, to)?,
                (Source::Moment(to), EntityKind::Connection) => place::<Connection>(r, self.org, id, to)?,
                _ => None,
            };
            let Some(then) = then else {
                let how = format!("{id} is not there any more, and people would be at it");
                self.obstacle(kind.word(), how, None);
                continue;
            };
            let step = Step { change: then.creation(), now: None, then: Some(then) };
            self.count(r, &step)?;
            places.push(step.change);
        }
        self.review.plan = hex::encode(self.digest.finalize());
        Ok((self.review, places))
    }

    fn count(&mut self, r: &mut Reader, step: &Step) -> Result<(), AppError> {
        hash(&mut self.digest, &step.change);
        let at = self.review.all();
        let person = step.change.kind == EntityKind::User;
        let tally = if person { &mut self.review.people } else { &mut self.review.things };
        match step.op() {
            Op::Update => tally.changed += 1,
            Op::Remove => tally.removed += 1,
            Op::Create => tally.brought_back += 1,
        }
        let counted =
            |thing: &Option<AnyEntity>| thing.as_ref().and_then(AnyEntity::as_user).is_some_and(counts);
        match (counted(&step.now), counted(&step.then)) {
            (false, true) => self.review.newly_counted += 1,
            (true, false) => self.review.no_longer_counted += 1,
            _ => {}
        }
        // What is undone is the way from then to now; its notes are about that.
        for note in compensations(&inverse(&step.change)?) {
            *self.review.notes.entry(note).or_default() += 1;
        }
        if at >= self.skip
            && self.review.items.len() < self.limit
            && let Some(thing) = step.thing()
        {
            let name = name_of(r, thing)?;
            let EntityChange { kind, id, op, fields, .. } = step.change.clone();
            let person = person_of(step);
            self.review.items.push(ReviewItem { kind, id, name, person, op, fields });
        }
        Ok(())
    }

    fn look_at_person(&mut self, then: &User, step: &Step) -> Result<(), AppError> {
        for error in then.validate() {
            let how = format!("of {} {}", crate::names::called(then), error.reason);
            self.obstacle(error.field, how, None);
        }
        if let Some(site) = then.site.filter(|id| !self.sites.iter().any(|s| s.id == *id)) {
            self.needed.insert((EntityKind::Site, site.0));
        }
        if let Some(at) = then.connection.filter(|id| !self.connections.iter().any(|c| c.id == *id)) {
            self.needed.insert((EntityKind::Connection, at.0));
        }
        let moved = step.change.fields.iter().any(|field| field.field == "extension");
        if let (Some(extension), true) = (&then.extension, moved) {
            let site = self.sites.iter().find(|site| Some(site.id) == then.site);
            if let Some(error) = numbers::refusal(extension.as_str(), site) {
                let how = format!("{extension} of {} {}", crate::names::called(then), error.reason);
                self.obstacle("extension", how, None);
            }
        }
        Ok(())
    }

    /// What would go while somebody uses it who would not change.
    fn look_at_removed(&mut self, r: &mut Reader, steps: &[Step]) -> Result<(), AppError> {
        let gone = |kind: EntityKind| {
            let steps = steps.iter().filter(move |s| s.op() == Op::Remove && s.change.kind == kind);
            steps.map(|step| step.change.id).collect::<Vec<Uuid>>()
        };
        let (users, mailboxes) = (gone(EntityKind::User), gone(EntityKind::Mailbox));
        let mut using: Vec<AnyEntity> = Vec::new();
        if !users.is_empty() {
            using.extend(r.referring::<Device>(self.org, "user", &users)?.into_iter().map(Stored::into_any));
            using
                .extend(r.referring::<Mailbox>(self.org, "owner", &users)?.into_iter().map(Stored::into_any));
            let numbers = r.referring::<PhoneNumber>(self.org, "user", &users)?;
            using.extend(numbers.into_iter().map(Stored::into_any));
        }
        if !mailboxes.is_empty() {
            using.extend(
                r.referring::<User>(self.org, "mailbox", &mailboxes)?.into_iter().map(Stored::into_any),
            );
        }
        for thing in using.iter().filter(|thing| !self.things.has(thing.kind(), thing.id())) {
            let name = name_of(r, thing)?;
            match thing.kind() {
                EntityKind::User => self.obstacle("mailbox", format!("is used by {name} since"), None),
                kind => self.obstacle(kind.word(), format!("{name} was given since"), None),
            }
        }
        Ok(())
    }

    /// What would be taken and somebody has who would not give it up.
    fn look_at_claims(&mut self, r: &mut Reader, steps: &[Step]) -> Result<(), AppError> {
        let mut by_space: BTreeMap<SmolStr, Vec<(SmolStr, &'static str, &Step)>> = BTreeMap::new();
        for step in steps {
            for claim in step.taken() {
                by_space.entry(claim.space).or_default().push((claim.key, claim.field, step));
            }
        }
        for (space, wanted) in by_space {
            let keys: Vec<SmolStr> = wanted.iter().map(|(key, _, _)| key.clone()).collect();
            for (key, kind, holder) in r.claimed(self.org, &space, &keys)? {
                let Some((_, field, step)) = wanted.iter().find(|(of, _, _)| *of == key) else { continue };
                if holder == step.change.id || self.things.has(kind, holder) {
                    continue;
                }
                let names = load_any(r, self.org, kind, &[holder])?;
                let by = names.first().map(|thing| name_of(r, thing)).transpose()?.unwrap_or_default();
                let whose =
                    step.then.as_ref().map(|thing| name_of(r, thing)).transpose()?.unwrap_or_default();
                self.obstacle(field, format!("{key} of {whose} is taken by {by} since"), None);
            }
        }
        Ok(())
    }

    pub fn obstacle(&mut self, what: &'static str, how: String, seq: Option<u64>) {
        if self.review.obstacles.len() < OBSTACLES_MAX {
            self.review.obstacles.push(Conflict { what, how, seq });
        } else {
            self.review.obstacles_more += 1;
        }
    }

    /// What the undo of a set would be refused for, in its own words.
    pub fn refused(&mut self, refusal: Refusal) -> Result<(), AppError> {
        let Refusal::ChangedSince(conflicts, more) = refusal else { return Err(refusal.into()) };
        for conflict in conflicts {
            self.obstacle(conflict.what, conflict.how, conflict.seq);
        }
        self.review.obstacles_more += more;
        Ok(())
    }
}

fn place<E: Stored>(r: &mut Reader, org: OrgId, id: Uuid, to: u64) -> Result<Option<AnyEntity>, AppError> {
    Ok(match r.past::<E>(org, &[id], to)?.pop() {
        Some((_, Past::There(place))) => Some(place.into_any()),
        _ => None,
    })
}

fn person_of(step: &Step) -> Option<Uuid> {
    let owner = |thing: &AnyEntity| match thing {
        AnyEntity::User(user) => Some(user.id.0),
        AnyEntity::Device(device) => device.user.map(|user| user.0),
        AnyEntity::Mailbox(mailbox) => mailbox.owner.map(|user| user.0),
        AnyEntity::PhoneNumber(number) => number.user.map(|user| user.0),
        AnyEntity::SignIn(sign_in) => sign_in.user.map(|user| user.0),
        AnyEntity::Invite(invite) => invite.user.map(|user| user.0),
        _ => None,
    };
    step.now.as_ref().and_then(owner).or(step.then.as_ref().and_then(owner))
}

/// Everything that a change would do, each part with its length. Not the version: that counts what is the
/// same in the end.
fn hash(digest: &mut Sha256, change: &EntityChange) {
    digest.update(change.id.as_bytes());
    let values = change.fields.iter().map(|f| format!("{}={:?}>{:?}", f.field, f.before, f.after));
    for text in [change.kind.word().to_string(), change.op.word().to_string()].into_iter().chain(values) {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text);
    }
}
