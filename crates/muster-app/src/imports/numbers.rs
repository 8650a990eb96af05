//! Numbers that rows name and the organization does not have: recorded once each, as owned elsewhere.

use std::collections::HashMap;

use muster_domain::claims;
use muster_domain::field::Entity;
use muster_domain::ids::OrgId;
use muster_domain::organization::{NumberKind, PhoneNumber};
use muster_domain::types::E164;
use muster_domain::user::User;
use muster_domain::value::FieldError;
use muster_import::{Column, Row};
use muster_store::Reader;
use smol_str::SmolStr;
use uuid::Uuid;

use super::problem::{RowProblem, problem};
use crate::AppError;
use crate::apply::Session;

/// Fields of a user that name a number, and what the number is then.
const FIELDS: [(&str, NumberKind); 2] =
    [("direct_number", NumberKind::Direct), ("caller_id_number", NumberKind::Inventory)];

/// The numbers that rows have named so far, and what there is of them. There may be as many as rows.
#[derive(Default)]
pub(super) struct Numbers(HashMap<SmolStr, There>);

enum There {
    Not,
    /// Can become somebody's own.
    Free(Box<PhoneNumber>),
    Fixed,
    /// The operator's to sell.
    ForSale,
}

impl Numbers {
    /// Looks for those that were not named before: nothing is asked for a file with few of them.
    pub fn load<'r>(
        &mut self,
        r: &mut Reader,
        org: OrgId,
        rows: impl Iterator<Item = &'r Row>,
    ) -> Result<(), AppError> {
        let named = rows.flat_map(|row| FIELDS.iter().filter_map(|(field, _)| row.person.text(field)));
        let mut keys: Vec<SmolStr> =
            named.filter(|key| !self.0.contains_key(*key)).map(SmolStr::new).collect();
        keys.sort_unstable();
        keys.dedup();
        if keys.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> =
            r.claimed(org, claims::NUMBER_SPACE, &keys)?.into_iter().map(|(_, _, id)| id).collect();
        let for_sale = crate::stock::for_sale(r, org, &keys)?;
        self.0.extend(keys.into_iter().map(|key| (key, There::Not)));
        self.0.extend(for_sale.into_iter().map(|number| (number.to_smol(), There::ForSale)));
        for number in r.get_many::<PhoneNumber>(org, &ids)? {
            self.keep(number);
        }
        Ok(())
    }

    /// Numbers of a row that are had by an order only.
    pub fn refused(&self, row: &Row, user: &User, columns: &[Column]) -> Vec<RowProblem> {
        let for_sale = |number: &str| matches!(self.0.get(number), Some(There::ForSale));
        let wishes = self.wishes(row, user).into_iter();
        let refused = wishes.filter(|(_, wish)| for_sale(wish.number.as_str())).map(|(field, _)| {
            let reason = "is in the operator's stock and not this organization's";
            problem(row, columns, FieldError::new(field, reason, "order it first, or empty the cell"))
        });
        refused.collect()
    }

    /// What is said of the numbers of a row that is taken: of each once.
    pub fn remarks(&mut self, row: &Row, user: &User, columns: &[Column]) -> Vec<RowProblem> {
        let mut said = Vec::new();
        for (field, wish) in self.wishes(row, user) {
            if matches!(self.0.get(wish.number.as_str()), Some(There::Free(_) | There::Fixed)) {
                continue;
            }
            self.keep(wish);
            let reason =
                "is no number of this organization: recorded as owned elsewhere, neither ordered nor routed";
            let error = FieldError::new(field, reason, "");
            said.push(RowProblem { remark: true, ..problem(row, columns, error) });
        }
        said
    }

    /// Records the numbers of a row that was written. One that nobody has becomes the person's own.
    pub fn write(&mut self, session: &mut Session<'_>, row: &Row, user: &User) -> Result<(), AppError> {
        for (_, wish) in self.wishes(row, user) {
            match self.0.get(wish.number.as_str()) {
                None | Some(There::Not) => {
                    session.create(&wish)?;
                    self.keep(PhoneNumber { version: 1, ..wish });
                }
                Some(There::Free(there)) if wish.user.is_some() => {
                    let after = PhoneNumber { kind: wish.kind, user: wish.user, ..(**there).clone() };
                    session.update(&**there, &after)?;
                    self.keep(PhoneNumber { version: after.version + 1, ..after });
                }
                Some(There::Free(_) | There::Fixed | There::ForSale) => {}
            }
        }
        Ok(())
    }

    fn wishes(&self, row: &Row, user: &User) -> Vec<(&'static str, PhoneNumber)> {
        let of_field = |(field, kind): &(&'static str, NumberKind)| {
            let text = row.person.text(field)?;
            let mut number = PhoneNumber::blank(user.org, Uuid::now_v7());
            number.number = E164::parse(text).ok()?;
            (number.kind, number.owned_elsewhere) = (*kind, true);
            number.user = (*kind == NumberKind::Direct).then_some(user.id);
            Some((*field, number))
        };
        FIELDS.iter().filter_map(of_field).collect()
    }

    fn keep(&mut self, number: PhoneNumber) {
        let key = SmolStr::new(number.number.as_str());
        let is_free = number.owned_elsewhere && number.user.is_none() && number.kind == NumberKind::Inventory;
        self.0.insert(key, if is_free { There::Free(Box::new(number)) } else { There::Fixed });
    }
}
