//! A row on its way: cells as they come, and what can only be decided once all of them are read.

use muster_domain::types::{FieldValue, Mac, Name, Username};
use muster_domain::value::{Reason, Value};
use smol_str::{SmolStr, format_smolstr};

use crate::error::{CellError, Remark};
use crate::foreign;
use crate::format::{Column, DevicePart, Meaning, Names, Rules};
use crate::judge::Step;
use crate::mangled::{self, Mangled};
use crate::row::{DeviceWish, FileStatus, MailboxWish, Row, Secret};

/// A cell is shown up to this length.
const FOUND_CHARACTERS_MAX: usize = 60;
const SIP_PASSWORD_CHARACTERS_MAX: usize = 128;
const PIN_DIGITS_MAX: usize = 20;
/// Stands in an error for a password or PIN.
pub const NOT_SHOWN: &str = "(not shown)";

/// A row on its way, with what can only be decided once all cells are read.
pub(crate) struct Draft<'c, 'r> {
    pub row: Row,
    columns: &'c [Column],
    username: Option<Candidate<'r>>,
    other_username: Option<Candidate<'r>>,
    number_inside: Option<(usize, &'r str)>,
    voicemail: Option<bool>,
    without_pin: bool,
    pin: Option<(usize, &'r str)>,
    /// Fields whose cells were wrong: they are not also called missing.
    pub failed: Vec<&'static str>,
    /// By slot.
    devices: Vec<DeviceWish>,
}

#[derive(Clone, Copy)]
struct Candidate<'r> {
    rank: u8,
    column: usize,
    text: &'r str,
}

impl<'c, 'r> Draft<'c, 'r> {
    pub fn new(row: Row, columns: &'c [Column]) -> Draft<'c, 'r> {
        Draft {
            row,
            columns,
            username: None,
            other_username: None,
            number_inside: None,
            voicemail: None,
            without_pin: false,
            pin: None,
            failed: Vec::new(),
            devices: Vec::new(),
        }
    }

    pub fn take_value(
        &mut self,
        column: usize,
        cell: &str,
        step: &Step,
        name: &'static str,
        value: Result<Value, Reason>,
    ) {
        match value {
            Ok(value) => self.row.person.values.push((name, value)),
            Err(reason) => {
                self.failed.push(name);
                match mangled::number(cell).filter(|_| step.is_of_digits()) {
                    Some(mangled) => self.fail_mangled(column, cell, step, mangled),
                    None => self.fail_cell(column, cell, step, reason),
                }
            }
        }
    }

    /// Of a cell whose content is lost.
    pub fn fail_mangled(&mut self, column: usize, cell: &str, step: &Step, mangled: Mangled) {
        self.fail_cell(column, cell, step, mangled.into());
        if let Some(error) = self.row.errors.last_mut() {
            error.lost = Some(mangled.reason);
        }
    }

    pub fn take_secret(&mut self, column: usize, cell: &'r str, step: &Step) {
        let secret = match step.meaning {
            // Judged when it is clear that there is a mailbox for it.
            Meaning::VoicemailPin => {
                self.pin = Some((column, cell));
                return;
            }
            Meaning::SipPassword => sip_password(cell).map(|s| self.row.person.sip_password = Some(s)),
            Meaning::Device { slot, .. } => {
                sip_password(cell).map(|s| self.device(slot).sip_password = Some(s))
            }
            _ => pin(cell).map(|s| self.row.person.on_call_pin = Some(s)),
        };
        if let Err(reason) = secret {
            self.fail_cell(column, cell, step, reason);
        }
    }

