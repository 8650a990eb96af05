//! What is wrong with people: not reached, held back, forwarded to nobody, counted for nothing, old passwords.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use muster_domain::capabilities::capabilities;
use muster_domain::claims::extension_space;
use muster_domain::doctor::{Observed, made_at, why_not_reached};
use muster_domain::emergency::{nickname_of, policy_of};
use muster_domain::field::EntityKind;
use muster_domain::ids::{ConnectionId, OrgId, SiteId, UserId};
use muster_domain::locations::EmergencyLocation;
use muster_domain::organization::{Connection, ConnectionKind, EmergencyPolicy, Organization, Site};
use muster_domain::types::UnixMillis;
use muster_domain::user::{Service, User};
use muster_store::{Op, Query, Reader, Term};
use smol_str::SmolStr;

use super::{Check, DAY_MS, Finding, Found, Mend, OLD_DAYS, UNUSED_DAYS};
use crate::AppError;
use crate::names::called;

/// People looked at at once.
const PAGE: usize = 1000;
/// Who has just come has had no time to register.
const SETTLED_DAYS: i64 = 3;

pub(super) fn examine(
    r: &mut Reader,
    org: OrgId,
    at: UnixMillis,
    watched_since: Option<UnixMillis>,
    found: &mut Found,
) -> Result<(), AppError> {
    unused_seats(r, org, at, watched_since, found)?;
    let of_people = [Check::ForwardsToNobody, Check::Unreachable, Check::CannotCall, Check::OldCredentials];
    if !of_people.into_iter().any(|check| found.wants(check)) {
        return Ok(());
    }
    let Some(organization) = r.organization(org)? else { return Ok(()) };
    let places = Places::load(r, organization)?;
    let mut query = Query {
        filter: vec![Term { field: "record".into(), op: Op::Eq, value: "live".into() }].into(),
        limit: PAGE,
        ..Query::default()
    };
    loop {
        let page = r.list::<User>(org, &query)?;
        let ids: Vec<UserId> =
            page.items.iter().filter(|u| u.service == Service::Enabled).map(|u| u.id).collect();
        let seen: HashSet<UserId> = r.last_seen(org, &ids)?.into_iter().map(|(user, _)| user).collect();
        let watched = watched_since.is_some_and(|since| since.0 <= at.0 - SETTLED_DAYS * DAY_MS);
        forwards(r, org, &page.items, &places, found)?;
        for user in &page.items {
            let settled = watched && user.created_at.0 <= at.0 - SETTLED_DAYS * DAY_MS;
            person(user, &places, seen.contains(&user.id) || !settled, at, found);
        }
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => return Ok(()),
        }
    }
}

fn person(user: &User, places: &Places, has_phone: bool, at: UnixMillis, found: &mut Found) {
    let connection = places.kind_of(user.connection);
    let finding = |why: String, advice: &str, mend: Mend| Finding {
        kind: EntityKind::User,
        id: user.id.0,
        name: called(user),
        why,
        advice: advice.to_string(),
        mend,
    };
    if let Some(why) = why_not_reached(user, &Observed { connection, has_phone }) {
        let advice = match (&user.extension, user.service) {
            (None, _) => "give them an extension",
            (_, Service::ContactOnly | Service::NotActivated) => {
                "activate them, give them a mailbox, or forward their calls"
            }
            _ => "give them a mailbox, or a number that calls are forwarded to",
        };
        found.add(Check::Unreachable, || finding(why, advice, Mend::ByHand));
    }
    if let Some(why) = places.why_held_back(user) {
        let advice = "give them an emergency location, or their site a default";
        found.add(Check::CannotCall, || finding(why, advice, Mend::ByHand));
    }
    let old = user.sip_secret.and_then(|secret| made_at(secret.0)).is_some_and(|made| is_old(made, at));
    if old && user.service == Service::Enabled {
        let mend = Mend::NewSecret { user: user.id.0, device: None };
        let advice = "make a new one; the phones that use the old one drop";
        found.add(Check::OldCredentials, || {
            finding("has had the same SIP password for more than a year".into(), advice, mend)
        });
    }
}

pub(super) fn is_old(made: UnixMillis, at: UnixMillis) -> bool {
    made.0 <= at.0 - OLD_DAYS * DAY_MS
}

