//! Carrying an import out: one transaction for all of it, the job's result included.

use muster_domain::claims;
use muster_domain::field::Entity;
use muster_domain::ids::{JobId, SecretId, UserId};
use muster_domain::organization::{Device, Mailbox};
use muster_domain::permission::Permission;
use muster_domain::types::{Name, UnixMillis, fold};
use muster_domain::user::User;
use muster_import::{DeviceWish, Format, Limits, MailboxWish, Row, Secret, Source};
use muster_store::{Job, JobOutcome, JobResult, JobState, SecretKind};
use smol_str::SmolStr;
use uuid::Uuid;

use super::build::{SECRET_TO_COME, build};
use super::context::Context;
use super::judge::{BATCH, Decision, Judgement, judge};
use super::options::ImportOptions;
use super::report::ImportReport;
use crate::apply::{Allow, Session};
use crate::jobs::{IMPORT, Progress};
use crate::users::{blank_mailbox, checked_pin};
use crate::{App, AppError, Done, Scope};

/// Uploaded files hold passwords: they are encrypted, and gone after a week.
const INPUT_KEPT_MS: i64 = 7 * 24 * 3600 * 1000;

/// A file and what to do with it.
pub struct NewImport<'a> {
    pub file_name: &'a str,
    pub bytes: &'a [u8],
    pub options: ImportOptions,
}

impl App {
    /// Checks that the file can be read at all, and makes a job of it.
    pub fn start_import(&self, scope: &Scope, new: &NewImport<'_>) -> Result<Done, AppError> {
        scope.require(Permission::ManageUsers)?;
        let format = format_of(&new.options)?;
        // A file that cannot be read is refused now rather than in a job that fails.
        Source::open(new.bytes, format, &Limits::default())?;
        let options = serde_json::to_string(&new.options).map_err(|e| AppError::Limit(e.to_string()))?;
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
            })?;
            session.tx.put_job_input(scope.org(), job, new.bytes, UnixMillis(now.0 + INPUT_KEPT_MS))?;
            Ok(job.0)
        })?;
        self.job_board().wake();
        Ok(done)
    }

    /// Does the work of an import job. The result is in the job's row when this returns.
    pub(crate) fn run_import(&self, job: &Job, progress: &Progress) -> Result<(), AppError> {
        let options: ImportOptions = serde_json::from_str(&job.options).unwrap_or_default();
        let input = self.store().read(|r| r.job_input(job.org, job.id).map_err(AppError::from))?;
        let input = input.ok_or(AppError::NotFound("uploaded file"))?;
        let source = Source::open(&input, format_of(&options)?, &Limits::default())?;
        progress.set_total(source.rows_total());
        let now = self.now();
        let set = job.set.unwrap_or_else(|| self.new_set());
        self.store().write(|tx| {
            let allow = Allow { shared_emails: options.allow_shared_emails };
            let mut session = Session::begin(tx, job.org, now, job.actor, set, allow)?;
            // Whoever had the lease before may have finished after all: the work is done once.
            let current = session.tx.job(job.org, job.id)?;
            if current.is_none_or(|j| j.state != JobState::Running) {
                return Ok(());
            }
            let context = Context::load(session.tx, job.org, &options)?;
            let mut judged = judge(session.tx, context, &source, &options, |rows| progress.set_judged(rows))?;
            let refused = judged.report.rejected > 0 && !options.good_rows_only;
            let write = !options.dry_run && !refused;
            judged.report.nothing_written = !write;
            let mut report = std::mem::take(&mut judged.report);
            if write {
                let mut writer =
                    Writer { session, source: &source, options: &options, job, results: Vec::new() };
                writer.rows(judged, &mut report, progress)?;
                session = writer.session;
            }
            finish_job(&mut session, job, &report, refused, now)?;
            session.finish()?;
            Ok(())
        })
    }
}

