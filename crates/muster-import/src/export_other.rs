//! People written as another system takes them in, and what it has no room for.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use muster_domain::field::{Entity, FieldDef};
use muster_domain::ids::OrgId;
use muster_domain::user::{Service, User, UserType};
use muster_domain::value::Value;
use smol_str::{SmolStr, ToSmolStr};
use uuid::Uuid;

use crate::encode::{guard, value_to_text};
use crate::export::{ExportError, ExportMailbox, ExportRow, device_part};
use crate::format::{Format, Meaning, Taken};
use crate::formats::own::NOT_IN_FILES;

/// Of each thing that is left out, so many people are named.
const NAMED_MAX: usize = 5;

/// Something that the other system's file has no room for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    pub people: u64,
    /// The usernames of the first few.
    pub first: Vec<SmolStr>,
}

/// Writes people one by one; holds one row at a time, and the report.
pub struct OtherExporter<W: io::Write> {
    writer: csv::Writer<W>,
    format: Format,
    columns: Vec<Cell>,
    with_secrets: bool,
    /// Fields that a column holds.
    held: Vec<&'static str>,
    /// The other ones, and what they are where nothing was ever said of them.
    not_held: Vec<(&'static FieldDef<User>, Value)>,
    left_out: BTreeMap<String, LeftOut>,
    people_with_secrets: u64,
}

/// What became of a file for another system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtherReport {
    /// What it has no room for, by thing.
    pub left_out: BTreeMap<String, LeftOut>,
    /// How many people's password or PIN is in it.
    pub people_with_secrets: u64,
}

struct Cell {
    meaning: Meaning,
    field: Option<&'static FieldDef<User>>,
    fixed: Option<Fixed>,
}

