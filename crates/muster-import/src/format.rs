//! The formats that are known, and what each column of one means.

use smol_str::SmolStr;

/// A system's way of writing people down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Our own: what [`crate::Exporter`] writes.
    Muster,
    Ringotel,
    ThreeCx,
    FusionPbx,
}

impl Format {
    pub const ALL: &'static [Format] =
        &[Format::Muster, Format::Ringotel, Format::ThreeCx, Format::FusionPbx];

    /// The word on the command line and in the API.
    pub fn word(self) -> &'static str {
        match self {
            Format::Muster => "muster",
            Format::Ringotel => "ringotel",
            Format::ThreeCx => "3cx",
            Format::FusionPbx => "fusionpbx",
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
        }
    }

    /// The format that a header's columns are those of.
    pub fn recognize(header: &[&str]) -> Option<Format> {
        let _ = header;
        None
    }
}

/// A column of a file, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// As the file writes it, outer spaces gone. Empty if the file gives it no name.
    pub header: SmolStr,
    pub taken: Taken,
}

/// What a column becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// This field of the user. `sip_secret` and `on_call_pin` stand for the secret itself, `site` and
    /// `connection` for the name.
    Field(&'static str),
    Mailbox,
    Device,
    /// Whether the person is active.
    Status,
    Ignored {
        why: &'static str,
    },
}
