//! The rules of the domain, tried from outside.

#![allow(clippy::unwrap_used)]

mod capabilities;
mod charges;
mod filters;
mod laws;
mod texts;
mod users;

use muster_domain::field::Entity;
use muster_domain::ids::{ConnectionId, OrgId, SecretId, SiteId};
use muster_domain::types::{ExtensionNumber, Name, Username};
use muster_domain::user::User;
use uuid::Uuid;

const ORG: OrgId = OrgId(Uuid::from_u128(1));

/// Somebody who could be activated.
fn somebody() -> User {
    let mut user = User::blank(ORG, Uuid::from_u128(7));
    user.display_name = Name::parse("Ana Pereira").unwrap();
    user.username = Username::parse("ana").unwrap();
    user.extension = Some(ExtensionNumber::parse("1001").unwrap());
    user.site = Some(SiteId(Uuid::from_u128(2)));
    user.connection = Some(ConnectionId(Uuid::from_u128(3)));
    user.sip_secret = Some(SecretId(Uuid::from_u128(4)));
    user.version = 1;
    user
}
