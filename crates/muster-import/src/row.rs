//! What one row of a file says of one person.

use std::fmt;

use muster_domain::types::{Mac, Name, Username};
use muster_domain::value::Value;
use smol_str::SmolStr;
use zeroize::Zeroizing;

use crate::error::{CellError, Remark};

/// One judged row.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Row {
    /// The line of the file on which the row begins, from 1. The header's counts, and so do line
    /// breaks inside cells.
    pub line: u64,
    /// Counts the rows of data, from 1.
    pub number: u64,
    /// What was understood. Incomplete where there are errors: not to be built then.
    pub person: PersonRow,
    /// Every error of every cell.
    pub errors: Vec<CellError>,
    /// What is missing to make somebody new of the row: no error where it means one who is already there.
    pub errors_if_new: Vec<CellError>,
    /// What this row holds and nothing was made of, with the reason; no reason to refuse it.
    pub remarks: Vec<Remark>,
}

/// What the file says of a person, as far as it says anything.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct PersonRow {
    /// User field and value, each field at most once: first as the columns come, then what follows from
    /// several. `display_name` and `username` are always among them in a row without errors of either kind.
    /// A cell that is empty says nothing, except in our own format, where it empties the field
    /// ([`Value::Null`] or an empty list) if the field can be empty. Our own format gives `service` and the
    /// `disabled_…` fields here.
    pub values: Vec<(&'static str, Value)>,
    /// Which of the values no cell gives: what somebody new is called, and no wish to rename one who is
    /// already there.
    pub defaulted: Vec<&'static str>,
    pub sip_password: Option<Secret>,
    pub on_call_pin: Option<Secret>,
    /// The site, by name.
    pub site_name: Option<SmolStr>,
    /// The connection, by name.
    pub connection_name: Option<SmolStr>,
    pub mailbox: MailboxWish,
    pub devices: Vec<DeviceWish>,
    /// Whether the person was active in the system that wrote the file; `None` where it does not say,
    /// and in our own format, where `service` is among the values.
    pub status: Option<FileStatus>,
}

impl PersonRow {
    pub fn value(&self, field: &str) -> Option<&Value> {
        self.values.iter().find(|(name, _)| *name == field).map(|(_, value)| value)
    }

    /// The text of a field; `None` where the row does not give it, or empties it.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.value(field).and_then(Value::as_text)
    }
}

/// Where messages for the person shall go.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum MailboxWish {
    /// The file says nothing: as it is, and for somebody new their own.
    #[default]
    Keep,
    None,
    Own {
        pin: Option<Secret>,
    },
    /// The mailbox that belongs to the user with this username.
    OfUser(Username),
    /// A mailbox that belongs to nobody, by its name.
    Named(Name),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileStatus {
    Active,
    Inactive,
}

/// A device that the person has; at least one of its parts is there.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct DeviceWish {
    pub name: Option<Name>,
    pub mac: Option<Mac>,
    pub model: Option<Name>,
    pub serial: Option<Name>,
    /// What it authenticates as, where it has a login of its own.
    pub auth_name: Option<Username>,
    /// Only with an auth name.
    pub sip_password: Option<Secret>,
}

/// A password or PIN. It is never printed, and is wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: &str) -> Secret {
        Secret(Zeroizing::new(text.to_owned()))
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(not shown)")
    }
}
