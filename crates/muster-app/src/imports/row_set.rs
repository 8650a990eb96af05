//! Numbers of rows in little room.

use serde::{Deserialize, Serialize};

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
}
