//! Calls that have ended: facts of their own, beside the change log.

use std::sync::OnceLock;

use muster_domain::billing::charges::AnsweredCall;
use muster_domain::ids::{CallId, OrgId, UserId};
use muster_domain::types::UnixMillis;
use uuid::Uuid;

use crate::sql::{ColumnType, Insert, List, Param};
use crate::tx::BATCH;
use crate::{Reader, StoreError, Tx};

/// A call that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRow {
    pub id: CallId,
    /// Who made it and whom it reached, of the organization's people.
    pub caller: Option<UserId>,
    pub callee: Option<UserId>,
    pub dialled: String,
    pub started_at: UnixMillis,
    /// Nobody answered where there is none.
    pub answered_at: Option<UnixMillis>,
    pub ended_at: UnixMillis,
    /// How it ended, in a word.
    pub ending: String,
    /// The SIP status that it ended with.
    pub status: u16,
    /// Made to, or back from, emergency services.
    pub for_help: bool,
    /// The RingOut that it is a leg of: two legs are one call.
    pub ringout: Option<CallId>,
}

impl Tx {
    /// Keeps calls; one that is there already stays as it is. Returns how many are new.
    pub fn put_calls(&mut self, org: OrgId, calls: &[CallRow], now: UnixMillis) -> Result<u64, StoreError> {
        let mut new = 0;
        for batch in calls.chunks(BATCH) {
            let result = self.put_batch(org, batch, now);
            new += self.poison_on(result)?;
        }
        Ok(new)
    }

    fn put_batch(&mut self, org: OrgId, batch: &[CallRow], now: UnixMillis) -> Result<u64, StoreError> {
        let ids: Vec<Uuid> = batch.iter().map(|call| call.id.0).collect();
        let mut there = Vec::new();
        let sql = "SELECT id FROM calls WHERE org_id = ?1 AND id {ONE_OF_2}";
        self.conn.query_each(sql, &[Param::Id(org.0)], List::Ids(&ids), &mut |row| {
            there.push(row.id(0)?);
            Ok(())
        })?;
        let new = batch.iter().filter(|call| !there.contains(&call.id.0));
        let rows: Vec<Vec<Param>> = new.map(|call| row_of(org, call, now)).collect();
        self.conn.insert(call_insert(), &rows)?;
        Ok(rows.len() as u64)
    }
}

impl Reader {
    /// Calls that were answered between two moments (the second is not among them) and not for help, as they were
    /// answered; of those that were learned of by a moment, if one is given.
    pub fn answered_calls(
        &mut self,
        org: OrgId,
        from: UnixMillis,
        until: UnixMillis,
        known_by: Option<UnixMillis>,
        mut f: impl FnMut(&AnsweredCall),
    ) -> Result<(), StoreError> {
        let sql = "SELECT answered_at, caller, callee, ringout, for_help FROM calls \
                   WHERE org_id = ?1 AND answered_at >= ?2 AND answered_at < ?3 AND recorded_at <= ?4 \
                   ORDER BY answered_at, id";
        let known_by = known_by.map_or(i64::MAX, |at| at.0);
        let params = [Param::Id(org.0), Param::Int(from.0), Param::Int(until.0), Param::Int(known_by)];
        self.conn.query(sql, &params, &mut |row| {
            if row.opt_bool(4)? != Some(true) {
                f(&AnsweredCall {
                    answered_at: UnixMillis(row.int(0)?),
                    caller: row.opt_id(1)?.map(UserId),
                    callee: row.opt_id(2)?.map(UserId),
                    ringout: row.opt_id(3)?.map(CallId),
                });
            }
            Ok(())
        })
    }

    /// The latest calls of an organization, those before `before`, newest first.
    pub fn calls(
        &mut self,
        org: OrgId,
        before: Option<CallId>,
        limit: usize,
    ) -> Result<Vec<CallRow>, StoreError> {
        let sql = "SELECT id, caller, callee, dialled, started_at, answered_at, ended_at, ending, status, for_help, \
                   ringout FROM calls WHERE org_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
        let before = before.map_or(Uuid::max(), |call| call.0);
        let params = [Param::Id(org.0), Param::Id(before), Param::uint(limit as u64)];
        self.conn.collect(sql, &params, |row| {
            Ok(CallRow {
                id: CallId(row.id(0)?),
                caller: row.opt_id(1)?.map(UserId),
                callee: row.opt_id(2)?.map(UserId),
                dialled: row.text(3)?.to_string(),
                started_at: UnixMillis(row.int(4)?),
                answered_at: row.opt_int(5)?.map(UnixMillis),
                ended_at: UnixMillis(row.int(6)?),
                ending: row.text(7)?.to_string(),
                status: row.int(8)? as u16,
                for_help: row.opt_bool(9)?.unwrap_or(false),
                ringout: row.opt_id(10)?.map(CallId),
            })
        })
    }
}

fn call_insert() -> &'static Insert {
    static INSERT: OnceLock<Insert> = OnceLock::new();
    INSERT.get_or_init(|| {
        use ColumnType::{Bool, Id, Int, Text};
        Insert::of(
            "calls",
            &[
                ("org_id", Id),
                ("id", Id),
                ("caller", Id),
                ("callee", Id),
                ("dialled", Text),
                ("started_at", Int),
                ("answered_at", Int),
                ("ended_at", Int),
                ("ending", Text),
                ("status", Int),
                ("for_help", Bool),
                ("ringout", Id),
                ("recorded_at", Int),
            ],
        )
    })
}

fn row_of(org: OrgId, call: &CallRow, now: UnixMillis) -> Vec<Param<'static>> {
    let id = |id: Option<Uuid>| id.map_or(Param::Null, Param::Id);
    vec![
        Param::Id(org.0),
        Param::Id(call.id.0),
        id(call.caller.map(|user| user.0)),
        id(call.callee.map(|user| user.0)),
        Param::Text(call.dialled.clone().into()),
        Param::Int(call.started_at.0),
        Param::opt_int(call.answered_at.map(|at| at.0)),
        Param::Int(call.ended_at.0),
        Param::Text(call.ending.clone().into()),
        Param::uint(call.status.into()),
        Param::Bool(call.for_help),
        id(call.ringout.map(|call| call.0)),
        Param::Int(now.0),
    ]
}
