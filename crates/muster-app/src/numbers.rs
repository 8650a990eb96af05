//! Whom numbers reach, as people come back.

use muster_domain::claims;
use muster_domain::organization::{NumberKind, PhoneNumber};
use muster_domain::user::User;
use smol_str::SmolStr;
use uuid::Uuid;

use crate::AppError;
use crate::apply::Session;

/// The number of somebody who is brought back is theirs again, if nobody has it.
pub(crate) fn attach(session: &mut Session<'_>, user: &User) -> Result<(), AppError> {
    let Some(direct) = &user.direct_number else { return Ok(()) };
    let key = SmolStr::new(direct.as_str());
    let found = session.tx.claimed(user.org, claims::NUMBER_SPACE, &[key])?;
    let ids: Vec<Uuid> = found.into_iter().map(|(_, _, id)| id).collect();
    for before in session.tx.get_many::<PhoneNumber>(user.org, &ids)? {
        if before.user.is_none() && before.kind == NumberKind::Direct {
            let after = PhoneNumber { user: Some(user.id), ..before.clone() };
            session.update(&before, &after)?;
        }
    }
    Ok(())
}
