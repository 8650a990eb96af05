//! What each column of a file of no known format means, as a person has said it; and a first guess at it.
//!
//! Kept as TOML, to be saved and used again:
//!
//! ```toml
//! [columns]
//! "Nom" = "family_name"
//! "Poste" = "extension"
//! "Note" = ""                     # not taken
//!
//! [values."Agence"]               # one correction for every cell of the column that says so
//! "Lisbonne" = "Lisbon"
//! "" = "Porto"                    # every empty cell
//! "*" = "Main"                    # every other cell
//!
//! [values."Portable"]             # a star at the end stands for the rest of the cell
//! "0*" = "+33*"
//!
//! [prefix]                        # put before a cell that is not empty and does not begin with it
//! "Téléphone" = "+"
//! ```
//!
//! Without `[columns]` it holds corrections alone, for a file of a known format.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use muster_domain::field::Entity;
use muster_domain::types::fold;
use muster_domain::user::User;
use smol_str::SmolStr;

use crate::correct::Correction;
use crate::error::FileError;
use crate::export::Layout;
use crate::format::{ColumnRule, Format, Meaning, Names, Rules, comparable};
use crate::formats::own;
use crate::pattern::{EVERY, Patterns, made_of};
use crate::synonyms::SYNONYMS;

/// Columns beyond our own that a cell can mean.
const FURTHER: &[(&str, Meaning)] = &[
    ("activated", Meaning::ActiveIf(true)),
    ("deactivated", Meaning::ActiveIf(false)),
    ("voicemail", Meaning::Voicemail),
    ("voicemail_email", Meaning::MailboxEmail),
];
const BYTES_MAX: usize = 256 * 1024;
/// The least likeness of two names (Jaro-Winkler, 0 to 1) that is offered as a guess.
const ALIKE_MIN: f64 = 0.93;
/// Shorter names are alike by chance.
const ALIKE_CHARACTERS_MIN: usize = 5;

/// Which column of a file becomes what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    /// Header and target, in the order of the file; `None` is not taken.
    columns: Vec<(SmolStr, Option<SmolStr>)>,
    fixes: BTreeMap<SmolStr, Fix>,
}

/// What is corrected in every cell of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fix {
    /// What is found, folded; as it was written; and what becomes of it. In the order in which it is saved.
    values: BTreeMap<String, (SmolStr, SmolStr)>,
    /// The values by the cells that they are for.
    patterns: Patterns<SmolStr>,
    prefix: Option<SmolStr>,
}

impl Fix {
    /// Whether it may be for a column of passwords: what it says is kept in clear.
    fn only_empties(&self) -> bool {
        self.prefix.is_none()
            && self.values.iter().all(|(found, (_, wanted))| found == EVERY && wanted.is_empty())
    }

    fn set(&mut self, found: SmolStr, wanted: SmolStr) {
        self.patterns.insert(&found, wanted.clone());
        self.values.insert(fold(&found), (found, wanted));
    }

    /// What the cell shall be; `None` if it may stay.
    pub fn apply(&self, cell: &str) -> Option<String> {
        if let Some((wanted, rest)) = self.patterns.find(cell) {
            return made_of(wanted, rest, cell);
        }
        let prefix = self.prefix.as_ref().filter(|_| !cell.trim().is_empty())?;
        (!cell.trim_start().starts_with(prefix.as_str())).then(|| format!("{prefix}{}", cell.trim_start()))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    #[error("the mapping is larger than {BYTES_MAX} bytes")]
    TooLarge,
    #[error("the mapping is not TOML: {0}")]
    NotToml(String),
    #[error("the mapping has `{0}`, which is none of [columns], [values] and [prefix]")]
    UnknownTable(String),
    #[error("the mapping says of `{0}` something that is not a text in quotes")]
    NotText(String),
    /// `targets` lists what there is.
    #[error("the mapping makes `{column}` to `{target}`, which is no field; there are {}", targets.join(", "))]
    UnknownTarget { column: String, target: String, targets: Vec<String> },
    #[error("the mapping makes both `{first}` and `{second}` to `{target}`")]
    TargetTwice { first: String, second: String, target: String },
    #[error("the mapping corrects `{0}`, which is not among its columns")]
    FixOfNothing(String),
}

/// How a guess at a column came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// The field's own name.
    Exact,
    /// Another name that the field is known by, here or in another system or language.
    Alias,
    /// A name that is spelt almost so.
    Alike,
}

