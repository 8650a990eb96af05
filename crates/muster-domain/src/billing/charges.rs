//! The lines of a cycle, from facts: who was counted when, what was bought, what was called.
//!
//! - A day is a day of the organization's time zone. A person counts on a day on which they were counted at any
//!   moment, however short; a licence and a number on every day on which they were held.
//! - Who is paid for, and how people are counted, is what the terms at the close say, for the whole cycle.
//! - What is charged by the day has the prices of each day, those at its end: where prices change within a cycle there
//!   is a line for the days of each. What is charged in full has the price at the close.
//! - Every line is rounded by itself to the nearest minor unit, half a unit up, and the total is the sum of the lines.

use rustc_hash::{FxHashMap, FxHashSet};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use super::{BillingModel, Counting, FREE_CALLS, METERED_AS, Subscription};
use crate::calendar::Cycle;
use crate::choice;
use crate::ids::{CallId, UserId};
use crate::money::Minor;
use crate::types::UnixMillis;
use crate::user::UserType;

choice! {
    /// Why something is charged.
    Why {
        /// A person was activated on some days.
        ShareOfDays = "share_of_days",
        /// A person was activated at a moment at least.
        AnyMoment = "any_moment",
        /// A person was activated at the close.
        AtClose = "at_close",
        /// Licences that were held.
        Licence = "licence",
        /// A metered person had more calls than are free.
        Metered = "metered",
        /// A phone number that was held.
        Number = "number",
        /// What was bought once.
        Purchase = "purchase",
        /// What was bought once and cancelled after.
        Credit = "credit",
    }
}

/// A line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub why: Why,
    /// Whom it is for; nobody where it is the organization's.
    pub user: Option<UserId>,
    /// What: a user type, a number, a model of phone.
    pub what: SmolStr,
    pub quantity: u64,
    /// The days that are charged, of those of the cycle.
    pub days: u32,
    pub of_days: u32,
    /// The part of the cycle that it is about: its first day, and the one after its last, counted from 0.
    pub from_day: u32,
    pub to_day: u32,
    /// Answered calls, where they are why.
    pub calls: u32,
    /// For one, for a whole cycle or once.
    pub unit: Minor,
    pub amount: Minor,
}

/// Terms from a moment on.
#[derive(Clone, Debug)]
pub struct TermsFrom {
    pub at: UnixMillis,
    pub terms: Subscription,
}

/// Whether somebody is counted from a moment on, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    pub at: UnixMillis,
    pub counted: bool,
    pub user_type: UserType,
}

/// Something that is held for a time and charged by the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub why: Why,
    pub user: Option<UserId>,
    pub what: SmolStr,
    /// The name of its price.
    pub price: SmolStr,
    pub quantity: u64,
    pub from: UnixMillis,
    pub until: Option<UnixMillis>,
}

/// Something that was bought, or credited, at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    pub why: Why,
    pub at: UnixMillis,
    pub user: Option<UserId>,
    pub what: SmolStr,
    pub quantity: u64,
    pub unit: Minor,
    pub amount: Minor,
}

/// A part of a cycle with the same prices.
struct Part<'a> {
    from_day: u32,
    to_day: u32,
    terms: &'a Subscription,
}

/// Makes the lines of one cycle. Facts are given in a fixed order, and the lines come out in it.
pub struct Charging<'a> {
    cycle: &'a Cycle,
    parts: Vec<Part<'a>>,
    /// What holds when the cycle closes.
    close: &'a Subscription,
    lines: Vec<Line>,
    /// What somebody was on each day while they counted; kept for the next.
    days: Vec<Option<UserType>>,
}

impl<'a> Charging<'a> {
    /// `terms` in the order of their time; before the first of them, `default` holds.
    pub fn new(cycle: &'a Cycle, default: &'a Subscription, terms: &'a [TermsFrom]) -> Charging<'a> {
        let at_end_of = |day: u32| {
            let ends_at = cycle.day_starts_at(day + 1);
            terms.iter().rev().find(|terms| terms.at < ends_at).map_or(default, |from| &from.terms)
        };
        let mut parts: Vec<Part<'a>> = Vec::new();
        for day in 0..cycle.days() {
            let held = at_end_of(day);
            match parts.last_mut() {
                Some(part) if part.terms.prices == held.prices => part.to_day = day + 1,
                _ => parts.push(Part { from_day: day, to_day: day + 1, terms: held }),
            }
        }
        let close = at_end_of(cycle.days().saturating_sub(1));
        Charging { cycle, parts, close, lines: Vec::new(), days: Vec::new() }
    }

    /// The terms at the end of the cycle.
    pub fn terms_at_close(&self) -> &'a Subscription {
        self.close
    }

