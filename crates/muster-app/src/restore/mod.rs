//! Going back: a person, all people, or what a job did, to how it was. Reviewed first; then carried out as
//! one change set, if what would be done is still what was reviewed.

mod steps;
mod survey;

use muster_domain::change::Refusal;
use muster_domain::field::EntityKind;
use muster_domain::ids::{ChangeSetId, JobId, UserId};
use muster_domain::permission::Permission;
use muster_store::{ChangeFilter, Mark, Moment, Reader};
use uuid::Uuid;

use crate::apply::{Allow, Session};
use crate::undo::Undone;
use crate::{App, AppError, Scope};
pub(crate) use steps::{Source, Things};
use survey::Survey;
pub use survey::{Review, ReviewItem, Tally};

/// What is to go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A user with their devices and mailbox, and the places that they need.
    Person(UserId, Moment),
    /// All users, likewise.
    People(Moment),
    /// Everything that a job did.
    Job(JobId),
}

/// Which of the things are told one by one.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    pub skip: u64,
    /// At most 1,000.
    pub limit: usize,
}

/// A review, and where it would lead back to.
#[derive(Clone, Debug)]
pub struct Reviewed {
    pub review: Review,
    /// `None` for a job: it is its own changes that go back.
    pub to: Option<Mark>,
}

/// What is worked with: where to, and which things.
struct Way {
    source: Source,
    things: Things,
    to: Option<Mark>,
    /// What is named in the answer.
    id: Uuid,
}

impl App {
    /// Says what going back would do. Nothing is changed.
    pub fn review_restore(&self, scope: &Scope, what: What, shown: Shown) -> Result<Reviewed, AppError> {
        scope.require(Permission::ChangesUndo)?;
        self.store().read(|r| {
            let way = self.way(r, scope, what)?;
            let shown = (shown.skip, shown.limit.min(1000));
            let (review, _) = way.survey(r, scope, shown, &mut |_, _| Ok(()))?;
            Ok(Reviewed { review, to: way.to })
        })
    }

    /// Goes back, if what would be done is what `plan` was given for: [`Review::plan`].
    pub fn restore(&self, scope: &Scope, what: What, plan: &str) -> Result<Undone, AppError> {
        scope.require(Permission::ChangesUndo)?;
        let (mut changes, mut notes) = (0, Vec::new());
        let done = self.change(scope, Allow::AS_IT_WAS, |session| {
            let way = self.way(session.tx, scope, what)?;
            let review = way.go(session, scope, Some(plan))?;
            session.flush()?;
            if let (What::Job(job), Some(seq)) = (what, session.first_seq) {
                session.tx.job_undone(scope.org(), job, seq)?;
            }
            changes = review.all();
            notes = review.notes.keys().map(|note| note.to_string()).collect();
            Ok(way.id)
        })?;
        self.undone(scope, done, changes, notes)
    }

    /// Takes back everything of a set, whatever it was about.
    pub(crate) fn undo_set(
        &self,
        scope: &Scope,
        set: ChangeSetId,
        restore: bool,
    ) -> Result<Undone, AppError> {
        let (mut changes, mut notes) = (0, Vec::new());
        let done = self.change(scope, Allow::AS_IT_WAS, |session| {
            let things = Things::of_set(session.tx, scope.org(), set)?;
            let way = Way { source: Source::Before(set), things, to: None, id: set.0 };
            if restore {
                session.goes_back();
            }
            let review = way.go(session, scope, None)?;
            session.tx.jobs_not_undone(scope.org(), set)?;
            changes = review.all();
            notes = review.notes.keys().map(|note| note.to_string()).collect();
            Ok(way.id)
        })?;
        self.undone(scope, done, changes, notes)
    }

