//! What a phone needs in order to register, and making a new secret.

use muster_domain::field::Entity;
use muster_domain::ids::UserId;
use muster_domain::organization::Device;
use muster_domain::permission::Permission;
use muster_domain::types::{Name, Username, fold};
use muster_domain::user::{Record, User};
use muster_store::SecretKind;
use uuid::Uuid;

use super::keep_secret;
use crate::apply::{Allow, Session};
use crate::phones::RegisteredPhone;
use crate::{App, AppError, Done, Scope};

/// Server and names; never the secret.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub domain: String,
    pub extension: Option<String>,
    pub auth_name: String,
    pub has_secret: bool,
    /// The devices with credentials of their own.
    pub devices: Vec<Device>,
}

#[derive(Clone, Debug)]
pub struct ResetCredentials {
    pub done: Done,
    pub auth_name: String,
    /// Shown this once; `None` when the request was a repeated one.
    pub secret: Option<String>,
    /// The user's phones as they were registered before: those with the old secret drop now.
    pub phones: Vec<RegisteredPhone>,
}

impl App {
    pub fn credentials(&self, scope: &Scope, id: UserId) -> Result<Credentials, AppError> {
        scope.require(Permission::PeopleRead)?;
        let org = scope.org();
        self.store().read(|r| {
            let user = r.get::<User>(org, id.0)?.ok_or(AppError::NotFound("user"))?;
            scope.sees(Permission::PeopleRead, &user)?;
            let devices = r.referring::<Device>(org, "user", &[id.0])?;
            Ok(Credentials {
                domain: scope.organization.domain.to_string(),
                extension: user.extension.as_ref().map(ToString::to_string),
                auth_name: user.username.to_string(),
                has_secret: user.sip_secret.is_some(),
                devices: devices.into_iter().filter(|d| d.auth_name.is_some()).collect(),
            })
        })
    }

    /// A new secret for the user's first phone, or for the device of that name (made if it is not there).
    pub fn reset_credentials(
        &self,
        scope: &Scope,
        id: UserId,
        device: Option<&Name>,
        given: Option<&str>,
    ) -> Result<ResetCredentials, AppError> {
        // A device's own credentials are the device's.
        let allowed = match device {
            Some(_) if scope.grants.has_somewhere(Permission::DevicesEdit) => Permission::DevicesEdit,
            _ => Permission::CredentialsReset,
        };
        scope.require(allowed)?;
        let secret = match given {
            Some(secret) => super::add::checked_sip_password(secret)?.to_string(),
            None => crate::secrets::generate_sip_secret()?,
        };
        let phones = self.phones().registered(scope.org(), Some(id));
        let mut auth_name = String::new();
        let done = self.change(scope, Allow::default(), |session| {
            let user = session.tx.get::<User>(scope.org(), id.0)?;
            let user = user.filter(|u| u.record == Record::Live).ok_or(AppError::NotFound("user"))?;
            scope.sees(Permission::PeopleRead, &user)?;
            let secret_id = keep_secret(session, scope.org(), SecretKind::SipSecret, &secret)?;
            auth_name = match device {
                Some(name) => reset_device(session, &user, name, secret_id)?,
                None => {
                    let mut after = user.clone();
                    after.sip_secret = Some(secret_id);
                    session.update(&user, &after)?;
                    user.username.to_string()
                }
            };
            Ok(id.0)
        })?;
        Ok(ResetCredentials { done, auth_name, secret: (!done.replayed).then_some(secret), phones })
    }
}

fn reset_device(
    session: &mut Session<'_>,
    user: &User,
    name: &Name,
    secret: muster_domain::ids::SecretId,
) -> Result<String, AppError> {
    let devices = session.tx.referring::<Device>(user.org, "user", &[user.id.0])?;
    let key = fold(name.as_str());
    if let Some(before) = devices.iter().find(|d| fold(d.name.as_str()) == key) {
        let mut after = before.clone();
        let auth_name = before.auth_name.clone().map_or_else(|| device_auth_name(user, name), Ok)?;
        after.auth_name = Some(auth_name.clone());
        after.sip_secret = Some(secret);
        session.update(before, &after)?;
        return Ok(auth_name.to_string());
    }
    let mut device = Device::blank(user.org, Uuid::now_v7());
    let auth_name = device_auth_name(user, name)?;
    device.name = name.clone();
    device.user = Some(user.id);
    device.auth_name = Some(auth_name.clone());
    device.sip_secret = Some(secret);
    session.create(&device)?;
    Ok(auth_name.to_string())
}

/// The username, a hyphen and the device's name in letters and digits: `ana-kitchen`.
fn device_auth_name(user: &User, name: &Name) -> Result<Username, AppError> {
    let tail: String = fold(name.as_str()).chars().filter(char::is_ascii_alphanumeric).take(24).collect();
    let head: String = user.username.as_str().chars().take(39).collect();
    Username::parse(&format!("{head}-{tail}")).ok().filter(|_| !tail.is_empty()).ok_or_else(|| {
        AppError::invalid("device", "has no letters or digits", "name the device, for example kitchen")
    })
}
