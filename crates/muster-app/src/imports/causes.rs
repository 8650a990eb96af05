//! Problems by what they have in common: ten thousand rows with one mistake are one thing to mend.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use muster_domain::national::National;
use muster_import::NOT_SHOWN;
use serde::{Deserialize, Serialize};

use super::problem::RowProblem;

/// Causes that are kept; further ones are counted.
const CAUSES_MAX: usize = 200;
/// Further causes that are told from each other.
const MORE_CAUSES_MAX: usize = 10_000;
const FIRST_ROWS_MAX: usize = 5;
/// Different values of one cause that are counted, and those of them that are kept.
const VALUES_MAX: usize = 500;
const FOUND_MAX: usize = 10;
/// Rules that one cause counts, and those of them that are proposed.
const RULES_MAX: usize = 50;
const RULES_PROPOSED_MAX: usize = 5;
/// A rule is for many rows; one has a value of its own.
const RULE_ROWS_MIN: u64 = 2;
/// No rule is for a longer beginning.
const BEGINNING_CHARACTERS: usize = 3;

/// Rows that have the same problem. The counts are of all of them, kept one by one or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    pub column: Option<String>,
    /// Without what is so of one row only.
    pub reason: String,
    pub mend: String,
    /// The option of the import that would allow it.
    pub option: Option<String>,
    pub remark: bool,
    pub rows: u64,
    /// The first five.
    pub first_rows: Vec<u64>,
    /// The ten that are there most often, among the first five hundred different ones.
    pub found: Vec<FoundCount>,
    /// Whether another value in those cells would mend it, so that one correction does for all.
    pub correctable: bool,
    /// Corrections that make numbers international as they are dialled at home, the ones for the most rows
    /// first: as they would be given with the import.
    #[serde(default)]
    pub rules: Vec<ProposedRule>,
    /// Rows with such a number whose country is not known, so that no rule could be proposed.
    #[serde(default)]
    pub rows_of_no_country: u64,
}

/// A correction that would mend some rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedRule {
    pub found: String,
    pub value: String,
    pub rows: u64,
    /// Further cells of the column that it would change, because they begin so too: no number comes of them.
    #[serde(default)]
    pub others: u64,
}

/// What stands in some rows, shortened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundCount {
    pub found: String,
    pub rows: u64,
}

/// Causes while they are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    causes: Vec<(Cause, Values)>,
    /// By a hash of what rows have in common.
    places: HashMap<u64, usize>,
    more: HashSet<u64>,
    /// Of each column the cells of which no number can be made, by their beginnings.
    others: HashMap<String, HashMap<String, u64>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Values {
    counts: HashMap<String, u64>,
    last_row: u64,
    /// By what is found: the value, and the rows. No value where the rows' countries differ.
    rules: HashMap<String, (Option<String>, u64)>,
}

impl Tally {
    /// Counts a problem, with what its cell would be as a number from elsewhere.
    pub fn add(&mut self, problem: &RowProblem, national: &National) {
        let key = key(problem);
        let full = self.causes.len() >= CAUSES_MAX;
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None if full => {
                if self.more.len() < MORE_CAUSES_MAX {
                    self.more.insert(key);
                }
                return;
            }
            None => {
                self.places.insert(key, self.causes.len());
                self.causes.push((Cause::of(problem), Values::default()));
                self.causes.len() - 1
            }
        };
        let (cause, values) = &mut self.causes[place];
        // A row may have the same problem in several devices.
        if values.last_row != problem.row {
            values.last_row = problem.row;
            cause.rows += 1;
            if cause.first_rows.len() < FIRST_ROWS_MAX {
                cause.first_rows.push(problem.row);
            }
            cause.rows_of_no_country += u64::from(*national == National::OfSomeCountry);
            values.add_rule(national);
        }
        if let Some(count) = values.counts.get_mut(&problem.found) {
            *count += 1;
        } else if !problem.found.is_empty() && values.counts.len() < VALUES_MAX {
            values.counts.insert(problem.found.clone(), 1);
        }
    }

    /// Counts a cell of a column of numbers of which no number can be made.
    pub fn add_other(&mut self, problem: &RowProblem) {
        let Some(column) = &problem.column else { return };
        let beginning: String = problem.found.trim_start().chars().take(BEGINNING_CHARACTERS).collect();
        let cells = self.others.entry(column.clone()).or_default();
        if let Some(count) = cells.get_mut(&beginning) {
            *count += 1;
        } else if !beginning.is_empty() && cells.len() < VALUES_MAX {
            cells.insert(beginning, 1);
        }
    }

    /// The causes, those that keep the most rows out first, and how many more there are.
    pub fn settle(mut self) -> (Vec<Cause>, u64) {
        let all = std::mem::take(&mut self.causes);
        let settled = |(mut cause, values): (Cause, Values)| {
            let mut found: Vec<(String, u64)> = values.counts.into_iter().collect();
            found.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
            found.truncate(FOUND_MAX);
            let others = cause.column.as_ref().and_then(|column| self.others.get(column));
            cause.rules = proposed(values.rules, others);
            cause.found = found.into_iter().map(|(found, rows)| FoundCount { found, rows }).collect();
            cause
        };
        let mut causes: Vec<Cause> = all.into_iter().map(settled).collect();
        causes.sort_by_key(|cause| (cause.remark, std::cmp::Reverse(cause.rows)));
        (causes, self.more.len() as u64)
    }
}

