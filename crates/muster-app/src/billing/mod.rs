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

/// What is asked of whoever deals with money: the one place that says so.
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
            Right::Read => Permission::Read,
            Right::Order => Permission::ManageUsers,
            Right::Buy => Permission::ManageOrganization,
            Right::Operate => Permission::ManageOrganizations,
        }
    }
}

impl crate::Scope {
    pub(crate) fn require_right(&self, right: Right) -> Result<(), crate::AppError> {
        self.require(right.permission())
    }

    pub(crate) fn may(&self, right: Right) -> bool {
        self.require_right(right).is_ok()
    }
}
