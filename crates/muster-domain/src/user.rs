//! The identity of a person (or of a shared phone, a mailbox, an announcement), and all they carry.

use crate::field::EntityKind;
use crate::ids::{ConnectionId, MailboxId, SecretId, SiteId};
use crate::references::{AtRemoval, Refers};
use crate::types::{
    AlternateNumber, AreaCode, Bounded, Country, E164, Email, ExtensionNumber, Language, Name, Tag, Text,
    TimeZone, UnixMillis, Username,
};
use crate::value::FieldError;
use crate::{choice, entity};

choice! {
    /// What a user is; what each may do is [`crate::capabilities::capabilities`].
    UserType {
        User = "user",
        VirtualUser = "virtual_user",
        VideoPro = "video_pro",
        Mobile = "mobile",
        Limited = "limited",
        MessageOnly = "message_only",
        AnnouncementOnly = "announcement_only",
        Fax = "fax",
    }
}

choice! {
    /// Whether a user may register and sign in, and is counted.
    Service {
        /// In everybody's contact list, and no more. Not counted.
        ContactOnly = "contact_only",
        /// Will be activated: waits for an invite or for credentials. Never reached again once left.
        NotActivated = "not_activated",
        /// May register and sign in. Counted.
        Enabled = "enabled",
        /// Switched off by an administrator, with a reason.
        Disabled = "disabled",
        /// Switched off by the operator: fraud, debt.
        Frozen = "frozen",
    }
}

choice! {
    /// Whether the record is in use. What is trashed can be restored until it is purged.
    Record { Live = "live", Trashed = "trashed" }
}

choice! {
    SetupWizard { NotStarted = "not_started", Completed = "completed" }
}

choice! {
    ForwardBehaviour {
        /// The person's devices.
        RingMyPhone = "ring_my_phone",
        /// Devices and the alternate number together.
        Simultaneous = "simultaneous",
        /// Devices for the call timeout, then the alternate number.
        Sequential = "sequential",
        /// Only the alternate number.
        Forward = "forward",
    }
}

const PHONES_DROP: Undo = Undo::Compensated("phones that use the secret in between sign in again");

use crate::field::Undo;

