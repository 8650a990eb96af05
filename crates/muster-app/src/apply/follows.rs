//! What follows from a change by what an organization pays for, and work in the operator's organization beside.

use muster_domain::ids::OrgId;

use super::{Allow, By, Session};
use crate::{AppError, OPERATOR_SLUG};

impl Session<'_> {
    /// Hands over what waits, with what follows from it by the organization's subscription.
    pub fn settle(&mut self) -> Result<(), AppError> {
        self.flush()?;
        let new_numbers = std::mem::take(&mut self.new_numbers);
        if !new_numbers.is_empty() && !self.judging {
            crate::stock::check_not_for_sale(self, &new_numbers)?;
        }
        let turned = std::mem::take(&mut self.turned);
        if !turned.is_empty() && !self.judging {
            self.as_consequence(|session| crate::billing::rules::settle(session, &turned))?;
            self.flush()?;
        }
        Ok(())
    }

    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The last change that is written.
    pub fn written(&self) -> u64 {
        self.head.head_seq
    }

    /// Works in the operator's organization within the same write: what was allowed here, nobody asks for there. It is
    /// locked last, so nothing of the first one's is waited for by somebody who holds this.
    pub fn in_operators<T>(
        &mut self,
        work: impl FnOnce(&mut Session<'_>) -> Result<T, AppError>,
    ) -> Result<T, AppError> {
        self.flush()?;
        let operator =
            self.tx.organization_by_slug(OPERATOR_SLUG)?.ok_or(AppError::NotFound("organization"))?;
        let (at, by, set) = (self.at, By::unbounded(self.by.actor), self.set);
        let mut session = Session::begin(self.tx, operator.id, at, by, set, Allow::default())?;
        let result = work(&mut session)?;
        session.finish()?;
        Ok(result)
    }
}
