//! A tenant and its places, connections, devices, mailboxes, phone numbers and tokens.

use crate::field::EntityKind;
use crate::ids::{SecretId, UserId};
use crate::references::{AtRemoval, Refers};
use crate::types::{
    AreaCode, Bounded, Country, Domain, E164, Email, ExtensionNumber, Mac, Name, Slug, Text, TimeZone,
    UnixMillis, Username,
};
use crate::user::Record;
use crate::value::FieldError;
use crate::{choice, entity};

choice! {
    ConnectionKind { Builtin = "builtin", Asterisk = "asterisk", Sip = "sip", Ringcentral = "ringcentral" }
}

choice! {
    /// What happens to calls where an emergency location is missing.
    EmergencyPolicy { Off = "off", Warn = "warn", Require = "require" }
}

entity! {
    /// A tenant: a company with its own dial plan and SIP domain. Nothing crosses its border.
    pub struct Organization(OrgId): Organization {
        name: Name = Name::default() => Meta { label: "Name", required: true, key: Key::Folded,
            help: "What the organization is called.", ..Meta::PLAIN };
        slug: Slug = Slug::default() => Meta { label: "Short name", required: true, edit: Edit::AtCreation,
            help: "Names the organization in addresses.", ..Meta::PLAIN };
        domain: Domain = Domain::default() => Meta { label: "SIP domain", required: true,
            undo: Undo::Compensated("phones that use the domain in between sign in again"),
            help: "The realm that phones authenticate to, and the right side of every address.", ..Meta::PLAIN };
        domain_aliases: Vec<Domain> = Vec::new() => Meta { label: "Domain aliases",
            help: "Further domains that phones moved from elsewhere may keep using.", ..Meta::PLAIN };
        country: Option<Country> = None => Meta { label: "Country",
            help: "Without it no number is guessed and no emergency policy is on.", ..Meta::PLAIN };
        time_zone: Option<TimeZone> = None => Meta { label: "Time zone", help: "For billing cycles and schedules.", ..Meta::PLAIN };
        emergency_policy: EmergencyPolicy = EmergencyPolicy::Off => Meta { label: "Emergency policy",
            help: "off, warn or require; a site may have its own.", ..Meta::PLAIN };
        trash_retention_days: Option<Bounded<1, 3650>> = None => Meta { label: "Trash kept (days)",
            help: "How long people in the trash can be restored, in days; then they are erased for good. Without it until somebody erases them.",
            ..Meta::PLAIN };
        secrets_exported_at: Option<UnixMillis> = None => Meta { label: "Secrets exported", edit: Edit::ByCommand,
            undo: Undo::Irreversible("a file with passwords is in somebody's hands"),
            help: "When a file with passwords was last exported.", ..Meta::PLAIN };
        /// Of the operator's organization alone.
        backed_up_at: Option<UnixMillis> = None => Meta { label: "Backed up", edit: Edit::ByCommand,
            undo: Undo::Irreversible("a backup that was made is in somebody's hands"),
            help: "When the whole installation was last backed up; of the operator's organization alone.", ..Meta::PLAIN };
        require_unique_emails: bool = true => Meta { label: "Require unique emails",
            help: "No two people have the same email. Without it those who share one are not invited, and it neither signs in nor resets a password.", ..Meta::PLAIN };
        invite_days: Bounded<1, 90> = Bounded(7) => Meta { label: "Invites live (days)",
            help: "How long the link of an invite works, in days.", ..Meta::PLAIN };
        single_sign_on: bool = false => Meta { label: "Single sign-on",
            help: "People sign in elsewhere: no password is asked for here.", ..Meta::PLAIN };
    }
    check(_organization) { Vec::new() }
}

