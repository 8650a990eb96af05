//! Handing over what waits, and sending invites whose time has come (exclusive: one process at a time).
//!
//! That a mail is tried is written before it is tried, with the time of the next try: a program that is killed in
//! between tries it again no sooner. Only where it is killed between the server's word and writing that down does
//! a mail go twice, with the same Message-ID.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use muster_domain::signing::{Invite, InviteState};
use muster_domain::types::UnixMillis;
use muster_mail::{Letter, Server, Then};
use muster_store::{Mail, MailState, Reader};

use super::server::{domain_of, server};
use crate::signing::send_scheduled;
use crate::{App, AppError};

const NAME: &str = "mail";
/// Longer than the slowest server takes for one mail.
const LEASE_MS: i64 = 15 * 60_000;
const AT_ONCE: usize = 50;

/// The first wait after a failure; each further one is twice as long, up to the greatest.
const WAIT_MS: i64 = 60_000;
const WAIT_MAX_MS: i64 = 3_600_000;
/// After so long without success a mail is given up (RFC 5321 §4.5.4.1 asks for four to five days).
const GIVE_UP_MS: i64 = 5 * 24 * 3_600_000;

/// A server that is away is asked again after this long, each time longer.
const PAUSE_MS: i64 = 5_000;
const PAUSE_MAX_MS: i64 = 300_000;

/// Mail that has ended is listed for this long.
const KEPT_MS: i64 = 90 * 24 * 3_600_000;
const SWEEP_MS: i64 = 3_600_000;

/// How it goes with handing over; shared with whoever asks.
#[derive(Default)]
pub struct MailBoard(Mutex<Course>);

#[derive(Clone, Default)]
struct Course {
    problem: Option<String>,
    failures: u32,
    not_before: i64,
    swept: i64,
}

impl MailBoard {
    fn course(&self) -> std::sync::MutexGuard<'_, Course> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was wrong at the last try of the server.
    pub fn problem(&self) -> Option<String> {
        self.course().problem.clone()
    }

    /// The server is asked again at once: somebody changed something.
    pub(crate) fn go_on(&self) {
        let mut course = self.course();
        (course.failures, course.not_before) = (0, 0);
    }

    fn works(&self) {
        let mut course = self.course();
        *course = Course { swept: course.swept, ..Course::default() };
    }

    fn fails(&self, why: &str, now: UnixMillis) {
        let mut course = self.course();
        let pause = (PAUSE_MS << course.failures.min(10)).min(PAUSE_MAX_MS);
        course.problem = Some(why.to_string());
        course.failures += 1;
        course.not_before = now.0 + pause;
    }
}

pub struct MailWorker {
    app: App,
    holder: String,
}

impl MailWorker {
    pub fn new(app: App, holder: String) -> MailWorker {
        MailWorker { app, holder }
    }

