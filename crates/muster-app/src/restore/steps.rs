//! What would lead back: thing by thing, from now to what was.

use std::collections::{BTreeSet, HashMap};

use muster_domain::change::{EntityChange, Op, Refusal, apply, creation_of, inverse, update_of};
use muster_domain::claims::Claim;
use muster_domain::compose::together;
use muster_domain::field::{Entity, EntityKind};
use muster_domain::for_kind;
use muster_domain::ids::{ChangeSetId, OrgId, UserId};
use muster_domain::organization::{Device, Mailbox, PhoneNumber};
use muster_domain::signing::{Invite, SignIn};
use muster_domain::user::User;
use muster_store::{AnyEntity, Past, Reader, Stored};
use uuid::Uuid;

use crate::AppError;
use crate::undo::refuse_if_not_undoable;

/// Things looked at at once.
const PAGE: usize = 500;

/// Where is gone back to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// The state after this change.
    Moment(u64),
    /// What was there before the changes of this set.
    Before(ChangeSetId),
}

/// One thing on its way back.
pub(crate) struct Step {
    pub change: EntityChange,
    pub now: Option<AnyEntity>,
    pub then: Option<AnyEntity>,
}

/// Some things: what would change of them, and of which that cannot be said.
#[derive(Default)]
pub(crate) struct Steps {
    pub steps: Vec<Step>,
    /// What they were has been erased.
    pub erased: u64,
    /// Something was done to them since that is not to be taken back.
    pub moved: u64,
}

/// The things that may change, by kind, each kind in the order of the ids.
pub(crate) struct Things(Vec<(EntityKind, Vec<Uuid>)>);

impl Things {
    /// People with their devices, mailboxes and numbers, as far as anything was done to them since.
    pub fn of_people(r: &mut Reader, org: OrgId, to: u64) -> Result<Things, AppError> {
        let kinds = [EntityKind::User, EntityKind::Mailbox, EntityKind::Device, EntityKind::PhoneNumber];
        let ids = kinds.into_iter().map(|kind| Ok((kind, r.touched_since(org, kind, to)?)));
        let mut things: Vec<(EntityKind, Vec<Uuid>)> = ids.collect::<Result<_, AppError>>()?;
        let users = things.first().map(|(_, users)| users.clone()).unwrap_or_default();
        things.extend(with_whoever_comes_or_goes(r, org, to, &users)?);
        Ok(Things(things))
    }

    /// One person with the devices, mailboxes and numbers that are or were theirs.
    pub fn of_person(r: &mut Reader, org: OrgId, user: UserId, to: u64) -> Result<Things, AppError> {
        let touched = r.touched_since(org, EntityKind::User, to)?.contains(&user.0);
        let users = if touched { vec![user.0] } else { Vec::new() };
        let mailboxes = theirs::<Mailbox>(r, org, to, |mailbox| mailbox.owner == Some(user))?;
        let devices = theirs::<Device>(r, org, to, |device| device.user == Some(user))?;
        let numbers = theirs::<PhoneNumber>(r, org, to, |number| number.user == Some(user))?;
        let signing = with_whoever_comes_or_goes(r, org, to, &users)?;
        let mut things = vec![
            (EntityKind::User, users),
            (EntityKind::Mailbox, mailboxes),
            (EntityKind::Device, devices),
            (EntityKind::PhoneNumber, numbers),
        ];
        things.extend(signing);
        Ok(Things(things))
    }

    pub fn of_set(r: &mut Reader, org: OrgId, set: ChangeSetId) -> Result<Things, AppError> {
        let mut things: Vec<(EntityKind, Vec<Uuid>)> = Vec::new();
        // In the order of the kinds, as they are declared.
        for (kind, id) in r.touched_by(org, set)? {
            match things.last_mut().filter(|(last, _)| *last == kind) {
                Some((_, ids)) => ids.push(id),
                None => things.push((kind, vec![id])),
            }
        }
        Ok(Things(things))
    }

    pub fn has(&self, kind: EntityKind, id: Uuid) -> bool {
        self.0.iter().any(|(of, ids)| *of == kind && ids.binary_search(&id).is_ok())
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, ids)| ids.is_empty())
    }

    pub fn pages(&self) -> impl Iterator<Item = (EntityKind, &[Uuid])> {
        self.0.iter().flat_map(|(kind, ids)| ids.chunks(PAGE).map(|page| (*kind, page)))
    }
}

/// What people sign in with, and their invites, go and come with them. Of who stays it stays as it is: going back
/// brings no old password back.
fn with_whoever_comes_or_goes(
    r: &mut Reader,
    org: OrgId,
    to: u64,
    users: &[Uuid],
) -> Result<Vec<(EntityKind, Vec<Uuid>)>, AppError> {
    let mut touched = false;
    for kind in [EntityKind::SignIn, EntityKind::Invite] {
        touched |= !r.touched_since(org, kind, to)?.is_empty();
    }
    let mut moving: BTreeSet<Uuid> = BTreeSet::new();
    for ids in users.chunks(PAGE).filter(|_| touched) {
        let now: BTreeSet<Uuid> = r.get_many::<User>(org, ids)?.iter().map(|user| user.id.0).collect();
        for (id, past) in r.past::<User>(org, ids, to)? {
            if matches!(past, Past::There(_)) != now.contains(&id) {
                moving.insert(id);
            }
        }
    }
    if moving.is_empty() {
        return Ok(Vec::new());
    }
    let moves = |user: Option<UserId>| user.is_some_and(|user| moving.contains(&user.0));
    let sign_ins = theirs::<SignIn>(r, org, to, |sign_in| moves(sign_in.user))?;
    let invites = theirs::<Invite>(r, org, to, |invite| moves(invite.user))?;
    Ok(vec![(EntityKind::SignIn, sign_ins), (EntityKind::Invite, invites)])
}

