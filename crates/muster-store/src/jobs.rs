//! Long work: leased rows whose cursor commits with its effects, and a result per row.

use muster_domain::ids::{ChangeSetId, JobId, OrgId};
use muster_domain::types::UnixMillis;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::keys::{aad, key_id};
use crate::sql::{ColumnType, Insert, Param, Row};
use crate::{Reader, StoreError, Tx};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl JobState {
    pub fn word(self) -> &'static str {
        match self {
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        }
    }

    fn from_word(word: &str) -> Option<JobState> {
        use JobState::{Cancelled, Done, Failed, Queued, Running};
        [Queued, Running, Done, Failed, Cancelled].into_iter().find(|state| state.word() == word)
    }
}

/// A job as it is stored. `options` and `summary` are JSON of the kind's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub org: OrgId,
    pub id: JobId,
    pub kind: String,
    pub state: JobState,
    pub actor: Uuid,
    pub options: String,
    pub set: Option<ChangeSetId>,
    pub created_at: UnixMillis,
    pub updated_at: UnixMillis,
    pub rows_total: Option<u64>,
    pub rows_done: u64,
    /// Where to go on after a stop; commits with what it stands for.
    pub cursor: Option<String>,
    pub summary: Option<String>,
    /// Why it failed, for a person.
    pub problem: Option<String>,
    pub cancel_requested: bool,
    /// Who works on it, and until when that is theirs alone.
    pub lease: Option<(String, UnixMillis)>,
    /// The first change of the log that took back all that it did.
    pub undone_by: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    Created,
    Updated,
    Unchanged,
    /// Left as it is on purpose.
    Skipped,
    Warned,
    Refused,
}

