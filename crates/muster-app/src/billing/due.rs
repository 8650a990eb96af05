//! Cycles close by themselves once they are over.

use muster_domain::billing::Subscription;
use muster_domain::calendar::Cycle;
use muster_domain::grants::Grants;
use muster_domain::organization::Organization;
use muster_domain::types::UnixMillis;
use uuid::Uuid;

use crate::{App, AppError, OPERATOR_SLUG, Scope};

/// So long after its end a cycle is closed: calls that have just ended are known by then.
const GRACE_MS: i64 = 60 * 60 * 1000;

impl App {
    /// Closes the last cycle of every organization that has a subscription, if it is over and open. Returns how many
    /// were closed; one that fails is logged, and the others are closed all the same.
    pub fn close_due_cycles(&self) -> Result<usize, AppError> {
        let organizations = self.store().read(|r| r.organizations().map_err(AppError::from))?;
        let mut closed = 0;
        for organization in organizations.into_iter().filter(|o| o.slug.as_str() != OPERATOR_SLUG) {
            let slug = organization.slug.clone();
            match self.close_due(organization) {
                Ok(done) => closed += usize::from(done),
                Err(error) => tracing::error!(%error, organization = %slug, "a cycle could not be closed"),
            }
        }
        Ok(closed)
    }

    fn close_due(&self, organization: Organization) -> Result<bool, AppError> {
        let org = organization.id;
        let zone = organization.time_zone.as_ref();
        let cycle = Cycle::containing(UnixMillis(self.now().0 - GRACE_MS), zone).previous();
        let is_due = self.store().read(|r| {
            let charged = r.all::<Subscription>(org)?.iter().any(|terms| terms.created_at < cycle.ends_at());
            Ok::<_, AppError>(charged && super::invoices::closed(r, org, &cycle)?.is_none())
        })?;
        if !is_due {
            return Ok(false);
        }
        // The system itself: no token did it.
        let scope = Scope { organization, actor: Uuid::nil(), grants: Grants::all(), once: None, past: None };
        let invoice = self.close_invoice(&scope, Some(&cycle.name()))?.invoice;
        tracing::info!(organization = %scope.organization().slug, cycle = %invoice.cycle, "a cycle is closed");
        Ok(true)
    }
}
