//! The terms that hold for an organization: the operator chooses one of those on offer, and a copy is kept.

use muster_domain::billing::Subscription;
use muster_domain::change::Refusal;
use muster_domain::field::{Entity, EntityKind};
use muster_domain::ids::OrgId;
use muster_domain::types::Name;
use muster_store::Reader;
use uuid::Uuid;

use super::Right;
use super::licences::{LicenceUse, uses};
use crate::apply::Allow;
use crate::{App, AppError, Done, OPERATOR_SLUG, Scope};

/// What holds for an organization now.
#[derive(Clone, Debug)]
pub struct Terms {
    pub subscription: Subscription,
    /// Nobody has chosen one: every type may be used, and nothing costs anything.
    pub is_default: bool,
    /// Licences and people by type.
    pub licences: Vec<LicenceUse>,
}

impl App {
    pub fn subscription(&self, scope: &Scope) -> Result<Terms, AppError> {
        scope.require_right(Right::Read)?;
        let now = self.now();
        self.read_in(scope, &[EntityKind::Subscription, EntityKind::Licence], |r, _| {
            let found = r.all::<Subscription>(scope.org())?.pop();
            Ok(Terms {
                is_default: found.is_none(),
                subscription: found.unwrap_or_else(|| default_terms(scope.org())),
                licences: uses(r, scope.org(), now)?,
            })
        })
    }

    /// From now on the terms are a copy of one on offer, named by its name or id. What it is changed to later holds once
    /// it is chosen again.
    pub fn choose_subscription(&self, scope: &Scope, offer: &str) -> Result<Done, AppError> {
        scope.require_right(Right::Operate)?;
        if scope.organization().slug.as_str() == OPERATOR_SLUG {
            return Err(Refusal::NotAllowed("the operator's organization buys nothing".into()).into());
        }
        let org = scope.org();
        self.change(scope, Allow::default(), |session| {
            let offer = offered(session.tx, offer)?;
            let before = session.tx.all::<Subscription>(org)?.pop();
            let Some(before) = before else {
                let terms = copy(&offer, Subscription::blank(org, Uuid::now_v7()));
                session.create(&terms)?;
                return Ok(terms.id.0);
            };
            if before.currency != offer.currency {
                return Err(Refusal::NotAllowed(format!(
                    "{} is in {}, and this organization is charged in {}: offer the same terms in {}",
                    offer.name, offer.currency, before.currency, before.currency
                ))
                .into());
            }
            session.update(&before, &copy(&offer, before.clone()))?;
            Ok(before.id.0)
        })
    }
}

fn offered(r: &mut Reader, which: &str) -> Result<Subscription, AppError> {
    let operator = r.organization_by_slug(OPERATOR_SLUG)?.ok_or(AppError::NotFound("subscription"))?;
    let id = match Uuid::parse_str(which.trim()) {
        Ok(id) => Some(id),
        Err(_) => {
            let claim = muster_domain::claims::named(EntityKind::Subscription, which);
            let holders = r.claimed(operator.id, &claim.space, std::slice::from_ref(&claim.key))?;
            holders.first().map(|(_, _, id)| *id)
        }
    };
    let found = id.map(|id| r.get::<Subscription>(operator.id, id)).transpose()?.flatten();
    found.ok_or_else(|| {
        AppError::invalid(
            "subscription",
            format!("{which} is not on offer"),
            "choose one that /api/v1/subscriptions lists",
        )
    })
}

/// The terms of the offer, in an organization's own row.
fn copy(offer: &Subscription, own: Subscription) -> Subscription {
    Subscription {
        org: own.org,
        id: own.id,
        version: own.version,
        created_at: own.created_at,
        ..offer.clone()
    }
}

/// What holds where nobody has chosen anything.
pub(crate) fn default_terms(org: OrgId) -> Subscription {
    let mut terms = Subscription::blank(org, Uuid::nil());
    terms.name = Name::parse("Default").unwrap_or_default();
    terms
}

pub(crate) fn terms_now(r: &mut Reader, org: OrgId) -> Result<Subscription, AppError> {
    Ok(r.all::<Subscription>(org)?.pop().unwrap_or_else(|| default_terms(org)))
}