fn format_of(options: &ImportOptions) -> Result<Option<Format>, AppError> {
    let Some(word) = options.format.as_deref().filter(|w| *w != "auto") else { return Ok(None) };
    let known = || Format::ALL.iter().map(|f| f.word()).collect::<Vec<_>>().join(", ");
    Format::from_word(word).map(Some).ok_or_else(|| {
        AppError::invalid(
            "format",
            format!("`{word}` is not a known format"),
            format!("use auto or one of {}", known()),
        )
    })
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
        rows_done: if report.nothing_written { 0 } else { report.rows - report.rejected },
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
}

impl Writer<'_, '_> {
    fn rows(
        &mut self,
        judged: Judgement,
        report: &mut ImportReport,
        progress: &Progress,
    ) -> Result<(), AppError> {
        let Judgement { decisions, mut context, .. } = judged;
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
            progress.set_written(written);
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
        let mut secrets = Secrets::default();
        let mut built = Vec::with_capacity(batch.len());
        for (row, decision) in batch {
            let before = match decision {
                Decision::Reject => {
                    self.result(&row, JobOutcome::Refused, None);
                    continue;
                }
                Decision::Create => None,
                Decision::Update(id) => existing.iter().find(|u| u.id == id).cloned(),
            };
            let Ok(mut user) = build(&row, context, before.as_ref(), self.options.activate) else {
                return Err(AppError::Limit(format!("row {} changed while it was read", row.number)));
            };
            self.settle_secrets(&mut user, before.as_ref(), &row, &mut secrets)?;
            let mailbox =
                self.mailbox(&mut user, before.as_ref(), &row.person.mailbox, &mut secrets, others)?;
            built.push((row, before, user, mailbox));
        }
        secrets.store(&mut self.session, self.job)?;
        for (row, before, user, mailbox) in built {
            self.write_one(&row, before, &user, mailbox, report)?;
        }
        Ok(())
    }

    fn write_one(
        &mut self,
        row: &Row,
        before: Option<User>,
        user: &User,
        mailbox: Option<Mailbox>,
        report: &mut ImportReport,
    ) -> Result<(), AppError> {
        let changed = match &before {
            None => {
                self.session.create(user)?;
                true
            }
            Some(before) => self.session.update(before, user)?,
        };
        if let Some(mailbox) = &mailbox {
            self.session.create(mailbox)?;
        }
        let devices = self.devices(user, before.is_some(), &row.person.devices)?;
        let outcome = match (&before, changed || mailbox.is_some() || devices) {
            (None, _) => JobOutcome::Created,
            (Some(_), true) => JobOutcome::Updated,
            (Some(_), false) => {
                report.updated -= 1;
                report.unchanged += 1;
                JobOutcome::Unchanged
            }
        };
        self.result(row, outcome, Some(user.id));
        self.session.flush_if_full()
    }

    fn result(&mut self, row: &Row, outcome: JobOutcome, user: Option<UserId>) {
        let text = user.map(|id| id.to_string()).unwrap_or_default();
        self.results.push(JobResult { row: row.number, part: 0, outcome, text });
    }

    /// Puts the ids of real secrets where the build noted that there will be some.
    fn settle_secrets(
        &mut self,
        user: &mut User,
        before: Option<&User>,
        row: &Row,
        secrets: &mut Secrets,
    ) -> Result<(), AppError> {
        if user.sip_secret == Some(SECRET_TO_COME) {
            let given = row.person.sip_password.as_ref().map(Secret::reveal);
            let kept = before.and_then(|u| u.sip_secret);
            user.sip_secret = match (given, kept) {
                // The file repeats what is known: no phone drops.
                (Some(text), Some(id)) if self.session.tx.secret_matches(self.job.org, id, text)? => Some(id),
                (Some(text), _) => Some(secrets.add(SecretKind::SipSecret, text.to_string())),
                (None, _) => Some(secrets.add(SecretKind::SipSecret, crate::secrets::generate_sip_secret()?)),
            };
        }
        if user.on_call_pin == Some(SECRET_TO_COME) {
            let pin = row.person.on_call_pin.as_ref().map(Secret::reveal).unwrap_or_default();
            user.on_call_pin = Some(secrets.add(SecretKind::OnCallPin, pin.to_string()));
        }
        Ok(())
    }

