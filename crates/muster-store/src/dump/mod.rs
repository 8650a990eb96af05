//! The whole installation as one encrypted file, and back, between either kind of database.
//!
//! From the outside in: a header with what makes the key (`seal`), sealed pieces, a deflate stream, and in it
//! records (`records`): one that says what is inside, then each table with its rows, then files of the data
//! folder, then how many of each there were.
//!
//! Rows are kept as numbers, texts and bytes under the names of their columns, whatever database they are
//! from: an id is its sixteen bytes, yes and no are 1 and 0. A later program reads an older file by making the
//! tables as they were at the file's version, filling them by the names of columns, and then migrating as it
//! would migrate a database; what the file has no column for keeps its default. A file with a table or a column
//! that this program does not know is a newer one's, and refused.
//!
//! Nothing is decided here of what is saved beside the tables, nor where it goes: that is the caller's.

mod backup;
mod error;
mod reading;
mod records;
mod restore;
mod seal;
mod tables;

use muster_domain::types::UnixMillis;
use serde_json::{Value as Json, json};

pub use backup::{Files, back_up};
pub use error::BackupError;
pub use restore::{Backup, Loaded, Target, finished, forget};
pub use seal::{Cost, Passphrase};

/// What is inside the seal; the outermost version is [`seal`]'s.
const FORMAT: u64 = 1;

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub made_at: UnixMillis,
    /// The version of the program that made it.
    pub program: String,
    /// The version of the tables.
    pub schema: u64,
    /// `sqlite` or `postgresql`.
    pub engine: String,
    pub organizations: Vec<Contained>,
}

/// An organization that is in a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contained {
    pub slug: String,
    pub name: String,
    /// Without those in the trash.
    pub people: u64,
    /// The newest change of its log.
    pub head_seq: u64,
}

impl Manifest {
    pub fn people(&self) -> u64 {
        self.organizations.iter().map(|organization| organization.people).sum()
    }

    fn to_json(&self) -> Json {
        let organizations = self
            .organizations
            .iter()
            .map(|o| json!({ "slug": o.slug, "name": o.name, "people": o.people, "head_seq": o.head_seq }));
        json!({
            "format": FORMAT,
            "made_at_unix_ms": self.made_at.0,
            "program": self.program,
            "schema": self.schema,
            "engine": self.engine,
            "organizations": organizations.collect::<Vec<_>>(),
        })
    }

    fn from_json(json: &Json) -> Result<Manifest, BackupError> {
        let text = |json: &Json| json.as_str().unwrap_or_default().to_string();
        match json["format"].as_u64() {
            Some(FORMAT) => {}
            Some(found) if found > FORMAT => return Err(BackupError::NewerFormat { found, known: FORMAT }),
            _ => return Err(BackupError::Unreadable("it does not say what is in it")),
        }
        let organizations = json["organizations"].as_array().into_iter().flatten();
        Ok(Manifest {
            made_at: UnixMillis(json["made_at_unix_ms"].as_i64().unwrap_or_default()),
            program: text(&json["program"]),
            schema: json["schema"].as_u64().ok_or(BackupError::Unreadable("it does not say its version"))?,
            engine: text(&json["engine"]),
            organizations: organizations
                .map(|o| Contained {
                    slug: text(&o["slug"]),
                    name: text(&o["name"]),
                    people: o["people"].as_u64().unwrap_or_default(),
                    head_seq: o["head_seq"].as_u64().unwrap_or_default(),
                })
                .collect(),
        })
    }
}

/// What was written into a backup, or read from one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Rows by table.
    pub rows: std::collections::BTreeMap<String, u64>,
    /// Bytes by file.
    pub files: std::collections::BTreeMap<String, u64>,
}

impl Contents {
    pub fn rows_total(&self) -> u64 {
        self.rows.values().sum()
    }

    fn to_json(&self) -> Json {
        json!({ "rows": self.rows, "files": self.files })
    }
}