/// A cell that the other system wants and that says nothing of the person.
#[derive(Clone, Copy)]
enum Fixed {
    Text(&'static str),
    /// The extension, with this before it.
    Extension(&'static str),
    Name,
}

impl<W: io::Write> OtherExporter<W> {
    /// Writes the header, if the format has one. Passwords and PINs are only in it `with_secrets`. `None` if
    /// the format is not another system's.
    pub fn new(sink: W, format: Format, with_secrets: bool) -> Result<Option<OtherExporter<W>>, ExportError> {
        if matches!(format, Format::Muster | Format::Mapped) {
            return Ok(None);
        }
        let rules = format.rules();
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(sink);
        let (mut columns, mut headers) = (Vec::new(), Vec::new());
        for rule in &rules.columns {
            let fixed = fixed(format, &rule.header);
            let is_wanted = fixed.is_some() || !matches!(rule.meaning, Meaning::Ignored(_));
            if (is_wanted && !is_of_another_list(format, &rule.header)) || has_every_column(format) {
                let field = match rule.meaning {
                    Meaning::Field(name) | Meaning::IfValid(name) => User::field(name),
                    Meaning::RingSeconds => User::field("call_timeout_s"),
                    _ => None,
                };
                columns.push(Cell { meaning: rule.meaning, field, fixed });
                headers.push(rule.header.as_str());
            }
        }
        if rules.positional.is_none() {
            writer.write_record(headers).map_err(io::Error::from)?;
        }
        let held = held_fields(&columns);
        let not_held = not_held_fields(&held);
        Ok(Some(OtherExporter {
            writer,
            format,
            columns,
            with_secrets,
            held,
            not_held,
            left_out: BTreeMap::new(),
            people_with_secrets: 0,
        }))
    }

    pub fn push(&mut self, row: &ExportRow<'_>) -> Result<(), ExportError> {
        let name_moves = self.moves_display_name(row.user);
        let mut holds_secrets = false;
        for cell in &self.columns {
            let text = match cell.meaning {
                Meaning::Field("given_name") if name_moves => Cow::Borrowed(row.user.display_name.as_str()),
                _ => cell.text(row, self.format, self.with_secrets),
            };
            holds_secrets |= cell.meaning.is_secret() && !text.is_empty();
            // A password with an apostrophe before it would be another password; so would a number.
            let text = if cell.meaning.is_secret() || is_number(&text) { text } else { guarded(text) };
            self.writer.write_field(text.as_bytes()).map_err(io::Error::from)?;
        }
        self.writer.write_record(None::<&[u8]>).map_err(io::Error::from)?;
        self.people_with_secrets += u64::from(holds_secrets);
        self.note_what_is_left_out(row);
        Ok(())
    }

    /// Gives the sink back, and what is in the file and what is not.
    pub fn finish(self) -> Result<(W, OtherReport), ExportError> {
        let sink = self.writer.into_inner().map_err(|error| ExportError::Write(error.into_error()))?;
        let (left_out, people_with_secrets) = (self.left_out, self.people_with_secrets);
        Ok((sink, OtherReport { left_out, people_with_secrets }))
    }

    fn note_what_is_left_out(&mut self, row: &ExportRow<'_>) {
        let mut left: Vec<String> = Vec::new();
        for (field, default) in &self.not_held {
            let is_held = field.name == "display_name"
                && (self.is_joined(row.user) || self.moves_display_name(row.user));
            if !is_held && (field.get)(row.user) != *default {
                left.push(field.meta.label.to_owned());
            }
        }
        left.extend(self.things_left_out(row).into_iter().map(str::to_owned));
        for thing in left {
            let entry = self.left_out.entry(thing).or_default();
            entry.people += 1;
            if entry.first.len() < NAMED_MAX {
                entry.first.push(row.user.username.to_smolstr());
            }
        }
    }

    /// Whether the name stands where the first name would: the person has no other, and the file no column for
    /// this one. Read again it is the same name.
    fn moves_display_name(&self, user: &User) -> bool {
        self.held.contains(&"given_name")
            && !self.held.contains(&"display_name")
            && user.given_name.is_none()
            && user.family_name.is_none()
    }

    /// Whether the name is its parts put together, and there are columns for these.
    fn is_joined(&self, user: &User) -> bool {
        let parts = [user.given_name.as_ref(), user.family_name.as_ref()];
        let joined = parts.iter().flatten().map(|name| name.as_str()).collect::<Vec<_>>().join(" ");
        self.held.contains(&"given_name")
            && self.held.contains(&"family_name")
            && joined == user.display_name.as_str()
    }

    /// What is not a field with a value of its own.
    fn things_left_out(&self, row: &ExportRow<'_>) -> Vec<&'static str> {
        let has = |is: fn(Meaning) -> bool| self.columns.iter().any(|cell| is(cell.meaning));
        let user = row.user;
        let mut left = Vec::new();
        let extension = user.extension.as_ref().map_or("", |e| e.as_str());
        if !self.held.contains(&"username") && user.username.as_str() != extension {
            left.push("Username (phones there sign in with the extension)");
        }
        if self.moves_display_name(user) {
            left.push("Display name alone (it is the first name there)");
        }
        if self.format == Format::Conductor && conductor_type(user.user_type).is_none() {
            left.push("User type (there is none such there)");
        }
        let has_status = has(|m| matches!(m, Meaning::ActiveIf(_) | Meaning::ActiveWord(_)));
        if !has_status && user.service != Service::Enabled {
            left.push("State (everybody is active there)");
        }
        if !has(|m| m == Meaning::Site) && !row.site.is_empty() {
            left.push("Site");
        }
        let has_mailbox =
            has(|m| matches!(m, Meaning::Voicemail | Meaning::VoicemailUnless(_) | Meaning::VoicemailNumber));
        let is_plain = matches!(row.mailbox, ExportMailbox::Own | ExportMailbox::None);
        if !is_plain || (!has_mailbox && row.mailbox == ExportMailbox::None) {
            left.push("Mailbox");
        }
        if row.has_voicemail_pin && !has(|m| m == Meaning::VoicemailPin) {
            left.push("Voicemail PIN");
        } else if row.has_voicemail_pin && !self.with_secrets {
            left.push("Voicemail PIN (export with secrets)");
        }
        if user.sip_secret.is_some() && !has(|m| m == Meaning::SipPassword) {
            left.push("SIP password");
        } else if user.sip_secret.is_some() && !self.with_secrets {
            left.push("SIP password (export with secrets)");
        }
        let room = usize::from(has(|m| matches!(m, Meaning::Device { .. })));
        if row.devices.iter().filter(|device| device.mac.is_some()).count() > room || row.devices.len() > room
        {
            left.push("Devices");
        }
        left
    }
}

impl Cell {
    fn text<'a>(&self, row: &ExportRow<'a>, format: Format, with_secrets: bool) -> Cow<'a, str> {
        let user = row.user;
        let extension = user.extension.as_ref().map_or("", |e| e.as_str());
        if let Some(fixed) = self.fixed {
            return match fixed {
                Fixed::Text(text) => Cow::Borrowed(text),
                Fixed::Extension(before) => Cow::Owned(format!("{before}{extension}")),
                Fixed::Name => Cow::Borrowed(user.display_name.as_str()),
            };
        }
        let secret = |text: Option<&'a str>| Cow::Borrowed(text.filter(|_| with_secrets).unwrap_or_default());
        let word = |yes: bool| Cow::Borrowed(yes_or_no(format, yes));
        let has_mailbox = row.mailbox != ExportMailbox::None;
        let device =
            |part| row.devices.first().and_then(|device| device_part(device, part)).unwrap_or_default();
        match self.meaning {
            Meaning::Field("user_type") if format == Format::Conductor => {
                Cow::Borrowed(conductor_type(user.user_type).unwrap_or(user.user_type.word()))
            }
            Meaning::Field(_) | Meaning::IfValid(_) | Meaning::RingSeconds => match self.field {
                Some(field) => Cow::Owned(value_to_text(&(field.get)(user), field.kind).into_owned()),
                None => Cow::Borrowed(""),
            },
            Meaning::Username { .. } => Cow::Borrowed(user.username.as_str()),
            Meaning::SipPassword => secret(row.secrets.sip_password),
            Meaning::VoicemailPin if has_mailbox => secret(row.secrets.voicemail_pin),
            Meaning::OnCallPin => secret(row.secrets.on_call_pin),
            Meaning::Site => Cow::Borrowed(row.site),
            Meaning::Voicemail => word(has_mailbox),
            Meaning::VoicemailUnless(no) => Cow::Borrowed(if has_mailbox { "default" } else { no }),
            Meaning::VoicemailNumber if has_mailbox => Cow::Borrowed(extension),
            Meaning::VoicemailWithoutPin => word(false),
            Meaning::ActiveIf(yes) => word((user.service == Service::Enabled) == yes),
            Meaning::ActiveWord(_) => {
                Cow::Borrowed(if user.service == Service::Enabled { "Active" } else { "Inactive" })
            }
            Meaning::NumberSeenInside => Cow::Borrowed(extension),
            Meaning::Device { slot: 0, part } => Cow::Borrowed(device(part)),
            Meaning::Language => {
                Cow::Owned(user.language.as_ref().map(|l| l.as_str().replace('-', "_")).unwrap_or_default())
            }
            Meaning::CallerId => caller_id(user),
            Meaning::CallerIdName { part: 0 } => {
                Cow::Borrowed(user.caller_id_name.as_ref().map_or("", |name| name.as_str()))
            }
            Meaning::MailboxEmail => mailbox_email(user),
            _ => Cow::Borrowed(""),
        }
    }
}

fn caller_id(user: &User) -> Cow<'_, str> {
    match (&user.caller_id_name, &user.caller_id_number) {
        (Some(name), Some(number)) => Cow::Owned(format!("\"{name}\" <{number}>")),
        (None, Some(number)) => Cow::Borrowed(number.as_str()),
        (_, None) => Cow::Borrowed(""),
    }
}

