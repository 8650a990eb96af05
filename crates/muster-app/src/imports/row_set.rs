//! Numbers of rows in little room.

use muster_domain::value::Reason;
use serde::{Deserialize, Serialize};

/// Of what a person writes.
const TEXT_BYTES_MAX: usize = 32 * 1024;

/// Numbers of rows, kept as ranges: `3,7-9`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct RowSet(Vec<(u64, u64)>);

impl RowSet {
    /// `numbers` grow.
    pub(super) fn of(numbers: impl Iterator<Item = u64>) -> RowSet {
        let mut set = RowSet::default();
        numbers.for_each(|number| set.push(number));
        set
    }

    /// `number` is greater than all before.
    fn push(&mut self, number: u64) {
        match self.0.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => self.0.push((number, number)),
        }
    }

    /// As a person writes it: `1-20, 33`, in any order. Why it is none.
    pub fn parse(text: &str) -> Result<RowSet, Reason> {
        let wrong = |part: &str| {
            let shown: String = part.chars().take(40).collect();
            let mend = "write numbers of rows from 1 and ranges of them, such as 1-20,33";
            Reason::new(format!("has `{shown}`, which is neither a row nor a range of rows"), mend)
        };
        if text.len() > TEXT_BYTES_MAX {
            let mend = "write neighbours as a range, such as 1-20";
            return Err(Reason::new(format!("is longer than {TEXT_BYTES_MAX} bytes"), mend));
        }
        let mut ranges = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| text.trim().parse::<u64>().ok().filter(|number| *number > 0);
            let range = number(first).zip(number(last)).filter(|(first, last)| first <= last);
            ranges.push(range.ok_or_else(|| wrong(part))?);
        }
        ranges.sort_unstable();
        let mut set = RowSet::default();
        for (first, last) in ranges {
            match set.0.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => set.0.push((first, last)),
            }
        }
        Ok(set)
    }

    pub fn has(&self, number: u64) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < number);
        self.0.get(at).is_some_and(|(first, _)| *first <= number)
    }

    /// The greatest.
    pub fn last(&self) -> Option<u64> {
        self.0.last().map(|(_, last)| *last)
    }

    /// A number that is in both.
    pub fn shared(&self, other: &RowSet) -> Option<u64> {
        let starts = self.0.iter().chain(&other.0).map(|(first, _)| *first);
        starts.into_iter().find(|number| self.has(*number) && other.has(*number))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn ranges(&self) -> Ranges<'_> {
        Ranges(&self.0)
    }
}

/// Asked for ever greater numbers.
pub(super) struct Ranges<'s>(&'s [(u64, u64)]);

impl Ranges<'_> {
    pub fn has(&mut self, number: u64) -> bool {
        while let Some(((_, last), rest)) = self.0.split_first()
            && *last < number
        {
            self.0 = rest;
        }
        self.0.first().is_some_and(|(first, _)| *first <= number)
    }
}

impl From<RowSet> for String {
    fn from(set: RowSet) -> String {
        let range = |(first, last): &(u64, u64)| {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        };
        set.0.iter().map(range).collect::<Vec<_>>().join(",")
    }
}

impl From<String> for RowSet {
    /// What is no range is left out: it was ours to write.
    fn from(text: String) -> RowSet {
        let range = |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            Some((first.parse().ok()?, last.parse().ok()?))
        };
        RowSet(text.split(',').filter_map(range).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_rows_is_written_as_ranges_and_read_again() {
        let set = RowSet::of([2, 3, 5, 7, 8, 9].into_iter());
        let text = String::from(set.clone());
        assert_eq!((text.as_str(), RowSet::from(text.clone())), ("2-3,5,7-9", set.clone()));
        let mut ranges = set.ranges();
        let has: Vec<u64> = (1..12).filter(|number| ranges.has(*number)).collect();
        assert_eq!(has, [2, 3, 5, 7, 8, 9]);
        assert!(RowSet::from(String::new()).is_empty());
    }

    #[test]
    fn rows_are_written_in_any_order_and_what_is_none_is_refused() {
        let set = RowSet::parse(" 33, 1-3,2 - 5,6,, 40-40").unwrap_or_default();
        assert_eq!(String::from(set.clone()), "1-6,33,40");
        let has: Vec<u64> = (0..50).filter(|number| set.has(*number)).collect();
        assert_eq!((has, set.last()), (vec![1, 2, 3, 4, 5, 6, 33, 40], Some(40)));
        let shared = |text: &str| set.shared(&RowSet::parse(text).unwrap_or_default());
        assert_eq!(
            (shared("7-32"), shared("30-35"), shared("4"), shared("")),
            (None, Some(33), Some(4), None)
        );
        for wrong in ["0", "x", "1-", "3-2", "1-2-3", "-4", "1;2", "99999999999999999999"] {
            assert!(RowSet::parse(wrong).is_err_and(|why| !why.mend.is_empty()), "{wrong}");
        }
        assert!(RowSet::parse(&"1,".repeat(20_000)).is_err());
    }
}