/// A guess at one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    pub header: SmolStr,
    pub target: Option<(SmolStr, Likeness)>,
}

impl Mapping {
    /// Every target there is: the columns of our own format with secrets and one device, and a few more.
    pub fn targets() -> Vec<SmolStr> {
        let own = own::columns(Layout { with_secrets: true, devices: 1 });
        let further = FURTHER.iter().map(|(name, _)| SmolStr::new_static(name));
        own.into_iter().map(|rule| rule.header).chain(further).collect()
    }

    /// Guesses at the columns of a header: the field's own name before its aliases, those before what is
    /// spelt alike; each target at most once.
    pub fn suggest(header: &[&str]) -> Vec<Suggestion> {
        let names = known_names();
        let mut found: Vec<Option<(SmolStr, Likeness)>> = vec![None; header.len()];
        for likeness in [Likeness::Exact, Likeness::Alias, Likeness::Alike] {
            for (at, name) in header.iter().enumerate() {
                if found[at].is_some() || name.trim().is_empty() {
                    continue;
                }
                let is_free = |target: &&str| !found.iter().flatten().any(|(taken, _)| taken == *target);
                if let Some(target) = names.target(name, likeness).filter(is_free) {
                    found[at] = Some((SmolStr::new(target), likeness));
                }
            }
        }
        let pair = |(header, target): (&&str, _)| Suggestion { header: SmolStr::new(header.trim()), target };
        header.iter().zip(found).map(pair).collect()
    }

    /// What was guessed, as a mapping to be looked at.
    pub fn of_suggestions(suggestions: &[Suggestion]) -> Mapping {
        let column = |s: &Suggestion| (s.header.clone(), s.target.as_ref().map(|(target, _)| target.clone()));
        let named = suggestions.iter().filter(|s| !s.header.is_empty());
        Mapping { columns: named.map(column).collect(), fixes: BTreeMap::new() }
    }

    /// Reads what [`Mapping::to_toml`] writes and people have edited.
    pub fn parse(text: &str) -> Result<Mapping, MappingError> {
        if text.len() > BYTES_MAX {
            return Err(MappingError::TooLarge);
        }
        let table: toml::Table = text
            .parse()
            .map_err(|e: toml::de::Error| MappingError::NotToml(e.to_string().trim_end().to_owned()))?;
        let mut mapping = Mapping::default();
        for (key, value) in &table {
            if !["columns", "values", "prefix"].contains(&key.as_str()) {
                return Err(MappingError::UnknownTable(key.clone()));
            }
            for (column, value) in value.as_table().ok_or_else(|| MappingError::NotText(key.clone()))? {
                mapping.take(key, column, value)?;
            }
        }
        mapping.check()
    }

    fn take(&mut self, table: &str, column: &str, value: &toml::Value) -> Result<(), MappingError> {
        let text = |value: &toml::Value| {
            value.as_str().map(SmolStr::new).ok_or_else(|| MappingError::NotText(column.to_owned()))
        };
        match table {
            "columns" => {
                let target = text(value)?;
                self.columns.push((SmolStr::new(column), (!target.is_empty()).then_some(target)));
            }
            "prefix" => self.fix(column).prefix = Some(text(value)?),
            _ => {
                let cells = value.as_table().ok_or_else(|| MappingError::NotText(column.to_owned()))?;
                for (found, wanted) in cells {
                    let wanted = text(wanted)?;
                    self.fix(column).set(SmolStr::new(found), wanted);
                }
            }
        }
        Ok(())
    }

    fn fix(&mut self, column: &str) -> &mut Fix {
        self.fixes.entry(SmolStr::new(column)).or_default()
    }

