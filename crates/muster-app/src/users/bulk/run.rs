//! Looking at it, making a job of it, and carrying it out.

use std::collections::HashSet;

use muster_domain::change::Refusal;
use muster_domain::filter;
use muster_domain::grants::{Extent, Grants};
use muster_domain::handling::Acknowledged;
use muster_domain::ids::{JobId, UserId};
use muster_domain::permission::Permission;
use muster_domain::user::User;
use muster_store::{Job, JobOutcome, JobResult, JobState, SecretKind};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::NewBulk;
use super::change::{BulkChange, StoredChange};
use super::judge::{BATCH, Judge, Judged, Refused};
use super::report::{BulkPreview, BulkReport, in_words};
use super::whom::{Expected, One, Picked, Seen, Whom, plan_of};
use crate::apply::{Allow, By, Session};
use crate::jobs::{BULK, GoOn, Progress, queued};
use crate::leaving::trash;
use crate::signing::end_invites;
use crate::{App, AppError, Done, Scope};

/// Kept with the job, so that a restarted program carries on with the same.
#[derive(Serialize, Deserialize)]
struct StoredBulk {
    /// As it was written.
    filter: Option<String>,
    /// With the ids of what it names.
    picked: Option<String>,
    ids: Option<Vec<Uuid>>,
    expected_count: Option<u64>,
    plan: Option<String>,
    change: StoredChange,
    stepwise: bool,
    #[serde(default)]
    acknowledge: Vec<String>,
}

impl App {
    /// What would become of whom; nothing is changed.
    pub fn preview_bulk(&self, scope: &Scope, new: &NewBulk) -> Result<BulkPreview, AppError> {
        let seen = may(scope, &new.change)?;
        new.change.check()?;
        let picked = self.picked(scope, &new.whom)?;
        let (now, set, text) = (self.now(), self.new_set(), words_of(new)?);
        let allow = allow(&new.acknowledge);
        self.store().write(|tx| {
            let mut session = Session::begin(tx, scope.org(), now, By::of(scope), set, allow)?;
            session.judge_only();
            let people = picked.people(session.tx, scope.org(), &seen)?;
            new.change.check_count(people.len())?;
            let judge = Judge::load(&mut session, scope.org(), &new.change)?;
            let (mut preview, _) = judge.all(&mut session, &people, |_| Ok(()))?;
            preview.plan = plan_of(&people, &text);
            preview.report.nothing_written = true;
            Ok(preview)
        })
    }

    /// Makes a job of it, if whom it means is whom somebody has looked at.
    pub fn start_bulk(&self, scope: &Scope, new: &NewBulk) -> Result<Done, AppError> {
        let seen = may(scope, &new.change)?;
        new.change.check()?;
        if new.expected == Expected::default() && matches!(new.whom, Whom::Filter(_)) {
            let mend = "look at it first with dry_run and send its plan, or say how many you expect";
            return Err(AppError::invalid("plan", "is missing, and so is expected_count", mend));
        }
        let picked = self.picked(scope, &new.whom)?;
        let text = words_of(new)?;
        let options = serde_json::to_string(&stored(new, &picked)).map_err(unwritable)?;
        let (job, now, set) = (JobId(Uuid::now_v7()), self.now(), self.new_set());
        let done = self.change(scope, Allow::default(), |session| {
            let people = picked.people(session.tx, scope.org(), &seen)?;
            new.change.check_count(people.len())?;
            new.expected.check(&people, &text)?;
            let total = Some(people.len() as u64);
            let queued = queued(scope, job, BULK, &options, set, now);
            session.tx.put_job(&Job { rows_total: total, ..queued })?;
            Ok(job.0)
        })?;
        self.job_board().wake();
        Ok(done)
    }

