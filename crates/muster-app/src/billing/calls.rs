//! Calls that have ended, kept where invoices find them.

use std::collections::HashMap;

use muster_domain::emergency::{is_for_help, numbers_of};
use muster_domain::ids::{CallId, OrgId, UserId};
use muster_domain::organization::Site;
use muster_domain::types::UnixMillis;
use muster_domain::user::User;
use muster_store::{CallRow, Tx};
use uuid::Uuid;

use super::Right;
use crate::{App, AppError, Scope};

/// A call as whoever served it tells of it.
#[derive(Clone, Debug)]
pub struct EndedCall {
    pub org: OrgId,
    pub caller: Option<UserId>,
    pub callee: Option<UserId>,
    pub dialled: String,
    pub started_at: UnixMillis,
    pub answered_at: Option<UnixMillis>,
    pub ended_at: UnixMillis,
    pub ending: String,
    pub status: u16,
    /// The RingOut that it is a leg of.
    pub ringout: Option<CallId>,
}

impl App {
    /// Keeps calls. What was dialled for help at the caller's site is marked, and never charged. A call of an
    /// organization that is no longer there is left out.
    pub fn record_calls(&self, calls: &[EndedCall]) -> Result<(), AppError> {
        let now = self.now();
        let mut by_org: HashMap<OrgId, Vec<(CallId, &EndedCall)>> = HashMap::new();
        for call in calls {
            by_org.entry(call.org).or_default().push((CallId(Uuid::now_v7()), call));
        }
        for (org, calls) in by_org {
            self.store().write(|tx| match tx.organization(org)? {
                Some(_) => record(tx, org, &calls, now),
                None => Ok(()),
            })?;
        }
        Ok(())
    }

    /// The latest calls, newest first, those before one.
    pub fn calls(
        &self,
        scope: &Scope,
        before: Option<CallId>,
        limit: usize,
    ) -> Result<Vec<CallRow>, AppError> {
        scope.require_right(Right::Read)?;
        self.store().read(|r| Ok(r.calls(scope.org(), before, limit)?))
    }
}

fn record(tx: &mut Tx, org: OrgId, calls: &[(CallId, &EndedCall)], now: UnixMillis) -> Result<(), AppError> {
    // An invoice that is being closed has what was known before it began, and nothing of what comes meanwhile.
    tx.lock_org(org)?;
    let mut callers: Vec<Uuid> = calls.iter().filter_map(|(_, call)| call.caller).map(|id| id.0).collect();
    callers.sort_unstable();
    callers.dedup();
    let site_of: HashMap<UserId, _> =
        tx.get_many::<User>(org, &callers)?.into_iter().map(|user| (user.id, user.site)).collect();
    let sites = tx.all::<Site>(org)?;
    let rows: Vec<CallRow> = calls
        .iter()
        .map(|(id, call)| {
            let site = call.caller.and_then(|caller| site_of.get(&caller).copied().flatten());
            let site = sites.iter().find(|other| Some(other.id) == site);
            CallRow {
                id: *id,
                caller: call.caller,
                callee: call.callee,
                dialled: call.dialled.clone(),
                started_at: call.started_at,
                answered_at: call.answered_at,
                ended_at: call.ended_at,
                ending: call.ending.clone(),
                status: call.status,
                for_help: is_for_help(&call.dialled, &numbers_of(site)),
                ringout: call.ringout,
            }
        })
        .collect();
    tx.put_calls(org, &rows, now)?;
    Ok(())
}
