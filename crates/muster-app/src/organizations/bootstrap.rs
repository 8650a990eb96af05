//! The first start: the operator's organization and its owner token.

use muster_domain::field::Entity;
use muster_domain::ids::OrgId;
use muster_domain::organization::Organization;
use muster_domain::types::{Domain, Name, Slug, Text};
use uuid::Uuid;

use super::tokens;
use crate::apply::{Allow, By, Session};
use crate::{App, AppError, OPERATOR_SLUG};

impl App {
    /// Makes the operator's organization and a token for it, if there is none yet. The token is given
    /// back this once; only its hash is kept.
    pub fn bootstrap(&self) -> Result<Option<String>, AppError> {
        if self.has_operator()? { Ok(None) } else { self.make_owner_token(true).map(Some) }
    }

    /// Whether this database was ever started with.
    pub fn has_operator(&self) -> Result<bool, AppError> {
        let operator = self.store().read(|r| r.organization_by_slug(OPERATOR_SLUG).map_err(AppError::from));
        Ok(operator?.is_some())
    }

    /// An owner token: that of the `first` start, which makes the operator too, or a new one for an operator
    /// who lost the file of an earlier one.
    pub fn make_owner_token(&self, first: bool) -> Result<String, AppError> {
        let (now, set) = (self.now(), self.new_set());
        let bearer = crate::secrets::generate_token()?;
        let id = OrgId(Uuid::now_v7());
        self.store().write(|tx| {
            let operator = match tx.organization_by_slug(OPERATOR_SLUG)? {
                Some(operator) => operator,
                None if first => {
                    let mut operator = Organization::blank(id, id.0);
                    operator.name = Name::parse("Operator").unwrap_or_default();
                    operator.slug = Slug::parse(OPERATOR_SLUG).unwrap_or_default();
                    // RFC 2606: a name that no phone can reach.
                    operator.domain = Domain::parse("operator.invalid").unwrap_or_default();
                    super::create::create(tx, &operator, now, Uuid::nil(), set)?
                }
                None => return Err(AppError::NotFound("organization")),
            };
            let mut token = tokens::token(operator.id, "Owner", &bearer);
            token.role = Text::parse(muster_domain::roles::OPERATOR).unwrap_or_default();
            let mut session =
                Session::begin(tx, operator.id, now, By::unbounded(Uuid::nil()), set, Allow::default())?;
            session.create(&token)?;
            session.finish()?;
            Ok(())
        })?;
        Ok(bearer)
    }
}