    /// A person by when they began and ended to count, in the order of the log.
    pub fn person(&mut self, user: UserId, turns: &[Turn]) {
        if self.close.billing_model != BillingModel::PerActivatedUser {
            return;
        }
        self.mark_days(turns);
        match self.close.counting {
            Counting::ShareOfDays => self.share_of_days(user),
            Counting::AnyMoment => self.any_moment(user),
            Counting::AtClose => {
                let last = turns.iter().rev().find(|turn| turn.at < self.cycle.ends_at());
                if let Some(turn) = last.filter(|turn| turn.counted) {
                    self.in_full(Why::AtClose, user, turn.user_type);
                }
            }
        }
    }

    fn share_of_days(&mut self, user: UserId) {
        for part in &self.parts {
            let of_part = &self.days[part.from_day as usize..part.to_day as usize];
            for (at, was) in of_part.iter().enumerate() {
                let Some(kind) = was else { continue };
                // One line for all days of a type, at its first.
                if of_part[..at].contains(was) {
                    continue;
                }
                let days = of_part[at..].iter().filter(|day| *day == was).count() as u32;
                let line = part.line(self.cycle, Why::ShareOfDays, days);
                self.lines.push(line.of(kind.word(), Some(user), 1, part.terms.price_of(*kind)));
            }
        }
    }

    /// Once, as the dearest that they were.
    fn any_moment(&mut self, user: UserId) {
        let were = self.days.iter().flatten().copied();
        if let Some(dearest) = were.max_by_key(|kind| self.close.price_of(*kind)) {
            self.in_full(Why::AnyMoment, user, dearest);
        }
    }

    fn in_full(&mut self, why: Why, user: UserId, user_type: UserType) {
        let line = self.whole(why);
        self.lines.push(line.of(user_type.word(), Some(user), 1, self.close.price_of(user_type)));
    }

    /// Sets on which days somebody counted, and as what: as what they were last on it.
    fn mark_days(&mut self, turns: &[Turn]) {
        self.days.clear();
        self.days.resize(self.cycle.days() as usize, None);
        for (at, turn) in turns.iter().enumerate().filter(|(_, turn)| turn.counted) {
            let until = turns.get(at + 1).map(|next| next.at);
            if let Some((first, last)) = days_held(self.cycle, turn.at, until) {
                self.days[first as usize..=last as usize].fill(Some(turn.user_type));
            }
        }
    }

    /// Licences count only where they are what is paid for.
    pub fn held(&mut self, held: &Held) {
        if held.why == Why::Licence && self.close.billing_model != BillingModel::PerLicence {
            return;
        }
        let Some((first, last)) = days_held(self.cycle, held.from, held.until) else { return };
        for part in &self.parts {
            let days = part.to_day.min(last + 1).saturating_sub(part.from_day.max(first));
            if days > 0 {
                let unit = part.terms.price(&held.price);
                let line = part.line(self.cycle, held.why, days);
                self.lines.push(line.of(&held.what, held.user, held.quantity, unit));
            }
        }
    }

    /// What was bought or credited in the cycle; the price is what it was then.
    pub fn once(&mut self, once: &Once) {
        if !self.cycle.contains(once.at) {
            return;
        }
        let day = self.cycle.day_of(once.at);
        self.lines.push(Line {
            user: once.user,
            what: once.what.clone(),
            quantity: once.quantity,
            days: 0,
            from_day: day,
            to_day: day + 1,
            unit: once.unit,
            amount: once.amount,
            ..self.whole(once.why)
        });
    }

    /// One call more than is free costs one more licence for the whole cycle, and a hundred more do too.
    pub fn calls(&mut self, user: UserId, answered: u32) {
        if answered > FREE_CALLS {
            let line = self.whole(Why::Metered).of(
                METERED_AS.word(),
                Some(user),
                1,
                self.close.price_of(METERED_AS),
            );
            self.lines.push(Line { calls: answered, ..line });
        }
    }

    pub fn lines(self) -> Vec<Line> {
        self.lines
    }

