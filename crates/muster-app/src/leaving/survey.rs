//! What depends on people who would go: everything that names them or forwards to them, found by the table of
//! fields, with a fixed number of queries.

use muster_domain::field::EntityKind;
use muster_domain::for_kind;
use muster_domain::ids::{OrgId, UserId};
use muster_domain::leaving::{Choice, FORWARD_FIELD, choices, why_to_choose, why_to_choose_forward, without};
use muster_domain::organization::Connection;
use muster_domain::references::{AtRemoval, Referrer, ids_in, referrers};
use muster_domain::user::{Record, User};
use muster_domain::value::Value;
use muster_store::{AnyEntity, Named, Reader, Stored};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;
use uuid::Uuid;

use crate::AppError;

/// So many things may name a person by one field. Whoever is named by more is taken out of some of them first.
const THINGS_MAX: usize = 5_000;

/// One thing that depends on one person by one field.
pub(crate) struct Tie {
    pub person: UserId,
    pub thing: AnyEntity,
    pub referrer: Referrer,
    /// The usual one first.
    pub choices: &'static [Choice],
    /// Why nothing is done by itself.
    pub why_to_choose: Option<&'static str>,
}

impl Tie {
    pub fn is_forward(&self) -> bool {
        self.referrer.field == FORWARD_FIELD
    }

    /// `groups`, `mailboxes`, `forwards`.
    pub fn category(&self) -> &'static str {
        if self.is_forward() { "forwards" } else { self.referrer.kind.plural() }
    }

    /// What holds if nobody chooses.
    pub fn default(&self) -> Option<Choice> {
        self.choices.first().copied().filter(|_| self.why_to_choose.is_none())
    }
}

/// Something that names a mailbox of somebody who would go.
pub(crate) struct MailboxUse {
    pub thing: AnyEntity,
    pub field: &'static str,
}

pub(crate) struct Survey {
    /// In the order of their ids.
    pub users: Vec<User>,
    pub ties: Vec<Tie>,
    pub mailbox_uses: Vec<MailboxUse>,
    pub connections: Vec<Connection>,
    /// Digest of all that depends on them: whoever changes any of it makes another.
    pub plan: String,
}

impl Survey {
    /// Of people who are there and not in the trash; one who is not stops it.
    pub fn load(r: &mut Reader, org: OrgId, ids: &[UserId]) -> Result<Survey, AppError> {
        let mut people: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        people.sort_unstable();
        people.dedup();
        let mut users = r.get_many::<User>(org, &people)?;
        users.retain(|user| user.record == Record::Live);
        if users.len() != people.len() {
            return Err(AppError::NotFound("user"));
        }
        users.sort_unstable_by_key(|user| user.id);
        let connections = r.all::<Connection>(org)?;
        let mut ties = ties(r, org, &people)?;
        ties.extend(forwards(r, org, &users, &connections)?);
        let mailbox_uses = mailbox_uses(r, org, &people)?;
        let plan = plan_of(&users, &ties, &mailbox_uses);
        Ok(Survey { users, ties, mailbox_uses, connections, plan })
    }

    pub fn goes(&self, id: Uuid) -> bool {
        self.users.iter().any(|user| user.id.0 == id)
    }
}

/// Everything that names them by an id.
fn ties(r: &mut Reader, org: OrgId, people: &[Uuid]) -> Result<Vec<Tie>, AppError> {
    let mut found = Vec::new();
    for referrer in referrers(EntityKind::User) {
        let things = for_kind!(referrer.kind, E => naming::<E>(r, org, &referrer, Named::People, people))?;
        for thing in things {
            if referrer.kind == EntityKind::User && people.contains(&thing.id()) {
                continue;
            }
            let value = thing.value(referrer.field).unwrap_or_default();
            let why_to_choose = why_to_choose(&referrer, &without(&value, people));
            let named = ids_in(&value);
            for person in people.iter().filter(|person| named.contains(person)) {
                found.push(Tie {
                    person: UserId(*person),
                    thing: thing.clone(),
                    referrer,
                    choices: choices(&referrer),
                    why_to_choose,
                });
            }
        }
    }
    Ok(found)
}

fn naming<E: Stored>(
    r: &mut Reader,
    org: OrgId,
    referrer: &Referrer,
    named: Named,
    people: &[Uuid],
) -> Result<Vec<AnyEntity>, AppError> {
    let things = r.naming::<E>(org, referrer.field, named, people, THINGS_MAX)?;
    check_count(things.len(), E::KIND)?;
    Ok(things.into_iter().map(E::into_any).collect())
}

fn check_count(count: usize, kind: EntityKind) -> Result<(), AppError> {
    if count < THINGS_MAX {
        return Ok(());
    }
    let many = kind.plural().replace('_', " ");
    let why = format!("{THINGS_MAX} {many} or more depend on them: change some of those first");
    Err(muster_domain::change::Refusal::NotAllowed(why).into())
}

