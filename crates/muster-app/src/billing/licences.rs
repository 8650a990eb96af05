//! Licences: how many are held by type, and how many of them are used.

use std::collections::BTreeMap;

use muster_domain::billing::Licence;
use muster_domain::change::Refusal;
use muster_domain::field::Entity;
use muster_domain::ids::{LicenceId, OrgId};
use muster_domain::money::Count;
use muster_domain::types::UnixMillis;
use muster_domain::user::UserType;
use muster_store::Reader;
use uuid::Uuid;

use super::Right;
use crate::apply::{Allow, Session};
use crate::{App, AppError, Done, Scope};

/// Licences of a type, and the people who use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LicenceUse {
    pub user_type: UserType,
    pub held: u64,
    /// Enabled people of the type, whether licences are what is paid for or not.
    pub used: u64,
}

/// Licences that the operator gives without an order.
#[derive(Clone, Copy, Debug)]
pub struct NewLicence {
    pub user_type: UserType,
    pub quantity: Count,
}

impl App {
    /// Gives licences: they are charged from today on as if they had been ordered.
    pub fn give_licence(&self, scope: &Scope, new: &NewLicence) -> Result<Done, AppError> {
        scope.require_right(Right::Operate)?;
        self.change(scope, Allow::default(), |session| {
            let mut licence = Licence::blank(scope.org(), Uuid::now_v7());
            (licence.user_type, licence.quantity) = (new.user_type, new.quantity);
            licence.starts_at = session.now();
            session.create(&licence)?;
            Ok(licence.id.0)
        })
    }

    /// Ends licences that nobody needs: this day is the last that is charged.
    pub fn end_licence(&self, scope: &Scope, id: LicenceId) -> Result<Done, AppError> {
        scope.require_right(Right::Buy)?;
        self.change(scope, Allow::default(), |session| {
            let before =
                session.tx.get::<Licence>(scope.org(), id.0)?.ok_or(AppError::NotFound("licence"))?;
            if before.ends_at.is_none() {
                let after = Licence { ends_at: Some(session.now()), ..before.clone() };
                session.update(&before, &after)?;
                check_enough(session)?;
            }
            Ok(id.0)
        })
    }
}

/// Refuses what would leave more people enabled than there are licences for.
pub(crate) fn check_enough(session: &mut Session<'_>) -> Result<(), AppError> {
    session.flush()?;
    let (org, now) = (session.org(), session.now());
    if !super::subscription::terms_now(session.tx, org)?.sells_licences() {
        return Ok(());
    }
    match uses(session.tx, org, now)?.into_iter().find(|of| is_licensed(of.user_type) && of.used > of.held) {
        None => Ok(()),
        Some(of) => Err(Refusal::NotAllowed(format!(
            "{} people of type {} are activated, and {} licences would be left: deactivate {} of them first",
            of.used,
            of.user_type,
            of.held,
            of.used - of.held
        ))
        .into()),
    }
}

fn is_licensed(user_type: UserType) -> bool {
    let builtin = muster_domain::organization::ConnectionKind::Builtin;
    muster_domain::capabilities::capabilities(user_type, builtin).licensed
}

/// Licences that are held at a moment, by type.
pub(crate) fn held_now(
    r: &mut Reader,
    org: OrgId,
    now: UnixMillis,
) -> Result<BTreeMap<UserType, u64>, AppError> {
    let mut held = BTreeMap::new();
    for licence in r.all::<Licence>(org)? {
        if licence.starts_at <= now && licence.ends_at.is_none_or(|ends| ends > now) {
            *held.entry(licence.user_type).or_default() += licence.quantity.0;
        }
    }
    Ok(held)
}

/// Every type that there are licences or enabled people of.
pub(crate) fn uses(r: &mut Reader, org: OrgId, now: UnixMillis) -> Result<Vec<LicenceUse>, AppError> {
    let used: BTreeMap<UserType, u64> = r.enabled_by_type(org)?.into_iter().collect();
    let held = held_now(r, org, now)?;
    let of = |all: &BTreeMap<UserType, u64>, user_type| all.get(user_type).copied().unwrap_or(0);
    let all = UserType::ALL.iter().map(|user_type| LicenceUse {
        user_type: *user_type,
        held: of(&held, user_type),
        used: of(&used, user_type),
    });
    Ok(all.filter(|of| of.held > 0 || of.used > 0).collect())
}
