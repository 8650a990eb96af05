//! The formats that are known, and what each column of one means.

use std::sync::OnceLock;

use muster_domain::types::fold;
use smol_str::SmolStr;

use crate::encode::unguard;
use crate::formats::reasons::leaves_work;
use crate::formats::{
    conductor, freepbx, fusionpbx, ivozprovider, mikopbx, own, ringotel, three_cx, wazo, webex,
};
use crate::mapping::Mapping;

/// A system's way of writing people down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Our own: what [`crate::Exporter`] writes.
    Muster,
    Ringotel,
    ThreeCx,
    FusionPbx,
    FreePbx,
    Wazo,
    Webex,
    MikoPbx,
    /// No header: eleven positions.
    IvozProvider,
    /// The template of RingCentral's Conductor.
    Conductor,
    /// None of these: the columns are what a [`crate::Mapping`] says.
    Mapped,
}

impl Format {
    /// Those that a file can be said or seen to be, in the order in which a header is compared with them.
    pub const ALL: &'static [Format] = &[
        Format::Muster,
        Format::Ringotel,
        Format::ThreeCx,
        Format::FusionPbx,
        Format::FreePbx,
        Format::Wazo,
        Format::Webex,
        Format::MikoPbx,
        Format::IvozProvider,
        Format::Conductor,
    ];

    /// The word on the command line and in the API.
    pub fn word(self) -> &'static str {
        match self {
            Format::Muster => "muster",
            Format::Ringotel => "ringotel",
            Format::ThreeCx => "3cx",
            Format::FusionPbx => "fusionpbx",
            Format::FreePbx => "freepbx",
            Format::Wazo => "wazo",
            Format::Webex => "webex",
            Format::MikoPbx => "mikopbx",
            Format::IvozProvider => "ivozprovider",
            Format::Conductor => "conductor",
            Format::Mapped => "mapped",
        }
    }

    pub fn from_word(word: &str) -> Option<Format> {
        Self::ALL.iter().copied().find(|format| format.word() == word)
    }

    /// What a person reads.
    pub fn label(self) -> &'static str {
        match self {
            Format::Muster => "Muster",
            Format::Ringotel => "Ringotel",
            Format::ThreeCx => "3CX",
            Format::FusionPbx => "FusionPBX",
            Format::FreePbx => "FreePBX",
            Format::Wazo => "Wazo",
            Format::Webex => "Webex",
            Format::MikoPbx => "MikoPBX",
            Format::IvozProvider => "IvozProvider",
            Format::Conductor => "Conductor",
            Format::Mapped => "a list with a mapping",
        }
    }

    /// The format that a header's columns are those of: all that mark it are there and, where it does
    /// not grow by itself, no others.
    pub fn recognize(header: &[&str]) -> Option<Format> {
        Self::ALL.iter().copied().find(|format| format.rules().fits(header))
    }

    pub(crate) fn rules(self) -> &'static Rules {
        static RULES: OnceLock<Vec<Rules>> = OnceLock::new();
        let every = || Self::ALL.iter().chain(&[Format::Mapped]).map(|format| format.make_rules()).collect();
        &RULES.get_or_init(every)[self as usize]
    }

    fn make_rules(self) -> Rules {
        match self {
            Format::Muster => own::rules(),
            Format::Ringotel => ringotel::rules(),
            Format::ThreeCx => three_cx::rules(),
            Format::FusionPbx => fusionpbx::rules(),
            Format::FreePbx => freepbx::rules(),
            Format::Wazo => wazo::rules(),
            Format::Webex => webex::rules(),
            Format::MikoPbx => mikopbx::rules(),
            Format::IvozProvider => ivozprovider::rules(),
            Format::Conductor => conductor::rules(),
            // A mapping of no columns.
            Format::Mapped => Mapping::default().rules(),
        }
    }
}

/// A column of a file, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// As the file writes it, outer spaces gone. Empty if the file gives it no name.
    pub header: SmolStr,
    pub taken: Taken,
}

impl Column {
    /// Whether it is not taken and what it holds may have to be set up by hand.
    pub fn leaves_work(&self) -> bool {
        matches!(self.taken, Taken::Ignored { why } if leaves_work(why))
    }
}

