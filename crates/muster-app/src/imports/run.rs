//! Carrying an import out: one transaction for all of it, the job's result included.

use muster_domain::ids::{JobId, SecretId, UserId};
use muster_domain::permission::Permission;
use muster_domain::types::UnixMillis;
use muster_domain::user::User;
use muster_import::{Limits, MailboxWish, Mapping, Row, Secret, Source, Suggestion};
use muster_store::{Job, JobOutcome, JobResult, JobState, SecretKind};
use uuid::Uuid;

use super::build::{SECRET_TO_COME, build};
use super::context::Context;
use super::decision::Decision;
use super::held::Held;
use super::history::StoredOptions;
use super::inputs::{DRY_RUN_INPUT_KEPT_MS, INPUT_KEPT_MS, make_room};
use super::judge::{BATCH, Judgement, judge};
use super::numbers::Numbers;
use super::open::{open, used_mapping};
use super::options::{ImportOptions, NewImport};
use super::plan::{MailboxPlan, Plan, other_mailbox};
use super::report::ImportReport;
use super::row_set::RowSet;
use crate::apply::{Allow, By, Session};
use crate::jobs::{GoOn, IMPORT, Progress};
use crate::users::checked_pin;
use crate::{App, AppError, Done, Scope};

impl App {
    /// Checks that the file can be read at all, and makes a job of it.
    pub fn start_import(&self, scope: &Scope, new: &NewImport<'_>) -> Result<Done, AppError> {
        scope.require(Permission::Import)?;
        if new.options.create_sites {
            scope.require(Permission::SitesEdit)?;
        }
        // A file that cannot be read is refused now rather than in a job that fails.
        open(new.bytes, &new.options)?;
        let options = StoredOptions::of(new);
        let options = serde_json::to_string(&options).map_err(|e| AppError::Limit(e.to_string()))?;
        let job = JobId(Uuid::now_v7());
        let now = self.now();
        let done = self.change(scope, Allow::default(), |session| {
            session.tx.put_job(&Job {
                org: scope.org(),
                id: job,
                kind: IMPORT.to_string(),
                state: JobState::Queued,
                actor: scope.actor,
                options: options.clone(),
                set: Some(self.new_set()),
                created_at: now,
                updated_at: now,
                rows_total: None,
                rows_done: 0,
                cursor: None,
                summary: None,
                problem: None,
                cancel_requested: false,
                lease: None,
                undone_by: None,
            })?;
            make_room(session.tx, scope.org(), new.bytes.len() as u64)?;
            session.tx.put_job_input(scope.org(), job, new.bytes, UnixMillis(now.0 + INPUT_KEPT_MS))?;
            Ok(job.0)
        })?;
        self.job_board().wake();
        Ok(done)
    }

    /// Guesses at the columns of a file, to be looked at and sent with it. Nothing is kept of the file.
    pub fn suggest_mapping(
        &self,
        scope: &Scope,
        bytes: &[u8],
        vertical: bool,
    ) -> Result<Vec<Suggestion>, AppError> {
        scope.require(Permission::Import)?;
        let header = match vertical {
            true => Source::header_of_vertical(bytes, &Limits::default())?,
            false => Source::header_of(bytes, &Limits::default())?,
        };
        let header = header.ok_or_else(|| {
            let mend = "write a line of column names above the people";
            AppError::invalid("file", "has no line that looks like column names", mend)
        })?;
        let names: Vec<&str> = header.iter().map(|name| name.as_str()).collect();
        Ok(Mapping::suggest(&names))
    }

    /// Does the work of an import job. The result is in the job's row when this returns.
    pub(crate) fn run_import(&self, job: &Job, progress: &Progress) -> Result<(), AppError> {
        let options: ImportOptions = serde_json::from_str(&job.options).unwrap_or_default();
        let mut go_on = GoOn::new(self, job, progress);
        let input = self.store().read(|r| r.job_input(job.org, job.id).map_err(AppError::from))?;
        let input = input.ok_or(AppError::NotFound("uploaded file"))?;
        // Opening takes seconds for a large file, and cannot be stopped; nobody else waits for it, as they
        // do for what follows.
        go_on.check()?;
        let source = open(&input, &options)?;
        go_on.check()?;
        progress.set_total(source.rows_total());
        let now = self.now();
        let set = job.set.unwrap_or_else(|| self.new_set());
        self.store().write(|tx| {
            let allow =
                Allow { shared_emails: options.allow_shared_emails, acknowledged: options.acknowledged() };
            let by = By::asker(tx, job.org, job.actor, Permission::Import)?;
            let mut session = Session::begin(tx, job.org, now, by.clone(), set, allow)?;
            // Whoever had the lease before may have finished after all: the work is done once.
            let current = session.tx.job(job.org, job.id)?;
            if current.is_none_or(|j| j.state != JobState::Running) {
                return Ok(());
            }
            let context = Context::load(session.tx, job.org, &options, by)?;
            let mut judged = judge(session.tx, context, &source, &options, |rows| {
                progress.set_judged(rows);
                go_on.check()
            })?;
            judged.report.rejected_rows = {
                let rows =
                    (1..).zip(&judged.decisions).filter(|(_, decision)| **decision == Decision::Reject);
                RowSet::of(rows.map(|(number, _)| number))
            };
            let refused = judged.report.rejected > 0 && !options.good_rows_only;
            let write = !options.dry_run && !refused;
            judged.report.nothing_written = !write;
            judged.report.good_rows = judged.report.rows - judged.report.rejected - judged.report.skipped;
            let mut report = std::mem::take(&mut judged.report);
            report.mapping = used_mapping(&options);
            if write {
                let mut writer = Writer {
                    session,
                    source: &source,
                    options: &options,
                    job,
                    results: Vec::new(),
                    numbers: Numbers::default(),
                };
                writer.rows(judged, &mut report, |rows| {
                    progress.set_written(rows);
                    go_on.check()
                })?;
                session = writer.session;
            }
            finish_job(&mut session, job, &report, refused, now)?;
            if options.dry_run {
                let until = UnixMillis(now.0 + DRY_RUN_INPUT_KEPT_MS);
                session.tx.keep_job_input(job.org, job.id, until)?;
            }
            session.finish()?;
            Ok(())
        })
    }
}

