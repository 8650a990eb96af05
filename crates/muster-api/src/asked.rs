//! Which permission each endpoint asks: the one table of it.
//!
//! [`crate::caller::Caller::scope`] looks its endpoint up here, so that a handler cannot ask for something else,
//! and one without a row lets nobody in. A test holds the table against the description of the API: an endpoint
//! without a row, and a row without an endpoint, fail it.

use std::collections::HashMap;
use std::sync::OnceLock;

use muster_domain::permission::Permission::{self, *};

/// What an endpoint asks of whoever calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing, not even a token.
    Nothing,
    /// That they have signed in; what they are shown is what they may see.
    SignedIn,
    /// The permission, in the organization that the address names; its use case asks of each thing where it
    /// is held.
    Of(Permission),
    /// Likewise one of these; which it must be, the use case sees by what is sent.
    OneOf(&'static [Permission]),
    /// The permission, in the operator's own organization.
    Installation(Permission),
}

/// An address below an organization's.
macro_rules! org {
    ($path:literal) => {
        concat!("/api/v1/organizations/{org}", $path)
    };
}

/// Five rows for a kind of record that is listed, made, shown, changed and removed.
macro_rules! records {
    ($($kind:literal $read:ident $write:ident;)*) => {
        &[$(
            ("GET", org!($kind), Asked::Of($read)),
            ("POST", org!($kind), Asked::Of($write)),
            ("GET", concat!("/api/v1/organizations/{org}", $kind, "/{id}"), Asked::Of($read)),
            ("PATCH", concat!("/api/v1/organizations/{org}", $kind, "/{id}"), Asked::Of($write)),
            ("DELETE", concat!("/api/v1/organizations/{org}", $kind, "/{id}"), Asked::Of($write)),
        )*]
    };
}

/// Method, address as the router has it, and what is asked.
type Row = (&'static str, &'static str, Asked);

