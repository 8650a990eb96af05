//! The server that mail leaves by: one for the installation, the operator's to set.

use muster_domain::field::{Edit, Entity};
use muster_domain::ids::OrgId;
use muster_domain::permission::Permission;
use muster_domain::signing::{MailSecurity, MailServer};
use muster_domain::types::Email;
use muster_domain::value::Value;
use muster_mail::{Language, Letter, Security, Server, words};
use muster_store::{Reader, SecretKind};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::apply::Allow;
use crate::records::set;
use crate::users::keep_secret;
use crate::{App, AppError, Done, OPERATOR_SLUG, Scope};

/// The settings without the password.
pub type MailServerView = MailServer;

/// Settings as a request gives them: what is left out stays.
#[derive(Clone, Debug, Default)]
pub struct NewMailServer {
    pub values: Vec<(&'static str, Value)>,
    /// `Some("")` takes it away.
    pub password: Option<Zeroizing<String>>,
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    pub sent: bool,
    /// What the server or the way to it said.
    pub problem: Option<String>,
}

impl App {
    pub fn mail_server(&self, operator: &Scope) -> Result<Option<MailServerView>, AppError> {
        operator.require(Permission::MailEdit)?;
        Ok(self.store().read(settings)?.map(|(_, settings)| settings))
    }

    /// Made where there is none.
    pub fn set_mail_server(&self, operator: &Scope, new: &NewMailServer) -> Result<Done, AppError> {
        operator.require(Permission::MailEdit)?;
        let org = operator.org();
        let done = self.change(operator, Allow::default(), |session| {
            let before = session.tx.all::<MailServer>(org)?.into_iter().next();
            let mut after = before.clone().unwrap_or_else(|| MailServer::blank(org, Uuid::now_v7()));
            set(&mut after, &new.values, |edit| edit == Edit::Free)?;
            match &new.password {
                Some(password) if password.is_empty() => after.password = None,
                Some(password) => {
                    after.password = Some(keep_secret(session, org, SecretKind::MailPassword, password)?);
                }
                None => {}
            }
            match &before {
                Some(before) => {
                    session.update(before, &after)?;
                }
                None => session.create(&after)?,
            }
            Ok(after.id.0)
        })?;
        self.mail_board().go_on();
        Ok(done)
    }

    /// Nothing leaves from here on.
    pub fn remove_mail_server(&self, operator: &Scope) -> Result<Done, AppError> {
        operator.require(Permission::MailEdit)?;
        let org = operator.org();
        self.change(operator, Allow::default(), |session| {
            let there = session.tx.all::<MailServer>(org)?.into_iter().next();
            let there = there.ok_or(AppError::NotFound("mail server"))?;
            session.apply(vec![muster_domain::change::removal_of(&there)])?;
            Ok(there.id.0)
        })
    }

    /// Hands a mail over at once and says what came of it. Takes as long as the server takes.
    pub fn try_mail(&self, operator: &Scope, to: &Email, language: Language) -> Result<Tried, AppError> {
        operator.require(Permission::MailEdit)?;
        let server = self.store().read(server)?.ok_or_else(|| {
            AppError::invalid(
                "host",
                "is missing: there is no mail server",
                "set one: muster mail set host=… from_address=…",
            )
        })?;
        let written = words::trial(language, self.now().0);
        let id = format!("{}@{}", Uuid::now_v7(), domain_of(&server));
        let letter = Letter {
            to: to.as_str(),
            message_id: &id,
            subject: &written.subject,
            text: &written.text,
            html: &written.html,
        };
        match muster_mail::send(&server, &letter) {
            Ok(()) => {
                self.mail_board().go_on();
                Ok(Tried { sent: true, problem: None })
            }
            Err(failure) => Ok(Tried { sent: false, problem: Some(failure.why) }),
        }
    }
}

fn settings(r: &mut Reader) -> Result<Option<(OrgId, MailServer)>, AppError> {
    let Some(operator) = r.organization_by_slug(OPERATOR_SLUG)? else { return Ok(None) };
    Ok(r.all::<MailServer>(operator.id)?.into_iter().next().map(|settings| (operator.id, settings)))
}

/// The server with its password, as mail is handed to it.
pub(super) fn server(r: &mut Reader) -> Result<Option<Server>, AppError> {
    let Some((org, settings)) = settings(r)? else { return Ok(None) };
    let password = match settings.password {
        Some(id) => r.secret(org, id)?,
        None => None,
    };
    let login = settings.login.as_ref().map(ToString::to_string);
    Ok(Some(Server {
        host: settings.host.to_string(),
        port: settings.port.0,
        security: match settings.security {
            MailSecurity::StartTls => Security::StartTls,
            MailSecurity::Tls => Security::Tls,
            MailSecurity::None => Security::None,
        },
        login: login.map(|login| (login, password.unwrap_or_default())),
        from_address: settings.from_address.to_string(),
        from_name: settings.from_name.as_ref().map(ToString::to_string),
        hello: None,
    }))
}

/// The right side of the ids of our mails.
pub(super) fn domain_of(server: &Server) -> &str {
    server.from_address.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
}