/// What a column becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// This field of the user. `sip_secret` and `on_call_pin` stand for the secret itself, `site` and
    /// `connection` for the name.
    Field(&'static str),
    Mailbox,
    /// This part of a device of theirs, such as `device_mac`.
    Device(&'static str),
    /// Whether the person is active.
    Status,
    Ignored {
        why: &'static str,
    },
}

/// All that is known of a format.
#[derive(Debug)]
pub(crate) struct Rules {
    pub columns: Vec<ColumnRule>,
    /// The columns that mark the format: all of one of these sets.
    pub marks: &'static [&'static [&'static str]],
    /// Without all of one of these sets nothing can be made of a file.
    pub required: &'static [&'static [&'static str]],
    /// Whether a header with further columns is still recognized. It is said to be this format by its
    /// marks then, and by knowing at least half of its columns.
    pub open: bool,
    pub names: Names,
    /// Our own: cells are guarded against formulas, and an empty one empties its field.
    pub own: bool,
    /// The format has no header: its columns go by position, and this says whether a row is one of its.
    pub positional: Option<fn(&[&str]) -> bool>,
    /// Why a column that is not in the table is not taken.
    pub else_why: &'static str,
}

/// Where the display name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// From a column of its own, else first and last name together.
    Joined,
    /// Else the extension: the system has people without a name.
    JoinedOrExtension,
}

#[derive(Debug)]
pub(crate) struct ColumnRule {
    pub header: SmolStr,
    /// The header as [`comparable`] makes it.
    key: String,
    pub meaning: Meaning,
}

impl ColumnRule {
    pub fn new(header: SmolStr, meaning: Meaning) -> ColumnRule {
        ColumnRule { key: comparable(&header), header, meaning }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A user field, read by the field table.
    Field(&'static str),
    /// A user name; where several are given, the one of the lowest rank is taken.
    Username {
        rank: u8,
    },
    SipPassword,
    OnCallPin,
    Site,
    Connection,
    /// `own`, `none`, a username, or `name:` and a name.
    MailboxOwner,
    /// Yes: a mailbox of their own. No: none.
    Voicemail,
    VoicemailPin,
    /// Yes: the mailbox has no PIN.
    VoicemailWithoutPin,
    /// Active if the cell says yes (`true`) or no (`false`).
    ActiveIf(bool),
    /// The number that colleagues see. It is always the extension here.
    NumberSeenInside,
    Device {
        slot: u8,
        part: DevicePart,
    },
    /// A user field where the cell is right for it; else a remark. For what is not the system's own rule.
    IfValid(&'static str),
    /// How long phones ring; nought and what is beyond our bounds gets a remark.
    RingSeconds,
    /// A language as `fr_FR` or `fr-FR`.
    Language,
    /// A number, `"Name" <number>`, `default` or `anonymous`.
    CallerId,
    /// A part of the caller ID's name; parts are joined in their order.
    CallerIdName {
        part: u8,
    },
    /// Active if the cell is this word, and not if it is another.
    ActiveWord(&'static str),
    /// A mailbox of their own unless the cell is this word.
    VoicemailUnless(&'static str),
    /// The mailbox's number: none means no mailbox.
    VoicemailNumber,
    /// Who is told of messages; a single one is the person's address too, if the file has no other.
    MailboxEmail,
    Ignored(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DevicePart {
    Name,
    Mac,
    Model,
    Serial,
    AuthName,
    SipPassword,
}

impl Meaning {
    pub fn taken(self) -> Taken {
        match self {
            Meaning::Field(name) => Taken::Field(name),
            Meaning::Username { .. } => Taken::Field("username"),
            Meaning::SipPassword => Taken::Field("sip_secret"),
            Meaning::OnCallPin => Taken::Field("on_call_pin"),
            Meaning::Site => Taken::Field("site"),
            Meaning::Connection => Taken::Field("connection"),
            Meaning::MailboxOwner
            | Meaning::Voicemail
            | Meaning::VoicemailPin
            | Meaning::VoicemailWithoutPin
            | Meaning::VoicemailUnless(_)
            | Meaning::VoicemailNumber => Taken::Mailbox,
            Meaning::IfValid(name) => Taken::Field(name),
            Meaning::RingSeconds => Taken::Field("call_timeout_s"),
            Meaning::Language => Taken::Field("language"),
            Meaning::CallerId => Taken::Field("caller_id_number"),
            Meaning::CallerIdName { .. } => Taken::Field("caller_id_name"),
            Meaning::MailboxEmail => Taken::Field("notification_addresses"),
            Meaning::ActiveIf(_) | Meaning::ActiveWord(_) => Taken::Status,
            Meaning::NumberSeenInside => Taken::Ignored { why: "colleagues always see the extension" },
            Meaning::Device { part, .. } => Taken::Device(match part {
                DevicePart::Name => "device_name",
                DevicePart::Mac => "device_mac",
                DevicePart::Model => "device_model",
                DevicePart::Serial => "device_serial",
                DevicePart::AuthName => "device_auth_name",
                DevicePart::SipPassword => "device_sip_password",
            }),
            Meaning::Ignored(why) => Taken::Ignored { why },
        }
    }

    /// Whether a cell of it is an extension or a telephone number.
    pub fn is_of_number(self) -> bool {
        let is_number = |name: &str| name == "extension" || name.ends_with("_number");
        match self {
            Meaning::Field(name) | Meaning::IfValid(name) => is_number(name),
            Meaning::CallerId => true,
            _ => false,
        }
    }

    /// Whether a cell of it is never shown.
    pub fn is_secret(self) -> bool {
        matches!(
            self,
            Meaning::SipPassword
                | Meaning::OnCallPin
                | Meaning::VoicemailPin
                | Meaning::Device { part: DevicePart::SipPassword, .. }
        )
    }
}

impl Rules {
    /// What most systems' lists have in common; a format says where it differs.
    pub fn of_system(
        table: &[(&'static str, Meaning)],
        marks: &'static [&'static [&'static str]],
        required: &'static [&'static [&'static str]],
    ) -> Rules {
        Rules {
            columns: columns(table),
            marks,
            required,
            open: true,
            names: Names::JoinedOrExtension,
            own: false,
            positional: None,
            else_why: "the format has no such column",
        }
    }

    pub fn meaning(&self, header: &str) -> Meaning {
        match self.rule(header) {
            Some(rule) => rule.meaning,
            None if header.trim().is_empty() => Meaning::Ignored("the column has no name"),
            None => Meaning::Ignored(self.else_why),
        }
    }

    /// A cell without the apostrophe that a spreadsheet keeps before a text: in our own format where
    /// [`crate::encode::guard`] has put it, else only where a number is meant.
    pub fn unguarded<'c>(&self, meaning: Meaning, cell: &'c str) -> &'c str {
        let bare = if self.own { unguard(cell) } else { cell };
        match bare.trim_start().strip_prefix('\'') {
            Some(number) if meaning.is_of_number() => number,
            _ => bare,
        }
    }

    pub fn knows(&self, header: &str) -> bool {
        self.rule(header).is_some()
    }

    fn rule(&self, header: &str) -> Option<&ColumnRule> {
        let key = comparable(header);
        self.columns.iter().find(|rule| rule.key == key)
    }

    /// What a header lacks of the one of `wanted` that it is nearest to.
    pub fn missing(wanted: &[&[&'static str]], header: &[&str]) -> Vec<&'static str> {
        let header: Vec<String> = header.iter().map(|h| comparable(h)).collect();
        let lacking = |set: &&[&'static str]| -> Vec<&'static str> {
            set.iter().copied().filter(|w| !header.contains(&comparable(w))).collect()
        };
        // The first of equals: it is the usual one.
        wanted.iter().map(lacking).min_by_key(Vec::len).unwrap_or_default()
    }

    fn fits(&self, header: &[&str]) -> bool {
        if self.positional.is_some() || !Rules::missing(self.marks, header).is_empty() {
            return false;
        }
        let named = header.iter().filter(|h| !h.trim().is_empty());
        let (known, unknown): (Vec<&&str>, Vec<&&str>) = named.partition(|h| self.knows(h));
        unknown.is_empty() || (self.open && known.len() >= unknown.len())
    }
}

impl Rules {
    /// Whether a line is a header of this format, be it one with columns missing: a person's name may be the
    /// name of a column, but not most of their cells.
    pub fn is_header(&self, cells: &[&str]) -> bool {
        let named = cells.iter().filter(|cell| !cell.trim().is_empty()).count();
        let known = cells.iter().filter(|cell| self.knows(cell)).count();
        let has_all = !self.required.is_empty() && Rules::missing(self.required, cells).is_empty();
        known > 0 && (known * 2 >= named || has_all)
    }

    /// The same with nothing missing that must be there.
    pub fn is_whole_header(&self, cells: &[&str]) -> bool {
        self.is_header(cells) && Rules::missing(self.required, cells).is_empty()
    }

    /// The names that the columns of a file without a header are shown by.
    pub fn positional_names(&self) -> Vec<SmolStr> {
        self.columns.iter().map(|rule| rule.header.clone()).collect()
    }
}

/// The form in which headers are compared: folded; spaces, hyphens and underscores alike.
pub(crate) fn comparable(header: &str) -> String {
    fold(header).replace([' ', '-'], "_")
}

/// The columns of a format from pairs of header and meaning.
pub(crate) fn columns(pairs: &[(&'static str, Meaning)]) -> Vec<ColumnRule> {
    let rule =
        |(header, meaning): &(&'static str, Meaning)| ColumnRule::new(SmolStr::new_static(header), *meaning);
    pairs.iter().map(rule).collect()
}