fn finish_job(
    session: &mut Session<'_>,
    job: &Job,
    report: &ImportReport,
    refused: bool,
    now: UnixMillis,
) -> Result<(), AppError> {
    let summary = serde_json::to_string(report).map_err(|e| AppError::Limit(e.to_string()))?;
    let problem = refused
        .then(|| format!("{} of {} rows are not right; nothing was written", report.rejected, report.rows));
    session.tx.put_job(&Job {
        state: if refused { JobState::Failed } else { JobState::Done },
        updated_at: now,
        rows_total: Some(report.rows),
        rows_done: if report.nothing_written { 0 } else { report.good_rows },
        summary: Some(summary),
        problem,
        lease: None,
        ..job.clone()
    })?;
    Ok(())
}

struct Writer<'t, 's> {
    session: Session<'t>,
    source: &'s Source<'s>,
    options: &'s ImportOptions,
    job: &'s Job,
    results: Vec<JobResult>,
    numbers: Numbers,
}

impl Writer<'_, '_> {
    fn rows(
        &mut self,
        judged: Judgement,
        report: &mut ImportReport,
        mut progress: impl FnMut(u64) -> Result<(), AppError>,
    ) -> Result<(), AppError> {
        let Judgement { decisions, mut context, .. } = judged;
        // What was judged is counted anew as it is written.
        (report.created, report.updated, report.unchanged) = (0, 0, 0);
        for site in &context.new_sites {
            self.session.create(site)?;
        }
        context.new_sites.clear();
        let mut written = 0u64;
        let mut others: Vec<(UserId, MailboxWish)> = Vec::new();
        let mut rows = self.source.rows().zip(decisions);
        loop {
            let batch: Vec<(Row, Decision)> = rows.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            written += batch.len() as u64;
            self.batch(batch, &mut context, report, &mut others)?;
            self.session.tx.add_job_results(self.job.org, self.job.id, &self.results)?;
            self.results.clear();
            progress(written)?;
        }
        self.session.flush()?;
        for (user, wish) in others {
            self.point_at_other_mailbox(user, &wish)?;
        }
        Ok(())
    }

    fn batch(
        &mut self,
        batch: Vec<(Row, Decision)>,
        context: &mut Context,
        report: &mut ImportReport,
        others: &mut Vec<(UserId, MailboxWish)>,
    ) -> Result<(), AppError> {
        let updates =
            batch.iter().filter_map(|(_, d)| if let Decision::Update(id) = d { Some(id.0) } else { None });
        let updates: Vec<Uuid> = updates.collect();
        let existing = if updates.is_empty() {
            Vec::new()
        } else {
            self.session.flush()?;
            self.session.tx.get_many::<User>(self.job.org, &updates)?
        };
        let people = batch.iter().filter(|(_, d)| d.is_taken()).map(|(row, _)| &row.person);
        let held = Held::load(self.session.tx, self.job.org, &existing.iter().collect::<Vec<_>>(), people)?;
        let taken = batch.iter().filter(|(_, d)| d.is_taken()).map(|(row, _)| row);
        self.numbers.load(self.session.tx, self.job.org, taken)?;
        let mut secrets = Secrets::default();
        let mut plans = Vec::with_capacity(batch.len());
        for (row, decision) in batch {
            let before = match decision {
                Decision::Reject => {
                    self.result(&row, JobOutcome::Refused, None);
                    continue;
                }
                Decision::Skip(user) => {
                    self.result(&row, JobOutcome::Skipped, user);
                    continue;
                }
                Decision::Create => None,
                Decision::Update(id) => existing.iter().find(|u| u.id == id).cloned(),
            };
            let (user, errors) = build(&row, context, before.as_ref(), self.options);
            if !errors.is_empty() {
                return Err(AppError::Limit(format!("row {} changed while it was read", row.number)));
            }
            let mut plan = Plan::make(self.session.tx, user, before.as_ref(), &row.person, &held)?;
            secrets.settle(&mut plan, &row)?;
            plans.push((row, before, plan));
        }
        secrets.store(&mut self.session, self.job)?;
        for (row, before, plan) in plans {
            self.write_one(&row, before, plan, report, others)?;
        }
        Ok(())
    }

