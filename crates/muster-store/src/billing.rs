//! What invoices are made from, and their lines: facts of the log by person, terms as they changed, counts.

use std::sync::OnceLock;

use muster_domain::billing::Subscription;
use muster_domain::billing::charges::{Line, TermsFrom, Turn, Why};
use muster_domain::field::{Entity, EntityKind};
use muster_domain::ids::{InvoiceId, OrderId, OrgId, UserId};
use muster_domain::money::Minor;
use muster_domain::orders::OrderState;
use muster_domain::replay::Replayed;
use muster_domain::types::{AreaCode, Country, FieldValue, UnixMillis};
use muster_domain::user::UserType;
use muster_domain::value::Value;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use uuid::Uuid;

use crate::log::{LINE, decoded, line_from};
use crate::sql::{ColumnType, Insert, List, Param, Row};
use crate::table::{from_row, table_of};
use crate::tx::BATCH;
use crate::{Reader, StoreError, Tx};

/// A type, a country and an area code, and how many people.
type Waiting = (UserType, Option<Country>, Option<AreaCode>, u64);

/// The names of more people than this are read by reading all.
const NAMES_EACH_MAX: usize = 1000;

impl Reader {
    /// Everybody of whom the log says whether they count, in the order of their ids, with when that changed: from
    /// envelopes alone, up to a change of the log. One query, however many they are.
    pub fn each_counted(
        &mut self,
        org: OrgId,
        up_to: u64,
        mut f: impl FnMut(UserId, &[Turn]),
    ) -> Result<(), StoreError> {
        let sql = "SELECT entity_id, at, counted, user_type FROM changes \
                   WHERE org_id = ?1 AND counted IS NOT NULL AND seq <= ?2 ORDER BY entity_id, seq";
        let mut of: Option<UserId> = None;
        let mut turns: Vec<Turn> = Vec::new();
        self.conn.query(sql, &[Param::Id(org.0), Param::uint(up_to)], &mut |row| {
            let user = UserId(row.id(0)?);
            if of != Some(user) {
                if let Some(before) = of.replace(user) {
                    f(before, &turns);
                }
                turns.clear();
            }
            let user_type = match row.opt_text(3)? {
                Some(word) => UserType::parse(word).map_err(|r| StoreError::Corrupt(r.reason))?,
                None => return Ok(()),
            };
            // A clock that was set back does not turn the log round.
            let earliest = turns.last().map_or(i64::MIN, |turn| turn.at.0);
            let at = UnixMillis(row.int(1)?.max(earliest));
            turns.push(Turn { at, counted: row.opt_bool(2)? == Some(true), user_type });
            Ok(())
        })?;
        if let Some(last) = of {
            f(last, &turns);
        }
        Ok(())
    }

    /// The terms of an organization as they changed, up to a change of the log.
    pub fn terms_over_time(&mut self, org: OrgId, up_to: u64) -> Result<Vec<TermsFrom>, StoreError> {
        // The word stands in the text, because the index of these lines is for it alone.
        let sql = format!(
            "{LINE} WHERE c.org_id = ?1 AND c.entity = 'subscription' AND c.seq <= ?2 ORDER BY c.seq"
        );
        let lines =
            self.conn.collect(&sql, &[Param::Id(org.0), Param::uint(up_to)], |row| line_from(org, row))?;
        let mut replayed: Vec<Replayed> = Vec::new();
        let mut terms = Vec::new();
        for line in lines {
            let change = decoded(line)?;
            let id = change.envelope.entity_id;
            if !replayed.iter().any(|thing| thing.id == id) {
                replayed.push(Replayed::new(EntityKind::Subscription, id));
            }
            let thing = replayed.iter_mut().find(|thing| thing.id == id);
            thing.into_iter().for_each(|thing| thing.apply(&change.envelope, change.body.as_ref()));
            // Without a subscription of its own an organization has the default one.
            let mut holds = Subscription::blank(org, Uuid::nil());
            if let Some(here) = replayed.iter().rev().find(|thing| thing.is_here()) {
                let here = here.thing(org).map_err(|error| StoreError::Corrupt(error.reason))?;
                holds = here.unwrap_or(holds);
            }
            terms.push(TermsFrom { at: change.envelope.at, terms: holds });
        }
        Ok(terms)
    }