    fn check(self) -> Result<Mapping, MappingError> {
        let targets = Mapping::targets();
        for (i, (column, target)) in self.columns.iter().enumerate() {
            let Some(target) = target else { continue };
            if meaning_of(target).is_none() {
                return Err(MappingError::UnknownTarget {
                    column: column.to_string(),
                    target: target.to_string(),
                    targets: targets.iter().map(|t| t.to_string()).collect(),
                });
            }
            if let Some((first, _)) = self.columns[..i].iter().find(|(_, t)| t.as_ref() == Some(target)) {
                return Err(MappingError::TargetTwice {
                    first: first.to_string(),
                    second: column.to_string(),
                    target: target.to_string(),
                });
            }
        }
        let is_column = |name: &SmolStr| self.columns.iter().any(|(c, _)| comparable(c) == comparable(name));
        match self.fixes.keys().find(|name| !self.columns.is_empty() && !is_column(name)) {
            Some(name) => Err(MappingError::FixOfNothing(name.to_string())),
            None => Ok(self),
        }
    }

    /// Whether it says what columns mean, and does not only correct them.
    pub fn has_columns(&self) -> bool {
        !self.columns.is_empty()
    }

    /// The mapping with corrections added, to be used again. What it corrected of the same cells is replaced.
    pub fn with(mut self, corrections: &[Correction]) -> Mapping {
        for correction in corrections {
            // Under the name that the column already has here.
            let key = comparable(&correction.column);
            let known = self.columns.iter().map(|(name, _)| name).chain(self.fixes.keys());
            let name = known.into_iter().find(|name| comparable(name) == key);
            let name = name.unwrap_or(&correction.column).clone();
            self.fix(&name).set(correction.found.clone(), correction.value.clone());
        }
        self
    }

    pub fn to_toml(&self) -> String {
        let mut text = String::from(if self.columns.is_empty() { "" } else { "[columns]\n" });
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        for (column, target) in &self.columns {
            let target = target.as_deref().unwrap_or_default();
            let _ = writeln!(text, "{} = {}", quoted_key(column), quoted(target));
        }
        for (column, fix) in self.fixes.iter().filter(|(_, fix)| !fix.values.is_empty()) {
            let blank = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{blank}[values.{}]", quoted_key(column));
            for (found, wanted) in fix.values.values() {
                let _ = writeln!(text, "{} = {}", quoted_key(found), quoted(wanted));
            }
        }
        let mut begun = false;
        for (column, fix) in &self.fixes {
            if let Some(prefix) = &fix.prefix {
                if !std::mem::replace(&mut begun, true) {
                    text.push_str("\n[prefix]\n");
                }
                let _ = writeln!(text, "{} = {}", quoted_key(column), quoted(prefix));
            }
        }
        text
    }

    /// The mapping as the rules of a format.
    pub(crate) fn rules(&self) -> Rules {
        let column = |(header, target): &(SmolStr, Option<SmolStr>)| {
            let meaning = target.as_deref().and_then(meaning_of);
            ColumnRule::new(header.clone(), meaning.unwrap_or(Meaning::Ignored("the mapping leaves it out")))
        };
        Rules {
            columns: self.columns.iter().map(column).collect(),
            marks: &[],
            required: &[],
            open: true,
            names: Names::JoinedOrExtension,
            own: false,
            positional: None,
            else_why: "the mapping does not know the column",
        }
    }

    pub(crate) fn fixes(&self) -> impl Iterator<Item = (&SmolStr, &Fix)> {
        self.fixes.iter()
    }

    /// Refuses a correction of passwords, also in a column that the file has not: the mapping is kept.
    pub(crate) fn check_secrets(&self, rules: &Rules) -> Result<(), FileError> {
        let corrected =
            |(name, fix): &(&SmolStr, &Fix)| rules.meaning(name).is_secret() && !fix.only_empties();
        match self.fixes().find(corrected) {
            Some((name, _)) => Err(FileError::SecretCorrected { column: name.clone() }),
            None => Ok(()),
        }
    }

