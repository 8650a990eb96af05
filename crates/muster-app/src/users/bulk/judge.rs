//! Who would become what, batch by batch, with everything that a change of one person is asked.

use muster_domain::change::{Refusal, update_of};
use muster_domain::ids::{OrgId, SecretId};
use muster_domain::locations::EmergencyLocation;
use muster_domain::user::{Record, User};
use muster_domain::value::FieldError;
use uuid::Uuid;

use super::change::BulkChange;
use super::report::{BulkPreview, errors_of};
use super::whom::One;
use crate::AppError;
use crate::apply::Session;
use crate::emergency;

/// People at once.
pub(super) const BATCH: usize = 1000;

/// Stands for a secret that is made when it is needed.
const SECRET_TO_COME: SecretId = SecretId(Uuid::max());

/// Somebody and what they would be.
pub(super) struct Judged {
    pub before: User,
    pub after: Result<User, Vec<FieldError>>,
    pub needs_secret: bool,
}

/// What does not depend on the person, loaded once.
pub(super) struct Judge<'c> {
    org: OrgId,
    change: &'c BulkChange,
    location: Option<EmergencyLocation>,
}

impl<'c> Judge<'c> {
    pub fn load(session: &mut Session<'_>, org: OrgId, change: &'c BulkChange) -> Result<Self, AppError> {
        let location = match change.location() {
            Some(name) => emergency::named(session.tx, org, name)?,
            None => None,
        };
        Ok(Judge { org, change, location })
    }

    /// By the rules among a person's own fields.
    pub fn batch(&self, session: &mut Session<'_>, people: &[One]) -> Result<Vec<Judged>, AppError> {
        let ids: Vec<Uuid> = people.iter().map(|(id, _)| *id).collect();
        let mut users = session.tx.get_many::<User>(self.org, &ids)?;
        users.sort_unstable_by_key(|user| user.id);
        let judged = users.into_iter().map(|before| match self.one(session, &before) {
            Ok((after, needs_secret)) => Ok(Judged { before, after: Ok(after), needs_secret }),
            Err(AppError::Refused(refusal)) => {
                Ok(Judged { before, after: Err(errors_of(refusal)), needs_secret: false })
            }
            Err(other) => Err(other),
        });
        judged.collect()
    }

    fn one(&self, session: &mut Session<'_>, before: &User) -> Result<(User, bool), AppError> {
        if before.record != Record::Live {
            return Err(Refusal::NotAllowed("is in the trash: restore them first".into()).into());
        }
        let (mut after, needs_secret) = self.change.of(before)?;
        session.settle_roles(&mut after.roles, &before.roles)?;
        if after.emergency_location != before.emergency_location {
            emergency::check_location(self.location.as_ref(), &after)?;
        }
        Ok((after, needs_secret))
    }

    /// Judges everybody as if they were written, and writes nothing.
    pub fn all(
        &self,
        session: &mut Session<'_>,
        people: &[One],
        mut progress: impl FnMut(u64) -> Result<(), AppError>,
    ) -> Result<(BulkPreview, Refused), AppError> {
        let mut preview = BulkPreview::default();
        let mut refused = Refused::new();
        preview.report.people = people.len() as u64;
        preview.report.counted_before = session.tx.seats(self.org)?.total;
        for batch in people.chunks(BATCH) {
            for judged in self.batch(session, batch)? {
                let id = judged.before.id.0;
                if let Some(errors) = told(session, &mut preview, judged)? {
                    refused.push((id, errors));
                }
            }
            session.flush()?;
            progress(preview.report.changed + preview.report.unchanged + preview.report.refused)?;
        }
        preview.finish();
        Ok((preview, refused))
    }
}

/// Who is refused, in the order of the people, and why.
pub(super) type Refused = Vec<(Uuid, Vec<FieldError>)>;

/// Asks what needs others than the person, and puts it into the preview; why, if they are refused.
fn told(
    session: &mut Session<'_>,
    preview: &mut BulkPreview,
    judged: Judged,
) -> Result<Option<Vec<FieldError>>, AppError> {
    let Judged { before, after, needs_secret } = judged;
    let errors = match after {
        Ok(mut after) => {
            if needs_secret {
                after.sip_secret = Some(SECRET_TO_COME);
            }
            match session.update(&before, &after) {
                Ok(true) => {
                    preview.report.secrets_made += u64::from(needs_secret);
                    let fields =
                        || update_of(&before, &after).map(|update| update.fields).unwrap_or_default();
                    preview.changed(&before, &after, fields);
                    return Ok(None);
                }
                Ok(false) => {
                    preview.report.unchanged += 1;
                    return Ok(None);
                }
                Err(AppError::Refused(refusal)) => errors_of(refusal),
                Err(other) => return Err(other),
            }
        }
        Err(errors) => errors,
    };
    preview.refused(&before, errors.clone());
    Ok(Some(errors))
}
