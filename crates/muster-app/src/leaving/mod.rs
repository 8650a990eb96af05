//! Leaving: what depends on people, what becomes of it, the trash, and erasing for good.
//!
//! A removal is reviewed first. The review has a digest of all that it has seen; who carries it out sends that
//! back, and is refused where anything of it is another by then. What is chosen and the removal itself are one
//! set of changes, taken back as one. Whoever removes without a review gets the choice that loses nothing, and
//! is refused where there is none.

mod back;
mod choose;
mod data;
mod job;
mod purge;
mod reports;
mod review;
mod survey;

use muster_domain::change::{EntityChange, Refusal};
use muster_domain::field::EntityKind;
use muster_domain::ids::{JobId, UserId};
use muster_domain::permission::Permission;
use muster_domain::references::{Referrer, referrers};
use muster_domain::user::User;
use muster_store::{Job, JobState};
use uuid::Uuid;

pub(crate) use back::{bring_back, is_whole};
pub use choose::{ChoiceOf, Choices, UserIdText};
pub use data::PersonData;
pub use purge::Purged;
pub(crate) use review::any_called;
pub use review::{RemovalEffect, RemovalItem, RemovalReview};
use survey::Survey;

use crate::apply::{Allow, Session};
use crate::signing::end_invites;
use crate::{App, AppError, Done, Scope};

/// How many people are removed in one request.
pub const PEOPLE_MAX: usize = 1000;

/// What came of a removal.
#[derive(Clone, Debug)]
pub struct Removed {
    pub done: Done,
    /// By which all of it is taken back.
    pub job: JobId,
}

impl App {
    /// What depends on these people. Nothing is changed.
    pub fn review_removal(&self, scope: &Scope, ids: &[UserId]) -> Result<RemovalReview, AppError> {
        scope.require(Permission::PeopleRead)?;
        check_count(ids)?;
        let survey = self.store().read(|r| {
            let raw: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
            let people = r.get_many::<User>(scope.org(), &raw)?;
            people.iter().try_for_each(|user| scope.sees(Permission::PeopleRead, user))?;
            Survey::load(r, scope.org(), ids)
        })?;
        let phones = |id| self.phones().registered(scope.org(), Some(id)).len();
        Ok(RemovalReview::of(survey, phones))
    }

    /// Into the trash, with what was chosen, if what depends on them is what was reviewed. It is done when this
    /// returns, and stands as a job that has ended, so that all of it is taken back by one undo.
    pub fn remove_users(
        &self,
        scope: &Scope,
        ids: &[UserId],
        choices: &Choices,
        plan: &str,
    ) -> Result<Removed, AppError> {
        scope.require(Permission::PeopleRemove)?;
        check_count(ids)?;
        let job = JobId(Uuid::now_v7());
        let (now, options) = (self.now(), job::options(ids, choices, plan)?);
        let done = self.change(scope, Allow::default(), |session| {
            remove(session, scope.org(), ids, choices, Some(plan))?;
            let count = ids.len() as u64;
            session.tx.put_job(&Job {
                state: JobState::Done,
                set: Some(session.set()),
                rows_total: Some(count),
                rows_done: count,
                ..job::blank(scope, job, options.clone(), now)
            })?;
            Ok(job.0)
        })?;
        // Of a request that was repeated, the job of the first time.
        Ok(Removed { job: JobId(done.id), done })
    }

    /// Into the trash with what loses nothing; refused where somebody has to choose.
    pub fn trash_users(&self, scope: &Scope, ids: &[UserId]) -> Result<Done, AppError> {
        scope.require(Permission::PeopleRemove)?;
        check_count(ids)?;
        self.change(scope, Allow::default(), |session| {
            trash(session, scope.org(), ids)?;
            Ok(ids.first().map_or(Uuid::nil(), |id| id.0))
        })
    }
}

/// With what loses nothing.
pub(crate) fn trash(
    session: &mut Session<'_>,
    org: muster_domain::ids::OrgId,
    ids: &[UserId],
) -> Result<(), AppError> {
    if ids.is_empty() { Ok(()) } else { remove(session, org, ids, &Choices::default(), None) }
}

fn remove(
    session: &mut Session<'_>,
    org: muster_domain::ids::OrgId,
    ids: &[UserId],
    choices: &Choices,
    plan: Option<&str>,
) -> Result<(), AppError> {
    // Somebody who is not there any more has been removed meanwhile: that too is to be looked at again.
    let survey = match Survey::load(session.tx, org, ids) {
        Err(AppError::NotFound(_)) if plan.is_some() => return Err(Refusal::PlanChanged.into()),
        survey => survey?,
    };
    if plan.is_some_and(|plan| plan != survey.plan) {
        return Err(Refusal::PlanChanged.into());
    }
    let changes = choose::changes(session.tx, org, &survey, choices)?;
    // Whoever may remove somebody lets go of what names them, be it theirs to change otherwise or not.
    let is_theirs = |c: &EntityChange| c.kind == EntityKind::User && ids.iter().any(|id| id.0 == c.id);
    for run in changes.chunk_by(|a, b| is_theirs(a) == is_theirs(b)) {
        match run.first().is_some_and(is_theirs) {
            true => session.apply(run.to_vec())?,
            false => session.as_consequence(|session| session.apply(run.to_vec()))?,
        }
    }
    end_invites(session, org, ids, "the person was removed")?;
    Ok(())
}

fn check_count(ids: &[UserId]) -> Result<(), AppError> {
    if ids.is_empty() || ids.len() > PEOPLE_MAX {
        return Err(AppError::invalid(
            "users",
            format!("are {}, not 1 to {PEOPLE_MAX}", ids.len()),
            format!("name between 1 and {PEOPLE_MAX} people in one request"),
        ));
    }
    Ok(())
}

/// What a choice can be about, as a person writes it: `mailbox`, `forwards`, `group:ID`.
pub fn is_choosable(what: &str) -> bool {
    is_kind(what.split(':').next().unwrap_or_default())
}

/// A word for all that depends on people in one way.
fn is_kind(word: &str) -> bool {
    let named = |r: &Referrer| r.kind.word() == word || r.kind.plural() == word;
    matches!(word, "forward" | "forwards") || referrers(EntityKind::User).iter().any(named)
}
