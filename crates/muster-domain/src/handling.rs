//! What calls, faxes and messages reach besides people: groups, menus, fax accounts, SMS senders, on-call
//! schedules. Records, so that people can be depended on; what they do when called is the phone core's.

use crate::field::{Entity, EntityKind};
use crate::ids::{ConnectionId, MailboxId, PhoneNumberId, SiteId, UserId};
use crate::references::{AtRemoval, Refers};
use crate::types::{Bounded, Email, ExtensionNumber, FieldValue, Name};
use crate::user::User;
use crate::value::{FieldError, FieldType, Reason, Value};
use crate::{choice, entity};

choice! {
    GroupKind {
        /// Rings its members.
        RingGroup = "ring_group",
        /// Callers wait until somebody is free.
        Queue = "queue",
    }
}

choice! {
    /// In which order members ring.
    RingOrder { AtOnce = "at_once", InOrder = "in_order", LongestIdle = "longest_idle" }
}

entity! {
    /// People who are reached together under one number.
    pub struct Group(GroupId): Group {
        name: Name = Name::default() => Meta { label: "Name", required: true, key: Key::Folded, help: "What the group is called.", ..Meta::PLAIN };
        kind: GroupKind = GroupKind::RingGroup => Meta { label: "Kind", help: "ring_group or queue.", ..Meta::PLAIN };
        connection: Option<ConnectionId> = None => Meta { label: "Connection", edit: Edit::AtCreation,
            refers: Refers::to(&[EntityKind::Connection], AtRemoval::Restrict), help: "Whose dial plan its extension is in.", ..Meta::PLAIN };
        extension: Option<ExtensionNumber> = None => Meta { label: "Extension", key: Key::Plain,
            help: "The number that others dial; unique in the connection's dial plan.", ..Meta::PLAIN };
        site: Option<SiteId> = None => Meta { label: "Site", refers: Refers::to(&[EntityKind::Site], AtRemoval::Restrict),
            help: "The place it belongs to.", ..Meta::PLAIN };
        ring_order: RingOrder = RingOrder::AtOnce => Meta { label: "Ring order", help: "at_once, in_order or longest_idle.", ..Meta::PLAIN };
        ring_time_s: Bounded<5, 300> = Bounded(20) => Meta { label: "Ring time (s)",
            help: "How long each round rings, in seconds.", ..Meta::PLAIN };
        members: Vec<UserId> = Vec::new() => Meta { label: "Members", refers: Refers::to(&[EntityKind::User], AtRemoval::Detach),
            help: "Who rings, in order.", ..Meta::PLAIN };
        mailbox: Option<MailboxId> = None => Meta { label: "Mailbox", refers: Refers::to(&[EntityKind::Mailbox], AtRemoval::Detach),
            help: "Where a call goes that nobody answered.", ..Meta::PLAIN };
    }
    check(group) { goes_with_connection(group.extension.is_some(), group.connection.is_some()) }
}

/// An extension is a number in a dial plan.
fn goes_with_connection(extension: bool, connection: bool) -> Vec<FieldError> {
    if !extension || connection {
        return Vec::new();
    }
    vec![FieldError::new("connection", "is missing", "say in which connection's dial plan the extension is")]
}

/// What a key of a menu leads to: `1=user:ID`, `2=group:ID`, `0=menu:ID`, `9=mailbox:ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuEntry {
    /// `0` to `9`, `*`, `#`, or `t` for whoever presses nothing.
    pub key: char,
    pub to: EntityKind,
    pub id: uuid::Uuid,
}

/// What a menu may lead to.
pub const MENU_TARGETS: &[EntityKind] =
    &[EntityKind::User, EntityKind::Group, EntityKind::Menu, EntityKind::Mailbox];

impl FieldValue for MenuEntry {
    const TYPE: FieldType = FieldType::Text;

    fn parse(text: &str) -> Result<Self, Reason> {
        let wrong = || {
            let mend = "write a key, what it leads to and its id, such as 1=user:ID, 2=group:ID, 0=menu:ID or t=mailbox:ID";
            Reason::new("is not an entry of a menu", mend)
        };
        let (key, target) = text.trim().split_once('=').ok_or_else(wrong)?;
        let mut characters = key.trim().chars();
        let key = characters.next().filter(|_| characters.next().is_none()).ok_or_else(wrong)?;
        if !key.is_ascii_digit() && !matches!(key, '*' | '#' | 't') {
            return Err(wrong());
        }
        let (kind, id) = target.split_once(':').ok_or_else(wrong)?;
        let to = EntityKind::from_word(kind.trim())
            .filter(|kind| MENU_TARGETS.contains(kind))
            .ok_or_else(wrong)?;
        let id = uuid::Uuid::parse_str(id.trim()).map_err(|_| wrong())?;
        Ok(MenuEntry { key, to, id })
    }

