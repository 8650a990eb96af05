//! Whether the same file was imported before: told by its hash, which is kept with the job.

use muster_domain::ids::OrgId;
use muster_import::time_to_text;
use muster_store::{Job, Reader};
use sha2::{Digest, Sha256};

use super::history::StoredOptions;
use super::report::Note;
use crate::AppError;
use crate::jobs::IMPORT;

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
    let wanted = format!("\"file_hash\":\"{}\"", stored.file_hash);
    let earlier = r.job_done(org, job.id, IMPORT, (&wanted, "\"dry_run\":true"))?;
    Ok(earlier.map(|earlier| note_of(&earlier, stored.options.match_by.is_some())))
}

fn note_of(earlier: &Job, is_matched: bool) -> Note {
    let at = time_to_text(earlier.updated_at.0 / 1000 * 1000);
    let undone = if earlier.undone_by.is_some() { ", and taken back since" } else { "" };
    let (mend, option) = match earlier.undone_by.is_some() || is_matched {
        true => (String::new(), None),
        false => ("send another file if other people were meant".to_string(), Some("match".to_string())),
    };
    Note {
        text: format!("this same file was imported at {at} already, as job {}{undone}", earlier.id),
        mend,
        option,
    }
}
