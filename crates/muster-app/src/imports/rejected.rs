//! The rows that were not taken, as a file of their own in the format that they came in.

use std::io::Write;

use muster_domain::change::Refusal;
use muster_domain::ids::JobId;
use muster_domain::permission::Permission;
use muster_store::JobState;
use serde::{Deserialize, Serialize};

use super::history::StoredOptions;
use super::judge::Decision;
use super::report::ImportReport;
use super::run::open;
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
        scope.require(Permission::ManageUsers)?;
        let (job, input) = self.store().read(|r| {
            let job = r.job(scope.org(), id)?.filter(|job| job.kind == IMPORT);
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

/// Numbers of rows, kept as ranges: `3,7-9`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct RowSet(Vec<(u64, u64)>);

impl RowSet {
    pub(super) fn of_rejected(decisions: &[Decision]) -> RowSet {
        let mut set = RowSet::default();
        for (number, decision) in (1..).zip(decisions) {
            if *decision == Decision::Reject {
                set.push(number);
            }
        }
        set
    }

    /// `number` is greater than all before.
    fn push(&mut self, number: u64) {
        match self.0.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => self.0.push((number, number)),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn ranges(&self) -> Ranges<'_> {
        Ranges(&self.0)
    }
}

/// Asked for ever greater numbers.
struct Ranges<'s>(&'s [(u64, u64)]);

impl Ranges<'_> {
    fn has(&mut self, number: u64) -> bool {
        while let Some(((_, last), rest)) = self.0.split_first()
            && *last < number
        {
            self.0 = rest;
        }
        self.0.first().is_some_and(|(first, _)| *first <= number)
    }
}

impl From<RowSet> for String {
    fn from(set: RowSet) -> String {
        let range = |(first, last): &(u64, u64)| {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        };
        set.0.iter().map(range).collect::<Vec<_>>().join(",")
    }
}

impl From<String> for RowSet {
    /// What is no range is left out: it was ours to write.
    fn from(text: String) -> RowSet {
        let range = |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            Some((first.parse().ok()?, last.parse().ok()?))
        };
        RowSet(text.split(',').filter_map(range).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_rows_is_written_as_ranges_and_read_again() {
        use Decision::{Create, Reject};
        let set =
            RowSet::of_rejected(&[Create, Reject, Reject, Create, Reject, Create, Reject, Reject, Reject]);
        let text = String::from(set.clone());
        assert_eq!((text.as_str(), RowSet::from(text.clone())), ("2-3,5,7-9", set.clone()));
        let mut ranges = set.ranges();
        let has: Vec<u64> = (1..12).filter(|number| ranges.has(*number)).collect();
        assert_eq!(has, [2, 3, 5, 7, 8, 9]);
        assert!(RowSet::from(String::new()).is_empty());
    }

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
