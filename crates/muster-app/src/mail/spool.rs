//! Looking at the spool, and trying again.

use muster_domain::change::Refusal;
use muster_domain::grants::Grants;
use muster_domain::ids::{MailId, OrgId, UserId};
use muster_domain::permission::Permission;
use muster_domain::user::User;
use muster_mail::words;
use muster_store::{Mail, MailContent, MailCounts, MailState, NewMail, Reader};
use uuid::Uuid;

use super::server::server;
use crate::apply::Session;
use crate::signing::language_of;
use crate::{App, AppError, Scope};

/// Whether mail leaves, and how much waits.
#[derive(Clone, Debug)]
pub struct MailStatus {
    pub counts: MailCounts,
    /// There is a server, and the last try did not fail.
    pub leaves: bool,
    /// Why nothing leaves, or what was wrong last.
    pub problem: Option<String>,
}

/// A mail with what it says; nothing of one that has left.
#[derive(Clone, Debug)]
pub struct ReadMail {
    pub mail: Mail,
    pub content: Option<MailContent>,
}

impl App {
    /// Of one organization.
    pub fn mail_status(&self, scope: &Scope) -> Result<MailStatus, AppError> {
        scope.require(Permission::PeopleRead)?;
        self.status_of(Some(scope.org()))
    }

    /// Why nothing leaves, for whoever has just put something into the spool.
    pub fn mail_problem(&self) -> Result<Option<String>, AppError> {
        Ok(self.status_of(None)?.problem)
    }

    /// Of the installation.
    pub fn installation_mail_status(&self, operator: &Scope) -> Result<MailStatus, AppError> {
        operator.require(Permission::MailEdit)?;
        self.status_of(None)
    }

    fn status_of(&self, org: Option<OrgId>) -> Result<MailStatus, AppError> {
        let (counts, has_server) =
            self.store().read(|r| Ok::<_, AppError>((r.mail_counts(org)?, server(r)?.is_some())))?;
        let problem = match has_server {
            true => self.mail_board().problem(),
            false => Some(
                "there is no mail server: nothing leaves, and mail waits here until one is set".to_string(),
            ),
        };
        Ok(MailStatus { counts, leaves: has_server && problem.is_none(), problem })
    }

    /// Newest first; of whoever looks after some sites, the mail of their people.
    pub fn mails(
        &self,
        scope: &Scope,
        mut before: Option<MailId>,
        state: Option<MailState>,
        limit: usize,
    ) -> Result<Vec<Mail>, AppError> {
        scope.require(Permission::PeopleRead)?;
        self.store().read(|r| {
            let mut seen = Vec::new();
            loop {
                let wanted = limit - seen.len();
                let found = r.mails(scope.org(), before, state, wanted)?;
                let more = found.len() == wanted;
                before = found.last().map(|mail| mail.id);
                for mail in found {
                    if sees(r, scope, Permission::PeopleRead, &mail)?.is_some() {
                        seen.push(mail);
                    }
                }
                if !more || seen.len() >= limit {
                    return Ok(seen);
                }
            }
        })
    }

    /// What a mail says holds a link that signs in.
    pub fn read_mail(&self, scope: &Scope, id: MailId) -> Result<ReadMail, AppError> {
        scope.require(Permission::CredentialsReset)?;
        self.store().read(|r| {
            let mail = r.mail(scope.org(), id)?.ok_or(AppError::NotFound("mail"))?;
            let user =
                sees(r, scope, Permission::CredentialsReset, &mail)?.ok_or(AppError::NotFound("mail"))?;
            // Nobody becomes somebody who holds more by their link.
            let held = match user {
                Some(user) => crate::roles::role_book(r, scope.org())?.grants_of(&user.roles),
                None => Grants::default(),
            };
            let lacks = scope.grants().lacks(&held);
            if !lacks.is_empty() {
                return Err(AppError::HoldsLess { what: "this is for somebody who holds", lacks });
            }
            Ok(ReadMail { content: r.mail_content(scope.org(), id)?, mail })
        })
    }

    /// One that waits is tried now; one that was given up begins anew.
    pub fn retry_mail(&self, scope: &Scope, id: MailId) -> Result<Mail, AppError> {
        scope.require(Permission::PeopleActivate)?;
        let now = self.now();
        let mail = self.store().write(|tx| {
            let before = tx.mail(scope.org(), id)?.ok_or(AppError::NotFound("mail"))?;
            sees(tx, scope, Permission::PeopleActivate, &before)?.ok_or(AppError::NotFound("mail"))?;
            let mail = match before.state {
                MailState::Waiting => Mail { next_at: now, ..before },
                MailState::GivenUp => Mail {
                    state: MailState::Waiting,
                    next_at: now,
                    attempts: 0,
                    first_attempt_at: None,
                    ..before
                },
                MailState::Sent | MailState::Dropped => {
                    return Err(Refusal::NotAllowed("the mail has left, or is of no more use".into()).into());
                }
            };
            tx.update_mail(&mail)?;
            Ok::<_, AppError>(mail)
        })?;
        self.mail_board().go_on();
        Ok(mail)
    }
}

/// Whom a mail is about, if it may be seen: `Some(None)` is nobody's, for whoever sees everybody's.
fn sees(
    r: &mut Reader,
    scope: &Scope,
    permission: Permission,
    mail: &Mail,
) -> Result<Option<Option<User>>, AppError> {
    let user = match mail.user {
        Some(user) => r.get::<User>(scope.org(), user.0)?,
        None => None,
    };
    let site = user.as_ref().and_then(|user| user.site);
    Ok(scope.grants().has_at(permission, site).then_some(user))
}

/// Both addresses are told that somebody signs in with another one.
pub(crate) fn tell_of_new_email(
    session: &mut Session<'_>,
    before: &User,
    after: &User,
) -> Result<(), AppError> {
    let (Some(old), Some(new)) = (&before.email, &after.email) else { return Ok(()) };
    if old == new || crate::signing::sign_in_of(session.tx, before.org, before.id)?.is_none() {
        return Ok(());
    }
    let organization = session.tx.organization(before.org)?.ok_or(AppError::NotFound("organization"))?;
    let language = language_of(after);
    let (person, name) = (after.display_name.as_str(), organization.name.as_str());
    let written = words::email_changed(language, person, name, old.as_str(), new.as_str());
    let content = MailContent { subject: written.subject, text: written.text, html: written.html };
    for to in [old, new] {
        put(session, before.org, "email_changed", to.as_str(), before.id, &content)?;
    }
    Ok(())
}

fn put(
    session: &mut Session<'_>,
    org: OrgId,
    kind: &str,
    recipient: &str,
    user: UserId,
    content: &MailContent,
) -> Result<(), AppError> {
    let id = MailId(Uuid::now_v7());
    let mail = NewMail { org, id, kind, recipient, user: Some(user), invite: None, content };
    let now = session.now();
    session.tx.put_mail(&mail, now)?;
    Ok(())
}