    /// Runs until `stop`.
    pub fn run(self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            if let Err(error) = self.step(stop) {
                tracing::warn!(%error, "mail waits for the database");
                std::thread::sleep(Duration::from_secs(2));
            }
            std::thread::sleep(Duration::from_millis(250));
        }
    }

    /// Sends invites that are due and hands over mail whose turn it is. Returns how many mails have left.
    pub fn step(&self, stop: &AtomicBool) -> Result<usize, AppError> {
        let app = &self.app;
        let now = app.now();
        self.sweep(now)?;
        let (invites, mails) = app
            .store()
            .read(|r| Ok::<_, AppError>((r.invites_due(now, AT_ONCE)?, r.mails_due(now, AT_ONCE)?)))?;
        let paused = app.mail_board().course().not_before > now.0;
        if (invites.is_empty() && (mails.is_empty() || paused)) || !self.lease(now)? {
            return Ok(0);
        }
        for (org, invite) in invites {
            if let Err(error) = send_scheduled(app, org, invite) {
                tracing::warn!(%error, %invite, "a scheduled invite could not be sent");
            }
        }
        if paused {
            return Ok(0);
        }
        let Some(server) = app.store().read(server)? else { return Ok(0) };
        let mails = app.store().read(|r| r.mails_due(now, AT_ONCE).map_err(AppError::from))?;
        let mut sent = 0;
        for mail in mails {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            match self.hand_over(&server, mail)? {
                Handed::Sent => sent += 1,
                Handed::Kept => {}
                Handed::ServerAway => break,
            }
        }
        Ok(sent)
    }

    fn lease(&self, now: UnixMillis) -> Result<bool, AppError> {
        let until = UnixMillis(now.0 + LEASE_MS);
        self.app.store().write(|tx| tx.lease(NAME, &self.holder, now, until).map_err(AppError::from))
    }

    fn sweep(&self, now: UnixMillis) -> Result<(), AppError> {
        let swept = self.app.mail_board().course().swept;
        if now.0 - swept < SWEEP_MS {
            return Ok(());
        }
        self.app.mail_board().course().swept = now.0;
        self.app.store().write(|tx| {
            tx.forget_mails(UnixMillis(now.0 - KEPT_MS))?;
            tx.expire_sessions(now)?;
            Ok(())
        })
    }

    fn hand_over(&self, server: &Server, mail: Mail) -> Result<Handed, AppError> {
        let now = self.app.now();
        let content = self.app.store().read(|r| match is_over(r, &mail, now)? {
            Some(why) => Ok::<_, AppError>(Err(why)),
            None => Ok(r.mail_content(mail.org, mail.id)?.ok_or("what it says is gone")),
        })?;
        let content = match content {
            Ok(content) => content,
            Err(why) => {
                let dropped = Mail { state: MailState::Dropped, problem: Some(why.into()), ..mail };
                self.write(&dropped)?;
                return Ok(Handed::Kept);
            }
        };
        let tried = tried(mail, now);
        self.lease(now)?;
        self.write(&tried)?;
        let id = format!("{}@{}", tried.id, domain_of(server));
        let letter = Letter {
            to: &tried.recipient,
            message_id: &id,
            subject: &content.subject,
            text: &content.text,
            html: &content.html,
        };
        let result = muster_mail::send(server, &letter);
        let board = self.app.mail_board();
        let failure = match result {
            Ok(()) => {
                board.works();
                let at = Some(self.app.now());
                self.write(&Mail { state: MailState::Sent, sent_at: at, problem: None, ..tried })?;
                return Ok(Handed::Sent);
            }
            Err(failure) => failure,
        };
        tracing::warn!(mail = %tried.id, attempts = tried.attempts, why = %failure.why, "a mail could not be handed over");
        let waited = now.0 - tried.first_attempt_at.map_or(now.0, |at| at.0);
        let gives_up = failure.then == Then::Never || waited >= GIVE_UP_MS;
        let state = if gives_up { MailState::GivenUp } else { MailState::Waiting };
        self.write(&Mail { state, problem: Some(failure.why.clone()), ..tried })?;
        Ok(match failure.then {
            Then::Away | Then::Settings => {
                board.fails(&failure.why, self.app.now());
                Handed::ServerAway
            }
            Then::Later | Then::Never => {
                board.works();
                Handed::Kept
            }
        })
    }

    fn write(&self, mail: &Mail) -> Result<(), AppError> {
        self.app.store().write(|tx| tx.update_mail(mail).map_err(AppError::from))
    }
}

enum Handed {
    Sent,
    Kept,
    ServerAway,
}

/// The mail once it is tried, with the time of the next try.
fn tried(mail: Mail, now: UnixMillis) -> Mail {
    let wait = WAIT_MS.saturating_mul(1 << mail.attempts.min(20)).min(WAIT_MAX_MS);
    // Mails that failed together do not come back together.
    let jitter = wait / 10 * i64::from(mail.id.0.as_bytes()[15]) / 255;
    Mail {
        attempts: mail.attempts + 1,
        first_attempt_at: mail.first_attempt_at.or(Some(now)),
        last_attempt_at: Some(now),
        next_at: UnixMillis(now.0 + wait + jitter),
        ..mail
    }
}

/// Why a mail is of no more use: its invite has ended or was accepted, or its link has expired.
fn is_over(r: &mut Reader, mail: &Mail, now: UnixMillis) -> Result<Option<&'static str>, AppError> {
    let Some(id) = mail.invite else { return Ok(None) };
    let invite = r.get::<Invite>(mail.org, id.0)?;
    Ok(match invite {
        None => Some("its invite is gone"),
        Some(invite) if invite.state != InviteState::Sent => {
            Some("its invite was replaced, withdrawn or accepted")
        }
        Some(invite) if invite.expires_at.is_some_and(|at| at <= now) => Some("its link has expired"),
        Some(_) => None,
    })
}