    pub(crate) fn run_bulk(&self, job: &Job, progress: &Progress) -> Result<(), AppError> {
        let stored: StoredBulk = serde_json::from_str(&job.options).map_err(unreadable)?;
        let (picked, change) = (stored.picked()?, stored.change.change()?);
        let expected = Expected { count: stored.expected_count, plan: stored.plan.clone() };
        let text = serde_json::to_string(&stored.change).map_err(unwritable)?;
        let mut go_on = GoOn::new(self, job, progress);
        let (now, set) = (self.now(), job.set.unwrap_or_else(|| self.new_set()));
        self.store().write(|tx| {
            let mut by = By::asker(tx, job.org, job.actor, Permission::PeopleRead)?;
            for needs in change.needs() {
                by = By::asker(tx, job.org, job.actor, needs)?;
            }
            let seen = seen_by(by.grants());
            let mut session = Session::begin(tx, job.org, now, by, set, allow(&stored.acknowledge))?;
            // Whoever had the lease before may have finished after all: the work is done once.
            let current = session.tx.job(job.org, job.id)?;
            if current.is_none_or(|j| j.state != JobState::Running) {
                return Ok(());
            }
            let people = picked.people(session.tx, job.org, &seen)?;
            expected.check(&people, &text)?;
            change.check_count(people.len())?;
            progress.set_total(people.len() as u64);
            session.judge_only();
            let judge = Judge::load(&mut session, job.org, &change)?;
            let (preview, refused) = judge.all(&mut session, &people, |rows| {
                progress.set_judged(rows);
                go_on.check()
            })?;
            let mut report = preview.report;
            report.nothing_written = report.refused > 0 && !stored.stepwise;
            let mut work = Work { session, job, change: &change, judge: &judge, results: Vec::new() };
            work.told(&people, &refused, report.nothing_written)?;
            if !report.nothing_written {
                work.session.write_again();
                let refused = refused.iter().map(|(id, _)| *id).collect();
                work.all(&people, &refused, |rows| {
                    progress.set_written(rows);
                    go_on.check()
                })?;
            }
            let ended = ended(job, &report, now)?;
            work.session.tx.put_job(&ended)?;
            work.session.finish()?;
            Ok(())
        })
    }
}

/// What is asked for may be done somewhere, and whom whoever asks sees.
fn may(scope: &Scope, change: &BulkChange) -> Result<Seen, AppError> {
    scope.require(Permission::PeopleRead)?;
    change.needs().into_iter().try_for_each(|needs| scope.require(needs))?;
    Ok(scope.sites(Permission::PeopleRead))
}

fn seen_by(grants: Option<&Grants>) -> Seen {
    match grants.map(|grants| grants.extent(Permission::PeopleRead)) {
        None | Some(Extent::Everybody) => None,
        Some(Extent::Sites(sites)) => Some(sites),
        Some(Extent::Nobody) => Some(Vec::new()),
    }
}

fn allow(acknowledge: &[String]) -> Allow {
    let acknowledged = Acknowledged::of(acknowledge.iter().map(String::as_str)).unwrap_or_default();
    Allow { shared_emails: false, acknowledged }
}

/// The change as a text that is the same whenever the change is.
fn words_of(new: &NewBulk) -> Result<String, AppError> {
    serde_json::to_string(&StoredChange::of(&new.change)).map_err(unwritable)
}

fn stored(new: &NewBulk, picked: &Picked) -> StoredBulk {
    let (filter, ids) = match (&new.whom, picked) {
        (Whom::Filter(text), _) => (Some(text.clone()), None),
        (Whom::Ids(_), Picked::Ids(ids)) => (None, Some(ids.clone())),
        (Whom::Ids(_), Picked::Filter(_)) => (None, None),
    };
    let picked = match picked {
        Picked::Filter(filter) => Some(filter.to_string()),
        Picked::Ids(_) => None,
    };
    let Expected { count, plan } = new.expected.clone();
    let change = StoredChange::of(&new.change);
    let (stepwise, acknowledge) = (new.stepwise, new.acknowledge.clone());
    StoredBulk { filter, picked, ids, expected_count: count, plan, change, stepwise, acknowledge }
}

impl StoredBulk {
    fn picked(&self) -> Result<Picked, AppError> {
        match (&self.picked, &self.ids) {
            (Some(text), _) => filter::parse::<User>(text).map(Picked::Filter).map_err(unreadable),
            (None, Some(ids)) => Ok(Picked::Ids(ids.clone())),
            (None, None) => Err(unreadable("it says of nobody")),
        }
    }
}

fn unreadable(why: impl std::fmt::Display) -> AppError {
    AppError::Limit(format!("what the job was asked to do cannot be read: {why}"))
}

fn unwritable(why: serde_json::Error) -> AppError {
    AppError::Limit(format!("what is asked for cannot be kept: {why}"))
}

