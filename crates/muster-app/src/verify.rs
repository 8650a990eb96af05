//! Checking that an organization is as its log says, and its log as it was written.

use muster_domain::permission::Permission;
use muster_store::Verification;

use crate::followers::anchor::{self, Heads};
use crate::{App, AppError, Scope};

/// What a check found.
#[derive(Clone, Debug)]
pub struct Verified {
    pub database: Verification,
    pub heads: HeadsCheck,
}

/// What the log was compared with outside the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadsCheck {
    /// This program keeps no file of heads.
    NotKept,
    /// No head of this organization has been written down so far.
    NotYet,
    /// So many heads, of changes from the first to the last.
    Compared { count: u64, first: u64, last: u64 },
    /// Heads were written down up to this change, and the file that had them is not there.
    Missing { written: u64 },
    /// Heads were written down up to `written`, and the file ends at `last`; 0: it has none.
    CutShort { written: u64, last: u64 },
}

impl Verified {
    /// Nothing that was looked at is other than it was written.
    pub fn intact(&self) -> bool {
        self.problems().is_empty()
    }

    /// All that is wrong, in words; empty if nothing is.
    pub fn problems(&self) -> Vec<String> {
        let mut said = Vec::new();
        if let Some((at, why)) = &self.database.broken {
            said.push(format!("The log was altered or damaged at change {at}: {why}."));
        }
        if let Some(first) =
            self.database.state.as_ref().and_then(|state| state.first.as_ref().zip(Some(state)))
        {
            let (first, state) = first;
            let name = first.name.as_ref().map_or(String::new(), |name| format!("{name}, "));
            let more = match state.differing - 1 {
                0 => String::new(),
                n => format!(" {n} more differ."),
            };
            let (kind, id, why) = (first.kind.word(), first.id, &first.why);
            said.push(format!("The database is not what the log says: {kind} {name}{id}: {why}.{more}"));
        }
        let secrets = &self.database.secrets;
        for secret in &secrets.named {
            let whose = match &secret.holder {
                Some((kind, id, name, field)) => format!("The {field} of {} {name}, {id},", kind.word()),
                None => format!("A secret that only the log names, {},", secret.id),
            };
            said.push(format!("{whose} cannot be read: {}.", secret.why));
        }
        match secrets.damaged - secrets.named.len() as u64 {
            0 => {}
            n => said.push(format!("{n} more secrets cannot be read.")),
        }
        said.extend(self.heads.problem());
        said
    }
}

impl HeadsCheck {
    fn of(written: u64, heads: Option<&Heads>) -> HeadsCheck {
        let Some(heads) = heads else {
            return if written == 0 { HeadsCheck::NotYet } else { HeadsCheck::Missing { written } };
        };
        let (first, last) = match (heads.first_key_value(), heads.last_key_value()) {
            (Some((first, _)), Some((last, _))) => (*first, *last),
            _ if written == 0 => return HeadsCheck::NotYet,
            _ => return HeadsCheck::CutShort { written, last: 0 },
        };
        if last < written {
            return HeadsCheck::CutShort { written, last };
        }
        HeadsCheck::Compared { count: heads.len() as u64, first, last }
    }

    /// A word for programs.
    pub fn word(self) -> &'static str {
        match self {
            HeadsCheck::NotKept => "not_kept",
            HeadsCheck::NotYet => "not_yet",
            HeadsCheck::Compared { .. } => "compared",
            HeadsCheck::Missing { .. } => "missing",
            HeadsCheck::CutShort { .. } => "cut_short",
        }
    }

    fn problem(self) -> Option<String> {
        match self {
            HeadsCheck::NotKept | HeadsCheck::NotYet | HeadsCheck::Compared { .. } => None,
            HeadsCheck::Missing { written } => Some(format!(
                "heads.log is not there, though it was written up to change {written}: there is nothing to compare \
                 with since change 1. Put it back from where it is copied to."
            )),
            HeadsCheck::CutShort { written, last } => Some(format!(
                "heads.log was written up to change {written} and ends at change {last}: there is nothing to \
                 compare with since then. Put the whole of it back from where it is copied to."
            )),
        }
    }
}

impl App {
    /// Reads the whole log of the organization and checks that nothing in it was altered, against its own
    /// chain and against the heads that were written outside the database; that the tables hold what it
    /// says; and that every secret can be read.
    pub fn verify_changes(&self, scope: &Scope) -> Result<Verified, AppError> {
        scope.require(Permission::ChangesRead)?;
        let org = scope.org();
        let Some(path) = self.data().map(|data| data.join(anchor::FILE)) else {
            let database = self.store().read(|r| r.verify(org).map_err(AppError::from))?;
            return Ok(Verified { database, heads: HeadsCheck::NotKept });
        };
        // In this order what is read next can only have more: nothing is missed that is on its way.
        let written = self.store().read(|r| r.position(anchor::NAME, org).map_err(AppError::from))?;
        let heads = anchor::heads_of(&path, org)?;
        let check = HeadsCheck::of(written, heads.as_ref());
        let heads = heads.unwrap_or_default();
        let database = self.store().read(|r| r.verify_against(org, &heads).map_err(AppError::from))?;
        Ok(Verified { database, heads: check })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_down_and_is_not_in_the_file_is_noticed() {
        let heads = |seqs: &[u64]| seqs.iter().map(|seq| (*seq, [0; 32])).collect::<Heads>();
        let check = |written, file: Option<&[u64]>, expect| {
            let file = file.map(heads);
            assert_eq!(HeadsCheck::of(written, file.as_ref()), expect, "{written} {file:?}");
        };
        check(0, None, HeadsCheck::NotYet);
        check(0, Some(&[]), HeadsCheck::NotYet);
        check(7, None, HeadsCheck::Missing { written: 7 });
        check(7, Some(&[]), HeadsCheck::CutShort { written: 7, last: 0 });
        check(7, Some(&[3, 5]), HeadsCheck::CutShort { written: 7, last: 5 });
        check(7, Some(&[3, 7]), HeadsCheck::Compared { count: 2, first: 3, last: 7 });
        // Written, and the position not yet moved on: a crash between the two, or this moment.
        check(7, Some(&[3, 9]), HeadsCheck::Compared { count: 2, first: 3, last: 9 });
    }
}
