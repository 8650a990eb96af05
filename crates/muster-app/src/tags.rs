//! Tags of the organization: how many there are, and what becomes of them on the people who carry them.
//!
//! A person carries the text alone. Renaming or removing a tag changes everybody who carries it in the same change
//! set, so that one undo brings all of it back.

use muster_domain::change::Refusal;
use muster_domain::field::EntityKind;
use muster_domain::filter::{Filter, Op, Term};
use muster_domain::ids::OrgId;
use muster_domain::tags::{TAGS_MAX, TagDefinition};
use muster_domain::types::Tag;
use muster_domain::user::User;
use muster_store::{AnyEntity, Stored};
use uuid::Uuid;

use crate::AppError;
use crate::apply::Session;

/// People at once.
const BATCH: usize = 1000;

/// An organization has at most so many.
pub(crate) fn check_count(session: &mut Session<'_>, org: OrgId, kind: EntityKind) -> Result<(), AppError> {
    if kind != EntityKind::TagDefinition {
        return Ok(());
    }
    let there = session.tx.all::<TagDefinition>(org)?.len();
    if there < TAGS_MAX {
        return Ok(());
    }
    Err(Refusal::NotAllowed(format!(
        "there are {there} tags, and an organization has at most {TAGS_MAX}: rename or remove one first"
    ))
    .into())
}

/// Everybody who carries a tag follows what becomes of it; `after` is `None` where it is removed.
pub(crate) fn follow<E: Stored>(
    session: &mut Session<'_>,
    before: &E,
    after: Option<&E>,
) -> Result<(), AppError> {
    let name_of = |record: &E| match record.clone().into_any() {
        AnyEntity::TagDefinition(tag) => Some(tag.name),
        _ => None,
    };
    let Some(old) = name_of(before) else { return Ok(()) };
    let new = after.and_then(name_of);
    if new.as_ref() == Some(&old) {
        return Ok(());
    }
    let carries = Term { field: "tags".into(), op: Op::Eq, value: old.to_string() };
    let people = session.tx.versions_of::<User>(before.org(), &Filter::from(carries))?;
    for batch in people.chunks(BATCH) {
        let ids: Vec<Uuid> = batch.iter().map(|(id, _)| *id).collect();
        for user in session.tx.get_many::<User>(before.org(), &ids)? {
            let after = User { tags: replaced(&user.tags, &old, new.as_ref()), ..user.clone() };
            session.update(&user, &after)?;
        }
        session.flush()?;
    }
    Ok(())
}

/// In the place of the old one; once, if the person has the new one already.
fn replaced(tags: &[Tag], old: &Tag, new: Option<&Tag>) -> Vec<Tag> {
    let mut kept: Vec<Tag> = Vec::with_capacity(tags.len());
    for tag in tags {
        let tag = if tag == old { new } else { Some(tag) };
        kept.extend(tag.filter(|tag| !kept.contains(tag)).cloned());
    }
    kept
}
