//! What an organization pays for: its subscription, licences, calls that are metered, invoices.

mod calls;
mod due;
mod invoices;
mod licences;
pub(crate) mod rules;
mod subscription;

pub use calls::EndedCall;
pub use invoices::{Bill, ClosedInvoice, InvoiceCheck, NamedLine};
pub use licences::{LicenceUse, NewLicence};
pub use subscription::Terms;

pub(crate) use licences::check_enough;
pub(crate) use subscription::terms_now;

use muster_domain::permission::Permission;

/// What a use case that deals with money asks; the endpoints' table says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Invoices, prices, licences and orders are read.
    Read,
    /// Something is ordered, to be approved by somebody who may buy.
    Order,
    /// Something is bought or cancelled.
    Buy,
    /// Terms are set and stock is kept: the operator's.
    Operate,
}

impl Right {
    pub fn permission(self) -> Permission {
        match self {
            Right::Read => Permission::BillingRead,
            Right::Order => Permission::OrdersRequest,
            Right::Buy => Permission::BillingBuy,
            Right::Operate => Permission::CatalogueEdit,
        }
    }
}

impl crate::Scope {
    pub(crate) fn require_right(&self, right: Right) -> Result<(), crate::AppError> {
        self.require(right.permission())
    }

    /// Whoever may ask for things, buy them, or approve of what others ask for.
    pub(crate) fn require_orders(&self) -> Result<(), crate::AppError> {
        match self.may(Right::Buy) || self.approves() {
            true => Ok(()),
            false => self.require_right(Right::Order),
        }
    }

    /// What others want bought.
    pub(crate) fn approves(&self) -> bool {
        self.require(Permission::OrdersApprove).is_ok()
    }

    pub(crate) fn may(&self, right: Right) -> bool {
        self.require_right(right).is_ok()
    }
}