fn ended(job: &Job, report: &BulkReport, now: muster_domain::types::UnixMillis) -> Result<Job, AppError> {
    let problem = report.nothing_written.then(|| {
        format!("{} of {} people cannot be changed so; nobody was changed", report.refused, report.people)
    });
    Ok(Job {
        state: if report.nothing_written { JobState::Failed } else { JobState::Done },
        updated_at: now,
        rows_total: Some(report.people),
        rows_done: if report.nothing_written { 0 } else { report.changed + report.unchanged },
        summary: Some(serde_json::to_string(report).map_err(unwritable)?),
        problem,
        lease: None,
        ..job.clone()
    })
}

/// Writing it, and what became of each.
struct Work<'t, 'w> {
    session: Session<'t>,
    job: &'w Job,
    change: &'w BulkChange,
    judge: &'w Judge<'w>,
    results: Vec<JobResult>,
}

impl Work<'_, '_> {
    /// Of those who are refused, why; where nobody is changed, that of the others too.
    fn told(&mut self, people: &[One], refused: &Refused, nothing_written: bool) -> Result<(), AppError> {
        let mut refused = refused.iter().peekable();
        for (row, (id, _)) in (1..).zip(people) {
            match refused.next_if(|(other, _)| other == id) {
                Some((_, errors)) => {
                    self.result(row, 0, JobOutcome::Refused, id.to_string());
                    self.result(row, 1, JobOutcome::Refused, in_words(errors));
                }
                None if nothing_written => self.result(row, 0, JobOutcome::Skipped, id.to_string()),
                None => {}
            }
        }
        self.keep_results()
    }

    fn all(
        &mut self,
        people: &[One],
        refused: &HashSet<Uuid>,
        mut progress: impl FnMut(u64) -> Result<(), AppError>,
    ) -> Result<(), AppError> {
        let mut row = 0u64;
        for batch in people.chunks(BATCH) {
            for judged in self.with_secrets(batch, refused)? {
                let (before, after) = judged;
                row += 1;
                let Some(after) = after else { continue };
                let outcome = match self.change.trash || self.session.update(&before, &after)? {
                    true => JobOutcome::Updated,
                    false => JobOutcome::Unchanged,
                };
                self.result(row, 0, outcome, before.id.to_string());
            }
            if self.change.trash {
                let gone = batch.iter().filter(|(id, _)| !refused.contains(id)).map(|(id, _)| UserId(*id));
                trash(&mut self.session, self.job.org, &gone.collect::<Vec<_>>())?;
            }
            if self.change.service.is_some() {
                let ids = batch.iter().filter(|(id, _)| !refused.contains(id)).map(|(id, _)| UserId(*id));
                let why = "the person was activated or deactivated";
                end_invites(&mut self.session, self.job.org, &ids.collect::<Vec<_>>(), why)?;
            }
            self.session.flush()?;
            self.keep_results()?;
            progress(row)?;
        }
        Ok(())
    }

    /// A batch as it will be; secrets that are needed are made and stored together. Nothing of whom is refused.
    fn with_secrets(
        &mut self,
        batch: &[One],
        refused: &HashSet<Uuid>,
    ) -> Result<Vec<(User, Option<User>)>, AppError> {
        let mut made = Vec::new();
        let mut people = Vec::with_capacity(batch.len());
        for Judged { before, after, needs_secret } in self.judge.batch(&mut self.session, batch)? {
            let mut after = match after {
                _ if refused.contains(&before.id.0) => None,
                Ok(after) => Some(after),
                Err(errors) => return Err(Refusal::Invalid(errors).into()),
            };
            if let Some(after) = after.as_mut().filter(|_| needs_secret) {
                let id = muster_domain::ids::SecretId(Uuid::now_v7());
                made.push((id, SecretKind::SipSecret, crate::secrets::generate_sip_secret()?));
                after.sip_secret = Some(id);
            }
            people.push((before, after));
        }
        let made: Vec<_> = made.iter().map(|(id, kind, text)| (*id, *kind, text.as_str())).collect();
        self.session.tx.put_secrets(self.job.org, &made)?;
        Ok(people)
    }

    fn result(&mut self, row: u64, part: u32, outcome: JobOutcome, text: String) {
        self.results.push(JobResult { row, part, outcome, text });
    }

    fn keep_results(&mut self) -> Result<(), AppError> {
        self.session.tx.add_job_results(self.job.org, self.job.id, &self.results)?;
        self.results.clear();
        Ok(())
    }
}
