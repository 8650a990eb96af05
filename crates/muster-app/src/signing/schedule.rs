//! A time of day in a place: what it means, over the change of clocks too.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};
use muster_domain::types::{TimeZone as ZoneName, UnixMillis};
use muster_domain::value::Reason;

/// A moment, and the zone in which it was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    pub at: UnixMillis,
    pub zone: ZoneName,
}

/// Reads `2027-03-28T09:30` in a zone, or a time with its offset from UTC (`2027-03-28T09:30+02:00`), which the
/// zone must have then. A time that the clocks leave out does not exist; one that they go through twice must say
/// by its offset which is meant.
pub fn when(text: &str, zone: &ZoneName) -> Result<When, Reason> {
    let text = text.trim();
    let shape = || {
        Reason::new(
            "is not a time",
            "write it like 2027-03-28T09:30 in the zone's own time, or with its offset: 2027-03-28T09:30+02:00",
        )
    };
    let tz = TimeZone::get(zone.as_str())
        .map_err(|_| Reason::new("has a zone that is not known", "name a zone like Europe/Lisbon"))?;
    let at = match with_offset(text) {
        Some(at) => checked_offset(at?, text, &tz, zone).ok_or_else(shape)??,
        None => local(text.parse().map_err(|_| shape())?, &tz, zone)?,
    };
    Ok(When { at: UnixMillis(at.as_millisecond()), zone: zone.clone() })
}

/// A text that ends in `Z`, `+02:00` or `-0500`.
fn with_offset(text: &str) -> Option<Result<Timestamp, Reason>> {
    let time = text.split_once(['T', 't', ' ']).map(|(_, time)| time)?;
    if !time.contains(['+', '-', 'Z', 'z']) {
        return None;
    }
    Some(text.parse().map_err(|_| Reason::new("is not a time", "write it like 2027-03-28T09:30+02:00")))
}

/// The offset that was written must be one that the zone has then; `Z` is UTC and always right.
fn checked_offset(
    at: Timestamp,
    text: &str,
    tz: &TimeZone,
    zone: &ZoneName,
) -> Option<Result<Timestamp, Reason>> {
    if text.ends_with(['Z', 'z']) {
        return Some(Ok(at));
    }
    let there = at.to_zoned(tz.clone());
    let written: DateTime = text.get(..text.rfind(['+', '-'])?)?.parse().ok()?;
    if there.datetime() == written {
        return Some(Ok(at));
    }
    let reason = format!("has an offset from UTC that {zone} does not have then");
    let mend = match local(written, tz, zone) {
        Ok(meant) => format!("write {}, or leave the offset out", stamp(&meant.to_zoned(tz.clone()))),
        Err(why) => format!("{}: {}", why.reason, why.mend),
    };
    Some(Err(Reason::new(reason, mend)))
}

fn local(at: DateTime, tz: &TimeZone, zone: &ZoneName) -> Result<Timestamp, Reason> {
    let meant = tz.to_ambiguous_zoned(at);
    let out_of_range = || Reason::new("is not a time", "give a year between 1970 and 9999");
    match meant.offset() {
        AmbiguousOffset::Unambiguous { .. } => {
            meant.unambiguous().map(|zoned| zoned.timestamp()).map_err(|_| out_of_range())
        }
        AmbiguousOffset::Gap { .. } => {
            let after = meant.clone().later().map_err(|_| out_of_range())?;
            let reason = format!("does not exist in {zone}: the clocks are put forward over it");
            Err(Reason::new(reason, format!("take another, such as {}", short(&after))))
        }
        AmbiguousOffset::Fold { .. } => {
            let (first, second) = (meant.clone().earlier(), meant.later());
            let (Ok(first), Ok(second)) = (first, second) else { return Err(out_of_range()) };
            let reason = format!("exists twice in {zone}: the clocks are put back over it");
            Err(Reason::new(
                reason,
                format!("write {} for the first or {} for the second", stamp(&first), stamp(&second)),
            ))
        }
    }
}

/// `2027-10-31T02:30`.
fn short(at: &Zoned) -> String {
    at.strftime("%Y-%m-%dT%H:%M").to_string()
}

/// `2027-10-31T02:30+02:00`.
fn stamp(at: &Zoned) -> String {
    at.strftime("%Y-%m-%dT%H:%M%:z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, zone: &str, expect: Result<&str, &str>) {
        let zone = ZoneName::parse(zone).unwrap();
        match (when(text, &zone), expect) {
            (Ok(found), Ok(utc)) => assert_eq!(found.at.to_string(), utc, "{text}"),
            (Err(reason), Err(part)) => {
                let said = format!("{} {}", reason.reason, reason.mend);
                assert!(said.contains(part), "{text}: {said}");
            }
            (found, expect) => panic!("{text}: {found:?}, not {expect:?}"),
        }
    }

    #[test]
    fn a_time_means_what_the_clock_on_the_wall_says_there() {
        check("2027-01-15T09:30", "Europe/Berlin", Ok("2027-01-15T08:30:00Z"));
        check("2027-07-15T09:30", "Europe/Berlin", Ok("2027-07-15T07:30:00Z"));
        check("2027-07-15T09:30", "America/New_York", Ok("2027-07-15T13:30:00Z"));
        check("2027-07-15T09:30:15Z", "Europe/Berlin", Ok("2027-07-15T09:30:15Z"));
        check("2027-07-15 09:30", "UTC", Ok("2027-07-15T09:30:00Z"));
    }

    #[test]
    fn a_time_that_the_clocks_leave_out_is_refused_with_one_that_exists() {
        check("2027-03-28T02:30", "Europe/Berlin", Err("take another, such as 2027-03-28T03:30"));
        check("2027-03-14T02:00", "America/New_York", Err("does not exist in America/New_York"));
    }

    #[test]
    fn a_time_that_exists_twice_must_say_which() {
        check(
            "2027-10-31T02:30",
            "Europe/Berlin",
            Err("2027-10-31T02:30+02:00 for the first or 2027-10-31T02:30+01:00"),
        );
        check("2027-10-31T02:30+02:00", "Europe/Berlin", Ok("2027-10-31T00:30:00Z"));
        check("2027-10-31T02:30+01:00", "Europe/Berlin", Ok("2027-10-31T01:30:00Z"));
    }

    #[test]
    fn an_offset_that_the_zone_does_not_have_then_is_refused() {
        check("2027-07-15T09:30+01:00", "Europe/Berlin", Err("write 2027-07-15T09:30+02:00"));
        check("tomorrow", "Europe/Berlin", Err("is not a time"));
        check("2027-02-30T09:30", "Europe/Berlin", Err("is not a time"));
    }
}
