//! What things are called where a person reads of them: names instead of ids.

use muster_domain::change::Refusal;
use muster_domain::field::EntityKind;
use muster_domain::ids::OrgId;
use muster_domain::organization::Token;
use muster_domain::user::User;
use muster_domain::value::Value;
use muster_store::{AnyEntity, Reader};
use uuid::Uuid;

use crate::things::load_any;
use crate::{App, AppError, OPERATOR_SLUG};

impl App {
    /// The same error, with the name of whoever has what is taken. If the database cannot say it, the id
    /// has to do.
    pub(crate) fn with_names(&self, org: OrgId, error: AppError) -> AppError {
        let AppError::Refused(Refusal::Taken { field, value, holder: Some(mut holder) }) = error else {
            return error;
        };
        if holder.name.is_none() {
            let read = self.store().read(|r| {
                let found = load_any(r, org, holder.kind, &[holder.id])?;
                found.first().map(|entity| name_of(r, entity)).transpose()
            });
            holder.name = read.ok().flatten();
        }
        AppError::Refused(Refusal::Taken { field, value, holder: Some(holder) })
    }
}

/// `Ana Silva (extension 1001)`.
pub(crate) fn called(user: &User) -> String {
    match &user.extension {
        Some(extension) => format!("{} (extension {extension})", user.display_name),
        None => format!("{} (username {})", user.display_name, user.username),
    }
}

/// `the device Kitchen of Ana Silva (extension 1001)`.
pub(crate) fn name_of(r: &mut Reader, entity: &AnyEntity) -> Result<String, AppError> {
    if let AnyEntity::User(user) = entity {
        return Ok(called(user));
    }
    let text =
        |name: &str| entity.value(name).as_ref().and_then(Value::as_text).unwrap_or_default().to_string();
    let name = if entity.kind() == EntityKind::PhoneNumber { "number" } else { "name" };
    let named = format!("the {} {}", entity.kind().word(), text(name));
    let of = match entity.kind() {
        EntityKind::Device | EntityKind::PhoneNumber | EntityKind::SignIn | EntityKind::Invite => {
            entity.value("user")
        }
        EntityKind::Mailbox => entity.value("owner"),
        _ => None,
    };
    let Some(user) = of.as_ref().and_then(Value::as_id) else { return Ok(named) };
    let user = r.get::<User>(entity.org(), user)?;
    Ok(user.map_or(named.clone(), |user| format!("{named} of {}", called(&user))))
}

/// The name of the token or the person that did something; `the system` where nobody did.
pub(crate) fn name_of_actor(r: &mut Reader, org: OrgId, actor: Uuid) -> Result<String, AppError> {
    if actor.is_nil() {
        return Ok("the system".to_string());
    }
    if let Some(user) = r.get::<User>(org, actor)? {
        return Ok(called(&user));
    }
    let mut token = r.get::<Token>(org, actor)?;
    if token.is_none()
        && let Some(operator) = r.organization_by_slug(OPERATOR_SLUG)?
    {
        token = r.get::<Token>(operator.id, actor)?;
    }
    Ok(token.map_or_else(|| format!("the token {actor}"), |token| token.name.to_string()))
}
