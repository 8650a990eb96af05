//! Sign-in sheets: what to type into a phone, printed for those without mail.

use muster_domain::ids::UserId;
use muster_domain::permission::Permission;
use muster_domain::types::UnixMillis;
use muster_domain::user::User;
use muster_mail::Language;
use muster_store::SecretKind;
use zeroize::Zeroizing;

use super::invites::language_of;
use crate::apply::Allow;
use crate::users::{keep_secret, live_users};
use crate::{App, AppError, Scope};

/// So many sheets in one request.
const SHEETS_MAX: usize = 500;

/// What stands where the SIP secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SheetSecrets {
    /// A line to write on.
    None,
    /// The one there is, made where there is none. Whoever has the sheet can register: the log says so.
    Existing,
    /// A new one: phones with the old one drop.
    New,
}

/// One person's.
#[derive(Clone)]
pub struct Sheet {
    pub user: User,
    pub domain: String,
    pub organization: String,
    pub language: Language,
    pub secret: Option<Zeroizing<String>>,
}

impl App {
    /// In the order of the ids. Only of people whose phones may register.
    pub fn sheets(
        &self,
        scope: &Scope,
        ids: &[UserId],
        secrets: SheetSecrets,
    ) -> Result<Vec<Sheet>, AppError> {
        scope.require(match secrets {
            SheetSecrets::None => Permission::PeopleRead,
            SheetSecrets::Existing => Permission::SecretsExport,
            SheetSecrets::New => Permission::CredentialsReset,
        })?;
        if ids.is_empty() || ids.len() > SHEETS_MAX {
            let reason = format!("are {}, not 1 to {SHEETS_MAX}", ids.len());
            return Err(AppError::invalid(
                "users",
                reason,
                format!("name at most {SHEETS_MAX} in one request"),
            ));
        }
        let generated =
            ids.iter().map(|_| crate::secrets::generate_sip_secret()).collect::<Result<Vec<_>, _>>()?;
        if secrets != SheetSecrets::None {
            self.change(scope, Allow::default(), |session| {
                for (before, secret) in live_users(session, scope, ids)?.iter().zip(&generated) {
                    let can = muster_domain::capabilities::of(before).registers;
                    if can && (secrets == SheetSecrets::New || before.sip_secret.is_none()) {
                        let mut after = before.clone();
                        after.sip_secret =
                            Some(keep_secret(session, before.org, SecretKind::SipSecret, secret)?);
                        session.update(before, &after)?;
                    }
                }
                Ok(ids.first().map_or_else(Default::default, |id| id.0))
            })?;
        }
        if secrets == SheetSecrets::Existing {
            let now: UnixMillis = self.now();
            self.note(scope, |organization| organization.secrets_exported_at = Some(now))?;
        }
        self.store().read(|r| {
            let mut sheets = Vec::with_capacity(ids.len());
            for id in ids {
                let user = r.get::<User>(scope.org(), id.0)?.ok_or(AppError::NotFound("user"))?;
                scope.sees(Permission::PeopleRead, &user)?;
                if !muster_domain::capabilities::of(&user).registers {
                    let why = format!("are of people without a phone: {}", crate::names::called(&user));
                    return Err(AppError::invalid("users", why, "leave them out"));
                }
                let secret = match user.sip_secret.filter(|_| secrets != SheetSecrets::None) {
                    Some(id) => r.secret(scope.org(), id)?,
                    None => None,
                };
                sheets.push(Sheet {
                    domain: scope.organization().domain.to_string(),
                    organization: scope.organization().name.to_string(),
                    language: language_of(&user),
                    secret,
                    user,
                });
            }
            Ok(sheets)
        })
    }
}
