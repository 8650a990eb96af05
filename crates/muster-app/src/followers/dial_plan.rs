//! Keeps the phone core's view of people up to date (replicated follower).

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use muster_domain::capabilities;
use muster_domain::change::Op;
use muster_domain::dial_plan::{CredentialPlan, PersonPlan, PlanUpdate};
use muster_domain::field::EntityKind;
use muster_domain::ids::{OrgId, UserId};
use muster_domain::organization::Organization;
use muster_domain::value::Value;
use muster_store::{Change, ChangeFilter, PlanPerson, Reader, StoreError};

use super::damaged::Damaged;
use super::gate::Gate;
use crate::{App, AppError, OPERATOR_SLUG};

/// What the phone core is told.
pub type PlanEvent = PlanUpdate;

/// Changes read, and people sent, at once. So many changes are always followed; more of them only where
/// the organization is so large that sending it as a whole would be more work.
const PAGE: usize = 1000;
/// An organization is sent as a whole again when there are more changes than this part of its people.
const FOLLOWED_PART: usize = 2;

/// How an auth name, a realm and a secret become what digest needs. The formula is SIP's, so it is
/// handed in.
pub type Ha1 = fn(auth_name: &str, realm: &str, secret: &str) -> ([u8; 16], [u8; 32]);

/// Follows every organization and hands what the phones must know to a sink, in order.
pub struct DialPlanFollower {
    app: App,
    ha1: Ha1,
    known: HashMap<OrgId, u64>,
    /// How many people there were when an organization was last sent as a whole.
    people: HashMap<OrgId, usize>,
    /// Organizations that could not be read, so that it is said once.
    stuck: HashSet<OrgId>,
    damaged: Damaged,
}

impl DialPlanFollower {
    pub fn new(app: App, ha1: Ha1) -> DialPlanFollower {
        DialPlanFollower {
            app,
            ha1,
            known: HashMap::new(),
            people: HashMap::new(),
            stuck: HashSet::new(),
            damaged: Damaged::default(),
        }
    }

    /// Runs until `stop`; wakes at every commit of this process and looks at the heads twice a second
    /// for those of others.
    pub fn run(mut self, stop: &AtomicBool, mut sink: impl FnMut(PlanUpdate)) {
        let mut seen = 0;
        while !stop.load(Ordering::Relaxed) {
            if let Err(error) = self.step(&mut sink) {
                tracing::warn!(%error, "the phones' view of people is waiting for the database");
                std::thread::sleep(Duration::from_millis(500));
            }
            seen = self.app.store().wait_commit(seen, Duration::from_millis(500));
        }
    }

    /// Catches up once with everything committed by now.
    pub fn step(&mut self, sink: &mut impl FnMut(PlanUpdate)) -> Result<(), AppError> {
        let heads = self.app.store().read(|r| r.heads().map_err(AppError::from))?;
        let gone: Vec<OrgId> =
            self.known.keys().filter(|id| heads.iter().all(|h| h.org != **id)).copied().collect();
        for org in gone {
            self.known.remove(&org);
            self.people.remove(&org);
            self.damaged.forget(org);
            sink(PlanUpdate::OrganizationGone { org });
        }
        for head in heads {
            let known = self.known.get(&head.org).copied();
            if known == Some(head.head_seq) {
                continue;
            }
            let store = self.app.store().clone();
            let updates = match store.read(|r| self.updates(r, head.org, known)) {
                Ok(updates) => updates,
                // One row that nobody can read must not keep the phones of all others from starting.
                Err(AppError::Store(StoreError::Corrupt(why))) => {
                    self.say_stuck(head.org, &why);
                    continue;
                }
                Err(other) => return Err(other),
            };
            self.stuck.remove(&head.org);
            for update in updates {
                if let PlanUpdate::Reached { org, seq } = update {
                    self.known.insert(org, seq);
                }
                sink(update);
            }
        }
        self.damaged.say_new();
        self.app.phones().set_unreadable_credentials(self.damaged.count());
        Ok(())
    }

    fn say_stuck(&mut self, org: OrgId, why: &str) {
        if self.stuck.insert(org) {
            tracing::error!(%org, why, "an organization cannot be read: its phones stay as they are; \
                `muster changes --verify` says where the damage is");
        }
    }

    fn updates(
        &mut self,
        r: &mut Reader,
        org: OrgId,
        known: Option<u64>,
    ) -> Result<Vec<PlanUpdate>, AppError> {
        let Some(organization) = r.organization(org)? else { return Ok(Vec::new()) };
        let Some(head) = r.head(org)? else { return Ok(Vec::new()) };
        let seq = head.head_seq;
        if organization.slug.as_str() == OPERATOR_SLUG {
            return Ok(vec![PlanUpdate::Reached { org, seq }]);
        }
        let touched = match known {
            Some(known) => self.touched(r, org, known, seq)?,
            None => None,
        };
        let mut updates = match touched {
            Some(touched) => self.follow(r, &organization, seq, touched)?,
            None => vec![self.snapshot(r, &organization, seq)?],
        };
        updates.push(PlanUpdate::Reached { org, seq });
        Ok(updates)
    }

    fn snapshot(
        &mut self,
        r: &mut Reader,
        organization: &Organization,
        seq: u64,
    ) -> Result<PlanUpdate, AppError> {
        let mut people = Vec::new();
        self.damaged.forget(organization.id);
        let mut gate = Gate::load(r, organization)?;
        r.plan_people(organization.id, |person| {
            people.push(self.person(organization, &mut gate, person));
            Ok(())
        })?;
        self.people.insert(organization.id, people.len());
        Ok(PlanUpdate::Organization {
            id: organization.id,
            seq,
            realm: organization.domain.to_smol(),
            aliases: organization.domain_aliases.iter().map(|d| d.to_smol()).collect(),
            people,
        })
    }