    pub fn take_other(&mut self, column: usize, cell: &'r str, step: &Step) -> Result<(), Reason> {
        let person = &mut self.row.person;
        match step.meaning {
            Meaning::Username { rank } => self.take_username(Candidate { rank, column, text: cell }),
            Meaning::Site => person.site_name = Some(Name::parse(cell)?.to_smol()),
            Meaning::Connection => person.connection_name = Some(Name::parse(cell)?.to_smol()),
            Meaning::MailboxOwner => person.mailbox = mailbox(cell)?,
            Meaning::Voicemail => self.voicemail = Some(bool::parse(cell)?),
            Meaning::VoicemailWithoutPin => self.without_pin = bool::parse(cell)?,
            Meaning::ActiveIf(word) => {
                let active = bool::parse(cell)? == word;
                person.status = Some(if active { FileStatus::Active } else { FileStatus::Inactive });
            }
            Meaning::NumberSeenInside => self.number_inside = Some((column, cell)),
            Meaning::Device { slot, part } => {
                let device = self.device(slot);
                match part {
                    DevicePart::Name => device.name = Some(Name::parse(cell)?),
                    DevicePart::Mac => device.mac = Some(Mac::parse(cell)?),
                    DevicePart::Model => device.model = Some(Name::parse(cell)?),
                    DevicePart::Serial => device.serial = Some(Name::parse(cell)?),
                    DevicePart::AuthName => device.auth_name = Some(Username::parse(cell)?),
                    // A secret, taken as such.
                    DevicePart::SipPassword => {}
                }
            }
            Meaning::VoicemailUnless(word) => {
                self.voicemail = Some(!cell.trim().eq_ignore_ascii_case(word));
            }
            Meaning::VoicemailNumber => self.voicemail = Some(true),
            Meaning::ActiveWord(word) => {
                let active = cell.trim().eq_ignore_ascii_case(word);
                person.status = Some(if active { FileStatus::Active } else { FileStatus::Inactive });
            }
            Meaning::IfValid(_)
            | Meaning::RingSeconds
            | Meaning::Language
            | Meaning::CallerId
            | Meaning::CallerIdName { .. }
            | Meaning::MailboxEmail => {
                let read = foreign::read(step.meaning, cell);
                if let Some(remark) = read.remark {
                    let mangled = mangled::number(cell).filter(|_| step.is_of_digits());
                    let said = mangled.map(|m| format!("is not taken, for it {}: {}", m.reason, m.mend));
                    self.remark(column, found(cell.trim()), said.unwrap_or(remark));
                }
                for (name, value) in read.values {
                    self.take_foreign(name, value);
                }
            }
            Meaning::Field(_)
            | Meaning::SipPassword
            | Meaning::OnCallPin
            | Meaning::VoicemailPin
            | Meaning::Ignored(_) => {}
        }
        Ok(())
    }

    fn device(&mut self, slot: u8) -> &mut DeviceWish {
        let slot = usize::from(slot);
        if self.devices.len() <= slot {
            self.devices.resize_with(slot + 1, DeviceWish::default);
        }
        &mut self.devices[slot]
    }

    /// A value that a cell implies; a column of the field's own goes before it.
    fn take_foreign(&mut self, name: &'static str, value: Value) {
        match self.row.person.values.iter_mut().find(|(n, _)| *n == name) {
            None => self.row.person.values.push((name, value)),
            Some((_, Value::Text(before))) if name == "caller_id_name" => {
                if let Value::Text(more) = value {
                    *before = format_smolstr!("{before} {more}");
                }
            }
            Some(_) => {}
        }
    }

    fn take_username(&mut self, candidate: Candidate<'r>) {
        match self.username {
            Some(first) if first.rank <= candidate.rank => self.other_username = Some(candidate),
            first => {
                self.other_username = first;
                self.username = Some(candidate);
            }
        }
    }

    pub fn finish(&mut self, rules: &Rules, steps: &[Step]) {
        self.finish_username(steps);
        self.finish_display_name(rules, steps);
        self.finish_mailbox(steps);
        self.finish_devices(rules, steps);
        if let Some((column, number)) = self.number_inside
            && self.row.person.text("extension").is_some_and(|extension| extension != number.trim())
        {
            let why = "is not taken: colleagues always see the extension".to_owned();
            self.remark(column, found(number), why);
        }
    }