impl JobOutcome {
    pub fn word(self) -> &'static str {
        match self {
            JobOutcome::Created => "created",
            JobOutcome::Updated => "updated",
            JobOutcome::Unchanged => "unchanged",
            JobOutcome::Skipped => "skipped",
            JobOutcome::Warned => "warned",
            JobOutcome::Refused => "refused",
        }
    }

    pub fn from_word(word: &str) -> Option<JobOutcome> {
        use JobOutcome::{Created, Refused, Skipped, Unchanged, Updated, Warned};
        let all = [Created, Updated, Unchanged, Skipped, Warned, Refused];
        all.into_iter().find(|outcome| outcome.word() == word)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobResult {
    /// From 1, as the file counts; several results of one row have `part` 0, 1, 2 …
    pub row: u64,
    pub part: u32,
    pub outcome: JobOutcome,
    /// For a person, or JSON of the kind's own.
    pub text: String,
}

const SELECT: &str = "SELECT org_id, id, kind, state, actor, options, set_id, created_at, updated_at, \
     rows_total, rows_done, cursor, summary, problem, cancel_requested, lease_holder, lease_until, undone_by \
     FROM jobs";

const LIST_MAX: usize = 1000;
/// An uploaded file is kept in pieces of this size, so that no statement has to hold all of it.
const PIECE_BYTES: usize = 1024 * 1024;

impl Reader {
    pub fn job(&mut self, org: OrgId, id: JobId) -> Result<Option<Job>, StoreError> {
        let sql = format!("{SELECT} WHERE org_id = ?1 AND id = ?2");
        self.conn.first(&sql, &[Param::Id(org.0), Param::Id(id.0)], job_from)
    }

    /// Newest first, before the job `before`; of one kind, if that is given. At most 1,000 at once.
    pub fn jobs(
        &mut self,
        org: OrgId,
        before: Option<JobId>,
        kind: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Job>, StoreError> {
        let before = before.map_or(Uuid::max(), |id| id.0);
        let mut params = vec![Param::Id(org.0), Param::Id(before), Param::uint(limit.min(LIST_MAX) as u64)];
        let mut only = "";
        if let Some(kind) = kind {
            params.push(Param::from(kind));
            only = " AND kind = ?4";
        }
        let sql = format!("{SELECT} WHERE org_id = ?1 AND id < ?2{only} ORDER BY id DESC LIMIT ?3");
        self.conn.collect(&sql, &params, job_from)
    }

    /// In order of row and part, after that row and part; `outcome` leaves the others out. At most 1,000
    /// at once.
    pub fn job_results(
        &mut self,
        org: OrgId,
        job: JobId,
        after: Option<(u64, u32)>,
        outcome: Option<JobOutcome>,
        limit: usize,
    ) -> Result<Vec<JobResult>, StoreError> {
        // Rows are counted from 1: before the first is row 0.
        let (row, part) = after.unwrap_or((0, u32::MAX));
        let mut params = vec![
            Param::Id(org.0),
            Param::Id(job.0),
            Param::uint(row),
            Param::Int(i64::from(part)),
            Param::uint(limit.min(LIST_MAX) as u64),
        ];
        let mut only = "";
        if let Some(outcome) = outcome {
            params.push(Param::from(outcome.word()));
            only = " AND outcome = ?6";
        }
        let sql = format!(
            "SELECT row_number, part, outcome, text FROM job_results \
             WHERE org_id = ?1 AND job_id = ?2 AND (row_number, part) > (?3, ?4){only} \
             ORDER BY row_number, part LIMIT ?5"
        );
        self.conn.collect(&sql, &params, |row| {
            let outcome = JobOutcome::from_word(row.text(2)?);
            Ok(JobResult {
                row: row.uint(0)?,
                part: row.int(1)?.clamp(0, i64::from(u32::MAX)) as u32,
                outcome: outcome.ok_or_else(|| StoreError::Corrupt("an outcome that is not known".into()))?,
                text: row.text(3)?.to_string(),
            })
        })
    }

    /// The uploaded file; `None` if there was none or it has expired.
    pub fn job_input(&mut self, org: OrgId, job: JobId) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let sql = "SELECT ciphertext FROM job_inputs WHERE org_id = ?1 AND job_id = ?2 AND piece = ?3";
        let mut whole = Zeroizing::new(Vec::new());
        for piece in 0.. {
            let params = [Param::Id(org.0), Param::Id(job.0), Param::Int(piece)];
            let sealed = self.conn.first(sql, &params, |row| Ok(row.blob(0)?.to_vec()))?;
            let Some(sealed) = sealed else { break };
            let key = self.tenant_key(org, key_id(&sealed)?)?;
            whole.extend_from_slice(&key.open(&sealed, &input_place(job, piece))?);
        }
        Ok((!whole.is_empty()).then_some(whole))
    }

    /// Every uploaded file that is kept for an organization, the oldest job's first.
    pub fn job_inputs(&mut self, org: OrgId) -> Result<Vec<JobInput>, StoreError> {
        let sql = "SELECT job_id, SUM(LENGTH(ciphertext)) FROM job_inputs WHERE org_id = ?1 \
                   GROUP BY job_id ORDER BY job_id";
        let input = |row: &Row<'_>| Ok(JobInput { job: JobId(row.id(0)?), bytes: row.uint(1)? });
        self.conn.collect(sql, &[Param::Id(org.0)], input)
    }
}

/// An uploaded file that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobInput {
    pub job: JobId,
    /// As it lies in the database.
    pub bytes: u64,
}

fn input_place(job: JobId, piece: i64) -> String {
    aad("job_inputs", job.0, &format!("ciphertext.{piece}"))
}

fn job_from(row: &Row<'_>) -> Result<Job, StoreError> {
    let state = JobState::from_word(row.text(3)?);
    let holder = row.opt_text(15)?.map(str::to_string);
    Ok(Job {
        org: OrgId(row.id(0)?),
        id: JobId(row.id(1)?),
        kind: row.text(2)?.to_string(),
        state: state.ok_or_else(|| StoreError::Corrupt("a state of a job that is not known".into()))?,
        actor: row.id(4)?,
        options: row.text(5)?.to_string(),
        set: row.opt_id(6)?.map(ChangeSetId),
        created_at: UnixMillis(row.int(7)?),
        updated_at: UnixMillis(row.int(8)?),
        rows_total: row.opt_int(9)?.map(|n| n.max(0) as u64),
        rows_done: row.uint(10)?,
        cursor: row.opt_text(11)?.map(str::to_string),
        summary: row.opt_text(12)?.map(str::to_string),
        problem: row.opt_text(13)?.map(str::to_string),
        cancel_requested: row.opt_bool(14)?.unwrap_or(false),
        lease: holder.zip(row.opt_int(16)?.map(UnixMillis)),
        undone_by: row.opt_int(17)?.map(|seq| seq.max(0) as u64),
    })
}

