//! Numbers of the operator's stock that orders hold, take and give back.

use muster_domain::change::Refusal;
use muster_domain::ids::OrderId;
use muster_domain::stock::{StockNumber, StockState};
use muster_domain::types::{AreaCode, Country, E164, Name, Slug, Text, UnixMillis, fold};
use smol_str::SmolStr;
use uuid::Uuid;

use crate::AppError;
use crate::apply::Session;

/// Which number is wanted: this one, or any that is free.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    pub number: Option<E164>,
    pub country: Option<Country>,
    pub region: Option<Name>,
    pub area_code: Option<AreaCode>,
}

impl Wish {
    fn fits(&self, number: &StockNumber) -> bool {
        let same = |wanted: Option<&str>, has: Option<&str>| {
            wanted.is_none_or(|wanted| has.is_some_and(|has| fold(has) == fold(wanted)))
        };
        same(self.country.as_ref().map(Country::as_str), number.country.as_ref().map(Country::as_str))
            && same(self.region.as_ref().map(Name::as_str), number.region.as_ref().map(Name::as_str))
            && same(
                self.area_code.as_ref().map(AreaCode::as_str),
                number.area_code.as_ref().map(AreaCode::as_str),
            )
    }
}

/// Holds a number for each wish, in their order. All or none: what is taken is said.
pub(crate) fn hold(
    operators: &mut Session<'_>,
    wishes: &[Wish],
    by: (&Slug, OrderId),
    until: UnixMillis,
) -> Result<Vec<StockNumber>, AppError> {
    let now = operators.now();
    let mut held: Vec<StockNumber> = Vec::with_capacity(wishes.len());
    // Those that are named first, so that nobody who takes any takes them.
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by_key(|at| wishes[*at].number.is_none());
    let free = match wishes.iter().any(|wish| wish.number.is_none()) {
        true => free_numbers(operators)?,
        false => Vec::new(),
    };
    let mut places: Vec<(usize, StockNumber)> = Vec::with_capacity(wishes.len());
    for at in order {
        let wish = &wishes[at];
        let is_held = |number: &StockNumber| places.iter().any(|(_, other)| other.id == number.id);
        let before = match &wish.number {
            Some(number) => named(operators, number)?
                .filter(|before| before.can_be_had(now) && !is_held(before))
                .ok_or_else(|| taken(number))?,
            None => free
                .iter()
                .find(|number| number.can_be_had(now) && wish.fits(number) && !is_held(number))
                .cloned()
                .ok_or_else(none_left)?,
        };
        places.push((at, before));
    }
    places.sort_unstable_by_key(|(at, _)| *at);
    for (_, before) in places {
        let after = StockNumber {
            state: StockState::Reserved,
            organization: Some(by.0.clone()),
            order: Text::parse(&by.1.to_string()).ok(),
            reserved_until: Some(until),
            ..before.clone()
        };
        operators.update(&before, &after)?;
        held.push(after);
    }
    Ok(held)
}

/// What an order holds becomes its organization's; another one may have it where the time was over.
pub(crate) fn take(
    operators: &mut Session<'_>,
    numbers: &[E164],
    by: OrderId,
) -> Result<Vec<StockNumber>, AppError> {
    let mut taken_over = Vec::with_capacity(numbers.len());
    for number in numbers {
        let held =
            named(operators, number)?.filter(|held| is_held_by(held, by)).ok_or_else(|| taken(number))?;
        let after = StockNumber { state: StockState::Assigned, reserved_until: None, ..held.clone() };
        operators.update(&held, &after)?;
        taken_over.push(after);
    }
    Ok(taken_over)
}

/// What an order holds or took is free again.
pub(crate) fn release(operators: &mut Session<'_>, numbers: &[E164], by: OrderId) -> Result<(), AppError> {
    for number in numbers {
        let Some(before) = named(operators, number)?.filter(|number| is_by(number, by)) else { continue };
        let after = StockNumber {
            state: StockState::Free,
            organization: None,
            order: None,
            reserved_until: None,
            ..before.clone()
        };
        operators.update(&before, &after)?;
    }
    Ok(())
}

fn is_held_by(number: &StockNumber, order: OrderId) -> bool {
    number.state == StockState::Reserved && is_by(number, order)
}

fn is_by(number: &StockNumber, order: OrderId) -> bool {
    number.order.as_ref().is_some_and(|by| by.as_str() == order.to_string())
}

fn named(operators: &mut Session<'_>, number: &E164) -> Result<Option<StockNumber>, AppError> {
    operators.flush()?;
    let (org, key) = (operators.org(), SmolStr::new(number.as_str()));
    let found = operators.tx.claimed(org, muster_domain::claims::STOCK_SPACE, &[key])?;
    let Some((_, _, id)) = found.first() else { return Ok(None) };
    Ok(operators.tx.get::<StockNumber>(org, *id)?)
}

/// Numbers that may be free, in their order.
fn free_numbers(operators: &mut Session<'_>) -> Result<Vec<StockNumber>, AppError> {
    let org = operators.org();
    let ids: Vec<Uuid> = operators.tx.stock_not_assigned(org)?;
    let mut numbers = operators.tx.get_many::<StockNumber>(org, &ids)?;
    numbers.sort_unstable_by(|a, b| a.number.cmp(&b.number));
    Ok(numbers)
}

fn taken(number: &E164) -> AppError {
    Refusal::Taken { field: "number", value: number.to_string(), holder: None }.into()
}

fn none_left() -> AppError {
    AppError::invalid(
        "number",
        "cannot be had: no number is free there",
        "choose another country, state or area code",
    )
}

/// What an order holds is held until another moment.
pub(crate) fn extend(
    operators: &mut Session<'_>,
    numbers: &[E164],
    by: OrderId,
    until: UnixMillis,
) -> Result<(), AppError> {
    for number in numbers {
        let held =
            named(operators, number)?.filter(|held| is_held_by(held, by)).ok_or_else(|| taken(number))?;
        operators.update(&held, &StockNumber { reserved_until: Some(until), ..held.clone() })?;
    }
    Ok(())
}