/// Those whose calls are forwarded to somebody who goes: by the extension, as it is dialled in their own dial
/// plan, or by the direct number.
fn forwards(
    r: &mut Reader,
    org: OrgId,
    users: &[User],
    connections: &[Connection],
) -> Result<Vec<Tie>, AppError> {
    let mut numbers: Vec<(SmolStr, &User)> = Vec::new();
    for user in users {
        let dialled = user.extension.iter().flat_map(|extension| {
            let own = std::iter::once(extension.to_smol());
            own.chain(
                prefix_of(user, connections).map(|prefix| smol_str::format_smolstr!("{prefix}{extension}")),
            )
        });
        numbers.extend(dialled.map(|number| (number, user)));
        numbers.extend(user.direct_number.iter().map(|number| (number.to_smol(), user)));
    }
    let texts: Vec<SmolStr> = numbers.iter().map(|(number, _)| number.clone()).collect();
    let mut found = r.having::<User>(org, FORWARD_FIELD, &texts, THINGS_MAX)?;
    check_count(found.len(), EntityKind::User)?;
    found.sort_unstable_by_key(|user| user.id);
    found.dedup_by_key(|user| user.id);
    let referrer =
        Referrer { kind: EntityKind::User, field: FORWARD_FIELD, many: false, at_removal: AtRemoval::Detach };
    let tie = |forwarding: User| {
        let to = forwarding.alternate_number.as_ref()?.as_str();
        let (_, user) = numbers
            .iter()
            .find(|(number, user)| number == to && reaches(&forwarding, to, user, connections))?;
        let stays = forwarding.record == Record::Live && users.iter().all(|user| user.id != forwarding.id);
        stays.then(|| Tie {
            person: user.id,
            choices: choices(&referrer),
            why_to_choose: why_to_choose_forward(&forwarding),
            referrer,
            thing: forwarding.into(),
        })
    };
    Ok(found.into_iter().filter_map(tie).collect())
}

fn prefix_of<'a>(user: &User, connections: &'a [Connection]) -> Option<&'a str> {
    let connection = connections.iter().find(|connection| Some(connection.id) == user.connection)?;
    connection.prefix.as_ref().map(|prefix| prefix.as_str())
}

/// Whether a number that somebody forwards to is this person's where it is dialled.
fn reaches(from: &User, number: &str, to: &User, connections: &[Connection]) -> bool {
    let direct = to.direct_number.as_ref().is_some_and(|direct| direct.as_str() == number);
    direct || dialled_from(from, to, connections).is_some_and(|dialled| dialled == number)
}

/// What somebody dials to reach another's extension; `None` where there is no way.
pub(super) fn dialled_from(from: &User, to: &User, connections: &[Connection]) -> Option<SmolStr> {
    let extension = to.extension.as_ref()?;
    if from.connection == to.connection {
        return Some(extension.to_smol());
    }
    let prefix = prefix_of(to, connections)?;
    Some(smol_str::format_smolstr!("{prefix}{extension}"))
}

fn mailbox_uses(r: &mut Reader, org: OrgId, people: &[Uuid]) -> Result<Vec<MailboxUse>, AppError> {
    let mut found = Vec::new();
    for referrer in referrers(EntityKind::Mailbox) {
        let named = Named::TheirMailboxes;
        let things = for_kind!(referrer.kind, E => naming::<E>(r, org, &referrer, named, people))?;
        found.extend(things.into_iter().map(|thing| MailboxUse { thing, field: referrer.field }));
    }
    Ok(found)
}

fn plan_of(users: &[User], ties: &[Tie], mailbox_uses: &[MailboxUse]) -> String {
    let mut digest = Sha256::new_with_prefix(b"muster-removal-1");
    let mut add = |words: &[&str], id: Uuid, version: u64| {
        for word in words {
            digest.update((word.len() as u64).to_be_bytes());
            digest.update(word);
        }
        digest.update(id.as_bytes());
        digest.update(version.to_be_bytes());
    };
    for user in users {
        add(&["goes"], user.id.0, user.version);
    }
    for tie in ties {
        let person = tie.person.to_string();
        add(&[tie.category(), tie.referrer.field, &person], tie.thing.id(), tie.thing.version());
    }
    for mailbox_use in mailbox_uses {
        let (thing, field) = (&mailbox_use.thing, mailbox_use.field);
        add(&[thing.kind().word(), field], thing.id(), thing.version());
    }
    hex::encode(digest.finalize())
}

/// What a value of a thing is, as a text.
pub(super) fn text(thing: &AnyEntity, field: &str) -> String {
    thing.value(field).as_ref().and_then(Value::as_text).unwrap_or_default().to_string()
}
