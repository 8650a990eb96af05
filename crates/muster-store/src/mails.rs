//! The spool: mail that waits for its server, that has left, or that was given up.
//!
//! What a mail says may hold a link that signs in: it is encrypted with the tenant's key, and gone once the mail
//! has left.

use muster_domain::ids::{InviteId, MailId, OrgId, UserId};
use muster_domain::types::UnixMillis;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::keys::{aad, key_id};
use crate::sql::{Param, Row};
use crate::{Reader, StoreError, Tx};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailState {
    /// For its turn, or for its server.
    Waiting,
    Sent,
    /// The server does not want it, or was away for too long.
    GivenUp,
    /// What it was about is over.
    Dropped,
}

impl MailState {
    pub const ALL: &'static [MailState] =
        &[MailState::Waiting, MailState::Sent, MailState::GivenUp, MailState::Dropped];

    pub fn word(self) -> &'static str {
        match self {
            MailState::Waiting => "waiting",
            MailState::Sent => "sent",
            MailState::GivenUp => "given_up",
            MailState::Dropped => "dropped",
        }
    }

    pub fn from_word(word: &str) -> Option<MailState> {
        Self::ALL.iter().copied().find(|state| state.word() == word)
    }
}

/// A mail as it is put into the spool.
#[derive(Clone, Debug)]
pub struct NewMail<'a> {
    pub org: OrgId,
    pub id: MailId,
    /// `invite`, `test`, …
    pub kind: &'a str,
    pub recipient: &'a str,
    pub user: Option<UserId>,
    pub invite: Option<InviteId>,
    pub content: &'a MailContent,
}

/// What a mail says. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct MailContent {
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl std::fmt::Debug for MailContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailContent").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// A mail in the spool, without what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub org: OrgId,
    pub id: MailId,
    pub kind: String,
    pub recipient: String,
    pub user: Option<UserId>,
    pub invite: Option<InviteId>,
    pub state: MailState,
    pub created_at: UnixMillis,
    /// When it is tried next, of one that waits.
    pub next_at: UnixMillis,
    pub attempts: u64,
    pub first_attempt_at: Option<UnixMillis>,
    pub last_attempt_at: Option<UnixMillis>,
    pub sent_at: Option<UnixMillis>,
    /// Why the last attempt failed, or why it was given up.
    pub problem: Option<String>,
}

/// How many mails of an installation are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailCounts {
    pub waiting: u64,
    pub sent: u64,
    pub given_up: u64,
    pub dropped: u64,
}

const SELECT: &str = "SELECT org_id, id, kind, recipient, user_id, invite_id, state, created_at, next_at, \
     attempts, first_attempt_at, last_attempt_at, sent_at, problem FROM mails";

const LIST_MAX: usize = 1000;

impl Reader {
    /// Newest first, before the mail `before`. At most 1,000 at once.
    pub fn mails(
        &mut self,
        org: OrgId,
        before: Option<MailId>,
        state: Option<MailState>,
        limit: usize,
    ) -> Result<Vec<Mail>, StoreError> {
        let before = before.map_or(Uuid::max(), |id| id.0);
        let mut params = vec![Param::Id(org.0), Param::Id(before), Param::uint(limit.min(LIST_MAX) as u64)];
        let mut only = "";
        if let Some(state) = state {
            params.push(Param::from(state.word()));
            only = " AND state = ?4";
        }
        let sql = format!("{SELECT} WHERE org_id = ?1 AND id < ?2{only} ORDER BY id DESC LIMIT ?3");
        self.conn.collect(&sql, &params, mail_from)
    }

    pub fn mail(&mut self, org: OrgId, id: MailId) -> Result<Option<Mail>, StoreError> {
        let sql = format!("{SELECT} WHERE org_id = ?1 AND id = ?2");
        self.conn.first(&sql, &[Param::Id(org.0), Param::Id(id.0)], mail_from)
    }

    /// What a mail says; `None` once it has left.
    pub fn mail_content(&mut self, org: OrgId, id: MailId) -> Result<Option<MailContent>, StoreError> {
        let sql = "SELECT ciphertext FROM mails WHERE org_id = ?1 AND id = ?2 AND ciphertext IS NOT NULL";
        let params = [Param::Id(org.0), Param::Id(id.0)];
        let sealed = self.conn.first(sql, &params, |row| Ok(row.blob(0)?.to_vec()))?;
        let Some(sealed) = sealed else { return Ok(None) };
        let key = self.tenant_key(org, key_id(&sealed)?)?;
        let opened = key.open(&sealed, &place(id))?;
        let damaged = || StoreError::Corrupt(format!("the mail {id} cannot be read"));
        let [subject, text, html]: [String; 3] = serde_json::from_slice(&opened).map_err(|_| damaged())?;
        Ok(Some(MailContent { subject, text, html }))
    }

    /// Those of any organization whose turn it is, the longest waiting first.
    pub fn mails_due(&mut self, now: UnixMillis, limit: usize) -> Result<Vec<Mail>, StoreError> {
        let sql = format!("{SELECT} WHERE state = 'waiting' AND next_at <= ?1 ORDER BY next_at, id LIMIT ?2");
        self.conn.collect(&sql, &[Param::Int(now.0), Param::uint(limit as u64)], mail_from)
    }

