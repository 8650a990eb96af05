//! Looking at what was: a scope as of a moment, and what is read with it.

use muster_domain::field::EntityKind;
use muster_store::{AsOf, Mark, Moment, Past, Reader, Stored};
use uuid::Uuid;

use crate::{App, AppError, Scope};

impl App {
    /// The same scope, with which everything is read as it was at a moment. `field` is what the moment was
    /// given as, for the refusal.
    pub fn as_of(&self, mut scope: Scope, moment: Moment, field: &'static str) -> Result<Scope, AppError> {
        let mark = self.store().read(|r| self.mark(r, &scope, moment, field))?;
        scope.past = Some(mark.seq);
        Ok(scope)
    }

    /// The last change at a moment that has been.
    pub(crate) fn mark(
        &self,
        r: &mut Reader,
        scope: &Scope,
        moment: Moment,
        field: &'static str,
    ) -> Result<Mark, AppError> {
        let now = self.now();
        if let Moment::Time(at) = moment
            && at > now
        {
            let mend = format!("give a time that has been; it is {now} now");
            return Err(AppError::invalid(field, "is in the future", mend));
        }
        if let Some(mark) = r.mark_at(scope.org(), moment)? {
            return Ok(mark);
        }
        let first = r.mark_at(scope.org(), Moment::Seq(1))?;
        let head = r.head(scope.org())?.map_or(0, |head| head.head_seq);
        Err(match (moment, first) {
            (Moment::Time(_), Some(first)) => AppError::invalid(
                field,
                "is before the organization was made",
                format!("give a time after {}", first.at),
            ),
            _ => AppError::invalid(
                field,
                "is not the number of a change of this organization",
                format!("give a number from 1 to {head}, as `muster changes` shows them, or a time"),
            ),
        })
    }

    /// Reads with a scope: now, or these kinds of things as they were. The closure is also given how many
    /// there were of which nothing can be told because it was erased.
    pub(crate) fn read_in<T>(
        &self,
        scope: &Scope,
        kinds: &[EntityKind],
        mut f: impl FnMut(&mut Reader, Option<AsOf>) -> Result<T, AppError>,
    ) -> Result<T, AppError> {
        match scope.past {
            None => self.store().read(|r| f(r, None)),
            Some(seq) => {
                self.store().read_past(scope.org(), seq, kinds, |r, erased| f(r, Some(AsOf { seq, erased })))
            }
        }
    }

    /// One thing, as the scope sees it.
    pub(crate) fn one_in<E: Stored>(&self, scope: &Scope, id: Uuid) -> Result<Option<E>, AppError> {
        self.store().read(|r| {
            let Some(seq) = scope.past else { return Ok(r.get::<E>(scope.org(), id)?) };
            match r.past::<E>(scope.org(), &[id], seq)?.pop() {
                Some((_, Past::There(thing))) => Ok(Some(*thing)),
                Some((_, Past::Erased)) => Err(AppError::Erased(E::KIND.word())),
                _ => Ok(None),
            }
        })
    }
}

impl Scope {
    /// The change after which everything is as this scope sees it; `None`: now.
    pub fn past(&self) -> Option<u64> {
        self.past
    }
}
