//! What was imported, when and by whom.

use std::collections::{HashMap, HashSet};

use muster_domain::ids::JobId;
use muster_domain::permission::Permission;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::options::ImportOptions;
use super::run::NewImport;
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
        let shown = name.chars().filter(|c| !c.is_control()).take(FILE_NAME_CHARACTERS_MAX);
        StoredOptions { options: new.options.clone(), file_name: shown.collect() }
    }
}

/// An import of the history.
#[derive(Clone, Debug)]
pub struct ImportView {
    pub job: JobView,
    /// The name of the token that asked for it.
    pub by: String,
    /// Whether the uploaded file is still there.
    pub file_kept: bool,
}

impl App {
    /// Newest first, before the import `before`.
    pub fn imports(
        &self,
        scope: &Scope,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<ImportView>, AppError> {
        scope.require(Permission::Read)?;
        self.store().read(|r| {
            let jobs = r.jobs(scope.org(), before, Some(IMPORT), limit)?;
            let kept: HashSet<JobId> =
                r.job_inputs(scope.org())?.into_iter().map(|input| input.job).collect();
            let mut names: HashMap<Uuid, String> = HashMap::new();
            let mut views = Vec::with_capacity(jobs.len());
            for job in jobs {
                let by = match names.get(&job.actor) {
                    Some(name) => name.clone(),
                    None => {
                        let name = name_of_actor(r, scope.org(), job.actor)?;
                        names.insert(job.actor, name.clone());
                        name
                    }
                };
                let file_kept = kept.contains(&job.id);
                let progress = self.job_board().progress(job.id);
                views.push(ImportView { job: JobView { progress, job }, by, file_kept });
            }
            Ok(views)
        })
    }
}
