//! What a cycle costs: seen at any time, closed once it is over, and made again from the log to compare.

use std::collections::HashMap;

use muster_domain::billing::charges::{Charging, Held, Line, Meter, Once, Why, digest, total};
use muster_domain::billing::{Invoice, Licence};
use muster_domain::calendar::Cycle;
use muster_domain::field::{Entity, EntityKind};
use muster_domain::ids::{InvoiceId, OrderId, OrgId, UserId};
use muster_domain::money::{Count, Currency, Minor};
use muster_domain::orders::{ItemKind, Order, OrderItem};
use muster_domain::organization::Organization;
use muster_domain::types::{Name, Text, TimeZone, UnixMillis};
use muster_store::{Past, Reader};
use uuid::Uuid;

use super::Right;
use super::subscription::default_terms;
use crate::apply::Allow;
use crate::{App, AppError, Done, Scope};

/// What a cycle costs.
#[derive(Clone, Debug)]
pub struct Bill {
    pub cycle: Cycle,
    pub currency: Currency,
    pub lines: Vec<Line>,
    pub total: Minor,
}

/// An invoice, and whether this request closed it or it was there.
#[derive(Clone, Debug)]
pub struct ClosedInvoice {
    pub done: Done,
    pub invoice: Invoice,
}

/// A line with the name of whom it is for.
#[derive(Clone, Debug)]
pub struct NamedLine {
    pub number: u64,
    pub line: Line,
    /// Nothing once the person has been purged: what they cost stays.
    pub person: Option<String>,
    pub extension: Option<String>,
}

/// What making a closed invoice again from the log has given.
#[derive(Clone, Debug)]
pub struct InvoiceCheck {
    pub invoice: Invoice,
    /// The sum and the digest of the lines that the log gives now.
    pub total: Minor,
    pub digest: String,
    /// The lines that are kept are those that the digest in the log is of.
    pub lines_are_kept: bool,
}

impl InvoiceCheck {
    pub fn is_same(&self) -> bool {
        let same = self.invoice.digest.as_ref().is_some_and(|digest| digest.as_str() == self.digest);
        same && self.lines_are_kept && self.total == self.invoice.total_minor
    }
}

impl App {
    /// What a cycle would cost if nothing changed until its end: the one that runs now, or the one named. One that is
    /// closed is what it was closed with.
    pub fn preview_invoice(&self, scope: &Scope, cycle: Option<&str>) -> Result<Bill, AppError> {
        scope.require_right(Right::Read)?;
        let zone = scope.organization().time_zone.as_ref();
        let cycle = cycle_of(cycle, zone, self.now())?;
        self.store().read(|r| {
            let head = r.head(scope.org())?.map_or(0, |head| head.head_seq);
            make(r, scope.organization(), &cycle, head, None)
        })
    }

    /// Closes a cycle that is over: what it cost is frozen. Closed once; asked again, the answer is the same.
    pub fn close_invoice(&self, scope: &Scope, cycle: Option<&str>) -> Result<ClosedInvoice, AppError> {
        scope.require_right(Right::Operate)?;
        let (now, zone) = (self.now(), scope.organization().time_zone.as_ref());
        let cycle = match cycle {
            Some(name) => cycle_of(Some(name), zone, now)?,
            None => Cycle::containing(now, zone).previous(),
        };
        if cycle.ends_at() > now {
            return Err(AppError::invalid(
                "cycle",
                format!("{} is not over before {}", cycle.name(), cycle.ends_at()),
                "close it after that, or look at its preview",
            ));
        }
        let org = scope.org();
        let done = self.change(scope, Allow::default(), |session| {
            if let Some(there) = closed(session.tx, org, &cycle)? {
                return Ok(there);
            }
            // Read again under the lock: the zone may have been changed meanwhile.
            let organization = session.tx.organization(org)?.ok_or(AppError::NotFound("organization"))?;
            let seq = session.written();
            let bill = make(session.tx, &organization, &cycle, seq, Some(now))?;
            let invoice = invoice_of(org, &bill, seq, now)?;
            session.create(&invoice)?;
            session.flush()?;
            session.tx.put_invoice_lines(org, invoice.id, &bill.lines)?;
            Ok(invoice.id.0)
        })?;
        let invoice = self.store().read(|r| r.get::<Invoice>(org, done.id).map_err(AppError::from))?;
        Ok(ClosedInvoice { done, invoice: invoice.ok_or(AppError::NotFound("invoice"))? })
    }

    pub fn invoice(&self, scope: &Scope, which: &str) -> Result<Invoice, AppError> {
        scope.require_right(Right::Read)?;
        self.store().read(|r| find(r, scope.org(), which))
    }