    fn whole(&self, why: Why) -> Line {
        Part { from_day: 0, to_day: self.cycle.days(), terms: self.close }.line(
            self.cycle,
            why,
            self.cycle.days(),
        )
    }
}

impl Part<'_> {
    fn line(&self, cycle: &Cycle, why: Why, days: u32) -> Line {
        Line {
            why,
            user: None,
            what: SmolStr::default(),
            quantity: 1,
            days,
            of_days: cycle.days(),
            from_day: self.from_day,
            to_day: self.to_day,
            calls: 0,
            unit: Minor::ZERO,
            amount: Minor::ZERO,
        }
    }
}

impl Line {
    fn of(self, what: &str, user: Option<UserId>, quantity: u64, unit: Minor) -> Line {
        let amount = unit.times(quantity).for_days(self.days, self.of_days);
        Line { what: what.into(), user, quantity, unit, amount, ..self }
    }
}

/// Counts the answered calls of metered people in a cycle; a call is of the cycle in which it was answered, and counts
/// only for who was metered then.
#[derive(Default)]
pub struct Meter {
    people: FxHashMap<UserId, Metered>,
}

#[derive(Default)]
struct Metered {
    /// Since when they are metered, or no longer.
    turns: Vec<(UnixMillis, bool)>,
    answered: u32,
    /// RingOuts that were counted: their two legs are one call.
    ringouts: FxHashSet<CallId>,
}

/// An answered call, as the meter sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnsweredCall {
    pub caller: Option<UserId>,
    pub callee: Option<UserId>,
    pub answered_at: UnixMillis,
    /// The RingOut that it is a leg of.
    pub ringout: Option<CallId>,
}

impl Meter {
    /// Somebody with their turns; whoever was never metered is not remembered.
    pub fn person(&mut self, user: UserId, turns: &[Turn]) {
        let metered = |turn: &Turn| crate::capabilities::of_type(turn.user_type).metered();
        if turns.iter().any(metered) {
            let turns = turns.iter().map(|turn| (turn.at, metered(turn))).collect();
            self.people.insert(user, Metered { turns, ..Metered::default() });
        }
    }

    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Calls for help are left out by whoever gives them.
    pub fn call(&mut self, call: &AnsweredCall) {
        let both = [call.caller, call.callee.filter(|callee| Some(*callee) != call.caller)];
        for user in both.into_iter().flatten() {
            let Some(person) = self.people.get_mut(&user) else { continue };
            let metered =
                person.turns.iter().rev().find(|(at, _)| *at <= call.answered_at).is_some_and(|turn| turn.1);
            let counted_before = call.ringout.is_some_and(|ringout| !person.ringouts.insert(ringout));
            if metered && !counted_before {
                person.answered += 1;
            }
        }
    }

    /// How many each had, in the order of their ids.
    pub fn counted(self) -> Vec<(UserId, u32)> {
        let mut counted: Vec<_> =
            self.people.into_iter().map(|(user, metered)| (user, metered.answered)).collect();
        counted.sort_unstable();
        counted
    }
}

/// The first and the last day of the cycle that a time touches; `None` if it touches none, or ends as it begins.
fn days_held(cycle: &Cycle, from: UnixMillis, until: Option<UnixMillis>) -> Option<(u32, u32)> {
    let until = until.map_or(cycle.ends_at(), |until| until.min(cycle.ends_at()));
    let from = from.max(cycle.starts_at());
    (from < until).then(|| (cycle.day_of(from), cycle.day_of(UnixMillis(until.0 - 1))))
}

pub fn total(lines: &[Line]) -> Minor {
    lines.iter().map(|line| line.amount).sum()
}

/// SHA-256 over all that the lines say.
pub fn digest(lines: &[Line]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"muster-invoice-1");
    for line in lines {
        hash.update(line.why.word());
        hash.update([0]);
        hash.update(line.user.map_or([0; 16], |user| *user.0.as_bytes()));
        hash.update((line.what.len() as u32).to_be_bytes());
        hash.update(line.what.as_bytes());
        hash.update(line.quantity.to_be_bytes());
        for n in [line.days, line.of_days, line.from_day, line.to_day, line.calls] {
            hash.update(n.to_be_bytes());
        }
        hash.update(line.unit.0.to_be_bytes());
        hash.update(line.amount.0.to_be_bytes());
    }
    hash.finalize().into()
}
