//! Inviting everybody whom a filter finds: a job.
//!
//! Some people at a time, each time one change: what is done is done, and after a crash the job goes on after the
//! last of them. Who cannot be invited is left out and said.

use muster_domain::field::EntityKind;
use muster_domain::filter::{self, Filter, Op, Term};
use muster_domain::ids::{ChangeSetId, JobId, SiteId};
use muster_domain::permission::Permission;
use muster_domain::types::{TimeZone, UnixMillis};
use muster_domain::user::{Record, User};
use muster_store::{Job, JobOutcome, JobResult, JobState, Query, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::invites::{INVITE_JOB, NewInvite, check, invite, reason_of};
use super::schedule::When;
use crate::apply::{Allow, By, Session};
use crate::jobs::Progress;
use crate::{App, AppError, Done, Scope};

/// So many in one change.
const CHUNK: usize = 100;

/// As a job keeps it.
#[derive(Serialize, Deserialize)]
struct Options {
    /// As somebody could write it, with ids for the names in it.
    filter: String,
    /// The sites whose people whoever asked may invite, where that is not everybody.
    sites: Option<Vec<Uuid>>,
    at_ms: Option<i64>,
    zone: Option<String>,
}

impl Options {
    fn of(filter: &Filter, sites: Option<Vec<SiteId>>, when: Option<&When>) -> Options {
        Options {
            filter: filter.to_string(),
            sites: sites.map(|sites| sites.into_iter().map(|site| site.0).collect()),
            at_ms: when.map(|when| when.at.0),
            zone: when.map(|when| when.zone.to_string()),
        }
    }

    fn query(&self, after: Option<String>) -> Result<Query, AppError> {
        let mut filter = filter::parse::<User>(&self.filter)
            .map_err(|wrong| AppError::invalid("filter", wrong.to_string(), wrong.mend))?;
        if let Some(sites) = &self.sites {
            let value = sites.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            filter.push(Term { field: "site".into(), op: Op::OneOf, value });
        }
        Ok(Query { filter, cursor: after, limit: CHUNK, with_total: true, ..Query::default() })
    }

    fn invite(&self) -> NewInvite {
        let zone = self.zone.as_deref().and_then(|zone| TimeZone::parse(zone).ok());
        let when = self.at_ms.zip(zone).map(|(at, zone)| When { at: UnixMillis(at), zone });
        NewInvite { when, ..NewInvite::default() }
    }
}

impl App {
    /// Invites by mail whoever the filter finds, now or at a time. The job's results say who was left out, and why.
    pub fn start_invites(&self, scope: &Scope, query: &Query, when: Option<&When>) -> Result<Done, AppError> {
        scope.require(Permission::PeopleActivate)?;
        if when.is_some_and(|when| when.at <= self.now()) {
            return Err(AppError::invalid("invite_at", "has passed", "give a time to come"));
        }
        let filter = self.with_ids::<User>(scope, &query.filter)?;
        let options = Options::of(&filter, scope.sites(Permission::PeopleActivate), when);
        // A filter that the store does not know is refused now.
        let first = options.query(None)?;
        self.store().read(|r| r.list::<User>(scope.org(), &first).map_err(AppError::from))?;
        let options = serde_json::to_string(&options).map_err(|e| AppError::Limit(e.to_string()))?;
        let (id, now) = (JobId(Uuid::now_v7()), self.now());
        let done = self.change(scope, Allow::default(), |session| {
            session.tx.put_job(&Job {
                org: scope.org(),
                id,
                kind: INVITE_JOB.to_string(),
                state: JobState::Queued,
                actor: scope.actor,
                options: options.clone(),
                set: Some(self.new_set()),
                created_at: now,
                updated_at: now,
                rows_total: None,
                rows_done: 0,
                cursor: None,
                summary: None,
                problem: None,
                cancel_requested: false,
                lease: None,
                undone_by: None,
            })?;
            Ok(id.0)
        })?;
        self.job_board().wake();
        Ok(done)
    }

    pub(crate) fn run_invites(&self, job: &Job, progress: &Progress) -> Result<(), AppError> {
        let options: Options =
            serde_json::from_str(&job.options).map_err(|e| AppError::Limit(e.to_string()))?;
        let scope = self.own_scope(job.org, job.actor)?;
        let mut job = job.clone();
        while job.state == JobState::Running {
            if progress.is_cancelled() {
                return Err(AppError::Cancelled);
            }
            job = self.store().write(|tx| self.invite_some(tx, &scope, &job, &options))?;
            progress.set_total(job.rows_total.unwrap_or(0));
            progress.set_written(job.rows_done);
        }
        Ok(())
    }

    /// The next people and the job's new place, together.
    fn invite_some(&self, tx: &mut Tx, scope: &Scope, job: &Job, options: &Options) -> Result<Job, AppError> {
        let (now, set) = (self.now(), job.set.unwrap_or(ChangeSetId(job.id.0)));
        let by = By::asker(tx, job.org, job.actor, Permission::PeopleActivate)?;
        let mut session = Session::begin(tx, job.org, now, by, set, Allow::default())?;
        let page = session.tx.list::<User>(job.org, &options.query(job.cursor.clone())?)?;
        let new = options.invite();
        let mut results = Vec::with_capacity(page.items.len());
        for (row, user) in (job.rows_done + 1..).zip(page.items) {
            let (outcome, text) = match self.invite_listed(&mut session, scope, &user, &new) {
                Ok(()) => (JobOutcome::Updated, user.id.to_string()),
                Err(AppError::Refused(refusal)) => {
                    let who = crate::names::called(&user);
                    (JobOutcome::Refused, format!("{who}: {}", reason_of(&refusal)))
                }
                Err(other) => return Err(other),
            };
            results.push(JobResult { row, part: 0, outcome, text });
        }
        session.flush()?;
        session.tx.add_job_results(job.org, job.id, &results)?;
        let after = Job {
            state: if page.next.is_some() { JobState::Running } else { JobState::Done },
            updated_at: now,
            // Whom it found at first: inviting may be what the filter asks about.
            rows_total: job.rows_total.or(page.total),
            rows_done: job.rows_done + results.len() as u64,
            cursor: page.next,
            lease: job.lease.clone().filter(|_| !results.is_empty()),
            ..job.clone()
        };
        session.tx.put_job(&after)?;
        session.finish()?;
        Ok(after)
    }

    /// Nothing is begun with somebody who cannot be invited.
    fn invite_listed(
        &self,
        session: &mut Session<'_>,
        scope: &Scope,
        user: &User,
        new: &NewInvite,
    ) -> Result<(), AppError> {
        if user.record != Record::Live {
            let why = format!("is a {} in the trash", EntityKind::User.word());
            return Err(muster_domain::change::Refusal::NotAllowed(why).into());
        }
        session.flush()?;
        check(session.tx, user, new)?;
        invite(self, session, scope, user, new)?;
        Ok(())
    }
}
