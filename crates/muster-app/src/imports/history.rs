//! What was imported, when and by whom.

use std::collections::{HashMap, HashSet};

use muster_domain::ids::JobId;
use muster_domain::permission::Permission;
use muster_domain::types::reorders;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::options::{ImportOptions, NewImport};
use crate::jobs::{IMPORT, JobView};
use crate::names::name_of_actor;
use crate::{App, AppError, Scope};

/// A longer name is cut: it is for people to recognize.
const FILE_NAME_CHARACTERS_MAX: usize = 200;

/// The options as they are kept with the job.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct StoredOptions {
    #[serde(flatten)]
    pub options: ImportOptions,
    /// Without its folder. Empty if it was not said.
    #[serde(default)]
    pub file_name: String,
}

impl StoredOptions {
    pub fn of(new: &NewImport<'_>) -> StoredOptions {
        let name = new.file_name.rsplit(['/', '\\']).next().unwrap_or_default();
        let shown = name.chars().filter(|c| !c.is_control() && !reorders(*c)).take(FILE_NAME_CHARACTERS_MAX);
        StoredOptions { options: new.options.clone(), file_name: shown.collect() }
    }
}

/// Imports that are read at once: each may come with thousands of problems, of which nothing is shown here.
const PAGE: usize = 20;

/// An import of the history.
#[derive(Clone, Debug)]
pub struct ImportView {
    /// Without its summary.
    pub job: JobView,
    /// Where its rows were judged.
    pub counts: Option<ImportCounts>,
    /// The name of the token that asked for it.
    pub by: String,
    /// Whether the uploaded file is still there.
    pub file_kept: bool,
}

/// What a summary says in a line.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ImportCounts {
    /// The word of the format that was recognized or asked for.
    pub format: String,
    pub rows: u64,
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub rejected: u64,
}

impl App {
    /// Newest first, before the import `before`.
    pub fn imports(
        &self,
        scope: &Scope,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<ImportView>, AppError> {
        scope.require(Permission::JobsRead)?;
        self.store().read(|r| {
            let kept: HashSet<JobId> =
                r.job_inputs(scope.org())?.into_iter().map(|input| input.job).collect();
            let mut names: HashMap<Uuid, String> = HashMap::new();
            let (mut views, mut before) = (Vec::new(), before);
            while views.len() < limit {
                let jobs = r.jobs(scope.org(), before, Some(IMPORT), PAGE.min(limit - views.len()))?;
                let Some(last) = jobs.last() else { break };
                before = Some(last.id);
                for mut job in jobs.into_iter().filter(|job| scope.sees_job(job)) {
                    let counts = job.summary.take().and_then(|text| serde_json::from_str(&text).ok());
                    let by = match names.get(&job.actor) {
                        Some(name) => name.clone(),
                        None => {
                            let name = name_of_actor(r, scope.org(), job.actor)?;
                            names.insert(job.actor, name.clone());
                            name
                        }
                    };
                    let file_kept = kept.contains(&job.id);
                    views.push(ImportView { job: self.job_view(job), counts, by, file_kept });
                }
            }
            Ok(views)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_kept_under_a_name_without_folder_and_without_what_turns_its_letters_around() {
        let kept = |file_name: &str| {
            let options = ImportOptions::default();
            StoredOptions::of(&NewImport { file_name, bytes: b"", options }).file_name
        };
        assert_eq!(kept("C:\\lists/staff\u{1b}\n.csv"), "staff.csv");
        assert_eq!(kept("staff\u{202e}vsc.\u{2066}exe\u{2069}\u{202a}"), "staffvsc.exe");
        assert_eq!(kept("רשימה – Müller.csv"), "רשימה – Müller.csv");
    }
}