    fn to_value(&self) -> Value {
        Value::Text(smol_str::format_smolstr!("{}={}:{}", self.key, self.to.word(), self.id))
    }

    fn from_value(value: &Value) -> Result<Self, Reason> {
        Self::parse(value.as_text().unwrap_or_default())
    }
}

entity! {
    /// An auto-receptionist: callers press a key.
    pub struct Menu(MenuId): Menu {
        name: Name = Name::default() => Meta { label: "Name", required: true, key: Key::Folded, help: "What the menu is called.", ..Meta::PLAIN };
        connection: Option<ConnectionId> = None => Meta { label: "Connection", edit: Edit::AtCreation,
            refers: Refers::to(&[EntityKind::Connection], AtRemoval::Restrict), help: "Whose dial plan its extension is in.", ..Meta::PLAIN };
        extension: Option<ExtensionNumber> = None => Meta { label: "Extension", key: Key::Plain,
            help: "The number that others dial; unique in the connection's dial plan.", ..Meta::PLAIN };
        site: Option<SiteId> = None => Meta { label: "Site", refers: Refers::to(&[EntityKind::Site], AtRemoval::Restrict),
            help: "The place it belongs to.", ..Meta::PLAIN };
        greeting: Option<Name> = None => Meta { label: "Greeting", help: "What is played, by its name.", ..Meta::PLAIN };
        entries: Vec<MenuEntry> = Vec::new() => Meta { label: "Keys", refers: Refers::to(MENU_TARGETS, AtRemoval::Detach),
            help: "What each key leads to: KEY=user:ID, KEY=group:ID, KEY=menu:ID or KEY=mailbox:ID; the key t is for whoever presses nothing.", ..Meta::PLAIN };
    }
    check(menu) {
        let mut errors = goes_with_connection(menu.extension.is_some(), menu.connection.is_some());
        let mut keys: Vec<char> = menu.entries.iter().map(|entry| entry.key).collect();
        keys.sort_unstable();
        if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            errors.push(FieldError::new("entries", format!("name the key {} twice", twice[0]), "give each key once"));
        }
        errors
    }
}

entity! {
    /// A number that faxes are sent from and arrive at.
    pub struct FaxAccount(FaxAccountId): FaxAccount {
        name: Name = Name::default() => Meta { label: "Name", required: true, key: Key::Folded, help: "What the fax account is called.", ..Meta::PLAIN };
        number: Option<PhoneNumberId> = None => Meta { label: "Number", key: Key::Plain,
            refers: Refers::to(&[EntityKind::PhoneNumber], AtRemoval::Restrict), help: "The number it sends from and receives at.", ..Meta::PLAIN };
        users: Vec<UserId> = Vec::new() => Meta { label: "Users", refers: Refers::to(&[EntityKind::User], AtRemoval::Detach),
            help: "Who sends with it and reads what arrives.", ..Meta::PLAIN };
        notification_addresses: Vec<Email> = Vec::new() => Meta { label: "Notification addresses",
            help: "Who is told of a fax.", ..Meta::PERSONAL };
    }
    check(_fax) { Vec::new() }
}

entity! {
    /// A number that text messages are sent from. Until its campaign is approved it only receives.
    pub struct SmsSender(SmsSenderId): SmsSender {
        name: Name = Name::default() => Meta { label: "Name", required: true, key: Key::Folded, help: "What the sender is called.", ..Meta::PLAIN };
        number: Option<PhoneNumberId> = None => Meta { label: "Number", required: true, key: Key::Plain,
            refers: Refers::to(&[EntityKind::PhoneNumber], AtRemoval::Restrict), help: "The number that messages come from.", ..Meta::PLAIN };
        campaign_approved: bool = false => Meta { label: "Campaign approved",
            help: "Carriers take its messages; until then it only receives.", ..Meta::PLAIN };
        users: Vec<UserId> = Vec::new() => Meta { label: "Users", refers: Refers::to(&[EntityKind::User], AtRemoval::Detach),
            help: "Who sends and receives with it.", ..Meta::PLAIN };
    }
    check(_sender) { Vec::new() }
}

