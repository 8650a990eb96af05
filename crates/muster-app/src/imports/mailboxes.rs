//! Rows that wish for a mailbox that is not the person's own: whether it will be there is known once all rows
//! were judged.

use std::collections::{HashMap, HashSet};

use muster_domain::claims;
use muster_domain::ids::{OrgId, UserId};
use muster_domain::organization::Mailbox;
use muster_domain::types::fold;
use muster_domain::user::User;
use muster_domain::value::FieldError;
use muster_import::{Column, MailboxWish, Row, Taken};
use muster_store::Reader;
use smol_str::SmolStr;
use uuid::Uuid;

use super::decision::Decision;
use super::plan::{MailboxPlan, Plan};
use super::problem::{RowProblem, problem};
use crate::AppError;

/// Usernames that are looked up at once.
const BATCH: usize = 500;

/// What rows say of mailboxes, as they are judged.
#[derive(Default)]
pub(super) struct Wishes {
    wished: Vec<(u64, MailboxWish)>,
    /// By folded username, whoever is in the file.
    people: HashMap<SmolStr, InFile>,
}

struct InFile {
    row: u64,
    /// `None`: the row makes a mailbox of their own.
    known: Option<Option<UserId>>,
}

/// Rows whose wish nobody can fulfil, and why.
#[derive(Default)]
pub(super) struct Astray(HashMap<u64, Why>);

#[derive(Clone, Copy)]
enum Why {
    Nobody,
    NotTaken(u64),
    NoMailbox,
    NoneOfThatName,
}

impl Wishes {
    /// Every row that is not left out, taken or not.
    pub fn row(&mut self, row: &Row) {
        if matches!(row.person.mailbox, MailboxWish::OfUser(_) | MailboxWish::Named(_)) {
            self.wished.push((row.number, row.person.mailbox.clone()));
        }
    }

    /// `plan` is there where the row came so far.
    pub fn person(&mut self, row: &Row, user: &User, existing: Option<&User>, plan: Option<&Plan>) {
        let makes = plan.is_some_and(|plan| matches!(plan.mailbox, MailboxPlan::Make(_)));
        let known = (!makes).then(|| existing.map(|user| user.id));
        self.people.insert(fold(user.username.as_str()).into(), InFile { row: row.number, known });
    }

    /// Asks who is there, of those only whom some row names.
    pub fn astray(self, r: &mut Reader, org: OrgId, decisions: &[Decision]) -> Result<Astray, AppError> {
        if self.wished.is_empty() {
            return Ok(Astray::default());
        }
        let there = self.there(r, org)?;
        let named: HashSet<SmolStr> =
            match self.wished.iter().any(|(_, w)| matches!(w, MailboxWish::Named(_))) {
                true => {
                    let all = r.all::<Mailbox>(org)?.into_iter().filter(|m| m.owner.is_none());
                    all.map(|m| m.name.as_str().into()).collect()
                }
                false => HashSet::new(),
            };
        let mut astray = Astray::default();
        // A row that is refused for its own wish does not rename anybody either: again until nothing changes.
        loop {
            let before = astray.0.len();
            for (row, wish) in &self.wished {
                let why = match wish {
                    MailboxWish::Named(name) => {
                        (!named.contains(name.as_str())).then_some(Why::NoneOfThatName)
                    }
                    MailboxWish::OfUser(name) => {
                        self.why(&SmolStr::from(fold(name.as_str())), &there, decisions, &astray)
                    }
                    _ => None,
                };
                if let Some(why) = why {
                    astray.0.insert(*row, why);
                }
            }
            if astray.0.len() == before {
                return Ok(astray);
            }
        }
    }

    fn why(&self, key: &SmolStr, there: &There, decisions: &[Decision], astray: &Astray) -> Option<Why> {
        let in_file = self.people.get(key);
        let is_taken = |row: u64| {
            let decision = row.checked_sub(1).and_then(|at| decisions.get(at as usize));
            decision.is_some_and(|d| d.is_taken()) && !astray.0.contains_key(&row)
        };
        let has = match in_file.filter(|person| is_taken(person.row)) {
            Some(InFile { known: None, .. }) => true,
            Some(InFile { known: Some(Some(user)), .. }) => there.owners.contains(&user.0),
            Some(InFile { known: Some(None), .. }) => false,
            None => there.by_name.get(key).is_some_and(|user| there.owners.contains(user)),
        };
        match (has, in_file) {
            (true, _) => None,
            (false, Some(person)) if !is_taken(person.row) => Some(Why::NotTaken(person.row)),
            (false, None) if !there.by_name.contains_key(key) => Some(Why::Nobody),
            (false, _) => Some(Why::NoMailbox),
        }
    }

    fn there(&self, r: &mut Reader, org: OrgId) -> Result<There, AppError> {
        let mut keys: Vec<SmolStr> = Vec::new();
        for (_, wish) in &self.wished {
            if let MailboxWish::OfUser(name) = wish {
                keys.push(fold(name.as_str()).into());
            }
        }
        keys.sort_unstable();
        keys.dedup();
        let mut there = There::default();
        for keys in keys.chunks(BATCH) {
            for (key, _, holder) in r.claimed(org, claims::AUTH_SPACE, keys)? {
                there.by_name.insert(key, holder);
            }
            let renamed = keys.iter().filter_map(|key| self.people.get(key)?.known.flatten());
            let mut ids: Vec<Uuid> = keys.iter().filter_map(|key| there.by_name.get(key).copied()).collect();
            ids.extend(renamed.map(|user| user.0));
            let owned = r.referring::<Mailbox>(org, "owner", &ids)?;
            there.owners.extend(owned.into_iter().filter_map(|m| Some(m.owner?.0)));
        }
        Ok(there)
    }
}

/// Who is in the organization already.
#[derive(Default)]
struct There {
    by_name: HashMap<SmolStr, Uuid>,
    /// Those who have a mailbox of their own.
    owners: HashSet<Uuid>,
}

impl Astray {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn problem(&self, row: &Row, columns: &[Column]) -> Option<RowProblem> {
        let why = *self.0.get(&row.number)?;
        let (cause, reason, mend) = match why {
            Why::Nobody => (
                None,
                "names somebody who is neither here nor taken from the file".to_string(),
                "write the username of whoever has the mailbox, or own",
            ),
            Why::NoMailbox => (
                None,
                "names somebody who has no mailbox of their own".to_string(),
                "give that person one, or write own",
            ),
            Why::NotTaken(other) => (
                Some("names somebody whose row is not taken"),
                format!("names the person of row {other}, which is not taken"),
                "mend that row too, or write own",
            ),
            Why::NoneOfThatName => {
                (None, "is the name of no mailbox here".to_string(), "make that mailbox first, or write own")
            }
        };
        let column = columns.iter().find(|c| c.taken == Taken::Mailbox);
        let said = problem(row, columns, FieldError::new("mailbox", reason, mend));
        let found = match &row.person.mailbox {
            MailboxWish::OfUser(name) => name.as_str().to_string(),
            MailboxWish::Named(name) => format!("name:{}", name.as_str()),
            _ => String::new(),
        };
        let column = column.map(|c| c.header.to_string()).or(said.column);
        Some(RowProblem { column, found, cause, ..said })
    }
}
