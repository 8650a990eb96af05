//! Long work: leased, carried on after a crash, with progress while it runs.
//!
//! A job's effects and its end are one transaction, so running it again after a crash does nothing
//! twice. Its progress is only in memory: what is not committed has not happened.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use muster_domain::change::Refusal;
use muster_domain::ids::{ChangeSetId, JobId, OrgId};
use muster_domain::permission::Permission;
use muster_domain::types::UnixMillis;
use muster_store::{Job, JobResult, JobState, StoreError};

use crate::signing::INVITE_JOB;
use crate::{App, AppError, Scope};

/// The kind of job that [`crate::imports`] runs.
pub const IMPORT: &str = "import";
/// The kind of job that [`crate::leaving`] runs.
pub const REMOVAL: &str = "removal";
/// The kind that changes many people alike.
pub const BULK: &str = "bulk";

/// A kind of job, by its word in the database, and what carries one out.
struct JobKind {
    word: &'static str,
    run: fn(&App, &Job, &Progress) -> Result<(), AppError>,
}

const KINDS: &[JobKind] = &[
    JobKind { word: BULK, run: App::run_bulk },
    JobKind { word: IMPORT, run: App::run_import },
    JobKind { word: INVITE_JOB, run: App::run_invites },
    JobKind { word: REMOVAL, run: App::run_removal },
];

/// A worker that stops without a word is taken to be dead after this long.
const LEASE_MS: i64 = 120_000;

/// How often a job that runs looks at its row.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a worker waits for work, and for the database to be there again: each time longer.
const PAUSE_MIN: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(15);

/// How often uploaded files that have expired are looked for.
const SWEEP_MS: i64 = 60_000;

/// How far a running job is; shared with the thread that runs it.
#[derive(Debug, Default)]
pub struct Progress {
    total: AtomicU64,
    judged: AtomicU64,
    written: AtomicU64,
    cancelled: AtomicBool,
}

impl Progress {
    pub(crate) fn set_total(&self, rows: u64) {
        self.total.store(rows, Ordering::Relaxed);
    }
    pub(crate) fn set_judged(&self, rows: u64) {
        self.judged.store(rows, Ordering::Relaxed);
    }
    pub(crate) fn set_written(&self, rows: u64) {
        self.written.store(rows, Ordering::Relaxed);
    }
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }
    /// Rows of the file, rows judged, rows written but not committed yet.
    pub fn rows(&self) -> (u64, u64, u64) {
        let read = |n: &AtomicU64| n.load(Ordering::Relaxed);
        (read(&self.total), read(&self.judged), read(&self.written))
    }
}

/// Whether a job that runs shall go on: asked between its batches.
///
/// The request comes by memory, because the job itself may hold the database's only writer, and where another
/// process was asked, by the job's row.
pub(crate) struct GoOn<'a> {
    app: &'a App,
    job: &'a Job,
    progress: &'a Progress,
    looked: Instant,
}

impl<'a> GoOn<'a> {
    pub fn new(app: &'a App, job: &'a Job, progress: &'a Progress) -> GoOn<'a> {
        GoOn { app, job, progress, looked: Instant::now() }
    }

    pub fn check(&mut self) -> Result<(), AppError> {
        let mut cancelled = self.progress.cancelled.load(Ordering::Relaxed);
        if !cancelled && self.looked.elapsed() >= LOOK_EVERY {
            self.looked = Instant::now();
            let (org, id) = (self.job.org, self.job.id);
            let row = self.app.store().read(|r| r.job(org, id).map_err(AppError::from));
            // Were the database away, the work would soon say so itself.
            cancelled = matches!(row, Ok(Some(job)) if job.cancel_requested);
        }
        if cancelled { Err(AppError::Cancelled) } else { Ok(()) }
    }
}

/// Jobs that run in this process, and the bell that wakes their workers.
#[derive(Default)]
pub struct JobBoard {
    running: Mutex<HashMap<JobId, Arc<Progress>>>,
    bell: Condvar,
    rung: Mutex<bool>,
    /// Why nothing can be worked on at the moment.
    trouble: Mutex<Option<String>>,
    stop: AtomicBool,
}

impl JobBoard {
    pub(crate) fn wake(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
    }