    /// Live people who are enabled, by type.
    pub fn enabled_by_type(&mut self, org: OrgId) -> Result<Vec<(UserType, u64)>, StoreError> {
        let sql = "SELECT user_type, count(*) FROM users \
                   WHERE org_id = ?1 AND service = 'enabled' AND record = 'live' GROUP BY user_type";
        let mut found = self.conn.collect(sql, &[Param::Id(org.0)], |row| {
            let user_type = UserType::parse(row.text(0)?).map_err(|r| StoreError::Corrupt(r.reason))?;
            Ok((user_type, row.uint(1)?))
        })?;
        found.sort_unstable();
        Ok(found)
    }

    /// Numbers of the operator's stock that no organization has, reserved ones among them.
    pub fn stock_not_assigned(&mut self, org: OrgId) -> Result<Vec<Uuid>, StoreError> {
        let sql = "SELECT id FROM stock_numbers WHERE org_id = ?1 AND \"state\" IN ('free', 'reserved')";
        self.conn.collect(sql, &[Param::Id(org.0)], |row| row.id(0))
    }

    /// How many people wait for their activation, by type and by the country and area code that they want a seat of.
    pub fn waiting_for_seats(&mut self, org: OrgId) -> Result<Vec<Waiting>, StoreError> {
        let sql = "SELECT user_type, unassigned_extension_country, unassigned_extension_area_code, count(*) \
                   FROM users WHERE org_id = ?1 AND service = 'not_activated' AND record = 'live' \
                   GROUP BY user_type, unassigned_extension_country, unassigned_extension_area_code";
        let corrupt = |r: muster_domain::value::Reason| StoreError::Corrupt(r.reason);
        self.conn.collect(sql, &[Param::Id(org.0)], |row| {
            let user_type = UserType::parse(row.text(0)?).map_err(corrupt)?;
            let country = row.opt_text(1)?.map(Country::parse).transpose().map_err(corrupt)?;
            let area_code = row.opt_text(2)?.map(AreaCode::parse).transpose().map_err(corrupt)?;
            Ok((user_type, country, area_code, row.uint(3)?))
        })
    }

    /// Things that have exactly this in a field: who shows a number.
    pub fn with_value<E: Entity>(
        &mut self,
        org: OrgId,
        field: &'static str,
        value: &Value,
    ) -> Result<Vec<E>, StoreError> {
        let field = E::field(field).ok_or(StoreError::Misuse("no such field"))?.name;
        let sql = format!("{} WHERE org_id = ?1 AND \"{field}\" = ?2 ORDER BY id", table_of(E::KIND).select);
        self.conn.collect(&sql, &[Param::Id(org.0), Param::of(value.clone())], |row| from_row(org, row))
    }

    /// Orders in one of these states.
    pub fn orders_in(&mut self, org: OrgId, states: &[OrderState]) -> Result<Vec<OrderId>, StoreError> {
        let words: Vec<SmolStr> = states.iter().map(|state| SmolStr::new_static(state.word())).collect();
        let sql = "SELECT id FROM orders WHERE org_id = ?1 AND \"state\" {ONE_OF_2}";
        let mut found = Vec::new();
        self.conn.query_each(sql, &[Param::Id(org.0)], List::Texts(&words), &mut |row| {
            found.push(OrderId(row.id(0)?));
            Ok(())
        })?;
        Ok(found)
    }

