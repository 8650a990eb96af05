//! People written in our own format.

use std::borrow::Cow;
use std::{fmt, io};

use muster_domain::field::{Entity, FieldDef};
use muster_domain::organization::Device;
use muster_domain::user::User;
use smol_str::SmolStr;

use crate::encode::{guard, value_to_text};
use crate::format::{DevicePart, Meaning};
use crate::formats::own;
use crate::limits::WORKBOOK_PEOPLE_MAX;

/// Which columns an export has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Passwords and PINs in the clear: a permission of its own.
    pub with_secrets: bool,
    /// For how many devices a person there are columns, at most [`Layout::DEVICES_MAX`].
    pub devices: usize,
}

impl Layout {
    /// As many phones as one person may have registered at once.
    pub const DEVICES_MAX: usize = 50;

    /// The names of the columns, in their order.
    pub fn headers(self) -> Vec<SmolStr> {
        own::columns(self).into_iter().map(|column| column.header).collect()
    }
}

impl Default for Layout {
    fn default() -> Layout {
        Layout { with_secrets: false, devices: 1 }
    }
}

/// One person to be written. References go by name.
#[derive(Clone, Copy, Debug)]
pub struct ExportRow<'a> {
    pub user: &'a User,
    pub site: &'a str,
    pub connection: &'a str,
    pub mailbox: ExportMailbox<'a>,
    /// Of their own mailbox, written or not.
    pub has_voicemail_pin: bool,
    pub devices: &'a [Device],
    /// Written only where the layout has secrets.
    pub secrets: ExportSecrets<'a>,
}

/// The mailbox that the user's messages go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportMailbox<'a> {
    None,
    Own,
    /// It belongs to the user with this username.
    OfUser(&'a str),
    /// It belongs to nobody; its name.
    Named(&'a str),
}

impl<'a> ExportMailbox<'a> {
    pub(crate) fn to_cell(self) -> Cow<'a, str> {
        match self {
            ExportMailbox::None => Cow::Borrowed("none"),
            ExportMailbox::Own => Cow::Borrowed("own"),
            // Somebody may be called so.
            ExportMailbox::OfUser(username)
                if username.eq_ignore_ascii_case("own") || username.eq_ignore_ascii_case("none") =>
            {
                Cow::Owned(format!("user:{username}"))
            }
            ExportMailbox::OfUser(username) => Cow::Borrowed(username),
            ExportMailbox::Named(name) => Cow::Owned(format!("name:{name}")),
        }
    }
}

#[derive(Clone, Copy, Default)]
pub struct ExportSecrets<'a> {
    pub sip_password: Option<&'a str>,
    pub voicemail_pin: Option<&'a str>,
    pub on_call_pin: Option<&'a str>,
    /// The SIP passwords of the row's devices, in their order; it may be shorter.
    pub devices: &'a [Option<&'a str>],
}

impl fmt::Debug for ExportSecrets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExportSecrets(not shown)")
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("could not write the export")]
    Write(#[from] io::Error),
    #[error("a workbook has room for {} people", WORKBOOK_PEOPLE_MAX)]
    TooManyPeople,
    /// Ask for more columns rather than lose a device.
    #[error("{username} has {found} devices, and the export has columns for {columns}")]
    TooManyDevices { username: String, found: usize, columns: usize },
}

/// Writes people one by one; holds one row at a time. Cells that a spreadsheet would take for a formula
/// have an apostrophe before them, which reading the file takes off again.
pub struct Exporter<W: io::Write> {
    writer: csv::Writer<W>,
    columns: OwnColumns,
}

impl<W: io::Write> Exporter<W> {
    /// Writes the header. The file begins with a byte order mark: without it the most common spreadsheet
    /// takes UTF-8 for something else, and a saved file loses its accents.
    pub fn new(mut sink: W, layout: Layout) -> Result<Exporter<W>, ExportError> {
        let columns = OwnColumns::new(layout);
        sink.write_all("\u{feff}".as_bytes())?;
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(sink);
        writer.write_record(columns.layout.headers()).map_err(io::Error::from)?;
        Ok(Exporter { writer, columns })
    }

