//! Whether the same file was imported before: told by its hash, which is kept with the job.

use muster_domain::ids::OrgId;
use muster_import::time_to_text;
use muster_store::{Job, JobState, Reader};
use sha2::{Digest, Sha256};

use super::history::StoredOptions;
use super::report::Note;
use crate::AppError;
use crate::jobs::IMPORT;

/// Imports that are looked through: they come with their reports.
const IMPORTS_MAX: usize = 40;
const PAGE: usize = 20;

/// SHA-256 in hexadecimal digits.
pub(super) fn hash_of(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The newest import of the same file that wrote something, other than this one.
pub(super) fn note(r: &mut Reader, org: OrgId, job: &Job) -> Result<Option<Note>, AppError> {
    let stored: StoredOptions = serde_json::from_str(&job.options).unwrap_or_default();
    if stored.file_hash.is_empty() {
        return Ok(None);
    }
    let mut before = Some(job.id);
    for _ in 0..IMPORTS_MAX / PAGE {
        let jobs = r.jobs(org, before, Some(IMPORT), PAGE)?;
        let Some(last) = jobs.last() else { break };
        before = Some(last.id);
        let is_same = |earlier: &&Job| {
            let options: StoredOptions = serde_json::from_str(&earlier.options).unwrap_or_default();
            earlier.state == JobState::Done
                && !options.options.dry_run
                && options.file_hash == stored.file_hash
        };
        if let Some(earlier) = jobs.iter().find(is_same) {
            return Ok(Some(note_of(earlier)));
        }
    }
    Ok(None)
}

fn note_of(earlier: &Job) -> Note {
    let at = time_to_text(earlier.updated_at.0 / 1000 * 1000);
    let (undone, option) = match earlier.undone_by {
        Some(_) => (", and taken back since", None),
        None => ("", Some("match".to_string())),
    };
    let mend = match earlier.undone_by {
        Some(_) => String::new(),
        None => "mend the file if other people were meant".to_string(),
    };
    Note {
        text: format!("this same file was imported at {at} already, as job {}{undone}", earlier.id),
        mend,
        option,
    }
}