/// Who is counted and has not been seen for long. Said only once somebody has watched for so long.
fn unused_seats(
    r: &mut Reader,
    org: OrgId,
    at: UnixMillis,
    watched_since: Option<UnixMillis>,
    found: &mut Found,
) -> Result<(), AppError> {
    let long_ago = at.0 - UNUSED_DAYS * DAY_MS;
    if !found.wants(Check::UnusedSeats) || watched_since.is_none_or(|since| since.0 > long_ago) {
        return Ok(());
    }
    let mut after = None;
    loop {
        let seats = r.seat_page(org, after, PAGE)?;
        let Some(last) = seats.last() else { return Ok(()) };
        after = Some(last.user);
        let ids: Vec<UserId> = seats.iter().map(|seat| seat.user).collect();
        let seen: HashMap<UserId, UnixMillis> = r.last_seen(org, &ids)?.into_iter().collect();
        let unused = seats.iter().filter(|seat| {
            seat.since.0 <= long_ago && seen.get(&seat.user).is_none_or(|seen| seen.0 <= long_ago)
        });
        let unused: Vec<uuid::Uuid> = unused.map(|seat| seat.user.0).collect();
        for user in r.get_many::<User>(org, &unused)? {
            let why = match seen.get(&user.id) {
                Some(seen) => format!("is counted, and no phone of theirs was registered since {seen}"),
                None => "is counted, and no phone of theirs was ever registered".to_string(),
            };
            found.add(Check::UnusedSeats, || Finding {
                kind: EntityKind::User,
                id: user.id.0,
                name: called(&user),
                why,
                advice: "deactivate them: they stay in the contact list and are not counted".into(),
                mend: Mend::Deactivate { user: user.id.0 },
            });
        }
    }
}

/// Calls that are forwarded to an extension which nothing has, in the dial plan of whoever forwards.
fn forwards(
    r: &mut Reader,
    org: OrgId,
    users: &[User],
    places: &Places,
    found: &mut Found,
) -> Result<(), AppError> {
    if !found.wants(Check::ForwardsToNobody) {
        return Ok(());
    }
    let mut wanted: BTreeMap<ConnectionId, BTreeSet<SmolStr>> = BTreeMap::new();
    let dialled: Vec<(&User, SmolStr)> = users
        .iter()
        .filter_map(|user| Some((user, user.alternate_number.as_ref()?.to_smol())))
        .filter(|(_, number)| !number.starts_with('+'))
        .collect();
    for (user, number) in &dialled {
        for (connection, extension) in places.may_mean(user, number) {
            wanted.entry(connection).or_default().insert(extension);
        }
    }
    let mut there: HashSet<(ConnectionId, SmolStr)> = HashSet::new();
    for (connection, extensions) in wanted {
        let keys: Vec<SmolStr> = extensions.into_iter().collect();
        let held = r.claimed(org, &extension_space(connection), &keys)?;
        there.extend(held.into_iter().map(|(extension, _, _)| (connection, extension)));
    }
    for (user, number) in dialled {
        if places.may_mean(user, &number).iter().any(|meant| there.contains(meant)) {
            continue;
        }
        found.add(Check::ForwardsToNobody, || Finding {
            kind: EntityKind::User,
            id: user.id.0,
            name: called(user),
            why: format!("forwards calls to {number} ({}), which nobody has", user.forward_behaviour.word()),
            advice: "let their own phones ring, or give another number".into(),
            mend: Mend::StopForwarding { user: user.id.0, version: user.version },
        });
    }
    Ok(())
}

/// What decides over people beside themselves.
struct Places {
    organization: Organization,
    sites: HashMap<SiteId, Site>,
    connections: Vec<Connection>,
    locations: HashSet<SmolStr>,
}

impl Places {
    fn load(r: &mut Reader, organization: Organization) -> Result<Places, AppError> {
        let org = organization.id;
        let locations = r.all::<EmergencyLocation>(org)?;
        Ok(Places {
            sites: r.all::<Site>(org)?.into_iter().map(|site| (site.id, site)).collect(),
            connections: r.all::<Connection>(org)?,
            locations: locations.into_iter().map(|location| location.name.to_smol()).collect(),
            organization,
        })
    }

    fn kind_of(&self, connection: Option<ConnectionId>) -> ConnectionKind {
        let found = self.connections.iter().find(|c| Some(c.id) == connection);
        found.map_or(ConnectionKind::Builtin, |connection| connection.kind)
    }

    /// The extensions that somebody may mean by what they dial: of their own dial plan, and of another behind its
    /// prefix.
    fn may_mean(&self, user: &User, dialled: &SmolStr) -> Vec<(ConnectionId, SmolStr)> {
        let own = user.connection.map(|connection| (connection, dialled.clone()));
        let others = self.connections.iter().filter(|other| Some(other.id) != user.connection);
        let others = others.filter_map(|other| {
            let rest = dialled.strip_prefix(other.prefix.as_ref()?.as_str())?;
            (!rest.is_empty()).then(|| (other.id, SmolStr::new(rest)))
        });
        own.into_iter().chain(others).collect()
    }

    /// Why their calls are held back, but for those for help.
    fn why_held_back(&self, user: &User) -> Option<String> {
        let site = self.sites.get(&user.site?)?;
        let places_calls = capabilities(user.user_type, ConnectionKind::Builtin).places_calls;
        let requires = policy_of(site, &self.organization) == EmergencyPolicy::Require;
        if !requires || !places_calls || user.service != Service::Enabled {
            return None;
        }
        let own = user.emergency_location.as_ref().map(|text| text.as_str());
        let of_site = site.name.as_str();
        match nickname_of(own, Some(site)) {
            Some(name) if self.locations.contains(name) => None,
            Some(name) => Some(format!(
                "cannot call: the emergency location {name} is not there, and {of_site} requires one"
            )),
            None => Some(format!("cannot call: has no emergency location, and {of_site} requires one")),
        }
    }
}