    fn write_one(
        &mut self,
        row: &Row,
        before: Option<User>,
        plan: Plan,
        report: &mut ImportReport,
        others: &mut Vec<(UserId, MailboxWish)>,
    ) -> Result<(), AppError> {
        let outcome = match &before {
            None => JobOutcome::Created,
            Some(before) if plan.changes(before) => JobOutcome::Updated,
            Some(_) => JobOutcome::Unchanged,
        };
        let (user, mailbox) = (plan.user.id, plan.mailbox);
        match &before {
            None => self.session.create(&plan.user)?,
            Some(before) => self.session.update(before, &plan.user).map(|_| ())?,
        }
        match mailbox {
            MailboxPlan::Keep => {}
            MailboxPlan::Make(mailbox) => self.session.create(&*mailbox)?,
            MailboxPlan::Change { before, after } => self.session.update(&*before, &*after).map(|_| ())?,
            MailboxPlan::Other(wish) => others.push((user, wish)),
        }
        for device in plan.devices {
            match &device.before {
                None => self.session.create(&device.after)?,
                Some(before) => self.session.update(before, &device.after).map(|_| ())?,
            }
        }
        self.numbers.write(&mut self.session, row, &plan.user)?;
        match outcome {
            JobOutcome::Updated => report.updated += 1,
            JobOutcome::Unchanged => report.unchanged += 1,
            _ => report.created += 1,
        }
        self.result(row, outcome, Some(user));
        self.session.flush_if_full()
    }

    fn result(&mut self, row: &Row, outcome: JobOutcome, user: Option<UserId>) {
        let text = user.map(|id| id.to_string()).unwrap_or_default();
        self.results.push(JobResult { row: row.number, part: 0, outcome, text });
    }

    /// Mailboxes of other people can be pointed at once everybody is there.
    fn point_at_other_mailbox(&mut self, id: UserId, wish: &MailboxWish) -> Result<(), AppError> {
        let org = self.job.org;
        let mailbox = other_mailbox(self.session.tx, org, wish)?;
        let mailbox = mailbox.ok_or_else(|| {
            AppError::invalid("mailbox", "of another person is not there", "import that person's mailbox too")
        })?;
        let before = self.session.tx.get::<User>(org, id.0)?.ok_or(AppError::NotFound("user"))?;
        let after = User { mailbox: Some(mailbox), ..before.clone() };
        self.session.update(&before, &after)?;
        self.session.flush()
    }
}

/// Secrets of a batch, stored together before the rows that name them.
#[derive(Default)]
struct Secrets(Vec<(SecretId, SecretKind, zeroize::Zeroizing<String>)>);

impl Secrets {
    /// Puts the ids of real secrets where the plan notes that there will be some.
    fn settle(&mut self, plan: &mut Plan, row: &Row) -> Result<(), AppError> {
        let person = &row.person;
        if plan.user.sip_secret == Some(SECRET_TO_COME) {
            plan.user.sip_secret = Some(self.sip_secret(person.sip_password.as_ref())?);
        }
        if plan.user.on_call_pin == Some(SECRET_TO_COME) {
            let pin = person.on_call_pin.as_ref().map(Secret::reveal).unwrap_or_default();
            plan.user.on_call_pin = Some(self.add(SecretKind::OnCallPin, pin.to_string()));
        }
        for device in plan.devices.iter_mut().filter(|d| d.after.sip_secret == Some(SECRET_TO_COME)) {
            device.after.sip_secret = Some(self.sip_secret(device.password.as_ref())?);
        }
        let (MailboxPlan::Make(mailbox) | MailboxPlan::Change { after: mailbox, .. }) = &mut plan.mailbox
        else {
            return Ok(());
        };
        if let (Some(SECRET_TO_COME), MailboxWish::Own { pin: Some(pin) }) =
            (mailbox.voicemail_pin, &person.mailbox)
        {
            let pin = checked_pin(pin.reveal())?.to_string();
            mailbox.voicemail_pin = Some(self.add(SecretKind::VoicemailPin, pin));
        }
        Ok(())
    }

    /// The one that is given, else a new one.
    fn sip_secret(&mut self, given: Option<&Secret>) -> Result<SecretId, AppError> {
        let text = match given {
            Some(text) => text.reveal().to_string(),
            None => crate::secrets::generate_sip_secret()?,
        };
        Ok(self.add(SecretKind::SipSecret, text))
    }

    fn add(&mut self, kind: SecretKind, text: String) -> SecretId {
        let id = SecretId(Uuid::now_v7());
        self.0.push((id, kind, zeroize::Zeroizing::new(text)));
        id
    }

    fn store(self, session: &mut Session<'_>, job: &Job) -> Result<(), AppError> {
        let secrets: Vec<(SecretId, SecretKind, &str)> =
            self.0.iter().map(|(i, k, t)| (*i, *k, t.as_str())).collect();
        session.tx.put_secrets(job.org, &secrets)?;
        Ok(())
    }
}
