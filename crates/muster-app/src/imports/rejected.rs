//! The rows that were not taken, as a file of their own in the format that they came in.

use std::io::Write;

use muster_domain::change::Refusal;
use muster_domain::ids::JobId;
use muster_domain::permission::Permission;
use muster_store::JobState;

use super::history::StoredOptions;
use super::open::open;
use super::report::ImportReport;
use crate::jobs::IMPORT;
use crate::{App, AppError, Scope};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRows {
    pub rows: u64,
    /// Made of the uploaded file's: letters, digits, `.`, `_` and `-` only.
    pub file_name: String,
    pub is_workbook: bool,
}

impl App {
    /// Writes the rows that an import did not take, or a dry run would not. As long as the uploaded file is
    /// kept; it holds secrets, so whoever may not import may not have it.
    pub fn rejected_rows<W: Write>(
        &self,
        scope: &Scope,
        id: JobId,
        sink: W,
    ) -> Result<RejectedRows, AppError> {
        scope.require(Permission::Import)?;
        let (job, input) = self.store().read(|r| {
            let job = r.job(scope.org(), id)?.filter(|job| job.kind == IMPORT && scope.sees_job(job));
            let job = job.ok_or(AppError::NotFound("import"))?;
            Ok::<_, AppError>((job, r.job_input(scope.org(), id)?))
        })?;
        if matches!(job.state, JobState::Queued | JobState::Running) {
            return Err(
                Refusal::NotAllowed("the import has not ended yet: ask again when it has".into()).into()
            );
        }
        let report: Option<ImportReport> =
            job.summary.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let rejected = report.map(|report| report.rejected_rows).ok_or_else(|| {
            Refusal::NotAllowed("the import ended before its rows were judged: import the file again".into())
        })?;
        if rejected.is_empty() {
            return Err(Refusal::NotAllowed("no row of this import was refused".into()).into());
        }
        let input = input.ok_or(AppError::Expired {
            what: "the uploaded file",
            mend: "that of an import is kept for a week and that of a dry run for an hour; import the file \
                   again, with dry_run to write nothing",
        })?;
        let stored: StoredOptions = serde_json::from_str(&job.options).unwrap_or_default();
        let source = open(&input, &stored.options)?;
        let mut wanted = rejected.ranges();
        let rows = source
            .write_rows(sink, |number| wanted.has(number))
            .map_err(|e| AppError::Limit(format!("the rejected rows could not be written: {e}")))?;
        let file_name = name_of_rejected(&stored.file_name, source.ending());
        Ok(RejectedRows { rows, file_name, is_workbook: source.ending() == "xlsx" })
    }
}

/// `staff-rejected.csv` of `Staff list.xlsx`, as far as it can stand in a header.
fn name_of_rejected(file_name: &str, ending: &str) -> String {
    const CHARACTERS_MAX: usize = 80;
    let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let stem: String = stem.chars().take(CHARACTERS_MAX).map(plain).collect();
    match stem.trim_matches(['.', '_']) {
        "" => format!("rejected.{ending}"),
        stem => format!("{stem}-rejected.{ending}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_file_can_stand_in_a_header() {
        let check = |name: &str, expect: &str| assert_eq!(name_of_rejected(name, "csv"), expect);
        check("staff.xlsx", "staff-rejected.csv");
        check("Equipe \"A\"\r\n.csv", "Equipe__A-rejected.csv");
        check(".hidden", "rejected.csv");
        check("", "rejected.csv");
        check("日本.csv", "rejected.csv");
    }
}