    fn wait(&self, at_most: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rung = match *rung {
            true => rung,
            false => self.bell.wait_timeout(rung, at_most).unwrap_or_else(PoisonError::into_inner).0,
        };
        *rung = false;
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn progress(&self, id: JobId) -> Option<Arc<Progress>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }
}

/// A job, and how far it is if it runs in this process.
#[derive(Clone, Debug)]
pub struct JobView {
    pub job: Job,
    pub progress: Option<Arc<Progress>>,
    /// What is in the way of a job that has not ended, such as a full disk: it is tried again until that is
    /// gone.
    pub waiting_for: Option<String>,
}

impl Scope {
    /// Whoever sees long work of some sites only sees what they have asked for themselves.
    pub(crate) fn sees_job(&self, job: &Job) -> bool {
        self.grants.has(Permission::JobsRead) || job.actor == self.actor
    }
}

impl App {
    pub fn job(&self, scope: &Scope, id: JobId) -> Result<JobView, AppError> {
        scope.require(Permission::JobsRead)?;
        let job = self.store().read(|r| r.job(scope.org(), id).map_err(AppError::from))?;
        let job = job.filter(|job| scope.sees_job(job)).ok_or(AppError::NotFound("job"))?;
        Ok(self.job_view(job))
    }

    /// Newest first.
    pub fn jobs(&self, scope: &Scope, before: Option<JobId>, limit: usize) -> Result<Vec<JobView>, AppError> {
        scope.require(Permission::JobsRead)?;
        let jobs = self.store().read(|r| {
            let (mut seen, mut before) = (Vec::new(), before);
            loop {
                let wanted = limit - seen.len();
                let jobs = r.jobs(scope.org(), before, None, wanted)?;
                let more = jobs.len() == wanted;
                before = jobs.last().map(|job| job.id);
                seen.extend(jobs.into_iter().filter(|job| scope.sees_job(job)));
                if !more || seen.len() >= limit {
                    return Ok::<_, AppError>(seen);
                }
            }
        })?;
        Ok(jobs.into_iter().map(|job| self.job_view(job)).collect())
    }

    pub(crate) fn job_view(&self, job: Job) -> JobView {
        let board = self.job_board();
        let open = matches!(job.state, JobState::Queued | JobState::Running);
        JobView { progress: board.progress(job.id), waiting_for: board.trouble().filter(|_| open), job }
    }

    pub fn job_results(
        &self,
        scope: &Scope,
        id: JobId,
        after: Option<(u64, u32)>,
        limit: usize,
    ) -> Result<Vec<JobResult>, AppError> {
        self.job(scope, id)?;
        self.store().read(|r| r.job_results(scope.org(), id, after, None, limit).map_err(AppError::from))
    }

    /// A job that waits is cancelled at once; one that runs stops at its next batch, and nothing of it was
    /// done then, unless it was about to end.
    pub fn cancel_job(&self, scope: &Scope, id: JobId) -> Result<(), AppError> {
        scope.require(Permission::JobsCancel)?;
        let now = self.now();
        self.job(scope, id)?;
        // First by memory: until it stops, a job of SQLite keeps everybody else from writing.
        let running = self.job_board().progress(id);
        running.iter().for_each(|progress| progress.cancel());
        self.store().write(|tx| {
            let job = tx.job(scope.org(), id)?.ok_or(AppError::NotFound("job"))?;
            match job.state {
                JobState::Queued => {
                    tx.put_job(&Job { state: JobState::Cancelled, updated_at: now, ..job })?;
                    Ok(())
                }
                JobState::Running => {
                    tx.request_cancel(scope.org(), id)?;
                    Ok(())
                }
                JobState::Cancelled if running.is_some() => Ok(()),
                JobState::Done | JobState::Failed | JobState::Cancelled => {
                    Err(Refusal::NotAllowed("the job has ended already".into()).into())
                }
            }
        })
    }