const PARTICULAR: &[Row] = &[
    ("GET", "/api/v1/status", Asked::Nothing),
    ("GET", "/healthz", Asked::Nothing),
    ("GET", "/readyz", Asked::Nothing),
    ("GET", "/metrics", Asked::Nothing),
    ("GET", "/events", Asked::Of(ChangesRead)),
    ("POST", "/api/v1/backup", Asked::Installation(Backups)),
    ("GET", "/api/v1/organizations", Asked::SignedIn),
    ("POST", "/api/v1/organizations", Asked::Installation(OrganizationsManage)),
    ("GET", org!(""), Asked::Of(OrganizationRead)),
    ("PATCH", org!(""), Asked::Of(OrganizationEdit)),
    ("GET", org!("/sites"), Asked::Of(OrganizationRead)),
    ("POST", org!("/sites"), Asked::Of(SitesEdit)),
    ("GET", org!("/sites/{id}"), Asked::Of(OrganizationRead)),
    ("PATCH", org!("/sites/{id}"), Asked::Of(SitesEdit)),
    ("DELETE", org!("/sites/{id}"), Asked::Of(SitesEdit)),
    ("GET", org!("/connections"), Asked::Of(OrganizationRead)),
    ("GET", org!("/connections/{id}"), Asked::Of(OrganizationRead)),
    ("PATCH", org!("/connections/{id}"), Asked::Of(ConnectionsEdit)),
    // People.
    ("GET", org!("/users"), Asked::Of(PeopleRead)),
    ("POST", org!("/users"), Asked::Of(PeopleCreate)),
    ("GET", org!("/users/{user}"), Asked::Of(PeopleRead)),
    ("PATCH", org!("/users/{user}"), Asked::Of(PeopleEdit)),
    ("DELETE", org!("/users/{user}"), Asked::Of(PeopleRemove)),
    ("POST", org!("/users/{user}/restore"), Asked::Of(PeopleRemove)),
    ("GET", org!("/users/{user}/removal"), Asked::Of(PeopleRead)),
    ("POST", org!("/users/{user}/removal"), Asked::Of(PeopleRemove)),
    ("POST", org!("/removals"), Asked::Of(PeopleRemove)),
    ("GET", org!("/users/{user}/data"), Asked::Of(Export)),
    ("POST", org!("/users/{user}/purge"), Asked::Of(PeoplePurge)),
    ("GET", org!("/doctor"), Asked::Of(ChangesRead)),
    ("GET", org!("/numbers/{id}"), Asked::Of(PhonesRead)),
    ("PATCH", org!("/numbers/{id}"), Asked::Of(NumbersEdit)),
    ("GET", org!("/users/{user}/history"), Asked::Of(PeopleRead)),
    ("POST", org!("/users/bulk"), Asked::OneOf(&[PeopleEdit, PeopleActivate, PeopleRemove])),
    ("POST", org!("/users/activate"), Asked::Of(PeopleActivate)),
    ("POST", org!("/users/deactivate"), Asked::Of(PeopleActivate)),
    ("GET", org!("/users/{user}/credentials"), Asked::Of(PeopleRead)),
    ("POST", org!("/users/{user}/credentials"), Asked::OneOf(&[CredentialsReset, DevicesEdit])),
    ("GET", org!("/users/{user}/registrations"), Asked::Of(PeopleRead)),
    ("DELETE", org!("/users/{user}/registrations"), Asked::OneOf(&[DevicesEdit, CredentialsReset])),
    ("DELETE", org!("/users/{user}/registrations/{phone}"), Asked::OneOf(&[DevicesEdit, CredentialsReset])),
    // Signing in, and mail.
    ("POST", "/api/v1/session", Asked::Nothing),
    ("GET", "/api/v1/session", Asked::SignedIn),
    ("DELETE", "/api/v1/session", Asked::SignedIn),
    ("POST", org!("/users/invite"), Asked::Of(PeopleActivate)),
    ("POST", org!("/users/withdraw-invites"), Asked::Of(PeopleActivate)),
    ("POST", org!("/users/assign"), Asked::Of(CredentialsReset)),
    ("POST", org!("/users/sheets"), Asked::Of(CredentialsReset)),
    ("POST", org!("/users/{user}/identify"), Asked::Of(PeopleEdit)),
    ("GET", org!("/users/{user}/invites"), Asked::Of(PeopleRead)),
    ("GET", org!("/invites"), Asked::Of(PeopleRead)),
    ("GET", org!("/user-types"), Asked::Of(OrganizationRead)),
    ("GET", org!("/mail"), Asked::Of(PeopleRead)),
    ("GET", org!("/mail/{mail}"), Asked::Of(CredentialsReset)),
    ("POST", org!("/mail/{mail}/retry"), Asked::Of(PeopleActivate)),
    ("GET", "/api/v1/mail-server", Asked::Installation(MailEdit)),
    ("PATCH", "/api/v1/mail-server", Asked::Installation(MailEdit)),
    ("DELETE", "/api/v1/mail-server", Asked::Installation(MailEdit)),
    ("POST", "/api/v1/mail-server/test", Asked::Installation(MailEdit)),
    ("GET", org!("/contacts"), Asked::Of(ContactsRead)),
    ("GET", org!("/extensions"), Asked::Of(PeopleRead)),
    ("GET", org!("/extensions/next-free"), Asked::Of(PeopleRead)),
    ("GET", org!("/without-emergency-location"), Asked::Of(PeopleRead)),
    ("GET", org!("/seats"), Asked::Of(BillingRead)),
    ("GET", org!("/devices"), Asked::Of(PhonesRead)),
    ("GET", org!("/mailboxes"), Asked::Of(PhonesRead)),
    ("GET", org!("/numbers"), Asked::Of(PhonesRead)),
    ("GET", org!("/registrations"), Asked::Of(PhonesRead)),
    ("GET", org!("/phones"), Asked::Of(OrganizationRead)),
    // What is paid for, ordered and in stock; what is on offer may be looked at by everybody.
    ("GET", org!("/subscription"), Asked::Of(BillingRead)),
    ("PUT", org!("/subscription"), Asked::Of(CatalogueEdit)),
    ("GET", org!("/licences"), Asked::Of(BillingRead)),
    ("POST", org!("/licences"), Asked::Of(CatalogueEdit)),
    ("POST", org!("/licences/{id}/end"), Asked::Of(BillingBuy)),
    ("GET", org!("/calls"), Asked::Of(BillingRead)),
    ("GET", org!("/invoices"), Asked::Of(BillingRead)),
    ("POST", org!("/invoices"), Asked::Of(CatalogueEdit)),
    ("GET", org!("/invoices/preview"), Asked::Of(BillingRead)),
    ("GET", org!("/invoices/preview.csv"), Asked::Of(BillingRead)),
    ("GET", org!("/invoices/preview.html"), Asked::Of(BillingRead)),
    ("GET", org!("/invoices/{id}"), Asked::Of(BillingRead)),
    ("GET", org!("/invoices/{id}/lines"), Asked::Of(BillingRead)),
    ("GET", org!("/invoices/{id}/invoice.csv"), Asked::Of(BillingRead)),
    ("GET", org!("/invoices/{id}/invoice.html"), Asked::Of(BillingRead)),
    ("GET", org!("/invoices/{id}/check"), Asked::Of(BillingRead)),
    ("GET", org!("/orders"), Asked::OneOf(&[BillingRead, OrdersRequest])),
    ("POST", org!("/orders"), Asked::Of(OrdersRequest)),
    ("GET", org!("/orders/{id}"), Asked::OneOf(&[BillingRead, OrdersRequest])),
    ("POST", org!("/orders/{id}/confirm"), Asked::OneOf(&[OrdersRequest, OrdersApprove, BillingBuy])),
    ("POST", org!("/orders/{id}/submit"), Asked::Of(OrdersRequest)),
    ("POST", org!("/orders/{id}/cancel"), Asked::OneOf(&[OrdersRequest, OrdersApprove, BillingBuy])),
    ("POST", org!("/orders/{id}/address"), Asked::Of(OrdersRequest)),
    ("POST", org!("/orders/{id}/ship"), Asked::Of(CatalogueEdit)),
    ("POST", org!("/orders/{id}/receive"), Asked::Of(OrdersRequest)),
    ("GET", org!("/unassigned-extensions/counts"), Asked::OneOf(&[BillingRead, PhonesRead])),
    ("POST", org!("/devices/{id}/assign"), Asked::Of(DevicesEdit)),
    ("GET", org!("/port-orders"), Asked::Of(PhonesRead)),
    ("POST", org!("/port-orders"), Asked::Of(NumbersEdit)),
    ("GET", org!("/port-orders/{id}"), Asked::Of(PhonesRead)),
    ("PATCH", org!("/port-orders/{id}"), Asked::Of(NumbersEdit)),
    ("POST", org!("/port-orders/{id}/submit"), Asked::Of(NumbersEdit)),
    ("POST", org!("/port-orders/{id}/reject"), Asked::Of(NumbersEdit)),
    ("POST", org!("/port-orders/{id}/date"), Asked::Of(NumbersEdit)),
    ("POST", org!("/port-orders/{id}/activate"), Asked::Of(NumbersEdit)),
    ("POST", org!("/port-orders/{id}/cancel"), Asked::Of(NumbersEdit)),
    ("GET", "/api/v1/subscriptions", Asked::SignedIn),
    ("POST", "/api/v1/subscriptions", Asked::Installation(CatalogueEdit)),
    ("GET", "/api/v1/subscriptions/{id}", Asked::SignedIn),
    ("PATCH", "/api/v1/subscriptions/{id}", Asked::Installation(CatalogueEdit)),
    ("DELETE", "/api/v1/subscriptions/{id}", Asked::Installation(CatalogueEdit)),
    ("GET", "/api/v1/phone-models", Asked::SignedIn),
    ("POST", "/api/v1/phone-models", Asked::Installation(CatalogueEdit)),
    ("GET", "/api/v1/phone-models/{id}", Asked::SignedIn),
    ("PATCH", "/api/v1/phone-models/{id}", Asked::Installation(CatalogueEdit)),
    ("DELETE", "/api/v1/phone-models/{id}", Asked::Installation(CatalogueEdit)),
    ("GET", "/api/v1/stock/numbers", Asked::SignedIn),
    ("POST", "/api/v1/stock/numbers", Asked::Installation(CatalogueEdit)),
    ("GET", "/api/v1/stock/numbers/{id}", Asked::SignedIn),
    ("PATCH", "/api/v1/stock/numbers/{id}", Asked::Installation(CatalogueEdit)),
    ("DELETE", "/api/v1/stock/numbers/{id}", Asked::Installation(CatalogueEdit)),
    // Roles and tokens.
    ("GET", org!("/permissions"), Asked::SignedIn),
    ("GET", org!("/roles"), Asked::Of(RolesRead)),
    ("POST", org!("/roles"), Asked::Of(RolesEdit)),
    ("POST", org!("/roles/assign"), Asked::Of(RolesAssign)),
    ("GET", org!("/roles/{role}"), Asked::Of(RolesRead)),
    ("PATCH", org!("/roles/{role}"), Asked::Of(RolesEdit)),
    ("DELETE", org!("/roles/{role}"), Asked::Of(RolesEdit)),
    ("GET", org!("/roles/{role}/holders"), Asked::Of(RolesRead)),
    ("GET", org!("/tokens"), Asked::Of(TokensEdit)),
    ("POST", org!("/tokens"), Asked::Of(TokensEdit)),
    ("DELETE", org!("/tokens/{token}"), Asked::Of(TokensEdit)),
    // Files; secrets in them are asked for beside.
    ("POST", org!("/imports"), Asked::Of(Import)),
    ("GET", org!("/imports"), Asked::Of(JobsRead)),
    ("POST", org!("/imports/mapping"), Asked::Of(Import)),
    ("GET", org!("/imports/template.csv"), Asked::Of(JobsRead)),
    ("GET", org!("/imports/template.xlsx"), Asked::Of(JobsRead)),
    ("GET", org!("/imports/{job}/report"), Asked::Of(JobsRead)),
    ("GET", org!("/imports/{job}/rejected"), Asked::Of(Import)),
    ("GET", org!("/export.csv"), Asked::Of(Export)),
    ("GET", org!("/export.xlsx"), Asked::Of(Export)),
    ("GET", org!("/export/report"), Asked::Of(Export)),
    ("GET", org!("/jobs"), Asked::Of(JobsRead)),
    ("GET", org!("/jobs/{job}"), Asked::Of(JobsRead)),
    ("GET", org!("/jobs/{job}/results"), Asked::Of(JobsRead)),
    ("POST", org!("/jobs/{job}/cancel"), Asked::Of(JobsCancel)),
    ("POST", org!("/jobs/{job}/undo"), Asked::Of(ChangesUndo)),
    // The change log.
    ("GET", org!("/changes"), Asked::Of(ChangesRead)),
    ("GET", org!("/changes/verify"), Asked::Of(ChangesRead)),
    ("POST", org!("/changes/{seq}/undo"), Asked::Of(ChangesUndo)),
    ("POST", org!("/restores"), Asked::Of(ChangesUndo)),
];