fn mailbox_email(user: &User) -> Cow<'_, str> {
    let told: Vec<&str> = user.notification_addresses.iter().map(|address| address.as_str()).collect();
    match told.is_empty() {
        true => Cow::Borrowed(user.email.as_ref().map_or("", |email| email.as_str())),
        false => Cow::Owned(told.join(",")),
    }
}

fn guarded(text: Cow<'_, str>) -> Cow<'_, str> {
    match guard(&text) {
        Cow::Owned(guarded) => Cow::Owned(guarded),
        Cow::Borrowed(_) => text,
    }
}

/// A sign and digits: what a spreadsheet makes of it is a number, and does nothing.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// What Conductor calls the types that it has.
const CONDUCTOR_TYPES: &[(&str, &str)] = &[
    ("user", "User"),
    ("virtual_user", "Virtual User"),
    ("limited", "Limited Extension"),
    ("message_only", "Message Only"),
    ("announcement_only", "Announcement Only"),
];

/// What Conductor calls a type; `None` where it has none such.
fn conductor_type(user_type: UserType) -> Option<&'static str> {
    let word = user_type.word();
    CONDUCTOR_TYPES.iter().find(|(ours, _)| *ours == word).map(|(_, theirs)| *theirs)
}

fn yes_or_no(format: Format, yes: bool) -> &'static str {
    match (format, yes) {
        (Format::ThreeCx | Format::Wazo, true) => "1",
        (Format::ThreeCx | Format::Wazo, false) => "0",
        (Format::FreePbx, true) => "yes",
        (Format::FreePbx, false) => "",
        (_, true) => "true",
        (_, false) => "false",
    }
}

