//! What the cells of a column are corrected by: what they say as a whole, or how they begin.
//!
//! A `*` at the end of what is found stands for the rest of the cell, and a `*` at the end of the value puts
//! that rest back: `0*` and `+44*` make `+44113 496 0003` of `0113 496 0003`. Behind a backslash a `*` at the
//! end is itself. Elsewhere both are letters like any other. A tab or line break in a cell is a blank here, as
//! it is where cells are shown.
//!
//! A rule that puts a country's code for the `0` that numbers are dialled with at home is not for those that
//! begin with `00`: they have a country already. `00*` is said of them.

use std::borrow::Cow;
use std::collections::HashMap;

use muster_domain::types::fold;

/// What stands for every cell of a column.
pub(crate) const EVERY: &str = "*";

/// Something for each kind of cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Patterns<T> {
    whole: HashMap<String, T>,
    /// In small letters, the longest first; the last one may be for every cell.
    beginnings: Vec<(String, T)>,
}

impl<T> Default for Patterns<T> {
    fn default() -> Patterns<T> {
        Patterns { whole: HashMap::new(), beginnings: Vec::new() }
    }
}

impl<T> Patterns<T> {
    /// Gives what was there for the same cells.
    pub fn insert(&mut self, found: &str, thing: T) -> Option<T> {
        let (text, has_rest) = ending(found);
        if !has_rest {
            return self.whole.insert(fold(&on_one_line(&text)), thing);
        }
        let beginning: String =
            on_one_line(&text).trim_start().chars().flat_map(char::to_lowercase).collect();
        if let Some((_, before)) = self.beginnings.iter_mut().find(|(known, _)| *known == beginning) {
            return Some(std::mem::replace(before, thing));
        }
        let at = self.beginnings.partition_point(|(known, _)| known.len() >= beginning.len());
        self.beginnings.insert(at, (beginning, thing));
        None
    }

    /// What is for a cell, and the rest of it where a beginning was found. What is said of a whole cell goes
    /// first, then the longest beginning.
    pub fn find<'c>(&self, cell: &'c str) -> Option<(&T, Option<&'c str>)> {
        if let Some(thing) = self.whole.get(&fold(&on_one_line(cell))) {
            return Some((thing, None));
        }
        let cell = cell.trim();
        self.beginnings.iter().find_map(|(beginning, thing)| Some((thing, Some(behind(cell, beginning)?))))
    }
}

/// What `value` makes of a cell of which [`Patterns::find`] gave the rest; `None` if the cell may stay.
pub(crate) fn made_of(value: &str, rest: Option<&str>, cell: &str) -> Option<String> {
    match (ending(value), rest) {
        // Before nothing nothing is put: `*` and `+*` are not for those who have no number.
        ((_, true), Some("")) if cell.trim().is_empty() => None,
        ((text, true), Some(rest)) if text.starts_with('+') && is_abroad(rest, cell) => None,
        ((text, true), Some(rest)) => Some(format!("{text}{rest}")),
        ((text, true), None) => Some(format!("{text}*")),
        ((text, false), _) => Some(text.into_owned()),
    }
}

/// Whether the rest is that of a number with its country, as it is dialled: what stands before it is one of two
/// noughts.
fn is_abroad(rest: &str, cell: &str) -> bool {
    let cell = cell.trim();
    let before = cell.get(..cell.len().saturating_sub(rest.len())).unwrap_or_default();
    before.trim_start_matches('(') == "0" && rest.starts_with('0')
}

fn on_one_line(text: &str) -> Cow<'_, str> {
    match text.contains(char::is_control) {
        true => Cow::Owned(text.replace(char::is_control, " ")),
        false => Cow::Borrowed(text),
    }
}

/// A text without the `*` that stands for the rest, and whether it had one.
fn ending(text: &str) -> (Cow<'_, str>, bool) {
    let Some(before) = text.strip_suffix('*') else { return (Cow::Borrowed(text), false) };
    let bare = before.trim_end_matches('\\');
    // Of two backslashes the first says that the second is one.
    let (pairs, is_itself) = ((before.len() - bare.len()) / 2, (before.len() - bare.len()) % 2 == 1);
    match (pairs, is_itself) {
        (0, false) => (Cow::Borrowed(bare), true),
        _ => {
            let star = if is_itself { "*" } else { "" };
            (Cow::Owned(format!("{bare}{}{star}", "\\".repeat(pairs))), !is_itself)
        }
    }
}

