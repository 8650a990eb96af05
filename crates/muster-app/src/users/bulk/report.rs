//! What a bulk change says of itself.

use muster_domain::change::{FieldChange, Refusal};
use muster_domain::ids::UserId;
use muster_domain::log::counts;
use muster_domain::user::User;
use muster_domain::value::FieldError;
use serde::{Deserialize, Serialize};

use crate::names::called;

/// People of one cause who are named.
const NAMED_MAX: usize = 5;
/// Causes that are told apart.
const CAUSES_MAX: usize = 100;
/// People of a preview who are told one by one.
const SHOWN_MAX: usize = 10;

/// Kept with the job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BulkReport {
    /// Who is meant.
    pub people: u64,
    pub changed: u64,
    /// They are so already.
    pub unchanged: u64,
    pub refused: u64,
    /// Who is counted for billing in the whole organization before, and after.
    pub counted_before: u64,
    pub counted_after: u64,
    pub newly_counted: u64,
    pub no_longer_counted: u64,
    /// People who get a SIP secret because they are activated and have none.
    pub secrets_made: u64,
    /// Why people are refused, those of most people first.
    pub causes: Vec<BulkCause>,
    pub causes_left_out: u64,
    /// Of a preview, and where nobody is changed because somebody is refused.
    pub nothing_written: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkCause {
    pub field: String,
    pub reason: String,
    pub mend: String,
    pub people: u64,
    /// The first few, such as `Ana Silva (extension 1001)`.
    pub first: Vec<String>,
}

/// Somebody who would be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkItem {
    pub id: UserId,
    pub name: String,
    pub fields: Vec<FieldChange>,
}

/// Somebody who cannot be changed so, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkRefused {
    pub id: UserId,
    pub name: String,
    pub errors: Vec<FieldError>,
}

/// What would be done.
#[derive(Clone, Debug, Default)]
pub struct BulkPreview {
    /// What to send to have just this done.
    pub plan: String,
    pub report: BulkReport,
    /// The first ten who would be changed.
    pub first: Vec<BulkItem>,
    /// The first ten who would be refused.
    pub refused: Vec<BulkRefused>,
}

impl BulkPreview {
    pub(super) fn changed(&mut self, before: &User, after: &User, fields: impl FnOnce() -> Vec<FieldChange>) {
        self.report.changed += 1;
        match (counts(before), counts(after)) {
            (false, true) => self.report.newly_counted += 1,
            (true, false) => self.report.no_longer_counted += 1,
            _ => {}
        }
        if self.first.len() < SHOWN_MAX {
            self.first.push(BulkItem { id: before.id, name: called(before), fields: fields() });
        }
    }

    pub(super) fn refused(&mut self, before: &User, errors: Vec<FieldError>) {
        self.report.refused += 1;
        let name = called(before);
        for error in &errors {
            self.report.cause(error, &name);
        }
        if self.refused.len() < SHOWN_MAX {
            self.refused.push(BulkRefused { id: before.id, name, errors });
        }
    }

    pub(super) fn finish(&mut self) {
        let report = &mut self.report;
        report.counted_after =
            (report.counted_before + report.newly_counted).saturating_sub(report.no_longer_counted);
        report.causes.sort_by_key(|cause| std::cmp::Reverse(cause.people));
    }
}

impl BulkReport {
    fn cause(&mut self, error: &FieldError, name: &str) {
        let alike = |cause: &BulkCause| {
            cause.field == error.field && cause.reason == error.reason && cause.mend == error.mend
        };
        let at = match self.causes.iter().position(alike) {
            Some(at) => at,
            None if self.causes.len() == CAUSES_MAX => return self.causes_left_out += 1,
            None => {
                let (field, reason) = (error.field.to_string(), error.reason.clone());
                self.causes.push(BulkCause {
                    field,
                    reason,
                    mend: error.mend.clone(),
                    ..BulkCause::default()
                });
                self.causes.len() - 1
            }
        };
        let cause = &mut self.causes[at];
        cause.people += 1;
        if cause.first.len() < NAMED_MAX {
            cause.first.push(name.to_string());
        }
    }
}

/// A refusal as what is wrong with fields.
pub(super) fn errors_of(refusal: Refusal) -> Vec<FieldError> {
    match refusal {
        Refusal::Invalid(errors) => errors,
        other => vec![FieldError::new("user", other.to_string(), "leave this person out")],
    }
}

/// `extension is missing: give the user an extension before activating`.
pub(super) fn in_words(errors: &[FieldError]) -> String {
    let one = |error: &FieldError| format!("{} {}: {}", error.field, error.reason, error.mend);
    errors.iter().map(one).collect::<Vec<_>>().join("; ")
}
