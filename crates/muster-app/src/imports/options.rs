//! What a person chooses about an import.

use muster_domain::handling::Acknowledged;
use serde::{Deserialize, Serialize};

/// By what a row is recognized as somebody who is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchKey {
    Username,
    Extension,
    Email,
}

/// Who of the file is activated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activate {
    /// As the file says where it has a column for it; else everyone who has a SIP secret.
    #[default]
    File,
    All,
    None,
}

/// What becomes of rows that mean somebody who is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// What differs is updated.
    Update,
    /// Nothing of them is changed, nor of what is theirs.
    Skip,
    /// Each is an error.
    Fail,
}

/// What becomes of people whom the system that wrote the file had switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inactive {
    Contacts,
    Disabled,
    LeaveOut,
}

/// See [`muster_import::Correction`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    pub column: String,
    #[serde(default)]
    pub found: String,
    #[serde(default)]
    pub value: String,
}

impl Correction {
    pub(super) fn for_file(&self) -> muster_import::Correction {
        let [column, found, value] =
            [&self.column, &self.found, &self.value].map(|text| text.as_str().into());
        muster_import::Correction { column, found, value }
    }
}

/// Kept with the job, so that a restarted program carries on with the same choices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportOptions {
    /// The word of a format; recognized by its columns if absent.
    pub format: Option<String>,
    /// What the columns of a file of no known format mean, as [`muster_import::Mapping`] writes it.
    pub mapping: Option<String>,
    /// People are columns: read so whatever the file looks like.
    #[serde(default)]
    pub vertical: bool,
    pub activate: Activate,
    /// By what rows mean somebody who is already there.
    pub match_by: Option<MatchKey>,
    /// If absent, [`Existing::Update`] with a match key, else [`Existing::Fail`]. Without a match key those
    /// who are skipped are known by their username, else by their extension.
    #[serde(default)]
    pub existing: Option<Existing>,
    /// If absent, contacts, unless everybody is activated; and it is said how many there are.
    #[serde(default)]
    pub inactive: Option<Inactive>,
    #[serde(default)]
    pub corrections: Vec<Correction>,
    pub dry_run: bool,
    pub good_rows_only: bool,
    pub allow_shared_emails: bool,
    /// The words of the warnings that were read.
    #[serde(default)]
    pub acknowledge: Vec<String>,
    pub create_sites: bool,
    /// The site of rows that name none, by name; the first site if absent.
    pub site: Option<String>,
    /// The connection of rows that name none, by name; the first connection if absent.
    pub connection: Option<String>,
}

impl ImportOptions {
    pub fn existing(&self) -> Existing {
        let default = if self.match_by.is_some() { Existing::Update } else { Existing::Fail };
        self.existing.unwrap_or(default)
    }

    pub(super) fn acknowledged(&self) -> Acknowledged {
        Acknowledged::of(self.acknowledge.iter().map(String::as_str)).unwrap_or_default()
    }
}

/// A file and what to do with it.
pub struct NewImport<'a> {
    pub file_name: &'a str,
    pub bytes: &'a [u8],
    pub options: ImportOptions,
}