    fn finish_username(&mut self, steps: &[Step]) {
        let person = &mut self.row.person;
        let Some(taken) = self.username else {
            match person.text("extension").map(Value::text) {
                Some(extension) => self.default_to("username", extension),
                None if self.failed.iter().any(|name| ["username", "extension"].contains(name)) => {}
                None => self.fail_missing_username(steps),
            }
            return;
        };
        match Username::parse(taken.text) {
            Ok(username) => person.values.push(("username", username.to_value())),
            Err(reason) => self.fail_cell(taken.column, taken.text, &steps[taken.column], reason),
        }
        if let Some(other) = self.other_username
            && other.text.trim() != taken.text.trim()
        {
            let by = &self.columns[taken.column].header;
            let why = format!("is not taken: phones sign in with the {by}");
            self.remark(other.column, found(other.text), why);
        }
    }

    fn fail_missing_username(&mut self, steps: &[Step]) {
        let is_username = |step: &Step| matches!(step.meaning, Meaning::Username { .. });
        let is_extension = |step: &Step| step.meaning == Meaning::Field("extension");
        let column = steps.iter().position(is_username).or_else(|| steps.iter().position(is_extension));
        self.lack("username", column, Reason::new("is missing", "give a username or an extension"));
    }

    fn finish_display_name(&mut self, rules: &Rules, steps: &[Step]) {
        let person = &self.row.person;
        let sources: &[&str] = match rules.names {
            Names::Joined => &["display_name", "given_name", "family_name"],
            Names::JoinedOrExtension => &["display_name", "given_name", "family_name", "extension"],
        };
        if person.text("display_name").is_some() || self.failed.iter().any(|name| sources.contains(name)) {
            return;
        }
        let column_of = |name: &'static str| steps.iter().position(|s| s.meaning == Meaning::Field(name));
        let column = column_of("display_name").or_else(|| column_of("given_name"));
        let parts: Vec<&str> = ["given_name", "family_name"].iter().filter_map(|n| person.text(n)).collect();
        let may_be_extension = rules.names == Names::JoinedOrExtension;
        if !parts.is_empty() {
            match Name::parse(&parts.join(" ")) {
                Ok(name) => self.default_to("display_name", name.to_value()),
                Err(reason) => {
                    self.fail(column.map(|c| self.columns[c].header.clone()), String::new(), reason);
                }
            }
        } else if let (true, Some(extension)) = (may_be_extension, person.text("extension").map(Value::text))
        {
            self.default_to("display_name", extension);
            if let Some(column) = column {
                self.remark(column, String::new(), "is empty: the extension is shown as the name".to_owned());
            }
        } else {
            self.lack(
                "display_name",
                column,
                Reason::new("is missing", "write the name that others shall see"),
            );
        }
    }

    fn default_to(&mut self, name: &'static str, value: Value) {
        self.row.person.values.push((name, value));
        self.row.person.defaulted.push(name);
    }

    fn finish_mailbox(&mut self, steps: &[Step]) {
        if self.voicemail.is_none() && steps.iter().any(|s| s.meaning == Meaning::VoicemailNumber) {
            self.voicemail = Some(false);
        }
        if let Some(wanted) = self.voicemail {
            self.row.person.mailbox = if wanted { MailboxWish::Own { pin: None } } else { MailboxWish::None };
        }
        let Some((column, cell)) = self.pin else { return };
        let why = match &self.row.person.mailbox {
            MailboxWish::Keep | MailboxWish::Own { .. } if !self.without_pin => {
                match pin(cell) {
                    Ok(pin) => self.row.person.mailbox = MailboxWish::Own { pin: Some(pin) },
                    Err(reason) => self.fail_cell(column, cell, &steps[column], reason),
                }
                return;
            }
            MailboxWish::Keep | MailboxWish::Own { .. } => "is not taken: the mailbox asks for none",
            MailboxWish::None => "is not taken: the person has no mailbox",
            MailboxWish::OfUser(_) | MailboxWish::Named(_) => {
                "is not taken: the mailbox is not the person's own"
            }
        };
        self.remark(column, String::new(), why.to_owned());
    }

