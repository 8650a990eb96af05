//! Removing many people: a job, with all of it in one transaction.

use muster_domain::change::Refusal;
use muster_domain::ids::{JobId, UserId};
use muster_domain::permission::Permission;
use muster_domain::types::UnixMillis;
use muster_store::{Job, JobOutcome, JobResult, JobState};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::choose::{Choices, UserIdText};
use crate::apply::{Allow, By, Session};
use crate::jobs::{GoOn, Progress, REMOVAL};
use crate::{App, AppError, Done, Scope};

/// What was asked for, kept with the job.
#[derive(Serialize, Deserialize)]
struct Options {
    people: Vec<UserIdText>,
    choices: Choices,
    plan: String,
}

pub(super) fn options(ids: &[UserId], choices: &Choices, plan: &str) -> Result<String, AppError> {
    let people = ids.iter().map(|id| UserIdText(*id)).collect();
    let options = Options { people, choices: choices.clone(), plan: plan.to_string() };
    serde_json::to_string(&options).map_err(|e| AppError::Limit(e.to_string()))
}

pub(super) fn blank(scope: &Scope, id: JobId, options: String, now: UnixMillis) -> Job {
    Job {
        org: scope.org(),
        id,
        kind: REMOVAL.to_string(),
        state: JobState::Queued,
        actor: scope.actor,
        options,
        set: None,
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
    }
}

impl App {
    /// Makes a job of removing these people as was reviewed.
    pub fn start_removal(
        &self,
        scope: &Scope,
        ids: &[UserId],
        choices: &Choices,
        plan: &str,
    ) -> Result<Done, AppError> {
        scope.require(Permission::PeopleRemove)?;
        super::check_count(ids)?;
        let id = JobId(Uuid::now_v7());
        let job = Job {
            set: Some(self.new_set()),
            rows_total: Some(ids.len() as u64),
            ..blank(scope, id, options(ids, choices, plan)?, self.now())
        };
        let done = self.change(scope, Allow::default(), |session| {
            session.tx.put_job(&job)?;
            Ok(id.0)
        })?;
        self.job_board().wake();
        Ok(done)
    }

    pub(crate) fn run_removal(&self, job: &Job, progress: &Progress) -> Result<(), AppError> {
        let options: Options =
            serde_json::from_str(&job.options).map_err(|e| AppError::Limit(e.to_string()))?;
        let people: Vec<UserId> = options.people.iter().map(|id| id.0).collect();
        progress.set_total(people.len() as u64);
        let mut go_on = GoOn::new(self, job, progress);
        let (now, set) = (self.now(), job.set.unwrap_or_else(|| self.new_set()));
        self.store().write(|tx| {
            let by = By::asker(tx, job.org, job.actor, Permission::PeopleRemove)?;
            let mut session = Session::begin(tx, job.org, now, by, set, Allow::default())?;
            // Whoever had the lease before may have finished after all: the work is done once.
            let current = session.tx.job(job.org, job.id)?;
            if current.is_none_or(|job| job.state != JobState::Running) {
                return Ok(());
            }
            go_on.check()?;
            let removed =
                super::remove(&mut session, job.org, &people, &options.choices, Some(&options.plan));
            removed.map_err(in_words)?;
            progress.set_written(people.len() as u64);
            let result = |(row, id): (u64, &UserId)| JobResult {
                row,
                part: 0,
                outcome: JobOutcome::Updated,
                text: id.to_string(),
            };
            let results: Vec<JobResult> = (1..).zip(&people).map(result).collect();
            session.tx.add_job_results(job.org, job.id, &results)?;
            let count = Some(people.len() as u64);
            session.tx.put_job(&Job {
                state: JobState::Done,
                set: Some(set),
                updated_at: now,
                rows_total: count,
                rows_done: people.len() as u64,
                lease: None,
                ..job.clone()
            })?;
            session.finish()?;
            Ok(())
        })
    }
}

/// A job says in one line why it failed: what wants a choice belongs there.
fn in_words(error: AppError) -> AppError {
    let AppError::Refused(Refusal::NeedsChoices(conflicts, more)) = &error else { return error };
    let named: Vec<String> = conflicts.iter().take(5).map(|c| format!("{} {}", c.what, c.how)).collect();
    let left_out = conflicts.len() - named.len() + *more as usize;
    let rest = if left_out > 0 { format!("; and {left_out} more") } else { String::new() };
    Refusal::NotAllowed(format!("somebody has to choose: {}{rest}", named.join("; "))).into()
}