entity! {
    /// A place.
    pub struct Site(SiteId): Site {
        name: Name = Name::default() => Meta { label: "Name", required: true, key: Key::Folded, help: "What the site is called.", ..Meta::PLAIN };
        country: Option<Country> = None => Meta { label: "Country", help: "Decides the emergency numbers.", ..Meta::PLAIN };
        time_zone: Option<TimeZone> = None => Meta { label: "Time zone", help: "For schedules and invites.", ..Meta::PLAIN };
        address: Option<Text> = None => Meta { label: "Address", help: "The postal address; not the one for emergencies.", ..Meta::PLAIN };
        caller_id_name: Option<Name> = None => Meta { label: "Default caller ID name", help: "Where a user has none.", ..Meta::PLAIN };
        caller_id_number: Option<E164> = None => Meta { label: "Default caller ID number", help: "Where a user has none.", ..Meta::PLAIN };
        emergency_location: Option<Text> = None => Meta { label: "Default emergency location", help: "Where a user has none.", ..Meta::PLAIN };
        emergency_numbers: Vec<ExtensionNumber> = Vec::new() => Meta { label: "Emergency numbers", help: "Such as 911, 112, 999.", ..Meta::PLAIN };
        emergency_policy: Option<EmergencyPolicy> = None => Meta { label: "Emergency policy",
            help: "off, warn or require; the organization's where none is given.", ..Meta::PLAIN };
    }
    check(_site) { Vec::new() }
}

entity! {
    /// How phones are served; a dial plan of its own.
    pub struct Connection(ConnectionId): Connection {
        name: Name = Name::default() => Meta { label: "Name", required: true, key: Key::Folded, help: "What the connection is called.", ..Meta::PLAIN };
        kind: ConnectionKind = ConnectionKind::Builtin => Meta { label: "Kind", edit: Edit::AtCreation,
            help: "builtin, asterisk, sip or ringcentral.", ..Meta::PLAIN };
        prefix: Option<ExtensionNumber> = None => Meta { label: "Prefix",
            help: "What other connections' people dial before this one's extensions.", ..Meta::PLAIN };
    }
    check(_connection) { Vec::new() }
}

choice! {
    /// How far a phone that was bought has come.
    DeviceState { Ordered = "ordered", Shipped = "shipped", InStock = "in_stock", Assigned = "assigned", Provisioned = "provisioned" }
}

entity! {
    /// A desk phone or a softphone. Each device beyond a user's first has a SIP credential of its own, so that
    /// a lost phone is cut off alone.
    pub struct Device(DeviceId): Device {
        name: Name = Name::default() => Meta { label: "Name", required: true, key: Key::Folded, help: "What the device is called.", ..Meta::PLAIN };
        model: Option<Name> = None => Meta { label: "Model", help: "Brand and model.", ..Meta::PLAIN };
        mac: Option<Mac> = None => Meta { label: "MAC address", aliases: &["mac_0", "mac"], key: Key::Plain, help: "Hardware address.", ..Meta::PLAIN };
        serial: Option<Name> = None => Meta { label: "Serial number", help: "As printed on the device.", ..Meta::PLAIN };
        user: Option<UserId> = None => Meta { label: "User", key: Key::Plain, refers: Refers::to(&[EntityKind::User], AtRemoval::Keep), help: "Who has it.", ..Meta::PLAIN };
        auth_name: Option<Username> = None => Meta { label: "Auth name", edit: Edit::ByCommand,
            help: "What the device authenticates as, if it has a credential of its own.", ..Meta::PLAIN };
        sip_secret: Option<SecretId> = None => Meta { label: "SIP password", privacy: Privacy::Secret, edit: Edit::ByCommand,
            undo: Undo::Compensated("the device signs in again"),
            help: "What the device registers with.", ..Meta::PLAIN };
        state: Option<DeviceState> = None => Meta { label: "State", edit: Edit::ByCommand,
            help: "ordered, shipped, in_stock, assigned or provisioned, of one that was bought here; nothing of one that was brought along.", ..Meta::PLAIN };
    }
    check(device) {
        if device.auth_name.is_some() == device.sip_secret.is_some() { return Vec::new(); }
        vec![FieldError::new("sip_secret", "goes with an auth name", "give both or neither")]
    }
}