    /// The mailbox to be made with the user, if one is; the user points at it already.
    fn mailbox(
        &mut self,
        user: &mut User,
        before: Option<&User>,
        wish: &MailboxWish,
        secrets: &mut Secrets,
        others: &mut Vec<(UserId, MailboxWish)>,
    ) -> Result<Option<Mailbox>, AppError> {
        let has_one = before.is_some_and(|u| u.mailbox.is_some());
        let allowed = muster_domain::capabilities::capabilities(
            user.user_type,
            muster_domain::organization::ConnectionKind::Builtin,
        )
        .mailbox;
        let pin = match wish {
            MailboxWish::None => {
                user.mailbox = None;
                return Ok(None);
            }
            MailboxWish::Keep if before.is_some() => return Ok(None),
            MailboxWish::Keep => None,
            MailboxWish::Own { .. } if has_one => return Ok(None),
            MailboxWish::Own { pin } => pin.as_ref(),
            MailboxWish::OfUser(_) | MailboxWish::Named(_) => {
                others.push((user.id, wish.clone()));
                return Ok(None);
            }
        };
        if !allowed {
            return Ok(None);
        }
        let mut mailbox = blank_mailbox(user);
        if let Some(pin) = pin {
            mailbox.voicemail_pin =
                Some(secrets.add(SecretKind::VoicemailPin, checked_pin(pin.reveal())?.to_string()));
        }
        user.mailbox = Some(mailbox.id);
        Ok(Some(mailbox))
    }

    /// True if a device was made or changed.
    fn devices(&mut self, user: &User, existing: bool, wishes: &[DeviceWish]) -> Result<bool, AppError> {
        if wishes.is_empty() {
            return Ok(false);
        }
        let known = if existing {
            self.session.flush()?;
            self.session.tx.referring::<Device>(user.org, "user", &[user.id.0])?
        } else {
            Vec::new()
        };
        let mut changed = false;
        for wish in wishes {
            let same = known.iter().find(|d| {
                (wish.mac.is_some() && d.mac == wish.mac)
                    || wish.name.as_ref().is_some_and(|name| d.name == *name)
            });
            let mut device = same.cloned().unwrap_or_else(|| {
                let mut device = Device::blank(user.org, Uuid::now_v7());
                device.user = Some(user.id);
                device.name =
                    wish.model.clone().or_else(|| Name::parse("Desk phone").ok()).unwrap_or_default();
                device
            });
            device.name = wish.name.clone().unwrap_or(device.name);
            device.mac = wish.mac.clone().or(device.mac);
            device.model = wish.model.clone().or(device.model);
            device.serial = wish.serial.clone().or(device.serial);
            match same {
                Some(before) => changed |= self.session.update(before, &device)?,
                None => {
                    self.session.create(&device)?;
                    changed = true;
                }
            }
        }
        Ok(changed)
    }

    /// Mailboxes of other people can be pointed at once everybody is there.
    fn point_at_other_mailbox(&mut self, id: UserId, wish: &MailboxWish) -> Result<(), AppError> {
        let org = self.job.org;
        let mailbox = match wish {
            MailboxWish::OfUser(username) => {
                let key = SmolStr::from(fold(username.as_str()));
                let owner = self.session.tx.claimed(org, claims::AUTH_SPACE, &[key])?;
                let owners: Vec<Uuid> = owner.into_iter().map(|(_, _, id)| id).collect();
                self.session.tx.referring::<Mailbox>(org, "owner", &owners)?.first().map(|m| m.id)
            }
            MailboxWish::Named(name) => {
                let all = self.session.tx.all::<Mailbox>(org)?;
                all.iter().find(|m| m.owner.is_none() && m.name == *name).map(|m| m.id)
            }
            _ => None,
        };
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