const RECORDS: &[Row] = records! {
    "/groups" RecordsRead RecordsEdit;
    "/menus" RecordsRead RecordsEdit;
    "/fax-accounts" RecordsRead RecordsEdit;
    "/sms-senders" RecordsRead RecordsEdit;
    "/on-call-schedules" RecordsRead RecordsEdit;
    "/emergency-locations" RecordsRead EmergencyEdit;
    "/shipping-addresses" RecordsRead OrganizationEdit;
    "/tags" RecordsRead OrganizationEdit;
    "/unassigned-extensions" PhonesRead NumbersEdit;
};

/// The whole table.
pub fn rows() -> impl Iterator<Item = Row> {
    PARTICULAR.iter().chain(RECORDS).copied()
}

/// What an endpoint asks; `None` if it has no row.
pub fn asked(method: &str, path: &str) -> Option<Asked> {
    static TABLE: OnceLock<HashMap<(&'static str, &'static str), Asked>> = OnceLock::new();
    let table = TABLE.get_or_init(|| rows().map(|(method, path, asked)| ((method, path), asked)).collect());
    // Whoever may read something may ask whether it is there.
    let method = if method == "HEAD" { "GET" } else { method };
    table.get(&(method, path)).copied()
}

impl Asked {
    /// For the description of the endpoint.
    pub fn said(self) -> Option<String> {
        match self {
            Asked::Nothing => None,
            Asked::SignedIn => Some("Asks for no permission beside signing in.".to_string()),
            Asked::Of(permission) => Some(format!("Asks for the permission `{permission}`.")),
            Asked::OneOf(permissions) => {
                let words: Vec<String> = permissions.iter().map(|word| format!("`{word}`")).collect();
                Some(format!("Asks for the permission {}.", words.join(" or ")))
            }
            Asked::Installation(permission) => {
                Some(format!("Asks for the permission `{permission}`, which only the operator has."))
            }
        }
    }
}
