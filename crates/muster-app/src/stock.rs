//! What there is to have: the operator's numbers, and an organization's pool of unassigned extensions.

use std::collections::BTreeMap;

use muster_domain::capabilities::capabilities;
use muster_domain::change::Refusal;
use muster_domain::claims::STOCK_SPACE;
use muster_domain::field::{Entity, EntityKind};
use muster_domain::ids::OrgId;
use muster_domain::organization::{ConnectionKind, NumberKind};
use muster_domain::permission::Permission;
use muster_domain::stock::{PoolNeed, StockNumber, StockState, UnassignedExtension};
use muster_domain::types::{AreaCode, Country, E164, Name};
use muster_store::{AnyEntity, Op, Page, Query, Reader, Stored, Term};
use smol_str::SmolStr;
use uuid::Uuid;

use crate::apply::{Allow, Session};
use crate::billing::Right;
use crate::billing::rules::{new_number, number_row};
use crate::{App, AppError, Done, OPERATOR_SLUG, Scope};

/// Numbers taken into the stock in one request.
pub const STOCK_AT_ONCE_MAX: usize = 5000;

/// Numbers of one place for the stock.
#[derive(Clone, Debug)]
pub struct NewStock {
    pub numbers: Vec<E164>,
    pub country: Country,
    pub region: Option<Name>,
    pub area_code: Option<AreaCode>,
}

/// Seats of the pool of one kind, country and area code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolCount {
    pub of: PoolNeed,
    pub free: u64,
    pub taken: u64,
    /// People who wait for their activation and want one of these.
    pub needed: u64,
}

impl App {
    /// Takes numbers into the stock. One that is there already refuses all of them.
    pub fn add_stock(&self, operator: &Scope, new: &NewStock) -> Result<Done, AppError> {
        operator.require_right(Right::Operate)?;
        if new.numbers.is_empty() || new.numbers.len() > STOCK_AT_ONCE_MAX {
            return Err(AppError::invalid(
                "numbers",
                format!("are {}, not 1 to {STOCK_AT_ONCE_MAX}", new.numbers.len()),
                format!("give between 1 and {STOCK_AT_ONCE_MAX} numbers in one request"),
            ));
        }
        self.change(operator, Allow::default(), |session| {
            let mut first = Uuid::nil();
            for number in &new.numbers {
                let mut row = StockNumber::blank(session.org(), Uuid::now_v7());
                (row.number, row.country) = (number.clone(), Some(new.country.clone()));
                (row.region, row.area_code) = (new.region.clone(), new.area_code.clone());
                session.create(&row)?;
                if first.is_nil() {
                    first = row.id.0;
                }
            }
            Ok(first)
        })
    }

    /// A page of the stock. An organization sees only what is free, and nothing of who has the rest.
    pub fn stock(&self, offers: &Scope, query: &Query) -> Result<Page<StockNumber>, AppError> {
        offers.require_right(Right::Read)?;
        let mut query = query.clone();
        if !offers.may(Right::Operate) {
            query.filter.push(Term {
                field: "state".into(),
                op: Op::Eq,
                value: StockState::Free.word().into(),
            });
        }
        self.store().read(|r| Ok(r.list::<StockNumber>(offers.org(), &query)?))
    }

    /// One thing that is on offer. A number that somebody has or wants is the operator's alone to see.
    pub fn offered<E: Stored>(&self, offers: &Scope, id: Uuid) -> Result<E, AppError> {
        let record = self.record::<E>(offers, id)?;
        match record.clone().into_any() {
            AnyEntity::StockNumber(number)
                if number.state != StockState::Free && !offers.may(Right::Operate) =>
            {
                Err(AppError::NotFound(E::KIND.word()))
            }
            _ => Ok(record),
        }
    }

