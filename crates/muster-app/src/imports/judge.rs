//! Every row, judged at once: against itself, against the other rows, against who is there.

use muster_domain::log::counts;
use muster_domain::national::{National, national};
use muster_domain::user::{Service, User};
use muster_import::{FileStatus, NOT_SHOWN, PersonRow, Row, Source, Taken};
use muster_store::Reader;

use super::build::{SECRET_TO_COME, build};
use super::context::Context;
use super::decision::Decision;
use super::keys::{Keys, Seen};
use super::known::Known;
use super::mailboxes::{Astray, Wishes};
use super::numbers::Numbers;
use super::options::{Activate, Existing, ImportOptions, Inactive};
use super::plan::Plan;
use super::problem::{RowProblem, nobody_meant, problem};
use super::remarks::remarks;
use super::report::{ColumnReport, CorrectionCount, ImportReport, InactiveRows, Note};
use crate::AppError;

/// Fields that are right or wrong by themselves, whatever else is wrong with the row.
const OF_THEIR_OWN_CELL: [&str; 2] = ["site", "connection"];

/// An alternate number may be an extension, which no rule for a whole column should make a number of.
const NATIONAL_NUMBERS: [&str; 3] = ["caller_id_number", "direct_number", "mobile_number"];

/// Rows that are looked up in the database together.
pub(super) const BATCH: usize = 500;

pub(super) struct Judgement {
    pub report: ImportReport,
    pub decisions: Vec<Decision>,
    pub context: Context,
}

pub(super) fn judge(
    r: &mut Reader,
    context: Context,
    source: &Source<'_>,
    options: &ImportOptions,
    mut progress: impl FnMut(u64) -> Result<(), AppError>,
) -> Result<Judgement, AppError> {
    let (judged, wishes) = pass(r, context, source, options, &Astray::default(), &mut progress)?;
    let astray = wishes.astray(r, judged.context.org, &judged.decisions)?;
    if astray.is_empty() {
        return Ok(judged);
    }
    // Whoever is refused for it is not counted: all is judged once more, with that known.
    let done = judged.decisions.len() as u64;
    let (judged, _) = pass(r, judged.context, source, options, &astray, &mut |_| progress(done))?;
    Ok(judged)
}

fn pass(
    r: &mut Reader,
    mut context: Context,
    source: &Source<'_>,
    options: &ImportOptions,
    astray: &Astray,
    progress: &mut dyn FnMut(u64) -> Result<(), AppError>,
) -> Result<(Judgement, Wishes), AppError> {
    let mut report = ImportReport {
        format: source.format().word().to_string(),
        system: source.format().label().to_string(),
        encoding: source.encoding().to_string(),
        delimiter: source.delimiter().map(String::from).unwrap_or_default(),
        columns: source.columns().iter().map(ColumnReport::from).collect(),
        sheet: source.sheet().map(str::to_string),
        notes: source.notes().iter().map(Note::from).collect(),
        rows: source.rows_total(),
        ..ImportReport::default()
    };
    let mut decisions = Vec::with_capacity(source.rows_total() as usize);
    let mut seen = Seen::default();
    let mut wishes = Wishes::default();
    let mut numbers = Numbers::default();
    let mut rows = source.rows();
    loop {
        let batch: Vec<Row> = rows.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        let known = Known::load(r, &context, &batch, options, &mut seen.shared_there)?;
        numbers.load(r, context.org, batch.iter())?;
        for row in batch {
            let mut judge = Judge {
                context: &mut context,
                known: &known,
                seen: &mut seen,
                numbers: &mut numbers,
                wishes: &mut wishes,
                astray,
                source,
                options,
            };
            let decision = judge.row(r, row, &mut report)?;
            match decision {
                Decision::Reject => report.rejected += 1,
                Decision::Skip(_) => report.skipped += 1,
                Decision::Create | Decision::Update(_) => {}
            }
            decisions.push(decision);
        }
        progress(decisions.len() as u64)?;
    }
    report.facts.columns(source.columns(), rows.said());
    let corrected = rows.corrections().map(|(correction, cells)| CorrectionCount {
        column: correction.column.to_string(),
        found: correction.found.to_string(),
        value: correction.value.to_string(),
        cells,
    });
    report.corrections = corrected.collect();
    report.new_sites = context.new_sites.iter().map(|s| s.name.to_string()).collect();
    report.settle(&r.seats(context.org)?);
    Ok((Judgement { report, decisions, context }, wishes))
}

