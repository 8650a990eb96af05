//! Undo: a new command that takes an earlier one back, allowed by today's rights.

mod conflicts;

use std::collections::BTreeSet;

use muster_domain::change::{EntityChange, Op, PURGED_WORD, Refusal, compensations, inverse, is_of_restore};
use muster_domain::field::EntityKind;
use muster_domain::ids::{ChangeSetId, JobId, OrgId};
use muster_domain::permission::Permission;
use muster_domain::value::Value;
use muster_store::{Change, ChangeFilter, Reader};
use uuid::Uuid;

use crate::apply::Allow;
use crate::{App, AppError, Done, Scope};

/// Changes of a log that are read at once.
const PAGE: usize = 1000;

#[derive(Clone, Debug)]
pub struct Undone {
    pub done: Done,
    pub changes: u64,
    /// What does not quite come back, in words.
    pub notes: Vec<String>,
}

impl App {
    /// Lines of the change log after `since`, oldest first: those about kinds of things that may be seen.
    pub fn changes(&self, scope: &Scope, since: u64, limit: usize) -> Result<Vec<Change>, AppError> {
        scope.require_whole(Permission::ChangesRead)?;
        let seen = |line: &Change| scope.grants.has(scope.to_read(line.envelope.entity));
        self.store().read(|r| {
            let (mut lines, mut since) = (Vec::new(), since);
            loop {
                let wanted = limit - lines.len();
                let page = r.changes(scope.org(), since, wanted, &ChangeFilter::default())?;
                let more = page.len() == wanted;
                since = page.last().map_or(since, |last| last.envelope.seq);
                lines.extend(page.into_iter().filter(seen));
                if !more || lines.len() >= limit {
                    return Ok(lines);
                }
            }
        })
    }

    /// Lines about one thing, newest first.
    pub fn history(
        &self,
        scope: &Scope,
        kind: EntityKind,
        id: Uuid,
        limit: usize,
    ) -> Result<Vec<Change>, AppError> {
        self.check_seen(scope, kind, id)?;
        let filter = ChangeFilter { entity: Some((kind, id)), ..ChangeFilter::default() };
        self.store().read(|r| r.changes_back(scope.org(), None, limit, &filter).map_err(AppError::from))
    }

    /// Takes back the change `seq` and what was done in the same request about the same person; with
    /// `together` all that was done in that request. Going back to a moment, a removal and
    /// a return from the trash are taken back whole.
    pub fn undo(&self, scope: &Scope, seq: u64, together: bool) -> Result<Undone, AppError> {
        scope.require(Permission::ChangesUndo)?;
        let line = self.store().read(|r| {
            let line = r.changes(scope.org(), seq.saturating_sub(1), 1, &ChangeFilter::default())?;
            line.into_iter().find(|c| c.envelope.seq == seq).ok_or(AppError::NotFound("change"))
        })?;
        let restore = is_of_restore(&line.envelope.kind);
        // A role comes back with all who held it.
        let whole = restore || line.envelope.kind == "role.removed";
        if together || whole || self.is_taken_back_whole(scope, line.envelope.set)? {
            return self.undo_set(scope, line.envelope.set, restore);
        }
        self.undo_with(scope, None, &mut |r, before| {
            if before.is_some() {
                return Ok(Vec::new());
            }
            let at = seq.saturating_sub(1);
            let line = r.changes(scope.org(), at, 1, &ChangeFilter::default())?;
            let line =
                line.into_iter().find(|c| c.envelope.seq == seq).ok_or(AppError::NotFound("change"))?;
            together_with(r, scope.org(), line)
        })
    }

    /// Whether half of a set would leave something that names a person in the trash.
    fn is_taken_back_whole(&self, scope: &Scope, set: ChangeSetId) -> Result<bool, AppError> {
        let filter = ChangeFilter { set: Some(set), ..ChangeFilter::default() };
        let (first, last) = self.store().read(|r| {
            let first = r.changes(scope.org(), 0, 1, &filter)?.pop();
            Ok::<_, AppError>((first, r.changes_back(scope.org(), None, 1, &filter)?.pop()))
        })?;
        let (Some(first), Some(last)) = (first, last) else { return Ok(false) };
        if is_purge(&last) {
            let why = "the person was erased for good, and what the log said of them with it";
            return Err(Refusal::Irreversible(why.into()).into());
        }
        Ok(crate::leaving::is_whole(&first, &last))
    }

    /// Takes back everything that a job did.
    pub fn undo_job(&self, scope: &Scope, id: JobId) -> Result<Undone, AppError> {
        scope.require(Permission::ChangesUndo)?;
        self.undo_with(scope, Some(id), &mut |r, before| {
            let job = r.job(scope.org(), id)?.ok_or(AppError::NotFound("job"))?;
            let filter = ChangeFilter { set: job.set, ..ChangeFilter::default() };
            job.set.ok_or(AppError::NotFound("change"))?;
            Ok(r.changes_back(scope.org(), before, PAGE, &filter)?)
        })
    }