fn fixed(format: Format, header: &str) -> Option<Fixed> {
    Some(match (format, header) {
        (Format::FreePbx, "tech") => Fixed::Text("pjsip"),
        (Format::FreePbx, "sipdriver") => Fixed::Text("chan_pjsip"),
        (Format::FreePbx, "devicetype") => Fixed::Text("fixed"),
        (Format::FreePbx, "dial") => Fixed::Extension("PJSIP/"),
        (Format::FreePbx, "id" | "user" | "account") => Fixed::Extension(""),
        (Format::FreePbx, "description") => Fixed::Name,
        (Format::Wazo, "context") => Fixed::Text("internal"),
        (Format::Wazo, "line_protocol") => Fixed::Text("sip"),
        (Format::FusionPbx, "directory_visible" | "directory_exten_visible") => Fixed::Text("true"),
        (Format::MikoPbx, "sip_transport") => Fixed::Text("udp"),
        (Format::IvozProvider, "ddiProvider") => Fixed::Text(""),
        _ => return None,
    })
}

/// FreePBX's list of users is another file than its list of extensions.
fn is_of_another_list(format: Format, header: &str) -> bool {
    let users = [
        "username",
        "default_extension",
        "fname",
        "lname",
        "displayname",
        "title",
        "company",
        "department",
        "email",
        "cell",
    ];
    format == Format::FreePbx && (users.contains(&header) || header == "cid_masquerade")
}

/// Where columns go by their place, none may be missing.
fn has_every_column(format: Format) -> bool {
    matches!(format, Format::ThreeCx | Format::IvozProvider)
}

fn held_fields(columns: &[Cell]) -> Vec<&'static str> {
    let mut held: Vec<&'static str> = Vec::new();
    for cell in columns.iter().filter(|cell| cell.fixed.is_none()) {
        if let Taken::Field(name) = cell.meaning.taken() {
            held.push(name);
        }
        match cell.meaning {
            Meaning::CallerId => held.push("caller_id_name"),
            Meaning::MailboxEmail => held.push("email"),
            _ => {}
        }
    }
    held
}

/// What the file has no column for, apart from what [`OtherExporter::things_left_out`] looks at.
fn not_held_fields(held: &[&'static str]) -> Vec<(&'static FieldDef<User>, Value)> {
    let by_itself = ["site", "connection", "mailbox", "sip_secret", "service", "username"];
    let is_looked_at = |field: &&FieldDef<User>| {
        let is_in_files = !NOT_IN_FILES.iter().any(|(name, _)| *name == field.name);
        is_in_files && !held.contains(&field.name) && !by_itself.contains(&field.name)
    };
    let blank = User::blank(OrgId(Uuid::nil()), Uuid::nil());
    User::fields().iter().filter(is_looked_at).map(|field| (field, (field.get)(&blank))).collect()
}