struct Judge<'j, 's> {
    context: &'j mut Context,
    known: &'j Known,
    seen: &'j mut Seen,
    numbers: &'j mut Numbers,
    wishes: &'j mut Wishes,
    astray: &'j Astray,
    source: &'j Source<'s>,
    options: &'j ImportOptions,
}

impl Judge<'_, '_> {
    fn row(&mut self, r: &mut Reader, mut row: Row, report: &mut ImportReport) -> Result<Decision, AppError> {
        let existing = self.known.meant(&row, self.context, self.options);
        let is_inactive = row.person.status == Some(FileStatus::Inactive);
        let chosen = self.options.of_row(row.number).is_some();
        if is_inactive && !chosen && self.options.inactive == Some(Inactive::LeaveOut) {
            count_inactive(self.options, report);
            return Ok(Decision::Skip(None));
        }
        if let Some(user) = existing.filter(|_| self.options.existing() == Existing::Skip) {
            return Ok(Decision::Skip(Some(user.id)));
        }
        for remark in std::mem::take(&mut row.remarks) {
            self.say(&row, existing, RowProblem::of_remark(&row, remark), report);
        }
        self.wishes.row(&row);
        let mailbox = self.astray.problem(&row, self.source.columns());
        let unreadable = self.unread(&mut row, existing, report);
        if let Some(user) = existing.filter(|_| self.options.existing() == Existing::Fail) {
            let mut keys = Keys::of(&row, self.source.columns(), self.context, self.known, self.options);
            keys.is_there(user);
            keys.problems.into_iter().for_each(|problem| self.put(problem, report));
            return Ok(Decision::Reject);
        }
        let (mut user, mut errors) = build(&row, self.context, existing, self.options);
        if unreadable {
            // It is not asked for what the cells that could not be read would have given.
            errors.retain(|error| OF_THEIR_OWN_CELL.contains(&error.field));
        }
        let wrong = unreadable || !errors.is_empty();
        if errors.iter().any(|error| error.field == "connection") {
            // Whose dial plan it shall be is not known.
            user.connection = None;
        }
        for error in errors {
            self.put(problem(&row, self.source.columns(), error), report);
        }
        let mut keys = Keys::of(&row, self.source.columns(), self.context, self.known, self.options);
        keys.check(&user, existing, self.seen);
        keys.problems.extend(mailbox);
        if wrong {
            self.wishes.person(&row, &user, existing, None);
            keys.problems.into_iter().for_each(|problem| self.put(problem, report));
            return Ok(Decision::Reject);
        }
        let plan = Plan::make(r, user.clone(), existing, &row.person, &self.known.held)?;
        self.wishes.person(&row, &user, existing, Some(&plan));
        keys.check_devices(&plan, self.seen);
        keys.problems.extend(self.numbers.refused(&row, &plan.user, self.source.columns()));
        let rejected = !keys.problems.is_empty();
        let mut said = std::mem::take(&mut keys.problems);
        if !rejected {
            said.extend(keys.remark_elsewhere(&user, existing));
            keys.remark_devices(&plan);
            said.append(&mut keys.problems);
            said.extend(remarks(&row, &plan.user, self.source.columns()));
            said.extend(self.numbers.remarks(&row, &plan.user, self.source.columns()));
        }
        said.into_iter().for_each(|problem| self.put(problem, report));
        if rejected {
            return Ok(Decision::Reject);
        }
        self.taken(&row, existing, &plan, report);
        Ok(existing.map_or(Decision::Create, |user| Decision::Update(user.id)))
    }