    /// What people are called, and their extensions; who has been purged is left out. One query for many.
    pub fn names_of(
        &mut self,
        org: OrgId,
        users: &[UserId],
    ) -> Result<FxHashMap<UserId, (String, Option<String>)>, StoreError> {
        let mut names = FxHashMap::default();
        let mut keep = |row: &Row<'_>| {
            let name = (row.text(1)?.to_string(), row.opt_text(2)?.map(String::from));
            names.insert(UserId(row.id(0)?), name);
            Ok(())
        };
        if users.len() > NAMES_EACH_MAX {
            let sql = "SELECT id, display_name, extension FROM users WHERE org_id = ?1";
            self.conn.query(sql, &[Param::Id(org.0)], &mut keep)?;
        } else {
            let ids: Vec<Uuid> = users.iter().map(|user| user.0).collect();
            let sql = "SELECT id, display_name, extension FROM users WHERE org_id = ?1 AND id {ONE_OF_2}";
            self.conn.query_each(sql, &[Param::Id(org.0)], List::Ids(&ids), &mut keep)?;
        }
        Ok(names)
    }

    /// Lines of an invoice in their order, those after `after`.
    pub fn invoice_lines(
        &mut self,
        org: OrgId,
        invoice: InvoiceId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Line)>, StoreError> {
        let sql = "SELECT line, why, user_id, what, quantity, days, of_days, from_day, to_day, calls, unit_minor, \
                   amount_minor FROM invoice_lines WHERE org_id = ?1 AND invoice_id = ?2 AND line > ?3 \
                   ORDER BY line LIMIT ?4";
        let params = [Param::Id(org.0), Param::Id(invoice.0), Param::uint(after), Param::uint(limit as u64)];
        self.conn.collect(sql, &params, line_of_row)
    }
}

fn line_of_row(row: &Row<'_>) -> Result<(u64, Line), StoreError> {
    let small = |column| Ok::<u32, StoreError>(row.uint(column)? as u32);
    let line = Line {
        why: Why::parse(row.text(1)?).map_err(|r| StoreError::Corrupt(r.reason))?,
        user: row.opt_id(2)?.map(UserId),
        what: row.text(3)?.into(),
        quantity: row.uint(4)?,
        days: small(5)?,
        of_days: small(6)?,
        from_day: small(7)?,
        to_day: small(8)?,
        calls: small(9)?,
        unit: Minor(row.int(10)?),
        amount: Minor(row.int(11)?),
    };
    Ok((row.uint(0)?, line))
}

impl Tx {
    /// Writes the lines of an invoice that this write records.
    pub fn put_invoice_lines(
        &mut self,
        org: OrgId,
        invoice: InvoiceId,
        lines: &[Line],
    ) -> Result<(), StoreError> {
        let mut number = 0;
        for batch in lines.chunks(BATCH) {
            let rows: Vec<Vec<Param>> = batch
                .iter()
                .map(|line| {
                    number += 1;
                    line_row(org, invoice, number, line)
                })
                .collect();
            let result = self.conn.insert(line_insert(), &rows);
            self.poison_on(result)?;
        }
        Ok(())
    }
}

fn line_insert() -> &'static Insert {
    static INSERT: OnceLock<Insert> = OnceLock::new();
    INSERT.get_or_init(|| {
        use ColumnType::{Id, Int, Text};
        Insert::of(
            "invoice_lines",
            &[
                ("org_id", Id),
                ("invoice_id", Id),
                ("line", Int),
                ("why", Text),
                ("user_id", Id),
                ("what", Text),
                ("quantity", Int),
                ("days", Int),
                ("of_days", Int),
                ("from_day", Int),
                ("to_day", Int),
                ("calls", Int),
                ("unit_minor", Int),
                ("amount_minor", Int),
            ],
        )
    })
}

fn line_row(org: OrgId, invoice: InvoiceId, number: u64, line: &Line) -> Vec<Param<'static>> {
    let mut row = vec![
        Param::Id(org.0),
        Param::Id(invoice.0),
        Param::uint(number),
        line.why.word().into(),
        line.user.map_or(Param::Null, |user| Param::Id(user.0)),
        Param::Smol(line.what.clone()),
        Param::uint(line.quantity),
    ];
    let small = [line.days, line.of_days, line.from_day, line.to_day, line.calls];
    row.extend(small.map(|n| Param::Int(n.into())));
    row.extend([Param::Int(line.unit.0), Param::Int(line.amount.0)]);
    row
}