    pub(crate) fn fix_of(&self, header: &str) -> Option<&Fix> {
        let key = comparable(header);
        self.fixes.iter().find(|(column, _)| comparable(column) == key).map(|(_, fix)| fix)
    }
}

/// Bare keys of TOML are ASCII: a quoted one always does.
fn quoted_key(key: &str) -> String {
    let mut quoted = String::from("\"");
    for c in key.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn meaning_of(target: &str) -> Option<Meaning> {
    let own = own::columns(Layout { with_secrets: true, devices: 1 });
    let further = || FURTHER.iter().find(|(name, _)| *name == target).map(|(_, meaning)| *meaning);
    own.into_iter().find(|rule| rule.header == target).map(|rule| rule.meaning).or_else(further)
}

/// Every name that a column may have, in the form in which names are compared.
struct KnownNames {
    exact: BTreeMap<String, SmolStr>,
    alias: BTreeMap<String, SmolStr>,
}

impl KnownNames {
    fn target(&self, name: &str, likeness: Likeness) -> Option<&str> {
        // Marks of what must be filled in, and of a number.
        let name = comparable(name.trim_end_matches(['*', ':', '.', '#', ' ']));
        let target = match likeness {
            Likeness::Exact => self.exact.get(&name),
            Likeness::Alias => self.alias.get(&name),
            Likeness::Alike if name.chars().count() < ALIKE_CHARACTERS_MIN => None,
            Likeness::Alike => self.alike(&name),
        };
        target.map(SmolStr::as_str)
    }

    /// What is spelt almost so. A name with another word in it is another thing: `email consent` is no email.
    fn alike(&self, name: &str) -> Option<&SmolStr> {
        let words = |text: &str| text.split('_').count();
        let mut best: Option<(f64, &SmolStr)> = None;
        for (known, target) in self.exact.iter().chain(&self.alias) {
            if known.chars().count() < ALIKE_CHARACTERS_MIN || words(known) != words(name) {
                continue;
            }
            let score = strsim::jaro_winkler(name, known);
            if score >= best.map_or(ALIKE_MIN, |(most, _)| most) {
                best = Some((score, target));
            }
        }
        best.map(|(_, target)| target)
    }
}

fn known_names() -> KnownNames {
    let (mut exact, mut alias) = (BTreeMap::new(), BTreeMap::new());
    // In a list that people keep, `service` is where somebody works, not whether they are active.
    for target in Mapping::targets().into_iter().filter(|target| target != "service") {
        exact.insert(comparable(&target), target);
    }
    let targets = Mapping::targets();
    let has = |name: &str| targets.iter().any(|t| t == name);
    let mut add = |name: &str, target: &str| {
        let name = comparable(name);
        if has(target) && !exact.contains_key(&name) {
            // What is said first stays: our own aliases before other systems' names.
            alias.entry(name).or_insert_with(|| SmolStr::new(target));
        }
    };
    for (name, target) in SYNONYMS {
        add(name, target);
    }
    for field in User::fields() {
        let target = if field.name == "sip_secret" { "sip_password" } else { field.name };
        add(field.meta.label, target);
        field.meta.aliases.iter().for_each(|name| add(name, target));
    }
    for format in Format::ALL.iter().filter(|f| **f != Format::Muster) {
        for rule in &format.rules().columns {
            if let Some(target) = target_of(rule.meaning) {
                add(&rule.header, target);
            }
        }
    }
    KnownNames { exact, alias }
}

/// The target that means the same.
fn target_of(meaning: Meaning) -> Option<&'static str> {
    Some(match meaning {
        Meaning::Field(name) | Meaning::IfValid(name) => name,
        Meaning::Username { rank: 0 } => "username",
        Meaning::SipPassword => "sip_password",
        Meaning::Site => "site",
        Meaning::VoicemailPin => "voicemail_pin",
        Meaning::Voicemail => "voicemail",
        Meaning::ActiveIf(true) => "activated",
        Meaning::ActiveIf(false) => "deactivated",
        Meaning::RingSeconds => "call_timeout_s",
        _ => return None,
    })
}