    fn finish_devices(&mut self, rules: &Rules, steps: &[Step]) {
        let mut devices = std::mem::take(&mut self.devices);
        for (slot, _) in
            devices.iter().enumerate().filter(|(_, d)| d.sip_password.is_some() && d.auth_name.is_none())
        {
            let part_of = |part: DevicePart| {
                steps.iter().position(|s| s.meaning == Meaning::Device { slot: slot as u8, part })
            };
            let column = part_of(DevicePart::AuthName).or_else(|| part_of(DevicePart::SipPassword));
            let mend = "write the name that the device signs in with, or take its password out";
            let reason = Reason::new("is missing for a device with a password", mend);
            self.fail(column.map(|c| self.columns[c].header.clone()), String::new(), reason);
        }
        devices.retain(|device| *device != DeviceWish::default());
        // Other systems name a model for everybody; without an address it is no device.
        if !rules.own
            && let Some(at) = devices.iter().position(|device| device.mac.is_none())
        {
            devices.remove(at);
            let is_model = |s: &Step| matches!(s.meaning, Meaning::Device { part: DevicePart::Model, .. });
            if let Some(column) = steps.iter().position(is_model) {
                self.remark(
                    column,
                    String::new(),
                    "is not taken: there is no MAC address with it".to_owned(),
                );
            }
        }
        self.row.person.devices = devices;
    }

    pub fn fail_cell(&mut self, column: usize, cell: &str, step: &Step, reason: Reason) {
        let found = if step.meaning.is_secret() { NOT_SHOWN.to_owned() } else { found(cell) };
        self.fail(Some(self.columns[column].header.clone()), found, reason);
    }

    pub fn fail(&mut self, column: Option<SmolStr>, found: String, reason: Reason) {
        let error = self.error(column, found, reason);
        self.row.errors.push(error);
    }

    /// Somebody new cannot be made without it.
    fn lack(&mut self, name: &'static str, column: Option<usize>, reason: Reason) {
        let header = column.map_or(SmolStr::new_static(name), |c| self.columns[c].header.clone());
        let error = self.error(Some(header), String::new(), reason);
        self.row.errors_if_new.push(error);
    }

    fn error(&self, column: Option<SmolStr>, found: String, reason: Reason) -> CellError {
        let Reason { reason, mend } = reason;
        CellError { line: self.row.line, row: self.row.number, column, found, reason, mend, lost: None }
    }

    pub fn remark(&mut self, column: usize, found: String, text: String) {
        self.row.remarks.push(Remark { column: self.columns[column].header.clone(), found, text });
    }
}

/// A cell as it is shown: on one line, shortened.
pub(crate) fn found(cell: &str) -> String {
    let one_line = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = cell.chars().take(FOUND_CHARACTERS_MAX).map(one_line).collect();
    if shown.len() < cell.len() {
        shown.push('…');
    }
    shown
}

fn sip_password(cell: &str) -> Result<Secret, Reason> {
    if cell.chars().any(char::is_control) {
        return Err(Reason::new("has a line break or control character in it", "write it on one line"));
    }
    if cell.chars().count() > SIP_PASSWORD_CHARACTERS_MAX {
        return Err(Reason::new(
            format!("is longer than {SIP_PASSWORD_CHARACTERS_MAX} characters"),
            "give the phone a shorter password",
        ));
    }
    Ok(Secret::new(cell))
}

fn pin(cell: &str) -> Result<Secret, Reason> {
    let digits = cell.trim();
    if digits.is_empty() || digits.len() > PIN_DIGITS_MAX || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Reason::new("is not a PIN", format!("write 1 to {PIN_DIGITS_MAX} digits")));
    }
    Ok(Secret::new(digits))
}

/// See [`crate::export::ExportMailbox::to_cell`] for the other direction.
fn mailbox(cell: &str) -> Result<MailboxWish, Reason> {
    let cell = cell.trim();
    let wrong = |_| {
        Reason::new("is not a mailbox", "write own, none, a username, or name: and the name of a mailbox")
    };
    match cell.split_once(':') {
        None if cell.eq_ignore_ascii_case("own") => Ok(MailboxWish::Own { pin: None }),
        None if cell.eq_ignore_ascii_case("none") => Ok(MailboxWish::None),
        None => Username::parse(cell).map(MailboxWish::OfUser).map_err(wrong),
        Some(("user", username)) => Username::parse(username).map(MailboxWish::OfUser).map_err(wrong),
        Some(("name", name)) => Name::parse(name).map(MailboxWish::Named).map_err(wrong),
        Some(_) => Err(wrong(Reason::new("", ""))),
    }
}