    /// Lines of a closed invoice, those after `after`, with names.
    pub fn invoice_lines(
        &self,
        scope: &Scope,
        invoice: InvoiceId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<NamedLine>, AppError> {
        scope.require_right(Right::Read)?;
        self.store().read(|r| {
            let lines = r.invoice_lines(scope.org(), invoice, after, limit)?;
            name(r, scope.org(), lines)
        })
    }

    /// Every line of a bill, with names.
    pub fn named_lines(&self, scope: &Scope, lines: &[Line]) -> Result<Vec<NamedLine>, AppError> {
        scope.require_right(Right::Read)?;
        let numbered = || lines.iter().enumerate().map(|(at, line)| (at as u64 + 1, line.clone())).collect();
        self.store().read(|r| name(r, scope.org(), numbered()))
    }

    /// Makes a closed invoice again, from the log as it was when it was closed and the calls that were known then.
    pub fn check_invoice(&self, scope: &Scope, which: &str) -> Result<InvoiceCheck, AppError> {
        scope.require_right(Right::Read)?;
        let org = scope.org();
        let invoice = self.invoice(scope, which)?;
        let kept = self
            .store()
            .read(|r| r.invoice_lines(org, invoice.id, 0, usize::MAX >> 1).map_err(AppError::from))?;
        let kept: Vec<Line> = kept.into_iter().map(|(_, line)| line).collect();
        let seq = invoice.log_seq.0;
        let organization =
            self.store().read(|r| match r.past::<Organization>(org, &[org.0], seq)?.pop() {
                Some((_, Past::There(organization))) => Ok(*organization),
                _ => Err(AppError::NotFound("organization")),
            })?;
        let kinds = [EntityKind::Licence, EntityKind::Order, EntityKind::OrderItem];
        let bill = self.store().read_past(org, seq, &kinds, |r, _| {
            let cycle = cycle_of(Some(invoice.cycle.as_str()), organization.time_zone.as_ref(), self.now())?;
            make(r, &organization, &cycle, seq, Some(invoice.closed_at))
        })?;
        Ok(InvoiceCheck {
            total: bill.total,
            digest: hex::encode(digest(&bill.lines)),
            lines_are_kept: invoice.digest.as_ref().is_some_and(|d| d.as_str() == hex::encode(digest(&kept))),
            invoice,
        })
    }
}

fn cycle_of(name: Option<&str>, zone: Option<&TimeZone>, now: UnixMillis) -> Result<Cycle, AppError> {
    match name {
        None => Ok(Cycle::containing(now, zone)),
        Some(name) => {
            Cycle::named(name, zone).map_err(|reason| AppError::invalid("cycle", reason.reason, reason.mend))
        }
    }
}

pub(super) fn closed(r: &mut Reader, org: OrgId, cycle: &Cycle) -> Result<Option<Uuid>, AppError> {
    let found = r.claimed(org, muster_domain::claims::CYCLE_SPACE, &[cycle.name().into()])?;
    Ok(found.first().map(|(_, _, id)| *id))
}

/// By its id, or its cycle.
fn find(r: &mut Reader, org: OrgId, which: &str) -> Result<Invoice, AppError> {
    let id = match Uuid::parse_str(which.trim()) {
        Ok(id) => Some(id),
        Err(_) => {
            let found = r.claimed(org, muster_domain::claims::CYCLE_SPACE, &[which.trim().into()])?;
            found.first().map(|(_, _, id)| *id)
        }
    };
    let found = id.map(|id| r.get::<Invoice>(org, id)).transpose()?.flatten();
    found.ok_or(AppError::NotFound("invoice"))
}

fn invoice_of(org: OrgId, bill: &Bill, seq: u64, now: UnixMillis) -> Result<Invoice, AppError> {
    let text = |text: String| Text::parse(&text).map_err(|r| AppError::invalid("digest", r.reason, r.mend));
    let mut invoice = Invoice::blank(org, Uuid::now_v7());
    invoice.cycle =
        Name::parse(&bill.cycle.name()).map_err(|r| AppError::invalid("cycle", r.reason, r.mend))?;
    (invoice.starts_at, invoice.ends_at, invoice.closed_at) =
        (bill.cycle.starts_at(), bill.cycle.ends_at(), now);
    (invoice.log_seq, invoice.line_count) = (Count(seq), Count(bill.lines.len() as u64));
    (invoice.currency, invoice.total_minor) = (bill.currency.clone(), bill.total);
    invoice.digest = Some(text(hex::encode(digest(&bill.lines)))?);
    Ok(invoice)
}

/// A fixed number of queries, whatever there is: terms, people, licences, orders and their items, calls.
fn make(
    r: &mut Reader,
    organization: &Organization,
    cycle: &Cycle,
    up_to: u64,
    known_by: Option<UnixMillis>,
) -> Result<Bill, AppError> {
    let org = organization.id;
    let terms = r.terms_over_time(org, up_to)?;
    let default = default_terms(org);
    let mut charging = Charging::new(cycle, &default, &terms);
    let mut meter = Meter::default();
    r.each_counted(org, up_to, |user, turns| {
        charging.person(user, turns);
        meter.person(user, turns);
    })?;
    if !meter.is_empty() {
        r.answered_calls(org, cycle.starts_at(), cycle.ends_at(), known_by, |call| meter.call(call))?;
    }
    for (user, answered) in meter.counted() {
        charging.calls(user, answered);
    }
    for licence in r.all::<Licence>(org)? {
        charging.held(&Held {
            why: Why::Licence,
            user: None,
            what: licence.user_type.word().into(),
            price: licence.user_type.word().into(),
            quantity: licence.quantity.0,
            from: licence.starts_at,
            until: licence.ends_at,
        });
    }
    orders(r, org, &mut charging)?;
    let currency = charging.terms_at_close().currency.clone();
    let lines = charging.lines();
    Ok(Bill { cycle: cycle.clone(), currency, total: total(&lines), lines })
}

/// Numbers that were ordered are held from then on; what is paid once is charged when it was bought, and credited when
/// that was cancelled.
fn orders(r: &mut Reader, org: OrgId, charging: &mut Charging<'_>) -> Result<(), AppError> {
    let orders: HashMap<OrderId, Order> =
        r.all::<Order>(org)?.into_iter().map(|order| (order.id, order)).collect();
    for item in r.all::<OrderItem>(org)? {
        if let Some(from) = item.starts_at
            && matches!(item.kind, ItemKind::Number | ItemKind::Extension)
        {
            charging.held(&Held {
                why: Why::Number,
                user: item.user,
                what: item.number.as_ref().map_or_else(Default::default, |number| number.to_smol()),
                price: "number".into(),
                quantity: 1,
                from,
                until: item.ends_at,
            });
        }
        let Some(order) = item.order.and_then(|order| orders.get(&order)) else { continue };
        let Some(bought_at) = order.confirmed_at.filter(|_| item.once_minor != Minor::ZERO) else { continue };
        let once = Once {
            why: Why::Purchase,
            at: bought_at,
            user: item.user,
            what: item.what().into(),
            quantity: 1,
            unit: item.once_minor,
            amount: item.once_minor,
        };
        charging.once(&once);
        if let Some(ended_at) = order.ended_at {
            charging.once(&Once { why: Why::Credit, at: ended_at, amount: -item.once_minor, ..once });
        }
    }
    Ok(())
}

fn name(r: &mut Reader, org: OrgId, lines: Vec<(u64, Line)>) -> Result<Vec<NamedLine>, AppError> {
    let mut wanted: Vec<UserId> = lines.iter().filter_map(|(_, line)| line.user).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let names = r.names_of(org, &wanted)?;
    let named = lines.into_iter().map(|(number, line)| {
        let person = line.user.and_then(|user| names.get(&user));
        NamedLine {
            number,
            person: person.map(|(name, _)| name.clone()),
            extension: person.and_then(|(_, extension)| extension.clone()),
            line,
        }
    });
    Ok(named.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organizations::NewOrganization;
    use crate::users::{NewUser, parse_field};
    use muster_domain::permission::Permission;
    use muster_store::{Config, KeyRing, Store};

    #[test]
    fn an_invoice_asks_as_many_queries_of_a_hundred_people_as_of_three() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("muster.db").display());
        let keys = KeyRing::from_bytes([7; 32]);
        let app = App::new(Store::open(&Config { url, keys, readers: 1, writers: 1 }).unwrap());
        let operator = app.authenticate(&app.bootstrap().unwrap().unwrap()).unwrap();
        let new = NewOrganization {
            name: Name::parse("Acme").unwrap(),
            slug: None,
            domain: muster_domain::types::Domain::parse("acme.example").unwrap(),
            domain_aliases: Vec::new(),
            country: None,
            time_zone: None,
        };
        app.create_organization(&app.authorize_operator(&operator).unwrap(), &new).unwrap();
        let scope = app.authorize(&operator, "acme", Permission::ChangesUndo).unwrap();
        let cycle = Cycle::containing(app.now(), None);
        let add = |from: u32, to: u32| {
            for n in from..to {
                let texts = [
                    ("display_name", "Ana".to_string()),
                    ("extension", n.to_string()),
                    ("user_type", "mobile".into()),
                ];
                let values = texts.iter().map(|(name, text)| parse_field(name, text).unwrap()).collect();
                app.add_user(&scope, &NewUser { values, activated: true, ..NewUser::default() }).unwrap();
            }
        };
        let asked = || {
            app.store().read(|r| {
                let before = r.asked();
                let bill = make(r, scope.organization(), &cycle, u64::MAX >> 1, None)?;
                name(
                    r,
                    scope.org(),
                    bill.lines.into_iter().enumerate().map(|(n, line)| (n as u64, line)).collect(),
                )?;
                Ok::<_, AppError>(r.asked() - before)
            })
        };
        add(1000, 1003);
        let of_three = asked().unwrap();
        add(1003, 1100);
        assert_eq!(asked().unwrap(), of_three);
        assert!((4..=10).contains(&of_three), "{of_three}");
    }
}