impl Values {
    fn add_rule(&mut self, national: &National) {
        let National::Rule { found, value } = national else { return };
        if let Some((known, rows)) = self.rules.get_mut(found) {
            // One rule is for a whole column.
            *known = known.take().filter(|known| known == value);
            *rows += 1;
        } else if self.rules.len() < RULES_MAX {
            self.rules.insert(found.clone(), (Some(value.clone()), 1));
        }
    }
}

/// The rules that are for the most rows.
fn proposed(
    rules: HashMap<String, (Option<String>, u64)>,
    cells: Option<&HashMap<String, u64>>,
) -> Vec<ProposedRule> {
    let one = |(found, (value, rows)): (String, (Option<String>, u64))| {
        let begins_so = |beginning: &str| {
            // What begins with two noughts is left by a rule for one.
            beginning.strip_prefix(&found).is_some_and(|rest| found != "0" || !rest.starts_with('0'))
        };
        let others = cells.into_iter().flatten().filter(|(beginning, _)| begins_so(beginning));
        let others = others.map(|(_, count)| count).sum();
        let value = value?;
        Some(ProposedRule { found: format!("{found}*"), value: format!("{value}*"), rows, others })
    };
    let mut rules: Vec<ProposedRule> = rules.into_iter().filter_map(one).collect();
    // Beside the rule for `0` there is always the one for `00`, which it leaves out.
    let has_trunk = rules.iter().any(|rule| rule.found == "0*" && rule.rows >= RULE_ROWS_MIN);
    rules.retain(|rule| rule.rows >= RULE_ROWS_MIN || (has_trunk && rule.found == "00*"));
    rules.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.found.cmp(&b.found)));
    rules.truncate(RULES_PROPOSED_MAX);
    rules
}

impl Cause {
    fn of(problem: &RowProblem) -> Cause {
        let is_of_a_value = problem.cause.is_none() && problem.column.is_some();
        let shown = !problem.found.is_empty() && problem.found != NOT_SHOWN;
        Cause {
            column: problem.column.clone(),
            reason: reason(problem).to_string(),
            mend: problem.mend.clone(),
            option: problem.option.clone(),
            remark: problem.remark,
            rows: 0,
            first_rows: Vec::new(),
            found: Vec::new(),
            correctable: is_of_a_value && shown && !problem.remark,
            rules: Vec::new(),
            rows_of_no_country: 0,
        }
    }
}

fn reason(problem: &RowProblem) -> &str {
    problem.cause.unwrap_or(&problem.reason)
}

