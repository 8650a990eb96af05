//! How long, and how much of, what was uploaded is kept.

use muster_domain::change::Refusal;
use muster_domain::ids::{JobId, OrgId};
use muster_store::{JobInput, JobState, Tx};

use super::options::ImportOptions;
use crate::AppError;

/// Uploaded files hold passwords: they are encrypted, and gone after a week.
pub(super) const INPUT_KEPT_MS: i64 = 7 * 24 * 3600 * 1000;
/// Nobody asks what a dry run was made of once it has been looked at.
pub(super) const DRY_RUN_INPUT_KEPT_MS: i64 = 3600 * 1000;

/// What one organization may have lying there.
struct Quota {
    files: usize,
    bytes: u64,
}

const QUOTA: Quota = Quota { files: 50, bytes: 1 << 30 };

/// What may become of a kept file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    DryRun,
    Import,
    /// Not done yet.
    Needed,
}

/// Makes room for a file of so many bytes: files of dry runs that have ended go first, then those of
/// other imports that have, each the oldest first. Refused where only files are left that are waited for.
pub(super) fn make_room(tx: &mut Tx, org: OrgId, bytes: u64) -> Result<(), AppError> {
    let inputs = tx.job_inputs(org)?;
    if fits(&QUOTA, inputs.len(), inputs.iter().map(|i| i.bytes).sum(), bytes) {
        return Ok(());
    }
    let mut kept = Vec::with_capacity(inputs.len());
    for input in inputs {
        let worth = match tx.job(org, input.job)? {
            Some(job) if matches!(job.state, JobState::Queued | JobState::Running) => Worth::Needed,
            Some(job) => {
                let options: ImportOptions = serde_json::from_str(&job.options).unwrap_or_default();
                if options.dry_run { Worth::DryRun } else { Worth::Import }
            }
            None => Worth::DryRun,
        };
        kept.push((worth, input));
    }
    let dropped = to_drop(&QUOTA, kept, bytes).ok_or_else(|| {
        Refusal::NotAllowed(
            "too many imports of this organization wait: let some of them end, or cancel them".into(),
        )
    })?;
    dropped.into_iter().try_for_each(|job| tx.drop_job_input(org, job).map_err(AppError::from))
}

fn fits(quota: &Quota, files: usize, kept: u64, more: u64) -> bool {
    files < quota.files && kept.saturating_add(more) <= quota.bytes
}

/// Which files go; `None` if that is not enough. `kept` comes oldest first.
fn to_drop(quota: &Quota, mut kept: Vec<(Worth, JobInput)>, bytes: u64) -> Option<Vec<JobId>> {
    kept.sort_by_key(|(worth, _)| *worth);
    let (mut files, mut sum) = (kept.len(), kept.iter().map(|(_, input)| input.bytes).sum::<u64>());
    let mut dropped = Vec::new();
    for (worth, input) in kept {
        if worth == Worth::Needed || fits(quota, files, sum, bytes) {
            break;
        }
        (files, sum) = (files - 1, sum - input.bytes);
        dropped.push(input.job);
    }
    fits(quota, files, sum, bytes).then_some(dropped)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn check(kept: &[(Worth, u64)], bytes: u64, expect: Option<&[u128]>) {
        let quota = Quota { files: 4, bytes: 100 };
        let input = |(n, (worth, bytes)): (usize, &(Worth, u64))| {
            (*worth, JobInput { job: JobId(Uuid::from_u128(n as u128)), bytes: *bytes })
        };
        let dropped = to_drop(&quota, kept.iter().enumerate().map(input).collect(), bytes);
        let dropped = dropped.map(|jobs| jobs.iter().map(|job| job.0.as_u128()).collect::<Vec<_>>());
        assert_eq!(dropped.as_deref(), expect, "{kept:?} and {bytes}");
    }

    #[test]
    fn the_oldest_dry_runs_go_first_then_the_oldest_imports_and_never_what_is_waited_for() {
        use Worth::{DryRun, Import, Needed};
        check(&[(Import, 10), (DryRun, 10)], 10, Some(&[]));
        check(&[(Import, 10), (DryRun, 10), (Import, 10), (DryRun, 10)], 10, Some(&[1]));
        check(&[(Import, 40), (DryRun, 30), (DryRun, 30)], 50, Some(&[1, 2]));
        check(&[(Import, 40), (DryRun, 30), (DryRun, 30)], 80, Some(&[1, 2, 0]));
        check(&[(Needed, 60), (Import, 30), (DryRun, 10)], 40, Some(&[2, 1]));
        check(&[(Needed, 61), (Import, 30)], 40, None);
        check(&[(Needed, 1), (Needed, 1), (Needed, 1), (Needed, 1)], 1, None);
    }
}