    /// Works on jobs until [`App::stop_jobs`]; run by one thread of the program. `holder` names this
    /// process, so that a lease of its earlier life is not waited for.
    pub fn work_on_jobs(&self, holder: &str) {
        let mut swept = UnixMillis(i64::MIN);
        let mut pause = PAUSE_MIN;
        let mut last = None;
        while !self.job_board().stop.load(Ordering::Relaxed) {
            match self.sweep(&mut swept).and_then(|()| self.work_on_one(holder, &mut last)) {
                Ok(more) => {
                    pause = PAUSE_MIN;
                    self.job_board().set_trouble(None);
                    if !more {
                        self.job_board().wait(PAUSE_MIN);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "jobs wait for the database");
                    self.job_board().set_trouble(Some(error.to_string()));
                    // A file of a million rows is not judged anew every other second.
                    self.job_board().wait(pause);
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    pub fn stop_jobs(&self) {
        self.job_board().stop.store(true, Ordering::Relaxed);
        self.job_board().wake();
    }

    fn sweep(&self, swept: &mut UnixMillis) -> Result<(), AppError> {
        let now = self.now();
        if now.0.saturating_sub(swept.0) < SWEEP_MS {
            return Ok(());
        }
        self.store().write(|tx| tx.expire_job_inputs(now).map_err(AppError::from))?;
        if let Err(error) = self.note_seen() {
            tracing::warn!(%error, "whose phones are registered could not be noted");
        }
        // One who cannot be erased must not keep everybody's jobs from being done.
        if let Err(error) = self.sweep_trash() {
            tracing::warn!(%error, "people whose time in the trash is over wait to be erased");
        }
        *swept = now;
        Ok(())
    }

    /// `last` is whose job was the last: the organizations take turns.
    fn work_on_one(&self, holder: &str, last: &mut Option<OrgId>) -> Result<bool, AppError> {
        let now = self.now();
        let until = UnixMillis(now.0 + LEASE_MS);
        let leased =
            self.store().write(|tx| tx.lease_job(holder, *last, now, until).map_err(AppError::from))?;
        let Some(job) = leased else { return Ok(false) };
        *last = Some(job.org);
        let progress = Arc::new(Progress::default());
        let board = self.job_board();
        board.running.lock().unwrap_or_else(PoisonError::into_inner).insert(job.id, progress.clone());
        let result = match KINDS.iter().find(|kind| kind.word == job.kind) {
            _ if job.cancel_requested => Err(AppError::Cancelled),
            Some(kind) => (kind.run)(self, &job, &progress),
            None => Err(AppError::Limit(format!("this program does not know jobs of the kind {}", job.kind))),
        };
        board.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&job.id);
        match result {
            Ok(()) => Ok(true),
            // The database is away: the lease runs out, and the job is taken up again.
            Err(AppError::Store(e @ (StoreError::Unavailable { .. } | StoreError::Busy))) => Err(e.into()),
            Err(AppError::Cancelled) => {
                self.end_job(&job, JobState::Cancelled, AppError::Cancelled.to_string()).map(|()| true)
            }
            Err(error) => self.fail_job(&job, &self.with_names(job.org, error)).map(|()| true),
        }
    }

    fn fail_job(&self, job: &Job, error: &AppError) -> Result<(), AppError> {
        tracing::warn!(job = %job.id, %error, "job failed");
        self.end_job(job, JobState::Failed, describe(error))
    }

    fn end_job(&self, job: &Job, state: JobState, problem: String) -> Result<(), AppError> {
        let now = self.now();
        self.store().write(|tx| {
            tx.put_job(&Job {
                state,
                updated_at: now,
                problem: Some(problem.clone()),
                lease: None,
                ..job.clone()
            })?;
            Ok(())
        })
    }
}

/// A job that waits for a worker. `options` is JSON of the kind's own; what it does is the change set `set`.
pub(crate) fn queued(
    scope: &Scope,
    id: JobId,
    kind: &str,
    options: &str,
    set: ChangeSetId,
    now: UnixMillis,
) -> Job {
    Job {
        org: scope.org(),
        id,
        kind: kind.to_string(),
        state: JobState::Queued,
        actor: scope.actor,
        options: options.to_string(),
        set: Some(set),
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

/// The error with the fields that it names, in one line.
fn describe(error: &AppError) -> String {
    match error {
        AppError::Refused(Refusal::Invalid(fields)) => {
            let fields = fields.iter().take(5).map(|f| format!("{} {}: {}", f.field, f.reason, f.mend));
            fields.collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}