    /// How many seats of the pool are free, taken and needed, by kind, country and area code.
    pub fn pool(&self, scope: &Scope) -> Result<Vec<PoolCount>, AppError> {
        if !scope.may(Right::Read) {
            scope.require(Permission::PhonesRead)?;
        }
        let org = scope.org();
        self.store().read(|r| {
            let mut counts: BTreeMap<PoolNeed, (u64, u64, u64)> = BTreeMap::new();
            for seat in r.all::<UnassignedExtension>(org)? {
                let of = PoolNeed { kind: seat.kind, country: seat.country, area_code: seat.area_code };
                let (free, taken, _) = counts.entry(of).or_default();
                *if seat.user.is_some() { taken } else { free } += 1;
            }
            for (user_type, country, area_code, waiting) in r.waiting_for_seats(org)? {
                let Some(kind) = capabilities(user_type, ConnectionKind::Builtin).pool.seat() else {
                    continue;
                };
                counts.entry(PoolNeed { kind, country, area_code }).or_default().2 += waiting;
            }
            let count = |(of, (free, taken, needed))| PoolCount { of, free, taken, needed };
            Ok(counts.into_iter().map(count).collect())
        })
    }
}

/// A seat's number is a number of the organization's.
pub(crate) fn beside(session: &mut Session<'_>, made: &AnyEntity) -> Result<(), AppError> {
    let AnyEntity::UnassignedExtension(seat) = made else { return Ok(()) };
    let Some(number) = &seat.number else { return Ok(()) };
    match number_row(session, number)? {
        Some(row) if row.user.is_some() => {
            Err(Refusal::Taken { field: "number", value: number.to_string(), holder: None }.into())
        }
        Some(_) => Ok(()),
        None => {
            let mut row = new_number(session, number, NumberKind::Inventory);
            (row.country, row.area_code) = (seat.country.clone(), seat.area_code.clone());
            session.create(&row)
        }
    }
}

/// What somebody has is not removed under them.
pub(crate) fn check_free(record: &AnyEntity) -> Result<(), AppError> {
    match record {
        AnyEntity::UnassignedExtension(seat) if seat.user.is_some() => {
            Err(Refusal::InUse { by: EntityKind::User, count: 1 }.into())
        }
        AnyEntity::StockNumber(number) if number.state != StockState::Free => Err(Refusal::NotAllowed(
            format!("{} is {}: an organization has it or wants it", number.number, number.state),
        )
        .into()),
        _ => Ok(()),
    }
}

/// Those of these numbers that the operator has to sell, or has sold to somebody else: they are an organization's only
/// by an order, not by recording them.
pub(crate) fn for_sale(r: &mut Reader, org: OrgId, numbers: &[SmolStr]) -> Result<Vec<E164>, AppError> {
    let Some(operator) = r.organization_by_slug(OPERATOR_SLUG)? else { return Ok(Vec::new()) };
    let in_stock = r.claimed(operator.id, STOCK_SPACE, numbers)?;
    if in_stock.is_empty() {
        return Ok(Vec::new());
    }
    let slug = r.organization(org)?.map(|organization| organization.slug);
    let ids: Vec<Uuid> = in_stock.into_iter().map(|(_, _, id)| id).collect();
    let stock = r.get_many::<StockNumber>(operator.id, &ids)?.into_iter();
    let is_ours = |number: &StockNumber| number.state == StockState::Assigned && number.organization == slug;
    Ok(stock.filter(|number| !is_ours(number)).map(|number| number.number).collect())
}

/// Asked at the end of every write, so that going back to a moment at which a number was the organization's does not
/// take it either.
pub(crate) fn check_not_for_sale(session: &mut Session<'_>, numbers: &[SmolStr]) -> Result<(), AppError> {
    let org = session.org();
    match for_sale(session.tx, org, numbers)?.first() {
        None => Ok(()),
        Some(number) => Err(Refusal::NotAllowed(format!(
            "{number} is in the operator's stock and not this organization's: order it"
        ))
        .into()),
    }
}