    /// Invites of any organization that are to leave by now.
    pub fn invites_due(
        &mut self,
        now: UnixMillis,
        limit: usize,
    ) -> Result<Vec<(OrgId, InviteId)>, StoreError> {
        let sql = "SELECT org_id, id FROM invites WHERE \"state\" = 'scheduled' AND \"send_at\" <= ?1 \
                   ORDER BY \"send_at\" LIMIT ?2";
        self.conn.collect(sql, &[Param::Int(now.0), Param::uint(limit as u64)], |row| {
            Ok((OrgId(row.id(0)?), InviteId(row.id(1)?)))
        })
    }

    /// Of one organization, or of all.
    pub fn mail_counts(&mut self, org: Option<OrgId>) -> Result<MailCounts, StoreError> {
        let mut counts = MailCounts::default();
        let mut count = |row: &Row<'_>| {
            let n = row.uint(1)?;
            match MailState::from_word(row.text(0)?) {
                Some(MailState::Waiting) => counts.waiting = n,
                Some(MailState::Sent) => counts.sent = n,
                Some(MailState::GivenUp) => counts.given_up = n,
                Some(MailState::Dropped) => counts.dropped = n,
                None => {}
            }
            Ok(())
        };
        match org {
            Some(org) => self.conn.query(
                "SELECT state, count(*) FROM mails WHERE org_id = ?1 GROUP BY state",
                &[Param::Id(org.0)],
                &mut count,
            )?,
            None => self.conn.query("SELECT state, count(*) FROM mails GROUP BY state", &[], &mut count)?,
        }
        Ok(counts)
    }
}

impl Tx {
    /// In the transaction of what it tells about: both are there, or neither.
    pub fn put_mail(&mut self, new: &NewMail<'_>, now: UnixMillis) -> Result<(), StoreError> {
        let content = &new.content;
        let plain = serde_json::to_vec(&[&content.subject, &content.text, &content.html]);
        let plain = Zeroizing::new(plain.unwrap_or_default());
        let key = self.newest_key(new.org);
        let key = self.poison_on(key)?;
        let sealed = key.seal(&plain, &place(new.id));
        let sealed = self.poison_on(sealed)?;
        let sql = "INSERT INTO mails (org_id, id, kind, recipient, user_id, invite_id, state, ciphertext, \
                   created_at, next_at, attempts) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'waiting', ?7, ?8, ?8, 0)";
        let params = [
            Param::Id(new.org.0),
            Param::Id(new.id.0),
            Param::from(new.kind),
            Param::from(new.recipient),
            new.user.map_or(Param::Null, |id| Param::Id(id.0)),
            new.invite.map_or(Param::Null, |id| Param::Id(id.0)),
            Param::Blob(sealed.into()),
            Param::Int(now.0),
        ];
        self.change(sql, &params).map(|_| ())
    }

    /// Writes what has become of a mail; what it says goes once it has left or is of no more use.
    pub fn update_mail(&mut self, mail: &Mail) -> Result<(), StoreError> {
        let keeps = matches!(mail.state, MailState::Waiting | MailState::GivenUp);
        let ciphertext = if keeps { "ciphertext" } else { "NULL" };
        let sql = format!(
            "UPDATE mails SET state = ?3, next_at = ?4, attempts = ?5, first_attempt_at = ?6, \
             last_attempt_at = ?7, sent_at = ?8, problem = ?9, ciphertext = {ciphertext} \
             WHERE org_id = ?1 AND id = ?2"
        );
        let time = |at: Option<UnixMillis>| Param::opt_int(at.map(|at| at.0));
        let params = [
            Param::Id(mail.org.0),
            Param::Id(mail.id.0),
            Param::from(mail.state.word()),
            Param::Int(mail.next_at.0),
            Param::uint(mail.attempts),
            time(mail.first_attempt_at),
            time(mail.last_attempt_at),
            time(mail.sent_at),
            mail.problem.as_ref().map_or(Param::Null, Param::from),
        ];
        self.change(&sql, &params).map(|_| ())
    }

    /// Forgets mail that ended before a time. Returns how many went.
    pub fn forget_mails(&mut self, before: UnixMillis) -> Result<u64, StoreError> {
        let sql = "DELETE FROM mails WHERE state <> 'waiting' AND coalesce(last_attempt_at, created_at) < ?1";
        self.change(sql, &[Param::Int(before.0)])
    }
}

fn place(id: MailId) -> String {
    aad("mails", id.0, "ciphertext")
}

fn mail_from(row: &Row<'_>) -> Result<Mail, StoreError> {
    let state = MailState::from_word(row.text(6)?);
    let time = |column: usize| Ok::<_, StoreError>(row.opt_int(column)?.map(UnixMillis));
    Ok(Mail {
        org: OrgId(row.id(0)?),
        id: MailId(row.id(1)?),
        kind: row.text(2)?.to_string(),
        recipient: row.text(3)?.to_string(),
        user: row.opt_id(4)?.map(UserId),
        invite: row.opt_id(5)?.map(InviteId),
        state: state.ok_or_else(|| StoreError::Corrupt("a state of a mail that is not known".into()))?,
        created_at: UnixMillis(row.int(7)?),
        next_at: UnixMillis(row.int(8)?),
        attempts: row.uint(9)?,
        first_attempt_at: time(10)?,
        last_attempt_at: time(11)?,
        sent_at: time(12)?,
        problem: row.opt_text(13)?.map(str::to_string),
    })
}