/// What stands behind a beginning, which is in small letters.
fn behind<'c>(cell: &'c str, beginning: &str) -> Option<&'c str> {
    let mut left = beginning;
    for (at, c) in cell.char_indices() {
        if left.is_empty() {
            return Some(&cell[at..]);
        }
        let c = if c.is_control() { ' ' } else { c };
        for letter in c.to_lowercase() {
            left = left.strip_prefix(letter)?;
        }
    }
    left.is_empty().then_some("")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a cell by rules of what is found and its value.
    fn corrected(rules: &[(&str, &str)], cell: &str) -> Option<String> {
        let mut patterns = Patterns::default();
        for (found, value) in rules {
            assert_eq!(patterns.insert(found, *value), None);
        }
        let (value, rest) = patterns.find(cell)?;
        made_of(value, rest, cell)
    }

    #[test]
    fn the_rest_of_a_cell_is_put_back_behind_another_beginning() {
        let check = |rule: (&str, &str), cell: &str, expect: Option<&str>| {
            assert_eq!(corrected(&[rule], cell).as_deref(), expect, "{rule:?} {cell}");
        };
        check(("0*", "+44*"), "0113 496 0003", Some("+44113 496 0003"));
        check(("0*", "+44*"), " 0113 ", Some("+44113"));
        check(("0*", "+44*"), "+44113", None);
        check(("0*", "+44*"), "0", Some("+44"));
        check(("0*", "+44*"), "00351912345679", None);
        check(("(0*", "+44(*"), "(00351) 912", None);
        check(("00*", "+*"), "00351912345679", Some("+351912345679"));
        check(("0*", "1*"), "0012", Some("1012"));
        check(("Dr. Ana", "Ana"), "Dr.\tAna", Some("Ana"));
        check(("dr. a*", "A*"), "Dr.\tAna\tB", Some("Ana\tB"));
        check(("0*", ""), "0113", Some(""));
        check(("dr. *", "Doctor *"), "DR. Élan", Some("Doctor Élan"));
        check(("Straße *", "Street *"), "STRASSE x", None);
        check(("É*", "E*"), "élan", Some("Elan"));
        check(("*", "+*"), "44113", Some("+44113"));
        check(("*", "+*"), "  ", None);
        check(("*", "Main"), "", Some("Main"));
    }

    #[test]
    fn a_star_behind_a_backslash_or_inside_is_itself() {
        let check = |rule: (&str, &str), cell: &str, expect: Option<&str>| {
            assert_eq!(corrected(&[rule], cell).as_deref(), expect, "{rule:?} {cell}");
        };
        check((r"a\*", "b"), "A*", Some("b"));
        check((r"a\*", "b"), "ab", None);
        check((r"\*", "b"), "*", Some("b"));
        check((r"a\\*", "b"), r"a\c", Some("b"));
        check((r"a\\\*", "b"), r"a\*", Some("b"));
        check(("a*b", "c*d"), "A*B", Some("c*d"));
        check(("a", "b*"), "a", Some("b*"));
        check(("a", r"b\*"), "a", Some("b*"));
        check(("a*", r"b\*"), "ax", Some("b*"));
        check((r"C:\x", r"D:\x"), r"c:\x", Some(r"D:\x"));
    }

    #[test]
    fn the_whole_cell_goes_before_its_longest_beginning_and_that_before_every_cell() {
        let rules = [("*", "e"), ("0*", "short *"), ("00*", "long *"), ("007", "whole")];
        let check = |cell: &str, expect: &str| {
            assert_eq!(corrected(&rules, cell).as_deref(), Some(expect), "{cell}");
        };
        check("007", "whole");
        check("0044", "long 44");
        check("0113", "short 113");
        check("x", "e");
        check("", "e");
    }
}