entity! {
    /// Who is on duty, in turns.
    pub struct OnCallSchedule(OnCallScheduleId): OnCallSchedule {
        name: Name = Name::default() => Meta { label: "Name", required: true, key: Key::Folded, help: "What the schedule is called.", ..Meta::PLAIN };
        site: Option<SiteId> = None => Meta { label: "Site", refers: Refers::to(&[EntityKind::Site], AtRemoval::Restrict),
            help: "Whose time zone the shifts are in.", ..Meta::PLAIN };
        members: Vec<UserId> = Vec::new() => Meta { label: "Members", refers: Refers::to(&[EntityKind::User], AtRemoval::Detach),
            help: "Who takes turns, in order.", ..Meta::PLAIN };
        shift_h: Bounded<1, 336> = Bounded(24) => Meta { label: "Shift (h)", help: "How long each is on duty, in hours.", ..Meta::PLAIN };
    }
    check(_schedule) { Vec::new() }
}

/// Such as a HIPAA warning: what somebody must have read before a switch goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning {
    pub field: &'static str,
    /// The word by which it is acknowledged.
    pub word: &'static str,
    /// The option of an import that acknowledges it.
    pub option: &'static str,
    pub text: &'static str,
}

/// The switches of a user that carry a warning.
pub const USER_WARNINGS: &[Warning] = &[
    Warning {
        field: "voice_file_addresses",
        word: "hipaa_voice_mail",
        option: "acknowledge=hipaa_voice_mail",
        text: "Plain email is not fit for health information (HIPAA): switch this on only where no message can hold any.",
    },
    Warning {
        field: "sms",
        word: "hipaa_sms",
        option: "acknowledge=hipaa_sms",
        text: "Text messages to unprotected devices are not fit for health information (HIPAA), and nothing protects them beyond this system.",
    },
];

/// The warnings that somebody has read, by their words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acknowledged(u8);

impl Acknowledged {
    /// Of what was acknowledged before and comes back.
    pub const ALL: Acknowledged = Acknowledged(u8::MAX);

    /// Of a list of words; the first that names no warning is the error.
    pub fn of<'w>(words: impl IntoIterator<Item = &'w str>) -> Result<Acknowledged, Reason> {
        let mut acknowledged = Acknowledged::default();
        for word in words {
            let at = USER_WARNINGS.iter().position(|warning| warning.word == word.trim());
            let Some(at) = at else {
                let words: Vec<&str> = USER_WARNINGS.iter().map(|warning| warning.word).collect();
                return Err(Reason::new(
                    "is not the word of a warning",
                    format!("write {}", words.join(", or ")),
                ));
            };
            acknowledged.0 |= 1 << at;
        }
        Ok(acknowledged)
    }

    fn holds(self, at: usize) -> bool {
        self.0 & (1 << at) != 0
    }
}

/// The switches that a change turns on although their warning was not acknowledged.
pub fn unacknowledged(before: Option<&User>, after: &User, acknowledged: Acknowledged) -> Vec<FieldError> {
    let is_on = |user: &User, field: &str| match User::field(field).map(|field| (field.get)(user)) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::List(entries)) => !entries.is_empty(),
        Some(_) => true,
    };
    let carried = USER_WARNINGS.iter().enumerate().filter(|(at, warning)| {
        let is_turned_on =
            is_on(after, warning.field) && !before.is_some_and(|before| is_on(before, warning.field));
        is_turned_on && !acknowledged.holds(*at)
    });
    let error = |(_, warning): (usize, &Warning)| {
        let reason = format!("carries a warning. {}", warning.text);
        let mend = format!("acknowledge it by its word, {}, or leave it off", warning.word);
        FieldError::new(warning.field, reason, mend)
    };
    carried.map(error).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OrgId;

    #[test]
    fn a_switch_is_turned_on_by_whoever_acknowledged_its_own_warning_and_stays_on_without() {
        let off = User::blank(OrgId(uuid::Uuid::nil()), uuid::Uuid::from_u128(1));
        let mut on = off.clone();
        on.sms = true;
        on.voice_file_addresses = vec![Email::parse("ana@example.com").unwrap()];
        let fields = |before: Option<&User>, words: &[&str]| -> Vec<&str> {
            let acknowledged = Acknowledged::of(words.iter().copied()).unwrap();
            unacknowledged(before, &on, acknowledged).iter().map(|error| error.field).collect()
        };
        assert_eq!(fields(None, &[]), ["voice_file_addresses", "sms"]);
        assert_eq!(fields(Some(&off), &["hipaa_sms"]), ["voice_file_addresses"]);
        assert_eq!(fields(Some(&off), &["hipaa_sms", "hipaa_voice_mail"]), [""; 0]);
        assert_eq!(fields(Some(&on), &[]), [""; 0], "what is on stays on");
        assert_eq!(unacknowledged(Some(&on), &off, Acknowledged::default()), []);
        assert!(Acknowledged::of(["hipaa"]).is_err());
    }
}
