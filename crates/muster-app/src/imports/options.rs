//! What a person chooses about an import.

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
    /// Without one, somebody who is already there is an error.
    pub match_by: Option<MatchKey>,
    pub dry_run: bool,
    pub good_rows_only: bool,
    pub allow_shared_emails: bool,
    pub create_sites: bool,
    /// The site of rows that name none, by name; the first site if absent.
    pub site: Option<String>,
    /// The connection of rows that name none, by name; the first connection if absent.
    pub connection: Option<String>,
}
