//! A type per id, so that a site's id can never stand where a user's belongs.
//!
//! Ids are UUIDv7, made outside and handed in (see [`IdSource`]): the domain has no randomness.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::types::FieldValue;
use crate::value::{FieldType, Reason, Value};

macro_rules! id_type {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map($name)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self { $name(id) }
        }
    )*};
}

id_type! {
    /// An organization: the unit of locking, ordering and placement.
    OrgId,
    SiteId,
    ConnectionId,
    UserId,
    DeviceId,
    MailboxId,
    PhoneNumberId,
    /// A name and secret that a phone registers with; a user has one, each further device its own.
    CredentialId,
    /// One immutable secret. Changing a secret makes a new one, so that the change log can name both.
    SecretId,
    JobId,
    TokenId,
    EmergencyLocationId,
    ShippingAddressId,
    GroupId,
    MenuId,
    FaxAccountId,
    SmsSenderId,
    OnCallScheduleId,
    RoleId,
    TagId,
    SignInId,
    InviteId,
    MailServerId,
    /// A mail in the spool.
    MailId,
    SessionId,
    SubscriptionId,
    LicenceId,
    InvoiceId,
    OrderId,
    OrderItemId,
    PhoneModelId,
    StockNumberId,
    UnassignedExtensionId,
    PortOrderId,
    /// A call that has ended.
    CallId,
    /// Changes that were made together and can be undone together.
    ChangeSetId,
}

macro_rules! id_values {
    ($($name:ident: $kind:ident),*) => {$(
        impl FieldValue for $name {
            const TYPE: FieldType = FieldType::$kind;
            fn parse(text: &str) -> Result<Self, Reason> {
                text.trim().parse().map_err(|_| Reason::new("is not an id", "write the id as the list shows it"))
            }
            fn to_value(&self) -> Value { Value::Id(self.0) }
            fn from_value(value: &Value) -> Result<Self, Reason> {
                value.as_id().map(Self).ok_or_else(|| Reason::new("is not an id", "give an id"))
            }
        }
    )*};
}
id_values!(OrgId: Reference, SiteId: Reference, ConnectionId: Reference, UserId: Reference, DeviceId: Reference,
    MailboxId: Reference, PhoneNumberId: Reference, EmergencyLocationId: Reference, GroupId: Reference,
    FaxAccountId: Reference, SmsSenderId: Reference, OrderId: Reference, ShippingAddressId: Reference,
    SecretId: Secret);

/// Where new ids come from. The program's is random and ordered by time; tests count.
pub trait IdSource {
    fn next_id(&mut self) -> Uuid;
}

/// Ids 1, 2, 3 …: for tests and for replays that must give the same result.
#[derive(Debug, Default)]
pub struct CountingIds(pub u128);

impl IdSource for CountingIds {
    fn next_id(&mut self) -> Uuid {
        self.0 += 1;
        Uuid::from_u128(self.0)
    }
}
