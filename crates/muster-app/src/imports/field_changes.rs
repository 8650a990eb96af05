//! Which fields an update changes, for how many people, and whom it takes something from.

use std::collections::BTreeMap;

use muster_domain::field::Entity;
use muster_domain::user::User;
use muster_domain::value::{FieldError, Value};
use muster_import::{Column, Row};
use serde::{Deserialize, Serialize};

use super::plan::{MailboxPlan, Plan};
use super::problem::{RowProblem, problem};

/// What an update does to one field of those who are there already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// As in the columns of the report; `mailbox` and `devices` for what is theirs.
    pub field: String,
    /// People who have another value then.
    pub people: u64,
    /// Of these, people who have none any more.
    pub emptied: u64,
}

/// While rows are judged: people, and those of them who have nothing there any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldChanges(BTreeMap<&'static str, (u64, u64)>);

impl FieldChanges {
    /// Counts a row that means `before`. Gives a remark for each field that the row itself empties.
    pub fn person(&mut self, row: &Row, before: &User, plan: &Plan, columns: &[Column]) -> Vec<RowProblem> {
        let mut emptied = Vec::new();
        if !plan.changes(before) {
            return emptied;
        }
        for field in User::fields() {
            let (was, is) = ((field.get)(before), (field.get)(&plan.user));
            if was == is {
                continue;
            }
            let (people, empty) = self.0.entry(field.name).or_default();
            *people += 1;
            if is_nothing(&is) {
                *empty += 1;
                if row.person.value(field.name).is_some_and(is_nothing) {
                    let said = problem(row, columns, FieldError::new(field.name, EMPTIED, ""));
                    emptied.push(RowProblem { remark: true, ..said });
                }
            }
        }
        if matches!(plan.mailbox, MailboxPlan::Change { .. } | MailboxPlan::Other(_)) {
            self.0.entry("mailbox").or_default().0 += 1;
        }
        if plan.devices.iter().any(|device| device.before.as_ref() != Some(&device.after)) {
            self.0.entry("devices").or_default().0 += 1;
        }
        emptied
    }

    /// Those that most people have changed first.
    pub fn settle(self) -> Vec<FieldChange> {
        let one = |(field, (people, emptied)): (&str, (u64, u64))| FieldChange {
            field: field.to_string(),
            people,
            emptied,
        };
        let mut all: Vec<FieldChange> = self.0.into_iter().map(one).collect();
        all.sort_by_key(|change| std::cmp::Reverse(change.people));
        all
    }
}

const EMPTIED: &str = "is emptied: the cell is empty, and what is here goes";

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text.is_empty(),
        Value::List(list) => list.is_empty(),
        _ => false,
    }
}
