//! Every row, judged at once: against itself, against the other rows, against who is there.

use muster_domain::ids::UserId;
use muster_domain::user::{Service, User};
use muster_import::{PersonRow, Row, Source};
use muster_store::Reader;

use super::build::{SECRET_TO_COME, build, problem};
use super::context::Context;
use super::keys::{Known, Seen, check_devices, check_keys};
use super::options::ImportOptions;
use super::plan::Plan;
use super::remarks::remarks;
use super::report::{ColumnReport, ImportReport, RowProblem};
use crate::AppError;

/// Rows that are looked up in the database together.
pub(super) const BATCH: usize = 500;

/// What shall become of a row; as many as there are rows, so it is small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Create,
    Update(UserId),
    Reject,
}

pub(super) struct Judgement {
    pub report: ImportReport,
    pub decisions: Vec<Decision>,
    pub context: Context,
}

pub(super) fn judge(
    r: &mut Reader,
    mut context: Context,
    source: &Source<'_>,
    options: &ImportOptions,
    mut progress: impl FnMut(u64) -> Result<(), AppError>,
) -> Result<Judgement, AppError> {
    let mut report = ImportReport {
        format: source.format().word().to_string(),
        encoding: source.encoding().to_string(),
        delimiter: source.delimiter().map(String::from).unwrap_or_default(),
        columns: source.columns().iter().map(ColumnReport::from).collect(),
        rows: source.rows_total(),
        ..ImportReport::default()
    };
    let mut decisions = Vec::with_capacity(source.rows_total() as usize);
    let mut seen = Seen::default();
    let mut rows = source.rows();
    loop {
        let batch: Vec<Row> = rows.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        let known = Known::load(r, &context, &batch, options.match_by, &mut seen)?;
        for row in batch {
            let mut judge = Judge { context: &mut context, known: &known, seen: &mut seen, source, options };
            let decision = judge.row(r, row, &mut report)?;
            if decision == Decision::Reject {
                report.rejected += 1;
            }
            decisions.push(decision);
        }
        progress(decisions.len() as u64)?;
    }
    report.facts.columns(source.columns(), rows.said());
    report.new_sites = context.new_sites.iter().map(|s| s.name.to_string()).collect();
    Ok(Judgement { report, decisions, context })
}

struct Judge<'j, 's> {
    context: &'j mut Context,
    known: &'j Known,
    seen: &'j mut Seen,
    source: &'j Source<'s>,
    options: &'j ImportOptions,
}

impl Judge<'_, '_> {
    fn row(&mut self, r: &mut Reader, mut row: Row, report: &mut ImportReport) -> Result<Decision, AppError> {
        for remark in std::mem::take(&mut row.remarks) {
            report.problem(RowProblem {
                line: row.line,
                row: row.number,
                column: Some(remark.column.to_string()),
                found: String::new(),
                reason: remark.text,
                mend: String::new(),
                option: None,
                remark: true,
            });
        }
        let existing = self.known.matching(&row, self.options.match_by);
        let mut unread: Vec<RowProblem> =
            std::mem::take(&mut row.errors).into_iter().map(RowProblem::from).collect();
        if existing.is_none() {
            // Perhaps nobody new was meant.
            let may_match = self.options.match_by.is_none() && self.known.is_of_somebody(&row);
            let option = may_match.then(|| "match".to_string());
            let lacks = std::mem::take(&mut row.errors_if_new).into_iter().map(RowProblem::from);
            unread.extend(lacks.map(|problem| RowProblem { option: option.clone(), ..problem }));
        }
        let unreadable = !unread.is_empty();
        for problem in unread {
            report.problem(problem);
        }
        let columns = self.source.columns();
        let (mut errors, mut rejected) = (Vec::new(), unreadable);
        // A row whose cells could not be read is not asked for what those cells would have given.
        match build(&row, self.context, existing, self.options.activate) {
            Ok(user) => {
                check_keys(&user, &row, existing, self.known, self.seen, self.options, &mut errors);
                let plan = Plan::make(r, user, existing, &row.person, &self.known.held)?;
                for problem in check_devices(&plan, &row, columns, self.known, self.seen) {
                    rejected = true;
                    report.problem(problem);
                }
                rejected |= !errors.is_empty();
                if !rejected {
                    for remark in remarks(&row, &plan.user, columns) {
                        report.problem(remark);
                    }
                    count(&plan, existing, &row.person, report);
                    let shared = self.options.allow_shared_emails.then_some(&mut self.seen.shared);
                    report.facts.person(&plan, existing, &row, shared);
                }
            }
            Err(found) if !unreadable => errors = found,
            Err(_) => {}
        }
        rejected |= !errors.is_empty();
        for error in errors {
            report.problem(problem(&row, columns, error));
        }
        Ok(match existing {
            _ if rejected => Decision::Reject,
            Some(user) => Decision::Update(user.id),
            None => Decision::Create,
        })
    }
}

fn count(plan: &Plan, existing: Option<&User>, person: &PersonRow, report: &mut ImportReport) {
    if plan.user.sip_secret == Some(SECRET_TO_COME) && person.sip_password.is_none() {
        report.secrets_made += 1;
    }
    match existing {
        None => report.created += 1,
        Some(before) if plan.changes(before) => report.updated += 1,
        Some(_) => report.unchanged += 1,
    }
    match plan.user.service {
        Service::Enabled => report.activated += 1,
        _ => report.contacts += 1,
    }
}