entity! {
    /// A user. Names are never split or joined by guess: a file that has only a display name gives only that.
    pub struct User(UserId): User {
        user_type: UserType = UserType::User => Meta {
            label: "User type", aliases: &["type", "extension type"], edit: Edit::AtCreation,
            help: "What the user is; decides what they can do and what they cost.", ..Meta::PLAIN };
        display_name: Name = Name::default() => Meta {
            label: "Display name", aliases: &["name", "full name", "effective_caller_id_name", "displayname"],
            required: true, key: Key::Name,
            help: "What others see.", ..Meta::PERSONAL };
        given_name: Option<Name> = None => Meta {
            label: "First name", aliases: &["first name", "firstname", "given name", "directory_first_name", "fname"],
            help: "Given name.", ..Meta::PERSONAL };
        family_name: Option<Name> = None => Meta {
            label: "Last name", aliases: &["last name", "lastname", "surname", "directory_last_name", "lname"],
            key: Key::Name,
            help: "Family name.", ..Meta::PERSONAL };
        extension: Option<ExtensionNumber> = None => Meta {
            label: "Extension", aliases: &["ext", "number", "exten", "extension number"], key: Key::Plain,
            help: "The number that others dial; unique in the connection's dial plan.", ..Meta::PLAIN };
        username: Username = Username::default() => Meta {
            label: "Username", aliases: &["authid", "authname", "auth name", "sip_username"],
            required: true, edit: Edit::AtCreation, key: Key::Folded,
            help: "Authenticates phones and identifies the user; fixed for life. The extension where none is given.",
            ..Meta::PERSONAL };
        email: Option<Email> = None => Meta {
            label: "Email", aliases: &["email address", "emailaddress", "e-mail", "mail"], key: Key::Folded,
            help: "Signs in, and receives invites and password resets.", ..Meta::PERSONAL };
        service: Service = Service::ContactOnly => Meta {
            label: "State", edit: Edit::ByCommand, key: Key::Plain,
            help: "contact_only, not_activated, enabled, disabled or frozen. Enabled users are counted.", ..Meta::PLAIN };
        disabled_reason: Option<Text> = None => Meta {
            label: "Reason for disabling", edit: Edit::ByCommand, help: "Why the user is disabled.", ..Meta::PERSONAL };
        disabled_comment: Option<Text> = None => Meta {
            label: "Comment on disabling", edit: Edit::ByCommand, help: "More on why.", ..Meta::PERSONAL };
        disabled_until: Option<UnixMillis> = None => Meta {
            label: "Disabled until", edit: Edit::ByCommand, help: "When the reason is expected to end.", ..Meta::PLAIN };
        record: Record = Record::Live => Meta {
            label: "Record", edit: Edit::ByCommand, help: "live, or trashed and restorable.", ..Meta::PLAIN };
        setup_wizard: SetupWizard = SetupWizard::NotStarted => Meta {
            label: "Set-up", edit: Edit::ByCommand, help: "Whether the user has been through first sign-in.", ..Meta::PLAIN };
        site: Option<SiteId> = None => Meta {
            label: "Site", aliases: &["location", "office", "branch"], required: true, key: Key::Plain,
            refers: Refers::to(&[EntityKind::Site], AtRemoval::Restrict),
            help: "The place the user belongs to.", ..Meta::PLAIN };
        connection: Option<ConnectionId> = None => Meta {
            label: "Connection", required: true, edit: Edit::AtCreation,
            refers: Refers::to(&[EntityKind::Connection], AtRemoval::Restrict),
            help: "How the user's phones are served.", ..Meta::PLAIN };
        sip_secret: Option<SecretId> = None => Meta {
            label: "SIP password", aliases: &["password", "authpassword", "sip password", "secret"],
            privacy: Privacy::Secret, edit: Edit::ByCommand, undo: PHONES_DROP,
            help: "What the first phone registers with.", ..Meta::PLAIN };
        max_bindings: Bounded<1, 50> = Bounded(5) => Meta {
            label: "Phones at once",
            help: "How many phones may be registered at once; the newest beyond it is refused.", ..Meta::PLAIN };
        roles: Vec<Name> = vec![Name::parse("user").unwrap_or_default()] => Meta {
            label: "Roles", aliases: &["role"], refers: Refers::to(&[EntityKind::Site], AtRemoval::Restrict),
            help: "What the user may do: built-in roles and the organization's own; with @ and a site for that site's people only.", ..Meta::PLAIN };
        caller_id_name: Option<Name> = None => Meta {
            label: "External caller ID name", aliases: &["outbound_caller_id_name", "caller id name"],
            help: "The name that outside parties see (CNAM).", ..Meta::PERSONAL };
        caller_id_number: Option<E164> = None => Meta {
            label: "External caller ID number",
            aliases: &["outboundcallerid", "outbound_caller_id_number", "caller id number", "outgoing_caller_id", "outboundcid"],
            help: "The number that outside parties see; the site's where none is given.", ..Meta::PERSONAL };
        direct_number: Option<E164> = None => Meta {
            label: "Direct number", aliases: &["phone", "phone number", "phone #", "did", "ddi", "direct dial"],
            help: "The number that reaches this user from outside.", ..Meta::PERSONAL };
        mobile_number: Option<E164> = None => Meta {
            label: "Mobile number", aliases: &["mobile", "mobilenumber", "mobile_phone_number", "cell"],
            help: "A mobile phone of the user's own.", ..Meta::PERSONAL };
        alternate_number: Option<AlternateNumber> = None => Meta {
            label: "Alternate number", aliases: &["forward to"], key: Key::Plain,
            help: "An extension or number that calls are forwarded to.", ..Meta::PERSONAL };
        call_timeout_s: Bounded<5, 120> = Bounded(20) => Meta {
            label: "Call timeout (s)", aliases: &["call_timeout", "ring_seconds", "ringtimer", "ring time"],
            help: "How long the phones ring, in seconds.", ..Meta::PLAIN };
        forward_behaviour: ForwardBehaviour = ForwardBehaviour::RingMyPhone => Meta {
            label: "Forwarding", help: "Which of devices and alternate number ring, and in what order.", ..Meta::PLAIN };
        press_1_to_accept: bool = true => Meta {
            label: "Press 1 to accept",
            help: "An outside alternate must press 1, so that a carrier's mailbox does not swallow the call.", ..Meta::PLAIN };
        alternate_ring_time_s: Bounded<5, 120> = Bounded(25) => Meta {
            label: "Alternate ring time (s)", help: "How long the alternate number rings, in seconds.", ..Meta::PLAIN };
        emergency_location: Option<Text> = None => Meta {
            label: "Emergency location", aliases: &["emergency address", "erl"],
            help: "The nickname of a dispatchable address; the site's default where none is given.", ..Meta::PERSONAL };
        mailbox: Option<MailboxId> = None => Meta {
            label: "Mailbox", refers: Refers::to(&[EntityKind::Mailbox], AtRemoval::Detach), help: "Where messages for the user go: their own, another's, or none.", ..Meta::PLAIN };
        notification_addresses: Vec<Email> = Vec::new() => Meta {
            label: "Notification addresses", help: "Who is told of a new message.", ..Meta::PERSONAL };
        voice_file_addresses: Vec<Email> = Vec::new() => Meta {
            label: "Voice file addresses",
            help: "Who is sent the recording itself. Health information must not be sent by plain email (HIPAA).",
            ..Meta::PERSONAL };
        fax_account: Option<Name> = None => Meta {
            label: "Fax account", help: "The fax account that the user sends with.", ..Meta::PLAIN };
        on_call_pin: Option<SecretId> = None => Meta {
            label: "On-call PIN", privacy: Privacy::Secret, edit: Edit::ByCommand,
            help: "Signs in to the on-call schedule by phone.", ..Meta::PLAIN };
        on_call_reminder_min: Bounded<0, 1440> = Bounded(15) => Meta {
            label: "On-call reminder (min)", help: "How long before duty the reminder comes, in minutes.", ..Meta::PLAIN };
        sms: bool = false => Meta {
            label: "SMS", help: "May send and receive SMS; needs a sender. Not for health information (HIPAA).", ..Meta::PLAIN };
        mobile_stun: bool = false => Meta {
            label: "Mobile STUN",
            help: "Gives the app STUN and TURN; changing it signs the app in again.", ..Meta::PLAIN };
        unassigned_extension_country: Option<Country> = None => Meta {
            label: "Unassigned extension country",
            help: "The country to take an unassigned extension from.", ..Meta::PLAIN };
        unassigned_extension_area_code: Option<AreaCode> = None => Meta {
            label: "Unassigned extension area code",
            help: "The area code to take an unassigned extension from.", ..Meta::PLAIN };
        title: Option<Text> = None => Meta {
            label: "Title", aliases: &["position", "job title"], help: "What the person does.", ..Meta::PERSONAL };
        department: Option<Text> = None => Meta {
            label: "Department", aliases: &["dept", "description"], help: "Where the person works.", ..Meta::PERSONAL };
        company: Option<Text> = None => Meta {
            label: "Company", help: "The company the person works for.", ..Meta::PERSONAL };
        cost_centre: Option<Text> = None => Meta {
            label: "Cost centre", aliases: &["cost center"], help: "Who pays.", ..Meta::PLAIN };
        language: Option<Language> = None => Meta {
            label: "Language", aliases: &["preferred language"], help: "For mail and prompts.", ..Meta::PERSONAL };
        time_zone: Option<TimeZone> = None => Meta {
            label: "Time zone", help: "The site's where none is given.", ..Meta::PERSONAL };
        tags: Vec<Tag> = Vec::new() => Meta {
            label: "Tags", help: "Words of the organization's own, key:value.", ..Meta::PLAIN };
    }
    check(user) { check_user(user) }
}

