//! The move-in report: what of a file maps, what does not and why, and what is left to be done by hand.
//!
//! One structure of facts; whoever shows it (as JSON, text or a page) adds no facts of their own.

use muster_domain::change::Refusal;
use muster_domain::ids::JobId;
use muster_domain::permission::Permission;
use muster_domain::types::UnixMillis;
use muster_import::Format;
use muster_store::{Job, JobState};

use super::causes::Cause;
use super::facts::Facts;
use super::history::StoredOptions;
use super::report::{ColumnReport, ImportReport};
use crate::jobs::IMPORT;
use crate::names::name_of_actor;
use crate::{App, AppError, Scope};

/// Steps for columns that are listed one by one.
const COLUMN_STEPS_MAX: usize = 30;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveInReport {
    pub job: JobId,
    /// Empty if it was not said.
    pub file_name: String,
    /// What a person calls the system that wrote the file.
    pub format: String,
    pub encoding: String,
    pub organization: String,
    pub at: UnixMillis,
    pub by: String,
    pub outcome: Outcome,
    pub people: PeopleCounts,
    pub taken: Vec<TakenColumn>,
    pub not_taken: Vec<LeftColumn>,
    /// In the order in which they are best done.
    pub steps: Vec<Step>,
    /// What was read of the file and needs nobody.
    pub notes: Vec<String>,
    pub problems: Vec<Cause>,
    pub remarks: Vec<Cause>,
    /// Further causes.
    pub not_listed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It judged only.
    DryRun,
    Done,
    /// All or nothing, and something was wrong.
    Refused,
    /// It was done and taken back by this change.
    Undone(u64),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeopleCounts {
    pub rows: u64,
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    /// Right, and left out as was asked.
    pub skipped: u64,
    pub rejected: u64,
    /// Who can sign phones in, and is counted.
    pub activated: u64,
    pub contacts: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenColumn {
    pub header: String,
    pub field: String,
    /// Rows in which it says something.
    pub rows: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftColumn {
    pub header: String,
    pub why: String,
    pub rows: u64,
}

/// Something that is left to be done by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub what: String,
    pub how: String,
    /// People, phones or rows that it is about.
    pub count: u64,
}

impl App {
    /// Of an import that has judged its rows: a dry run, one that was done, and one that was refused.
    pub fn move_in_report(&self, scope: &Scope, id: JobId) -> Result<MoveInReport, AppError> {
        scope.require(Permission::JobsRead)?;
        let (job, by) = self.store().read(|r| {
            let job = r.job(scope.org(), id)?.filter(|job| job.kind == IMPORT && scope.sees_job(job));
            let job = job.ok_or(AppError::NotFound("import"))?;
            let by = name_of_actor(r, scope.org(), job.actor)?;
            Ok::<_, AppError>((job, by))
        })?;
        let report: Option<ImportReport> =
            job.summary.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let report = report.ok_or_else(|| {
            let why = match job.state {
                JobState::Queued | JobState::Running => "the import has not ended yet: ask again when it has",
                _ => "the import ended before its rows were judged: import the file again",
            };
            Refusal::NotAllowed(why.into())
        })?;
        Ok(of_job(&job, &report, by, scope.organization().name.to_string()))
    }
}

fn of_job(job: &Job, report: &ImportReport, by: String, organization: String) -> MoveInReport {
    let stored: StoredOptions = serde_json::from_str(&job.options).unwrap_or_default();
    let outcome = match job.undone_by {
        Some(seq) => Outcome::Undone(seq),
        None if stored.options.dry_run => Outcome::DryRun,
        None if report.nothing_written => Outcome::Refused,
        None => Outcome::Done,
    };
    let facts = |at: usize| report.facts.columns.get(at).copied().unwrap_or_default();
    let (mut taken, mut not_taken) = (Vec::new(), Vec::new());
    for (at, column) in report.columns.iter().enumerate() {
        let (header, rows) = (column.header.clone(), facts(at).rows);
        match (&column.field, &column.why) {
            (Some(field), _) => taken.push(TakenColumn { header, field: field.clone(), rows }),
            (None, why) => not_taken.push(LeftColumn { header, why: why.clone().unwrap_or_default(), rows }),
        }
    }
    let (remarks, problems): (Vec<Cause>, Vec<Cause>) =
        report.causes.iter().cloned().partition(|cause| cause.remark);
    let format = Format::from_word(&report.format).unwrap_or(Format::Mapped);
    MoveInReport {
        job: job.id,
        file_name: stored.file_name,
        format: format.label().to_string(),
        encoding: report.encoding.clone(),
        organization,
        at: job.created_at,
        by,
        outcome,
        people: PeopleCounts {
            rows: report.rows,
            created: report.created,
            updated: report.updated,
            unchanged: report.unchanged,
            skipped: report.skipped,
            rejected: report.rejected,
            activated: report.activated,
            contacts: report.contacts,
        },
        taken,
        not_taken,
        steps: steps(report, outcome, job.id),
        notes: notes(&report.facts, &report.new_sites),
        problems,
        remarks,
        not_listed: report.causes_left_out,
    }
}

/// `1 person`, `12 people`.
fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn steps(report: &ImportReport, outcome: Outcome, job: JobId) -> Vec<Step> {
    let facts = &report.facts;
    let mut steps = Vec::new();
    let mut step = |count: u64, what: String, how: &str| {
        if count > 0 {
            steps.push(Step { what, how: how.to_string(), count });
        }
    };
    let rows = |count: u64| counted(count, "row", "rows");
    let people = |count: u64| counted(count, "person", "people");
    step(
        report.rejected,
        format!("Mend {} that {} not taken", rows(report.rejected), is_are(report.rejected)),
        &format!(
            "The problems below say what is wrong; `muster job rejected {job} FILE` writes just these rows to a file."
        ),
    );
    step(
        report.secrets_made,
        format!("Give the phones of {} their new passwords", people(report.secrets_made)),
        "The file has no SIP password for them, so new ones are made: `muster export FILE --with-secrets` writes \
         all of them to a file, `muster user credentials WHO --reset` makes and shows a new one for one person.",
    );
    step(
        facts.desk_phones,
        format!("Point {} at this server", counted(facts.desk_phones, "desk phone", "desk phones")),
        "They are known by their MAC addresses and still ask the old system: set the registrar and the \
         provisioning address in each phone, or in the router's DHCP options.",
    );
    step(
        facts.sip_passwords,
        format!("Have the phones of {} sign in here", people(facts.sip_passwords)),
        "They keep their names and passwords: let the name that they sign in to lead to this server, or change \
         it in the phones.",
    );
    step(
        facts.weak_sip_passwords,
        format!("Replace the SIP passwords of {} that can be guessed", people(facts.weak_sip_passwords)),
        "`muster user credentials WHO --reset` makes a strong one; the remarks below say which rows have one.",
    );
    step(
        facts.people_sharing_emails,
        format!(
            "Give {} who share {} an address of their own",
            people(facts.people_sharing_emails),
            counted(facts.shared_emails, "email", "emails")
        ),
        "A shared address signs nobody in and resets no password.",
    );
    step(
        facts.without_email,
        format!("Ask {} for an email", people(facts.without_email)),
        "Without one nobody can be invited, and messages from the mailbox reach them by phone only.",
    );
    if outcome != Outcome::DryRun || facts.inactive_in_file > 0 {
        step(
            report.contacts,
            format!("Decide about {} who {} not activated", people(report.contacts), is_are(report.contacts)),
            "They are in the contact list and no phone of theirs can sign in; `muster user activate WHO` changes \
             that, and each is counted from then on.",
        );
    }
    columns_by_hand(report, &mut steps);
    steps
}

fn is_are(count: u64) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// A step for each reason, with all its columns that say something of somebody.
fn columns_by_hand(report: &ImportReport, steps: &mut Vec<Step>) {
    let mut by_reason: Vec<(&str, Vec<String>, u64)> = Vec::new();
    for (column, fact) in report.columns.iter().zip(&report.facts.columns) {
        let ColumnReport { header, why: Some(why), .. } = column else { continue };
        if !fact.by_hand || fact.rows == 0 {
            continue;
        }
        let shown = format!("{header} ({})", counted(fact.rows, "row", "rows"));
        match by_reason.iter_mut().find(|(reason, ..)| reason == why) {
            Some((_, columns, rows)) => {
                columns.push(shown);
                *rows = (*rows).max(fact.rows);
            }
            None => by_reason.push((why.as_str(), vec![shown], fact.rows)),
        }
    }
    for (why, columns, rows) in by_reason.into_iter().take(COLUMN_STEPS_MAX) {
        let what =
            format!("Set up by hand what {} hold: {}", counted_columns(columns.len()), columns.join(", "));
        steps.push(Step { what, how: format!("Not taken: {why}."), count: rows });
    }
}

fn counted_columns(count: usize) -> String {
    if count == 1 { "this column may".to_string() } else { format!("these {count} columns may") }
}

fn notes(facts: &Facts, new_sites: &[String]) -> Vec<String> {
    let mut notes = Vec::new();
    let people = |count: u64| counted(count, "person", "people");
    let mut note = |count: u64, text: String| {
        if count > 0 {
            notes.push(text);
        }
    };
    let stated = facts.active_in_file + facts.inactive_in_file;
    note(
        stated,
        format!(
            "The file says of {} that they are active, and of {} that they are not.",
            people(facts.active_in_file),
            people(facts.inactive_in_file)
        ),
    );
    note(facts.direct_numbers, format!("{} with a direct number.", people(facts.direct_numbers)));
    note(facts.mobile_numbers, format!("{} with a mobile number.", people(facts.mobile_numbers)));
    note(facts.mailboxes, format!("{} with a mailbox of their own in the file.", people(facts.mailboxes)));
    note(
        facts.device_logins,
        format!("{} with a login of their own.", counted(facts.device_logins, "device", "devices")),
    );
    note(
        new_sites.len() as u64,
        format!(
            "{} not there before: {}.",
            counted(new_sites.len() as u64, "site", "sites"),
            new_sites.join(", ")
        ),
    );
    let sites: Vec<String> = facts.sites.iter().map(|(name, count)| format!("{name} ({count})")).collect();
    note(sites.len() as u64, format!("People by site in the file: {}.", sites.join(", ")));
    notes
}
