//! Emergency locations: what people and sites may name, and who is affected where one is missing.

use muster_domain::capabilities;
use muster_domain::change::Refusal;
use muster_domain::emergency::{may_have, missing, policy_of};
use muster_domain::field::EntityKind;
use muster_domain::ids::UserId;
use muster_domain::locations::EmergencyLocation;
use muster_domain::organization::{ConnectionKind, EmergencyPolicy, Organization, Site};
use muster_domain::permission::Permission;
use muster_domain::user::{Service, User};
use muster_domain::value::FieldError;
use muster_store::{Query, Reader};

use crate::{App, AppError, Op, Scope, Term};

/// Somebody whose calls would go out without an address that help can be sent to.
#[derive(Clone, Debug)]
pub struct Affected {
    pub user: User,
    pub site: Option<Site>,
    pub policy: EmergencyPolicy,
    /// Such as `has none, and Leeds has no default`.
    pub why: String,
}

/// Some of those who are affected.
#[derive(Clone, Debug, Default)]
pub struct AffectedPage {
    pub people: Vec<Affected>,
    /// Where to go on; `None` at the end.
    pub next: Option<UserId>,
}

/// People looked at in one request: whoever asks goes on from there.
const LOOKED_AT_MAX: usize = 20_000;
const PAGE: usize = 1000;

impl App {
    /// Enabled people who place calls, whose site warns or requires, and who have no emergency location. In
    /// order of their ids; at most `limit`.
    pub fn without_emergency_location(
        &self,
        scope: &Scope,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<AffectedPage, AppError> {
        scope.require(Permission::PeopleRead)?;
        self.store().read(|r| {
            let organization = r.organization(scope.org())?.ok_or(AppError::NotFound("organization"))?;
            let sites = r.all::<Site>(scope.org())?;
            if sites.iter().all(|site| policy_of(site, &organization) == EmergencyPolicy::Off) {
                return Ok(AffectedPage::default());
            }
            let locations = r.all::<EmergencyLocation>(scope.org())?;
            let judge = Judge { organization: &organization, sites: &sites, locations: &locations };
            judge.page(r, scope, after, limit)
        })
    }
}

struct Judge<'a> {
    organization: &'a Organization,
    sites: &'a [Site],
    locations: &'a [EmergencyLocation],
}

impl Judge<'_> {
    fn page(
        &self,
        r: &mut Reader,
        scope: &Scope,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<AffectedPage, AppError> {
        let enabled =
            |field: &str, value: &str| Term { field: field.into(), op: Op::Eq, value: value.into() };
        let query = Query {
            filter: vec![enabled("record", "live"), enabled("service", Service::Enabled.word())],
            cursor: after.map(|id| id.0.simple().to_string()),
            limit: PAGE,
            ..Query::default()
        };
        let mut query = scope.narrowed(EntityKind::User, Permission::PeopleRead, query);
        let mut page = AffectedPage::default();
        for _ in 0..LOOKED_AT_MAX / PAGE {
            let found = r.list::<User>(self.organization.id, &query)?;
            for user in found.items {
                if page.people.len() == limit {
                    return Ok(page);
                }
                page.next = Some(user.id);
                page.people.extend(self.affected(user));
            }
            match found.next {
                Some(next) => query.cursor = Some(next),
                None => {
                    page.next = None;
                    break;
                }
            }
        }
        Ok(page)
    }

    fn affected(&self, user: User) -> Option<Affected> {
        if !capabilities::capabilities(user.user_type, ConnectionKind::Builtin).places_calls {
            return None;
        }
        let site = self.sites.iter().find(|site| Some(site.id) == user.site)?;
        let policy = policy_of(site, self.organization);
        if policy == EmergencyPolicy::Off {
            return None;
        }
        let own = user.emergency_location.as_ref().map(|text| text.as_str());
        let why = missing(own, Some(site), self.locations)?;
        Some(Affected { site: Some(site.clone()), policy, why, user })
    }
}

/// A location that somebody is given by a request must be there, and theirs or the company's. (A file may
/// name one that comes later: until then they have none.)
pub(crate) fn check_of_user(r: &mut Reader, user: &User) -> Result<(), AppError> {
    let Some(name) = &user.emergency_location else { return Ok(()) };
    match named(r, user.org, name.as_str())? {
        Some(location) if may_have(user, &location) => Ok(()),
        Some(_) => Err(refused(
            "is the private location of somebody else",
            "name one of the company's, or their own",
        )),
        None => Err(refused(
            format!("{name} is no emergency location of this organization"),
            "make it first: muster emergency-location add name=… country=…",
        )),
    }
}

pub(crate) fn check_of_site(r: &mut Reader, site: &Site) -> Result<(), AppError> {
    let Some(name) = &site.emergency_location else { return Ok(()) };
    match named(r, site.org, name.as_str())? {
        Some(location) if location.owner.is_none() => Ok(()),
        Some(_) => Err(refused("is somebody's private location", "name one of the company's")),
        None => Err(refused(
            format!("{name} is no emergency location of this organization"),
            "make it first: muster emergency-location add name=… country=…",
        )),
    }
}

fn named(
    r: &mut Reader,
    org: muster_domain::ids::OrgId,
    name: &str,
) -> Result<Option<EmergencyLocation>, AppError> {
    let claim = muster_domain::claims::named(EntityKind::EmergencyLocation, name);
    let holders = r.claimed(org, &claim.space, std::slice::from_ref(&claim.key))?;
    let Some((_, _, id)) = holders.first() else { return Ok(None) };
    // The nickname is compared as it is written where calls are held back.
    Ok(r.get::<EmergencyLocation>(org, *id)?.filter(|location| location.name.as_str() == name))
}

fn refused(reason: impl Into<String>, mend: &str) -> AppError {
    Refusal::Invalid(vec![FieldError::new("emergency_location", reason, mend)]).into()
}