/// At most this many tags on one user (`domain.md`, *Tag*).
const TAGS_MAX: usize = 20;

fn check_user(user: &User) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let disabled = user.service == Service::Disabled;
    if disabled && user.disabled_reason.is_none() {
        errors.push(FieldError::new("disabled_reason", "is missing", "say why the user is disabled"));
    }
    if !disabled && (user.disabled_reason.is_some() || user.disabled_until.is_some()) {
        errors.push(FieldError::new(
            "disabled_reason",
            "belongs to a disabled user",
            "disable the user, or leave it out",
        ));
    }
    if user.tags.len() > TAGS_MAX {
        errors.push(FieldError::new(
            "tags",
            format!("are more than {TAGS_MAX}"),
            format!("keep at most {TAGS_MAX}"),
        ));
    }
    let forwards = user.forward_behaviour != ForwardBehaviour::RingMyPhone;
    if forwards && user.alternate_number.is_none() {
        errors.push(FieldError::new(
            "alternate_number",
            format!("is missing for {}", user.forward_behaviour),
            "give an alternate number, or let the person's phones ring",
        ));
    }
    if let (Some(alternate), Some(own)) = (&user.alternate_number, &user.extension)
        && alternate.as_str() == own.as_str()
    {
        errors.push(FieldError::new(
            "alternate_number",
            "is the user's own extension",
            "give another number",
        ));
    }
    let own_phone = crate::capabilities::of_type(user.user_type).registers;
    if user.service == Service::Enabled && own_phone && user.sip_secret.is_none() {
        errors.push(FieldError::new(
            "sip_secret",
            "is missing",
            "set or generate a SIP password before activating",
        ));
    }
    if user.service == Service::Enabled && own_phone && user.extension.is_none() {
        errors.push(FieldError::new(
            "extension",
            "is missing",
            "give the user an extension before activating",
        ));
    }
    errors
}