impl Tx {
    /// Inserts the job, or replaces all that is stored of it but a request to cancel it and what took it
    /// back, which stay.
    pub fn put_job(&mut self, job: &Job) -> Result<(), StoreError> {
        let sql = "INSERT INTO jobs (org_id, id, kind, state, actor, options, set_id, created_at, updated_at, \
             rows_total, rows_done, cursor, summary, problem, cancel_requested, lease_holder, lease_until) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) \
             ON CONFLICT (org_id, id) DO UPDATE SET kind = excluded.kind, state = excluded.state, \
             actor = excluded.actor, options = excluded.options, set_id = excluded.set_id, \
             created_at = excluded.created_at, updated_at = excluded.updated_at, \
             rows_total = excluded.rows_total, rows_done = excluded.rows_done, cursor = excluded.cursor, \
             summary = excluded.summary, problem = excluded.problem, \
             cancel_requested = (jobs.cancel_requested OR excluded.cancel_requested), \
             lease_holder = excluded.lease_holder, lease_until = excluded.lease_until";
        let text = |text: &Option<String>| text.clone().map_or(Param::Null, |t| Param::Text(t.into()));
        let params = [
            Param::Id(job.org.0),
            Param::Id(job.id.0),
            Param::from(&job.kind),
            Param::from(job.state.word()),
            Param::Id(job.actor),
            Param::from(&job.options),
            job.set.map_or(Param::Null, |set| Param::Id(set.0)),
            Param::Int(job.created_at.0),
            Param::Int(job.updated_at.0),
            job.rows_total.map_or(Param::Null, Param::uint),
            Param::uint(job.rows_done),
            text(&job.cursor),
            text(&job.summary),
            text(&job.problem),
            Param::Bool(job.cancel_requested),
            text(&job.lease.as_ref().map(|lease| lease.0.clone())),
            Param::opt_int(job.lease.as_ref().map(|lease| lease.1.0)),
        ];
        self.change(sql, &params).map(|_| ())
    }

    /// A job that is running with a lease that has ended or is `holder`'s own (whoever asks for work is not at
    /// work, so that lease is from a life before), else one that is queued. The organizations take turns: the
    /// one that comes after `last`, whose job was the last, and of its jobs the oldest. It is running and
    /// leased to `holder` now.
    pub fn lease_job(
        &mut self,
        holder: &str,
        last: Option<OrgId>,
        now: UnixMillis,
        until: UnixMillis,
    ) -> Result<Option<Job>, StoreError> {
        let sql = format!(
            "{SELECT} WHERE state IN ('queued', 'running') \
             AND (lease_until IS NULL OR lease_until <= ?1 OR lease_holder = ?2) \
             ORDER BY CASE state WHEN 'running' THEN 0 ELSE 1 END, CASE WHEN org_id > ?3 THEN 0 ELSE 1 END, \
             org_id, id LIMIT 1 {{SKIP_LOCKED}}"
        );
        let last = last.map_or(Param::Null, |org| Param::Id(org.0));
        let params = [Param::Int(now.0), Param::from(holder), last];
        let Some(mut job) = self.conn.first(&sql, &params, job_from)? else { return Ok(None) };
        job.state = JobState::Running;
        job.updated_at = now;
        job.lease = Some((holder.to_string(), until));
        self.put_job(&job)?;
        Ok(Some(job))
    }

    /// Asks a job to stop; false if it is not there or has ended.
    pub fn request_cancel(&mut self, org: OrgId, job: JobId) -> Result<bool, StoreError> {
        let sql = "UPDATE jobs SET cancel_requested = {TRUE} \
                   WHERE org_id = ?1 AND id = ?2 AND state IN ('queued', 'running')";
        Ok(self.change(sql, &[Param::Id(org.0), Param::Id(job.0)])? > 0)
    }