    /// A page is taken back before the next is read, so that undoing a large import stays small.
    fn undo_with(
        &self,
        scope: &Scope,
        job: Option<JobId>,
        older: &mut Older<'_>,
    ) -> Result<Undone, AppError> {
        let (mut count, mut notes) = (0, BTreeSet::new());
        let done = self.change(scope, Allow::AS_IT_WAS, |session| {
            (count, notes) = (0, BTreeSet::new());
            let (mut before, mut first) = (None, None);
            loop {
                session.flush()?;
                let page = older(session.tx, before)?;
                let Some(oldest) = page.last() else { break };
                (before, first) = (Some(oldest.envelope.seq), Some(oldest.envelope.entity_id));
                count += page.len() as u64;
                session.apply(inverses(&page, &mut notes)?)?;
            }
            let first = first.ok_or(AppError::NotFound("change"))?;
            session.flush()?;
            if let (Some(job), Some(seq)) = (job, session.first_seq) {
                session.tx.job_undone(scope.org(), job, seq)?;
            }
            Ok(first)
        });
        match done {
            Ok(done) => {
                Ok(Undone { done, changes: count, notes: notes.into_iter().map(String::from).collect() })
            }
            Err(error) => Err(self.why_not(scope, older, error)),
        }
    }

    /// What is in the way, by name, where the refusal only knows ids.
    fn why_not(&self, scope: &Scope, older: &mut Older<'_>, error: AppError) -> AppError {
        use Refusal::{Exists, InUse, Moved, NotFound};
        let AppError::Refused(Exists { .. } | InUse { .. } | Moved { .. } | NotFound { .. }) = &error else {
            return error;
        };
        match self.store().read(|r| conflicts::explain(r, scope.org(), older)) {
            Ok(Some(refusal)) => refusal.into(),
            Ok(None) => error,
            Err(other) => {
                tracing::warn!(%other, "why a change cannot be taken back could not be found out");
                error
            }
        }
    }
}

/// What is in the way of taking a whole set back, by name.
pub(crate) fn why_not_set(r: &mut Reader, org: OrgId, set: ChangeSetId) -> Result<Option<Refusal>, AppError> {
    let filter = ChangeFilter { set: Some(set), ..ChangeFilter::default() };
    conflicts::explain(r, org, &mut |r, before| Ok(r.changes_back(org, before, PAGE, &filter)?))
}

/// Gives changes newest first: those before a sequence number, or the newest ones; nothing at the end.
type Older<'o> = dyn FnMut(&mut Reader, Option<u64>) -> Result<Vec<Change>, AppError> + Send + 'o;

/// Erasing somebody ends with the line that takes them out of the trash.
fn is_purge(last: &Change) -> bool {
    last.envelope.entity == EntityKind::User
        && last.envelope.kind.rsplit_once('.').is_some_and(|(_, word)| word == PURGED_WORD)
}

fn inverses(page: &[Change], notes: &mut BTreeSet<&'static str>) -> Result<Vec<EntityChange>, AppError> {
    let one = |change: &Change| {
        let body = change.body.as_ref().ok_or_else(|| {
            Refusal::Irreversible(format!("what change {} held was erased", change.envelope.seq))
        })?;
        refuse_if_not_undoable(body)?;
        notes.extend(compensations(body));
        Ok(inverse(body)?)
    };
    page.iter().map(one).collect()
}

/// An organization is not undone out of existence: it has people, a bill and a log.
pub(crate) fn refuse_if_not_undoable(body: &EntityChange) -> Result<(), AppError> {
    if body.kind == EntityKind::Organization && body.op == Op::Create {
        return Err(Refusal::Irreversible("an organization is not removed by undo".into()).into());
    }
    if body.kind == EntityKind::Subscription {
        return Err(Refusal::Irreversible("terms are chosen anew, by the operator".into()).into());
    }
    // Another role is put in the place of one that was removed, and goes back with it.
    let only_role = body.op == Op::Update && body.fields.iter().all(|change| change.field == "role");
    if body.kind == EntityKind::Token && !only_role {
        return Err(
            Refusal::Irreversible("a token is revoked or made anew, never brought back".into()).into()
        );
    }
    Ok(())
}

/// The change, and the neighbours of its set that belong to the same person: a user's mailbox and
/// devices are made right beside them.
fn together_with(r: &mut Reader, org: OrgId, line: Change) -> Result<Vec<Change>, AppError> {
    const NEIGHBOURS: u64 = 32;
    let (seq, set) = (line.envelope.seq, line.envelope.set);
    let from = seq.saturating_sub(NEIGHBOURS + 1);
    let near = r.changes(org, from, (2 * NEIGHBOURS + 1) as usize, &ChangeFilter::default())?;
    let subject = subject_of(&line);
    let belongs = |c: &Change| c.envelope.set == set && subject_of(c) == subject;
    Ok(near.into_iter().rev().filter(belongs).collect())
}

/// The user that a change is about: itself, the device's holder or the mailbox's owner.
fn subject_of(change: &Change) -> Uuid {
    let field = match change.envelope.entity {
        EntityKind::Device
        | EntityKind::PhoneNumber
        | EntityKind::UnassignedExtension
        | EntityKind::SignIn
        | EntityKind::Invite => "user",
        EntityKind::Mailbox => "owner",
        _ => return change.envelope.entity_id,
    };
    let named = change.body.iter().flat_map(|b| &b.fields).find(|f| f.field == field);
    match named.map(|f| (&f.after, &f.before)) {
        Some((Value::Id(id), _) | (_, Value::Id(id))) => *id,
        _ => change.envelope.entity_id,
    }
}
