//! What a user can do. Everything asks here: the phone core, the API's checks, the portal's buttons.

use crate::choice;
use crate::organization::ConnectionKind;
use crate::stock::PoolKind;
use crate::user::{User, UserType};

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
    pub calls_out: CallsOut,
    pub calls_in: CallsIn,
    pub devices: Devices,
    pub pool: Pool,
    pub licence: Licence,
    pub sets_up: SetsUp,
}

choice! {
    /// How calls are placed.
    CallsOut {
        No = "no",
        Yes = "yes",
        /// The system calls both ends.
        RingOut = "ringout",
        Fax = "fax",
    }
}

choice! {
    /// Where a call to the user goes.
    CallsIn {
        No = "no",
        Yes = "yes",
        /// Reached only through a menu.
        Menu = "menu_only",
        /// Straight to the mailbox.
        Mailbox = "to_mailbox",
        /// Plays the announcement.
        Announcement = "announcement",
        Fax = "fax",
    }
}

choice! {
    /// What the user may have to call with.
    Devices { None = "none", Any = "any", Softphone = "softphone", FaxMachine = "fax_machine" }
}

choice! {
    /// Which kind of unassigned extension is taken when the user goes live.
    Pool { None = "no", User = "user", Limited = "limited" }
}

impl Pool {
    /// The seat that is taken; `None` where none is.
    pub fn seat(self) -> Option<PoolKind> {
        match self {
            Pool::None => None,
            Pool::User => Some(PoolKind::User),
            Pool::Limited => Some(PoolKind::Limited),
        }
    }
}

choice! {
    /// What the user costs.
    Licence { No = "no", Yes = "yes", Meeting = "meeting", Metered = "free_metered" }
}

choice! {
    /// What of a sign-in the user needs ([`crate::credentials::required_credentials`]).
    SetsUp {
        /// A PIN, a password and a question, asked for at first sign-in.
        Person = "person",
        /// The same, with the PIN from the start: callers of the mailbox are asked for it.
        Mailbox = "mailbox",
        /// A password and a question, asked for at first sign-in.
        Account = "account",
        /// A password from the start: nobody is asked for anything.
        Shared = "shared",
    }
}

impl Capabilities {
    /// Free until they have had more answered calls in a cycle than [`crate::billing::FREE_CALLS`].
    pub fn metered(&self) -> bool {
        self.licence == Licence::Metered
    }
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

/// Of somebody, on the connection that every organization begins with.
pub fn of(user: &User) -> Capabilities {
    of_type(user.user_type)
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
    calls_out: CallsOut::No,
    calls_in: CallsIn::No,
    devices: Devices::None,
    pool: Pool::None,
    licence: Licence::No,
    sets_up: SetsUp::Account,
};

pub(crate) fn of_type(user_type: UserType) -> Capabilities {
    let phone = Capabilities {
        registers: true,
        places_calls: true,
        receives_calls: true,
        calls_out: CallsOut::Yes,
        calls_in: CallsIn::Yes,
        licence: Licence::Yes,
        licensed: true,
        number: true,
        ..NOTHING
    };
    let person = Capabilities {
        signs_in: true,
        messages: true,
        mailbox: true,
        pool: Pool::User,
        sets_up: SetsUp::Person,
        ..phone
    };
    match user_type {
        UserType::User => Capabilities { desk_phones: true, devices: Devices::Any, ..person },
        UserType::VirtualUser => Capabilities { devices: Devices::Softphone, ..person },
        UserType::VideoPro => Capabilities {
            signs_in: true,
            messages: true,
            licensed: true,
            licence: Licence::Meeting,
            ..NOTHING
        },
        // Places calls only as a RingOut and receives them only through a menu: no phone of its own.
        UserType::Mobile => Capabilities {
            signs_in: true,
            messages: true,
            calls_out: CallsOut::RingOut,
            calls_in: CallsIn::Menu,
            devices: Devices::Softphone,
            licence: Licence::Metered,
            ..NOTHING
        },
        UserType::Limited => Capabilities {
            desk_phones: true,
            devices: Devices::Any,
            pool: Pool::Limited,
            sets_up: SetsUp::Shared,
            ..phone
        },
        UserType::MessageOnly => Capabilities {
            mailbox: true,
            number: true,
            calls_in: CallsIn::Mailbox,
            sets_up: SetsUp::Mailbox,
            ..NOTHING
        },
        UserType::AnnouncementOnly => {
            Capabilities { number: true, calls_in: CallsIn::Announcement, ..NOTHING }
        }
        UserType::Fax => Capabilities {
            desk_phones: true,
            devices: Devices::FaxMachine,
            calls_out: CallsOut::Fax,
            calls_in: CallsIn::Fax,
            sets_up: SetsUp::Shared,
            ..phone
        },
    }
}
