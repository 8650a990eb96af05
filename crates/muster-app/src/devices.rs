//! Phones that are there: given a MAC address and a person.

use muster_domain::change::Refusal;
use muster_domain::ids::{DeviceId, UserId};
use muster_domain::organization::{Device, DeviceState};
use muster_domain::permission::Permission;
use muster_domain::types::{Mac, Name};
use muster_domain::user::{Record, User};

use crate::apply::Allow;
use crate::{App, AppError, Done, Scope};

/// Which phone it is, and whose.
#[derive(Clone, Debug, Default)]
pub struct Assignment {
    pub mac: Option<Mac>,
    pub serial: Option<Name>,
    pub user: Option<UserId>,
}

impl App {
    /// Gives a phone that has come its MAC address and whoever shall have it. What is left out stays.
    pub fn assign_device(&self, scope: &Scope, id: DeviceId, to: &Assignment) -> Result<Done, AppError> {
        scope.require(Permission::DevicesEdit)?;
        self.change(scope, Allow::default(), |session| {
            let before = session.tx.get::<Device>(scope.org(), id.0)?.ok_or(AppError::NotFound("device"))?;
            let mut after = before.clone();
            after.mac = to.mac.clone().or(after.mac);
            after.serial = to.serial.clone().or(after.serial);
            if let Some(user) = to.user {
                let there = session.tx.get::<User>(scope.org(), user.0)?;
                there.filter(|user| user.record == Record::Live).ok_or(AppError::NotFound("user"))?;
                after.user = Some(user);
            }
            match before.state {
                Some(state @ (DeviceState::Ordered | DeviceState::Shipped)) => {
                    return Err(Refusal::NotAllowed(format!(
                        "the phone is {state}: say that it has come before it is assigned"
                    ))
                    .into());
                }
                Some(DeviceState::InStock) if after.user.is_some() && after.mac.is_some() => {
                    after.state = Some(DeviceState::Assigned);
                }
                _ => {}
            }
            session.update(&before, &after)?;
            Ok(id.0)
        })
    }
}