fn key(problem: &RowProblem) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&problem.column, reason(problem), &problem.mend, &problem.option, problem.remark).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(row: u64, column: &str, found: &str, reason: &str) -> RowProblem {
        RowProblem {
            line: row + 1,
            row,
            cell: None,
            column: Some(column.into()),
            found: found.into(),
            reason: reason.into(),
            mend: String::new(),
            option: None,
            remark: false,
            cause: None,
        }
    }

    #[test]
    fn rows_with_the_same_mistake_are_one_cause_with_the_values_that_are_there_most_often() {
        let mut tally = Tally::default();
        for row in 1..=20_000 {
            tally.add(
                &problem(row, "site", if row % 3 == 0 { "Porto" } else { "Lisbonne" }, "is no site"),
                &National::No,
            );
            let clash = problem(row, "extension", "100", &format!("is also in row {}", row + 1));
            tally.add(&RowProblem { cause: Some("is also in another row"), ..clash.clone() }, &National::No);
            tally.add(&RowProblem { cause: Some("is also in another row"), ..clash }, &National::No);
        }
        let (causes, more) = tally.settle();
        assert_eq!((causes.len(), more), (2, 0));
        let site = &causes[0];
        assert_eq!((site.rows, &site.first_rows[..], site.correctable), (20_000, &[1, 2, 3, 4, 5][..], true));
        let found: Vec<(&str, u64)> = site.found.iter().map(|f| (f.found.as_str(), f.rows)).collect();
        assert_eq!(found, [("Lisbonne", 13_334), ("Porto", 6_666)]);
        let clash = &causes[1];
        assert_eq!((clash.reason.as_str(), clash.rows), ("is also in another row", 20_000));
        assert!(!clash.correctable, "each row needs a value of its own");
    }

    #[test]
    fn causes_beyond_what_is_kept_are_counted_and_a_password_is_never_a_value_to_correct() {
        let mut tally = Tally::default();
        for row in 1..=400 {
            tally.add(
                &problem(row, "name", &format!("{row}"), &format!("is wrong in way {}", row % 300)),
                &National::No,
            );
        }
        for row in 1..=2_000 {
            tally.add(&problem(row, "name", &format!("{row}"), "is wrong in way 7"), &National::No);
        }
        let (causes, more) = tally.settle();
        assert_eq!((causes.len(), more), (200, 100));
        assert_eq!((causes[0].rows, causes[0].found.len()), (2_002, 10));
        let mut tally = Tally::default();
        tally.add(&problem(1, "password", NOT_SHOWN, "is longer than 128 characters"), &National::No);
        assert!(!tally.settle().0[0].correctable);
    }

    #[test]
    fn numbers_of_one_country_that_begin_alike_are_one_rule_and_those_of_several_are_none() {
        let rule = |found: &str, value: &str| National::Rule { found: found.into(), value: value.into() };
        let mut tally = Tally::default();
        for row in 1..=500 {
            let said = match row % 10 {
                0 => National::OfSomeCountry,
                1 => rule("(0", "+44("),
                2 if row < 10 => rule("00", "+"),
                3 => rule("8", if row == 3 { "+7" } else { "+375" }),
                4 => National::No,
                _ => rule("0", "+44"),
            };
            tally.add(&problem(row, "mobile", &format!("0{row}"), "is not international"), &said);
        }
        let cause = tally.settle().0.remove(0);
        let rules: Vec<_> =
            cause.rules.iter().map(|r| (r.found.as_str(), r.value.as_str(), r.rows)).collect();
        assert_eq!(
            rules,
            [("0*", "+44*", 299), ("(0*", "+44(*", 50), ("00*", "+*", 1)],
            "two countries of `8`, and `00` beside `0`"
        );
        assert_eq!(cause.rows_of_no_country, 50);
    }

    #[test]
    fn what_a_rule_would_change_beside_the_rows_that_it_is_proposed_for_is_counted() {
        let rule = National::Rule { found: "0".into(), value: "+44".into() };
        let mut tally = Tally::default();
        for (row, found) in ["01134960003", "01134960004", "0113", "00", "0 ask", "n/a"].iter().enumerate() {
            let problem = problem(row as u64 + 1, "mobile", found, "is not international");
            let said = if found.len() == 11 { rule.clone() } else { National::No };
            if said == National::No {
                tally.add_other(&problem);
            }
            tally.add(&problem, &said);
        }
        let rules = tally.settle().0.remove(0).rules;
        let rules: Vec<_> = rules.iter().map(|rule| (rule.found.as_str(), rule.rows, rule.others)).collect();
        assert_eq!(rules, [("0*", 2, 2)], "`0113` and `0 ask`");
    }
}
