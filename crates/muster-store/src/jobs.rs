//! Long work: leased rows whose cursor commits with its effects, and a result per row.

use muster_domain::ids::{ChangeSetId, JobId, OrgId};
use muster_domain::types::UnixMillis;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{Reader, StoreError, Tx};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    Created,
    Updated,
    Unchanged,
    Warned,
    Refused,
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

impl Reader {
    pub fn job(&mut self, _org: OrgId, _id: JobId) -> Result<Option<Job>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Newest first, before the job `before`.
    pub fn jobs(
        &mut self,
        _org: OrgId,
        _before: Option<JobId>,
        _limit: usize,
    ) -> Result<Vec<Job>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// In order of row and part, after that row and part; `outcome` leaves the others out.
    pub fn job_results(
        &mut self,
        _org: OrgId,
        _job: JobId,
        _after: Option<(u64, u32)>,
        _outcome: Option<JobOutcome>,
        _limit: usize,
    ) -> Result<Vec<JobResult>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// The uploaded file; `None` if there was none or it has expired.
    pub fn job_input(&mut self, _org: OrgId, _job: JobId) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }
}

impl Tx {
    /// Inserts the job, or replaces all that is stored of it.
    pub fn put_job(&mut self, _job: &Job) -> Result<(), StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// The oldest job of any organization that is queued, or running with a lease that has ended; it is
    /// running and leased to `holder` now.
    pub fn lease_job(
        &mut self,
        _holder: &str,
        _now: UnixMillis,
        _until: UnixMillis,
    ) -> Result<Option<Job>, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Asks a job to stop; false if it is not there or has ended.
    pub fn request_cancel(&mut self, _org: OrgId, _job: JobId) -> Result<bool, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    pub fn add_job_results(
        &mut self,
        _org: OrgId,
        _job: JobId,
        _results: &[JobResult],
    ) -> Result<(), StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Keeps the uploaded file, encrypted, until it expires.
    pub fn put_job_input(
        &mut self,
        _org: OrgId,
        _job: JobId,
        _bytes: &[u8],
        _expires_at: UnixMillis,
    ) -> Result<(), StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    pub fn drop_job_input(&mut self, _org: OrgId, _job: JobId) -> Result<(), StoreError> {
        Err(StoreError::Misuse("not yet"))
    }

    /// Removes uploaded files that have expired. Returns how many jobs lost theirs.
    pub fn expire_job_inputs(&mut self, _now: UnixMillis) -> Result<u64, StoreError> {
        Err(StoreError::Misuse("not yet"))
    }
}
