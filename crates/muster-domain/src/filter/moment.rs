//! Numbers and times as ranges. A time means all of what it names: a date the whole day, a minute all of it.

use super::Op;
use crate::value::{FieldType, Reason};

const DAY_MS: i64 = 86_400_000;

/// From the first on, and before the second.
pub(super) fn range_of(kind: FieldType, op: Op, text: &str) -> Result<(Option<i64>, Option<i64>), Reason> {
    let (from, to) = match kind {
        FieldType::Time => time_of(text.trim()).ok_or_else(|| {
            Reason::new(
                "is not a time",
                "write a date such as 2026-01-31, or a time such as 2026-01-31T09:30:00Z (RFC 3339)",
            )
        })?,
        _ => {
            let number = text.trim().parse::<i64>();
            let number =
                number.map_err(|_| Reason::new("is not a whole number", "write a number, such as 20"))?;
            (number, number.saturating_add(1))
        }
    };
    Ok(match op {
        Op::Less => (None, Some(from)),
        Op::AtMost => (None, Some(to)),
        Op::More => (Some(to), None),
        Op::AtLeast => (Some(from), None),
        _ => (Some(from), Some(to)),
    })
}

/// When it begins and ends, in milliseconds since 1970; a date is one of UTC.
fn time_of(text: &str) -> Option<(i64, i64)> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let midnight = days_since_1970(digits(year, 4)?, digits(month, 2)?, digits(day, 2)?)? * DAY_MS;
    let Some(time) = time else { return Some((midnight, midnight + DAY_MS)) };
    let at = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at(at);
    let offset = match zone {
        "Z" | "z" => 0,
        zone => {
            let (hours, minutes) = zone[1..].split_once(':')?;
            let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if zone.starts_with('-') { -60_000 } else { 60_000 }
        }
    };
    let (within, length) = of_day(time)?;
    let from = midnight + within - offset;
    Some((from, from + length))
}

/// `09:30`, `09:30:00` or `09:30:00.125`: milliseconds since midnight, and how many it names.
fn of_day(time: &str) -> Option<(i64, i64)> {
    let (whole, fraction) = match time.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (time, None),
    };
    let mut parts = whole.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = parts.next().map(|second| digits(second, 2));
    if parts.next().is_some() || hour > 23 || minute > 59 {
        return None;
    }
    let to_minute = (hour * 60 + minute) * 60_000;
    let Some(second) = second else {
        return fraction.is_none().then_some((to_minute, 60_000));
    };
    let second = second.filter(|second| *second <= 59)? * 1000;
    match fraction {
        None => Some((to_minute + second, 1000)),
        Some(text) if (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) => {
            let ms: String = text.chars().chain("000".chars()).take(3).collect();
            Some((to_minute + second + ms.parse::<i64>().ok()?, 1))
        }
        Some(_) => None,
    }
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let right = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    right.then(|| text.parse().ok()).flatten()
}

/// Howard Hinnant's days_from_civil; `None` of a date that no calendar has.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let in_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=in_month).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::UnixMillis;

    #[test]
    fn a_time_means_all_of_what_it_names() {
        let check = |text: &str, from: &str, length: i64| {
            let (begins, ends) = time_of(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((UnixMillis(begins).to_string().as_str(), ends - begins), (from, length), "{text}");
        };
        check("2026-01-31", "2026-01-31T00:00:00Z", DAY_MS);
        check("2024-02-29", "2024-02-29T00:00:00Z", DAY_MS);
        check("1969-12-31", "1969-12-31T00:00:00Z", DAY_MS);
        check("2026-01-31T09:30Z", "2026-01-31T09:30:00Z", 60_000);
        check("2026-01-31t09:30:15z", "2026-01-31T09:30:15Z", 1000);
        check("2026-01-31 09:30:15.25+01:30", "2026-01-31T08:00:15Z", 1);
        check("2026-01-31T23:30:00-01:00", "2026-02-01T00:30:00Z", 1000);
        for wrong in [
            "",
            "yesterday",
            "2026-02-29",
            "2026-13-01",
            "2026-1-1",
            "2026-01-31T25:00Z",
            "2026-01-31T09:30",
            "2026-01-31T09:30:00.Z",
            "2026-01-31T09:30:61Z",
            "2026-01-31T09Z",
            "2026-01-31T09:30:00+1",
            "2026-01-31-01",
            "2026-01-31T09:30+24:00",
        ] {
            assert_eq!(time_of(wrong), None, "{wrong}");
        }
    }
}