    fn way(&self, r: &mut Reader, scope: &Scope, what: What) -> Result<Way, AppError> {
        let org = scope.org();
        Ok(match what {
            What::Job(id) => {
                let job = r.job(org, id)?.ok_or(AppError::NotFound("job"))?;
                let set = job.set.ok_or(AppError::NotFound("change"))?;
                let things = Things::of_set(r, org, set)?;
                if things.is_empty() {
                    return Err(AppError::NotFound("change"));
                }
                Way { source: Source::Before(set), things, to: None, id: id.0 }
            }
            What::People(moment) => {
                let to = self.whole_mark(r, scope, moment)?;
                let things = Things::of_people(r, org, to.seq)?;
                Way { source: Source::Moment(to.seq), things, to: Some(to), id: org.0 }
            }
            What::Person(user, moment) => {
                let to = self.whole_mark(r, scope, moment)?;
                let filter =
                    ChangeFilter { entity: Some((EntityKind::User, user.0)), ..ChangeFilter::default() };
                if r.changes(org, 0, 1, &filter)?.is_empty() {
                    return Err(AppError::NotFound("user"));
                }
                let things = Things::of_person(r, org, user, to.seq)?;
                Way { source: Source::Moment(to.seq), things, to: Some(to), id: user.0 }
            }
        })
    }

    /// A moment at which nothing was half done.
    fn whole_mark(&self, r: &mut Reader, scope: &Scope, moment: Moment) -> Result<Mark, AppError> {
        let mark = self.mark(r, scope, moment, "to")?;
        match r.set_cut_at(scope.org(), mark.seq)? {
            None => Ok(mark),
            Some((first, last)) => Err(AppError::invalid(
                "to",
                format!("is amid the changes {first} to {last}, which were made together"),
                format!("give {} (before them) or {last} (after them)", first.saturating_sub(1)),
            )),
        }
    }

    /// The answer; of a request that was repeated, with the count of the first time.
    fn undone(
        &self,
        scope: &Scope,
        done: crate::Done,
        changes: u64,
        notes: Vec<String>,
    ) -> Result<Undone, AppError> {
        let changes = match done.replayed {
            false => changes,
            true => self.store().read(|r| r.set_size_at(scope.org(), done.seq).map_err(AppError::from))?,
        };
        Ok(Undone { done, changes, notes })
    }
}

impl Way {
    /// Every step once; `each` sees them before they are judged.
    fn survey(
        &self,
        r: &mut Reader,
        scope: &Scope,
        shown: (u64, usize),
        each: &mut dyn FnMut(&mut Reader, &steps::Steps) -> Result<(), AppError>,
    ) -> Result<(Review, Vec<muster_domain::change::EntityChange>), AppError> {
        let org = scope.org();
        let mut survey = Survey::begin(r, org, self.source, &self.things, shown)?;
        let mut moved = 0;
        for (kind, ids) in self.things.pages() {
            let found = self.source.steps(r, org, kind, ids)?;
            moved += found.moved;
            survey.add(r, &found)?;
            each(r, &found)?;
        }
        if moved > 0
            && let Source::Before(set) = self.source
        {
            match crate::undo::why_not_set(r, org, set)? {
                Some(refusal) => survey.refused(refusal)?,
                // Nothing is left out without a word, whatever the search for reasons does not know.
                None => {
                    survey.obstacle("change", format!("is not the last of {moved} things any more"), None)
                }
            }
        }
        survey.finish(r)
    }

    /// Carries it out. Every step is made twice: what is given up must be free before anybody takes it, and
    /// nothing is kept in memory between.
    fn go(&self, session: &mut Session<'_>, scope: &Scope, plan: Option<&str>) -> Result<Review, AppError> {
        let org = scope.org();
        let mut given_up = Vec::new();
        let (review, places) = self.survey(session.tx, scope, (0, 0), &mut |_, found| {
            given_up.extend(found.steps.iter().flat_map(steps::Step::given_up));
            Ok(())
        })?;
        if plan.is_some_and(|plan| plan != review.plan) {
            return Err(Refusal::PlanChanged.into());
        }
        review.refuse_obstacles()?;
        if plan.is_some() {
            session.goes_back();
        }
        session.release_claims(&given_up)?;
        drop(given_up);
        session.apply(places)?;
        for (kind, ids) in self.things.pages() {
            session.flush()?;
            let found = self.source.steps(session.tx, org, kind, ids)?;
            session.apply(found.steps.into_iter().map(|step| step.change).collect())?;
        }
        Ok(review)
    }
}
