//! Bringing numbers in, step by step.

use muster_domain::change::Refusal;
use muster_domain::ids::{PhoneNumberId, PortOrderId, UserId};
use muster_domain::organization::{NumberKind, PhoneNumber, Site};
use muster_domain::permission::Permission;
use muster_domain::ports::{PortOrder, PortState, PortStep};
use muster_domain::types::{E164, Text, UnixMillis};
use muster_domain::user::User;
use muster_domain::value::Value;

use crate::apply::{Allow, Session};
use crate::billing::rules::{new_number, number_row};
use crate::{App, AppError, Done, Scope};

/// A step, with what it says.
#[derive(Clone, Debug)]
pub enum PortNews {
    Submitted,
    Rejected(Text),
    Dated(UnixMillis),
    Activated,
    Cancelled,
}

impl PortNews {
    fn step(&self) -> PortStep {
        match self {
            PortNews::Submitted => PortStep::Submit,
            PortNews::Rejected(_) => PortStep::Reject,
            PortNews::Dated(_) => PortStep::Date,
            PortNews::Activated => PortStep::Activate,
            PortNews::Cancelled => PortStep::Cancel,
        }
    }
}

impl App {
    pub fn move_port(&self, scope: &Scope, id: PortOrderId, news: &PortNews) -> Result<Done, AppError> {
        scope.require(Permission::NumbersEdit)?;
        self.change(scope, Allow::default(), |session| {
            let before =
                session.tx.get::<PortOrder>(scope.org(), id.0)?.ok_or(AppError::NotFound("port order"))?;
            let state =
                before.state.after(news.step()).map_err(|why| AppError::from(Refusal::NotAllowed(why)))?;
            let mut after = PortOrder { state, ..before.clone() };
            match news {
                PortNews::Rejected(reason) => after.reason = Some(reason.clone()),
                PortNews::Submitted => after.reason = None,
                PortNews::Dated(at) => after.due_at = Some(*at),
                PortNews::Activated => after.activated_at = Some(session.now()),
                PortNews::Cancelled => {}
            }
            session.update(&before, &after)?;
            if state == PortState::Activated {
                session.as_consequence(|session| bring_in(session, &after))?;
            }
            Ok(id.0)
        })
    }
}

/// The numbers work here. The first takes the place of the temporary one: whom it reaches, and where it is shown as the
/// caller.
fn bring_in(session: &mut Session<'_>, port: &PortOrder) -> Result<(), AppError> {
    let org = session.org();
    let temporary = port.temporary.map(|id| session.tx.get::<PhoneNumber>(org, id.0)).transpose()?.flatten();
    let reached = port.user.or(temporary.as_ref().and_then(|number| number.user));
    if let Some(before) = &temporary {
        let after = PhoneNumber { user: None, kind: NumberKind::Inventory, ..before.clone() };
        session.update(before, &after)?;
    }
    for (at, number) in port.numbers.iter().enumerate() {
        let user = reached.filter(|_| at == 0);
        own(session, number, user)?;
    }
    let (Some(real), Some(temporary)) = (port.numbers.first(), temporary) else {
        return give_direct(session, port.numbers.first(), reached);
    };
    show_instead(session, &temporary.number, real)?;
    give_direct(session, Some(real), reached)
}

fn own(session: &mut Session<'_>, number: &E164, user: Option<UserId>) -> Result<PhoneNumberId, AppError> {
    let kind = if user.is_some() { NumberKind::Direct } else { NumberKind::Inventory };
    let Some(before) = number_row(session, number)? else {
        let row = PhoneNumber { user, ..new_number(session, number, kind) };
        session.create(&row)?;
        return Ok(row.id);
    };
    // One that was recorded while it was owned elsewhere keeps what it is for.
    let user = user.or(before.user);
    let kind = if before.kind == NumberKind::Inventory { kind } else { before.kind };
    session.update(&before, &PhoneNumber { owned_elsewhere: false, user, kind, ..before.clone() })?;
    Ok(before.id)
}

fn give_direct(
    session: &mut Session<'_>,
    number: Option<&E164>,
    user: Option<UserId>,
) -> Result<(), AppError> {
    let (Some(number), Some(user)) = (number, user) else { return Ok(()) };
    session.flush()?;
    let org = session.org();
    let Some(before) = session.tx.get::<User>(org, user.0)? else { return Ok(()) };
    session.update(&before, &User { direct_number: Some(number.clone()), ..before.clone() })?;
    Ok(())
}

/// Whoever and wherever shows the temporary number to others shows the real one.
fn show_instead(session: &mut Session<'_>, temporary: &E164, real: &E164) -> Result<(), AppError> {
    session.flush()?;
    let org = session.org();
    let shown = Value::text(temporary.as_str());
    for before in session.tx.with_value::<User>(org, "caller_id_number", &shown)? {
        session.update(&before, &User { caller_id_number: Some(real.clone()), ..before.clone() })?;
    }
    for before in session.tx.with_value::<Site>(org, "caller_id_number", &shown)? {
        session.update(&before, &Site { caller_id_number: Some(real.clone()), ..before.clone() })?;
    }
    session.flush()
}
