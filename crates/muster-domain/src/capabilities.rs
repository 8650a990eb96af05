//! What a user can do. Everything asks here: the phone core, the API's checks, the portal's buttons.

use crate::organization::ConnectionKind;
use crate::stock::PoolKind;
use crate::user::UserType;

/// What a user of a type can do (`domain.md`, *User types, and what each can do*).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    pub signs_in: bool,
    /// A phone of theirs may register.
    pub registers: bool,
    pub places_calls: bool,
    /// Calls ring their devices. Mailbox- and announcement-only users are reached, but nothing rings.
    pub receives_calls: bool,
    pub messages: bool,
    pub desk_phones: bool,
    pub mailbox: bool,
    pub number: bool,
    /// Counted as a seat while enabled.
    pub licensed: bool,
    /// Free until they have had more answered calls in a cycle than [`crate::billing::FREE_CALLS`].
    pub metered: bool,
    /// Which kind of unassigned extension they take when they go live, where there is a pool.
    pub pool: Option<PoolKind>,
}

/// The one place that decides by type. `subscription` joins the arguments when there is more than the
/// default one.
pub fn capabilities(user_type: UserType, connection: ConnectionKind) -> Capabilities {
    let of_type = of_type(user_type);
    match connection {
        ConnectionKind::Builtin => of_type,
        // Phones of other platforms register there, not here.
        ConnectionKind::Asterisk | ConnectionKind::Sip | ConnectionKind::Ringcentral => {
            Capabilities { registers: false, ..of_type }
        }
    }
}

const NOTHING: Capabilities = Capabilities {
    signs_in: false,
    registers: false,
    places_calls: false,
    receives_calls: false,
    messages: false,
    desk_phones: false,
    mailbox: false,
    number: false,
    licensed: false,
    metered: false,
    pool: None,
};

pub(crate) fn of_type(user_type: UserType) -> Capabilities {
    let phone = Capabilities { registers: true, places_calls: true, receives_calls: true, ..NOTHING };
    match user_type {
        UserType::User => Capabilities {
            signs_in: true,
            messages: true,
            desk_phones: true,
            mailbox: true,
            number: true,
            licensed: true,
            pool: Some(PoolKind::User),
            ..phone
        },
        UserType::VirtualUser => Capabilities {
            signs_in: true,
            messages: true,
            mailbox: true,
            number: true,
            licensed: true,
            pool: Some(PoolKind::User),
            ..phone
        },
        UserType::VideoPro => Capabilities { signs_in: true, messages: true, licensed: true, ..NOTHING },
        // Places calls only as a RingOut and receives them only through a menu: no phone of its own.
        UserType::Mobile => Capabilities { signs_in: true, messages: true, metered: true, ..NOTHING },
        UserType::Limited => Capabilities {
            desk_phones: true,
            number: true,
            licensed: true,
            pool: Some(PoolKind::Limited),
            ..phone
        },
        UserType::MessageOnly => Capabilities { mailbox: true, number: true, ..NOTHING },
        UserType::AnnouncementOnly => Capabilities { number: true, ..NOTHING },
        UserType::Fax => Capabilities { desk_phones: true, number: true, licensed: true, ..phone },
    }
}