fn theirs<E: Stored>(
    r: &mut Reader,
    org: OrgId,
    to: u64,
    is: impl Fn(&E) -> bool,
) -> Result<Vec<Uuid>, AppError> {
    let mut found = Vec::new();
    for ids in r.touched_since(org, E::KIND, to)?.chunks(PAGE) {
        found.extend(r.get_many::<E>(org, ids)?.iter().filter(|thing| is(thing)).map(Entity::id));
        for (id, past) in r.past::<E>(org, ids, to)? {
            if matches!(&past, Past::There(thing) if is(thing)) {
                found.push(id);
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

impl Source {
    pub fn steps(
        self,
        r: &mut Reader,
        org: OrgId,
        kind: EntityKind,
        ids: &[Uuid],
    ) -> Result<Steps, AppError> {
        for_kind!(kind, E => self.of_kind::<E>(r, org, ids))
    }

    fn of_kind<E: Stored>(self, r: &mut Reader, org: OrgId, ids: &[Uuid]) -> Result<Steps, AppError> {
        let now = r.get_many::<E>(org, ids)?.into_iter().map(|thing| (thing.id(), thing)).collect();
        match self {
            Source::Moment(to) => to_moment(r, org, ids, to, now),
            Source::Before(set) => to_before(r, org, ids, set, now),
        }
    }
}

fn to_moment<E: Stored>(
    r: &mut Reader,
    org: OrgId,
    ids: &[Uuid],
    to: u64,
    mut now: HashMap<Uuid, E>,
) -> Result<Steps, AppError> {
    let mut found = Steps::default();
    for (id, past) in r.past::<E>(org, ids, to)? {
        let now = now.remove(&id);
        let then = match past {
            Past::Erased => {
                found.erased += 1;
                continue;
            }
            Past::There(then) => Some(*then),
            Past::NotThere => None,
        };
        let change = match (&now, &then) {
            (None, None) => None,
            (None, Some(then)) => Some(creation_of(then)),
            (Some(now), None) => {
                let removal = inverse(&creation_of(now))?;
                Some(EntityChange { version: Some(now.version()), ..removal })
            }
            (Some(now), Some(then)) => update_of(now, then),
        };
        if let Some(change) = change {
            // What no undo brings back is no more brought back this way.
            inverse(&change)?;
            let (now, then) = (now.map(E::into_any), then.map(E::into_any));
            found.steps.push(Step { change, now, then });
        }
    }
    Ok(found)
}

fn to_before<E: Stored>(
    r: &mut Reader,
    org: OrgId,
    ids: &[Uuid],
    set: ChangeSetId,
    mut now: HashMap<Uuid, E>,
) -> Result<Steps, AppError> {
    let lines = r.changes_of_set(org, set, ids)?;
    let mut found = Steps::default();
    for of_one in lines.chunk_by(|a, b| a.envelope.entity_id == b.envelope.entity_id) {
        let bodies: Option<Vec<EntityChange>> = of_one.iter().map(|line| line.body.clone()).collect();
        let Some(bodies) = bodies else {
            let seq = of_one.first().map_or(0, |line| line.envelope.seq);
            return Err(Refusal::Irreversible(format!("what change {seq} held was erased")).into());
        };
        bodies.iter().try_for_each(refuse_if_not_undoable)?;
        let Some(whole) = together(&bodies) else { continue };
        let change = inverse(&whole)?;
        let now = now.remove(&change.id);
        match apply::<E>(org, now.as_ref(), &change) {
            Ok(then) => {
                let (now, then) = (now.map(E::into_any), then.map(E::into_any));
                found.steps.push(Step { change, now, then });
            }
            Err(Refusal::Moved { .. } | Refusal::NotFound { .. } | Refusal::Exists { .. }) => {
                found.moved += 1
            }
            Err(other) => return Err(other.into()),
        }
    }
    Ok(found)
}

impl Step {
    /// What only one can have and this gives up.
    pub fn given_up(&self) -> Vec<(Claim, Uuid)> {
        let (now, then) = self.claims();
        now.into_iter().filter(|claim| !then.contains(claim)).map(|claim| (claim, self.change.id)).collect()
    }

    /// What only one can have and this takes.
    pub fn taken(&self) -> Vec<Claim> {
        let (now, then) = self.claims();
        then.into_iter().filter(|claim| !now.contains(claim)).collect()
    }

    fn claims(&self) -> (Vec<Claim>, Vec<Claim>) {
        let of = |thing: &Option<AnyEntity>| thing.as_ref().map_or(Vec::new(), AnyEntity::claims);
        (of(&self.now), of(&self.then))
    }

    /// The thing as it is called: as it is now, else as it was.
    pub fn thing(&self) -> Option<&AnyEntity> {
        self.now.as_ref().or(self.then.as_ref())
    }

    pub fn op(&self) -> Op {
        self.change.op
    }
}
