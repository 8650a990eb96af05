//! Coming back from the trash: what let go of somebody when they were removed has them again, where nobody has
//! changed it since.

use muster_domain::change::{EntityChange, Op};
use muster_domain::field::EntityKind;
use muster_domain::for_kind;
use muster_domain::leaving::put_back;
use muster_domain::user::User;
use muster_domain::value::Value;
use muster_store::{Change, ChangeFilter};

use super::choose::{change_of, with_value};
use crate::AppError;
use crate::apply::Session;
use crate::things::load_any;

/// Lines of the log read at once.
const PAGE: usize = 1000;

/// Undoes what the removal of this person did to others, as far as it still stands. Things that were handed to
/// somebody else stay with them, and what was removed by choice is brought back by undo alone.
pub(crate) fn bring_back(session: &mut Session<'_>, user: &User) -> Result<(), AppError> {
    session.flush()?;
    let org = user.org;
    let about = ChangeFilter { entity: Some((EntityKind::User, user.id.0)), ..ChangeFilter::default() };
    let lines = session.tx.changes_back(org, None, PAGE, &about)?;
    let Some(removal) = lines.iter().find(|line| line.envelope.kind == "user.trashed") else {
        return Ok(());
    };
    let of_set = ChangeFilter { set: Some(removal.envelope.set), ..ChangeFilter::default() };
    let mut since = 0;
    loop {
        let page = session.tx.changes(org, since, PAGE, &of_set)?;
        let Some(last) = page.last() else { return Ok(()) };
        since = last.envelope.seq;
        let mut changes = Vec::new();
        for line in &page {
            changes.extend(one_back(session, user, line)?);
        }
        session.apply(changes)?;
    }
}

fn one_back(session: &mut Session<'_>, user: &User, line: &Change) -> Result<Option<EntityChange>, AppError> {
    let envelope = &line.envelope;
    let Some(body) = line.body.as_ref().filter(|body| body.op == Op::Update && body.id != user.id.0) else {
        return Ok(None);
    };
    let found = load_any(session.tx, user.org, envelope.entity, &[body.id])?;
    let Some(now) = found.into_iter().next() else { return Ok(None) };
    let mut after = now.clone();
    let is_forward = forwarded_to(user, body);
    for field in &body.fields {
        let Some(value) = now.value(field.field) else { continue };
        let back = match &field.before {
            Value::List(_) => put_back(&field.before, &value, user.id.0),
            Value::Id(id) if *id == user.id.0 && field.after.is_null() && value.is_null() => {
                Some(field.before.clone())
            }
            // The number and the way of forwarding, both as they were left.
            before if is_forward && value == field.after => Some(before.clone()),
            _ => None,
        };
        if let Some(back) = back {
            after = for_kind!(envelope.entity, E => with_value::<E>(after, field.field, &back))?;
        }
    }
    Ok(for_kind!(envelope.entity, E => change_of::<E>(now, Some(after))))
}

/// Whether the change let go of a forwarding to this person, and of the whole of it.
fn forwarded_to(user: &User, body: &EntityChange) -> bool {
    let field = body.fields.iter().find(|field| field.field == muster_domain::leaving::FORWARD_FIELD);
    field.is_some_and(|field| {
        let before = field.before.as_text().unwrap_or_default();
        let extension = user.extension.as_ref().is_some_and(|own| before.ends_with(own.as_str()));
        let direct = user.direct_number.as_ref().is_some_and(|own| before == own.as_str());
        field.after.is_null() && (extension || direct)
    })
}

/// Whether a set of changes is a removal or a return, which are taken back whole: half of one would leave what
/// names a person who is in the trash.
pub(crate) fn is_whole(first: &Change, last: &Change) -> bool {
    let of = |line: &Change| matches!(line.envelope.kind.as_str(), "user.trashed" | "user.restored");
    of(first) || of(last)
}