    pub fn push(&mut self, row: &ExportRow<'_>) -> Result<(), ExportError> {
        let writer = &mut self.writer;
        self.columns.each_cell(row, |cell| {
            Ok(writer.write_field(guard(cell).as_bytes()).map_err(io::Error::from)?)
        })?;
        self.writer.write_record(None::<&[u8]>).map_err(io::Error::from)?;
        Ok(())
    }

    /// Gives the sink back with everything written to it.
    pub fn finish(self) -> Result<W, ExportError> {
        self.writer.into_inner().map_err(|error| ExportError::Write(error.into_error()))
    }
}

/// The columns of our own format, looked up once.
pub(crate) struct OwnColumns {
    pub layout: Layout,
    columns: Vec<(Meaning, Option<&'static FieldDef<User>>)>,
}

impl OwnColumns {
    pub fn new(layout: Layout) -> OwnColumns {
        let layout = Layout { devices: layout.devices.min(Layout::DEVICES_MAX), ..layout };
        let column = |meaning: Meaning| match meaning {
            Meaning::Field(name) => (meaning, User::field(name)),
            Meaning::Username { .. } => (meaning, User::field("username")),
            _ => (meaning, None),
        };
        let columns = own::columns(layout).into_iter().map(|rule| column(rule.meaning)).collect();
        OwnColumns { layout, columns }
    }

    /// Gives every cell of a row, in the order of the columns.
    pub fn each_cell(
        &self,
        row: &ExportRow<'_>,
        mut f: impl FnMut(&str) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        if row.devices.len() > self.layout.devices {
            return Err(ExportError::TooManyDevices {
                username: row.user.username.to_string(),
                found: row.devices.len(),
                columns: self.layout.devices,
            });
        }
        for (meaning, field) in &self.columns {
            match field {
                // Writing straight from the value spares a copy of every text.
                Some(field) => f(&value_to_text(&(field.get)(row.user), field.kind))?,
                None => f(&row.cell(*meaning))?,
            }
        }
        Ok(())
    }
}

impl<'a> ExportRow<'a> {
    /// What is not a field's own value.
    fn cell(&self, meaning: Meaning) -> Cow<'a, str> {
        let text = |text: Option<&'a str>| Cow::Borrowed(text.unwrap_or_default());
        match meaning {
            Meaning::Site => Cow::Borrowed(self.site),
            Meaning::Connection => Cow::Borrowed(self.connection),
            Meaning::MailboxOwner => self.mailbox.to_cell(),
            Meaning::SipPassword => text(self.secrets.sip_password),
            Meaning::VoicemailPin => text(self.secrets.voicemail_pin),
            Meaning::OnCallPin => text(self.secrets.on_call_pin),
            Meaning::Device { slot, part: DevicePart::SipPassword } => {
                text(self.secrets.devices.get(usize::from(slot)).copied().flatten())
            }
            Meaning::Device { slot, part } => {
                text(self.devices.get(usize::from(slot)).and_then(|device| device_part(device, part)))
            }
            _ => Cow::Borrowed(""),
        }
    }
}

pub(crate) fn device_part(device: &Device, part: DevicePart) -> Option<&str> {
    match part {
        DevicePart::Name => Some(device.name.as_str()),
        DevicePart::Mac => device.mac.as_ref().map(|mac| mac.as_str()),
        DevicePart::Model => device.model.as_ref().map(|model| model.as_str()),
        DevicePart::Serial => device.serial.as_ref().map(|serial| serial.as_str()),
        DevicePart::AuthName => device.auth_name.as_ref().map(|name| name.as_str()),
        DevicePart::SipPassword => None,
    }
}