    /// Whom the changes after `known` touch; `None` if the organization is to be sent as a whole.
    fn touched(
        &self,
        r: &mut Reader,
        org: OrgId,
        mut known: u64,
        seq: u64,
    ) -> Result<Option<BTreeSet<UserId>>, AppError> {
        let people = self.people.get(&org).copied().unwrap_or_default();
        if seq.saturating_sub(known) > PAGE.max(people / FOLLOWED_PART) as u64 {
            return Ok(None);
        }
        let mut users: BTreeSet<UserId> =
            r.touched_since(org, EntityKind::User, known)?.into_iter().map(UserId).collect();
        // Of these it is not enough to know that something was done to them.
        let told =
            [EntityKind::Device, EntityKind::Organization, EntityKind::Site, EntityKind::EmergencyLocation];
        let mut more = false;
        for kind in told {
            more |= !r.touched_since(org, kind, known)?.is_empty();
        }
        while more && known < seq {
            let changes = match r.changes(org, known, PAGE, &ChangeFilter::default()) {
                Ok(changes) => changes,
                // A line that cannot be read: the tables may still say what it did.
                Err(StoreError::Corrupt(_)) => return Ok(None),
                Err(other) => return Err(other.into()),
            };
            let Some(last) = changes.last() else { break };
            known = last.envelope.seq;
            for change in changes.iter().filter(|change| told.contains(&change.envelope.entity)) {
                // What was erased cannot say whose it was.
                let Some(body) = &change.body else { return Ok(None) };
                // Nobody belongs to a site that was only just made.
                let new_site = change.envelope.entity == EntityKind::Site && body.op == Op::Create;
                if change.envelope.entity == EntityKind::Device {
                    users.extend(holders(r, org, change)?);
                } else if !new_site
                    && body.fields.iter().any(|f| is_everybodys(change.envelope.entity, f.field))
                {
                    return Ok(None);
                }
            }
        }
        Ok(Some(users))
    }

    fn follow(
        &mut self,
        r: &mut Reader,
        organization: &Organization,
        seq: u64,
        mut touched: BTreeSet<UserId>,
    ) -> Result<Vec<PlanUpdate>, AppError> {
        let org = organization.id;
        self.damaged.forget_users(org, &touched);
        let ids: Vec<UserId> = touched.iter().copied().collect();
        let mut gate = Gate::load(r, organization)?;
        let mut here = Vec::with_capacity(ids.len());
        for ids in ids.chunks(PAGE) {
            for person in r.plan_people_of(org, ids)? {
                touched.remove(&person.user);
                here.push(PlanUpdate::Person {
                    org,
                    seq,
                    person: self.person(organization, &mut gate, person),
                });
            }
        }
        // Those who left go first, so that whoever has their extension now is not taken for a clash.
        let gone = touched.into_iter().map(|user| PlanUpdate::PersonGone { org, seq, user });
        Ok(gone.chain(here).collect())
    }

    fn person(&mut self, organization: &Organization, gate: &mut Gate, person: PlanPerson) -> PersonPlan {
        self.damaged.note(organization.id, &person);
        let realm = organization.domain.as_str();
        let credentials = person.credentials.into_iter().map(|c| {
            let (ha1_md5, ha1_sha256) = (self.ha1)(&c.auth_name, realm, &c.secret);
            CredentialPlan { id: c.id, auth_name: c.auth_name, secret: c.secret_id, ha1_md5, ha1_sha256 }
        });
        let held_but_for = gate.held_but_for(person.site, person.emergency_location.as_deref());
        PersonPlan {
            user: person.user,
            held_but_for,
            extension: person.extension,
            display_name: person.display_name,
            service: person.service,
            capabilities: capabilities::capabilities(person.user_type, gate.kind_of(person.connection)),
            max_bindings: u8::try_from(person.max_bindings).unwrap_or(u8::MAX),
            call_timeout_s: person.call_timeout_s,
            credentials: credentials.collect(),
        }
    }
}

/// Whether a field is about everybody's phones. A new domain is a new realm, and every HA1 with it; what
/// decides over emergency locations may hold back or let go whoever has none of their own.
fn is_everybodys(kind: EntityKind, field: &str) -> bool {
    match kind {
        EntityKind::Organization => matches!(field, "domain" | "domain_aliases" | "emergency_policy"),
        EntityKind::Site => {
            matches!(field, "country" | "emergency_policy" | "emergency_location" | "emergency_numbers")
        }
        EntityKind::EmergencyLocation => field == "name",
        _ => false,
    }
}

/// Who had the device before the change and who has it after: both may have lost or gained a phone.
fn holders(r: &mut Reader, org: OrgId, change: &Change) -> Result<Vec<UserId>, AppError> {
    let mut users: Vec<UserId> = Vec::new();
    for field in change.body.iter().flat_map(|b| &b.fields).filter(|f| f.field == "user") {
        for value in [&field.before, &field.after] {
            if let Value::Id(id) = value {
                users.push(UserId(*id));
            }
        }
    }
    let device = r.get::<muster_domain::organization::Device>(org, change.envelope.entity_id)?;
    users.extend(device.and_then(|d| d.user));
    Ok(users)
}