    /// Notes which change was the first of those that took a job back.
    pub fn job_undone(&mut self, org: OrgId, job: JobId, by: u64) -> Result<(), StoreError> {
        let sql = "UPDATE jobs SET undone_by = ?3 WHERE org_id = ?1 AND id = ?2";
        self.change(sql, &[Param::Id(org.0), Param::Id(job.0), Param::uint(by)]).map(|_| ())
    }

    /// A set of changes was taken back: a job that it had taken back is not taken back any more.
    pub fn jobs_not_undone(&mut self, org: OrgId, set: ChangeSetId) -> Result<(), StoreError> {
        let sql = "UPDATE jobs SET undone_by = NULL WHERE org_id = ?1 AND undone_by BETWEEN \
                   (SELECT first_seq FROM change_sets WHERE org_id = ?1 AND set_id = ?2) AND \
                   (SELECT last_seq FROM change_sets WHERE org_id = ?1 AND set_id = ?2)";
        self.change(sql, &[Param::Id(org.0), Param::Id(set.0)]).map(|_| ())
    }

    pub fn add_job_results(
        &mut self,
        org: OrgId,
        job: JobId,
        results: &[JobResult],
    ) -> Result<(), StoreError> {
        use ColumnType::{Id, Int, Text};
        let insert = Insert::of(
            "job_results",
            &[
                ("org_id", Id),
                ("job_id", Id),
                ("row_number", Int),
                ("part", Int),
                ("outcome", Text),
                ("text", Text),
            ],
        );
        for batch in results.chunks(crate::tx::BATCH) {
            let rows = batch.iter().map(|result| {
                vec![
                    Param::Id(org.0),
                    Param::Id(job.0),
                    Param::uint(result.row),
                    Param::Int(i64::from(result.part)),
                    Param::from(result.outcome.word()),
                    Param::from(&result.text),
                ]
            });
            let rows: Vec<_> = rows.collect();
            let result = self.conn.insert(&insert, &rows);
            self.poison_on(result)?;
        }
        Ok(())
    }

    /// Keeps the uploaded file, encrypted, until it expires.
    pub fn put_job_input(
        &mut self,
        org: OrgId,
        job: JobId,
        bytes: &[u8],
        expires_at: UnixMillis,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO job_inputs (org_id, job_id, piece, ciphertext, expires_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let result = self.newest_key(org);
        let key = self.poison_on(result)?;
        for (piece, bytes) in (0..).zip(bytes.chunks(PIECE_BYTES)) {
            let sealed = key.seal(bytes, &input_place(job, piece))?;
            let params = [
                Param::Id(org.0),
                Param::Id(job.0),
                Param::Int(piece),
                Param::Blob(sealed.into()),
                Param::Int(expires_at.0),
            ];
            self.change(sql, &params)?;
        }
        Ok(())
    }

    /// Keeps an uploaded file for another time than was said when it came.
    pub fn keep_job_input(
        &mut self,
        org: OrgId,
        job: JobId,
        expires_at: UnixMillis,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE job_inputs SET expires_at = ?3 WHERE org_id = ?1 AND job_id = ?2";
        self.change(sql, &[Param::Id(org.0), Param::Id(job.0), Param::Int(expires_at.0)]).map(|_| ())
    }

    pub fn drop_job_input(&mut self, org: OrgId, job: JobId) -> Result<(), StoreError> {
        let sql = "DELETE FROM job_inputs WHERE org_id = ?1 AND job_id = ?2";
        self.change(sql, &[Param::Id(org.0), Param::Id(job.0)]).map(|_| ())
    }

    /// Removes uploaded files that have expired. Returns how many pieces of files went.
    pub fn expire_job_inputs(&mut self, now: UnixMillis) -> Result<u64, StoreError> {
        self.change("DELETE FROM job_inputs WHERE expires_at <= ?1", &[Param::Int(now.0)])
    }
}