    /// Counts a row that is taken, and says from whom it takes something.
    fn taken(&mut self, row: &Row, existing: Option<&User>, plan: &Plan, report: &mut ImportReport) {
        // Somebody who stays as they are becomes nothing.
        let is_inactive = row.person.status == Some(FileStatus::Inactive);
        if is_inactive && existing.is_none_or(|before| before.service != plan.user.service) {
            count_inactive(self.options, report);
        }
        if let Some(before) = existing {
            let emptied = report.fields.person(row, before, plan, self.source.columns());
            emptied.into_iter().for_each(|remark| self.put(remark, report));
        }
        count(plan, existing, &row.person, report);
        let shared = self.options.allow_shared_emails.then_some(&mut self.seen.shared);
        report.facts.person(plan, existing, row, shared);
    }

    /// Says what of the row could not be read, and whether there is any.
    fn unread(&self, row: &mut Row, existing: Option<&User>, report: &mut ImportReport) -> bool {
        let mut unread: Vec<RowProblem> =
            std::mem::take(&mut row.errors).into_iter().map(RowProblem::from).collect();
        if existing.is_none() {
            // Perhaps nobody new was meant.
            let may_match = self.options.match_by.is_none() && self.known.is_of_somebody(row, self.context);
            let option = may_match.then(|| "match".to_string());
            let lacks = std::mem::take(&mut row.errors_if_new);
            let lacks = match self.options.match_by.filter(|_| !lacks.is_empty()) {
                Some(by) => nobody_meant(row, by, lacks, self.known, self.source.columns()),
                None => lacks.into_iter().map(RowProblem::from).collect(),
            };
            let lacks = lacks.into_iter();
            unread.extend(lacks.map(|problem| RowProblem { option: option.clone(), ..problem }));
        }
        let unreadable = !unread.is_empty();
        unread.into_iter().for_each(|problem| self.say(row, existing, problem, report));
        unreadable
    }

    /// Says what is so of a cell, and whether there is a number in it that is dialled so at home.
    fn say(&self, row: &Row, existing: Option<&User>, problem: RowProblem, report: &mut ImportReport) {
        let header = problem.column.as_deref();
        let column = self.source.columns().iter().find(|column| Some(column.header.as_str()) == header);
        let is_of_numbers = column.is_some_and(
            |column| matches!(column.taken, Taken::Field(name) if NATIONAL_NUMBERS.contains(&name)),
        );
        // Of what Excel has left of a number nothing can be made.
        let national = if is_of_numbers && problem.cause.is_none() {
            let site = existing.map_or(self.context.default_site(), |user| user.site);
            let country = self.context.country(row.person.site_name.as_deref(), site);
            national(&problem.found, country)
        } else {
            National::No
        };
        if is_of_numbers && national == National::No && problem.cause.is_none() {
            report.no_number(&problem);
        }
        report.problem(self.placed(problem), &national);
    }

    fn put(&self, problem: RowProblem, report: &mut ImportReport) {
        report.problem(self.placed(problem), &National::No);
    }

    fn placed(&self, problem: RowProblem) -> RowProblem {
        let cell = self.source.cell(problem.line, problem.column.as_deref());
        let found = match self.source.may_show(problem.column.as_deref(), &problem.found) {
            true => problem.found,
            false => NOT_SHOWN.to_string(),
        };
        RowProblem { cell, found, ..problem }
    }
}

fn count_inactive(options: &ImportOptions, report: &mut ImportReport) {
    let rows = report.inactive.take().map_or(0, |inactive| inactive.rows) + 1;
    let become_what = match (options.inactive, options.activate) {
        (Some(Inactive::Disabled), _) => "disabled",
        (Some(Inactive::LeaveOut), _) => "leave_out",
        (None | Some(Inactive::Ask), Activate::All) => "enabled",
        (Some(Inactive::Contacts | Inactive::Ask) | None, _) => "contacts",
    };
    let chosen = options.inactive.is_some_and(|inactive| inactive != Inactive::Ask);
    let become_what = become_what.to_string();
    report.inactive = Some(InactiveRows { rows, become_what, chosen, must_choose: false });
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
    report.count_seat(plan.user.user_type, existing.is_some_and(counts), counts(&plan.user));
}
