//! Who is meant, and whether they still are whom somebody has looked at.

use muster_domain::change::Refusal;
use muster_domain::filter::{self, Filter, Op, Term};
use muster_domain::ids::{OrgId, SiteId, UserId};
use muster_domain::user::User;
use muster_store::Reader;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::users::not_trashed;
use crate::{App, AppError, Scope};

/// People named by their ids in one request; more are picked by a filter.
pub const BULK_IDS_MAX: usize = 20_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// As a person writes it. Without those in the trash, unless it says something of the record.
    Filter(String),
    Ids(Vec<UserId>),
}

/// What was looked at before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// So many people.
    pub count: Option<u64>,
    /// [`super::BulkPreview::plan`]: these people, as they were, and this change.
    pub plan: Option<String>,
}

/// [`Whom`] with ids for the names in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Picked {
    Filter(Filter),
    Ids(Vec<Uuid>),
}

/// Of those whom somebody may see: at these sites; `None`: everybody.
pub(super) type Seen = Option<Vec<SiteId>>;

/// Somebody who is meant, and the version of them that was looked at.
pub(super) type One = (Uuid, u64);

impl App {
    pub(super) fn picked(&self, scope: &Scope, whom: &Whom) -> Result<Picked, AppError> {
        match whom {
            Whom::Filter(text) => {
                let filter = filter::parse::<User>(text)
                    .map_err(|wrong| AppError::invalid("filter", wrong.to_string(), wrong.mend))?;
                Ok(Picked::Filter(self.with_ids::<User>(scope, &not_trashed(filter))?))
            }
            Whom::Ids(ids) if ids.is_empty() || ids.len() > BULK_IDS_MAX => Err(AppError::invalid(
                "ids",
                format!("are {}, not 1 to {BULK_IDS_MAX}", ids.len()),
                "name people by ids, or pick them by a filter",
            )),
            Whom::Ids(ids) => {
                let mut ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
                ids.sort_unstable();
                ids.dedup();
                Ok(Picked::Ids(ids))
            }
        }
    }
}

impl Picked {
    /// Everybody who is meant now, in order of their ids: one query.
    pub fn people(&self, r: &mut Reader, org: OrgId, seen: &Seen) -> Result<Vec<One>, AppError> {
        let people = match self {
            Picked::Filter(filter) => r.versions_of::<User>(org, &at(filter.clone(), seen))?,
            Picked::Ids(ids) => {
                let found = match seen {
                    None => r.versions::<User>(org, ids)?,
                    Some(_) => {
                        let mut found = r.versions_of::<User>(org, &at(Filter::default(), seen))?;
                        found.retain(|(id, _)| ids.binary_search(id).is_ok());
                        found
                    }
                };
                if let Some(missing) =
                    ids.iter().find(|id| found.binary_search_by_key(*id, |(id, _)| *id).is_err())
                {
                    return Err(AppError::invalid(
                        "ids",
                        format!("name {missing}, who is not in this organization"),
                        "leave them out",
                    ));
                }
                found
            }
        };
        if people.is_empty() {
            let mend = "look at whom it finds in the list of users";
            return Err(AppError::invalid("filter", "finds nobody", mend));
        }
        Ok(people)
    }
}

fn at(mut filter: Filter, seen: &Seen) -> Filter {
    if let Some(sites) = seen {
        let value = sites.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        filter.push(Term { field: "site".into(), op: Op::OneOf, value });
    }
    filter
}

impl Expected {
    /// Whether they are still whom somebody has looked at. `change` is what would be done, in words of its own.
    pub fn check(&self, people: &[One], change: &str) -> Result<(), AppError> {
        if let Some(plan) = &self.plan
            && *plan != plan_of(people, change)
        {
            return Err(Refusal::PlanChanged.into());
        }
        match self.count {
            Some(count) if count != people.len() as u64 => Err(Refusal::NotAllowed(format!(
                "{} people are meant now, not {count}: look at them again",
                people.len()
            ))
            .into()),
            _ => Ok(()),
        }
    }
}

/// The digest of the people as they are and of what would be done to them.
pub(super) fn plan_of(people: &[One], change: &str) -> String {
    let mut digest = Sha256::new_with_prefix(b"muster-bulk-1");
    digest.update((change.len() as u64).to_be_bytes());
    digest.update(change);
    for (id, version) in people {
        digest.update(id.as_bytes());
        digest.update(version.to_be_bytes());
    }
    hex::encode(digest.finalize())
}