entity! {
    /// Voicemail. It lives on its own: removing its owner leaves it and its messages.
    pub struct Mailbox(MailboxId): Mailbox {
        owner: Option<UserId> = None => Meta { label: "Owner", key: Key::Plain, refers: Refers::to(&[EntityKind::User], AtRemoval::Keep), help: "Whose it is.", ..Meta::PLAIN };
        name: Name = Name::default() => Meta { label: "Name", required: true, key: Key::Name, help: "What the mailbox is called.", ..Meta::PERSONAL };
        voicemail_pin: Option<SecretId> = None => Meta { label: "Voicemail PIN", aliases: &["pin", "voicemail_password", "vmpwd"],
            privacy: Privacy::Secret, edit: Edit::ByCommand, help: "Signs in to the mailbox by phone.", ..Meta::PLAIN };
        email: Option<Email> = None => Meta { label: "Email", help: "Who is told of messages.", ..Meta::PERSONAL };
    }
    check(_mailbox) { Vec::new() }
}

choice! {
    /// What a phone number is for.
    NumberKind {
        /// Nobody's yet.
        Inventory = "inventory",
        /// Reaches one user.
        Direct = "direct",
        /// The company's own.
        Main = "main",
        Fax = "fax",
        /// Works until the real one is brought in.
        Temporary = "temporary",
    }
}

entity! {
    /// A phone number in international form, once in an organization. One that is owned elsewhere is recorded,
    /// and neither ordered nor routed.
    pub struct PhoneNumber(PhoneNumberId): PhoneNumber {
        number: E164 = E164::default() => Meta { label: "Number", required: true, edit: Edit::AtCreation, key: Key::Plain,
            help: "In international form.", ..Meta::PERSONAL };
        kind: NumberKind = NumberKind::Inventory => Meta { label: "Kind",
            help: "inventory, direct, main, fax or temporary.", ..Meta::PLAIN };
        owned_elsewhere: bool = false => Meta { label: "Owned elsewhere",
            help: "Recorded, neither ordered nor routed.", ..Meta::PLAIN };
        user: Option<UserId> = None => Meta { label: "User", key: Key::Plain, refers: Refers::to(&[EntityKind::User], AtRemoval::Detach), help: "Whom it reaches.", ..Meta::PLAIN };
        country: Option<Country> = None => Meta { label: "Country", key: Key::Plain, help: "Where it is of, if that is known.", ..Meta::PLAIN };
        region: Option<Name> = None => Meta { label: "State or province", help: "Where in the country, if that is known.", ..Meta::PLAIN };
        area_code: Option<AreaCode> = None => Meta { label: "Area code", key: Key::Plain, help: "Its digits after the country code, if they are known.", ..Meta::PLAIN };
    }
    check(_number) { Vec::new() }
}

entity! {
    /// A bearer token of the API. The token itself is kept as a hash and is shown once.
    pub struct Token(TokenId): Token {
        name: Name = Name::default() => Meta { label: "Name", required: true, help: "What the token is for.", ..Meta::PLAIN };
        role: Text = Text::parse(crate::roles::READER).unwrap_or_default() => Meta { label: "Role", required: true, edit: Edit::AtCreation,
            help: "What it may do: a role, or several with commas between; each with @ and a site's id where it is for that site's people only.", ..Meta::PLAIN };
        token_hash: Text = Text::default() => Meta { label: "Hash", required: true, edit: Edit::AtCreation, key: Key::Plain,
            privacy: Privacy::Secret, help: "SHA-256 of the token, hexadecimal.", ..Meta::PLAIN };
        record: Record = Record::Live => Meta { label: "Record", edit: Edit::ByCommand, help: "live, or trashed: refused.", ..Meta::PLAIN };
        expires_at: Option<UnixMillis> = None => Meta { label: "Expires", help: "When it stops working.", ..Meta::PLAIN };
    }
    check(_token) { Vec::new() }
}
