//! What can have one owner only: names that authenticate, extensions in a dial plan, hardware addresses,
//! phone numbers.
//!
//! The store keeps claims in a table whose primary key is (organization, space, key), so that two
//! writers cannot both succeed whatever the use cases forgot.

use smol_str::SmolStr;

use crate::billing::Invoice;
use crate::field::EntityKind;
use crate::organization::{Device, PhoneNumber};
use crate::ports::{PortOrder, PortState};
use crate::signing::SignIn;
use crate::stock::{StockNumber, UnassignedExtension};
use crate::tags::TagDefinition;
use crate::types::{ExtensionNumber, Name, fold};
use crate::user::{Record, User};

/// One claim. `space` is `auth`, `mac`, `number`, or the connection's id for an extension.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    pub space: SmolStr,
    pub key: SmolStr,
    /// The field that makes it, for the refusal.
    pub field: &'static str,
}

pub const AUTH_SPACE: &str = "auth";
pub const MAC_SPACE: &str = "mac";
pub const NUMBER_SPACE: &str = "number";

/// What a user owns while its record is live; trash releases it, and restoring claims it anew.
pub fn of_user(user: &User) -> Vec<Claim> {
    if user.record != Record::Live {
        return Vec::new();
    }
    let mut claims = vec![auth("username", user.username.as_str())];
    if let (Some(extension), Some(connection)) = (&user.extension, user.connection) {
        claims.push(Claim {
            space: extension_space(connection),
            key: extension.to_smol(),
            field: "extension",
        });
    }
    claims
}

pub fn of_device(device: &Device) -> Vec<Claim> {
    let auth_name = device.auth_name.iter().map(|name| auth("auth_name", name.as_str()));
    let mac =
        device.mac.iter().map(|mac| Claim { space: MAC_SPACE.into(), key: mac.to_smol(), field: "mac" });
    auth_name.chain(mac).collect()
}

/// A number is an organization's once.
pub fn of_number(number: &PhoneNumber) -> Vec<Claim> {
    let key = smol_str::SmolStr::new(number.number.as_str());
    vec![Claim { space: NUMBER_SPACE.into(), key, field: "number" }]
}

/// An extension in a dial plan, and a name that no other of the kind has.
pub fn of_dialled(
    kind: EntityKind,
    name: &Name,
    connection: Option<crate::ids::ConnectionId>,
    extension: Option<&ExtensionNumber>,
) -> Vec<Claim> {
    let mut claims = vec![named(kind, name.as_str())];
    if let (Some(extension), Some(connection)) = (extension, connection) {
        claims.push(Claim {
            space: extension_space(connection),
            key: extension.to_smol(),
            field: "extension",
        });
    }
    claims
}

/// A name that no other of its kind has; case does not matter.
pub fn named(kind: EntityKind, name: &str) -> Claim {
    Claim { space: smol_str::format_smolstr!("name:{}", kind.word()), key: fold(name).into(), field: "name" }
}

/// A tag as it is written: `Floor:2` and `floor:2` are two.
pub fn of_tag(tag: &TagDefinition) -> Vec<Claim> {
    vec![Claim { space: "tag".into(), key: tag.name.to_smol(), field: "name" }]
}

/// A person signs in in one way.
pub fn of_sign_in(sign_in: &SignIn) -> Vec<Claim> {
    let key = sign_in.user.map(|user| smol_str::format_smolstr!("{user}"));
    key.into_iter().map(|key| Claim { space: "sign_in".into(), key, field: "user" }).collect()
}

/// The numbers of the operator's stock, each there once.
pub const STOCK_SPACE: &str = "stock";
/// The numbers of the pool's seats.
pub const POOL_SPACE: &str = "pool";
/// The cycles that are closed.
pub const CYCLE_SPACE: &str = "cycle";

/// A number is in the stock once.
pub fn of_stock(number: &StockNumber) -> Vec<Claim> {
    vec![Claim { space: STOCK_SPACE.into(), key: number.number.to_smol(), field: "number" }]
}

/// A number is of one seat of the pool.
pub fn of_seat(seat: &UnassignedExtension) -> Vec<Claim> {
    let number = seat.number.iter();
    number.map(|n| Claim { space: POOL_SPACE.into(), key: n.to_smol(), field: "number" }).collect()
}

/// A cycle is closed once.
pub fn of_invoice(invoice: &Invoice) -> Vec<Claim> {
    vec![Claim { space: CYCLE_SPACE.into(), key: invoice.cycle.to_smol(), field: "cycle" }]
}

/// A number is brought in by one order at a time.
pub fn of_port(port: &PortOrder) -> Vec<Claim> {
    if matches!(port.state, PortState::Activated | PortState::Cancelled) {
        return Vec::new();
    }
    let numbers = port.numbers.iter();
    numbers.map(|n| Claim { space: "port".into(), key: n.to_smol(), field: "numbers" }).collect()
}

pub fn extension_space(connection: crate::ids::ConnectionId) -> SmolStr {
    smol_str::format_smolstr!("{connection}")
}

/// The key of an auth name: folded, so that `Ana` and `ana` are not two people.
pub fn auth(field: &'static str, name: &str) -> Claim {
    Claim { space: AUTH_SPACE.into(), key: fold(name).into(), field }
}
